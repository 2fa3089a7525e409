"""What was sold and tested, counted from records: of a day, by the records' own times, or of a shift, by their numbers.

What was voided is taken off when it was voided, whenever it was sold: so the figures are those of the cash box.  Pages,
the day's paper and the shift's record count alike, with this.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from edge.records.corrections import Corrections
from edge.records.packing import unpack
from edge.records.search import UNREADABLE, day_ranges
from protocol.city.envelope import kind_of

COUNTED = frozenset(
    {"trade.completed", "trade.voided", "trade.labelled", "entry.registered", "test.result", "lot.held"}
)
SLICE = 200


@dataclass(slots=True)
class ProductSum:
    """Of one product; ``lines`` of slips, less those that were voided."""

    goods: dict[str, Any]
    net_g: int = 0
    amount_fen: int = 0
    lines: int = 0


@dataclass(slots=True)
class Sum:
    """Figures that grow record by record. ``payments`` is how many slips and fen by the way they were paid.

    What label scales sold stands apart, in ``labels`` and ``label_g``: it made no slip here, and went into no cash box.
    """

    since: str = ""
    slips: int = 0
    voids: int = 0
    voided_fen: int = 0
    typed: int = 0
    net_g: int = 0
    amount_fen: int = 0
    entries: int = 0
    held: int = 0
    public: int = 0
    labels: int = 0
    label_g: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)
    payments: dict[str, list[int]] = field(default_factory=dict)
    products: dict[str, ProductSum] = field(default_factory=dict)

    def take(self, kind: str, time: str, data: Mapping[str, Any], paid_by: Callable[[], str]) -> None:
        """One more record; ``paid_by`` says how the sale was paid that it voids. Raises one of ``UNREADABLE``."""
        if kind in COUNTED and not self.since:
            self.since = time
        match kind:
            case "trade.completed":
                goods = [sold["goods"] for sold in data["sold"]]
                self._slip(1, data["slip"], goods, str(data.get("paid_by") or ""))
                self.slips += 1
                self.typed += sum(sold["weighed"]["stability"] == "manual" for sold in data["sold"])
            case "trade.voided":
                said = data.get("paid_by")
                self._slip(-1, data["slip"], data["goods"], paid_by() if said is None else str(said))
                self.voids += 1
                self.voided_fen += data["slip"]["amount_fen"]
            case "trade.labelled" if data["counts"]:
                sign = -1 if data.get("taken_off") else 1
                self.labels += sign
                self.label_g += sign * data["net_g"]
            case "entry.registered":
                self.entries += 1
            case "test.result" if data.get("purpose") == "public":
                self.public += 1
            case "test.result":
                self.verdicts[data["verdict"]] = self.verdicts.get(data["verdict"], 0) + 1
            case "lot.held":
                self.held += 1

    def _slip(self, sign: int, slip: Mapping[str, Any], goods: list[dict[str, Any]], paid_by: str) -> None:
        self.amount_fen += sign * slip["amount_fen"]
        paid = self.payments.setdefault(paid_by, [0, 0])
        paid[0] += sign
        paid[1] += sign * slip["amount_fen"]
        for line, one in zip(slip["lines"], goods, strict=True):
            self.net_g += sign * line["net_g"]
            row = self.products.setdefault(one["product"], ProductSum(dict(one)))
            row.net_g += sign * line["net_g"]
            row.amount_fen += sign * line["amount_fen"]
            row.lines += sign

    def by_amount(self) -> list[ProductSum]:
        """Products, the largest amount first."""
        return sorted(self.products.values(), key=lambda row: -row.amount_fen)

    def text(self) -> str:
        """As it is kept in the ledger's file, so that a long shift is not counted anew at each start."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def of(cls, text: str) -> "Sum":
        said = json.loads(text)
        said["products"] = {code: ProductSum(**row) for code, row in said["products"].items()}
        return cls(**said)


def voided_payment(conn: sqlite3.Connection, void: int) -> str:
    """How the sale was paid that this record voids; empty where nobody said."""
    sale = Corrections(conn).corrected_by(void)
    row = conn.execute("SELECT body FROM events WHERE seq = ?", (sale,)).fetchone() if sale else None
    try:
        return str(json.loads(unpack(row[0]))["data"].get("paid_by") or "") if row else ""
    except UNREADABLE:
        return ""


def counted(conn: sqlite3.Connection, first: int, last: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """The records of these numbers that are counted, oldest first; damaged ones are left out."""
    for seq, event in events(conn, first, last):
        if kind_of(event["type"]) in COUNTED:
            yield seq, event


def events(conn: sqlite3.Connection, first: int, last: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """The records of these numbers that can be read, oldest first, in slices."""
    for start in range(first, last + 1, SLICE):
        rows = conn.execute(
            "SELECT seq, body FROM events WHERE seq BETWEEN ? AND ? ORDER BY seq", (start, min(last, start + SLICE - 1))
        ).fetchall()
        for seq, stored in rows:
            try:
                event = json.loads(unpack(stored))
                kind_of(event["type"])
            except UNREADABLE:
                continue
            yield seq, event


def of_day(conn: sqlite3.Connection, day: str, upto: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """All records of a day (2026-11-23), by their own times, up to a number, oldest first."""
    when = date.fromisoformat(day)
    for low, high in day_ranges(conn, when, when)[::-1]:
        for seq, event in events(conn, low, min(high, upto)):
            if event["time"][:10] == day:
                yield seq, event


def sum_of_day(conn: sqlite3.Connection, day: str, upto: int) -> tuple[Sum, list[int]]:
    """A day's figures, and the numbers of its records."""
    total, seqs = Sum(), []
    for seq, event in of_day(conn, day, upto):
        seqs.append(seq)
        try:
            total.take(
                kind_of(event["type"]),
                event["time"],
                event["data"],
                lambda seq=seq: voided_payment(conn, seq),  # type: ignore[misc]
            )
        except UNREADABLE:
            continue
    return total, seqs


@dataclass(slots=True)
class Prices:
    """What was asked for a product: exact, in fen times grams per kilogram."""

    goods: dict[str, Any]
    weighted: int = 0
    min_fen: int = 0
    max_fen: int = 0
    lines: int = 0
    net_g: int = 0
    amount_fen: int = 0

    @property
    def mean_fen(self) -> int:
        """Fen per kilogram, weighed by mass, rounded half up."""
        return (2 * self.weighted + self.net_g) // (2 * self.net_g)


def prices_of_day(conn: sqlite3.Connection, day: str, until: str, upto: int) -> list[Prices]:
    """By product, of the sales of a day until a time of it (18:00) that are not voided; by the products' codes."""
    found: dict[str, Prices] = {}
    voided = Corrections(conn)
    for seq, event in of_day(conn, day, upto):
        if kind_of(event["type"]) != "trade.completed" or event["time"][11:16] >= until or voided.of(seq) is not None:
            continue
        try:
            lines = list(zip(event["data"]["slip"]["lines"], event["data"]["sold"], strict=True))
            for line, sold in lines:
                if line["net_g"] > 0:
                    _one_more(found, line, sold["goods"])
        except UNREADABLE:
            continue
    return [found[code] for code in sorted(found)]


def _one_more(found: dict[str, Prices], line: Mapping[str, Any], goods: Mapping[str, Any]) -> None:
    per_kg = line["price"]["fen"] * (1000 // line["price"]["per_g"])
    row = found.setdefault(goods["product"], Prices(dict(goods), min_fen=per_kg, max_fen=per_kg))
    row.weighted += per_kg * line["net_g"]
    row.min_fen, row.max_fen = min(row.min_fen, per_kg), max(row.max_fen, per_kg)
    row.lines += 1
    row.net_g += line["net_g"]
    row.amount_fen += line["amount_fen"]
