"""A record's bytes as they lie in the ledger: deflated (RFC 1951) with a dictionary, the exact bytes back.

The first byte says how: ``{`` that these are the bytes themselves, a small number the dictionary.  A dictionary
that was released is never edited, since records lie by it: what changes is a new one, with the next number.

A ledger has words of its own beside it: who sells, at which scale, what of.  They are bytes of its first records,
learnt when there are some, and make a record half as large.  What is packed with them begins with a byte from ``SHORT``
on, which also says what lies behind the text, and three bytes of their SHA-256; they stand behind dictionary 1.  Until
2026 it began with ``OWN``, the number of the dictionary, and four bytes.  They lie in the ledger (``own_words``) and
once more in a file beside it, since without them nothing can be read.

One is written by hand: words of records first, then each kind's record as it mostly is, without what differs from one
to the next, the commonest kinds last, which are found in the fewest bits; no more than the 32 kB that deflate looks
back.

What is random in a record, its hash, its signature and its number, is nothing that deflate could make smaller: it
takes eight bits for each letter of base64 or hex.  So that lies behind the deflated rest, as bytes
(``random_parts.py``).
"""

import hashlib
import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from pathlib import Path

from edge.records import random_parts

DICTIONARY = 1  # the one that is written by
LARGEST = 1 << 20  # bytes that anything unpacks to; a record's own cap is far below
OWN = 64  # not the number of a dictionary
SHORT, SHORT_ID = 128, 3
OWN_FILE = "words-{}.bin"  # beside the ledger, by the four bytes in hex
_PLAIN = ord("{")
_OF_SHORT = 1  # the dictionary
_LEVEL, _MEMORY = 6, 5  # no larger than with 9 and 9, in a third of the time
_BACK = 1 << 15  # bytes that deflate looks back
_WINDOW = -15  # raw: no header, no checksum of its own; the record is signed
_RECORD = 2500  # bytes of a record's text, mostly, and 262 that deflate keeps to itself


def pack(body: bytes) -> bytes:
    """As it is stored. ``body`` is JSON, so it begins with a brace."""
    deflate = _primed(DICTIONARY).copy()
    text, apart = random_parts.take(body)
    return bytes([DICTIONARY]) + deflate.compress(text) + deflate.flush() + apart


class Packer:
    """Packs with a ledger's own words, too. They are known by then (``know``)."""

    def __init__(self, words: bytes) -> None:
        self.words = words
        self.id = id_of(words)
        self._deflate = _deflater(_behind(DICTIONARY, words), _near(words))

    def pack(self, body: bytes) -> bytes:
        deflate = self._deflate.copy()
        text, apart = random_parts.take(body, self.words)
        first = SHORT | (apart[0] if apart else 0)
        return bytes([first]) + self.id[:SHORT_ID] + deflate.compress(text) + deflate.flush() + apart[1:]


def unpack(stored: bytes) -> bytes:
    """The record's bytes. What cannot be unpacked comes back as it lies there: whoever reads it finds no event."""
    if not stored or stored[0] == _PLAIN:
        return stored
    try:
        dictionary, begins, taken = _by(stored)
        inflate = zlib.decompressobj(_WINDOW, zdict=dictionary)
        text = inflate.decompress(stored[begins:], LARGEST)
        return random_parts.put_back(text, taken + inflate.unused_data) if inflate.eof else stored
    except (zlib.error, OSError, LookupError, ValueError):
        return stored


def _by(stored: bytes) -> tuple[bytes, int, bytes]:
    """What this is packed with, where it begins, and what is said in front of it of what lies behind its text."""
    if (first := stored[0]) == OWN:
        return _behind(stored[1], _own_words(stored[2:6])), 6, b""
    if first < SHORT:
        return _dictionary(first), 1, b""
    words = _own_words(stored[1 : 1 + SHORT_ID])
    return _behind(_OF_SHORT, words), 1 + SHORT_ID, bytes([first - SHORT]) if first > SHORT else b""


def teach(conn: sqlite3.Connection) -> None:
    """``unpacked(body)`` in the SQL of this connection; and its ledger's own words are known from now on."""
    conn.create_function("unpacked", 1, unpack, deterministic=True)
    learn(conn)


# --- a ledger's own words ---------------------------------------------------------------------------------------------

SAMPLES = 64  # the newest records: the words are of the older half, and the newer half says whether it is worth it
WORTH = 0.85  # of the bytes before
WORTH_AT_ONCE = 0.95  # where many come at once: half a page each, which these decide about, is half of what they write
_own: dict[bytes, bytes] = {}  # of every ledger that this process has opened
_folders: set[Path] = set()


def id_of(words: bytes) -> bytes:
    return hashlib.sha256(words).digest()[:4]


def learn(conn: sqlite3.Connection) -> None:
    """The words of the ledger behind this connection are known from now on; damaged ones are left out."""
    if path := conn.execute("PRAGMA database_list").fetchone()[2]:
        _folders.add(Path(path).parent)
    if conn.execute("SELECT 1 FROM sqlite_master WHERE name = 'own_words'").fetchone():
        for (stored,) in conn.execute("SELECT words FROM own_words"):
            know(read_words(stored))


def read_words(stored: bytes) -> bytes:
    """Words as they lie in their row and file: packed without any; until 2026 as they are, from anywhere in a letter
    on, which may look like what is packed with others."""
    return unpack(stored) if stored and stored[0] < OWN else stored


def know(words: bytes) -> None:
    """They are found by their id from now on, and by its first bytes."""
    id_ = id_of(words)
    _own[id_] = _own[id_[:SHORT_ID]] = words


def files_in(folder: Path) -> list[bytes]:
    """The words that lie in files beside a ledger, whole ones. Raises OSError."""
    read = ((file, read_words(file.read_bytes())) for file in sorted(folder.glob(OWN_FILE.format("*"))))
    return [words for file, words in read if file.name == OWN_FILE.format(id_of(words).hex())]


def _own_words(id_: bytes) -> bytes:
    """Words by their id; learnt meanwhile by another process, they are looked for in files. Raises LookupError."""
    if id_ not in _own:
        for folder in [*_folders]:
            for words in files_in(folder):
                know(words)
    return _own[id_]


def words_of(bodies: Iterable[bytes], before: bytes = b"") -> bytes:
    """The words of these records, newest first: one of each kind, the commonest last, where it is found in the fewest
    bits; in front of them what was learnt before of other kinds."""
    samples: dict[bytes, list[bytes]] = {}
    for body in bodies:
        samples.setdefault(kind_of(body), []).append(random_parts.take(body, known=body)[0])
    others = [one for one in before.split(_BETWEEN) if one and kind_of(one) not in samples]
    return _BETWEEN.join([*others, *(found[0] for found in sorted(samples.values(), key=len))])[-_ROOM:]


def kind_of(body: bytes) -> bytes:
    """What says of which kind a record is."""
    return body[body.rfind(b'"type":') :]


def learnt(bodies: Sequence[bytes], before: Packer | None, worth: float = WORTH) -> Packer | None:
    """A better packer than the one of before, for records as these, newest first; None when there is none."""
    if len(bodies) < SAMPLES:
        return None
    half = len(bodies) // 2
    packer, others = Packer(words_of(bodies[half:], before.words if before else b"")), bodies[:half]
    if _own.get(packer.id[:SHORT_ID], packer.words) != packer.words:
        return None  # others are found by the same bytes
    now = sum(len(before.pack(one) if before else pack(one)) for one in others)
    return packer if sum(len(packer.pack(one)) for one in others) < worth * now else None


_BETWEEN = b"\n"  # samples: canonical JSON has none
_ROOM = 12_000  # of what deflate looks back, for a ledger's own words


@cache
def _primed(number: int) -> "zlib._Compress":
    """What deflates, with its dictionary read: reading it for each record would take half of all the time."""
    return _deflater(_dictionary(number), _WINDOW)


def _deflater(dictionary: bytes, window: int) -> "zlib._Compress":
    return zlib.compressobj(_LEVEL, zlib.DEFLATED, window, _MEMORY, zdict=dictionary)


def _near(words: bytes) -> int:
    """A window in which a record's end reaches the first of its own words: what is in it is copied for each record."""
    return -(len(words) + _RECORD).bit_length()


@lru_cache(maxsize=8)  # also words that were only tried go through here
def _behind(number: int, words: bytes) -> bytes:
    """A dictionary with a ledger's own words behind it."""
    return (_dictionary(number) + words)[-_BACK:]


@cache
def _dictionary(number: int) -> bytes:
    """Raises FileNotFoundError for one that this program does not have."""
    return (Path(__file__).parent / "dictionaries" / f"{number}.txt").read_bytes()
