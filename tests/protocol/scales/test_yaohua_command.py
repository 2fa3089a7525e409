from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import catalogue
from protocol import formats
from protocol.framing import PARITY_WHY
from protocol.readings import Garbage, Net, Reply, State, Weighing
from protocol.scales.yaohua_command import (
    ADDRESSES,
    HANDSHAKE,
    Options,
    Reading,
    decode,
    decoder,
    encode,
    encode_command,
    session,
)
from protocol.session import Wish
from simulator.scales._pan import Pan
from simulator.scales.yaohua_command import simulate


def weighing(value, net=Net.NET):
    return Weighing(Decimal(value), net=net)


TABLE = [
    ("A", "02 41 42 2B 30 30 31 32 35 30 33 31 44 03", weighing("1.250", Net.GROSS)),
    ("C", "02 43 44 2D 30 30 30 30 34 35 32 31 39 03", weighing("-0.45")),
    ("Z", "02 5A 43 2B 30 30 30 30 30 30 33 30 31 03", weighing("0.000", Net.TARE)),
]
GOOD = [(address, bytes.fromhex(text), reading) for address, text, reading in TABLE]
STREAM = b"".join(frame for _, frame, _ in GOOD)
READINGS = [reading for _, _, reading in GOOD]

weights = st.builds(
    lambda number, places: Decimal(number).scaleb(-places), st.integers(-999999, 999999), st.integers(0, 4)
).map(lambda value: value if value else abs(value))


@pytest.mark.parametrize(("_", "frame", "reading"), GOOD)
def test_a_frame_means_its_reading(_, frame, reading):
    assert decode(frame) == reading and decode(frame).raw == frame
    assert str(decode(frame).value) == str(reading.value)


@pytest.mark.parametrize(("address", "frame", "reading"), GOOD)
def test_a_reading_is_encoded_as_the_indicator_does(address, frame, reading):
    assert encode(reading, address) == frame


@pytest.mark.parametrize(("_", "frame", "reading"), GOOD)
def test_a_frame_may_come_byte_by_byte_with_more_behind_it(_, frame, reading, readings):
    assert readings(decoder(Reading()), frame + b"\x02AB", range(len(frame))) == [reading]


def test_questions_are_encoded_as_the_manual_says():
    assert encode_command("A", "B") == bytes.fromhex("02 41 42 30 33 03")
    with pytest.raises(ValueError, match="one letter"):
        encode_command("AB", "B")


def test_the_handshake_is_a_reply():
    assert decode(encode_command("K", HANDSHAKE)) == Reply("handshake", (("address", "K"),))


def test_the_echo_of_a_question_is_told_as_such():
    events = decoder(Reading()).feed(encode_command("A", "D") + encode(weighing("1.25")))
    assert "question" in events[0].why and events[1] == weighing("1.25")


@pytest.mark.parametrize("check", [b"1E", b"D1", b"1d", b"  "])
def test_a_wrong_check_is_garbage(check):
    assert isinstance(decode(GOOD[0][1].replace(b"1D", check)), Garbage)


def test_without_digits_there_is_no_weight():
    event = decode(encode(Weighing(None, net=Net.NET, state=State.OVERLOAD)))
    assert isinstance(event, Garbage) and "no digits" in event.why


def test_zero_has_no_sign():
    (event,) = decoder(Reading()).feed(encode(weighing("0.000")).replace(b"+", b"-").replace(b"1D", b"1D"))[:1]
    assert isinstance(event, Garbage)  # the sign is under the check
    assert str(decode(bytes.fromhex("02 41 44 2D 30 30 30 30 30 30 33 31 42 03")).value) == "0.000"


def test_a_parity_mistake_is_told_as_such():
    stream = bytes(byte | 0x80 if byte.bit_count() % 2 else byte for byte in STREAM)
    framer = decoder(Reading())
    assert {event.why for event in framer.feed(stream) + framer.finish()} == {PARITY_WHY}


@pytest.mark.parametrize("value", ["1000000", "0.00001", "1E3", "NaN"])
def test_what_does_not_fit_is_not_encoded(value):
    with pytest.raises(ValueError):
        encode(weighing(value))
    with pytest.raises(ValueError):
        encode(Weighing(Decimal(1)))


@given(weights, st.sampled_from(list(Net)), st.sampled_from(ADDRESSES))
def test_what_is_encoded_is_decoded(value, net, address):
    event = decode(encode(weighing(value, net), address))
    assert event == weighing(value, net) and str(event.value) == str(value)


@given(st.lists(st.integers(0, 100), max_size=8))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    assert readings(decoder(Reading()), STREAM[5:14] + b"\x00\x7f\x02" + STREAM, cuts) == READINGS


@given(st.binary(max_size=300).filter(lambda noise: b"\x03" not in noise))
def test_noise_is_garbage_and_the_next_frames_are_found(readings, noise):
    assert readings(decoder(Reading()), noise + b"\x03" * 14 + STREAM) == READINGS


@given(st.binary(max_size=300))
def test_noise_never_raises(noise):
    framer = decoder(Reading())
    assert all(isinstance(event, Garbage | Weighing | Reply) for event in framer.feed(noise) + framer.finish())


@given(weights, st.integers(0, 41), st.integers(1, 255), st.sampled_from(["flip", "lose", "double"]))
def test_one_damaged_byte_never_gives_another_number(readings, damage, value, at, flip, what):
    found = readings(decoder(Reading()), damage(encode(weighing(value)) * 3, at, what, flip))
    assert set(found) == {weighing(value)} and len(found) >= 2


def test_a_stream_without_frames_keeps_the_cap():
    framer = decoder(Reading())
    for _ in range(200):
        framer.feed(b"\x02AB+0000000000")
    assert len(framer._buffer) + len(framer._noise) <= 256


def test_the_session_asks_its_own_indicator_for_the_net_weight(talk):
    pan = Pan()
    device, asking = simulate(pan, "C"), session(Options(address="C"))
    asking.expired(0.0)
    assert asking.pending() == encode_command("C", "D")
    pan.put(Decimal("0.500"), 0.0)
    pan.tare_now(1.0)
    pan.put(Decimal("3.000"), 1.0)
    events = talk(asking, device, 2.0, 3.0)
    assert len(events) >= 8 and set(events) == {weighing("2.500")}
    assert set(talk(session(Options(address="C", ask="gross")), device, 3.0, 3.5)) == {weighing("3.000", Net.GROSS)}
    assert set(talk(session(Options(address="C", ask="tare")), device, 3.0, 3.5)) == {weighing("0.500", Net.TARE)}
    assert not asking.ask(Wish.TARE, 3.0)


def test_an_indicator_answers_only_its_address_and_a_right_check():
    device = simulate(Pan(), "C")
    device.receive(encode_command("A", "D") + b"\x02CD0003", 0.0)
    assert device.pending(0.0) == b"" and device.deadline(0.0) is None
    device.receive(encode_command("C", HANDSHAKE), 0.0)
    assert device.deadline(0.0) == 0.0
    assert device.pending(0.0) == encode_command("C", HANDSHAKE)


def test_what_another_indicator_answers_is_not_ours():
    asking = session(Options(address="A"))
    (event,) = asking.receive(encode(weighing("1.25"), "B"), 0.0)
    assert isinstance(event, Garbage) and "indicator B" in event.why


def test_only_what_there_is_can_be_asked_for():
    with pytest.raises(ValueError, match="'gross', 'tare' or 'net'"):
        session(Options(ask="amount"))


def test_the_format_and_its_row_are_in_the_tables():
    assert formats.find("yaohua_command").checked
    assert catalogue.find("yaohua-a9-command").unit == "kg"
