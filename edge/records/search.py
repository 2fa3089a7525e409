"""Records found again, in steps: through a connection of one's own, from any thread, newest first.

A step looks at a bounded number of records and says where the next one goes on, so a long search tells its progress,
ends when nobody asks any more, and holds nothing up.  No index is kept for it: a day is found by bisecting, since times
grow with the numbers between two steps back of the clock (which are known), a code of this station by its serial, and
the rest is looked for in the stored bytes before a record is read.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal

from edge.between.fixed_words import clock_word
from edge.records.checkpoints import Removed, first_of, removed_of
from edge.records.corrections import Corrections
from edge.records.ledger import last_of, seq_of_code
from edge.records.packing import unpack
from protocol.city.codes import BadCode, TraceCode
from protocol.city.envelope import kind_of, type_of
from protocol.city.events import EVENTS, Record
from protocol.city.token import code_in
from protocol.frozen import frozen

STEP = 1000  # records that a step looks at
PAGE = 50  # records that a step finds, at most
SLICE = 500  # records that are read together
MARGIN = 64  # small steps of the clock that nobody wrote down: so many records round a day are looked at, too
VOIDS = {"trade.voided": "trade.completed", "accept.voided": "accept.completed"}  # and what each voids
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
CODE_DIGITS = 20
NOT_PEOPLE_S = {"raw", "url", "digest", "voids", "corrects", "replaces"}
State = Literal["", "voided", "corrected"]


@frozen
class Wanted:
    """What is looked for; what is empty is any.

    ``text`` is a code, goods or a person, in one field; ``code`` is one as scanned, or its last digits as printed.
    Days are the market's, amounts fen.
    """

    text: str = ""
    code: str = ""
    goods: str = ""
    person: str = ""
    kinds: tuple[str, ...] = ()
    first_day: date | None = None
    last_day: date | None = None
    least_fen: int | None = None
    most_fen: int | None = None


@frozen
class Found:
    """A record as a list shows it. ``name`` and ``name_en`` are its goods, ``party`` is the buyer or supplier; ``by``
    the record that is about it."""

    seq: int
    kind: str
    code: str
    time: str
    clock: str
    operator: str
    name: str
    name_en: str
    net_g: int | None
    amount_fen: int | None
    party: str
    verdict: str
    state: State
    by: int | None


@frozen
class Step:
    """What a step found, newest first. ``next`` is where the next one begins, None at the end.

    ``done`` of ``total`` records were looked at by this step and those before.  ``removed``: what is looked for may be
    among records that left the ledger.
    """

    found: tuple[Found, ...]
    next: int | None
    done: int
    total: int
    damaged: tuple[int, ...] = ()
    removed: Removed | None = None


def step(conn: sqlite3.Connection, wanted: Wanted, before: int | None = None, page: int = PAGE) -> Step:
    """The newest records wanted, of those with a smaller number than ``before``. Raises sqlite3.Error."""
    ranges = _ranges(conn, wanted)
    total = sum(last - first + 1 for first, last in ranges)
    left = [(first, min(last, before - 1) if before else last) for first, last in ranges]
    left = [(first, last) for first, last in left if first <= last]
    done = total - sum(last - first + 1 for first, last in left)
    found: list[Found] = []
    damaged: list[int] = []
    looked, needles = 0, _needles(wanted)
    removed = _removed(conn, wanted, ranges)
    for first, last in left:
        while first <= last:
            low = max(first, last - min(SLICE, STEP - looked) + 1)
            marks = Corrections(conn).between(low, last)
            for seq, body in _candidates(conn, low, last, needles):
                try:
                    one = _found(seq, json.loads(body), wanted, marks.get(seq))
                except UNREADABLE:
                    damaged.append(seq)
                    continue
                if one is None:
                    continue
                found.append(one)
                if len(found) == page:
                    return Step(tuple(found), seq, done + looked + last - seq + 1, total, tuple(damaged), removed)
            looked += last - low + 1
            last = low - 1
            if looked >= STEP:
                return Step(tuple(found), low, done + looked, total, tuple(damaged), removed)
    return Step(tuple(found), None, total, total, tuple(damaged), removed)


def found_of(conn: sqlite3.Connection, seq: int, event: Mapping[str, Any]) -> Found:
    """One record as a list shows it. Raises one of ``UNREADABLE``."""
    return _row(seq, event, Corrections(conn).of(seq))


# --- where to look ----------------------------------------------------------------------------------------------------


def _ranges(conn: sqlite3.Connection, wanted: Wanted) -> list[tuple[int, int]]:
    """Where such records are, newest first: from the first with this code on, and in these days."""
    last = last_of(conn)
    ranges = day_ranges(conn, wanted.first_day, wanted.last_day)
    first = first_of(conn)
    for text in (wanted.code, wanted.text):
        try:
            first = max(first, seq_of_code(conn, TraceCode.parse(code_in(text)), last) or 1)
        except BadCode:
            continue
    return [(max(low, first), high) for low, high in ranges if high >= first]


def _removed(conn: sqlite3.Connection, wanted: Wanted, ranges: list[tuple[int, int]]) -> Removed | None:
    """What left the ledger, when the search goes down to the oldest record there is."""
    removed = removed_of(conn)
    if removed is None or not removed.touches(wanted.first_day):
        return None
    return removed if not ranges or min(low for low, _ in ranges) <= removed.upto + 1 else None


def day_ranges(conn: sqlite3.Connection, first: date | None, last: date | None) -> list[tuple[int, int]]:
    """The numbers among which all records of these days are, newest first; some round them, too."""
    end = last_of(conn)
    if not end:
        return []
    if first is None and last is None:
        return [(first_of(conn), end)]
    begin = first.isoformat() if first else ""
    beyond = (last + timedelta(days=1)).isoformat() if last and last < date.max else "~"
    ranges: list[tuple[int, int]] = []
    for low, high in _runs(conn, end):
        from_ = _first_not_before(conn, begin, low, high)
        upto = _first_not_before(conn, beyond, low, high) - 1
        ranges.append((max(low, from_ - MARGIN), min(high, upto + MARGIN)))
    return [(low, high) for low, high in ranges if low <= high]


def _runs(conn: sqlite3.Connection, last: int) -> Iterator[tuple[int, int]]:
    """Runs of records in which times grow, newest first."""
    there = conn.execute("SELECT 1 FROM sqlite_master WHERE name = 'time_went_back'").fetchone()
    rows = conn.execute("SELECT seq FROM time_went_back ORDER BY seq DESC").fetchall() if there else []
    oldest = first_of(conn)
    for (begin,) in rows:
        if oldest < begin <= last:
            yield begin, last
            last = begin - 1
    if last:
        yield oldest, last


def _first_not_before(conn: sqlite3.Connection, time: str, low: int, high: int) -> int:
    """The first record of a run that is not earlier than a time; one beyond the run when all are."""
    high += 1
    while low < high:
        middle = (low + high) // 2
        if _time_of(conn, middle) < time:
            low = middle + 1
        else:
            high = middle
    return low


def _time_of(conn: sqlite3.Connection, seq: int) -> str:
    """When a record was made; of a damaged one what the next that can be read says."""
    rows = conn.execute("SELECT body FROM events WHERE seq >= ? ORDER BY seq LIMIT 20", (seq,))
    for (stored,) in rows:
        try:
            return str(json.loads(unpack(stored))["time"])
        except UNREADABLE:
            continue
    return "~"


# --- what fits --------------------------------------------------------------------------------------------------------


Needle = tuple[str, bytes | str]  # a condition on ``body``, and its value


def _needles(wanted: Wanted) -> list[Needle]:
    """What holds of the bytes of every record wanted, for SQLite to look at."""
    needles = [_has(f'"{type_of(wanted.kinds[0])}"')] if len(wanted.kinds) == 1 else []
    for text in (wanted.text, wanted.code, wanted.goods, wanted.person):
        text = text.strip()
        bare = code_in(text)
        if bare.isascii() and bare.isdigit() and (bare == text or text == wanted.code or len(bare) == CODE_DIGITS):
            needles.append(_has(bare))
        elif not text or bare != text or not text.isprintable() or set(text) & set('"\\'):
            continue  # any, or written otherwise in JSON
        elif text.casefold() == text.upper() == text:
            needles.append(_has(text))
        elif text.isascii():
            needles.append(("instr(lower(CAST(unpacked(body) AS TEXT)), ?) > 0", text.lower()))
    return needles


def _has(text: str) -> Needle:
    return "instr(unpacked(body), ?) > 0", text.encode()


def _candidates(conn: sqlite3.Connection, low: int, high: int, needles: list[Needle]) -> Iterator[tuple[int, bytes]]:
    """Records of which that holds, newest first."""
    fit = "".join(f" AND {condition}" for condition, _ in needles)
    sql = f"SELECT seq, body FROM events WHERE seq BETWEEN ? AND ?{fit} ORDER BY seq DESC"
    rows = conn.execute(sql, (low, high, *(value for _, value in needles))).fetchall()
    yield from ((seq, unpack(stored)) for seq, stored in rows)


def _found(seq: int, event: dict[str, Any], wanted: Wanted, by: int | None) -> Found | None:
    """The record as a list shows it, when it is wanted."""
    if wanted.kinds and kind_of(event["type"]) not in wanted.kinds:
        return None
    day = str(event["time"])[:10]
    if wanted.first_day and day < wanted.first_day.isoformat():
        return None
    if wanted.last_day and day > wanted.last_day.isoformat():
        return None
    row = _row(seq, event, by)
    if wanted.least_fen is not None and (row.amount_fen is None or row.amount_fen < wanted.least_fen):
        return None
    if wanted.most_fen is not None and (row.amount_fen is None or row.amount_fen > wanted.most_fen):
        return None
    if not (wanted.text or wanted.code or wanted.goods or wanted.person):
        return row
    return row if _fits(_Said.of(event), wanted) else None


@dataclass(slots=True)
class _Said:
    """The texts of a record that people look for."""

    codes: list[str] = field(default_factory=list)
    goods: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "_Said":
        said = cls([str(event["subject"])], [], [str(event.get(name, "")) for name in ("operator", "approvedby")])
        said._look("", event["data"])
        return said

    def _look(self, name: str, value: Any) -> None:
        if isinstance(value, dict):
            within = "goods" if name in ("goods", "") and "product" in value else name
            for key, one in value.items():
                self._look(f"{within}.{key}", one) if isinstance(one, str) else self._look(key, one)
        elif isinstance(value, list):
            for one in value:
                self._look(name, one)
        elif isinstance(value, str) and value:
            self._take(name, value)

    def _take(self, name: str, value: str) -> None:
        of, _, key = name.rpartition(".")
        if key in NOT_PEOPLE_S:
            return
        if value.isascii() and value.isdigit():
            self.codes.append(value)
        if of == "goods" or key == "product":
            self.goods.append(value)
        elif key in PEOPLE or of in ("buyer", "seller", "signers"):
            self.people.append(value)


PEOPLE = {
    *("person", "supplier", "supplier_code", "witness", "buyer", "seller", "plate", "whole_plant_by", "operator"),
    *("approvedby", "price_approvedby", "difference_approvedby"),
}


def _fits(said: _Said, wanted: Wanted) -> bool:
    return (
        (not wanted.code or _a_code(said, wanted.code))
        and (not wanted.goods or _within(wanted.goods, said.goods))
        and (not wanted.person or _within(wanted.person, said.people))
        and (not wanted.text or _a_code(said, wanted.text) or _within(wanted.text, [*said.goods, *said.people]))
    )


def _a_code(said: _Said, text: str) -> bool:
    code = code_in(text)
    return code.isascii() and code.isdigit() and any(one.endswith(code) for one in said.codes)


def _within(text: str, texts: list[str]) -> bool:
    told = text.casefold().strip()
    return any(told in one.casefold() for one in texts)


def _english(value: Any) -> Iterator[tuple[str, str]]:
    """The names of all goods in a record that have an English one, with it."""
    if isinstance(value, dict):
        if value.get("name_en") and "product" in value:
            yield str(value.get("name")), str(value["name_en"])
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _english(one)


def _row(seq: int, event: Mapping[str, Any], by: int | None) -> Found:
    kind, data = kind_of(event["type"]), event["data"]
    known = EVENTS.get(kind)
    columns = (known.record if known else Record).columns(data)
    buyer, english = data.get("buyer"), dict(_english(data))
    party = (buyer["name"] or buyer["code"].strip("0")) if isinstance(buyer, dict) else columns["supplier"] or ""
    return Found(
        seq=seq,
        kind=kind,
        code=str(event["subject"]),
        time=str(event["time"]),
        clock=clock_word(event["clockstate"], event.get("clocksource", "")),
        operator=str(event.get("operator", "")),
        name=(name := str(columns["name"] or "")),
        name_en=", ".join(english.get(one, one) for one in name.split("、")),
        net_g=columns["net_g"],
        amount_fen=columns["amount_fen"],
        party=str(party),
        verdict=str(columns["verdict"] or ""),
        state="" if by is None or kind in VOIDS else "voided" if kind in VOIDS.values() else "corrected",
        by=by,
    )
