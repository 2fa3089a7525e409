"""The prices of a day (每日价格), recorded for the city at a set time; a missed day when the station is back."""

from edge.jobs.timed import timed
from edge.state.station import Station
from protocol.city.day_events import DailyPrice, PriceDaily
from protocol.city.events import Goods


def due(station: Station) -> bool:
    return bool(station.price_reports.due(station.clock.now().text))


def report(station: Station) -> None:
    """Every day that is due, each once."""
    stamp = station.clock.now()
    while day := station.price_reports.due(stamp.text):
        found = station.price_reports.prices(day)
        if not found:
            continue
        prices = tuple(
            DailyPrice(
                goods=Goods.model_validate(one.goods),
                mean_fen=one.mean_fen,
                min_fen=one.min_fen,
                max_fen=one.max_fen,
                lines=one.lines,
                net_g=one.net_g,
                amount_fen=one.amount_fen,
            )
            for one in found
        )
        record = PriceDaily(
            date=day,
            until=station.price_reports.until,
            prices=prices,
            clock_trusted=stamp.trusted,
            late=day != stamp.text[:10],
        )
        recorded = station.record("price.daily", station.subject, record, stamp)
        station.price_reports.reported(day, recorded.seq)


timed("prices", due, report)
