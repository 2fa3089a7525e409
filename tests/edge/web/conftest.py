"""A real station behind the pages: its core in a thread of its own, its ledger, its board; and pages in Chromium.

What stands on the board was done there, by the messages and commands that do it on a box: goods registered, tested,
sold, printed.  That takes a while, so it is done once for all tests, and each goes on from a copy of the ledger.  Ports
and printers are lists, the city is a broker that takes everything, and time is handed in: the pages' own clock runs,
the core's stands an hour ahead of it, so that nothing grows old by itself.
"""

import functools
import json
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, CDPSession, Page

from drivers.transports.adapters import Identity, Naming
from edge.between.commands import RegisterEntry, Reprint, Sell
from edge.between.inbox import (
    BrokerAnswer,
    CityMessage,
    LinkChanged,
    PortChanged,
    PortFound,
    Printed,
    PrinterChanged,
    Sensed,
)
from edge.between.print_states import PrinterState, PrintState, PrintWhy
from edge.config.sections import Config, load
from edge.documents import Documents
from edge.printing.archive import Archive
from edge.printing.typesetting import Typesetter
from edge.records.clock import Clock
from edge.records.ledger import Signer
from edge.records.shelf import Shelf
from edge.web.server import WebServer
from protocol.city import signed
from protocol.city.codes import CodeKind, TraceCode
from protocol.city.envelope import hash_of
from protocol.city.signed import CityKeys
from protocol.city.token import CHINA
from protocol.city.topics import Ack, Rejected, Topics
from protocol.readings import Measured, Ticket

HOSTILE = "<img src=x onerror=\"document.title='taken'\">"
NODE, TERMINAL, HOST = "410108003", "01", "sy.market.test"
PHONE, DESK = (360, 740), (1280, 800)
OPENS, NOW = datetime(2026, 11, 22, 0, 10, tzinfo=CHINA), datetime(2026, 11, 22, 5, 31, 7, tzinfo=CHINA)
AHEAD = 3600.0
LOOKS = 5.0  # seconds after which the station looks at the system's clock again
SETTINGS = f"""
[station]
name = "东区 12 号"
jobs = ["stall", "gate"]
node = "{NODE}"
terminal = "{TERMINAL}"
region = "410108"
host = "{HOST}"
[seller]
code = "4101080010123"
name = "李秀兰蔬菜"
stall = "A-12"
[city]
brokers = ["mqtts://city.market.test:8883"]
[gate]
unchecked = "accept"
[paper]
automatic = ["slip"]
[[scale]]
name = "scale-1"
model = "st-gs"
port = "/dev/null"
max = "30 kg"
min = "100 g"
e = "5 g"
verified_until = 2027-06-30
[[analyzer]]
name = "analyzer-1"
model = "dayuan-lz4000t"
port = "/dev/null"
[[probe]]
name = "cold-room"
model = "xy-md02"
port = "/dev/null"
[[printer]]
name = "printer-1"
port = "usb:"
papers = ["slip", "report", "label", "card", "day", "test"]
[[product]]
code = "01040201"
name = "大白菜"
name_en = "Chinese cabbage"
price = "3.50"
[[product]]
code = "01040301"
name = "西红柿"
name_en = "Tomato"
price = "1.99"
per = "500g"
[[product]]
code = "01040401"
name = "黄瓜"
name_en = "Cucumber"
price = "4.80"
[[product]]
code = "01040501"
name = "土豆"
name_en = "Potato"
price = "2.60"
[[product]]
code = "01040601"
name = '''{HOSTILE}'''
name_en = '''{HOSTILE}'''
price = "1.00"
[[product]]
code = "01040801"
name = "韭菜"
name_en = "Chive"
price = "6.00"
disturbs_enzyme = true
"""
TICKET = f"农药残留快速检测仪\n样品  黄瓜\n抑制率  61.2 %\n结论  阳性\n{HOSTILE}\n\x1b[2J\u202e格合"
UPSTREAM = str(TraceCode("410108002", CodeKind.SOURCE, "01", 1007))  # of another node
CITY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
CITY_KEYS = CityKeys.parse(CITY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex())


class HandedClock(Clock):
    """The station's own clock; where it looks for the time, a test says what there is.

    A test's thread moves it while the core's reads it: who reads how long the box is on has the time of that moment.
    """

    def __init__(self, wall: datetime = NOW, trust: Any = "kernel") -> None:
        self.kernel: bool | None = True
        self._moment = wall, 1000.0
        self._read = wall
        begun = time.monotonic() + AHEAD - 1000.0
        super().__init__(
            trust,
            wall=lambda: self._read.timestamp(),
            since_boot=self._look_up,
            steady=lambda: begun + self._moment[1],
            kernel=lambda: self.kernel,
            boot_id="0b5e0000-0000-4000-8000-000000000001",
        )

    def _look_up(self) -> float:
        self._read, boot = self._moment
        return boot

    @property
    def wall(self) -> datetime:
        return self._moment[0]

    @wall.setter
    def wall(self, now: datetime) -> None:
        self._moment = now, self._moment[1]

    def jumps(self, wall: str) -> None:
        """The system's clock says this from now on."""
        self._moment = datetime.fromisoformat(wall).replace(tzinfo=CHINA), self._moment[1] + LOOKS

    def go(self, seconds: float) -> None:
        wall, boot = self._moment
        self._moment = wall + timedelta(seconds=seconds), boot + seconds


class Platform:
    """A broker with the city behind it: what is published is acknowledged by both."""

    broker = "mqtts://city.market.test:8883"

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.odd: Counter[str] = Counter()
        self.inbox: Any = None
        self.answers = True
        self.rejects = ""
        self.ordered = 0

    def leave(self, cause: str, why: str) -> None:
        """There is no other one."""

    def announce(self, topic: str, body: bytes) -> None:
        """Who the station is, is known."""

    def publish(self, topic: str, body: bytes) -> int:
        self.sent.append(topic)
        self.inbox.put(BrokerAnswer(len(self.sent)))
        if "/res/" in topic:
            return len(self.sent)
        event = json.loads(body)
        if self.rejects:
            self.says(Ack(rejected=(Rejected(event["id"], "bad_data", self.rejects),)))
        elif self.answers:
            self.says(Ack(event["sequence"], hash=hash_of(body)))
        return len(self.sent)

    def says(self, said: Ack, key: Ed25519PrivateKey = CITY, *, retained: bool = False) -> None:
        """A message of the city, signed."""
        issued = f"2026-11-29T08:00:00.{len(self.sent):06d}Z"
        sealed = signed.seal(said.fields(), f"{NODE}-{TERMINAL}", issued, key)
        self.inbox.put(CityMessage(TOPICS.ack, sealed, retained))

    def orders(self, clock: HandedClock, name: str, **fields: Any) -> None:
        """A command of the city, signed."""
        self.ordered += 1
        issued = clock.wall + timedelta(microseconds=self.ordered)
        expires = (clock.wall + timedelta(days=1)).isoformat()
        body = {"id": f"c-{self.ordered}", "name": name, "expires": expires, **fields}
        sealed = signed.seal(body, f"{NODE}-{TERMINAL}", issued.isoformat(), CITY)
        self.inbox.put(CityMessage(f"{TOPICS.base}/cmd/{name}", sealed))


TOPICS = Topics("410108", NODE, TERMINAL)


@functools.cache
def loaded(settings: str) -> Config:
    """These settings, read once: that is half of what starting a station costs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "station.toml"
        path.write_text(settings, "utf-8")
        return load(path)


def a_station(running: Any, folder: Path, clock: Clock, settings: str = SETTINGS) -> Any:
    """The station whose data are in this folder, with everything connected."""
    config = loaded(settings)
    here = config.station.model_copy(update={"data": folder / "data"})
    config = config.model_copy(update={"station": here})
    signer = Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(32))), HOST, NODE, TERMINAL)
    platform = Platform()
    station = running(folder, signer, settings, clock, config=config, wire=platform, city_keys=CITY_KEYS)
    station.platform, platform.inbox = platform, station.inbox
    station.turn(
        LinkChanged(True),
        PrinterChanged("printer-1", PrinterState.READY),
        Sensed("cold-room", Measured("temperature", Decimal("4.1"), "Cel")),
        Sensed("cold-room", Measured("humidity", Decimal("88.0"), "%")),
    )
    station.weighs("0.000")
    return station


def a_morning(station: Any) -> None:
    """Goods come in each hour, are tested at five, and the first customer comes."""
    goods = {"net_g": 250_000, "origin": "河南中牟", "supplier": "王建国"}

    def enters(product: str, **more: Any) -> None:
        station.clock.go(3600)
        station.does(RegisterEntry(product=product, **(goods | more)))

    enters("01040601", origin=HOSTILE)
    enters("01040401")
    enters("01040301")
    enters("01040201", origin="山东寿光", supplier="寿光合作社", upstream=UPSTREAM)
    enters("01040201", net_g=9_000)
    for sample, number in (("1", "12.5"), ("2", "81.2"), ("2", "80.4"), ("2", "81.0"), ("5", "12.5")):
        station.hands_over(station.result(sample, number), device="analyzer-1")
    station.hands_over(station.result("17", "8.3", channel="4"), device="analyzer-1")
    station.hands_over(Ticket(b"\x1b@ticket", TICKET, "no layout fits", "ticket 1"), device="analyzer-1")
    station.clock.go((NOW - station.clock.wall).total_seconds() - 4.0)  # which putting a load on the pan takes
    station.puts("0.500")
    lot = next(lot for lot in station.board.lots if lot.sample == "5")
    slip = station.does(Sell(scale="scale-1", product="01040201", lot=lot.test_code))["job"]
    station.turn(Printed(slip, PrintState.PRINTED, PrintWhy.PROCESS_ID))
    again = station.does(Reprint(job=slip))["job"]
    station.turn(Printed(again, PrintState.UNKNOWN, PrintWhy.SILENT))
    once_more = station.does(Reprint(job=slip))["job"]
    station.turn(Printed(once_more, PrintState.PRINTED, PrintWhy.PROCESS_ID))


@pytest.fixture(scope="session")
def morning(running: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a station that has worked since one o'clock."""
    folder = tmp_path_factory.mktemp("morning")
    station = a_station(running, folder, HandedClock(OPENS))
    try:
        a_morning(station)
    finally:
        station.stop()
    return folder / "data"


@pytest.fixture
def changed() -> dict[str, str]:
    """What stands in this station's settings instead of what; a test that needs it otherwise says so."""
    return {}


@pytest.fixture
def again(running: Any, morning: Path, tmp_path: Path, changed: dict[str, str]) -> Iterator[Callable[..., Any]]:
    """Start the station; started again it is the same one after a restart, and who has ended it is the test."""
    started: list[Any] = []
    settings = SETTINGS
    for before, now in changed.items():
        assert before in settings
        settings = settings.replace(before, now)

    def start(**clock: Any) -> Any:
        if not started:
            shutil.copytree(morning, tmp_path / "data")
        started.append(a_station(running, tmp_path, HandedClock(**clock), settings))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def core(again: Callable[..., Any]) -> Any:
    """A station that has worked since one o'clock; it is 05:31, and nothing lies on its scale."""
    return again()


@pytest.fixture(scope="session")
def typesetter() -> Typesetter:
    config = loaded(SETTINGS)
    return Typesetter(config, Documents(config.paper.templates, [part.row() for part in config.printer]))


@pytest.fixture
def serve(request: pytest.FixtureRequest, typesetter: Typesetter) -> Iterator[Callable[..., WebServer]]:
    """Start a web server over the station, or over another ``station``; stopped at the end."""
    servers: list[WebServer] = []

    def start(station: Any = None, listen: str = "127.0.0.1:0", **options: Any) -> WebServer:
        station = station or request.getfixturevalue("core")
        options = {"release": "0.1.0", "archive": Archive(station.config.station.data, typesetter)} | options
        if hasattr(station, "ledger"):  # else it is but what a station shows
            key = station.ledger.signer.key.public_key()
            options = {"shelf": Shelf(station.config.station.data, key)} | options
        server = WebServer(listen, station.showing, station.inbox, **options)
        server.start()
        servers.append(server)
        assert server.ready.wait(20)
        return server

    yield start
    for server in servers:
        server.stop()
        assert not server.thread.is_alive()


@pytest.fixture
def web(serve: Callable[..., WebServer]) -> WebServer:
    return serve()


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Wait for something another thread does."""

    def wait(happened: Callable[[], object]) -> None:
        deadline = time.monotonic() + 10
        while not happened():
            assert time.monotonic() < deadline, "it did not happen within ten seconds"
            time.sleep(0.005)

    return wait


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A page that is looked at in two sizes: `make test` takes the one, and of the next test the other."""
    for item in items:
        size = (
            item.callspec.params.get("page")
            if isinstance(item, pytest.Function) and hasattr(item, "callspec")
            else None
        )
        if size in (PHONE, DESK) and (crc32(item.originalname.encode()) % 2 == 0) == (size == PHONE):
            item.add_marker("rare")


# --- pages in Chromium ------------------------------------------------------------------------------------------------


@contextmanager
def a_page(
    browser: Browser, url: str, size: tuple[int, int], language: str = "", *, touch: bool = False
) -> Iterator[Page]:
    """A page whose scripts make no error and break no policy; with ``touch`` on a screen that fingers use."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, base_url=url, has_touch=touch, is_mobile=touch
    )
    if language:
        context.add_cookies([{"name": "lang", "value": language, "url": url}])
    page = context.new_page()
    page.set_default_timeout(8000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if "Content Security Policy" in line.text else None)
    yield page
    context.close()
    assert errors == []


@pytest.fixture(params=[PHONE, DESK], ids=["phone", "desk"])
def page(request: pytest.FixtureRequest, browser: Browser, web: WebServer) -> Iterator[Page]:
    with a_page(browser, web.url, request.param) as page:
        yield page


@pytest.fixture
def desk(browser: Browser, web: WebServer) -> Iterator[Page]:
    """For what does not depend on the size of the screen."""
    with a_page(browser, web.url, DESK) as page:
        yield page


@pytest.fixture
def glove(browser: Browser, web: WebServer) -> Iterator[Page]:
    """A handheld that is touched."""
    with a_page(browser, web.url, PHONE, touch=True) as page:
        yield page


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens pages: ``opened(url, size, language, touch=True)``; all are closed at the end."""
    with ExitStack() as stack:
        yield lambda *what, **more: stack.enter_context(a_page(browser, *what, **more))


class Walk:
    """Who works at a page. What the hands do is counted: a tap, a key of a pad, a field that is filled by typing."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.touch = bool(page.evaluate("navigator.maxTouchPoints > 0"))
        self.taps = 0
        self.typed = 0

    def tap(self, what: str, text: str = "") -> None:
        """Press the first of these, or the first with this text."""
        found = self.page.locator(what, has_text=text).first if text else self.page.locator(what).first
        found.tap() if self.touch else found.click()
        self.taps += 1

    def key(self, key: str) -> None:
        self.page.keyboard.press(key)
        self.taps += 1

    def keys(self, digits: Iterable[str], pad: str = "dialog[open] .keypad") -> None:
        """Numbers on the page's own keys."""
        for digit in digits:
            self.tap(f'{pad} [data-key="{digit}"]')

    def number(self, field: str, digits: str) -> None:
        """A number into a field that has keys of the page's own, by these keys where fingers are used."""
        if not self.touch:
            return self.fill(field, digits)
        self.tap(field)
        over = self.page.locator(".keypad.over:visible").count()  # the page's end, and not inside a form
        return self.keys([*digits, "done"] if over else digits, ".keypad:visible")

    def fill(self, field: str, text: str) -> None:
        """A field is chosen and written into."""
        self.page.fill(field, text)
        self.taps += 1
        self.typed += len(text)


@pytest.fixture
def walker() -> type[Walk]:
    """Makes somebody who works at a page: ``walker(page).tap("#sell")``."""
    return Walk


# --- a keyboard scanner at a page -----------------------------------------------------------------------------------

SIGNS = {
    "-": "Minus",
    "=": "Equal",
    "[": "BracketLeft",
    "]": "BracketRight",
    ";": "Semicolon",
    ",": "Comma",
    ".": "Period",
    "/": "Slash",
    " ": "Space",
}
SHIFTED = {":": ";", "_": "-", "+": "=", "?": "/", "<": ",", ">": "."} | dict(
    zip(")!@#$%^&*(", "0123456789", strict=True)
)
NAMED = {"Enter": 13, "Tab": 9, "Backspace": 8, "ArrowDown": 40}
AZERTY = dict(zip("1234567890", "&é\"'(-è_çà", strict=True))


# A page's timers wait while a code is being sent: its keys have times of their own, and a machine with much to do sends
# the next of them late.
TIMERS = """(() => {
  const [later, drop, waits] = [setTimeout, clearTimeout, new Map()];
  globalThis.midScan = false;
  globalThis.setTimeout = (does, ms, ...more) => {
    const ring = () => {
      if (globalThis.midScan) return waits.set(mine, later(ring, 5));
      waits.delete(mine);
      does(...more);
    };
    const mine = later(ring, ms);
    return mine;
  };
  globalThis.clearTimeout = (id) => {
    drop(waits.get(id) ?? id);
    waits.delete(id);
  };
})()"""


class Keys:
    """Trusted key events with times of their own. ``gap`` is milliseconds between keys."""

    def __init__(self, page: Page) -> None:
        self._cdp: CDPSession = page.context.new_cdp_session(page)
        self._now = time.time()
        self._page = page
        page.add_init_script(TIMERS)
        page.evaluate(TIMERS)

    def scan(self, text: str, gap: float = 2, end: str = "Enter", after: float = 2000, **how: Any) -> None:
        """Type ``text`` as a scanner does, ``after`` milliseconds of quiet."""
        self._page.evaluate("midScan = true")
        for at, character in enumerate(text):
            self.press(character, gap if at else after, **how)
        if end:
            self.press(end, gap if text else after)
        self._page.evaluate("midScan = false")

    def press(self, key: str, after: float = 2000, *, held: int = 0, **how: Any) -> None:
        """One key, down and up; ``held`` more downs of a key that is held."""
        self._now += after / 1000
        event = self._event(key, **how)
        for repeat in range(held + 1):
            self._send("keyDown" if event.get("text") else "rawKeyDown", event, autoRepeat=repeat > 0)
            self._now += 0.035 * (held > 0)
        self._send("keyUp", event)

    def _send(self, kind: str, event: dict[str, Any], **more: Any) -> None:
        self._cdp.send("Input.dispatchKeyEvent", {"type": kind, "timestamp": self._now, **event, **more})

    def compose(self, letter: str, so_far: str, after: float) -> None:
        """A letter that an input method takes for itself."""
        self._now += after / 1000
        event = {"key": "Process", "code": f"Key{letter.upper()}", "windowsVirtualKeyCode": 229}
        self._send("rawKeyDown", event)
        end = len(so_far)
        self._cdp.send("Input.imeSetComposition", {"text": so_far, "selectionStart": end, "selectionEnd": end})
        self._send("keyUp", event)

    def _event(self, key: str, *, keypad: bool = False, locked: bool = True, azerty: bool = False) -> dict[str, Any]:
        if key in NAMED or key == "NumpadEnter":
            name = key.removeprefix("Numpad")
            text = {"text": "\r"} if name == "Enter" else {}
            return {"key": name, "code": key, "windowsVirtualKeyCode": NAMED[name], **text}
        plain = SHIFTED.get(key, key)
        shift = {"modifiers": 8} if plain != key or key.isupper() else {}
        if plain.isdigit() and keypad:
            moved = "ArrowDown" if not locked else plain
            text = {"text": plain} if locked else {}
            return {"key": moved, "code": f"Numpad{plain}", "isKeypad": True, "windowsVirtualKeyCode": 40, **text}
        code = f"Digit{plain}" if plain.isdigit() else SIGNS.get(plain) or f"Key{plain.upper()}"
        shown = AZERTY.get(key, key) if azerty else key
        number = ord(plain.upper()) if plain.isalnum() else 0
        return {"key": shown, "code": code, "text": shown, "windowsVirtualKeyCode": number, **shift}


@pytest.fixture
def scanner() -> type[Keys]:
    """Make one at a page: ``scanner(page).scan(code, gap)``."""
    return Keys


# --- what tests of several pages do -----------------------------------------------------------------------------------


@pytest.fixture
def waits_before() -> Callable[[Any, Iterable[Any]], None]:
    """The core stands still with these messages in its inbox: what a page asks now comes after them."""

    def wait(core: Any, messages: Iterable[Any]) -> None:
        core.stand_still()
        for message in messages:
            core.inbox.quietly(message)

    return wait


@pytest.fixture
def swap() -> Callable[[Any], tuple[Identity, Identity]]:
    """Another device stands where the scale stood; answers which one stood there and which one does now."""
    here = Identity("1a86:7523", "00.0", "", "pci0000:00/0000:00:14.0-usb-1.2", what="USB Serial")
    there = replace(here, socket="pci0000:00/0000:00:14.0-usb-1.3")

    def stand(core: Any) -> tuple[Identity, Identity]:
        core.turn(
            PortFound("scale-1", here, Naming()),
            PortChanged("scale-1", False, "another device: nothing is read from it", there),
        )
        return here, there

    return stand


@pytest.fixture
def no_sideways() -> Callable[[Page], None]:
    """The page is no wider than its screen."""

    def look(page: Page) -> None:
        page.wait_for_load_state()  # before its style sheet is there, everything is wide
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    return look


@pytest.fixture
def a_tare() -> Callable[..., None]:
    """A container's mass is given by the keys; ``keep`` leaves it for the next sale."""

    def give(page: Page, keys: str, *, keep: bool = False) -> None:
        page.locator("#tare-open").click()
        for key in keys:
            page.locator(f'#taring [data-key="{key}"]').click()
        page.locator("#taring-pin").set_checked(keep)
        page.locator("#taring-save").click()

    return give
