from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import formats
from protocol.probes.w1_thermometer import LINE_CAP, Decoder, encode
from protocol.readings import Garbage, Measured, Reply
from simulator.probes._probe import Air
from simulator.probes.w1_thermometer import W1Thermometer

MEMORY = "72 01 4b 46 7f ff 0e 10 57"


def degrees(value):
    return Measured("temperature", Decimal(value), "°C")


TABLE = [
    (f"{MEMORY} : crc=57 YES\n{MEMORY} t=23125\n", degrees("23.125")),
    (f"{MEMORY} : crc=57 YES\n{MEMORY} t=-1250\n", degrees("-1.250")),
    (f"{MEMORY} : crc=57 YES\n{MEMORY} t=0\n", degrees("0.000")),
    (f"{MEMORY} : crc=57 YES\n{MEMORY} t=125000\n", degrees("125.000")),
]
GOOD = [(text.encode(), reading) for text, reading in TABLE]
STREAM = b"".join(text for text, _ in GOOD)
READINGS = [reading for _, reading in GOOD]


@pytest.mark.parametrize(("text", "reading"), GOOD)
def test_a_file_means_its_temperature(text, reading):
    (event,) = Decoder().feed(text)
    assert event == reading and str(event.value) == str(reading.value) and event.raw == text


@pytest.mark.parametrize(("text", "reading"), GOOD)
def test_a_temperature_is_written_as_the_kernel_does(text, reading):
    assert encode(reading) == text


@pytest.mark.parametrize(("text", "reading"), GOOD)
def test_a_file_may_come_byte_by_byte_with_more_behind_it(text, reading, readings):
    assert readings(Decoder(), text + text[:9], range(len(text))) == [reading]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"{MEMORY} : crc=57 NO\n{MEMORY} t=23125\n", "check is wrong"),
        (f"{MEMORY} t=23125\n", "no check"),
        (f"{MEMORY} : crc=57 YES\n{MEMORY[:-2]}58 t=23125\n", "no check"),
        (f"{'00 ' * 9}: crc=00 YES\n{'00 ' * 9}t=0\n", "shorted"),
        (f"{MEMORY} : crc=57 YES\n{MEMORY} t=125001\n", "range"),
        (f"{MEMORY} : crc=57 YES\n{MEMORY} t=-55063\n", "range"),
        (f"{MEMORY} : crc=57 YES\n{MEMORY} t=\n", "not a line"),
        ("72 01 : crc=57 YES\n", "not a line"),
    ],
)
def test_what_is_no_reading_says_why(text, why):
    events = Decoder().feed(text.encode())
    assert all(isinstance(event, Garbage) for event in events)
    assert any(why in event.why for event in events)


def file(milli):
    return encode(degrees(Decimal(milli).scaleb(-3)))


def test_85_degrees_at_power_up_are_no_reading():
    decoder = Decoder()
    assert [type(event) for event in decoder.feed(file(85000))] == [Reply]
    assert [type(event) for event in decoder.feed(file(85000))] == [Reply]
    assert decoder.feed(file(4500)) == [degrees("4.500")]
    (again,) = decoder.feed(file(85000))  # the probe lost its power for a moment
    assert again.what == "not-measured"


def test_85_degrees_that_come_gradually_are_85_degrees():
    decoder = Decoder()
    decoder.feed(file(84938))
    assert decoder.feed(file(85000)) == [degrees("85.000")]
    assert decoder.feed(file(85000)) == [degrees("85.000")]


@given(st.integers(-55000, 125000).filter(lambda milli: milli != 85000))
def test_what_is_encoded_is_decoded(milli):
    assert Decoder().feed(file(milli)) == [degrees(Decimal(milli).scaleb(-3))]


@given(st.lists(st.integers(0, 300), max_size=8))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    assert readings(Decoder(), b"57 t=4000\n" + STREAM, cuts) == READINGS


@given(st.binary(max_size=200))
def test_noise_never_raises_and_the_next_file_is_read(readings, noise):
    assert readings(Decoder(), noise + b"\n" + STREAM)[-4:] == READINGS


@given(st.integers(0, 36), st.integers(1, 255), st.sampled_from(["flip", "lose", "double"]))
def test_damage_of_the_line_with_the_check_never_gives_a_value(readings, damage, at, flip, what):
    spoilt = readings(Decoder(), damage(GOOD[0][0], at, what, flip))
    assert spoilt in ([], [READINGS[0]])


def test_a_stream_without_lines_keeps_the_cap():
    decoder = Decoder()
    for _ in range(100):
        decoder.feed(b"72 01 4b " * 5)
    assert len(decoder._lines._buffer) <= LINE_CAP + 1


def test_a_simulated_probe_is_listened_to(talk):
    probe = W1Thermometer(Air(Decimal("-18.4")))
    session = formats.find("w1_thermometer").speaks()
    seen = talk(session, probe, 0.0, 2.5)
    assert seen[0].what == "not-measured" and seen[1:] == [degrees("-18.375")] * 2
    probe.fails = True
    events = talk(session, probe, 3.0, 3.1)
    assert events and all(isinstance(event, Garbage) for event in events)
    probe.power_up()
    assert talk(session, probe, 4.0, 4.1)[0].what == "not-measured"
    assert probe.deadline(4.1) == pytest.approx(5.0, abs=0.02) and session.deadline is None


def test_the_format_is_in_the_table():
    row = formats.find("w1_thermometer")
    assert row.kind == "probe" and "w1_thermometer" in formats.ids("probe")
    assert Decoder().finish() == []
