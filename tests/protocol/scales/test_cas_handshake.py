from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import formats
from protocol.framing import PARITY_WHY
from protocol.readings import Garbage, Reply, State, Weighing
from protocol.scales.cas_handshake import ACK, DC1, ENQ, NAK, Options, Session, decode, decoder, encode
from protocol.session import Wish
from simulator.scales._pan import Pan, find


def weighing(value, unit="kg", stable=True):
    return Weighing(Decimal(value), unit, stable=stable)


TABLE = [
    ("01 02 53 20 20 20 31 2E 32 35 30 6B 20 10 03", weighing("1.250"), {}),
    ("01 02 55 20 20 20 30 2E 38 37 35 6B 20 1A 03", weighing("0.875", stable=False), {}),
    ("01 02 53 20 20 2D 31 2E 32 35 30 6B 20 1D 03", weighing("-1.250"), {}),
    ("01 02 53 20 20 31 2E 32 35 30 6B 67 77 03 04", weighing("1.250"), {"eot": True}),
    ("01 02 53 2D 20 31 2E 32 35 30 6B 67 7A 03 04", weighing("-1.250"), {"eot": True}),
    ("01 02 53 46 20 20 20 20 20 20 6B 67 19 03 04", Weighing(None, "kg", state=State.OVERLOAD), {"eot": True}),
]
ONE_WAY = [
    ("81 02 53 20 20 20 31 2E 32 35 30 6B 20 10 03", weighing("1.250")),
    ("01 02 53 20 20 20 31 2E 32 35 30 67 20 1C 03", weighing("1.250", "g")),
    ("01 02 53 20 20 20 31 2E 32 35 30 20 20 5B 03", weighing("1.250", "?")),
    ("01 02 53 20 20 20 2D 30 2E 30 30 6B 20 0B 03", weighing("0.00")),
    ("06", Reply("ready")),
    ("15", Reply("not-ready")),
]
GOOD = [(bytes.fromhex(text), reading) for text, reading, *_ in TABLE + ONE_WAY]
STREAM = b"".join(frame for frame, _ in GOOD)
READINGS = [reading for _, reading in GOOD]
BAD = [
    "01 02 53 20 20 20 31 2E 32 35 30 6B 20 11 03",
    "01 02 53 20 20 20 31 20 32 35 30 6B 20 1E 03",
    "01 02 53 2D 20 2D 31 2E 32 35 30 6B 20 10 03",
    "01 02 53 20 20 20 31 2E 32 35 30 6B 20 10",
    "01 02 58 20 20 20 31 2E 32 35 30 6B 20 1B 03",
]
readings_sent = st.builds(
    weighing,
    st.integers(-9999, 99999).map(lambda number: Decimal(number).scaleb(-3)),
    st.sampled_from(["kg", "g", "lb"]),
    st.booleans(),
)


@pytest.mark.parametrize(("frame", "reading"), GOOD)
def test_a_frame_means_its_reading(frame, reading):
    assert decode(frame) == reading and decode(frame).raw == frame
    assert str(getattr(decode(frame), "value", "")) == str(getattr(reading, "value", ""))
    assert decoder().feed(frame) == [reading]


@pytest.mark.parametrize(("text", "reading", "options"), TABLE)
def test_a_reading_is_encoded_as_the_scale_does(text, reading, options):
    assert encode(reading, **options) == bytes.fromhex(text)


@pytest.mark.parametrize(("frame", "reading"), GOOD)
def test_a_frame_may_come_byte_by_byte_with_more_behind_it(frame, reading, readings):
    assert readings(decoder(), frame + b"\x01\x02S  ", range(len(frame))) == [reading]


@pytest.mark.parametrize("text", BAD)
def test_a_bad_frame_is_garbage(text):
    frame = bytes.fromhex(text)
    assert isinstance(decode(frame), Garbage)
    frames = decoder()
    assert not [event for event in frames.feed(frame) + frames.finish() if isinstance(event, Weighing)]


def test_a_parity_mistake_is_told_as_such():
    even = bytes(byte | 0x80 if byte.bit_count() % 2 else byte for byte in GOOD[0][0])
    (event,) = decoder().feed(even)
    assert event == Garbage(even, PARITY_WHY)


@pytest.mark.parametrize(
    ("value", "unit"), [("12345.678", "kg"), ("12", "kg"), ("NaN", "kg"), ("1.0", "jin"), ("1.0", "")]
)
def test_what_does_not_fit_is_not_encoded(value, unit):
    with pytest.raises((ValueError, ArithmeticError)):
        encode(weighing(value, unit))


@given(readings_sent, st.booleans())
def test_what_is_encoded_is_decoded(reading, eot):
    assert decode(encode(reading, eot=eot)) == reading


@given(st.lists(st.integers(0, 200), max_size=8))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    assert readings(decoder(), GOOD[0][0][4:] + b"\x00\x7f" + STREAM, cuts) == READINGS


@given(st.binary(max_size=300))
def test_noise_is_garbage_and_the_next_frames_are_found(readings, noise):
    assert readings(decoder(), noise + b"\xff" * 15 + STREAM)[-len(READINGS) :] == READINGS


@given(st.binary(max_size=300))
def test_noise_never_raises(noise):
    frames = decoder()
    assert all(isinstance(event, Garbage | Weighing | Reply) for event in frames.feed(noise) + frames.finish())


@given(
    readings_sent,
    st.booleans(),
    st.integers(0, 44),
    st.sampled_from(["flip", "lose", "double"]),
    st.integers(1, 255),
)
def test_one_damaged_byte_never_gives_another_number(readings, damage, reading, eot, at, what, flip):
    frame = encode(reading, eot=eot)
    found = readings(decoder(), damage(frame * 3, at, what, flip))
    weighings = [event for event in found if isinstance(event, Weighing)]
    assert set(weighings) == {reading} and len(weighings) >= 2


def test_a_stream_without_frames_keeps_the_cap():
    frames = decoder()
    for _ in range(200):
        frames.feed(b"\x01\x02S12345678901234")
    assert len(frames._buffer) + len(frames._noise) <= 128


def test_the_dialogue_goes_from_enq_to_the_weight(conversation):
    frame, weight = GOOD[0]
    talk = conversation(Session(Options(poll=0.2, patience=0.5))).at(0.0).station(ENQ)
    talk.at(0.01).device(ACK).reading().station(DC1)
    talk.at(0.02).device(frame[:9], frame[9:]).reading(weight).station()
    talk.wakes(0.22).at(0.22).station(ENQ)


@pytest.mark.parametrize(("answer", "again"), [(NAK, 0.1 + 0.2), (b"", 0.5 + 0.2)])
def test_a_scale_that_is_not_ready_is_asked_again(conversation, answer, again):
    talk = conversation(Session(Options(poll=0.2, patience=0.5))).at(0.0).station(ENQ)
    talk.at(0.1).device(answer).station().at(again - 0.01).station().at(again).station(ENQ)


def test_a_damaged_weight_is_asked_for_again_and_an_ack_in_it_does_no_harm(conversation):
    talk = conversation(Session(Options(poll=0.2, patience=0.5))).at(0.0).station(ENQ)
    talk.at(0.1).device(ACK).station(DC1)
    talk.at(0.2).device(bytes.fromhex(BAD[0]) + ACK).station()
    talk.at(0.6).station().at(0.8).station(ENQ)


@pytest.mark.parametrize("options", [{}, {"eot": True}, {"busy": 0.3}])
def test_a_sale_on_a_simulated_scale(talk, options):
    pan, session = Pan(), Session(Options())
    scale = find("cas_handshake")(pan, **options)
    pan.put(Decimal("2.350"), 0.0)
    events = talk(session, scale, 0.0, 1.5)
    assert events[-1] == weighing("2.350")
    assert events[0].stable is ("busy" in options)
    pan.put(Decimal(20), 2.0)
    assert talk(session, scale, 2.0, 3.0)[-1].state is State.OVERLOAD
    assert not session.ask(Wish.TARE, 3.0)


def test_the_format_is_in_the_table():
    assert formats.find("cas_handshake").session is Session
