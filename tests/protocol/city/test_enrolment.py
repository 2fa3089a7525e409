"""A box becomes a station: nobody without the token takes its place, and nothing of a message can be changed."""

import json
from typing import Any

import pytest
import rfc8785

from protocol.city import enrolment
from protocol.city.enrolment import BadEnrolment, Token
from protocol.ed25519 import private_key_of

TOKEN = Token(bytes(range(16)))
BOX, CITY = private_key_of(bytes(range(32))), private_key_of(bytes(range(7, 39)))
ASKS: dict[str, Any] = {
    "csr": "-----BEGIN CERTIFICATE REQUEST-----\n…",
    "name": "东区 12 号",
    "serial": "10000000abcdef01",
    "jobs": ["stall"],
    "station": "",
    "software": "marketedge 0.1.0",
    "nonce": "00" * 16,
}
GETS: dict[str, Any] = {
    "region": "410108",
    "host": "sy.example.cn",
    "brokers": ["mqtts://b.example.cn:8883"],
    "mqtt": "5",
    "ca": "",
    "certificate": "",
    "city_keys": [CITY.public_key().public_bytes_raw().hex()],
    "node_keys": [{"station": "410108001-05", "public_key": BOX.public_key().public_bytes_raw().hex()}],
    "commands": [],
}
AT = "2026-12-01T08:00:00+08:00"
REQUEST = enrolment.ask(TOKEN, BOX, ASKS)
ANSWER = enrolment.answer(TOKEN, CITY, REQUEST, "410108001-05", AT, GETS)


def word_of(read: Any, *given: Any) -> str:
    with pytest.raises(BadEnrolment) as bad:
        read(*given)
    assert bad.value.zh
    assert bad.value.en
    return bad.value.word


def altered(message: bytes, name: str, value: Any) -> bytes:
    return rfc8785.dumps({**json.loads(message), name: value})


def other(value: Any) -> Any:
    """Of the same kind, and well formed."""
    if isinstance(value, str):
        swapped = {"0": "1", "1": "2", "5": "4", "a": "b", "A": "B", "e": "f"}
        at = next((at for at, sign in enumerate(value) if sign in swapped), None)
        return value + "x" if at is None else value[:at] + swapped[value[at]] + value[at + 1 :]
    return [*value, value[0]] if value else ["gate"]


# --- tokens -----------------------------------------------------------------------------------------------------------


def test_the_test_vector() -> None:
    assert TOKEN.text == "ME1-000G-40R4-0M30-E209-185G-R38E-1YZ0"
    assert TOKEN.id == "3f55b0d5b96071fc"
    assert Token.parse(TOKEN.text) == TOKEN
    assert (
        enrolment.spoken("00" * 32)
        == "大河 大车 小米 高刀 轻车 大羊 (big river, big cart, small rice, tall knife, light cart, big sheep)"
    )


def test_how_a_token_is_typed_does_not_matter() -> None:
    for typed in (TOKEN.text.lower(), TOKEN.text.replace("-", " "), TOKEN.text[4:], TOKEN.text.replace("0", "O")):
        assert Token.parse(typed) == TOKEN


def test_a_slip_of_the_hand_is_seen() -> None:
    caught = sum(
        word_of_or_none(TOKEN.text[:at] + sign + TOKEN.text[at + 1 :]) == "mistyped"
        for at in range(4, len(TOKEN.text))
        for sign in "7Z"
        if TOKEN.text[at] not in (sign, "-")
    )
    tried = sum(TOKEN.text[at] not in (sign, "-") for at in range(4, len(TOKEN.text)) for sign in "7Z")
    assert caught >= tried - 2  # eight bits let one of 256 through
    for typed in ("", "ME1", TOKEN.text[:-1], TOKEN.text + "0", "ME1-" + "U" * 28, "é" * 28):
        assert word_of(Token.parse, typed) == "mistyped"


def word_of_or_none(typed: str) -> str | None:
    try:
        Token.parse(typed)
    except BadEnrolment as bad:
        return bad.word
    return None


def test_the_token_is_in_no_message() -> None:
    for message in (REQUEST, ANSWER):
        assert TOKEN.secret.hex().encode() not in message
        assert TOKEN.text.encode() not in message
    assert TOKEN.secret.hex() not in repr(TOKEN)


# --- requests ---------------------------------------------------------------------------------------------------------


def test_a_request_is_read_and_proven() -> None:
    read = enrolment.read_request(REQUEST + b"\n")
    assert read.name == ASKS["name"]
    assert enrolment.proven(read, TOKEN)
    assert not enrolment.proven(read, Token(b"x" * 16))
    assert enrolment.is_request(REQUEST)
    assert not enrolment.is_request(ANSWER)
    assert not enrolment.is_request(b"\x00")


@pytest.mark.parametrize("name", sorted(json.loads(REQUEST)))
def test_nothing_of_a_request_can_be_changed(name: str) -> None:
    value = 2 if name == "enrol" else other(json.loads(REQUEST)[name])
    assert word_of(enrolment.read_request, altered(REQUEST, name, value)) in ("bad_signature", "malformed")


def test_a_request_of_another_key_needs_the_token() -> None:
    """Who alters a request can sign it anew, and has no proof then."""
    thief = private_key_of(b"\x09" * 32)
    theirs = {**json.loads(REQUEST), "public_key": thief.public_key().public_bytes_raw().hex()}
    del theirs["sig"]
    signed = enrolment.ask(Token(b"y" * 16), thief, {name: theirs[name] for name in ASKS})
    assert not enrolment.proven(enrolment.read_request(signed), TOKEN)


@pytest.mark.parametrize(
    "message",
    [b"", b"{}", b"[]", b"null", b"\xff", b'{"enrol":1}', REQUEST[:-1], b" " + REQUEST, REQUEST * 2, b"[" * 5000],
)
def test_what_is_no_message_is_malformed(message: bytes) -> None:
    assert word_of(enrolment.read_request, message) == "malformed"
    assert word_of(enrolment.read_answer, message, TOKEN, REQUEST) == "malformed"


def test_a_request_has_its_size() -> None:
    with pytest.raises(BadEnrolment):
        enrolment.read_request(b"x" * (enrolment.REQUEST_CAP + 1))


# --- answers ----------------------------------------------------------------------------------------------------------


def test_an_answer_is_read() -> None:
    read = enrolment.read_answer(ANSWER + b"\r\n", TOKEN, REQUEST)
    assert (read.station, read.brokers) == ("410108001-05", ("mqtts://b.example.cn:8883",))


@pytest.mark.parametrize("name", sorted(json.loads(ANSWER)))
def test_nothing_of_an_answer_can_be_changed(name: str) -> None:
    value = 2 if name == "enrolled" else other(json.loads(ANSWER)[name])
    assert word_of(enrolment.read_answer, altered(ANSWER, name, value), TOKEN, REQUEST) in (
        *("forged", "malformed", "bad_signature", "other_request"),
    )


def test_a_foreign_city_signs_for_nothing() -> None:
    """Its keys would be in the answer, too: the token says whose they are."""
    thief = private_key_of(b"\x09" * 32)
    theirs = {**GETS, "city_keys": [thief.public_key().public_bytes_raw().hex()]}
    forged = enrolment.answer(Token(b"y" * 16), thief, REQUEST, "410108001-05", AT, theirs)
    assert word_of(enrolment.read_answer, forged, TOKEN, REQUEST) == "forged"


def test_an_answer_is_to_one_request() -> None:
    asked = enrolment.ask(TOKEN, BOX, {**ASKS, "nonce": "11" * 16})
    assert word_of(enrolment.read_answer, ANSWER, TOKEN, asked) == "other_request"


def test_an_answer_is_signed_by_a_key_that_it_names() -> None:
    sealed = enrolment.answer(TOKEN, BOX, REQUEST, "410108001-05", AT, GETS)
    assert word_of(enrolment.read_answer, sealed, TOKEN, REQUEST) == "bad_signature"


@pytest.mark.parametrize("word", sorted(enrolment.MEANINGS))
def test_a_refusal_is_told_in_words(word: Any) -> None:
    said = enrolment.refusal(BadEnrolment(word))
    assert word_of(enrolment.read_answer, said, TOKEN, REQUEST) == word
    refused = enrolment.read_refusal(said)
    assert refused is not None
    assert refused.word == word
    assert enrolment.read_refusal(ANSWER) is None


# --- compared by people -----------------------------------------------------------------------------------------------


def test_other_keys_have_other_words() -> None:
    keys = [bytes((number,) * 32).hex() for number in range(200)]
    assert len({enrolment.fingerprint(key) for key in keys}) == 200
    said = {pair for key in keys for pair in enrolment.fingerprint(key)}
    assert len({zh for zh, _ in said}) == len({en for _, en in said}) == len(said) > 240
