"""A label scale sells by itself: each label reaches the city once, over a kill and its store sent again."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from protocol.city.token import CHINA
from simulator.broker import Broker
from simulator.city.server import City
from simulator.label_scales._counter import calling
from simulator.label_scales.label_tcp import UploadingScale
from simulator.obstacles import free_port
from simulator.stage import CABBAGE, StationProcess, Wiring, wait_for
from simulator.wires.line import Line

pytestmark = pytest.mark.broker

SECTION = """
[[label_scale]]
name = "label-1"
model = "label-tcp"
port = "listen:127.0.0.1:{port}"
goods = {{ 412 = "01040201" }}
"""


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def counter(port: int) -> Iterator[Line[UploadingScale]]:
    with calling(UploadingScale(7), "127.0.0.1", port) as line:
        yield line


def labels(running: StationProcess) -> list[dict[str, Any]]:
    return [one for one in running.board()["label_sales"] if not one["waits"]]


def test_every_label_is_recorded_once_and_reaches_the_city(
    station: Callable[[Wiring], StationProcess],
    broker: Broker,
    city: City,
    released_lot: Callable[..., str],
    port: int,
    counter: Line[UploadingScale],
) -> None:
    running = station(Wiring(broker.url, extra=SECTION.format(port=port)))
    lot = released_lot(running)

    def left_g() -> int:
        return next(int(one["left_g"]) for one in running.board()["lots"] if one["test_code"] == lot)

    def sell(number: int, article: str = "412") -> None:
        at = datetime.now(CHINA).replace(tzinfo=None, microsecond=0) + timedelta(seconds=5 * number)
        counter.do(lambda device, now: device.sell("12", 2000 + number, at, name="KIYMA", article=article))

    def answered() -> bool:
        return counter.do(lambda device, now: device.unanswered) == 0

    for number in range(3):
        sell(number)
    wait_for("the answers", answered, 30)
    assert len(labels(running)) == 3 and left_g() == 500_000 - 6003
    running.kill()
    sell(3)
    sell(4, "999")  # a number that nobody knows
    running.start()
    wait_for("the answers to what was sold meanwhile", answered, 30)
    counter.do(lambda device, now: device.send_again())
    wait_for("the answers to the whole store", answered, 30)
    (waiting,) = [one for one in running.board()["label_sales"] if one["waits"]]
    assert waiting["doubts"] == ["goods"]
    assert len(labels(running)) == 4 and left_g() == 500_000 - 6003 - 2003
    running.post(f"/api/label-sales/{waiting['seq']}/match", product=CABBAGE, remember=True, person="王敏")
    assert left_g() == 500_000 - 6003 - 2003 - 2004
    wait_for("the city", lambda: running.board()["city"]["pending"] == 0, 30)
    assert city.summary()["labels"] == 6  # five labels, and what a person said of one
