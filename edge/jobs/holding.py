"""Held lots, and what a person decides about them (contract A1, A3).

``pending`` or ``released`` → ``held`` by a test's rule or by a named person → ``released`` again, on the report of a
recheck by a method that is not rapid, or ``disposed``: returned or destroyed.  Nothing is decided by itself, and
nothing is taken back: a decision is a record, and what follows it is another one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from edge.clock import parse_time
from edge.inbox import DisposeLot, HoldLot, Refused, ToldSeller
from edge.judgement import Method
from edge.ledger import ALARM, Recorded
from edge.station import Lot, Station
from protocol.city.codes import BadCode, CodeKind, TraceCode
from protocol.city.events import Goods, LotDisposed, LotHeld

RECHECK = timedelta(hours=4)  # 食品安全法 art. 88: from the seller's receipt of the result
RELEASE = "released_after_recheck"
DOUBTS = ("suspect", "unqualified")  # verdicts that are themselves a reason to hold
NAME_LETTERS, WHY_LETTERS = 40, 120  # what the records hold
AGAIN = "r"  # in a lot's outcomes: released after a recheck, what stands before counts no more


@dataclass(frozen=True, slots=True)
class Ground:
    """What a decision rests on: the fields of ``LotDisposed`` that only some decisions have."""

    mass_g: int
    how: str = ""
    where: str = ""
    witness: str = ""
    recheck_no: str = ""
    laboratory: str = ""
    method: str = ""


def named(person: str) -> str:
    """Whoever decides says who they are; raises Refused."""
    if not person.strip():
        raise Refused("no_person", "请填写姓名", "say who you are")
    return person.strip()[:NAME_LETTERS]


def hold(station: Station, command: HoldLot) -> dict[str, Any]:
    """A named person suspends the sale of a lot: a mixed result, a complaint."""
    person, why = named(command.person), command.why.strip()[:WHY_LETTERS]
    if not why:
        raise Refused("no_reason", "请填写原因", "say why")
    lot = station.lot(command.lot)
    if lot.state == "held":
        raise Refused("already_held", "该批次已暂停销售", "sale of this lot is suspended already")
    if lot.state == "disposed":
        raise Refused("lot_disposed", "该批次已处置", "this lot was returned or destroyed")
    recorded = suspend(station, lot, why, person=person)
    return {"lot": lot.test_code, "hold": station.ledger.event(recorded.seq)["subject"]}


def suspend(station: Station, lot: Lot, why: str, *, person: str | None = None) -> Recorded:
    """Record the hold of this lot as an alarm, and print it. ``lot`` has its newest test."""
    entry = lot.entry["data"]
    test = lot.test if lot.test and lot.test["data"]["verdict"] in DOUBTS else None
    record = LotHeld(
        lot=lot.test_code,
        goods=Goods.model_validate(entry["goods"]),
        net_g=entry["net_g"],
        origin=entry["origin"],
        supplier=entry["supplier"],
        test=test and test["subject"],
        verdict=test and test["data"]["verdict"],
        why=why,
        person=person,
    )
    recorded = station.record("lot.held", str(station.ledger.next_code(CodeKind.DISPOSAL)), record, lane=ALARM)
    station.ledger.conn.execute(
        "UPDATE lots SET state = 'held', held_seq = ?, decided_seq = NULL, told_steady = NULL WHERE test_code = ?",
        (recorded.seq, lot.test_code),
    )
    station.lots_changed = True
    station.print_record(recorded)
    return recorded


def tell(station: Station, command: ToldSeller) -> dict[str, Any]:
    """The seller has received the result: from this moment a recheck may be asked for during four hours."""
    person = named(command.person)
    lot, held = _held(station, command.lot)
    data = held["data"]
    if data["told_at"]:
        raise Refused("told", "已告知销售者，时间不能更改", "the seller was told already; the time cannot be changed")
    stamp = station.clock.now()
    record = LotHeld.model_validate(
        data | {"told_at": stamp.to_the_second, "told_by": person, "replaces": held["id"]}
    )
    recorded = station.record("lot.held", held["subject"], record, stamp)
    station.ledger.conn.execute(
        "UPDATE lots SET held_seq = ?, told_steady = ? WHERE test_code = ?",
        (recorded.seq, station.clock.steady(), lot.test_code),
    )
    station.lots_changed = True
    station.print_record(recorded)
    return {
        "lot": lot.test_code,
        "hold": held["subject"],
        "told_at": stamp.to_the_second,
        "recheck_until": recheck_until(stamp.to_the_second),
    }


def dispose(station: Station, command: DisposeLot) -> dict[str, Any]:
    """A named person decides about a held lot."""
    person = named(command.person)
    lot, held = _held(station, command.lot)
    release = command.decision == RELEASE
    if release:
        ground = _recheck(station, lot, command)
    elif command.decision in ("returned", "destroyed"):
        ground = _removal(station, lot, command, person)
    else:
        raise Refused("decision", "请选择处置方式", f"say {RELEASE}, returned or destroyed")
    code = str(station.ledger.next_code(CodeKind.DISPOSAL))
    source = lot.source or str(station.ledger.next_code(CodeKind.SOURCE)) if release else None
    record = LotDisposed(
        lot=lot.test_code,
        goods=Goods.model_validate(lot.entry["data"]["goods"]),
        held=held["subject"],
        held_id=held["id"],
        decision=command.decision,
        mass_g=ground.mass_g,
        how=ground.how,
        where=ground.where,
        witness=ground.witness,
        recheck_no=ground.recheck_no,
        laboratory=ground.laboratory,
        method=ground.method,
        method_kind="laboratory" if release else None,
        waiver=command.waiver,
        person=person,
        source=source,
    )
    recorded = station.record("lot.disposed", code, record)
    state = "released" if release else "disposed"
    station.ledger.conn.execute(
        "UPDATE lots SET state = ?, source = coalesce(source, ?), decided_seq = ?, outcomes = outcomes || ?"
        " WHERE test_code = ?",
        (state, source, recorded.seq, AGAIN if release else "", lot.test_code),
    )
    station.ledger.conn.execute("DELETE FROM channel_plan WHERE test_code = ?", (lot.test_code,))
    station.lots_changed = True
    station.print_record(recorded)
    return {"lot": lot.test_code, "disposal": code, "state": state, "source": source}


def recheck_until(told_at: str) -> str:
    """The end of the four hours, by the clock that told the beginning."""
    return (datetime.fromisoformat(told_at) + RECHECK).isoformat(timespec="seconds")


def recheck_over(station: Station, lot: Lot) -> bool:
    """Whether the seller had four hours for sure (contract C7).

    Between two moments of a set clock the clock says it; else the steady clock of this boot does, and after a reboot at
    least the time since the start has passed.  So a clock that jumps forward takes nobody's right away.
    """
    if lot.hold is None or lot.told_steady is None:
        return False
    now = station.clock.now()
    if now.trusted and lot.hold["clockstate"] != "unsynced":
        passed = now.seconds - parse_time(lot.hold["time"]).timestamp()
    elif lot.hold["bootid"] == station.clock.boot_id:
        passed = station.clock.steady() - lot.told_steady
    else:
        passed = station.clock.steady()
    return passed >= RECHECK.total_seconds()


def _held(station: Station, code: str) -> tuple[Lot, dict[str, Any]]:
    """The lot and the newest record of its hold; raises Refused."""
    lot = station.lot(code)
    if lot.state != "held" or lot.hold is None:
        raise Refused("not_held", "该批次未暂停销售", "sale of this lot is not suspended")
    return lot, lot.hold


def _recheck(station: Station, lot: Lot, command: DisposeLot) -> Ground:
    """A release rests on a report of a laboratory, never on a rapid test. Raises Refused."""
    number, laboratory, method = (
        text.strip() for text in (command.recheck_no, command.laboratory, command.method)
    )
    if not number or not laboratory:
        raise Refused(
            "no_recheck", "恢复销售须有复检报告编号和检验机构", "a release needs the recheck's report number and laboratory"
        )
    rapid = any(_names(method, known) for known in station.methods.values())
    if command.method_kind != "laboratory" or rapid or _our_own(number):
        raise Refused(
            "recheck_rapid",
            "复检不得采用快检方法，请填写检验机构的报告",
            "a recheck must not use a rapid method: give the report of a laboratory",
        )
    mass = lot.entry["data"]["net_g"] if command.mass_g is None else command.mass_g
    return Ground(mass, recheck_no=number, laboratory=laboratory, method=method)


def _removal(station: Station, lot: Lot, command: DisposeLot, person: str) -> Ground:
    """What was returned or destroyed has a mass, a way, a place and a witness. Raises Refused."""
    how, where, witness = command.how.strip(), command.where.strip(), command.witness.strip()
    if not command.mass_g or command.mass_g <= 0:
        raise Refused("no_mass", "请填写处置重量", "enter the mass")
    if not how or not where:
        raise Refused("no_place", "请填写处置方式和地点", "say how and where")
    if not witness:
        raise Refused("no_witness", "请填写见证人姓名", "name the witness")
    if witness.casefold() == person.casefold():
        raise Refused("witness", "见证人不能是经办人本人", "the witness has to be another person")
    if command.decision == "destroyed" and not command.waiver and not recheck_over(station, lot):
        raise Refused(
            "recheck_open",
            "销售者收到结果未满 4 小时，可申请复检；须有书面放弃复检才能销毁",
            "the seller's four hours to ask for a recheck are not over: destroying needs a written waiver",
        )
    return Ground(command.mass_g, how, where, witness)


def _names(method: str, rapid: Method) -> bool:
    """Whether this text names a rapid method, with or without its year."""
    said = _bare(method)
    return bool(said) and said in {_bare(name) for name in (rapid.id, rapid.name, rapid.number)}


def _bare(text: str) -> str:
    return "".join(text.split()).casefold().partition("-")[0]


def _our_own(number: str) -> bool:
    """Whether a report number is that of a rapid test of ours."""
    try:
        return TraceCode.parse("".join(number.split())).kind is CodeKind.TEST
    except BadCode:
        return False
