"""The gate's scale: loads of goods that are about to be registered are weighed one after the other."""

from edge.between.entry_commands import MOST_LOADS, DropLoads, LoadsAnswer, WeighGoods
from edge.between.inbox import Refused
from edge.jobs.doing import does
from edge.state.station import Station
from protocol.city.events import Load


def weigh(station: Station, command: WeighGoods) -> LoadsAnswer:
    """What lies on the scale is a load; raises Refused with nothing changed.

    A load counts once: the scale has to be empty before the next one.
    """
    scale = station.scale(command.scale)
    if len(station.loads.of(command.scale)) >= MOST_LOADS:
        raise Refused(
            "many_loads",
            f"一次登记最多称 {MOST_LOADS} 次：请先登记这些",
            f"at most {MOST_LOADS} loads go into one entry: register these first",
        )
    load = scale.load(station.clock.steady(), station.today(), command.tare_g)
    if command.seen_g is not None and command.seen_g != load.net_g:
        raise Refused(
            "weight_changed",
            f"重量已变为 {load.value} {load.unit}，请核对后再按",
            f"the weight is now {load.value} {load.unit}: check it and press again",
        )
    until = scale.part.verified_until
    station.loads.add(
        Load(
            scale=command.scale,
            model=scale.model,
            value=load.value,
            unit=load.unit,
            stability="derived" if load.stability == "derived" else "scale",
            raw=load.raw.hex(),
            verified_until=until.isoformat() if until else None,
            net_g=load.net_g,
            tare_g=load.tare_g,
            containers=command.containers,
        )
    )
    scale.sold()
    station.undo.append(scale.unsold)
    return _told(station, command.scale)


def drop(station: Station, command: DropLoads) -> LoadsAnswer:
    """Raises Refused when there is no such load."""
    if not station.loads.drop(command.scale, command.number) and command.number is not None:
        raise Refused("no_load", "没有这次称重", "there is no such load: it was taken back or registered")
    return _told(station, command.scale)


def taken(station: Station, scale: str, net_g: int) -> tuple[Load, ...]:
    """The loads of goods that are registered now; they are used up. Raises Refused when they are not ``net_g``."""
    loads = station.loads.of(scale)
    if not loads:
        raise Refused(
            "no_load", "还没有过秤：请先称重，或不选秤", "nothing was weighed: weigh it first, or leave out `scale`"
        )
    if (total := sum(load.net_g for load in loads)) != net_g:
        raise Refused(
            "weight_changed",
            f"过秤合计已变为 {total / 1000:.3f} kg，请核对后再按",
            f"what was weighed adds up to {total / 1000:.3f} kg: check it and press again",
        )
    station.loads.drop(scale)
    return loads


def _told(station: Station, scale: str) -> LoadsAnswer:
    loads = station.loads.of(scale)
    return LoadsAnswer(scale=scale, loads=len(loads), net_g=sum(load.net_g for load in loads))


does(WeighGoods, weigh)
does(DropLoads, drop)
