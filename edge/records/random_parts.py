"""What is random in a record's bytes, apart from its text: hash, signature, UUID, and what signs a code's address.

Each part stands once, as the value of a key, in the one way that the wire knows it: lower-case hex, base64 with its
filling, base64url without, a UUID with its hyphens.  What is written in any other way stays in the text.  Behind the
text there is nothing, or a byte that says which parts were taken, and their bytes.
"""

import re
from binascii import a2b_base64, b2a_base64, hexlify, unhexlify
from collections.abc import Callable
from dataclasses import dataclass

SIGNATURE = 64  # bytes: Ed25519, RFC 8032


@dataclass(frozen=True, slots=True)
class Part:
    """``find``: where a value of this key begins, in a text with the part and in one without.

    ``split`` makes of a value what stays in its place and ``size`` bytes, ``join`` makes the value of them again.
    Both raise ValueError for what is none.
    """

    find: Callable[[bytes], int]
    size: int
    split: Callable[[bytes], tuple[bytes, bytes]]
    join: Callable[[bytes, bytes], bytes]


def take(body: bytes) -> tuple[bytes, bytes]:
    """The text of a record and what lies behind it. ``put_back`` gives the exact bytes again, of whatever this was."""
    return _of_event(body) or _one_by_one(body)


def _one_by_one(body: bytes) -> tuple[bytes, bytes]:
    """Whichever of them there are."""
    taken, apart = 0, b""
    for bit, part in _BITS:
        if (start := part.find(body)) >= 0 and (end := body.find(b'"', start)) > start:
            value = body[start:end]
            try:
                stays, found = part.split(value)
                if part.join(stays, found) == value:
                    body, taken, apart = body[:start] + stays + body[end:], taken | bit, apart + found
            except ValueError:
                pass
    return body, bytes([taken]) + apart if taken else b""


def _of_event(body: bytes) -> tuple[bytes, bytes] | None:
    """The same in one go, of an event as the station writes it: nearly all there are. None for any other bytes."""
    event = _EVENT.match(body, max(body.rfind(b'"id":"'), 0))
    if event is None:
        return None
    number, to_hash, prevhash, to_sig, sig, rest = event.groups()
    begun, taken = body[: event.start(1)], _ENVELOPE
    apart = unhexlify(prevhash) + a2b_base64(sig) + unhexlify(number.replace(b"-", b""))
    if (start := _URL.find(begun)) >= 0:
        end = begun.find(b'"', start)
        try:
            stays, found = _URL.split(begun[start:end])
            begun, taken, apart = begun[:start] + stays + begun[end:], taken | _ADDRESS, apart + found
        except ValueError:
            pass
    return b"".join((begun, to_hash, to_sig, rest)), bytes([taken]) + apart


_EVENT = re.compile(
    rb'"id":"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})'
    rb'(","kid":"[^"]*",(?:"operator":"[^"]*",)?"prevhash":")([0-9a-f]{64})'
    rb'(","recordedtime":"[^"]*","sequence":"[^"]*","sig":")([A-Za-z0-9+/]{85}[AQgw]==)'
    rb'(","source":"[^"]*","specversion":"[^"]*","subject":"[^"]*","time":"[^"]*","type":"[^"]*"\})\Z'
)


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
            text = text[:start] + part.join(text[start:end], found) + text[end:]
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


def _alone(encode: Callable[[bytes], bytes]) -> Callable[[bytes, bytes], bytes]:
    def join(stays: bytes, found: bytes) -> bytes:
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
    text = value[before:]
    code = _of_base64url(text)
    if len(code) < SIGNATURE or _base64url(code) != text:
        raise ValueError("no signature, or not in its one form")
    return value[:before] + _base64url(code[:-SIGNATURE]), code[-SIGNATURE:]


def _join_address(stays: bytes, found: bytes) -> bytes:
    before = stays.rfind(b"/") + 1
    return stays[:before] + _base64url(_of_base64url(stays[before:]) + found)


_URL = Part(_after(b'"url":"', bytes.find), SIGNATURE, _split_address, _join_address)
_PARTS = (
    Part(_after(b'"prevhash":"', bytes.rfind), 32, _whole(unhexlify, 32), _alone(hexlify)),
    Part(_after(b'"sig":"', bytes.rfind), SIGNATURE, _whole(a2b_base64, SIGNATURE), _alone(_base64)),
    Part(_after(b'"id":"', bytes.rfind), 16, _whole(_of_uuid, 16), _alone(_uuid)),
    _URL,
)
_BITS = tuple((1 << number, part) for number, part in enumerate(_PARTS))
_ENVELOPE, _ADDRESS = 0b0111, 0b1000
