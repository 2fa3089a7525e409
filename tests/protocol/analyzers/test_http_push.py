# ruff: noqa: DTZ001  (the instrument has a local clock and knows no zone)

import itertools
import json
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import catalogue
from protocol import formats, uploads
from protocol.analyzers import http_push
from protocol.analyzers.http_push import Fields, Mapped, Options, decode, decoder, encode
from protocol.readings import Garbage, TestResult, Ticket, Verdict
from protocol.uploads import Answer, Request, answers, apart, loaded, name_of, read, wrapped, written
from simulator.analyzers.http_push import MODELS, Uploader

AT = datetime(2025, 3, 14, 9, 14, 32)
KERUN = {
    "jcdw": "城东市场",
    "jcxm": "农药残留",
    "jcdt": "2025-03-14 09:14:32",
    "jcz": "12.50",
    "szdw": "%",
    "jgpd": "合格",
    "ybbh": "7",
    "ybmc": "青菜",
    "xlz": "50",
    "did": "KR-1",
}
DIMAIER = {
    "body": json.dumps(
        {
            "samplename": "青菜",
            "controlvalue": 50,
            "testproject": "农药残留",
            "testingtime": 1741914872,
            "testresult": 12.5,
            "samplenum": 7,
            "deviceNumber": "DM-1",
            "decisionoutcome": "合格",
            "cov_unit": "%",
        }
    )
}
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
    limit=Decimal(50),
    serial="KR-1",
)


def mapped(model):
    return formats.find("http_push").parse(catalogue.find(model).options)


def events(said, options=None):
    return decode(written(Request("/", said)), options)


def one(said, options=None):
    (event,) = events(said, options)
    return event


def identity(said, options=None):
    return one(said, options).identity


def test_what_kerun_uploads_is_its_result():
    result = one(apart(KERUN), mapped("kerun-upload"))
    assert replace(result, identity="") == RESULT
    assert str(result.value) == "12.50"


def test_what_dimaier_uploads_is_its_result_in_chinese_time():
    result = one(apart(DIMAIER), mapped("dimaier-upload"))
    assert replace(result, identity="") == replace(RESULT, value=Decimal("12.5"), serial="DM-1")


@pytest.mark.parametrize("time", ["1741914872", "1741914872000"])
def test_a_unix_time_is_in_seconds_or_milliseconds(time):
    said = {"item": "x", "value": "1", "time": time}
    assert one(said, Mapped(time="unix")).measured_at == AT


@pytest.mark.parametrize("time", ["", "soon", "-" + "9" * 30, "9" * 30])
def test_a_time_that_is_none_is_not_guessed(time):
    assert one({"item": "x", "value": "1", "time": time}, Mapped(time="unix")).measured_at is None


def test_the_usual_names_need_no_mapping():
    said = {
        "检测项目": "农药残留",
        "检测结果": "12.50",
        "单位": "%",
        "结论": "合格",
        "Sample": "7",
        "检测时间": "2025-03-14 09:14:32",
    }
    assert replace(one(said), identity="") == replace(RESULT, name=None, limit=None, serial="")


def test_several_results_of_one_upload_stand_in_a_list():
    rows = [apart(KERUN), apart({**KERUN, "ybbh": "8"})]
    found = events({"data": {"list": rows}}, mapped("kerun-upload").model_copy(update={"rows": "data.list"}))
    assert [event.sample for event in found] == ["7", "8"]
    assert [event.sample for event in events(rows, mapped("kerun-upload"))] == ["7", "8"]


def test_the_same_result_again_is_known_again_whatever_else_came_with_it():
    kerun = mapped("kerun-upload")
    assert identity(apart(KERUN), kerun) == identity(apart({**KERUN, "type": "2", "jcy": "王敏"}), kerun)


@pytest.mark.parametrize("field", ["did", "ybbh", "jcxm", "jcdt", "jcz"])
def test_another_device_sample_item_time_or_value_is_another_result(field):
    other = {**KERUN, field: {"jcdt": "2025-03-14 09:15:32", "jcz": "12.51"}.get(field, "99")}
    assert identity(apart(other), mapped("kerun-upload")) != identity(apart(KERUN), mapped("kerun-upload"))


def test_equal_results_in_one_upload_are_two():
    first, second = events([apart(KERUN)] * 2, mapped("kerun-upload"))
    assert first.identity != second.identity
    assert first.identity == identity(apart(KERUN), mapped("kerun-upload"))


def test_a_result_without_a_time_is_known_by_its_whole_upload():
    bare = {name: text for name, text in KERUN.items() if name != "jcdt"}
    kerun = mapped("kerun-upload")
    assert identity(apart(bare), kerun) == identity(apart(bare), kerun)
    assert identity(apart(bare), kerun) != identity(apart({**bare, "jcy": "王敏"}), kerun)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"jgpd": "差不多"}, "'差不多' is no word we know"),
        ({"jcz": "", "jgpd": ""}, "neither a value nor a verdict"),
        ({"jcxm": ""}, "no item"),
    ],
)
def test_what_cannot_be_read_is_kept_for_a_person(more, why):
    ticket = one(apart({**KERUN, **more}), mapped("kerun-upload"))
    assert isinstance(ticket, Ticket) and why in ticket.why and "青菜" in ticket.text


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"hello": "world"},
        {"jcxm": "农药残留"},
        {"jcz": "1"},
        [],
        ["x"],
        [apart(KERUN), "x"],
        "text",
        [{"jcxm": "x", "jcz": "1"}] * 501,
        {"jcxm": {"a": "b"}, "jcz": "1"},
    ],
)
def test_what_is_no_upload_of_ours_is_not_handed_over(said):
    (garbage,) = events(said, mapped("kerun-upload"))
    assert isinstance(garbage, Garbage) and garbage.data == b"" and garbage.why


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"path":1,"said":{}}', b'{"path":"/"}', b"[" * 100_000, b"\xff"]
)
def test_what_is_no_request_is_garbage(content):
    (garbage,) = decode(content)
    assert isinstance(garbage, Garbage)


def test_values_stay_the_texts_that_were_sent():
    assert loaded('{"a": 12.50, "b": 1e400, "c": null, "d": true, "e": NaN, "f": -0, "g": "[1]"}') == {
        "a": "12.50",
        "b": "1e400",
        "c": "",
        "d": "true",
        "e": "NaN",
        "f": "-0",
        "g": ["1"],
    }


@pytest.mark.parametrize("text", ['{"a":' * 9 + "1" + "}" * 9, "[" * 100_000, '{"a":'])
def test_what_is_nested_without_end_or_broken_is_refused(text):
    with pytest.raises(ValueError, match=r"nested|Expecting"):
        loaded(text)


words = st.text(max_size=20)
said = st.recursive(
    words, lambda inner: st.dictionaries(words, inner, max_size=4) | st.lists(inner, max_size=4), max_leaves=12
)


@given(words, said)
def test_a_request_comes_back_as_it_was_written_once(path, anything):
    try:
        request = read(written(Request(path, anything)))
    except ValueError:
        return  # nested too deeply
    assert read(written(request)) == request
    for event in decode(written(request), Mapped(item="x")):
        json.dumps(event.as_json()).encode()


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=4))
def test_noise_never_raises_and_reads_the_same_in_any_pieces(noise, cuts):
    kerun = mapped("kerun-upload")
    stream = noise + wrapped(Request("/", apart(KERUN))) + noise[:20]
    whole = decoder(kerun)
    once = [*whole.feed(stream), *whole.finish()]
    pieces, edges = decoder(kerun), sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    again = [event for a, b in itertools.pairwise(edges) for event in pieces.feed(stream[a:b])]
    again += pieces.finish()
    results = [event for event in once if isinstance(event, TestResult)]
    assert [event for event in again if isinstance(event, TestResult)] == results
    assert b"\x1cFILE" in noise or len(results) == 1


@given(place=st.integers(0, 400), flip=st.integers(1, 255))
def test_a_damaged_byte_gives_no_other_result(place, flip):
    spoilt = bytearray(encode(KERUN))
    spoilt[place % len(spoilt)] ^= flip
    heard = decoder(mapped("kerun-upload"))
    assert not [event for event in heard.feed(bytes(spoilt)) if isinstance(event, TestResult | Ticket)]


# --- the dialogue ---------------------------------------------------------------------------------------------------


def test_a_result_is_answered_after_the_commit_and_not_before():
    session = http_push.session(mapped("kerun-upload"))
    request = Request("/detection.jsp", apart(KERUN))
    assert len(session.receive(wrapped(request), 0.0)) == 1
    assert session.pending() == b""
    assert session.expired(99.0) == [] and session.pending() == b""
    session.committed(99.0)
    assert answers(session.pending()) == [Answer(name_of(request), 200, '{"status":1,"info":"success"}')]
    assert session.pending() == b""


def test_what_is_no_result_is_answered_at_once_and_not_as_a_success():
    session = http_push.session(mapped("dimaier-upload"))
    request = Request("/", {"body": "x"})
    assert isinstance(session.receive(wrapped(request), 0.0)[0], Garbage)
    assert answers(session.pending()) == [Answer(name_of(request), 400, '{"code":400,"message":"failed"}')]


def test_what_is_kept_for_a_person_is_taken_from_the_tester():
    session = http_push.session(mapped("kerun-upload"))
    request = Request("/", apart({**KERUN, "jgpd": "?!"}))
    assert isinstance(session.receive(wrapped(request), 0.0)[0], Ticket)
    session.committed(1.0)
    assert [answer.status for answer in answers(session.pending())] == [200]


def test_an_answer_is_one_line_whatever_its_text():
    line = Answer("0123456789abcdef", 200, "a\nb\r\n c").as_bytes()
    assert line.count(b"\n") == 1 and answers(line) == [Answer("0123456789abcdef", 200, "a b c")]


def test_the_mapping_is_checked():
    with pytest.raises(formats.BadOptions, match=r"fields\.gewicht"):
        formats.find("http_push").speaks({"fields": {"gewicht": "x"}})
    with pytest.raises(formats.BadOptions, match="good"):
        formats.find("http_push").speaks({"good": "x" * 501})
    assert Options(fields=Fields(item="a.b")).fields.given == {"item": "a.b"}


# --- the simulated tester -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_a_tester_hands_over_each_result_once_and_again_what_was_not_taken(model):
    tester, session = Uploader(model), catalogue.find(MODELS[model].row).session()
    meant = [tester.measure(n, Decimal(n), AT + timedelta(minutes=n), name="青菜") for n in (1, 2)]
    first = tester.pending(0.0)
    assert session.receive(first, 0.0) == meant[:1]
    assert tester.pending(1.0) == b""  # it waits for the answer
    tester.receive(Answer(name_of(tester.unsent[0]), 503, "").as_bytes(), 1.0)
    assert tester.pending(2.0) == b"" and tester.deadline(2.0) == 6.0
    assert tester.pending(6.0) == first
    assert session.receive(first, 6.0) == meant[:1]  # known by the same identity
    session.committed(6.0)
    tester.receive(session.pending(), 6.0)
    assert session.receive(tester.pending(6.0), 6.0) == meant[1:]
    session.committed(7.0)
    tester.receive(session.pending(), 7.0)
    assert tester.deadline(7.0) is None and tester.unsent == []


def test_the_envelope_is_the_one_of_files():
    assert uploads.wrapped(Request("/", {})).startswith(b"\x1cFILE ")
