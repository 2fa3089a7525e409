from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import formats
from protocol.framing import PARITY_WHY
from protocol.readings import Garbage, Net, State, Weighing
from protocol.scales.toledo_continuous import Options, decode, decoder, encode, encode_extended, session
from protocol.session import Wish
from simulator.scales._pan import Pan, find


def weighing(value, unit="kg", net=Net.GROSS, stable=True, zero=None):
    return Weighing(Decimal(value), unit, net, stable, zero)


OUT = Weighing(None, "kg", Net.GROSS, True)
TABLE = [
    ("02 2C 30 20 30 30 31 32 35 30 30 30 30 30 30 30 0D 2D", weighing("12.50"), {}),
    (
        "02 2D 39 20 20 20 20 33 34 35 20 20 20 31 30 30 0D 7E",
        weighing("0.345", net=Net.NET, stable=False),
        {"fill": " ", "tare": Decimal("0.100")},
    ),
    ("02 2D 20 20 30 30 31 32 35 30 30 30 30 30 30 30 0D 3C", weighing("1.250", "lb"), {}),
    ("02 2B 20 21 30 30 31 32 35 30 30 30 30 30 30 30 0D", weighing("125.0", "g"), {"checksum": False}),
]
ONE_WAY = [
    ("02 2C 34 20 20 20 20 20 20 20 30 30 30 30 30 30 0D 11", replace(OUT, state=State.OVERLOAD)),
    ("02 2C 36 20 20 20 20 20 20 20 30 30 30 30 30 30 0D 0F", replace(OUT, state=State.UNDERLOAD)),
    ("02 2B 32 20 20 20 20 31 32 35 30 30 30 30 30 30 0D", weighing("-12.5")),
    ("02 2A 30 20 30 30 31 32 35 30 30 30 30 30 30 30 0D", weighing("1250")),
    ("02 29 30 20 30 30 31 32 35 30 30 30 30 30 30 30 0D", weighing("12500")),
    ("02 28 30 20 30 30 31 32 35 30 30 30 30 30 30 30 0D", weighing("125000")),
    ("02 2F 30 20 30 30 31 32 35 30 30 30 30 30 30 30 0D", weighing("0.01250")),
    ("02 2C 32 20 30 30 30 30 30 30 30 30 30 30 30 30 0D", weighing("0.00")),
    ("02 2C 30 20 B0 B0 B1 B2 B5 B0 B0 B0 B0 B0 B0 B0 0D", weighing("12.50")),
    ("02 2C 30 20 20 20 B1 B2 B5 B0 20 20 20 20 20 20 0D", weighing("12.50")),
    ("02 2C 70 20 30 30 31 32 35 30 30 30 30 30 30 30 0D", replace(OUT, state=State.ERROR)),
    ("02 2C 30 30 30 30 31 32 35 30 30 30 30 30 30 30 0D", replace(OUT, state=State.ERROR)),
    ("02 2C 20 22 30 30 31 32 35 30 30 30 30 30 30 30 0D", weighing("12.50", "?2")),
    ("02 2C 20 28 30 30 31 32 35 30 30 30 30 30 30 30 0D", weighing("12.50", "lb")),
]
EXTENDED = [
    (weighing("1.250", zero=False), {}),
    (weighing("-0.345", "g", Net.NET, False, False), {"tare": Decimal("0.100")}),
    (weighing("0.000", "oz", zero=True), {"checksum": False}),
    (Weighing(None, "kg", Net.GROSS, True, False, State.OVERLOAD), {}),
    (Weighing(None, "kg", Net.GROSS, True, False, State.UNDERLOAD), {}),
    (Weighing(None, "kg", Net.GROSS, True, False, State.ERROR), {}),
]
GOOD = [
    *((bytes.fromhex(text), reading) for text, reading, _ in TABLE),
    *((bytes.fromhex(text), reading) for text, reading in ONE_WAY),
    *((encode_extended(reading, **options), reading) for reading, options in EXTENDED),
]
FRAMES = [pytest.param(frame, reading, id=frame.hex()) for frame, reading in GOOD]
CHECKED = [(frame, reading) for frame, reading in GOOD if len(frame) in (18, 25)]
STREAM = b"".join(frame for frame, _ in CHECKED)
UNCHECKED = b"".join(frame[:17] for frame, _ in GOOD if frame[0] == 2)
BAD = [
    "02 2C 30 20 30 30 31 32 35 30 30 30 30 30 30 30 0D 2E",
    "02 2C 30 20 30 30 31 32 36 30 30 30 30 30 30 30 0D 2D",
    "02 2C 30 20 20 20 20 20 20 20 30 30 30 30 30 30 0D",
    "02 2C 30 20 30 30 2A 2A 35 30 30 30 30 30 30 30 0D",
    "02 2C 30 20 30 30 31 20 35 30 30 30 30 30 30 30 0D",
    "02 2C 30 20 30 30 B1 B2 35 30 30 30 30 30 30 30 0D",
    "02 2C 30 20 30 30 31 32 35 30 30 30 30 30 30 30",
    "01 31 22 20 20 20 20 20 20 31 2E 2E 35 30 20 20 20 20 20 20 20 20 30 0D",
    "05",
    "",
]
values = st.builds(
    lambda number, places: Decimal(number).scaleb(-places), st.integers(-999999, 999999), st.integers(0, 5)
)
readings_sent = st.builds(
    Weighing,
    values.map(lambda value: value if value else abs(value)),
    st.sampled_from(["kg", "lb", "g", "oz"]),
    st.sampled_from([Net.GROSS, Net.NET]),
    st.booleans(),
)


@pytest.mark.parametrize(("frame", "reading"), FRAMES)
def test_a_frame_means_its_reading(frame, reading):
    assert decode(frame) == reading and decode(frame).raw == frame
    assert str(decode(frame).value) == str(reading.value)
    assert decoder(Options(checksum=len(frame) in (18, 25))).feed(frame) == [reading]


@pytest.mark.parametrize(("text", "reading", "options"), TABLE)
def test_a_reading_is_encoded_as_the_indicator_does(text, reading, options):
    assert encode(reading, **options) == bytes.fromhex(text)


@pytest.mark.parametrize(("frame", "reading"), FRAMES)
def test_a_frame_may_come_byte_by_byte_with_more_behind_it(frame, reading, readings):
    behind = frame[:1] + b"11"
    assert readings(decoder(Options()), frame + behind, range(len(frame) + 3)) == [reading]


@pytest.mark.parametrize(("frame", "reading"), FRAMES)
def test_a_frame_alone_is_known_when_the_stream_ends(frame, reading):
    found = decoder(Options())
    assert found.feed(frame) + found.finish() == [reading]


@pytest.mark.parametrize("text", BAD)
def test_a_bad_frame_is_garbage(text):
    frame = bytes.fromhex(text)
    assert isinstance(decode(frame), Garbage)
    found = decoder(Options())
    assert all(isinstance(event, Garbage) for event in found.feed(frame) + found.finish())


@pytest.mark.parametrize("value", ["1000000", "0.000001", "1E3", "NaN"])
def test_what_does_not_fit_is_not_encoded(value):
    with pytest.raises(ValueError):
        encode(weighing(value))


def test_an_unknown_unit_is_not_encoded():
    with pytest.raises(ValueError):
        encode(weighing("1", "jin"))
    with pytest.raises(ValueError):
        encode_extended(weighing("1", "jin"))


@pytest.mark.parametrize("odd", [False, True])
def test_a_parity_mistake_is_told_as_such(odd):
    line = bytes(byte | 0x80 if (byte.bit_count() + odd) % 2 else byte for byte in GOOD[0][0] * 3)
    found = decoder(Options())
    events = found.feed(line) + found.finish()
    assert all(isinstance(event, Garbage) for event in events)
    assert PARITY_WHY in {event.why for event in events}


def test_a_frame_without_check_is_told_apart_from_one_whose_check_looks_like_a_head(readings):
    tare = Decimal("0.999")
    frames = [encode(weighing(Decimal(number).scaleb(-3)), tare=tare) for number in range(3000)]
    frame = next(frame for frame in frames if frame[-1] == 2)
    bare = next(frame[:-1] for frame in frames if sum(frame[:-1]) + 2 & 0x7F == 0)
    for sent in (frame, bare):
        found = decoder(Options())
        assert readings(found, sent * 3, range(100)) == [decode(sent)] * 2
        assert found.finish() == [decode(sent)]
    spoiled = frame.replace(b"9\r", b"5\r")
    found = decoder(Options())
    assert readings(found, spoiled * 3) == [] and isinstance(found.finish()[0], Garbage)


@given(readings_sent, st.booleans(), st.sampled_from([" ", "0"]))
def test_what_is_encoded_is_decoded(reading, checksum, fill):
    assert decode(encode(reading, checksum=checksum, fill=fill)) == reading
    sent = replace(reading, zero=False)
    if len(f"{reading.value:f}") <= 9:
        assert decode(encode_extended(sent, checksum=checksum)) == sent


@given(st.lists(st.integers(0, 400), max_size=10))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    assert readings(decoder(Options()), GOOD[0][0][7:] + b"\x00\x7f" + STREAM, cuts) == [
        reading for _, reading in CHECKED
    ]
    expected = readings(decoder(Options()), UNCHECKED)
    assert readings(decoder(Options()), UNCHECKED, cuts) == expected and len(expected) == UNCHECKED.count(b"\r") - 1


@given(st.binary(max_size=300))
def test_noise_is_garbage_and_the_next_frames_are_found(readings, noise):
    found = readings(decoder(Options()), noise + b"\xff" * 26 + STREAM)
    assert found[-len(CHECKED) :] == [reading for _, reading in CHECKED]


@given(st.binary(max_size=300))
def test_noise_never_raises(noise):
    found = decoder(Options())
    assert all(isinstance(event, Garbage | Weighing) for event in found.feed(noise) + found.finish())


@given(
    readings_sent,
    st.integers(0, 74),
    st.sampled_from(["flip", "lose", "double"]),
    st.integers(1, 255),
    st.booleans(),
)
def test_one_damaged_byte_of_a_frame_with_check_never_gives_another_number(damage, reading, at, what, flip, extended):
    sent = replace(reading, value=reading.value / 10, zero=False) if extended else reading
    if extended and len(f"{sent.value:f}") > 9:
        return
    frame = (encode_extended if extended else encode)(sent)
    frames = decoder(Options())
    events = frames.feed(damage(frame * 3, at % (3 * len(frame)), what, flip)) + frames.finish()
    values = [event.value for event in events if isinstance(event, Weighing)]
    assert set(values) == {sent.value} and len(values) >= 2


def test_a_stream_without_frames_keeps_the_cap():
    found = decoder(Options())
    for _ in range(200):
        found.feed(b"\x02   \x01123456")
    assert len(found._buffer) + len(found._noise) <= 256


def test_silence_ends_a_frame_without_check():
    listening = session(Options())
    assert listening.deadline is None
    assert listening.receive(GOOD[6][0], 1.0) == [] and listening.deadline == 1.25
    assert listening.expired(1.25) == [weighing("-12.5")] and listening.deadline is None


@pytest.mark.parametrize(
    "options", [{}, {"checksum": False}, {"extended": True}, {"extended": True, "checksum": False}]
)
def test_a_sale_on_a_simulated_scale(talk, options):
    pan, obeying = Pan(), session(Options())
    scale = find("toledo_continuous")(pan, **options)
    pan.put(Decimal("0.200"), 0.0)
    assert talk(obeying, scale, 0.0, 0.3)[-1].stable is False
    assert talk(obeying, scale, 0.5, 1.0)[-1].value == Decimal("0.200")
    assert obeying.ask(Wish.TARE, 1.0)
    pan.put(Decimal("2.700"), 1.1)
    last = talk(obeying, scale, 1.1, 2.0)[-1]
    assert (last.value, last.net, last.stable) == (Decimal("2.500"), Net.NET, True)
    pan.put(Decimal(20), 2.0)
    assert talk(obeying, scale, 2.1, 3.0)[-1].state is State.OVERLOAD
    pan.put(Decimal(-1), 3.0)
    assert talk(obeying, scale, 3.1, 4.0)[-1].state is State.UNDERLOAD
    pan.put(Decimal("0.1"), 4.0)
    assert obeying.ask(Wish.CLEAR_TARE, 4.5) and obeying.ask(Wish.ZERO, 4.5)
    assert talk(obeying, scale, 4.5, 5.0)[-1].value == 0


def test_the_format_is_in_the_table():
    assert formats.find("toledo_continuous").session is session
