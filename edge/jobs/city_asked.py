"""What the city said, as people ask for it: its directory, and the orders."""

from dataclasses import asdict

from edge.between.city_commands import DirectoryAnswer, Listed, ListOrders, OrdersAnswer, SearchDirectory
from edge.jobs.doing import does
from edge.state.station import Station
from protocol.city.commands import Order


def search(station: Station, command: SearchDirectory) -> DirectoryAnswer:
    """Who is in the city's directory."""
    found = station.directory.find(command.q, command.kind)
    return DirectoryAnswer(entries=tuple(Listed.model_validate(asdict(entry)) for entry in found))


def list_orders(station: Station, command: ListOrders) -> OrdersAnswer:
    """What is to be delivered. A supplier that goes by an alias is not named until its delivery is closed."""
    orders = (Order.model_validate(order) for order in station.city_lists.orders(command.day))
    return OrdersAnswer(orders=tuple(_blind(station, order) for order in orders))


def _blind(station: Station, order: Order) -> Order:
    row = station.deliveries.of_order(order.order) if order.alias else None
    if not order.alias or (row is not None and row.state == "done"):
        return order
    return order.model_copy(update={"supplier": order.alias, "supplier_code": ""})


does(SearchDirectory, search)
does(ListOrders, list_orders)
