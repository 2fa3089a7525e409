from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import catalogue
from protocol import formats
from protocol.checks import crc16_modbus
from protocol.modbus import Framing
from protocol.options import BadOptions
from protocol.readings import Garbage, Net, State, Weighing
from protocol.scales.modbus_scale import Options, ScaleProfile, encode, read, session
from protocol.session import Wish
from simulator.scales._pan import Pan
from simulator.scales.modbus_scale import ModbusScale, profile_of
from simulator.wires.modbus import Slave

BITS = {"stable": 1, "zero": 2, "net": 4, "overload": 8, "underload": 16, "error": 32}
FULL = {
    "address": 5,
    "function": 4,
    "weight": {"register": 0x50, "type": "int32", "order": "CDAB", "decimals": 3},
    "unit": "kg",
    "status": {"register": 0x52, **BITS},
}
PLAIN = {"weight": {"register": 0, "decimals": 2}, "unit": "kg"}
SIGNED = {
    "weight": {"register": 0, "type": "uint16", "decimals": 2},
    "unit": "kg",
    "status": {"register": 1, "motion": 6, "negative": 1},
}


def full(value, word):
    number = int(value) & 0xFFFFFFFF
    return {(4, 0x50): number & 0xFFFF, (4, 0x51): number >> 16, (4, 0x52): word}


def kg(value, net=None, stable=None, zero=None):
    return Weighing(Decimal(value), "kg", net, stable, zero)


TABLE = [
    (FULL, full(1250, 1), kg("1.250", Net.GROSS, True, False)),
    (FULL, full(0, 3), kg("0.000", Net.GROSS, True, True)),
    (FULL, full(-20, 4), kg("-0.020", Net.NET, False, False)),
    (FULL, full(0, 8), Weighing(None, "kg", state=State.OVERLOAD)),
    (FULL, full(0, 16), Weighing(None, "kg", state=State.UNDERLOAD)),
    (FULL, full(0, 32), Weighing(None, "kg", state=State.ERROR)),
    (PLAIN, {(3, 0): 1234}, kg("12.34")),
    (PLAIN, {(3, 0): 0xFFFF}, kg("-0.01")),
    (SIGNED, {(3, 0): 150, (3, 1): 1}, kg("-1.50", stable=True)),
    (SIGNED, {(3, 0): 150, (3, 1): 6}, kg("1.50", stable=False)),
]
ONE_WAY = [
    (FULL, full(1250, 0x8001), kg("1.250", Net.GROSS, True, False)),  # bits without a name
    (FULL, full(99999, 9), Weighing(None, "kg", state=State.OVERLOAD)),
    (SIGNED, {(3, 0): 150, (3, 1): 2}, kg("1.50", stable=False)),
    (SIGNED, {(3, 0): 0, (3, 1): 1}, kg("0.00", stable=True)),
    ({**PLAIN, "mass": "net"}, {(3, 0): 1}, kg("0.01", Net.NET)),
    (
        {"weight": {"register": 0, "type": "int16", "none": 32767}, "unit": "g"},
        {(3, 0): 32767},
        Weighing(None, "g", state=State.ERROR),
    ),
]


@pytest.mark.parametrize(("profile", "registers", "reading"), TABLE + ONE_WAY)
def test_registers_mean_their_reading(profile, registers, reading):
    assert read(ScaleProfile.model_validate(profile), registers) == reading
    assert str(read(ScaleProfile.model_validate(profile), registers).value) == str(reading.value)


@pytest.mark.parametrize(("profile", "registers", "reading"), TABLE)
def test_a_reading_is_encoded_as_the_indicator_does(profile, registers, reading):
    assert encode(ScaleProfile.model_validate(profile), reading) == registers


@given(st.integers(-(2**31), 2**31 - 1), st.booleans(), st.booleans(), st.sampled_from([Net.GROSS, Net.NET]))
def test_what_is_encoded_is_read(number, stable, zero, net):
    reading = Weighing(Decimal(number).scaleb(-3), "kg", net, stable, zero)
    assert read(ScaleProfile.model_validate(FULL), encode(ScaleProfile.model_validate(FULL), reading)) == reading


@pytest.mark.parametrize(
    ("profile", "key", "why"),
    [
        (None, "profile", "a table { name = value }, such as { weight ="),
        ("FULL", "profile", "a table"),
        ({"unit": "kg"}, "profile.weight", "it is missing; it must be a table { name = value }, such as"),
        (
            {"weight": {"register": 0}},
            "profile.unit",
            "it is missing; it must be a text, in quotation marks, and not empty",
        ),
        ({**PLAIN, "unit": ""}, "profile.unit", 'such as "kg"'),
        ({**PLAIN, "wieght": 1}, "profile.wieght", "no such option; there are: function, address, weight"),
        ({**PLAIN, "address": 0}, "profile.address", "1 to 247"),
        ({**PLAIN, "function": 16}, "profile.function", "one of 3, 4"),
        ({**PLAIN, "mass": "brutto"}, "profile.mass", '"gross", "net"'),
        ({**PLAIN, "weight": {"register": 0, "type": "text"}}, "profile.weight.type", '"int16", "uint16"'),
        ({**PLAIN, "weight": {"type": "int32"}}, "profile.weight.register", "it is missing"),
        ({**PLAIN, "status": {"register": 1, "stabel": 1}}, "profile.status.stabel", "there are: register"),
        ({**PLAIN, "status": {"register": 1, "stable": 0}}, "profile.status.stable", "1 to 4294967295"),
        ({**PLAIN, "status": {"register": 1, "stable": 0x10000}}, "profile.status.stable", "1 to 65535"),
        ({**PLAIN, "status": {"register": 1, "stable": 1, "motion": 2}}, "profile.status.motion", "stable or motion"),
        ({**PLAIN, "status": {"register": 1, "type": "int16", "stable": 1}}, "profile.status.type", "uint16"),
    ],
)
def test_a_mistake_in_a_profile_is_named(profile, key, why):
    with pytest.raises(BadOptions) as bad:
        formats.find("modbus_scale").parse({"profile": profile})
    problem = bad.value.problems[0]
    assert problem.key == key and why in problem.en and problem.zh


def test_the_profiles_function_holds_for_its_fields_that_name_none():
    profile = ScaleProfile.model_validate({**FULL, "status": {"register": 0x52, "function": 3, "stable": 1}})
    assert (profile.weight.function, profile.status.function) == (4, 3)


def scale(kg="2.350", **options):
    pan = Pan()
    pan.put(Decimal(kg), -10.0)
    return ModbusScale(pan, **options)


@pytest.mark.parametrize("framing", [framing.value for framing in Framing])
def test_a_simulated_indicator_is_read(talk, framing):
    device = scale(framing=framing, address=17)
    events = talk(session(Options(**device.options)), device, 0.0, 1.0)
    assert set(events) == {kg("2.350", Net.GROSS, True, False)} and len(events) >= 5
    device.pan.put(Decimal(20), 1.0)
    device.pan.tare = Decimal("0.1")
    assert talk(session(Options(**device.options)), device, 2.0, 3.0)[-1].state is State.OVERLOAD
    device.pan.put(Decimal("0.6"), 3.0)
    heard = talk(session(Options(**device.options)), device, 3.0, 4.0)
    moving = [event for event in heard if isinstance(event, Weighing)]
    assert any(event.stable is False for event in moving) and moving[-1] == kg("0.500", Net.NET, True, False)
    assert {request.function_code for request in device.asked} == {3}


def test_the_frames_are_kept_beside_the_weight(talk):
    device = scale()
    event = talk(session(Options(**device.options)), device, 0.0, 0.2)[0]
    assert event.raw.hex() == "01030600000" + "92e0001" + event.raw[-2:].hex()


def test_weight_and_status_of_two_moments_are_no_reading(talk):
    far = {**FULL, "address": 1, "status": {"register": 0x80, "stable": 1}}
    device = Slave(lambda now: {**full(1250, 0), (4, 0x80): 1})
    assert talk(session(Options(profile=far)), device, 0.0, 1.0)[0] == kg("1.250", None, True)

    def changing(now):
        asked = [request for request in device.asked if request.address == 0x80]
        return {**full(1250, 0), (4, 0x80): len(asked) % 2}

    device = Slave(changing)
    assert talk(session(Options(profile=far)), device, 0.0, 5.0) == []
    assert len(device.asked) > 10


@given(at=st.integers(0, 10), flip=st.integers(1, 255), what=st.sampled_from(["flip", "lose", "double"]))
def test_one_damaged_byte_never_gives_another_weight(damage, at, flip, what):
    device, master = scale(), session(Options(profile=profile_of(Pan())))
    seen, now, spoilt = [], 0.0, False
    while now < 3.0:
        if master.deadline is not None and master.deadline <= now:
            master.expired(now)
        if out := master.pending():
            device.receive(out, now)
        if data := device.pending(now):
            if not spoilt:
                data, spoilt = damage(data, at, what, flip), True
            seen += master.receive(data, now)
        now += 0.01
    weights = {event.value for event in seen if isinstance(event, Weighing)}
    assert weights == {Decimal("2.350")}


def test_a_silent_indicator_is_asked_again_and_again(talk):
    device = Slave(lambda now: {}, address=9)
    master = session(Options(profile=PLAIN))
    assert talk(master, device, 0.0, 5.0) == []
    assert master.deadline < 6.5


def test_a_register_that_is_not_there_is_told(talk):
    events = talk(session(Options(profile=PLAIN)), Slave(lambda now: {}), 0.0, 0.5)
    assert events[0].what == "exception" and events[0].get("meaning") == "illegal register"


def test_the_scale_is_never_written_to():
    assert not any(session(Options(profile=PLAIN)).ask(wish, 0.0) for wish in Wish)


def test_the_decoder_gives_words():
    row = formats.find("modbus_scale")
    (event,) = row.reads().feed(bytes.fromhex("01 04 04 00 2D 02 58 6B 17"))
    assert event.get("words") == "002d 0258"
    noisy = row.reads()
    assert isinstance((noisy.feed(b"\xff" * 8) + noisy.finish())[0], Garbage)
    assert row.session is session and row.checked and row.sends_unit


def answers(*words):
    """Answers of device 1 to function 3, one after the other."""
    frames = []
    for said in words:
        body = bytes((1, 3, 2 * len(said))) + b"".join(word.to_bytes(2, "big") for word in said)
        frames.append(body + crc16_modbus(body).to_bytes(2, "little"))
    return b"".join(frames)


FAR = {
    "unit": "kg",
    "weight": {"register": 0, "type": "int32", "decimals": 3},
    "status": {"register": 0x20, "stable": 1},
}
ROUND = ([1], [0, 2350], [1])  # status, weight, status again


def test_the_decoder_puts_a_round_together_as_the_session_does(readings):
    stream = answers([0, 99], *ROUND, [1], [0, 2350], [0], *ROUND)  # begins within a round; one is not of one moment
    decoder = formats.find("modbus_scale").reads({"profile": FAR})
    found = readings(decoder, stream, range(len(stream)))
    assert [event.value for event in found if isinstance(event, Weighing)] == [Decimal("2.350"), Decimal("2.350")]
    assert all(event.stable for event in found if isinstance(event, Weighing))


def test_answers_that_cannot_be_told_apart_stay_words():
    alike = {**FAR, "weight": {"register": 0, "type": "int16", "decimals": 3}}
    events = formats.find("modbus_scale").reads({"profile": alike}).feed(answers([1], [2350], [1]))
    assert [event.what for event in events] == ["registers"] * 3


def test_the_a33e_says_its_net_weight_as_a_single():
    row = catalogue.find("yaohua-a33e")
    master = row.session()
    master.expired(0.0)
    assert master.pending() == bytes.fromhex("01 03 00 06 00 02 24 0A")
    (event,) = master.receive(bytes.fromhex("01 03 04 40 16 66 66 A5 BD"), 0.1)
    assert event == Weighing(Decimal("2.350"), "kg", Net.NET)
