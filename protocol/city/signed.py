"""What the city signs: acknowledgements, rejections and commands (contract part C4).

    {"station":"410108001-01","issued":"2026-11-29T08:00:00.000001Z", …,"kid":"<8 hex>","sig":"<base64url>"}

``sig`` is Ed25519 over the RFC 8785 form without ``sig``, in base64url without padding.  ``kid`` is the first 4 bytes
of SHA-256 over the public key, in hex.  A message for another station, or issued before the newest one taken of its
kind, moves nothing: a recorded message says nothing new.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any

import rfc8785

from protocol.city import canonical
from protocol.city.token import kid_of
from protocol.ed25519 import PrivateKey, PublicKey, check, public_key_of
from protocol.frozen import frozen

SIGNED_CAP = 65_536
SKEW_SECONDS = 300.0  # by which two clocks that are right may differ
KEY_HEX = re.compile(r"[0-9a-f]{64}")
# Points of small order, sign bit off (RFC 8032 leaves refusing them to us): zeros among them, as placeholders are.
_SMALL_ORDER = frozenset(
    {
        "00" * 32,
        "01" + "00" * 31,
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    }
)

# Why a message moves nothing, in fixed words.
UNREADABLE, UNSIGNED, UNKNOWN_KEY, BAD_SIGNATURE, OTHER_STATION, STALE = WORDS = (
    *("unreadable", "unsigned", "unknown_key", "bad_signature", "other_station", "stale"),
)


class BadSigned(ValueError):
    """A message that proves nothing; ``word`` is one of ``WORDS``, the text is for the technician."""

    def __init__(self, word: str, text: str) -> None:
        super().__init__(text)
        self.word = word


class BadKeys(ValueError):
    """A list of the city's keys that cannot be used; the message names the line and what would be right."""


@frozen
class CityKeys:
    """The public keys of the city that are trusted, by their ids. Two keys may share an id."""

    by_kid: Mapping[str, tuple[PublicKey, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.by_kid)

    def hex(self) -> tuple[str, ...]:
        """The keys, each as 64 hex digits."""
        return tuple(key.public_bytes_raw().hex() for keys in self.by_kid.values() for key in keys)

    @classmethod
    def parse(cls, text: str) -> "CityKeys":
        """Read a keys file: one public key a line as 64 hex digits, ``#`` begins a comment. Raises BadKeys."""
        found: dict[str, tuple[PublicKey, ...]] = {}
        for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
            if word := line.partition("#")[0].strip().lower():
                try:
                    key = public_key(word)
                except BadKeys as error:
                    raise BadKeys(f"line {number}: {error}") from None
                kid = kid_of(key).hex()
                found[kid] = (*found.get(kid, ()), key)
        return cls(found)


def public_key(word: str) -> PublicKey:
    """A public key written as 64 hex digits; raises BadKeys."""
    if not KEY_HEX.fullmatch(word):
        raise BadKeys(f"{word[:80]!r}: write the city's public key as 64 hex digits")
    raw = bytes.fromhex(word)
    if bytes((*raw[:31], raw[31] & 0x7F)).hex() in _SMALL_ORDER:
        raise BadKeys(f"{word[:16]}… is no key: anybody can sign under it")
    return public_key_of(raw)


@frozen
class Signed:
    """A message that the city signed for this station: all its members, and its moment in seconds since 1970."""

    fields: Mapping[str, Any]
    issued: float


def seal(fields: Mapping[str, Any], station: str, issued: str, key: PrivateKey) -> bytes:
    """The message's bytes, signed. ``issued`` is RFC 3339 with its zone."""
    kid = kid_of(key.public_key()).hex()
    whole = {**fields, "station": station, "issued": issued, "kid": kid}
    signature = base64.urlsafe_b64encode(key.sign(rfc8785.dumps(whole))).decode().rstrip("=")
    return rfc8785.dumps({**whole, "sig": signature})


def verify(payload: bytes, keys: CityKeys, *stations: str) -> Signed:
    """The message, when one of these keys signed it for one of these stations; raises BadSigned.

    The cheap questions come first: whoever may publish can send as much as he likes.
    """
    body, safe = _members(payload)
    for name in ("kid", "sig"):
        if not isinstance(body.get(name), str):
            raise BadSigned(UNSIGNED, "the message carries no signature")
    if body.get("station") not in stations:
        raise BadSigned(OTHER_STATION, "the message is for another station")
    known = keys.by_kid.get(body["kid"], ())
    if not known:
        raise BadSigned(UNKNOWN_KEY, f"signed by key {body['kid'][:16]!r}, which is not in the keys file")
    unsigned = _canonical({name: value for name, value in body.items() if name != "sig"}, safe)
    if not any(_holds(key, body["sig"], unsigned) for key in known):
        raise BadSigned(BAD_SIGNATURE, "the signature does not fit")
    return Signed(body, moment_of(body.get("issued")))


def _members(payload: bytes) -> tuple[dict[str, Any], bool]:
    if len(payload) > SIGNED_CAP:
        raise BadSigned(UNREADABLE, f"{len(payload)} bytes; at most {SIGNED_CAP} are allowed")
    try:
        body, safe = canonical.loads(payload)
    except (ValueError, RecursionError):
        raise BadSigned(UNREADABLE, "the message is not JSON") from None
    if not isinstance(body, dict):
        raise BadSigned(UNREADABLE, "the message is not an object")
    return body, safe


def _canonical(fields: Mapping[str, Any], safe: bool) -> bytes:
    try:
        return canonical.dumps(fields, safe)
    except (ValueError, RecursionError, rfc8785.CanonicalizationError):
        raise BadSigned(UNREADABLE, "the message has no canonical form") from None


def _holds(key: PublicKey, text: str, unsigned: bytes) -> bool:
    try:
        signature = base64.b64decode(text + "==", altchars=b"-_", validate=True)
        check(key, signature, unsigned)
    except ValueError:
        return False
    return base64.urlsafe_b64encode(signature).decode().rstrip("=") == text  # one form only


def moment_of(text: object) -> float:
    """Seconds since 1970 of an RFC 3339 time with its zone; raises BadSigned."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        if moment is None or moment.tzinfo is None:
            raise BadSigned(UNREADABLE, "not a time with its zone")
        return moment.timestamp()
    except (ValueError, OverflowError) as error:
        raise error if isinstance(error, BadSigned) else BadSigned(UNREADABLE, "not a time") from None


class Verifier:
    """Reads the city's messages to one station, and remembers the newest one taken of each kind."""

    def __init__(self, keys: CityKeys, station: str) -> None:
        self.keys = keys
        self._station = station
        self._newest: dict[str, float] = {}

    def read(self, payload: bytes, kind: str, *, or_all: bool = False, now: float | None = None) -> Signed:
        """The message; raises BadSigned. It counts as taken once ``taken`` was called.

        ``or_all`` takes one that is for all stations of the node, too.  ``now`` is the time by a clock that is trusted:
        with it a city whose clock once ran ahead is heard again when it is right.
        """
        stations = (self._station, f"{self._station.partition('-')[0]}-all") if or_all else (self._station,)
        signed = verify(payload, self.keys, *stations)
        newest = self._newest.get(kind, float("-inf"))
        right_again = now is not None and newest > now + SKEW_SECONDS and abs(signed.issued - now) <= SKEW_SECONDS
        if signed.issued < newest and not right_again:
            raise BadSigned(STALE, "issued before a message that was taken already")
        return signed

    def taken(self, signed: Signed, kind: str) -> None:
        """This message was taken: older ones of its kind move nothing any more."""
        self._newest[kind] = signed.issued
