"""A station's word about itself."""

import base64
import json
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from protocol.city.state import STATE_CAP, BadState, Reach, encode_state, read_state

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
REACH = Reach(12, "ab" * 32, 10, "cd" * 32)
TIME = "2026-11-22T05:31:07+08:00"


def made(**changes: Any) -> bytes:
    said: dict[str, Any] = {
        "time": TIME,
        "bootid": "b1",
        "reach": REACH,
        "software": "marketedge 0.1.0",
    }
    return encode_state("online", "410108001-01", KEY, **(said | changes))


def test_a_birth_reads_back() -> None:
    said = read_state(made())
    assert (said.state, said.station, said.kid, said.last) == ("online", "410108001-01", "56475aa7", 12)
    assert said.public_key == "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
    assert said.key.public_bytes_raw() == KEY.public_key().public_bytes_raw()


@pytest.mark.parametrize("field", sorted(json.loads(made())))
def test_every_altered_field_is_found(field: str) -> None:
    body = json.loads(made())
    changed = {"state": "offline", "last": 13, "acked": 9, "station": "410108001-02"}.get(field)
    if changed is None:
        changed = body[field][:-1] + ("0" if body[field][-1] != "0" else "1")
    with pytest.raises(BadState):
        read_state(rfc8785.dumps(body | {field: changed}))


@pytest.mark.parametrize("field", sorted(json.loads(made())))
def test_every_missing_or_wrong_field_is_found(field: str) -> None:
    body = json.loads(made())
    for wrong in (None, [], {}, -1, 1.5, True, "x" * 100):
        with pytest.raises(BadState):
            read_state(json.dumps(body | {field: wrong}).encode())
    del body[field]
    with pytest.raises(BadState):
        read_state(rfc8785.dumps(body))


def test_what_was_added_is_refused() -> None:
    with pytest.raises(BadState):
        read_state(rfc8785.dumps(json.loads(made()) | {"admin": True}))


@pytest.mark.parametrize("payload", [b"", b"[]", b"7", b"\xff", b"[" * 4000, b'{"sig":"\\ud800"}', b" " * 9000])
def test_noise_is_refused(payload: bytes) -> None:
    with pytest.raises(BadState):
        read_state(payload)


@given(st.binary(max_size=200))
def test_no_noise_crashes(payload: bytes) -> None:
    with pytest.raises(BadState):
        read_state(payload)


def test_a_state_stays_small() -> None:
    assert len(made(bootid="b" * 80, software="s" * 80)) < STATE_CAP
    with pytest.raises(ValidationError):
        made(software="s" * 81)


def test_a_number_is_no_text_and_a_text_no_number() -> None:
    for field, wrong in (("last", "12"), ("software", 1)):
        body = {name: value for name, value in (json.loads(made()) | {field: wrong}).items() if name != "sig"}
        signature = base64.b64encode(KEY.sign(rfc8785.dumps(body))).decode()
        with pytest.raises(BadState):
            read_state(rfc8785.dumps(body | {"sig": signature}))


@pytest.mark.parametrize("between", ["*", "\n", " ", "="])
def test_a_signature_has_nothing_in_it_that_is_none(between: str) -> None:
    body = json.loads(made())
    body["sig"] = body["sig"][:10] + between + body["sig"][10:]
    with pytest.raises(BadState):
        read_state(rfc8785.dumps(body))
