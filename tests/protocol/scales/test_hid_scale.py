from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import formats
from protocol.readings import Garbage, Reply, State, Weighing
from protocol.scales.hid_scale import UNITS, Session, decode, decoder, encode, is_scale
from protocol.session import Wish
from simulator.scales._pan import Pan
from simulator.scales.hid_scale import HidScale


def weighing(value, unit, stable=True, zero=False):
    return Weighing(Decimal(value), unit, None, stable, zero)


TABLE = [
    ("03 04 02 00 E2 04", weighing("1250", "g")),
    ("03 05 03 FD 14 00", weighing("-0.020", "kg", None)),
    ("03 03 0B FF 2C 01", weighing("30.0", "oz", False, None)),
    ("03 06 03 00 00 00", Weighing(None, "kg", state=State.OVERLOAD)),
    ("03 04 03 FD E2 04", weighing("1.250", "kg")),
    ("03 02 03 FD 00 00", weighing("0.000", "kg", True, True)),
    ("03 01 00 00 00 00", Weighing(None, None, state=State.ERROR)),
    ("03 04 0C FE FF FF", weighing("655.35", "lb")),
    ("03 04 02 02 0C 00", weighing("1.2E+3", "g")),
]
ONE_WAY = [
    ("03 06 03 FD FF FF", Weighing(None, "kg", state=State.OVERLOAD)),
    ("03 07 02 00 01 00", Weighing(None, "g", state=State.ERROR)),
    ("03 08 02 00 01 00", Weighing(None, "g", state=State.ERROR)),
    ("03 05 03 FD 00 00", weighing("0.000", "kg", None)),
]
BOTH = [(bytes.fromhex(text), reading) for text, reading in TABLE]
GOOD = BOTH + [(bytes.fromhex(text), reading) for text, reading in ONE_WAY]
STREAM = b"".join(report for report, _ in GOOD)
READINGS = [reading for _, reading in GOOD]
BAD = [
    "",
    "03",
    "03 04 02 00 E2",
    "03 04 02 00 E2 04 00",
    "03 09 02 00 E2 04",
    "03 04 03 04 E2 04",
    "03 04 03 F9 E2 04",
    "03 04 03 80 E2 04",
    "03 00 02 00 E2 04",
    "09 04",
    "04 00",
]
BAD += ["03 04 00 00 E2 04", "03 04 0D 00 E2 04", "03 04 02 0A E2 04", "03 04 02 F6 E2 04", "04 04 02", "02 02"]

weights = st.builds(
    lambda number, places, unit, stable: Weighing(
        Decimal(number).scaleb(-places),
        unit,
        None,
        None if number < 0 else stable,
        False if number < 0 or stable else None,
    ),
    st.integers(-0xFFFF, 0xFFFF),
    st.integers(-3, 6),
    st.sampled_from(list(UNITS.values())),
    st.booleans(),
)


@pytest.mark.parametrize(("report", "reading"), GOOD)
def test_a_report_means_its_reading(report, reading):
    assert decode(report) == reading
    assert str(decode(report).value) == str(reading.value)
    assert decode(report).raw == report


@pytest.mark.parametrize(("report", "reading"), BOTH)
def test_a_reading_is_encoded_as_the_scale_does(report, reading):
    assert encode(reading) == report


@pytest.mark.parametrize(("report", "reading"), GOOD)
def test_a_report_may_come_byte_by_byte_with_more_behind_it(report, reading, readings):
    assert readings(decoder(), report + b"\x03\x04\x02", range(len(report))) == [reading]


@pytest.mark.parametrize("text", BAD)
def test_a_bad_report_is_garbage(text):
    assert isinstance(decode(bytes.fromhex(text)), Garbage)


def test_report_4_is_read_in_both_its_shapes():
    assert decode(bytes.fromhex("04 06")) == Reply("status", (("status", "over-limit"),))
    assert decode(bytes.fromhex("04 04 02 00 E2 04")) == weighing("1250", "g")


def test_other_reports_are_replies():
    assert decode(bytes.fromhex("05 01 02")) == Reply("weight-limit", (("data", "0102"),))


def test_a_file_of_data_and_status_reports_is_read(readings):
    stream = bytes.fromhex("04 03 03 03 0B FF 2C 01 04 04 03 04 02 00 E2 04")
    assert readings(decoder(), stream) == [
        Reply("status", (("status", "in-motion"),)),
        weighing("30.0", "oz", False, None),
        Reply("status", (("status", "stable"),)),
        weighing("1250", "g"),
    ]


@pytest.mark.parametrize(
    "reading",
    [
        weighing("65536", "g"),
        weighing("NaN", "g"),
        weighing("1", "斤"),
        weighing("1E-10", "g"),
        Weighing(None, "kg", state=State.MOTION),
        Weighing(None, "kg", state=State.UNDERLOAD),
    ],
)
def test_what_does_not_fit_is_not_encoded(reading):
    with pytest.raises(ValueError):
        encode(reading)


@given(weights)
def test_what_is_encoded_is_decoded(reading):
    assert decode(encode(reading)) == reading
    assert str(decode(encode(reading)).value) == str(reading.value)


@given(st.lists(st.integers(0, 100), max_size=8))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    assert readings(decoder(), b"\x00\xff" + STREAM, cuts) == READINGS


@given(st.binary(max_size=200))
def test_noise_never_raises_and_the_next_reports_are_found(readings, noise):
    found = readings(decoder(), noise + bytes(6) + STREAM)
    assert found[-len(READINGS) :] == READINGS


@given(st.binary(max_size=12))
def test_any_report_is_a_value(report):
    assert decode(report) is not None
    Session().receive(report, 0.0)


def test_a_stream_without_reports_keeps_the_cap():
    framer = decoder()
    for _ in range(200):
        framer.feed(b"\x03\x09\x04" * 10)
    assert len(framer._buffer) + len(framer._noise) <= 128


SCALE = bytes.fromhex("05 8D 09 20 A1 01 85 03 09 70 75 08 95 01 81 02 C0")


@pytest.mark.parametrize(
    ("descriptor", "scale"),
    [
        (SCALE, True),
        (bytes.fromhex("06 8D 00 09 20 A1 01 C0"), True),
        (bytes.fromhex("0B 20 00 8D 00 A1 01 C0"), True),
        (bytes.fromhex("FE 02 00 AA BB") + SCALE, True),
        (bytes.fromhex("05 01 09 06 A1 01 C0") + SCALE, True),
        (bytes.fromhex("05 8D 09 01 A1 01 09 20 A1 02 C0 C0"), True),
        (bytes.fromhex("05 8D 09 01 A1 01 09 20 81 02 C0"), False),  # no collection
        (bytes.fromhex("05 8D 09 21 A1 01 C0"), False),
        (bytes.fromhex("05 01 09 20 A1 01 C0"), False),
        (b"", False),
        (SCALE[:4], False),
    ],
)
def test_a_scale_is_known_by_its_usage(descriptor, scale):
    assert is_scale(descriptor) is scale


@given(st.binary(max_size=64))
def test_any_descriptor_is_looked_through(descriptor):
    assert is_scale(descriptor) in (True, False)


def test_the_first_report_is_stale_and_dropped():
    session = Session()
    assert session.receive(bytes.fromhex("04 04"), 0.0) == [Reply("status", (("status", "stable"),))]
    assert session.receive(BOTH[0][0], 0.0) == []
    assert session.receive(BOTH[4][0], 0.1) == [BOTH[4][1]]
    assert session.receive(bytes.fromhex("04 04 02 00 E2 04"), 0.2) == [weighing("1250", "g")]


def test_half_a_report_is_never_completed_by_the_next():
    session = Session()
    session.receive(BOTH[0][0], 0.0)
    assert [type(event) for event in session.receive(BOTH[0][0][:3], 0.1)] == [Garbage]
    assert session.receive(BOTH[4][0], 0.2) == [BOTH[4][1]]


def test_the_session_carries_zero_and_nothing_else():
    session = Session()
    assert session.ask(Wish.ZERO, 0.0) and session.ask(Wish.ZERO, 0.0)
    assert session.pending() == b"\x02\x02" and session.pending() == b""
    assert not session.ask(Wish.TARE, 0.0) and not session.ask(Wish.CLEAR_TARE, 0.0)
    assert session.deadline is None


def test_a_simulated_scale_is_read_zeroed_and_overloaded():
    pan = Pan()
    scale, session, now = HidScale(pan), Session(), 0.0
    seen = []

    def run(seconds):
        nonlocal now
        seen.clear()
        end = now + seconds
        while now < end:
            if out := session.pending():
                scale.receive(out, now)
            while report := scale.pending(now):
                seen.extend(event for event in session.receive(report, now) if isinstance(event, Weighing))
            now += 0.05
        return seen[-1]

    assert run(1) == weighing("0.000", "kg", True, True)
    pan.put(Decimal("2.350"), now)
    assert run(1) == weighing("2.350", "kg") and seen[0].stable is False
    session.ask(Wish.ZERO, now)
    run(1)
    assert [event.state for event in seen].count(State.ERROR) == 1
    pan.put(Decimal("0.1"), now)
    run(1)
    session.ask(Wish.ZERO, now)
    assert run(1) == weighing("0.000", "kg", True, True)
    pan.put(Decimal(-1), now)
    assert run(1) == weighing("-1.100", "kg", None)
    pan.put(Decimal(20), now)
    assert run(1).state is State.OVERLOAD
    assert scale.deadline(now) is not None


def test_a_pan_too_fine_for_16_bits_is_refused():
    with pytest.raises(ValueError, match="16 bits"):
        HidScale(Pan(Decimal(150), Decimal("0.001")))


def test_the_format_is_in_the_table():
    assert formats.find("hid_scale").session is Session
