"""A station changes its key: the old key signs the record, and the new one says that it follows."""

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.city.envelope import BadEvent
from protocol.city.key_events import change_in, proof

OLD, NEW, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2, 3))
STATION = "410108001-01"


def public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


def rotated(**other: Any) -> dict[str, Any]:
    said = {"old_key": public(OLD), "new_key": public(NEW), "proof": proof(STATION, OLD.public_key(), NEW)}
    return {"source": f"https://sy.example.cn/edge/{STATION}", "data": said | other}


def test_the_new_key_says_whom_it_follows_and_where() -> None:
    change = change_in(rotated())
    assert (change.old.public_bytes_raw(), change.new.public_bytes_raw()) == (
        OLD.public_key().public_bytes_raw(),
        NEW.public_key().public_bytes_raw(),
    )
    said = b"MEDGE-KEY1\0" + STATION.encode() + bytes.fromhex(public(OLD) + public(NEW))
    word = rotated()["data"]["proof"]
    assert len(word) == 88 and word == base64.b64encode(NEW.sign(said)).decode()


@pytest.mark.parametrize(
    "other",
    [
        {"old_key": public(OTHER)},
        {"new_key": public(OTHER)},
        {"proof": proof("410108001-02", OLD.public_key(), NEW)},
        {"proof": proof(STATION, OLD.public_key(), OTHER)},
        {"proof": proof(STATION, OLD.public_key(), NEW)[:-2] + "*="},
        {"proof": proof(STATION, OLD.public_key(), NEW) + "\n"},
        {"proof": None},
        {"new_key": "ab"},
        {"old_key": None},
    ],
    ids=str,
)
def test_nobody_names_a_key_that_he_does_not_hold(other: dict[str, Any]) -> None:
    with pytest.raises(BadEvent, match="follows the old one"):
        change_in(rotated(**other))


def test_a_key_does_not_follow_itself() -> None:
    same = {"new_key": public(OLD), "proof": proof(STATION, OLD.public_key(), OLD)}
    with pytest.raises(BadEvent, match="is the old one"):
        change_in(rotated(**same))


def test_a_key_of_another_station_is_none_of_this_one() -> None:
    with pytest.raises(BadEvent):
        change_in(rotated() | {"source": "https://sy.example.cn/edge/410108001-02"})
    with pytest.raises(BadEvent):
        change_in({"source": "https://sy.example.cn/edge/410108001-01", "data": {}})
