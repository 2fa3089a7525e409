"""What a label with a weight or a price inside says here: which product it is, and what it weighs and costs."""

from decimal import ROUND_HALF_UP, Decimal

from edge.between.inbox import Refused
from edge.between.sale_commands import LabelAnswer, ReadLabel
from edge.config.sections import ProductSection
from edge.jobs.doing import does
from edge.state.station import Station
from protocol.labels import BadLabel, Label, Pattern

SHORTEST = 4  # digits of an item that may be the end of a product's code


def read_label(station: Station, code: str, price_fen: int | None = None) -> LabelAnswer:
    """The label with this code, at ``price_fen`` or the product's own price. Raises Refused."""
    label, items = _label(station, code)
    product = _product(station, label.item, items)
    fen, per_g = price_fen or station.price(product.code), product.per_g
    if fen <= 0 and None in (label.net_g, label.amount_fen):
        raise Refused("no_price", f"请先设定{product.name}的单价", f"set a price for {product.name} first")
    if label.net_g is None:
        net_g, amount = _half_up(Decimal(label.amount_fen or 0) * per_g / fen), label.amount_fen or 0
    else:
        net_g = label.net_g
        amount = _half_up(Decimal(fen) * net_g / per_g) if label.amount_fen is None else label.amount_fen
    if net_g <= 0 or amount <= 0:
        raise Refused(
            "label_empty",
            "标签上没有重量或金额，请上秤称重",
            "the label says no weight or no price: weigh the goods",
        )
    if amount != _half_up(Decimal(fen) * net_g / per_g) and label.net_g is not None:
        fen = max(1, _half_up(Decimal(amount) * per_g / net_g))  # it was packed at another price
    return LabelAnswer(product=product.code, product_name=product.name, net_g=net_g, amount_fen=amount, price_fen=fen)


def _label(station: Station, code: str) -> tuple[Label, dict[str, str]]:
    for section in station.config.barcode:
        try:
            label = Pattern.parse(section.pattern).read(code)
        except BadLabel as error:
            raise Refused(
                "label_check",
                f"标签条码有误（校验位不符），请再扫一次，或上秤称重：{code[:24]}",
                f"the label's code is wrong ({error}): scan it again, or weigh the goods",
            ) from None
        if label is not None:
            return label, section.items
    raise Refused(
        "no_label",
        f"不认识的条码 {code[:24]}：请上秤称重，或请技术员在 [[barcode]] 里加上",
        f"{code[:24]!r} is no label that is known here: weigh the goods, or add it to [[barcode]]",
    )


def _product(station: Station, item: str, items: dict[str, str]) -> ProductSection:
    ends = item.lstrip("0") or item if len(item) >= SHORTEST else "?"
    found = [items[item]] if item in items else [code for code in station.products if code.endswith(ends)]
    if len(found) != 1 or found[0] not in station.products:
        raise Refused(
            "label_item",
            f"标签上的商品号 {item} 没有对应的商品：请上秤称重，或请技术员在 [[barcode]] items 里加上",
            f"no product for the label's item {item}: weigh the goods, or add it to `items` of [[barcode]]",
        )
    return station.products[found[0]]


def _half_up(value: Decimal) -> int:
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def answer_label(station: Station, command: ReadLabel) -> LabelAnswer:
    """What is on a label, before it is sold."""
    return read_label(station, command.code)


does(ReadLabel, answer_label)
