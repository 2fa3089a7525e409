"""Signals that are no order to stop."""

import os
import signal
from collections.abc import Callable

from simulator.broker import Broker
from simulator.stage import StationProcess, Wiring


def test_a_terminal_that_is_closed_does_not_end_the_station(
    station: Callable[[Wiring], StationProcess], broker: Broker
) -> None:
    running = station(Wiring(broker.url))
    assert running._child is not None
    os.kill(running._child.pid, signal.SIGHUP)
    assert running.board()["station"]
    assert running._child.poll() is None
    assert running.stop() == 0
