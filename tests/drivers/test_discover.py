import pytest

from drivers import discover
from drivers.discover import usb_ports
from drivers.transports import LinkLost
from drivers.transports import usb as shared
from simulator.usb import BULK, Description, Endpoint, Gadget, HidScaleGadget, Interface

PRINTER = Interface(0, 7, 1, 2, (Endpoint(0x01, BULK, 64), Endpoint(0x82, BULK, 64)))


def test_usb_scales_and_printers_are_listed_by_names_to_paste(bus):
    scale = HidScaleGadget()
    printer = Gadget(Description(0x0416, 0x5011, (PRINTER,), "STMicro", "POS58 Printer"))
    bus.plug(Gadget(Description(0x046D, 0xC31C, (Interface(0, 3, 1, 1),))))
    bus.plug(scale)
    bus.plug(printer)
    found = usb_ports()
    assert [port.stable for port in found] == ["usb-hid:0eb8:f000:SIM0001", "usb:0416:5011"]
    assert [port.what for port in found] == ["marketsim Simulated scale", "STMicro POS58 Printer"]
    assert bus.driven_by_kernel(scale) == {0} and bus.driven_by_kernel(printer) == {0}


def test_a_known_scale_that_we_may_not_open_is_listed_with_the_way_out(bus):
    bus.plug(HidScaleGadget(), locked=True)
    (port,) = usb_ports()
    assert port.stable == "usb-hid:0eb8:f000"
    assert port.what.startswith("Mettler Toledo") and "60-marketedge.rules" in port.what


def test_where_usb_cannot_be_used_nothing_is_listed(monkeypatch):
    def broken():
        raise LinkLost("no libusb")

    monkeypatch.setattr(shared, "backend", broken)
    assert usb_ports() == []


def test_serial_ports_are_listed_by_name():
    assert all(port.stable for port in discover.serial_ports())


class Adapter:
    description = "USB2.0-Serial"
    vid, pid = 0x1A86, 0x7523

    def __init__(self, device, serial_number=None):
        self.device = device
        self.serial_number = serial_number


@pytest.fixture
def adapters(monkeypatch, tmp_path):
    """Plug adapters in: device names and serial numbers; each has a socket, the last of each kind an id."""

    def plug(*ports):
        for folder in ("by-id", "by-path", "dev"):
            (tmp_path / folder).mkdir()
        found = []
        for number, (name, serial) in enumerate(ports):
            device = tmp_path / "dev" / name
            device.touch()
            (tmp_path / "by-path" / f"socket-{number}").symlink_to(device)
            by_id = tmp_path / "by-id" / f"usb-1a86_{serial or 'none'}"
            by_id.unlink(missing_ok=True)
            by_id.symlink_to(device)
            found.append(Adapter(str(device), serial))
        monkeypatch.setattr(discover, "BY_ID", tmp_path / "by-id")
        monkeypatch.setattr(discover, "BY_PATH", tmp_path / "by-path")
        monkeypatch.setattr(discover.list_ports, "comports", lambda: found)
        return discover.serial_ports()

    return plug


def test_adapters_with_serial_numbers_are_named_by_them(adapters):
    found = adapters(("ttyUSB0", "A1"), ("ttyUSB1", "B2"))
    assert [port.stable.rpartition("/")[2] for port in found] == ["usb-1a86_A1", "usb-1a86_B2"]
    assert not any("alike" in port.what for port in found)


def test_two_alike_without_serial_numbers_are_named_by_their_socket_and_marked(adapters):
    found = adapters(("ttyUSB0", None), ("ttyUSB1", None))
    assert [port.stable.rpartition("/")[2] for port in found] == ["socket-0", "socket-1"]
    assert all("two alike" in port.what and "do not swap" in port.what for port in found)


def test_two_usb_scales_alike_are_marked(bus):
    bus.plug(HidScaleGadget(), locked=True)
    bus.plug(HidScaleGadget(), locked=True)
    assert all("cannot be told apart" in port.what for port in usb_ports())
