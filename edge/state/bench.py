"""What pages see of the test room. Part of the core: only the core thread calls this."""

from collections import Counter

from edge.between.bench_board import BenchView, ControlView
from edge.config.sections import AnalyzerSection
from edge.state.sampling import coverage, tested
from edge.state.station import Station


def bench_view(station: Station) -> BenchView:
    """Racks, controls, reagents and the plan of the day, as they are now."""
    day = station.clock.today()
    lots = [lot for lot in station.lots.of_day(day.isoformat()) if not lot.foreign]
    count: Counter[str] = Counter(lot.state.value for lot in lots)
    count["all"], count["tested"] = len(lots), sum(map(tested, lots))
    return BenchView(
        day=day.isoformat(),
        control=station.config.gate.control,
        racks=tuple(station.racks.view(part, day.isoformat()) for part in station.config.analyzer),
        controls=tuple(_controls(station, day.isoformat())),
        reagents=station.controls.reagent_views(day),
        coverage=coverage(station.config, lots),
        items=items_of(station),
        today=dict(count),
    )


def items_of(station: Station) -> tuple[str, ...]:
    """The items that are tested here: those of the analyzers' methods, and those that lots ask for."""
    named = [item for part in station.config.analyzer for item in _items(station, part)]
    asked = [item for product in station.products.values() for item in station.config.tests(product)]
    return tuple(dict.fromkeys([*named, *asked]))


def _items(station: Station, part: AnalyzerSection) -> list[str]:
    return [item for name in part.methods if (item := station.methods[name].item)]


def _controls(station: Station, day: str) -> list[ControlView]:
    """One for each item that an analyzer measures by a method that asks for controls."""
    if station.config.gate.control == "off":
        return []
    return [
        station.controls.view(part.name, station.methods[name].item, day)
        for part in station.config.analyzer
        for name in part.methods
        if station.methods[name].item and not station.methods[name].own_control
    ]
