from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import formats, modbus
from protocol.modbus import Framing
from protocol.probes import modbus_sht20
from protocol.probes.modbus_sht20 import BLOCK, Options, Reading, encode, read, session
from protocol.readings import Garbage, Measured, Reply
from protocol.session import Wish
from simulator.probes._probe import Air
from simulator.probes.modbus_sht20 import ModbusSht20


def air(temperature, humidity):
    return [Measured("temperature", Decimal(temperature), "°C"), Measured("humidity", Decimal(humidity), "%")]


GOOD = [
    (bytes.fromhex("01 04 04 00 2D 02 58 6B 17"), air("4.5", "60.0")),
    (bytes.fromhex("01 04 04 FF CE 01 F4 AA 78"), air("-5.0", "50.0")),
]
STREAM = b"".join(frame for frame, _ in GOOD)
READINGS = [reading for _, both in GOOD for reading in both]


@pytest.mark.parametrize(("frame", "both"), GOOD)
def test_an_answer_means_temperature_and_humidity(frame, both):
    events = modbus_sht20.decoder(Reading()).feed(frame)
    assert events == both and [str(event.value) for event in events] == [str(event.value) for event in both]
    assert {event.raw for event in events} == {frame}


@pytest.mark.parametrize(("frame", "both"), GOOD)
def test_the_air_is_answered_as_the_probe_does(frame, both):
    probe = ModbusSht20(Air(both[0].value, both[1].value))
    probe.receive(bytes.fromhex("01 04 00 01 00 02 20 0B"), 0.0)
    assert probe.pending(1.0) == frame


@pytest.mark.parametrize(("frame", "both"), GOOD)
def test_an_answer_may_come_byte_by_byte_with_more_behind_it(frame, both, readings):
    assert readings(modbus_sht20.decoder(Reading()), frame + frame[:4], range(len(frame))) == both


def test_an_exception_is_a_reply():
    (event,) = modbus_sht20.decoder(Reading()).feed(bytes.fromhex("01 84 02 C2 C1"))
    assert isinstance(event, Reply) and event.what == "exception"


def test_more_than_100_percent_is_no_reading():
    assert isinstance(read({(4, 1): 45, (4, 2): 1001}, b"")[0], Garbage)
    assert isinstance(read({(4, 1): 45, (4, 2): 0xFFFF}, b"")[0], Garbage)


@pytest.mark.parametrize("register", [0x03FF, 0x7FFF, 0x8000, 1251, -401 & 0xFFFF], ids=hex)
def test_a_sensor_that_is_not_there_has_no_temperature(register):
    assert isinstance(read({(4, 1): register, (4, 2): 500}, b"")[0], Garbage)
    assert read({(4, 1): 0x03FE, (4, 2): 500}, b"") == air("102.2", "50.0")


@given(st.integers(-400, 1250).filter(lambda tenths: tenths != 0x03FF), st.integers(0, 1000))
def test_what_is_encoded_is_read(temperature, humidity):
    values = Decimal(temperature).scaleb(-1), Decimal(humidity).scaleb(-1)
    assert read(encode(*values), b"") == air(*values)


@given(st.lists(st.integers(0, 100), max_size=8))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    assert readings(modbus_sht20.decoder(Reading()), b"\x2d\x02\x58" + STREAM, cuts) == READINGS


@given(st.binary(max_size=100))
def test_noise_never_raises(noise):
    decoder = modbus_sht20.decoder(Reading())
    events = decoder.feed(noise) + decoder.finish()
    assert all(isinstance(event, Garbage | Reply | Measured) for event in events)


@given(st.integers(0, 17), st.integers(1, 255), st.sampled_from(["flip", "lose", "double"]))
def test_one_damaged_byte_never_gives_another_value(readings, damage, at, flip, what):
    found = readings(modbus_sht20.decoder(Reading()), damage(STREAM, at, what, flip) + bytes(300) + STREAM)
    assert all(event in READINGS or isinstance(event, Reply) for event in found)
    assert found[-4:] == READINGS


def test_a_stream_without_answers_keeps_the_cap():
    decoder = modbus_sht20.decoder(Reading())
    for _ in range(200):
        decoder.feed(b"\x01\x04\x04" * 10)
    assert len(decoder._answers._buffer) + len(decoder._answers._noise) <= 600


@pytest.mark.parametrize("framing", ["rtu", "tcp"])
def test_a_simulated_probe_is_asked_and_only_reads(talk, framing):
    probe = ModbusSht20(Air(Decimal("-18.04"), Decimal("71.96")), address=3)
    master = session(Options(address=3, framing=framing, poll=1.0))
    assert talk(master, probe, 0.0, 2.5) == air("-18.0", "72.0") * 3
    assert {(request.function_code, request.address, request.count) for request in probe.asked} == {(4, 1, 2)}
    assert not master.ask(Wish.ZERO, 0.0)


def test_another_address_is_not_answered(talk):
    assert talk(session(Options(address=2)), ModbusSht20(Air()), 0.0, 5.0) == []


def test_the_address_stands_in_a_holding_register():
    probe = ModbusSht20(Air(), address=7)
    probe.receive(modbus.question(Framing.RTU, 7, modbus.Block(3, 0x0101, 2)), 0.0)
    (event,) = modbus.decoder().feed(probe.pending(1.0))
    assert modbus.words_of(event) == (7, 9600)


def test_the_format_is_in_the_table():
    row = formats.find("modbus_sht20")
    assert row.kind == "probe" and row.session is session and BLOCK.count == 2
