"""What comes with a delivery and says where it is from: source cards and sales' slips, checked here with no network."""

from typing import Literal

from edge.between.canteen_commands import DeliveryAnswer, RemoveSource, ScanForDelivery
from edge.between.inbox import Refused
from edge.jobs.canteen import _answer
from edge.jobs.doing import does
from edge.jobs.lots import CARD
from edge.state.deliveries import Row
from edge.state.delivery import Line
from edge.state.delivery_views import held
from edge.state.station import Station
from protocol.city.codes import BadCode, CodeKind, TraceCode
from protocol.city.events import SlipChecked, SourceChecked
from protocol.city.node_keys import UnknownSigner
from protocol.city.source import SourceToken, parse_card
from protocol.city.token import BadToken, Token, parse_url, verify_url

MOST_SOURCES, MOST_SLIPS = 8, 10
Result = Literal["genuine", "unknown_key", "unchecked"]


def scan(station: Station, command: ScanForDelivery) -> DeliveryAnswer:
    """A code that came with the goods. Raises Refused."""
    row = station.deliveries.open(command.delivery)
    if "/j/" in command.code:
        return _slip(station, row, command.code)
    source, product = _source(station, command.code)
    line = _line_of(station, row, command.line, product)
    if why := held(station, source.source, source.test):
        raise Refused(
            "lot_held",
            f"该批次已暂停销售，不能收货：{'' if why == '!' else why}".rstrip("："),
            f"this lot is held and may not be taken: {'' if why == '!' else why}".rstrip(": "),
        )
    others = tuple(one for one in line.sources if one.source != source.source)
    if len(others) >= MOST_SOURCES:
        raise Refused("many_sources", f"一行最多 {MOST_SOURCES} 个来源码", f"a line has at most {MOST_SOURCES} sources")
    station.deliveries.change(row, line.model_copy(update={"sources": (*others, source)}))
    return _answer(station, row, line.line)


def remove_source(station: Station, command: RemoveSource) -> DeliveryAnswer:
    """It is of other goods. Raises Refused."""
    row = station.deliveries.open(command.delivery)
    line = station.deliveries.line(row.number, command.line)
    left = tuple(one for one in line.sources if one.source != command.source)
    if left == line.sources:
        raise Refused("no_source", "这一行没有这个来源码", "this line has no such source code")
    station.deliveries.change(row, line.model_copy(update={"sources": left}))
    return _answer(station, row, line.line)


def _line_of(station: Station, row: Row, number: int | None, product: str) -> Line:
    """The line that a source is of; raises Refused."""
    lines = station.deliveries.lines(row.number)
    if number is not None:
        line = station.deliveries.line(row.number, number)
        if product and line.goods.product != product:
            raise Refused("lot_product", "来源码与这一行的商品不符", "this source code is of other goods than the line")
        return line
    fitting = [line for line in lines if line.goods.product == product]
    if len(fitting) != 1:
        raise Refused("which_line", "请先选择一行，再扫来源码", "choose a line first, then scan the source code")
    return fitting[0]


def _source(station: Station, code: str) -> tuple[SourceChecked, str]:
    """What a card or code says and what that is worth, and of which product it is, where that is known."""
    if CARD.search(code):
        return _card(station, code)
    try:
        kind = TraceCode.parse(code).kind
    except BadCode as error:
        raise Refused("bad_code", f"编码 {code[:24]} 有误，请重新扫描或输入", str(error)) from None
    if kind is CodeKind.TRAINING:
        raise _training()
    if kind is not CodeKind.SOURCE:
        raise Refused("not_a_source", "这不是来源码", "this is not a source code (its tenth digit is not 1)")
    lot = station.lots.of_source(code)
    if lot is None:
        return SourceChecked(source=code, result="unchecked"), ""
    data = lot.entry["data"]
    test = lot.test["data"] if lot.test else {}
    checked = SourceChecked(
        source=code,
        result="genuine",
        test=lot.test_code,
        verdict=test.get("verdict") or data.get("verdict"),
        item=test.get("item") or data.get("item") or "",
        tested_at=lot.test["time"] if lot.test else data.get("tested_at"),
        origin=data["origin"],
        supplier=data["supplier"],
    )
    return checked, lot.product


def _card(station: Station, url: str) -> tuple[SourceChecked, str]:
    issuer, result = "", "genuine"
    try:
        token, issuer = station.node_keys.open(url)
    except UnknownSigner:
        token, _, _ = parse_card(url)
        result = "unknown_key"
    except BadToken as error:
        raise _forged(error) from None
    if token.training:
        raise _training()
    return _checked(token, issuer, result), token.product


def _checked(token: SourceToken, issuer: str, result: str) -> SourceChecked:
    return SourceChecked.model_validate(
        {
            "source": token.source,
            "result": result,
            "issuer": issuer,
            "test": token.test,
            "verdict": token.verdict_word,
            "item": token.item,
            "tested_at": token.tested_at or None,
            "origin": token.origin,
            "supplier": token.supplier,
        }
    )


def _slip(station: Station, row: Row, url: str) -> DeliveryAnswer:
    """A sale's slip: which sources and how much its seller says were sold. Raises Refused."""
    token, result = _verified(station, url)
    if token.tx[9] != str(CodeKind.SALE.value):
        raise (
            _training()
            if token.tx[9] == str(CodeKind.TRAINING.value)
            else Refused("not_a_sale", "这不是交易小票的码", "this is not the code of a sale's slip")
        )
    slip = SlipChecked.model_validate(
        {
            "tx": token.tx,
            "result": result,
            "seller": token.seller,
            "net_g": token.net_g,
            "amount_fen": token.amount_fen,
            "sources": token.sources or (),
        }
    )
    others = tuple(one for one in row.draft.slips if one.tx != slip.tx)
    if len(others) >= MOST_SLIPS:
        raise Refused("many_slips", f"最多 {MOST_SLIPS} 张小票", f"a delivery has at most {MOST_SLIPS} slips")
    for source in slip.sources:
        if why := held(station, source, None):
            raise Refused(
                "lot_held",
                f"小票上的批次已暂停销售，不能收货：{'' if why == '!' else why}".rstrip("："),
                "a lot of this slip is held and may not be taken",
            )
    station.deliveries.change(row, slips=(*others, slip))
    return _answer(station, row)


def _verified(station: Station, url: str) -> tuple[Token, str]:
    try:
        token, _, _ = parse_url(url)
        keys = station.node_keys.of(token.kid.hex())
        if not keys:
            return token, "unknown_key"
    except BadToken as error:
        raise _forged(error) from None
    last = BadToken("")
    for key in keys:
        try:
            return verify_url(url, key), "genuine"
        except BadToken as error:
            last = error
    raise _forged(last)


def _forged(error: BadToken) -> Refused:
    return Refused(
        "altered",
        "这个码被改动或伪造，不能用；请核对来货，联系供货者",
        f"this code is altered or forged: look at the goods and ask the supplier ({error})",
    )


def _training() -> Refused:
    return Refused("training", "这是练习用的码，不能验收", "this is a code of a training: no goods are behind it")


does(ScanForDelivery, scan)
does(RemoveSource, remove_source)
