"""The stall (摊位): what lies on the scale is sold, recorded, and its slip printed."""

from decimal import ROUND_HALF_UP, Decimal

from edge.between.commands import LARGEST_AMOUNT, PriceAnswer, SaleAnswer, Sell, SetPrice
from edge.between.fixed_words import LotState
from edge.between.inbox import Refused
from edge.jobs.doing import does
from edge.state.lots import Lot
from edge.state.station import Station
from protocol.city import token as qr
from protocol.city.codes import WALK_IN, CodeKind
from protocol.city.events import (
    Line,
    LineWeight,
    Party,
    Price,
    Slip,
    Sold,
    TestSummary,
    TradeCompleted,
)
from protocol.city.written import kilograms, yuan

_VERDICTS = {
    "qualified": qr.TokenVerdict.QUALIFIED,
    "suspect": qr.TokenVerdict.PENDING,
    "unqualified": qr.TokenVerdict.UNQUALIFIED,
}


def amount_fen(net_g: int, fen: int, per_g: int) -> int:
    """Line amount, rounded half up (contract C6)."""
    return int((Decimal(fen) * net_g / per_g).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def sell(station: Station, command: Sell) -> SaleAnswer:
    """One sale of what lies on the scale; raises Refused with nothing changed."""
    scale = station.scales.get(command.scale)
    if scale is None:
        raise Refused("no_scale", f"没有秤 {command.scale[:32]}", f"no scale {command.scale[:32]}")
    product = station.product(command.product)
    lot = _sellable(station, command)
    buyer = Party(code=command.buyer or WALK_IN, name=command.buyer_name)
    fen = station.price(product.code) if command.price_fen is None else command.price_fen
    if fen <= 0:
        raise Refused("no_price", f"请先设定{product.name}的单价", f"set a price for {product.name} first")
    today = station.today()
    typed = command.manual_g is not None
    if command.manual_g is not None:
        load = scale.typed(command.manual_g, command.reason, station.clock.steady(), today)
    else:
        load = scale.load(station.clock.steady(), today, command.tare_g)
    if command.seen_g is not None and command.seen_g != load.net_g:
        raise Refused(
            "weight_changed",
            f"重量已变为 {load.value} {load.unit}，请核对后再按",
            f"the weight is now {load.value} {load.unit}: check it and press again",
        )
    amount = amount_fen(load.net_g, fen, product.per_g)
    if amount > LARGEST_AMOUNT:
        raise Refused("amount", "金额过大，请核对单价", "the amount is too large: check the price")
    if command.seen_fen is not None and command.seen_fen != amount:
        raise Refused(
            "price_changed",
            f"金额已变为 {yuan(amount)} 元，请核对后再按",
            f"the amount is now {yuan(amount)}: check the price and press again",
        )
    over_g = _over(station, lot, load.net_g)

    stamp = station.clock.now()
    tx = str(station.ledger.next_code(CodeKind.SALE))
    assert lot.source is not None
    line = Line(
        amount_fen=amount,
        net_g=load.net_g,
        price=Price(fen=fen, per_g=product.per_g),
        product=product.code,
        source=lot.source,
    )
    seller = station.config.seller
    slip = Slip(
        amount_fen=amount,
        buyer=buyer.code,
        lines=(line,),
        seller=seller.code,
        time=stamp.to_the_second,
        tx=tx,
    )
    test = _summary(lot)
    verified = scale.verified(today) and stamp.trusted and not typed
    url, digest = _sign(station, slip, stamp.seconds if stamp.trusted else None, test, verified)
    trade = TradeCompleted(
        slip=slip,
        seller=Party(code=seller.code, name=seller.name, stall=seller.stall, contact=seller.contact),
        buyer=buyer,
        sold=(
            Sold(
                goods=station.goods(product.code),
                origin=lot.entry["data"]["origin"],
                test=test,
                weighed=LineWeight(
                    scale=scale.part.name,
                    model=scale.model,
                    value=load.value,
                    unit=load.unit,
                    stability=load.stability,
                    tare_g=load.tare_g,
                    reason=load.reason,
                    raw=load.raw.hex(),
                    verified_until=scale.part.verified_until.isoformat() if scale.part.verified_until else None,
                ),
                unchecked=lot.unchecked,
                over_g=over_g,
            ),
        ),
        clock_trusted=stamp.trusted,
        scale_verified=verified,
        digest=digest,
        url=url,
    )
    recorded = station.record("trade.completed", tx, trade, stamp)
    station.lots.sold(lot, load.net_g)
    scale.sold()  # a typed weight too: what was sold by it may still lie there when the scale is read again
    station.undo.append(scale.unsold)
    job = station.prints.of_record(recorded)
    return SaleAnswer(tx=tx, net_g=load.net_g, amount_fen=amount, url=url, left_g=lot.left_g - load.net_g, job=job)


def set_price(station: Station, command: SetPrice) -> PriceAnswer:
    """Change a product's price for everybody."""
    product = station.product(command.product)
    station.set_price(product.code, command.price_fen)
    return PriceAnswer(product=product.code, price_fen=command.price_fen)


def _sellable(station: Station, command: Sell) -> Lot:
    lot = station.lots.find(command.lot)
    if lot.state is LotState.HELD:
        raise Refused(
            "lot_held", "该批次快检阳性（筛查），暂停销售", "this lot is held: its screening test was positive"
        )
    if lot.state is not LotState.RELEASED or lot.source is None:
        raise Refused("lot_pending", "该批次尚未检测合格", "this lot has not passed its test yet")
    if lot.product != command.product:
        raise Refused("lot_product", "批次与商品不符", "this lot is of another product")
    return lot


def _over(station: Station, lot: Lot, net_g: int) -> int:
    """How many grams of this sale are more than is left of the lot; raises Refused where the market forbids it."""
    over_g = min(net_g, max(0, net_g - lot.left_g))
    if over_g and station.config.stall.oversell == "refuse":
        left = kilograms(max(0, lot.left_g))
        raise Refused(
            "lot_empty",
            f"该批次只剩 {left} kg，不能再卖；请换批次",
            f"only {left} kg of this lot are left: choose another lot",
        )
    return over_g


def _summary(lot: Lot) -> TestSummary | None:
    if lot.test is None:
        return None
    data = lot.test["data"]
    return TestSummary(
        code=lot.test["subject"],
        item=data["item"],
        verdict=data["verdict"],
        value=data["value"],
        unit=data["unit"],
        time=lot.test["time"],
    )


def _sign(
    station: Station, slip: Slip, seconds: float | None, test: TestSummary | None, verified: bool
) -> tuple[str, str]:
    """The slip's address and digest."""
    signer = station.ledger.signer
    digest = qr.digest_of(slip.model_dump(mode="json"))
    flags = qr.Flags(0)
    if seconds is not None:
        flags |= qr.Flags.CLOCK_TRUSTED
    if verified:
        flags |= qr.Flags.SCALE_VERIFIED
    token = qr.Token(
        kind=qr.TokenKind.SALE,
        kid=qr.kid_of(signer.key.public_key()),
        t=0 if seconds is None else int(seconds) - qr.EPOCH,
        tx=slip.tx,
        seller=slip.seller,
        buyer=slip.buyer,
        net_g=sum(line.net_g for line in slip.lines),
        amount_fen=slip.amount_fen,
        verdict=_VERDICTS.get(test.verdict, qr.TokenVerdict.NONE) if test else qr.TokenVerdict.NONE,
        flags=flags,
        digest=digest,
        sources=tuple(line.source for line in slip.lines),
    )
    return qr.url_of(token, signer.key, signer.host), digest.hex()


does(Sell, sell)
does(SetPrice, set_price)
