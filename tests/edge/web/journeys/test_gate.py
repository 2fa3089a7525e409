"""A morning at the gate's test room: a truck comes, a rack is filled, a lot is positive, and what follows of that."""

import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import expect

from protocol.city.token import CHINA
from simulator.market import Market
from simulator.stage import CABBAGE, SPINACH

pytestmark = [pytest.mark.browser, pytest.mark.broker, pytest.mark.slow]
READER = "tester-1"
BEFORE = 13  # lots of other trucks


@pytest.fixture
def wiring() -> dict[str, Any]:
    return {
        "jobs": ("gate",),
        "tester": "tl310",
        "scale_extra": "tare_key = false",
        "analyzer_extra": 'match = "channel"\nchannels = 16\ncontrols = { "1" = "blank" }',
        "gate_extra": 'control = "required"\nreports = "positives"',
    }


@pytest.fixture
def market(market: Market) -> Market:
    """Other trucks came before."""
    for _ in range(BEFORE):
        market.bring_in(CABBAGE, 80_000, "河南中牟", "惠济菜农 张建国")
    return market


class Reader:
    """The test room's reader, and who works at it."""

    def __init__(self, journey: Any) -> None:
        self.journey = journey
        self.number = 0

    def measures(self, channel: int, value: str) -> None:
        self.number += 1
        at = datetime.now(CHINA).replace(tzinfo=None, microsecond=0)
        self.journey.market.analyzer.do(
            lambda device, now: device.measure(self.number, Decimal(value), at, channel=channel)
        )

    def place(self, lot: str) -> int:
        """In which channel this lot stands."""
        return int(self.journey.see(f'.place[data-lot="{lot}"]').get_attribute("data-place") or 0)


def test_a_positive(journey: Any) -> None:
    page, hand, t = journey.page, journey.hand, journey.t
    reader = Reader(journey)
    page.goto("/gate")
    expect(page.locator("#goods .goods")).to_have_count(BEFORE)
    journey.step("open")
    hand.tap("#bench summary")
    hand.tap("#reagent-open")
    hand.fill("#opening-no", "NC-7")
    hand.fill("#opening-expires", (datetime.now(CHINA) + timedelta(days=90)).date().isoformat())
    hand.fill("#opening-person", "王敏")
    journey.step("reagent")
    hand.tap("#opening-go")
    expect(page.locator("#opening")).to_be_hidden()

    # a truck with two lots
    said = []

    def registered(product: str, kg: str, shown: str) -> None:
        journey.takes_off("#weigh-why", f"0.000 kg · {t('weight.below_min', min='0.200')}")
        journey.puts(kg, "#weigh", t("weigh"), t("weigh_kg", kg=shown))
        hand.tap("#weigh")
        expect(page.locator("#net")).to_have_value(shown)
        journey.step(f"weighed {product}")
        hand.tap("#register")
        answer = page.locator("#answer")
        expect(answer.locator(".huge")).to_be_visible()
        said.append((answer.locator(".done b").inner_text(), shown, answer.locator(".huge b").inner_text()))
        journey.in_sight("#answer .huge")
        journey.step(f"registered {product}")

    with journey.counting("first lot of a truck"):
        hand.tap(f"#product-{CABBAGE}")
        hand.number("#crates", "2")
        hand.number("#crate-kg", "1.5")
        hand.fill("#supplier", "绿源合作社")
        hand.fill("#origin", "河南中牟")
        hand.fill("#plate", "豫A12345")
        hand.fill("#certificate", "HGZ-20261130-7")
        hand.tap("#proof-add")
        registered(CABBAGE, "24.500", "21.500")
    journey.broker_goes()
    with journey.counting("second lot of a truck"):
        hand.tap(f"#product-{SPINACH}")
        registered(SPINACH, "18.250", "18.250")
    journey.step("broker gone")
    row = page.locator(f'#goods .goods:has(.c-sample:text-is("{said[0][2]}"))')
    bad = (row.get_attribute("id") or "").removeprefix("goods-")
    with journey.counting("rack of 16"):
        hand.tap(f"#fill-{READER}")
        expect(page.locator(".place.waits")).to_have_count(16)
    journey.step("rack filled")
    suspect = reader.place(bad)
    for channel in range(2, 9):
        reader.measures(channel, f"{channel}.5")
    expect(page.locator(".place.came")).to_have_count(7)
    journey.power_goes()
    journey.step("station gone")
    journey.loads_anew()
    journey.step("loaded anew without it")
    for channel in range(9, 17):
        reader.measures(channel, "81.2" if channel == suspect else f"{channel}.5")
    journey.power_comes()
    expect(page.locator(".place.came")).to_have_count(15)
    expect(page.locator("#tally-released")).to_have_text("0")  # the control comes first
    journey.step("station back")
    reader.measures(1, "4.0")
    expect(page.locator("#tally-released")).to_have_text("14")
    expect(page.locator(".all-there")).to_be_visible()
    journey.step("rack done")
    shown = page.locator(".place.came:not(.control) span.came").all_inner_texts()[::2]
    journey.broker_comes()

    hand.tap(f"#fill-{READER}")
    expect(page.locator(".place.waits")).to_have_count(3)
    journey.step("second rack")
    journey.roll_runs_short()
    reader.measures(1, "4.1")
    for channel, value in ((2, "80.4"), (3, "82.0")):
        reader.measures(channel, value)
    expect(page.locator("#tally-held")).to_have_text("1")
    journey.roll_ended()
    journey.step("positive without paper")
    journey.new_roll()
    hand.tap(f"#seen-{bad}")
    expect(page.locator("#alerts")).to_be_empty()
    journey.step("positive seen")

    # what follows of it
    hand.tap(".strip .held a")
    card = page.locator(f"#hold-{bad}")
    expect(card).to_contain_text("21.500 kg")
    journey.step("held")

    def deed(name: str, **fields: str) -> None:
        hand.tap(f"#{name}-{bad}")
        for field, value in fields.items():
            if value:
                hand.fill(f"#deed-{field}", value)
            else:
                hand.tap(f"label:has(#deed-{field})")
        journey.step(f"to {name}")
        hand.tap("#deed-go")
        expect(page.locator("#deed-wrong")).to_have_text("")
        expect(page.locator("#deed")).to_be_hidden()

    with journey.counting("told, recheck asked"):
        deed("tell", signed="")
        expect(card.locator(".timer .digits")).to_have_text(re.compile(r"3:59|4:00"))
        deed("ask")
    journey.step("told and asked")
    deed("send", seal_no="FY-0017", laboratory="市检验所", method="GB 23200.121-2021", taken_by="张检测")
    hand.tap(f"#print-sample-{bad}")
    today = datetime.now(CHINA).date().isoformat()
    deed("verdict", failed="", report_no="JC-8", item="毒死蜱", value="0.08", unit="mg/kg", concluded=today)
    expect(card).to_contain_text("JC-8")
    journey.step("failed")
    with journey.counting("destroyed"):
        deed("destroy", how="深埋", where="处理站", witness="刘洋", officer="赵监督")
    expect(page.locator("#holds")).to_contain_text(t("holding.none"))
    journey.step("destroyed")
    hand.tap("nav a[href='/gate']")
    expect(page.locator("#tally-held")).to_have_text("0")
    expect(journey.told("city")).to_have_text(t("all_sent"))
    journey.step("end")

    city = journey.city_has()
    assert {kind: len(records) for kind, records in city.items()} == {
        "entry.registered": BEFORE + 2,
        "reagent.changed": 1,
        "test.result": BEFORE + 2 + 2,
        "qc.result": 2,
        "lot.released": BEFORE + 1,
        "lot.held": 1,
        **dict.fromkeys(
            ("alert.seen", "lot.told", "retest.requested", "sample.sent", "lot.verdict", "lot.disposed"), 1
        ),
    }
    entries = [one["data"] for one in city["entry.registered"]][-2:]
    assert said == [(journey.name(one["goods"]), f"{one['net_g'] / 1000:.3f}", one["sample"]) for one in entries]
    assert {(one["supplier"], one["origin"], one["plate"], one["mass_by"]) for one in entries} == {
        ("绿源合作社", "河南中牟", "豫A12345", "scale")
    }
    results = [one["data"] for one in city["test.result"]]
    assert sorted(shown) == sorted(f"{one['value']} {one['unit']}" for one in results[: BEFORE + 2])
    assert [one["value"] for one in results if one["lot"] == bad] == ["81.2", "80.4", "82.0"]
    assert {one["verdict"] for one in results if one["lot"] != bad} == {"qualified"}
    disposed = city["lot.disposed"][0]["data"]
    assert (disposed["lot"], disposed["mass_g"], disposed["decision"]) == (bad, 21_500, "destroyed")
    assert (disposed["how"], disposed["where"], disposed["witness"], disposed["officer"]) == (
        "深埋",
        "处理站",
        "刘洋",
        "赵监督",
    )
    sent, verdict = city["sample.sent"][0]["data"], city["lot.verdict"][0]["data"]
    assert (sent["seal_no"], verdict["report_no"], verdict["conclusion"]) == ("FY-0017", "JC-8", "unqualified")

    journey.paper("快检报告", bad, "81.2 %", "待复测", "测得值 81.2 %")
    journey.paper("快检报告", bad, "测得值 3", "82.0 %", "21.500 kg", "样品号 14", "王敏")
    journey.paper("暂停销售通知", bad, "21.500 kg", "告知时间 ____")
    journey.paper("暂停销售通知", bad, "被告知人 绿源合作社", "经办人 王敏")
    journey.paper("送检单", bad, "FY-0017", "市检验所")
    journey.paper("处置记录", bad, "无害化销毁", "21.500 kg", "刘洋", "赵监督")
    assert len(journey.papers("快检报告")) == 3
    assert len(journey.papers()) == 3 + 1 + 2 + 1 + 1  # one report is in two pieces, where the roll ended
