"""Records that were kept their time go, while nobody works: a checkpoint first, then some at a time."""

from edge.jobs.timed import timed
from edge.records.checkpoints import Checkpoint
from edge.records.ledger import body_of
from edge.state.station import Station
from protocol.city.envelope import hash_of
from protocol.city.ledger_events import LedgerCheckpoint


def due(station: Station) -> bool:
    return station.forgetting.due(station.clock, _settled(station))


def forget(station: Station) -> None:
    """The next step: note how far the city has everything, record a checkpoint, or take some records away."""
    today, settled = station.clock.today(), _settled(station)
    station.undo.append(station.forgetting.look)
    match station.forgetting.step(today, settled):
        case "note":
            station.forgetting.table.note(today, settled)
        case "point":
            _point(station, station.forgetting.to_point(today, settled))
        case "remove":
            gone = station.forgetting.table.remove(station.forgetting.to_remove(today, settled), today)
            station.after.append(lambda: station.photos.gone(gone.photos))
            station.after.append(lambda: station.lots.forgotten(gone.lots))
            station.after.append(lambda: station.forgetting.took(gone))


def _point(station: Station, upto: int) -> None:
    ledger = station.ledger
    record = LedgerCheckpoint(
        upto=upto,
        hash=hash_of(body_of(ledger.conn, upto)),
        serials={str(kind): serial for kind, serial in sorted(ledger.serials_at(upto).items())},
        months=station.config.station.keep_months,
    )
    recorded = station.record("ledger.checkpoint", station.subject, record)
    station.forgetting.table.pointed(Checkpoint(recorded.seq, upto, record.hash))


def _settled(station: Station) -> int:
    """The city has every record up to here: what it refused is not delivered."""
    if station.delivering is None or station.delivering.end.held:
        return 0
    end = station.delivering.end
    return end.upto if end.aside.first is None else min(end.upto, end.aside.first - 1)


timed("retention", due, forget)
