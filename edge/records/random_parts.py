"""What is random in a record's bytes, apart from its text: hash, signature, UUID, and what signs a code's address.

Each part stands once, as the value of a key, in the one way that the wire knows it: lower-case hex, base64 with its
filling, base64url without, a UUID with its hyphens.  What is written in any other way stays in the text.  Behind the
text there is nothing, or a byte that says which parts were taken, and their bytes.
"""

import re
from binascii import a2b_base64, b2a_base64, hexlify, unhexlify
from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct

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
    if (start := _SIGNED_CODE.find(begun)) >= 0:
        end = begun.find(b'"', start)
        try:
            stays, found = _SIGNED_CODE.split(begun[start:end])
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
    """The record of which these were taken. Raises ValueError where they do not belong together."""
    return (_at_once(text, apart) or _in_turn(text, apart)) if apart else text


def _at_once(text: bytes, apart: bytes) -> bytes:
    """What ``_in_turn`` answers for a sealed record: its members stand in their order, of each the whole value was
    taken, and an address stands before them. Empty for anything else."""
    if len(apart) != _LENGTHS.get(apart[0]):
        return b""
    number, prevhash, sig = text.rfind(_ID), text.rfind(_PREVHASH), text.rfind(_SIG)
    if not 0 <= number < prevhash < sig:
        return b""
    begin, number, prevhash, sig = text[:number], number + len(_ID), prevhash + len(_PREVHASH), sig + len(_SIG)
    if not text[number : number + 1] == text[prevhash : prevhash + 1] == text[sig : sig + 1] == b'"':
        return b""
    if apart[0] & _ADDRESS:
        start = begin.find(_URL) + len(_URL)
        end = begin.find(b'"', start)
        if not len(_URL) <= start <= end:
            return b""
        begin = begin[:start] + _join_address(begin[start:end], apart[_IN_URL]) + begin[end:]
    first = (begin, _ID, _uuid(apart[_IN_ID]), text[number:prevhash], hexlify(apart[_IN_PREVHASH]))
    return b"".join((*first, text[prevhash:sig], _base64(apart[_IN_SIG]), text[sig:]))


def _in_turn(text: bytes, apart: bytes) -> bytes:
    """The last one first."""
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


_GROUPS = Struct("8s4s4s4s12s")  # digits of a UUID between its hyphens


def _base64(found: bytes) -> bytes:
    return b2a_base64(found, newline=False)


def _uuid(found: bytes) -> bytes:
    return b"-".join(_GROUPS.unpack(hexlify(found)))


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
    whole = len(stays) - (len(stays) - stays.rfind(b"/") - 1) % 4  # four letters are three bytes, whatever follows
    return stays[:whole] + _base64url(_of_base64url(stays[whole:]) + found)


_PREVHASH, _SIG, _ID, _URL = b'"prevhash":"', b'"sig":"', b'"id":"', b'"url":"'
_SIGNED_CODE = Part(_after(_URL, bytes.find), SIGNATURE, _split_address, _join_address)
_PARTS = (
    Part(_after(_PREVHASH, bytes.rfind), 32, _whole(unhexlify, 32), _alone(hexlify)),
    Part(_after(_SIG, bytes.rfind), SIGNATURE, _whole(a2b_base64, SIGNATURE), _alone(_base64)),
    Part(_after(_ID, bytes.rfind), 16, _whole(_of_uuid, 16), _alone(_uuid)),
    _SIGNED_CODE,
)
_BITS = tuple((1 << number, part) for number, part in enumerate(_PARTS))
_ENVELOPE, _ADDRESS = 7, 8
_IN_PREVHASH, _IN_SIG, _IN_ID, _IN_URL = slice(1, 33), slice(33, 97), slice(97, 113), slice(113, 177)
_LENGTHS = {_ENVELOPE: 113, _ENVELOPE | _ADDRESS: 177}  # of what lies behind, without and with an address
