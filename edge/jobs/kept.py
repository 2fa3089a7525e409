"""What a canteen keeps and hands over: a sample of each dish (留样), kitchen waste; both by the weight of its scale."""

from edge.between.canteen_commands import (
    DiscardAnswer,
    DiscardSample,
    HandWaste,
    KeepSample,
    KeptAnswer,
    WasteAnswer,
)
from edge.between.inbox import Refused
from edge.between.people import SUPERVISORS
from edge.config.sections import grams
from edge.jobs.doing import does
from edge.jobs.weights import line_weight
from edge.state.station import Station
from edge.state.weighing import Load, TradeScale
from protocol.city.canteen_events import SampleDiscarded, SampleKept, WasteHanded
from protocol.city.codes import CodeKind

HOUR = 3600


def _lying(station: Station, scale: TradeScale, tare_g: int, seen_g: int | None) -> Load:
    """What lies there, as the person saw it; raises Refused."""
    load, shown_g, net = scale.lying(station.clock.steady(), station.today(), tare_g)
    if scale.pan.why_not(shown_g, net=net) or scale.pan.before_g():
        raise Refused(
            "load_counted",
            "秤上的货已计入别处；请先取下，再放上去",
            "what lies there is counted already: take it off, and put on what is to be weighed",
        )
    if seen_g is not None and seen_g != load.net_g:
        raise Refused(
            "weight_changed",
            f"重量已变为 {load.value} {load.unit}，请核对后再按",
            f"the weight is now {load.value} {load.unit}: check it and press again",
        )
    return load


def keep(station: Station, command: KeepSample) -> KeptAnswer:
    """A sample of a dish is kept, with a label that says until when. Raises Refused."""
    scale = station.scale(command.scale)
    load = _lying(station, scale, command.tare_g, command.seen_g)
    part = station.config.canteen
    least = grams(part.sample)
    if load.net_g < least:
        raise Refused(
            "sample_small",
            f"留样不少于 {least} g，现在只有 {load.net_g} g，请再加一些",
            f"a sample has at least {least} g: there are {load.net_g} g, put more on",
        )
    stamp = station.clock.now()
    record = SampleKept(
        number=station.kept_samples.next_number(),
        dish=command.dish,
        meal=command.meal,
        net_g=load.net_g,
        weighed=line_weight(scale, load),
        hours=part.sample_hours,
        place=command.place,
        person=command.person,
        clock_trusted=stamp.trusted,
    )
    recorded = station.record("sample.kept", station.subject, record, stamp)
    station.kept_samples.keep(record.number, recorded.seq, record.hours * HOUR)
    _counted(station, scale)
    return KeptAnswer(number=record.number, net_g=record.net_g, job=station.prints.of_record(recorded))


def _counted(station: Station, scale: TradeScale) -> None:
    """What was weighed is nobody's load any more."""
    _, shown_g, net = scale.lying(station.clock.steady(), station.today())
    station.deliveries.counted(scale, shown_g, net=net, load=0)


def discard(station: Station, command: DiscardSample) -> DiscardAnswer:
    """A kept sample is thrown away. Raises Refused."""
    row = station.kept_samples.find(command.number)
    elapsed, _ = station.kept_samples.elapsed(row)
    early = elapsed < row.due_s
    if early:
        station.demand(SUPERVISORS)
        if not command.reason:
            raise Refused(
                "sample_early",
                f"留样未满 {row.due_s // HOUR} 小时，提前销毁须写明原因",
                f"it has to be kept for {row.due_s // HOUR} hours: say why it goes earlier",
            )
    event = station.ledger.event(row.seq)
    record = SampleDiscarded(
        number=row.number,
        kept=event["id"],
        dish=event["data"]["dish"],
        elapsed_s=int(elapsed),
        early=early,
        reason=command.reason,
        person=command.person,
    )
    station.record("sample.discarded", station.subject, record)
    station.kept_samples.discard(row.number)
    return DiscardAnswer(number=row.number, early=early)


def hand_waste(station: Station, command: HandWaste) -> WasteAnswer:
    """Kitchen waste goes to who may take it. Raises Refused."""
    scale = station.scale(command.scale)
    load = _lying(station, scale, command.tare_g, command.seen_g)
    stamp = station.clock.now()
    code = str(station.ledger.next_code(CodeKind.DISPOSAL))
    record = WasteHanded(
        waste=command.kind,
        net_g=load.net_g,
        weighed=line_weight(scale, load),
        receiver=command.receiver,
        licence=command.licence,
        plate=command.plate,
        photos=command.photos,
        code=code,
        person=command.person,
        clock_trusted=stamp.trusted,
    )
    recorded = station.record("waste.handed", code, record, stamp)
    _counted(station, scale)
    return WasteAnswer(code=code, net_g=load.net_g, job=station.prints.of_record(recorded))


does(KeepSample, keep)
does(DiscardSample, discard)
does(HandWaste, hand_waste)
