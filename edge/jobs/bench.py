"""The bench: racks are filled in one press and place by place, and a person says what was seen.

A rack is no promise: what lies where is known to the station alone, and a result counts by its lot.
"""

from collections.abc import Mapping
from types import MappingProxyType

from edge.between.bench_commands import FillRack, NextRack, PlaceAnswer, RackAnswer, SeeLot, SeenAnswer, SetPlace
from edge.between.inbox import Refused
from edge.config.bench import natural
from edge.config.sections import AnalyzerSection
from edge.jobs.doing import does
from edge.jobs.places import known_place, named, put
from edge.state.alerts import words_of
from edge.state.lots import Lot
from edge.state.racks import LOT, PUBLIC, Place, Rack
from edge.state.station import Station
from protocol.city.bench_events import AlertSeen
from protocol.city.events import Goods


def see(station: Station, command: SeeLot) -> SeenAnswer:
    """A person has seen what stands against a lot. Raises Refused."""
    lot = station.lots.find(command.lot)
    view = station.lots.view_of(lot)
    words = words_of(view)
    if not words:
        raise Refused(
            "nothing_to_see",
            "该批次没有需要处理的情况；请刷新页面",
            "nothing stands against this lot (any more): look at the page again",
        )
    record = AlertSeen(
        lot=lot.test_code,
        goods=Goods.model_validate(lot.entry["data"]["goods"]),
        what=tuple(words),
        upto=view.upto,
        person=command.person,
    )
    recorded = station.record("alert.seen", lot.test_code, record)
    station.alerts.see(view, words, command.person, recorded.time)
    return SeenAnswer(seq=recorded.seq, test_code=lot.test_code)


# --- racks ------------------------------------------------------------------------------------------------------------


def fill(station: Station, command: FillRack) -> RackAnswer:
    """The lots that wait go into the free places. Raises Refused."""
    part = analyzer(station, command.analyzer)
    rack = station.racks.current(part.name)
    if rack is None or (rack.places and not rack.waiting):
        return _filled(station, part, _begun(station, part, rack, command.person))
    if command.person:
        station.racks.tested_by(rack, command.person)
    return _filled(station, part, rack)


def next_rack(station: Station, command: NextRack) -> RackAnswer:
    """The next rack. Raises Refused."""
    part = analyzer(station, command.analyzer)
    rack = station.racks.current(part.name)
    left = [place for place in rack.waiting if place.kind in (LOT, PUBLIC)] if rack else []
    if left and not command.leave:
        names = "、".join(sorted((place.place for place in left), key=natural))
        raise Refused(
            "rack_unfinished",
            f"本盘还有 {len(left)} 个样品没有结果（{names[:60]}）；请等结果，或确认不等，样品回到待检",
            f"{len(left)} samples of this rack have no result yet ({names[:60]}): wait for them, or say that they are "
            "left, and they wait again",
        )
    return _filled(station, part, _begun(station, part, rack, command.person), rack.places if rack else {})


def set_place(station: Station, command: SetPlace) -> PlaceAnswer:
    """What lies in one place. Raises Refused."""
    part = analyzer(station, command.analyzer)
    known_place(part, command.place, part.places)
    if command.lot and command.control:
        raise Refused("two_things", "一个位置只能放一个样品或质控", "a place takes a lot or a control, not both")
    brought = station.public_samples.find(command.lot) if command.lot else None
    lot = station.lots.find(command.lot) if command.lot and not brought else None
    rack = station.racks.current(part.name) or station.racks.begin(part, station.clock.now().text, command.person)
    if command.person:
        station.racks.tested_by(rack, command.person)
    put(station, part, rack, command.place, lot or brought, command.control or "")
    return PlaceAnswer(rack=rack.number, place=command.place)


def analyzer(station: Station, name: str) -> AnalyzerSection:
    """The analyzer of this name, whose places are known. Raises Refused."""
    part = named(station, name)
    if not part.places:
        raise Refused(
            "channels_unknown",
            f"不知道 {part.name} 有多少个通道：请技术员在 station.toml 写 channels，如 16",
            f"nobody has said how many channels {part.name} has: write `channels` in station.toml, such as 16",
        )
    return part


def _begun(station: Station, part: AnalyzerSection, before: Rack | None, person: str) -> Rack:
    """The next rack; what lay in the one before lies nowhere."""
    tester = person or (before.tester if before else "")
    rack = station.racks.begin(part, station.clock.now().text, tester)
    if part.match == "channel":
        for name in part.places:
            station.lots.plan(part.name, name, "", "")
        for name, kind in part.controls.items():
            put(station, part, rack, name, None, kind, before.places.get(name) if before else None)
    return rack


def _filled(
    station: Station, part: AnalyzerSection, rack: Rack, before: Mapping[str, Place] = MappingProxyType({})
) -> RackAnswer:
    """The lots that wait lie in its free places; ``before`` is what lay in the rack before."""
    free = [place for place in part.places if place not in rack.places]
    queue = waiting(station)
    for place, lot in zip(free, queue, strict=False):
        put(station, part, rack, place, lot, "", before.get(place))
    taken = min(len(free), len(queue))
    return RackAnswer(rack=rack.number, put=taken, free=len(free) - taken, waiting=len(queue) - taken)


def waiting(station: Station) -> list[Lot]:
    """The lots that wait for a measurement and lie in no rack: those to repeat first, as often as they have to be, then
    the others in the order in which they came."""
    lying = station.racks.lying()
    again: list[Lot] = []
    first: list[Lot] = []
    for lot in station.lots.pending():
        due = _measurements_due(station, lot) - lying.get(lot.test_code, 0)
        (again if lot.items else first).extend([lot] * max(0, due))
    return [*again, *first]


def _measurements_due(station: Station, lot: Lot) -> int:
    """How many measurements this lot asks for now."""
    view = station.lots.view_of(lot)
    if lot.passed or view.in_doubt or lot.sampling in ("passed", "released"):
        return 0
    if view.repeats_due:
        return view.repeats_due
    undecided = view.verdict == "suspect"  # a person decides, or the whole plant is extracted first
    return 0 if undecided else 1


does(SeeLot, see)
does(FillRack, fill)
does(NextRack, next_rack)
does(SetPlace, set_place)
