"""A second scale takes the first one's name: nothing of it is sold before a person has confirmed it."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from simulator.broker import Broker
from simulator.machine import Adapter, Machine
from simulator.scales._pan import Pan, find
from simulator.stage import CABBAGE, Refusal, StationProcess, Wiring, wait_for
from simulator.wires.line import Line, Pty

pytestmark = pytest.mark.broker


class Counter:
    """Two scales that can be plugged in, each with its load, and a station that is told a name."""

    def __init__(self, folder: Path, machine: Machine) -> None:
        self.machine = machine
        self.pans = [Pan(Decimal(30), Decimal("0.010"), settle=0.0) for _ in range(2)]
        self.lines = [Line(find("st_gs")(pan), Pty(folder / f"scale-{number}")) for number, pan in enumerate(self.pans)]
        self.plugged: dict[int, Adapter] = {}

    def plug(self, which: int, socket: str) -> Adapter:
        self.lines[which].replug()
        self.plugged[which] = self.machine.plug(self.lines[which].address, socket)
        return self.plugged[which]

    def unplug(self, which: int) -> None:
        self.machine.unplug(self.plugged.pop(which))
        self.lines[which].unplug()

    def load(self, which: int, kg: str) -> None:
        self.lines[which].do(lambda _, now: self.pans[which].take_off(now))
        if Decimal(kg):
            self.lines[which].do(lambda _, now: self.pans[which].put(Decimal(kg), now))


@pytest.fixture
def counter(tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    for name, value in machine.environ.items():
        monkeypatch.setenv(name, value)
    made = Counter(tmp_path, machine)
    for line in made.lines:
        line.start()
    yield made
    for line in made.lines:
        line.stop()


def page(running: StationProcess, language: str) -> str:
    with urlopen(Request(f"{running.url}/status", headers={"Cookie": f"lang={language}"}), timeout=10) as answer:
        text: str = answer.read().decode()
    return text


def test_a_scale_that_took_the_name_sells_nothing_until_a_person_confirms_it(
    counter: Counter,
    broker: Broker,
    station: Callable[..., StationProcess],
    released_lot: Callable[[StationProcess], str],
) -> None:
    name = counter.plug(0, "1.2").by_id
    running = station(Wiring(broker=broker.url, scale=str(name), scale_model="st-gs"))
    lot = released_lot(running)

    def scale() -> dict[str, Any]:
        found: dict[str, Any] = running.board()["scales"][0]
        return found

    def port() -> dict[str, Any]:
        found: dict[str, Any] = running.board()["ports"][0]
        return found

    def sell() -> dict[str, Any]:
        return running.post("/api/sales", scale="scale-1", product=CABBAGE, lot=lot)

    def weigh(which: int, kg: str) -> int:
        counter.load(which, "0")
        wait_for("an empty pan", lambda: scale()["why"] == "below_min")
        counter.load(which, kg)
        wait_for("a load", lambda: scale()["sellable"])
        return int(sell()["net_g"])

    assert weigh(0, "1.110") == 1110
    assert port()["by"] == "unsafe" and "by-path" in port()["write"]

    # udev gives the name to a newcomer; the first one is unplugged
    counter.load(1, "2.220")
    counter.plug(1, "1.3")
    counter.unplug(0)
    wait_for("the stop", lambda: port()["now"])
    assert port()["was"]["socket"].endswith("usb-1.2") and port()["now"]["socket"].endswith("usb-1.3")
    assert "another device" in scale()["port_why"] and scale()["net_g"] is None
    with pytest.raises(Refusal) as refused:
        sell()
    assert refused.value.code == "no_signal"
    assert "设备换了，未读取" in page(running, "zh") and "把原来的设备插回" in page(running, "zh")
    assert "Another device, not read" in page(running, "en") and "usb-1.3" in page(running, "en")

    # nor after a restart, nor after a kill
    running.stop()
    running.start()
    wait_for("the stop", lambda: port()["now"])
    running.kill()
    running.start()
    wait_for("the stop", lambda: port()["now"])
    assert scale()["net_g"] is None

    # the old one comes back and takes its name again
    counter.plug(0, "1.2")
    wait_for("the old one", lambda: scale()["up"] and port()["now"] is None)
    assert weigh(0, "1.500") == 1500

    # it is replaced for good: a person says so, by name, and sells by the other one, also after a restart
    counter.unplug(0)
    counter.unplug(1)
    wait_for("the newest reason", lambda: "no such device" in scale()["port_why"])
    counter.plug(1, "1.3")
    wait_for("the stop", lambda: port()["now"])
    with pytest.raises(Refusal) as changed:
        running.post("/api/ports/scale-1/confirm", person="王敏", seen="another one")
    assert changed.value.code == "device_changed"
    running.post("/api/ports/scale-1/confirm", person="王敏")
    wait_for("the new one", lambda: scale()["up"])
    assert weigh(1, "2.330") == 2330
    running.kill()
    running.start()
    wait_for("the new one", lambda: scale()["up"] and port()["now"] is None)
    assert weigh(1, "2.440") == 2440
