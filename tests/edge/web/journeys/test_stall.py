"""A stall's morning: goods are sold, several on one slip, voided, and the shift is closed."""

from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import expect

from protocol.city.codes import CodeKind, TraceCode
from simulator.market import Market
from simulator.stage import CABBAGE, NODE, SPINACH

pytestmark = [pytest.mark.browser, pytest.mark.broker, pytest.mark.slow]
TOMATO = "01040501"


@pytest.fixture
def wiring() -> dict[str, Any]:
    return {"jobs": ("stall",), "unchecked": "accept"}


@pytest.fixture
def market(market: Market) -> Market:
    """With a lot of each goods, which came with a source code of elsewhere."""
    for serial, product in enumerate((CABBAGE, SPINACH, TOMATO), 1):
        source = str(TraceCode(NODE, CodeKind.SOURCE, "77", serial))
        market.station.post(
            "/api/entries", product=product, net_g=50_000, origin="河南中牟", supplier="绿源合作社", upstream=source
        )
    return market


def sold(journey: Any) -> tuple[str, str, str, str]:
    """What the page says of the sale that was made last: amount, mass, end of its code, and the name of its goods."""
    answer = journey.page.locator("#answer")
    expect(answer.locator(".code")).to_be_visible()
    mass = answer.locator("span").first.inner_text().split("·")[1].strip()
    name = journey.page.locator(".product[aria-pressed=true] .name").inner_text()
    return answer.locator(".money").inner_text(), mass, answer.locator(".code").inner_text()[-5:], name


def test_a_morning(journey: Any) -> None:
    page, hand, t = journey.page, journey.hand, journey.t
    said: list[tuple[str, str, str, str]] = []
    page.goto("/stall")
    expect(page.locator("#sell")).to_have_text(t("why_empty"))
    journey.step("open")

    journey.puts("1.500")
    journey.step("goods on the scale")
    with journey.counting("new goods"):
        hand.tap(f"#product-{CABBAGE}")
        expect(page.locator("#amount")).to_have_text("¥5.25")
        expect(page.locator("#sell")).to_have_text(t("sell"))
        journey.in_sight("#weight", "#amount", "#sell")
        journey.step("goods chosen")
        hand.tap("#sell")
        said.append(sold(journey))
    expect(page.locator("#answer .state")).to_have_text(t("print.printed"))
    journey.step("sold and printed")
    journey.puts("2.350")
    with journey.counting("repeated sale"):
        hand.tap("#sell")
        said.append(sold(journey))

    journey.broker_goes()
    journey.step("broker gone")
    journey.puts("0.800")
    with journey.counting("slip of three lines"):
        hand.tap("#add-line")
        expect(page.locator("#baskets li")).to_have_count(1)
        journey.puts("1.200")
        hand.tap(f"#product-{TOMATO}")
        hand.tap("#add-line")
        expect(page.locator("#baskets li")).to_have_count(2)
        journey.in_sight("#weight", "#sell")
        journey.step("two lines")
        journey.power_goes()
        journey.step("station gone")
        journey.power_comes()
        expect(page.locator("#baskets li")).to_have_count(2)
        journey.step("station back")
        journey.puts("1.000")
        hand.tap(f"#product-{SPINACH}")
        expect(page.locator("#sell")).to_have_text(t("sell_lines", n=3))
        hand.tap("#sell")
        said.append(sold(journey))
    assert said[-1][0] == "¥21.04"
    journey.step("three lines sold")
    journey.broker_comes()

    journey.roll_runs_short()
    journey.puts("3.000")
    hand.tap("#sell")
    said.append(sold(journey))
    journey.roll_ended()
    expect(page.locator("#answer .state")).to_contain_text(t("print_why.paper"))
    journey.step("no paper")
    journey.new_roll()
    expect(page.locator("#answer .state")).to_have_text(t("print.printed"))
    journey.step("new roll")
    with journey.counting("void"):
        hand.tap("#sales-open")
        expect(page.locator("#sales-found li")).to_have_count(4)
        expect(page.locator("#sales-found li").first).to_contain_text(f"{said[-1][3]} 3.000 kg")
        journey.step("sales of the day")
        hand.tap("#sales-found [data-void]")
        hand.tap("#voiding-reasons button")
        journey.step("void asked")
        hand.tap("#voiding-go")
        expect(page.locator("#sales-found li.voided")).to_have_count(1)
    journey.step("voided")
    hand.tap("#sales .main")
    with journey.counting("shift close"):
        hand.tap("#shift-open")
        expect(page.locator("#shifting-total")).to_have_text("¥34.52")
        hand.fill("#shifting-counted", "34.52")
        hand.fill("#shifting-person", "王秀英")
        journey.step("shift")
        hand.tap("#shifting-go")
        expect(page.locator("#shifting")).to_be_hidden()
    journey.step("shift closed")
    expect(journey.told("city")).to_have_text(t("all_sent"))

    city = journey.city_has()
    assert {kind: len(records) for kind, records in city.items()} == {
        "entry.registered": 3,
        "trade.completed": 4,
        "trade.voided": 1,
        "shift.closed": 1,
    }
    trades = [one["data"] for one in city["trade.completed"]]
    assert said == [seen_of(journey, trade) for trade in trades]
    for trade in trades:
        slip = trade["slip"]
        masses = [f"{line['net_g'] / 1000:.3f} kg" for line in slip["lines"]]
        paper = journey.paper(slip["tx"], yuan(slip["amount_fen"]), "扫码查交易信息")
        assert paper.qr == [trade["url"]]
        assert all(mass in paper.text for mass in masses)
        assert journey.verified(trade["url"]).amount_fen == slip["amount_fen"]
    (void,), (shift,) = city["trade.voided"], city["shift.closed"]
    assert void["data"]["slip"] == trades[-1]["slip"]
    assert (shift["data"]["amount_fen"], shift["data"]["counted_fen"], shift["data"]["person"]) == (
        3452,
        3452,
        "王秀英",
    )
    journey.paper("作废单", trades[-1]["slip"]["tx"], "-￥28.80")
    journey.paper("交班单", "￥34.52", "王秀英", "-￥28.80")
    assert len(journey.papers()) == 4 + 1 + 2  # one slip is in two pieces, where the roll ended


def yuan(fen: int) -> str:
    return f"{Decimal(fen) / 100:.2f}"


def seen_of(journey: Any, trade: dict[str, Any]) -> tuple[str, str, str, str]:
    """What the page has to have said of a sale of the city's store."""
    slip = trade["slip"]
    mass = sum(line["net_g"] for line in slip["lines"]) / 1000
    return f"¥{yuan(slip['amount_fen'])}", f"{mass:.3f} kg", slip["tx"][-5:], journey.name(trade["sold"][-1]["goods"])
