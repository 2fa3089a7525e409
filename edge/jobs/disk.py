"""The disk gets full: the city is told while there is time for a technician to come."""

from edge.jobs.timed import timed
from edge.records.ledger import ALARM, ORDINARY
from edge.state.station import Station
from protocol.city.ledger_events import DiskShort


def due(station: Station) -> bool:
    return station.disk.news() is not None


def tell(station: Station) -> None:
    if (state := station.disk.news()) is None:
        return
    space = station.disk.look()
    record = DiskShort(state=state, free_mb=space.free // 1_000_000, total_mb=space.total // 1_000_000)
    station.record("disk.short", station.subject, record, lane=ORDINARY if state == "enough" else ALARM)
    station.disk.told(state)


timed("disk", due, tell)
