"""What is random in a record lies apart, and comes back where it was."""

import base64
import json
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st

from edge.records import random_parts
from edge.records.random_parts import _at_once, _in_turn, put_back, take
from protocol.city.canonical import write as dumps
from protocol.city.envelope import EventHead, seal

KEYS = ("prevhash", "sig", "id", "url", "kid", "data")
VALUES = st.one_of(
    st.binary(max_size=70).map(bytes.hex),
    st.binary(max_size=70).map(lambda found: base64.b64encode(found).decode()),
    st.binary(max_size=140).map(lambda found: "https://a/j/" + base64.urlsafe_b64encode(found).decode().rstrip("=")),
    st.uuids().map(str),
    st.uuids().map(lambda found: str(found).upper()),
    st.text(max_size=12),
    st.sampled_from(['"id":"', '"url":"', "/", "=" * 88, "A" * 88, "A" * 85 + "B==", "0" * 64, "F" * 64]),
)
TREES = st.recursive(VALUES, lambda inner: st.dictionaries(st.sampled_from(KEYS), inner, max_size=6), max_leaves=8)
ENDS = (
    *(b'"url":"', b'"id":"', b'"sig":"', b'"prevhash":"', b'sig":"', b'":"', b'"', b"/", b"id", b"s"),
    *(b"A" * 86, b"A" * 86 + b"==", b"0" * 64, b"00000000-0000-0000-0000-000000000000"),
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


@given(TREES)
def test_the_exact_bytes_come_back(tree: object) -> None:
    body = dumps({"data": tree, "sig": ""})
    assert put_back(*take(body)) == body


EVENT = {
    "bootid": "b",
    "data": {},
    "datacontenttype": "application/json",
    "id": str(UUID(int=7 << 90)),
    "kid": "3729b935",
    "prevhash": bytes(range(32)).hex(),
    "recordedtime": "2026-12-01T23:36:30.100258+08:00",
    "sequence": "00000000000000000678",
    "sig": base64.b64encode(bytes(range(64))).decode(),
    "source": "https://sy.example.cn/edge/410108001-01",
    "specversion": "1.0",
    "subject": "41010800120100005004",
    "time": "2026-12-01T23:36:30.100258+08:00",
    "type": "cn.marketedge.market.trade.completed.v1",
}


@given(TREES, st.dictionaries(st.sampled_from([*EVENT, "operator", "approvedby"]), VALUES, max_size=2))
def test_of_an_event_all_are_taken_as_they_are_one_by_one(tree: object, other: dict[str, str]) -> None:
    for body in (dumps(EVENT | {"data": tree}), dumps(EVENT | {"data": tree, "operator": "x"} | other)):
        assert take(body) == random_parts._one_by_one(body)
        assert put_back(*take(body)) == body
    assert random_parts._of_event(dumps(EVENT | {"data": tree}))


@given(st.lists(st.sampled_from((*ENDS, *PIECES)), max_size=8), st.lists(st.sampled_from(PIECES), max_size=2))
def test_and_so_are_those_of_what_looks_like_one(before: list[bytes], behind: list[bytes]) -> None:
    body = b"".join([*before, dumps(EVENT)[1:], *behind])
    assert take(body) == random_parts._one_by_one(body)
    assert put_back(*take(body)) == body


@given(st.lists(st.sampled_from(ENDS), max_size=14).map(b"".join))
@example(b'"url":"sig' + b"A" * 86 + b'":"' + b"A" * 86 + b'=="')
def test_also_of_what_is_no_record(body: bytes) -> None:
    assert put_back(*take(body)) == body


PLACES = (
    *(b'"url":"', b'"id":"', b'"sig":"', b'"prevhash":"', b'"url":"https://a/j/', b'"url":"https://a/j/AAEC"'),
    *(b'"id":""', b'"sig":""', b'"prevhash":""', b'"', b'id":"', b'sig":"', b",", b"x", b"/"),
)


@given(st.lists(st.sampled_from(PLACES), max_size=14).map(b"".join), st.sampled_from([7, 15]))
@example(b'"url":"https://a/j/AAEC","id":"","prevhash":"","sig":""', 15)
@example(b'"url":"id":"","id":"","prevhash":"","sig":""', 15)
@example(b'"url":"id":"","prevhash":"","sig":"","id":"', 15)
@example(b'"id":"","prevhash":"","sig":"","url":"https://a/j/AAEC"', 15)
@example(b'"id":"","sig":"","prevhash":""', 7)
@example(b'"id":"x","prevhash":"","sig":""', 7)
@example(b'"id":"","prevhash":"","sig":"","sig":"x"', 7)
def test_what_is_put_back_at_once_is_what_each_in_turn_makes(text: bytes, taken: int) -> None:
    apart = bytes([taken]) + bytes(range(112 if taken == 7 else 176))
    if found := _at_once(text, apart):
        assert found == _in_turn(text, apart)


@pytest.mark.parametrize(
    "data", [{"url": "https://a/j/" + "A" * 200}, {"url": ""}, {}], ids=["signed", "empty", "none"]
)
def test_a_sealed_record_is_put_back_at_once(data: dict[str, str], key: Ed25519PrivateKey) -> None:
    """Else it would take twice the time, and nobody notice."""
    head = EventHead("01a23187-bcc4-7c8c-abfd-f387d8406f11", "s", "trade.completed", "1", "t", "t", "b", "synced")
    body = seal(head, data, 7, "ab" * 32, key)
    assert _at_once(*take(body)) == body


@pytest.mark.parametrize(
    ("text", "apart"),
    [
        (b"{}", b"\x01" + bytes(32)),
        (b'{"sig":""}', b"\x02" + bytes(63)),
        (b'{"sig":""}', b"\x02" + bytes(65)),
        (b'{"sig":""}', b"\x00"),
        (b'{"sig":""}', b"\x12" + bytes(64)),
        (b'{"url":"https://a/j/A"}', b"\x08" + bytes(64)),
        (b'{"sig":"', b"\x02" + bytes(64)),
    ],
)
def test_what_does_not_belong_together_is_refused(text: bytes, apart: bytes) -> None:
    with pytest.raises(ValueError):
        put_back(text, apart)
