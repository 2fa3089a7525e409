"""Whatever a scale sends, a load is sold once, and only a weight at which it stood still.

A pan of which the truth is known is watched by a display that may be slow, through a wire that damages single frames
and may be unplugged.  At every frame somebody presses the button.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from hypothesis import event, given, settings
from hypothesis import strategies as st

from edge.config.sections import ScaleSection
from edge.state.weighing import AGREE_DERIVED, AGREE_SAID, STILL_DERIVED, STILL_SAID, TradeScale
from protocol.readings import Net, State, Weighing

TODAY = date(2026, 11, 22)
MIN_G, E_G = 200, 10
ROUNDING = 1e-6


@dataclass(frozen=True)
class Kind:
    """A scale: its model, whether its frames say stable and gross, how many frames come in a second."""

    model: str
    says_stable: bool
    says_gross: bool
    rate: float
    refresh: float = 0.0  # seconds for which the display keeps a value


KINDS = (
    Kind("yaohua-a9", False, False, 50, 0.2),
    Kind("yaohua-a9", False, False, 10),
    Kind("yaohua-a9", False, False, 1),
    Kind("st-gs", True, True, 20),
    Kind("st-gs", True, True, 10, 0.1),
    Kind("mt-sics", True, False, 10),
    Kind("cas-ap", True, False, 4),
)

LOADS = st.integers(MIN_G // E_G + 1, 2500).map(lambda steps: steps * E_G)
PAUSES = st.sampled_from([0.05, 0.15, 0.3, 0.5, 0.9, 1.5, 3.0])
DEEDS = st.one_of(
    st.just(("rest",)),
    st.just(("rest",)),
    st.tuples(st.just("serve"), LOADS),
    st.tuples(st.just("serve"), LOADS),
    st.tuples(st.just("put"), LOADS, st.sampled_from([0.0, 0.3, 1.7])),
    st.tuples(st.just("off"), st.sampled_from([0.0, 0.3])),
    st.tuples(st.just("lift"), st.floats(0.0, 1.0), st.sampled_from([0.05, 0.1, 0.2])),
    st.tuples(st.just("wait"), PAUSES),
    st.tuples(st.just("flip"), st.integers(0, 2500).map(lambda steps: steps * E_G)),
    st.tuples(st.just("state"), st.sampled_from([State.UNDERLOAD, State.OVERLOAD, State.ERROR])),
    st.tuples(st.just("moving"), st.integers(0, MIN_G)),
    st.tuples(st.just("noise")),
    st.tuples(st.just("replug"), st.sampled_from([0.0, 0.7, 2.0])),
    st.tuples(st.just("tare")),
    st.tuples(st.just("clear")),
    st.just(("key",)),
    st.tuples(st.just("basket"), LOADS),
)


@dataclass
class Bench:
    """The pan and what is known of it, and the scale that is told of it frame by frame."""

    kind: Kind
    scale: TradeScale
    now: float = 100.0
    load_g: int = 0  # what lies there
    basket_g: int = 0  # what of it is nobody's goods
    tare_g: int = 0
    since: float = 0.0  # since when it has lain there
    shown: tuple[int, float] = (0, float("-inf"))  # what the display shows, and since when
    empty_once: bool = False  # the pan stood empty since the last sale, long enough
    sales: list[tuple[int, float]] = field(default_factory=list)

    @property
    def needed(self) -> tuple[int, float]:
        return (AGREE_SAID, STILL_SAID) if self.kind.says_stable else (AGREE_DERIVED, STILL_DERIVED)

    def change(self, load_g: int) -> None:
        self._note_empty()
        if load_g != self.load_g:
            self.load_g, self.since = load_g, self.now

    def rest(self) -> None:
        """Nothing happens for longer than a weight needs."""
        frames, seconds = self.needed
        for _ in range(frames + int((seconds + self.kind.refresh) * self.kind.rate) + 2):
            self.tick()

    def _note_empty(self) -> None:
        """The truth of it: no goods lay there for as long as any weight needs; a display may lag behind."""
        if self.load_g in (0, self.basket_g) and self.now - self.since + self.kind.refresh + ROUNDING >= self.needed[1]:
            self.empty_once = True

    def tick(self, wrong: Weighing | None = None, *, moving: bool = False) -> None:
        """One frame goes by, and somebody presses the button."""
        self.now += 1 / self.kind.rate
        if self.now - self.shown[1] + ROUNDING >= self.kind.refresh:
            self.shown = (self.load_g - self.tare_g, self.now)
        self.scale.feed(wrong or self._says(self.shown[0], moving), self.now)
        self._press()

    def _says(self, grams: int, moving: bool) -> Weighing:
        net = (Net.NET if self.tare_g else Net.GROSS) if self.kind.says_gross else None
        return Weighing(
            Decimal(grams).scaleb(-3), "kg", net, (not moving) if self.kind.says_stable else None, raw=b"true"
        )

    def damaged(self, grams: int) -> Weighing:
        net = Net.GROSS if self.kind.says_gross else None
        return Weighing(Decimal(grams).scaleb(-3), "kg", net, True if self.kind.says_stable else None, raw=b"damaged")

    def _press(self) -> None:
        if self.scale.why_not(self.now, TODAY):
            return
        sold = self.scale.load(self.now, TODAY)
        self._note_empty()
        stood = self.now - self.since
        assert sold.net_g == self.load_g - self.tare_g, "another weight than lies there"
        assert stood + self.kind.refresh + ROUNDING >= self.needed[1], f"it stood for {stood} s only"
        assert self.empty_once, "sold twice"
        self.scale.sold()
        self.sales.append((sold.net_g, self.now))
        self.empty_once = False


def bench_of(kind: Kind) -> Bench:
    part = ScaleSection.model_validate(
        {
            "name": "s",
            "port": "/dev/null",
            "model": kind.model,
            "unit": "kg",
            "max": "30 kg",
            "min": f"{MIN_G} g",
            "e": "10 g",
        }
    )
    bench = Bench(kind, TradeScale(part))
    bench.scale.changed(True, "")
    return bench


def ramp(start: int, end: int, seconds: float, rate: float) -> Iterator[int]:
    """What lies on the pan frame by frame while it changes: another step each time, as far as there are steps."""
    count = int(seconds * rate)
    for number in range(1, count + 1):
        yield start + round((end - start) * number / (count + 1) / E_G) * E_G


def play(bench: Bench, deed: tuple[object, ...]) -> None:
    match deed:
        case ("rest",):
            bench.rest()
        case ("serve", int(grams)):
            bench.change(0)
            bench.rest()
            bench.change(grams)
            bench.rest()
        case ("put", int(grams), float(seconds)):
            for on_the_way in ramp(bench.load_g, grams, seconds, bench.kind.rate):
                bench.change(on_the_way)
                bench.tick(moving=True)
            bench.change(grams)
        case ("off", float(seconds)):
            play(bench, ("put", 0, seconds))
        case ("lift", float(part), float(seconds)):
            whole = bench.load_g
            bench.change(round(whole * part / E_G) * E_G)
            for _ in range(max(1, int(seconds * bench.kind.rate))):
                bench.tick(moving=True)
            bench.change(whole)
        case ("wait", float(seconds)):
            for _ in range(max(1, int(seconds * bench.kind.rate))):
                bench.tick()
        case ("flip", int(grams)):
            bench.tick(bench.damaged(grams))
            bench.tick()  # the same damage does not come twice running
        case ("state", State() as state):
            bench.tick(Weighing(None, "kg", state=state, stable=True if bench.kind.says_stable else None))
            bench.tick()
        case ("moving", int(grams)):
            bench.tick(bench._says(grams, True))
            bench.tick()
        case ("noise",):
            bench.scale.disturbed()
        case ("replug", float(seconds)):
            bench.scale.changed(False, "unplugged")
            bench.now += seconds
            bench.scale.changed(True, "")
        case ("tare",) if bench.kind.says_gross and bench.load_g:
            bench.tare_g = bench.load_g
        case ("clear",):
            bench.tare_g = 0
        case ("key",) if bench.kind.says_gross:
            for deed in ("tare", "rest", "clear", "rest"):
                play(bench, (deed,))
        case ("basket", int(grams)) if bench.kind.says_gross:
            bench.change(0)
            bench.tare_g = 0
            bench.rest()
            bench.change(300)
            bench.tare_g = bench.basket_g = 300
            bench.rest()
            bench.change(300 + grams)
            bench.rest()


@settings(deadline=None)
@given(kind=st.sampled_from(KINDS), deeds=st.lists(DEEDS, min_size=3, max_size=25))
def test_a_load_is_sold_once_and_only_when_it_stood_still(kind: Kind, deeds: list[tuple[object, ...]]) -> None:
    bench = bench_of(kind)
    for deed in deeds:
        play(bench, deed)
    event(f"{min(len(bench.sales), 3)} sales")


@given(kind=st.sampled_from(KINDS), loads=st.lists(LOADS, min_size=1, max_size=4))
def test_each_load_that_lies_there_for_long_is_sold(kind: Kind, loads: list[int]) -> None:
    """The other side: a button that is never ready would be safe, too."""
    bench = bench_of(kind)
    for grams in loads:
        play(bench, ("serve", grams))
    assert [net_g for net_g, _ in bench.sales] == loads
