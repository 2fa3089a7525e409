# ruff: noqa: DTZ001  (the instrument has a local clock and knows no zone)

from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import formats
from protocol.analyzers import dayuan_strip as wire
from protocol.analyzers.dayuan_strip import IN, OUT, STRIP_READER, Options, Session, decode, decoder, encode
from protocol.framing import Scanner
from protocol.readings import Curve, Garbage, Reply, TestResult
from protocol.session import Wish
from simulator.analyzers.dayuan_strip import MODELS, StripReader, card_with, curve_of

AT = datetime(2025, 3, 14, 9, 14, 32)
TOY = bytes.fromhex("7E 16 00 08 B0 04 80 0D 4A 0B 9C 04 54 7E")
TOY_CURVE = curve_of([1200, 3456, 2890, 1180])


def reply(what, **fields):
    return Reply(what, tuple(fields.items()))


TABLE = [
    ("7E 01 00 00 01 7E", reply("ask-version")),
    ("7E 02 00 03 01 11 05 1C 7E", reply("version", board="strip reader", generation="1", version="1105")),
    ("7E 02 00 03 06 10 11 2C 7E", reply("version", board="photometer", generation="1", version="1011")),
    ("7E 11 00 01 01 13 7E", reply("ask-drawer", to="in")),
    ("7E 12 00 00 12 7E", reply("drawer")),
    ("7E 13 00 00 13 7E", reply("ask-card")),
    ("7E 14 00 01 02 17 7E", reply("card", there="no")),
    ("7E 14 00 01 00 15 7E", reply("card", there="unknown (00)")),
    ("7E 14 00 01 01 16 7E", reply("card", there="yes")),
    ("7E 15 00 00 15 7E", reply("ask-curve")),
    (TOY.hex(), TOY_CURVE),
    ("7E 16 00 00 16 7E", reply("no-curve")),
    (wire.answer_no_curve(3).hex(), reply("no-curve")),
    ("7E 11 01 00 01 D4 7E", reply("ask-drawer", to="in")),
    ("7E 17 00 00 17 7E", reply("ask-compare")),
    ("7E 18 00 01 02 1B 7E", reply("compared", result="needs-upgrade")),
    ("7E 19 00 00 19 7E", reply("ask-battery")),
    ("7E 1A 00 01 01 1C 7E", reply("battery", answer="01")),
]
FRAMES = [(bytes.fromhex(text), meaning) for text, meaning in TABLE]
STREAM = b"".join(frame for frame, _ in FRAMES)
READINGS = [meaning for _, meaning in FRAMES]
GENERATIONS = pytest.mark.parametrize("model", list(MODELS))

curves = st.lists(st.integers(0, 0xFFFF), min_size=2, max_size=256).map(curve_of)


@pytest.mark.parametrize(("frame", "meaning"), FRAMES)
def test_a_frame_means_its_reading(frame, meaning):
    assert decode(frame) == meaning and decode(frame).raw == frame


def test_frames_are_encoded_as_the_module_does():
    frames = [bytes.fromhex(text) for text, _ in TABLE]
    made = [
        wire.ask_version(), wire.answer_version(STRIP_READER, b"\x11\x05"), wire.ask_drawer(IN), wire.answer_drawer(),
        wire.ask_card(), wire.answer_card(False), wire.answer_card(True), wire.ask_curve(), wire.answer_no_curve(),
        encode(TOY_CURVE), wire.ask_drawer(IN, 3),
    ]  # fmt: skip
    assert set(made) < set(frames)
    assert [decode(each) for each in made] == [meaning for each in made for frame, meaning in FRAMES if frame == each]


def test_a_card_read_is_a_curve_and_no_result():
    assert TOY_CURVE.points == (1200, 3456, 2890, 1180)
    assert not isinstance(TOY_CURVE, TestResult)
    assert decode(TOY).as_json() == {"ok": True, "kind": "curve", "points": [1200, 3456, 2890, 1180], "raw": TOY.hex()}


def test_a_photometer_sends_64_numbers_in_the_same_frame():
    frame = wire.frame(0x16, bytes.fromhex("803F C037") * 32)
    assert len(decode(frame).points) == 64 and decode(frame).points[:2] == (0x3F80, 0x37C0)


@pytest.mark.parametrize(
    "frame",
    [b"", b"\x7e", TOY[:-1], TOY + b"\x7e", TOY[:-1] + b"\x7f", wire.frame(0x16, bytes(5)),
     wire.frame(0x16, bytes(514)), wire.frame(0x23), wire.frame(0x25), wire.frame(0x14)],
)  # fmt: skip
def test_what_is_no_frame_is_garbage(frame):
    assert isinstance(decode(frame), Garbage)


def test_each_order_of_the_length_has_its_own_check():
    assert "check is" in decode(wire.frame(0x14, b"\1")[:-2] + wire.frame(0x14, b"\1", generation=3)[-2:]).why


@pytest.mark.parametrize("points", [[], [1], [1] * 257, [1, 70000], [1, -1]])
def test_a_curve_that_no_module_sends_is_not_encoded(points):
    with pytest.raises(ValueError, match="points"):
        encode(Curve(tuple(points), ""))


@given(curves, st.sampled_from([1, 2, 3]))
def test_what_is_encoded_is_decoded(curve, generation):
    assert decode(encode(curve, generation)) == curve


@given(st.lists(st.integers(0, 400), max_size=10))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    assert readings(decoder(), TOY[5:] + STREAM, cuts) == READINGS


def test_a_stream_may_come_byte_by_byte_with_marks_between(readings):
    stream = b"".join(b"\x00\x7e\x7e" + frame for frame, _ in FRAMES)
    assert readings(decoder(), stream, range(len(stream))) == READINGS


@given(st.binary(max_size=300))
def test_noise_never_raises_and_the_next_frame_is_found(readings, noise):
    assert readings(decoder(), noise + bytes(600) + TOY)[-1] == TOY_CURVE


@given(curves, st.integers(0, 1000), st.integers(1, 255), st.sampled_from([1, 3]))
def test_a_flipped_byte_never_gives_another_curve(damage, curve, at, flip, generation):
    frame = encode(curve, generation)
    spoilt = decode(damage(frame, at % len(frame), "flip", flip))
    assert isinstance(spoilt, Garbage)


@given(curves, st.integers(0, 1000), st.sampled_from(["lose", "double"]))
def test_a_lost_byte_costs_the_frame_and_no_more(readings, damage, curve, at, what):
    frame = encode(curve)
    framer = decoder()
    found = readings(framer, damage(frame, at % len(frame), what))
    framer.finish()
    assert set(found) <= {curve} and readings(framer, TOY) == [TOY_CURVE]


def test_a_stream_of_marks_keeps_the_cap():
    framer = decoder()
    for _ in range(200):
        framer.feed(b"\x7e\x16\x02\x00" * 10)
    assert isinstance(framer, Scanner)
    assert len(framer._buffer) + len(framer._noise) <= 2 * framer._cap


# --- the dialogue, against the simulated module ---------------------------------------------------------------------


@pytest.fixture(scope="session")
def meet(booth):
    return lambda model="gen1", **options: booth(Session(Options(**options)), StripReader(model))


@GENERATIONS
def test_each_card_is_read_once(meet, model):
    met = meet(model)
    kept = [met.device.measure(n, Decimal(n) / 4, AT) for n in range(3)]
    assert met.run(60) == kept
    kept.append(met.device.measure(9, Decimal(1), AT))
    assert met.run(60) == kept
    assert met.run(600) == kept


def test_the_new_generation_is_asked_in_its_own_manner(meet):
    met = meet("gen3")
    met.device.measure(1, Decimal(1), AT)
    met.run(20)
    later = [out for _, out in met.sent][2:]
    assert wire.ask_drawer(OUT, 3) in later and wire.ask_card(3) in later and wire.ask_curve(3) in later


def test_a_card_is_given_back_when_its_curve_is_on_disk(meet):
    met = meet()
    met.autocommit = False
    kept = met.device.measure(1, Decimal(1), AT)
    assert met.run(60) == [kept] and not met.device.out
    met.run(600)
    assert not met.device.out and met.session.deadline is None
    met.commit()
    met.run(10)
    assert met.device.out and met.device.card is None


def test_the_drawer_may_be_left_alone(meet):
    met = meet(drawer=False)
    met.device.card = card_with(Decimal(1))
    met.run(60)
    assert len(met.results) == 1
    assert "ask-drawer" not in {each.what for each in met.device.asked}


def test_a_cut_curve_is_asked_for_again(meet):
    met = meet()
    kept = met.device.measure(1, Decimal(1), AT)
    cut = []

    def cut_once(data):
        if len(data) > 100 and not cut:
            cut.append(data)
            return data[:200]
        return data

    met.mangle = cut_once
    assert met.run(60) == [kept] and cut


@GENERATIONS
@given(
    at=st.integers(0, 500), what=st.sampled_from(["flip", "lose", "double"]), flip=st.integers(1, 255),
    which=st.integers(0, 8),
)  # fmt: skip
def test_one_damaged_byte_never_gives_another_curve(meet, damage, model, at, what, flip, which):
    met = meet(model)
    kept = met.device.measure(1, Decimal("0.5"), AT)
    heard = []

    def spoil_one(data):
        if not data:
            return data
        heard.append(data)
        return damage(data, at % len(data), what, flip) if len(heard) == which + 1 else data

    met.mangle = spoil_one
    assert met.run(200) == [kept]


@GENERATIONS
def test_without_a_card_no_curve_is_asked_for(meet, model):
    met = meet(model)
    assert met.run(60) == []
    assert {each.what for each in met.device.asked} == {"ask-version", "ask-drawer", "ask-card"}
    assert met.device.out


def test_what_is_not_known_of_the_card_is_no_card(meet):
    met = meet()
    met.device.measure(1, Decimal(1), AT)
    met.mangle = lambda data: wire.frame(0x14, b"\0") if data[1:2] == b"\x14" else data
    assert met.run(60) == [] and "ask-curve" not in {each.what for each in met.device.asked}


def test_a_card_without_a_curve_is_given_back(meet):
    met = meet()
    kept = [met.device.measure(n, Decimal(n) / 4, AT) for n in (1, 2)]
    emptied = []

    def empty_once(data):
        if data[1:2] == b"\x16" and not emptied:
            emptied.append(data)
            return wire.answer_no_curve()
        return data

    met.mangle = empty_once
    assert met.run(60) == kept[1:]
    assert [event.what for event in met.events if event == reply("no-curve")] == ["no-curve"]


@GENERATIONS
def test_single_fe_bytes_and_doubled_frames_change_nothing(meet, model):
    met = meet(model)
    kept = [met.device.measure(n, Decimal(n) / 4, AT) for n in range(3)]
    met.mangle = lambda data: b"\xfe" + data + data + b"\xfe" if data else data
    assert met.run(100) == kept
    asked = [each.what for each in met.device.asked]
    assert asked.count("ask-curve") == 3


@given(st.lists(st.integers(0, 500), max_size=10))
def test_fe_between_frames_and_frames_twice_in_any_chunking(readings, cuts):
    stream = b"\xfe".join(frame * 2 for frame, _ in FRAMES)
    assert readings(decoder(), stream, cuts) == [meaning for meaning in READINGS for _ in range(2)]


def test_a_photometer_is_left_in_peace(meet, booth):
    met = booth(Session(Options()), StripReader(board=wire.PHOTOMETER))
    met.run(600)
    assert {each.what for each in met.device.asked} == {"ask-version"} and len(met.sent) < 40


def test_a_silent_module_is_asked_again(meet):
    met = meet()
    met.plugged = False
    met.run(600)
    assert {out for _, out in met.sent} == {wire.ask_version(1), wire.ask_version(3)} and len(met.sent) < 60
    met.plugged = True
    kept = met.device.measure(1, Decimal(1), AT)
    assert met.run(60) == [kept]


def test_no_firmware_is_ever_written(meet):
    met = meet()
    met.device.measure(1, Decimal(1), AT)
    met.run(600)
    assert {out[1] for _, out in met.sent} == {0x01, 0x11, 0x13, 0x15}


def test_an_unknown_model_is_refused():
    with pytest.raises(ValueError, match="gen1, gen2, gen3"):
        StripReader("gen4")


def test_an_analyzer_takes_no_wishes():
    assert not Session(Options()).ask(Wish.TARE, 0.0)


def test_the_format_is_in_the_table():
    assert formats.find("dayuan_strip").session is Session
