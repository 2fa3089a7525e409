from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import formats
from protocol.framing import PARITY_WHY
from protocol.readings import Garbage, Net, Reply, State, Weighing
from protocol.scales.toledo_8217 import LONGEST, POLL, Options, Session, decode, decoder, encode
from protocol.session import Wish
from simulator.scales._pan import Pan, find


def weighing(value, net=None):
    return Weighing(Decimal(value), net=net, stable=True)


TABLE = [
    ("02 31 32 2E 33 34 30 0D", weighing("12.340")),
    ("02 20 30 2E 32 35 30 4E 0D", weighing("0.250", Net.NET)),
    ("02 3F 01 0D", Weighing(None, stable=False, zero=False, state=State.MOTION)),
    ("02 3F 02 0D", Weighing(None, zero=False, state=State.OVERLOAD)),
    ("02 3F 04 0D", Weighing(None, zero=False, state=State.UNDERLOAD)),
    ("02 3F 08 0D", Weighing(None, zero=False, state=State.ERROR)),
]
ONE_WAY = [
    ("02 30 30 31 2E 32 35 0D", weighing("1.25")),
    ("02 3F 10 0D", Weighing(Decimal(0), stable=True, zero=True)),
    ("02 3F 30 0D", Weighing(None, net=Net.NET, zero=True, state=State.UNDERLOAD)),
    ("02 3F 0D 0D", Weighing(None, zero=False, state=State.UNDERLOAD)),
    ("02 3F 21 0D", Weighing(None, net=Net.NET, stable=False, zero=False, state=State.MOTION)),
    ("02 3F 42 0D", Weighing(None, zero=False, state=State.OVERLOAD)),
    ("02 45 0D", Reply("echo")),
]
UNCHANGED = bytes.fromhex("02 3F 00 0D")
GOOD = [(bytes.fromhex(text), reading) for text, reading in TABLE + ONE_WAY]
STREAM = b"".join(frame for frame, _ in GOOD)
READINGS = [reading for _, reading in GOOD]
BAD = ["02 31 32 33 34 30 0D", "02 0D", "02 31 32 2E 33 34 30", "02 2D 31 2E 30 30 0D", "02 31 2E 33 4E 4E 0D", "57"]
weights = st.integers(0, 99999).map(lambda number: Decimal(number).scaleb(-3))


@pytest.mark.parametrize(("frame", "reading"), GOOD)
def test_a_frame_means_its_reading(frame, reading):
    assert decode(frame) == reading and decode(frame).raw == frame
    assert decoder().feed(frame) == [reading]


@pytest.mark.parametrize(("text", "reading"), TABLE)
def test_a_reading_is_encoded_as_the_scale_does(text, reading):
    assert encode(reading) == bytes.fromhex(text)


@pytest.mark.parametrize(("frame", "reading"), GOOD)
def test_a_frame_may_come_byte_by_byte_with_more_behind_it(frame, reading, readings):
    assert readings(decoder(), frame + b"\x0212", range(len(frame))) == [reading]


@pytest.mark.parametrize("text", BAD)
def test_a_bad_frame_is_garbage(text):
    answers = decoder()
    events = answers.feed(bytes.fromhex(text)) + answers.finish()
    assert events and all(isinstance(event, Garbage) for event in events)


def test_a_parity_mistake_is_told_as_such():
    (event,) = decoder().feed(bytes(byte | 0x80 if byte.bit_count() % 2 else byte for byte in b"\x0212.340\r"))
    assert isinstance(event, Garbage) and event.why == PARITY_WHY


def test_an_unchanged_weight_is_said_again():
    answers = decoder()
    assert answers.feed(UNCHANGED) == [Reply("unchanged")]
    assert answers.feed(GOOD[0][0] + UNCHANGED * 2) == [GOOD[0][1]] * 3


@pytest.mark.parametrize("between", [GOOD[2][0], GOOD[3][0], b"\x021?.250\r", b"\xff", b"\x0212"])
def test_anything_in_between_makes_it_doubtful(between):
    assert decoder().feed(GOOD[0][0] + between + UNCHANGED)[-1] == Reply("unchanged")


def test_silence_makes_it_doubtful(conversation):
    talk = conversation(Session(Options(poll=0.25, patience=1.0))).at(0.0).station(POLL)
    talk.at(0.1).device(GOOD[0][0]).at(0.35).station(POLL)
    talk.at(1.35).station(POLL)  # no answer for a second
    talk.at(1.5).device(UNCHANGED).reading(Reply("unchanged"))


@pytest.mark.parametrize("value", ["12345678.000", "12", "0.00001", "NaN"])
def test_what_does_not_fit_is_not_encoded(value):
    with pytest.raises(ValueError):
        encode(weighing(value))


@given(weights, st.sampled_from([None, Net.NET]))
def test_what_is_encoded_is_decoded(value, net):
    assert decode(encode(weighing(value, net))) == weighing(value, net)
    assert str(decode(encode(weighing(value, net))).value) == str(value)


@given(st.lists(st.integers(0, 100), max_size=8))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    assert readings(decoder(), GOOD[0][0][3:] + b"\x00\x7f" + STREAM, cuts) == READINGS


@given(st.binary(max_size=300))
def test_noise_is_garbage_and_the_next_frames_are_found(readings, noise):
    assert readings(decoder(), noise + b"\xff" * LONGEST + STREAM)[-len(READINGS) :] == READINGS


@given(st.binary(max_size=300))
def test_noise_never_raises(noise):
    answers = decoder()
    assert all(isinstance(event, Garbage | Weighing | Reply) for event in answers.feed(noise) + answers.finish())


def test_a_stream_without_frames_keeps_the_cap():
    answers = decoder()
    for _ in range(200):
        answers.feed(b"\x0212.3456789012")
    assert len(answers._scanner._buffer) + len(answers._scanner._noise) <= 128


@pytest.mark.parametrize("once", [False, True])
def test_a_sale_on_a_simulated_scale(talk, once):
    pan, session = Pan(), Session(Options())
    scale = find("toledo_8217")(pan, once=once)
    pan.put(Decimal("2.350"), 0.0)
    events = talk(session, scale, 0.0, 1.6)
    assert events[0].state is State.MOTION
    assert events[-3:] == [weighing("2.350")] * 3
    pan.put(Decimal(20), 1.6)
    assert talk(session, scale, 1.7, 2.7)[-1].state is State.OVERLOAD
    pan.put(Decimal("0.1"), 2.7)
    assert talk(session, scale, 2.8, 3.8)[-1] == weighing("0.100")
    assert session.ask(Wish.ZERO, 3.8) and not session.ask(Wish.TARE, 3.8)
    assert talk(session, scale, 3.8, 4.8)[-1].value == 0


def test_a_simulated_scale_echoes_what_it_is_told_to():
    scale = find("toledo_8217")(Pan())
    scale.receive(b"Ehello", 0.0)
    assert scale.pending(0.0) == b"\x02E\rhello"
    scale.receive(b"FW", 0.0)
    assert decode(scale.pending(0.0)) == weighing("0.000")


def test_the_format_is_in_the_table():
    row = formats.find("toledo_8217")
    assert row.session is Session and not row.sends_unit
