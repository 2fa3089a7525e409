"""What is on a slip, and what is said when something is not as usual."""

import copy
from typing import Any

import pytest

from drivers.printers import profile
from edge.documents import Documents, Place
from edge.documents.fields import kg
from protocol.city.events import TradeCompleted
from protocol.city.written import grouped
from protocol.printers import bitmap
from protocol.printers.document import QR, Document
from protocol.printers.layout import layout
from protocol.printers.plain import plain


def slip(
    trade: TradeCompleted, market: str = "惠民市场", language: Any = "zh", copies: int = 0, clock: str = "synced"
) -> Document:
    content = {"type": "trade.completed", "subject": trade.slip.tx, "data": trade.model_dump(mode="json")}
    content["clockstate"] = clock
    return Documents().document("slip", content, Place(market, "sy.example.cn", language), copy=copies)


def shown(trade: TradeCompleted, columns: int = 32, **options: Any) -> str:
    return plain(layout(slip(trade, **options), columns))


def changed(data: dict[str, Any], **fields: Any) -> TradeCompleted:
    return TradeCompleted.model_validate({**data, **fields})


def test_a_slip_says_all_that_a_voucher_must(trade: TradeCompleted) -> None:
    text = shown(trade)
    for words in (
        "惠民市场",
        "刘记蔬菜 41010 80010 123",
        "A区012",
        "0371-0000 0000",
        "东风路第二小学食堂",
        "上海青",
        "河南省新郑市",
        "12.340 kg",
        "1.75 元/500 g",
        "43.19",
        "41010 80011 01000 10074",
        "合格（快检） 2026-11-22",
        "41010 80013 01000 00071",
        "快检结果为筛查结果",
        "scale-1",
        "2026-11-22 05:31:07",
        "41010 80012 03000 00424",
    ):
        assert words in text
    assert "斤" not in text
    assert "重打" not in text
    assert "未校准" not in text


def test_the_qr_code_is_the_signed_address(trade: TradeCompleted) -> None:
    codes = [part for part in slip(trade, market="").parts if isinstance(part, QR)]
    assert codes == [QR(trade.url, "41010 80012 03000 00424")]


def test_a_copy_says_so_first(trade: TradeCompleted) -> None:
    assert shown(trade, copies=2).splitlines()[0].strip() == "重打 COPY 2"
    assert shown(trade, copies=2, language="en").splitlines()[0].strip() == "重打 COPY 2"


def test_a_clock_that_was_not_set_and_a_scale_out_of_verification_are_told(trade_data: dict[str, Any]) -> None:
    text = shown(changed(trade_data, clock_trusted=False, scale_verified=False), clock="unsynced")
    assert "时间未校准" in text
    assert "秤的检定未确认" in text


def test_a_walk_in_buyer_needs_no_name(trade_data: dict[str, Any]) -> None:
    data = {**trade_data, "buyer": {"code": "0" * 13, "name": ""}}
    assert "买方   散客" in shown(changed(data))
    data["buyer"] = {"code": "0" * 13, "name": "王师傅"}
    assert "买方   王师傅\n" in shown(changed(data))


def test_a_training_code_is_no_voucher(trade_data: dict[str, Any]) -> None:
    data = {**trade_data, "slip": {**trade_data["slip"], "tx": "41010800190300000424"}}
    assert "测试票 不作凭证" in shown(changed(data))


def test_goods_without_a_test_make_no_claim(trade_data: dict[str, Any]) -> None:
    data = {**trade_data, "sold": [{**trade_data["sold"][0], "test": None}]}
    assert "快检" not in shown(changed(data))


@pytest.mark.parametrize(
    ("verdict", "zh", "en"),
    [
        ("qualified", "合格（快检）", "Passed (rapid test)"),
        ("suspect", "可疑，待复测", "Suspect, test again"),
        ("unqualified", "快检阳性（筛查），暂停", "Positive (screening)"),
        ("invalid", "无效，重做", "Invalid, do it again"),
        ("not_applicable", "方法不适用", "Method not applicable"),
    ],
)
def test_verdicts_are_screening_words(trade_data: dict[str, Any], verdict: str, zh: str, en: str) -> None:
    sold = trade_data["sold"][0]
    trade = changed(trade_data, sold=[{**sold, "test": {**sold["test"], "verdict": verdict}}])
    assert zh in shown(trade)
    assert en in shown(trade, language="en", columns=48)
    assert "不合格" not in shown(trade)


def test_several_lines_are_numbered(trade_data: dict[str, Any]) -> None:
    two = {**trade_data["slip"], "lines": trade_data["slip"]["lines"] * 2, "amount_fen": 8638}
    text = shown(changed(trade_data, slip=two, sold=trade_data["sold"] * 2))
    assert "1. 上海青" in text
    assert "2. 上海青" in text
    assert "￥86.38" in text


def test_lines_and_goods_must_agree(trade_data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="sold: 2 entries for 1 lines"):
        slip(changed(trade_data, sold=trade_data["sold"] * 2), market="")


def test_very_large_numbers_are_whole(trade_data: dict[str, Any]) -> None:
    line = {**trade_data["slip"]["lines"][0], "net_g": 99_999_999, "amount_fen": 4_294_967_295}
    line["price"] = {"fen": 4_294_967_295, "per_g": 1000}
    trade = changed(trade_data, slip={**trade_data["slip"], "lines": [line], "amount_fen": 4_294_967_295})
    for language in ("zh", "en", "both"):
        text = shown(trade, language=language)
        assert "99999.999 kg\n" in text
        assert "42949672.95 元/kg\n" in text or "￥42949672.95/kg\n" in text
        assert text.count("42949672.95\n") == 2


HOSTILE = [
    "白菜\x1b@\x1bp\x00\x19\x19",
    "白菜\n合计 ￥0.01\n",
    "白菜" + " " * 60 + "合计 ￥0.01",
    "\u202e菜白\u2066",
    "菜" * 120,
    "🥬" * 120,
    "\U0002cb4a" * 60,
    "Z" + "\u0335" * 119,
]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("columns", [32, 48])
def test_no_name_can_forge_a_line(trade_data: dict[str, Any], name: str, columns: int) -> None:
    sold = trade_data["sold"][0]
    trade = changed(
        trade_data,
        seller={**trade_data["seller"], "name": name, "contact": name},
        buyer={**trade_data["buyer"], "name": name},
        sold=[
            {**sold, "goods": {**sold["goods"], "name": name}, "origin": name, "test": {**sold["test"], "item": name}}
        ],
    )
    totals = [line for line in shown(trade, columns).splitlines() if line.startswith("合计")]
    assert len(totals) == 1
    assert "43.19" in totals[0]


def long_sale(trade_data: dict[str, Any], lines: int) -> dict[str, Any]:
    """A sale of so many kinds of goods."""
    data = copy.deepcopy(trade_data)
    data["slip"]["lines"] = data["slip"]["lines"][:1] * lines
    data["sold"] = data["sold"][:1] * lines
    data["slip"]["amount_fen"] = data["slip"]["lines"][0]["amount_fen"] * lines
    return data


@pytest.mark.parametrize("columns", [32, 48])
@pytest.mark.parametrize("lines", [4, 20, 150])
def test_many_kinds_of_goods_stand_closer_together_and_nothing_is_missing(
    trade_data: dict[str, Any], lines: int, columns: int
) -> None:
    """Twenty lines took a metre of paper, and sixty had no paper at all."""
    content = {"type": "trade.completed", "subject": trade_data["slip"]["tx"], "data": long_sale(trade_data, lines)}
    for paper in ("slip", "ticket"):
        page = layout(Documents().document(paper, content, Place("市场", "sy.example.cn")), columns)
        text = plain(page)
        pieces = 2 if paper == "ticket" else 1
        sold, line = trade_data["sold"][0], trade_data["slip"]["lines"][0]
        for due in (sold["origin"], kg(line["net_g"], sold["weighed"]["value"], "kg"), grouped(line["source"])):
            assert text.count(due) >= lines * pieces
        assert f"{lines}. {sold['goods']['name']}" in text
        if paper == "slip":
            assert (
                bitmap.height(page, profile("generic-58")) < 1400 + lines * 8 * 22
            )  # 22 mm a line, where three and fewer take 41


def test_what_was_let_off_counted_or_read_off_a_label_is_told(trade_data: dict[str, Any]) -> None:
    data = copy.deepcopy(trade_data)
    (line,), (sold,) = data["slip"]["lines"], data["sold"]
    none = {"scale": "", "model": "", "raw": "", "verified_until": None}
    counted = sold | {"pieces": 12, "weighed": none | {"value": "12", "unit": "pcs", "stability": "count"}}
    label = sold | {"weighed": none | {"value": "1.250", "unit": "kg", "stability": "label"}}
    eggs = line | {"net_g": 0, "price": {"fen": 120, "per_g": 1000}, "amount_fen": 1440}
    data["slip"] |= {"lines": [line, eggs, line], "amount_fen": 10070}
    text = shown(
        TradeCompleted.model_validate(data | {"sold": [sold, counted, label], "rounded_fen": 8, "paid_by": "wechat"})
    )
    for words in (
        "12 件",
        "1.20 元/件",
        "按标签，未过秤",
        "货款小计",
        "100.78",
        "抹零",
        "-￥0.08",
        "￥100.70",
        "支付方式",
        "微信",
    ):
        assert words in text, words
    alone = data["slip"] | {"lines": [eggs], "amount_fen": 1440}
    assert "秤号" not in shown(TradeCompleted.model_validate(data | {"slip": alone, "sold": [counted]}))
