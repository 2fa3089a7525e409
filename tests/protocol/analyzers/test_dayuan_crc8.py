# ruff: noqa: DTZ001  (the instrument has a local clock and knows no zone)

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import formats
from protocol.analyzers import dayuan_crc8
from protocol.analyzers.dayuan_crc8 import ITEM, Doing, Options, Session, decode, decoder, encode
from protocol.checks import crc8_31
from protocol.framing import Scanner
from protocol.readings import Garbage, Reply, TestResult, Verdict
from protocol.session import Wish
from simulator.analyzers.dayuan_crc8 import Dayuan

DAY = date(2025, 3, 14)
AT = datetime(2025, 3, 14, 9, 14, 32)

LZ_RECORD = bytes.fromhex("7E 11 14 00 01 00 01 00 07 00 C7 E0 B2 CB 00 00 19 03 0E 09 0E 20 E2 04 AD AA")
LZ_RESULT = TestResult(
    sample="7",
    channel=None,
    item=ITEM,
    value=Decimal("12.50"),
    unit="%",
    verdict=None,
    measured_at=AT,
    identity="lz4000t/7/2025-03-14T09:14:32/1250",
    name="青菜",
)
TL_RECORD = bytes.fromhex("7E 16 15 00 FF 02 00 01 00 03 00 19 03 0E 09 0E 20 00 11 00 00 0B 02 01 00 31 AA")
TL_RESULT = TestResult(
    sample="17",
    channel="3",
    item=ITEM,
    value=Decimal("52.3"),
    unit="%",
    verdict=Verdict.UNQUALIFIED,
    measured_at=AT,
    identity="tl310/17/3/2025-03-14T09:14:32/523",
    limit=Decimal(50),
)


def reply(what, model, **fields):
    return Reply(what, (("model", model), *fields.items()))


DIALOGUE = [
    (dayuan_crc8.ask_test("lz4000t"), reply("ask-test", "lz4000t")),
    (dayuan_crc8.answer_test("lz4000t"), reply("test", "lz4000t", answer="010000")),
    (dayuan_crc8.ask_count(DAY), reply("ask-count", "lz4000t", day="2025-03-14")),
    (dayuan_crc8.answer_count(DAY, 300), reply("count", "lz4000t", count="300")),
    (bytes.fromhex("7E 10 03 00 19 03 0E 43 AA"), reply("ask-day", "lz4000t", day="2025-03-14")),
    (bytes.fromhex("7E 01 01 00 FF 71 AA"), reply("ask-test", "tl310")),
    (dayuan_crc8.answer_test("tl310"), reply("test", "tl310", version="010000")),
    (bytes.fromhex("7E 15 04 00 FF 19 03 0E A9 AA"), reply("ask-day", "tl310", day="2025-03-14")),
    (bytes.fromhex("7E 15 04 00 FF 00 00 00 2B AA"), reply("ask-last", "tl310")),
    (dayuan_crc8.ask_all(), reply("ask-all", "tl310")),
    (dayuan_crc8.encode_empty("tl310", records=3, index=2), reply("empty", "tl310", records="3", index="2")),
    (dayuan_crc8.encode_empty("lz4000t"), reply("empty", "lz4000t", records="0", index="0")),
]
TABLE = [(LZ_RECORD, LZ_RESULT), (TL_RECORD, TL_RESULT), *DIALOGUE]
STREAM = b"".join(frame for frame, _ in TABLE)
READINGS = [reading for _, reading in TABLE]


def checked(frame):
    """The frame with its crc made right."""
    return frame[:-2] + bytes((crc8_31(frame[1:-2]),)) + frame[-1:]


def patched(frame, at, *values):
    return checked(frame[:at] + bytes(values) + frame[at + len(values) :])


times = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(lambda at: at.replace(microsecond=0))
lz_results = st.builds(
    lambda sample, value, at, name: replace(
        LZ_RESULT,
        sample=str(sample),
        value=Decimal(value).scaleb(-2),
        measured_at=at,
        name=name or None,
        identity=f"lz4000t/{sample}/{at.isoformat()}/{value}",
    ),
    st.integers(1, 65535),
    st.integers(0, 32000),
    times,
    st.text("青菜韭辣椒豆角A1", max_size=3),
)
tl_results = st.builds(
    lambda sample, channel, value, at, verdict, limit: replace(
        TL_RESULT,
        sample=str(sample),
        channel=str(channel),
        value=Decimal(value).scaleb(-1),
        measured_at=at,
        verdict=verdict,
        limit=limit,
        identity=f"tl310/{sample}/{channel}/{at.isoformat()}/{value}",
    ),
    st.integers(1, 65535),
    st.integers(0, 255),
    st.integers(0, 32000),
    times,
    st.sampled_from([None, Verdict.QUALIFIED, Verdict.UNQUALIFIED]),
    st.sampled_from([None, Decimal(50), Decimal(70)]),
)


@pytest.mark.parametrize(("frame", "reading"), TABLE)
def test_a_frame_means_its_reading(frame, reading):
    assert decode(frame) == reading
    assert decode(frame).raw == frame


def test_requests_are_the_bytes_of_the_makers_program():
    assert dayuan_crc8.ask_test("tl310").hex(" ") == "7e 01 01 00 ff 71 aa"
    assert dayuan_crc8.ask_last().hex(" ") == "7e 15 04 00 ff 00 00 00 2b aa"
    assert dayuan_crc8.ask_day("tl310", DAY).hex(" ") == "7e 15 04 00 ff 19 03 0e a9 aa"
    assert dayuan_crc8.ask_day("lz4000t", DAY).hex(" ") == "7e 10 03 00 19 03 0e 43 aa"
    assert len(dayuan_crc8.answer_test("lz4000t")) == 9
    assert len(dayuan_crc8.answer_count(DAY, 1)) == 11


def test_records_are_the_bytes_of_the_instrument():
    assert encode(LZ_RESULT) == LZ_RECORD
    assert encode(TL_RESULT, records=2) == TL_RECORD


def test_values_keep_the_decimals_of_the_instrument():
    assert str(decode(patched(LZ_RECORD, 22, 0xE8, 0x03)).value) == "10.00"
    assert str(decode(patched(TL_RECORD, 21, 0xE8, 0x03)).value) == "100.0"


@pytest.mark.parametrize("raw", [0x7FFE, 0x7FFF, 32001, 0xFFFF])
def test_no_value_is_invalid_whatever_the_conclusion_says(raw):
    result = decode(patched(TL_RECORD, 21, *raw.to_bytes(2, "little"), 0x02))
    assert (result.value, result.verdict) == (None, Verdict.INVALID)
    assert decode(patched(LZ_RECORD, 22, *raw.to_bytes(2, "little"))).verdict is Verdict.INVALID


def test_the_conclusion_is_the_instruments_own():
    assert decode(patched(TL_RECORD, 23, 2)).verdict is Verdict.QUALIFIED
    assert decode(patched(TL_RECORD, 23, 0)).verdict is None


def test_the_standard_gives_the_limit():
    assert decode(patched(TL_RECORD, 10, 1)).limit == 70
    assert decode(patched(TL_RECORD, 10, 9)).limit is None


@pytest.mark.parametrize(
    ("field", "name"),
    [("c7 e0 b2 cb 00 00", "青菜"), ("00 00 00 00 00 00", None), ("41 c7 e0 b2 cb c7", "A青菜\ufffd")],
)
def test_a_name_is_padded_or_cut(field, name):
    assert decode(patched(LZ_RECORD, 10, *bytes.fromhex(field))).name == name


@pytest.mark.parametrize(("at", "value"), [(17, 0), (17, 13), (18, 32), (19, 24), (20, 60), (21, 60)])
def test_an_impossible_date_is_garbage(at, value):
    assert isinstance(decode(patched(LZ_RECORD, at, value)), Garbage)


def test_another_address_is_garbage():
    assert isinstance(decode(patched(TL_RECORD, 4, 1)), Garbage)


@pytest.mark.parametrize("frame", [b"", b"\x7e", LZ_RECORD[:-1], LZ_RECORD + b"\xaa", LZ_RECORD[:-1] + b"\xab"])
def test_what_is_no_whole_frame_is_garbage(frame):
    assert isinstance(decode(frame), Garbage)


def test_the_same_record_sent_again_has_the_same_identity():
    again = decode(encode(TL_RESULT, records=9, index=4))
    assert again == TL_RESULT and again.raw != TL_RECORD


@pytest.mark.parametrize(
    "result",
    [
        replace(LZ_RESULT, sample="A7"),
        replace(LZ_RESULT, sample="0"),
        replace(LZ_RESULT, sample="65536"),
        replace(LZ_RESULT, measured_at=None),
        replace(LZ_RESULT, measured_at=datetime(1999, 1, 1)),
        replace(LZ_RESULT, value=Decimal("1.005")),
        replace(LZ_RESULT, value=Decimal("-1")),
    ],
)
def test_what_does_not_fit_is_not_encoded(result):
    with pytest.raises(ValueError):
        encode(result)


@given(st.one_of(lz_results, tl_results), st.integers(0, 65535), st.integers(0, 65535))
def test_what_is_encoded_is_decoded(result, records, index):
    frame = encode(result, records=records, index=index)
    assert decode(frame) == result
    assert dayuan_crc8.records_of_day(frame) == records


@given(st.lists(st.integers(0, 400), max_size=10))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    stream = LZ_RECORD[9:] + b"\x7e\x00" + STREAM
    assert readings(decoder(), stream, cuts) == READINGS


def test_noise_and_doubled_heads_are_dropped(readings):
    stream = b"".join(b"\x00\x7e\x7e" + frame for frame, _ in TABLE)
    assert readings(decoder(), stream, range(len(stream))) == READINGS


@given(st.binary(max_size=200))
def test_noise_never_raises_and_the_next_frame_is_found(readings, noise):
    found = readings(decoder(), noise + bytes(27) + LZ_RECORD)
    assert found[-1] == LZ_RESULT


@given(
    st.one_of(lz_results, tl_results),
    st.integers(0, 51),
    st.integers(1, 255),
    st.sampled_from(["flip", "lose", "double"]),
)
def test_one_damaged_byte_never_gives_another_result(readings, result, at, flip, what):
    frame = encode(result)
    stream = bytearray(frame * 3)
    if what == "flip":
        stream[at] ^= flip
    elif what == "lose":
        del stream[at]
    else:
        stream.insert(at, stream[at])
    found = readings(decoder(), bytes(stream))
    assert set(found) == {result}
    assert len(found) >= 2


def test_a_stream_of_heads_keeps_the_cap():
    framer = decoder()
    for _ in range(200):
        framer.feed(b"\x7e\x11\x14\x00" * 10)
    assert isinstance(framer, Scanner)
    assert len(framer._buffer) + len(framer._noise) <= 256


# --- the dialogue, against the simulated instrument -----------------------------------------------------------------


class Booth:
    """A session and an instrument on one wire, and the time."""

    def __init__(self, model="lz4000t", **options):
        self.today = DAY
        self.now = 0.0
        self.tester = Dayuan(model)
        self.session = Session(Options(model=model, **options), lambda: self.today)
        self.plugged = True
        self.mangle = lambda data: data
        self.autocommit = True
        self.results = []
        self.sent = []

    def measure(self, sample, at=AT, value="12.5", **more):
        return self.tester.measure(sample, Decimal(value), at, **more)

    def run(self, seconds):
        """Let time pass; the results handed over are committed at once."""
        end = self.now + seconds
        while self.session.deadline is not None and self.session.deadline <= end:
            self.now = max(self.now, self.session.deadline)
            self.session.expired(self.now)
            while out := self.session.pending():
                self.sent.append((self.now, decode(out)))
                self.answer(out)
        self.now = end
        return [result.sample for result in self.results]

    def answer(self, out):
        if self.plugged:
            self.tester.receive(out, self.now)
        if data := self.mangle(self.tester.pending(self.now)):
            events = self.session.receive(data, self.now)
            self.results += [event for event in events if isinstance(event, TestResult)]
            if self.autocommit:
                self.session.committed(self.now)

    def asked(self, what):
        return [at for at, request in self.sent if request.what == what]


MODELS = pytest.mark.parametrize("model", ["lz4000t", "tl310"])


@MODELS
def test_records_are_handed_over_once(model):
    booth = Booth(model)
    booth.measure(1)
    booth.measure(2, AT + timedelta(minutes=5))
    assert booth.run(30) == ["1", "2"]
    booth.measure(3, AT + timedelta(minutes=9))
    assert booth.run(10) == ["1", "2", "3"]
    assert booth.run(3600) == ["1", "2", "3"]


def test_the_day_of_an_lz4000t_is_read_only_when_its_count_has_changed():
    booth = Booth(review=86_400.0)
    booth.run(20)
    assert booth.asked("ask-day") == []
    booth.measure(1)
    booth.run(60)
    assert len(booth.asked("ask-day")) == 1


@MODELS
def test_the_day_before_is_read_at_the_start_and_when_the_date_changes(model):
    booth = Booth(model)
    booth.measure(1, AT - timedelta(days=1))
    assert booth.run(0) == ["1"]
    booth.run(10)
    booth.measure(2, datetime(2025, 3, 14, 23, 59, 59))
    booth.today += timedelta(days=1)
    booth.measure(3, datetime(2025, 3, 15, 0, 0, 4))
    assert sorted(booth.run(10)) == ["1", "2", "3"]


@MODELS
def test_a_slow_clock_in_the_instrument_loses_no_record_at_midnight(model):
    booth = Booth(model, review=600)
    booth.run(10)
    booth.today += timedelta(days=1)
    booth.run(30)
    booth.measure(1, datetime(2025, 3, 14, 23, 58))
    assert booth.run(30) == []
    assert booth.run(600) == ["1"]


@MODELS
def test_nothing_more_is_asked_before_the_commit(model):
    booth = Booth(model)
    booth.autocommit = False
    booth.measure(1)
    booth.run(5)
    asked = len(booth.sent)
    assert booth.session.doing is Doing.COMMIT and booth.session.deadline is None
    booth.run(100)
    assert len(booth.sent) == asked
    booth.session.committed(booth.now)
    booth.run(0.1)
    booth.run(5)
    assert len(booth.sent) > asked


@MODELS
def test_a_damaged_record_is_read_again(model):
    booth = Booth(model)
    for sample in range(1, 4):
        booth.measure(sample, AT + timedelta(seconds=sample))
    spoilt = []

    def spoil_once(data):
        if len(data) > 60 and not spoilt:
            spoilt.append(data)
            return data[:12] + bytes((data[12] ^ 1,)) + data[13:]
        return data

    booth.mangle = spoil_once
    assert booth.run(4) == ["2", "3"]
    assert booth.run(10) == ["2", "3", "1"]


@MODELS
def test_a_day_whose_only_record_came_damaged_is_not_an_empty_day(model):
    booth = Booth(model)
    booth.measure(1, AT - timedelta(days=1))
    bad = encode(booth.tester.records[0])
    spoilt = []

    def spoil_once(data):
        if data == bad and not spoilt:
            spoilt.append(data)
            return data[2:]
        return data

    booth.mangle = spoil_once
    assert booth.run(20) == ["1"]
    assert spoilt


@MODELS
def test_a_record_that_is_always_damaged_does_not_keep_the_next_day_from_being_read(model):
    booth = Booth(model)
    booth.measure(1, AT - timedelta(days=1))
    booth.measure(2, AT)
    bad = encode(booth.tester.records[0])
    booth.mangle = lambda data: data.replace(bad, bad[:8] + b"\xee" + bad[9:])
    assert booth.run(30) == ["2"]


@MODELS
def test_a_silent_instrument_is_asked_with_growing_pauses(model):
    booth = Booth(model, poll=2, patience=3, tries=3, longest=30)
    booth.plugged = False
    booth.run(600)
    questions = [at for at, request in booth.sent if request.what != "ask-test"]
    gaps = [b - a for a, b in pairwise(questions)]
    assert gaps[0] <= 6 and gaps == sorted(gaps) and gaps[-1] <= 36
    booth.plugged = True
    booth.measure(1)
    assert booth.run(40) == ["1"]
    assert booth.session.deadline - booth.now <= 3


def test_an_empty_day_of_a_tl310_is_told_from_a_tl310_that_is_off():
    booth = Booth("tl310", poll=2, patience=3)
    booth.run(60)
    questions = booth.asked("ask-day")
    assert all(b - a <= 5 for a, b in pairwise(questions))
    assert booth.asked("ask-test")


def test_empty_slots_are_ignored_but_counted():
    booth = Booth("tl310")
    slot = dayuan_crc8.encode_empty("tl310", records=2, index=2)
    record = encode(replace(TL_RESULT, sample="5"), records=2, index=1)
    booth.mangle = lambda data: record + slot
    assert booth.run(4) == ["5"]
    assert booth.session.doing is Doing.NOTHING


def test_records_may_come_in_any_pieces(conversation):
    count, day = dayuan_crc8.ask_count(DAY), dayuan_crc8.ask_day("lz4000t", DAY)
    answer = [bytes((byte,)) for byte in dayuan_crc8.answer_count(DAY, 2)]
    first, second = (encode(replace(LZ_RESULT, sample=str(n)), records=2, index=n) for n in (1, 2))
    talk = conversation(Session(Options(model="lz4000t", days_back=0), lambda: DAY)).at(0.0).station(count)
    talk.at(0.1).device(*answer).reading(Reply).station(day)
    talk.at(0.2).device(first + second[:9]).reading(TestResult).station()
    talk.at(2.7).device(second[9:]).reading(TestResult).wakes(None)
    talk.at(9.0).station().commit().wakes(11.0).at(11.0).station(count)


def test_noise_does_not_keep_the_session_waiting(conversation):
    talk = conversation(Session(Options(model="lz4000t"), lambda: DAY))
    talk.at(0.0).station(dayuan_crc8.ask_count(DAY - timedelta(days=1))).wakes(3.0)
    talk.at(1.0).device(b"\x00" * 100).wakes(3.0)


@MODELS
def test_nothing_is_asked_while_the_clock_is_not_set(model):
    booth = Booth(model)
    booth.today = date(1970, 1, 1)
    booth.run(60)
    assert booth.sent == []
    booth.today = DAY
    booth.measure(1)
    assert booth.run(5) == ["1"]


@MODELS
def test_only_reading_commands_are_ever_sent(model):
    booth = Booth(model)
    booth.measure(1)
    booth.run(1000)
    allowed = {"ask-count", "ask-day", "ask-test"}
    assert {request.what for _, request in booth.sent} <= allowed


def test_what_was_handed_over_is_forgotten_with_its_day():
    booth = Booth()
    for days in range(30):
        booth.measure(days + 1, AT + timedelta(days=days))
        booth.today = DAY + timedelta(days=days)
        booth.run(10)
    assert len(booth.results) == 30
    assert len(booth.session._handed) <= 2 and len(booth.session._complete) <= 2


def test_an_unknown_model_is_refused():
    with pytest.raises(ValueError, match='"lz4000t", "tl310"'):
        formats.find("dayuan_crc8").speaks({"model": "tl999"}, lambda: DAY)


def test_an_analyzer_takes_no_wishes():
    assert not Session(Options(model="tl310"), lambda: DAY).ask(Wish.TARE, 0.0)


def test_the_format_is_in_the_table():
    assert formats.find("dayuan_crc8").session is Session
