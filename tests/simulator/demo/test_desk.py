"""The demo's desk: its lever stops a lot by the city, and a page of another site moves nothing."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from simulator.demo.desk import application

LOT = "41010800110100010074"


class Market:
    """What the desk does is written down."""

    def __init__(self) -> None:
        self.done: list[tuple[str, ...]] = []
        self.station = type("Station", (), {"port": 8080})()
        self.city = type("City", (), {"address": ("127.0.0.1", 8600)})()
        self.papers: list[Any] = []

    def on_sale(self) -> list[dict[str, Any]]:
        return [{"source": LOT, "product_name": "大白菜", "stop": "召回"}]

    def stop_lot(self, lot: str, reason: str) -> str:
        self.done.append(("stop", lot, reason))
        return "c-1"

    def resume_lot(self, lot: str) -> str:
        self.done.append(("resume", lot))
        return "c-2"


@pytest.fixture
def market() -> Market:
    return Market()


@pytest.fixture
def desk(market: Market) -> TestClient:
    return TestClient(application(market), base_url="http://127.0.0.1:8700")  # type: ignore[arg-type]


def test_a_lot_is_stopped_and_resumed(desk: TestClient, market: Market) -> None:
    assert desk.get("/lots").json() == [{"source": LOT, "name": "大白菜", "stopped": "召回"}]
    page = desk.get("/").text
    assert 'id="stop"' in page and "http://127.0.0.1:8600/commands" in page
    assert desk.post("/lots/stop", json={"lot": LOT, "reason": "召回"}).status_code == 204
    assert desk.post("/lots/resume", json={"lot": LOT}).status_code == 204
    assert market.done == [("stop", LOT, "召回"), ("resume", LOT)]
    assert desk.post("/lots/stop", json={"lot": "x"}).status_code == 422


@pytest.mark.parametrize("headers", [{"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}])
def test_a_page_of_another_site_moves_nothing(desk: TestClient, market: Market, headers: dict[str, str]) -> None:
    assert desk.post("/lots/stop", json={"lot": LOT}, headers=headers).status_code == 403
    assert market.done == []
