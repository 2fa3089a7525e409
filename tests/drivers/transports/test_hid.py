import errno
import threading
import time
from decimal import Decimal
from pathlib import Path

import pytest
import usb.core

from drivers.conversation import Conversation
from drivers.transports import LinkLost, hid, open_port
from drivers.transports import usb as shared
from protocol.link import Link
from protocol.readings import State, Weighing
from protocol.scales.hid_scale import Session
from protocol.session import Wish
from simulator.scales._pan import Pan
from simulator.scales.hid_scale import HidScale
from simulator.wires.line import Line
from simulator.wires.usb import Bus, Description, Gadget, HidScaleGadget, Interface, UsbPlug
from simulator.wires.usb_host import Backend, BusServer, RemoteBus

LINK = Link(9600)
REPORT = bytes.fromhex("03 04 02 00 E2 04")
KEYBOARD = bytes.fromhex("05 01 09 06 A1 01 C0")


def scale(bus, **options):
    gadget = HidScaleGadget(**options)
    bus.plug(gadget)
    return gadget


def keyboard(**options):
    return HidScaleGadget(vendor=0x046D, product=0xC31C, reports=KEYBOARD, serial="", **options)


@pytest.fixture
def port(bus):
    """Opens ports and closes them at the end."""
    opened = []

    def open_it(address="usb-hid:"):
        opened.append(open_port(address, LINK))
        return opened[-1]

    yield open_it
    for each in opened:
        each.close()


def test_each_read_is_one_whole_report(bus, port):
    gadget = scale(bus)
    opened = port()
    assert opened.read(0.0) == b""
    for data in (REPORT, bytes.fromhex("04 04"), REPORT):
        gadget.offer(data)
        assert opened.read(1.0) == data


def test_a_read_waits_for_a_report_and_no_longer_than_told(bus, port):
    gadget = scale(bus)
    opened = port()
    threading.Timer(0.05, bus.wake, [lambda: gadget.offer(REPORT)]).start()
    assert opened.read(5.0) == REPORT
    start = time.monotonic()
    assert opened.read(0.05) == b""
    assert time.monotonic() - start < 1


def test_a_scale_is_found_by_its_usage_and_not_by_its_number(bus, port):
    bus.plug(keyboard())
    bus.plug(HidScaleGadget(vendor=0x0922, product=0x8003, reports=KEYBOARD))  # a known number, but no scale
    gadget = scale(bus, vendor=0x1234, product=0x5678)
    opened = port()
    gadget.offer(REPORT)
    assert opened.read(1.0) == REPORT


def test_keyboards_are_never_taken_from_the_kernel(bus, port):
    boot = Gadget(Description(0x046D, 0xC31C, (Interface(0, 3, subclass=1, protocol=1),)))
    asked = []
    boot.control = lambda *request: asked.append(request)
    bus.plug(boot)
    with pytest.raises(LinkLost, match="no such USB scale"):
        port()
    assert asked == [] and bus.driven_by_kernel(boot) == {0}


def test_the_kernels_copy_of_the_descriptor_spares_the_asking(bus, port, tmp_path, monkeypatch):
    gadget = scale(bus)
    file = tmp_path / "200-1:1.0" / "0003:0EB8:F000.0001" / "report_descriptor"
    file.parent.mkdir(parents=True)
    monkeypatch.setattr(hid, "SYSFS", tmp_path)
    file.write_bytes(KEYBOARD)
    with pytest.raises(LinkLost):
        port()
    file.write_bytes(gadget._reports)
    gadget._reports = b""
    assert port().read(0.0) == b""


@pytest.mark.parametrize("address", ["usb-hid:", "usb-hid:0eb8:f000", "usb-hid:0EB8:F000", "usb-hid:0eb8:f000:SIM0001"])
def test_a_scale_is_opened_by_number_and_serial(bus, port, address):
    scale(bus)
    assert port(address).read(0.0) == b""


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("usb-hid:0eb8:f001", "no such USB scale"),
        ("usb-hid:0eb8:f000:OTHER", "no such USB scale"),
        ("usb-hid:scale", "VID:PID"),
        ("usb-hid:0eb8", "VID:PID"),
    ],
)
def test_another_address_finds_nothing_and_says_what_to_do(bus, port, address, why):
    scale(bus)
    with pytest.raises(LinkLost, match=why):
        port(address)


def test_two_scales_need_a_name(bus, port):
    scale(bus, serial="A1")
    other = scale(bus, serial="B2")
    with pytest.raises(LinkLost, match="usb-hid:0eb8:f000:A1, usb-hid:0eb8:f000:B2"):
        port()
    other.offer(REPORT)
    assert port("usb-hid:0eb8:f000:B2").read(1.0) == REPORT


def test_the_kernels_driver_goes_and_comes_back(bus):
    gadget = scale(bus)
    opened = open_port("usb-hid:", LINK)
    assert bus.driven_by_kernel(gadget) == set()
    opened.close()
    opened.close()
    assert bus.driven_by_kernel(gadget) == {0}
    open_port("usb-hid:", LINK).close()


def test_a_scale_that_is_in_use_is_said_to_be(bus, port):
    scale(bus)
    port()
    with pytest.raises(LinkLost, match="another program"):
        port("usb-hid:0eb8:f000")


def test_without_permission_the_udev_rule_is_named(bus, port):
    bus.plug(HidScaleGadget(), locked=True)
    with pytest.raises(LinkLost, match=r"60-marketedge\.rules"):
        port()


def test_a_stall_is_cleared_and_reading_goes_on(bus, port):
    gadget = scale(bus)
    opened = port()
    bus.stall(gadget, 0x81)
    gadget.offer(REPORT)
    assert opened.read(1.0) == b""
    assert opened.read(1.0) == REPORT


def test_stalls_without_end_are_a_lost_link(bus, port):
    gadget = scale(bus)
    opened = port()
    with pytest.raises(LinkLost):
        for _ in range(20):
            bus.stall(gadget, 0x81)
            opened.read(0.0)


def test_an_unplugged_scale_is_a_lost_link_and_found_again(bus, port):
    gadget = scale(bus)
    opened = port()
    threading.Timer(0.05, bus.unplug, [gadget]).start()
    with pytest.raises(LinkLost, match="unplugged"):
        opened.read(5.0)
    with pytest.raises(LinkLost):
        opened.write(b"\x02\x02")
    opened.close()
    with pytest.raises(LinkLost, match="no such USB scale"):
        port()
    bus.plug(gadget)
    gadget.offer(REPORT)
    assert port().read(1.0) == REPORT


@pytest.mark.parametrize("out_endpoint", [True, False])
def test_a_report_reaches_the_scale(bus, port, out_endpoint):
    gadget = scale(bus, out_endpoint=out_endpoint)
    port().write(b"\x02\x02")
    assert gadget.received() == b"\x02\x02"


def test_a_scale_that_refuses_a_report_is_not_lost(bus, port):
    gadget = scale(bus)
    opened = port()
    control = gadget.control
    gadget.control = lambda kind, *rest: None if kind == 0x21 else control(kind, *rest)
    opened.write(b"\x02\x02")
    gadget.offer(REPORT)
    assert opened.read(1.0) == REPORT


def test_a_device_without_an_endpoint_to_read_is_refused(bus, port):
    gadget = HidScaleGadget()
    about = gadget.description
    mute = Interface(0, 3, extra=about.interfaces[0].extra)
    gadget.description = Description(about.vendor, about.product, (mute,))
    bus.plug(gadget)
    with pytest.raises(LinkLost, match="interrupt endpoint"):
        port()


def test_without_libusb_the_package_is_named(monkeypatch):
    def missing(**_):
        raise usb.core.NoBackendError("No backend available")

    monkeypatch.setattr(usb.core, "find", missing)
    with pytest.raises(LinkLost, match="libusb"):
        open_port("usb-hid:", LINK)


@pytest.mark.parametrize("name", ["simulator.wires.usb", "no.such.module:backend", "simulator.wires.usb_host:nothing"])
def test_a_wrong_backend_in_the_environment_is_told(monkeypatch, name):
    monkeypatch.setenv(shared.ENVIRONMENT, name)
    with pytest.raises(LinkLost, match=shared.ENVIRONMENT):
        open_port("usb-hid:", LINK)


def weighed(port, session, enough):
    """Read until a weighing satisfies; at most some seconds."""
    conversation, end = Conversation(port, session), time.monotonic() + 10
    while time.monotonic() < end:
        for event in conversation.turn().events:
            if isinstance(event, Weighing) and enough(event):
                return event
    raise AssertionError("nothing such was weighed")


def test_a_pan_is_read_through_usb_zeroed_and_found_again(bus):
    pan = Pan(settle=0.0)
    pan.put(Decimal("9.000"), 0.0)
    with Line(HidScale(pan), UsbPlug(bus, HidScaleGadget())) as line:
        time.sleep(0.05)  # the first report waits in the scale
        line.do(lambda device, now: device.pan.put(Decimal("0.1"), now))
        port, session = open_port(line.address, LINK), Session()
        first = weighed(port, session, lambda event: True)
        assert first.value == Decimal("0.100") and first.stable
        session.ask(Wish.ZERO, 0.0)
        assert weighed(port, session, lambda event: event.zero).value == 0
        line.do(lambda device, now: device.pan.put(Decimal(20), now))
        assert weighed(port, session, lambda event: event.state is State.OVERLOAD)
        line.unplug()
        with pytest.raises(LinkLost):
            weighed(port, session, lambda event: False)
        port.close()
        line.do(lambda device, now: device.pan.put(Decimal("1.1"), now))
        line.replug()
        port = open_port(line.address, LINK)
        assert weighed(port, Session(), lambda event: event.state is State.OK).value == Decimal("1.000")
        port.close()


def test_a_bus_of_another_process_is_reached_through_its_socket(monkeypatch, tmp_path):
    monkeypatch.setenv(shared.ENVIRONMENT, "simulator.wires.usb_host:backend")
    monkeypatch.setenv("MARKETSIM_USB", str(tmp_path / "usb"))
    with pytest.raises(LinkLost, match="no such USB scale"):
        open_port("usb-hid:", LINK)
    bus, gadget = Bus(), HidScaleGadget()
    bus.plug(gadget)
    with BusServer(bus, tmp_path / "usb"):
        port = open_port("usb-hid:0eb8:f000:SIM0001", LINK)
        gadget.offer(REPORT)
        assert port.read(1.0) == REPORT
        assert port.read(0.01) == b""
        port.write(b"\x02\x02")
        assert gadget.received() == b"\x02\x02"
        bus.stall(gadget, 0x81)
        assert port.read(1.0) == b""
    with pytest.raises(LinkLost):
        port.read(1.0)
    port.close()


def test_a_host_that_dies_lets_go_of_the_scale(tmp_path):
    bus, gadget = Bus(), HidScaleGadget()
    address = bus.plug(gadget)
    with BusServer(bus, tmp_path / "usb"):
        first = RemoteBus(str(tmp_path / "usb"))
        handle = first.open(address)
        first.detach(handle, 0)
        first.claim(handle, 0)
        first._mine.file.close()
        second = RemoteBus(str(tmp_path / "usb"))
        mine = second.open(address)
        for _ in range(100):
            try:
                second.claim(mine, 0)
                break
            except OSError as error:
                assert error.errno == errno.EBUSY
                time.sleep(0.02)
        else:
            raise AssertionError("still claimed")
    assert bus.driven_by_kernel(gadget) == set()  # nobody gave it back, as on a real host


def test_the_backend_gives_the_errors_of_linux(bus):
    device = usb.core.find(backend=Backend(bus)) or None
    assert device is None
    gadget = scale(bus)
    device = usb.core.find(backend=Backend(bus))
    with pytest.raises(usb.core.USBError) as busy:
        device.read(0x81, 8, 10)
    assert busy.value.errno == errno.EBUSY
    device.detach_kernel_driver(0)
    with pytest.raises(usb.core.USBError) as nothing:
        device.detach_kernel_driver(0)
    assert nothing.value.errno == errno.ENOENT
    with pytest.raises(usb.core.USBTimeoutError) as late:
        device.read(0x81, 8, 10)
    assert late.value.errno == errno.ETIMEDOUT
    gadget.offer(bytes(9))
    with pytest.raises(usb.core.USBError) as much:
        device.read(0x81, 8, 10)
    assert much.value.errno == errno.EOVERFLOW
    with pytest.raises(usb.core.USBError) as stall:
        device.ctrl_transfer(0xC0, 1, 0, 0, 8)
    assert stall.value.errno == errno.EPIPE
    bus.unplug(gadget)
    with pytest.raises(usb.core.USBError) as gone:
        device.read(0x81, 8, 10)
    assert gone.value.errno == errno.ENODEV


def test_the_udev_rules_name_every_known_scale():
    rules = (Path(hid.__file__).parents[1] / "60-marketedge.rules").read_text("utf-8")
    for vendor, product in hid.KNOWN:
        assert f'ATTR{{idVendor}}=="{vendor:04x}", ATTR{{idProduct}}=="{product:04x}"' in rules
