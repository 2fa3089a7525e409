"""A tester that speaks by USB HID, without a usage of its own: on the simulated bus."""

from datetime import datetime
from decimal import Decimal

import pytest

from drivers.conversation import Conversation
from drivers.discover import usb_ports
from drivers.transports import LinkLost, open_port
from protocol.analyzers.atp_hid import COUNT, Options, Session, command, encode_count
from protocol.link import Link
from protocol.readings import TestResult
from simulator.analyzers.atp_hid import Luminometer
from simulator.wires.line import Line
from simulator.wires.usb import HidTesterGadget, UsbPlug

LINK = Link(9600)


@pytest.mark.parametrize("out_endpoint", [True, False])
def test_a_tester_is_opened_where_its_numbers_are_named_and_only_there(bus, out_endpoint):
    gadget = HidTesterGadget(out_endpoint=out_endpoint)
    bus.plug(gadget)
    assert [port.stable.partition("@")[0] for port in usb_ports()] == ["usb-hid:0483:5750"]
    with pytest.raises(LinkLost, match="no such USB scale"):
        open_port("usb-hid:", LINK)
    opened = open_port("usb-hid:0483:5750", LINK)
    opened.write(command(COUNT))
    assert gadget.received() == command(COUNT)  # a report without a number, 64 bytes
    bus.wake(lambda: gadget.offer(encode_count(7)))
    assert opened.read(1.0) == encode_count(7)
    opened.close()


def test_another_device_of_that_maker_is_not_opened(bus):
    bus.plug(HidTesterGadget(product=0x5751))
    with pytest.raises(LinkLost, match="no such USB scale"):
        open_port("usb-hid:0483:5751", LINK)


def test_a_luminometer_is_read_through_usb(bus):
    at = datetime(2025, 3, 14, 9, 14, 32)  # noqa: DTZ001
    plug = UsbPlug(bus, HidTesterGadget(), "usb-hid:0483:5750")
    with Line(Luminometer(), plug) as line:
        meant = [line.do(lambda device, now, n=n: device.measure(n, Decimal(n), at)) for n in (5, 6, 7, 8)]
        opened = open_port(line.address, LINK)
        session, found = Session(Options()), []
        talk = Conversation(opened, session)
        for _ in range(60):
            turn = talk.turn(0.2)
            found += [event for event in turn.events if isinstance(event, TestResult)]
            session.committed(turn.at)
            if len(found) >= 4:
                break
        opened.close()
    assert found == meant
