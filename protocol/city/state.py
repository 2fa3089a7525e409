"""A station's own word about itself, on its ``…/state`` topic: a birth when it connects, ``offline`` in its will.

    {"state":"online","station":"410108001-01","public_key":"<64 hex>","kid":"<8 hex>","time":"…","bootid":"…",
     "last":1234,"hash":"<64 hex>","acked":1200,"acked_hash":"<64 hex>","software":"marketedge 0.1.0","sig":"<base64>"}

``sig`` is Ed25519 over the RFC 8785 form without ``sig``, by the key that stands in it.  It proves that the sender
holds that key, not that the key is the station's: whom to trust the platform decides.  ``last`` is the newest sequence
in the ledger and ``hash`` that record's (64 zeros when there is none), so the platform sees what is still to come, and
both sides see at once whether they speak of the same ledger (``agreement.py``).  ``acked`` is how far the station
believes the platform to be, with that record's hash, empty where it has none.  Older stations say no hash.  ``gone``
is the number up to which records were kept their time and left the ledger by a ``ledger.checkpoint``; it is left out
where none did.
"""

import base64
import binascii
import json
from typing import Annotated, Literal

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from protocol.city.envelope import FIRST_PREVHASH
from protocol.city.token import kid_of
from protocol.ed25519 import BadSignature, PrivateKey, PublicKey, check, public_key_of
from protocol.frozen import frozen

STATE_CAP = 4096
HashOrNone = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")]
_Line = Annotated[str, StringConstraints(max_length=80)]


class BadState(ValueError):
    """Not a station's word about itself; the message says why."""


@frozen
class Reach:
    """How far a ledger goes and how far the city is believed to have it: two numbers with their records' hashes.

    ``gone``: records up to this one left it by a ``ledger.checkpoint``.
    """

    last: int = 0
    hash: str = FIRST_PREVHASH
    acked: int = 0
    acked_hash: str = ""
    gone: int = 0


class StationState(BaseModel):
    """What a station says of itself; ``sig`` is empty until ``encode`` signed it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: Literal["online", "offline"]
    station: Annotated[str, StringConstraints(pattern=r"^[0-9]{9}-[0-9]{2}$")]
    public_key: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    kid: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}$")]
    time: _Line
    bootid: _Line
    last: Annotated[int, Field(ge=0, lt=1 << 53)]
    hash: HashOrNone = ""
    acked: Annotated[int, Field(ge=0, lt=1 << 53)] = 0
    acked_hash: HashOrNone = ""
    gone: Annotated[int, Field(ge=0, lt=1 << 53)] = Field(0, exclude_if=lambda number: not number)
    software: _Line

    @property
    def key(self) -> PublicKey:
        return public_key_of(bytes.fromhex(self.public_key))


def encode_state(
    state: Literal["online", "offline"],
    station: str,
    key: PrivateKey,
    *,
    time: str,
    bootid: str,
    reach: Reach,
    software: str,
) -> bytes:
    """The signed message of the station that holds ``key``."""
    public = key.public_key()
    said = StationState(
        state=state,
        station=station,
        public_key=public.public_bytes_raw().hex(),
        kid=kid_of(public).hex(),
        time=time,
        bootid=bootid,
        last=reach.last,
        hash=reach.hash,
        acked=reach.acked,
        acked_hash=reach.acked_hash,
        gone=reach.gone,
        software=software,
    ).model_dump()
    return rfc8785.dumps({**said, "sig": base64.b64encode(key.sign(rfc8785.dumps(said))).decode()})


def read_state(payload: bytes) -> StationState:
    """What a station says of itself, when the key in it signed it; raises BadState."""
    if len(payload) > STATE_CAP:
        raise BadState(f"{len(payload)} bytes; at most {STATE_CAP} are allowed")
    try:
        body = json.loads(payload)
        signature = base64.b64decode(body.pop("sig"), validate=True)
        said = StationState.model_validate_json(json.dumps(body), strict=True)
        if said.kid != kid_of(said.key).hex():
            raise BadState("the key id does not belong to the key")
        check(said.key, signature, rfc8785.dumps(body))
    except BadState:
        raise
    except ValidationError as error:
        raise BadState(f"{'.'.join(map(str, error.errors()[0]['loc']))}: {error.errors()[0]['msg']}") from None
    except BadSignature:
        raise BadState("the signature does not fit") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, binascii.Error):
        raise BadState("not a state message") from None
    return said
