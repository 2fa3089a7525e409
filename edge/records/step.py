"""A step of a batch: a command whose changes are undone when it fails, while the batch goes on.

A class, because a sale has several: generators would take longer.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.records.ledger import Ledger


class Step:
    """``Ledger.step``.

    What comes first in a batch needs no savepoint, for which SQLite would copy each page before it is changed: it is
    undone with the transaction, and another one is begun.
    """

    __slots__ = ("_before", "_ledger", "_name")

    def __init__(self, ledger: "Ledger") -> None:
        self._ledger = ledger

    def __enter__(self) -> None:
        ledger = self._ledger  # a savepoint's name that is used once only would be another statement each time
        self._before, self._name = ledger.head, "" if ledger.untouched else f"step_{ledger.depth}"
        if self._name:
            ledger.conn.execute(f"SAVEPOINT {self._name}")
        ledger.conn.begin()
        ledger.depth += 1

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        ledger = self._ledger
        ledger.depth -= 1
        if error is None:
            try:
                if self._name:
                    ledger.conn.execute(f"RELEASE {self._name}")
                ledger.conn.end()
            except BaseException:
                self._undo()
                raise
        else:
            self._undo()

    def _undo(self) -> None:
        ledger = self._ledger
        ledger.head = self._before
        ledger.conn.back()
        if not ledger.conn.in_transaction:
            return  # the error has undone the whole batch
        if self._name:
            ledger.conn.execute(f"ROLLBACK TO {self._name}")
            ledger.conn.execute(f"RELEASE {self._name}")
        else:
            ledger.conn.rollback()
            ledger.conn.execute("BEGIN")
