from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import formats
from protocol.framing import PARITY_WHY
from protocol.readings import Garbage, Net, Reply, State, Weighing
from protocol.scales.sartorius_sbi import LINE_CAP, Options, decode, decoder, encode, session
from protocol.session import Wish
from simulator.scales._pan import Pan, find


def weighing(value, unit="g", net=None, stable=True, auxiliary=False):
    return Weighing(Decimal(value), unit if stable else None, net, stable, auxiliary=auxiliary)


TABLE = [
    (b"N     +   123.56 g  ", weighing("123.56", net=Net.NET)),
    (b"G     -    1.250 kg ", weighing("-1.250", "kg", Net.GROSS)),
    (b"+   123.56 g  ", weighing("123.56")),
    (b"+   123.56    ", weighing("123.56", stable=False)),
    (b"N     +  123.5[6]g  ", weighing("123.56", net=Net.NET, auxiliary=True)),
    (b"+  123.5[6]g  ", weighing("123.56", auxiliary=True)),
    (b"Stat        H       ", Weighing(None, state=State.OVERLOAD)),
    (b"      H       ", Weighing(None, state=State.OVERLOAD)),
]
ONE_WAY = [
    (b"    123.56 g  ", weighing("123.56")),
    (b"T     +    250.0 g  ", weighing("250.0", net=Net.TARE)),
    (b"Qnt   +       12 pcs", weighing("12", "pcs")),
    (b"N     +    12.34 tl.", weighing("12.34", "tl.", net=Net.NET)),
    (b"+   62.916 GN ", weighing("62.916", "GN")),
    (b"-     0.00 g  ", weighing("0.00")),
    (b"+12345.678 kg ", weighing("12345.678", "kg")),
    (b"Stat          HH    ", Weighing(None, state=State.OVERLOAD)),
    (b"Stat     High       ", Weighing(None, state=State.OVERLOAD)),
    (b"Stat          LL    ", Weighing(None, state=State.UNDERLOAD)),
    (b"      L       ", Weighing(None, state=State.UNDERLOAD)),
    (b"      --      ", Weighing(None, state=State.ERROR)),
    (b"      C       ", Weighing(None, state=State.ERROR)),
    (b"   Err 02     ", Weighing(None, state=State.ERROR)),
    (b"Stat     ERR 054    ", Weighing(None, state=State.ERROR)),
    (b"Stat          OFF   ", Reply("status", (("text", "OFF"),))),
]
BAD = [
    b"+   123.56 g ",
    b"   123.56 g  ",
    b"+    12 .56 g  ",
    b"+   123.56g   ",
    b"+  123.5[6 g   ",
    b"+   one.56 g  ",
    b"",
    b"\xff\x00",
]
STREAM = b"".join(line + b"\r\n" for line, _ in TABLE + ONE_WAY)
READINGS = [reading for _, reading in TABLE + ONE_WAY]


def test_the_worked_example_is_in_the_table():
    line = bytes.fromhex("4E 20 20 20 20 20 2B 20 20 20 31 32 33 2E 35 36 20 67 20 20 0D 0A")
    assert decoder().feed(line) == [TABLE[0][1]] and line == TABLE[0][0] + b"\r\n"


@pytest.mark.parametrize(("line", "reading"), TABLE + ONE_WAY)
def test_a_line_means_its_reading(line, reading, readings):
    assert decode(line) == reading and decode(line).raw == line + b"\r\n"
    assert decoder().feed(line + b"\r\n") == [reading]
    assert readings(decoder(), line + b"\r\nN   ", range(len(line) + 2)) == [reading]


@pytest.mark.parametrize(("line", "reading"), TABLE)
def test_a_reading_is_encoded_as_the_scale_does(line, reading):
    assert encode(reading, header=len(line) == 20) == line + b"\r\n"


@pytest.mark.parametrize("line", BAD)
def test_a_bad_line_is_garbage(line):
    assert isinstance(decode(line), Garbage)


@pytest.mark.parametrize("odd", [0, 1])
def test_a_parity_mistake_is_told_as_such(odd):
    event = decode(bytes(byte | 0x80 if (byte.bit_count() + odd) % 2 else byte for byte in TABLE[0][0]))
    assert isinstance(event, Garbage) and event.why == PARITY_WHY


@pytest.mark.parametrize(("value", "unit"), [("NaN", "g"), ("1234567890.1", "g"), ("1", "pieces")])
def test_what_does_not_fit_is_not_encoded(value, unit):
    with pytest.raises(ValueError):
        encode(weighing(value, unit))


@given(
    st.integers(-9999999, 9999999),
    st.integers(0, 4),
    st.sampled_from(["g", "kg", "lb", "pcs"]),
    st.sampled_from([None, *Net]),
    st.booleans(),
    st.booleans(),
)
def test_what_is_encoded_is_decoded(number, places, unit, net, stable, header):
    reading = weighing(Decimal(number).scaleb(-places), unit, net if header else None, stable)
    assert decoder().feed(encode(reading, header=header)) == [reading]


@given(st.lists(st.integers(0, 600), max_size=10))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    assert readings(decoder(), b"23.56 g  \r\n\x00\x7f" + STREAM, cuts) == READINGS


@given(st.binary(max_size=300))
def test_noise_is_garbage_and_the_next_lines_are_found(readings, noise):
    assert readings(decoder(), noise + b"\r\n" + STREAM)[-len(READINGS) :] == READINGS


@given(st.binary(max_size=300))
def test_noise_never_raises(noise):
    lines = decoder()
    assert all(isinstance(event, Garbage | Weighing | Reply) for event in lines.feed(noise) + lines.finish())


@given(st.integers(0, 19), st.sampled_from(["lose", "double"]))
def test_a_lost_or_doubled_byte_is_told_by_the_length(damage, at, what):
    assert isinstance(decode(damage(TABLE[0][0], at, what)), Garbage)


@given(st.integers(1, 20))
def test_a_cut_first_line_is_no_other_weight(cut):
    event = decode(TABLE[0][0][cut:])
    assert isinstance(event, Garbage) or event == TABLE[2][1]


def test_a_stream_without_line_end_keeps_the_cap():
    lines = decoder()
    for _ in range(100):
        lines.feed(TABLE[0][0])
    assert len(lines._buffer) <= LINE_CAP + 1


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("poll", [None, 0.3])
def test_a_sale_on_a_simulated_scale(talk, header, poll):
    pan, talks = Pan(), session(Options(poll=poll))
    scale = find("sartorius_sbi")(pan, header=header, by_itself=poll is None)
    pan.put(Decimal("0.250"), 0.0)
    first, *_, last = talk(talks, scale, 0.0, 1.5)
    assert (first.stable, first.unit) == (False, None)
    assert last == weighing("0.250", "kg", Net.GROSS if header else None)
    pan.put(Decimal(20), 1.5)
    assert talk(talks, scale, 2.0, 3.0)[-1].state is State.OVERLOAD
    pan.put(Decimal("0.500"), 3.0)
    talk(talks, scale, 3.0, 4.0)
    assert talks.ask(Wish.TARE, 4.0) and not talks.ask(Wish.CLEAR_TARE, 4.0)
    assert talk(talks, scale, 4.0, 5.0)[-1] == weighing("0.000", "kg", Net.NET if header else None)
    pan.put(Decimal("0.020"), 5.0)
    talk(talks, scale, 5.0, 6.0)
    assert talks.ask(Wish.ZERO, 6.0)
    assert talk(talks, scale, 6.0, 7.0)[-1] == weighing("0.000", "kg", Net.GROSS if header else None)


def test_a_command_needs_no_line_end():
    scale = find("sartorius_sbi")(Pan())
    scale.receive(b"\x1bP", 0.0)
    assert isinstance(decoder().feed(scale.pending(0.0))[0], Weighing)


def test_the_format_is_in_the_table():
    assert str(formats.find("sartorius_sbi").link) == "1200/7o1"
