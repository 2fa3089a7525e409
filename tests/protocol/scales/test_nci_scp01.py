from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import formats
from protocol.framing import PARITY_WHY
from protocol.readings import Garbage, Net, Reply, State, Weighing
from protocol.scales.nci_scp01 import LONGEST, decode, decoder, encode, encode_status, encode_unit
from protocol.session import Asking, Wish
from simulator.scales._pan import Pan, find


def weighing(value, unit="KG", net=None, stable=True, zero=False):
    return Weighing(Decimal(value), unit, net, stable, zero)


TABLE = [
    (b"\n0001.25KG\r\n00\r\x03", weighing("1.25")),
    (b"\n0012.34lb\r\n10\r\x03", weighing("12.34", "lb", stable=False)),
    (b"\n-00.005KG\r\n0p4\r\x03", weighing("-0.005", net=Net.NET)),
    (b"\n000.000KG\r\n2p0\r\x03", weighing("0.000", net=Net.GROSS, zero=True)),
    (b"\n       KG\r\n02\r\x03", Weighing(None, "KG", None, True, False, State.OVERLOAD)),
    (b"\n       KG\r\n01\r\x03", Weighing(None, "KG", None, True, False, State.UNDERLOAD)),
]
ONE_WAY = [
    (b"\n   1.25 KG\r\n00\r\x03", weighing("1.25")),
    (b"\n0012.50tl\r\n00\r\x03", weighing("12.50", "tl")),
    (b"\n  -1.25 g\r\n00\r\x03", weighing("-1.25", "g")),
    (b"\n0001.25KG\r\n02\r\x03", Weighing(None, "KG", None, True, False, State.OVERLOAD)),
    (b"\n0001.25KG\r\n40\r\x03", Weighing(None, "KG", None, True, False, State.ERROR)),
    (b"\n0001.25KG\r\n0p8\r\x03", Weighing(None, "KG", Net.GROSS, True, False, State.ERROR)),
    (b"\n  Err 3KG\r\n00\r\x03", Weighing(None, "KG", None, True, False, State.ERROR)),
    (b"\n02lb 03.5oz\r\n00\r\x03", weighing("35.5", "oz")),
    (b"\n-00.000KG\r\n00\r\x03", weighing("0.000")),
    (bytes.fromhex("0A 31 30 0D 03"), Weighing(None, stable=False, zero=False, state=State.MOTION)),
    (bytes.fromhex("0A 30 32 0D 03"), Weighing(None, stable=True, zero=False, state=State.OVERLOAD)),
    (b"\n38\r\x03", Weighing(None, stable=False, zero=True, state=State.ERROR)),
    (b"\n20\r\x03", Reply("status", (("zero", "yes"),))),
    (b"\nkg\r\n00\r\x03", Reply("unit", (("unit", "kg"),))),
    (bytes.fromhex("0A 3F 0D 03"), Reply("error", (("error", "unknown command"),))),
]
STREAM = b"".join(frame for frame, _ in TABLE + ONE_WAY)
READINGS = [reading for _, reading in TABLE + ONE_WAY]
BAD = [b"\n001.25KG\r\n00\r\x03", b"\n0001.25KG\r\n0\r\x03", b"0001.25KG\r\n00", b"\n0001.25KG 00\r\x03", b"W\r"]
weights = st.integers(-99999, 999999).map(lambda number: Decimal(number).scaleb(-3))


def test_the_worked_example_is_in_the_table():
    assert bytes.fromhex("0A 30 30 30 31 2E 32 35 4B 47 0D 0A 30 30 0D 03") == TABLE[0][0]


@pytest.mark.parametrize(("frame", "reading"), TABLE + ONE_WAY)
def test_a_frame_means_its_reading(frame, reading):
    assert decode(frame) == reading and decode(frame).raw == frame
    assert decoder().feed(frame) == [reading]


@pytest.mark.parametrize(("frame", "reading"), TABLE)
def test_a_reading_is_encoded_as_the_scale_does(frame, reading):
    assert encode(reading) == frame


@pytest.mark.parametrize(("frame", "reading"), TABLE + ONE_WAY)
def test_a_frame_may_come_byte_by_byte_with_more_behind_it(frame, reading, readings):
    assert readings(decoder(), frame + b"\n0001", range(len(frame))) == [reading]


@pytest.mark.parametrize("frame", BAD)
def test_a_bad_frame_gives_no_weight(frame):
    found = decoder()
    events = found.feed(frame) + found.finish()
    assert events and not [event for event in events if isinstance(event, Weighing)]


def test_a_parity_mistake_is_told_as_such():
    odd = bytes(byte if byte.bit_count() % 2 else byte | 0x80 for byte in TABLE[0][0])
    even = bytes(byte | 0x80 if byte.bit_count() % 2 else byte for byte in TABLE[0][0])
    for line in (odd, even):
        found = decoder()
        assert PARITY_WHY in {event.why for event in found.feed(line) + found.finish()}


@pytest.mark.parametrize(("value", "unit"), [("12345.67", "KG"), ("1", "KILO"), ("1", None)])
def test_what_does_not_fit_is_not_encoded(value, unit):
    with pytest.raises(ValueError):
        encode(weighing(value, unit))


@given(weights, st.sampled_from(["KG", "lb", "g"]), st.sampled_from([None, *Net][:3]), st.booleans(), st.booleans())
def test_what_is_encoded_is_decoded(value, unit, net, stable, zero):
    reading = weighing(value if value else abs(value), unit, net, stable, zero)
    assert decode(encode(reading)) == reading
    assert str(decode(encode(reading)).value) == str(reading.value)


def test_the_other_answers_are_encoded():
    assert encode_status(weighing("1.25", stable=False)) == b"\n10\r\x03"
    assert encode_unit(weighing("1.25")) == b"\nKG\r\n00\r\x03"


@given(st.lists(st.integers(0, 300), max_size=8))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    assert readings(decoder(), TABLE[0][0][4:11] + b"\x00\x7f" + STREAM, cuts) == READINGS


@given(st.binary(max_size=300))
def test_noise_is_garbage_and_the_next_frames_are_found(readings, noise):
    assert readings(decoder(), noise + b"\xff" * LONGEST + STREAM)[-len(READINGS) :] == READINGS


@given(st.binary(max_size=300))
def test_noise_never_raises(noise):
    found = decoder()
    assert all(isinstance(event, Garbage | Weighing | Reply) for event in found.feed(noise) + found.finish())


@given(weights.filter(bool), st.integers(0, 15), st.sampled_from(["lose", "double"]))
def test_a_lost_or_doubled_byte_never_gives_another_number(readings, damage, value, at, what):
    frame = encode(weighing(value))
    found = readings(decoder(), damage(frame, at, what) + frame)
    assert {event.value for event in found if isinstance(event, Weighing)} - {None} == {value}


def test_a_stream_without_frames_keeps_the_cap():
    found = decoder()
    for _ in range(200):
        found.feed(b"\n0001.25KG 1234")
    assert len(found._buffer) + len(found._noise) <= 128


@pytest.mark.parametrize("three", [False, True])
def test_a_sale_on_a_simulated_scale(talk, three):
    pan, session = Pan(), formats.find("nci_scp01").speaks()
    assert isinstance(session, Asking)
    scale = find("nci_scp01")(pan, three=three)
    pan.put(Decimal("2.350"), 0.0)
    events = talk(session, scale, 0.0, 1.0)
    assert events[0].stable is False
    assert events[-1] == weighing("2.350", "kg", Net.GROSS if three else None)
    pan.put(Decimal(20), 1.0)
    assert talk(session, scale, 1.1, 2.0)[-1].state is State.OVERLOAD
    pan.put(Decimal("0.1"), 2.0)
    talk(session, scale, 2.0, 3.0)
    assert session.ask(Wish.ZERO, 3.0) and not session.ask(Wish.TARE, 3.0)
    events = talk(session, scale, 3.0, 4.0)
    assert Reply("status", (("zero", "yes"),)) in events
    assert (events[-1].value, events[-1].zero) == (0, True)
    scale.receive(b"q\ru\r", 4.0)
    assert decoder().feed(scale.pending(4.0)) == [
        Reply("error", (("error", "unknown command"),)),
        Reply("unit", (("unit", "kg"),)),
    ]


def test_the_format_is_in_the_table():
    assert formats.find("nci_scp01").polled
