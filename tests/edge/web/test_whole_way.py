"""From the pan to the slip: bytes of a scale, a page on a phone, a station of its own process, bytes of a printer."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from edge.records.identity import load_key
from edge.records.ledger import bodies_after, reading
from protocol.city import token
from protocol.city.codes import CodeKind, TraceCode
from simulator.printer.printer import Printer
from simulator.printer.read import Paper
from simulator.scales._pan import Pan, find
from simulator.stage import CABBAGE, NODE, StationProcess, Wiring, wait_for
from simulator.wires.line import Line, Pty

pytestmark = pytest.mark.browser

NOBODY = "mqtt://127.0.0.1:9"  # a market sells without the city


class Stall:
    """A scale, a printer with what came out of it, and a station between them, which has two lots of cabbage."""

    def __init__(self, folder: Path) -> None:
        self.papers: list[Paper] = []
        self.pan = Pan(Decimal(30), Decimal("0.010"), settle=0.05)
        self.scale = Line(find("mt_sics")(self.pan), Pty(folder / "scale"))
        self.printer = Line(Printer(on_paper=self.papers.append), Pty(folder / "printer"))
        self.folder = folder / "station"
        wiring = Wiring(broker=NOBODY, scale=str(folder / "scale"), printer=str(folder / "printer"))
        self.station = StationProcess(self.folder, wiring)

    def enters(self, serial: int) -> tuple[str, str]:
        """Cabbage with a source code from elsewhere; answers its test code and that."""
        source = str(TraceCode(NODE, CodeKind.SOURCE, "77", serial))
        goods = {"product": CABBAGE, "net_g": 500_000, "origin": "河南", "supplier": "绿源合作社", "upstream": source}
        return str(self.station.post("/api/entries", **goods)["test_code"]), source


@pytest.fixture
def stall(tmp_path: Path) -> Iterator[Stall]:
    stall = Stall(tmp_path)
    with stall.scale, stall.printer, stall.station:
        yield stall


@pytest.fixture
def phone(browser: Browser, stall: Stall) -> Iterator[Page]:
    size = {"width": 360, "height": 740}
    with browser.new_context(viewport=size, has_touch=True, is_mobile=True, base_url=stall.station.url) as context:  # type: ignore[arg-type]
        yield context.new_page()


def test_what_lies_on_the_pan_is_sold_on_a_phone_and_its_slip_comes_out(stall: Stall, phone: Page) -> None:
    lot, source = stall.enters(1)
    stall.enters(2)
    phone.goto("/stall")
    expect(phone.locator("#sell")).to_have_text("请放上货物")
    stall.scale.do(lambda _, now: stall.pan.put(Decimal("1.500"), now))
    expect(phone.locator("#digits")).to_have_text("1.500")
    phone.locator(f"#product-{CABBAGE}").tap()
    phone.locator(f".lot:has(#lot-{lot})").tap()
    expect(phone.locator("#amount")).to_have_text("¥5.25")
    expect(phone.locator("#sell")).to_have_text("卖出并打印")
    phone.locator("#sell").tap()
    expect(phone.locator("#answer")).to_contain_text("¥5.25")
    expect(phone.locator("#answer .state")).to_have_text("已打印", timeout=20_000)
    expect(phone.locator("#sell")).to_have_text("已卖出，请取下货物")

    with reading(stall.folder / "data") as db:
        events = [json.loads(body) for _, body in bodies_after(db.conn, 0)]
    sale = events[-1]["data"]
    assert [line["source"] for line in sale["slip"]["lines"]] == [source]
    assert (sale["slip"]["amount_fen"], sale["sold"][0]["weighed"]["value"]) == (525, "1.500")

    wait_for("the slip", lambda: stall.papers)
    (slip,) = stall.papers
    assert "5.25" in slip.text and "1.500" in slip.text
    assert "COPY" not in slip.text
    assert slip.unknown == ()
    assert slip.qr == [sale["url"]]
    signed = token.verify_url(slip.qr[0], load_key(stall.folder / "station.key").public_key())
    assert (signed.tx, signed.net_g, signed.amount_fen) == (sale["slip"]["tx"], 1500, 525)
    assert signed.sources == (source,)
