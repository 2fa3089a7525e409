from decimal import Decimal

import pytest

from drivers.transports import LinkLost, open_port
from drivers.transports.w1 import W1File
from protocol.link import Link
from protocol.probes.w1_thermometer import Decoder
from simulator.probes._probe import Air
from simulator.probes.w1_thermometer import W1Thermometer


class Time:
    def __init__(self):
        self.now = 100.0

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def probe(tmp_path):
    made = W1Thermometer(Air(Decimal("4.5")))
    made.write(tmp_path / "w1_slave")
    return made


def test_the_file_is_read_at_once_and_then_now_and_then(probe, tmp_path):
    time, decoder, path = Time(), Decoder(), tmp_path / "w1_slave"
    port = W1File(path, every=5.0, clock=time.clock, sleep=time.sleep)
    assert decoder.feed(port.read(0.2))[0].what == "not-measured"
    probe.write(path)
    silent = 0
    while not (data := port.read(0.2)):
        silent += 1
    assert 23 <= silent <= 25 and time.now == pytest.approx(105.0)
    assert decoder.feed(data)[0].value == Decimal("4.500")
    port.write(b"x")
    port.close()


def test_a_probe_that_goes_is_a_lost_link(probe, tmp_path):
    port = open_port(f"w1:{tmp_path / 'w1_slave'}", Link(9600))
    assert port.read(0.0)
    (tmp_path / "w1_slave").unlink()
    port._next = 0.0
    with pytest.raises(LinkLost, match="does not answer"):
        port.read(0.0)
    with pytest.raises(LinkLost, match="no such probe"):
        open_port(f"w1:{tmp_path / 'w1_slave'}", Link(9600))
