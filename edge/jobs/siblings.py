"""What the market's other stations say of lots: released, handed on, opened, held, on sale again.

Each record counts once, whenever and however often it comes: claims by the number of the station's record, orders by
when they were given.
"""

from typing import Any

from edge.jobs.lots import tell_disputes
from edge.state.claims import Claim, Offer, Portion
from edge.state.siblings import Heard
from edge.state.station import Station

DAY = 86_400.0
FACTS = (
    *("lot", "source", "goods", "net_g", "origin", "origin_code", "supplier", "supplier_code", "verdict", "item"),
    "tested_at",
)


def hear(station: Station, topic: str, payload: bytes, *, retained: bool) -> bool:
    """A message on a topic of another station. True when it showed itself: what stands is to be said again."""
    who = station.siblings.of(topic)
    if who is None:
        return False
    name, lane = who
    if lane == "state":
        return b'"online"' in payload
    heard = station.siblings.read(name, payload, station.node_keys, retained=retained)
    if heard is not None:
        DOES.get(heard.kind, _nothing)(station, heard)
    return False


def _nothing(station: Station, heard: Heard) -> None:
    """A record about a lot that changes nothing here."""


def _offered(station: Station, heard: Heard, portion: Portion) -> None:
    now = station.clock.now()
    if now.trusted:
        oldest = now.seconds - station.config.market.offer_days * DAY
        station.lots.claims.forget_offers(oldest)
        if heard.at < oldest:
            station.siblings.doubted("lot_stale", heard.station, f"{portion.source} of long ago")
            return
    facts = heard.record.model_dump(mode="json", include=set(FACTS))
    station.lots.offer(Offer(portion, heard.station, "sibling", facts), heard.at)


def _released(station: Station, heard: Heard) -> None:
    source = heard.record.source
    if heard.station != f"{source[:9]}-{source[10:12]}":
        station.siblings.doubted("lot_unreadable", heard.station, f"{source} is another station's lot")
        return
    _offered(station, heard, Portion(source, station.node_keys.first(heard.kid), 0))


def _handed(station: Station, heard: Heard) -> None:
    if heard.record.to == station.config.seller.code:
        _offered(station, heard, _portion(station, heard.record))


def _opened(station: Station, heard: Heard) -> None:
    _claim(station, heard, heard.record.net_g)


def _settled(station: Station, heard: Heard) -> None:
    _claim(station, heard, heard.record.net_g, settled=True)


def _disputed(station: Station, heard: Heard) -> None:
    _claim(station, heard, heard.record.own_g, settled=heard.record.settled)


def _claim(station: Station, heard: Heard, net_g: int, *, settled: bool = False) -> None:
    record = heard.record
    claim = Claim(heard.station, net_g, record.of_g, heard.seq, settled)
    station.lots.claimed(_portion(station, record), claim)
    tell_disputes(station, record.source)


def _held(station: Station, heard: Heard) -> None:
    station.lots.stop(heard.record.lot, heard.record.why, heard.station, at=heard.at, number=heard.seq)


def _resumed(station: Station, heard: Heard) -> None:
    station.lots.resume(heard.record.lot, heard.station, at=heard.at, number=heard.seq)


def _portion(station: Station, record: Any) -> Portion:
    return Portion(record.source, station.node_keys.first(record.kid), record.portion)


DOES = {
    "lot.released": _released,
    "lot.handed": _handed,
    "lot.opened": _opened,
    "lot.settled": _settled,
    "lot.disputed": _disputed,
    "lot.held": _held,
    "lot.resumed": _resumed,
}
