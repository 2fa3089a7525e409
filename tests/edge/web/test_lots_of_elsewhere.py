"""A source card of the market's gate, scanned at a stall that has never heard of the lot: opened, chosen, sold."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.sync_api import Page, expect

from edge.between.commands import OpenLot
from edge.state.claims import Offer, Portion
from protocol.city.codes import CodeKind, TraceCode
from protocol.city.source import SourceToken, card_url
from protocol.city.token import TokenVerdict, kid_of

pytestmark = pytest.mark.browser

GATE = Ed25519PrivateKey.from_private_bytes(bytes([9] * 32))
SOURCE = str(TraceCode("410108003", CodeKind.SOURCE, "09", 7))
CARD = SourceToken(
    kid=kid_of(GATE.public_key()),
    t=217_489_970,
    source=SOURCE,
    test=str(TraceCode("410108003", CodeKind.TEST, "09", 7)),
    product="01040201",
    name="大白菜",
    net_g=60_000,
    origin="山东寿光",
    origin_code="370783",
    supplier="赵六",
    supplier_code="",
    verdict=TokenVerdict.QUALIFIED,
    item="农药残留",
)
URL = card_url(CARD, GATE, "sy.example.cn")


def scan(page: Page, text: str) -> None:
    """As scan.js tells the page."""
    page.evaluate("text => document.dispatchEvent(new CustomEvent('scan', { detail: { text, field: null } }))", text)


@pytest.fixture
def stall(core: Any, desk: Page) -> Page:
    """The page of a stall that knows the gate's key."""

    def know() -> None:
        station = core.core._station
        station.keys.stations = station.node_keys.plus("410108003-09", GATE.public_key())

    core.within(know)
    desk.goto("/stall")
    desk.wait_for_function("() => document.querySelector('#lots label.lot') !== null")
    return desk


def test_a_scanned_card_opens_the_lot_and_chooses_it(core: Any, stall: Page) -> None:
    scan(stall, URL)
    expect(stall.locator("#scanned")).to_contain_text(f"已接收 大白菜 …{SOURCE[-5:]}")
    chosen = stall.locator(f"#lot-{CARD.test}")
    expect(chosen).to_be_checked()
    expect(stall.locator("#sum-lot")).to_contain_text(SOURCE[-5:])
    (opened,) = core.records("lot.opened")
    assert (opened["data"]["source"], opened["data"]["net_g"], opened["data"]["by"]) == (SOURCE, 60_000, "card")
    scan(stall, URL)
    expect(stall.locator("#scanned")).to_contain_text("已选批次：大白菜")
    assert len(core.records("lot.opened")) == 1


def test_a_forged_card_says_so(core: Any, stall: Page) -> None:
    forged = card_url(replace(CARD, kid=CARD.kid), Ed25519PrivateKey.generate(), "sy.example.cn")
    scan(stall, forged)
    expect(stall.locator("#scanned")).to_contain_text("被改动或伪造")
    assert core.records("lot.opened") == []


def test_a_lot_at_the_gate_is_taken_over_by_a_press(core: Any, stall: Page, until: Callable[..., None]) -> None:
    facts = {
        "lot": CARD.test,
        "source": SOURCE,
        "goods": {"product": "01040201", "name": "大白菜", "name_en": ""},
        "net_g": 60_000,
        "origin": "山东寿光",
        "origin_code": "",
        "supplier": "赵六",
        "supplier_code": "",
        "verdict": "qualified",
        "item": "农药残留",
        "tested_at": None,
    }

    def offer() -> None:
        lots = core.core._station.lots
        with core.ledger.batch():
            lots.offer(Offer(Portion(SOURCE, CARD.kid.hex(), 0), "410108003-09", "sibling", facts), 2e9)

    core.within(offer)
    core.turn()
    button = stall.locator(f"[data-open='{SOURCE}']")
    stall.locator(".product").first.click()
    stall.locator("[data-code='01040201']").click()
    expect(button).to_contain_text("在入场口")
    button.click()
    expect(stall.locator(f"#lot-{CARD.test}")).to_be_checked()
    assert json.loads(json.dumps(core.records("lot.opened")[0]["data"]))["by"] == "sibling"


def test_a_stopped_lot_says_why(core: Any, stall: Page) -> None:
    core.does(OpenLot(code=URL))

    def stop() -> None:
        with core.ledger.batch():
            core.core._station.lots.stop(SOURCE, "监督抽检不合格", "city")

    core.within(stop)
    core.turn()
    stall.locator("[data-code='01040201']").click()
    expect(stall.locator("#lots p.lot.held", has_text="监督抽检不合格")).to_be_visible()
    stall.wait_for_function(  # the page's scripts know it, too
        """(source) => import("/static/live.js").then(
            ({ board }) => board.lots.some((one) => one.source === source && one.why))""",
        arg=SOURCE,
    )
    scan(stall, SOURCE)
    expect(stall.locator("#scanned")).to_contain_text("已被通知停止销售：监督抽检不合格")
