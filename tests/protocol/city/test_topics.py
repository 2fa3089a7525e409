"""Topics, and reading an acknowledgement that may come from anybody."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.city.codes import MAX_SERIAL
from protocol.city.topics import (
    ACK_CAP,
    FINAL_CODES,
    MAX_UPTO,
    OPEN_CODES,
    Ack,
    BadAck,
    PhotoWord,
    Rejected,
    Topics,
    ack_of,
    read_ack,
)
from protocol.plain import plain

TOPICS = Topics("410108", "410108001", "03")
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40).map(lambda text: plain(text, 40))


def test_the_topics_of_a_station() -> None:
    assert TOPICS.event("trade.completed") == "mkt/1/410108/410108001/03/evt/trade"
    assert TOPICS.alarm("test.result") == "mkt/1/410108/410108001/03/alm/test"
    assert TOPICS.state == "mkt/1/410108/410108001/03/state"
    assert TOPICS.ack == "mkt/1/410108/410108001/03/ack"
    assert TOPICS.station == "410108001-03"


@pytest.mark.parametrize("part", ["", "+", "#", "a/b", "a b", "市", "x" * 65, "a\n"])
def test_a_part_cannot_break_out_of_its_level(part: str) -> None:
    for parts in ((part, "1", "1"), ("1", part, "1"), ("1", "1", part)):
        with pytest.raises(ValueError):
            Topics(*parts)


@pytest.mark.parametrize(
    ("topic", "lane"),
    [(TOPICS.event("trade.completed"), "evt"), (TOPICS.alarm("test.result"), "alm"), (TOPICS.state, "state")],
)
def test_what_a_station_publishes_on_reads_back(topic: str, lane: str) -> None:
    assert Topics.parse(topic) == (TOPICS, lane)


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "mkt/1",
        "mkt/2/a/b/c/state",
        TOPICS.ack,
        TOPICS.state + "/x",
        TOPICS.base + "/evt",
        TOPICS.base + "/evt/",
        TOPICS.base + "/evt/#",
        "mkt/1/a/b/../evt/x",
        "mkt/1/a/b//evt/x",
    ],
)
def test_other_topics_are_refused(topic: str) -> None:
    with pytest.raises(ValueError):
        Topics.parse(topic)


@given(
    st.builds(
        Ack,
        st.none() | st.integers(0, MAX_UPTO),
        st.lists(WORDS, max_size=5).map(tuple),
        st.lists(st.builds(Rejected, WORDS, WORDS, WORDS), max_size=5).map(tuple),
        st.just("") | st.binary(min_size=32, max_size=32).map(bytes.hex),
    )
)
def test_an_answer_reads_back(ack: Ack) -> None:
    assert read_ack(ack.encode()) == ack


def test_a_command_comes_to_the_station_or_to_all_of_its_node() -> None:
    topics = Topics("410108", "410108001", "01")
    assert topics.command_name("mkt/1/410108/410108001/01/cmd/stop_lot") == "stop_lot"
    assert topics.command_name("mkt/1/410108/410108001/all/cmd/stop_lot") == "stop_lot"
    for other in ("02/cmd/stop_lot", "01/cmd/", "01/cmd/a b", "01/res/stop_lot", "01/cmd/x/cmd/stop_lot"):
        assert topics.command_name(f"mkt/1/410108/410108001/{other}") is None
    assert topics.photo("ab" * 32) == f"mkt/1/410108/410108001/01/pho/{'ab' * 32}"
    assert Topics.parse(topics.photo("ab" * 32)) == (topics, "pho")


def test_the_answer_to_a_birth_says_what_the_city_holds() -> None:
    ack = Ack(birth="ab" * 32, holds="cd" * 32, serials={3: 57, 1: 0}, photos=(PhotoWord("ef" * 32, 5, "unknown"),))
    assert ack.fields() == {
        "photos": [{"sha256": "ef" * 32, "have": 5, "code": "unknown"}],
        "birth": "ab" * 32,
        "holds": "cd" * 32,
        "serials": {"1": 0, "3": 57},
    }
    assert ack_of(ack.fields()) == ack
    for serials in ({"10": 1}, {"a": 1}, {"1": -1}, {"1": True}, {"1": MAX_SERIAL + 1}, {"": 1}):
        with pytest.raises(BadAck, match="serials"):
            ack_of({"serials": serials})
    assert ack_of({"serials": {"9": MAX_SERIAL}}).serials == {9: MAX_SERIAL}


def test_the_plain_answer_is_short() -> None:
    assert Ack(12).encode() == b'{"upto":12}'
    assert read_ack(b'{"upto":"00000000000000000012"}') == Ack(12)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b'"upto"',
        b"\xff",
        b"[" * 60_000,
        b'{"upto":-1}',
        b'{"upto":1.5}',
        b'{"upto":true}',
        b'{"upto":9223372036854775808}',
        b'{"upto":"' + b"9" * 5000 + b'"}',
        b'{"upto":' + b"9" * 5000 + b"}",
        b'{"ids":"a"}',
        b'{"rejected":7}',
        b'{"rejected":[7]}',
        b'{"rejected":[{}]}',
        b'{"upto":1,"hash":7}',
        b'{"upto":1,"hash":"abc"}',
        b'{"upto":1' + b" " * ACK_CAP + b"}",
    ],
)
def test_a_hostile_answer_is_refused(payload: bytes) -> None:
    with pytest.raises(BadAck):
        read_ack(payload)


@given(
    st.binary(max_size=100)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["upto", "ids", "rejected", "id", "code"]), inner)
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode())
)
def test_whatever_comes_is_an_answer_or_refused(payload: bytes) -> None:
    try:
        ack = read_ack(payload)
    except BadAck:
        return
    assert ack.upto is None or 0 <= ack.upto <= MAX_UPTO
    assert all(isinstance(one, str) and len(one) <= 64 for one in ack.ids)


def test_long_texts_are_cut() -> None:
    payload = json.dumps({"ids": ["x" * 900], "rejected": [{"id": "i" * 900, "code": "c" * 900, "reason": "r" * 900}]})
    ack = read_ack(payload.encode())
    assert len(ack.ids[0]) == 64
    assert [len(one) for one in (ack.rejected[0].id, ack.rejected[0].code, ack.rejected[0].reason)] == [64, 40, 200]


def test_texts_come_out_as_one_harmless_line() -> None:
    reason = "a\ud800b\x00c\r\nERROR core: all is lost\x1b[31m\u202ed\u2028e"
    payload = json.dumps({"ids": ["i\ud800"], "rejected": [{"id": "\ud800", "code": "c\n", "reason": reason}]})
    ack = read_ack(payload.encode())
    assert ack == Ack(None, ("i",), (Rejected("", "c", "a b c ERROR core: all is lost [31m d e"),))
    json.dumps(ack.fields(), ensure_ascii=False).encode()


@given(st.text(max_size=300), st.integers(0, 100))
def test_a_plain_text_can_be_stored_and_logged(text: str, length: int) -> None:
    made = plain(text, length)
    made.encode()
    assert len(made) <= length
    assert len(made.splitlines()) <= 1
    assert not set(made) & set("\x00\x1b\x7f\u202e\u2066")
    assert plain(made, length) == made


def test_a_code_is_final_unless_it_says_the_bytes_prove_nothing() -> None:
    assert not FINAL_CODES & OPEN_CODES
    assert all(Rejected("i", code, "").final for code in FINAL_CODES)
    assert not any(Rejected("i", code, "").final for code in OPEN_CODES)
    assert Rejected("i", "something_newer", "").final


def test_an_answer_may_leave_out_code_and_reason() -> None:
    assert read_ack(b'{"rejected":[{"id":"a"}]}') == Ack(rejected=(Rejected("a", "", ""),))
    assert read_ack(b'{"upto":0}') == Ack(0)
    assert read_ack(b"{}") == Ack()


def test_an_answer_may_claim_the_largest_number_and_none_beyond() -> None:
    assert read_ack(json.dumps({"upto": MAX_UPTO}).encode()).upto == MAX_UPTO
    for beyond in (MAX_UPTO + 1, -1):
        with pytest.raises(BadAck):
            read_ack(json.dumps({"upto": beyond}).encode())
