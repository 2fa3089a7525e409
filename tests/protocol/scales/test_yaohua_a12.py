from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import catalogue
from protocol import formats
from protocol.framing import PARITY_WHY
from protocol.readings import Garbage, Net, State, Weighing
from protocol.scales.yaohua_a12 import LINE_CAP, Options, decode, decoder, encode
from protocol.session import Listening, Wish
from simulator.scales._pan import Pan
from simulator.scales.yaohua_a12 import simulate


def weighing(value, net=Net.GROSS, unit="kg"):
    return Weighing(Decimal(value), unit, net)


CHECKED = [
    (bytes.fromhex("57 4E 30 30 32 2E 35 30 30 6B 67 33 43 0D 0A"), weighing("2.500", Net.NET)),
    (b"WG-00.120kg2C\r\n", weighing("-0.120")),
    (bytes.fromhex("57 47 30 30 34 2E 31 33 39 6B 67 33 44 0D 0A"), weighing("4.139")),  # the manual's own
    (b"WG000150 kg38\r\n", weighing("150")),
    (b"         OL23\r\n", Weighing(None, state=State.OVERLOAD)),
    (b"         LO23\r\n", Weighing(None, state=State.UNDERLOAD)),
]
PLAIN = [
    (b"ww002.500kg\r\n", weighing("2.500")),
    (b"wn-00.120kg\r\n", weighing("-0.120", Net.NET)),
    (b"wt000.350kg\r\n", weighing("0.350", Net.TARE)),
    (b"wn012.340lb\r\n", weighing("12.340", Net.NET, "lb")),
]
BOTH = [("a12e", *row) for row in CHECKED] + [("a12", *row) for row in PLAIN]
BAD = [
    b"002.500kg3C",  # cut in front: 2.500 kg would still be read in it
    b"WN002.500kg3c",
    b"WN002.500kg3D",
    b"WN002.500kg",
    b"WX002.500kg2A",
    b"WG0.0.500kg27",
    b"         OL24",
    b"OL23",
]

weights = st.builds(
    lambda number, places: Decimal(number).scaleb(-places), st.integers(-9999, 99999), st.integers(0, 4)
).map(lambda value: value if value else abs(value))


@pytest.mark.parametrize(("variant", "line", "reading"), BOTH)
def test_a_line_means_its_reading(variant, line, reading):
    assert decoder(Options(variant=variant)).feed(line) == [reading]
    event = decoder(Options(variant=variant)).feed(line)[0]
    assert event.raw == line and str(event.value) == str(reading.value)
    assert event.stable is None


@pytest.mark.parametrize(("variant", "line", "reading"), BOTH)
def test_a_reading_is_encoded_as_the_indicator_does(variant, line, reading):
    assert encode(reading, variant) == line


@pytest.mark.parametrize(("variant", "line", "reading"), BOTH)
def test_a_line_may_come_byte_by_byte_with_more_behind_it(variant, line, reading, readings):
    assert readings(decoder(Options(variant=variant)), line + b"W", range(len(line))) == [reading]


@pytest.mark.parametrize("line", BAD)
def test_a_bad_line_is_garbage(line):
    assert isinstance(decode(line), Garbage)


def test_zero_has_no_sign():
    assert str(decode(b"ww-00.000kg", "a12").value) == "0.000"


@pytest.mark.parametrize(("line", "_"), PLAIN)
def test_a_line_without_a_check_is_refused_until_the_setting_says_otherwise(line, _):
    event = decode(line[:-2])
    assert isinstance(event, Garbage) and "variant a12" in event.why


@pytest.mark.parametrize(("line", "_"), CHECKED)
def test_a_checked_line_is_never_read_as_an_unchecked_one(line, _):
    event = decode(line[:-2], "a12")
    assert isinstance(event, Garbage) and "variant a12e" in event.why


@given(st.sampled_from(CHECKED), st.integers(0, 12), st.integers(0, 12))
def test_a_checked_line_that_lost_its_check_is_not_read_in_either_variant(row, first, last):
    line = row[0][:-2]
    cut = line[: min(first, last)] + line[max(first, last) + 1 :]
    assert isinstance(decode(cut), Garbage) and isinstance(decode(cut, "a12"), Garbage)


def test_a_parity_mistake_is_told_as_such():
    line = bytes(byte | 0x80 if byte.bit_count() % 2 else byte for byte in b"WN002.500kg3C")
    assert decode(line).why == decode(line, "a12").why == PARITY_WHY


@pytest.mark.parametrize(
    ("variant", "reading"),
    [
        ("a12e", weighing("1234567")),
        ("a12e", weighing("-0.123456")),
        ("a12e", weighing("1", Net.TARE)),
        ("a12e", weighing("1", Net.NET, "lb")),
        ("a12e", Weighing(None, state=State.MOTION)),
        ("a12", Weighing(None, state=State.OVERLOAD)),
        ("a12", weighing("1", None)),
    ],
)
def test_what_does_not_fit_is_not_encoded(variant, reading):
    with pytest.raises(ValueError):
        encode(reading, variant)


def test_a_variant_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="'a12e' or 'a12'"):
        decoder(Options(variant="a13"))


@given(weights, st.sampled_from(["a12e", "a12"]))
def test_what_is_encoded_is_decoded(value, variant):
    reading = weighing(value, Net.NET)
    (event,) = decoder(Options(variant=variant)).feed(encode(reading, variant))
    assert event == reading and str(event.value) == str(value)


@given(st.lists(st.integers(0, 200), max_size=10))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    stream = b".500kg3C\r\n\x00\x7f" + b"".join(line for line, _ in CHECKED)
    assert readings(decoder(Options()), stream, cuts) == [reading for _, reading in CHECKED]


@given(st.binary(max_size=300))
def test_noise_is_garbage_and_the_next_line_is_found(noise):
    for variant, line, reading in (BOTH[0], BOTH[-1]):
        framer = decoder(Options(variant=variant))
        framer.feed(noise)
        framer.feed(b"\r\n")
        assert framer.feed(line) == [reading]


@given(weights, st.integers(0, 44), st.integers(1, 255), st.sampled_from(["flip", "lose", "double"]))
def test_one_damaged_byte_never_gives_another_number_where_there_is_a_check(readings, damage, value, at, flip, what):
    reading = weighing(value)
    found = readings(decoder(Options()), damage(encode(reading) * 3, at, what, flip))
    assert set(found) == {reading} and len(found) >= 1


def test_a_stream_without_line_end_keeps_the_cap():
    framer = decoder(Options())
    for _ in range(100):
        framer.feed(b"WN002.500kg3C" * 5)
    assert len(framer._buffer) <= LINE_CAP + 1


def test_the_session_hears_gross_net_overload_and_underload(talk):
    pan = Pan()
    device, session = simulate(pan), catalogue.find("yaohua-a12e").session()
    assert isinstance(session, Listening) and not session.ask(Wish.TARE, 0.0)
    pan.put(Decimal("0.500"), 0.0)
    assert talk(session, device, 1.0, 1.5)[-1] == weighing("0.500")
    pan.tare_now(1.5)
    pan.put(Decimal("3.000"), 1.5)
    assert talk(session, device, 2.0, 2.5)[-1] == weighing("2.500", Net.NET)
    pan.put(Decimal(99), 2.5)
    assert talk(session, device, 3.0, 3.5)[-1] == Weighing(None, state=State.OVERLOAD)
    pan.put(Decimal(-1), 3.5)
    assert talk(session, device, 4.0, 4.5)[-1] == Weighing(None, state=State.UNDERLOAD)


def test_the_indicator_without_a_check_has_a_row_of_its_own(talk):
    pan = Pan()
    pan.put(Decimal("3.000"), 0.0)
    events = talk(catalogue.find("yaohua-a12").session(), simulate(pan, "a12"), 1.0, 1.5)
    assert set(events) == {weighing("3.000")}
    pan.put(Decimal(99), 1.5)
    assert talk(catalogue.find("yaohua-a12").session(), simulate(pan, "a12"), 2.0, 2.5) == []


def test_the_format_is_in_the_table():
    assert formats.find("yaohua_a12").checked is False
