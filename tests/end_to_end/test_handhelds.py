"""Five stalls by one box at the same time: each handheld with its own scale and seller, printing on its own head."""

import base64
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from simulator.devices import ScaleLine
from simulator.printer.read import Paper, read_papers
from simulator.pytest_plugin import CAPACITY, NOBODY, SETTLE
from simulator.scales._pan import Pan
from simulator.scales.mt_sics import MtSics
from simulator.stage import CABBAGE, Refusal, StationProcess, Wiring, wait_for
from simulator.wires.line import Pty

STALLS = range(1, 6)
SALES = 3
SCALE = """
[[scale]]
name = "scale-{n}"
model = "mt-sics"
port = "{address}"
max = "30 kg"
min = "200 g"
e = "10 g"
verified_until = 2099-12-31
"""
SEAT = """
[[printer]]
name = "head-{n}"
port = "handheld:"
papers = ["slip", "void"]
[[seat]]
name = "a-{n}"
scale = "scale-{n}"
printer = "head-{n}"
code = "410108001012{n}"
seller = "{seller}"
stall = "A-{n}"
"""
SELLERS = dict(zip(STALLS, ("李秀兰", "赵强", "钱多", "孙丽", "周平"), strict=True))


@pytest.fixture
def scales(tmp_path: Path) -> Iterator[dict[int, ScaleLine]]:
    """A scale on a pseudo terminal at each stall."""
    with ExitStack() as stack:
        yield {
            n: stack.enter_context(
                ScaleLine(MtSics(Pan(CAPACITY, Decimal("0.010"), settle=SETTLE)), Pty(tmp_path / f"scale-{n}"))
            )
            for n in STALLS
        }


@pytest.fixture
def box(scales: dict[int, ScaleLine], start_station: Callable[[Wiring], StationProcess]) -> StationProcess:
    extra = "".join(SCALE.format(n=n, address=line.address) for n, line in scales.items())
    return start_station(
        Wiring(broker=NOBODY, extra=extra + "".join(SEAT.format(n=n, seller=SELLERS[n]) for n in STALLS))
    )


def sells(box: StationProcess, line: ScaleLine, scale: str, kg: str, lot: str) -> dict[str, Any]:
    """Goods are put on the pan and sold, as soon as the station would sell them; and taken off again."""
    grams = round(Decimal(kg) * 1000)
    box.until(f"an empty {scale}", lambda board: of(board, "scales", scale)["why"] == "below_min")
    line.put(kg)

    def sold() -> dict[str, Any] | None:
        try:
            return box.post("/api/sales", scale=scale, product=CABBAGE, lot=lot, seen_g=grams)
        except Refusal as refused:
            assert refused.code != "other_stall"
            return None

    answer: dict[str, Any] = wait_for(f"a sale on {scale}", sold)
    line.take_off()
    return answer


def of(board: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    return next(one for one in board[kind] if one["name"] == name)


def prints(box: StationProcess, job: int) -> Paper:
    """What a wrapper does: takes it, fetches its bytes, prints them, and says that they came out."""
    assert box.post(f"/api/prints/{job}/take") == {"job": job, "copy": 0, "state": "unknown"}
    (paper,) = read_papers(httpx.get(f"{box.url}/api/prints/{job}.escpos").raise_for_status().content)
    box.post(f"/api/prints/{job}/confirm")
    return paper


def test_five_stalls_sell_and_print_at_once_and_none_has_another_s_slip(
    box: StationProcess, scales: dict[int, ScaleLine], released_lot: Callable[[StationProcess], str]
) -> None:
    lot = released_lot(box)

    def day(n: int) -> list[tuple[dict[str, Any], Paper]]:
        done = []
        for sale in range(SALES):
            answer = sells(box, scales[n], f"scale-{n}", f"{n}.{sale + 1}00", lot)
            done.append((answer, prints(box, answer["job"])))
        return done

    with ThreadPoolExecutor(len(STALLS)) as handhelds:
        days = dict(zip(STALLS, handhelds.map(day, STALLS), strict=True))
    for n, done in days.items():
        assert [answer["net_g"] for answer, _ in done] == [n * 1000 + 100 * (sale + 1) for sale in range(SALES)]
        for answer, paper in done:
            assert SELLERS[n] in paper.text
            assert not [other for other in SELLERS.values() if other != SELLERS[n] and other in paper.text]
            assert paper.qr == [answer["url"]]
            assert "COPY" not in paper.text
    assert len({answer["tx"] for done in days.values() for answer, _ in done}) == len(STALLS) * SALES
    with pytest.raises(Refusal) as refused:
        box.post(f"/api/prints/{days[1][0][0]['job']}/take")
    assert refused.value.code == "taken"
    assert {one["state"] for one in box.board()["prints"] if one["paper"] == "slip"} == {"confirmed"}


@pytest.mark.browser
def test_a_handheld_s_page_sells_at_its_stall_alone_and_prints_on_its_own_head(
    box: StationProcess,
    scales: dict[int, ScaleLine],
    released_lot: Callable[[StationProcess], str],
    browser: Browser,
) -> None:
    lot, papers = released_lot(box), []

    def head(data: str) -> str:
        papers.extend(read_papers(base64.b64decode(data)))
        return "printed" if len(papers) == 1 else "no paper"

    with browser.new_context(base_url=box.url, viewport={"width": 360, "height": 740}) as context:
        context.expose_function("headPrints", head)
        context.add_init_script("globalThis.marketedgeHead = { print: (data) => headPrints(data) };")
        page = context.new_page()
        page.goto("/stall?seat=a-2")
        expect(page.locator(".seat")).to_have_text("A-2")
        expect(page.locator(".seat")).to_be_visible()
        expect(page.locator("#weight")).to_have_attribute("data-scales", "scale-2")
        for kg, state in (("1.500", "confirmed"), ("0.700", "unknown")):
            scales[2].put(kg)
            page.locator(f"#product-{CABBAGE}").click()
            expect(page.locator("#sell")).to_have_attribute("aria-disabled", "false", timeout=20_000)
            page.locator("#sell").click()
            expect(page.locator(f".papers .paper.{state}")).to_have_count(1, timeout=20_000)
            scales[2].take_off()
            box.until("an empty pan", lambda board: of(board, "scales", "scale-2")["why"] == "below_min")
    assert [("赵强" in paper.text, "COPY" in paper.text) for paper in papers] == [(True, False)] * 2
    assert lot
    assert [(one["printer"], one["why"]) for one in box.board()["prints"]] == [("head-2", "fetched"), ("head-2", "")]
    assert json.loads(httpx.get(f"{box.url}/api/board").text)["board"]["printers"][0]["state"] == "fetches"
