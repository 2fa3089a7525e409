# ruff: noqa: DTZ001  (the instrument has a local clock and knows no zone)

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import catalogue
from protocol import files, formats
from protocol.analyzers import csv_drop
from protocol.analyzers.csv_drop import Mapped, decode, decoder, encode, envelope
from protocol.readings import Garbage, TestResult, Ticket, Verdict
from protocol.session import Wish
from simulator.analyzers.csv_drop import MODELS, Exporter

AT = datetime(2025, 3, 14, 9, 14, 32)
HEADER = "样品编号;样品名称;检测项目;检测结果;单位;结论;标准值;通道号;检测时间\r\n"
ROW = "7;青菜;农药残留;12.50;%;合格;50;3;2025-03-14 09:14:32\r\n"
RESULT = TestResult(
    sample="7",
    channel="3",
    item="农药残留",
    value=Decimal("12.50"),
    unit="%",
    verdict=Verdict.QUALIFIED,
    measured_at=AT,
    identity="csv/a7d4ae97c5ad1f12a5e2f9d0f5e2c5bb",
    name="青菜",
    limit=Decimal(50),
)
FINECARE = (
    "Finecare Plus;SN 000123\nSampleNo;Item;Result;Unit;Time\n"
    "7;CRP;<2;mg/L;2025-03-14 09:14:32\n8;CRP;3.50;mg/L;2025/3/14 9:20\n"
)


def same(result):
    return replace(result, identity="")


def one(text, mapped=None, encoding="utf-8"):
    events = decode(text.encode(encoding), mapped)
    assert len(events) == 1
    return events[0]


words = st.text("青菜韭abcXYZ0 9;,\"'", min_size=1, max_size=12).map(str.strip).filter(bool)
results = st.builds(
    lambda sample, name, item, value, text, verdict, at, limit: replace(
        RESULT,
        sample=sample,
        name=name,
        item=item,
        value=None if text else value,
        text=text,
        verdict=verdict,
        measured_at=at,
        limit=limit,
    ),
    words,
    st.none() | words,
    words,
    st.decimals(-999999, 999999, places=3).map(lambda value: value if value else abs(value)),
    st.sampled_from([None, "<2", ">100", "+-"]),
    st.sampled_from([None, Verdict.QUALIFIED, Verdict.SUSPECT, Verdict.UNQUALIFIED, Verdict.INVALID]),
    st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)).map(lambda at: at.replace(microsecond=0)),
    st.sampled_from([None, Decimal(50), Decimal("0.2")]),
)


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "utf-8-sig", "utf-16"])
def test_a_row_means_its_result_in_every_usual_encoding(encoding):
    result = one(HEADER + ROW, encoding=encoding)
    assert same(result) == same(RESULT)
    assert str(result.value) == "12.50"
    assert result.raw.decode() == ROW.strip()


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_the_delimiter_is_found_in_the_header(delimiter):
    assert same(one((HEADER + ROW).replace(";", delimiter))) == same(RESULT)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_in_any_way_and_the_last_not_at_all(end):
    text = (HEADER + ROW + ROW.replace("7;", "8;", 1)).replace("\r\n", end)
    assert [event.sample for event in decode(text.encode())] == ["7", "8"]
    assert [event.sample for event in decode(text.removesuffix(end).encode())] == ["7", "8"]


def test_a_result_that_is_no_number_stays_text():
    row = catalogue.find("wondfo-finecare")
    session = row.session()
    first, second = session.receive(files.wrap(FINECARE.encode()), 0.0)
    assert (first.value, first.text, first.verdict) == (None, "<2", None)
    assert (second.value, second.text) == (Decimal("3.50"), None)
    assert [result.measured_at for result in (first, second)] == [AT, datetime(2025, 3, 14, 9, 20)]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("7;;农残;阴性;;;;;", {"text": "阴性", "verdict": Verdict.QUALIFIED, "measured_at": None}),
        ("7;;农残;;;阳性;;;", {"value": None, "verdict": Verdict.UNQUALIFIED}),
        ("7;;农残;60;%;;<50;;", {"limit": Decimal(50), "verdict": None}),
        ("7;;农残;60;%;;0-0.2;;2025-13-40", {"limit": Decimal("0.2"), "measured_at": None}),
        ('7;"a;b";农残;1;;;;;', {"name": "a;b"}),
        ("7;;农残;1;;;;;;;more", {"value": Decimal(1)}),
    ],
)
def test_a_row_means_its_result(row, expected):
    event = one(HEADER + row)
    assert {name: getattr(event, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("7;青菜;农药残留;12.5", "4 columns where there should be 9"),
        ("7;青菜;农药残留;;%;;50;3;2025-03-14", "neither a value"),
        ("7;青菜;;12.5;%;合格;50;3;2025-03-14", "no item"),
        ("7;青菜;农药残留;12.5;%;n.i.O.;50;3;2025-03-14", "n.i.O."),
    ],
)
def test_a_row_that_cannot_be_read_is_handed_over_as_it_is(row, why):
    event = one(HEADER + row + "\r\n")
    assert isinstance(event, Ticket) and why in event.why and event.text == row
    assert one(HEADER + row).identity == event.identity


@pytest.mark.parametrize(
    ("text", "why"),
    [("", "empty"), ("hello\nworld\n", "no column for the item"), ("检测项目;单位\nA;%\n", "value or the verdict")],
)
def test_a_file_whose_columns_are_not_found_is_told_and_not_handed_over(text, why):
    event = one(text)
    assert isinstance(event, Garbage) and why in event.why and event.data == b""


KEY = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ3zUuJ8\n-----END PRIVATE KEY-----\n"
PASSWD = "root:x:0:0:root:/root:/bin/bash\nmarket:x:1000:1000:,,,:/home/market:/bin/bash\n"


@pytest.mark.parametrize("content", [KEY, PASSWD, "7;x\n8;y\n"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"header": False, "columns": {"sample": 1, "item": 2, "value": 3}},
        {"header": False, "columns": {"sample": 1, "verdict": 2}, "item": "农药残留"},
        {"header": False, "columns": {"sample": 1, "verdict": 2}, "item": "农药残留", "delimiter": ":"},
        {"columns": {"item": "检测项目", "value": "结果"}},
        {"skip": 1},
    ],
)
def test_nothing_of_a_file_that_is_none_of_ours_is_handed_over(content, options):
    session = csv_drop.session(Mapped(**options))
    (event,) = session.receive(files.wrap(content.encode()), 0.0)
    assert isinstance(event, Garbage) and event.data == b""
    ((_, taken, why),) = files.receipts(session.pending())
    assert not taken and why == event.why
    for line in content.splitlines():
        assert line not in why


def test_without_a_header_a_row_that_is_none_waits_for_a_person_where_another_is_one():
    mapped = Mapped(header=False, columns={"sample": 1, "item": 2, "value": 3})
    assert [type(event) for event in decode(b"7;A;12.5\n8;A\n", mapped)] == [TestResult, Ticket]


def test_a_column_names_the_instrument():
    assert one("样品编号;检测项目;检测结果;仪器编号\n7;A;12.5;SN-0187\n").serial == "SN-0187"
    by_number = Mapped(header=False, columns={"sample": 1, "item": 2, "value": 3, "serial": 4})
    assert one("7;A;12.5;SN-0187\n", by_number).serial == "SN-0187"


@pytest.mark.parametrize("content", [bytes(1000), b"PK\x03\x04\x00\x00", b"word " * 100_000])
def test_what_is_no_table_at_all_is_garbage(content):
    assert isinstance(decode(content)[0], Garbage)


def test_empty_rows_are_passed_over():
    assert len(decode((HEADER + "\r\n" + ROW + ";;;;;;;;\r\n").encode())) == 1


def test_an_unclosed_quote_cannot_give_a_result():
    events = decode((HEADER + '7;"青菜;农药残留;12.50;%;合格;50;3;2025-03-14\r\n' + ROW).encode())
    assert [type(event) for event in events] == [Ticket]


# --- the mapping ----------------------------------------------------------------------------------------------------


def test_columns_are_named_by_header_or_number():
    text = "Dev 1\nNr,Was,Wert,Urteil,Wann\n7,Nitrit,12.5,i.O.,14.03.2025 09:14:32\n"
    mapped = Mapped(
        skip=1,
        columns={"sample": "nr", "item": 2, "value": "Wert", "verdict": "Urteil", "time": "Wann"},
        unit="mg/kg",
        time="%d.%m.%Y %H:%M:%S",
        verdicts={"i.O.": "qualified"},
    )
    result = one(text, mapped)
    assert (result.sample, result.item, result.value, result.unit) == ("7", "Nitrit", Decimal("12.5"), "mg/kg")
    assert (result.verdict, result.measured_at) == (Verdict.QUALIFIED, AT)


def test_without_a_header_columns_go_by_number():
    mapped = Mapped(header=False, columns={"sample": 1, "value": 3}, item="A", delimiter=",")
    assert [event.sample for event in decode(b"7,x,1\n8,x,2\n", mapped)] == ["7", "8"]


def test_a_header_without_a_named_column_is_told():
    assert "no column 'Wert'" in one("a;b\n1;2\n", Mapped(columns={"value": "Wert"}, item="A")).why


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": {"weight": 1}}, "columns.weight = 1: there is no such option; there are: sample"),
        ({"delimiter": ";;"}, "of one character"),
        ({"header": False}, "by number"),
        ({"header": False, "columns": {"value": "Wert"}}, "by number, from 1"),
        ({"verdicts": {"NG": "bad"}}, '"qualified", "suspect"'),
        ({"encoding": "klingon"}, "utf-8, gbk"),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        formats.find("csv_drop").speaks(options)


def test_the_encoding_can_be_told():
    assert one("项目,结果\nA,1\n".replace("A", "青"), Mapped(encoding="gbk"), encoding="gbk").item == "青"


# --- identity -------------------------------------------------------------------------------------------------------


def identities(text):
    return [event.identity for event in decode(text.encode())]


def test_a_row_with_a_time_keeps_its_identity_when_the_file_grows():
    other = ROW.replace("7;", "8;", 1)
    assert identities(HEADER + ROW) == identities(HEADER + ROW + other)[:1]
    assert identities(HEADER + other + ROW)[1:] == identities(HEADER + ROW)


def test_equal_rows_of_a_file_are_different_results():
    first, second = identities(HEADER + ROW + ROW)
    assert first != second
    assert identities(HEADER + ROW + ROW + ROW)[:2] == [first, second]


def test_a_row_without_a_time_is_known_by_its_file():
    row = "7;;农药残留;12.5;%;合格;50;3;\r\n"
    assert identities(HEADER + row) == identities(HEADER + row)
    assert identities(HEADER + row) != identities(HEADER + row + row)[:1]
    assert len(set(identities(HEADER + row + row))) == 2


# --- the stream -----------------------------------------------------------------------------------------------------


@given(st.lists(results, min_size=1, max_size=5), st.sampled_from([";", ","]))
def test_what_is_encoded_is_decoded(values, delimiter):
    found = decode(encode(values, delimiter=delimiter))
    assert [same(event) for event in found] == [same(value) for value in values]


def test_a_verdict_without_a_word_is_not_written():
    with pytest.raises(ValueError, match="no word"):
        encode([replace(RESULT, verdict=Verdict.NOT_APPLICABLE)])


def test_a_file_without_an_envelope_is_read_at_the_end_of_the_stream():
    reader = decoder(Mapped())
    assert reader.feed((HEADER + ROW).encode()) == []
    assert same(reader.finish()[0]) == same(RESULT)


@given(st.lists(st.integers(0, 500), max_size=10))
def test_any_chunking_gives_the_same_readings(readings, cuts):
    stream = ROW.encode() + envelope([RESULT]) + envelope([RESULT, replace(RESULT, sample="8")])
    assert [event.sample for event in readings(decoder(Mapped()), stream, cuts)] == ["7", "7", "8"]


@given(st.binary(max_size=300))
def test_noise_never_raises(noise):
    decode(noise)
    decode(HEADER.encode() + noise)
    decode(HEADER.encode() + b"\n".join(noise[at : at + 20] for at in range(0, len(noise), 20)))


@given(st.integers(0, 200), st.integers(1, 255), st.sampled_from(["flip", "lose", "double"]))
def test_one_damaged_byte_on_the_way_never_gives_another_result(readings, damage, at, flip, what):
    stream = envelope([RESULT])
    found = readings(decoder(Mapped()), damage(stream, at % len(stream), what, flip) + stream * 9)
    assert {same(event) for event in found} == {same(RESULT)}


# --- the dialogue ---------------------------------------------------------------------------------------------------


def test_the_receipt_comes_after_the_commit():
    session = csv_drop.session(Mapped())
    content = encode([RESULT])
    assert [same(event) for event in session.receive(files.wrap(content), 0.0)] == [same(RESULT)]
    assert session.pending() == b"" and session.deadline is None
    session.committed(1.0)
    assert files.receipts(session.pending()) == [(files.digest(content), True, "")]
    assert session.pending() == b""


def test_a_file_with_nothing_to_commit_gets_its_receipt_at_once():
    session = csv_drop.session(Mapped())
    session.receive(files.wrap(bytes(100)), 0.0)
    assert files.receipts(session.pending()) == [(files.digest(bytes(100)), False, "not a text file")]
    session.receive(files.wrap(HEADER.encode()), 0.0)  # a program that has measured nothing yet
    assert files.receipts(session.pending()) == [(files.digest(HEADER.encode()), False, "")]


def test_a_file_that_is_not_read_whole_is_not_called_taken():
    session = csv_drop.session(Mapped())
    content = (HEADER + ROW + "7;x\r\n").encode()
    assert [type(event) for event in session.receive(files.wrap(content), 0.0)] == [TestResult, Ticket]
    session.committed(0.0)
    assert files.receipts(session.pending()) == [(files.digest(content), False, "2 columns where there should be 9")]


@pytest.mark.parametrize("model", MODELS)
def test_every_measurement_is_read_and_has_one_identity(model, talk):
    exporter, session = Exporter(model), csv_drop.session(Mapped())
    kept = [exporter.measure(n, Decimal(n * 20), AT + timedelta(minutes=n), name="青菜") for n in range(1, 5)]
    found = []
    for second in range(6):
        found += talk(session, exporter, float(second), second + 0.5)
        session.committed(second + 0.5)
    assert {event.identity for event in found} == {event.identity for event in kept}
    assert [event.verdict for event in kept] == [Verdict.QUALIFIED] * 2 + [Verdict.UNQUALIFIED] * 2
    assert len(exporter.taken) == 4 and all(taken for _, taken in exporter.taken)


def test_the_next_file_waits_for_the_receipt(talk):
    exporter, session = Exporter("single"), csv_drop.session(Mapped())
    exporter.measure(1, Decimal(1), AT)
    exporter.measure(2, None, AT)
    assert [event.sample for event in talk(session, exporter, 0.0, 5.0)] == ["1"]
    session.committed(5.0)
    assert [event.sample for event in talk(session, exporter, 5.0, 6.0)] == ["2"]
    with pytest.raises(ValueError, match="growing"):
        Exporter("x")


def test_an_analyzer_takes_no_wishes():
    assert not csv_drop.session(Mapped()).ask(Wish.TARE, 0.0)
    assert csv_drop.session(Mapped()).expired(0.0) == []


def test_the_format_is_in_the_table():
    assert formats.find("csv_drop").session is csv_drop.session
