"""The gate (检测室, 入场口): goods come in, the rapid test decides whether the lot gets its source code.

A positive is a screening result: it holds the lot and raises an alarm, nothing more.
"""

from decimal import Decimal
from typing import Any

from edge.config import AnalyzerPart
from edge.inbox import Refused, RegisterEntry, Tested
from edge.ledger import ALARM, ORDINARY, Recorded
from edge.station import Lot, Station
from protocol.city.codes import BadCode, CodeKind, TraceCode
from protocol.city.events import Analyzer, EntryRegistered, Proof, TestRecorded, VerdictWord
from protocol.readings import TestResult, Verdict

ITEM_LETTERS, SHORT_LETTERS = 120, 40  # what the record holds of an instrument's texts
HIGHEST_SAMPLE = 9999  # what fits the keypads of the instruments


def register(station: Station, command: RegisterEntry) -> dict[str, Any]:
    """Goods come in: a record, a lot, a sample number. With an upstream source code the lot is released at once."""
    if command.net_g <= 0:
        raise Refused("no_weight", "请填写重量", "enter the weight of the goods")
    if not command.origin.strip():
        raise Refused("no_origin", "请填写产地", "enter the origin")
    if not command.supplier.strip():
        raise Refused("no_supplier", "请填写供货人", "enter the supplier")
    if command.upstream:
        _check_source(command.upstream)
    goods = station.goods(command.product)
    code = station.ledger.next_code(CodeKind.TEST)
    sample = str((code.serial - 1) % HIGHEST_SAMPLE + 1)
    entry = EntryRegistered(
        goods=goods,
        net_g=command.net_g,
        origin=command.origin.strip(),
        origin_code=command.origin_code,
        supplier=command.supplier.strip(),
        supplier_code=command.supplier_code,
        plate=command.plate.strip(),
        sample=sample,
        proofs=tuple(Proof(type=kind, no=number) for kind, number in command.proofs),
        upstream=command.upstream or None,
    )
    recorded = station.record("entry.registered", str(code), entry)
    station.ledger.conn.execute(
        "INSERT INTO lots (test_code, seq, sample, source, state) VALUES (?, ?, ?, ?, ?)",
        (str(code), recorded.seq, sample, entry.upstream, "released" if entry.upstream else "pending"),
    )
    station.lots_changed = True
    return {"test_code": str(code), "sample": sample, "source": entry.upstream}


def _check_source(code: str) -> None:
    try:
        kind = TraceCode.parse(code).kind
    except BadCode as error:
        raise Refused("bad_code", f"来源码 {code[:24]} 有误，请重新扫描", str(error)) from None
    if kind is not CodeKind.SOURCE:
        raise Refused("not_a_source", "这不是来源码", "this is not a source code (its tenth digit is not 1)")


def tested(station: Station, message: Tested) -> list[Recorded]:
    """Results of an instrument: each recorded once, judged, matched to its lot. Answers what was recorded."""
    part = next(one for one in station.config.analyzer if one.name == message.device)
    recorded = []
    for result in message.results:
        known = station.ledger.conn.execute(
            "SELECT 1 FROM results WHERE analyzer = ? AND identity = ?", (part.name, result.identity)
        ).fetchone()
        if known is None:
            recorded.append(_record(station, part, result))
    return recorded


def _record(station: Station, part: AnalyzerPart, result: TestResult) -> Recorded:
    verdict, limit, basis = judge(result, part)
    lot = _match(station, result)
    releases = lot is not None and lot.state == "pending" and verdict == "qualified"
    source = str(station.ledger.next_code(CodeKind.SOURCE)) if releases else None
    subject = lot.test_code if lot else str(station.ledger.next_code(CodeKind.TEST))
    record = TestRecorded(
        lot=lot.test_code if lot else None,
        goods=station.goods(lot.entry["data"]["goods"]["product"]) if lot else None,
        item=(part.item or result.item)[:ITEM_LETTERS],
        value=None if result.value is None else format(result.value, "f"),
        unit=result.unit and result.unit[:SHORT_LETTERS],
        method=part.method,
        limit=format(limit, "f"),
        limit_basis=basis,
        verdict=verdict,
        analyzer=Analyzer(
            name=part.name,
            model=part.row().id,
            sample=result.sample and result.sample[:SHORT_LETTERS],
            channel=result.channel and result.channel[:SHORT_LETTERS],
            verdict=result.verdict.value if result.verdict else None,
            measured_at=result.measured_at.isoformat() if result.measured_at else None,
            raw=result.raw.hex(),
        ),
        source=source,
    )
    failed = verdict == "unqualified"
    recorded = station.record("test.result", subject, record, lane=ALARM if failed else ORDINARY)
    station.ledger.conn.execute(
        "INSERT INTO results (analyzer, identity, seq) VALUES (?, ?, ?)", (part.name, result.identity, recorded.seq)
    )
    if lot is None:
        station.unmatched[part.name] = station.unmatched.get(part.name, 0) + 1
    elif verdict != "invalid":
        state = "held" if failed else "released" if releases else lot.state
        station.ledger.conn.execute(
            "UPDATE lots SET state = ?, source = coalesce(source, ?), test_seq = ? WHERE test_code = ?",
            (state, source, recorded.seq, lot.test_code),
        )
    station.lots_changed = True
    station.paper(recorded.seq, recorded.body)
    return recorded


def _match(station: Station, result: TestResult) -> Lot | None:
    """The newest undecided lot with this sample number; a released one only takes a further result."""
    if result.sample is None:
        return None
    found = station.lots("sample = ? AND state = 'pending'", result.sample, limit=1)
    found = found or station.lots("sample = ?", result.sample, limit=1)
    return found[0] if found else None


def judge(result: TestResult, part: AnalyzerPart) -> tuple[VerdictWord, Decimal, Any]:
    """Our verdict, the limit used and whose limit it was.

    The instrument's own conclusion stands when it sends one.  Otherwise a value at or above the limit is not passed;
    no value is an invalid test.
    """
    limit, basis = (result.limit, "instrument") if result.limit is not None else (Decimal(part.limit), "method")
    if result.verdict is not None:
        return result.verdict.value, limit, basis
    if result.value is None:
        return Verdict.INVALID.value, limit, basis
    return (Verdict.UNQUALIFIED if result.value >= limit else Verdict.QUALIFIED).value, limit, basis
