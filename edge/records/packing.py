"""A record's bytes as they lie in the ledger: deflated (RFC 1951) with a dictionary, the exact bytes back.

The first byte says how: ``{`` that these are the bytes themselves, else the number of the dictionary.  A dictionary
that was released is never edited, since records lie by it: what changes is a new one, with the next number.

One is written by hand: words of records first, then each kind's record as it mostly is, without what differs from one
to the next, the commonest kinds last, which are found in the fewest bits; no more than the 32 kB that deflate looks
back.
"""

import sqlite3
import zlib
from functools import cache
from pathlib import Path

DICTIONARY = 1  # the one that is written by
LARGEST = 1 << 20  # bytes that anything unpacks to; a record's own cap is far below
_PLAIN = ord("{")
_LEVEL, _MEMORY = 5, 5  # a fiftieth larger than with 9 and 9, in a ninth of the time
_WINDOW = -15  # raw: no header, no checksum of its own; the record is signed


def pack(body: bytes) -> bytes:
    """As it is stored. ``body`` is JSON, so it begins with a brace."""
    deflate = _primed(DICTIONARY).copy()
    return bytes([DICTIONARY]) + deflate.compress(body) + deflate.flush()


def unpack(stored: bytes) -> bytes:
    """The record's bytes. What cannot be unpacked comes back as it lies there: whoever reads it finds no event."""
    if not stored or stored[0] == _PLAIN:
        return stored
    try:
        inflate = zlib.decompressobj(_WINDOW, zdict=_dictionary(stored[0]))
        body = inflate.decompress(memoryview(stored)[1:], LARGEST)
    except (zlib.error, OSError):
        return stored
    return body if inflate.eof and not inflate.unused_data else stored


def teach(conn: sqlite3.Connection) -> None:
    """``unpacked(body)`` in the SQL of this connection."""
    conn.create_function("unpacked", 1, unpack, deterministic=True)


@cache
def _primed(number: int) -> "zlib._Compress":
    """What deflates, with its dictionary read: reading it for each record would take half of all the time."""
    return zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, zdict=_dictionary(number))


@cache
def _dictionary(number: int) -> bytes:
    """Raises FileNotFoundError for one that this program does not have."""
    return (Path(__file__).parent / "dictionaries" / f"{number}.txt").read_bytes()
