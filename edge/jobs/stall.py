"""The stall (摊位): what lies on the scale is sold, alone or with the lines that wait for it; prices are changed."""

from edge.between.commands import PriceAnswer, SaleAnswer, Sell, SetPrice
from edge.between.inbox import Refused
from edge.between.people import SUPERVISORS
from edge.jobs.city_said import about_price
from edge.jobs.doing import does
from edge.jobs.lines import weigh
from edge.jobs.slips import Closing, complete
from edge.state.baskets import MOST_LINES
from edge.state.station import Station
from protocol.city.events import PriceChanged


def sell(station: Station, command: Sell) -> SaleAnswer:
    """One sale of what lies on the scale, and of the lines of its list; raises Refused with nothing changed."""
    basket = station.baskets.find(command.basket) if command.basket else None
    before = list(basket.lines.values()) if basket else []
    if len(before) >= MOST_LINES:
        raise Refused(
            "too_many_lines",
            f"一张小票最多 {MOST_LINES} 行，请先结单",
            f"a slip has {MOST_LINES} lines at most: close it first",
        )
    if station.config.stall.payment == "before_slip" and not command.paid_by:
        raise Refused(
            "payment_first",
            "本摊位先收款后出票：请加入清单并等待收款，或选付款方式",
            "payment comes before the slip here: add it to the list and wait for its payment, or say how it was paid",
        )
    weighed = weigh(station, command, basket.of_lots_g() if basket else None)
    answer, _ = complete(
        station,
        [*before, weighed.line],
        Closing(
            buyer=command.buyer,
            buyer_name=command.buyer_name,
            replaces=command.replaces,
            rounding=command.rounding,
            paid_by=command.paid_by,
            seen_fen=command.seen_fen,
        ),
        command.scale,
    )
    if basket is not None:
        station.baskets.end(basket)
    weighed.take(station)
    return answer


def set_price(station: Station, command: SetPrice) -> PriceAnswer:
    """Change a product's price for everybody: a record, unless it is the same."""
    product = station.product(command.product)
    if station.config.people.prices == "supervisor":
        station.demand(SUPERVISORS)
    before = station.price(product.code)
    if before != command.price_fen:
        changed = PriceChanged(
            goods=station.goods(product.code), before_fen=before, fen=command.price_fen, per_g=product.per_g
        )
        station.record("price.changed", station.subject, changed)
        station.set_price(product.code, command.price_fen)
    warnings = about_price(station, product, command.price_fen)
    return PriceAnswer(product=product.code, price_fen=command.price_fen, warnings=warnings)


does(Sell, sell)
does(SetPrice, set_price)
