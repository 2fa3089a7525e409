"""A simulated USB bus that pyusb finds instead of the machine's own."""

import pytest

from drivers.transports import usb as shared
from simulator.wires.usb import Bus
from simulator.wires.usb_host import Backend


@pytest.fixture
def bus(monkeypatch) -> Bus:
    made = Bus()
    monkeypatch.setattr(shared, "backend", lambda: Backend(made))
    return made
