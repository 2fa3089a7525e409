"""MQTT topics and the platform's acknowledgement (contract part C4)."""

import json
import re
from dataclasses import dataclass
from typing import Any

_SAFE = re.compile(r"[0-9A-Za-z_-]{1,64}")
ACK_CAP = 65_536


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


@dataclass(frozen=True, slots=True)
class Ack:
    """The platform's answer: it has all sequences up to ``upto``, these ids, and refuses those."""

    upto: int | None = None
    ids: tuple[str, ...] = ()
    rejected: tuple[Rejected, ...] = ()

    def encode(self) -> bytes:
        body: dict[str, Any] = {}
        if self.upto is not None:
            body["upto"] = self.upto
        if self.ids:
            body["ids"] = list(self.ids)
        if self.rejected:
            body["rejected"] = [{"id": one.id, "code": one.code, "reason": one.reason} for one in self.rejected]
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


class BadAck(ValueError):
    """Not an acknowledgement; the message says why."""


def read_ack(payload: bytes) -> Ack:
    """Read ``{"upto": n}`` or ``{"ids": […], "rejected": [{id, code, reason}]}``; raises BadAck."""
    if len(payload) > ACK_CAP:
        raise BadAck(f"{len(payload)} bytes; at most {ACK_CAP} are allowed")
    try:
        body = json.loads(payload)
        upto = body.get("upto")
        if isinstance(upto, str) and upto.isascii() and upto.isdigit():
            upto = int(upto)
        ids, rejected = body.get("ids", []), body.get("rejected", [])
        if not (upto is None or (type(upto) is int and upto >= 0)) or not isinstance(ids, list):
            raise BadAck("upto is not a count, or ids is not a list")
        return Ack(
            upto,
            tuple(str(one)[:64] for one in ids),
            tuple(
                Rejected(str(r["id"])[:64], str(r.get("code", ""))[:40], str(r.get("reason", ""))[:200])
                for r in rejected
            ),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise error if isinstance(error, BadAck) else BadAck("not an acknowledgement") from None
