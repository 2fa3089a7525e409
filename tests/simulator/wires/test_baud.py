import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.transports import open_port
from protocol.link import Link
from simulator.wires.baud import BaudPty, heard
from simulator.wires.line import Line

TEXT = b"ST,GS,+  1.250kg\r\n"


class Teller:
    """Says what it is told to, and keeps what it hears."""

    def __init__(self):
        self.out = b""
        self.heard = b""

    def receive(self, data, now):
        self.heard += data

    def pending(self, now):
        out, self.out = self.out, b""
        return out

    def deadline(self, now):
        return now if self.out else None

    def say(self, data):
        self.out += data


@given(st.binary(max_size=60), st.sampled_from(["8n1", "8n2", "8e1"]), st.sampled_from([300, 9600, 115200]))
def test_at_the_same_rate_a_stop_bit_more_and_a_parity_behind_the_data_do_no_harm(data, sent, baud):
    assert heard(data, Link.parse(f"{baud}/{sent}"), Link(baud)) == data or sent == "8e1"


def test_seven_bits_with_parity_show_it_in_bit_7():
    seen = heard(TEXT, Link(9600, 7, "e"), Link(9600))
    assert bytes(byte & 0x7F for byte in seen) == TEXT
    assert all(byte.bit_count() % 2 == 0 for byte in seen)


@pytest.mark.parametrize(("sent", "read"), [(9600, 4800), (4800, 9600), (1200, 9600), (9600, 115200), (115200, 9600)])
def test_at_another_rate_it_is_garbage(sent, read):
    seen = heard(TEXT * 3, Link(sent), Link(read))
    assert seen and TEXT not in seen and b"1.250" not in seen


def test_slow_bytes_read_fast_are_more_and_fast_ones_read_slowly_fewer():
    assert len(heard(TEXT, Link(1200), Link(9600))) > len(TEXT) > len(heard(TEXT, Link(9600), Link(1200)))


def test_a_strict_receiver_drops_bytes_with_wrong_parity():
    even = [byte for byte in TEXT if byte.bit_count() % 2 == 0]
    assert heard(TEXT, Link(9600), Link(9600, 7, "e"), strict=True) == bytes(even)


@given(st.binary(max_size=80), st.sampled_from([1200, 9600, 115200]), st.sampled_from([1200, 2400, 9600, 57600]))
def test_any_bytes_at_any_rates_end(data, sent, read):
    assert len(heard(data, Link(sent), Link(read))) <= 11 * (len(data) + 1) * max(1, read // sent)


def test_both_directions_pass_at_the_devices_rate_only(tmp_path):
    with Line(Teller(), BaudPty(tmp_path / "device", Link(4800))) as line:
        for baud, fine in ((9600, False), (4800, True)):
            port = open_port(line.address, Link(baud))
            line.do(lambda device, now: device.say(TEXT))
            seen = b""
            while more := port.read(0.3):
                seen += more
            assert (seen == TEXT) is fine
            line.do(lambda device, now: setattr(device, "heard", b""))
            port.write(b"W\r")
            port.read(0.2)
            assert (line.do(lambda device, now: device.heard) == b"W\r") is fine
            port.close()
