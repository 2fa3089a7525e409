"""The record by which a station changes its key: signed with the old one, and it names the new one.

``proof`` is the new key's signature over both keys and the station's name.  So whoever trusts the old key learns the
new one from the record's signature, whoever trusts the new key learns the old one from the proof, and nobody names a
key that he does not hold.  Records after this one are signed by the new key.
"""

import base64
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import StringConstraints

from protocol.city.envelope import BadEvent, type_of
from protocol.city.events import Name, Record, Short, event
from protocol.city.signed import public_key
from protocol.ed25519 import PrivateKey, PublicKey, check
from protocol.frozen import frozen

KIND = "key.rotated"
TYPE = type_of(KIND)
_CONTEXT = b"MEDGE-KEY1\0"
KeyHex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


@event(KIND, "更换密钥", "Key changed", told=("old_key", "new_key"))
class KeyRotated(Record):
    """The station's records after this one are signed by ``new_key``.

    Keys are raw Ed25519 public keys in hex.  ``proof`` is base64 of the new key's signature over ``MEDGE-KEY1``, a zero
    byte, the station's name (410108001-01), ``old_key`` and ``new_key`` as raw bytes.  ``person`` ordered it, and says
    ``why``.
    """

    old_key: KeyHex
    new_key: KeyHex
    proof: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{86}==$")]
    why: Name
    person: Short


@frozen
class Change:
    """From one key to the next, proven by the next."""

    old: PublicKey
    new: PublicKey


def proof(station: str, old: PublicKey, new: PrivateKey) -> str:
    """The new key's word that it follows the old one."""
    return base64.b64encode(new.sign(_said(station, old, new.public_key()))).decode()


def change_in(event: Mapping[str, Any]) -> Change:
    """What a ``key.rotated`` says, when the new key says so, too; raises BadEvent.

    That the old key has signed the record is for whoever reads it to look at.
    """
    data = event["data"]
    try:
        old, new = public_key(data["old_key"]), public_key(data["new_key"])
        if data["old_key"] == data["new_key"]:
            raise BadEvent("the new key is the old one")
        check(new, base64.b64decode(data["proof"], validate=True), _said(_station(event), old, new))
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, BadEvent):
            raise
        raise BadEvent("the new key does not say that it follows the old one") from None
    return Change(old, new)


def _said(station: str, old: PublicKey, new: PublicKey) -> bytes:
    return _CONTEXT + station.encode() + old.public_bytes_raw() + new.public_bytes_raw()


def _station(event: Mapping[str, Any]) -> str:
    return str(event["source"]).rpartition("/")[2]
