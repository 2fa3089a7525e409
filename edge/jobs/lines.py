"""What is sold in one line: weighed, typed, counted or read off a label; and what of, at which price."""

from edge.between.commands import LARGEST_AMOUNT, Load
from edge.between.inbox import Refused
from edge.between.people import SUPERVISORS
from edge.config.sections import ProductSection, grams
from edge.jobs import lots
from edge.jobs.labels import read_label
from edge.jobs.seats import at_own_seat
from edge.jobs.weights import line_weight
from edge.state import weighing
from edge.state.baskets import FrozenLine
from edge.state.lots import Lot
from edge.state.station import Station
from edge.state.weighing import TradeScale
from protocol.city.events import LineWeight, Price
from protocol.city.written import kilograms, yuan
from protocol.frozen import frozen


@frozen
class Weighed:
    """A line as it will stand on a slip. ``take`` says that its load belongs to somebody now."""

    line: FrozenLine
    product: ProductSection
    scale: TradeScale | None

    def take(self, station: Station) -> None:
        """A typed weight too: what was sold by it may still lie there when the scale is read again."""
        if self.scale is not None:
            self.scale.sold()
            station.undo.append(self.scale.unsold)


def amount_fen(net_g: int, fen: int, per_g: int) -> int:
    """Line amount of no negative mass and price, rounded half up (contract C6)."""
    return (2 * fen * net_g + per_g) // (2 * per_g)


def weigh(station: Station, command: Load, in_list_g: dict[str, int] | None = None) -> Weighed:
    """What the command names, ready to be sold; ``in_list_g`` is what stands on the same slip already, by lot.

    Raises Refused. Nothing is changed, but that a lot is opened whose card was scanned.
    """
    scale = station.scale(command.scale)
    at_own_seat(station, command.scale)
    product = station.product(command.product)
    lot = _lot(station, command)
    _fits(command, product)
    fen = station.price(product.code) if command.price_fen is None else command.price_fen
    if fen <= 0:
        raise Refused("no_price", f"请先设定{product.name}的单价", f"set a price for {product.name} first")
    line = _line(station, command, product, scale, fen, lot.test_code if lot else "")
    if command.seen_g is not None and command.seen_g != line.net_g:
        value, unit = line.weighed.value, line.weighed.unit
        raise Refused(
            "weight_changed",
            f"重量已变为 {value} {unit}，请核对后再按",
            f"the weight is now {value} {unit}: check it and press again",
        )
    if line.amount_fen > LARGEST_AMOUNT:
        raise Refused("amount", "金额过大，请核对单价", "the amount is too large: check the price")
    people, word = station.config.people, station.who.approved_by
    if (command.manual_g is not None and people.typed_weights == "supervisor") or (
        people.prices == "supervisor" and command.price_fen is not None and fen != station.price(product.code)
    ):
        word = station.demand(SUPERVISORS)
    if lot is not None:
        over_g(station, lot, line.net_g, (in_list_g or {}).get(lot.test_code, 0))
    if word:
        line = line.model_copy(update={"approved_by": word})
    return Weighed(line, product, None if command.label or command.pieces else scale)


def seen(seen_fen: int | None, amount: int) -> None:
    """Raises Refused when a person saw another amount."""
    if seen_fen is not None and seen_fen != amount:
        raise Refused(
            "price_changed",
            f"金额已变为 {yuan(amount)} 元，请核对后再按",
            f"the amount is now {yuan(amount)}: check the price and press again",
        )


def over_g(station: Station, lot: Lot, net_g: int, before_g: int = 0) -> int:
    """How many grams of this line are more than is left of the lot after ``before_g``; raises Refused where the market
    forbids it."""
    left_g = lot.left_g - before_g
    over = min(net_g, max(0, net_g - left_g))
    if over and station.config.stall.oversell == "refuse":
        left = kilograms(max(0, left_g))
        raise Refused(
            "lot_empty",
            f"该批次只剩 {left} kg，不能再卖；请换批次",
            f"only {left} kg of this lot are left: choose another lot",
        )
    return over


def _lot(station: Station, command: Load) -> Lot | None:
    """The lot sold from, opened by its card when that is what was scanned; None for goods that need none."""
    if not command.lot:
        if station.config.lot_optional(station.product(command.product)):
            return None
        raise Refused(
            "lot_needed", "请先选择批次：该商品必须有来源码", "choose a lot: this product needs a source code"
        )
    lot = lots.opened(station, command.lot, more=False)[0]
    of_product(lot, command.product)
    return lot


def of_product(lot: Lot, product: str) -> None:
    """Raises Refused for a lot that may not be sold, or is of other goods."""
    lots.sellable(lot)
    if lot.product != product:
        raise Refused("lot_product", "批次与商品不符", "this lot is of another product")


def _fits(command: Load, product: ProductSection) -> None:
    """Goods by the piece are counted, the others are not."""
    if product.by == "piece" and command.pieces is None:
        raise Refused(
            "by_piece",
            f"{product.name}按件卖：请输入件数",
            f"{product.name} is sold by the piece: say how many",
        )
    if product.by == "weight" and command.pieces is not None:
        raise Refused("by_weight", f"{product.name}按重量卖：请称重", f"{product.name} is sold by weight: weigh it")


def _line(
    station: Station, command: Load, product: ProductSection, scale: TradeScale, fen: int, lot: str
) -> FrozenLine:
    per_g = product.per_g
    said: dict[str, object] = {"scale": "", "model": "", "raw": "", "verified_until": None}
    pieces, verified, weighed = 0, False, None
    if command.pieces is not None:
        net_g, pieces, amount = 0, command.pieces, command.pieces * fen
        said |= {"value": str(pieces), "unit": "pcs", "stability": "count"}
    elif command.label:
        label = read_label(station, command.label, command.price_fen)
        if label.product != product.code:
            raise Refused(
                "label_product",
                f"标签上的商品是{label.product_name}，不是{product.name}",
                f"the label is of {label.product_name}, not of {product.name}",
            )
        net_g, amount, fen = label.net_g, label.amount_fen, label.price_fen
        said |= {"value": kilograms(net_g), "unit": "kg", "stability": "label"}
        said |= {"raw": command.label.encode().hex()}
    else:
        load = _load(station, command, scale)
        net_g, amount = load.net_g, amount_fen(load.net_g, fen, per_g)
        verified = scale.verified(station.today()) and command.manual_g is None
        weighed = line_weight(scale, load)
    return FrozenLine(
        product=product.code,
        lot=lot,
        net_g=net_g,
        pieces=pieces,
        price=Price(fen=fen, per_g=per_g),
        amount_fen=min(amount, LARGEST_AMOUNT + 1),
        weighed=weighed or LineWeight.model_validate(said),
        verified=verified,
    )


def _load(station: Station, command: Load, scale: TradeScale) -> weighing.Load:
    today, now = station.today(), station.clock.steady()
    if command.manual_g is not None:
        return scale.typed(command.manual_g, command.reason, now, today)
    return scale.load(now, today, _tare_g(station, command))


def _tare_g(station: Station, command: Load) -> int:
    if not command.container:
        return command.tare_g
    mass = station.config.stall.containers.get(command.container)
    if mass is None:
        code = command.container[:32]
        raise Refused(
            "no_container",
            f"没有容器 {code}：请在 station.toml 的 containers 里加上，或输入皮重",
            f"no container {code}: add it to `containers` in station.toml, or type its mass",
        )
    return grams(mass)
