"""What is random in a record's bytes, apart from its text: hash, signature, UUIDs, and what signs a code's address.

Each part stands once, as the value of a key, in the one way that the wire knows it: lower-case hex, base64 with its
filling, base64url without, a UUID with its hyphens.  What is written in any other way stays in the text.  Behind the
text there is nothing, or a byte that says which parts were taken, and their bytes.

A record's own UUID is of version 7 and says the millisecond that the record says, too: ten bytes of it are random.
"""

import re
from binascii import a2b_base64, b2a_base64, hexlify, unhexlify
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from struct import Struct

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
    return _of_event(body, known) or _one_by_one(body, known)


def _one_by_one(body: bytes, known: bytes = b"") -> tuple[bytes, bytes]:
    """Whichever of them there are."""
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


def _of_event(body: bytes, known: bytes = b"") -> tuple[bytes, bytes] | None:
    """The same in one go, of an event as the station writes it: nearly all there are. None for any other bytes."""
    event = _EVENT.match(body, max(body.rfind(_ID), 0))
    if event is None:
        return None
    number, to_hash, prevhash, to_time, recorded, to_sig, sig, rest = event.groups()
    digits, begun, taken = _of_uuid(number), body[: event.start(1)], _ENVELOPE
    try:
        if digits[:_OF_TIME] != _time(recorded):
            return None
    except ValueError:
        return None
    apart = digits[_OF_TIME:] + unhexlify(prevhash) + a2b_base64(sig)
    if (start := _ADDRESS_IN.find(begun)) >= 0:
        end = begun.find(b'"', start)
        try:
            stays, found = _ADDRESS_IN.split(begun[start:end])
            begun, taken, apart = begun[:start] + stays + begun[end:], taken | _ADDRESS, apart + found
        except ValueError:
            pass
    if (start := _BOOT_IN.find(begun)) >= 0:
        end = begun.find(b'"', start)
        boot = begun[start:end]
        if _UUID.fullmatch(boot) and boot not in known:
            begun, taken, apart = begun[:start] + begun[end:], taken | _BOOT, apart + _of_uuid(boot)
    return b"".join((begun, to_hash, to_time, recorded, to_sig, rest)), bytes([taken]) + apart


_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_EVENT = re.compile(
    rb'"id":"(%b)'
    rb'(","kid":"[^"]*",(?:"operator":"[^"]*",)?"prevhash":")([0-9a-f]{64})'
    rb'(","recordedtime":")([0-9T:-]{19}\.[0-9]{6}[+-][0-9]{2}:[0-9]{2})'
    rb'(","sequence":"[^"]*","sig":")([A-Za-z0-9+/]{85}[AQgw]==)'
    rb'(","source":"[^"]*","specversion":"[^"]*","subject":"[^"]*","time":"[^"]*","type":"[^"]*"\})\Z' % _UUID.pattern
)


def put_back(text: bytes, apart: bytes) -> bytes:
    """The record of which these were taken. Raises ValueError where they do not belong together."""
    return (_at_once(text, apart) or _in_turn(text, apart)) if apart else text


def _at_once(text: bytes, apart: bytes) -> bytes:
    """What ``_in_turn`` answers for a sealed record: its members stand in their order, of each the whole value was
    taken, an address stands before them, and the boot's UUID first of all. Empty for anything else."""
    taken = apart[0]
    if len(apart) != _LENGTHS.get(taken):
        return b""
    number, prevhash, recorded, sig = text.rfind(_ID), text.rfind(_PREVHASH), text.rfind(_RECORDED), text.rfind(_SIG)
    if not 0 <= number < prevhash < recorded < sig:
        return b""
    begin, number, prevhash, sig = text[:number], number + len(_ID), prevhash + len(_PREVHASH), sig + len(_SIG)
    if not text[number : number + 1] == text[prevhash : prevhash + 1] == text[sig : sig + 1] == b'"':
        return b""
    if taken & _ADDRESS:
        start = begin.find(_URL) + len(_URL)
        end = begin.find(b'"', start)
        if not len(_URL) <= start <= end:
            return b""
        begin = begin[:start] + _join_address(begin[start:end], apart[_IN_URL]) + begin[end:]
    if taken & _BOOT:
        start = begin.find(_BOOTID) + len(_BOOTID)
        if not len(_BOOTID) <= start or begin[start : start + 1] != b'"':
            return b""
        begin = begin[:start] + _uuid(apart[-_UUID_SIZE:]) + begin[start:]
    uuid = _uuid(_time(text[recorded + len(_RECORDED) :][:_LENGTH]) + apart[_IN_ID])
    first = (begin, _ID, uuid, text[number:prevhash], hexlify(apart[_IN_PREVHASH]))
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


def _join_address(stays: bytes, found: bytes, text: bytes = b"") -> bytes:
    whole = len(stays) - (len(stays) - stays.rfind(b"/") - 1) % 4  # four letters are three bytes, whatever follows
    return stays[:whole] + _base64url(_of_base64url(stays[whole:]) + found)


_OF_TIME, _UUID_SIZE = 6, 16  # bytes of a UUID of version 7 that are its time, and all
_SECOND, _MILLISECOND = slice(19), slice(20, 23)  # of 2026-11-23T08:05:01.250000+08:00, as records have it
_ZONE, _LENGTH = slice(26, 32), 32


def _split_uuid7(value: bytes) -> tuple[bytes, bytes]:
    """The 74 bits that are random, in front of them six that are not."""
    digits = _of_uuid(value)
    if len(digits) != _UUID_SIZE:
        raise ValueError("of another size")
    return b"", digits[_OF_TIME:]


def _join_uuid7(stays: bytes, found: bytes, text: bytes) -> bytes:
    start = text.rfind(_RECORDED) + len(_RECORDED)  # without one it is no time either
    return stays + _uuid(_time(text[start : start + _LENGTH]) + found)


def _time(recorded: bytes) -> bytes:
    """A UUID's time, of this moment. Raises ValueError for what is none of a zone."""
    since = _seconds(recorded[_SECOND] + recorded[_ZONE]) * 1000 + int(recorded[_MILLISECOND])
    return (since % (1 << 8 * _OF_TIME)).to_bytes(_OF_TIME, "big")


@lru_cache(maxsize=16)
def _seconds(moment: bytes) -> int:
    """Since 1970. Raises ValueError for what is none of a zone."""
    return int(datetime.strptime(moment.decode("ascii"), "%Y-%m-%dT%H:%M:%S%z").timestamp())


_PREVHASH, _SIG, _ID, _URL = b'"prevhash":"', b'"sig":"', b'"id":"', b'"url":"'
_RECORDED, _BOOTID = b'"recordedtime":"', b'"bootid":"'
_ADDRESS_IN = Part(_after(_URL, bytes.find), SIGNATURE, _split_address, _join_address)
_BOOT_IN = Part(_after(_BOOTID, bytes.find), _UUID_SIZE, _whole(_of_uuid, _UUID_SIZE), _alone(_uuid), same=True)
_PARTS = (
    Part(_after(_PREVHASH, bytes.rfind), 32, _whole(unhexlify, 32), _alone(hexlify)),
    Part(_after(_SIG, bytes.rfind), SIGNATURE, _whole(a2b_base64, SIGNATURE), _alone(_base64)),
    Part(_after(_ID, bytes.rfind), _UUID_SIZE, _whole(_of_uuid, _UUID_SIZE), _alone(_uuid)),
    _ADDRESS_IN,
    Part(_after(_ID, bytes.rfind), _UUID_SIZE - _OF_TIME, _split_uuid7, _join_uuid7),
    _BOOT_IN,
)
_SHORT = 4  # is looked for before the whole UUID
_BITS = tuple((1 << number, _PARTS[number]) for number in (_SHORT, 0, 1, 2, 3, 5))
_ENVELOPE, _ADDRESS, _BOOT = 0b010011, 0b001000, 0b100000
_IN_ID, _IN_PREVHASH, _IN_SIG, _IN_URL = slice(1, 11), slice(11, 43), slice(43, 107), slice(107, 171)
_LENGTHS = {  # of what lies behind, without and with an address, without and with the boot's UUID
    _ENVELOPE: 107,
    _ENVELOPE | _ADDRESS: 171,
    _ENVELOPE | _BOOT: 123,
    _ENVELOPE | _ADDRESS | _BOOT: 187,
}
