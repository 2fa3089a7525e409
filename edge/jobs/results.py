"""The test room (快检室): results come from instruments by themselves, find their lot, and are judged.

Each result is recorded once, though the instrument sends its whole memory again.  A positive is a screening result: it
holds the lot and raises an alarm, nothing more.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from edge.config import AnalyzerPart
from edge.inbox import MatchResult, PlanChannel, Refused, Tested, WholePlantDone
from edge.judgement import Method, Outcome, conclude, measure
from edge.ledger import ALARM, ORDINARY, Recorded
from edge.station import Lot, Station
from protocol.city.codes import CodeKind
from protocol.city.events import Analyzer, TestRecorded
from protocol.readings import Curve, TestResult, Ticket, Verdict

PAGE_LETTERS, ITEM_LETTERS, SHORT_LETTERS = 4000, 120, 40  # what the record holds of an instrument's texts
RAW_BYTES = 4096
UNREAD = "未识别小票"
CURVE = "胶体金曲线"
DECIDED = ("qualified", "unqualified")
LETTERS = {Outcome.POSITIVE: "p", Outcome.NEGATIVE: "n", Outcome.INVALID: "i"}
OUTCOMES = {letter: outcome for outcome, letter in LETTERS.items()}


@dataclass(frozen=True, slots=True)
class Found:
    """A result with what is known about it: by whom it was matched, and which record it replaces."""

    result: TestResult
    part: AnalyzerPart
    replaces: str | None = None
    person: str | None = None


def tested(station: Station, message: Tested) -> list[Recorded]:
    """Results of an instrument: each recorded once, matched to its lot, judged. Answers what was new."""
    part = _analyzer(station, message.device)
    return [
        _take(station, part, result) for result in message.results if not _known(station, part.name, result.identity)
    ]


def plan(station: Station, command: PlanChannel) -> dict[str, Any]:
    """The channel plan: whose sample lies where."""
    part = _analyzer(station, command.analyzer)
    channel = command.channel.strip()[:SHORT_LETTERS]
    conn = station.ledger.conn
    if not command.lot:
        conn.execute("DELETE FROM channel_plan WHERE analyzer = ? AND channel = ?", (part.name, channel))
    else:
        lot = station.lot(command.lot)
        conn.execute("INSERT OR REPLACE INTO channel_plan VALUES (?, ?, ?)", (part.name, channel, lot.test_code))
    station.lots_changed = True
    return {"planned": channel, "lot": command.lot}


def whole_plant(station: Station, command: WholePlantDone) -> dict[str, Any]:
    """The whole-plant step was done; it stands in the records of the results that follow."""
    lot = station.lot(command.lot)
    if not lot.whole_plant:
        raise Refused("not_asked", "该批次不需要整株浸提", "this lot needs no whole-plant step")
    person = _person(command.person)
    station.ledger.conn.execute(
        "UPDATE lots SET whole_plant = 'done', whole_plant_by = ? WHERE test_code = ?", (person, lot.test_code)
    )
    station.lots_changed = True
    return {"test_code": lot.test_code}


def match(station: Station, command: MatchResult) -> dict[str, Any]:
    """A person says whose result this is; the new record replaces the unmatched one."""
    person = _person(command.person)
    row = station.ledger.conn.execute("SELECT analyzer FROM unmatched WHERE seq = ?", (command.seq,)).fetchone()
    if row is None:
        raise Refused("no_result", f"没有待匹配的结果 {command.seq}", f"no unmatched result {command.seq}")
    lot = station.lot(command.lot)
    event = station.ledger.event(command.seq)
    result = _again(event["data"])
    if command.verdict:
        if command.verdict not in (Verdict.QUALIFIED.value, Verdict.UNQUALIFIED.value):
            raise Refused("verdict", "请选择合格或阳性", "say qualified or unqualified")
        result = replace(result, verdict=Verdict(command.verdict))
    found = Found(result, _analyzer(station, row[0]), event["id"], person)
    station.ledger.conn.execute("DELETE FROM unmatched WHERE seq = ?", (command.seq,))
    recorded = _record(station, found, lot)
    data = station.ledger.event(recorded.seq)["data"]
    return {"test_code": lot.test_code, "verdict": data["verdict"], "source": data["source"]}


def _person(name: str) -> str:
    """Whoever decides says who they are; raises Refused."""
    if not name.strip():
        raise Refused("no_person", "请填写姓名", "say who you are")
    return name.strip()[:SHORT_LETTERS]


def _analyzer(station: Station, name: str) -> AnalyzerPart:
    for part in station.config.analyzer:
        if part.name == name:
            return part
    raise Refused("no_analyzer", f"没有检测仪 {name[:32]}", f"no analyzer {name[:32]}")


def _short(identity: str) -> bytes:
    return hashlib.sha256(identity.encode()).digest()[:12]


def _known(station: Station, analyzer: str, identity: str) -> bool:
    found = station.ledger.conn.execute(
        "SELECT 1 FROM results WHERE analyzer = ? AND identity = ?", (analyzer, _short(identity))
    )
    return found.fetchone() is not None


def _take(station: Station, part: AnalyzerPart, result: TestResult | Ticket | Curve) -> Recorded:
    """Record a new result; one that finds no lot waits for a person."""
    if not isinstance(result, TestResult):
        result = _unread(result)
        lot = None
    else:
        lot = _match(station, part, result)
    recorded = _record(station, Found(result, part), lot)
    station.ledger.conn.execute(
        "INSERT INTO results VALUES (?, ?, ?)", (part.name, _short(result.identity), recorded.seq)
    )
    if lot is None:
        station.ledger.conn.execute("INSERT INTO unmatched VALUES (?, ?)", (recorded.seq, part.name))
    return recorded


def _unread(seen: Ticket | Curve) -> TestResult:
    """A ticket no layout could read, or a strip's curve, as a result without a value: a person reads it."""
    return TestResult(
        sample=None,
        channel=None,
        item=UNREAD if isinstance(seen, Ticket) else CURVE,
        value=None,
        unit=None,
        verdict=None,
        measured_at=None,
        identity=seen.identity,
        text=seen.text if isinstance(seen, Ticket) else " ".join(map(str, seen.points)),
        raw=seen.raw,
    )


def _match(station: Station, part: AnalyzerPart, result: TestResult) -> Lot | None:
    """By the channel plan, or the newest lot with this sample number: an undecided one before a decided one."""
    if part.match == "channel":
        row = station.ledger.conn.execute(
            "SELECT test_code FROM channel_plan WHERE analyzer = ? AND channel = ?", (part.name, result.channel)
        ).fetchone()
        return station.lot(row[0]) if row else None
    if result.sample is None:
        return None
    found = station.lots("sample = ? AND state = 'pending'", result.sample, limit=1)
    found = found or station.lots("sample = ?", result.sample, limit=1)
    return found[0] if found else None


def _record(station: Station, found: Found, lot: Lot | None) -> Recorded:
    """Judge, record, and change the lot."""
    result, part = found.result, found.part
    method = station.methods[part.method]
    outcome, limit, basis = measure(result, method)
    missing = bool(lot and lot.whole_plant == "due" and method.enzyme)
    outcomes = [*(_outcomes(lot) if lot else ()), outcome]
    verdict = conclude(outcomes, method, whole_plant_missing=missing)
    releases = lot is not None and lot.state == "pending" and verdict == "qualified"
    source = str(station.ledger.next_code(CodeKind.SOURCE)) if releases else None
    record = TestRecorded(
        lot=lot.test_code if lot else None,
        goods=station.goods(lot.entry["data"]["goods"]["product"]) if lot else None,
        item=(part.item or result.item)[:ITEM_LETTERS],
        value=None if result.value is None else format(result.value, "f"),
        text=result.text and result.text[:PAGE_LETTERS],
        unit=result.unit and result.unit[:SHORT_LETTERS],
        method=method.number or method.name,
        limit=limit or None,
        limit_basis=basis,
        control=None if result.control is None else format(result.control, "f"),
        outcome=outcome.value,
        measurement=len(outcomes),
        whole_plant=(lot.whole_plant == "done") if lot and lot.whole_plant and method.enzyme else None,
        whole_plant_by=lot.whole_plant_by if lot and method.enzyme else None,
        verdict=verdict,
        analyzer=_said(result, part),
        replaces=found.replaces,
        person=found.person,
        source=source,
    )
    failed = verdict == "unqualified"
    subject = lot.test_code if lot else str(station.ledger.next_code(CodeKind.TEST))
    recorded = station.record("test.result", subject, record, lane=ALARM if failed else ORDINARY)
    if lot is not None:
        state = "held" if failed or (lot.state == "released" and verdict == "suspect") else lot.state
        station.ledger.conn.execute(
            "UPDATE lots SET state = ?, source = coalesce(source, ?), test_seq = ?, outcomes = ? WHERE test_code = ?",
            (
                "released" if releases else state,
                source,
                recorded.seq,
                "".join(LETTERS[one] for one in outcomes),
                lot.test_code,
            ),
        )
        if verdict in DECIDED:  # the next run in this channel is another sample
            station.ledger.conn.execute(
                "DELETE FROM channel_plan WHERE analyzer = ? AND channel = ?", (part.name, result.channel)
            )
    station.lots_changed = True
    if lot is not None:
        station.print_record(recorded)
    return recorded


def _outcomes(lot: Lot) -> tuple[Outcome, ...]:
    return tuple(OUTCOMES[letter] for letter in lot.outcomes)


def repeats_due(lot: Lot, method: Method) -> int:
    """How many measurements a positive still asks for."""
    valid = [one for one in _outcomes(lot) if one is not Outcome.INVALID]
    if Outcome.POSITIVE not in valid:
        return 0
    return max(0, method.repeats + 1 - len(valid[valid.index(Outcome.POSITIVE) :]))


def _said(result: TestResult, part: AnalyzerPart) -> Analyzer:
    """The instrument's own words."""
    return Analyzer(
        name=part.name,
        model=part.row().id,
        sample=result.sample and result.sample[:SHORT_LETTERS],
        channel=result.channel and result.channel[:SHORT_LETTERS],
        verdict=result.verdict.value if result.verdict else None,
        measured_at=result.measured_at.isoformat() if result.measured_at else None,
        raw=result.raw[:RAW_BYTES].hex(),
    )


def _again(data: dict[str, Any]) -> TestResult:
    """The instrument's result out of its record."""
    said = data["analyzer"]
    return TestResult(
        sample=said["sample"],
        channel=said["channel"],
        item=data["item"],
        value=None if data["value"] is None else Decimal(data["value"]),
        unit=data["unit"],
        verdict=Verdict(said["verdict"]) if said["verdict"] else None,
        measured_at=datetime.fromisoformat(said["measured_at"]) if said["measured_at"] else None,
        identity="",
        limit=Decimal(data["limit"]) if data["limit"] and data["limit_basis"] == "instrument" else None,
        text=data["text"],
        control=None if data["control"] is None else Decimal(data["control"]),
        raw=bytes.fromhex(said["raw"]),
    )
