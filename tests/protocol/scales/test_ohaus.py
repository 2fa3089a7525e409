from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import formats
from protocol.framing import PARITY_WHY
from protocol.readings import Garbage, Net, State, Weighing
from protocol.scales.ohaus import LINE_CAP, Options, Reading, decode, decoder, encode, session
from protocol.session import Wish
from simulator.scales._pan import Pan, find


def weighing(value, unit="kg", net=Net.GROSS, stable=True):
    return Weighing(Decimal(value), unit, net, stable)


TABLE = [
    (b"   0.500 kg    G", weighing("0.500")),
    (b"    12.5 kg   ?N", weighing("12.5", net=Net.NET, stable=False)),
    (b"-  1.640 kg    N", weighing("-1.640", net=Net.NET)),
    (b"    20.7 g     G", weighing("20.7", "g")),
    (b"   0.250 kg    T", weighing("0.250", net=Net.TARE)),
    (b"    12.5 tl.T  G", weighing("12.5", "tl.T")),
    (b"   1.250 Catty N", weighing("1.250", "Catty", net=Net.NET)),
]
ONE_WAY = [
    (b"    20.7 g    ?G", weighing("20.7", "g", stable=False)),
    (b"-   1.640 kg   ?NET", weighing("-1.640", net=Net.NET, stable=False)),
    (b"      0.500 kg    G", weighing("0.500")),
    (b"  -0.500 kg    G", weighing("-0.500")),
    (b"-  0.000 kg    G", weighing("0.000")),
]
BAD = [
    b"    20.7 g   G",
    b"0.500 kg    G",
    b"  0.500 kg    G",
    b"    12.5 kg  ?N",
    b"    12.5 kg   N",
    b"    12.5    ?N",
    b"    1 .5 kg    G",
    b"    12.5 kg    X",
    b"  ------ kg    G",
    b"-  -.640 kg    N",
    b"ES",
    b"",
    b"\xff\x00",
]
STREAM = b"".join(line + b"\r\n" for line, _ in TABLE + ONE_WAY)
READINGS = [reading for _, reading in TABLE + ONE_WAY]


@pytest.mark.parametrize(("line", "reading"), TABLE + ONE_WAY)
def test_a_line_means_its_reading(line, reading, readings):
    assert decode(line) == reading and decode(line).raw == line + b"\r\n"
    assert str(decode(line).value) == str(reading.value)
    assert decoder(Reading()).feed(line + b"\r\n") == [reading]
    assert readings(decoder(Reading()), line + b"\r\n   0.", range(len(line) + 2)) == [reading]


@pytest.mark.parametrize(("line", "reading"), TABLE)
def test_a_reading_is_encoded_as_the_scale_does(line, reading):
    assert encode(reading) == line + b"\r\n"


@pytest.mark.parametrize("line", BAD)
def test_a_bad_line_is_garbage(line):
    assert isinstance(decode(line), Garbage)


@pytest.mark.parametrize("odd", [0, 1])
def test_a_parity_mistake_is_told_as_such(odd):
    event = decode(bytes(byte | 0x80 if (byte.bit_count() + odd) % 2 else byte for byte in TABLE[0][0]))
    assert isinstance(event, Garbage) and event.why == PARITY_WHY


@pytest.mark.parametrize(
    ("value", "unit"), [("NaN", "kg"), ("12345678", "kg"), ("1", ""), ("1", "pieces"), (None, "kg")]
)
def test_what_does_not_fit_is_not_encoded(value, unit):
    with pytest.raises(ValueError):
        encode(Weighing(value and Decimal(value), unit, state=State.OK if value else State.OVERLOAD))


@given(
    st.integers(-999999, 999999),
    st.integers(1, 3),
    st.sampled_from(["kg", "g", "lb"]),
    st.sampled_from(Net),
    st.booleans(),
)
def test_what_is_encoded_is_decoded(number, places, unit, net, stable):
    reading = weighing(Decimal(number).scaleb(-places), unit, net, stable)
    assert decoder(Reading()).feed(encode(reading)) == [reading]


@given(st.lists(st.integers(0, 300), max_size=10))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    assert readings(decoder(Reading()), b"500 kg    G\r\n\x00\x7f" + STREAM, cuts) == READINGS


@given(st.binary(max_size=300))
def test_noise_is_garbage_and_the_next_lines_are_found(readings, noise):
    assert readings(decoder(Reading()), noise + b"\r\n" + STREAM)[-len(READINGS) :] == READINGS


@given(st.binary(max_size=300))
def test_noise_never_raises(noise):
    lines = decoder(Reading())
    assert all(isinstance(event, Garbage | Weighing) for event in lines.feed(noise) + lines.finish())


@given(st.integers(1, 15), st.sampled_from(["lose", "double"]))
def test_a_lost_or_doubled_byte_is_told_by_the_width(damage, at, what):
    event = decode(damage(TABLE[1][0], at, what))
    assert isinstance(event, Garbage) or event.value == TABLE[1][1].value or what == "double"


@given(st.integers(10, 13), st.sampled_from(["lose", "double"]))
def test_an_unstable_line_never_becomes_a_stable_one(damage, at, what):
    event = decode(damage(TABLE[1][0], at, what))
    assert isinstance(event, Garbage) or event.stable is False


@given(st.integers(0, 17))
def test_the_cut_first_line_of_a_stream_is_dropped(cut):
    stream = (TABLE[2][0] + b"\r\n")[cut:] + STREAM
    whole = READINGS if cut < 17 else READINGS[1:]  # a lone LF is no line end
    assert session(Options(poll=None)).receive(stream, 0.0) == whole


def test_a_stream_without_line_end_keeps_the_cap():
    lines = decoder(Reading())
    for _ in range(100):
        lines.feed(b"   0.500 kg    G")
    assert len(lines._buffer) <= LINE_CAP + 1


@pytest.mark.parametrize("poll", [None, 0.2])
def test_a_sale_on_a_simulated_scale(talk, poll):
    pan, talks = Pan(), session(Options(poll=poll))
    scale = find("ohaus")(pan, continuous=poll is None)
    pan.put(Decimal("0.250"), 0.0)
    assert talk(talks, scale, 0.0, 0.3)[0].stable is False
    assert talk(talks, scale, 0.3, 1.0)[-1] == weighing("0.250")
    assert talks.ask(Wish.TARE, 1.0) and not talks.ask(Wish.CLEAR_TARE, 1.0)
    assert talk(talks, scale, 1.0, 2.0)[-1].value == 0
    pan.put(Decimal("2.600"), 2.0)
    assert talk(talks, scale, 2.0, 3.0)[-1] == weighing("2.350", net=Net.NET)
    pan.put(Decimal(20), 3.0)
    talk(talks, scale, 3.0, 3.5)
    assert talk(talks, scale, 3.5, 4.0) == []
    pan.put(Decimal("0.1"), 4.0)
    assert talk(talks, scale, 4.0, 6.0)[-1].value == Decimal("-0.150")
    assert talks.ask(Wish.ZERO, 6.0)
    assert talk(talks, scale, 6.0, 7.0)[-1] == weighing("0.000")


def test_the_format_is_in_the_table():
    assert formats.find("ohaus").polled
