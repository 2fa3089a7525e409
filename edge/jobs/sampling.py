"""The plan of the day: what is tested of today's goods, how far that is done, and the draw.

Nobody chooses: the lots of a group are put in an order that follows from the record before the draw, and the first ones
are tested.  What is on the city's focus list is always tested.
"""

from edge.between.bench_board import CoverageView
from edge.between.bench_commands import AskPlan, DrawAnswer, DrawSamples, PlanAnswer, PlannedGroup
from edge.between.board import LotView
from edge.between.fixed_words import LotState
from edge.between.inbox import Refused
from edge.config.bench import PlanSection
from edge.jobs import lots
from edge.jobs.doing import does
from edge.state.sampling import coverage, draw, groups, tested, waits, wanted
from edge.state.station import Station
from protocol.city.bench_events import SamplingDrawn
from protocol.city.codes import CodeKind


def today(station: Station) -> list[LotView]:
    """Today's lots, as they are now."""
    station.lots.views()
    return station.lots.of_day(station.clock.today().isoformat())


def ask_plan(station: Station, command: AskPlan) -> PlanAnswer:
    """The plan of the day, and how far it is done."""
    found = coverage(station.config, today(station))
    return PlanAnswer(day=station.clock.today().isoformat(), groups=tuple(_group(one) for one in found))


def _group(one: CoverageView) -> PlannedGroup:
    values = {name: getattr(one, name) for name in PlannedGroup.model_fields}
    return PlannedGroup(**values)


def draw_samples(station: Station, command: DrawSamples) -> DrawAnswer:
    """Which of today's lots are tested. Raises Refused."""
    found = groups(station.config, today(station))
    chosen = {row: here for row, here in found.items() if command.group in ("", row.name, row.product)}
    if not any(waits(lot) for here in chosen.values() for lot in here):
        raise Refused(
            "nothing_to_draw",
            "没有可抽的批次：今日待检批次都已抽过或已检测",
            "there is no lot to draw: all of today's were drawn or tested already",
        )
    drawn: list[str] = []
    passed: list[str] = []
    for row, here in chosen.items():
        if any(map(waits, here)):
            tested_ones, others = _draw(station, command, row, here)
            drawn += tested_ones
            passed += others
    released = len(passed) if station.config.gate.unsampled == "release" else 0
    return DrawAnswer(drawn=tuple(drawn), passed=tuple(passed), released=released)


def _draw(station: Station, command: DrawSamples, row: PlanSection, here: list[LotView]) -> tuple[list[str], list[str]]:
    """Draw in one group: recorded; answers the lots that are tested, and the others."""
    open_ones = [lot for lot in here if waits(lot)]
    focus = [lot for lot in open_ones if _focus(station, lot)]
    rest = [lot for lot in open_ones if lot not in focus]
    sure = sum(tested(lot) or lot.sampling == "drawn" for lot in here) + len(focus)
    seed = station.ledger.head.prevhash
    chosen, others = draw(rest, max(0, wanted(row, here) - sure), seed)
    release = station.config.gate.unsampled == "release"
    record = SamplingDrawn(
        group=row.name or row.product,
        share=row.share,
        seed=seed,
        drawn=tuple(lot.test_code for lot in chosen),
        focus=tuple(lot.test_code for lot in focus),
        passed=tuple(lot.test_code for lot in others),
        released=release,
        person=command.person,
    )
    station.record("sampling.drawn", station.subject, record)
    for lot in (*focus, *chosen):
        station.lots.drawn(station.lots.find(lot.test_code), "drawn")
    for lot in others:
        _passed_over(station, lot.test_code, release=release)
    return [lot.test_code for lot in (*focus, *chosen)], [lot.test_code for lot in others]


def _passed_over(station: Station, test_code: str, *, release: bool) -> None:
    """A lot that is not tested: it waits, or is on sale where the market says so, marked as not tested."""
    lot = station.lots.find(test_code)
    station.lots.drawn(lot, "released" if release else "passed")
    if release:
        source = str(station.ledger.next_code(CodeKind.SOURCE))
        station.lots.becomes(lot, LotState.RELEASED, source)
        lots.released(station, test_code)


def _focus(station: Station, lot: LotView) -> bool:
    """Whether the city's focus list names such goods."""
    entry = station.lots.find(lot.test_code).entry["data"]
    code = entry["supplier_code"]
    if not code and (known := station.directory.supplier("", entry["supplier"])) is not None:
        code = known.code
    return bool(station.city_lists.focus(lot.product, entry["origin_code"], code))


does(AskPlan, ask_plan)
does(DrawSamples, draw_samples)
