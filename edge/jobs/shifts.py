"""The end of a shift (交班): counted by the records since the one before, whatever the clock said meanwhile."""

from edge.between.day_commands import CloseShift, ShiftAnswer
from edge.between.inbox import Refused
from edge.jobs.doing import does
from edge.state.station import Station
from edge.state.tally import expected_fen
from protocol.city.day_events import Payment, ShiftClosed
from protocol.city.events import Party
from protocol.city.written import yuan


def close(station: Station, command: CloseShift) -> ShiftAnswer:
    """The open shift ends here, as it was seen; raises Refused with nothing changed."""
    tally = station.tally
    if not tally.shift_counted:
        raise Refused("still_counting", "正在统计本班记录，请稍后再按", "this shift is still counted: press again soon")
    number, first, total = tally.open_shift()
    if number != command.number:
        raise Refused(
            "shift_closed",
            f"第 {command.number} 班已经交班，现在是第 {number} 班",
            f"shift {command.number} is not open: it is shift {number} now",
        )
    if (total.slips, total.amount_fen) != (command.seen_slips, command.seen_fen):
        raise Refused(
            "shift_changed",
            f"本班现为 {total.slips} 笔、{yuan(total.amount_fen)} 元，请核对后再按",
            f"the shift has {total.slips} slips and {yuan(total.amount_fen)} by now: check and press again",
        )
    if not (total.slips or total.voids):
        raise Refused("shift_empty", "本班还没有交易，无需交班", "nothing was sold in this shift: leave it open")
    stamp = station.clock.now()
    seller, expected = station.config.seller, expected_fen(total)
    counted = command.counted_fen
    closed = ShiftClosed(
        number=number,
        first=first,
        last=station.ledger.head.seq,
        since=total.since or None,
        slips=total.slips,
        voids=total.voids,
        voided_fen=total.voided_fen,
        typed=total.typed,
        net_g=total.net_g,
        amount_fen=total.amount_fen,
        payments=tuple(
            Payment(kind=kind, slips=slips, amount_fen=fen) for kind, (slips, fen) in sorted(total.payments.items())
        ),
        counted_fen=counted,
        expected_fen=None if counted is None else expected,
        difference_fen=None if counted is None else counted - expected,
        seller=Party(code=seller.code, name=seller.name, stall=seller.stall, contact=seller.contact),
        clock_trusted=stamp.trusted,
        person=command.person,
    )
    recorded = station.record("shift.closed", station.subject, closed, stamp)
    tally.closed(number, recorded.seq)
    return ShiftAnswer(
        seq=recorded.seq,
        number=number,
        slips=total.slips,
        net_g=total.net_g,
        amount_fen=total.amount_fen,
        difference_fen=closed.difference_fen,
        job=station.prints.of_record(recorded),
    )


does(CloseShift, close)
