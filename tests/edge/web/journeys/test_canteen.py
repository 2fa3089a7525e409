"""A morning of a school's canteen: ten lines of a delivery, two who sign, a dish that is kept, and kitchen waste."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from edge.config.goods import common
from protocol.city.token import CHINA
from simulator.market import Market
from simulator.probes._probe import Air
from simulator.probes.modbus_sht20 import ModbusSht20
from simulator.stage import STATION
from simulator.wires.line import Line, Pty

pytestmark = [pytest.mark.browser, pytest.mark.broker, pytest.mark.slow]
PEOPLE = {"王敏": ("7", "operator", "4829"), "陈主管": ("1", "supervisor", "7135")}
LINES = ("01040201", "01040501", "01040701", "01040901", "01040102", "01040801", "01040303", "02020103", "01040902")
EGGS = {"product": "02030101", "name": "鸡蛋", "net_g": 0, "count": 10, "unit": "箱", "price_fen": 12_000}
ORDER = {
    "order": "XX-20261130-03",
    "supplier": "惠济区绿源蔬菜配送有限公司",
    "supplier_code": "4101080010789",
    "alias": "供应商甲",
    "buyer": "第一小学食堂",
    "meal": "学生午餐",
}


@pytest.fixture
def wiring(tmp_path: Path) -> Iterator[dict[str, Any]]:
    (tmp_path / "dev").mkdir()
    probe = Line(ModbusSht20(Air(Decimal("3.9"))), Pty(tmp_path / "dev" / "probe"))
    with probe:
        yield {
            "jobs": ("canteen",),
            "scale_extra": "tare_key = false",
            "extra": f"""
[goods]
groups = ["cabbage", "fruiting", "gourd", "leaf", "root", "allium", "poultry", "egg"]
[[probe]]
name = "core"
model = "xy-md02"
port = "{probe.address}"
""",
        }


@pytest.fixture
def market(market: Market) -> Market:
    """Two people work there."""
    for name, (code, role, pin) in PEOPLE.items():
        words = ("operators", "add", code, name, "--role", role, "-c", str(market.station.config))
        market.station.command(*words, given=f"{pin}\n{pin}\n")
    return market


def test_a_delivery(journey: Any) -> None:
    page, hand, t = journey.page, journey.hand, journey.t
    names = [journey.name(common()[code]._asdict()) for code in LINES]
    page.goto("/sign-in?next=/canteen")
    hand.tap("#names button", "王敏")
    journey.step("sign in")
    hand.keys(PEOPLE["王敏"][2], "#sign-in .keypad")
    hand.tap("#go")
    expect(page.locator("body")).to_have_attribute("data-link", "up")
    journey.step("no orders")
    lines = [
        {"product": code, "name": common()[code].name, "net_g": 20_000 if not at else 10_000, "price_fen": 300}
        for at, code in enumerate(LINES)
    ]
    today = datetime.now(CHINA).date().isoformat()
    journey.market.city.order("orders", STATION, orders=[{**ORDER, "due": today, "lines": [*lines, EGGS]}])
    journey.see(".order", "供应商甲")
    journey.step("order came")

    press = page.locator("#press-words")

    def counts(kg: str, on_pan: str = "") -> None:
        """One load: put on, pressed once."""
        journey.puts(on_pan or f"{kg}0")
        expect(press).to_have_text(t("cn_press", kg=kg))
        hand.tap("#press")
        expect(press).not_to_have_text(t("cn_press", kg=kg))

    def line(number: int, name: str) -> Any:
        """This line is the one that is weighed."""
        expect(page.locator(f'.dline.chosen [data-line="{number}"]')).to_contain_text(name)

    with journey.counting("ten lines, two signers"):
        hand.tap(".order", "供应商甲")
        expect(page.locator(".delivery-lines .dline")).to_have_count(10)
        line(1, names[0])
        journey.step("delivery")
        hand.tap("#crates-open")
        hand.number("#crate-kg", "1.5")
        hand.number("#crate-n", "2")
        journey.step("crates")
        hand.tap("#crates .main")
        counts("10.00", "13.000")
        line(1, names[0])
        counts("10.00", "13.000")
        hand.tap("#crates-open")
        hand.tap("#crates-none")
        line(2, names[1])
        journey.step("first line whole")
        journey.broker_goes()
        for number in (2, 3, 4):
            line(number, names[number - 1])
            counts("10.00")
        line(5, names[4])
        journey.step("broker gone")
        journey.power_goes()
        journey.step("station gone")
        journey.power_comes()
        expect(page.locator(".dline.fine")).to_have_count(4)
        journey.step("station back")
        for number in (5, 6):
            line(number, names[number - 1])
            counts("10.00")
        line(7, names[6])
        counts("8.00")
        expect(page.locator('.dline.chosen [data-line="7"]')).to_contain_text("-20.0 %")
        journey.step("too little")
        hand.tap(".dline.chosen [data-look]")
        hand.tap("#looking .chips button", t("cn_diff_short"))
        journey.step("why")
        hand.tap("#looking .main")
        expect(page.locator("#looking")).to_be_hidden()
        journey.broker_comes()
        hand.tap('[data-line="8"].head')
        for number in (8, 9):
            line(number, names[number - 1])
            counts("10.00")
        hand.tap('[data-line="8"].head')
        hand.tap(".dline.chosen [data-look]")
        hand.tap("#probes button")
        journey.step("temperature")
        hand.tap("#looking .main")
        expect(page.locator('[data-line="8"].head')).to_contain_text("3.9 ℃")
        hand.tap('[data-line="9"].head')
        hand.tap(".dline.chosen [data-look]")
        hand.tap("label:has(#whole-line)")
        expect(page.locator("#whole-line")).to_be_checked()
        journey.step("refused")
        hand.tap("#looking .chips button", t("cn_bad_smell"))
        hand.tap("#looking .main")
        expect(page.locator('[data-line="9"].head')).to_contain_text(t("cn_bad_smell"))
        hand.tap('[data-line="10"].head')
        hand.number("#count", "10")
        journey.step("counted goods")
        hand.tap("#looking .main")
        expect(page.locator("#sign-words")).to_have_text(t("cn_sign", n=0, of=2))
        journey.step("all lines")
        journey.roll_runs_short()
        hand.tap("#sign")
        expect(page.locator("#signing-sees li")).to_have_count(10)
        seen = page.locator("#signing-sees li b").all_inner_texts()
        total = page.locator("#signing-sum").inner_text()
        journey.step("to sign")
        for number, name in enumerate(("王敏", "陈主管"), 1):
            expect(page.locator("#signing-title")).to_contain_text(t("cn_sign_title", n=number, of=2))
            hand.tap("#signing-names button", name)
            hand.keys(PEOPLE[name][2])
            journey.step(f"{name} signs")
            hand.tap("#signing-go")
        expect(page.locator("#closed .order.done")).to_be_visible()
    journey.roll_ended()
    journey.step("accepted without paper")
    journey.new_roll()
    journey.step("accepted")

    hand.tap("[data-place=kept]")
    hand.fill("#dish", "红烧肉")
    hand.tap("#meals button", t("cn_lunch"))
    journey.puts("0.250")
    expect(press).to_have_text(t("cn_keep", g=250))
    journey.step("dish")
    hand.tap("#press")
    expect(page.locator("#kept .row")).to_contain_text("红烧肉")
    journey.step("kept")
    hand.tap("[data-place=waste]")
    hand.fill("#receiver", "收运公司")
    journey.puts("12.000")
    expect(press).to_have_text(t("cn_hand_waste", kg="12.00"))
    journey.step("waste")
    hand.tap("#press")
    expect(page.locator("#toast")).to_have_text(t("cn_waste_done", kg="12.00"))
    expect(journey.told("city")).to_have_text(t("all_sent"))
    journey.step("end")

    city = journey.city_has()
    assert {kind: len(records) for kind, records in city.items()} == {
        "person.changed": 2,
        "city.obeyed": 1,
        "accept.completed": 1,
        "sample.kept": 1,
        "waste.handed": 1,
    }
    (accepted,) = city["accept.completed"]
    data = accepted["data"]
    assert seen == [said_of(one) for one in data["lines"]]
    fen, net_g = data["sum_fen"], sum(one["accepted_g"] for one in data["lines"])
    assert total == f"{t('cn_sum')} {kilograms(net_g)} kg · ¥{Decimal(fen) / 100:.2f}" and (fen, net_g) == (
        146_400,
        88_000,
    )
    assert [(one["name"], one["code"]) for one in data["signers"]] == [("王敏", "7"), ("陈主管", "1")]
    assert data["lines"][6]["why_difference"] == t("cn_diff_short")
    assert (data["lines"][7]["temperature"], data["lines"][7]["probe"]) == ("3.9", "core")
    assert (data["lines"][8]["refused"], data["lines"][8]["reason"]) == (True, t("cn_bad_smell"))
    assert [load["tare_g"] for load in data["lines"][0]["loads"]] == [3000, 3000]
    (kept,), (waste,) = (city[kind] for kind in ("sample.kept", "waste.handed"))
    assert (kept["data"]["dish"], kept["data"]["net_g"], kept["data"]["meal"]) == ("红烧肉", 250, t("cn_lunch"))
    assert (waste["data"]["receiver"], waste["data"]["net_g"]) == ("收运公司", 12_000)

    slip = journey.paper("大白菜", "鸡蛋", "88.000 kg", "￥1464.00", "王敏", "陈主管", accepted["subject"])
    assert journey.verified(slip.qr[0]).amount_fen == fen
    journey.paper("留样标签", "红烧肉", "250 g")
    journey.paper("餐厨垃圾交付单", "12.000 kg", "收运公司")
    assert len(journey.papers()) == 2 + 1 + 1  # the acceptance is in two pieces, where the roll ended


def kilograms(net_g: int) -> str:
    return f"{net_g / 1000:.2f}"


def said_of(line: dict[str, Any]) -> str:
    """What the page has to have said of a line that was accepted."""
    return f"{line['accepted_n']} {line['unit']}" if line["unit"] else f"{kilograms(line['accepted_g'])} kg"
