"""What the screens show that others look at: the customer's, and the one in the hall.

Nothing else of the board leaves by them: no name of staff, no supplier, no buyer, no code of a person.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from edge.between.board import BasketView, Board, LotView, ProductView, ScaleView
from edge.between.day_views import CustomerView
from edge.between.fixed_words import LotState, WeightWhy
from edge.web.look import Screens
from protocol.city.written import kilograms

MOST_LOTS = 60
TAKEN = (WeightWhy.SOLD, WeightWhy.EMPTY_FIRST)  # what lies there is on a slip already, or may be
NO_WEIGHT = (WeightWhy.NO_SIGNAL, WeightWhy.STALE, WeightWhy.ERROR)


def customer(board: Board) -> dict[str, Any]:
    """Weight, price and amount of what lies on the scale, the lines of this slip, and the slip when it is sold."""
    view, sold = board.customer, board.customer.sold
    scale = _scale_of(board, view)
    names = {one.code: one for one in board.products}
    price = _price(view, names.get(view.product))
    weight = _weight(scale, view)
    amount = None
    if price and view.pieces:
        amount = price * view.pieces
    elif price and (weight["net_g"] or 0) > 0 and (view.net_g or scale is None or scale.why not in TAKEN):
        amount = line_amount(weight["net_g"], price, view.per_g)
    basket = _basket(board, scale)
    return {
        "stall": board.stall or board.station,
        "seller": board.seller,
        "weight": weight,
        "goods": {"name": view.name, "name_en": view.name_en, "origin": view.origin} if view.product else None,
        "price_fen": price,
        "per_g": view.per_g,
        "by_piece": bool(view.pieces),
        "amount_fen": amount,
        "lines": [
            _line(
                names[line.product].name if line.product in names else line.product_name,
                names[line.product].name_en if line.product in names else "",
                line.net_g,
                line.pieces,
                line.amount_fen,
            )
            for line in basket.lines
        ]
        if basket
        else [],
        "sum_fen": basket.due_fen if basket else 0,
        "sold": {
            "code": sold.tx[-5:],
            "tx": sold.tx,
            "amount_fen": sold.amount_fen,
            "lines": [_line(*line) for line in sold.lines],
        }
        if sold
        else None,
    }


def line_amount(net_g: int, fen: int, per_g: int) -> int:
    """What so many grams cost, rounded half up, as the station does."""
    return int((Decimal(fen) * net_g / per_g).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _scale_of(board: Board, view: CustomerView) -> ScaleView | None:
    named = next((one for one in board.scales if one.name == view.scale), None)
    return named or (board.scales[0] if board.scales and not view.scale else None)


def _basket(board: Board, scale: ScaleView | None) -> BasketView | None:
    """What was weighed for this customer and is not sold yet; one that was put aside is another customer's."""
    name = scale.name if scale else ""
    return next((one for one in board.baskets if one.scale == name and one.state != "parked" and one.lines), None)


def _price(view: CustomerView, product: ProductView | None) -> int | None:
    if not view.product:
        return None
    return view.price_fen or (product.price_fen if product else None) or None


def _weight(scale: ScaleView | None, view: CustomerView) -> dict[str, Any]:
    """``state``: ``still``, ``moving``, ``free`` (it does not lie on the scale), or ``none`` (no weight is known).

    ``doubt`` names what is wrong with it.
    """
    if view.pieces or view.net_g:
        text = str(view.pieces) if view.pieces else kilograms(view.net_g)
        unit = "" if view.pieces else "kg"
        return {"state": "free", "net_g": view.net_g, "text": text, "unit": unit, "doubt": "", "tare_g": 0}
    if scale is None or not scale.up or scale.net_g is None or scale.why in NO_WEIGHT:
        doubt = scale.why or WeightWhy.NO_SIGNAL if scale is not None else WeightWhy.NO_SIGNAL
        return {"state": "none", "net_g": None, "text": "", "unit": "", "doubt": doubt, "tare_g": 0}
    net_g = scale.net_g - view.tare_g
    doubtful = scale.why in (WeightWhy.UNVERIFIED, WeightWhy.OVERLOAD, WeightWhy.UNDERLOAD, WeightWhy.STEP)
    return {
        "state": "still" if scale.stable else "moving",
        "net_g": net_g,
        "text": kilograms(net_g) if view.tare_g else scale.text,
        "unit": "kg" if view.tare_g else scale.unit,
        "doubt": scale.why if doubtful else "",
        "tare_g": view.tare_g,
    }


def _line(name: str, name_en: str, net_g: int, pieces: int, fen: int) -> dict[str, Any]:
    return {"name": name, "name_en": name_en, "net_g": net_g, "pieces": pieces, "amount_fen": fen}


# --- the hall ---------------------------------------------------------------------------------------------------------


def hall(board: Board, screens: Screens) -> dict[str, Any]:
    """Today's tests, lots on hold, reference prices: for everybody who passes."""
    names = {one.code: one for one in board.products}
    day, prices = board.day, board.reference_prices
    lots = [lot for lot in board.lots if not lot.foreign]
    held = [lot for lot in lots if lot.state == LotState.HELD]
    tested = [lot for lot in lots if lot.state != LotState.HELD and _of_today(lot, day.date if day else "")]
    tested.sort(key=lambda lot: lot.registered, reverse=True)
    return {
        "station": board.station,
        "stall": board.stall if "gate" not in board.jobs else "",
        "date": day.date if day else "",
        "counted": bool(day and day.counted),
        "clock": board.clock_word,
        "entries": day.entries if day else 0,
        "tested": day.tested if day else 0,
        "verdicts": dict(day.verdicts) if day else {},
        "waiting": board.lot_counts.get(LotState.PENDING, 0),
        "held": len(held),
        "lots": [_lot(lot, names) for lot in tested[:MOST_LOTS]],
        "on_hold": [_held(lot, names, board, screens) for lot in held[:MOST_LOTS]] if screens.held != "count" else [],
        "prices": {
            "date": prices.date,
            "until": prices.until,
            "trusted": prices.trusted,
            "rows": [
                {
                    "name": one.name,
                    "name_en": one.name_en,
                    "mean_fen": one.mean_fen,
                    "min_fen": one.min_fen,
                    "max_fen": one.max_fen,
                }
                for one in prices.prices
            ],
        }
        if prices
        else None,
    }


def _of_today(lot: LotView, today: str) -> bool:
    return lot.registered[:10] == today


def _goods(lot: LotView, names: Mapping[str, ProductView]) -> dict[str, str]:
    known = names.get(lot.product)
    return {"name": lot.product_name, "name_en": known.name_en if known else "", "origin": lot.origin}


def _lot(lot: LotView, names: Mapping[str, ProductView]) -> dict[str, Any]:
    return {
        **_goods(lot, names),
        "code": (lot.source or lot.test_code)[-5:],
        "time": lot.registered[11:16],
        "state": lot.state,
        "item": lot.item or "",
        "verdict": lot.verdict or "",
        "rechecked": lot.rechecked,
    }


def _held(lot: LotView, names: Mapping[str, ProductView], board: Board, screens: Screens) -> dict[str, Any]:
    """Its goods and, where the market says so, the stall; never who brought it."""
    return {
        **_goods(lot, names),
        "code": (lot.source or lot.test_code)[-5:],
        "stall": board.stall if screens.held == "stall" else "",
    }
