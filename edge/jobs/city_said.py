"""What the city said, as people need it at work: warnings beside an answer."""

from edge.between.commands import RegisterEntry, Warned
from edge.between.inbox import Refused
from edge.config.sections import ProductSection
from edge.state.station import Station
from protocol.city.written import yuan


def about_goods(station: Station, command: RegisterEntry) -> tuple[Warned, ...]:
    """What the city says of these goods and of who brings them; raises Refused for a suspended supplier."""
    said = []
    supplier = station.directory.supplier(command.supplier_code, command.supplier)
    if supplier is not None and supplier.state == "suspended":
        zh = f"供货者 {supplier.name} 已被平台暂停：{supplier.why or supplier.code}"
        en = f"the supplier {supplier.name} is suspended by the city: {supplier.why or supplier.code}"
        if station.config.gate.suspended == "refuse":
            raise Refused("supplier_suspended", zh, en)
        said.append(Warned(code="supplier_suspended", message_zh=zh, message_en=en))
    code = command.supplier_code or (supplier.code if supplier else "")
    for reason in station.city_lists.focus(command.product, command.origin_code, code):
        said.append(
            Warned(
                code="focus",
                message_zh=f"重点监控：{reason}",
                message_en=f"on the city's focus list: {reason}",
            )
        )
    return tuple(said)


def about_price(station: Station, product: ProductSection, fen: int) -> tuple[Warned, ...]:
    """Whether this price, in fen per the product's own basis, is above the city's limit."""
    limit = station.city_lists.limit(product.code)
    if limit is None or not limit.exceeded(fen, product.per_g):
        return ()
    most, per = yuan(limit.max_fen), "kg" if limit.per_g == 1000 else "500 g"
    why_zh, why_en = (f"（{limit.reason}）", f" ({limit.reason})") if limit.reason else ("", "")
    return (
        Warned(
            code="above_limit",
            message_zh=f"{product.name}单价高于限价 ¥{most}/{per}{why_zh}",
            message_en=f"the price is above the limit of ¥{most}/{per}{why_en}",
        ),
    )
