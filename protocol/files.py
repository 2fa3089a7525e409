r"""Whole files as a stream, for formats that arrive as files: each in an envelope.

    1C F I L E 20 length 20 digest 20 check 0A content
                  |         |         |        ``length`` bytes, as they are in the file
                  |         |         the first 8 hex digits of the SHA-256 of ``length 20 digest``
                  |         the first 16 hex digits of the content's SHA-256
                  decimal

The head has a check of its own because its length is believed before the content is seen: a head with a damaged length
would swallow the files that follow.  So a damaged head costs its own file; a content that lost a byte costs itself and
the file behind, whose head lacks its first byte then.

The reader says what became of it, a line a file: ``06 digest 0A`` its results are committed, ``15 digest 20 why 0A`` it
was not read, or not all of it.  This envelope is ours; it never leaves the station.
"""

import re
from hashlib import sha256

from protocol.framing import CUT, NO_FRAME
from protocol.frozen import frozen
from protocol.plain import plain
from protocol.readings import Garbage

CAP = 8 << 20
START = b"\x1cFILE "
HEAD = re.compile(rb"\x1cFILE (([0-9]{1,12}) ([0-9a-f]{16})) ([0-9a-f]{8})\n")
LONGEST_HEAD = len(START) + 12 + 1 + 16 + 1 + 8 + 1
RECEIPT = re.compile(rb"([\x06\x15])([0-9a-f]{16})(?: ([^\n]*))?\n")
WHY_LETTERS = 200


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()[:16]


def head(length: int, name: str) -> bytes:
    """The envelope's head."""
    said = f"{length} {name}".encode()
    return START + said + b" " + _check(said) + b"\n"


def _check(said: bytes) -> bytes:
    return sha256(said).hexdigest()[:8].encode()


def wrap(content: bytes) -> bytes:
    """A file in its envelope."""
    return head(len(content), digest(content)) + content


def receipt(name: str, *, taken: bool, why: str = "") -> bytes:
    """What became of the file with this digest; ``why`` says, on one line, what of it was not read."""
    reason = plain(why, WHY_LETTERS)
    return (b"\x06" if taken else b"\x15") + f"{name} {reason}".rstrip().encode() + b"\n"


def receipts(data: bytes) -> list[tuple[str, bool, str]]:
    """Digest, whether the file was taken, and why not."""
    return [
        (name.decode(), sign == b"\x06", plain(why.decode("utf-8", "replace"), WHY_LETTERS))
        for sign, name, why in RECEIPT.findall(data)
    ]


@frozen
class File:
    """A whole file."""

    digest: str
    content: bytes


class Files:
    """Takes files out of their envelopes. What stands between them is Garbage.

    What does not fit its digest is Garbage whole: to look for other heads in it would cost by the square.

    A stream in which no envelope ever begins is one file, without an envelope: ``finish`` gives it.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._bare = True
        self._searched = 0

    def feed(self, data: bytes) -> list[File | Garbage]:
        found: list[File | Garbage] = []
        self._buffer += data
        while self._bare_step(found) if self._bare else self._step(found):
            pass
        return found

    def finish(self) -> list[File | Garbage]:
        left, bare = bytes(self._buffer), self._bare
        self._buffer.clear()
        self._bare, self._searched = True, 0
        if not left:
            return []
        return [File(digest(left), left) if bare else Garbage(left, CUT)]

    def _bare_step(self, found: list[File | Garbage]) -> bool:
        """Look for the first envelope; False when there is none yet."""
        begun = HEAD.search(self._buffer, max(0, self._searched - LONGEST_HEAD))
        while begun is not None and _length(begun) is None:
            begun = HEAD.search(self._buffer, begun.end())
        self._searched = len(self._buffer)
        if begun is None and self._searched <= CAP:
            return False
        self._bare = False
        self._skip(begun.start() if begun else self._searched, found)
        return True

    def _step(self, found: list[File | Garbage]) -> bool:
        """Deal with what stands first; False when more bytes are needed."""
        at = self._buffer.find(START)
        if at:
            self._skip(len(self._buffer) - self._begun() if at < 0 else at, found)
            return at > 0
        begun = HEAD.match(self._buffer)
        if begun is None:
            if len(self._buffer) < LONGEST_HEAD and b"\n" not in self._buffer:
                return False
            self._skip(len(START), found)
            return True
        length = _length(begun)
        if length is None:
            self._skip(len(START), found)
            return True
        name = begun[3].decode()
        if len(self._buffer) < begun.end() + length:
            return False
        content = bytes(self._buffer[begun.end() : begun.end() + length])
        if digest(content) != name:
            self._skip(begun.end() + length, found)
            return True
        found.append(File(name, content))
        del self._buffer[: begun.end() + length]
        return True

    def _begun(self) -> int:
        """How many bytes at the buffer's end could be the beginning of a head."""
        return next((n for n in range(len(START) - 1, 0, -1) if self._buffer.endswith(START[:n])), 0)

    def _skip(self, count: int, found: list[File | Garbage]) -> None:
        if count:
            found.append(Garbage(bytes(self._buffer[:count]), NO_FRAME))
            del self._buffer[:count]


def _length(begun: re.Match[bytes]) -> int | None:
    """How long the file of this head is; None for a damaged head, and for more than is read."""
    length = int(begun[2])
    return length if _check(begun[1]) == begun[4] and length <= CAP else None
