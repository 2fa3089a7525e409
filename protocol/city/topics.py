"""MQTT topics and the platform's acknowledgement (contract part C4).

    {"station","issued","upto","hash","ids","rejected":[{"id","code","reason"}],"kid","sig"}

``hash`` is SHA-256 over the bytes of record ``upto``: number and hash together say that both sides mean the same
records.  ``protocol.city.signed`` puts station, issued, kid and sig around it and checks them.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from protocol.plain import plain

_SAFE = re.compile(r"[0-9A-Za-z_-]{1,64}")
_HASH = re.compile(r"[0-9a-f]{64}")
ACK_CAP = 65_536
MAX_UPTO = (1 << 63) - 1

# A rejection says one of two things.  Final: these very bytes verify under your key and are refused; their sequence is
# accounted for, sending them again changes nothing, a person has to look.  Open: what arrived is not proven to be
# yours, so it says nothing about your record; keep it and send it again, slowly.
FINAL_CODES = frozenset({"bad_data", "unknown_type", "wrong_source", "fork", "broken_chain"})
OPEN_CODES = frozenset({"bad_signature", "unknown_key", "unreadable"})


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one station. Raises ValueError for a part that could break out of its level."""

    region: str
    node: str
    terminal: str

    def __post_init__(self) -> None:
        for part in (self.region, self.node, self.terminal):
            if not _SAFE.fullmatch(part):
                raise ValueError(f"topic part {part!r}: only letters, digits, _ and - are allowed")

    @classmethod
    def parse(cls, topic: str) -> tuple[Self, str]:
        """The station of a topic it publishes on, and ``evt``, ``alm`` or ``state``; raises ValueError for others."""
        parts = topic.split("/")
        if parts[:2] != ["mkt", "1"] or not (
            (len(parts) == 7 and parts[5] in ("evt", "alm") and _SAFE.fullmatch(parts[6]))
            or (len(parts) == 6 and parts[5] == "state")
        ):
            raise ValueError(f"topic {topic[:120]!r} is not one a station publishes on")
        return cls(*parts[2:5]), parts[5]

    @property
    def station(self) -> str:
        return f"{self.node}-{self.terminal}"

    @property
    def base(self) -> str:
        return f"mkt/1/{self.region}/{self.node}/{self.terminal}"

    def event(self, kind: str) -> str:
        """``trade.completed`` → ``…/evt/trade``."""
        return f"{self.base}/evt/{kind.split('.')[0]}"

    def alarm(self, kind: str) -> str:
        return f"{self.base}/alm/{kind.split('.')[0]}"

    @property
    def state(self) -> str:
        return f"{self.base}/state"

    @property
    def ack(self) -> str:
        return f"{self.base}/ack"


@dataclass(frozen=True, slots=True)
class Rejected:
    id: str
    code: str
    reason: str

    @property
    def final(self) -> bool:
        """Unknown codes count as final: an older station must not send for ever what a newer city refuses."""
        return self.code not in OPEN_CODES


@dataclass(frozen=True, slots=True)
class Ack:
    """The platform's answer: it has all sequences up to ``upto``, these ids, and refuses those.

    ``hash`` is that of record ``upto``, empty when the platform does not say.
    """

    upto: int | None = None
    ids: tuple[str, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    hash: str = ""

    def fields(self) -> dict[str, Any]:
        """The members of the message, for ``protocol.city.signed.seal``; what says nothing is left out."""
        body: dict[str, Any] = {}
        if self.upto is not None:
            body["upto"] = self.upto
        if self.hash:
            body["hash"] = self.hash
        if self.ids:
            body["ids"] = list(self.ids)
        if self.rejected:
            body["rejected"] = [{"id": one.id, "code": one.code, "reason": one.reason} for one in self.rejected]
        return body

    def encode(self) -> bytes:
        """The message without a signature."""
        return json.dumps(self.fields(), ensure_ascii=False, separators=(",", ":")).encode()


class BadAck(ValueError):
    """Not an acknowledgement; the message says why."""


def read_ack(payload: bytes) -> Ack:
    """Read an acknowledgement whoever it is from, signed or not; raises BadAck."""
    if len(payload) > ACK_CAP:
        raise BadAck(f"{len(payload)} bytes; at most {ACK_CAP} are allowed")
    try:
        return ack_of(json.loads(payload))
    except (ValueError, RecursionError) as error:
        raise error if isinstance(error, BadAck) else BadAck("not an acknowledgement") from None


def ack_of(body: Mapping[str, Any]) -> Ack:
    """The acknowledgement in a message's members; texts come out clean and cut. Raises BadAck."""
    try:
        upto = body.get("upto")
        if isinstance(upto, str) and upto.isascii() and upto.isdigit():
            upto = int(upto)
        ids, rejected, digest = body.get("ids", []), body.get("rejected", []), body.get("hash") or ""
        if not (upto is None or (type(upto) is int and 0 <= upto <= MAX_UPTO)) or not isinstance(ids, list):
            raise BadAck("upto is not a count, or ids is not a list")
        if not isinstance(digest, str) or (digest and not _HASH.fullmatch(digest)):
            raise BadAck("hash is not 64 hex digits")
        return Ack(
            upto,
            tuple(plain(str(one), 64) for one in ids),
            tuple(
                Rejected(
                    plain(str(r["id"]), 64), plain(str(r.get("code", "")), 40), plain(str(r.get("reason", "")), 200)
                )
                for r in rejected
            ),
            digest,
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise error if isinstance(error, BadAck) else BadAck("not an acknowledgement") from None
