# ruff: noqa: DTZ001  (the instruments have a local clock and know no zone)

import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import catalogue
from protocol import formats
from protocol.analyzers.dayuan import dy6a as _dy6a
from protocol.analyzers.dayuan import dy723pc as _dy723pc
from protocol.analyzers.dayuan import dy2620 as _dy2620
from protocol.analyzers.dayuan import dy5800 as _dy5800
from protocol.analyzers.dayuan import dy6260 as _dy6260
from protocol.analyzers.dayuan import dyrs2 as _dyrs2
from protocol.analyzers.dayuan_small import VARIANTS, Options, Reading, decoder, session
from protocol.readings import Garbage, Reply, TestResult, Verdict
from protocol.session import Listening, Wish
from simulator.analyzers.dayuan_small import ERASE, SmallDayuan

DAY = date(2025, 3, 14)
AT = datetime(2025, 3, 14, 9, 14, 32)
MODELS = list(VARIANTS)
ASKED = [model for model in MODELS if VARIANTS[model].read]
UNCHECKED = [model for model in ASKED if not VARIANTS[model].counted]

every_model = pytest.mark.parametrize("model", MODELS)


def made(model, **changes):
    meat = model in ("dy6400", "dyrs2")
    result = TestResult(
        sample="7",
        channel="3",
        item={"dy6200": "亚硝酸盐", "dy2620": "极性组分"}.get(model, "水分" if meat else "农药残留"),
        value=Decimal("12.5") if model != "dy6200" else Decimal("12.50"),
        unit="mg/kg" if model == "dy6200" else "%",
        verdict=Verdict.QUALIFIED if model in ("dy6200", "dy723pc") else None,
        measured_at=AT,
        identity="",
        name="牛肉" if meat else "青菜",
    )
    return replace(result, **changes)


OLD = {
    "dy6200": bytes.fromhex("6A 07 00 E2 04 02 01 25 03 14 09 14 32"),
    "dy6400": bytes.fromhex("6A 01 25 02 25 03 14 07 00"),
    "dyrs2": b"\x01D00071252250314091432A0\x04",
    "dy2620": bytes.fromhex("01 65 0A 18 05 11 09 1E 00 07 3D 00 D7 99 89"),
    "dy723pc": "R,7,3,农药残留,0.812,12.5,%,合格,2025-03-14 09:14:32,FINISH".encode("gb18030"),
    "dy5800": _dy5800.encode(made("dy5800")),
    "dy6260": json.dumps(
        {"detail": [{"检测结果": "12.5%", "检测项目": "农药残留", "样品编号": "7", "样品名称": "青菜",
                     "检测时间": "2025-03-14 09:14:32"}]}, ensure_ascii=False,
    ).encode(),
}  # fmt: skip
SEEN = {  # what each wire carries of it
    "dy6200": made("dy6200", channel=None, name=None, identity="dy6200/7/2/2025-03-14T09:14:32/1250"),
    "dy6400": made("dy6400", channel=None, measured_at=datetime(2025, 3, 14), identity="dy6400/07/2/250314/0125"),
    "dyrs2": made("dyrs2", channel=None, identity="dyrs2/0007/125/2/250314091432"),
    "dy2620": made(
        "dy2620", sample=None, channel=None, name=None, value=Decimal("21.5"), limit=Decimal(27),
        measured_at=datetime(2024, 5, 17, 9, 30), identity="dy2620/180511091e00073d00d7",
    ),
    "dy723pc": made("dy723pc", name=None, identity="dy723pc/7/3/农药残留/0.812/12.5/2025-03-14 09:14:32"),
    "dy5800": made(
        "dy5800", measured_at=AT.replace(second=0), identity="dy5800/7/3/农药残留/2025-03-14T09:14:00/12.5"
    ),
    "dy6260": made("dy6260", channel=None, identity="dy6260/7/农药残留/2025-03-14 09:14:32/12.5%"),
}  # fmt: skip
SEEN = {model: replace(seen, sure=model == "dy2620") for model, seen in SEEN.items()}  # only that one has a check


def of(found):
    return [event for event in found if isinstance(event, TestResult)]


@every_model
def test_a_frame_means_its_result(readings, model):
    assert of(readings(decoder(Reading(model=model)), OLD[model])) == [SEEN[model]]


@every_model
def test_a_result_may_come_byte_by_byte_with_more_behind_it(readings, model):
    stream = OLD[model] * 2 + b"\x6a\x01P{"
    assert of(readings(decoder(Reading(model=model)), stream, range(len(stream)))) == [SEEN[model]] * 2


@every_model
@given(cuts=st.lists(st.integers(0, 400), max_size=8))
def test_any_chunking_gives_the_same_readings(readings, model, cuts):
    stream = OLD[model][5:] + OLD[model] * 3
    found = [readings(decoder(Reading(model=model)), stream, some) for some in (cuts, [])]
    assert found[0] == found[1] and set(of(found[0])) == {SEEN[model]}


@every_model
@given(noise=st.binary(max_size=200))
def test_noise_never_raises(readings, model, noise):
    framer = decoder(Reading(model=model))
    readings(framer, noise, range(0, 200, 7))
    framer.finish()
    assert of(readings(framer, OLD[model]))[-1:] == [SEEN[model]]


@every_model
def test_an_endless_stream_is_bounded(model):
    framer = decoder(Reading(model=model))
    pieces = (event for _ in range(100) for event in framer.feed(OLD[model][:6] * 200) if isinstance(event, Garbage))
    assert sum(len(event.data) for event in pieces) >= 100 * 1200 - 2 * _dy6260.CAP


@every_model
@given(value=st.integers(0, 999), sample=st.integers(1, 99), minutes=st.integers(0, 10**6))
def test_what_is_encoded_is_decoded(readings, model, value, sample, minutes):
    at = (AT - timedelta(minutes=minutes)).replace(second=0)
    tester = SmallDayuan(model)
    kept = tester.measure(sample, Decimal(value).scaleb(-1), at)
    assert kept.value == Decimal(value).scaleb(-1)
    assert kept.sample == (None if model == "dy2620" else str(sample))
    assert kept.measured_at == (at.replace(hour=0, minute=0) if model == "dy6400" else at)


@pytest.mark.parametrize(
    ("encode", "result"),
    [
        (_dy6a.encode, made("dy6200", measured_at=None)),
        (_dy6a.encode, made("dy6200", value=Decimal("1.234"))),
        (_dy6a.encode, made("dy6200", value=Decimal("700"))),
        (_dy6a.encode, made("dy6400", sample="100")),
        (_dyrs2.encode, made("dyrs2", value=Decimal("100"))),
        (lambda result: _dy2620.encode([result]), made("dy2620", value=Decimal("0.01"))),
        (lambda result: _dy2620.encode([result]), made("dy2620", measured_at=datetime(1999, 1, 1))),
        (_dy5800.encode, made("dy5800", value=Decimal("1234.5"))),
    ],
)
def test_what_does_not_fit_is_not_encoded(encode, result):
    with pytest.raises(ValueError):
        encode(result)


# --- what is peculiar to each ---------------------------------------------------------------------------------------


def test_the_requests_are_those_of_the_makers_programs():
    assert (_dy6a.HELLO.hex(), _dy6a.READ.hex()) == ("6a5aa569", "6a5ba469")
    assert _dyrs2.ask_version() == b"\x01VAA\x04"
    assert _dyrs2.ask_days(date(2025, 3, 1), DAY)[:14] == b"\x01R250301250314"
    assert _dy2620.ask_record(0).hex(" ") == "01 65 00 00 00 01 8c 02"
    assert _dy723pc.ask_days(date(2025, 3, 1), DAY) == b"D2025-03-01D2025-03-14"
    assert _dy723pc.ask_days(date(2025, 3, 1), DAY, marked=True) == b"%D2025-03-01D2025-03-14~"
    assert _dy6260.READ == b"READ"


def test_the_answers_are_those_of_the_papers():
    result = replace(SEEN["dy2620"], identity="")
    assert _dy2620.encode([result], temperature=Decimal("185.3")) == OLD["dy2620"]
    assert _dy6a.encode(made("dy6200")) == OLD["dy6200"] and _dy6a.encode(made("dy6400")) == OLD["dy6400"]
    assert _dy723pc.encode([made("dy723pc")]) == OLD["dy723pc"]
    assert len(_dy5800.encode(made("dy5800"))) == 82 and len(_dyrs2.encode(made("dyrs2"))) == 25


@pytest.mark.parametrize("code", range(1, 8))
def test_the_items_of_a_dy6200(code):
    assert _dy6a.decode(OLD["dy6200"][:5] + bytes((code,)) + OLD["dy6200"][6:]).item == _dy6a.ITEMS[code]


def test_out_of_range_is_suspect_and_has_no_value():
    over = _dy6a.decode(OLD["dy6200"][:6] + b"\x04" + OLD["dy6200"][7:])
    assert (over.value, over.verdict, over.text) == (None, Verdict.SUSPECT, "超范围")
    assert _dy6a.encode(over)[6] == 4


@pytest.mark.parametrize(("at", "value"), [(5, 0), (5, 8), (6, 0), (6, 5), (7, 0x2A), (8, 0x13), (12, 0x60)])
def test_a_record_of_a_dy6200_that_cannot_be_is_garbage(at, value):
    frame = OLD["dy6200"][:at] + bytes((value,)) + OLD["dy6200"][at + 1 :]
    assert isinstance(_dy6a.decode(frame), Garbage)


def test_the_end_mark_and_the_greeting(readings):
    for model in ("dy6200", "dy6400"):
        found = readings(decoder(Reading(model=model)), _dy6a.HELLO + _dy6a.END + OLD[model] + _dy6a.END)
        assert [event.what for event in found if isinstance(event, Reply)] == ["hello", "end", "end"]
        assert of(found) == [SEEN[model]]


@pytest.mark.parametrize(
    ("digits", "at"), [("091432", AT), ("999999", datetime(2025, 3, 14)), ("000000", datetime(2025, 3, 14))]
)
def test_six_digits_are_a_time_if_they_make_one(digits, at):
    assert _dyrs2.decode(b"\x01D00071252250314" + digits.encode() + b"A0").measured_at == at


@pytest.mark.parametrize(
    "frame", [b"D00071252250314091432A0", b"\x01D00071252251314091432A0", b"\x01D7", b"\x01X", b""]
)
def test_text_that_is_no_record_is_garbage(frame):
    assert isinstance(_dyrs2.decode(frame), Garbage)


def test_the_crc_of_a_dy2620(damage):
    for at in range(len(OLD["dy2620"])):
        assert isinstance(_dy2620.decode(damage(OLD["dy2620"], at, "flip", 1)), Garbage)
    assert _dy2620.decode(bytes.fromhex("01 65 02 00 00 B9 DF")[:5] + _dy2620.encode([])[-2:]).what == "end"


@given(st.integers(0, 14), st.sampled_from(["flip", "lose", "double"]), st.integers(1, 255))
def test_one_damaged_byte_never_gives_another_result_of_a_dy2620(readings, damage, at, what, flip):
    """What follows is read again once it is longer than any frame that the damaged count can promise."""
    stream = damage(OLD["dy2620"], at, what, flip) + OLD["dy2620"] * 20
    assert set(of(readings(decoder(Reading(model="dy2620")), stream))) == {SEEN["dy2620"]}


def test_several_records_and_an_impossible_time_of_a_dy2620(readings):
    two = _dy2620.encode([SEEN["dy2620"], replace(SEEN["dy2620"], value=Decimal(3))])
    assert [result.value for result in of(readings(decoder(Reading(model="dy2620")), two))] == [
        Decimal("21.5"),
        Decimal(3),
    ]
    data = OLD["dy2620"][:4] + b"\x0d" + OLD["dy2620"][5:-2]
    strange = of(readings(decoder(Reading(model="dy2620")), _dy2620._sealed(data)))[0]
    assert strange.measured_at is None and strange.value == Decimal("21.5")


@pytest.mark.parametrize(
    ("said", "value", "text", "verdict"),
    [
        ("61.3,%,不合格", Decimal("61.3"), None, Verdict.UNQUALIFIED),
        ("NA,%,", None, "NA", Verdict.INVALID),
        ("阴性,,合格", None, "阴性", Verdict.QUALIFIED),
        ("0.5,mg/kg,可疑", Decimal("0.5"), None, Verdict.SUSPECT),
    ],
)
def test_results_of_a_dy723pc(readings, said, value, text, verdict):
    frame = OLD["dy723pc"].decode("gb18030").replace("12.5,%,合格", said).encode("gb18030")
    read = of(readings(decoder(Reading(model="dy723pc")), frame))[0]
    assert (read.value, read.text, read.verdict) == (value, text, verdict)


def test_what_stands_between_records_is_garbage_and_the_rest_is_read():
    first = OLD["dy723pc"][:-6]
    events = decoder(Reading(model="dy723pc")).feed(
        b"noise" + first + b"A7," + first.replace(b"R,", b"R") + b"R,7,FINISH"
    )
    assert of(events) == [SEEN["dy723pc"]] * 2
    assert [event.data for event in events if isinstance(event, Garbage)] == [b"noise", b"R,7,"]
    assert decoder(Reading(model="dy723pc")).feed(b"FINISH") == [Reply("end")]


def test_a_dy5800_tells_an_invalid_value_and_not_its_user():
    frame = _dy5800.encode(made("dy5800", value=None))
    assert (_dy5800.decode(frame).text, _dy5800.decode(frame).verdict) == ("NaN", Verdict.INVALID)
    named = frame[:62] + "王小明".encode("gb18030") + frame[68:]
    assert "王".encode("gb18030") not in _dy5800.decode(named).raw


@pytest.mark.parametrize(("at", "value"), [(0, 0x51), (81, 0x59), (52, 0x20), (54, 0x39)])
def test_a_frame_of_a_dy5800_that_cannot_be_is_garbage(at, value):
    frame = OLD["dy5800"][:at] + bytes((value,)) + OLD["dy5800"][at + 1 :]
    assert isinstance(_dy5800.decode(frame), Garbage)


@pytest.mark.parametrize(
    ("stated", "value", "unit", "verdict", "text"),
    [
        ("阳性", None, None, Verdict.UNQUALIFIED, "阳性"),
        ("阴性", None, None, Verdict.QUALIFIED, "阴性"),
        ("0.3 ug/kg", Decimal("0.3"), "ug/kg", None, None),
        ("复检", None, None, None, "复检"),
        ("12.5 mg/kg 合格", Decimal("12.5"), "mg/kg", Verdict.QUALIFIED, None),
        ("60%不合格", Decimal(60), "%", Verdict.UNQUALIFIED, None),
        ("7合格", Decimal(7), None, Verdict.QUALIFIED, None),
        ("弱阳性", None, None, Verdict.UNQUALIFIED, "弱阳性"),
        ("", None, None, Verdict.INVALID, None),
        (0, Decimal(0), None, None, None),
        (None, None, None, Verdict.INVALID, None),
    ],
)
def test_results_of_a_dy6260(readings, stated, value, unit, verdict, text):
    frame = json.dumps({"detail": [{"检测结果": stated, "检测项目": '克伦特罗 }" {'}]}).encode()
    read = of(readings(decoder(Reading(model="dy6260")), frame, range(len(frame))))[0]
    assert (read.value, read.unit, read.verdict, read.text) == (value, unit, verdict, text)


@pytest.mark.parametrize(
    "frame",
    [b"{}", b"{]}", b'{"detail": 3}', b"\xff{\xff}", b'{"detail": [' + b"9" * 5000 + b"]}", b"{" * 3000 + b"}" * 3000],
)
def test_json_that_is_no_answer_is_garbage(frame):
    assert all(isinstance(event, Garbage) for event in decoder(Reading(model="dy6260")).feed(frame))


def test_an_entry_that_is_no_result_is_garbage_and_the_others_are_read():
    frame = json.dumps({"detail": [3, {"检测结果": "1"}, {"检测项目": "x", "检测结果": "1"}]}).encode()
    events = decoder(Reading(model="dy6260")).feed(frame)
    assert len(of(events)) == 1 and sum(isinstance(event, Garbage) for event in events) == 2


def test_an_object_that_never_closes_is_dropped():
    framer = decoder(Reading(model="dy6260"))
    assert framer.feed(b'{"detail": [') == []
    assert isinstance(framer.finish()[0], Garbage)
    assert of(framer.feed(OLD["dy6260"])) == [SEEN["dy6260"]]
    told = [event for _ in range(300) for event in framer.feed(b"{" + b" " * 1000) if isinstance(event, Garbage)]
    assert told and len(framer._frames._buffer) <= _dy6260.CAP


# --- the dialogue, against the simulated instruments ----------------------------------------------------------------


@pytest.fixture(scope="session")
def meet(booth):
    def start(model, **options):
        met = booth(None, SmallDayuan(model))
        met.today = DAY
        met.session = session(Options(model=model, **options), lambda: met.today)
        return met

    return start


def fill(met, count=3):
    return [
        met.device.measure(n, Decimal(n) / 2, AT + timedelta(minutes=n)) for n in range(1, count + 1)
    ]  # fmt: skip


@every_model
def test_records_are_handed_over_once(meet, model):
    met = meet(model)
    kept = fill(met)
    assert met.run(60) == kept
    kept.append(met.device.measure(9, Decimal(4), AT + timedelta(hours=1)))
    assert met.run(60) == kept
    assert met.run(3600) == kept


@pytest.mark.parametrize("model", ASKED)
def test_nothing_more_is_asked_before_the_commit(meet, model):
    met = meet(model)
    met.autocommit = False
    kept = fill(met)
    assert met.run(60) == kept and met.session.deadline is None
    sent = len(met.sent)
    met.run(600)
    assert len(met.sent) == sent
    met.commit()
    met.run(60)
    assert len(met.sent) > sent


@pytest.mark.parametrize("model", UNCHECKED)
def test_a_result_is_believed_when_two_readings_agree(meet, damage, model):
    """A digit is changed once: the changed record is never handed over."""
    met = meet(model)
    kept = met.device.measure(7, Decimal("12.5"), AT)
    digits = {"dy6200": b"\xe2\x04", "dy6400": b"\x01\x25", "dyrs2": b"125"}.get(model, b"12.5")
    other = {"dy6200": b"\xe3\x04", "dy6400": b"\x01\x24", "dyrs2": b"124"}.get(model, b"12.4")
    spoilt = []

    def spoil_once(data):
        if digits in data and not spoilt:
            spoilt.append(data)
            return data.replace(digits, other, 1)
        return data

    met.mangle = spoil_once
    assert met.run(60) == [kept] and spoilt


@pytest.mark.parametrize("model", ASKED)
@given(
    at=st.integers(0, 300), what=st.sampled_from(["flip", "lose", "double"]), flip=st.integers(1, 255),
    which=st.integers(0, 6),
)  # fmt: skip
def test_one_damaged_byte_never_gives_another_result(meet, damage, model, at, what, flip, which):
    met = meet(model)
    kept = fill(met, 2)
    heard = []

    def spoil_one(data):
        if not data:
            return data
        heard.append(data)
        return damage(data, at % len(data), what, flip) if len(heard) == which + 1 else data

    met.mangle = spoil_one
    # A DY-2620 tells its end with two bytes; a reading that ends early is completed at the review.
    assert sorted(met.run(900), key=lambda result: result.identity) == kept


@pytest.mark.parametrize("model", ["dyrs2", "dy723pc"])
def test_the_days_asked_for_are_yesterday_and_today(meet, model):
    met = meet(model)
    kept = [met.device.measure(n, Decimal(n), AT - timedelta(days=3 - n)) for n in (1, 2, 3)]
    assert met.run(60) == kept[1:]
    met.today = date(1970, 1, 1)
    sent = len(met.sent)
    met.run(60)
    assert len(met.sent) == sent


def test_a_dy723pc_with_marks_is_asked_with_marks(meet):
    met = meet("dy723pc", marked=True)
    met.run(1)
    assert met.sent[0][1] == b"%D2025-03-13D2025-03-14~"


def test_a_dy2620_is_asked_for_what_is_new(meet):
    met = meet("dy2620")
    kept = fill(met, 250)
    assert met.run(60) == kept
    met.device.heard.clear()
    met.run(20)
    assert {request[2:4] for request in met.device.heard} == {(250).to_bytes(2, "big")}


@pytest.mark.parametrize("model", ASKED)
def test_a_silent_instrument_is_asked_with_growing_pauses(meet, model):
    met = meet(model)
    met.plugged = False
    met.run(900)
    gaps = [b - a for (a, _), (b, _) in pairwise(met.sent)]
    assert max(gaps) <= 64 and len(met.sent) < 40
    met.plugged = True
    kept = fill(met)
    assert met.run(120) == kept


@pytest.mark.parametrize("model", ASKED)
def test_nothing_is_ever_erased_or_set(meet, model):
    met = meet(model)
    fill(met)
    met.run(2000)
    assert not met.device.erased
    assert not any(ERASE in out or out.startswith(b"\x01S") for _, out in met.sent)


def test_a_dy5800_is_only_listened_to(meet):
    met = meet("dy5800")
    assert isinstance(met.session, Listening)
    kept = fill(met)
    assert met.run(60) == kept and met.sent == []


def test_an_unknown_model_is_refused():
    with pytest.raises(ValueError, match='"dy6200", "dy6400"'):
        formats.find("dayuan_small").speaks({"model": "dy5000"}, lambda: DAY)
    with pytest.raises(ValueError, match="dy6200, dy6400"):
        SmallDayuan("dy5000")


def test_an_analyzer_takes_no_wishes(meet):
    assert not meet("dy6200").session.ask(Wish.TARE, 0.0)


@every_model
def test_a_row_knows_which_decoder_reads_its_model(readings, model):
    row = catalogue.find(f"dayuan-{model}")
    assert of(readings(row.decoder(), OLD[model])) == [SEEN[model]]


@pytest.mark.parametrize("model", ASKED)
def test_what_is_handed_over_of_a_memory_is_sure(meet, model):
    met = meet(model)
    met.device.measure(7, Decimal("12.5"), AT)
    (result,) = met.run(60)
    assert result.sure and "sure" not in result.as_json()


def test_what_a_dy5800_sends_is_sure_when_it_sends_it_twice_alike():
    first, other = OLD["dy5800"], OLD["dy5800"].replace(b"12.5", b"12.4")
    listening = session(Options(model="dy5800"), lambda: DAY)
    said = [each for frame in (first, other, first, first) for each in listening.receive(frame, 0.0)]
    assert [(str(each.value), each.sure) for each in said] == [
        ("12.5", False), ("12.4", False), ("12.5", True), ("12.5", True),
    ]  # fmt: skip
    assert said[0].as_json()["sure"] is False and said[0].identity == said[2].identity


def test_the_format_is_in_the_table():
    assert formats.find("dayuan_small").session is session
    assert formats.find("dayuan_small").reads().feed(OLD["dy6200"]) == [SEEN["dy6200"]]
