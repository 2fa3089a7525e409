"""Lots that passed and wait for the day's control, a reagent or a second look are released when that is there."""

from edge.between.fixed_words import LotState
from edge.jobs import lots
from edge.state.lots import Lot
from edge.state.station import Station
from protocol.city.codes import CodeKind


def release_ready(station: Station) -> int:
    """Release the lots that nothing keeps any more; answers how many."""
    ready = [lot for lot in station.lots.pending() if free(station, lot)]
    for lot in ready:
        release(station, lot)
    station.lots.all_pending_touched()
    return len(ready)


def free(station: Station, lot: Lot) -> bool:
    """Whether this lot passed, and nothing about it waits."""
    return lot.passed and not station.lots.blocked(lot) and not station.checks.waits_for(lot)


def release(station: Station, lot: Lot) -> str:
    """A lot is on sale by a source code of its own; answers the code."""
    source = str(station.ledger.next_code(CodeKind.SOURCE))
    station.lots.becomes(lot, LotState.RELEASED, source)
    lots.released(station, lot.test_code)
    return source
