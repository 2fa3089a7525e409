"""Whole walks: a page in Chromium before a `marketedge run` of its own, devices on ptys, Mosquitto, and a city.

`make test` walks the stall's, `make test-all` each job once, at another size and in another language.  `make journeys`
walks all of them and keeps a picture of every step: it says where by JOURNEYS; JOURNEY_ONLY picks those whose name has
one of these words.
Both end with what the hands did, in a table.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from edge.between.words import Words, by_key
from edge.records.identity import load_key
from protocol.city import token
from simulator.city.reader import Reader
from simulator.market import Market
from simulator.printer.read import Paper
from simulator.stage import STATION, wait_for

SIZES = {"360x640": (360, 640), "800x480": (800, 480), "1280x800": (1280, 800)}
USUAL = {"stall": "360x640-zh", "gate": "1280x800-en", "canteen": "800x480-zh"}
SETTLE = 0.05
PATIENCE = 30_000  # milliseconds until something does not come any more, on a machine that has much else to do
TEXTS = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = new Set();
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.data.trim();
    if (text && node.parentElement.checkVisibility({ visibilityProperty: true })) found.add(text);
  }
  return [...found];
}"""
BESIDE = """() => [...document.querySelectorAll("dialog[open] *, main *, .strip *, header *")].filter((one) => {
  const { left, right, width } = one.getBoundingClientRect();
  const frame = one.parentElement.closest(".weight")?.getBoundingClientRect();
  const [least, most] = frame ? [frame.left + 4, frame.right - 4] : [-1, innerWidth + 1];
  return width > 0 && !one.closest(".unseen, .skip, .scrolls, .sight") && (right > most || left < least);
}).map((one) => one.outerHTML.slice(0, 120))"""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "trip" not in metafunc.fixturenames:
        return
    job = metafunc.module.__name__.rpartition("test_")[2]
    every = [f"{size}-{language}" for size in SIZES for language in ("zh", "en")]
    chosen = every if os.environ.get("JOURNEYS") else [USUAL[job]]
    metafunc.parametrize("trip", [f"{job}-{one}" for one in chosen])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    only = [word for word in os.environ.get("JOURNEY_ONLY", "").split(",") if word]
    left = [one for one in items if only and "[" in one.name and not any(word in one.name for word in only)]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [one for one in items if one not in left]


class Journey:
    """Somebody's work at one station, from its first page to what city and paper have of it.

    ``page`` is in the browser, ``hand`` works at it, ``t`` are the texts of its language.
    """

    def __init__(self, market: Market, page: Page, hand: Any, language: str, pictures: Path | None) -> None:
        self.market, self.page, self.hand = market, page, hand
        self.t = Words(language)
        self._aside = 0.0  # seconds in which nobody works: a picture is taken, the station is away
        self._gone = 0.0
        self.counts: list[tuple[str, int, int, float]] = []
        here = {both.said(language) for both in by_key().values()}
        self._foreign = {both.en if language == "zh" else both.zh for both in by_key().values()} - here
        self.language = language
        self._pictures = pictures
        self._steps = 0

    def name(self, goods: dict[str, Any]) -> str:
        """What goods of a record are called on this page."""
        return str(goods["name" if self.language == "zh" else "name_en"])

    # --- what is seen -------------------------------------------------------------------------------------------------

    def step(self, name: str) -> None:
        """The page stands as it should: nothing beyond its sides, no word of the other language. A picture is kept."""
        begun = monotonic()
        self.page.wait_for_load_state()
        assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        assert self.page.evaluate(BESIDE) == [], name
        said = {text.strip(" ·：:") for text in self.page.evaluate(TEXTS)}
        assert not said & self._foreign, name
        self.picture(name)
        self._aside += 0.0 if self._gone else monotonic() - begun

    def picture(self, name: str) -> None:
        """Kept where pictures are wanted."""
        self._steps += 1
        if self._pictures:
            self._pictures.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=self._pictures / f"{self._steps:02d}-{name.replace(' ', '-')}.png")

    def in_sight(self, *what: str) -> None:
        """Whole on the screen, without anybody moving the page."""
        for one in what:
            expect(self.page.locator(one)).to_be_in_viewport(ratio=1)

    def see(self, what: str, text: str = "") -> Locator:
        """The first of these, or the first with this text, which is there, on the screen."""
        found = self.page.locator(what, has_text=text).first if text else self.page.locator(what).first
        expect(found).to_be_visible()
        return found

    @contextmanager
    def counting(self, what: str) -> Iterator[None]:
        """What the hands do for this, and the seconds that machines take for it, is written down."""
        taps, typed, begun = self.hand.taps, self.hand.typed, monotonic() - self._aside
        yield
        seconds = monotonic() - self._aside - begun
        self.counts.append((what, self.hand.taps - taps, self.hand.typed - typed, seconds))

    # --- what happens round it ----------------------------------------------------------------------------------------

    def puts(self, kg: str, shown: str = ".weight.still #digits", empty: str = "0.000", full: str = "") -> None:
        """The pan is emptied, and this is put on; the page shows both, standing still."""
        self.takes_off(shown, empty)
        self.market.scale.do(lambda device, now: device.pan.put(Decimal(kg), now))
        expect(self.page.locator(shown)).to_have_text(full or kg)

    def takes_off(self, shown: str = ".weight.still #digits", empty: str = "0.000") -> None:
        self.market.scale.do(lambda device, now: device.pan.take_off(now))
        expect(self.page.locator(shown)).to_have_text(empty)

    def broker_goes(self) -> None:
        """The broker is killed, and the page says so."""
        self._broker().kill()
        expect(self.told("city")).to_contain_text(self.t("offline_n", n=0)[:4])

    def broker_comes(self) -> None:
        """It is there again, and the page says that the city has everything."""
        begun = monotonic()
        self._broker().start()
        expect(self.told("city")).to_have_text(self.t("all_sent"))
        self._aside += monotonic() - begun

    def power_goes(self) -> None:
        """The station is killed; the page stays open and says so."""
        self._gone = monotonic()
        self.market.station.kill()
        expect(self.page.locator("#link")).to_be_visible()
        expect(self.page.locator("body")).to_have_attribute("data-link", "lost")

    def loads_anew(self) -> None:
        """Somebody has the browser load the page although the station is gone: it says so, and tries by itself."""
        self.page.reload()
        expect(self.page.locator("h1")).to_have_text(self.t("box.down"))

    def power_comes(self) -> None:
        """The station starts again, and the page goes on by itself."""
        self.market.station.start()
        expect(self.page.locator("body")).to_have_attribute("data-link", "up")
        self._aside += monotonic() - self._gone
        self._gone = 0.0

    def roll_runs_short(self) -> None:
        """The roll ends in the middle of the next paper."""
        self.market.printer.do(lambda device, now: device.new_roll(now, 20))
        expect(self.told("printer")).not_to_have_text(self.t("printer.paper"))

    def roll_ended(self) -> None:
        """The page says that there is no paper."""
        expect(self.told("printer")).to_have_text(self.t("printer.paper"))

    def new_roll(self) -> None:
        self.market.printer.do(lambda device, now: device.new_roll(now))
        expect(self.told("printer")).to_have_text(self.t("ok"))

    def told(self, what: str) -> Locator:
        """What the strip of every page says of this."""
        return self.page.locator(".strip li", has_text=self.t(what)).locator("b")

    def _broker(self) -> Any:
        assert self.market.broker is not None
        return self.market.broker

    # --- what is there in the end -------------------------------------------------------------------------------------

    def city_has(self) -> dict[str, list[dict[str, Any]]]:
        """All the city has of this station, by kind: whole, each once, in one chain, and as many as the station has."""
        verified = json.loads(self.market.station.command("ledger", "verify", "-c", str(self.market.station.config)))
        assert verified["ok"]
        wait_for("delivery", lambda: self.market.city_station().get("upto") == verified["records"])
        said = self.market.city_station()
        assert (said["count"], said["gaps"], said["rejected"], said["chain_ok"]) == (verified["records"], 0, 0, True)
        kinds: dict[str, list[dict[str, Any]]] = {}
        with Reader(self.market.city.db) as reader:
            events = [json.loads(body) for body in reader.events_of(STATION, 0, 100_000)]
        assert [int(one["sequence"]) for one in events] == list(range(1, len(events) + 1))
        for one in events:
            kinds.setdefault(".".join(one["type"].split(".")[3:-1]), []).append(one)  # cn.marketedge.market.KIND.v1
        return kinds

    def papers(self, *texts: str) -> list[Paper]:
        """The papers on which all of these stand, blanks aside, without those that are marked as copies."""
        wanted = [text.replace(" ", "") for text in texts]
        there = [(one, "".join(one.text.split())) for one in list(self.market.papers)]
        return [one for one, text in there if "重打COPY" not in text and all(each in text for each in wanted)]

    def paper(self, *texts: str) -> Paper:
        """The one paper on which all of these stand, which the printer understood."""
        wait_for(f"paper with {texts}", lambda: self.papers(*texts))
        (found,) = self.papers(*texts)
        assert found.unknown == ()
        return found

    def verified(self, url: str) -> Any:
        """What the code of a slip says, proven by the station's key."""
        return token.verify_url(url, load_key(self.market.station.folder / "station.key").public_key())


@pytest.fixture
def market(tmp_path: Path, wiring: dict[str, Any]) -> Iterator[Market]:
    """A market whose station is wired as the job wants it."""
    with Market(tmp_path, settle=SETTLE, **wiring) as market:
        yield market


@pytest.fixture
def journey(
    market: Market, opened: Callable[..., Page], walker: Any, trip: str, record_property: Callable[..., None]
) -> Iterator[Journey]:
    """Somebody before the page of this size, in this language."""
    _, size, language = trip.split("-")
    page = opened(market.station.url, SIZES[size], language, touch=size != "1280x800")
    page.set_default_timeout(PATIENCE)
    folder = os.environ.get("JOURNEYS")
    journey = Journey(market, page, walker(page), language, Path(folder) / trip if folder else None)
    yield journey
    journey.picture("last")  # of a walk that broke off it tells the most
    record_property("hands", [trip, journey.counts])


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What the hands did, of each walk; taps, letters typed, and seconds."""
    rows = [
        value
        for report in terminalreporter.stats.get("", ())  # of a walk's end
        for name, value in getattr(report, "user_properties", ())
        if name == "hands" and report.when == "teardown"
    ]
    if not rows:
        return
    lines = [f"{'':26}{'taps':>6}{'letters':>9}{'seconds':>9}"]
    for trip, counts in sorted(rows):
        lines.append(trip)
        lines += [f"  {what:24}{taps:6}{typed:9}{seconds:9.1f}" for what, taps, typed, seconds in counts]
    terminalreporter.section("journeys")
    for line in lines:
        terminalreporter.write_line(line)
    if folder := os.environ.get("JOURNEYS"):
        Path(folder, "hands.txt").write_text("\n".join(lines) + "\n", "utf-8")
