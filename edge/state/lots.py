"""Lots, and the results and plans that concern them: their tables, and what pages see of them.

Part of the core: only the core thread calls this, inside a batch.  All SQL on ``lots``, ``results``, ``unmatched`` and
``channel_plan`` stands here.  A lot of another station is one whose goods this stall took over (``claims.py``); a stop
(``stops.py``) wins over every state.

    pending ──> released        every item its plan asks for is qualified, and nothing about it waits for a person
       │            │
       └──> held <──┘           an item is unqualified, or a positive came after the release
             │
             └──> disposed      a person returned or destroyed the last of it (``hold_steps.py`` has the way there)
"""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from typing import Any

from edge.between.bench_board import Sampling, WaitsFor
from edge.between.board import LotView, OfferView, UnmatchedView
from edge.between.fixed_words import LotState, LotWhy, WholePlant
from edge.between.inbox import Refused
from edge.config.methods import plain
from edge.config.sections import Config
from edge.records.clock import Clock
from edge.records.ledger import Ledger
from edge.records.migrations import minute_of
from edge.records.packing import unpack
from edge.records.writer import Known
from edge.state import alerts
from edge.state.claims import Claim, Claims, Offer, Portion
from edge.state.judgement import UNJUDGED, Doubt, Outcome, repeats_due
from edge.state.stops import Stop, Stops
from edge.state.unread import Unread
from protocol.city.codes import BadCode, CodeKind, TraceCode
from protocol.city.envelope import type_of
from protocol.city.events import VerdictWord
from protocol.city.token import CHINA, kid_of
from protocol.frozen import changed, frozen

OPENED = type_of("lot.opened")
NEWEST = 60  # released lots that pages show although nothing of them is left
TRIED = 50  # released lots of a product that are looked at for one that may be sold
STOCKED = 300  # released lots that pages show while something is left
UNMATCHED_SHOWN = 200
FEW = 100  # lots of a day that are counted anew at each change
COLUMNS = (
    "test_code, seq, product, sample, source, upstream, state, test_seq, items, left_g, whole_plant, whole_plant_by,"
    " card_seq, held_seq, corrected_seq, rechecked_seq, resumed_seq, sampling, disposed_seq"
)
LETTERS = {Outcome.POSITIVE: "p", Outcome.NEGATIVE: "n", Outcome.INVALID: "i"}
OUTCOMES = {letter: outcome for outcome, letter in LETTERS.items()}
THROUGH = (LotState.RELEASED, LotState.DISPOSED)  # an enum's member is slow to name, and hundreds of lots are asked
DECIDED: tuple[VerdictWord, ...] = ("qualified", "unqualified")


@frozen
class LotItem:
    """What is known of one item of a lot: its measurements in order, and what they say together.

    ``method`` is the method's id, empty where only a person said what a result means.  ``seq`` is its newest record,
    ``seqs`` are those of its measurements; 0 for one of a time when they were not kept.
    """

    item: str
    method: str
    outcomes: tuple[Outcome, ...]
    verdict: VerdictWord
    seq: int
    seqs: tuple[int, ...] = ()


@frozen
class Lot:
    """A lot with its entry, as it was corrected last, and its newest test, as their events say.

    ``source`` is the code it is sold by, once released; ``upstream`` the code it came with.  ``left_g`` is what came in
    or was taken over, less what was sold and handed on, in grams; below zero when more was sold.  ``entry`` is its
    ``entry.registered``, or for a lot of another station the ``lot.opened``.  ``stop`` is the order that stops it from
    elsewhere, ``disputed`` says that others took over the same goods (``claims.py``).  ``hold`` is the record of the
    hold that stands here, ``recheck`` that of a person's decision to release it after a recheck.  ``sampling`` says
    whether it was drawn to be tested.
    """

    test_code: str
    seq: int
    product: str
    sample: str
    source: str | None
    upstream: str | None
    state: LotState
    items: tuple[LotItem, ...]
    left_g: int
    whole_plant: WholePlant
    whole_plant_by: str | None
    entry: dict[str, Any]
    test: dict[str, Any] | None
    card_seq: int | None = None
    held_seq: int | None = None
    stop: Stop | None = None
    disputed: bool = False
    hold: dict[str, Any] | None = None
    recheck: dict[str, Any] | None = None
    resumed_seq: int | None = None
    sampling: Sampling = ""

    @property
    def foreign(self) -> bool:
        """Whether another station released it, and this one took goods of it over."""
        return bool(self.entry["type"] == OPENED)

    @property
    def why(self) -> LotWhy:
        """Why it may not be sold, though it was released; falsy when it may."""
        if self.state is LotState.DISPOSED:
            return LotWhy.DISPOSED
        if self.stop is not None:
            return LotWhy.STOPPED
        if self.state is LotState.HELD:
            return LotWhy.HELD if self.hold and not self.hold["data"]["verdict"] else LotWhy.POSITIVE
        return LotWhy.DISPUTED if self.disputed else LotWhy.FINE

    @property
    def plan(self) -> tuple[str, ...]:
        """The items it was registered to be tested for."""
        return tuple(self.entry["data"].get("tests", ()))

    @property
    def unchecked(self) -> bool:
        """Whether it is sold by a source code from elsewhere that nobody has answered for."""
        return self.upstream is not None and self.source == self.upstream

    @property
    def registered(self) -> datetime:
        """When, in the market's local time without a zone, as instruments keep theirs."""
        return local(self.entry["time"])

    def item(self, name: str) -> LotItem | None:
        return next((one for one in self.items if plain(one.item) == plain(name)), None)

    def missing(self) -> tuple[str, ...]:
        """The items of the plan that are not qualified."""
        done = {plain(one.item) for one in self.items if one.verdict == "qualified"}
        return tuple(name for name in self.plan if plain(name) not in done)

    @property
    def sold_g(self) -> int:
        """Grams that are gone of it."""
        return int(self.entry["data"]["net_g"]) - self.left_g

    @property
    def positive(self) -> bool:
        """Whether an item is suspect or worse."""
        return bool({one.verdict for one in self.items} & {"suspect", "unqualified"})

    @property
    def rechecked(self) -> bool:
        """Whether a recheck released it, and nobody has tested it since."""
        tested = int(self.test["sequence"]) if self.test else 0
        return self.recheck is not None and int(self.recheck["sequence"]) > tested

    @property
    def asks_recheck(self) -> bool:
        """Whether only a recheck can put it on sale again: a test is against it, or nothing speaks for it any more."""
        vouched = self.passed or self.unchecked or self.foreign or self.rechecked or self.sampling == "released"
        return self.positive or (self.source is not None and not vouched)

    @property
    def passed(self) -> bool:
        """Whether every item it asks for is qualified, at least one, and none is suspect or worse."""
        qualified = any(one.verdict == "qualified" for one in self.items)
        return not self.missing() and qualified and not self.positive


@frozen
class Waiting:
    """A result that waits for a person: of which analyzer, why, and whose it would be."""

    seq: int
    analyzer: str
    doubts: tuple[Doubt, ...]
    lot: str


def local(time: str) -> datetime:
    """A record's time as a clock on the market's wall shows it, without a zone."""
    return datetime.fromisoformat(time).astimezone(CHINA).replace(tzinfo=None)


class Lots:
    """Owned by the core thread."""

    def __init__(self, config: Config, ledger: Ledger, unread: Unread, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._unread = unread
        self._methods = config.methods()
        self._ledger = ledger
        self._conn = ledger.conn
        signer = ledger.signer
        self._known: Known[str, Lot] = ledger.conn.known("lots", "lot_words", "lot_claims", "events")  # by their codes
        self.stops = Stops(self._conn)
        self.claims = Claims(
            self._conn, f"{signer.node}-{signer.terminal}", kid_of((*signer.earlier, signer.key.public_key())[0]).hex()
        )
        self._stop_ends: float | None = None
        self.offers_changed = True
        self.waits_for: Callable[[Lot], tuple[WaitsFor, ...]] = lambda lot: ()  # what keeps one that passed
        self._views: dict[str, LotView] = {}
        self._pressing: dict[str, LotView] = {}  # of these those that an alert stands against: few, where many wait
        self._of_day: dict[str, LotView] = {}
        self._day = ""
        self._changed: set[str] = set()
        self.holds_changed = True  # whether a lot that is held, or was, has changed since ``Holds.views``
        self.of_day_changed = True  # whether more of a lot than what is left of it has changed since it was counted
        self.unmatched_changed = self.plan_changed = True
        for state, limit in ((LotState.PENDING, -1), (LotState.HELD, -1), (LotState.RELEASED, STOCKED)):
            self._changed |= {
                code
                for (code,) in self._conn.execute(
                    "SELECT test_code FROM lots WHERE state = ? AND disposed_seq IS NULL ORDER BY seq DESC LIMIT ?",
                    (state, limit),
                )
            }

    # --- finding ----------------------------------------------------------------------------------------------------

    def find(self, code: str) -> Lot:
        """The lot with this test code or source code; raises Refused for a mistyped or unknown one."""
        try:
            kind = TraceCode.parse(code).kind
        except BadCode as error:
            raise Refused("bad_code", f"编码 {code[:24]} 有误，请重新扫描或输入", str(error)) from None
        found = self.of_source(code) if kind is CodeKind.SOURCE else self._of_code(code)
        if found is None:
            self._ledger.refuse_gone(TraceCode.parse(code))
            raise Refused("no_lot", f"没有批次 {code}", f"no lot {code}: register the goods first")
        return found

    def of_source(self, code: str) -> Lot | None:
        """The lot that is sold by this source code, or came with it."""
        lot = self._known.get(code) or self._one("source = ?", code) or self._one("upstream = ?", code)
        if lot is not None and lot.test_code in self._known:
            self._known[code] = lot
        return lot

    def of_sample(self, sample: str) -> Lot | None:
        """The newest lot with this sample number."""
        return self._one("sample = ? AND sample <> '' ORDER BY seq DESC LIMIT 1", sample)

    def records(self, code: str) -> dict[str, set[int]]:
        """The lots that any of their codes names, by test code, with the entry and the newest test of each item."""
        rows = self._conn.execute(
            "SELECT test_code, items, seq, test_seq, card_seq, held_seq, corrected_seq, rechecked_seq FROM lots"
            " WHERE test_code = ?1 OR source = ?1 OR upstream = ?1",
            (code,),
        )
        return {
            test_code: {at for at in (*seqs, *(row[4] for row in json.loads(items))) if at}
            for test_code, items, *seqs in rows.fetchall()
        }

    def in_channel(self, analyzer: str, channel: str | None) -> tuple[str, str]:
        """The code of what is planned in this channel, and since when; both empty where nothing is."""
        row = self._conn.execute(
            "SELECT test_code, planned FROM channel_plan WHERE analyzer = ? AND channel = ?", (analyzer, channel)
        ).fetchone()
        return (row[0], row[1]) if row else ("", "")

    def of_channel(self, analyzer: str, channel: str | None) -> tuple[Lot, datetime] | None:
        """The lot planned in this channel, and when it was planned, in local time."""
        code, since = self.in_channel(analyzer, channel)
        lot = self._of_code(code) if code else None
        return (lot, local(since)) if lot else None

    def pending(self) -> list[Lot]:
        """Those that wait for their verdict, the oldest first."""
        rows = self._conn.execute(f"SELECT {COLUMNS} FROM lots WHERE state = 'pending' ORDER BY seq").fetchall()
        return [self._lot(row) for row in rows]

    def on_sale(self, product: str) -> Lot | None:
        """The oldest released lot of a product (first in, first out), one with something left before one without."""
        rows = self._conn.execute(
            f"SELECT {COLUMNS} FROM lots WHERE product = ? AND source IS NOT NULL AND state = 'released'"
            " ORDER BY left_g > 0 DESC, seq LIMIT ?",
            (product, TRIED),
        )
        lots = (self._lot(row) for row in rows.fetchall())
        return next((lot for lot in lots if not lot.why), None)

    def suspended_of(self, product: str) -> list[Lot]:
        """Lots of a product that were on sale and may not be sold now, with something left; the newest first."""
        rows = self._conn.execute(
            f"SELECT {COLUMNS} FROM lots WHERE product = ? AND source IS NOT NULL AND disposed_seq IS NULL"
            " AND left_g > 0 ORDER BY seq DESC LIMIT ?",
            (product, TRIED),
        )
        return [lot for row in rows.fetchall() if (lot := self._lot(row)).why]

    def _of_code(self, code: str) -> Lot | None:
        """The lot with this test code."""
        return self._known.get(code) or self._one("test_code = ?", code)

    def _one(self, where: str, *values: object) -> Lot | None:
        row = self._conn.execute(f"SELECT {COLUMNS} FROM lots WHERE {where}", values).fetchone()
        return self._lot(row) if row else None

    def _lot(self, row: tuple[Any, ...]) -> Lot:
        if (known := self._known.get(row[0])) is not None:
            return known
        code, seq, product, sample, source, upstream, state, test_seq, items, left_g, whole_plant, by, *more = row
        card_seq, held_seq, corrected_seq, rechecked_seq, resumed_seq, sampling, disposed_seq = more
        codes = code, source, upstream
        silent = self.stops.silent(codes)
        entry = self._ledger.event(seq)
        if corrected_seq:
            entry = {**entry, "data": self._ledger.event(corrected_seq)["data"]["now"]}
        lot = Lot(
            test_code=code,
            seq=seq,
            product=product,
            sample=sample,
            source=source,
            upstream=upstream,
            state=LotState.DISPOSED if disposed_seq else LotState(state),
            items=tuple(_item(*row) for row in json.loads(items)),
            left_g=left_g,
            whole_plant=whole_plant,
            whole_plant_by=by,
            entry=entry,
            test=self._ledger.event(test_seq) if test_seq else None,
            card_seq=card_seq,
            held_seq=held_seq,
            stop=None if silent else self.stopped(*codes),
            disputed=bool(source) and self._disputed(str(source), left_g),
            hold=self._ledger.event(held_seq) if held_seq and state == LotState.HELD else None,
            recheck=self._ledger.event(rechecked_seq) if rechecked_seq else None,
            resumed_seq=resumed_seq,
            sampling=sampling,
        )
        if silent:  # what is said of a lot may end, or count again, with the time
            self._known[code] = lot
        return lot

    def _disputed(self, source: str, left_g: int) -> bool:
        """Whether others took over the same goods, and no supervisor here has settled it."""
        if left_g < 0 and self.claims.given(source):
            return True
        return any(
            claim.station == self.claims.station and not claim.settled
            for _, claims in self.claims.contested(source)
            for claim in claims
        )

    # --- changing ---------------------------------------------------------------------------------------------------

    def add(self, code: str, seq: int, entry: Any, state: LotState, whole_plant: WholePlant) -> None:
        """A lot of goods that came in; ``entry`` is its record. One that is released is sold by its upstream code."""
        self._conn.execute(
            "INSERT INTO lots (test_code, seq, product, sample, source, upstream, state, left_g, whole_plant)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                code,
                seq,
                entry.goods.product,
                entry.sample,
                entry.upstream if state is LotState.RELEASED else None,
                entry.upstream,
                state.value,
                entry.net_g,
                whole_plant,
            ),
        )
        self._changed.add(code)

    def judged(self, lot: Lot, item: LotItem, state: LotState, source: str | None) -> None:
        """A result of this lot was recorded: its item, the lot's state, and its new source code when it has one."""
        known = lot.item(item.item)
        item = replace(item, seqs=(*(known.seqs if known else ()), item.seq))
        items = [*(one for one in lot.items if one is not known), item]
        self._judge(lot, items, state, source or lot.source, item.seq)

    def judged_anew(self, lot: Lot, items: Sequence[LotItem], state: LotState, source: str | None) -> None:
        """A person corrected what is known of a lot: these are its items now, its state, and its source code."""
        self._judge(lot, items, state, source, max((one.seq for one in items), default=None))

    def _judge(
        self, lot: Lot, items: Sequence[LotItem], state: LotState, source: str | None, test_seq: int | None
    ) -> None:
        stored = [
            [
                one.item,
                one.method,
                "".join(LETTERS[outcome] for outcome in one.outcomes),
                one.verdict,
                one.seq,
                one.seqs,
            ]
            for one in items
        ]
        self._conn.execute(
            "UPDATE lots SET state = ?, source = ?, test_seq = ?, items = ? WHERE test_code = ?",
            (as_kept(state), source, test_seq, json.dumps(stored, ensure_ascii=False), lot.test_code),
        )
        self._changed.add(lot.test_code)

    def recorded_again(self, lot: Lot, before: int, seq: int) -> None:
        """The record of a measurement is this one from now on; what it says of the lot is the same."""
        items = [
            replace(one, seq=seq, seqs=tuple(seq if at == before else at for at in one.seqs))
            if one.seq == before
            else one
            for one in lot.items
        ]
        self._judge(lot, items, lot.state, lot.source, max(one.seq for one in items))

    def corrected(self, lot: Lot, seq: int, product: str, more_g: int, whole_plant: WholePlant) -> None:
        """What was registered of a lot was corrected by this record; ``more_g`` is what more came in."""
        self._conn.execute(
            "UPDATE lots SET corrected_seq = ?, product = ?, whole_plant = ? WHERE test_code = ?",
            (seq, product, whole_plant, lot.test_code),
        )
        self.back(lot, more_g)

    def sold(self, lot: Lot, net_g: int) -> None:
        """Goods of it are gone: sold, or handed to another stall."""
        self.back(lot, -net_g)

    def back(self, lot: Lot, net_g: int) -> None:
        """Goods of it are here again: a sale was voided, or there is more of it than was thought.

        Of a lot that was disposed of they are held again.
        """
        known = self._known.pop(lot.test_code, None)
        codes = {code for code in (lot.source, lot.upstream) if code and known and self._known.get(code) is known}
        for code in codes:
            del self._known[code]
        self._conn.execute(
            "UPDATE lots SET left_g = left_g + ?1, disposed_seq = CASE WHEN left_g + ?1 > 0 THEN NULL ELSE disposed_seq"
            " END WHERE test_code = ?2",
            (net_g, lot.test_code),
            keeps=self._known,
        )
        if known and known.state is not LotState.DISPOSED and min(known.left_g, known.left_g + net_g) >= 0:
            known = changed(known, left_g=known.left_g + net_g)  # with something left, nothing else of it can change
            self._known.update(dict.fromkeys((lot.test_code, *codes), known))
        self._changed.add(lot.test_code)

    def carded(self, lot: Lot, seq: int) -> None:
        """This record has its newest card: it was released, or part of it was handed on."""
        self._conn.execute("UPDATE lots SET card_seq = ? WHERE test_code = ?", (seq, lot.test_code))

    def suspended(self, lot: Lot, seq: int) -> None:
        """This record says that its sale is suspended."""
        self._conn.execute(
            "UPDATE lots SET held_seq = ?, disposed_seq = NULL WHERE test_code = ?", (seq, lot.test_code)
        )
        self._changed.add(lot.test_code)

    def becomes(self, lot: Lot, state: LotState, source: str | None) -> None:
        """A person holds it, or ends its hold."""
        self._conn.execute(
            "UPDATE lots SET state = ?, source = ? WHERE test_code = ?", (as_kept(state), source, lot.test_code)
        )
        self._changed.add(lot.test_code)

    def rechecked(self, lot: Lot, seq: int) -> None:
        """By this record a person releases it after a recheck: what tests found against it is overruled by that."""
        items = [replace(one, verdict="qualified") for one in lot.items]
        self._judge(lot, items, lot.state, lot.source, int(lot.test["sequence"]) if lot.test else None)
        self._conn.execute("UPDATE lots SET rechecked_seq = ? WHERE test_code = ?", (seq, lot.test_code))

    def drawn(self, lot: Lot, sampling: Sampling) -> None:
        """Whether it is one of those that are tested."""
        self._conn.execute("UPDATE lots SET sampling = ? WHERE test_code = ?", (sampling, lot.test_code))
        self._changed.add(lot.test_code)

    def disposed(self, lot: Lot, seq: int) -> None:
        """By this record nothing of it is left: the last of it was returned or destroyed."""
        self._conn.execute("UPDATE lots SET left_g = 0, disposed_seq = ? WHERE test_code = ?", (seq, lot.test_code))
        self._changed.add(lot.test_code)

    def resumed(self, lot: Lot, seq: int) -> None:
        """This record says that its hold has ended."""
        self._conn.execute("UPDATE lots SET resumed_seq = ? WHERE test_code = ?", (seq, lot.test_code))

    # --- lots of elsewhere ------------------------------------------------------------------------------------------

    def open_foreign(self, portion: Portion, opened: Any, seq: int) -> None:
        """Goods of another station's lot were taken over; ``opened`` is the record. More of one that is here is added
        to it."""
        lot = self.of_source(portion.source)
        if lot is None:
            self._conn.execute(
                "INSERT INTO lots (test_code, seq, product, sample, source, state, left_g)"
                " VALUES (?, ?, ?, '', ?, 'released', ?)",
                (opened.lot, seq, opened.goods.product, portion.source, opened.net_g),
            )
            self._changed.add(opened.lot)
        else:
            self.back(lot, opened.net_g)
        self.claims.take(portion, Claim(self.claims.station, opened.net_g, opened.of_g, seq))
        self.claims.withdraw(portion)
        self.offers_changed = True

    def claimed(self, portion: Portion, claim: Claim) -> None:
        """A station, or a supervisor here, says what was taken over of a portion.

        What others take by the card of a lot of ours is no longer ours to sell.
        """
        more_g = self.claims.take(portion, claim)
        lot = self.of_source(portion.source)
        if lot is None:
            return
        self._changed.add(lot.test_code)
        if claim.station == self.claims.station:
            self.back(lot, more_g)
        elif portion.kid == self.claims.kid and not portion.number and more_g:
            self.back(lot, -more_g)

    def offer(self, offer: Offer, at: float) -> None:
        """A portion may be opened here without its card, unless it was."""
        if self.claims.own(offer.portion) is None:
            self.claims.offer(offer, at)
            self.offers_changed = True

    def stop(
        self, code: str, why: str, by: str, *, at: float | None = None, number: int = 0, until: float | None = None
    ) -> bool:
        """The sale of this lot stops, known here or not; ``code`` is its source or test code. False for old news.

        ``at`` is when it was ordered, left out: now; ``number`` the record of the station that orders it.
        """
        return self._say(code, by, stops=True, why=why, at=at, number=number, until=until)

    def resume(self, code: str, by: str, *, at: float | None = None, number: int = 0) -> bool:
        """What this authority stopped may be sold again, or what anybody stopped when it is the city's word."""
        return self._say(code, by, stops=False, at=at, number=number)

    def _say(self, code: str, by: str, *, at: float | None, **more: Any) -> bool:
        if not self.stops.say(code, by, at=self._clock.now().seconds if at is None else at, **more):
            return False
        rows = self._conn.execute(
            "SELECT test_code FROM lots WHERE test_code = ?1 OR source = ?1 OR upstream = ?1", (code,)
        )
        self._changed |= {test_code for (test_code,) in rows.fetchall()}
        self.offers_changed = True
        self._stop_ends = None
        return True

    def stopped(self, *codes: str | None) -> Stop | None:
        """The order that stops a lot with any of these codes."""
        now = self._clock.now()
        return self.stops.of(codes, now.seconds if now.trusted else None)

    def contested(self, source: str) -> list[tuple[Portion, list[Claim]]]:
        """The portions of a lot that were taken over more than once, as far as this station has to do with them.

        For the lot's own station that is the whole of it, of which it sold or handed on what others have.
        """
        lot, found = self.of_source(source), dict(self.claims.contested(source))
        if lot is not None and lot.left_g < 0 and self.claims.given(source):
            whole, own = Portion(source, self.claims.kid, 0), self.claims.station
            others = [claim for claim in self.claims.of(whole) if claim.station != own]
            net_g = int(lot.entry["data"]["net_g"])
            used = max(0, net_g - sum(claim.net_g for claim in others) - lot.left_g)
            before = self.claims.own(whole)
            found[whole] = [*others, Claim(own, used, net_g, 0, told=bool(before and before.told))]
        return list(found.items())

    def all_pending_touched(self) -> None:
        """What is asked before a release changed: pages show anew what each lot waits for."""
        self._changed |= {code for code, view in self._views.items() if view.state is LotState.PENDING}

    def forgotten(self, codes: Iterable[str]) -> None:
        """Their records were kept their time and are gone, and they with them."""
        self._changed |= set(codes)
        for code in codes:
            self._of_day.pop(code, None)
        self.unmatched_changed = self.plan_changed = self.holds_changed = self.of_day_changed = True

    def touched(self, lot: Lot) -> None:
        """Something that pages show of it changed."""
        self._changed.add(lot.test_code)

    def held(self) -> list[Lot]:
        """Every lot that this station holds."""
        rows = self._conn.execute(
            f"SELECT {COLUMNS} FROM lots WHERE state = 'held' AND disposed_seq IS NULL"
        ).fetchall()
        return [self._lot(row) for row in rows]

    def holds(self, limit: int) -> list[int]:
        """The records of this station's holds that stand; the newest."""
        rows = self._conn.execute(
            "SELECT held_seq FROM lots WHERE state = 'held' AND held_seq IS NOT NULL ORDER BY 1 DESC LIMIT ?", (limit,)
        )
        return sorted(seq for (seq,) in rows.fetchall())

    def standing(self, limit: int) -> list[int]:
        """The other records of this station that others have to know: which holds have ended, and what it released,
        opened and handed on of which something is left; the newest."""
        rows = self._conn.execute(
            "SELECT max(held_seq, coalesce(resumed_seq, 0)) FROM lots WHERE state <> 'held' AND held_seq IS NOT NULL"
            " UNION SELECT card_seq FROM lots WHERE state = 'released' AND left_g > 0 AND card_seq IS NOT NULL"
            " UNION SELECT lot_claims.seq FROM lot_claims JOIN lots USING (source) WHERE station = ? AND left_g > 0"
            " ORDER BY 1 DESC LIMIT ?",
            (self.claims.station, limit),
        )
        return sorted(seq for (seq,) in rows.fetchall())

    def offer_views(self) -> tuple[OfferView, ...]:
        """What may be opened here without its card, of products that this stall has; nothing that is stopped."""
        known = {part.code for part in self._config.product}
        return tuple(
            OfferView(
                source=offer.portion.source,
                kid=offer.portion.kid,
                portion=offer.portion.number,
                station=offer.station,
                product=facts["goods"]["product"],
                product_name=facts["goods"]["name"],
                origin=facts["origin"],
                supplier=facts["supplier"],
                net_g=facts["net_g"],
            )
            for offer in self.claims.offers()
            if (facts := offer.facts)["goods"]["product"] in known
            and self.stopped(facts["lot"], offer.portion.source) is None
        )

    # --- what is done with a lot ------------------------------------------------------------------------------------

    def whole_plant_done(self, lot: Lot, person: str) -> None:
        self._conn.execute(
            "UPDATE lots SET whole_plant = 'done', whole_plant_by = ? WHERE test_code = ?", (person, lot.test_code)
        )
        self._changed.add(lot.test_code)

    def plan(self, analyzer: str, channel: str, code: str, time: str) -> None:
        """Whose sample lies in a channel from ``time`` on, by its test code or that of brought food; none clears it."""
        self._conn.execute("DELETE FROM channel_plan WHERE analyzer = ? AND channel = ?", (analyzer, channel))
        if code:
            self._conn.execute("INSERT INTO channel_plan VALUES (?, ?, ?, ?)", (analyzer, channel, code, time))
        self.plan_changed = True

    # --- results ----------------------------------------------------------------------------------------------------

    def result(self, analyzer: str, identity: str, measured_at: datetime | None) -> int | None:
        """The record of a result that this instrument already handed over."""
        row = self._conn.execute(
            "SELECT seq FROM results WHERE analyzer = ? AND identity = ?", (analyzer, _short(identity, measured_at))
        ).fetchone()
        return int(row[0]) if row else None

    def remember(self, analyzer: str, identity: str, measured_at: datetime | None, seq: int, day: str) -> None:
        """A new result was recorded; it counts for its instrument's day."""
        self._conn.execute("INSERT INTO results VALUES (?, ?, ?)", (analyzer, _short(identity, measured_at), seq))
        self._conn.execute(
            "INSERT INTO results_of_day VALUES (?, ?, 1) ON CONFLICT (analyzer) DO UPDATE"
            " SET count = CASE WHEN day = excluded.day THEN count + 1 ELSE 1 END, day = excluded.day",
            (analyzer, day),
        )

    def results_of(self, analyzer: str, day: str) -> int:
        """How many results of this instrument were recorded on this day, the newest one of its results."""
        row = self._conn.execute(
            "SELECT count FROM results_of_day WHERE analyzer = ? AND day = ?", (analyzer, day)
        ).fetchone()
        return int(row[0]) if row else 0

    def wait(self, seq: int, analyzer: str, doubts: Iterable[Doubt], lot: Lot | None) -> None:
        """A result waits for a person to say whose it is or what it means."""
        why = " ".join(doubt.value for doubt in doubts)
        code = lot.test_code if lot else ""
        self._conn.execute("INSERT INTO unmatched VALUES (?, ?, ?, ?)", (seq, analyzer, why, code))
        self.unmatched_changed = True
        if lot:
            self._changed.add(lot.test_code)

    def waits(self, seq: int) -> Waiting | None:
        """The result of this record, when it waits for a person."""
        row = self._conn.execute("SELECT seq, analyzer, why, lot FROM unmatched WHERE seq = ?", (seq,)).fetchone()
        return _waiting(*row) if row else None

    def answered(self, waiting: Waiting) -> None:
        """Somebody has said whose result it is."""
        self._conn.execute("DELETE FROM unmatched WHERE seq = ?", (waiting.seq,))
        self.unmatched_changed = True
        if waiting.lot:
            self._changed.add(waiting.lot)

    def blocked(self, lot: Lot) -> bool:
        """Whether a result of this lot waits whose meaning is open: it is not released before that is settled."""
        rows = self._conn.execute(
            "SELECT seq, analyzer, why, lot FROM unmatched WHERE lot = ? AND lot <> ''", (lot.test_code,)
        )
        return any(blocks(_waiting(*row).doubts) for row in rows)

    # --- what pages see ---------------------------------------------------------------------------------------------

    @property
    def changed(self) -> bool:
        """Whether ``views`` has news; a stop that ends by itself is some."""
        if self._stop_ends is not None:
            now = self._clock.now()
            if now.trusted and now.seconds >= self._stop_ends:
                self._changed |= set(self._views)
                self._stop_ends = None
        return bool(self._changed)

    def views(self) -> tuple[LotView, ...]:
        """Newest first: all that are pending or held; of the released those with something left, and the newest.

        A lot whose records are damaged is left out, and told.
        """
        for code in list(self._changed):
            before = self._views.pop(code, None)
            self._pressing.pop(code, None)
            try:
                if (lot := self._of_code(code)) is not None:  # else its batch was not committed
                    self._views[code] = self._of_day[code] = now = self.view_of(lot)
                    self.holds_changed |= now.own_hold or (before is not None and before.own_hold)
                    self.of_day_changed |= before is None or changed(before, left_g=now.left_g) != now
                    if alerts.words_of(now):
                        self._pressing[code] = now
            except Exception as error:
                self._skip(f"lot {code}", error)
            self._changed.discard(code)
        if self._stop_ends is None:
            self._stop_ends = self.stops.next_end(self._clock.now().seconds)
        shown = sorted(self._views.values(), key=attrgetter("seq"), reverse=True)
        released = [view for view in shown if view.state in THROUGH]
        gone = {
            view.test_code
            for place, view in enumerate(released)
            if place >= STOCKED or (place >= NEWEST and view.left_g <= 0)
        }
        for code in gone:
            del self._views[code]
            self._pressing.pop(code, None)
        return tuple(view for view in shown if view.test_code not in gone) if gone else tuple(shown)

    def pressing(self) -> list[LotView]:
        """Those that ``views`` answered last at which a person has to look."""
        return list(self._pressing.values())

    def of_day(self, day: str) -> list[LotView]:
        """Every lot that came in on this day, also those that are gone from the pages; the newest day that is asked for
        is kept."""
        if day != self._day:
            self._day = day
            self._of_day = {code: view for code, view in self._of_day.items() if view.registered[:10] >= day}
        return [view for view in self._of_day.values() if view.registered[:10] == day]

    @property
    def few_today(self) -> bool:
        """Whether what is counted of today's lots costs next to nothing."""
        return len(self._of_day) <= FEW

    def counts(self) -> dict[str, int]:
        """How many lots wait for their verdict and how many are held; ``views`` holds every one of them."""
        states = [view.state for view in self._views.values()]
        return {state: states.count(state) for state in (LotState.PENDING, LotState.HELD)}

    def unmatched_views(self) -> tuple[UnmatchedView, ...]:
        """Results that wait for a person, newest first."""
        rows = self._conn.execute(
            "SELECT unmatched.seq, analyzer, why, lot, body FROM unmatched JOIN events USING (seq)"
            " ORDER BY seq DESC LIMIT ?",
            (UNMATCHED_SHOWN,),
        )
        views = []
        for seq, *row, stored in rows.fetchall():
            body = unpack(stored)
            try:
                views.append(_unmatched_view(_waiting(seq, *row), json.loads(body)))
            except Exception as error:
                self._skip(f"record {seq}", error, body)
        return tuple(views)

    def _skip(self, name: str, error: Exception, body: bytes = b"") -> None:
        """One that cannot be shown must not hide the others; what says something of the ledger itself goes on."""
        if self._ledger.explained(error) is not None:
            raise error
        self._unread.keep("record", name, error, body)

    def unmatched_counts(self) -> dict[str, int]:
        """How many results of each analyzer wait for a person."""
        return dict(self._conn.execute("SELECT analyzer, count(*) FROM unmatched GROUP BY analyzer").fetchall())

    def plan_view(self) -> tuple[tuple[str, str, str], ...]:
        """The channel plan: analyzer, channel, code of the lot or of brought food."""
        rows = self._conn.execute("SELECT analyzer, channel, test_code FROM channel_plan").fetchall()
        return tuple((analyzer, channel, test_code) for analyzer, channel, test_code in rows)

    def view_of(self, lot: Lot) -> LotView:
        """What pages see of it."""
        entry, test = lot.entry["data"], lot.test["data"] if lot.test else None
        shown = next((one for one in lot.items if lot.test and one.seq == int(lot.test["sequence"])), None)
        method = self._methods.get(shown.method) if shown else None
        pending = lot.state is LotState.PENDING
        return LotView(
            test_code=lot.test_code,
            seq=lot.seq,
            source=lot.source,
            upstream=lot.upstream,
            unchecked=lot.unchecked,
            state=LotState.HELD if lot.stop and lot.state is not LotState.DISPOSED else lot.state,
            why=lot.why,
            stop=lot.stop.why if lot.stop else lot.hold["data"]["why"] if lot.hold and lot.why is LotWhy.HELD else "",
            own_hold=lot.state is LotState.HELD,
            asks_recheck=lot.state is LotState.HELD and lot.asks_recheck,
            rechecked=lot.rechecked,
            foreign=lot.foreign,
            product=entry["goods"]["product"],
            product_name=entry["goods"]["name"],
            origin=entry["origin"],
            supplier=entry["supplier"],
            sample=lot.sample,
            net_g=entry["net_g"],
            left_g=lot.left_g,
            registered=lot.entry["time"],
            verdict="qualified" if lot.rechecked else test["verdict"] if test else entry.get("verdict"),
            item=test["item"] if test else entry.get("item"),
            value=test["value"] if test and not lot.rechecked else None,
            unit=test and test["unit"],
            measurements=len(shown.outcomes) if shown else 0,
            repeats_due=repeats_due(shown.outcomes, method) if shown and method and pending else 0,
            repeats=method.repeats if method else 0,
            whole_plant=lot.whole_plant,
            missing=lot.missing() if len(lot.plan) > 1 and pending else (),
            in_doubt=pending and self.blocked(lot),
            waits=self.waits_for(lot) if pending else (),
            sampling=lot.sampling,
            upto=max(lot.seq, int(lot.test["sequence"]) if lot.test else 0, lot.held_seq or 0),
        )


def as_kept(state: LotState) -> str:
    """As it stands in a row: what was disposed of stays held there."""
    return (LotState.HELD if state is LotState.DISPOSED else state).value


def blocks(doubts: Sequence[Doubt]) -> bool:
    """Whether a waiting result surely is the lot's and only its meaning is open."""
    return bool(doubts) and all(doubt in UNJUDGED or doubt is Doubt.UNSURE for doubt in doubts)


def _item(name: str, method: str, letters: str, verdict: VerdictWord, seq: int, seqs: Sequence[int] = ()) -> LotItem:
    """An item as it stands in a row; rows of an older version have no ``seqs``."""
    known = tuple(seqs) or (*(0 for _ in letters[1:]), seq)
    return LotItem(name, method, tuple(OUTCOMES[letter] for letter in letters), verdict, seq, known)


def _waiting(seq: int, analyzer: str, why: str, lot: str) -> Waiting:
    return Waiting(seq, analyzer, tuple(Doubt(word) for word in why.split()), lot)


def _unmatched_view(waiting: Waiting, event: dict[str, Any]) -> UnmatchedView:
    data = event["data"]
    said = data["analyzer"]
    return UnmatchedView(
        seq=waiting.seq,
        analyzer=waiting.analyzer,
        sample=said["sample"],
        channel=said["channel"],
        item=data["item"],
        value=data["value"],
        unit=data["unit"],
        text=data["text"],
        time=event["time"],
        verdict=said["verdict"],
        why=tuple(doubt.value for doubt in waiting.doubts),
        lot=waiting.lot,
        measured_at=said["measured_at"],
        goods=said["goods"],
        asks_verdict=any(doubt in UNJUDGED for doubt in waiting.doubts),
    )


def _short(identity: str, measured_at: datetime | None) -> bytes:
    """Twelve bytes that stand for a result: the minute of its year first, so that results of a morning lie together and
    not one on each page of the disk. The year is left out: some instruments do not say it."""
    return minute_of(measured_at) + hashlib.sha256(identity.encode()).digest()[:9]


def by_state(conn: sqlite3.Connection) -> dict[str, int]:
    """How many lots there are of each state."""
    return dict(conn.execute("SELECT state, count(*) FROM lots GROUP BY state"))
