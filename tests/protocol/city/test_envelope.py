"""The bytes of an event: canonical, signed, chained, capped."""

import base64
import json
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from protocol.city.envelope import (
    FIRST_PREVHASH,
    HARD_CAP,
    MAX_SEQUENCE,
    BadEvent,
    EventHead,
    TooLarge,
    hash_of,
    kind_of,
    read,
    seal,
    type_of,
    verify,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
TIME = "2026-11-22T05:31:07+08:00"
HEAD = EventHead("01", "https://sy.example.cn/edge/410108001-01", "test.result", "s", TIME, TIME, "b", "synced")
BODY = seal(HEAD, {"名": "上海青", "n": 1, "list": [1, "二", None, True]}, 7, FIRST_PREVHASH, KEY)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
DATA = st.dictionaries(
    TEXTS,
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=5,
)


@given(DATA, st.integers(1, MAX_SEQUENCE))
def test_what_is_sealed_reads_back_and_verifies(data: dict[str, Any], sequence: int) -> None:
    body = seal(HEAD, data, sequence, FIRST_PREVHASH, KEY)
    event = read(body)
    verify(event, KEY.public_key())
    verify(event, KEY.public_key(), body)
    assert event["data"] == data
    assert int(event["sequence"]) == sequence
    assert rfc8785.dumps(event) == body


def test_the_bytes_are_canonical_and_the_same_each_time() -> None:
    assert seal(HEAD, {"list": [1, "二", None, True], "n": 1, "名": "上海青"}, 7, FIRST_PREVHASH, KEY) == BODY
    assert "上海青".encode() in BODY


@pytest.mark.parametrize("field", sorted(set(json.loads(BODY)) - {"sig"}))
def test_every_altered_field_is_found(field: str) -> None:
    event = json.loads(BODY)
    if field == "data":
        event["data"]["n"] = 2
    elif field == "sequence":
        event["sequence"] = f"{8:020d}"
    else:
        event[field] += "0"
    with pytest.raises(BadEvent):
        verify(read(rfc8785.dumps(event)), KEY.public_key())


def test_a_signature_has_one_form_only() -> None:
    event = read(BODY)
    signature = event["sig"]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    spare = letters[letters.index(signature[-3]) + 1]  # the last letter's unused bits
    twin = signature[:-3] + spare + "=="
    assert base64.b64decode(twin) == base64.b64decode(signature)
    for text in (twin, signature + "\n", signature[:-2], "", "é"):
        with pytest.raises(BadEvent):
            verify(event | {"sig": text}, KEY.public_key())


def test_a_foreign_key_is_named() -> None:
    with pytest.raises(BadEvent, match="56475aa7"):
        verify(read(BODY), OTHER.public_key())


def test_events_are_chained_by_the_hash_of_their_bytes() -> None:
    second = seal(HEAD, {}, 8, hash_of(BODY), KEY)
    assert read(second)["prevhash"] == hash_of(BODY) != FIRST_PREVHASH
    assert hash_of(BODY.replace(b'"n":1', b'"n":2')) != hash_of(BODY)


def test_nothing_above_the_cap_is_sealed_or_read() -> None:
    room = HARD_CAP - len(seal(HEAD, {"x": ""}, 1, FIRST_PREVHASH, KEY))
    assert len(seal(HEAD, {"x": "a" * room}, 1, FIRST_PREVHASH, KEY)) == HARD_CAP
    with pytest.raises(TooLarge):
        seal(HEAD, {"x": "a" * (room + 1)}, 1, FIRST_PREVHASH, KEY)
    with pytest.raises(BadEvent, match="60000"):
        read(BODY + b" " * HARD_CAP)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        b"{" * 30_000,
        b"[" * 30_000,
        b'{"a":NaN}',
        b'{"a":1e999}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":"\\ud800"}',
        BODY + b"\n",
        BODY.replace(b'"bootid"', b' "bootid"'),
        BODY.replace(b'"n":1', b'"n":1.0'),
        BODY.replace(b'{"bootid":"b",', b'{"bootid":"b","bootid":"b",'),
        BODY.replace(b'"subject":"s",', b""),
        BODY.replace(b'"subject":"s"', b'"subject":1'),
        BODY.replace(b"00000000000000000007", b"0000000000000000007 "),
        BODY.replace(b"00000000000000000007", b"7"),
        BODY.replace(b"00000000000000000007", b"0" * 20),
        BODY.replace(b"00000000000000000007", b"9" * 20),
    ],
)
def test_what_is_no_complete_canonical_event_is_refused(body: bytes) -> None:
    assert body != BODY
    with pytest.raises(BadEvent):
        read(body)


@given(st.binary(max_size=200))
def test_noise_is_refused_and_never_a_crash(noise: bytes) -> None:
    with pytest.raises(BadEvent):
        read(noise)


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_every_flipped_byte_is_found(place: int, change: int) -> None:
    body = BODY[:place] + bytes([BODY[place] ^ change]) + BODY[place + 1 :]
    with pytest.raises(BadEvent):
        verify(read(body), KEY.public_key())


def members(value: Any) -> Any:
    return st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=3), value, max_size=4)


@given(members(st.floats() | st.integers() | st.text(max_size=5) | members(st.integers() | st.floats())))
def test_canonical_means_rfc_8785_and_nothing_else(data: dict[str, Any]) -> None:
    """Python's writer and RFC 8785 differ in some numbers and member orders; only the second counts."""
    event = json.loads(BODY) | {"data": data}
    body = json.dumps(event, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    try:
        canonical = rfc8785.dumps(event) == body
    except rfc8785.CanonicalizationError:
        canonical = False
    try:
        read(body)
        accepted = True
    except BadEvent:
        accepted = False
    assert accepted == canonical


def test_members_sort_by_utf_16() -> None:
    body = seal(HEAD, {"\U0001f600": 1, "\uff5e": 2}, 1, FIRST_PREVHASH, KEY)
    assert read(body)["data"] == {"\U0001f600": 1, "\uff5e": 2}


def test_a_look_alike_of_the_signature_inside_the_data_confuses_nobody() -> None:
    look = {"sig": json.loads(BODY)["sig"], "a": 1, "text": ',"sig":"' + json.loads(BODY)["sig"] + '"'}
    body = seal(HEAD, look, 1, FIRST_PREVHASH, KEY)
    event = read(body)
    verify(event, KEY.public_key(), body)
    twin = event | {"data": look | {"sig": event["sig"]}, "source": ',"sig":"' + event["sig"] + '"'}
    with pytest.raises(BadEvent):
        verify(read(rfc8785.dumps(twin)), KEY.public_key(), rfc8785.dumps(twin))


def test_kinds_and_types_belong_together() -> None:
    assert type_of("trade.completed") == "cn.marketedge.market.trade.completed.v1"
    assert kind_of(type_of("trade.completed")) == "trade.completed"
    for wrong in ("", "trade.completed", "cn.marketedge.market.trade.completed.v2"):
        with pytest.raises(BadEvent):
            kind_of(wrong)
