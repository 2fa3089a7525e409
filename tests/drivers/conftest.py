"""A simulated USB bus that pyusb finds instead of the machine's own; and ends of wires that are read whole."""

from collections.abc import Callable

import pytest

from drivers.transports import usb as shared
from simulator.wires.usb import Bus
from simulator.wires.usb_host import Backend


@pytest.fixture
def bus(monkeypatch) -> Bus:
    made = Bus()
    monkeypatch.setattr(shared, "backend", lambda: Backend(made))
    return made


@pytest.fixture
def whole() -> Callable[[Callable[[], bytes], int], bytes]:
    """``whole(read, size)`` reads until so many bytes have come: ptys and sockets hand them on in pieces."""

    def read_all(read: Callable[[], bytes], size: int) -> bytes:
        data = b""
        while len(data) < size and (piece := read()):
            data += piece
        return data

    return read_all
