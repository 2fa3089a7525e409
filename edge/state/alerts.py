"""What needs a person among the lots, and what a person has seen of it.

Part of the core: only the core thread calls this.  Nothing is decided by having seen it; what comes later about the
same lot asks again.
"""

import sqlite3
from collections.abc import Iterable

from edge.between.bench_board import AlertView, AlertWord
from edge.between.board import LotView
from edge.between.fixed_words import LotState, LotWhy
from protocol.frozen import frozen


@frozen
class Seen:
    """Up to which record about a lot somebody has seen it, and why it was shown then."""

    upto: int
    words: frozenset[str]
    person: str
    time: str


NOBODY = Seen(0, frozenset(), "", "")


class Alerts:
    """Owned by the core thread."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self.changed = True

    def seen(self, test_code: str) -> Seen:
        row = self._conn.execute(
            "SELECT upto, words, person, time FROM lots_seen WHERE test_code = ?", (test_code,)
        ).fetchone()
        return Seen(row[0], frozenset(row[1].split()), row[2], row[3]) if row else NOBODY

    def see(self, view: LotView, words: Iterable[AlertWord], person: str, time: str) -> None:
        """A person has seen what stands against this lot."""
        self._conn.execute(
            "INSERT OR REPLACE INTO lots_seen VALUES (?, ?, ?, ?, ?)",
            (view.test_code, view.upto, " ".join(words), person, time),
        )
        self.changed = True

    def views(self, lots: Iterable[LotView]) -> tuple[AlertView, ...]:
        """Of these lots what nobody has seen first, then the most pressing, then the oldest."""
        found = [self._view(lot, words) for lot in lots if (words := words_of(lot))]
        order = list(AlertWord)
        return tuple(sorted(found, key=lambda one: (bool(one.person), order.index(one.words[0]), one.upto)))

    def _view(self, lot: LotView, words: tuple[AlertWord, ...]) -> AlertView:
        seen = self.seen(lot.test_code)
        known = seen.upto >= lot.upto and set(words) <= seen.words
        return AlertView(
            lot.test_code,
            lot.sample,
            lot.product,
            lot.product_name,
            lot.supplier,
            words,
            lot.upto,
            seen.person if known else "",
            seen.time if known else "",
        )


def words_of(lot: LotView) -> tuple[AlertWord, ...]:
    """Why a person has to look at this lot; nothing where none has."""
    words = []
    if lot.state is LotState.HELD and lot.why is LotWhy.POSITIVE:
        words.append(AlertWord.POSITIVE)
    if lot.why is LotWhy.STOPPED:
        words.append(AlertWord.STOPPED)
    if lot.why is LotWhy.DISPUTED:
        words.append(AlertWord.DISPUTED)
    if lot.state is LotState.PENDING:
        decide = lot.verdict == "suspect" and lot.whole_plant != "due"
        if lot.repeats_due or decide:
            words.append(AlertWord.REPEAT)
        if lot.verdict == "invalid":
            words.append(AlertWord.INVALID)
    return tuple(words)
