"""Food that people bring to be tested (你送我检): it is of no lot, and holds and releases nothing.

Part of the core: only the core thread calls this, inside a batch.  All SQL on ``public_samples`` stands here.
"""

import json
import sqlite3
from dataclasses import replace
from typing import Any

from edge.between.held_board import PublicSampleView
from edge.records.ledger import Ledger
from edge.state.judgement import Outcome
from protocol.frozen import frozen

SHOWN = 40


@frozen
class PublicSample:
    """``measured`` are its measurements by item, in order: what each said, and its record."""

    code: str
    seq: int
    sample: str
    measured: dict[str, tuple[tuple[Outcome, int], ...]]
    result_seq: int | None

    def outcomes(self, item: str) -> tuple[Outcome, ...]:
        return tuple(outcome for outcome, _ in self.measured.get(item, ()))

    def without(self, seq: int) -> "PublicSample":
        """The same without the measurement of this record."""
        left = {item: tuple(one for one in said if one[1] != seq) for item, said in self.measured.items()}
        newest = max((one for said in left.values() for _, one in said), default=0)
        return replace(self, measured={item: said for item, said in left.items() if said}, result_seq=newest or None)


class PublicSamples:
    """Owned by the core thread."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._conn: sqlite3.Connection = ledger.conn
        self.changed = True

    def add(self, code: str, seq: int, sample: str) -> None:
        self._conn.execute("INSERT INTO public_samples (code, seq, sample) VALUES (?, ?, ?)", (code, seq, sample))
        self.changed = True

    def of_number(self, sample: str, after: int) -> PublicSample | None:
        """The newest with this number, when it was registered after that record: numbers are given again."""
        return self._one("sample = ? AND seq > ? ORDER BY seq DESC LIMIT 1", sample, after)

    def find(self, code: str) -> PublicSample | None:
        """The sample with this code."""
        return self._one("code = ?", code)

    def records(self, code: str) -> set[int]:
        """The newest result of the sample with this code."""
        row = self._conn.execute("SELECT result_seq FROM public_samples WHERE code = ?", (code,)).fetchone()
        return {row[0]} if row and row[0] else set()

    def measured(self, sample: PublicSample, item: str, outcome: Outcome, seq: int) -> None:
        """One more measurement of it was recorded."""
        said = (*sample.measured.get(item, ()), (outcome, seq))
        self.stands(replace(sample, measured={**sample.measured, item: said}, result_seq=seq))

    def stands(self, sample: PublicSample) -> None:
        """What is known of it now."""
        measured = {item: [(one.value, seq) for one, seq in said] for item, said in sample.measured.items()}
        self._conn.execute(
            "UPDATE public_samples SET items = ?, result_seq = ? WHERE code = ?",
            (json.dumps(measured, ensure_ascii=False), sample.result_seq, sample.code),
        )
        self.changed = True

    def views(self) -> tuple[PublicSampleView, ...]:
        """The newest, newest first."""
        self.changed = False
        rows = self._conn.execute("SELECT seq, result_seq FROM public_samples ORDER BY seq DESC LIMIT ?", (SHOWN,))
        return tuple(self._view(seq, result) for seq, result in rows.fetchall())

    def _view(self, seq: int, result_seq: int | None) -> PublicSampleView:
        event = self._ledger.event(seq)
        data = event["data"]
        found: dict[str, Any] = self._ledger.event(result_seq)["data"] if result_seq else {}
        return PublicSampleView(
            code=event["subject"],
            seq=seq,
            sample=data["sample"],
            goods=data["goods"],
            asked_by=data["asked_by"],
            time=event["time"],
            item=found.get("item") or data["item"],
            value=found.get("value") or "",
            unit=found.get("unit") or "",
            verdict=found.get("verdict", ""),
            result_seq=result_seq,
        )

    def _one(self, where: str, *values: object) -> PublicSample | None:
        row = self._conn.execute(
            f"SELECT code, seq, sample, items, result_seq FROM public_samples WHERE {where}", values
        ).fetchone()
        if row is None:
            return None
        code, seq, sample, items, result_seq = row
        said: dict[str, list[tuple[str, int]]] = json.loads(items) or {}
        measured = {item: tuple((Outcome(one), of) for one, of in out) for item, out in said.items()}
        return PublicSample(code, seq, sample, measured, result_seq)
