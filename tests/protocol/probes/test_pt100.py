from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.identify import Search
from protocol import formats
from protocol.options import BadOptions
from protocol.probes import pt100
from protocol.probes.pt100 import Options, Reading, encode, read, session
from protocol.readings import Garbage, Measured, Reply
from protocol.session import Wish
from simulator.probes._probe import Air, find
from simulator.probes.pt100 import Pt100
from simulator.wires.table import Table


def degrees(value):
    return Measured("temperature", Decimal(value), "°C")


GOOD = [
    (bytes.fromhex("01 04 02 01 C2 39 31"), degrees("4.50")),
    (bytes.fromhex("01 04 02 F8 F8 FB 72"), degrees("-18.00")),
]
STREAM = b"".join(frame for frame, _ in GOOD)
READINGS = [reading for _, reading in GOOD]


@pytest.mark.parametrize(("frame", "reading"), GOOD)
def test_an_answer_means_its_temperature(frame, reading):
    (event,) = pt100.decoder(Reading()).feed(frame)
    assert event == reading and str(event.value) == str(reading.value) and event.raw == frame


@pytest.mark.parametrize(("frame", "reading"), GOOD)
def test_the_air_is_answered_as_the_module_does(frame, reading):
    module = Pt100(Air(reading.value))
    module.receive(bytes.fromhex("01 04 00 00 00 01 31 CA"), 0.0)
    assert module.pending(1.0) == frame


def test_an_exception_is_a_reply():
    (event,) = pt100.decoder(Reading()).feed(bytes.fromhex("01 84 02 C2 C1"))
    assert isinstance(event, Reply) and event.what == "exception"


@pytest.mark.parametrize("word", [0x7FFF, 0x8000, -20001 & 0xFFFF], ids=hex)
def test_what_no_thermometer_says_is_no_reading(word):
    assert isinstance(read(1, {(4, 0): word}, b"")[0], Garbage)


@given(st.integers(-20000, 0x7FFE), st.integers(1, 16))
def test_what_is_encoded_is_read(hundredths, channel):
    value = Decimal(hundredths).scaleb(-2)
    assert read(channel, encode(value, channel), b"") == [degrees(value)]


@given(st.lists(st.integers(0, 100), max_size=8))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    assert readings(pt100.decoder(Reading()), b"\x2d\x02\x58" + STREAM, cuts) == READINGS


@given(st.binary(max_size=100))
def test_noise_never_raises(noise):
    decoder = pt100.decoder(Reading())
    events = decoder.feed(noise) + decoder.finish()
    assert all(isinstance(event, Garbage | Reply | Measured) for event in events)


@given(st.integers(0, 13), st.integers(1, 255), st.sampled_from(["flip", "lose", "double"]))
def test_one_damaged_byte_never_gives_another_value(readings, damage, at, flip, what):
    found = readings(pt100.decoder(Reading()), damage(STREAM, at, what, flip) + bytes(300) + STREAM)
    assert all(event in READINGS or isinstance(event, Reply) for event in found)
    assert found[-2:] == READINGS


def test_a_stream_without_answers_keeps_the_cap():
    decoder = pt100.decoder(Reading())
    for _ in range(200):
        decoder.feed(b"\x01\x04\x02" * 10)
    assert len(decoder._answers._buffer) + len(decoder._answers._noise) <= 600


@pytest.mark.parametrize("framing", ["rtu", "tcp"])
def test_a_simulated_module_is_asked_for_one_channel_and_only_read(talk, framing):
    module = Pt100(Air(Decimal("-18.044")), address=3, channel=5)
    master = session(Options(address=3, channel=5, framing=framing, poll=1.0))
    assert talk(master, module, 0.0, 2.5) == [degrees("-18.04")] * 3
    assert {(request.function_code, request.address, request.count) for request in module.asked} == {(4, 4, 1)}
    assert not master.ask(Wish.ZERO, 0.0)


def test_a_channel_without_a_sensor_has_no_temperature(talk):
    events = talk(session(Options(channel=2)), Pt100(Air()), 0.0, 2.5)
    assert events and all(isinstance(event, Garbage) and "sensor" in event.why for event in events)


def test_a_lone_module_is_read_without_its_address(talk):
    assert talk(session(Options(address=254)), Pt100(Air(), address=17), 0.0, 2.5) == [degrees("4.50")]
    assert talk(session(Options(address=2)), Pt100(Air(), address=17), 0.0, 2.5) == []
    with pytest.raises(BadOptions, match="address"):
        formats.find("pt100").parse({"address": 250})


@pytest.mark.parametrize("name", ["pt100", "modbus_sht20"])
def test_modules_and_probes_that_speak_modbus_are_told_apart(name):
    air = Air(Decimal("4.5"))
    # All sixteen channels have a sensor: registers 1 and 2 could be those of a probe for temperature and humidity.
    device = find(name)(air)
    if name == "pt100":
        cells = device._cells
        device._registers = lambda now: cells(now) | {(4, 1): 47, (4, 2): 512}
    table = Table(device)
    (found,) = Search(lambda at: table, clock=table.clock).run().findings
    assert (found.protocol, found.kind) == (name, "probe")


def test_a_module_whose_answer_got_lost_is_asked_once_more():
    module = find("pt100")(Air())
    heard, questions = module.receive, []

    def receive(data, now):
        questions.append(data)
        if questions.count(data) > 1 or data[:2] != b"\x01\x04":
            heard(data, now)

    module.receive = receive
    table = Table(module)
    (found,) = Search(lambda at: table, clock=table.clock).run().findings
    assert found.protocol == "pt100"


def test_the_format_is_in_the_table():
    assert formats.find("pt100").kind == "probe" and formats.find("pt100").session is session
