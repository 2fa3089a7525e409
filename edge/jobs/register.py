"""The register of scales: a record when another thing counts of one, an alarm before a verification ends.

What counts is changed by station.toml, or by a person on the page.
"""

from edge.jobs.timed import timed
from edge.records.ledger import ALARM
from edge.state.station import Station
from protocol.city.day_events import ScaleExpiring, ScaleRegistered


def due(station: Station) -> bool:
    return bool(station.register.changes() or station.register.to_warn(station.today()))


def enter(station: Station) -> None:
    """What changed, and what ends soon or has ended: each once."""
    for one in station.register.changes():
        registered = ScaleRegistered(**one.identity.model_dump(), changed=one.names, active=one.active)
        station.register.recorded(one, station.record("scale.registered", station.subject, registered).seq)
    for identity, expired in station.register.to_warn(station.today()):
        record = ScaleExpiring(**identity.model_dump(), expired=expired)
        station.record("scale.expiring", station.subject, record, lane=ALARM)
        station.register.warned(identity, expired=expired)


timed("register", due, enter)
