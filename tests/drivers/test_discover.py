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
