"""What is random in a record lies apart, and comes back where it was."""

import base64
import json
from datetime import UTC
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st

from edge.records.random_parts import _at_once, _in_turn, _of_event, _one_by_one, put_back, take
from protocol.city.canonical import write as dumps
from protocol.city.envelope import EventHead, seal

KEYS = ("prevhash", "sig", "id", "url", "kid", "data", "bootid", "recordedtime")
VALUES = st.one_of(
    st.binary(max_size=70).map(bytes.hex),
    st.binary(max_size=70).map(lambda found: base64.b64encode(found).decode()),
    st.binary(max_size=140).map(lambda found: "https://a/j/" + base64.urlsafe_b64encode(found).decode().rstrip("=")),
    st.uuids().map(str),
    st.just("0195c1a7-5c00-7abc-9def-0123456789ab"),
    st.datetimes(timezones=st.just(UTC)).map(str),
    st.just("2025-03-23T14:18:45.632000+08:00"),
    st.uuids().map(lambda found: str(found).upper()),
    st.text(max_size=12),
    st.sampled_from(['"id":"', '"url":"', "/", "=" * 88, "A" * 88, "A" * 85 + "B==", "0" * 64, "F" * 64]),
)
TREES = st.recursive(VALUES, lambda inner: st.dictionaries(st.sampled_from(KEYS), inner, max_size=6), max_leaves=8)
ENDS = (
    *(
        b'"url":"',
        b'"id":"',
        b'"bootid":"',
        b'"recordedtime":"',
        b'"sig":"',
        b'"prevhash":"',
        b'sig":"',
        b'":"',
        b'"',
        b"/",
        b"id",
        b"s",
    ),
    *(b"A" * 86, b"A" * 86 + b"==", b"0" * 64, b"00000000-0000-0000-0000-000000000000"),
    *(b"00000000-0000-7000-8000-000000000000", b"1970-01-01T00:00Z", b"1970-01-01", b"0001-01-01T00:00+23:59"),
)
PIECES = (b'"url":"', b'"id":"', b'"sig":"', b'"prevhash":"', b'"', b"/" + b"A" * 86, b"A" * 87, b"}", b"\n")
RECORD = dumps(
    {
        "data": {"url": "https://sy.example.cn/j/" + base64.urlsafe_b64encode(bytes(range(100))).decode().rstrip("=")},
        "id": str(UUID(int=7 << 90)),
        "kid": "3729b935",
        "prevhash": bytes(range(32)).hex(),
        "sequence": "00000000000000000678",
        "sig": base64.b64encode(bytes(range(64))).decode(),
    }
)


def test_of_a_record_its_hash_signature_number_and_signed_address_lie_apart() -> None:
    text, apart = take(RECORD)
    left = json.loads(text)
    assert (left["prevhash"], left["sig"], left["id"]) == ("", "", "")
    assert left["data"]["url"].startswith("https://sy.example.cn/j/AAEC")
    assert len(apart) == 1 + 32 + 64 + 16 + 64
    assert put_back(text, apart) == RECORD


UUID7 = "0195c1a7-5c00-7abc-9def-0123456789ab"


def recorded(at: str, boot: str) -> bytes:
    return dumps({"bootid": boot, "data": {}, "id": UUID7, "recordedtime": at})


@pytest.mark.parametrize(
    ("at", "size"),
    [
        ("2025-03-23T14:18:45.632000+08:00", 10),
        ("2025-03-23T06:18:45.632999+00:00", 10),
        ("2025-03-23T06:18:45.632999Z", 16),
        ("2025-03-23T06:18:45.+32999+00:00", 16),
        ("2025-03-23T14:18:45.633000+08:00", 16),
        ("2025-03-23T14:18:45.631999+08:00", 16),
        ("2025-03-23T06:18:45.632000", 16),
        ("yesterday", 16),
        ("", 16),
    ],
)
def test_a_uuid_says_the_millisecond_that_the_record_says_too(at: str, size: int) -> None:
    body = recorded(at, "")
    text, apart = take(body)
    assert (len(apart), b"0195" in text) == (1 + size, False)
    assert put_back(text, apart) == body


def test_the_boot_stays_where_it_is_known() -> None:
    boot = "b2a765bd-75fd-4b69-925d-fe917c82f04a"
    body = recorded("", boot)
    text, apart = take(body)
    assert (len(apart), boot.encode() in text) == (1 + 16 + 16, False)
    assert put_back(text, apart) == body
    text, apart = take(body, known=b"of before: " + boot.encode())
    assert (len(apart), boot.encode() in text) == (1 + 16, True)
    assert put_back(text, apart) == body


@given(TREES)
def test_the_exact_bytes_come_back(tree: object) -> None:
    body = dumps({"data": tree, "sig": ""})
    assert put_back(*take(body)) == body


BOOT = "b2a765bd-75fd-4b69-925d-fe917c82f04a"
EVENT = {
    "bootid": BOOT,
    "data": {},
    "datacontenttype": "application/json",
    "id": UUID7,
    "kid": "3729b935",
    "prevhash": bytes(range(32)).hex(),
    "recordedtime": "2025-03-23T14:18:45.632258+08:00",
    "sequence": "00000000000000000678",
    "sig": base64.b64encode(bytes(range(64))).decode(),
    "source": "https://sy.example.cn/edge/410108001-01",
    "specversion": "1.0",
    "subject": "41010800120100005004",
    "time": "2026-12-01T23:36:30.100258+08:00",
    "type": "cn.marketedge.market.trade.completed.v1",
}


@given(
    TREES,
    st.dictionaries(st.sampled_from([*EVENT, "operator", "approvedby"]), VALUES, max_size=2),
    st.sampled_from([b"", b"of before: " + BOOT.encode()]),
)
def test_of_an_event_all_are_taken_as_they_are_one_by_one(tree: object, other: dict[str, str], known: bytes) -> None:
    for body in (dumps(EVENT | {"data": tree}), dumps(EVENT | {"data": tree, "operator": "x"} | other)):
        assert take(body, known) == _one_by_one(body, known)
        assert put_back(*take(body, known)) == body
    assert _of_event(dumps(EVENT | {"data": tree}))


@given(st.lists(st.sampled_from((*ENDS, *PIECES)), max_size=8), st.lists(st.sampled_from(PIECES), max_size=2))
def test_and_so_are_those_of_what_looks_like_one(before: list[bytes], behind: list[bytes]) -> None:
    body = b"".join([*before, dumps(EVENT)[1:], *behind])
    assert take(body) == _one_by_one(body)
    assert put_back(*take(body)) == body


@given(st.lists(st.sampled_from(ENDS), max_size=14).map(b"".join))
@example(b'"url":"sig' + b"A" * 86 + b'":"' + b"A" * 86 + b'=="')
def test_also_of_what_is_no_record(body: bytes) -> None:
    assert put_back(*take(body)) == body


PLACES = (
    *(b'"url":"', b'"id":"', b'"sig":"', b'"prevhash":"', b'"url":"https://a/j/', b'"url":"https://a/j/AAEC"'),
    *(b'"id":""', b'"sig":""', b'"prevhash":""', b'"', b'id":"', b'sig":"', b",", b"x", b"/"),
)


AT = b'"recordedtime":"2026-12-01T23:36:30.100258+08:00"'
BEHIND = {0b010011: 106, 0b011011: 170, 0b110011: 122, 0b111011: 186}


@given(st.lists(st.sampled_from((*PLACES, AT, b'"bootid":""')), max_size=14).map(b"".join), st.sampled_from([*BEHIND]))
@example(b'"url":"https://a/j/AAEC","id":"","prevhash":"",' + AT + b'"sig":""', 0b011011)
@example(b'"bootid":"","url":"https://a/j/AAEC","id":"","prevhash":"",' + AT + b'"sig":""', 0b111011)
@example(b'"url":"https://a/j/AAEC","bootid":"","id":"","prevhash":"",' + AT + b'"sig":""', 0b111011)
@example(b'"url":"id":"","id":"","prevhash":"",' + AT + b'"sig":""', 0b011011)
@example(b'"url":"id":"","prevhash":"",' + AT + b'"sig":"","id":"', 0b011011)
@example(b'"id":"","prevhash":"",' + AT + b'"sig":"","url":"https://a/j/AAEC"', 0b011011)
@example(b'"id":"","sig":"",' + AT + b'"prevhash":""', 0b010011)
@example(b'"id":"x","prevhash":"",' + AT + b'"sig":""', 0b010011)
@example(b'"id":"","prevhash":"",' + AT + b'"sig":"","sig":"x"', 0b010011)
@example(b'"bootid":"","id":"","prevhash":"",' + AT + b'"sig":""', 0b110011)
def test_what_is_put_back_at_once_is_what_each_in_turn_makes(text: bytes, taken: int) -> None:
    apart = bytes([taken]) + bytes(range(BEHIND[taken]))
    if found := _at_once(text, apart):
        assert found == _in_turn(text, apart)


@pytest.mark.parametrize("known", [b"", b"b2a765bd-75fd-4b69-925d-fe917c82f04a"], ids=["a new boot", "a known one"])
@pytest.mark.parametrize(
    "data", [{"url": "https://a/j/" + "A" * 200}, {"url": ""}, {}], ids=["signed", "empty", "none"]
)
def test_a_sealed_record_is_taken_and_put_back_at_once(
    data: dict[str, str], known: bytes, key: Ed25519PrivateKey
) -> None:
    """Else it would take twice the time, and nobody notice."""
    at, boot = "2025-03-23T14:18:45.632000+08:00", "b2a765bd-75fd-4b69-925d-fe917c82f04a"
    body = seal(EventHead(UUID7, "s", "trade.completed", "1", at, at, boot, "synced"), data, 7, "ab" * 32, key)
    assert _of_event(body, known) == _one_by_one(body, known) == take(body, known)
    assert _at_once(*take(body, known)) == body


@pytest.mark.parametrize(
    ("text", "apart"),
    [
        (b"{}", b"\x01" + bytes(32)),
        (b'{"sig":""}', b"\x02" + bytes(63)),
        (b'{"sig":""}', b"\x02" + bytes(65)),
        (b'{"sig":""}', b"\x00"),
        (b'{"sig":""}', b"\x42" + bytes(64)),
        (b'{"id":""}', b"\x10" + bytes(10)),
        (b'{"id":"","recordedtime":"2025"', b"\x10" + bytes(10)),
        (b'{"url":"https://a/j/A"}', b"\x08" + bytes(64)),
        (b'{"sig":"', b"\x02" + bytes(64)),
    ],
)
def test_what_does_not_belong_together_is_refused(text: bytes, apart: bytes) -> None:
    with pytest.raises(ValueError):
        put_back(text, apart)
