"""What the customer's screen shows is what the seller chose."""

from edge.between.day_commands import ShowAnswer, ShowCustomer
from edge.between.day_views import CustomerView
from edge.jobs.doing import does
from edge.state.station import Station


def show(station: Station, command: ShowCustomer) -> ShowAnswer:
    """Shown from now on; raises Refused for goods, a scale or a lot that are not here."""
    if command.scale:
        station.scale(command.scale)
    if not command.product:
        station.customer.show(CustomerView(scale=command.scale))
        return ShowAnswer(product="")
    product = station.product(command.product)
    origin = station.lots.find(command.lot).entry["data"]["origin"] if command.lot else ""
    station.customer.show(
        CustomerView(
            scale=command.scale,
            product=product.code,
            name=product.name,
            name_en=product.name_en,
            origin=origin,
            price_fen=command.price_fen,
            per_g=product.per_g,
            tare_g=command.tare_g,
            net_g=command.net_g,
            pieces=command.pieces,
        )
    )
    return ShowAnswer(product=product.code)


does(ShowCustomer, show)
