"""The gate (入场口): goods come in, get a test number and a sample number, and wait for their test."""

from typing import Any

from edge.inbox import Refused, RegisterEntry
from edge.station import Station
from protocol.city.codes import BadCode, CodeKind, TraceCode
from protocol.city.events import EntryRegistered, Proof

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
    whole_plant = "due" if station.product(command.product).disturbs_enzyme and not entry.upstream else ""
    station.ledger.conn.execute(
        "INSERT INTO lots (test_code, seq, product, sample, source, state, whole_plant) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            str(code),
            recorded.seq,
            goods.product,
            sample,
            entry.upstream,
            "released" if entry.upstream else "pending",
            whole_plant,
        ),
    )
    station.lots_changed = True
    job = station.print_record(recorded)
    return {
        "test_code": str(code),
        "sample": sample,
        "source": entry.upstream,
        "whole_plant": whole_plant == "due",
        "job": job,
    }


def _check_source(code: str) -> None:
    try:
        kind = TraceCode.parse(code).kind
    except BadCode as error:
        raise Refused("bad_code", f"来源码 {code[:24]} 有误，请重新扫描", str(error)) from None
    if kind is not CodeKind.SOURCE:
        raise Refused("not_a_source", "这不是来源码", "this is not a source code (its tenth digit is not 1)")
