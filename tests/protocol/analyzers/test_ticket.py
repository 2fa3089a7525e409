# ruff: noqa: DTZ001  (the tester has a local clock and knows no zone)

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import formats
from protocol.analyzers import ticket
from protocol.analyzers.shared import ticket_layout
from protocol.analyzers.ticket import (
    STYLES,
    TICKET_CAP,
    Options,
    Reading,
    Session,
    decode,
    decoder,
    encode,
    text,
)
from protocol.options import BadOptions
from protocol.readings import Garbage, TestResult, Ticket, Verdict
from protocol.session import Wish
from simulator.analyzers.ticket import Printing

AT = datetime(2025, 3, 14, 9, 14, 32)
DAYUAN = tuple(style for style in STYLES if style not in ("taiyang", "spotchem-el"))
HEAD = bytes.fromhex("1B 40 1C 26 1B 39 00 1B 61 01 1C 21 0C 0D 0A C5 A9 D2 A9 B2 D0 C1 F4 0D 0A")
TICKET_2015 = (
    HEAD
    + b"\x1b@\x1c&\x1b9\x00\x1c!\x00"
    + "\r\n检测设备：DY-3500\r\n检测人员：\r\n检测类别：分光光度".encode("gbk")
    + "\r\n检测日期：2025-03-14 09:14:32\r\n单位：%\r\n\r\n".encode("gbk")
    + b"\x1bD\x0a\x18\x00\x1c!\x00"
    + "编号\x05样品名称\x05检测结果\x05判定结果\r\n".encode("gbk")
    + b"-" * 32
    + "00007\x02青菜\x0212.50\x02合格\r\n00008\x02\x0261.3\x02不合格\r\n".encode("gbk")
    + b"-" * 32
    + "\r\n对照值：△A=0.812   Abs\r\n\r\n检测人员：\r\n审核人员：_____________________\r\n\r\n\r\n".encode("gbk")
)
RESULT = TestResult(
    sample="7",
    channel=None,
    item="农药残留",
    value=Decimal("12.50"),
    unit="%",
    verdict=Verdict.QUALIFIED,
    measured_at=AT,
    identity="",
    name="青菜",
    control=Decimal("0.812"),
    sure=False,
)
SECOND = replace(RESULT, sample="8", name=None, value=Decimal("61.3"), verdict=Verdict.UNQUALIFIED)


def same(event):
    return replace(event, identity="")


def tickets(*pieces):
    """What the pieces give, with the end of the stream as the last silence."""
    reader = decoder(Reading())
    return [event for piece in pieces for event in reader.feed(piece)] + reader.finish()


names = st.text("青菜韭abcXYZ09（）", max_size=24)
verdicts = st.sampled_from([Verdict.QUALIFIED, Verdict.SUSPECT, Verdict.UNQUALIFIED, Verdict.INVALID])
values = st.decimals(0, 9999, places=2)
dayuan_results = st.builds(
    lambda sample, name, value, text, verdict: replace(
        RESULT,
        sample=str(sample),
        name=name or None,
        value=None if text else value,
        text=text,
        verdict=verdict,
    ),
    st.integers(0, 99999),
    names,
    values,
    st.sampled_from([None, None, "阴性", "<0.05", "NA"]),
    verdicts,
)


# --- commands -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        "1B 40",
        "1C 26 1B 39 00",
        "1B 61 01",
        "1C 21 0C",
        "1B 44 0A 18 00",
        "1D 21 11",
        "1D 4C 0A 0A",
        "1B 70 00 0A 0A",
        "1B 7F",
        "1D 28 6B 03 00 0A 0A 0A",
        "1D 76 30 00 02 00 03 00 0A 0A 0A 0A 0A 0A",
        "1B 2A 00 03 00 0A 0A 0A",
        "1B 2A 21 01 00 0A 0A 0A",
        "1D 2A 01 01 0A 0A 0A 0A 0A 0A 0A 0A",
        "1D 6B 49 03 0A 0A 0A",
        "1D 6B 02 30 31 32 00",
        "1D 5A 02 1B 5A 03 4C 05 03 00 0A 0A 0A",
        "10 14 01 00 05",
        "1B 4A 20",
    ],
)
def test_a_command_leaves_no_trace_in_the_text_and_ends_no_ticket(command):
    raw = "残".encode("gbk") + bytes.fromhex(command) + "留".encode("gbk")
    assert text(raw) == "残留"
    assert [event.text for event in tickets(raw)] == ["残留"]
    assert [event.text for event in tickets(*(raw[at : at + 1] for at in range(len(raw))))] == ["残留"]


def test_a_feed_by_command_counts_as_line_feeds():
    assert len(tickets(b"a\x1bd\x03b\x1bd\x02\nc")) == 3
    assert text(b"a\x1bd\x02b") == "a\n\nb"


@pytest.mark.parametrize("cut", ["1B 69", "1B 6D", "1D 56 00", "1D 56 42 10"])
def test_a_cut_ends_a_ticket(cut):
    assert [event.text for event in tickets(b"one" + bytes.fromhex(cut) + b"two")] == ["one", "two"]


@pytest.mark.parametrize("command", [b"\x1dv0\x00\xff\xff\xff\xff", b"\x1bD" + b"\x01" * 50, b"\x1dk\x02" + b"1" * 300])
def test_a_command_without_an_end_is_not_waited_for(command):
    assert [same(event) for event in tickets(command, b"\n\n\n", TICKET_2015)[-2:]] == [RESULT, SECOND]


# --- tickets of the makers ------------------------------------------------------------------------------------------


def test_a_ticket_of_2015_means_its_results():
    found = decode(TICKET_2015)
    assert [same(event) for event in found] == [RESULT, SECOND]
    assert str(found[0].value) == "12.50"
    assert found[0].raw == "00007\t青菜\t12.50\t合格".encode("gbk")


def test_the_head_is_the_makers():
    assert encode([RESULT]).startswith(HEAD)


@pytest.mark.parametrize("style", DAYUAN)
def test_a_ticket_of_every_year_means_its_results(style):
    long = replace(RESULT, name="大白菜（本地产的一种很长很长的名字，真的）", item="有机磷和氨基甲酸酯类农药残留")
    printed = encode([long, replace(SECOND, item=long.item)], style)
    found = sorted(map(same, decode(printed)), key=lambda result: result.sample)
    assert found == [long, replace(SECOND, item=long.item)]


def test_the_same_ticket_gives_the_same_identities_whatever_program_prints_it():
    known = [{event.identity for event in decode(encode([RESULT, SECOND], style))} for style in DAYUAN]
    assert known[0] == known[1] == known[2] and len(known[0]) == 2
    later = replace(RESULT, measured_at=AT + timedelta(seconds=1))
    assert decode(encode([later]))[0].identity not in known[0]


@given(st.lists(dayuan_results, min_size=1, max_size=6), st.sampled_from(DAYUAN))
def test_what_is_printed_is_read(results, style):
    found = [same(event) for event in decode(encode(results, style))]
    assert sorted(found, key=repr) == sorted(results, key=repr)


@pytest.mark.parametrize(
    "result",
    [replace(RESULT, sample="A7"), replace(RESULT, sample="100000"), replace(RESULT, verdict=None)],
)
def test_what_does_not_fit_is_not_printed(result):
    with pytest.raises(ValueError):
        encode([result])


def taiyang(channel, value):
    return TestResult(None, channel, "有机磷", Decimal(value), "mg/kg", None, AT, "", sure=False)


def test_a_taiyang_ticket_means_its_channels():
    results = [taiyang("1", "0.050"), taiyang("3", "51.25")]
    assert [same(event) for event in decode(encode(results, "taiyang"))] == results
    with pytest.raises(ValueError, match="channels"):
        encode([taiyang("9", "1.0")], "taiyang")
    with pytest.raises(ValueError, match="no number"):
        encode([replace(taiyang("1", "1"), value=None)], "taiyang")


@pytest.mark.parametrize("value", ["14378", "-3", "0", "1.92", "14378.5"])
def test_a_number_may_have_no_point(value):
    """Large concentrations are printed without decimals: the maker's paper shows 14378 mg/kg of borax."""
    paper = "信息 02/02 硼砂 2025-03-14\r\n09:14:32\r\n吸光度  浓度（mg/kg）\r\n" + "".join(
        f"{channel}  1.92  {value}\r\n" if channel == 7 else f"{channel}\r\n" for channel in range(1, 9)
    )
    (read,) = decode((paper + "\r\n" * 3).encode("gb18030"))
    assert (read.item, read.channel, str(read.value), read.unit) == ("硼砂", "7", value, "mg/kg")
    assert [same(each) for each in decode(encode([taiyang("7", value)], "taiyang"))] == [taiyang("7", value)]


LINE = (
    b"\x0226/01/05 08:30 ID# A0017      [B. Plasma] Na       140  mmol/L K        4.1  mmol/L Cl       102  mmol/L"
    b"              \x03"
)


def test_a_line_between_stx_and_etx_holds_each_of_its_results():
    said = tickets(LINE + LINE.replace(b"4.1", b"4.3"), b"\r\n")
    assert [(one.item, str(one.value), one.unit) for one in said] == [
        *(("Na", "140", "mmol/L"), ("K", "4.1", "mmol/L"), ("Cl", "102", "mmol/L")),
        *(("Na", "140", "mmol/L"), ("K", "4.3", "mmol/L"), ("Cl", "102", "mmol/L")),
    ]
    assert {(one.sample, one.measured_at, one.sure) for one in said} == {("A0017", datetime(2026, 1, 5, 8, 30), False)}
    assert encode(said[:3], "spotchem-el") == LINE


@pytest.mark.parametrize(
    "spoilt", [LINE[:80] + b"\x03", LINE.replace(b"26/01", b"26/21"), LINE.replace(b"140", b"14O")]
)
def test_a_line_between_stx_and_etx_that_is_not_whole_is_a_ticket_for_a_person(spoilt):
    assert [type(event) for event in tickets(spoilt)] == [Ticket]


def test_a_line_is_found_behind_one_that_was_cut_and_behind_noise():
    said = tickets(LINE[40:] + b"\x00\x7f" + LINE + LINE[:50] + LINE)
    assert [one.item for one in said if isinstance(one, TestResult)] == ["Na", "K", "Cl"] * 2
    assert len([one for one in said if isinstance(one, Ticket)]) == 2


def test_an_etx_within_a_printed_ticket_ends_nothing():
    assert [same(event) for event in tickets(TICKET_2015.replace(b"Abs", b"A\x03bs"))] == [RESULT, SECOND]


def test_a_pattern_that_cuts_lines_has_no_groups():
    with pytest.raises(ValueError, match="groups"):
        ticket_layout.parse("[[layout]]\nid = 'a'\nbegin = 'b'\nrow = ['c']\nsplit = '(x)'")


def test_a_taiyang_date_may_have_two_digits_of_year():
    printed = encode([taiyang("1", "0.050")], "taiyang").replace(b"2025-03-14", b"25/3/14")
    assert decode(printed)[0].measured_at == AT


# --- tickets nobody can read ----------------------------------------------------------------------------------------


def gbk(old, new):
    return TICKET_2015.replace(old.encode("gbk"), new.encode("gbk"))


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"hello, market", "no layout"),
        (gbk("00008\x02", "0008\x02"), "dayuan: the row"),
        (gbk("不合格", "不及格"), "dayuan: the conclusion '不及格'"),
        (gbk("61.3", "61,3"), "dayuan: the result '61,3'"),
        (gbk("2025-03-14", "2025-13-14"), "dayuan: the time"),
        (gbk("农药残留", ""), "dayuan: it does not say"),
        (TICKET_2015[: TICKET_2015.index(b"-" * 32) + 40], "dayuan: the rows"),
        (
            gbk("\r\n00008\x02\x0261.3\x02不合格", "").replace("00007\x02青菜\x0212.50\x02合格\r\n".encode("gbk"), b""),
            "",
        ),
    ],
)
def test_a_ticket_that_does_not_fit_is_handed_over_as_it_is(raw, why):
    (event,) = decode(raw)
    assert isinstance(event, Ticket) and why in event.why
    assert event.raw == raw
    assert decode(raw)[0].identity == event.identity


def test_a_line_that_goes_on_must_follow_a_full_one():
    printed = encode([RESULT], "wrapped").replace(
        "00007 青菜 12.50 合格".encode("gbk"), "合格\r\n00007 青菜 12.50 ".encode("gbk")
    )
    assert isinstance(decode(printed)[0], Ticket)


def test_paper_without_print_is_no_ticket():
    assert tickets(b"\x1b@\r\n\r\n\r\n\r\n", b"\x1b@\x1di", b"\r\n\x00\n\n\n") == []


def test_signs_without_a_letter_are_garbage():
    assert [type(event) for event in tickets(b"\xff\n\n\n", b"-----\n\n\n")] == [Garbage, Garbage]


# --- the stream -----------------------------------------------------------------------------------------------------

STREAM = b"".join(encode([RESULT, SECOND], style) for style in DAYUAN) + encode([taiyang("3", "51.25")], "taiyang")


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_any_chunking_gives_the_same_readings(cuts):
    stream = TICKET_2015[300:] + STREAM
    edges = sorted({0, len(stream), *(cut % len(stream) for cut in cuts)})
    found = tickets(*(stream[a:b] for a, b in pairwise(edges)))
    assert found == tickets(stream)
    assert [type(event) for event in found] == [Ticket] + [TestResult] * 7


@given(
    st.lists(
        st.sampled_from([b"\r", b"\0", b"\n", b"\r\n", b" ", b"paper", b"\x1b@", b"\x1dV\x00", b"12"]), max_size=14
    ),
    st.lists(st.integers(0, 60), max_size=10),
)
def test_a_tickets_identity_does_not_depend_on_the_chunking(pieces, cuts):
    stream = b"".join(pieces) + b"\rlast\n\n\n"
    edges = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    whole = tickets(stream)
    assert tickets(*(stream[a:b] for a, b in pairwise(edges))) == whole and whole
    assert tickets(*(bytes((byte,)) for byte in stream)) == whole


@pytest.mark.parametrize("size", [1, 7, 1000, 8191, 8193])
@pytest.mark.parametrize("filler", [b"x", b"\r", b"ab\n", b"a\x1b@", b"\x1d*\x08\x08" + bytes(8 * 8 * 8)])
def test_a_ticket_longer_than_we_keep_is_cut_at_the_same_places_in_any_chunking(filler, size, monkeypatch):
    cap = 8192
    monkeypatch.setattr(ticket, "TICKET_CAP", cap)
    stream = b"begin" + filler * (3 * cap // len(filler)) + b"end\n\n\n" + TICKET_2015
    found = tickets(*(stream[at : at + size] for at in range(0, len(stream), size)))
    assert found == tickets(stream)
    assert [same(each) for each in found[-2:]] == [RESULT, SECOND]


def test_a_result_is_sure_when_its_ticket_was_printed_twice_alike():
    session = Session(Options())
    other = TICKET_2015.replace(b"12.50", b"12.58")
    sure = [
        (each.sample, str(each.value), each.sure)
        for paper in (TICKET_2015, other, TICKET_2015)
        for each in session.receive(paper, 0.0)
    ]
    assert sure == [
        ("7", "12.50", False), ("8", "61.3", False), ("7", "12.58", False), ("8", "61.3", True),
        ("7", "12.50", True), ("8", "61.3", True),
    ]  # fmt: skip


def test_two_rows_alike_on_one_ticket_are_not_two_tickets():
    row = "00007\x02青菜\x0212.50\x02合格\r\n".encode("gbk")
    doubled = TICKET_2015.replace(row, row * 2)
    session = Session(Options())
    assert [each.sure for each in session.receive(doubled, 0.0)] == [False] * 3
    assert [each.sure for each in session.receive(doubled, 0.0)] == [True] * 3


def test_number_limit_and_conclusion_are_each_as_printed():
    layouts = ticket_layout.parse(OWN)
    paper = b"Limit: 0\nNo Name Result\n7 ham 3.5 OK\n8 ham <2 NOK\n"
    first, second = decode(paper, layouts)
    assert (first.value, first.limit, first.verdict) == (Decimal("3.5"), Decimal(0), Verdict.QUALIFIED)
    assert (second.value, second.text, second.verdict) == (None, "<2", Verdict.UNQUALIFIED)


def test_tickets_may_come_byte_by_byte_with_more_behind_them():
    found = tickets(*(bytes((byte,)) for byte in STREAM + HEAD))
    assert [same(event) for event in found[:2]] == [RESULT, SECOND]
    assert len(found) == 8 and isinstance(found[-1], Ticket)


@given(st.binary(max_size=400))
def test_noise_never_raises(noise):
    tickets(noise, TICKET_2015)


@given(st.binary(max_size=400).map(lambda noise: noise.translate(None, b"\x10\x1b\x1c\x1d")))
def test_the_ticket_behind_noise_is_read(noise):
    assert [same(event) for event in tickets(noise, b"\n\n\n" + TICKET_2015)[-2:]] == [RESULT, SECOND]


@given(st.integers(0, len(TICKET_2015) - 1), st.integers(1, 255), st.sampled_from(["flip", "lose", "double"]))
def test_a_damaged_ticket_is_never_dropped(damage, at, flip, what):
    assert any(isinstance(event, TestResult | Ticket) for event in tickets(damage(TICKET_2015, at, what, flip)))


@pytest.mark.parametrize(
    "piece", [b"a" * 1000, b"a\n" * 500, b"\x1dv0\x00\x30\x00\xff\xff", b"\x1b@" * 500, b"\n" * 1000]
)
def test_an_endless_ticket_stays_bounded(piece):
    reader = decoder(Reading())
    for _ in range(300):
        reader.feed(piece)
        assert len(reader._raw) <= TICKET_CAP + 1000
        assert len(reader._tape._buffer) <= TICKET_CAP + 1000


# --- layouts of others ----------------------------------------------------------------------------------------------

OWN = r"""
[[layout]]
id = "acme"
begin = 'No +Name +Result.*'
row = ['(?P<sample>\d+) +(?P<name>\S+) +(?P<value>\S+) +(?P<verdict>\S+)']
item = "nitrite"
unit = "mg/kg"
[layout.labels]
"Date" = "time"
"Limit" = "limit"
[layout.verdicts]
"OK" = "qualified"
"NOK" = "unqualified"
"""


def test_a_layout_of_ones_own_is_tried_first():
    session = Session(Options(layouts=OWN))
    found = session.receive(
        b"Acme 3\nDate: 2025-03-14 09:14:32\nLimit: <4.0\nNo Name Result\n07 ham 3.5 OK\n8 jam 5 NOK\n\n\n", 0.0
    )
    assert [(one.sample, one.name, one.value, one.verdict) for one in found] == [
        ("7", "ham", Decimal("3.5"), Verdict.QUALIFIED),
        ("8", "jam", Decimal(5), Verdict.UNQUALIFIED),
    ]
    assert (found[0].item, found[0].unit, found[0].limit, found[0].measured_at) == (
        "nitrite",
        "mg/kg",
        Decimal("4.0"),
        AT,
    )
    assert [same(event) for event in session.receive(TICKET_2015, 0.0)] == [RESULT, SECOND]


def test_without_a_time_a_result_is_known_by_all_the_ticket_says():
    layouts = ticket_layout.parse(OWN)
    paper = b"Limit: 4\nNo Name Result\n7 ham 3.5 OK\n"
    assert decode(paper, layouts)[0].identity == decode(paper, layouts)[0].identity
    assert decode(paper, layouts)[0].identity != decode(paper.replace(b"4", b"5"), layouts)[0].identity


BARE = "[[layout]]\nid = 'a'\nbegin = 'x'\nrow = ['x']\n"


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[[layout", "they cannot be read"),
        ("layout = 3", "two brackets"),
        ("[[layout]]\nrow = ['a']", "layout ?, id: it is missing"),
        (
            "[[layout]]\nid = 'a'\nbegin = 'x'\nrow = ['x']\nrows = ['a']",
            "rows: there is no such option; there are: id, begin",
        ),
        ("[[layout]]\nid = 'a'\nbegin = 'x'", "layout a, row: it is missing"),
        ("[[layout]]\nid = 'a'\nbegin = 'x'\nrow = 'x'", "row: it must be a list"),
        ("[[layout]]\nid = 'a'\nbegin = '('\nrow = ['x']", "is no pattern"),
        ("[[layout]]\nid = 'a'\nbegin = 'x'\nrow = ['(?P<weight>x)']", "nothing can say weight; there are: sample"),
        (
            "[[layout]]\nid = 'a'\nbegin = 'x'\nrow = ['x']\ntitle = 'name of it'",
            'title: it must be one of "", "sample"',
        ),
        (
            "[[layout]]\nid = 'a'\nbegin = 'x'\nrow = ['x']\n[layout.verdicts]\nOK = 'good'",
            'verdicts.OK: it must be one of "qualified"',
        ),
        (f"{BARE}labels = 5", "labels: it must be a table"),
        (f"{BARE}lines = ['x']", "lines: it must be a table"),
        (f"{BARE}verdicts = 'OK'", "verdicts: it must be a table"),
        (f"{BARE}item = 5", "item: it must be a text"),
        (f"{BARE}unit = ['%']", "unit: it must be a text"),
        (f"{BARE}wrap = true", "wrap: it must be a whole number"),
        (f"{BARE}[layout.labels]\nunit = ['unit']", "labels.unit: it must be one of"),
        (f"{BARE}[layout.labels]\nunit = 5", "labels.unit: it must be one of"),
        ("[[layout]]\nid = 'a'\nbegin = 'x{99999999999}'\nrow = ['x']", "is no pattern"),
        ("a = " + "[" * 3000, "they cannot be read"),
    ],
)
def test_a_layout_that_cannot_be_meant_is_refused(toml, message):
    with pytest.raises(BadOptions) as bad:
        formats.find("ticket").parse({"layouts": toml})
    (problem,) = bad.value.problems
    assert problem.key == "layouts" and message in problem.en and problem.zh


# --- the dialogue ---------------------------------------------------------------------------------------------------


def test_questions_to_the_printer_are_answered_at_once(conversation):
    talk = conversation(Session(Options())).device(b"\x10\x04").station().device(b"\x01").station(b"\x12")
    talk.device(b"abc\x1dr\x01\x10\x04\x04def").station(b"\x00\x12")
    talk.at(2.0).reading(Ticket)


def test_two_seconds_of_silence_end_a_ticket(conversation):
    talk = conversation(Session(Options())).device(TICKET_2015[:-4]).reading().wakes(2.0)
    talk.at(1.9).reading().at(2.0).reading(TestResult, TestResult).wakes(None)


def test_what_comes_after_the_silence_is_the_next_ticket():
    session = Session(Options())
    session.receive(TICKET_2015[:-4], 0.0)
    assert len(session.receive(TICKET_2015, 5.0)) == 4
    assert session.deadline is None


@pytest.mark.parametrize("style", STYLES)
def test_each_measurement_is_read_once(style, talk):
    tester, session = Printing(style), Session(Options())
    kept = [tester.measure(n, Decimal(n * 20), AT + timedelta(minutes=n), name="青菜") for n in range(1, 5)]
    tester.press_print(["设置", "波长 412"])
    found = talk(session, tester, 0.0, 10.0)
    assert found[:-1] == kept
    assert isinstance(found[-1], Ticket) and "波长" in found[-1].text
    assert tester.unprinted == []


def test_a_tester_prints_nothing_while_its_printer_does_not_answer():
    tester = Printing()
    tester.measure(1, None, AT)
    assert tester.pending(0.0) == b"\x10\x04\x01"
    assert tester.pending(0.5) == b"" and tester.deadline(0.5) == 1.0
    assert tester.pending(1.0) == b"\x10\x04\x01"
    tester.receive(b"\x12", 1.1)
    assert tester.deadline(1.1) == 1.1
    assert decode(tester.pending(1.1))[0].verdict is Verdict.INVALID
    with pytest.raises(ValueError, match="taiyang"):
        Printing("x")


def test_a_tester_takes_no_wishes_and_waits_for_no_commit():
    session = Session(Options())
    session.committed(0.0)
    assert not session.ask(Wish.TARE, 0.0) and session.pending() == b""


def test_the_format_is_in_the_table():
    assert formats.find("ticket").session is Session
    assert ticket.OURS[0].id == "dayuan"
