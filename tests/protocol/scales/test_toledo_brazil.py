from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import catalogue
from protocol import formats
from protocol.framing import PARITY_WHY
from protocol.readings import Garbage, Net, State, Weighing
from protocol.scales.toledo_brazil import Options, Reading, decode, decode_a, decoder, encode, encode_a, session
from protocol.session import Wish
from simulator.scales._pan import Pan
from simulator.scales.toledo_brazil import simulate


def weighing(value, net=None, *, stable=True):
    return Weighing(Decimal(value), net=net, stable=stable)


MOVING = Weighing(None, stable=False, state=State.MOTION)
NEGATIVE = Weighing(None, state=State.UNDERLOAD)
OVERLOAD = Weighing(None, state=State.OVERLOAD)

TABLE = [
    ("B", b"\x0201250\x03", weighing("1.250")),
    ("C", b"\x0201250\r", weighing("1.250")),
    ("B", b"\x0200000\x03", weighing("0.000")),
    ("B", b"\x02IIIII\x03", MOVING),
    ("C", b"\x02NNNNN\r", NEGATIVE),
    ("B", b"\x02SSSSS\x03", OVERLOAD),
]
TABLE_A = [
    (b"\x02\x10001250\x00000000000000\r" + bytes((0x79,)), weighing("1.250", Net.GROSS)),
    (b"\x02\x11000350\x40000000000000\r" + bytes((0x38,)), weighing("0.350", Net.NET, stable=False)),
    (b"\x02\x10001234\x08000000000000\r" + bytes((0x6F,)), weighing("12.34", Net.GROSS)),
    (b"\x02\x18000000\x00000000000000\r" + bytes((0x79,)), Weighing(None, None, Net.GROSS, True, state=State.ERROR)),
]
BAD = [
    b"\x02IIIIS\x03",
    b"\x02 1250\x03",
    b"\x02XXXXX\x03",
    b"\x021.250\x03",
    b"\x0201250\x04",
    b"\x020125\x03\x02",
    b"\x02iiiii\x03",
]

stable = st.integers(0, 99999).map(lambda number: weighing(Decimal(number).scaleb(-3)))
stable_a = st.builds(
    lambda number, places, net, still: weighing(Decimal(number).scaleb(-places), net, stable=still),
    st.integers(0, 999999),
    st.sampled_from([2, 3]),
    st.sampled_from([Net.GROSS, Net.NET]),
    st.booleans(),
)


@pytest.mark.parametrize(("protocol", "frame", "reading"), TABLE)
def test_a_frame_means_its_reading(protocol, frame, reading):
    (event,) = decoder(Reading()).feed(frame)
    assert event == reading and event.raw == frame and str(event.value) == str(reading.value)


@pytest.mark.parametrize(("frame", "reading"), TABLE_A)
def test_a_frame_of_a_means_its_reading(frame, reading):
    (event,) = decoder(Reading(protocol="A")).feed(frame)
    assert event == reading and event.raw == frame and str(event.value) == str(reading.value)


@pytest.mark.parametrize(("protocol", "frame", "reading"), TABLE)
def test_a_reading_is_encoded_as_the_scale_does(protocol, frame, reading):
    assert encode(reading, protocol) == frame


@pytest.mark.parametrize(("frame", "reading"), TABLE_A)
def test_a_reading_is_encoded_as_a_scale_with_a_does(frame, reading):
    assert encode_a(reading) == frame


@pytest.mark.parametrize(("protocol", "frame", "reading"), TABLE)
def test_a_frame_may_come_byte_by_byte_with_more_behind_it(protocol, frame, reading, readings):
    assert readings(decoder(Reading()), frame + b"\x0201", range(len(frame))) == [reading]


@pytest.mark.parametrize(("frame", "reading"), TABLE_A)
def test_a_frame_of_a_may_come_byte_by_byte_with_more_behind_it(frame, reading, readings):
    assert readings(decoder(Reading(protocol="A")), frame + b"\x02\x10", range(len(frame))) == [reading]


@pytest.mark.parametrize("frame", BAD)
def test_a_bad_frame_is_garbage(frame):
    assert isinstance(decode(frame), Garbage)


def test_the_seventh_digit_of_a_total_makes_the_frame_longer():
    reading = weighing("1.250", Net.GROSS)
    frame = encode_a(reading, total=1234567, price=999999)
    assert len(frame) == 24 and decoder(Reading(protocol="A")).feed(frame + TABLE_A[0][0]) == [reading, TABLE_A[0][1]]


def test_a_date_is_no_weight():
    body = b"\x02\x14311299\x00000000000000\r"
    event = decode_a(body + bytes((-sum(body) & 0xFF,)))
    assert isinstance(event, Garbage) and "date" in event.why


@pytest.mark.parametrize("check", [0x78, 0x00, 0x7A])
def test_a_wrong_check_is_garbage(check):
    event = decode_a(TABLE_A[0][0][:-1] + bytes((check,)))
    assert isinstance(event, Garbage) and "check" in event.why


def test_a_check_of_seven_bits_is_taken():
    assert decode_a(TABLE_A[0][0][:-1] + bytes((0xF9,))) == TABLE_A[0][1]


def test_a_price_in_a_damaged_frame_of_a_is_not_read_without_the_setting_for_c():
    damaged = encode_a(weighing("1.250", Net.GROSS), price=99999).replace(b"099999\r", b"\x0299999\r")
    assert not [event for event in decoder(Reading(protocol="A")).feed(damaged) if isinstance(event, Weighing)]


@pytest.mark.parametrize("frame", [TABLE[0][1], TABLE_A[0][0]])
def test_a_parity_mistake_is_told_as_such(frame):
    stream = bytes(byte | 0x80 if byte.bit_count() % 2 else byte for byte in TABLE[0][1] * 3)
    framer = decoder(Reading())
    assert {event.why for event in framer.feed(stream) + framer.finish()} == {PARITY_WHY}
    odd = bytes(byte | 0x80 if not byte.bit_count() % 2 else byte for byte in TABLE[0][1])
    assert decode(odd).why == decode_a(odd).why == PARITY_WHY


@pytest.mark.parametrize("value", ["100.000", "0.0005", "NaN"])
def test_what_does_not_fit_is_not_encoded(value):
    with pytest.raises((ValueError, ArithmeticError)):
        encode(weighing(value))


@given(stable, st.sampled_from("BC"))
def test_what_is_encoded_is_decoded(reading, protocol):
    (event,) = decoder(Reading()).feed(encode(reading, protocol))
    assert event == reading and str(event.value) == str(reading.value)


@given(stable_a)
def test_what_is_encoded_in_a_is_decoded(reading):
    (event,) = decoder(Reading(protocol="A")).feed(encode_a(reading))
    assert event == reading and str(event.value) == str(reading.value)


@given(st.lists(st.integers(0, 100), max_size=8))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    stream = b"250\x03\x00\x7f" + b"".join(frame for _, frame, _ in TABLE)
    assert readings(decoder(Reading()), stream, cuts) == [reading for _, _, reading in TABLE]
    stream = b"250\x03\x00\x7f" + b"".join(frame for frame, _ in TABLE_A)
    assert readings(decoder(Reading(protocol="A")), stream, cuts) == [reading for _, reading in TABLE_A]


@given(st.binary(max_size=300))
def test_noise_never_raises_and_the_next_frame_is_found(noise):
    for framer, frame, reading in ((decoder(Reading()), *TABLE[0][1:]), (decoder(Reading(protocol="A")), *TABLE_A[0])):
        framer.feed(noise + b"\xff" * 24)
        assert framer.feed(frame)[-1] == reading
        framer.finish()


@given(stable, st.integers(0, 20), st.sampled_from(["lose", "double"]))
def test_a_lost_or_doubled_byte_never_gives_another_number(readings, damage, reading, at, what):
    found = readings(decoder(Reading()), damage(encode(reading) * 3, at, what))
    assert set(found) == {reading} and len(found) >= 2


@given(stable_a, st.integers(0, 68), st.integers(1, 255), st.sampled_from(["flip", "lose", "double"]))
def test_one_damaged_byte_never_gives_another_number_in_a(readings, damage, reading, at, flip, what):
    found = readings(decoder(Reading(protocol="A")), damage(encode_a(reading) * 3, at, what, flip))
    assert set(found) == {reading} and len(found) >= 2


@given(st.integers(1, 5), st.integers(1, 255))
def test_one_flip_never_makes_a_number_of_the_letters(readings, damage, at, flip):
    for frame in (b"\x02IIIII\x03", b"\x02NNNNN\x03", b"\x02SSSSS\x03"):
        assert readings(decoder(Reading()), damage(frame, at, "flip", flip)) == []


@pytest.mark.parametrize("protocol", ["BC", "A"])
def test_a_stream_without_frames_keeps_the_cap(protocol):
    framer = decoder(Reading(protocol=protocol))
    for _ in range(200):
        framer.feed(b"\x02\x10001250 00000000")
    assert len(framer._buffer) + len(framer._noise) <= 256


@pytest.mark.parametrize("protocol", ["B", "C"])
def test_a_dialogue_goes_from_moving_to_stable_to_overload(talk, protocol):
    pan = Pan()
    scale, asking = simulate(pan, protocol), catalogue.find("toledo-prix").session()
    pan.put(Decimal("2.350"), 0.0)
    events = talk(asking, scale, 0.0, 1.0)
    assert events[0] == MOVING and events[-1] == weighing("2.350")
    pan.put(Decimal(99), 1.0)
    assert talk(asking, scale, 2.0, 2.5)[-1] == OVERLOAD
    pan.put(Decimal("-0.05"), 2.5)
    assert talk(asking, scale, 3.0, 3.5)[-1] == NEGATIVE
    assert not asking.ask(Wish.TARE, 3.5)


def test_protocol_a_tells_net_weights_and_motion(talk):
    pan = Pan()
    scale, asking = simulate(pan, "A"), catalogue.find("toledo-prix-a").session()
    pan.put(Decimal("0.500"), 0.0)
    pan.tare_now(1.0)
    pan.put(Decimal("2.850"), 1.0)
    events = talk(asking, scale, 1.1, 2.0)
    assert events[0].stable is False and events[-1] == weighing("2.350", Net.NET)


def test_a_silent_scale_is_asked_again(conversation):
    talk = conversation(session(Options(patience=0.5))).at(0.0).station(b"\x05")
    talk.at(0.4).station().at(0.5).station(b"\x05")


def test_only_what_there_is_can_be_set():
    with pytest.raises(ValueError, match="'BC' or 'A'"):
        decoder(Reading(protocol="D"))


def test_the_format_is_in_the_table():
    assert not formats.find("toledo_brazil").checked
