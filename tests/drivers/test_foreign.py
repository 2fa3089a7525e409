"""Scales whose formats we do not have: `marketedge identify` has to say that it cannot tell, whatever it hears of them.

Beside them those that we learnt, which look like others: each is told as what it is, or not at all.  Their streams come
from manuals, captures and bug reports; the frames are composed.
"""

from decimal import Decimal
from itertools import cycle, islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.identify import HARDLY, Search
from drivers.recognise import candidates, recognise, talkative
from protocol import formats
from protocol.checks import xor8
from protocol.link import Link
from protocol.readings import Weighing
from protocol.scales import plain_lines
from simulator.bench.foreign import SCALES as FOREIGN
from simulator.wires.baud import heard

STILL = [Decimal("1.250")]
ZERO = [Decimal("0.000")]
MOVING = [Decimal(step).scaleb(-3) for step in range(0, 9000, 137)]
NEGATIVE = [Decimal("-0.120")]
LOADS = {"still": STILL, "zero": ZERO, "moving": MOVING, "negative": NEGATIVE}


def os2(kg: Decimal, tail: bytes = b"\x00", unit: str = "kg", state: str = "S") -> bytes:
    """A checkout scale, 16 bytes when it streams, 15 when it is asked; the check counts its first two bytes too."""
    sign = "-" if kg < 0 else " "
    body = f"\x01\x02{state}{sign}{abs(kg):6.3f}{unit}".encode()
    return body + bytes((xor8(body),)) + b"\x03\x04" + tail


def bcd(kg: Decimal, length: int = 6, status: int = 0x43) -> bytes:
    """FF, status, six digits low byte first, unit (or none): price computing scales of many makers."""
    digits = f"{abs(int(kg * 1000)):06d}"
    status |= 0x20 if kg < 0 else 0
    return bytes((0xFF, status, *(int(digits[at : at + 2], 16) for at in (4, 2, 0)), 0))[:length]


def printed(kg: Decimal) -> bytes:
    return plain_lines.encode(Weighing(kg), "block", tare=Decimal("0.215"))


KNOWN = {
    "os2": {
        "active": os2,
        "active, in motion": lambda kg: os2(kg, state="U"),
        "active, out of range": lambda kg: os2(kg, b"\x40", state="F"),
        "active, at zero": lambda kg: os2(kg, b"\x10"),
        "active, net": lambda kg: os2(kg, b"\x20"),
        "active, in grams": lambda kg: os2(kg, unit=" g"),
        "asked by another": lambda kg: os2(kg, b""),
    },
    "ff_bcd": {
        "six bytes": bcd,
        "five bytes": lambda kg: bcd(kg, 5, 0x44),
    },
    "plain_lines": {
        "dollar": lambda kg: f"\r${abs(int(kg * 1000)):06d}".encode(),
        "G&G": lambda kg: f"{'-' if kg < 0 else ' '}{abs(kg):>8f} g \r\n".encode(),
        "G&G grain": lambda kg: f"{'-' if kg < 0 else ' '}{abs(kg):>8.2f} GN\r\n".encode(),
        "Kern": lambda kg: f"{kg:>12f} kg \r\n".encode(),
        "Kern PLJ": lambda kg: f"SI   {'-' if kg < 0 else '+'}{abs(kg):>9f} kg \r\n".encode(),
        "block": printed,
        "block, three lines": lambda kg: b"GROSS" + printed(kg).partition(b"GROSS")[2],
    },
}
KNOWN_STREAMS = {f"{name}: {form}": (name, one) for name, forms in KNOWN.items() for form, one in forms.items()}
every_stream = pytest.mark.parametrize("name", FOREIGN)
every_known = pytest.mark.parametrize("name", KNOWN_STREAMS)


def stream(name: str, load: str, frames: int = 60) -> bytes:
    one = FOREIGN.get(name) or KNOWN_STREAMS[name][1]
    return b"".join(one(kg) for kg in islice(cycle(LOADS[load]), frames))


@pytest.fixture(scope="module")
def told():
    """What a look that only listened would tell of these bytes."""
    of = talkative(candidates())

    def tell(data: bytes, baud: int = 9600) -> list[str]:
        found = recognise(data, Link(baud), of)
        return [one.protocol for one in found if sum(each.confidence for each in found) >= HARDLY]

    return tell


@every_stream
@pytest.mark.parametrize("load", LOADS)
def test_a_foreign_stream_is_told_to_be_none_of_ours(told, name, load):
    for frames in (1, 2, 60):
        assert told(stream(name, load, frames)) == []


@every_known
@pytest.mark.parametrize("load", LOADS)
def test_a_stream_that_looks_like_others_is_told_as_what_it_is(told, name, load):
    assert told(stream(name, load, 20)) == [KNOWN_STREAMS[name][0]]
    assert set(told(stream(name, load, 1))) <= {KNOWN_STREAMS[name][0]}


@every_known
@settings(max_examples=8)
@given(load=st.sampled_from(sorted(LOADS)), start=st.integers(0, 300), length=st.integers(40, 400))
def test_any_piece_of_it_is_that_or_nothing(told, name, load, start, length):
    assert set(told(stream(name, load)[start : start + length])) <= {KNOWN_STREAMS[name][0]}


@every_known
def test_at_the_wrong_rate_or_parity_it_is_nothing_else(told, name):
    for sent, baud in (("9600/8n1", 4800), ("4800/8n1", 9600), ("9600/7e1", 9600)):
        seen = heard(stream(name, "moving", 20), Link.parse(sent), Link(baud))
        assert set(told(seen, baud)) <= {KNOWN_STREAMS[name][0]}, f"{sent} heard at {baud}"


def test_a_number_a_blank_and_a_unit_in_the_columns_of_gg_are_read_as_that_and_no_other_way(told):
    for load, loads in LOADS.items():
        lines = b"".join(f"{kg:>9f} kg\r\n".encode() for kg in islice(cycle(loads), 20))
        assert told(lines) == ([] if load == "negative" else ["plain_lines"])


@every_stream
@settings(max_examples=15)
@given(load=st.sampled_from(sorted(LOADS)), start=st.integers(0, 100), length=st.integers(1, 12) | st.integers(40, 400))
def test_any_piece_of_a_foreign_stream_is_none_of_ours(told, name, load, start, length):
    """The end of one line alone can be a whole line of another scale (Kern's of 22 bytes, Sartorius' of 16)."""
    assert told(stream(name, load)[start : start + length]) == []


@every_stream
def test_a_foreign_stream_is_none_of_ours_at_the_wrong_rate_or_parity(told, name):
    for sent in ("9600/8n1", "4800/8n1", "2400/8n1", "9600/7e1", "9600/7o1"):
        for baud in (9600, 4800, 2400, 1200):
            seen = heard(stream(name, "moving"), Link.parse(sent), Link(baud))
            assert told(seen, baud) == [], f"{sent} heard at {baud}"


class Talking:
    """A port behind which a scale talks at 9600 baud and listens to nobody; its time is the test's."""

    def __init__(self, data: bytes, size: int) -> None:
        self.data, self.size, self.now, self.at = data, size, 0.0, 0
        self.link = Link(9600)
        self.written = b""

    def open(self, link: Link) -> "Talking":
        self.link = link
        return self

    def read(self, timeout: float) -> bytes:
        self.now += max(0.001, min(timeout, self.size / 400))
        piece = (self.data * 2)[self.at : self.at + self.size]
        self.at = (self.at + self.size) % len(self.data)
        return heard(piece, Link(9600), self.link)

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        return None


@every_stream
@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_look_at_a_foreign_scale_ends_with_cannot_tell_and_asks_nothing(name, size):
    port = Talking(stream(name, "still"), size)
    report = Search(port.open, allow_print=True, listen=0.4, clock=lambda: port.now).run()
    assert report.findings == () and port.written == b""
    assert report.heard


@every_known
@pytest.mark.parametrize("size", [1, 100])
def test_a_look_at_one_that_we_know_only_listens(name, size):
    port = Talking(stream(name, "still"), size)
    report = Search(port.open, allow_print=True, listen=0.7, clock=lambda: port.now).run()
    assert {one.protocol for one in report.findings} == {KNOWN_STREAMS[name][0]} and port.written == b""


@pytest.mark.parametrize("name", ["number and unit", "G.W., tare, N.W.", "block with blanks"])
def test_a_scale_that_prints_the_same_again_when_its_key_is_pressed_is_no_adam(name):
    class Printing(Talking):
        def read(self, timeout):
            self.now += timeout or 0.001
            out, self.data = self.data, b""
            return heard(out, Link(9600), self.link)

        def write(self, data):
            self.written += data
            if data == b"P\r\n" and self.link == Link(9600):
                self.data = b"\r\n" + FOREIGN[name](STILL[0])

    port = Printing(b"", 1)
    report = Search(port.open, allow_print=True, listen=0.1, clock=lambda: port.now).run()
    assert report.findings == () and b"P\r\n" in port.written


def test_only_scales_that_say_a_weight_once_are_told_by_asking_alone():
    silent = {one.format.id for one in candidates()} - {one.format.id for one in talkative(candidates())}
    assert silent == {"adam_azextra"}
    assert all(formats.find(name).print_questions for name in silent)
