"""Which photos are here, and what names them: a photo is taken for a day, and stays when a record names it."""

import logging
from collections.abc import Iterable, Sequence

from edge.between.inbox import Refused
from edge.records.clock import Clock
from edge.records.ledger import Ledger
from edge.records.photos import PhotoFiles, PhotoTable

PER_DAY = 500
BYTES_PER_DAY = 250 * 1024 * 1024
LOOSE_SECONDS = 24 * 3600.0  # so long a photo waits for its record
LOOK_SECONDS = 600.0
log = logging.getLogger("photos")


class Photos:
    """Owned by the core thread."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self.files = PhotoFiles(ledger.path.parent)
        self.table = PhotoTable(ledger.conn)
        self.unsaved = False
        self._named = True
        self._clock = clock
        self._look_at = float("-inf")
        self._loose: list[str] = []
        self._gone: list[str] = []
        try:
            if gone := self.files.sweep(self.table.all()):
                log.info("%d unfinished photos taken away", gone)
        except OSError as error:
            log.warning("photos cannot be looked through: %s", error)

    def keep(self, sha256: str, size: int) -> None:
        """A file of so many bytes is on the disk: from now on a record may name it. Raises Refused."""
        if not self.files.has(sha256):
            raise Refused("no_photo", "照片没有存下，请重拍", "the photo is not here: take it again")
        if self.table.known(sha256):
            return
        day = self._clock.today().isoformat()
        count, stored = self.table.of_day(day)
        if count >= PER_DAY or stored + size > BYTES_PER_DAY:
            raise Refused(
                "photos_full",
                f"今天的照片已满（{count} 张，{stored >> 20} MB），不再接收；登记照常",
                f"today's photos are full ({count}, {stored >> 20} MB): no more are taken; register without one",
            )
        now = self._clock.now()
        self.table.add(sha256, size, day, now.seconds if now.trusted else 0.0)

    def demand(self, hashes: Sequence[str]) -> None:
        """They are here, and a record may name them; raises Refused."""
        for sha256 in hashes:
            if not self.table.known(sha256) or not self.files.has(sha256):
                raise Refused(
                    "no_photo",
                    f"照片 {sha256[:8]} 不在本机，请重拍",
                    f"photo {sha256[:8]} is not here: take it again",
                )

    def refer(self, hashes: Sequence[str], seq: int) -> None:
        """A record names these. Raises Refused when one is not here: a record names nothing that nobody can show."""
        self.demand(hashes)
        for sha256 in hashes:
            self.table.refer(sha256, seq)
            self._named = True

    def newly_named(self) -> bool:
        """Whether a record has named a photo since this was asked last."""
        named, self._named = self._named, False
        return named

    def gone(self, hashes: Iterable[str]) -> None:
        """The last records that named these are gone, and their rows with them: their files go at the next look."""
        self._gone += hashes

    # --- what no record names ---------------------------------------------------------------------------------------

    def look(self) -> None:
        """Now and then: which photos no record has named for a day; and away with the files of those that are gone."""
        for sha256 in self._gone:
            if not self.table.known(sha256):
                self.files.drop(sha256)
        self._gone = []
        now = self._clock.steady()
        if now >= self._look_at and self._clock.trusted:
            self._look_at = now + LOOK_SECONDS
            self._loose = self.table.loose(self._clock.now().seconds - LOOSE_SECONDS)
            self.unsaved = bool(self._loose) or self.table.undated()

    def save(self) -> None:
        """Forget them, in the current transaction; their files go when it is over."""
        self.table.date(self._clock.now().seconds)
        for sha256 in self._loose:
            if self.table.forget(sha256):
                self._gone.append(sha256)
        self.unsaved = False

    def not_saved(self) -> None:
        self._gone = []
        self._look_at = float("-inf")
