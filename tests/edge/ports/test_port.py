"""The port thread on real ptys; the time is made up, and whoever waits turns it on."""

import logging
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import groupby, pairwise
from pathlib import Path

import pytest

from drivers.model import Model
from drivers.transports import open_port
from edge.between.inbox import Inbox, PortChanged, PortGarbage, Weighed
from edge.ports.port import BACK_OFF, Port
from edge.ports.silence import SECONDS as SILENT
from edge.ports.silence import Nature
from protocol import formats
from protocol.link import Link
from protocol.scales import st_gs
from simulator.scales._pan import Pan, find
from simulator.wires.baud import BaudPty
from simulator.wires.in_step import InStep, JumpingClock
from simulator.wires.line import Pty

LINK = Link(9600)
LATEST = 0.2  # between two reads


class Mute:
    """A device that says what it is told to say, and remembers what it is asked."""

    def __init__(self):
        self.out = bytearray()
        self.heard = b""

    def receive(self, data, now):
        self.heard += data

    def pending(self, now):
        out = bytes(self.out)
        self.out.clear()
        return out

    def deadline(self, now):
        return now if self.out else None

    def say(self, data):
        self.out += data


class TimedInbox(Inbox):
    """Notes when each message came."""

    def __init__(self, clock):
        super().__init__()
        self._clock = clock
        self.seen = []

    def put(self, message):
        self.seen.append((self._clock.now(), message))


class Station:
    """A port behind which ``line`` ends, and what it has told with the seconds since the start."""

    def __init__(self, line, format_id="st_gs", name="scale-1"):
        wire_format = formats.find(format_id)
        self.clock = line.clock
        self._start = self.clock.now()
        self.inbox = TimedInbox(self.clock)
        nature = Nature.of(Model(format_id, "", "", format_id), LINK)

        def open_it():
            return line.hosted(open_port(line.address, LINK))

        self.port = Port(name, self.inbox, open_it, wire_format.speaks, nature, ticking=self.clock)

    def run(self, seconds):
        """For so long, and then it ends for good."""
        self.clock.later(seconds, self.port.stop)
        self.port.run()
        return self

    def told(self):
        """Each change of the port: when, whether it is up, and the reason."""
        return [
            (at - self._start, message.up, message.why)
            for at, message in self.inbox.seen
            if isinstance(message, PortChanged)
        ]

    def ups(self):
        """Up and down, without further reasons for the same."""
        return [up for up, _ in groupby(up for _, up, _ in self.told())]

    def weights(self):
        return [message.weighing.value for _, message in self.inbox.seen if isinstance(message, Weighed)]

    def weighed_at(self):
        return [at - self._start for at, message in self.inbox.seen if isinstance(message, Weighed)]


@pytest.fixture
def clock() -> JumpingClock:
    return JumpingClock()


@pytest.fixture
def line(tmp_path: Path, clock: JumpingClock) -> Iterator[Callable[..., InStep]]:
    """Put a device behind a pty, plugged in or not yet."""
    made = []

    def one(device, plug=None, *, plugged=True):
        made.append(InStep(device, plug or Pty(tmp_path / f"device-{len(made)}"), clock))
        return made[-1].start() if plugged else made[-1]

    yield one
    for each in made:
        each.stop()


def scale(format_id="st_gs", kg="2.350"):
    pan = Pan(settle=0.0)
    pan.put(Decimal(kg), 0.0)
    return find(format_id)(pan)


def line_of(kg):
    return st_gs.encode(scale(kg=kg).pan.reading(1.0))


def test_a_silent_scale_is_told_once_and_once_when_it_returns(line, clock, caplog):
    caplog.set_level(logging.INFO, "port")
    wire = line(Mute())
    clock.later(60.0, lambda: wire.do(lambda device, now: device.say(line_of("1.000"))))
    up, silent, again = Station(wire, name="scale-3").run(65.0).told()
    assert up == (0.0, True, "")
    assert silent[1:] == (True, "no frame for 10 s; check cable and that output mode is continuous")
    assert SILENT <= silent[0] <= SILENT + LATEST
    assert again[1:] == (True, "")
    assert 60.0 <= again[0] <= 60.0 + LATEST
    told = [record.getMessage() for record in caplog.records if record.name == "port"]
    assert told == [
        "scale-3 connected",
        "scale-3: no frame for 10 s; check cable and that output mode is continuous",
        "scale-3 sending again",
    ]


def test_a_polled_scale_that_never_answers_is_told_with_its_own_next_step(line):
    wire = line(Mute())
    _, (at, up, why) = Station(wire, "mt_sics").run(60.0).told()
    assert up and why.startswith("no answer to requests for 10 s") and "9600/8n1" in why
    assert SILENT <= at <= SILENT + 2 * LATEST
    assert wire.do(lambda device, now: device.heard).startswith(b"SI\r\n")


def test_a_polled_scale_that_answers_is_left_alone(line):
    here = Station(line(scale("mt_sics")), "mt_sics").run(60.0)
    assert here.told() == [(0.0, True, "")]
    assert len(here.weights()) > 60


def test_an_analyzer_that_has_nothing_to_say_is_left_alone(line):
    assert Station(line(Mute()), "astm").run(3600.0).told() == [(0.0, True, "")]


@pytest.mark.parametrize("device", ["9600/7e1", "4800/8n1"])
def test_a_scale_at_other_settings_is_told_as_unreadable(line, tmp_path, device):
    here = Station(line(scale("st_gs"), BaudPty(tmp_path / "scale", Link.parse(device)))).run(60.0)
    _, (at, up, why) = here.told()
    assert up
    assert why.startswith("only unreadable bytes: ") and "check protocol and link settings (9600/8n1" in why
    assert "parity: " in why or device != "9600/7e1"
    assert SILENT <= at <= SILENT + 2.0
    assert here.weights() == []


def test_a_scale_that_vanishes_within_a_frame_gives_no_weight_of_the_half(line, clock):
    wire = line(Mute())

    def says(data):
        return lambda: wire.do(lambda device, now: device.say(data))

    clock.later(1.0, says(line_of("1.000") + line_of("2.000")[:9]))
    clock.later(2.0, wire.unplug)
    clock.later(3.0, wire.replug)
    clock.later(6.0, says(line_of("3.000")[9:] + line_of("4.000")))
    here = Station(wire).run(8.0)
    assert here.ups() == [True, False, True]
    assert here.weights() == [Decimal("1.000"), Decimal("4.000")]
    assert any(isinstance(message, PortGarbage) for _, message in here.inbox.seen)


@pytest.mark.parametrize("away", [0.5, 3.0, 3600.0])
def test_a_replugged_scale_is_read_again_within_two_seconds(line, clock, away):
    wire = line(scale())
    back = []
    at = 0.0
    for _ in range(3):
        clock.later(at + 5.0, wire.unplug)
        clock.later(at + 5.0 + away, wire.replug)
        at += 5.0 + away
        back.append(at)
    here = Station(wire).run(at + 5.0)
    assert here.ups() == [True, False] * 3 + [True]
    for moment in back:
        assert min(seen for seen in here.weighed_at() if seen >= moment) < moment + 2.0
    assert here.weighed_at()[-1] > at + 4.0


def test_a_device_that_is_away_is_looked_for_less_often_by_and_by(line):
    wire = line(scale(), plugged=False)
    here = Station(wire)
    tries = []
    opens = here.port._open

    def noted():
        tries.append(here.clock.now())
        return opens()

    here.port._open = noted
    here.run(10.0)
    pauses = [after - before for before, after in pairwise(tries)]
    assert pauses == pytest.approx([*BACK_OFF, *[BACK_OFF[-1]] * (len(pauses) - len(BACK_OFF))])


def test_ports_that_appear_in_another_order_are_each_found(line, clock):
    wires = [line(scale(kg=kg), plugged=False) for kg in ("1.000", "2.000")]
    left, right = (Station(wire, name=name) for wire, name in zip(wires, ("left", "right"), strict=True))
    clock.later(1.0, wires[1].replug)
    clock.later(1.0, lambda: right.run(3.0))  # in the midst of the other's waiting
    clock.later(2.0, wires[0].replug)
    left.run(8.0)
    assert not left.told()[0][1] and "no such device" in left.told()[0][2]
    assert set(left.weights()) == {Decimal("1.000")}
    assert set(right.weights()) == {Decimal("2.000")}


def test_two_alike_stay_apart_when_one_goes(line, clock):
    one, two = line(scale(kg="1.000")), line(scale(kg="2.000"))
    first, second = Station(one, name="one"), Station(two, name="two")
    clock.later(2.0, one.unplug)
    clock.later(3.0, lambda: second.run(2.0))  # while the other one is away
    clock.later(6.0, one.replug)
    first.run(10.0)
    assert first.ups() == [True, False, True]
    assert second.ups() == [True]
    assert set(first.weights()) == {Decimal("1.000")}
    assert set(second.weights()) == {Decimal("2.000")}
