# ruff: noqa: DTZ001  (the instrument has a local clock and knows no zone)

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import formats
from protocol.analyzers.dayuan import packets_03ff as packets
from protocol.analyzers.dayuan import records_03ff as records
from protocol.analyzers.dayuan.packets_03ff import DRY, SPECTRO, STRIP, Item, decode
from protocol.analyzers.dayuan_03ff import MODELS, Options, Session, decoder
from protocol.readings import Garbage, Reply, TestResult, Verdict
from protocol.session import Wish
from simulator.analyzers.dayuan_03ff import TABLES, Dayuan03ff

DAY = date(2025, 3, 14)
AT = datetime(2025, 3, 14, 9, 14, 32)
TABLE = TABLES[SPECTRO]
STRIPS = [Item("沙丁胺醇", "", 1), Item("莱克多巴胺", "", 1), Item("克伦特罗", "", 1)]

FIND = bytes.fromhex("03 FF 43 00 00 00 00 00 08 00 B7 00 00 00 6E 32 FF FF 6E 32")
FOUND = bytes.fromhex("03 FE 43 00 00 00 00 00 0C 00 B2 0D 00 00 00 00 00 00 00 00 05 00 08 00")
ASK_5 = bytes.fromhex("03 FF 45 00 05 00 00 00 00 00 BC 00")
RECORD_5 = bytes.fromhex(
    "03 FE 45 00 05 00 00 00 20 00 9D 55 01 00 00 00 D0 49 6E 32 01 00 00 00 7D 00 00 00"
    " 02 00 00 00 FE 7F 00 00 03 C0 00 00 AF 02 00 00"
)
STRIP_9 = bytes.fromhex("03 FE 65 00 00 00 00 00 09 00 91 CD 01 02 D0 49 6E 32 09 00 02")


def channel(number, value, verdict=None, raw="7d000000"):
    return TestResult(
        sample=None,
        channel=str(number),
        item="农药残留",
        value=None if value is None else Decimal(value),
        unit="%",
        verdict=verdict,
        measured_at=AT,
        identity=f"03ff/spectro/0/2025-03-14T09:14:32/{number}/{raw}",
    )


CHANNELS = [
    channel(1, "12.5"),
    channel(2, None, Verdict.INVALID, "fe7f0000"),
    channel(3, "68.7", Verdict.SUSPECT, "af020000"),
]
STRIP_RESULT = TestResult(
    sample="9",
    channel=None,
    item="克伦特罗",
    value=None,
    unit=None,
    verdict=Verdict.QUALIFIED,
    measured_at=AT,
    identity="03ff/strip/2/2025-03-14T09:14:32/9/02",
    text="阴性",
)
TEXT_RESULT = TestResult(
    sample="YC7",
    channel=None,
    item="农药残留",
    value=Decimal("12.5"),
    unit="%",
    verdict=Verdict.QUALIFIED,
    measured_at=AT,
    identity="03ff/text/YC7/农药残留/2025-03-14 09:14:32/12.5 % 合格",
    name="青菜",
)
PAGES = [packets.answer_items(SPECTRO, page, TABLE) for page in (0, 1)]
STRIP_PAGES = [packets.answer_items(STRIP, page, STRIPS) for page in (0, 1)]
TEXT = records.encode_text(TEXT_RESULT)
STREAM = b"".join((*PAGES, *STRIP_PAGES, FOUND, RECORD_5, STRIP_9, TEXT))


def reply(what, **fields):
    return Reply(what, tuple(fields.items()))


def of(found):
    return [event for event in found if isinstance(event, TestResult)]


def recrossed(frame):
    """The packet with both its xors made right."""
    return packets.packet(frame[1], frame[2], int.from_bytes(frame[4:8], "little"), frame[12:])


def patched(frame, at, *values):
    """The packet with other bytes in its data."""
    return recrossed(frame[: 12 + at] + bytes(values) + frame[12 + at + len(values) :])


times = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(
    lambda at: at.replace(microsecond=0, second=at.second // 2 * 2)
)
judged = st.sampled_from([None, Verdict.SUSPECT])


@pytest.mark.parametrize(
    ("frame", "meaning"),
    [
        (packets.ask_hello(), reply("ask-hello")),
        (packets.answer_hello("达元", "DY", "S1", b"ab"), reply("hello", device="达元", model="DY", serial="S1")),
        (packets.packet(packets.DEVICE, 0x20, data=b"PRN #2XX"), reply("hello", answer=b"PRN #2XX".hex())),
        (packets.ask_items(SPECTRO, 3), reply("ask-items", of="spectro", page="3")),
        (PAGES[0], reply("items", of="spectro", names="农药残留 亚硝酸盐")),
        (packets.answer_items(DRY, 9, []), reply("items", of="dry", names="")),
        (FIND, Reply("ask-find", (("of", "spectro"), ("from", "2025-03-14"), ("to", "2025-03-14")))),
        (FOUND, reply("find", of="spectro", start="5", end="8")),
        (ASK_5, reply("ask-record", of="spectro", index="5")),
        (RECORD_5, reply("record", of="spectro", item="0", time="2025-03-14T09:14:32")),
        (STRIP_9, reply("record", of="strip", item="2", time="2025-03-14T09:14:32")),
        (TEXT, reply("record", of="spectro", number="1")),
        (packets.packet(packets.HOST, 0x46), reply("ask-erase")),
    ],
)  # fmt: skip
def test_a_packet_means_its_reply(frame, meaning):
    assert decode(frame) == meaning
    assert decode(frame).raw == frame


def test_requests_are_the_bytes_of_the_makers_program():
    assert packets.ask_find(SPECTRO, DAY) == FIND
    assert packets.ask_record(SPECTRO, 5) == ASK_5
    assert packets.ask_hello().hex(" ") == "03 ff 20 00 00 00 00 00 08 00 d4 18 44 45 56 49 43 45 3f 3f"
    assert packets.ask_items(SPECTRO, 1).hex(" ") == "03 ff 42 00 00 01 00 00 00 00 bf 00"
    assert packets.ask_record(SPECTRO, 1).hex(" ") == "03 ff 45 00 01 00 00 00 00 00 b8 00"
    assert [packets.ask_find(kind, DAY)[10] for kind in (STRIP, DRY)] == [0x97, 0x87]


def test_answers_are_the_bytes_of_the_instrument():
    assert packets.answer_find(SPECTRO, 5, 8) == FOUND
    assert records.encode(CHANNELS, item=0, table=TABLE, index=5) == RECORD_5
    assert records.encode_strip(STRIP_RESULT, kind=STRIP, item=2, index=0) == STRIP_9
    assert len(PAGES[0]) == 12 + 256 and len(PAGES[1]) == 12 + 128


def test_a_record_is_read_with_the_item_table():
    assert records.results(decode(RECORD_5), TABLE) == CHANNELS
    assert records.results(decode(STRIP_9), STRIPS) == [STRIP_RESULT]
    assert records.results(decode(TEXT)) == [TEXT_RESULT]


def test_without_the_item_table_no_number_is_made():
    assert records.results(decode(RECORD_5)) == [decode(RECORD_5)]
    assert records.results(decode(STRIP_9), STRIPS[:2]) == [decode(STRIP_9)]
    assert records.results(decode(patched(RECORD_5, 0, 0)), TABLE)[0].get("empty") == "yes"


@pytest.mark.parametrize("item", [0, 1])
@pytest.mark.parametrize("value", ["0", "12.5", "-3.2", "3276.5"])
def test_a_value_has_the_decimals_of_its_method(item, value):
    result = replace(CHANNELS[0], value=Decimal(value))
    read = records.results(decode(records.encode([result], item=item, table=TABLE)), TABLE)[0]
    assert read.value == Decimal(value) and -read.value.as_tuple().exponent == (1, 3)[item]
    assert read.unit == ("%", "mg/kg")[item]


@pytest.mark.parametrize("pattern", ["FFFFFF7F", "FEFFFF7F", "FF7F0000", "2C420F00", "FDFFFF7F", "FE7F0000"])
def test_a_pattern_that_says_no_value_is_invalid(pattern):
    frame = patched(patched(RECORD_5, 12, *bytes.fromhex(pattern)), 1, 1)
    result = records.results(decode(frame), TABLE)[0]
    assert (result.value, result.verdict) == (None, Verdict.INVALID)


@pytest.mark.parametrize(
    ("code", "verdict"), [(1, Verdict.UNQUALIFIED), (2, Verdict.QUALIFIED), (3, Verdict.INVALID), (0, Verdict.INVALID)]
)
def test_a_strip_is_judged_by_the_instrument(code, verdict):
    for top in (0x00, 0x40):
        assert records.results(decode(patched(STRIP_9, 8, top | code)), STRIPS)[0].verdict is verdict


def test_a_strip_may_have_a_number():
    result = replace(STRIP_RESULT, value=Decimal("0.312"), verdict=None, unit=None)
    read = records.results(decode(records.encode_strip(result, kind=DRY, item=2)), STRIPS)[0]
    assert (read.value, read.verdict) == (Decimal("0.312"), None)
    short = records.results(decode(patched(STRIP_9, 8, 0x80)), STRIPS)[0]
    assert isinstance(short, Garbage)


@pytest.mark.parametrize(
    ("said", "value", "unit", "verdict"),
    [
        ("12.5 % 合格", Decimal("12.5"), "%", Verdict.QUALIFIED),
        ("0.03 mg/kg", Decimal("0.03"), "mg/kg", None),
        ("61.3 % 不合格", Decimal("61.3"), "%", Verdict.UNQUALIFIED),
        ("阳性", None, None, Verdict.UNQUALIFIED),
        ("不携带", None, None, Verdict.QUALIFIED),
        ("无效", None, None, Verdict.INVALID),
        ("", None, None, Verdict.INVALID),
        ("没有", None, None, Verdict.INVALID),
    ],
)
def test_a_result_in_words(said, value, unit, verdict):
    text = TEXT[15:].decode("gb18030").replace("12.5 % 合格", said).encode("gb18030")
    frame = packets.packet(packets.DEVICE, 0x45, 1, b"\x01\0\0" + text)
    read = records.results(decode(frame))[0]
    assert (read.value, read.unit, read.verdict) == (value, unit, verdict)
    assert read.text == ((said or None) if value is None else None)


def test_names_of_people_and_firms_are_not_kept_in_a_text_record():
    text = TEXT[15:].decode("gb18030").replace("送检单位：", "送检单位：某某公司").encode("gb18030")
    read = records.results(decode(packets.packet(packets.DEVICE, 0x45, 1, b"\x01\0\0" + text)))[0]
    assert read == TEXT_RESULT and "某某".encode("gb18030") not in read.raw


def test_lines_in_another_order_are_garbage():
    text = TEXT[15:].decode("gb18030").replace("检测项目", "检测方法").encode("gb18030")
    assert isinstance(records.results(decode(packets.packet(packets.DEVICE, 0x45, 1, b"\x01\0\0" + text)))[0], Garbage)


@pytest.mark.parametrize("time", ["00 00 00 00", "00 00 AE 33", "FF FF 6E 32"])
def test_an_impossible_time_is_garbage(time):
    assert isinstance(decode(patched(RECORD_5, 4, *bytes.fromhex(time))), Garbage)


@pytest.mark.parametrize(
    "frame", [b"", b"\x03", RECORD_5[:-1], RECORD_5 + b"\0", patched(STRIP_9, 0, 1)[:20], b"\x04" + FOUND[1:]]
)
def test_what_is_no_whole_packet_is_garbage(frame):
    assert isinstance(decode(frame), Garbage)


@pytest.mark.parametrize(("command", "data"), [(0x43, b"\0" * 11), (0x45, b"\1" * 15), (0x65, b"\1" * 8)])
def test_a_packet_that_is_too_short_for_its_command_is_garbage(command, data):
    assert isinstance(decode(packets.packet(packets.DEVICE, command, 0, data)), Garbage)


@pytest.mark.parametrize(
    "result",
    [
        replace(CHANNELS[0], measured_at=None),
        replace(CHANNELS[0], measured_at=datetime(1999, 1, 1)),
        replace(CHANNELS[0], value=Decimal("1.25")),
        replace(CHANNELS[0], value=Decimal("99999")),
    ],
)
def test_what_does_not_fit_is_not_encoded(result):
    with pytest.raises(ValueError):
        records.encode([result], item=0, table=TABLE)


def test_channels_of_two_times_are_two_records():
    with pytest.raises(ValueError, match="one time"):
        records.encode([CHANNELS[0], replace(CHANNELS[1], measured_at=datetime(2025, 1, 1))], item=0, table=TABLE)


@given(
    st.lists(st.tuples(st.integers(1, 255), st.integers(-0x7FFD, 0x7FFD), judged), min_size=1, max_size=16),
    times,
    st.sampled_from([0, 1]),
)
def test_what_is_encoded_is_decoded(channels, at, item):
    made = [
        TestResult(
            sample=None,
            channel=str(number),
            item=TABLE[item].name,
            value=Decimal(value).scaleb((-1, -3)[item]),
            unit=TABLE[item].unit,
            verdict=verdict,
            measured_at=at,
            identity="",
        )
        for number, value, verdict in channels
    ]
    read = records.results(decode(records.encode(made, item=item, table=TABLE)), TABLE)
    assert [replace(result, identity="") for result in read] == made


@given(st.lists(st.integers(0, 2000), max_size=10))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    found = readings(decoder(), RECORD_5[9:] + b"\x03\xfe\x45" + STREAM, cuts)
    assert of(found) == [*CHANNELS, STRIP_RESULT, TEXT_RESULT]
    assert [event.what for event in found if isinstance(event, Reply)] == ["items"] * 4 + ["find"]


def test_a_stream_may_come_byte_by_byte(readings):
    assert of(readings(decoder(), STREAM, range(len(STREAM)))) == [*CHANNELS, STRIP_RESULT, TEXT_RESULT]


def test_a_table_that_is_read_again_replaces_the_first(readings):
    other = [Item("甲醛", "mg/kg", 1)]
    found = of(readings(decoder(), b"".join(PAGES) + packets.answer_items(SPECTRO, 0, other) + RECORD_5))
    assert [result.item for result in found] == ["甲醛"] * 3


def test_a_page_that_comes_twice_counts_once(readings):
    assert of(readings(decoder(), b"".join(page * 2 for page in PAGES) + RECORD_5)) == CHANNELS


@pytest.mark.parametrize("pages", [PAGES[1:], PAGES[:1], [PAGES[1], PAGES[0]]])
def test_a_table_that_is_not_whole_gives_no_names(readings, pages):
    assert of(readings(decoder(), b"".join(pages) + RECORD_5)) == []


@given(st.binary(max_size=200))
def test_noise_never_raises_and_the_next_packet_is_found(readings, noise):
    assert readings(decoder(), noise + bytes(2100) + FOUND)[-1] == decode(FOUND)


@given(st.integers(0, len(STREAM) - 1), st.integers(1, 255))
def test_a_flipped_byte_never_gives_another_result(readings, damage, at, flip):
    pages = b"".join((*PAGES, *STRIP_PAGES))
    spoilt = damage(STREAM, at, "flip", flip)
    if at < len(pages):
        spoilt += STREAM  # a page that was lost is read again
    known = {*CHANNELS, STRIP_RESULT, TEXT_RESULT}
    assert at < len(pages) or set(of(readings(decoder(), spoilt))) <= known


def test_a_stream_of_heads_keeps_the_cap():
    framer = packets.scanner()
    for _ in range(500):
        framer.feed(b"\x03\xfe\x45\x00" * 10 + FOUND[:11])
    assert len(framer._buffer) + len(framer._noise) <= 2 * packets.CAP


# --- the dialogue, against the simulated instrument -----------------------------------------------------------------


@pytest.fixture(scope="session")
def meet(booth):
    def start(model="dy3000", **options):
        made = booth(None, Dayuan03ff(model))
        made.today = DAY
        made.session = Session(Options(model=model, **options), lambda: made.today)
        return made

    return start


def asked(met, what):
    return [request for request in met.device.asked if request.what == what]


def test_records_are_handed_over_once(meet):
    met = meet()
    kept = [met.device.measure(n, Decimal(n), AT + timedelta(minutes=n), channel=n) for n in (1, 2)]
    assert met.run(20) == kept
    kept.append(met.device.measure(3, Decimal("0.250"), AT + timedelta(hours=1), item=1))
    assert met.run(20) == kept
    assert met.run(3600) == kept
    assert [result.item for result in kept] == ["农药残留", "农药残留", "亚硝酸盐"]


def test_strips_and_dry_chemistry_of_a_dy6600_are_read(meet):
    met = meet("dy6600")
    kept = [
        met.device.measure(1, Decimal("1.5"), AT),
        met.device.measure(2, None, AT, kind=STRIP, verdict=Verdict.UNQUALIFIED),
        met.device.measure(3, Decimal("0.300"), AT, kind=DRY),
    ]
    assert met.run(20) == kept


def test_a_dy7200_streams_its_records(meet):
    met = meet("dy7200")
    kept = [
        met.device.measure(n, Decimal(n), AT + timedelta(minutes=n), name="青菜", verdict=Verdict.QUALIFIED)
        for n in range(1, 8)
    ]
    assert met.run(30) == kept
    streamed = len(asked(met, "ask-record"))
    assert met.run(300) == kept and len(asked(met, "ask-record")) == streamed
    kept.append(met.device.measure(9, None, AT + timedelta(hours=1)))
    assert met.run(30) == kept


def test_a_damaged_record_in_a_stream_is_read_again(meet):
    met = meet("dy7200")
    kept = [met.device.measure(n, Decimal(n), AT + timedelta(minutes=n)) for n in range(1, 4)]
    spoilt = []

    def spoil_once(data):
        if b"\xbc\xec\xb2\xe2" in data and not spoilt:
            spoilt.append(data)
            return data[:40] + data[41:]
        return data

    met.mangle = spoil_once
    assert sorted(met.run(60), key=lambda result: result.sample) == kept


def test_nothing_more_is_asked_before_the_commit(meet):
    met = meet()
    met.autocommit = False
    kept = [met.device.measure(n, Decimal(n), AT, channel=n) for n in (1, 2)]
    assert met.run(60) == kept[:1] and met.session.deadline is None
    sent = len(met.sent)
    met.run(600)
    assert len(met.sent) == sent
    met.commit()
    assert met.run(60) == kept


def test_the_day_before_is_read_too(meet):
    met = meet()
    kept = [met.device.measure(n, Decimal(n), AT - timedelta(days=2 - n)) for n in (1, 2)]
    assert met.run(20) == kept
    met.today += timedelta(days=1)
    kept.append(met.device.measure(3, Decimal(3), AT + timedelta(days=1)))
    assert met.run(20) == kept


def test_a_record_is_believed_when_two_readings_agree(meet):
    """A doubled 00 in front of a channel shifts what follows; the xor stays right, as the last byte is 00 too."""
    met = meet()
    kept = met.device.measure(1, Decimal("12.5"), AT)
    frame = met.device.records[SPECTRO][0][1]
    shifted = frame[:22] + b"\0" + frame[22:]
    assert records.results(decode(shifted[: len(frame)]), TABLE) != [kept]
    spoilt = []

    def spoil_once(data):
        if data == frame and not spoilt:
            spoilt.append(data)
            return shifted
        return data

    met.mangle = spoil_once
    assert met.run(30) == [kept]


@given(st.integers(0, 27), st.sampled_from(["flip", "lose", "double"]), st.integers(1, 255), st.integers(0, 12))
def test_one_damaged_byte_anywhere_never_gives_another_result(meet, damage, at, what, flip, which):
    met = meet(poll=2, patience=1)
    kept = [met.device.measure(1, Decimal("0.0"), AT), met.device.measure(2, Decimal("76.8"), AT, channel=3)]
    heard = []

    def spoil_one(data):
        if not data:
            return data
        heard.append(data)
        return damage(data, at % len(data), what, flip) if len(heard) == which + 1 else data

    met.mangle = spoil_one
    assert met.run(120) == kept


def test_an_item_that_is_not_in_the_table_is_reported_and_does_not_stop_the_rest(meet):
    met = meet()
    strange = records.encode([CHANNELS[0]], item=0, table=TABLE)
    met.device.records[SPECTRO].append((AT, patched(strange, 1, 77)))
    kept = met.device.measure(1, Decimal(1), AT)
    assert met.run(20) == [kept]
    assert any(isinstance(event, Reply) and event.get("item") == "77" for event in met.events)


def test_a_silent_instrument_is_greeted_with_growing_pauses(meet):
    met = meet(poll=2, patience=2, tries=3, longest=30)
    met.plugged = False
    met.run(600)
    gaps = [b - a for (a, _), (b, _) in pairwise(met.sent)]
    assert {packets.ask_hello()} == {out for _, out in met.sent}
    assert max(gaps) == 32 and gaps[:6] == [2, 2, 6, 2, 2, 10]
    met.plugged = True
    kept = met.device.measure(1, Decimal(1), AT)
    assert met.run(60) == [kept]


def test_a_result_names_the_instrument_that_said_hello(meet):
    met = meet()
    met.device.measure(1, Decimal(1), AT)
    met.run(20)
    assert [event.serial for event in met.events if isinstance(event, TestResult)] == ["SIM-1"]


def test_the_memory_that_was_filled_anew_is_read_at_the_review(meet):
    met = meet(review=600)
    first = met.device.measure(1, Decimal(1), AT)
    met.run(30)
    met.device.records[SPECTRO].clear()
    second = met.device.measure(2, Decimal(2), AT + timedelta(minutes=1))
    assert met.run(700) == [first, second]


def test_nothing_is_asked_while_the_clock_is_not_set(meet):
    met = meet()
    met.today = date(1970, 1, 1)
    met.run(60)
    assert met.sent == []
    met.today = DAY
    kept = met.device.measure(1, Decimal(1), AT)
    assert met.run(10) == [kept]


@pytest.mark.parametrize("model", list(MODELS))
def test_nothing_is_ever_erased(meet, model):
    met = meet(model)
    met.device.measure(1, Decimal(1), AT)
    met.run(3000)
    assert not met.device.erased and asked(met, "ask-erase") == []


def test_an_unknown_model_is_refused():
    with pytest.raises(ValueError, match="dy3000"):
        formats.find("dayuan_03ff").speaks({"model": "dy1"}, lambda: DAY)
    with pytest.raises(ValueError, match="dy3000"):
        Dayuan03ff("dy1")


def test_an_analyzer_takes_no_wishes(meet):
    assert not meet().session.ask(Wish.TARE, 0.0)


def test_the_format_is_in_the_table():
    assert formats.find("dayuan_03ff").session is Session


@pytest.mark.parametrize(
    ("line", "stated"),
    [
        ("12.5 mg/kg 合格", (Decimal("12.5"), "mg/kg", Verdict.QUALIFIED)),
        ("12.5 mg/kg 不通过", (Decimal("12.5"), "mg/kg", Verdict.SUSPECT)),  # no word we know: a person
        ("12.5 mg/kg", (Decimal("12.5"), "mg/kg", None)),
        ("60 不合格", (Decimal(60), None, Verdict.UNQUALIFIED)),
    ],
)
def test_a_line_of_text_gives_number_and_conclusion_as_sent(line, stated):
    assert records._words(line.split()) == stated
