"""What waits on the jumping clock, and what comes through a real wire meanwhile."""

import threading
from queue import Empty, SimpleQueue

import pytest

from drivers.transports import LinkLost, open_port
from protocol.link import Link
from simulator.wires.in_step import InStep, JumpingClock
from simulator.wires.line import Pty

LINK = Link(9600)


def test_who_sleeps_turns_the_clock_on_and_what_was_planned_happens_in_its_order():
    clock, seen = JumpingClock(0.0), []
    clock.later(5.0, lambda: seen.append(("five", clock.now())))
    clock.later(1.0, lambda: seen.append(("one", clock.now())))
    clock.sleep(3.0)
    assert (clock.now(), seen) == (3.0, [("one", 1.0)])
    clock.sleep(3600.0)
    assert (clock.now(), seen) == (3603.0, [("one", 1.0), ("five", 5.0)])


def test_who_waits_is_woken_at_the_time_it_happens():
    clock, halt, orders = JumpingClock(0.0), threading.Event(), SimpleQueue()
    assert not clock.wait(halt, 2.0)
    clock.later(1.0, halt.set)
    assert clock.wait(halt, 60.0)
    assert clock.now() == 3.0
    clock.later(1.0, lambda: orders.put("paper"))
    assert clock.get(orders, 60.0) == "paper"
    assert clock.now() == 4.0
    with pytest.raises(Empty):
        clock.get(orders, 10.0)
    assert clock.now() == 14.0


class Slow:
    """Answers each question with it, two seconds later."""

    def __init__(self):
        self.answers = []

    def receive(self, data, now):
        self.answers.append((now + 2.0, data))

    def pending(self, now):
        return self.answers.pop(0)[1] if self.answers and self.answers[0][0] <= now else b""

    def deadline(self, now):
        return self.answers[0][0] if self.answers else None


def test_an_answer_comes_at_its_time_and_silence_lasts_as_long_as_it_is_waited_for(tmp_path):
    clock = JumpingClock(0.0)
    with InStep(Slow(), Pty(tmp_path / "device"), clock) as line:
        host = line.hosted(open_port(line.address, LINK))
        assert host.read(0.5) == b""
        assert clock.now() == 0.5
        host.write(b"who?")
        assert clock.now() == 0.5
        assert host.read(60.0) == b"who?"
        assert clock.now() == 2.5
        line.unplug()
        with pytest.raises(LinkLost):
            host.read(0.2)
        host.close()
