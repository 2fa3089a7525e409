"""Several stalls by one box: who sells at which scale, and where its papers come out."""

from edge.between.inbox import Refused
from edge.between.people import SENIORS
from edge.config.sections import SellerSection
from edge.state.station import Station


def at_own_seat(station: Station, scale: str) -> None:
    """Raises Refused when whoever orders sells at another stall. Where nobody has a name, everybody may."""
    seat = station.config.seat_of(scale)
    if seat is None or not seat.people or station.who.code in seat.people or station.who.may(SENIORS):
        return
    raise Refused(
        "other_stall",
        f"这台秤属于摊位 {seat.stall or seat.name}，请用本摊位的秤",
        f"this scale is of the stall {seat.stall or seat.name}: sell on your own",
    )


def seller_at(station: Station, scale: str) -> SellerSection:
    """Who sells what is weighed there."""
    seat = station.config.seat_of(scale)
    return station.config.seller if seat is None else seat.sold_by()


def printer_at(station: Station, scale: str) -> str:
    """The printer of the seat; empty is the first one for such papers."""
    seat = station.config.seat_of(scale)
    return "" if seat is None else seat.printer


def printer_of(station: Station, seller: str) -> str:
    """The printer of this seller's seat; empty is the first one for such papers."""
    seat = station.config.seat_of_seller(seller)
    return "" if seat is None else seat.printer
