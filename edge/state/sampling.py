"""The plan of the day: how much of what came in is tested, and which lots are drawn.

Pure: what came in is handed in as the views of today's lots.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence

from edge.between.bench_board import CoverageView
from edge.between.board import LotView
from edge.between.fixed_words import LotState
from edge.config.bench import PlanSection, row_of
from edge.config.sections import Config

EVERYTHING = PlanSection.model_construct()


def groups(config: Config, lots: Iterable[LotView]) -> dict[PlanSection, list[LotView]]:
    """Today's own lots by the row of the plan that they belong to, in the plan's order; all in one where there is no
    plan."""
    found: dict[PlanSection, list[LotView]] = {row: [] for row in config.plan}
    for lot in lots:
        if not lot.foreign and not lot.unchecked:
            found.setdefault(row_of(config.plan, lot.product) or EVERYTHING, []).append(lot)
    return {row: here for row, here in found.items() if here or row in config.plan}


def wanted(row: PlanSection, lots: Sequence[LotView]) -> int:
    """How many of these lots its share asks for: part of a lot is a whole one."""
    return -(-len(lots) * row.share // 100)


def tested(lot: LotView) -> bool:
    return lot.verdict is not None


def waits(lot: LotView) -> bool:
    """Whether it can still be drawn or passed over: nothing is known of it, and nobody has decided."""
    return lot.state is LotState.PENDING and not tested(lot) and not lot.sampling


def coverage(config: Config, lots: Iterable[LotView]) -> tuple[CoverageView, ...]:
    """How far the plan of the day is done."""
    views = []
    for row, here in groups(config, lots).items():
        by_supplier: dict[str, bool] = defaultdict(bool)
        for lot in here:
            by_supplier[lot.supplier] |= tested(lot)
        views.append(
            CoverageView(
                group=row.name or row.product,
                product=row.product,
                items=row.items if row.items is not None else (config.gate.tests or ()),
                share=row.share,
                lots=len(here),
                wanted=wanted(row, here),
                drawn=sum(lot.sampling == "drawn" for lot in here),
                tested=sum(map(tested, here)),
                waiting=sum(map(waits, here)),
                suppliers=len(by_supplier),
                suppliers_tested=sum(by_supplier.values()),
            )
        )
    return tuple(views)


def draw(lots: Sequence[LotView], most: int, seed: str) -> tuple[list[LotView], list[LotView]]:
    """So many of these lots, and the others: in the order of SHA-256(seed + test code), so that it can be checked."""
    ordered = sorted(lots, key=lambda lot: hashlib.sha256(f"{seed}{lot.test_code}".encode()).digest())
    return ordered[:most], ordered[most:]
