import os

import pytest

from drivers.discover import naming, serial_ports, usb_ports
from drivers.transports import LinkLost
from drivers.transports import usb as shared
from drivers.transports.adapters import System
from simulator.wires.usb import BULK, Description, Endpoint, Gadget, HidScaleGadget, Interface, PrinterGadget

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
    assert port.stable == "usb-hid:0eb8:f000@200-1"
    assert port.what.startswith("Mettler Toledo") and "60-marketedge.rules" in port.what


def test_where_usb_cannot_be_used_nothing_is_listed(monkeypatch):
    def broken():
        raise LinkLost("no libusb")

    monkeypatch.setattr(shared, "backend", broken)
    assert usb_ports() == []


@pytest.fixture
def node(tmp_path):
    """Makes device nodes: names of ptys, whose other ends stay open until the end of the test."""
    ends = []

    def make():
        ends.extend(os.openpty())
        return os.ttyname(ends[-1])

    yield make
    for end in ends:
        os.close(end)


@pytest.fixture
def system(machine):
    return System(machine.dev, machine.sys)


def names(system):
    return [port.stable.rpartition("/")[2] for port in serial_ports(system)]


def test_this_machines_own_ports_can_be_listed():
    assert all(port.stable for port in serial_ports())


def test_adapters_with_numbers_of_their_own_are_named_by_them(machine, system, node):
    machine.plug(node(), "1.2", serial="A50285BI")
    machine.plug(node(), "1.3", serial="B6012345")
    assert names(system) == ["usb-1a86_USB_Serial_A50285BI-if00-port0", "usb-1a86_USB_Serial_B6012345-if00-port0"]
    assert [port.what for port in serial_ports(system)] == [
        "USB Serial (number A50285BI)",
        "USB Serial (number B6012345)",
    ]


@pytest.mark.parametrize("serial", ["", "0", "0000", "0001", "00000000", "1234", "123456", "0123456789ABCDEF", "None"])
def test_an_adapter_without_a_number_of_its_own_is_named_by_its_socket_while_it_is_the_only_one(
    machine, system, node, serial
):
    machine.plug(node(), "1.3", serial=serial)
    (port,) = serial_ports(system)
    assert port.stable == str(machine.dev / "serial/by-path/pci-0000:00:14.0-usb-0:1.3:1.0-port0")
    assert "this name is the socket" in port.what


def test_two_adapters_with_one_number_are_both_named_by_their_sockets(machine, system, node):
    machine.plug(node(), "1.2", serial="A50285BI")
    machine.plug(node(), "1.3", serial="A50285BI")
    assert [name.partition("-usb-")[2] for name in names(system)] == ["0:1.2:1.0-port0", "0:1.3:1.0-port0"]
    assert all("which another one has too" in port.what for port in serial_ports(system))


def test_the_same_number_on_another_kind_of_adapter_is_no_twin(machine, system, node):
    machine.plug(node(), "1.2", serial="A50285BI")
    machine.plug(node(), "1.3", serial="A50285BI", usb="0403:6001")
    assert all("A50285BI" in name for name in names(system))


def test_the_ports_of_one_adapter_are_no_twins(machine, system, node):
    machine.plug(node(), "1.2", serial="FT4XYZ12", part=0)
    machine.plug(node(), "1.2", serial="FT4XYZ12", part=1)
    assert [name[-12:] for name in names(system)] == ["-if00-port0", "-if01-port0"] or all(
        "FT4XYZ12" in name for name in names(system)
    )
    first, second = (system.identity(rdev) for _, rdev in system.serial_nodes())
    assert first != second and first.number == second.number == "FT4XYZ12"


def test_without_names_that_stay_the_danger_is_said(machine, system, node):
    adapter = machine.plug(node(), "1.3")
    adapter.by_path.unlink()
    (port,) = serial_ports(system)
    assert port.stable == str(adapter.node) and "no persistent name" in port.what


def test_the_ports_of_the_box_come_last(machine, system, node):
    own = machine.sys / "class" / "tty" / "ttyS0"
    own.mkdir()
    (own / "dev").write_text("4:64\n")
    (own / "device").mkdir()
    machine.plug(node(), "1.3", serial="A50285BI")
    assert [port.what for port in serial_ports(system)] == ["USB Serial (number A50285BI)", "a port of this box"]
    (own / "type").write_text("0\n")  # nobody fitted it
    assert len(serial_ports(system)) == 1


@pytest.mark.parametrize(
    ("serial", "name", "by", "write"),
    [
        ("A50285BI", "by_id", "number", ""),
        ("A50285BI", "by_path", "socket", ""),
        ("A50285BI", "node", "unsafe", "by_id"),
        ("", "by_id", "unsafe", "by_path"),
        ("0001", "by_id", "unsafe", "by_path"),
        ("", "by_path", "socket", ""),
        ("", "node", "unsafe", "by_path"),
    ],
)
def test_each_name_says_how_far_it_can_be_trusted_and_what_to_write_instead(
    machine, system, node, serial, name, by, write
):
    adapter = machine.plug(node(), "1.3", serial=serial)
    said = naming(str(getattr(adapter, name)), system)
    assert (said.by, said.write) == (by, str(getattr(adapter, write)) if write else "")
    assert str(said).startswith("not safe: " if by == "unsafe" else "safe")


def test_a_number_stops_being_safe_when_another_one_has_it_too(machine, system, node):
    first = machine.plug(node(), "1.2", serial="A50285BI")
    assert naming(str(first.by_id), system).by == "number"
    second = machine.plug(node(), "1.3", serial="A50285BI")
    said = naming(str(first.by_id), system)
    assert (said.by, said.write) == ("unsafe", str(second.by_path))


def test_names_of_what_cannot_be_mixed_up_are_not_judged(system, node, tmp_path):
    own = tmp_path / "scale"
    own.symlink_to(node())
    for name in (str(own), "socket://10.0.0.7:4001", "listen:0.0.0.0:5001", "folder:/srv", "replay:a.log"):
        assert naming(name, system).by == ""
    assert naming("/dev/ttyUSB7", system).by == "unsafe"  # not plugged in, but known to be given in order


def test_a_name_of_the_technicians_own_is_left_to_his_rule(machine, system, node, tmp_path):
    adapter = machine.plug(node(), "1.3")
    own = tmp_path / "scale-left"
    own.symlink_to(adapter.node)
    said = naming(str(own), system)
    assert (said.by, said.write) == ("own", str(adapter.by_path))


def test_two_usb_scales_alike_are_each_named_by_their_socket(bus):
    bus.plug(HidScaleGadget(serial=""))
    bus.plug(HidScaleGadget(serial="A50285BI", product=0xF001))
    bus.plug(HidScaleGadget(serial="A50285BI", product=0xF001))
    assert [port.stable for port in usb_ports()] == [
        "usb-hid:0eb8:f000@200-1",
        "usb-hid:0eb8:f001@200-2",
        "usb-hid:0eb8:f001@200-3",
    ]


def test_two_usb_printers_alike_are_named_by_their_sockets(bus):
    bus.plug(PrinterGadget(serial=""))
    assert [port.stable for port in usb_ports()] == ["usb:0416:5011"]
    bus.plug(PrinterGadget(serial=""))
    assert [port.stable for port in usb_ports()] == ["usb:0416:5011@200-1", "usb:0416:5011@200-2"]


def test_a_printers_number_follows_the_order_of_plugging_in_and_its_usb_name_does_not(machine, system, node, bus):
    adapter, lp = machine.plug(node(), "1.4", usb="0416:5011"), machine.dev / "usb" / "lp1"
    for name in (adapter.by_id, adapter.by_path):
        name.unlink()  # no serial port
    lp.parent.mkdir()
    assert naming(f"file:{lp}", system).by == "unsafe"  # not plugged in
    lp.symlink_to(adapter.node)
    said = naming(f"file:{lp}", system)
    assert (said.by, said.write) == ("unsafe", "")  # the bus may not be asked
    bus.plug(HidScaleGadget(vendor=0x0416, product=0x5011))
    bus.plug(PrinterGadget(product=0x5012))
    assert naming(f"file:{lp}", system).write == ""
    bus.plug(PrinterGadget(serial="A50285BI"))
    assert naming(f"file:{lp}", system).write == "usb:0416:5011:A50285BI"
    bus.plug(PrinterGadget(serial=""))
    assert naming(f"file:{lp}", system).write == ""  # which of the two is not known


def test_a_file_a_parallel_port_and_a_rule_of_ones_own_are_no_numbers_in_order(machine, system, node, tmp_path):
    own = tmp_path / "receipts"
    own.symlink_to(machine.plug(node(), "1.4", usb="0416:5011").node)
    assert naming(f"file:{own}", system).by == "own"
    for name in (tmp_path / "papers.bin", "/dev/lp0"):
        assert naming(f"file:{name}", system).by == ""


def test_names_of_usb_scales_are_judged(bus):
    bus.plug(HidScaleGadget())
    bus.plug(HidScaleGadget(serial="", product=0xF001))
    assert naming("usb-hid:0eb8:f000:SIM0001").by == "number"
    assert naming("usb-hid:0eb8:f001@200-2").by == "socket"
    assert naming("usb-hid:0eb8:f000").write == "usb-hid:0eb8:f000:SIM0001"
    assert naming("usb-hid:0eb8:f001").write == "usb-hid:0eb8:f001@200-2"
    assert (naming("usb-hid:").by, naming("usb-hid:").write) == ("unsafe", "")
    bus.plug(HidScaleGadget())
    assert naming("usb-hid:0eb8:f000:SIM0001").by == "unsafe"
