"""What lies in the places of an analyzer's rack, and what comes of it."""

from collections.abc import Sequence

from edge.between.inbox import Refused
from edge.config.bench import natural
from edge.config.sections import AnalyzerSection
from edge.records.clock import text_of
from edge.state.lots import Lot, local
from edge.state.public_samples import PublicSample
from edge.state.racks import LOT, NOTHING, PUBLIC, Place, Rack
from edge.state.station import Station
from protocol.readings import TestResult

VALUE_LETTERS = 40
MINUTE = 60


def named(station: Station, name: str) -> AnalyzerSection:
    """The analyzer of this name. Raises Refused."""
    for part in station.config.analyzer:
        if part.name == name:
            return part
    raise Refused("no_analyzer", f"没有检测仪 {name[:32]}", f"no analyzer {name[:32]}")


def known_place(part: AnalyzerSection, place: str, places: Sequence[str]) -> None:
    """Raises Refused for a channel that the instrument does not have: nothing would ever come from there."""
    if places and place not in places:
        first, last = places[0], places[-1]
        raise Refused(
            "no_channel",
            f"{part.name} 没有通道 {place[:8]}，只有 {first} 到 {last}；请改选",
            f"{part.name} has no channel {place[:8]}: its channels are {first} to {last}. Choose one of them",
        )


def put(
    station: Station,
    part: AnalyzerSection,
    rack: Rack,
    place: str,
    what: Lot | PublicSample | None,
    control: str,
    before: Place | None = None,
) -> None:
    """This lies there from now on; nothing, when neither is given. ``before`` lay there in the rack before."""
    time = _since(station, before or rack.places.get(place), what)
    match what:
        case Lot():
            name = what.entry["data"]["goods"]["name"]
            station.racks.put(rack, place, LOT, (what.test_code, what.sample, name), time)
        case PublicSample():
            name = station.ledger.event(what.seq)["data"]["goods"]
            station.racks.put(rack, place, PUBLIC, (what.code, what.sample, name), time)
        case None if control:
            station.racks.put(rack, place, control, NOTHING, time)
        case None:
            station.racks.take_out(rack, place)
    if part.match == "channel":
        station.lots.plan(part.name, place, what.test_code if isinstance(what, Lot) else "", time)


def _since(station: Station, before: Place | None, what: Lot | PublicSample | None) -> str:
    """From when on a measurement can be of what is put there now.

    Instruments know minutes: where another sample lay whose result is still to come, from the next one on.
    """
    now = station.clock.now()
    code = what.test_code if isinstance(what, Lot) else what.code if what else None
    if before is None or before.kind not in (LOT, PUBLIC) or before.seq or code == before.test_code:
        return now.text
    return text_of((now.seconds // MINUTE + 1) * MINUTE)


# --- what comes of a place --------------------------------------------------------------------------------------------


def place_of(station: Station, part: AnalyzerSection, result: TestResult, lot: Lot | None) -> Place | None:
    """The place of the current rack that this result is of, and that waits for one: not what was measured in a channel
    before it lay there."""
    rack = station.racks.current(part.name)
    if rack is None:
        return None
    for place in sorted(rack.waiting, key=lambda one: natural(one.place)):
        if part.match == "channel":
            fits = place.kind != LOT or lot is None or lot.test_code == place.test_code
            if place.place == result.channel and fits and not _before(result, place):
                return place
        elif lot is not None and place.test_code == lot.test_code:
            return place
    return None


def public_place(
    station: Station, part: AnalyzerSection, result: TestResult, sample: PublicSample | None = None
) -> Place | None:
    """The place of the current rack with food that somebody brought whose result is waited for: that of this channel,
    or, of an instrument that tells no channels, one with this ``sample``."""
    rack = station.racks.current(part.name)
    for place in rack.waiting if rack else ():
        if part.match == "channel":
            here = place.place == result.channel and not _before(result, place)
        else:
            here = sample is not None and place.test_code == sample.code
        if place.kind == PUBLIC and here:
            return place
    return None


def _before(result: TestResult, place: Place) -> bool:
    """Whether the instrument says that it measured this before that lay there. Instruments know minutes."""
    return result.measured_at is not None and result.measured_at < local(place.since).replace(second=0, microsecond=0)


def came(station: Station, part: AnalyzerSection, place: Place | None, seq: int, verdict: str, value: str) -> None:
    """The result of what lies there was recorded."""
    rack = station.racks.current(part.name)
    if place is not None and rack is not None:
        station.racks.came(rack, place, seq, verdict, value[:VALUE_LETTERS])
