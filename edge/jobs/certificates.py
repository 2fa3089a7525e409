"""The city is told once when a certificate of this station ends soon, and once when it has ended: an alarm."""

from edge.jobs.timed import timed
from edge.records.ledger import ALARM
from edge.state.station import Station
from protocol.city.day_events import CertificateExpiring


def due(station: Station) -> bool:
    station.expiries.look(station.clock.steady())
    return any(station.expiries.to_warn(station.today()))


def warn(station: Station) -> None:
    for one in list(station.expiries.to_warn(station.today())):
        record = CertificateExpiring(of=one.of, ends=one.ends.isoformat(), expired=one.expired)
        station.record("certificate.expiring", station.subject, record, lane=ALARM)
        station.expiries.warned(one, station.undo)


timed("certificates", due, warn)
