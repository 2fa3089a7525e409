"""A day's figures for its paper, counted from the ledger's own records."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from edge.records.days import events, sum_of_day
from edge.records.print_jobs import PrintJobs

DOUBTFUL = ("unknown", "failed", "held")


def summary(
    conn: sqlite3.Connection, date: str, upto: int, seller: Mapping[str, Any] | None = None, station: str = ""
) -> dict[str, Any]:
    """The day (like 2026-11-23, by the records' own times) in the records up to ``upto``, and the last one's time."""
    total, seqs = sum_of_day(conn, date, upto)
    papers = PrintJobs(conn).of_records(min(seqs, default=0), max(seqs, default=-1))
    payments = [{"kind": kind, "slips": n, "amount_fen": fen} for kind, (n, fen) in sorted(total.payments.items())]
    last = _record(conn, upto)
    return {
        **{name: last[name] for name in ("time", "clockstate", "clocksource") if name in last},
        "data": {
            "date": date,
            "seller": dict(seller) if seller else None,
            "station": station,
            "first": min(seqs, default=0),
            "last": max(seqs, default=0),
            "sales": total.slips,
            "voids": total.voids,
            "voided_fen": total.voided_fen,
            "net_g": total.net_g,
            "amount_fen": total.amount_fen,
            "typed": total.typed,
            "payments": payments if any(one["kind"] for one in payments) else [],
            "products": [
                {"goods": row.goods, "net_g": row.net_g, "amount_fen": row.amount_fen, "sales": row.lines}
                for row in total.by_amount()
            ],
            "labels": total.labels,
            "label_g": total.label_g,
            "entries": total.entries,
            "verdicts": [{"verdict": word, "count": count} for word, count in sorted(total.verdicts.items())],
            "held": total.held or total.verdicts.get("unqualified", 0),
            "public": total.public,
            "copies": sum(copy > 0 for copy, _ in papers),
            "doubtful": sum(state in DOUBTFUL for _, state in papers),
        },
    }


def _record(conn: sqlite3.Connection, seq: int) -> Mapping[str, Any]:
    for _, event in events(conn, seq, seq):
        return event
    return {}
