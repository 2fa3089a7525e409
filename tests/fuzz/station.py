"""A station as people, instruments, the city and whoever wrote its settings meet it; its ledger stands in memory."""

import asyncio
import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from box import box_of_the_tests
from contract import JSON_WORDS, KEY, KEYS, STATION
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from devices import decode, rows
from parts import LOGS, ROOT, Target, Wrong, ensure, heard, logs_of, storable

from drivers import recognise as recognising
from drivers.transports.recorder import read_log
from edge.between.commands import Sell
from edge.between.inbox import BrokerAnswer, LinkChanged, Sensed, Tested, Weighed
from edge.city.publisher import Publisher
from edge.config.cautions import cautions
from edge.config.sections import BadConfig, CitySection, load
from edge.documents import Documents
from edge.printing.archive import Archive
from edge.printing.typesetting import Typesetter
from edge.records.ledger import Ledger, Signer
from edge.web.app import create_app
from protocol import formats
from protocol.city import signed
from protocol.city.codes import CodeKind
from protocol.city.envelope import hash_of
from protocol.city.events import EntryRegistered, Goods
from protocol.city.token import CHINA
from protocol.city.topics import Ack, Rejected, Topics
from protocol.link import Link
from protocol.readings import Curve, Garbage, Measured, TestResult, Ticket, Weighing

START = datetime(2026, 11, 22, 5, 0, tzinfo=CHINA)
AGAIN = 400  # inputs, and a new station begins
TOPICS = Topics("410108", "410108001", "01")
RECORDS = 6
PROBE = '[[probe]]\nname = "probe-1"\nmodel = "ds18b20"\nport = "w1:28-000000000001"\n'


class Fences(logging.Handler):
    """What a fence caught and only logged is wrong all the same."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.caught: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self.caught = self.caught or record.exc_info[1]

    def look(self) -> None:
        caught, self.caught = self.caught, None
        if caught is not None:
            raise Wrong(f"caught by a fence: {caught!r}") from caught


class Stations:
    """One station after the other; ``box`` is the running one."""

    def __init__(self, settings: str = "") -> None:
        self._module = box_of_the_tests()
        self._settings = self._module.DEVICES + settings
        self._folder: Path | None = None
        self._count = 0
        self._box: Any = None
        self.fences = Fences()
        logging.getLogger().addHandler(self.fences)
        logging.getLogger().setLevel(logging.CRITICAL + 1)
        for name in ("core", "edge", "uvicorn", "asyncio"):
            logging.getLogger(name).setLevel(logging.ERROR)

    @property
    def box(self) -> Any:
        if self._box is None or self._count >= AGAIN:
            self.drop()
            self._folder = Path(tempfile.mkdtemp(prefix="marketedge-fuzz-"))
            signer = Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(32))), "sy.example.cn", "410108001", "01")
            clock = self._module.HandClock(START)
            self._box = self._module.Box(self._folder, signer, self._module.STATION + self._settings, clock)
            self.lots = [self._box.releases(), self._box.enters(), self._box.enters("01040301")]
        self._count += 1
        return self._box

    def again(self) -> Any:
        """The same station after a restart."""
        before = self.box
        before.ledger.close()
        self._box = self._module.Box(
            self._folder, before.ledger.signer, self._module.STATION + self._settings, before.clock
        )
        return self._box

    def drop(self) -> None:
        if self._box is not None:
            self._box.ledger.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._box, self._folder, self._count = None, None, 0

    def sound(self) -> None:
        """It goes round, its board can be shown, and no fence was needed."""
        self._box.turn()
        storable(self._box.board.as_json())
        self.fences.look()


# --- what devices say, into the ledger -------------------------------------------------------------------------------


def records() -> Target:
    """Whatever a format can make of bytes, the core records. First byte the format, second the model."""
    stations, known = Stations(PROBE), formats.ids()

    def run(data: bytes) -> None:
        if len(data) < 3:
            return
        found = rows(known[data[0] % len(known)])
        events = [e for e in decode(found[data[1] % len(found)], data[2:]) if not isinstance(e, Garbage)][:12]
        box = stations.box
        try:
            _hand_over(box, events)
            stations.sound()
        except BaseException:
            stations.drop()
            raise

    def seeds() -> Iterator[bytes]:
        for place, name in enumerate(known):
            for chunks in logs_of(name)[:1]:
                yield bytes((place, 0)) + heard(chunks)[:400]

    return Target("records", run, seeds, (b"\r\n", b"|", b"^", b"9" * 13, b"0.0034799786", b"-", b"1E5"))


def _hand_over(box: Any, events: list[Any]) -> None:
    results = tuple(one for one in events if isinstance(one, TestResult | Ticket | Curve))
    if results:
        box.turn(Tested("tester-1", results))
        box.turn(Tested("tester-8", results))
    for event in events:
        if isinstance(event, Weighing):
            for scale in ("scale-1", "scale-2"):
                for _ in range(3):
                    box.clock.go(0.5)
                    box.turn(Weighed(scale, event, box.clock.steady()))
                box.ask(Sell(scale=scale, product="01040201", lot=_on_sale(box)))
        elif isinstance(event, Measured):
            box.turn(Sensed("probe-1", event))


def _on_sale(box: Any) -> str:
    return next((lot.test_code for lot in box.board.lots if lot.state == "released"), "41010800130100000071")


# --- HTTP ------------------------------------------------------------------------------------------------------------

STATES = frozenset({200, 201, 303, 304, 307, 400, 403, 404, 405, 409, 411, 413, 415, 422, 503})


class Direct:
    """An inbox whose core answers at once."""

    def __init__(self, stations: Stations) -> None:
        self._stations = stations

    def put(self, message: Any) -> None:
        self._stations.box.turn(message)


class Pages:
    """What whichever station runs shows the pages."""

    beat = 1.0

    def __init__(self, stations: Stations) -> None:
        self._stations = stations

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stations.box.showing, name)

    def watch(self, signal: Callable[[], None]) -> Callable[[], None]:
        return lambda: None


class Shelf:
    """The archive of whichever station runs."""

    def __init__(self, stations: Stations) -> None:
        self._stations = stations

    def _archive(self) -> Archive:
        config = self._stations.box.config
        papers = Documents(config.paper.templates, [part.row() for part in config.printer])
        return Archive(self._stations.box.ledger.path.parent, Typesetter(config, papers))

    def text(self, number: int) -> str:
        return self._archive().text(number)

    def png(self, number: int) -> bytes:
        return self._archive().png(number)


def http() -> Target:
    """Guard, bodies, deeds and core: method byte, then a line each for path, host and origin, then the body.

    With bit 4 the third line is headers instead, as ``name: value`` with CR between; with bit 5 a neighbour asks.
    """
    stations = Stations()
    app = create_app(Pages(stations), Direct(stations), timeout=2.0, archive=Shelf(stations))  # type: ignore[arg-type]
    loop = asyncio.new_event_loop()
    loop.run_until_complete(asyncio.sleep(0))

    def run(data: bytes) -> None:
        if not data:
            return
        lines = (data[1:].split(b"\n", 3) + [b""] * 3)[:4]
        path = lines[0].decode("utf-8", "replace")
        if path.partition("?")[0].rstrip("/") in ("/api/live", "/api/scans"):
            return
        try:
            status, kind, body = loop.run_until_complete(_asked(app, _scope(data[0], path, lines), lines[3]))
            ensure(status in STATES, f"{status} for {path!r}: {body[:200]!r}")
            if status >= 400 and path.startswith("/api"):
                ensure(kind == b"application/json", f"{status} in {kind!r}")
                ensure({"code", "message_zh", "message_en"} <= set(json.loads(body)), f"not our form: {body[:200]!r}")
            stations.box  # noqa: B018 - begun even when nothing asked the core
            stations.sound()
        except BaseException:
            stations.drop()
            raise

    return Target("http", run, partial(_requests, stations), (*JSON_WORDS, b"/api/", b"[::1]", b"%", b"127.0.0.1"))


def _scope(choice: int, path: str, lines: list[bytes]) -> dict[str, Any]:
    headers = [(b"host", lines[1] or b"127.0.0.1:8080")]
    if choice & 16:
        more = (line.partition(b":") for line in lines[2].split(b"\r") if b":" in line)
        headers += [(name.strip().lower(), value.strip()) for name, _, value in more]
    elif lines[2]:
        headers.append((b"origin", lines[2]))
    if choice & 1:
        headers += [(b"content-type", b"application/json"), (b"content-length", str(len(lines[3])).encode())]
    if choice & 8:
        headers.append((b"idempotency-key", lines[3][:70]))
    where, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": ("GET", "POST", "HEAD", "PUT")[choice >> 1 & 3] if not choice & 1 else "POST",
        "scheme": "http",
        "path": where,
        "raw_path": where.encode("utf-8", "replace"),
        "root_path": "",
        "query_string": query.encode("utf-8", "replace"),
        "headers": headers,
        "client": ("192.168.1.9", 50000) if choice & 32 else ("127.0.0.1", 50000),
        "server": ("192.168.1.5", 8080) if choice & 32 else ("127.0.0.1", 8080),
        "state": {},
    }


async def _asked(app: Any, scope: dict[str, Any], body: bytes) -> tuple[int, bytes, bytes]:
    given = iter(({"type": "http.request", "body": body, "more_body": False},))
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(given, {"type": "http.disconnect"})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    headers = {name.lower(): value for name, value in sent[0].get("headers", ())}
    whole = b"".join(message.get("body", b"") for message in sent[1:])
    return int(sent[0]["status"]), headers.get(b"content-type", b"").partition(b";")[0], whole


def _requests(stations: Stations) -> Iterator[bytes]:
    _ = stations.box
    lot = stations.lots[0]
    sale = {"scale": "scale-1", "product": "01040201", "lot": lot, "manual_g": 1250, "reason": "x", "buyer_name": "李"}
    entry = {
        "product": "01040201",
        "net_g": 1000,
        "origin": "河南",
        "supplier": "王",
        "proofs": [{"type": "hgz", "no": "1"}],
    }
    posts: dict[str, Any] = {
        "sales": sale,
        "entries": entry,
        "entries ": entry | {"upstream": "41010800110100010074", "plate": "豫A1"},
        "prices": {"product": "01040201", "price_fen": 350},
        "channels": {"analyzer": "tester-8", "channel": "3", "lot": stations.lots[1]},
        "results/2/match": {"lot": stations.lots[1], "person": "王敏", "verdict": "qualified", "item": ""},
        "results/2/dismiss": {"person": "王敏", "reason": "练习"},
        f"lots/{lot}/whole-plant": {"person": "王敏"},
        "clock/confirm": {"date": "2026-11-22", "person": "王敏"},
        "scales/scale-1/tare": {},
        "ports/scale-1/confirm": {"person": "王敏", "seen": ""},
        "papers": {"paper": "day", "subject": "2026-11-22", "printer": "printer-1"},
        "papers/1/confirm": {},
        "papers/9223372036854775807/reprint": {},
    }
    for path, body in posts.items():
        yield b"\x01/api/" + path.strip().encode() + b"\n\n\n" + json.dumps(body, ensure_ascii=False).encode()
    for path in ("/", "/stall", "/gate", "/status", "/papers", "/api/board", "/api/prints/1", "/health", "/metrics"):
        yield b"\0" + path.encode() + b"\n\n\n"
    yield b"\0/api/prints/1.png\n\n\n"
    said = b"accept-language: en\rcookie: a=b\rlast-event-id: x\rsec-fetch-site: cross-site\rcontent-length: 9"
    yield b"\x10/status?language=en\n\n" + said + b"\n"
    yield b"\x31/api/prices\n192.168.1.5:8080\norigin: http://192.168.1.5:8080\n" + json.dumps(posts["prices"]).encode()
    yield b"\x09/api/prices\nlocalhost:8080\nhttp://localhost:8080\n" + json.dumps(posts["prices"]).encode()


# --- the city --------------------------------------------------------------------------------------------------------


class Wire:
    """Takes everything."""

    def __init__(self) -> None:
        self.count = 0

    def publish(self, topic: str, body: bytes) -> int | None:
        self.count += 1
        return self.count

    def leave(self, cause: str, why: str) -> None:
        """There is no other broker."""


def mqtt() -> Target:
    """What a broker delivers: a byte for who says it, two for its length, then the words, again and again.

    ``%1`` … ``%6`` in the words are the ids of the records, ``#1`` … ``#6`` their hashes.
    """
    module = box_of_the_tests()
    folder = Path(tempfile.mkdtemp(prefix="marketedge-fuzz-"))
    ledger = Ledger(folder, Signer(KEY, "sy.example.cn", "410108001", "01"))
    clock = module.HandClock(START)
    names = _fill(ledger, clock)

    def run(data: bytes) -> None:
        strict = CitySection(brokers=("mqtt://127.0.0.1",))
        for part in (strict, strict.model_copy(update={"confirm": "city-unsigned"})):
            _listen(Publisher(part, ledger, TOPICS, Wire(), clock, KEYS), data, names, part.confirm == "city")

    return Target("mqtt", run, _answers, (*JSON_WORDS, b'"upto":', b'"hash":"#1"', b'"%1"', b"\x02\0\x10", b"\x03\0\0"))


def _fill(ledger: Ledger, clock: Any) -> dict[bytes, bytes]:
    names: dict[bytes, bytes] = {}
    with ledger.batch():
        for place in range(1, RECORDS + 1):
            code = str(ledger.next_code(CodeKind.TEST))
            entry = EntryRegistered(
                goods=Goods(product="01040201", name="白菜"), net_g=place, origin="o", supplier="s", sample=str(place)
            )
            ledger.append("entry.registered", code, entry, clock.now(), clock.boot_id)
    for place in range(1, RECORDS + 1):
        names[b"%%%d" % place] = ledger.event(place)["id"].encode()
        names[b"#%d" % place] = hash_of(ledger.body(place)).encode()
    return names


def _listen(publisher: Publisher, script: bytes, names: dict[bytes, bytes], strict: bool) -> None:
    now, at, issued = 0.0, 0, 0
    publisher.link(LinkChanged(True), now)
    publisher.pump(now)
    while at + 3 <= len(script):
        code, length = script[at], int.from_bytes(script[at + 1 : at + 3], "big")
        words = script[at + 3 : at + 3 + length]
        at += 3 + length
        for name, value in names.items():
            words = words.replace(name, value)
        before = publisher.upto, dict(publisher.aside)
        match code % 6:
            case 0 | 1:
                publisher.acknowledged(words, bool(code % 6), now)
                if strict and b'"sig"' not in words:
                    ensure((publisher.upto, publisher.aside) == before, "an unsigned word moved something")
            case 2:
                issued += 1
                if (sealed := _sealed(words, issued)) is not None:
                    publisher.acknowledged(sealed, False, now)
            case 3:
                publisher.link(
                    LinkChanged(length % 2 == 0, "why", "lost" if length % 2 else "", cut=length % 3 == 0), now
                )
            case 4 if words:
                publisher.answered(BrokerAnswer(words[0] % 16, "refused" if words[-1] > 127 else "", words[-1]), now)
            case _:
                now += length % 600
        publisher.pump(now)
        ensure(publisher.upto >= before[0] or code % 6 in (0, 2), "what was delivered is forgotten without a word")
        ensure(0 <= publisher.upto <= RECORDS, f"delivered up to {publisher.upto} of {RECORDS}")
        ensure(publisher.pending >= 0 and publisher.acked >= 0, f"{publisher.pending} pending, {publisher.acked} acked")
        storable(asdict(publisher.view("b", {})))
        deadline = publisher.deadline()
        ensure(deadline is None or deadline == deadline, "woken at no time")


def _sealed(words: bytes, issued: int) -> bytes | None:
    try:
        fields = json.loads(words)
        return signed.seal(fields, STATION, f"2026-11-29T08:{issued // 60 % 60:02d}:{issued % 60:02d}Z", KEY)
    except Exception:  # nobody can sign that
        return None


def _answers() -> Iterator[bytes]:
    said = (
        Ack(3, (), (), "#3"),
        Ack(1, ("%4",), (Rejected("%2", "bad_data", "不合格"), Rejected("%5", "unknown_key", "r")), "#1"),
        Ack(0),
        Ack(6, (), (), "#6"),
    )
    bodies = [json.dumps(one.fields(), ensure_ascii=False).encode() for one in said]
    packed = [len(body).to_bytes(2, "big") + body for body in bodies]
    for one in packed:
        yield b"\0" + one
        yield b"\x02" + one
    yield b"\x02" + packed[0] + b"\x05\0\x3c" + b"\x01" + packed[1] + b"\x03\0\x01" + b"\x03\0\0" + b"\x02" + packed[3]
    yield b"\x04\0\x02\x01\x83" + b"\x04\0\x02\x02\x97" + b"\x05\x01\0" + b"\x02" + packed[1]


# --- files that people write -----------------------------------------------------------------------------------------


def config() -> Target:
    """station.toml: refused with the place of the mistake, or a station that could be started."""
    folder = Path(tempfile.mkdtemp(prefix="marketedge-fuzz-"))
    module = box_of_the_tests()
    path = folder / "station.toml"

    def run(data: bytes) -> None:
        path.write_bytes(data)
        try:
            made = load(path)
        except BadConfig as bad:
            ensure(str(bad).startswith(str(path)), f"the file is not named: {bad}")
            return
        cautions(made, START.date(), False)
        made.methods()
        for part in made.devices:
            part.session(START.date)
            part.settings()

    def seeds() -> Iterator[bytes]:
        yield (module.STATION + module.DEVICES + PROBE).encode()
        yield (ROOT / "edge" / "config" / "template.toml").read_bytes()
        head, *sections = (module.STATION + module.DEVICES).split("[[")
        yield from ((head + "[[" + section).encode() for section in sections[:8])

    words = (b"\n[[scale]]\n", b" = ", b'"', b"[", b"{", b"inf", b"nan", b"2026-11-29", b"'''", b"options", b"_file")
    return Target("config", run, seeds, words)


def logs() -> Target:
    """A log file, as somebody sends it with a report."""
    path = Path(tempfile.mkdtemp(prefix="marketedge-fuzz-")) / "heard.log"

    def run(data: bytes) -> None:
        path.write_bytes(data)
        try:
            chunks = list(read_log(path))
        except ValueError:
            return
        for chunk in chunks:
            ensure(chunk.seconds == chunk.seconds and abs(chunk.seconds) != float("inf"), "a chunk at no time")

    return Target("log", run, lambda: [log.read_bytes()[:1500] for log in LOGS[::6]], (b" < ", b" > ", b"nan", b"# "))


def identify() -> Target:
    """Bytes of a port that nobody knows."""
    known = recognising.candidates()
    link = Link.parse("9600/8n1")

    def run(data: bytes) -> None:
        for finding in recognising.recognise(data[:96], link, known):
            ensure(0 <= finding.confidence <= 1, f"sure to {finding.confidence}")

    def seeds() -> Iterator[bytes]:
        for name in formats.ids():
            for chunks in logs_of(name)[:1]:
                yield heard(chunks)[:96]

    return Target("identify", run, seeds)


MAKERS: dict[str, Callable[[], Target]] = {
    "records": records,
    "http": http,
    "mqtt": mqtt,
    "config": config,
    "log": logs,
    "identify": identify,
}
