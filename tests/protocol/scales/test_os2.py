from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.identify import Search
from protocol import formats
from protocol.readings import Garbage, Net, Reply, State, Weighing
from protocol.scales import cas_handshake
from protocol.scales.cas_handshake import ACK, DC1, ENQ, NAK
from protocol.scales.os2 import Options, Session, decode, decoder, encode
from protocol.session import Wish
from simulator.scales._pan import Pan, find
from simulator.wires.table import Table


def weighing(value, unit="kg", stable=True, net=Net.GROSS, zero=False):
    return Weighing(Decimal(value), unit, net, stable, zero)


def passive(value, unit="kg", stable=True):
    return weighing(value, unit, stable, None, None)


def out(state=State.OVERLOAD):
    return Weighing(None, "kg", Net.GROSS, zero=False, state=state)


TABLE = [
    ("01 02 53 20 20 31 2E 32 35 30 6B 67 74 03 04 00", weighing("1.250")),
    ("01 02 55 20 20 32 2E 33 34 35 6B 67 74 03 04 00", weighing("2.345", stable=False)),
    ("01 02 53 20 20 30 2E 30 30 30 6B 67 72 03 04 10", weighing("0.000", zero=True)),
    ("01 02 53 2D 20 30 2E 31 32 30 6B 67 7C 03 04 20", weighing("-0.120", net=Net.NET)),
    ("01 02 46 20 20 20 20 20 20 20 6B 67 69 03 04 40", out()),
    ("01 02 46 2D 20 20 20 20 20 20 6B 67 64 03 04 40", out(State.UNDERLOAD)),
]
PASSIVE = [
    ("01 02 53 2D 20 30 2E 31 32 30 6B 67 7C 03 04", passive("-0.120")),
    ("01 02 53 20 20 20 31 32 35 30 20 67 31 03 04", passive("1250", "g")),
]
ONE_WAY = [
    ("01 02 53 20 20 31 2E 32 35 30 6B 67 74 03 04 40", out()),
    ("01 02 53 2D 20 30 2E 30 30 30 6B 67 7F 03 04 10", weighing("0.000", zero=True)),
    ("01 02 53 20 20 31 2E 32 35 30 6B 67 74 03 04 81", weighing("1.250")),
    ("01 02 53 20 20 31 2E 32 35 30 20 20 78 03 04 00", weighing("1.250", "?")),
    ("06", Reply("ready")),
    ("15", Reply("not-ready")),
]
GOOD = [(bytes.fromhex(text), reading) for text, reading in TABLE + PASSIVE + ONE_WAY]
STREAM = b"".join(frame for frame, _ in GOOD)
READINGS = [reading for _, reading in GOOD]
BAD = [
    "01 02 53 20 20 31 2E 32 35 30 6B 67 75 03 04 00",
    "01 02 53 20 20 31 2E 32 35 30 6B 67 77 03 04",  # a CAS: without 01 and 02
    "01 02 53 20 20 31 20 32 35 30 6B 67 7A 03 04 00",
    "01 02 53 20 20 31 2E 32 35 30 6B 67 74 03",
    "01 02 58 20 20 31 2E 32 35 30 6B 67 7F 03 04 00",
    "01 02 53 20 31 20 2E 32 35 30 6B 67 74 03 04 00",
]
active_sent = st.builds(
    weighing,
    st.integers(-9999, 99999).map(lambda number: Decimal(number).scaleb(-3)).filter(lambda value: value > -10),
    st.sampled_from(["kg", "g", "lb"]),
    st.booleans(),
    st.sampled_from([Net.GROSS, Net.NET]),
    st.booleans(),
)


@pytest.mark.parametrize(("frame", "reading"), GOOD)
def test_a_frame_means_its_reading(frame, reading):
    assert decode(frame) == reading and decode(frame).raw == frame
    assert str(getattr(decode(frame), "value", "")) == str(getattr(reading, "value", ""))
    frames = decoder()
    assert frames.feed(frame) + frames.finish() == [reading]


@pytest.mark.parametrize(("text", "reading"), TABLE)
def test_a_reading_is_encoded_as_the_scale_does(text, reading):
    assert encode(reading) == bytes.fromhex(text)


@pytest.mark.parametrize(("text", "reading"), PASSIVE)
def test_a_scale_that_is_asked_sends_a_byte_less(text, reading):
    assert encode(reading, active=False) == bytes.fromhex(text)


@pytest.mark.parametrize("text", BAD)
def test_a_bad_frame_is_garbage(text):
    frame = bytes.fromhex(text)
    assert isinstance(decode(frame), Garbage)
    frames = decoder()
    assert not [event for event in frames.feed(frame) + frames.finish() if isinstance(event, Weighing)]


def test_the_frame_of_a_cas_and_ours_are_told_apart_by_the_check():
    cas = cas_handshake.encode(Weighing(Decimal("1.250"), "kg", stable=True), eot=True)
    ours = encode(passive("1.250"), active=False)
    assert [at for at in range(15) if cas[at] != ours[at]] == [12] and cas[12] ^ ours[12] == 0x03
    assert isinstance(decode(cas), Garbage) and "cas_handshake" in decode(cas).why
    assert isinstance(cas_handshake.decode(ours), Garbage) and "os2" in cas_handshake.decode(ours).why


@pytest.mark.parametrize(
    ("value", "unit"), [("12345.678", "kg"), ("1.23456", "kg"), ("NaN", "kg"), ("1.0", "jin"), ("1.0", "")]
)
def test_what_does_not_fit_is_not_encoded(value, unit):
    with pytest.raises((ValueError, ArithmeticError)):
        encode(weighing(value, unit))


@given(active_sent)
def test_what_is_encoded_is_decoded(reading):
    assert decode(encode(reading)) == reading
    assert decode(encode(reading, active=False)) == passive(reading.value, reading.unit, reading.stable)


@given(st.lists(st.integers(0, 300), max_size=8))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    stream = GOOD[0][0][4:] + b"\x00\x7f" + STREAM
    assert readings(decoder(), stream, cuts) == READINGS


@given(st.binary(max_size=300))
def test_noise_is_garbage_and_the_next_frames_are_found(readings, noise):
    assert readings(decoder(), noise + b"\xff" * 16 + STREAM)[-len(READINGS) :] == READINGS


@given(st.binary(max_size=300))
def test_noise_never_raises(noise):
    frames = decoder()
    assert all(isinstance(event, Garbage | Weighing | Reply) for event in frames.feed(noise) + frames.finish())


@given(active_sent, st.integers(0, 47), st.sampled_from(["flip", "lose", "double"]), st.integers(1, 255))
def test_one_damaged_byte_never_gives_another_number(readings, damage, reading, at, what, flip):
    found = readings(decoder(), damage(encode(reading) * 3, at, what, flip) + encode(reading))
    weighings = [event for event in found if isinstance(event, Weighing)]
    assert {event.value for event in weighings} - {None} == {reading.value} and len(weighings) >= 3
    assert {event.stable for event in weighings if event.value is not None} == {reading.stable}


def test_a_stream_without_frames_keeps_the_cap():
    frames = decoder()
    for _ in range(200):
        frames.feed(b"\x01\x02S12345678901234")
    assert len(frames._buffer) + len(frames._noise) <= 128


def test_a_scale_that_streams_is_only_listened_to(conversation):
    frame, weight = GOOD[0]
    talk = conversation(Session(Options(poll=0.4))).at(0.0)
    for tenth in range(1, 8):
        talk.at(tenth / 10).device(frame).reading(weight).station()
    talk.at(1.05).station().at(1.1).station(ENQ).at(1.15).device(frame).reading(weight).station().at(1.5).station()


def test_a_scale_that_is_silent_is_asked_and_its_frame_taken_at_once(conversation):
    frame, weight = bytes.fromhex(PASSIVE[0][0]), PASSIVE[0][1]
    talk = conversation(Session(Options(poll=0.4, patience=0.5))).at(0.0).station().at(0.4).station(ENQ)
    talk.at(0.41).device(ACK).reading().station(DC1)
    talk.at(0.42).device(frame[:9], frame[9:]).reading(weight).station()
    talk.at(0.83).station(ENQ).device(NAK).reading().station().at(1.24).station(ENQ)


def test_a_wish_is_sent_at_once_or_when_the_answer_is_there(conversation):
    session = Session(Options(poll=0.4))
    talk = conversation(session).at(0.1).device(GOOD[0][0]).reading(GOOD[0][1])
    assert session.ask(Wish.TARE, 0.1) and not session.ask(Wish.CLEAR_TARE, 0.1)
    assert session.pending() == b"<TK>\t"
    talk.at(0.5).station(ENQ)
    assert session.ask(Wish.ZERO, 0.5) and session.ask(Wish.ZERO, 0.5) and session.pending() == b""
    talk.device(ACK).station(DC1).device(bytes.fromhex(PASSIVE[0][0])).reading(PASSIVE[0][1]).station(b"<ZK>\t")
    talk.at(0.9).station(ENQ)


@pytest.mark.parametrize("active", [True, False])
def test_a_sale_on_a_simulated_scale(talk, active):
    pan, session = Pan(), Session(Options())
    scale = find("os2")(pan, active=active)
    pan.put(Decimal("0.150"), 0.0)
    assert talk(session, scale, 0.0, 1.5)[-1].value == Decimal("0.150")
    assert session.ask(Wish.TARE, 1.5)
    pan.put(Decimal("2.500"), 1.6)
    last = talk(session, scale, 1.6, 3.0)[-1]
    assert (last.value, last.stable, last.net) == (Decimal("2.350"), True, Net.NET if active else None)
    pan.put(Decimal(20), 3.0)
    assert talk(session, scale, 3.0, 4.0)[-1].state is State.OVERLOAD
    pan.put(Decimal(-1), 4.0)
    assert talk(session, scale, 4.0, 5.0)[-1].state is State.UNDERLOAD
    pan.put(Decimal("0.1"), 5.0)
    assert session.ask(Wish.ZERO, 5.5)
    assert talk(session, scale, 5.5, 6.5)[-1].value == 0


def test_one_that_waits_to_be_asked_is_told_from_a_cas():
    pan = Pan(settle=0.0)
    pan.put(Decimal("2.350"), 0.0)
    for name, options in (("os2", {"active": False}), ("cas_handshake", {"eot": True})):
        table = Table(find(name)(pan, **options))
        (found,) = Search(lambda at, table=table: table, clock=table.clock).run().findings
        assert (found.protocol, found.example.value) == (name, Decimal("2.350"))


def test_the_format_is_in_the_table():
    assert formats.find("os2").session is Session
