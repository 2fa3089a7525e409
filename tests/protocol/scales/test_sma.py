from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import catalogue
from protocol import formats
from protocol.framing import PARITY_WHY
from protocol.readings import Garbage, Net, Reply, State, Weighing
from protocol.scales.sma import LINE_CAP, decode, decoder, encode, encode_error
from protocol.session import Wish
from simulator.scales._pan import Pan
from simulator.scales.sma import simulate


def weighing(value, unit="kg", net=Net.GROSS, *, stable=True, zero=False):
    return Weighing(Decimal(value), unit, net, stable, zero)


TABLE = [
    (b"\n 1G       2.350 kg\r", weighing("2.350")),
    (b"\n 1NM     -0.150 lb\r", weighing("-0.150", "lb", Net.NET, stable=False)),
    (b"\nZ1G       0.000 kg\r", weighing("0.000", zero=True)),
    (b"\n 1T       0.150 kg\r", weighing("0.150", net=Net.TARE)),
    (b"\n 1        12.34  g\r", weighing("12.34", "g", None)),
    (b"\n 1G       12.34tl.\r", weighing("12.34", "tl.")),
    (b"\n 1G        35.5l/o\r", weighing("35.5", "l/o")),
    (b"\nO1G  ---------- kg\r", Weighing(None, "kg", Net.GROSS, state=State.OVERLOAD)),
    (b"\nU1N  ---------- kg\r", Weighing(None, "kg", Net.NET, state=State.UNDERLOAD)),
    (b"\nE1G  ---------- kg\r", Weighing(None, "kg", Net.GROSS, state=State.ERROR)),
]
ONE_WAY = [
    (b"\n 3g      2.3504 kg\r", weighing("2.3504")),
    (b"\n 1n     -2.3504kg \r", weighing("-2.3504", net=Net.NET)),
    (b"\n 1G  -    0.150lb \r", weighing("-0.150", "lb")),
    (b"\nO1GM     15.100 kg\r", Weighing(None, "kg", Net.GROSS, state=State.OVERLOAD)),  # a number, but no weight
    (b"\nU1G      -0.150 kg\r", Weighing(None, "kg", Net.GROSS, state=State.UNDERLOAD)),
    (b"\nI1G  ----------   \r", Weighing(None, None, Net.GROSS, state=State.ERROR)),
    (b"\nT1G  ---------- kg\r", Weighing(None, "kg", Net.GROSS, state=State.ERROR)),
    (b"\n?\r", Reply("unknown-command")),
]
BAD = [
    b" 1G       2.350 kg",  # its LF is cut off
    b"\n1G       2.350 kg",
    b"\n 1G       2.350",
    b"\n 1G     2.3.50 kg",
    b"\n 1G            kg",
    b"\n 1G  ---------- kg",
    b"\n 1X       2.350 kg",
    b"\nX1G       2.350 kg",
    b"\n 1G       2.350   ",
]

weights = st.decimals(-99999, 99999, places=3).map(lambda value: value if value else abs(value))


@pytest.mark.parametrize(("line", "reading"), TABLE + ONE_WAY)
def test_a_message_means_its_reading(line, reading):
    (event,) = decoder().feed(line)
    assert event == reading and event.raw == line


@pytest.mark.parametrize(("line", "reading"), TABLE)
def test_a_reading_is_encoded_as_the_scale_does(line, reading):
    assert encode(reading) == line


@pytest.mark.parametrize(("line", "reading"), TABLE + ONE_WAY)
def test_a_message_may_come_byte_by_byte_with_more_behind_it(line, reading, readings):
    assert readings(decoder(), line + b"\n 1G", range(len(line))) == [reading]


@pytest.mark.parametrize("line", BAD)
def test_a_bad_message_is_garbage(line):
    assert isinstance(decode(line), Garbage)


def test_noise_in_front_of_the_head_is_dropped():
    (event,) = decoder().feed(b"2.350 kg\x05" + TABLE[0][0])
    assert event == TABLE[0][1] and event.raw == TABLE[0][0]


def test_zero_has_no_sign():
    assert str(decode(b"\n 1G      -0.000 kg").value) == "0.000"


def test_a_parity_mistake_is_told_as_such():
    stream = bytes(byte | 0x80 if byte.bit_count() % 2 else byte for byte in TABLE[0][0] * 7)
    framer = decoder()
    assert {event.why for event in framer.feed(stream) + framer.finish()} == {PARITY_WHY}
    odd = bytes(byte | 0x80 if not byte.bit_count() % 2 else byte for byte in TABLE[0][0][:-1])
    assert decode(odd).why == PARITY_WHY


@pytest.mark.parametrize(("value", "unit"), [("123456.7890", "kg"), ("1.0", "tons")])
def test_what_does_not_fit_is_not_encoded(value, unit):
    with pytest.raises(ValueError):
        encode(weighing(value, unit))


@given(weights, st.sampled_from(["g", "kg", "lb", "oz"]), st.sampled_from([*Net, None]), st.booleans(), st.booleans())
def test_what_is_encoded_is_decoded(value, unit, net, stable, zero):
    reading = weighing(value, unit, net, stable=stable, zero=zero)
    assert decoder().feed(encode(reading)) == [reading]


@given(st.lists(st.integers(0, 400), max_size=10))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    stream = b"2.350 kg\r\x00\x7f" + b"".join(line for line, _ in TABLE + ONE_WAY)
    assert readings(decoder(), stream, cuts) == [reading for _, reading in TABLE + ONE_WAY]


@given(st.binary(max_size=400))
def test_noise_is_garbage_and_the_next_message_is_found(noise):
    framer = decoder()
    framer.feed(noise + b"\r")
    assert framer.feed(TABLE[0][0]) == [TABLE[0][1]]


@given(weights, st.integers(0, 59), st.sampled_from(["lose", "double"]))
def test_a_lost_or_doubled_byte_never_gives_another_number(readings, damage, value, at, what):
    found = readings(decoder(), damage(encode(weighing(value)) * 3, at, what))
    assert set(found) == {weighing(value)} and len(found) >= 1


def test_a_stream_without_end_keeps_the_cap():
    framer = decoder()
    for _ in range(100):
        framer.feed(b"\n 1G       2.350 kg" * 5)
    assert len(framer._buffer) <= LINE_CAP


def test_a_dialogue_weighs_tares_and_clears(talk):
    pan = Pan()
    scale, session = simulate(pan), catalogue.find("sma").session()
    pan.put(Decimal("0.150"), 0.0)
    assert talk(session, scale, 0.1, 0.2)[0].stable is False
    assert session.ask(Wish.TARE, 1.0)
    talk(session, scale, 1.0, 1.2)
    pan.put(Decimal("2.500"), 1.2)
    assert talk(session, scale, 2.0, 2.5)[-1] == weighing("2.350", net=Net.NET)
    assert session.ask(Wish.CLEAR_TARE, 2.5)
    assert talk(session, scale, 2.5, 3.0)[-1] == weighing("2.500")
    pan.put(Decimal(99), 3.0)
    assert talk(session, scale, 4.0, 4.3)[-1].state is State.OVERLOAD


def test_what_cannot_be_done_is_an_error_once(talk):
    pan = Pan()
    scale, session = simulate(pan), catalogue.find("sma").session()
    pan.put(Decimal("2.500"), 0.0)
    talk(session, scale, 1.0, 1.2)
    session.ask(Wish.ZERO, 1.2)
    events = talk(session, scale, 1.2, 2.0)
    assert [event.state for event in events].count(State.ERROR) == 1
    assert events[-1] == weighing("2.500")
    assert decode(encode_error("T")[:-1]).state is State.ERROR


def test_the_simulated_scale_knows_the_tare_and_what_it_does_not_know():
    scale = simulate(Pan())
    scale.receive(b"W\r\nM\r\nX\r", 1.0)
    assert decoder().feed(scale.pending(1.0)) == [weighing("0.000", net=Net.TARE), Reply("unknown-command")]


def test_the_format_is_in_the_table():
    assert not formats.find("sma").checked
