"""What is random in a record's bytes, apart from its text: hash, signature, UUIDs, and what signs a code's address.

Each part stands once, as the value of a key, in the one way that the wire knows it: lower-case hex, base64 with its
filling, base64url without, a UUID with its hyphens.  What is written in any other way stays in the text.  Behind the
text there is nothing, or a byte that says which parts were taken, and their bytes.

A record's own UUID is of version 7 and says the millisecond that the record says, too: ten bytes of it are random.
"""

from binascii import a2b_base64, b2a_base64, hexlify, unhexlify
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

SIGNATURE = 64  # bytes: Ed25519, RFC 8032


@dataclass(frozen=True, slots=True)
class Part:
    """``find``: where a value of this key begins, in a text with the part and in one without.

    ``split`` makes of a value what stays in its place and ``size`` bytes, ``join`` makes the value of them again; it
    is told the text round it.  Both raise ValueError for what is none.  ``same``: many records have the same one.
    """

    find: Callable[[bytes], int]
    size: int
    split: Callable[[bytes], tuple[bytes, bytes]]
    join: Callable[[bytes, bytes, bytes], bytes]
    same: bool = False


def take(body: bytes, known: bytes = b"") -> tuple[bytes, bytes]:
    """The text of a record and what lies behind it. ``put_back`` gives the exact bytes again, of whatever this was.

    What many records have stays where it is when it is ``known``.
    """
    taken, apart = 0, b""
    for bit, part in _BITS:
        if (start := part.find(body)) >= 0 and (end := body.find(b'"', start)) > start:
            value = body[start:end]
            if part.same and value in known:
                continue
            try:
                stays, found = part.split(value)
                if part.join(stays, found, body) == value:
                    body, taken, apart = body[:start] + stays + body[end:], taken | bit, apart + found
            except ValueError:
                pass
    return body, bytes([taken]) + apart if taken else b""


def put_back(text: bytes, apart: bytes) -> bytes:
    """The record of which these were taken, the last one first. Raises ValueError where they do not belong together."""
    if not apart:
        return text
    taken, left = apart[0], apart[1:]
    for bit, part in reversed(_BITS):
        if taken & bit:
            start = part.find(text)
            end = text.find(b'"', start)
            left, found = left[: -part.size], left[-part.size :]
            if start < 0 or end < 0 or len(found) < part.size:
                raise ValueError("no place for what lies behind the text")
            text = text[:start] + part.join(text[start:end], found, text) + text[end:]
    if left or not 0 < taken < 1 << len(_BITS):
        raise ValueError("something else lies behind the text")
    return text


def _after(key: bytes, search: Callable[[bytes, bytes], int]) -> Callable[[bytes], int]:
    """Where the value of this key begins, or -1."""

    def find(text: bytes) -> int:
        at = search(text, key)
        return at + len(key) if at >= 0 else -1

    return find


def _whole(decode: Callable[[bytes], bytes], size: int) -> Callable[[bytes], tuple[bytes, bytes]]:
    def split(value: bytes) -> tuple[bytes, bytes]:
        found = decode(value)
        if len(found) != size:
            raise ValueError("of another size")
        return b"", found

    return split


def _alone(encode: Callable[[bytes], bytes]) -> Callable[[bytes, bytes, bytes], bytes]:
    def join(stays: bytes, found: bytes, text: bytes) -> bytes:
        return stays + encode(found)

    return join


def _base64(found: bytes) -> bytes:
    return b2a_base64(found, newline=False)


def _uuid(found: bytes) -> bytes:
    digits = hexlify(found)
    return b"-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _of_uuid(value: bytes) -> bytes:
    return unhexlify(value.replace(b"-", b""))


_TO_URL, _OF_URL = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_", b"+/")


def _of_base64url(value: bytes) -> bytes:
    return a2b_base64(value.translate(_OF_URL) + b"=" * (-len(value) % 4))


def _base64url(found: bytes) -> bytes:
    return _base64(found).rstrip(b"=").translate(_TO_URL)


def _split_address(value: bytes) -> tuple[bytes, bytes]:
    """The end of a code's address is signed bytes with their signature (protocol/city/token.py): the rest is no
    more random than the record itself."""
    before = value.rfind(b"/") + 1
    code = _of_base64url(value[before:])
    if len(code) < SIGNATURE:
        raise ValueError("too short for a signature")
    return value[:before] + _base64url(code[:-SIGNATURE]), code[-SIGNATURE:]


def _join_address(stays: bytes, found: bytes, text: bytes) -> bytes:
    before = stays.rfind(b"/") + 1
    return stays[:before] + _base64url(_of_base64url(stays[before:]) + found)


_RECORDED = _after(b'"recordedtime":"', bytes.rfind)
_SECOND, _MILLISECOND = slice(19), slice(20, 23)  # of 2026-11-23T08:05:01.250000+08:00, as records have it
_ZONE, _LENGTH = slice(26, 32), 32


def _split_uuid7(value: bytes) -> tuple[bytes, bytes]:
    """The 74 bits that are random, in front of them six that are not."""
    digits = _of_uuid(value)
    if len(digits) != 16:
        raise ValueError("of another size")
    return b"", digits[6:]


def _join_uuid7(stays: bytes, found: bytes, text: bytes) -> bytes:
    start = max(0, _RECORDED(text))  # without one it is no time either
    recorded = text[start : start + _LENGTH]
    since = _seconds(recorded[_SECOND] + recorded[_ZONE]) * 1000 + int(recorded[_MILLISECOND])
    return stays + _uuid((since % (1 << 48)).to_bytes(6, "big") + found)


@lru_cache(maxsize=16)
def _seconds(moment: bytes) -> int:
    """Since 1970. Raises ValueError for what is none of a zone."""
    return int(datetime.strptime(moment.decode("ascii"), "%Y-%m-%dT%H:%M:%S%z").timestamp())


_PARTS = (
    Part(_after(b'"prevhash":"', bytes.rfind), 32, _whole(unhexlify, 32), _alone(hexlify)),
    Part(_after(b'"sig":"', bytes.rfind), SIGNATURE, _whole(a2b_base64, SIGNATURE), _alone(_base64)),
    Part(_after(b'"id":"', bytes.rfind), 16, _whole(_of_uuid, 16), _alone(_uuid)),
    Part(_after(b'"url":"', bytes.find), SIGNATURE, _split_address, _join_address),
    Part(_after(b'"id":"', bytes.rfind), 10, _split_uuid7, _join_uuid7),
    Part(_after(b'"bootid":"', bytes.find), 16, _whole(_of_uuid, 16), _alone(_uuid), same=True),
)
_SHORT = 4  # is looked for before the whole UUID
_BITS = tuple((1 << number, _PARTS[number]) for number in (_SHORT, 0, 1, 2, 3, 5))
