"""How far each hold is, and how much of the four hours is over.

Part of the core: only the core thread calls this, inside a batch.  All SQL on ``holds`` stands here.

The four hours run on the seconds since the kernel started, which no step of a clock changes.  Over a restart of the box
only the wall clock knows how long it was off: believed when it is believed now and was when the result was received.
Else only what is proven counts, the time this box has been on since (``on_time.py``): the four hours are never over too
early, and pages say that it is not sure.
"""

import sqlite3
from collections.abc import Callable
from typing import Any

from edge.between.fixed_words import LotState
from edge.between.held_board import HoldView
from edge.between.inbox import Refused
from edge.records.clock import Clock, Step
from edge.records.ledger import Ledger
from edge.state.hold_steps import FOUR_HOURS, SOON, Deed, HoldKind, If, row, rows
from edge.state.hold_steps import Step as HoldStep
from edge.state.lots import Lot, Lots
from edge.state.on_time import OnTime
from protocol.frozen import frozen

COLUMNS = (
    "lot, held_seq, told_seq, asked_seq, waived_seq, sent_seq, verdict_seq, planned_seq, disposed_seq, told_s,"
    " told_sure, boot, up, spent, spent_sure, late, verdict, verdict_issued, returned_g, destroyed_g"
)


@frozen
class Case:
    """A hold that stands, as its row says: the newest record of each step, and the masses that went."""

    lot: str
    held_seq: int
    told_seq: int | None
    asked_seq: int | None
    waived_seq: int | None
    sent_seq: int | None
    verdict_seq: int | None
    planned_seq: int | None
    disposed_seq: int | None
    told_s: float | None
    told_sure: bool
    boot: str
    up: float
    spent: float
    spent_sure: bool
    late: bool
    verdict: str
    verdict_issued: float
    returned_g: int
    destroyed_g: int

    @property
    def step(self) -> HoldStep:
        """How far it is. What a laboratory says counts before all else, whenever it comes."""
        if self.verdict:
            return HoldStep.CONFORMING if self.verdict == "qualified" else HoldStep.FAILED
        for seq, step in (
            (self.waived_seq, HoldStep.WAIVED),
            (self.sent_seq, HoldStep.SENT),
            (self.asked_seq, HoldStep.ASKED),
            (self.told_seq, HoldStep.TOLD),
        ):
            if seq:
                return step
        return HoldStep.HELD

    @property
    def gone_g(self) -> int:
        """Grams that were returned or destroyed."""
        return self.returned_g + self.destroyed_g


@frozen
class Since:
    """Seconds since the result was received: so many, or where that is not ``sure``, at least so many."""

    seconds: float
    sure: bool

    @property
    def over(self) -> bool:
        """Whether the four hours surely are over."""
        return self.seconds >= FOUR_HOURS

    @property
    def phase(self) -> str:
        return "over" if self.over else "soon" if self.seconds >= FOUR_HOURS - SOON else ""


class Holds:
    """Owned by the core thread. ``policy``: whether the market's rule is to destroy at once (就地销毁)."""

    def __init__(self, ledger: Ledger, clock: Clock, lots: Lots, policy: Callable[[], bool], on: OnTime) -> None:
        self._ledger = ledger
        self._conn: sqlite3.Connection = ledger.conn
        self._clock = clock
        self._lots = lots
        self._policy = policy
        self._on = on
        self._views: tuple[HoldView, ...] = ()
        self._due: float | None = 0.0  # since boot: when a view's phase changes next; None: at no time
        self._trusted = False
        self._lots.holds_changed = True

    # --- which hold -------------------------------------------------------------------------------------------------

    def case(self, lot: Lot) -> Case | None:
        """The hold of this lot that stands."""
        found = self._conn.execute(f"SELECT {COLUMNS} FROM holds WHERE lot = ?", (lot.test_code,)).fetchone()
        return _case(found) if found else None

    def records(self, code: str) -> set[int]:
        """The newest records of each step of a lot's newest hold, which may have ended."""
        case = self._conn.execute(f"SELECT {COLUMNS} FROM holds WHERE lot = ?", (code,)).fetchone()
        return {seq for seq in case[1:9] if seq} if case else set()

    def id_of(self, case: Case) -> str:
        """The id of the record that holds it."""
        return str(self._ledger.event(case.held_seq)["id"])

    def test_of(self, case: Case) -> str | None:
        """The number of the report that holds it, where a test does."""
        test = self._ledger.event(case.held_seq)["data"].get("test")
        return str(test) if test else None

    def kind(self, lot: Lot) -> HoldKind:
        return "test" if lot.asks_recheck else "person"

    def since(self, case: Case) -> Since | None:
        """How long ago the result was received; None when nobody received it yet."""
        if case.told_seq is None or case.told_s is None:
            return None
        now, same = self._clock.now(), case.boot == self._clock.boot_id
        proven = max(0.0, case.spent + self._on.since(case.boot, case.up))
        if same and case.spent_sure:
            return Since(proven, True)
        if case.told_sure and now.trusted:
            return Since(max(proven, now.seconds - case.told_s), True)
        return Since(proven, False)

    def may(self, lot: Lot, case: Case, deed: Deed) -> bool:
        """Whether it may be done now; late recheck counts as what may be done, with a reason."""
        one = row(self.kind(lot), case.step, deed)
        if one is None:
            return False
        since = self.since(case)
        return {
            If.OVER: since is not None and since.over,
            If.POLICY: self._policy(),
        }.get(one.needs, True)

    def deeds(self, lot: Lot, case: Case) -> tuple[str, ...]:
        """What may be done now."""
        return tuple(one.deed.value for one in rows(self.kind(lot), case.step) if self.may(lot, case, one.deed))

    def standing(self, code: str) -> tuple[Lot, Case]:
        """The lot of a code and its hold; raises Refused where it is not held here."""
        lot = self._lots.find(code)
        case = self.case(lot) if lot.state is LotState.HELD else None
        if case is None:
            raise Refused("not_held", "该批次没有暂停销售", "this lot is not held")
        return lot, case

    # --- changing ---------------------------------------------------------------------------------------------------

    def begin(self, lot: Lot, seq: int) -> None:
        """This record holds it. What went of it in a hold that has not ended counts on."""
        self._conn.execute("INSERT OR IGNORE INTO holds (lot, held_seq) VALUES (?, ?)", (lot.test_code, seq))
        self._conn.execute(
            "UPDATE holds SET held_seq = ?, told_seq = NULL, asked_seq = NULL, waived_seq = NULL, sent_seq = NULL,"
            " verdict_seq = NULL, planned_seq = NULL, told_s = NULL, told_sure = 0, boot = '', up = 0, spent = 0,"
            " spent_sure = 0, late = 0, verdict = '', verdict_issued = 0, ended = 0,"
            " returned_g = iif(ended, 0, returned_g), destroyed_g = iif(ended, 0, destroyed_g) WHERE lot = ?",
            (seq, lot.test_code),
        )
        self._changes()

    def end(self, lot: Lot) -> None:
        """It is on sale again, or waits for its tests."""
        self._conn.execute("UPDATE holds SET ended = 1 WHERE lot = ?", (lot.test_code,))
        self._changes()

    def told(self, case: Case, seq: int, ago: float, *, sure: bool) -> None:
        """The result was received ``ago`` seconds before now."""
        self._on.mark()
        now = self._clock.now()
        self._set(
            case,
            told_seq=seq,
            told_s=now.seconds - ago,
            told_sure=now.trusted,
            boot=self._clock.boot_id,
            up=self._clock.up(),
            spent=ago,
            spent_sure=sure,
        )

    def did(self, case: Case, deed: Deed, seq: int, **more: Any) -> None:
        """A step was recorded. What is known of the time that passed is kept with it."""
        column = {
            Deed.ASK: "asked_seq",
            Deed.WAIVE: "waived_seq",
            Deed.SEND: "sent_seq",
            Deed.PLAN: "planned_seq",
            Deed.RETURN: "disposed_seq",
            Deed.DESTROY: "disposed_seq",
        }[deed]
        since = self.since(case)
        if since is not None:
            self._on.mark()
            more |= {"boot": self._clock.boot_id, "up": self._clock.up(), "spent": since.seconds}
            more["spent_sure"] = since.sure
        self._set(case, **{column: seq}, **more)

    def concluded(self, code: str, seq: int, conclusion: str, issued: float) -> None:
        """A laboratory's verdict of a lot, by any of its codes, was recorded: nothing where no hold stands, or a
        later one is known. The city's counts before what a person typed."""
        found = self._conn.execute(
            "SELECT test_code FROM lots WHERE (test_code = ?1 OR source = ?1 OR upstream = ?1) AND state = 'held'",
            (code,),
        ).fetchall()
        for (lot,) in found:
            self._conn.execute(
                "UPDATE holds SET verdict_seq = ?, verdict = ?, verdict_issued = ? WHERE lot = ? AND held_seq < ?"
                " AND (verdict_issued < ? OR (verdict_issued = 0 AND ? = 0))",
                (seq, conclusion, issued, lot, seq, issued, issued),
            )
            self._changes()

    def redate(self, step: Step) -> None:
        """The clock was set: results that were received in this boot are dated by it."""
        self._conn.execute(
            "UPDATE holds SET told_s = ? - (? - up + spent), told_sure = ? WHERE boot = ? AND told_seq IS NOT NULL"
            " AND spent_sure",
            (step.after, step.at, step.state != "unsynced" or step.person is not None, self._clock.boot_id),
        )
        self._changes()

    def _set(self, case: Case, **values: Any) -> None:
        names = ", ".join(f"{name} = ?" for name in values)
        self._conn.execute(f"UPDATE holds SET {names} WHERE lot = ?", (*values.values(), case.lot))
        self._changes()

    def _changes(self) -> None:
        self._due = 0.0

    # --- what pages see ---------------------------------------------------------------------------------------------

    @property
    def counting(self) -> bool:
        """Whether four hours run that are not surely over."""
        return any(one.told_at and one.phase != "over" for one in self._views)

    @property
    def told_any(self) -> bool:
        """Whether a hold stands whose holder was told."""
        return bool(self._conn.execute("SELECT 1 FROM holds WHERE told_seq > 0 AND NOT ended LIMIT 1").fetchone())

    @property
    def changed(self) -> bool:
        """Whether a hold has news by itself: half an hour left, the end, the clock believed or not."""
        return self._clock.trusted != self._trusted or (self._due is not None and self._clock.up() >= self._due)

    def views(self) -> tuple[HoldView, ...]:
        """Every lot that is held, what presses first: the test's before a person's, the oldest before newer ones."""
        if not self._lots.holds_changed and not self.changed:
            return self._views
        self._lots.holds_changed = False
        self._trusted = self._clock.trusted
        up = self._clock.up()
        ends: list[float] = []
        views = []
        for lot in self._lots.held():
            case = self.case(lot)
            if case is None:
                continue
            since = self.since(case)
            views.append(self._view(lot, case, since))
            if since is not None and not since.over:
                ends += [up + left for left in (FOUR_HOURS - SOON - since.seconds, FOUR_HOURS - since.seconds)]
        self._due = min((end for end in ends if end > up), default=None)
        self._views = tuple(sorted(views, key=lambda view: (view.kind != "test", view.seq)))
        return self._views

    def _view(self, lot: Lot, case: Case, since: Since | None) -> HoldView:
        data = lot.entry["data"]
        held = self._ledger.event(case.held_seq)

        def said(seq: int | None) -> dict[str, Any]:
            return self._ledger.event(seq)["data"] if seq else {}

        told, asked, sent, verdict = (
            said(seq) for seq in (case.told_seq, case.asked_seq, case.sent_seq, case.verdict_seq)
        )
        left_s = None if since is None else max(0.0, FOUR_HOURS - since.seconds)
        runs = self.kind(lot) == "test" and case.step is HoldStep.TOLD
        return HoldView(
            lot=lot.test_code,
            source=lot.source,
            seq=case.held_seq,
            kind=self.kind(lot),
            step=case.step.value,
            product=lot.product,
            product_name=data["goods"]["name"],
            supplier=data["supplier"],
            sample=lot.sample,
            why=str(held["data"].get("why") or ""),
            held_at=held["time"],
            told=told.get("told", ""),
            told_at=told.get("told_at", ""),
            ends=round(self._clock.steady() + left_s) if left_s is not None and runs else None,
            phase=since.phase if since is not None and runs else "",
            unsure=since is not None and not since.sure and runs,
            asked_by=asked.get("asked_by", ""),
            late=case.late,
            seal_no=sent.get("seal_no", ""),
            laboratory=verdict.get("laboratory") or sent.get("laboratory", ""),
            method=verdict.get("method") or sent.get("method", ""),
            verdict=case.verdict,
            report_no=verdict.get("report_no", ""),
            waived=bool(case.waived_seq),
            planned=said(case.planned_seq).get("at", ""),
            net_g=data["net_g"],
            left_g=max(0, lot.left_g),
            returned_g=case.returned_g,
            destroyed_g=case.destroyed_g,
            deeds=self.deeds(lot, case),
            seqs=tuple((name, seq) for name, seq in _seqs(case) if seq),
        )


def _seqs(case: Case) -> tuple[tuple[str, int | None], ...]:
    return (
        ("hold", case.held_seq),
        ("told", case.told_seq),
        ("asked", case.asked_seq),
        ("waived", case.waived_seq),
        ("sent", case.sent_seq),
        ("verdict", case.verdict_seq),
        ("planned", case.planned_seq),
        ("disposed", case.disposed_seq),
    )


def _case(found: tuple[Any, ...]) -> Case:
    values = dict(zip(COLUMNS.replace(" ", "").split(","), found, strict=True))
    return Case(**{**values, **{name: bool(values[name]) for name in ("told_sure", "spent_sure", "late")}})
