"""Makes the pictures of the README from a running demo: a slip, and the stall's page on a phone and a screen.

make pictures
"""

import sys
import tempfile
from decimal import Decimal
from pathlib import Path

from simulator.demo.command import play
from simulator.demo.market import Market
from simulator.printer.picture import draw
from simulator.stage import SPINACH

FOLDER = Path(__file__).with_name("pictures")
VIEWS = {"stall-phone": (360, 740), "stall": (1280, 800)}
CHROMIUM = "/usr/bin/chromium-headless-shell"


def make() -> None:
    """Overwrites the pictures in ``simulator/demo/pictures``. Needs the test packages and Debian's chromium."""
    from playwright.sync_api import sync_playwright

    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place, Market(Path(place)) as market, sync_playwright() as playwright:
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
        browser.close()
    sys.stderr.write(f"{', '.join(sorted(file.name for file in FOLDER.iterdir()))} in {FOLDER}\n")


if __name__ == "__main__":
    make()
