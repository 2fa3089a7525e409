"""A record's place in the chain: read from its bytes as they stand, and by nobody's word but the key's."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocol.city import chain, envelope
from protocol.city.chain import Chain, Link
from protocol.city.envelope import FIRST_PREVHASH, MAX_SEQUENCE, BadEvent, EventHead, seal
from protocol.city.events import EVENTS

SOURCE = "https://sy.example.cn/edge/410108001-01"
TIME = "2026-11-22T05:31:07+08:00"
HEAD = EventHead("01", SOURCE, "test.result", "s", TIME, TIME, "b", "synced")
LINK = Link(7, "ab" * 32, SOURCE, "s", "cn.marketedge.market.test.result.v1")


@pytest.fixture
def unparsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on nobody may parse a record."""

    def parse(body: bytes) -> None:
        raise AssertionError("parsed")

    monkeypatch.setattr(envelope, "read", parse)


@pytest.mark.usefixtures("unparsed")
def test_each_kind_of_record_is_placed_without_being_parsed(
    key: Ed25519PrivateKey, event_of: Callable[..., bytes]
) -> None:
    placed = Chain(key.public_key())
    for kind in EVENTS:
        said = json.loads(body := event_of(kind))
        assert placed.link(body) == Link(1, FIRST_PREVHASH, said["source"], said["subject"], said["type"])


@pytest.mark.usefixtures("unparsed")
@pytest.mark.parametrize("operator", ["", "0007", "a\\b\\"])
@pytest.mark.parametrize("sequence", [7, MAX_SEQUENCE])
def test_with_and_without_an_operator(operator: str, sequence: int, key: Ed25519PrivateKey) -> None:
    head = replace(HEAD, operator=operator)
    body = seal(head, {"text": ',"datacontenttype":"application/json","sig":"x"'}, sequence, "ab" * 32, key)
    assert chain.link(body, key.public_key()) == replace(LINK, sequence=sequence)


@pytest.mark.usefixtures("unparsed")
@pytest.mark.parametrize("more", [{"approvedby": "0001"}, {"bootms": "12"}, {"clocksource": "kernel"}])
def test_the_members_that_older_records_do_not_have_change_nothing(
    more: dict[str, str], key: Ed25519PrivateKey
) -> None:
    assert chain.link(seal(replace(HEAD, **more), {}, 7, "ab" * 32, key), key.public_key()) == LINK


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text('",:}\\nix', max_size=12), st.sampled_from(["operator", "subject", "source", "time", "id"]))
def test_a_text_that_looks_like_what_stands_behind_it_is_one_text(key: Ed25519PrivateKey, text: str, name: str) -> None:
    """Those with a quote go the slow way."""
    body = seal(replace(HEAD, **{name: text + '","type":"x"}' + text}), {}, 7, "ab" * 32, key)
    event = json.loads(body)
    found = chain.link(body, key.public_key())
    assert (found.sequence, found.type) == (7, LINK.type)
    assert (found.source, found.subject) == (event["source"], event["subject"])


def test_what_libsodium_does_not_take_is_placed_the_slow_way(
    key: Ed25519PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Chain, "_signed", lambda *_: False)
    assert chain.link(seal(HEAD, {}, 7, "ab" * 32, key), key.public_key()) == LINK


def test_nothing_but_what_the_key_signed_has_a_place(key: Ed25519PrivateKey, monkeypatch: pytest.MonkeyPatch) -> None:
    body, other = seal(HEAD, {"n": 1}, 7, "ab" * 32, key), Ed25519PrivateKey.from_private_bytes(bytes(32))
    with monkeypatch.context() as larger:
        larger.setattr(envelope, "HARD_CAP", 2 * envelope.HARD_CAP)
        long = seal(HEAD, {"n": "x" * (envelope.HARD_CAP // 2)}, 7, "ab" * 32, key)
    signature = json.loads(body)["sig"]
    spare = signature[:-3] + chr(ord(signature[-3]) + 1) + "=="  # the same 64 bytes, written otherwise
    assert base64.b64decode(spare) == base64.b64decode(signature)
    wrong = {
        "another number": body.replace(b"0000007", b"0000008"),
        "another place in the chain": body.replace(b"ab" * 32, b"ac" * 32),
        "other data": body.replace(b'"n":1', b'"n":2'),
        "another signature": body.replace(signature.encode(), json.loads(long)["sig"].encode()),
        "a signature written otherwise": body.replace(signature.encode(), spare.encode()),
        "half of it": body[: len(body) // 2],
        "nothing": b"",
        "too long": long,
    }
    for what, forged in wrong.items():
        with pytest.raises(BadEvent):
            chain.link(forged, key.public_key())
            raise AssertionError(what)
    with pytest.raises(BadEvent, match="signed by key"):
        chain.link(body, other.public_key())
    with pytest.raises(BadEvent, match="altered"):
        chain.link(wrong["other data"], key.public_key())
