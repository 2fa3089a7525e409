"""What a buyer reads, situation by situation: the page says all that the paper says, and what became of it since."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from protocol.city.codes import CodeKind
from protocol.city.source import SourceToken, card_url
from protocol.city.token import EPOCH, Flags, TokenVerdict, digest_of, kid_of, parse_url, url_of
from simulator.city.commands import city as command
from simulator.city.store import Store
from simulator.city.web import application

HOST = "sy.example.cn"
GOODS = {"product": "01040201", "name": "上海青", "name_en": "Pak choi"}
FACTS = {
    "goods": GOODS,
    "net_g": 52_000,
    "origin": "河南中牟",
    "supplier": "中牟合作社",
    "verdict": "qualified",
    "item": "有机磷和氨基甲酸酯类",
    "tested_at": "2026-11-22T03:10:00+08:00",
}
SELLER = "4101080010123"
BEFORE, AFTER = "2026-11-22T04:00:00+08:00", "2026-11-22T09:00:00+08:00"  # the sale is at 05:31:07


class Town:
    """Pages over a database that is filled without a broker: the gate and a stall of one market."""

    def __init__(self, path: Path, signer: Callable[..., Any]) -> None:
        self.path = path
        self.store = Store(path)
        self.gate, self.stall = signer(), signer(terminal="02", seed=2)
        with self.store.batch():
            for one in (self.gate, self.stall):
                self.store.trust(one.name, one.hex, "registered")
        self.client = TestClient(
            application(path, enrol=False, scanned=lambda code, when: None, connected=lambda: True)
        )

    def take(self, *bodies: bytes, station: Any = None) -> None:
        one = station or self.gate
        for body in bodies:
            event = json.loads(body)
            with self.store.batch():
                self.store.add(
                    one.name, one.topics.base, event, ".".join(event["type"].split(".")[3:5]), body, False, "", ""
                )
                self.store.advance(one.name)

    def says(self, kind: str, data: dict[str, Any], station: Any = None, **head: str) -> None:
        one = station or self.gate
        self.take(one.event(kind, data, **head), station=one)

    def page(self, path: str, language: str = "zh") -> str:
        answer = self.client.get(path, headers={"accept-language": language})
        assert answer.status_code == 200, path
        assert len(answer.content) <= 20_000
        assert "<script" not in answer.text
        return text_of(answer.text)

    def tested(self) -> None:
        self.take(self.gate.entry(), self.gate.result())

    @property
    def source(self) -> str:
        return str(self.gate.code(CodeKind.SOURCE, 1))

    @property
    def lot(self) -> str:
        return str(self.gate.code(CodeKind.TEST, 1))

    def sale(
        self,
        *,
        serial: int = 1,
        station: Any = None,
        flags: Flags = Flags.CLOCK_TRUSTED | Flags.SCALE_VERIFIED,
        clock: bool = True,
        line: dict[str, Any] | None = None,
        sold: dict[str, Any] | None = None,
        more: dict[str, Any] | None = None,
    ) -> tuple[dict[str, Any], str]:
        """A sale with changes, and the path of its slip's page."""
        one = station or self.gate
        data, url = one.slip(serial)
        data["slip"]["lines"] = [data["slip"]["lines"][0] | {"source": self.source} | (line or {})]
        data["sold"] = [data["sold"][0] | {"test": data["sold"][0]["test"] | {"code": self.lot}} | (sold or {})]
        sources = tuple(one["source"] for one in data["slip"]["lines"] if one["source"])
        token = replace(
            parse_url(url)[0], flags=flags, digest=digest_of(data["slip"]), sources=sources, t=parse_url(url)[0].t
        )
        if not clock:
            token = replace(token, t=0, flags=flags & ~Flags.CLOCK_TRUSTED)
        data |= {"clock_trusted": clock, "scale_verified": bool(flags & Flags.SCALE_VERIFIED)} | (more or {})
        return data, "/j/" + url_of(token, one.key, HOST).rsplit("/", 1)[1]

    def sells(self, station: Any = None, **changes: Any) -> str:
        one = station or self.gate
        data, path = self.sale(station=one, **changes)
        self.says("trade.completed", data, one, subject=data["slip"]["tx"])
        return path


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<style.*?</style>|<[^>]+>", " ", html, flags=re.S).split())


@pytest.fixture
def town(tmp_path: Path, signer: Callable[..., Any]) -> Iterator[Town]:
    made = Town(tmp_path / "city.db", signer)
    yield made
    made.store.close()


def typed(reason: str) -> dict[str, Any]:
    return {"weighed": {"scale": "", "model": "", "value": "12.340", "unit": "kg", "stability": "manual", "raw": "",
                        "verified_until": None, "reason": reason}}  # fmt: skip


def unweighed(stability: str, value: str, unit: str) -> dict[str, Any]:
    weighed = {"scale": "", "model": "", "raw": "", "verified_until": None}
    return {"weighed": weighed | {"value": value, "unit": unit, "stability": stability}}


def voided(town: Town, **more: Any) -> None:
    tx = town.gate.code(CodeKind.SALE, 1)
    town.says("trade.voided", {"sale": "x", "tx": tx, "reason": "重量输错"} | more, subject=tx)


def held(town: Town, time: str, **more: Any) -> None:
    data = {"lot": town.lot, "goods": GOODS, "net_g": 52_000, "origin": "河南", "supplier": "李", "why": "举报"}
    town.says("lot.held", data | more, subject=town.lot, time=time)


def as_told(kind: str, time: str, **data: Any) -> Callable[[Town], None]:
    def tell(town: Town) -> None:
        town.says(kind, {"lot": town.lot, "goods": GOODS} | data, subject=town.lot, time=time)

    return tell


ALWAYS = ("¥43.19", "41010 80012 01000 00016", "刚刚，第一次")
SLIPS: dict[str, tuple[Callable[[Town], str], tuple[str, ...], tuple[str, ...]]] = {
    "genuine": (lambda town: town.sells(), ("小票是真的", "电子秤检定有效"), ("作废", "暂停", "未校准", "手工")),
    "rounded down, by a label": (
        lambda town: town.sells(
            more={"rounded_fen": 8}, sold=unweighed("label", "12.340", "kg"), flags=Flags.CLOCK_TRUSTED
        ),
        ("小票是真的", "抹零 -¥0.08", "按包装标签，未过秤"),
        ("电子秤检定", "手工"),
    ),
    "by the piece": (
        lambda town: town.sells(
            line={"net_g": 0, "price": {"fen": 120, "per_g": 1000}},
            sold=unweighed("count", "36", "pcs") | {"pieces": 36},
            flags=Flags.CLOCK_TRUSTED,
        ),
        ("小票是真的", "36 × ¥1.20"),
        ("电子秤检定", "/kg", "手工"),
    ),
    "typed with its reason": (
        lambda town: town.sells(sold=typed("秤断线")),
        ("重量为手工输入", "手工输入重量 : 秤断线"),
        ("由市场电子秤签发",),
    ),
    "typed without one": (lambda town: town.sells(sold=typed("")), ("手工输入重量",), ("由市场电子秤签发",)),
    "scale not verified": (
        lambda town: town.sells(flags=Flags.CLOCK_TRUSTED),
        ("电子秤检定信息未确认", "公平秤"),
        ("检定有效 ",),
    ),
    "clock not set": (
        lambda town: town.sells(clock=False),
        ("交易时间未校准", "以小票序号为准"),
        ("2026-11-22 05:31",),
    ),
    "unchecked source": (
        lambda town: town.sells(sold={"unchecked": True, "test": None}),
        ("来源码未核验",),
        ("合格（快检） 检测项目",),
    ),
    "no source": (lambda town: town.sells(line={"source": ""}), ("无来源码",), ()),
    "a container was taken off": (
        lambda town: town.sells(sold={"weighed": {**typed("")["weighed"], "stability": "scale", "tare_g": 500}}),
        ("皮重 0.500 kg",),
        ("手工",),
    ),
    "limit and method beside the value": (
        lambda town: (town.tested(), town.sells())[1],
        ("12.50% 判定限 50%", "检测方法 GB/T 5009.199"),
        (),
    ),
    "void": (
        lambda town: (town.sells(), voided(town))[0],
        ("此票已作废", "不能作为凭证", "作废原因: 重量输错", "小票本身是真的"),
        ("✓",),
    ),
    "void before its details": (
        lambda town: (voided(town), town.sale()[1])[1],
        ("此票已作废", "明细还在路上"),
        ("✓",),
    ),
    "void, with another in its place": (
        lambda town: (
            town.sells(),
            voided(town),
            town.sells(serial=2, more={"replaces": str(town.gate.code(CodeKind.SALE, 1))}),
            town.sale()[1],
        )[3],
        ("此票已作废", "由新票替代，交易码 41010 80012 01000 00024"),
        ("✓",),
    ),
    "in place of a void one": (
        lambda town: town.sells(
            flags=Flags.CLOCK_TRUSTED | Flags.SCALE_VERIFIED | Flags.REPLACES_VOIDED,
            more={"replaces": str(town.gate.code(CodeKind.SALE, 7))},
        ),
        ("小票是真的", "此票替代一张作废小票"),
        (),
    ),
    "held later": (
        lambda town: (town.tested(), town.sells(), held(town, AFTER))[1],
        ("! 此批货物已暂停销售 这笔交易在暂停销售之前", "暂停时间 2026-11-22 09:00:00", "小票本身是真的"),
        ("✓", "这笔交易在暂停销售之后"),
    ),
    "sold although held": (
        lambda town: (town.tested(), held(town, BEFORE, person="王敏"), town.sells())[2],
        ("! 此批货物已暂停销售 这笔交易在暂停销售之后", "市场管理方已暂停销售: 举报"),
        ("✓", "在暂停销售之前"),
    ),
    "held by a test after the sale": (
        lambda town: (town.tested(), town.sells(), town.take(town.gate.result(verdict="unqualified")))[1],
        ("这笔交易在暂停销售之前", "快检阳性或可疑（筛查结果，待确认）"),
        ("✓",),
    ),
    "stopped by the city after it": (
        lambda town: (
            town.tested(),
            town.sells(),
            as_told("city.obeyed", AFTER, name="stop_lot", reason="检验不合格")(town),
        )[1],
        ("这笔交易在暂停销售之前", "平台要求停止销售: 检验不合格"),
        ("✓",),
    ),
    "held by a test, sold, then stopped by the city": (
        lambda town: (
            town.take(town.gate.entry(), town.gate.result(), town.gate.result(verdict="suspect")),
            town.sells(),
            as_told("city.obeyed", AFTER, name="stop_lot", reason="检验不合格")(town),
        )[1],
        ("这笔交易在暂停销售之后", "快检阳性或可疑（筛查结果，待确认）"),
        ("✓",),
    ),
    "held at the gate, sold at a stall before": (
        lambda town: (town.tested(), town.sells(town.stall), held(town, AFTER))[1],
        ("这笔交易在暂停销售之前",),
        ("✓",),
    ),
    "held at the gate, sold at a stall after": (
        lambda town: (town.tested(), held(town, BEFORE), town.sells(town.stall))[2],
        ("这笔交易在暂停销售之后",),
        ("✓",),
    ),
    "held at the gate, sold by a clock that was not set": (
        lambda town: (town.tested(), held(town, BEFORE), town.sells(town.stall, clock=False))[2],
        ("无法确定这笔交易在暂停之前还是之后",),
        ("✓",),
    ),
    "held and void": (
        lambda town: (town.tested(), town.sells(), held(town, AFTER), voided(town))[1],
        ("! 此批货物已暂停销售", "此票已作废", "重量输错"),
        ("✓",),
    ),
    "resumed": (
        lambda town: (
            town.tested(),
            held(town, BEFORE),
            as_told("lot.resumed", BEFORE, why="复检合格")(town),
            town.sells(),
        )[3],
        ("小票是真的",),
        ("暂停",),
    ),
}


@pytest.mark.parametrize("situation", SLIPS)
def test_a_slip(town: Town, situation: str) -> None:
    arrange, says, never = SLIPS[situation]
    station = town.stall if "stall" in situation or "clock that" in situation else town.gate
    path = arrange(town)
    text = town.page(path)
    if station is town.gate:
        says = (*says, *ALWAYS)
    assert [one for one in says if one not in text] == [], text
    assert [one for one in never if one in text] == [], text
    assert not re.search(r"[\u4e00-\u9fff]", english(town.page(path, "en"))), text


def english(text: str) -> str:
    """Without what stands there as it was written: names, reasons and the other language."""
    for written in (
        *("河南中牟", "张家菜摊", "有机磷和氨基甲酸酯类", "中牟合作社", "中文", "秤断线"),
        *("重量输错", "举报", "检验不合格", "河南", "李家村", "复检"),
    ):
        text = text.replace(written, "")
    return text


def test_a_slip_whose_details_differ_says_so_even_when_void(town: Town) -> None:
    data, path = town.sale()
    data["slip"] = data["slip"] | {"amount_fen": 1}
    town.says("trade.completed", data, subject=data["slip"]["tx"])
    assert "! 明细与二维码不一致" in town.page(path)
    voided(town)
    text = town.page(path)
    assert "此票已作废" in text
    assert "明细与二维码不一致" in text


# --- a lot's page -----------------------------------------------------------------------------------------------------

LOTS: dict[str, tuple[Callable[[Town], object], tuple[str, ...], tuple[str, ...]]] = {
    "waits for its test": (
        lambda town: town.take(town.gate.entry()),
        ("尚未放行", "不应销售", "无快检信息", "批次 41010 80013 01000 00018"),
        ("✓", "来源码", "合格（快检）"),
    ),
    "released": (
        lambda town: town.tested(),
        ("✓ 来源已登记，检测放行", "来源码 41010 80011 01000 00010", "批次 41010 80013 01000 00018", "判定限 50%"),
        ("暂停",),
    ),
    "doubtful": (
        lambda town: town.take(town.gate.entry(), town.gate.result(verdict="suspect")),
        ("! 暂停销售 此批货物现在不应销售。 快检阳性或可疑",),
        ("✓",),
    ),
    "good when repeated": (
        lambda town: town.take(town.gate.entry(), town.gate.result(verdict="suspect"), town.gate.result()),
        ("✓ 来源已登记",),
        ("暂停销售 快检",),
    ),
    "held by a person": (
        lambda town: (town.tested(), held(town, AFTER, person="王敏")),
        ("! 暂停销售", "市场管理方已暂停销售: 举报", "2026-11-22 09:00:00"),
        ("✓",),
    ),
    "stopped by the city and resumed by a person": (
        lambda town: (
            town.tested(),
            as_told("city.obeyed", AFTER, name="stop_lot", reason="不合格")(town),
            as_told("lot.resumed", AFTER)(town),
        ),
        ("平台要求停止销售",),
        ("✓",),
    ),
    "stopped by the city and resumed by it": (
        lambda town: (
            town.tested(),
            as_told("city.obeyed", AFTER, name="stop_lot")(town),
            as_told("city.obeyed", AFTER, name="resume_lot")(town),
        ),
        ("✓ 来源已登记",),
        (),
    ),
    "disputed": (
        lambda town: (town.tested(), as_told("lot.disputed", AFTER, source=town.source, settled=False)(town)),
        ("数量有争议",),
        ("✓",),
    ),
    "disputed and settled": (
        lambda town: (
            town.tested(),
            as_told("lot.disputed", AFTER, source=town.source, settled=False)(town),
            as_told("lot.settled", AFTER, source=town.source, was_g=1, net_g=1)(town),
        ),
        ("✓",),
        (),
    ),
    "destroyed": (
        lambda town: (
            town.take(town.gate.entry(), town.gate.result(verdict="unqualified")),
            as_told("lot.disposed", AFTER, decision="destroyed", mass_g=52_000)(town),
        ),
        ("已退回或销毁",),
        ("✓",),
    ),
    "released after a recheck": (
        lambda town: (
            town.tested(),
            held(town, AFTER),
            as_told("lot.disposed", AFTER, decision="released_after_recheck", mass_g=0)(town),
        ),
        ("✓ 来源已登记",),
        ("暂停销售",),
    ),
    "corrected": (
        lambda town: (
            town.tested(),
            as_told(
                "entry.corrected",
                AFTER,
                now={"goods": GOODS, "net_g": 48_000, "origin": "李家村", "supplier": "中牟合作社"},
            )(town),
        ),
        ("48.000 kg", "李家村"),
        ("52.000 kg", "河南中牟"),
    ),
    "a result that was another lot's": (
        lambda town: (
            town.tested(),
            as_told(
                "result.corrected",
                AFTER,
                corrects="0197-410108001-01-000002",
                to=None,
                item="x",
                verdict=None,
                state="pending",
            )(town),
        ),
        ("尚未放行",),
        ("✓", "12.50%"),
    ),
    "a record of another form": (
        lambda town: (town.tested(), as_told("lot.disposed", AFTER)(town), as_told("lot.settled", AFTER)(town)),
        ("上海青",),
        (),
    ),
}


@pytest.mark.parametrize("situation", LOTS)
def test_a_lot(town: Town, situation: str) -> None:
    arrange, says, never = LOTS[situation]
    arrange(town)
    code = town.lot if situation == "waits for its test" else town.source
    if situation in ("doubtful", "destroyed"):
        code = town.lot
    text = town.page(f"/b/{code}")
    assert [one for one in says if one not in text] == [], text
    assert [one for one in never if one in text] == [], text
    assert not re.search(r"[\u4e00-\u9fff]", english(town.page(f"/b/{code}", "en")).replace("不合格", "")), text


def test_a_lot_that_came_with_a_code_of_elsewhere_is_shown_by_it_too(town: Town) -> None:
    upstream = "41010800210100000018"
    town.take(town.gate.entry(upstream=upstream, source_check="accepted"))
    assert "✓ 来源已登记" in town.page(f"/b/{town.lot}")
    assert "还没有这个来源的记录" in text_of(town.client.get(f"/b/{town.gate.code(CodeKind.SOURCE, 9)}").text)


def test_a_hold_of_any_station_shows_and_is_lifted_by_that_one_alone(town: Town) -> None:
    town.tested()
    data = {"lot": town.lot, "source": town.source, "goods": GOODS, "why": "举报", "person": "王"}
    town.says("lot.held", data, town.stall, subject=town.lot)
    for path in (f"/b/{town.source}", card(town)):
        text = town.page(path)
        assert "! 暂停销售" in text
        assert "河南中牟" in text
        assert "✓" not in text
    town.says("lot.resumed", data, town.gate, subject=town.lot)
    assert "! 暂停销售" in town.page(f"/b/{town.source}")
    assert "! 此批货物已暂停销售" in town.page(town.sells())
    town.says("lot.resumed", data, town.stall, subject=town.lot)
    assert "✓ 来源已登记" in town.page(f"/b/{town.source}")


def test_a_hold_is_told_before_the_lots_own_records_have_come(town: Town) -> None:
    data = {"lot": town.lot, "source": town.source, "goods": GOODS, "why": "举报", "person": "王"}
    town.says("lot.held", data, town.stall, subject=town.lot)
    answer = town.client.get(f"/b/{town.source}")
    assert "! 暂停销售" in text_of(answer.text)
    text = town.page(card(town))
    assert "! 暂停销售" in text
    assert "✓" not in text


# --- a card that proves itself ----------------------------------------------------------------------------------------


def card(town: Town, key: Any = None, **changes: Any) -> str:
    key = key or town.gate.key
    token = SourceToken(
        kid=kid_of(key.public_key()),
        t=1_795_296_667 - EPOCH,
        source=town.source,
        test=town.lot,
        product="01040201",
        name="上海青",
        net_g=52_000,
        origin="河南中牟",
        origin_code="",
        supplier="中牟合作社",
        supplier_code="",
        verdict=TokenVerdict.QUALIFIED,
        item="有机磷和氨基甲酸酯类",
    )
    return "/b/" + card_url(replace(token, **changes), key, HOST).rsplit("/", 1)[1]


STATED = ("上海青 52.000 kg", "河南中牟", "中牟合作社", "合格（快检）")


def test_a_card_before_its_records_says_what_it_proves(town: Town) -> None:
    text = town.page(card(town))
    for word in ("✓ 来源卡是真的", "记录还在路上", "签名已核实", "41010 80011 01000 00010", *STATED):
        assert word in text, word


def test_a_card_with_its_records_says_both_and_a_hold_wins(town: Town) -> None:
    town.tested()
    text = town.page(card(town))
    for word in ("✓ 来源已登记", "来源卡上写的", "签名已核实", "判定限 50%", *STATED):
        assert word in text, word
    held(town, AFTER)
    text = town.page(card(town))
    assert "! 暂停销售" in text
    assert "✓" not in text


@pytest.mark.parametrize("place", [7, 60, 120, -30])
def test_an_altered_card_is_forged_and_nothing_of_it_is_shown(town: Town, place: int) -> None:
    path = card(town)
    at = place % len(path)
    altered = path[:at] + ("A" if path[at] != "A" else "B") + path[at + 1 :]
    text = text_of(town.client.get(altered).text)
    assert "✓" not in text
    assert "假的来源卡" in text or "来源码有误" in text or "来源卡未能核实" in text
    if "假的来源卡" in text:
        assert "河南中牟" not in text


def test_a_card_in_the_name_of_another_station_is_forged(town: Town) -> None:
    assert "假的来源卡" in town.page(card(town, town.stall.key))


def test_a_part_is_signed_by_the_stall_that_handed_it_on(town: Town) -> None:
    text = town.page(card(town, town.stall.key, portion=3, net_g=5_000))
    for word in ("✓ 来源卡是真的", "整批的一部分", "5.000 kg"):
        assert word in text, word


def test_a_card_of_a_strange_station_is_not_confirmed(town: Town, signer: Callable[..., Any]) -> None:
    stranger = signer(node="410108002", seed=9)
    path = card(town, stranger.key, source=str(stranger.code(CodeKind.SOURCE, 1)),
                test=str(stranger.code(CodeKind.TEST, 1)))  # fmt: skip
    text = town.page(path)
    assert "? 来源卡未能核实" in text
    assert "可能不真实" in text
    assert "✓" not in text
    part = town.page(card(town, stranger.key, portion=2))
    assert "? 来源卡未能核实" in part
    town.tested()
    assert "来源卡未能核实" in town.page(card(town, stranger.key, portion=2))


# --- a stall's page ---------------------------------------------------------------------------------------------------


def stall(town: Town, language: str = "zh") -> tuple[str, str]:
    """What is on sale, and what is stopped."""
    text = town.page(f"/s/{SELLER}", language)
    place = text.index("正在销售" if language == "zh" else "On sale now")
    return text[place:], text[:place]


def opened(town: Town, net_g: int = 20_000, **more: Any) -> None:
    data = {"lot": town.lot, "source": town.source, **FACTS, "net_g": net_g, "kid": "x", "portion": 0} | more
    town.says("lot.opened", data, town.stall, subject=town.source)


def test_a_stall_shows_who_it_is_and_what_it_sells_with_its_tests(town: Town) -> None:
    town.tested()
    town.sells()
    on_sale, above = stall(town)
    for word in ("张家菜摊", "A-012", "41010 80010 123"):
        assert word in above, word
    for word in ("上海青", "河南中牟", "合格（快检）", "12.50%", "判定限 50%", "41010 80011 01000 00010", "筛查"):
        assert word in on_sale, word
    assert "13800000000" not in above + on_sale
    assert not re.search(r"[\u4e00-\u9fff]", english("".join(stall(town, "en"))))


def test_what_was_opened_by_its_card_is_on_sale_with_what_the_card_said(town: Town) -> None:
    opened(town)
    town.sells(town.stall)
    on_sale, _ = stall(town)
    for word in ("上海青", "河南中牟", "合格（快检）", "2026-11-22 03:10:00"):
        assert word in on_sale, word


def sold_out(town: Town) -> None:
    opened(town, 12_340)
    town.sells(town.stall)


GONE: dict[str, Callable[[Town], object]] = {
    "sold out": sold_out,
    "handed on": lambda town: (
        opened(town),
        town.sells(town.stall),
        town.says("lot.handed", {"lot": town.lot, "source": town.source, **FACTS, "net_g": 7_660}, town.stall),
    ),
    "settled to less": lambda town: (
        opened(town),
        town.sells(town.stall),
        town.says(
            "lot.settled", {"source": town.source, "lot": town.lot, "was_g": 20_000, "net_g": 12_340}, town.stall
        ),
    ),
    "destroyed": lambda town: (
        town.tested(),
        town.sells(),
        as_told("lot.disposed", AFTER, decision="destroyed", mass_g=52_000)(town),
    ),
    "not released": lambda town: (town.take(town.gate.entry()), town.sells()),
    "corrected to less": lambda town: (
        town.tested(),
        town.sells(),
        as_told("entry.corrected", AFTER, now={"goods": GOODS, "net_g": 12_340, "origin": "河南", "supplier": "李"})(
            town
        ),
    ),
}


@pytest.mark.parametrize("how", GONE)
def test_what_is_gone_is_not_on_sale(town: Town, how: str) -> None:
    GONE[how](town)
    on_sale, above = stall(town)
    assert "上海青" not in on_sale + above
    assert "暂无登记的在售货物" in on_sale


@pytest.mark.parametrize("whole", [True, False])
def test_a_voided_sale_puts_it_back(town: Town, whole: bool) -> None:
    sold_out(town)
    data, _ = town.sale(station=town.stall)
    tx = data["slip"]["tx"]
    void = {"slip": data["slip"]} if whole else {"sale": "x", "tx": tx}
    town.says("trade.voided", void | {"reason": "x"}, town.stall, subject=tx)
    assert "上海青" in stall(town)[0]


@pytest.mark.parametrize("where", ["gate", "stall"])
def test_what_is_held_is_shown_as_stopped_and_not_on_sale(town: Town, where: str) -> None:
    town.tested()
    opened(town)
    town.sells(town.stall)
    data = {"lot": town.lot, "source": town.source, "goods": GOODS, "why": "举报", "person": "王"}
    town.says("lot.held", data, getattr(town, where), subject=town.lot)
    on_sale, above = stall(town)
    assert "上海青" not in on_sale
    assert "已暂停销售" in above
    assert "上海青" in above


def test_records_that_come_in_another_order_make_the_same_shelf(town: Town) -> None:
    entry, result = town.gate.entry(), town.gate.result()
    data, _ = town.sale(line={"net_g": 52_000})
    town.take(town.gate.event("trade.completed", data, subject=data["slip"]["tx"]), result)
    assert "上海青" in stall(town)[0]  # how much came in is not known yet
    town.take(entry)
    assert "上海青" not in stall(town)[0]


def test_a_station_of_another_node_sells_in_nobodys_name(town: Town, signer: Callable[..., Any]) -> None:
    other = signer(node="410108002", seed=7)
    data, _ = town.sale(station=other)
    data["seller"] = data["seller"] | {"code": SELLER}
    town.says("trade.completed", data, other, subject=data["slip"]["tx"])
    assert town.client.get(f"/s/{SELLER}").status_code == 404


def test_codes_of_no_stall_say_so(town: Town) -> None:
    for code, words in (("123", "摊位码有误"), ("4101080019999", "还没有这个摊位的记录")):
        answer = town.client.get(f"/s/{code}")
        assert answer.status_code == 404
        assert words in answer.text


def test_the_citys_register_says_name_and_licence(town: Town) -> None:
    words = ["--db", str(town.path), SELLER, "--name", "李秀兰", "--licence", "92410108MA40000000"]
    assert CliRunner().invoke(command, ["merchant", *words]).exit_code == 0
    _, above = stall(town)
    for word in ("李秀兰", "92410108MA40000000"):
        assert word in above, word
    town.sells()
    assert "李秀兰" in stall(town)[1]
    assert "A-012" in stall(town)[1]
    assert CliRunner().invoke(command, ["merchant", "--db", str(town.path), "12"]).exit_code == 2


def test_a_city_of_yesterday_learns_its_shelves(tmp_path: Path, town: Town) -> None:
    town.tested()
    town.sells()
    with town.store.batch():
        for table in ("shelf", "stalls", "merchants", "replaced"):
            town.store.db.execute(f"DROP TABLE {table}")
        town.store.db.execute("DELETE FROM _sqlite_migrations WHERE name = 'shelves'")
    town.store.close()
    town.store = Store(town.path)
    assert "上海青" in stall(town)[0]
