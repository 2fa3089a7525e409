"""What was sold and tested today and in this shift, as the ledger says it: right after each record, void and restart.

Part of the core: only the core thread calls this.  Records are counted when they are committed (``take``); what was
there before a start, or before the day changed, is read a slice at a time (``look``), so that no start and no sale
waits for it.  Nothing is told for counted before all of it is.
"""

import sqlite3
from datetime import date

from edge.between.day_views import DayView, PaymentTotal, ProductTotal, ShiftView
from edge.records.days import SLICE, Sum, counted, voided_payment
from edge.records.ledger import Ledger, Recorded
from edge.records.search import UNREADABLE, day_ranges
from protocol.city.envelope import kind_of

CASH = ("", "cash")  # what lies in the cash box: paid in cash, or nobody said how
SAVED_EVERY = 2000  # records; so many are read again at a start, at most


class Tally:
    """Owned by the core thread."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._conn = ledger.conn
        self._taken = ledger.head.seq
        self._day = ""
        self._of_day = Sum()
        self._day_left: list[tuple[int, int]] = []  # numbers of records that are not read yet, oldest first
        number, seq = _last_shift(self._conn)
        self.number, self.first = number + 1, seq + 1
        upto, text = self._conn.execute("SELECT upto, sum FROM shift_counted").fetchone()
        if upto <= seq:
            upto, text = seq, ""
        self._saved = upto
        self.of_shift = Sum.of(text) if text else Sum()
        self._shift_left = [(upto + 1, self._taken)] if upto < self._taken else []
        self.changed = True

    # --- counting ---------------------------------------------------------------------------------------------------

    def take(self, recorded: Recorded) -> None:
        """A record that was committed."""
        if recorded.seq > self._taken + 1:  # written by others: read like those before a start
            missed = self._taken + 1, recorded.seq - 1
            self._day_left.append(missed)
            self._shift_left.append(missed)
        self._taken = max(self._taken, recorded.seq)
        if recorded.kind == "shift.closed":
            self.number, self.first = recorded.data["number"] + 1, recorded.seq + 1
            self.of_shift, self._shift_left, self.changed = Sum(), [], True
            return
        self._add(self.of_shift, recorded.seq, recorded.kind, recorded.time, recorded.data)
        if recorded.time[:10] == self._day:
            self._add(self._of_day, recorded.seq, recorded.kind, recorded.time, recorded.data)

    def look(self, today: date) -> None:
        """Read on, and begin another day when it has come: also one that was here before, after a step of the clock."""
        day = today.isoformat()
        if day != self._day:
            self._day, self._of_day, self.changed = day, Sum(), True
            self._day_left = [(low, min(high, self._taken)) for low, high in day_ranges(self._conn, today, today)[::-1]]
        for left, total, wanted in ((self._day_left, self._of_day, day), (self._shift_left, self.of_shift, "")):
            room = SLICE
            while left and room > 0:
                room -= self._read(left, total, wanted, room)

    @property
    def behind(self) -> bool:
        """Whether there are records to read."""
        return bool(self._day_left or self._shift_left)

    @property
    def shift_counted(self) -> bool:
        return not self._shift_left

    def _read(self, left: list[tuple[int, int]], total: Sum, day: str, room: int) -> int:
        """The next records, so many at most; answers how many they were."""
        low, high = left.pop(0)
        last = min(high, low + room - 1)
        for seq, event in counted(self._conn, low, last):
            if not day or event["time"][:10] == day:
                self._add(total, seq, kind_of(event["type"]), event["time"], event["data"])
        if last < high:
            left.insert(0, (last + 1, high))
        self.changed = True
        return last - low + 1

    def _add(self, total: Sum, seq: int, kind: str, time: str, data: dict[str, object]) -> None:
        try:
            total.take(kind, time, data, lambda: voided_payment(self._conn, seq))
        except UNREADABLE:
            return  # a damaged record; the ledger's own check tells of it
        self.changed = True

    # --- the shift --------------------------------------------------------------------------------------------------

    def open_shift(self) -> tuple[int, int, Sum]:
        """The open shift's number, its first record, and its figures with what the current transaction recorded."""
        number, seq = _last_shift(self._conn)
        if seq >= self.first:  # one was closed in this transaction
            total, first = Sum(), seq + 1
        else:
            total, first = Sum.of(self.of_shift.text()), self._taken + 1
        for one, event in counted(self._conn, first, self._ledger.head.seq):
            self._add(total, one, kind_of(event["type"]), event["time"], event["data"])
        return number + 1, seq + 1, total

    def closed(self, number: int, seq: int) -> None:
        """This shift was closed by this record, in the current transaction."""
        self._conn.execute("INSERT INTO shifts VALUES (?, ?)", (number, seq))

    @property
    def to_save(self) -> bool:
        """Whether so much was counted that it should not be read again."""
        return not self._shift_left and self._taken - self._saved >= SAVED_EVERY

    def save(self) -> None:
        """Keep how far the open shift is counted, in the current transaction."""
        self._conn.execute("UPDATE shift_counted SET upto = ?, sum = ?", (self._taken, self.of_shift.text()))
        self._saved = self._taken

    # --- what pages see ---------------------------------------------------------------------------------------------

    def day_view(self) -> DayView:
        of = self._of_day
        return DayView(
            date=self._day,
            counted=not self._day_left,
            slips=of.slips,
            voids=of.voids,
            voided_fen=of.voided_fen,
            net_g=of.net_g,
            amount_fen=of.amount_fen,
            typed=of.typed,
            products=tuple(
                ProductTotal(
                    row.goods["product"],
                    row.goods["name"],
                    row.goods.get("name_en", ""),
                    row.net_g,
                    row.amount_fen,
                    row.lines,
                )
                for row in of.by_amount()
            ),
            payments=_payments(of),
            entries=of.entries,
            tested=sum(of.verdicts.values()),
            positive=of.verdicts.get("unqualified", 0),
            verdicts=tuple(sorted(of.verdicts.items())),
            labels=of.labels,
            label_g=of.label_g,
        )

    def shift_view(self) -> ShiftView:
        of = self.of_shift
        return ShiftView(
            number=self.number,
            counted=self.shift_counted,
            since=of.since,
            slips=of.slips,
            voids=of.voids,
            voided_fen=of.voided_fen,
            net_g=of.net_g,
            amount_fen=of.amount_fen,
            typed=of.typed,
            expected_fen=expected_fen(of),
            payments=_payments(of),
        )


def expected_fen(of: Sum) -> int:
    """What should be in the cash box."""
    return sum(fen for kind, (_, fen) in of.payments.items() if kind in CASH)


def _last_shift(conn: sqlite3.Connection) -> tuple[int, int]:
    """Number and record of the shift that was closed last; zeros when there is none."""
    row = conn.execute("SELECT number, seq FROM shifts ORDER BY number DESC LIMIT 1").fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def _payments(of: Sum) -> tuple[PaymentTotal, ...]:
    return tuple(PaymentTotal(kind, slips, fen) for kind, (slips, fen) in sorted(of.payments.items()))
