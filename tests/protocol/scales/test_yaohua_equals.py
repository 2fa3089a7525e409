from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import catalogue
from protocol import formats
from protocol.framing import PARITY_WHY
from protocol.readings import Garbage, State, Weighing
from protocol.scales.yaohua_equals import LINE_CAP, Options, decode, decoder, encode
from protocol.session import Listening, Wish
from simulator.scales._pan import Pan
from simulator.scales.yaohua_equals import simulate

TABLE = [  # reversed, width, frame, value
    (True, 7, bytes.fromhex("3D 30 30 30 2E 35 32 31"), "125.000"),
    (True, 8, b"=000.3000", "3.000"),
    (True, 8, b"=00.1000-", "-1.00"),
    (False, 8, b"=0003.000", "3.000"),
    (False, 8, b"=-0001.00", "-1.00"),
    (False, 7, b"=3.00000", "3.00000"),
    (True, 8, b"=5.987654", "456789.5"),
]
BAD = [b"000.52", b"000.52100", b"000..521", b"000x521", b".000521", b"0 0.521", b"000.300;", b"-00.521"]

weights = st.builds(
    lambda number, places: Decimal(number).scaleb(-places), st.integers(-99999, 99999), st.integers(1, 4)
).map(lambda value: value if value else abs(value))


def of(value):
    return Weighing(Decimal(value))


@pytest.mark.parametrize(("backwards", "width", "frame", "value"), TABLE)
def test_a_frame_means_its_reading(backwards, width, frame, value):
    for settings in ({"width": width}, {}):
        (event,) = decoder(Options(reversed=backwards, **settings)).feed(frame + b"=")
        assert event == of(value) and str(event.value) == value and event.raw == frame


@pytest.mark.parametrize(("backwards", "width", "frame", "value"), TABLE)
def test_a_reading_is_encoded_as_the_indicator_does(backwards, width, frame, value):
    assert encode(of(value), reversed=backwards, width=width) == frame


@pytest.mark.parametrize(("backwards", "width", "frame", "value"), TABLE)
def test_a_frame_may_come_byte_by_byte_and_is_closed_by_the_next(backwards, width, frame, value, readings):
    framer = decoder(Options(reversed=backwards, width=width))
    assert readings(framer, frame, range(len(frame))) == []
    assert framer.feed(b"=") == [of(value)]


def test_the_frame_does_not_say_what_it_does_not_say():
    reading = decode(b"000.521")
    assert (reading.unit, reading.net, reading.stable, reading.zero) == (None, None, None, None)


def test_a_terminator_of_clones_does_no_harm():
    assert decode(b"000.521\r\n", width=7) == of("125.000")


@pytest.mark.parametrize("frame", BAD)
def test_a_bad_frame_is_garbage(frame):
    assert isinstance(decode(frame), Garbage)


def test_what_comes_before_the_first_frame_is_never_a_weight():
    assert decoder(Options()).feed(b"000.521=") == []


def test_the_last_frame_is_not_closed_by_the_end():
    framer = decoder(Options())
    (event,) = framer.feed(b"=000.521") + framer.finish()
    assert isinstance(event, Garbage)


def test_a_sign_at_the_wrong_end_points_at_the_setting():
    assert "reversed" in decode(b"-0001.00").why
    assert "reversed" in decode(b"00.1000-", reversed=False).why


def test_digits_without_a_point_need_a_setting():
    assert "decimals" in decode(b"+001250", reversed=False).why
    assert str(decode(b"+001250", reversed=False, decimals=3).value) == "1.250"
    assert str(decode(b"-001250", reversed=False, decimals=0).value) == "-1250"
    assert str(decode(b"521.000", decimals=0).value) == "0.125" and decode(b"521.000", decimals=2).value == Decimal(
        "0.125"
    )


def test_zero_has_no_sign():
    assert str(decode(b"000.000-").value) == "0.000"


def test_a_parity_mistake_is_told_as_such():
    frame = bytes(byte | 0x80 if byte.bit_count() % 2 else byte for byte in b"000.521")
    assert decode(frame).why == PARITY_WHY
    assert decode(frame * 2).why == PARITY_WHY


@pytest.mark.parametrize("settings", [{"width": 6}, {"decimals": -1}, {"decimals": 7}])
def test_a_setting_that_makes_no_sense_is_refused(settings):
    with pytest.raises(ValueError):
        decoder(Options(**settings))


@pytest.mark.parametrize(
    "reading", [of("1234567.89"), of("-12345.67"), of("NaN"), Weighing(None, state=State.OVERLOAD)]
)
def test_what_does_not_fit_is_not_encoded(reading):
    with pytest.raises(ValueError):
        encode(reading)


@given(weights, st.booleans(), st.sampled_from([7, 8]))
def test_what_is_encoded_is_decoded(value, backwards, width):
    settings = {"reversed": backwards, "width": width}
    (event,) = decoder(Options(**settings)).feed(encode(of(value), **settings) + b"=")
    assert event == of(value) and str(event.value) == str(value)


@given(st.lists(st.integers(0, 100), max_size=8))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    stream = b".521\x00\x7f" + b"=00.1000-=000.3000=00x.3000=000.521="
    assert readings(decoder(Options()), stream, cuts) == [of("-1.00"), of("3.000"), of("125.000")]


@given(st.binary(max_size=200))
def test_noise_never_raises_and_the_next_frame_is_found(noise):
    framer = decoder(Options())
    framer.feed(noise + b"=")
    assert framer.feed(b"000.521=")[-1] == of("125.000")


@given(weights, st.booleans(), st.integers(0, 26), st.sampled_from(["lose", "double"]))
def test_where_the_width_is_set_a_lost_or_doubled_byte_never_gives_another_number(
    readings, damage, value, backwards, at, what
):
    settings = {"reversed": backwards, "width": 8}
    found = readings(decoder(Options(**settings)), damage(encode(of(value), **settings) * 3 + b"=", at, what))
    assert set(found) == {of(value)} and len(found) >= 1


def test_where_the_width_is_set_a_sign_that_became_the_head_is_refused(readings):
    assert readings(decoder(Options()), b"=00.1000==") == [of("1.00")]
    assert readings(decoder(Options(width=8)), b"=00.1000==") == []


def test_a_stream_without_frames_keeps_the_cap():
    framer = decoder(Options())
    for _ in range(100):
        framer.feed(b"000.521" * 10)
    assert len(framer._buffer) <= LINE_CAP


@pytest.mark.parametrize(
    ("row", "device"),
    [
        ("yaohua-a26-tf1", {}),
        ("yaohua-a26-tf2", {"reversed": False}),
        ("yaohua-d2-equals", {}),
        ("yaohua-d2-old-equals", {"width": 7}),
        ("keli-d2002", {}),
    ],
)
def test_every_row_reads_its_indicator(row, device, talk):
    pan = Pan()
    scale, session = simulate(pan, **device), catalogue.find(row).session()
    assert isinstance(session, Listening) and not session.ask(Wish.TARE, 0.0)
    pan.put(Decimal("2.350"), 0.0)
    events = talk(session, scale, 1.0, 2.0)
    assert len(events) >= 8 and set(events) == {of("2.350")}


def test_in_overload_the_simulated_one_is_silent(talk):
    pan = Pan()
    pan.put(Decimal(99), 0.0)
    assert talk(catalogue.find("yaohua-a26-tf1").session(), simulate(pan), 1.0, 2.0) == []


def test_the_wrong_row_gives_no_weight_once_there_is_a_sign(talk):
    pan = Pan()
    pan.put(Decimal("-0.050"), 0.0)
    events = talk(catalogue.find("yaohua-a26-tf2").session(), simulate(pan), 1.0, 1.5)
    assert events and all(isinstance(event, Garbage) for event in events)


def test_the_row_without_a_point_needs_the_decimals():
    row = catalogue.find("keli-kl3101")
    assert isinstance(row.session().receive(b"=+001250=", 0.0)[0], Garbage)
    assert row.with_options({"decimals": 3}).session().receive(b"=+001250=", 0.0) == [of("1.250")]


def test_the_format_is_in_the_table():
    assert not formats.find("yaohua_equals").sends_unit
