from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import catalogue
from protocol import formats
from protocol.framing import PARITY_WHY
from protocol.readings import Garbage, Net, Reply, State, Weighing
from protocol.scales.adam_azextra import LINE_CAP, Options, Session, decode, decoder, encode
from protocol.session import Wish
from simulator.scales._pan import Pan
from simulator.scales.adam_azextra import simulate


def weighing(value, net=None, stable=None):
    """The label alone does not say that the weight stood still."""
    return Weighing(Decimal(value), "kg", net, stable, zero=False)


def answer(value, net=None):
    return weighing(value, net, stable=True)


def pressed(session, at=0.0):
    """The session has asked at this time."""
    session.expired(at - session._quiet)
    session.expired(at)
    return session


def told(session, data, at):
    """What the session makes of these bytes once the wire is silent again."""
    return session.receive(data, at) + session.expired(session.deadline)


TABLE = [
    (b"   0.500kg\r\n", weighing("0.500")),
    (b"  12.500kg\r\n", weighing("12.500")),
    (b"Net    0.500kg\r\n", weighing("0.500", Net.NET)),
    (b"Gross    1.250kg\r\n", weighing("1.250", Net.GROSS)),
    (b"Tare    0.100kg\r\n", weighing("0.100", Net.TARE)),
]
ONE_WAY = [
    (b"\r\n0.500kg", weighing("0.500")),
    (b"12/09/26 14:56\r\nNet Wt. 0.500kg\r\n", weighing("0.500", Net.NET)),
    (b"Price 3.00\r\n\n  0.500 kg\r\nTotal 1.50\r\n", weighing("0.500")),
]
BAD = [
    b"0.500",  # the first digits may be cut off
    b"\r\n500",
    b"\r\n.500",
    b"\r\n-0.500",
    b"\r\n- 0.500",
    b"\r\n1 0.500",
    b"\r\nq2.500",
    b"\r\n0..500",
    b"\r\n0.500\r\n7",
    b"\r\n0,500",
]

weights = st.integers(1, 99999).map(lambda grams: weighing(Decimal(grams).scaleb(-3)))


@pytest.mark.parametrize(("text", "reading"), TABLE + ONE_WAY)
def test_a_label_means_its_weight(text, reading):
    (event,) = decoder().feed(text)
    assert event == reading and str(event.value) == str(reading.value)
    assert event.raw in text and event.raw.endswith(b"kg")


@pytest.mark.parametrize(("text", "reading"), TABLE)
def test_a_reading_is_encoded(text, reading):
    assert encode(reading) == text


@pytest.mark.parametrize(("text", "reading"), TABLE + ONE_WAY)
def test_a_label_may_come_byte_by_byte_with_more_behind_it(text, reading, readings):
    assert readings(decoder(), text + b"Total 1.5", range(len(text))) == [reading]


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_weight_is_garbage(text):
    assert isinstance(decode(text), Garbage)


@pytest.mark.parametrize("text", [b"\r\nEUR/", b"\r\n 3.00 / ", b"\r\nweight in "])
def test_text_that_names_the_unit_is_text(text):
    assert isinstance(decode(text), Reply)


def test_a_parity_mistake_is_told_as_such():
    even = bytes(byte | 0x80 if byte.bit_count() % 2 else byte for byte in b"   0.500kg\r\n")
    framer = decoder()
    assert {event.why for event in framer.feed(even) + framer.finish()} == {PARITY_WHY}
    odd = bytes(byte | 0x80 if not byte.bit_count() % 2 else byte for byte in b"   0.500")
    assert decode(odd).why == PARITY_WHY


@pytest.mark.parametrize(
    "reading",
    [weighing("1000.000"), weighing("-0.5"), weighing("5"), weighing("0.00000"), replace(weighing("1.0"), unit="lb")],
)
def test_what_does_not_fit_is_not_encoded(reading):
    with pytest.raises(ValueError):
        encode(reading)
    with pytest.raises(ValueError):
        encode(Weighing(None, "kg", state=State.OVERLOAD))


@given(weights, st.sampled_from([*Net, None]))
def test_what_is_encoded_is_decoded(reading, net):
    reading = replace(reading, net=net)
    (event,) = decoder().feed(encode(reading))
    assert event == reading and str(event.value) == str(reading.value)


@given(st.lists(st.integers(0, 200), max_size=10))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    stream = b"2.500kg\r\n\x00\x7f" + b"".join(text + b"\r\n" for text, _ in TABLE + ONE_WAY)
    assert readings(decoder(), stream, cuts) == [reading for _, reading in TABLE + ONE_WAY]


@given(st.binary(max_size=600))
def test_noise_never_raises_and_the_next_label_is_found(noise):
    framer = decoder()
    framer.feed(noise)
    framer.finish()
    assert framer.feed(b"\n" + TABLE[0][0]) == [TABLE[0][1]]


def test_a_stream_without_a_weight_keeps_the_cap():
    framer = decoder()
    for _ in range(100):
        framer.feed(b"Total 1.50\r\n" * 10)
    assert len(framer._buffer) <= LINE_CAP + 1


@given(st.integers(1, 9), st.integers(0, 9))
def test_a_cut_answer_is_never_a_weight(first, second):
    session = Session(Options())
    session.expired(0.0)
    assert all(isinstance(event, Garbage) for event in told(session, f"{second}.500kg\r\n".encode(), 0.1))
    session.expired(1.5)
    assert session.pending() == b""  # not into a line that speaks
    session.expired(session.deadline)
    assert session.pending() == b"P\r\n"
    assert told(session, f"{first}{second}.500kg\r\n".encode(), 1.9) == [answer(f"{first}{second}.500")]


def test_a_weight_is_said_once_and_silence_is_no_error(talk):
    pan = Pan()
    scale, session = simulate(pan), catalogue.find("adam-azextra").session()
    assert talk(session, scale, 0.0, 5.0) == []
    pan.put(Decimal("0.500"), 5.0)
    assert talk(session, scale, 5.0, 8.0) == [answer("0.500", Net.GROSS)]
    beeps = scale.beeps
    assert talk(session, scale, 8.0, 11.0) == []
    assert scale.beeps <= beeps + 1  # it rests after a weight, so that the scale does not beep all the time
    pan.take_off(11.0)
    assert talk(session, scale, 11.0, 15.0) == []
    pan.put(Decimal("0.500"), 15.0)
    assert talk(session, scale, 15.0, 20.0) == [answer("0.500", Net.GROSS)]  # equal goods, weighed twice
    pan.put(Decimal(99), 20.0)
    assert talk(session, scale, 20.0, 30.0) == []


def test_a_tare_is_taken_at_once(talk):
    pan = Pan()
    scale, session = simulate(pan), catalogue.find("adam-cbd").session()
    pan.put(Decimal("0.150"), 0.0)
    talk(session, scale, 0.0, 2.5)
    assert session.ask(Wish.TARE, 2.5) and not session.ask(Wish.CLEAR_TARE, 2.5)
    talk(session, scale, 2.5, 2.6)
    pan.put(Decimal("2.500"), 2.7)
    assert talk(session, scale, 2.7, 8.0) == [answer("2.350", Net.NET)]


def test_a_wish_before_the_first_question_waits_for_it():
    session = Session(Options())
    session.expired(0.0)
    session.ask(Wish.ZERO, 0.1)
    session.ask(Wish.ZERO, 0.1)
    assert session.deadline == 1.5
    session.expired(1.5)
    session.expired(3.5)
    assert session.pending() == b"Z\r\nP\r\n"


def test_the_print_key_of_a_person_gives_a_weight_of_unknown_stability(talk):
    pan = Pan()
    scale, session = simulate(pan), Session(Options())
    pan.put(Decimal("0.500"), 0.0)
    assert talk(session, scale, 0.0, 3.0) == [answer("0.500", Net.GROSS)]
    pan.put(Decimal("0.700"), 3.0)
    scale.press_print(4.0)
    assert talk(session, scale, 4.0, 4.5) == [weighing("0.700", Net.GROSS)]


def test_of_one_label_only_the_first_weight_counts():
    session = pressed(Session(Options()))
    events = told(session, b"0.500kg\r\nTare 0.100kg\r\nTotal 1.50\r\n", 0.1)
    assert events[0] == answer("0.500") and isinstance(events[1], Reply)
    assert [type(event) for event in session.expired(session.deadline)] == [Reply]  # the rest of the label


# --- what is no Adam scale ------------------------------------------------------------------------------------------

OS2 = bytes.fromhex("0102532020312e3235306b6774030400")  # of a checkout scale: 01 02, S stable, 1.250 kg, a check …
FOREIGN = [
    OS2,
    bytes.fromhex("0102552020322e3334356b6774030400"),
    bytes.fromhex("0102462020302e3430306b6776030440"),
    b"\x02   1.250kg\x03",
    b"\x1b@   1.250kg\r\n",
]
LINES = [b"   1.250kg\r\n", b"G.W.:   1.250kg\r\n", b"    1.250 kg\r\n"]


@pytest.mark.parametrize("text", FOREIGN)
@given(cuts=st.lists(st.integers(0, 200), max_size=10))
def test_control_bytes_are_in_no_label(readings, text, cuts):
    assert [event for event in readings(decoder(), text * 5, cuts) if isinstance(event, Weighing)] == []


class Stream:
    """Says a text every so many seconds."""

    def __init__(self, text, every, first=0.0):
        self.text, self.every, self.next, self.heard = text, every, first, b""

    def receive(self, data, now):
        self.heard += data

    def pending(self, now):
        if now < self.next:
            return b""
        self.next += self.every
        return self.text


@pytest.mark.parametrize("first", [0.0, 0.7, 1.51, 2.0, 6.4])
@pytest.mark.parametrize("every", [0.02, 0.1, 0.25])
@pytest.mark.parametrize("text", LINES)
def test_a_stream_is_never_a_weight(talk, text, every, first):
    events = talk(Session(Options()), Stream(text, every, first), 0.0, 12.0)
    assert events and not any(isinstance(event, Weighing) for event in events)


@pytest.mark.parametrize("every", [0.4, 0.7, 1.0, 1.4])
@pytest.mark.parametrize("text", LINES)
def test_a_slow_stream_is_not_asked_and_never_stable(talk, text, every):
    stream = Stream(text, every)
    events = talk(Session(Options()), stream, 0.0, 12.0)
    assert stream.heard == b"" and not any(isinstance(event, Weighing) for event in events)


@given(first=st.floats(1.5, 8.0), every=st.floats(0.35, 1.4))
def test_a_slow_stream_that_begins_later_is_taken_for_an_answer_once_at_most(talk, first, every):
    events = talk(Session(Options()), Stream(LINES[0], every, first), 0.0, 12.0)
    assert sum(isinstance(event, Weighing) for event in events) <= 1


def test_the_format_says_that_it_does_not_repeat():
    assert not formats.find("adam_azextra").repeats
