from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import catalogue
from protocol import formats
from protocol.checks import xor8
from protocol.framing import PARITY_WHY
from protocol.readings import Garbage, State, Weighing
from protocol.scales.digi_sm import Options, Reading, decode, decoder, encode, session
from protocol.session import Wish
from simulator.scales._pan import Pan
from simulator.scales.digi_sm import simulate


def of(value):
    return Weighing(Decimal(value))


def frame(body):
    return b"\x02" + body + bytes((xor8(body),)) + b"\x03"


TABLE = [
    (b"\x02w001.2500000\x5f\x03", of("1.250")),
    (b"\x02w000.0000000\x59\x03", of("0.000")),
    (b"\x02w123.4560000\x5e\x03", of("123.456")),
]
BAD = [
    b"\x02w001.2500000\x5e\x03",
    b"\x02w001.2500000\x5f\x04",
    b"\x02W001.2500000\x7f\x03",
    frame(b"w  1.2500000"),
    frame(b"w---.---0000"),
    frame(b"w00112500000"),
]

weights = st.integers(0, 999999).map(lambda grams: of(Decimal(grams).scaleb(-3)))


@pytest.mark.parametrize(("data", "reading"), TABLE)
def test_a_frame_means_its_reading(data, reading):
    (event,) = decoder(Reading()).feed(data)
    assert event == reading and event.raw == data
    assert format(event.value, "f") == format(reading.value, "f")


@pytest.mark.parametrize(("data", "reading"), TABLE)
def test_a_reading_is_encoded(data, reading):
    assert encode(reading) == data


@pytest.mark.parametrize(("data", "reading"), TABLE)
def test_a_frame_may_come_byte_by_byte_with_more_behind_it(data, reading, readings):
    assert readings(decoder(Reading()), data + b"\x02w0", range(len(data))) == [reading]


@pytest.mark.parametrize("data", BAD)
def test_a_bad_frame_is_garbage(data):
    assert isinstance(decode(data), Garbage)


def test_a_comma_is_a_point():
    assert decode(frame(b"w001,2500000")) == of("1.250")


def test_digits_without_a_point_need_a_setting():
    assert "decimals" in decode(frame(b"w001 2500000")).why
    assert str(decode(frame(b"w001 2500000"), decimals=3).value) == "1.250"
    assert str(decode(frame(b"w001 2500000"), decimals=0).value) == "1250"
    assert str(decode(frame(b"w001.2500000"), decimals=0).value) == "1.250"
    with pytest.raises(ValueError):
        decoder(Reading(decimals=7))


def test_a_parity_mistake_is_told_as_such():
    spoilt = bytes(byte | 0x80 if byte.bit_count() % 2 else byte for byte in TABLE[0][0])
    framer = decoder(Reading())
    assert {event.why for event in framer.feed(spoilt * 2) + framer.finish()} == {PARITY_WHY}


@pytest.mark.parametrize("reading", [of("1000.000"), of("-1.000"), of("0.0005"), of("NaN")])
def test_what_does_not_fit_is_not_encoded(reading):
    with pytest.raises(ValueError):
        encode(reading)
    with pytest.raises(ValueError):
        encode(Weighing(None, state=State.OVERLOAD))


@given(weights, st.sampled_from([b".", b",", b" "]))
def test_what_is_encoded_is_decoded(reading, point):
    (event,) = decoder(Reading(decimals=3)).feed(encode(reading, point))
    assert event == reading


@given(st.lists(st.integers(0, 60), max_size=8))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    stream = b"2500000^\x03\x00\x7f\x02w" + b"".join(data for data, _ in TABLE)
    assert readings(decoder(Reading()), stream, cuts) == [reading for _, reading in TABLE]


@given(st.binary(max_size=300))
def test_noise_never_raises_and_the_next_frame_is_found(noise):
    framer = decoder(Reading())
    framer.feed(noise + b"\xff" * 15)
    assert framer.feed(TABLE[0][0])[-1] == TABLE[0][1]


@given(weights, st.integers(0, 44), st.integers(1, 255), st.sampled_from(["flip", "lose", "double"]))
def test_one_damaged_byte_never_gives_another_number(readings, damage, reading, at, flip, what):
    found = readings(decoder(Reading()), damage(encode(reading) * 3, at, what, flip))
    assert set(found) == {reading} and len(found) >= 2


def test_a_stream_without_frames_keeps_the_cap():
    framer = decoder(Reading())
    for _ in range(200):
        framer.feed(b"\x02w001.2500000")
    assert len(framer._buffer) + len(framer._noise) <= 256


def test_a_dialogue_weighs_and_asks_again_in_silence(talk):
    pan = Pan()
    scale, asking = simulate(pan), catalogue.find("digi-sm").session()
    pan.put(Decimal("2.350"), 0.0)
    assert set(talk(asking, scale, 1.0, 2.0)) == {of("2.350")}
    pan.put(Decimal(99), 2.0)
    assert talk(asking, scale, 3.0, 4.0) == []
    pan.put(Decimal("0.500"), 4.0)
    assert set(talk(asking, scale, 5.0, 7.0)) == {of("0.500")}
    assert not asking.ask(Wish.TARE, 7.0)


def test_a_scale_that_sends_no_point_is_read_once_the_decimals_are_set(talk):
    pan = Pan()
    pan.put(Decimal("2.350"), 0.0)
    scale = simulate(pan, b" ")
    assert all(isinstance(event, Garbage) for event in talk(session(Options()), scale, 1.0, 1.5))
    assert set(talk(session(Options(decimals=3)), scale, 1.5, 2.0)) == {of("2.350")}


def test_the_format_is_in_the_table():
    assert formats.find("digi_sm").confidence == "low"
    assert catalogue.find("digi-sm").unit is None
