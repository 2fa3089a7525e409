"""Who stands behind a name: by its own number, else by the socket; and no other device's bytes are read."""

import os
import tty
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.transports import LinkLost, open_port
from drivers.transports.adapters import Identity, Stranger, System, placeholder
from protocol.link import Link
from simulator.wires.usb import HidScaleGadget, PrinterGadget

LINK = Link(9600)
NUMBERED = Identity("0403:6001", "00.0", "A50285BI", "pci0000:00/0000:00:14.0-usb-1.2")
NAMELESS = Identity("1a86:7523", "00.0", "", "pci0000:00/0000:00:14.0-usb-1.2")
ELSEWHERE = "pci0000:00/0000:00:14.0-usb-1.3"


@pytest.fixture
def pty():
    """Makes pseudo terminals: our end, and the name of the other."""
    ends = []

    def make():
        ends.extend(os.openpty())
        tty.setraw(ends[-1])
        return ends[-2], os.ttyname(ends[-1])

    yield make
    for end in ends:
        os.close(end)


@pytest.fixture
def system(machine):
    return System(machine.dev, machine.sys)


@pytest.fixture
def opened(system):
    """Opens ports, admitting who is told; closes them at the end."""
    ports = []

    def open_it(address, admit):
        ports.append(open_port(str(address), LINK, admit, system))
        return ports[-1]

    yield open_it
    for port in ports:
        port.close()


def only(known):
    """Admits nobody else."""

    def admit(now):
        if not known.stays(now):
            raise Stranger("port", known, now)

    return admit


@pytest.mark.parametrize(
    ("known", "now", "stays"),
    [
        (NUMBERED, replace(NUMBERED, socket=ELSEWHERE), True),
        (NUMBERED, replace(NUMBERED, serial="B6012345"), False),
        (NUMBERED, replace(NUMBERED, usb="0403:6015"), False),
        (NUMBERED, replace(NUMBERED, part="01.0"), False),
        (NUMBERED, replace(NUMBERED, serial=""), False),
        (NUMBERED, replace(NUMBERED, shared=True), True),
        (NUMBERED, replace(NUMBERED, shared=True, socket=ELSEWHERE), False),
        (replace(NUMBERED, shared=True), replace(NUMBERED, socket=ELSEWHERE), False),
        (NAMELESS, NAMELESS, True),
        (NAMELESS, replace(NAMELESS, socket=ELSEWHERE), False),
        (NAMELESS, replace(NAMELESS, serial="A50285BI"), False),
        (replace(NAMELESS, serial="0001"), replace(NAMELESS, serial="0001", socket=ELSEWHERE), False),
        (NAMELESS, Identity(), False),
        (Identity(address="socket://a:1"), Identity(address="socket://a:1"), True),
        (Identity(address="socket://a:1"), Identity(address="socket://b:1"), False),
    ],
)
def test_a_device_stays_by_its_own_number_or_by_its_socket(known, now, stays):
    assert known.stays(now) is stays


TEXTS = st.sampled_from(["", "0001", "A50285BI", "B6012345"])
DEVICES = st.builds(
    Identity,
    usb=st.sampled_from(["1a86:7523", "0403:6001"]),
    part=st.sampled_from(["00.0", "01.0"]),
    serial=TEXTS,
    socket=st.sampled_from(["usb-1.2", "usb-1.3"]),
    shared=st.booleans(),
)


@given(DEVICES, DEVICES)
def test_of_two_devices_without_numbers_of_their_own_only_one_fits_a_name(known, now):
    assert known.stays(now) == now.stays(known)
    if known.stays(now) and not (known.number and now.number):
        assert known == now
    if known.stays(now):
        assert (known.usb, known.part, known.serial) == (now.usb, now.part, now.serial)


@given(st.text(max_size=12))
def test_a_number_with_zeros_before_it_is_worth_no_more(serial):
    if placeholder(serial):
        assert Identity("1a86:7523", serial=serial).number == ""
    if serial.isdecimal():
        assert placeholder(f"000{serial}") == placeholder(serial)


def test_the_device_behind_a_name_is_told_with_number_socket_and_name(machine, system, pty):
    adapter = machine.plug(pty()[1], "1.3.2", serial="A50285BI", product="FT232R USB UART", usb="0403:6001")
    said = system.named(str(adapter.by_id))
    assert said == Identity("0403:6001", "00.0", "A50285BI", "pci0000:00/0000:00:14.0-usb-1.3.2")
    assert str(said) == "FT232R USB UART (0403:6001, number A50285BI)"
    assert system.named("/dev/null") == Identity() == system.named("/nowhere")
    machine.unplug(adapter)
    nameless = machine.plug(pty()[1], "1.4")
    assert str(system.named(str(nameless.node))) == (
        "USB Serial (1a86:7523, no number of its own, socket 0000:00:14.0-usb-1.4)"
    )


def test_a_bus_that_gets_another_number_at_the_next_start_is_the_same_socket(machine, system, pty):
    before = system.named(str(machine.plug(pty()[1], "1.3", bus=1).node))
    after = system.named(str(machine.plug(pty()[1], "1.3", bus=2).node))
    assert before.socket == after.socket and before.stays(after)


def test_a_name_that_went_to_a_stranger_is_refused_before_the_device_is_touched(machine, system, pty, opened):
    mine, first = pty()
    other, second = pty()
    adapter = machine.plug(first, "1.2")
    known = system.named(str(adapter.by_id))
    opened(adapter.by_id, only(known)).close()
    machine.plug(second, "1.3")  # alike: the name is given to it
    os.write(other, b"ST,GS,+  2.220kg\r\n")
    with pytest.raises(Stranger, match=r"there was .* socket .*1\.2\), now there is .* socket .*1\.3\); nothing"):
        opened(adapter.by_id, only(known))
    port = open_port(second, LINK)
    assert port.read(0.0) == b""  # pyserial empties what it opens; it stays free to be opened
    port.close()
    os.write(mine, b"x")


def test_a_name_that_is_given_away_in_the_moment_of_opening_is_noticed_by_what_was_opened(machine, system, pty, opened):
    _, first = pty()
    other, second = pty()
    adapter = machine.plug(first, "1.2")

    def too_late(now):
        machine.plug(second, "1.3")

    os.write(other, b"ST,GS,+  2.220kg\r\n")
    with pytest.raises(LinkLost, match="while it was opened"):
        opened(adapter.by_id, too_late)
    open_port(second, LINK).close()  # it was let go


def test_what_is_opened_says_who_it_is_on_ptys_files_and_networks(system, pty, opened, tmp_path):
    seen = []
    opened(pty()[1], seen.append)
    assert seen == [Identity()]
    with pytest.raises(LinkLost):
        opened("socket://127.0.0.1:1", seen.append)
    assert seen[-1] == Identity(address="socket://127.0.0.1:1")
    opened("listen:127.0.0.1:0", seen.append)
    assert seen[-1] == Identity(address="listen:127.0.0.1:0")


def test_two_usb_scales_without_numbers_are_both_used_by_their_sockets(bus, opened):
    scales = [HidScaleGadget(serial=""), HidScaleGadget(serial="")]
    for each in scales:
        bus.plug(each)
    with pytest.raises(LinkLost, match="name one: usb-hid:0eb8:f000@200-1, usb-hid:0eb8:f000@200-2"):
        opened("usb-hid:0eb8:f000", lambda now: None)
    for number, scale in enumerate(scales, 1):
        port = opened(f"usb-hid:0eb8:f000@200-{number}", lambda now: None)
        scale.offer(bytes([3, 4, 2, 0, number, 4]))
        assert port.read(1.0)[4] == number


def test_another_usb_scale_is_refused_before_it_is_taken_from_the_kernel(bus, opened):
    known = HidScaleGadget(serial="")
    bus.plug(known)
    seen = []
    opened("usb-hid:", seen.append).close()
    assert seen[0].what == "Simulated scale" and seen[0].number == ""
    bus.unplug(known)
    other = HidScaleGadget(serial="")
    bus.plug(other)
    with pytest.raises(Stranger):
        opened("usb-hid:", only(seen[0]))
    assert bus.driven_by_kernel(other) == {0}


def test_a_usb_scale_with_a_number_is_known_in_any_socket_and_its_twin_is_noticed(bus, opened):
    scale = HidScaleGadget()
    bus.plug(scale)
    seen = []
    opened("usb-hid:", seen.append).close()
    bus.unplug(scale)
    bus.plug(scale)
    opened("usb-hid:", only(seen[0])).close()
    bus.plug(HidScaleGadget())
    with pytest.raises(Stranger):
        opened("usb-hid:0eb8:f000@200-3", only(seen[0]))


def test_two_usb_printers_without_numbers_are_opened_by_their_sockets(bus):
    from drivers.transports.opening import open_printer

    printers = [PrinterGadget(serial=""), PrinterGadget(serial="")]
    for each in printers:
        bus.plug(each)
    with pytest.raises(LinkLost, match="usb:0416:5011@200-1, usb:0416:5011@200-2; name one"):
        open_printer("usb:0416:5011", LINK)
    for number, printer in enumerate(printers, 1):
        port = open_printer(f"usb:0416:5011@200-{number}", LINK)
        assert port.write(b"\x1b@") == 2
        assert printer.received() == b"\x1b@"
        port.close()
