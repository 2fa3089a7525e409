from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import catalogue
from protocol import formats
from protocol.framing import PARITY_WHY
from protocol.readings import Garbage, Net, Reply, State, Weighing
from protocol.scales.sterling7600 import LINE_CAP, Options, decode, decoder, encode, session
from protocol.session import Wish
from simulator.scales._pan import Pan
from simulator.scales.sterling7600 import simulate


def weighing(value, net=Net.GROSS, unit="lb"):
    return Weighing(Decimal(value), unit, net)


TABLE = [
    ("", b"Gross   1.000 lb\r\n", weighing("1.000")),
    ("SGW", b"SGWGross   1.000 lb\r\n", weighing("1.000")),
    ("W", b"WGross   0.010 lb\r\n", weighing("0.010")),
    ("SNW", b"SNWNet    -0.915 lb\r\n", weighing("-0.915", Net.NET)),
    ("", b"OLOLOL\r\n", Weighing(None, state=State.OVERLOAD)),
    ("SNW", b"SNWULULUL\r\n", Weighing(None, state=State.UNDERLOAD)),
    ("", b"-------\r\n", Weighing(None, stable=False, state=State.MOTION)),
]
ONE_WAY = [
    (b"Gross 1.0 lb.\r\n", weighing("1.0")),
    (b"Gross 100.55 lb.\r\n", weighing("100.55")),
    (b"NWNet       0.50 kg \r\n", weighing("0.50", Net.NET, "kg")),
    (b"Net   -0.000 lb\r\n", weighing("0.000", Net.NET)),
    (b"SCOCount      15 Pieces \r\n", Reply("count", (("pieces", "15"),))),
    (b"OCount      13 Pieces \r\n", Reply("count", (("pieces", "13"),))),
    (b"Count 157 Pieces\r\n", Reply("count", (("pieces", "157"),))),
    (b"Piece Weight 0.6350 lb.\r\n", Reply("piece-weight", (("weight", "0.6350"), ("unit", "lb")))),
    (b"Err.80\r\n", Reply("error", (("error", "data"),))),
    (b"Err.81\r\n", Reply("error", (("error", "unknown-command"),))),
    (b"ATWTare Acquired\r\n", Reply("ATW", (("text", "Tare Acquired"),))),
]
LINES = [(line, reading) for _, line, reading in TABLE] + ONE_WAY
BAD = [
    b"ross   1.000 lb",
    b"  1.000 lb",
    b"000 lb",
    b"Gross1.000 lb",
    b"Gross   1.000",
    b"Gross   1.0.0 lb",
    b"Gross   1 000 lb",
    b"SNWGross   1.000 lb",  # the answer to another question
    b"OGross   1.000 lb",
    b"SCONet   1.000 lb",
    b"SGWOLOLO",
]

weights = st.decimals(-9999, 9999, places=3).map(lambda value: value if value else abs(value))


@pytest.mark.parametrize(("line", "reading"), LINES)
def test_a_line_means_its_reading(line, reading):
    (event,) = decoder().feed(line)
    assert event == reading and event.raw == line


@pytest.mark.parametrize(("echo", "line", "reading"), TABLE)
def test_a_reading_is_encoded_as_the_scale_does(echo, line, reading):
    assert encode(reading, echo) == line


@pytest.mark.parametrize(("line", "reading"), LINES)
def test_a_line_may_come_byte_by_byte_with_more_behind_it(line, reading, readings):
    assert readings(decoder(), line + b"SGWGr", range(len(line))) == [reading]


@pytest.mark.parametrize("line", BAD)
def test_a_bad_line_is_garbage(line):
    assert isinstance(decode(line), Garbage)


def test_zero_has_no_sign_and_the_decimals_are_those_sent():
    assert str(decode(b"Net   -0.000 lb").value) == "0.000"
    assert str(decode(b"Gross 1.0 lb.").value) == "1.0"


def test_a_parity_mistake_is_told_as_such():
    line = bytes(byte | 0x80 if byte.bit_count() % 2 else byte for byte in b"SGWGross   1.000 lb")
    assert decode(line).why == PARITY_WHY


@pytest.mark.parametrize(
    "reading",
    [weighing("1", Net.TARE), weighing("1", None), weighing("1", unit="pounds"), Weighing(None, state=State.ERROR)],
)
def test_what_does_not_fit_is_not_encoded(reading):
    with pytest.raises(ValueError):
        encode(reading)


@given(
    weights, st.sampled_from([(Net.GROSS, "SGW"), (Net.NET, "SNW")]), st.integers(0, 3), st.sampled_from(["lb", "g"])
)
def test_what_is_encoded_is_decoded_whatever_is_left_of_the_echo(value, asked, left, unit):
    net, command = asked
    (event,) = decoder().feed(encode(weighing(value, net, unit), command[left:]))
    assert event == weighing(value, net, unit)


@given(st.lists(st.integers(0, 400), max_size=10))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    stream = b"1.000 lb\r\n\x00\x7f" + b"".join(line for line, _ in LINES)
    assert readings(decoder(), stream, cuts) == [reading for _, reading in LINES]


@given(st.binary(max_size=300))
def test_noise_is_garbage_and_the_next_line_is_found(noise):
    framer = decoder()
    framer.feed(noise + b"\r\n")
    assert framer.feed(TABLE[0][1]) == [TABLE[0][2]]


def test_a_stream_without_line_end_keeps_the_cap():
    framer = decoder()
    for _ in range(100):
        framer.feed(b"SGWGross   1.000 lb" * 5)
    assert len(framer._buffer) <= LINE_CAP + 1


def test_a_dialogue_weighs_tares_and_zeroes(talk):
    pan = Pan(unit="lb")
    scale, asking = simulate(pan), catalogue.find("sterling-7600").session()
    pan.put(Decimal("0.150"), 0.0)
    assert talk(asking, scale, 1.0, 1.5)[-1] == weighing("0.150", Net.NET)
    assert asking.ask(Wish.TARE, 1.5)
    assert Reply("ATW", (("text", ""),)) in talk(asking, scale, 1.5, 2.0)
    pan.put(Decimal("2.500"), 2.0)
    events = talk(asking, scale, 3.0, 5.0)
    assert len(events) >= 8 and set(events) == {weighing("2.350", Net.NET)}
    assert {event.raw[:4] for event in events} == {b"SNWN", b"WNet"}
    assert set(talk(session(Options(ask="gross")), scale, 5.0, 5.5)) == {weighing("2.500")}
    pan.put(Decimal(99), 5.5)
    assert talk(asking, scale, 6.5, 7.0)[-1].state is State.OVERLOAD
    assert not asking.ask(Wish.CLEAR_TARE, 7.0)


def test_the_simulated_scale_counts_and_refuses():
    scale = simulate(Pan())
    scale.receive(b"SCO\rXXX\r", 0.0)
    assert decoder().feed(scale.pending(0.0)) == [
        Reply("count", (("pieces", "0"),)),
        Reply("error", (("error", "unknown-command"),)),
    ]


def test_only_what_there_is_can_be_asked_for():
    with pytest.raises(ValueError, match="'gross' or 'net'"):
        session(Options(ask="count"))


def test_the_format_is_in_the_table():
    assert not formats.find("sterling7600").checked
