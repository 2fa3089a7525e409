"""The canteen (食堂验收): a delivery is begun, each load is counted once, and what was looked at is written down.

Nothing here makes a record: two people sign what it comes to (``acceptance.py``).
"""

from datetime import date
from decimal import Decimal

from edge.between.canteen_commands import (
    AddDeliveryLine,
    BeginDelivery,
    DeliveryAnswer,
    DescribeDelivery,
    DescribeLine,
    RemoveLoad,
    WeighLoad,
)
from edge.between.commands import LARGEST_G, Warned
from edge.between.fixed_words import PanWhy
from edge.between.inbox import Refused
from edge.between.people import SUPERVISORS
from edge.between.words import text
from edge.config.sections import grams
from edge.jobs import vouchers
from edge.jobs.doing import does
from edge.jobs.privacy import look_through
from edge.jobs.weights import line_weight
from edge.state.deliveries import Row
from edge.state.delivery import Draft, Line, Sums, sums
from edge.state.delivery_views import supplier_of, warnings
from edge.state.station import Station
from edge.state.weighing import Load, TradeScale
from protocol.city.commands import OrderLine
from protocol.city.events import DeliveredLoad, Goods

_SAME = {
    PanWhy.COUNTED: (
        "load_counted",
        "秤上的货已计入；取下后再放，或在上面加放不少于最小称量的货",
        "what lies there is counted already: take it off first, or put at least Min more on it",
    ),
    PanWhy.OFF_FIRST: (
        "off_first",
        "不能确定秤上的货是否已计入；请先取下，再放上去",
        "nobody knows whether what lies there is counted: take it off and put it on again",
    ),
}
NO_REASON = {"why_difference": "", "difference_approved_by": ""}


def begin(station: Station, command: BeginDelivery) -> DeliveryAnswer:
    """A delivery is at the door. Raises Refused."""
    look_through(command)
    if not command.order:
        return _answer(station, _unmatched(station, command))
    order = station.city_lists.order(command.order)
    if order is None:
        raise Refused(
            "no_order",
            f"没有订单 {command.order[:24]}；没有订单的货，请按“无订单收货”",
            f"no order {command.order[:24]}: for goods without an order begin one without",
        )
    before = station.deliveries.of_order(order.order)
    if before is not None and before.state == "open":
        return _answer(station, before)
    if before is not None:
        raise Refused(
            "order_done",
            "该订单已验收；补送的货请按“无订单收货”并写明原因",
            "this order was accepted already: take what comes later as goods without an order, with the reason",
        )
    draft = Draft(
        order=order.order,
        supplier=order.supplier,
        supplier_code=order.supplier_code,
        alias=order.alias,
        buyer=order.buyer,
        due=order.due,
        meal=order.meal,
        begun=station.clock.now().text,
    )
    return _begun(station, draft, [_ordered(number, one) for number, one in enumerate(order.lines, 1)])


def _unmatched(station: Station, command: BeginDelivery) -> Row:
    if not command.reason:
        raise Refused("no_reason", "没有订单的货须写明原因", "goods without an order need a reason")
    known = station.directory.of_code("suppliers", command.supplier_code) if command.supplier_code else None
    draft = Draft(
        supplier=command.supplier or (known.name if known else command.supplier_code),
        supplier_code=command.supplier_code,
        unmatched=command.reason,
        begun=station.clock.now().text,
    )
    return station.deliveries.find(_begun(station, draft, []).delivery)


def _ordered(number: int, one: OrderLine) -> Line:
    return Line(
        line=number,
        goods=Goods(product=one.product, name=one.name),
        ordered_g=one.net_g,
        ordered_n=one.count,
        unit=(one.unit or text("paper", "pieces").zh) if one.count else "",
        price_fen=one.price_fen,
        per_g=one.per_g,
    )


def _begun(station: Station, draft: Draft, lines: list[Line]) -> DeliveryAnswer:
    entry = supplier_of(station, draft)
    if entry is not None and entry.state != "active":
        if station.config.canteen.suspended == "refuse":
            said = "" if draft.alias else entry.why
            raise Refused(
                "supplier_suspended",
                f"供货者 {draft.shown} 已被平台暂停，不能收货：{said or '见平台通知'}",
                f"the supplier {draft.shown} is suspended by the city: nothing is taken from it. {said}".strip(),
            )
        station.demand(SUPERVISORS)
    return _answer(station, station.deliveries.find(station.deliveries.begin(draft, lines)))


def _answer(station: Station, row: Row, line: int | None = None) -> DeliveryAnswer:
    now = station.deliveries.find(row.number)
    said = tuple(
        Warned(code=word, message_zh=text("page", f"cn_{word}").zh, message_en=text("page", f"cn_{word}").en)
        for word in warnings(station, now.draft)
    )
    return DeliveryAnswer(delivery=now.number, version=now.draft.version, line=line, warnings=said)


def add_line(station: Station, command: AddDeliveryLine) -> DeliveryAnswer:
    """Goods that are not on the order, or of a delivery without one. Raises Refused."""
    row = station.deliveries.open(command.delivery)
    product = station.product(command.product)
    unit = command.unit or (text("paper", "pieces").zh if product.by == "piece" else "")
    line = Line(line=1, goods=station.goods(product.code), unit=unit, per_g=product.per_g, not_ordered=True)
    return _answer(station, row, station.deliveries.add_line(row, line).line)


# --- loads ------------------------------------------------------------------------------------------------------------


def weigh_load(station: Station, command: WeighLoad) -> DeliveryAnswer:
    """What lies on the scale and is not counted yet is counted. Raises Refused."""
    look_through(command)
    row = station.deliveries.open(command.delivery)
    line = station.deliveries.line(row.number, command.line)
    scale = station.scale(command.scale)
    now, today = station.clock.steady(), station.today()
    if command.manual_g is not None:
        load, word = scale.typed(command.manual_g, command.reason, now, today), station.who.approved_by
        if station.config.people.typed_weights == "supervisor":
            word = station.demand(SUPERVISORS)
        said = _weight(scale, load, load.net_g, crates=0, before_g=0, kind=command.kind, word=word)
        row = _other_mass(station, row, line)
        station.deliveries.add_load(row, line.line, said)
        _not_more_refused(station, row, line)
        return _answer(station, row, line.line)
    load, shown_g, net = scale.lying(now, today)
    if why := scale.pan.why_not(shown_g, net=net):
        raise Refused(*_SAME[why])
    tare_g = command.tare_g + command.crates * _container(station, command.crate)
    before_g = scale.pan.before_g()
    net_g = shown_g - before_g - tare_g
    if tare_g:
        scale.lying(now, today, min(tare_g, LARGEST_G))  # whether a known mass may be taken off this weight at all
    if net_g <= 0:
        raise Refused(
            "tare", "皮重不小于货物的重量，请核对筐数", "the crates weigh as much as what lies there: count them again"
        )
    if command.seen_g is not None and command.seen_g != net_g:
        raise Refused(
            "weight_changed",
            f"重量已变为 {Decimal(net_g) / 1000} kg，请核对后再按",
            f"the weight is now {Decimal(net_g) / 1000} kg: check it and press again",
        )
    said = _weight(scale, load, net_g, crates=command.crates, before_g=before_g, kind=command.kind, tare_g=tare_g)
    row = _other_mass(station, row, line)
    number = station.deliveries.add_load(row, line.line, said)
    _not_more_refused(station, row, line)
    station.deliveries.counted(scale, shown_g, net=net, load=number)
    return _answer(station, row, line.line)


def remove_load(station: Station, command: RemoveLoad) -> DeliveryAnswer:
    """It was counted by mistake. Raises Refused."""
    row = station.deliveries.open(command.delivery)
    row = _other_mass(station, row, station.deliveries.line(row.number, command.line))
    station.deliveries.remove_load(row, command.line, command.load)
    _not_more_refused(station, row, station.deliveries.line(row.number, command.line))
    station.deliveries.taken_back(station.scales.values(), command.load)
    return _answer(station, row, command.line)


def _other_mass(station: Station, row: Row, line: Line) -> Row:
    """Where a difference needs a supervisor's reason, that was for what had come by then."""
    if station.config.canteen.over == "block" and line.why_difference:
        station.deliveries.change(row, line.model_copy(update=NO_REASON))
    return station.deliveries.find(row.number)


def _not_more_refused(station: Station, row: Row, line: Line) -> Sums:
    """What the line comes to; raises Refused where more is refused than came."""
    came = sums(line, (one.said for one in station.deliveries.loads(row.number, line.line)))
    if came.accepted_g < 0 or came.accepted_n < 0:
        raise Refused("rejected_more", "拒收的不能多于送到的", "more is refused than came: weigh and count again")
    return came


def _container(station: Station, code: str) -> int:
    """Grams of an empty container; raises Refused."""
    if not code:
        return 0
    known = station.config.stall.containers
    if code not in known:
        raise Refused(
            "no_container",
            f"没有容器 {code[:24]}：请技术员写入 station.toml 的 containers",
            f"no container {code[:24]}: add it to `containers` in station.toml",
        )
    return grams(known[code])


def _weight(
    scale: TradeScale,
    load: Load,
    net_g: int,
    *,
    crates: int,
    before_g: int,
    kind: str,
    tare_g: int = 0,
    word: str = "",
) -> DeliveredLoad:
    said = line_weight(scale, load).model_dump() | {"tare_g": tare_g, "approvedby": word}
    return DeliveredLoad.model_validate({**said, "net_g": net_g, "before_g": before_g, "crates": crates, "part": kind})


# --- what was looked at -----------------------------------------------------------------------------------------------


def describe_line(station: Station, command: DescribeLine) -> DeliveryAnswer:
    """Counts, reasons, senses, temperature, dates, price. Raises Refused."""
    look_through(command)
    row = station.deliveries.open(command.delivery)
    line = station.deliveries.line(row.number, command.line)
    given = command.model_dump(exclude_none=True, exclude={"delivery", "line"})
    if {"delivered_n", "rejected_n"} & set(given) and not line.unit:
        raise Refused("not_counted", "这种货按重量验收", "these goods are weighed, not counted")
    if given.get("best_before"):
        _check_day(given["best_before"])
    word = station.who.approved_by
    if "price_fen" in given and given["price_fen"] != line.price_fen:
        by = station.demand(SUPERVISORS) if station.config.people.prices == "supervisor" else word
        given |= {"price_typed": True, "price_approved_by": by}
    if command.why_difference is not None:
        given["difference_approved_by"] = word
    if "probe" in given:
        given["temperature"] = _temperature(station, given["probe"])
    elif "temperature" in given:
        given["probe"] = ""
    station.photos.demand(command.photos or ())
    changed = line.model_copy(update=given)
    if station.config.canteen.over == "block":
        if command.why_difference:
            changed = changed.model_copy(update={"difference_approved_by": station.demand(SUPERVISORS)})
        elif command.delivered_n is not None:
            changed = changed.model_copy(update=NO_REASON)
    _not_more_refused(station, row, changed)
    station.deliveries.change(row, changed)
    return _answer(station, row, line.line)


def _check_day(text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise Refused("date", "日期请写成 2026-11-23 的形式", "write the date like 2026-11-23") from None


def _temperature(station: Station, name: str) -> str:
    """What this probe says now; raises Refused."""
    probe = station.probes.get(name)
    view = probe.view() if probe is not None else None
    said = {what: value for what, value, _ in view.measured} if view is not None and view.up else {}
    if "temperature" not in said:
        raise Refused(
            "no_temperature",
            "探头没有读数：请检查探头，或手工输入温度",
            "this probe says no temperature: look at it, or type the temperature",
        )
    return said["temperature"]


def describe_delivery(station: Station, command: DescribeDelivery) -> DeliveryAnswer:
    """Certificates, photos, the vehicle. Raises Refused."""
    look_through(command)
    row = station.deliveries.open(command.delivery)
    given = command.model_dump(exclude_none=True, exclude={"delivery", "proofs"})
    station.photos.demand(command.photos or ())
    if command.proofs is not None:
        given["proofs"] = tuple(vouchers.certificate(one) for one in command.proofs)
    station.deliveries.change(row, **given)
    return _answer(station, row)


does(BeginDelivery, begin)
does(AddDeliveryLine, add_line)
does(WeighLoad, weigh_load)
does(RemoveLoad, remove_load)
does(DescribeLine, describe_line)
does(DescribeDelivery, describe_delivery)
