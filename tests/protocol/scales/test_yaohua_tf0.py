from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import formats
from protocol.readings import Garbage, State, Weighing
from protocol.scales.yaohua_tf0 import decode, decoder, encode
from protocol.session import Listening, Wish

TABLE = [
    ("02 2B 30 30 30 37 35 35 32 31 45 03", "7.55"),
    ("02 2D 30 30 30 31 32 30 31 31 46 03", "-12.0"),
    ("02 2B 30 31 32 33 34 30 30 31 46 03", "12340"),
    ("02 2B 30 30 30 30 30 30 33 31 38 03", "0.000"),
    ("02 2B 39 39 39 39 39 39 34 31 46 03", "99.9999"),
]
GOOD = [(bytes.fromhex(text), Weighing(Decimal(value))) for text, value in TABLE]
STREAM = b"".join(frame for frame, _ in GOOD)
READINGS = [reading for _, reading in GOOD]

weights = st.builds(
    lambda number, places: Decimal(number).scaleb(-places), st.integers(-999999, 999999), st.integers(0, 4)
)


@pytest.mark.parametrize(("frame", "reading"), GOOD)
def test_a_frame_means_its_reading(frame, reading):
    assert decode(frame) == reading
    assert str(decode(frame).value) == str(reading.value)
    assert decode(frame).raw == frame


@pytest.mark.parametrize(("frame", "reading"), GOOD)
def test_a_reading_is_encoded_as_the_indicator_does(frame, reading):
    assert encode(reading) == frame


@pytest.mark.parametrize(("frame", "reading"), GOOD)
def test_a_frame_may_come_byte_by_byte_with_more_behind_it(frame, reading, readings):
    assert readings(decoder(), frame + b"\x02+00", range(len(frame))) == [reading]


def test_the_frame_does_not_say_what_it_does_not_say():
    reading = decode(GOOD[0][0])
    assert (reading.unit, reading.net, reading.stable, reading.zero) == (None, None, None, None)


def test_a_clone_that_sends_a_nibble_above_nine_as_a_sign_is_read():
    assert decode(GOOD[0][0].replace(b"1E", b"1>")) == GOOD[0][1]


@pytest.mark.parametrize("check", [b"1F", b"E1", b"1e", b"  "])
def test_a_wrong_check_is_garbage(check):
    assert isinstance(decode(GOOD[0][0].replace(b"1E", check)), Garbage)


def test_negative_zero_is_zero():
    body = b"-0000003"
    check = 0
    for byte in body:
        check ^= byte
    reading = decode(b"\x02" + body + f"{check:02X}".encode() + b"\x03")
    assert str(reading.value) == "0.000"


@pytest.mark.parametrize("state", [State.OVERLOAD, State.UNDERLOAD])
def test_overload_is_garbage_and_never_a_number(state):
    event = decode(encode(Weighing(None, state=state)))
    assert isinstance(event, Garbage) and "overload" in event.why


@pytest.mark.parametrize("value", ["1000000", "0.00001", "123.45678", "1E3", "NaN"])
def test_what_does_not_fit_is_not_encoded(value):
    with pytest.raises(ValueError):
        encode(Weighing(Decimal(value)))


@given(weights)
def test_what_is_encoded_is_decoded(value):
    reading = Weighing(value if value else abs(value))
    assert decode(encode(reading)) == reading
    assert str(decode(encode(reading)).value) == str(reading.value)


@given(st.lists(st.integers(0, 100), max_size=8))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    stream = GOOD[0][0][5:] + b"\x00\x7f" + STREAM
    assert readings(decoder(), stream, cuts) == READINGS


@given(st.binary(max_size=300).filter(lambda noise: b"\x03" not in noise))
def test_noise_is_garbage_and_the_next_frames_are_found(readings, noise):
    assert readings(decoder(), noise + b"\x03" * 12 + STREAM) == READINGS


@given(st.binary(max_size=300))
def test_noise_never_raises(noise):
    assert all(isinstance(event, Garbage | Weighing) for event in decoder().feed(noise))


@given(weights, st.integers(0, 35), st.integers(1, 255), st.sampled_from(["flip", "lose", "double"]))
def test_one_damaged_byte_never_gives_another_number(readings, value, at, flip, what):
    frame = encode(Weighing(value))
    stream = bytearray(frame * 3)
    if what == "flip":
        stream[at] ^= flip
    elif what == "lose":
        del stream[at]
    else:
        stream.insert(at, stream[at])
    found = readings(decoder(), bytes(stream))
    assert set(found) == {decode(frame)}
    assert len(found) >= 2


def test_a_cut_frame_is_garbage_and_the_next_is_read():
    events = decoder().feed(GOOD[0][0][:7] + GOOD[1][0])
    assert events[-1] == GOOD[1][1]
    assert [type(event) for event in events] == [Garbage, Weighing]


def test_a_stream_without_frames_keeps_the_cap():
    framer = decoder()
    for _ in range(200):
        framer.feed(b"\x02+0000000000")
    assert len(framer._buffer) + len(framer._noise) <= 256


def test_the_session_only_listens():
    session = formats.find("yaohua_tf0").speaks()
    assert isinstance(session, Listening)
    assert session.receive(STREAM, 1.0) == READINGS
    assert session.deadline is None and session.pending() == b"" and not session.ask(Wish.TARE, 1.0)
