"""Photos to the city: after the records, one at a time, a few chunks at a time, until the city says that it has it.

The city says how many bytes of a photo it has (``photos`` of its acknowledgement); what follows begins there, so a cut
link or a restart costs a few chunks.  Where a platform cannot answer (``confirm = "broker"``) the broker's word counts.
What the city does not want now is left until the next connection.

All methods are called by the core thread; ``now`` is the steady clock.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from edge.between.inbox import Limits, LinkChanged
from edge.city.publisher import PACKET_OVERHEAD, RESEND_CAP, Wire
from edge.config.sections import CitySection
from edge.records.photos import PhotoFiles, PhotoTable
from protocol.city.photos import CHUNK, HEAD, chunk_of
from protocol.city.topics import PhotoWord, Topics

WINDOW = 4  # chunks on their way
LEAST = 256  # bytes of a chunk: where a broker takes less, none are sent
BAD_HASHES = 3  # so often in a row a photo that arrives as another file is sent again
log = logging.getLogger("photos")


@dataclass(slots=True)
class Passage:
    """The photo on its way: how many bytes the city has, how many were sent, and since when nothing was heard."""

    sha256: str
    size: int
    have: int = 0
    sent: int = 0
    at: float = 0.0
    greeted: bool = False  # the city has said how much it has: until then one chunk is enough
    bad: int = 0
    mids: dict[int, int] = field(default_factory=dict)  # what the broker has not acknowledged: where it ends


class Courier:
    """Which photo is on its way. What arrived is written with the next record, or when ``save`` is called."""

    def __init__(self, part: CitySection, table: PhotoTable, files: PhotoFiles, topics: Topics, wire: Wire) -> None:
        self._part = part
        self._table = table
        self._files = files
        self._topics = topics
        self._wire = wire
        self._up = False
        self._limits = Limits()
        self._now: Passage | None = None
        self._pause = part.resend_seconds
        self._hold_until = 0.0
        self._look = True
        self._arrived: list[str] = []
        self._saving: list[str] = []
        self._skipped: set[str] = set()

    def link(self, changed: LinkChanged) -> None:
        """The broker took us, or we lost it: what the city has of a photo it will say again."""
        self._up, self._limits = changed.up, changed.limits
        self._now, self._look = None, True
        self._skipped.clear()
        self._pause = self._part.resend_seconds

    def pump(self, now: float, settled: int, *, named: Callable[[], bool]) -> None:
        """Send what fits, of records up to ``settled``, none while that is 0.

        ``named`` says once that a record has named another photo.
        """
        if not settled or not self._up or now < self._hold_until or self._room() < LEAST:
            return
        if named():
            self._look = True
        if self._now is None and self._look:
            self._next(settled, now)
        if (one := self._now) is None:
            return
        if now >= one.at + self._pause:
            one.sent, one.at = one.have, now  # nothing was heard: from there once more
            one.greeted = False
            one.mids.clear()
            self._pause = min(2 * self._pause, RESEND_CAP)
        while self._up and one.sent < one.size and one.sent - one.have < self._room() * (WINDOW if one.greeted else 1):
            if not self._send(one):
                return

    def answered(self, mid: int, refused: str, now: float) -> None:
        """The broker has this chunk, or does not take it."""
        one = self._now
        if one is None or mid not in one.mids:
            return
        end = one.mids.pop(mid)
        if refused:
            log.warning("photo %s: the broker refuses a chunk: %s", one.sha256[:8], refused)
            self._hold_until = now + RESEND_CAP
            self._now = None
        elif self._part.confirm == "broker":
            self._heard(one, max(end, one.have), now)

    def said(self, words: tuple[PhotoWord, ...], now: float) -> None:
        """What the city has of photos, as its signed acknowledgement says."""
        for word in words:
            one = self._now
            if one is None or word.sha256 != one.sha256:
                continue
            if word.code in ("unknown", "refused") or word.have > one.size:
                log.warning("photo %s: the city does not take it now: %s", one.sha256[:8], word.code or word.have)
                self._skip(one)
            elif word.code == "bad_hash":
                one.bad += 1
                self._restart(one, now) if one.bad < BAD_HASHES else self._skip(one)
            else:
                self._heard(one, word.have, now)

    # --- progress that may wait -------------------------------------------------------------------------------------

    @property
    def unsaved(self) -> bool:
        return bool(self._arrived)

    def save(self) -> None:
        """Write which photos the city has, inside the caller's transaction."""
        self._saving, self._arrived = self._arrived, []
        for sha256 in self._saving:
            self._table.sent(sha256)

    def not_saved(self) -> None:
        self._arrived, self._saving = [*self._saving, *self._arrived], []

    # --- one photo --------------------------------------------------------------------------------------------------

    def _next(self, settled: int, now: float) -> None:
        passed = {*self._arrived, *self._skipped}
        for row in self._table.unsent(settled, len(passed) + 1):
            if row.sha256 not in passed:
                self._now = Passage(row.sha256, row.size, at=now)
                self._pause = self._part.resend_seconds
                return
        self._look = False

    def _room(self) -> int:
        """Bytes of a file that fit a chunk."""
        overhead = PACKET_OVERHEAD + HEAD.size + len(self._topics.photo("0" * 64))
        return min(CHUNK, self._limits.packet - overhead)

    def _send(self, one: Passage) -> bool:
        """The next chunk; False when there is none."""
        try:
            data = self._files.piece(one.sha256, one.sent, self._room())
        except OSError as error:
            data = b""
            log.error("photo %s cannot be read: %s", one.sha256[:8], error)
        if not data:
            self._skip(one)
            return False
        mid = self._wire.publish(self._topics.photo(one.sha256), chunk_of(data, one.sent, one.size))
        if mid is None:
            self._up = False  # the news of it is on its way
            return False
        one.sent += len(data)
        one.mids[mid] = one.sent
        return True

    def _heard(self, one: Passage, have: int, now: float) -> None:
        if have == one.size:
            log.info("photo %s delivered bytes=%d", one.sha256[:8], one.size)
            self._arrived.append(one.sha256)
            self._now = None
            return
        one.sent = have if have < one.have else max(one.sent, have)
        one.have, one.at, one.greeted = have, now, True
        self._pause = self._part.resend_seconds

    def _restart(self, one: Passage, now: float) -> None:
        one.have = one.sent = 0
        one.at = now
        one.mids.clear()

    def _skip(self, one: Passage) -> None:
        self._skipped.add(one.sha256)
        self._now = None
