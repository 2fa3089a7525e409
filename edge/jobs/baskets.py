"""Slips of several lines: weighed one after the other, put aside, paid, closed. Nothing of a list is sold by itself."""

from dataclasses import asdict

from edge.between.commands import SaleAnswer
from edge.between.inbox import Refused
from edge.between.sale_commands import (
    AddLine,
    AskPayment,
    BasketAnswer,
    CloseSlip,
    DropBasket,
    DropLine,
    LineAnswer,
    ParkBasket,
    ResumeBasket,
    TakePayment,
    Terms,
)
from edge.jobs.city_said import about_price
from edge.jobs.doing import does
from edge.jobs.lines import seen, weigh
from edge.jobs.seats import at_own_seat
from edge.jobs.slips import Closing, complete, due, known_payment
from edge.jobs.voided import voided_before
from edge.records.ledger import Recorded
from edge.state.baskets import Basket
from edge.state.station import Station
from protocol.city.written import yuan


def add_line(station: Station, command: AddLine) -> LineAnswer:
    """What lies on the scale is a line of its open list. Raises Refused."""
    if (known := station.baskets.line_of(command.mark)) is not None:
        return _line_answer(*known)
    basket = station.baskets.open_of(command.scale)
    weighed = weigh(station, command, basket.of_lots_g() if basket else None)
    seen(command.seen_fen, weighed.line.amount_fen)
    if basket is not None:
        due(station, [*basket.lines.values(), weighed.line], Closing(rounding="none"))
    after, place = station.baskets.add(command.scale, weighed.line, command.mark)
    weighed.take(station)
    warnings = () if weighed.line.pieces else about_price(station, weighed.product, weighed.line.price.fen)
    return _line_answer(after, place).model_copy(update={"warnings": warnings})


def drop_line(station: Station, command: DropLine) -> BasketAnswer:
    """A line is taken out. Raises Refused for one that is not there."""
    basket = _not_paying(station.baskets.find(command.basket))
    if command.line not in basket.lines:
        raise Refused("no_line", "这一行已不在清单里", "this line is not in the list any more")
    station.baskets.take_out(basket, command.line)
    rest = len(basket.lines) - 1
    total = basket.amount_fen - basket.lines[command.line].amount_fen
    state = basket.state if rest else "empty"
    return BasketAnswer(basket=basket.number, state=state, lines=rest, amount_fen=total, due_fen=total)


def park(station: Station, command: ParkBasket) -> BasketAnswer:
    """The next customer goes first."""
    basket = _not_paying(station.baskets.find(command.basket))
    station.baskets.become(basket, "parked")
    return _answer(station.baskets.find(basket.number))


def resume(station: Station, command: ResumeBasket) -> BasketAnswer:
    """It is served again, at terms that are still to be agreed."""
    basket = station.baskets.find(command.basket)
    station.baskets.become(basket, "open")
    return _answer(station.baskets.find(basket.number))


def drop(station: Station, command: DropBasket) -> BasketAnswer:
    """Nothing of it is sold. Raises Refused for one that waits for its payment."""
    basket = _not_paying(station.baskets.find(command.basket))
    station.baskets.end(basket)
    return BasketAnswer(basket=basket.number, state="empty", lines=0, amount_fen=0, due_fen=0)


def close(station: Station, command: CloseSlip) -> SaleAnswer:
    """Its lines become one sale. Raises Refused."""
    basket = station.baskets.find(command.basket)
    at_own_seat(station, basket.scale)
    if station.config.stall.payment == "before_slip" and not command.paid_by:
        raise Refused(
            "payment_first",
            "本摊位先收款后出票：请等待收款，或选付款方式",
            "payment comes before the slip here: wait for it, or say how it was paid",
        )
    scale = station.scales.get(basket.scale)
    if command.alone and scale is not None and not scale.why_not(station.clock.steady(), station.today()):
        raise Refused(
            "load_there",
            "秤上又放了货物：请核对后再按，或先取下",
            "another load lies on the scale: look at it and press again, or take it off",
        )
    closing = _closing(command) if basket.state != "paying" else _agreed(basket, command.seen_fen)
    return _close(station, basket, closing, command.paid_by, "")[0]


def ask_payment(station: Station, command: AskPayment) -> BasketAnswer:
    """Its terms are agreed, and it waits for its payment; the next customer goes on. Raises Refused."""
    basket = station.baskets.find(command.basket)
    at_own_seat(station, basket.scale)
    closing = _closing(command)
    asked = due(station, list(basket.lines.values()), closing)
    if closing.replaces:
        voided_before(station, closing.replaces)
    terms = asdict(closing) | {"rounding": closing.rounding or station.config.stall.rounding, "agreed": True}
    station.baskets.become(basket, "paying", terms | {"approved_by": asked.approved_by, "due_fen": asked.fen})
    return _answer(station.baskets.find(basket.number))


def take_payment(station: Station, command: TakePayment) -> SaleAnswer:
    """A payment came: the list of this amount is closed, once. Raises Refused."""
    if (before := station.baskets.payment(command.reference)) is not None:
        amount, kind, answer = before
        if (amount, kind) != (command.amount_fen, command.kind):
            raise Refused(
                "payment_reused",
                f"付款 {command.reference[:32]} 已用于另一笔（{yuan(amount)} 元）",
                f"payment {command.reference[:32]!r} was for another sale ({yuan(amount)} yuan)",
            )
        return SaleAnswer.model_validate_json(answer)
    known_payment(station, command.kind)
    basket = _paid(station, command)
    closing = _agreed(basket, None)
    said, recorded = _close(station, basket, closing, command.kind, command.reference)
    text = said.model_dump_json(by_alias=True)
    station.baskets.paid(command.reference, command.amount_fen, command.kind, recorded.seq, text)
    return said


def _paid(station: Station, command: TakePayment) -> Basket:
    """The list that a payment is for: one that waits for it before one that is open. Raises Refused."""
    known = [one for one in station.baskets.all() if one.state != "parked" and command.basket in (None, one.number)]
    if not known:
        raise Refused(
            "no_payment_due",
            f"没有等待收款的清单：收到 {yuan(command.amount_fen)} 元，请核对后手工结单或退款",
            f"no list waits for a payment: {yuan(command.amount_fen)} yuan came; close a list by hand, or give it back",
        )
    for state in ("paying", "open"):
        fitting = [one for one in known if one.state == state and _due(station, one) == command.amount_fen]
        if len(fitting) > 1:
            raise Refused(
                "payment_unclear",
                f"有 {len(fitting)} 张清单都是 {yuan(command.amount_fen)} 元：请在页面上选一张结单",
                f"{len(fitting)} lists are of {yuan(command.amount_fen)} yuan: close the right one on the page",
            )
        if fitting:
            return fitting[0]
    asked = "、".join(yuan(_due(station, one)) for one in known)
    raise Refused(
        "payment_amount",
        f"收到 {yuan(command.amount_fen)} 元，应收 {asked} 元：不一致，未出票；请核对",
        f"{yuan(command.amount_fen)} yuan came where {asked} are due: no slip was made; check it",
    )


def _due(station: Station, basket: Basket) -> int:
    """What is asked for a list: what was agreed, or its sum as it would be closed now."""
    return basket.due_fen if basket.terms else due(station, list(basket.lines.values()), Closing()).fen


def _close(
    station: Station, basket: Basket, closing: Closing, paid_by: str, payment: str
) -> tuple[SaleAnswer, Recorded]:
    terms = Closing(**{**asdict(closing), "paid_by": paid_by, "payment": payment})
    answer, recorded = complete(station, list(basket.lines.values()), terms, basket.scale)
    station.baskets.end(basket)
    return answer, recorded


def _closing(command: Terms) -> Closing:
    return Closing(
        buyer=command.buyer,
        buyer_name=command.buyer_name,
        replaces=command.replaces,
        rounding=command.rounding,
        seen_fen=command.seen_fen,
    )


def _agreed(basket: Basket, seen_fen: int | None) -> Closing:
    """The terms of a list that waits for its payment; it costs what was agreed, whatever the settings say by now."""
    said = dict(basket.terms)
    due_fen = said.pop("due_fen", None)
    return Closing(**said | {"seen_fen": due_fen if seen_fen is None else seen_fen})


def _not_paying(basket: Basket) -> Basket:
    if basket.state == "paying":
        raise Refused(
            "waits_for_payment",
            "这张清单在等待收款：请先取消等待",
            "this list waits for its payment: go on with it first",
        )
    return basket


def _answer(basket: Basket) -> BasketAnswer:
    return BasketAnswer(
        basket=basket.number,
        state=basket.state,
        lines=len(basket.lines),
        amount_fen=basket.amount_fen,
        due_fen=basket.due_fen,
    )


def _line_answer(basket: Basket, place: int) -> LineAnswer:
    line = basket.lines[place]
    said = _answer(basket).model_dump()
    return LineAnswer(**said, line=place, net_g=line.net_g, line_fen=line.amount_fen)


does(AddLine, add_line)
does(DropLine, drop_line)
does(CloseSlip, close)
does(AskPayment, ask_payment)
does(ParkBasket, park)
does(ResumeBasket, resume)
does(DropBasket, drop)
does(TakePayment, take_payment)
