"""A sale of this station by its code, and the voided one that another sale replaces."""

from edge.between.inbox import Refused
from edge.state.station import Station
from protocol.city.codes import BadCode, CodeKind, TraceCode
from protocol.city.envelope import kind_of


def voided_before(station: Station, tx: str) -> int:
    """The record by which this sale was voided, when no other sale was made in its place. Raises Refused."""
    seq = station.corrections.of(sale_of(station, tx))
    if seq is None:
        raise Refused(
            "not_voided", "原交易还没有作废，不能重开", "the sale that this one replaces is not voided: do that first"
        )
    if station.corrections.of(seq) is not None:
        raise Refused(
            "already_replaced", "这笔作废的交易已重开过一次", "another sale was already made in place of the voided one"
        )
    return seq


def sale_of(station: Station, code: str) -> int:
    """The record of a sale of this station; raises Refused."""
    try:
        trace = TraceCode.parse(code)
    except BadCode as error:
        raise Refused("bad_code", f"交易码 {code[:24]} 有误，请重新扫描或输入", str(error)) from None
    if trace.kind not in (CodeKind.SALE, CodeKind.TRAINING):
        raise Refused("not_a_sale", "这不是交易码", "this is not the code of a sale (its tenth digit is not 2)")
    station.ledger.refuse_gone(trace)
    seq = station.ledger.seq_of(trace)
    if seq is None or kind_of(station.ledger.event(seq)["type"]) != "trade.completed":
        raise Refused(
            "no_sale",
            "本机没有这笔交易；请在开票的机器上作废",
            "this station made no such sale: void it where it was made",
        )
    return seq
