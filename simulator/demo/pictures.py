"""Makes the pictures of the README and of the pages beside it from a running demo: a slip, and a page of each job.

make pictures
"""

import io
import json
import sys
import tempfile
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from protocol.city.token import CHINA
from simulator.demo.command import new_market, origins, play
from simulator.demo.desk import Desk
from simulator.demo.hands import Hands
from simulator.demo.story import Story
from simulator.market import Market
from simulator.obstacles import free_port
from simulator.printer.picture import draw
from simulator.stage import CABBAGE, NODE, SPINACH, TERMINAL, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FOLDER = Path(__file__).with_name("pictures")
VIEWS = {"stall-phone": (360, 740), "stall": (1280, 800)}
ORDER = {
    "order": "XX-20261130-03",
    "supplier": "惠济区绿源蔬菜配送有限公司",
    "buyer": "第一小学食堂",
    "meal": "学生午餐",
    "lines": [
        {"product": CABBAGE, "name": "大白菜", "net_g": 10_000, "price_fen": 300},
        {"product": SPINACH, "name": "菠菜", "net_g": 8_000, "price_fen": 960},
        {"product": "01040501", "name": "西红柿", "net_g": 12_000, "price_fen": 640},
    ],
}
CHROMIUM = "/usr/bin/chromium-headless-shell"


def make() -> None:
    """Overwrites the pictures in ``simulator/demo/pictures``. Needs the test packages and Debian's chromium."""
    from playwright.sync_api import sync_playwright

    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as place,
        Market(Path(place), jobs=("stall", "gate", "canteen")) as market,
        sync_playwright() as playwright,
    ):
        play(market, lambda line: None)
        spinach = market.bring_in(SPINACH, 80_000, "河南省郑州市惠济区", "惠济菜农 张建国")
        market.test(spinach["sample"], Decimal("21.8"), "菠菜")
        market.lot(spinach["test_code"], "released")
        slip = next(paper for paper in market.papers if any("/j/" in payload for payload in paper.qr))
        draw(slip).convert("L").quantize(8).save(FOLDER / "slip.png", optimize=True)
        market.weigh(Decimal("5.240"))
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        for name, (width, height) in VIEWS.items():
            page = browser.new_page(viewport={"width": width, "height": height})
            page.goto(f"{market.station.url}/stall")
            page.get_by_role("button", name="大白菜").click()
            page.wait_for_timeout(1200)
            page.screenshot(path=FOLDER / f"{name}.png")
        at_the_gate(market)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"{market.station.url}/gate#alerts")
        page.wait_for_timeout(1200)
        page.screenshot(path=FOLDER / "gate.png")
        in_the_canteen(market)
        page.goto(f"{market.station.url}/canteen")
        page.get_by_text("验收中").first.click()
        page.wait_for_timeout(1200)
        page.screenshot(path=FOLDER / "canteen.png")
        on_one_page(browser)
        browser.close()
    sys.stderr.write(f"{', '.join(sorted(file.name for file in FOLDER.iterdir()))} in {FOLDER}\n")


def on_one_page(browser: "Browser") -> None:
    """The demo, when a positive has just stopped a sale."""
    port = free_port()
    with tempfile.TemporaryDirectory() as place, new_market(Path(place), (0, 0, port), host="127.0.0.1") as market:
        story = Story(market, Hands(market), acts=("goods", "positive"))
        with Desk(market, port, story=story, frames=origins(market.host, port)), story:
            page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="zh-CN")
            page.goto(f"http://127.0.0.1:{port}/")
            page.get_by_text("已停售").wait_for(timeout=120_000)
            page.locator("#pause").click()
            page.wait_for_timeout(4000)  # the phone's page follows
            shot = Image.open(io.BytesIO(page.screenshot()))
            shot.convert("RGB").quantize(128).save(FOLDER / "demo.png", optimize=True)


def at_the_gate(market: Market) -> None:
    """A sample is positive, and others wait."""
    bad = market.bring_in("01040101", 60_000, "河北省邯郸市永年区", "永年冀南蔬菜")
    market.bring_in("01040501", 120_000, "山东省寿光市", "寿光合作社")
    for value in ("72.5", "70.2", "68.1"):
        market.test(bad["sample"], Decimal(value), "白萝卜")
        shown = partial(_shows, market, value)
        wait_for(f"{value} %", shown, 15)
    market.lot(bad["test_code"], "held")


def _shows(market: Market, value: str) -> bool:
    return value in json.dumps(market.station.board()["lots"])


def in_the_canteen(market: Market) -> None:
    """An order came, and the first load of its goods is on the scale."""
    today = datetime.now(CHINA).date().isoformat()
    market.city.order("orders", f"{NODE}-{TERMINAL}", orders=[ORDER | {"due": today}])
    wait_for("the order", lambda: market.station.board()["orders"], 10)
    market.station.post("/api/deliveries", order=ORDER["order"])
    market.weigh(Decimal("5.240"))


if __name__ == "__main__":
    make()
