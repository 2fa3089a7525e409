"""Photos that records name: what counts as one, and how it comes to the city (contract part C4).

A record names a photo by the SHA-256 of its file, 64 hex digits.  The file follows in chunks, each a message of its
own on ``…/pho/{sha256}``:

    offset  u32, big endian: which byte of the file the chunk begins with
    size    u32, big endian: bytes of the whole file
    data    the bytes from there on

Of a picture the header alone is read here; nothing of it is decoded.
"""

import hashlib
import re
import struct
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import StringConstraints

from protocol.frozen import frozen

SHA256 = re.compile(r"[0-9a-f]{64}")
PhotoHash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
LARGEST = 4 * 1024 * 1024  # bytes of a file
LONGEST_SIDE = 4096  # pixels: more would only fill the memory of whoever looks at it
CHUNK = 32 * 1024  # bytes of a message at most
HEAD = struct.Struct(">II")

JPEG, PNG, WEBP = "image/jpeg", "image/png", "image/webp"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # JPEG segments that state the size
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})  # and those without a length


class BadPhoto(ValueError):
    """Not a picture that is taken; ``code`` is a fixed word: ``not_a_photo``, ``photo_large`` or ``photo_sides``."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@frozen
class Picture:
    """What the header of a file says: its kind as a media type, and its sides in pixels."""

    kind: str
    width: int
    height: int


def hash_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def picture_of(data: bytes) -> Picture:
    """What this file is, by its own first bytes; raises BadPhoto."""
    if len(data) > LARGEST:
        raise BadPhoto("photo_large", f"{len(data)} bytes; at most {LARGEST} are taken")
    for magic, kind, sides in _KINDS:
        if magic(data):
            width, height = sides(data)
            if not 0 < max(width, height) <= LONGEST_SIDE or not min(width, height):
                raise BadPhoto("photo_sides", f"{width} x {height} pixels; at most {LONGEST_SIDE} are taken")
            return Picture(kind, width, height)
    raise BadPhoto("not_a_photo", "neither JPEG, PNG nor WebP")


def _jpeg(data: bytes) -> tuple[int, int]:
    """From segment to segment, up to the one that states the size."""
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            break
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _BARE:
            at += 2
        elif marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return int(width), int(height)
        else:
            at += 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
    raise BadPhoto("not_a_photo", "a JPEG without its size")


def _png(data: bytes) -> tuple[int, int]:
    if len(data) < 24 or data[12:16] != b"IHDR":
        raise BadPhoto("not_a_photo", "a PNG without its header")
    width, height = struct.unpack_from(">II", data, 16)
    return int(width), int(height)


def _webp(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if len(data) < 30:
        raise BadPhoto("not_a_photo", "a WebP without its header")
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L" and data[20] == 0x2F:
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise BadPhoto("not_a_photo", "a WebP without its size")


_Magic = Callable[[bytes], bool]
_Sides = Callable[[bytes], tuple[int, int]]
_KINDS: tuple[tuple[_Magic, str, _Sides], ...] = (
    (lambda data: data.startswith(b"\xff\xd8\xff"), JPEG, _jpeg),
    (lambda data: data.startswith(b"\x89PNG\r\n\x1a\n"), PNG, _png),
    (lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP", WEBP, _webp),
)


def named_in(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The photos that a record's data name, also those of its lines, and of what a correction says that holds."""
    now, lines = data.get("now"), data.get("lines") or ()
    within = [now, *(lines if isinstance(lines, list | tuple) else ())]
    found = [one.get("photos") or () for one in within if isinstance(one, dict)]
    return (*(data.get("photos") or ()), *(sha256 for photos in found for sha256 in photos))


# --- on the wire ------------------------------------------------------------------------------------------------------


def chunk_of(data: bytes, offset: int, size: int) -> bytes:
    """The message that carries these bytes of a file of ``size``."""
    return HEAD.pack(offset, size) + data


def read_chunk(payload: bytes) -> tuple[int, int, bytes]:
    """Offset, size of the file, bytes; raises ValueError for what is no chunk of a photo."""
    if len(payload) <= HEAD.size:
        raise ValueError(f"{len(payload)} bytes are no chunk")
    offset, size = HEAD.unpack_from(payload)
    data = payload[HEAD.size :]
    if not 0 < size <= LARGEST or offset + len(data) > size:
        raise ValueError(f"bytes {offset} to {offset + len(data)} of {size}")
    return offset, size, data
