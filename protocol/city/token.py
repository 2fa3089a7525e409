"""The QR of a slip: a signed token in a web address (contract part C2).

    https://{host}/j/{base64url(token + signature)}

    token, big-endian: type(1) kid(4) t(4) tx(9) seller(6) buyer(6) net_g(4) amount_fen(4) flags(1) digest(8)
                       n(1) source(9) x n
    signature:         64 bytes over "MEDGE-QR1" NUL token

``type``: high nibble the algorithm (1 Ed25519), low nibble what it stands for.  ``t`` is seconds since
2020-01-01T00:00Z, 0 when the clock was not trusted.  More than two source codes: ``n`` is FF and none follow; they
are under the digest, which is the first 8 bytes of SHA-256 over the slip in RFC 8785 form.

A signature proves origin, not freshness: a copied slip verifies too.
"""

import base64
import binascii
import hashlib
import re
import struct
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from enum import Enum, IntFlag
from functools import lru_cache
from typing import Any, Self

from protocol.city import canonical
from protocol.city.codes import TraceCode
from protocol.ed25519 import BadSignature, PrivateKey, PublicKey, check
from protocol.frozen import frozen

EPOCH = 1_577_836_800  # 2020-01-01T00:00Z
CHINA = timezone(timedelta(hours=8))
_DOMAIN = b"MEDGE-QR1\0"
_FIXED = struct.Struct(">B4sI9s6s6sIIB8sB")
_ED25519 = 1
_MANY = 0xFF
_SIGNATURE = 64


class TokenKind(Enum):
    SALE = 1
    SOURCE = 2
    TEST = 3
    ACCEPTANCE = 5


class TokenVerdict(Enum):
    """What the two lowest flag bits say of the lot's rapid test."""

    NONE = 0
    QUALIFIED = 1
    PENDING = 2
    UNQUALIFIED = 3


class Flags(IntFlag):
    CLOCK_TRUSTED = 4
    SCALE_VERIFIED = 8
    REPLACES_VOIDED = 16


class BadToken(ValueError):
    """Not a token of ours, or not signed by this key; the message says which."""


@frozen
class Token:
    """What a slip's QR states. Codes are digit strings, weights grams, amounts fen."""

    kind: TokenKind
    kid: bytes
    t: int
    tx: str
    seller: str
    buyer: str
    net_g: int
    amount_fen: int
    verdict: TokenVerdict
    flags: Flags
    digest: bytes
    sources: tuple[str, ...] | None

    def encode(self) -> bytes:
        """The token's bytes, without signature."""
        shown = self.sources if self.sources is not None and len(self.sources) <= 2 else None
        return _FIXED.pack(
            _ED25519 << 4 | self.kind.value,
            self.kid,
            self.t,
            _packed(self.tx),
            int(self.seller).to_bytes(6, "big"),
            int(self.buyer).to_bytes(6, "big"),
            self.net_g,
            self.amount_fen,
            self.verdict.value | self.flags,
            self.digest,
            _MANY if shown is None else len(shown),
        ) + b"".join(map(_packed, shown or ()))

    def as_json(self) -> dict[str, Any]:
        """What the token states, for programs; ``time`` is null when the clock was not trusted."""
        moment = datetime.fromtimestamp(EPOCH + self.t, CHINA).isoformat() if self.t else None
        return {
            "kind": self.kind.name.lower(),
            "kid": self.kid.hex(),
            "time": moment,
            "tx": self.tx,
            "seller": self.seller,
            "buyer": self.buyer,
            "net_g": self.net_g,
            "amount_fen": self.amount_fen,
            "verdict": self.verdict.name.lower(),
            "clock_trusted": Flags.CLOCK_TRUSTED in self.flags,
            "scale_verified": Flags.SCALE_VERIFIED in self.flags,
            "replaces_voided": Flags.REPLACES_VOIDED in self.flags,
            "digest": self.digest.hex(),
            "sources": None if self.sources is None else list(self.sources),
        }

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a token's bytes; raises BadToken. The signature is checked elsewhere."""
        if len(data) < _FIXED.size:
            raise BadToken("too short for a slip code")
        kind, kid, t, tx, seller, buyer, net_g, amount_fen, flags, digest, n = _FIXED.unpack_from(data)
        tail = data[_FIXED.size :]
        if kind >> 4 != _ED25519:
            raise BadToken(f"signature algorithm {kind >> 4} is not known")
        if flags & ~0x1F:
            raise BadToken("unknown flags")
        if len(tail) != (0 if n == _MANY else 9 * n):
            raise BadToken("length does not fit the number of source codes")
        try:
            return cls(
                TokenKind(kind & 0x0F),
                kid,
                t,
                str(TraceCode.parse(_digits(tx, 20))),
                _digits(seller, 13),
                _digits(buyer, 13),
                net_g,
                amount_fen,
                TokenVerdict(flags & 3),
                Flags(flags & ~3),
                digest,
                None
                if n == _MANY
                else tuple(str(TraceCode.parse(_digits(tail[i : i + 9], 20))) for i in range(0, len(tail), 9)),
            )
        except ValueError as error:
            raise BadToken(str(error)) from None


def _packed(code: str) -> bytes:
    """A trace code as a 9-byte big-endian number; raises BadCode."""
    TraceCode.parse(code)
    return int(code).to_bytes(9, "big")


def _digits(packed: bytes, width: int) -> str:
    text = f"{int.from_bytes(packed, 'big'):0{width}d}"
    if len(text) != width:
        raise BadToken(f"a code of {len(text)} digits where {width} are due")
    return text


def kid_of(key: PublicKey) -> bytes:
    """The 4-byte key id: the first bytes of SHA-256 of the raw public key."""
    return hashlib.sha256(key.public_bytes_raw()).digest()[:4]


@lru_cache(maxsize=4)
def own_kid(key: PrivateKey) -> bytes:
    """The key id of who signs with this key. Worked out once: it stands in every record and every code."""
    return kid_of(key.public_key())


def digest_of(slip: Mapping[str, Any]) -> bytes:
    """The 8-byte digest of a slip (amount, buyer, lines, seller, time, tx)."""
    return digest_of_bytes(canonical.write(dict(slip)))


def digest_of_bytes(slip: bytes) -> bytes:
    """The same, of a slip in its RFC 8785 form."""
    return hashlib.sha256(slip).digest()[:8]


def url_of(token: Token, key: PrivateKey, host: str) -> str:
    """Sign the token and put it in the address a phone opens."""
    data = token.encode()
    signed = data + key.sign(_DOMAIN + data)
    return f"https://{host}/j/{base64.urlsafe_b64encode(signed).rstrip(b'=').decode()}"


def source_url(code: str, host: str) -> str:
    """The address on a stall's source card."""
    return f"https://{host}/b/{TraceCode.parse(code)}"


def parse_url(url: str) -> tuple[Token, bytes, bytes]:
    """Token, its bytes and its signature from a slip's address (or only its last part); raises BadToken."""
    data, signature = signed_part(url)
    return Token.decode(data), data, signature


def signed_part(url: str) -> tuple[bytes, bytes]:
    """What is signed, and the signature, from the last part of an address; raises BadToken."""
    text = re.split(r"[?#]", url.strip(), maxsplit=1)[0].rsplit("/", 1)[-1]
    if len(text) > 1024:
        raise BadToken("too long for a slip code")
    try:
        signed = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise BadToken("not base64url") from None
    if base64.urlsafe_b64encode(signed).rstrip(b"=").decode() != text:
        raise BadToken("not in its one base64url form")
    return signed[:-_SIGNATURE], signed[-_SIGNATURE:]


def code_in(text: str) -> str:
    """The code in what was scanned, typed or copied from a paper: its digits, half-width, without blanks, AIM prefix
    and the dots of a shortened one; of a slip's or a card's address the 20 digits.
    """
    bare = re.sub(r"^\][A-Za-z][0-9]", "", re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))).lstrip(".…")
    if found := re.search(r"/b/([0-9]{20})(?![0-9])", bare, re.IGNORECASE):
        return found[1]
    if re.search(r"/j/", bare, re.IGNORECASE):
        try:
            return parse_url(bare)[0].tx
        except BadToken:
            return bare
    return bare


def verify_url(url: str, key: PublicKey) -> Token:
    """The token in a slip's address when ``key`` signed it; raises BadToken."""
    token, data, signature = parse_url(url)
    if token.kid != kid_of(key):
        raise BadToken(f"signed by key {token.kid.hex()}, not by {kid_of(key).hex()}")
    try:
        check(key, signature, _DOMAIN + data)
    except BadSignature:
        raise BadToken("the signature does not fit: the code was altered") from None
    return token
