"""A sale of what lies on the scale: by the weight the person saw, once, and with what the clock is worth."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from edge.clock import Clock
from edge.config import load
from edge.inbox import Refused, RegisterEntry, Sell
from edge.jobs import gate, stall
from edge.ledger import Ledger
from edge.station import Station
from edge.weighing import TradeScale
from protocol.readings import Net, Weighing

CONFIG = """
[station]
name = "惠济市场"
jobs = ["stall"]
node = "410108001"
terminal = "01"
region = "410108"
host = "sy.example.cn"
[seller]
code = "4101080010123"
name = "王秀英蔬菜摊"
[city]
brokers = ["mqtt://127.0.0.1"]
[[product]]
code = "01040201"
name = "大白菜"
price = "3.50"
[[scale]]
name = "scale-1"
model = "st-gs"
port = "/dev/null"
max = "30 kg"
min = "200 g"
e = "10 g"
"""
UPSTREAM = "41010800110100010074"
EXPIRED, VALID = "verified_until = 2020-06-30\n", "verified_until = 2099-12-31\n"
Open = Callable[..., "Counter"]


class Counter:
    """A stall with a released lot and a scale that is told what it says."""

    def __init__(self, folder: Path, ledger: Ledger, clock: Clock, more: str) -> None:
        (folder / "station.toml").write_text(CONFIG + more, "utf-8")
        self.station = Station(load(folder / "station.toml"), ledger, clock, lambda job: None, lambda job: None)
        self.scale: TradeScale = self.station.scales["scale-1"]
        self.scale.port(True, "")
        with ledger.batch():
            entry = RegisterEntry("01040201", 1000, "河南", "李四", upstream=UPSTREAM)
            self.lot = str(gate.register(self.station, entry)["test_code"])

    def lies(self, kg: str) -> None:
        now = self.station.clock.steady()
        for number in range(5):
            self.scale.feed(Weighing(Decimal(kg), "kg", Net.GROSS, True), now - 0.5 + number / 10)

    def sells(self, **more: Any) -> dict[str, Any]:
        with self.station.ledger.batch():
            return stall.sell(self.station, Sell("scale-1", "01040201", self.lot, **more))

    def refuses(self, **more: Any) -> str:
        with pytest.raises(Refused) as refused:
            self.sells(**more)
        return refused.value.code

    def record(self) -> dict[str, Any]:
        record: dict[str, Any] = self.station.ledger.event(self.station.ledger.head.seq)["data"]
        return record


@pytest.fixture
def counter(tmp_path: Path, ledger: Ledger, clock: Clock) -> Open:
    def opened(more: str = VALID) -> Counter:
        made = Counter(tmp_path, ledger, clock, more)
        made.lies("0.000")
        made.lies("1.250")
        return made

    return opened


@pytest.mark.parametrize("more", [{"seen_g": 1240}, {"seen_g": 1250, "tare_g": 50}, {"seen_g": 1200}])
def test_a_weight_the_person_did_not_see_is_not_sold(counter: Open, more: dict[str, int]) -> None:
    assert counter().refuses(**more) == "weight_changed"


def test_what_was_seen_after_the_tare_is_sold_once(counter: Open) -> None:
    open_ = counter()
    assert open_.sells(seen_g=1200, tare_g=50)["net_g"] == 1200
    open_.lies("1.250")
    assert open_.refuses(seen_g=1250) == "sold"


def test_what_was_sold_by_a_typed_weight_is_not_sold_again(counter: Open) -> None:
    open_ = counter()
    open_.scale.port(False, "unplugged")
    assert open_.sells(manual_g=1250, reason="秤坏了")["net_g"] == 1250
    open_.scale.port(True, "")
    open_.lies("1.250")
    assert open_.refuses() == "sold"


@pytest.mark.parametrize(
    ("state", "more", "code", "verified"),
    [
        ("synced", VALID, "", True),
        ("holdover", VALID, "", True),
        ("synced", EXPIRED, "unverified", None),
        ("unsynced", VALID, "", False),
        ("unsynced", EXPIRED, "", False),  # nobody knows the date
    ],
)
def test_a_verification_is_believed_only_by_a_clock_that_can_be(
    counter: Open, monkeypatch: pytest.MonkeyPatch, state: str, more: str, code: str, verified: bool | None
) -> None:
    monkeypatch.setattr(Clock, "state", lambda clock: state)
    open_ = counter(more)
    if code:
        assert open_.refuses() == code
        return
    open_.sells()
    assert open_.record()["scale_verified"] is verified
