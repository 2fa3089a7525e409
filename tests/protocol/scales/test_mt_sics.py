from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import formats
from protocol.framing import PARITY_WHY
from protocol.readings import Garbage, Net, Reply, State, Weighing
from protocol.scales.mt_sics import COMMANDS, LINE_CAP, Options, decode, decoder, encode, encode_reply, session


def weighing(value, unit="g", *, stable=True, net=None):
    return Weighing(Decimal(value), unit, net, stable)


TABLE = [
    (b"S D     312.40 g\r\n", weighing("312.40", stable=False)),
    (b"S S      -0.12 kg\r\n", weighing("-0.12", "kg")),
    (b"S S       0.00 g\r\n", weighing("0.00")),
    (b"S S      12.34 tl.T\r\n", weighing("12.34", "tl.T")),
    (b"S S      12.34 tlh\r\n", weighing("12.34", "tlh")),
    (b"TA A      250.0 g\r\n", weighing("250.0", net=Net.TARE)),
    (b"S +\r\n", Weighing(None, state=State.OVERLOAD)),
    (b"S -\r\n", Weighing(None, state=State.UNDERLOAD)),
    (b"S I\r\n", Weighing(None, stable=False, state=State.MOTION)),
]
ONE_WAY = [
    (b"S S 1.250 kg\r\n", weighing("1.250", "kg")),
    (b"T S      250.0 g\r\n", weighing("250.0", net=Net.TARE)),
    (b"TI D      250.0 g\r\n", weighing("250.0", net=Net.TARE, stable=False)),
    (b"S S      -0.00 g\r\n", weighing("0.00")),
    (b"Z A\r\n", Reply("Z", (("status", "done"),))),
    (b"ZI D\r\n", Reply("ZI", (("status", "done-dynamic"),))),
    (b"ZI I\r\n", Reply("ZI", (("status", "not-executable"),))),
    (b"T +\r\n", Reply("T", (("status", "overload"),))),
    (b"TAC A\r\n", Reply("TAC", (("status", "done"),))),
    (b"TA L\r\n", Reply("TA", (("status", "wrong-parameter"),))),
    (b'I4 A "B021002593"\r\n', Reply("I4", (("status", "done"), ("text", "B021002593")))),
    (b'I0 B 0 "SI"\r\n', Reply("I0", (("status", "more"), ("text", "0 SI")))),
    (b"I0 A\r\n", Reply("I0", (("status", "done"), ("text", "")))),
    (b"I2 I\r\n", Reply("I2", (("status", "not-executable"),))),
    (b"ES\r\n", Reply("error", (("error", "syntax"),))),
    (b"ET\r\n", Reply("error", (("error", "transmission"),))),
    (b"EL\r\n", Reply("error", (("error", "logical"),))),
]
BAD = [
    b"12.40 g",  # the tail of a cut line
    b"S   312.40 g",
    b"S S 312.40",
    b"S S 3 12.40 g",
    b"S X 312.40 g",
    b"S A 312.40 g",
    b"TA S 312.40 g",
    b"S S 312.4O g",
    b"ESS",
    b"S S -  0.12 kg",
    b"\xff\xfe\x00",
]


@pytest.mark.parametrize(("line", "reading"), TABLE + ONE_WAY)
def test_a_line_means_its_reading(line, reading):
    assert decoder().feed(line) == [reading]
    assert decoder().feed(line)[0].raw == line


@pytest.mark.parametrize(("line", "reading"), TABLE)
def test_a_reading_is_encoded_as_the_scale_does(line, reading):
    assert encode(reading) == line


@pytest.mark.parametrize(("line", "reading"), TABLE + ONE_WAY)
def test_a_line_may_come_byte_by_byte_with_more_behind_it(line, reading, readings):
    assert readings(decoder(), line + b"S S  ", range(len(line))) == [reading]


@pytest.mark.parametrize("line", BAD)
def test_a_bad_line_is_garbage(line):
    assert isinstance(decode(line), Garbage)


def test_zero_has_no_sign():
    assert str(decode(b"S S -0.00 g").value) == "0.00"


def test_the_print_key_is_told_as_such():
    event = decode(b"     N         0.3 g   ")
    assert isinstance(event, Garbage) and "PRINT key" in event.why


def test_a_parity_mistake_is_told_as_such():
    event = decode(bytes(byte | 0x80 if byte.bit_count() % 2 else byte for byte in b"S S 1.0 kg"))
    assert isinstance(event, Garbage) and event.why == PARITY_WHY


def test_replies_are_encoded():
    assert encode_reply("I0", "B", 0, "SI") == b'I0 B 0 "SI"\r\n'
    assert encode(weighing("0.250", "kg", net=Net.TARE), "TI") == b"TI S      0.250 kg\r\n"


values = st.decimals(-99999, 99999, places=3).map(lambda value: value if value else abs(value))


@given(values, st.booleans(), st.sampled_from(["g", "kg", "lb", "pcs"]))
def test_what_is_encoded_is_decoded(value, stable, unit):
    reading = Weighing(value, unit, None, stable)
    assert decoder().feed(encode(reading)) == [reading]


@given(st.lists(st.integers(0, 500), max_size=10))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    stream = b"40 g\r\n" + b"".join(line for line, _ in TABLE + ONE_WAY)
    assert readings(decoder(), stream, cuts) == [reading for _, reading in TABLE + ONE_WAY]


@given(st.binary(max_size=400))
def test_noise_is_garbage_and_never_an_exception(noise):
    framer = decoder()
    framer.feed(noise)
    framer.finish()
    assert framer.feed(TABLE[0][0]) == [TABLE[0][1]]


def test_a_stream_without_line_end_keeps_the_cap():
    framer = decoder()
    for _ in range(100):
        framer.feed(b"S S 1.0" * 10)
    assert len(framer._buffer) <= LINE_CAP + 1


def test_the_session_asks_for_the_weight_and_carries_wishes(conversation):
    talk = conversation(session(Options(poll=0.1, patience=1.0))).at(0.0).station(b"SI\r\n")
    talk.at(0.05).device(b"S S 1.000 kg\r\n").reading(weighing("1.000", "kg"))
    for wish, command in COMMANDS.items():
        assert talk.session.ask(wish, 0.05)
        talk.at(0.05).station(command).device(b"Z A\r\n")


def test_a_scale_that_talks_by_itself_does_not_stop_the_questions(conversation):
    talk = conversation(session(Options(poll=0.1))).at(0.0).station(b"SI\r\n")
    for now in (0.05, 0.06, 0.07, 0.08):
        talk.at(now).device(b"S D 1.0 kg\r\n").wakes(0.15)


def test_the_format_is_in_the_table():
    assert formats.find("mt_sics").session is session
