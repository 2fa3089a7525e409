from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import catalogue
from drivers.recognise import candidates, recognise, talkative
from protocol import formats
from protocol.link import Link
from protocol.readings import Garbage, State, Weighing
from protocol.scales.ff_bcd import Options, decode, decoder, encode, session
from protocol.session import Wish
from simulator.scales._pan import Pan, find

SIX, FIVE = Options(), Options(length=5, decimals_from=1)


def weighing(value, unit="kg", stable=True):
    return Weighing(Decimal(value), unit, stable=stable)


def no_weight(state, stable=False, unit="kg"):
    return Weighing(None, unit, stable=stable, state=state)


TABLE = [
    ("FF 43 50 12 00 00", weighing("1.250"), SIX),
    ("FF 23 20 00 00 00", weighing("-0.020", stable=False), SIX),
    ("FF 42 99 99 99 01", weighing("9999.99", "lb"), SIX),
    ("FF 40 00 00 00 00", weighing("0"), SIX),
    ("FF 45 01 00 00 00", weighing("0.00001"), SIX),
    ("FF 80 00 00 00 00", no_weight(State.OVERLOAD), SIX),
    ("FF A0 00 00 00 00", no_weight(State.UNDERLOAD), SIX),
    ("FF 44 50 12 00", weighing("1.250", None), FIVE),
    ("FF 41 50 12 00", weighing("1250", None), FIVE),
]
ONE_WAY = [
    ("FF 83 00 00 00 00", no_weight(State.OVERLOAD), SIX),
    ("FF C3 AA BB CC 00", no_weight(State.OVERLOAD, True), SIX),
    ("FF 63 00 00 00 00", weighing("0.000"), SIX),
    ("FF 48 12 00 00 00", no_weight(State.ERROR, True), SIX),
    ("FF 52 12 00 00 00", no_weight(State.ERROR, True), SIX),
    ("FF 43 50 12 00", weighing("1.250", None), Options(length=5)),
    ("FF 44 50 12 00 00", weighing("1.250"), Options(decimals_from=1)),
]
GOOD = [(bytes.fromhex(text), reading, options) for text, reading, options in TABLE + ONE_WAY]
BAD = [
    ("FF 43 5A 12 00 00", SIX),
    ("FF 43 50 A2 00 00", SIX),
    ("FF 46 50 12 00 00", SIX),
    ("FF 47 50 12 00 00", SIX),
    ("FF 5B 50 12 00 00", SIX),
    ("FF 43 50 12 00 02", SIX),
    ("FF 43 50 12 00", SIX),
    ("FE 43 50 12 00 00", SIX),
    ("FF 40 50 12 00", FIVE),
    ("FF 44 50 12 00 00", FIVE),
]
ONE, TWO = GOOD[0][0], GOOD[1][0]
settings = st.sampled_from([SIX, FIVE])
numbers = st.builds(
    lambda number, places: Decimal(number).scaleb(-places), st.integers(-999999, 999999), st.integers(0, 5)
).map(lambda value: value if value else abs(value))


@pytest.mark.parametrize(("frame", "reading", "options"), GOOD)
def test_a_frame_means_its_reading(frame, reading, options):
    frames = decoder(options)
    events = frames.feed(frame) + frames.finish()
    assert events == [reading] and events[0].raw == frame
    assert str(events[0].value) == str(reading.value)


@pytest.mark.parametrize(("text", "reading", "options"), TABLE)
def test_a_reading_is_encoded_as_the_scale_does(text, reading, options):
    assert encode(reading, options) == bytes.fromhex(text)


@pytest.mark.parametrize(("text", "options"), BAD)
def test_a_bad_frame_is_garbage(text, options):
    frame = bytes.fromhex(text)
    assert isinstance(decode(frame, options), Garbage)
    frames = decoder(options)
    assert not [event for event in frames.feed(frame * 3) + frames.finish() if isinstance(event, Weighing)]


@pytest.mark.parametrize(("setting", "text"), [("length", "FF 43 50 12 00 02"), ("decimals_from", "FF 47 50 12 00 00")])
def test_what_may_be_set_wrongly_is_named(setting, text):
    assert setting in decode(bytes.fromhex(text)).why


def test_neither_length_is_taken_for_the_other():
    for sent, other in ((SIX, FIVE), (FIVE, SIX), (SIX, Options(length=5))):
        frames = decoder(other)
        stream = encode(weighing("1.250"), sent) * 10
        assert all(isinstance(event, Garbage) for event in frames.feed(stream) + frames.finish())


def test_an_ff_within_begins_the_next_frame():
    frames = decoder(SIX)
    events = frames.feed(b"\xff\xc3\xff\xc3\x50\x00" + ONE) + frames.finish()
    assert [event for event in events if isinstance(event, Weighing)] == [weighing("1.250")]


def test_a_frame_is_known_when_the_next_one_begins():
    frames = decoder(SIX)
    assert frames.feed(ONE) == [] and frames.feed(TWO[:1]) == [weighing("1.250")]
    assert frames.feed(TWO[1:] + b"\x00\xff") != [weighing("-0.020", stable=False)]


@pytest.mark.parametrize("reading", [weighing("1234567"), weighing("0.000001"), weighing("NaN"), weighing("1.0", "g")])
def test_what_does_not_fit_is_not_encoded(reading):
    with pytest.raises((ValueError, ArithmeticError)):
        encode(reading)


@given(numbers, st.booleans(), settings)
def test_what_is_encoded_is_decoded(value, stable, options):
    reading = weighing(value, "kg" if options is SIX else None, stable)
    assert decode(encode(reading, options), options) == reading


@given(st.lists(st.integers(0, 60), max_size=8))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    stream = b"\x12\x00\x00" + ONE + TWO + b"\xff\xff" + ONE + b"\xff"
    assert readings(decoder(SIX), stream, cuts) == [
        weighing("1.250"),
        weighing("-0.020", stable=False),
        weighing("1.250"),
    ]


@given(st.binary(max_size=200), settings)
def test_noise_never_raises_and_the_next_frames_are_found(readings, noise, options):
    frame = encode(weighing("1.250"), options)
    assert [one.value for one in readings(decoder(options), noise + frame * 3 + b"\xff")[-2:]] == [Decimal("1.250")] * 2


@given(numbers, settings, st.integers(0, 14), st.sampled_from(["lose", "double"]))
def test_a_lost_or_doubled_byte_never_gives_another_number(readings, damage, value, options, at, what):
    reading = weighing(value, "kg" if options is SIX else None)
    found = readings(decoder(options), damage(encode(reading, options) * 3, at, what) + b"\xff")
    assert {one.value for one in found} == {value}


def test_a_stream_without_frames_keeps_the_cap():
    frames = decoder(SIX)
    for _ in range(200):
        frames.feed(b"\xff\x43\x50\xff123456789")
    assert len(frames._buffer) + len(frames._noise) <= 128


def test_silence_ends_the_last_frame(conversation):
    talk = conversation(session(SIX)).at(1.0).device(ONE).reading().station().wakes(1.25)
    talk.at(1.25).reading(weighing("1.250")).wakes(None)
    assert not session(SIX).ask(Wish.TARE, 0.0)


@pytest.mark.parametrize(("row", "options"), [("yousheng-jcs-b", {}), ("ff-bcd-5", {"length": 5, "decimals_from": 1})])
def test_every_row_reads_its_scale(row, options, talk):
    pan, row = Pan(), catalogue.find(row)
    scale, listening = find("ff_bcd")(pan, **options), row.session()
    pan.put(Decimal("2.350"), 0.0)
    assert talk(listening, scale, 0.0, 0.4)[0].stable is False
    events = talk(listening, scale, 1.0, 2.0)[1:]
    assert len(events) >= 8 and {(one.value, one.stable) for one in events} == {(Decimal("2.350"), True)}
    assert (events[0].unit or row.unit) == "kg"
    pan.put(Decimal(20), 2.0)
    assert talk(listening, scale, 2.0, 3.0)[-1].state is State.OVERLOAD
    pan.put(Decimal(-1), 3.0)
    assert talk(listening, scale, 3.0, 4.0)[-1].state is State.UNDERLOAD


@pytest.mark.parametrize(("options", "row"), [(SIX, "yousheng-jcs-b"), (FIVE, "ff-bcd-5")])
def test_either_form_is_told_with_its_row(options, row):
    stream = b"".join(encode(weighing(Decimal(value).scaleb(-3)), options) for value in range(100, 3000, 137))
    (found,) = recognise(stream, Link(9600), talkative(candidates()))
    assert (found.protocol, found.models) == ("ff_bcd", (row,))


def test_the_format_is_in_the_table():
    assert formats.find("ff_bcd").session is session
