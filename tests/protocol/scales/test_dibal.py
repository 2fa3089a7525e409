from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import catalogue
from protocol import formats
from protocol.checks import xor8
from protocol.framing import PARITY_WHY
from protocol.readings import Garbage, State, Weighing
from protocol.scales.dibal import LINE_CAP, decode, decoder, encode, encode_question
from protocol.session import Wish
from simulator.scales._pan import Pan
from simulator.scales.dibal import simulate

NOTHING = Weighing(None, state=State.ERROR)


def of(value):
    return Weighing(Decimal(value))


TABLE = [
    (bytes.fromhex("39 39 30 30 31 32 35 30 30 30 30 30 30 30 30 36 0D 0A"), of("1.250")),
    (b"9900031600000004\r\n", of("0.316")),  # the vendor's own
    (b"9900000000000000\r\n", of("0.000")),
    (b"9910000000000001\r\n", NOTHING),
]
ONE_WAY = [(b"99012.340000000*\r\n", of("12.34"))]
BAD = [
    b"00031600000004",  # cut in front
    b"9900031600000005",
    b"990003160000004",
    b"99000316000000044",
    b"9920031600000006",
    b"990 031600000014",
    b"98000001",
]

weights = st.integers(0, 99999).map(lambda grams: of(Decimal(grams).scaleb(-3)))


@pytest.mark.parametrize(("line", "reading"), TABLE + ONE_WAY)
def test_an_answer_means_its_reading(line, reading):
    (event,) = decoder().feed(line)
    assert event == reading and event.raw == line
    assert event.unit is None and event.stable is None


@pytest.mark.parametrize(("line", "reading"), TABLE)
def test_a_reading_is_encoded_as_the_scale_does(line, reading):
    assert encode(reading) == line


def test_the_decimals_are_those_sent():
    assert [str(decode(line[:-2]).value) for line, _ in TABLE[:2] + ONE_WAY] == ["1.250", "0.316", "12.34"]


def test_the_question_is_the_one_of_the_examples():
    assert encode_question(450) == bytes.fromhex("39 38 30 30 34 35 30 30 0D 0A")
    assert encode_question() == b"98000001\r\n"
    with pytest.raises(ValueError):
        encode_question(100000)


@pytest.mark.parametrize(("line", "reading"), TABLE + ONE_WAY)
def test_an_answer_may_come_byte_by_byte_with_more_behind_it(line, reading, readings):
    assert readings(decoder(), line + b"990", range(len(line))) == [reading]


@pytest.mark.parametrize("line", BAD)
def test_a_bad_answer_is_garbage(line):
    assert isinstance(decode(line), Garbage)


def test_a_weight_that_is_none_is_garbage():
    body = b"9900-3160000000"
    event = decode(body + bytes((xor8(body),)))
    assert isinstance(event, Garbage) and "no weight" in event.why


def test_a_parity_mistake_is_told_as_such():
    line = bytes(byte | 0x80 if byte.bit_count() % 2 else byte for byte in TABLE[0][0][:-2])
    assert decode(line).why == decode(line[:15]).why == PARITY_WHY


@pytest.mark.parametrize("value", ["100.000", "-0.001", "0.0005", "NaN"])
def test_what_does_not_fit_is_not_encoded(value):
    with pytest.raises(ValueError):
        encode(of(value))


@given(weights)
def test_what_is_encoded_is_decoded(reading):
    (event,) = decoder().feed(encode(reading))
    assert event == reading and str(event.value) == str(reading.value)


@given(st.lists(st.integers(0, 120), max_size=8))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    stream = b"0000004\r\n\x00\x7f" + b"".join(line for line, _ in TABLE + ONE_WAY)
    assert readings(decoder(), stream, cuts) == [reading for _, reading in TABLE + ONE_WAY]


@given(st.binary(max_size=300))
def test_noise_is_garbage_and_the_next_answer_is_found(noise):
    framer = decoder()
    framer.feed(noise + b"\r\n")
    assert framer.feed(TABLE[0][0]) == [TABLE[0][1]]


@given(weights, st.integers(0, 53), st.integers(1, 255), st.sampled_from(["flip", "lose", "double"]))
def test_one_damaged_byte_never_gives_another_number(readings, damage, reading, at, flip, what):
    found = readings(decoder(), damage(encode(reading) * 3, at, what, flip))
    assert set(found) == {reading} and len(found) >= 1


def test_a_stream_without_line_end_keeps_the_cap():
    framer = decoder()
    for _ in range(100):
        framer.feed(b"9900031600000004" * 5)
    assert len(framer._buffer) <= LINE_CAP + 1


def test_a_dialogue_weighs_and_says_when_there_is_no_weight(talk):
    pan = Pan()
    scale, session = simulate(pan), catalogue.find("dibal").session()
    pan.put(Decimal("2.350"), 0.0)
    assert set(talk(session, scale, 1.0, 2.0)) == {of("2.350")}
    pan.put(Decimal(99), 2.0)
    assert talk(session, scale, 3.0, 3.5)[-1] == NOTHING
    pan.put(Decimal("-0.05"), 3.5)
    assert talk(session, scale, 4.0, 4.5)[-1] == NOTHING
    assert not session.ask(Wish.ZERO, 5.0)


def test_the_simulated_scale_answers_a_right_check_only():
    scale = simulate(Pan())
    scale.receive(b"98004501\r\n\xff\r\n", 0.0)
    assert scale.pending(0.0) == b"" and scale.deadline(0.0) is None
    scale.receive(encode_question(450), 0.0)
    assert scale.deadline(0.0) == 0.0 and decoder().feed(scale.pending(0.0)) == [of("0.000")]


def test_the_format_is_in_the_table():
    assert formats.find("dibal").checked
