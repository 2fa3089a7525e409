"""The story of the demo in seven acts, each of which can be played alone, and as often as somebody likes.

    story = Story(market, Hands(market))
    story.tell(ACTS)                         # at once, as fast as the station is ready
    with story: ...                          # in a thread of its own, led by begin(), pause(), skip(), play("roll")

An act looks at what really came: a line is said when it is true, and an act that does not come out says why.
"""

import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any, Literal, Self

from simulator.demo.hands import Hands
from simulator.demo.words import ACTS, LINES, Language, said
from simulator.market import Market, Refusal, StageFailed
from simulator.obstacles import in_words
from simulator.printer.read import Paper
from simulator.stage import CABBAGE, SPINACH, wait_for

GLANCE_SECONDS = 1.8  # the shortest line stands for so long, at least
READ_A_SECOND: Mapping[Language, int] = {"en": 24, "zh": 10}  # characters, by who looks at the panes, too
SALES = ((Decimal("2.350"), "", ""), (Decimal("11.460"), "4101080010456", "大学食堂"), (Decimal("0.780"), "", ""))
COPY = "COPY"
State = Literal["waiting", "playing", "paused", "over"]


@dataclass(frozen=True, slots=True)
class Line:
    """What is said, with what stands in it by its name in either language."""

    key: str
    facts: dict[str, tuple[str, str]] = field(default_factory=dict)

    def words(self, language: Language) -> str:
        return said(LINES[self.key], language).format(
            **{name: said(fact, language) for name, fact in self.facts.items()}
        )

    @property
    def seconds(self) -> float:
        """How long it stands, at least: readers of both languages look on."""
        return max(GLANCE_SECONDS, *(len(self.words(language)) / rate for language, rate in READ_A_SECOND.items()))


@dataclass(frozen=True, slots=True)
class Played:
    """How an act came out; ``wrong`` is empty when it did."""

    act: str
    seconds: float
    wrong: str = ""


class _Elsewhere(Exception):
    """Another act is to be played, or none."""


class Story:
    """Tells itself in a market. ``sold`` are the sales that the station answered, ``played`` the acts that ended.

    ``heard`` gets each line in English, for a terminal.  ``lan``: whether a phone reaches the pages.  ``acts`` are
    those of the whole story.
    """

    def __init__(
        self,
        market: Market,
        hands: Hands,
        *,
        heard: Callable[[str], None] = lambda line: None,
        lan: bool = False,
        acts: Sequence[str] = tuple(ACTS),
    ) -> None:
        self._market, self.hands, self._heard, self.lan, self._whole = market, hands, heard, lan, tuple(acts)
        self.sold: list[dict[str, Any]] = []
        self.entries = 0
        self.played: list[Played] = []
        self._cabbage: dict[str, Any] | None = None
        self._acts = {
            "goods": self._goods,
            "positive": self._positive,
            "plug": self._plug,
            "network": self._network,
            "roll": self._roll,
            "clock": self._clock,
            "phone": self._phone,
        }
        # Below here belongs to whoever holds ``_turn``.
        self._turn = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="story", daemon=True)
        self._state: State = "waiting"
        self._unhurried = False  # whether pauses are made
        self._skipping = False
        self._wanted: tuple[str, ...] | None = None
        self._ending = False
        self._act = ""
        self._line: Line | None = None
        self._failed = ""

    # --- for who looks on -------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._turn:
            self._ending = True
            self._turn.notify_all()
        self._thread.join(10)

    def begin(self) -> None:
        """Somebody looks: the first time, it is told from the beginning."""
        with self._turn:
            if self._state == "waiting" and self._wanted is None:
                self._want(self._whole)

    def play(self, act: str = "") -> None:
        """This act, once it can; without a name all of them. What is being played ends where it is."""
        if act and act not in ACTS:
            raise KeyError(act)
        with self._turn:
            self._want((act,) if act else self._whole)

    def pause(self) -> None:
        """Before the next line, until ``resume``."""
        with self._turn:
            if self._state == "playing":
                self._state = "paused"

    def resume(self) -> None:
        with self._turn:
            if self._state == "paused":
                self._state = "playing"
            self._turn.notify_all()

    def skip(self) -> None:
        """The rest of this act happens without waiting for readers."""
        with self._turn:
            self._skipping = self._state in ("playing", "paused")
            if self._state == "paused":
                self._state = "playing"
            self._turn.notify_all()

    def now(self, language: Language) -> dict[str, Any]:
        """What a page shows of it."""
        with self._turn:
            act = self._act
            return {
                "state": self._state,
                "act": act,
                "title": said(ACTS[act][0], language) if act else "",
                "why": said(ACTS[act][1], language) if act else "",
                "line": self._line.words(language) if self._line else "",
                "failed": self._failed,
            }

    def _want(self, acts: tuple[str, ...]) -> None:
        self._wanted = acts
        self._turn.notify_all()

    def _run(self) -> None:
        self._unhurried = True
        while True:
            with self._turn:
                while self._wanted is None and not self._ending:
                    self._turn.wait()
                if self._ending:
                    return
                acts, self._wanted = self._wanted or (), None
                self._state = "playing"
            try:
                self.tell(acts)
            except _Elsewhere:
                continue
            with self._turn:
                self._state, self._skipping = "over", False

    # --- telling ----------------------------------------------------------------------------------------------------

    def tell(self, acts: Sequence[str]) -> None:
        """Play these acts; what goes wrong in one is said in ``played``, and the next one is played all the same."""
        for name in acts:
            with self._turn:
                self._act, self._line, self._failed, self._skipping = name, None, "", False
            begun, wrong = time.monotonic(), ""
            try:
                self.hands.set_right()
                self._acts[name]()
                self.hands.set_right()
            except (StageFailed, Refusal, OSError, LookupError) as error:
                wrong = in_words(error)
                with self._turn:
                    self._failed = wrong
                if not self._ending:
                    self._heard(f"! {name}: {wrong}")
            self.played.append(Played(name, round(time.monotonic() - begun, 1), wrong))
            if wrong:
                with suppress(StageFailed, OSError):  # the next act says so itself
                    self.hands.set_right()
                self._rest(len(wrong) / READ_A_SECOND["zh"])

    def _say(self, key: str, **facts: str | tuple[str, str]) -> None:
        """Say it, and leave time to read."""
        line = Line(key, {name: fact if isinstance(fact, tuple) else (fact, fact) for name, fact in facts.items()})
        with self._turn:
            self._line = line
        self._heard(line.words("en"))
        self._rest(line.seconds)

    def _rest(self, seconds: float) -> None:
        """Raises _Elsewhere when another act is wanted."""
        end = time.monotonic() + (seconds if self._unhurried else 0.0)
        with self._turn:
            while True:
                if self._wanted is not None or self._ending:
                    raise _Elsewhere
                left = end - time.monotonic()
                if self._state == "paused":
                    self._turn.wait()
                    continue
                if left <= 0 or self._skipping:
                    return
                self._turn.wait(left)

    # --- the acts ---------------------------------------------------------------------------------------------------

    def _goods(self) -> None:
        entry = self._bring_in(CABBAGE, 320_000, "河南省郑州市中牟县", "中牟县绿源合作社")
        self._say("goods.in")
        self._passes(entry, Decimal("12.5"), "白菜")
        self._cabbage = entry
        self._say("goods.tested")
        for kg, buyer, name in SALES:
            sale = self._sell(CABBAGE, entry, kg, buyer, name)
            self._slip(sale)
            self._say("goods.sale", kg=str(kg), yuan=f"{sale['amount_fen'] / 100:.2f}")
        self._delivered()
        self._say("goods.city")

    def _positive(self) -> None:
        market = self._market
        lot = self._bring_in(SPINACH, 80_000, "河南省郑州市惠济区", "惠济菜农 张建国")
        self._passes(lot, Decimal("21.8"), "菠菜")
        self._slip(self._sell(SPINACH, lot, Decimal("0.900")))
        self._say("positive.sold")
        seen = market.weigh(Decimal("1.200"))
        self._say("positive.next")
        market.test(lot["sample"], Decimal("83.1"), "菠菜")
        market.lot(lot["test_code"], "held")
        try:
            market.station.post(
                "/api/sales", scale="scale-1", product=SPINACH, lot=lot["test_code"], seen_g=seen["net_g"]
            )
        except Refusal as refusal:
            if refusal.code != "lot_held":
                raise
            self._say("positive.refused", refusal=refusal.words)
        else:
            raise StageFailed("a lot whose test was positive was sold")
        for value in ("81.4", "84.7"):
            count = self._shown(lot)["measurements"] + 1
            market.test(lot["sample"], Decimal(value), "菠菜")
            wait_for(f"{value} %", partial(self._measured, lot, count))
        wait_for("the verdict", lambda: self._shown(lot)["verdict"] == "unqualified")
        market.scale.take_off()
        self._say("positive.held")

    def _plug(self) -> None:
        market, entry = self._market, self._on_sale()
        kg = Decimal("4.200")
        seen = market.weigh(kg)
        before = len(market.papers)
        self._say("plug.weighed")
        key = secrets.token_hex(8)
        asked = {"scale": "scale-1", "product": CABBAGE, "lot": entry["test_code"], "seen_g": seen["net_g"]}

        def press() -> None:
            with suppress(OSError, Refusal):  # the answer that nobody sees
                market.station.post("/api/sales", key=key, **asked)

        pressing = threading.Thread(target=press, name="sale", daemon=True)
        pressing.start()
        time.sleep(0.02)
        self.hands.switch("power", False)
        pressing.join()
        self._say("plug.pulled")
        self.hands.switch("power", True)
        self._say("plug.again")
        answers = [self._ask_again(key, asked, kg) for _ in range(2)]
        if answers[0] != answers[1]:
            raise StageFailed(f"the same sale was answered as two: {answers}")
        self.sold.append(answers[0])
        self._slip(answers[0])
        originals = [paper for paper in self._papers_of(answers[0], before) if COPY not in paper.text]
        if len(originals) > 1:
            raise StageFailed(f"{len(originals)} originals of {answers[0]['tx']} came out")
        wait_for("the papers", self._all_printed)
        market.scale.take_off()
        self._say("plug.same")

    def _network(self) -> None:
        market, entry = self._market, self._on_sale()
        self.hands.switch("network", False)
        if market.broker is not None:
            market.station.until("the loss of the network", lambda board: not board["city"]["up"])
        self._say("network.gone")
        self._slip(self._sell(CABBAGE, entry, Decimal("0.780")))
        board = market.station.until("a record that waits", lambda board: board["city"]["pending"])
        self._say("network.sold", pending=str(board["city"]["pending"]))
        self.hands.switch("network", True)
        self._delivered()
        if not market.city_station().get("chain_ok"):
            raise StageFailed("the city finds the chain torn")
        self._say("network.back")

    def _roll(self) -> None:
        market, entry = self._market, self._on_sale()
        wait_for("the papers before", self._all_printed)
        self.hands.switch("paper", False)
        sale = self._sell(CABBAGE, entry, Decimal("1.500"))
        market.station.until("the end of the roll", lambda board: board["printers"][0]["state"] == "paper")
        self._say("roll.sold")
        market.station.until("a slip that waits", lambda board: board["prints"][0]["state"] == "held")
        self._say("roll.held")
        self.hands.switch("paper", True)
        wait_for("the slip again, marked", lambda: any(COPY in paper.text for paper in self._papers_of(sale)), 40)
        wait_for("the end of the slip", self._all_printed)
        self._say("roll.again")

    def _clock(self) -> None:
        market, entry = self._market, self._on_sale()
        wait_for("the papers before", self._all_printed)
        self.hands.switch("network", False)
        self.hands.clock_of_1970()
        market.station.until("doubt of the clock", lambda board: board["clock_state"] == "unsynced")
        self._say("clock.1970")
        sale = self._sell(CABBAGE, entry, Decimal("2.000"))
        if "时间未校准" not in self._slip(sale).text:
            raise StageFailed("the slip does not say that the time is not set")
        self._say("clock.sold")
        self.hands.switch("network", True)
        market.station.until("the city's word", lambda board: board["clock_source"] == "platform", 60)
        self._delivered()
        self._say("clock.city")
        self.hands.switch("clock", True)
        market.station.until("the right time", lambda board: board["clock_state"] == "synced", 60)

    def _phone(self) -> None:
        if not self._market.slips():
            self._slip(self._sell(CABBAGE, self._on_sale(), Decimal("0.860")))
        self._delivered()
        newest = wait_for("a slip", lambda: self._market.slips()[-1:])[0]
        if not self._market.verify_qr(newest):
            raise StageFailed("the newest slip's code is not proven by the station's key")
        self._market.scale.take_off()
        self._say("phone.scan" if self.lan else "phone.local")

    # --- what acts have in common -----------------------------------------------------------------------------------

    def _bring_in(self, product: str, net_g: int, origin: str, supplier: str) -> dict[str, Any]:
        entry = self._market.bring_in(product, net_g, origin, supplier)
        self.entries += 1
        return entry

    def _passes(self, entry: dict[str, Any], inhibition: Decimal, name: str) -> None:
        self._market.test(entry["sample"], inhibition, name)
        self._market.lot(entry["test_code"], "released")

    def _on_sale(self) -> dict[str, Any]:
        """Cabbage that may be sold; what the first act brought in, while the city lets it."""
        if self._cabbage is None or self._shown(self._cabbage).get("state") != "released":
            self._cabbage = self._bring_in(CABBAGE, 320_000, "河南省郑州市中牟县", "中牟县绿源合作社")
            self._passes(self._cabbage, Decimal("12.5"), "白菜")
        return self._cabbage

    def _sell(self, product: str, lot: dict[str, Any], kg: Decimal, buyer: str = "", name: str = "") -> dict[str, Any]:
        sale = self._market.sell(product, lot["test_code"], kg, buyer, name)
        self.sold.append(sale)
        return sale

    def _ask_again(self, key: str, asked: dict[str, Any], kg: Decimal) -> dict[str, Any]:
        """The same sale with the same key, until the scale is there again.

        When the plug was quicker than the sale, nobody can know whose load that is: it is lifted, as the page says.
        """

        def answer() -> dict[str, Any] | None:
            try:
                return self._market.station.post("/api/sales", key=key, **asked)
            except Refusal as refused:
                if refused.code == "empty_first":
                    self._market.weigh(kg)
            return None

        found: dict[str, Any] = wait_for("the answer to the same sale", answer)
        return found

    def _shown(self, lot: dict[str, Any]) -> dict[str, Any]:
        lots = self._market.station.board()["lots"]
        return next((one for one in lots if one["test_code"] == lot["test_code"]), {})

    def _measured(self, lot: dict[str, Any], times: int) -> bool:
        return int(self._shown(lot)["measurements"]) >= times

    def _papers_of(self, sale: dict[str, Any], since: int = 0) -> list[Paper]:
        return [paper for paper in self._market.papers[since:] if sale["url"] in paper.qr]

    def _slip(self, sale: dict[str, Any]) -> Paper:
        """The slip of a sale, once it came out."""
        return wait_for(f"the slip of {sale['tx']}", lambda: self._papers_of(sale), 40)[-1]  # type: ignore[no-any-return]

    def _all_printed(self) -> bool:
        return all(one["state"] not in ("waiting", "printing") for one in self._market.station.board()["prints"])

    def _delivered(self) -> None:
        self._market.station.until("the city's answer", lambda board: board["city"]["pending"] == 0, 60)
