"""Which goods are worked with most, by job: counted from the station's own records, so that their tiles come first.

The counts are in memory and written with every so many records, which costs a sale nothing; what was counted since is
counted again from the ledger at the next start. Part of the core: only the core thread calls this.
"""

import logging
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date
from typing import Any

from edge.records.ledger import Ledger, Recorded
from protocol.city.envelope import BadEvent, kind_of

HALF_LIFE_DAYS = 14
EACH = 64  # records that make the counts worth writing
MOST = 500  # records that are counted at a start
SHOWN = 60  # goods of a job that are put in order; the others stand as in station.toml
log = logging.getLogger("goods")


class GoodsUse:
    """Owned by the core thread. ``changed``: the order of some job is another one than when it was last asked for."""

    def __init__(self, ledger: Ledger) -> None:
        self._conn = ledger.conn
        self._scores: dict[str, dict[str, tuple[float, int]]] = defaultdict(dict)
        for job, product, score, day in self._conn.execute("SELECT job, product, score, day FROM goods_use"):
            self._scores[job][product] = score, day
        row = self._conn.execute("SELECT upto FROM goods_counted").fetchone()
        self._written = self._upto = max(int(row[0]) if row else 0, ledger.head.seq - MOST)
        self._fresh: set[tuple[str, str]] = set()
        self._saving: tuple[set[tuple[str, str]], int] = set(), self._written
        self.changed = True
        for seq in range(self._upto + 1, ledger.head.seq + 1):
            with suppress(BadEvent, LookupError, TypeError, ValueError):
                event = ledger.event(seq)
                self._count(seq, kind_of(event["type"]), event["data"], event["time"])
        self._upto = ledger.head.seq

    def count(self, recorded: Recorded) -> None:
        """A record was committed."""
        self._count(recorded.seq, recorded.kind, recorded.data, recorded.time)

    def _count(self, seq: int, kind: str, data: Mapping[str, Any], time: str) -> None:
        self._upto = max(self._upto, seq)
        for job, product in _goods(kind, data):
            day = date.fromisoformat(time[:10]).toordinal()
            score, before = self._scores[job].get(product, (0.0, day))
            faded = score * 0.5 ** (max(0, day - before) / HALF_LIFE_DAYS)
            self._scores[job][product] = faded + 1.0, day
            self._fresh.add((job, product))
            self.changed = True

    def orders(self) -> dict[str, tuple[str, ...]]:
        """The goods of each job, most used first."""
        self.changed = False
        return {
            job: tuple(sorted(scores, key=lambda product: _rank(*scores[product]), reverse=True)[:SHOWN])
            for job, scores in self._scores.items()
        }

    # --- on the disk ------------------------------------------------------------------------------------------------

    @property
    def unsaved(self) -> bool:
        """Whether enough was counted to be written."""
        return self._upto - self._written >= EACH

    def save(self) -> None:
        """Write the counts in the current transaction, when that is due."""
        if not self.unsaved:
            return
        self._saving = self._fresh, self._written
        rows = [(job, product, *self._scores[job][product]) for job, product in self._fresh]
        self._conn.executemany(
            "INSERT INTO goods_use VALUES (?, ?, ?, ?) ON CONFLICT (job, product)"
            " DO UPDATE SET score = excluded.score, day = excluded.day",
            rows,
        )
        self._conn.execute(
            "INSERT INTO goods_counted VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET upto = excluded.upto",
            (self._upto,),
        )
        self._fresh, self._written = set(), self._upto

    def not_saved(self) -> None:
        """The commit failed: they are written with the next one."""
        fresh, written = self._saving
        self._fresh, self._written = self._fresh | fresh, min(self._written, written)
        self._saving = set(), self._written


def _rank(score: float, day: int) -> float:
    """Orders scores of different days as if all had faded until today."""
    return math.log2(score) + day / HALF_LIFE_DAYS


def _goods(kind: str, data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The job a record is of, and its goods."""
    if kind == "entry.registered":
        yield "gate", data["goods"]["product"]
    elif kind == "trade.completed":
        yield from (("stall", line["product"]) for line in data["slip"]["lines"])
    elif kind == "accept.completed":
        yield from (("canteen", line["goods"]["product"]) for line in data["lines"])
