"""Ed25519 keys and signatures (RFC 8032), by libsodium; keys in PEM as RFC 8410 has them.

A station signs and checks all day, and its process is as large as what it has loaded: the package cryptography, five
times as large, is loaded where there are certificates.  Its keys fit wherever these do.
"""

import binascii
from typing import Protocol

from nacl.bindings import crypto_sign, crypto_sign_keypair, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import BadSignatureError

SIZE, SIGNATURE = 32, 64  # bytes of a key, private or public; of a signature
_PKCS8 = bytes.fromhex("302e020100300506032b657004220420")  # in front of the private key
_SPKI = bytes.fromhex("302a300506032b6570032100")  # in front of the public one


class BadSignature(ValueError):
    """The key did not sign these bytes."""


class PublicKey(Protocol):
    """What checks signatures: ``check``."""

    def public_bytes_raw(self) -> bytes: ...


class PrivateKey(Protocol):
    """What signs."""

    def public_key(self) -> PublicKey: ...

    def private_bytes_raw(self) -> bytes: ...

    def sign(self, data: bytes, /) -> bytes:
        """64 bytes."""

    def __hash__(self) -> int: ...


class _Public:
    __slots__ = ("_raw",)

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def public_bytes_raw(self) -> bytes:
        return self._raw

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Public) and other._raw == self._raw

    def __hash__(self) -> int:
        return hash(self._raw)


class _Private:
    __slots__ = ("_both", "_public")

    def __init__(self, raw: bytes) -> None:
        public, self._both = crypto_sign_seed_keypair(raw)
        self._public = _Public(public)

    def public_key(self) -> _Public:
        return self._public

    def private_bytes_raw(self) -> bytes:
        return self._both[:SIZE]

    def sign(self, data: bytes, /) -> bytes:
        return crypto_sign(data, self._both)[:SIGNATURE]


def public_key_of(raw: bytes) -> PublicKey:
    """Raises ValueError unless they are 32 bytes."""
    return _Public(_sized(raw))


def private_key_of(raw: bytes) -> PrivateKey:
    """Raises ValueError unless they are 32 bytes."""
    return _Private(_sized(raw))


def new_key() -> PrivateKey:
    _, both = crypto_sign_keypair()
    return _Private(both[:SIZE])


def check(key: PublicKey, signature: bytes, data: bytes) -> None:
    """Raises BadSignature."""
    if len(signature) != SIGNATURE:
        raise BadSignature(f"a signature has {SIGNATURE} bytes, not {len(signature)}")
    try:
        crypto_sign_open(signature + data, key.public_bytes_raw())
    except BadSignatureError:
        raise BadSignature("the key did not sign this") from None


def private_pem(key: PrivateKey) -> bytes:
    """PKCS #8, without a password."""
    return _pem("PRIVATE", _PKCS8 + key.private_bytes_raw())


def public_pem(key: PublicKey) -> bytes:
    return _pem("PUBLIC", _SPKI + key.public_bytes_raw())


def private_of_pem(data: bytes) -> PrivateKey | None:
    """The key as ``private_pem`` writes it; None for any other bytes."""
    raw = _of_pem("PRIVATE", data, _PKCS8)
    return None if raw is None else _Private(raw)


def public_of_pem(data: bytes) -> PublicKey | None:
    """The key as ``public_pem`` writes it; None for any other bytes."""
    raw = _of_pem("PUBLIC", data, _SPKI)
    return None if raw is None else _Public(raw)


def _pem(what: str, der: bytes) -> bytes:
    """Both kinds fit a line."""
    return b"".join((_edge("BEGIN", what), b"\n", binascii.b2a_base64(der), _edge("END", what), b"\n"))


def _of_pem(what: str, data: bytes, head: bytes) -> bytes | None:
    lines = data.split()
    begin, end = _edge("BEGIN", what).split(), _edge("END", what).split()
    if lines[: len(begin)] != begin or lines[-len(end) :] != end or len(lines) != len(begin) + 1 + len(end):
        return None
    try:
        der = binascii.a2b_base64(lines[len(begin)], strict_mode=True)
    except binascii.Error:
        return None
    return der[len(head) :] if der.startswith(head) and len(der) == len(head) + SIZE else None


def _edge(which: str, what: str) -> bytes:
    return f"-----{which} {what} KEY-----".encode()


def _sized(raw: bytes) -> bytes:
    if len(raw) != SIZE:
        raise ValueError(f"an Ed25519 key has {SIZE} bytes, not {len(raw)}")
    return bytes(raw)
