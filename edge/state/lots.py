"""Lots, and the results and plans that concern them: their tables, and what pages see of them.

Part of the core: only the core thread calls this, inside a batch.  All SQL on ``lots``, ``results``, ``unmatched`` and
``channel_plan`` stands here.

    pending ──> released        every item its plan asks for is qualified, and nothing about it waits for a person
       │            │
       └──> held <──┘           an item is unqualified, or a positive came after the release
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from edge.between.board import LotView, UnmatchedView
from edge.between.fixed_words import LotState, WholePlant
from edge.between.inbox import Refused
from edge.config.methods import plain
from edge.config.sections import Config
from edge.records.ledger import Ledger
from edge.state.judgement import UNJUDGED, Doubt, Outcome, repeats_due
from edge.state.unread import Unread
from protocol.city.codes import BadCode, CodeKind, TraceCode
from protocol.city.events import VerdictWord
from protocol.city.token import CHINA

NEWEST = 60  # released lots that pages show although nothing of them is left
STOCKED = 300  # released lots that pages show while something is left
UNMATCHED_SHOWN = 200
COLUMNS = (
    "test_code, seq, product, sample, source, upstream, state, test_seq, items, left_g, whole_plant, whole_plant_by"
)
LETTERS = {Outcome.POSITIVE: "p", Outcome.NEGATIVE: "n", Outcome.INVALID: "i"}
OUTCOMES = {letter: outcome for outcome, letter in LETTERS.items()}
DECIDED: tuple[VerdictWord, ...] = ("qualified", "unqualified")


@dataclass(frozen=True, slots=True)
class LotItem:
    """What is known of one item of a lot: its measurements in order, and what they say together.

    ``method`` is the method's id, empty where only a person said what a result means.  ``seq`` is its newest record.
    """

    item: str
    method: str
    outcomes: tuple[Outcome, ...]
    verdict: VerdictWord
    seq: int


@dataclass(frozen=True, slots=True)
class Lot:
    """A lot with its entry and its newest test, as their events say.

    ``source`` is the code it is sold by, once released; ``upstream`` the code it came with.  ``left_g`` is what came in
    less what was sold, in grams; below zero when more was sold.
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

    @property
    def plan(self) -> tuple[str, ...]:
        """The items it was registered to be tested for."""
        return tuple(self.entry["data"]["tests"])

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
    def passed(self) -> bool:
        """Whether every item it asks for is qualified, at least one, and none is suspect or worse."""
        verdicts = {one.verdict for one in self.items}
        return not self.missing() and "qualified" in verdicts and not verdicts & {"suspect", "unqualified"}


@dataclass(frozen=True, slots=True)
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

    def __init__(self, config: Config, ledger: Ledger, unread: Unread) -> None:
        self._config = config
        self._unread = unread
        self._methods = config.methods()
        self._ledger = ledger
        self._conn = ledger.conn
        self._views: dict[str, LotView] = {}
        self._changed: set[str] = set()
        self.unmatched_changed = self.plan_changed = True
        for state, limit in ((LotState.PENDING, -1), (LotState.HELD, -1), (LotState.RELEASED, STOCKED)):
            self._changed |= {
                code
                for (code,) in self._conn.execute(
                    "SELECT test_code FROM lots WHERE state = ? ORDER BY seq DESC LIMIT ?", (state, limit)
                )
            }

    # --- finding ----------------------------------------------------------------------------------------------------

    def find(self, code: str) -> Lot:
        """The lot with this test code or source code; raises Refused for a mistyped or unknown one."""
        try:
            kind = TraceCode.parse(code).kind
        except BadCode as error:
            raise Refused("bad_code", f"编码 {code[:24]} 有误，请重新扫描或输入", str(error)) from None
        found = self.of_source(code) if kind is CodeKind.SOURCE else self._one("test_code = ?", code)
        if found is None:
            raise Refused("no_lot", f"没有批次 {code}", f"no lot {code}: register the goods first")
        return found

    def of_source(self, code: str) -> Lot | None:
        """The lot that is sold by this source code, or came with it."""
        return self._one("source = ?", code) or self._one("upstream = ?", code)

    def of_sample(self, sample: str) -> Lot | None:
        """The newest lot with this sample number."""
        return self._one("sample = ? ORDER BY seq DESC LIMIT 1", sample)

    def records(self, code: str) -> dict[str, set[int]]:
        """The lots that any of their codes names, by test code, with the entry and the newest test of each item."""
        rows = self._conn.execute(
            "SELECT test_code, seq, test_seq, items FROM lots WHERE test_code = ?1 OR source = ?1 OR upstream = ?1",
            (code,),
        )
        return {
            test_code: {seq, *([test_seq] if test_seq else []), *(at for *_, at in json.loads(items) if at)}
            for test_code, seq, test_seq, items in rows.fetchall()
        }

    def of_channel(self, analyzer: str, channel: str | None) -> tuple[Lot, datetime] | None:
        """The lot planned in this channel, and when it was planned, in local time."""
        row = self._conn.execute(
            "SELECT test_code, planned FROM channel_plan WHERE analyzer = ? AND channel = ?", (analyzer, channel)
        ).fetchone()
        return (self.find(row[0]), local(row[1])) if row else None

    def on_sale(self, product: str) -> Lot | None:
        """The newest released lot of a product, one with something left before one without."""
        return self._one("state = 'released' AND product = ? ORDER BY left_g > 0 DESC, seq DESC LIMIT 1", product)

    def _one(self, where: str, *values: object) -> Lot | None:
        row = self._conn.execute(f"SELECT {COLUMNS} FROM lots WHERE {where}", values).fetchone()
        return self._lot(row) if row else None

    def _lot(self, row: tuple[Any, ...]) -> Lot:
        code, seq, product, sample, source, upstream, state, test_seq, items, left_g, whole_plant, by = row
        return Lot(
            test_code=code,
            seq=seq,
            product=product,
            sample=sample,
            source=source,
            upstream=upstream,
            state=LotState(state),
            items=tuple(
                LotItem(name, method, tuple(OUTCOMES[letter] for letter in letters), verdict, at)
                for name, method, letters, verdict, at in json.loads(items)
            ),
            left_g=left_g,
            whole_plant=whole_plant,
            whole_plant_by=by,
            entry=self._ledger.event(seq),
            test=self._ledger.event(test_seq) if test_seq else None,
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
        items = [*(one for one in lot.items if plain(one.item) != plain(item.item)), item]
        stored = [
            [one.item, one.method, "".join(LETTERS[outcome] for outcome in one.outcomes), one.verdict, one.seq]
            for one in items
        ]
        self._conn.execute(
            "UPDATE lots SET state = ?, source = coalesce(?, source), test_seq = ?, items = ? WHERE test_code = ?",
            (state.value, source, item.seq, json.dumps(stored, ensure_ascii=False), lot.test_code),
        )
        self._changed.add(lot.test_code)

    def sold(self, lot: Lot, net_g: int) -> None:
        self._conn.execute("UPDATE lots SET left_g = left_g - ? WHERE test_code = ?", (net_g, lot.test_code))
        self._changed.add(lot.test_code)

    def whole_plant_done(self, lot: Lot, person: str) -> None:
        self._conn.execute(
            "UPDATE lots SET whole_plant = 'done', whole_plant_by = ? WHERE test_code = ?", (person, lot.test_code)
        )
        self._changed.add(lot.test_code)

    def plan(self, analyzer: str, channel: str, lot: Lot | None, time: str) -> None:
        """Whose sample lies in a channel from ``time`` on; None clears it."""
        self._conn.execute("DELETE FROM channel_plan WHERE analyzer = ? AND channel = ?", (analyzer, channel))
        if lot is not None:
            self._conn.execute("INSERT INTO channel_plan VALUES (?, ?, ?, ?)", (analyzer, channel, lot.test_code, time))
        self.plan_changed = True

    # --- results ----------------------------------------------------------------------------------------------------

    def result(self, analyzer: str, identity: str) -> int | None:
        """The record of a result that this instrument already handed over."""
        row = self._conn.execute(
            "SELECT seq FROM results WHERE analyzer = ? AND identity = ?", (analyzer, _short(identity))
        ).fetchone()
        return int(row[0]) if row else None

    def remember(self, analyzer: str, identity: str, seq: int, day: str) -> None:
        """A new result was recorded; it counts for its instrument's day."""
        self._conn.execute("INSERT INTO results VALUES (?, ?, ?)", (analyzer, _short(identity), seq))
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
        """Whether ``views`` has news."""
        return bool(self._changed)

    def views(self) -> tuple[LotView, ...]:
        """Newest first: all that are pending or held; of the released those with something left, and the newest.

        A lot whose records are damaged is left out, and told.
        """
        for code in list(self._changed):
            self._views.pop(code, None)
            try:
                if (lot := self._one("test_code = ?", code)) is not None:  # else its batch was not committed
                    self._views[code] = self._view(lot)
            except Exception as error:
                self._skip(f"lot {code}", error)
            self._changed.discard(code)
        shown = sorted(self._views.values(), key=lambda view: view.seq, reverse=True)
        released = [view for view in shown if view.state is LotState.RELEASED]
        gone = {
            view.test_code
            for place, view in enumerate(released)
            if place >= STOCKED or (place >= NEWEST and view.left_g <= 0)
        }
        for code in gone:
            del self._views[code]
        return tuple(view for view in shown if view.test_code not in gone)

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
        for seq, *row, body in rows.fetchall():
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
        """The channel plan: analyzer, channel, test code of the lot."""
        rows = self._conn.execute("SELECT analyzer, channel, test_code FROM channel_plan").fetchall()
        return tuple((analyzer, channel, test_code) for analyzer, channel, test_code in rows)

    def _view(self, lot: Lot) -> LotView:
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
            state=lot.state,
            product=entry["goods"]["product"],
            product_name=entry["goods"]["name"],
            origin=entry["origin"],
            supplier=entry["supplier"],
            sample=lot.sample,
            net_g=entry["net_g"],
            left_g=lot.left_g,
            registered=lot.entry["time"],
            verdict=test and test["verdict"],
            item=test and test["item"],
            value=test and test["value"],
            unit=test and test["unit"],
            measurements=len(shown.outcomes) if shown else 0,
            repeats_due=repeats_due(shown.outcomes, method) if shown and method and pending else 0,
            repeats=method.repeats if method else 0,
            whole_plant=lot.whole_plant,
            missing=lot.missing() if len(lot.plan) > 1 and pending else (),
            in_doubt=pending and self.blocked(lot),
        )


def blocks(doubts: Sequence[Doubt]) -> bool:
    """Whether a waiting result surely is the lot's and only its meaning is open."""
    return bool(doubts) and all(doubt in UNJUDGED or doubt is Doubt.UNSURE for doubt in doubts)


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


def _short(identity: str) -> bytes:
    return hashlib.sha256(identity.encode()).digest()[:12]


def by_state(conn: sqlite3.Connection) -> dict[str, int]:
    """How many lots there are of each state."""
    return dict(conn.execute("SELECT state, count(*) FROM lots GROUP BY state"))
