"""MQTT topics and the platform's acknowledgement (contract part C4).

    {"station","issued","upto","hash","ids","rejected":[{"id","code","reason"}],
     "photos":[{"sha256","have","code"}],"birth","holds","serials":{"1":57},"kid","sig"}

``hash`` is SHA-256 over the bytes of record ``upto``: number and hash together say that both sides mean the same
records.  ``photos`` says how many bytes of each it has from the first on.  ``birth``, ``holds`` and ``serials`` stand
in the answer to a birth (``state.py``).
``protocol.city.signed`` puts station, issued, kid and sig around it and checks them.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Self

from protocol.city.codes import MAX_SERIAL
from protocol.city.photos import LARGEST, SHA256
from protocol.frozen import frozen
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


@frozen
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
        """The station of a topic it publishes on, and ``evt``, ``alm``, ``res``, ``pho`` or ``state``.

        Raises ValueError.
        """
        parts = topic.split("/")
        if parts[:2] != ["mkt", "1"] or not (
            (len(parts) == 7 and parts[5] in ("evt", "alm") and _SAFE.fullmatch(parts[6]))
            or (len(parts) == 7 and parts[5] == "pho" and SHA256.fullmatch(parts[6]))
            or (len(parts) == 7 and parts[5] == "res" and _SAFE.fullmatch(parts[6]))
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

    @property
    def node_base(self) -> str:
        """Where commands to all stations of the node are sent."""
        return f"mkt/1/{self.region}/{self.node}/all"

    @property
    def listen(self) -> tuple[str, ...]:
        """What a station subscribes to."""
        return (self.ack, f"{self.base}/cmd/+", f"{self.node_base}/cmd/+")

    def command_name(self, topic: str) -> str | None:
        """The name of the command that comes on this topic; None for another one."""
        base, _, name = topic.rpartition("/cmd/")
        return name if base in (self.base, self.node_base) and _SAFE.fullmatch(name) else None

    def result(self, name: str) -> str:
        return f"{self.base}/res/{name}"

    def photo(self, sha256: str) -> str:
        """Where the chunks of a photo are sent (``photos.py``)."""
        return f"{self.base}/pho/{sha256}"


@frozen
class Rejected:
    id: str
    code: str
    reason: str

    @property
    def final(self) -> bool:
        """Unknown codes count as final: an older station must not send for ever what a newer city refuses."""
        return self.code not in OPEN_CODES


@frozen
class PhotoWord:
    """How much the platform has of a photo: ``have`` bytes from the first on, all of them when it is whole.

    ``code`` is empty, ``unknown`` (no record that it took names it), ``bad_hash`` (what arrived is another file: none
    of it was kept) or ``refused`` (it will never take it).
    """

    sha256: str
    have: int
    code: str = ""


@frozen
class Ack:
    """The platform's answer: it has all sequences up to ``upto``, these ids, and refuses those.

    ``hash`` is that of record ``upto``, empty when the platform does not say.  In the answer to a birth ``birth`` is
    the SHA-256 of that message, which proves that the answer is of now; ``holds`` the hash of what the platform has
    under the birth's ``acked`` (empty: nothing), ``serials`` the last of each kind of code (its tenth digit) in the
    records that it has of the station.
    """

    upto: int | None = None
    ids: tuple[str, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    hash: str = ""
    photos: tuple[PhotoWord, ...] = ()
    birth: str = ""
    holds: str = ""
    serials: Mapping[int, int] = field(default_factory=dict)

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
        if self.photos:
            body["photos"] = [{"sha256": one.sha256, "have": one.have, "code": one.code} for one in self.photos]
        if self.birth:
            body |= {"birth": self.birth, "holds": self.holds}
            body["serials"] = {str(kind): serial for kind, serial in sorted(self.serials.items())}
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
        ids, rejected = body.get("ids", []), body.get("rejected", [])
        if not (upto is None or (type(upto) is int and 0 <= upto <= MAX_UPTO)) or not isinstance(ids, list):
            raise BadAck("upto is not a count, or ids is not a list")
        return Ack(
            upto,
            tuple(plain(str(one), 64) for one in ids),
            tuple(
                Rejected(
                    plain(str(r["id"]), 64), plain(str(r.get("code", "")), 40), plain(str(r.get("reason", "")), 200)
                )
                for r in rejected
            ),
            _hash_in(body, "hash"),
            tuple(_photo_word(one) for one in body.get("photos", ())),
            _hash_in(body, "birth"),
            _hash_in(body, "holds"),
            _serials(body.get("serials", {})),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise error if isinstance(error, BadAck) else BadAck("not an acknowledgement") from None


def _hash_in(body: Mapping[str, Any], name: str) -> str:
    digest = body.get(name) or ""
    if not isinstance(digest, str) or (digest and not _HASH.fullmatch(digest)):
        raise BadAck(f"{name} is not 64 hex digits")
    return digest


def _serials(said: Mapping[str, Any]) -> dict[int, int]:
    found = {}
    for kind, serial in said.items():
        if not re.fullmatch(r"[0-9]", kind) or type(serial) is not int or not 0 <= serial <= MAX_SERIAL:
            raise BadAck("serials are not counts by the kind of code")
        found[int(kind)] = serial
    return found


def _photo_word(said: Mapping[str, Any]) -> PhotoWord:
    sha256, have = said["sha256"], said["have"]
    if not isinstance(sha256, str) or not SHA256.fullmatch(sha256) or type(have) is not int or not 0 <= have <= LARGEST:
        raise BadAck("of a photo: no hash of 64 hex digits, or no count of bytes")
    return PhotoWord(sha256, have, plain(str(said.get("code", "")), 40))
