"""Papers for the pages, as text and as pictures: made one at a time, the newest pictures kept.

To draw a paper holds the interpreter that the core needs, too: whoever asks for forty waits, and nobody else does.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from edge.printing.archive import Archive

WAITING = 24
KEPT_BYTES = 1 << 20
Made = TypeVar("Made", bytes, str)


class Busy(Exception):
    """Too many wait already."""


class Gallery:
    """What a print job looks like never changes. Lives in the web thread's loop.

    A job that is not there costs one look by its number, as one that is; it is not remembered.
    """

    def __init__(self, archive: Archive | None) -> None:
        self._archive = archive
        self._one = asyncio.Lock()
        self._waiting = 0
        self._kept: dict[int, bytes] = {}
        self._size = 0

    async def text(self, job: int) -> str:
        """Raises LookupError, ValueError or OSError when it cannot be made, and Busy."""
        return await self._in_turn(self._from().text, job)

    async def png(self, job: int) -> bytes:
        """Raises the same, and NoFont."""
        return self._kept.get(job) or await self._in_turn(self._draw, job)

    async def escpos(self, job: int) -> bytes:
        """Raises the same as ``png``, and NotTaken."""
        return await self._in_turn(self._from().escpos, job)

    async def _in_turn(self, make: Callable[[int], Made], job: int) -> Made:
        if self._waiting >= WAITING:
            raise Busy
        self._waiting += 1
        try:
            async with self._one:
                return await asyncio.to_thread(make, job)
        finally:
            self._waiting -= 1

    def _draw(self, job: int) -> bytes:
        """In a thread, but only ever in one."""
        picture = self._kept.get(job)
        if picture is None:
            picture = self._from().png(job)
            self._keep(job, picture)
        return picture

    def _keep(self, job: int, picture: bytes) -> None:
        self._kept[job] = picture
        self._size += len(picture)
        while self._size > KEPT_BYTES:
            self._size -= len(self._kept.pop(next(iter(self._kept))))

    def _from(self) -> Archive:
        if self._archive is None:
            raise LookupError("no papers are kept here")
        return self._archive
