r"""Whole files as a stream, for formats that arrive as files: each in an envelope.

    1C F I L E 20 length 20 digest 0A content
                  |         |         ``length`` bytes, as they are in the file
                  |         the first 16 hex digits of the content's SHA-256
                  decimal

The reader says what became of it, a line a file: ``06 digest 0A`` its results are committed, ``15 digest 0A`` nothing
in it could be read.  This envelope is ours; it never leaves the station.
"""

import re
from dataclasses import dataclass
from hashlib import sha256

from protocol.framing import CUT, NO_FRAME
from protocol.readings import Garbage

CAP = 8 << 20
START = b"\x1cFILE "
HEAD = re.compile(rb"\x1cFILE ([0-9]{1,12}) ([0-9a-f]{16})\n")
LONGEST_HEAD = len(START) + 12 + 1 + 16 + 1
RECEIPT = re.compile(rb"([\x06\x15])([0-9a-f]{16})\n")


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()[:16]


def head(length: int, name: str) -> bytes:
    """The envelope's head. Alone it announces a file of more than ``CAP`` bytes, which is not read."""
    return START + f"{length} {name}\n".encode()


def wrap(content: bytes) -> bytes:
    """A file in its envelope."""
    return head(len(content), digest(content)) + content


def receipt(name: str, *, taken: bool) -> bytes:
    return (b"\x06" if taken else b"\x15") + name.encode() + b"\n"


def receipts(data: bytes) -> list[tuple[str, bool]]:
    """Digest, and whether the file was taken."""
    return [(name.decode(), sign == b"\x06") for sign, name in RECEIPT.findall(data)]


@dataclass(frozen=True, slots=True)
class File:
    """A whole file; ``content`` is None when it is too large to be read."""

    digest: str
    content: bytes | None


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
        length, name = int(begun[1]), begun[2].decode()
        if length > CAP:
            found.append(File(name, None))
            del self._buffer[: begun.end()]
            return True
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
