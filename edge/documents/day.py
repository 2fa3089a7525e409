"""A day's figures, counted from the ledger's own records."""

import json
import sqlite3
from collections import Counter
from typing import Any

from edge.records.ledger import newest_before
from edge.records.print_jobs import PrintJobs
from protocol.city.envelope import kind_of

CHUNK = 500
DOUBTFUL = ("unknown", "failed", "held")


def summary(conn: sqlite3.Connection, date: str, upto: int) -> dict[str, Any]:
    """The day (like 2026-11-23, by the records' own times) in the records up to ``upto``."""
    events = _of_day(conn, date, upto)
    sales = [event["data"] for event in events if kind_of(event["type"]) == "trade.completed"]
    kinds = Counter(kind_of(event["type"]) for event in events)
    verdicts = Counter(event["data"]["verdict"] for event in events if kind_of(event["type"]) == "test.result")
    seqs = [int(event["sequence"]) for event in events]
    papers = PrintJobs(conn).of_records(min(seqs, default=0), max(seqs, default=-1))
    return {
        "data": {
            "date": date,
            "first": min(seqs, default=0),
            "last": max(seqs, default=0),
            "sales": len(sales),
            "net_g": sum(line["net_g"] for sale in sales for line in sale["slip"]["lines"]),
            "amount_fen": sum(sale["slip"]["amount_fen"] for sale in sales),
            "typed": sum(sold["weighed"]["stability"] == "manual" for sale in sales for sold in sale["sold"]),
            "products": _products(sales),
            "entries": kinds["entry.registered"],
            "verdicts": [{"verdict": word, "count": count} for word, count in sorted(verdicts.items())],
            "held": kinds["lot.held"] or verdicts["unqualified"],
            "copies": sum(copy > 0 for copy, _ in papers),
            "doubtful": sum(state in DOUBTFUL for _, state in papers),
        }
    }


def _of_day(conn: sqlite3.Connection, date: str, upto: int) -> list[dict[str, Any]]:
    """From the newest back, until a whole chunk is older."""
    found: list[dict[str, Any]] = []
    while upto > 0:
        chunk = [json.loads(body) for body in newest_before(conn, upto, CHUNK)]
        found += [event for event in chunk if event["time"][:10] == date]
        if chunk and all(event["time"][:10] < date for event in chunk):
            break
        upto -= CHUNK
    return found


def _products(sales: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By product, the largest amount first."""
    rows: dict[str, dict[str, Any]] = {}
    for sale in sales:
        for line, sold in zip(sale["slip"]["lines"], sale["sold"], strict=True):
            goods = sold["goods"]
            row = rows.setdefault(goods["product"], {"goods": goods, "net_g": 0, "amount_fen": 0, "sales": 0})
            row["net_g"] += line["net_g"]
            row["amount_fen"] += line["amount_fen"]
            row["sales"] += 1
    return sorted(rows.values(), key=lambda row: -row["amount_fen"])
