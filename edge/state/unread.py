"""What the station could not handle: counted, kept with its bytes, told, and shown until a person has seen it.

A message that makes the program fail is undone and kept here; the rest goes on.  What fails at the same place in the
same way counts up one entry, a result each its own.  Owned by the core thread; the newest ``MOST`` are kept.
"""

import logging
from collections.abc import Iterable
from dataclasses import astuple, replace
from importlib.metadata import version
from typing import Any

from edge.between.board import UnreadView
from edge.between.failures import cause_of, place_of
from edge.between.sparing import Sparing
from edge.records.clock import Clock
from edge.records.ledger import Ledger
from protocol.frozen import frozen
from protocol.plain import plain

MOST = 200
SHOWN = 50
RAW_BYTES = 4096
DEVICE_LETTERS = 80
TRIES = 2  # a result that failed so often in this version is not tried again when the instrument sends its memory
COLUMNS = "number, kind, device, identity, place, cause, raw, first, last, count, software, person"
log = logging.getLogger("unread")


@frozen
class Entry:
    """One thing that failed ``count`` times, at ``place``; ``raw`` is what was received the first time."""

    number: int
    kind: str
    device: str
    identity: str
    place: str
    cause: str
    raw: bytes
    first: str
    last: str
    count: int
    software: str
    person: str

    @property
    def key(self) -> tuple[str, ...]:
        """What makes two failures the same one: results by their identity, the others by where they failed."""
        return (self.kind, self.device, self.identity or self.place)


class Unread:
    """``keep`` what failed; ``save`` inside a transaction."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._conn = ledger.conn
        self._clock = clock
        self._software = version("marketedge")
        rows = self._conn.execute(f"SELECT {COLUMNS} FROM unread ORDER BY number").fetchall()
        self._entries = {entry.key: entry for entry in (Entry(*row) for row in rows)}
        self._number = max((entry.number for entry in self._entries.values()), default=0)
        self._changed: set[int] = set()
        self._saving: set[int] = set()
        self._told = Sparing()
        self.fresh = False  # something new is not on the disk yet; counts alone may wait

    def keep(self, kind: str, device: str, error: BaseException, raw: bytes = b"", identity: str = "") -> None:
        """Count it, keep it and tell it; ``kind`` is a code of ``failed`` in the catalogue of texts. Raises nothing."""
        now = self._clock.now().to_the_second
        device, place, cause = plain(device, DEVICE_LETTERS), place_of(error), cause_of(error)
        key = (kind, device, identity or place)
        before = self._entries.get(key)
        if before is None:
            self._number += 1
            entry = Entry(
                self._number, kind, device, identity, place, cause, raw[:RAW_BYTES], now, now, 1, self._software, ""
            )
            self._entries[key] = entry
            self._push_out()
        else:
            count = before.count + 1 if before.software == self._software else 1
            person = before.person if kind == "record" else ""  # a damaged record stays one: no news at each start
            entry = replace(
                before, place=place, cause=cause, last=now, count=count, software=self._software, person=person
            )
            self._entries[key] = entry
        self.fresh = self.fresh or before is None or entry.person != before.person or bool(identity)
        self._changed.add(entry.number)
        self._tell(entry, error, new=before is None)

    def set_aside(self, kind: str, device: str, identity: str) -> bool:
        """Whether this failed so often that it is not tried again; another version of the program tries."""
        entry = self._entries.get((kind, plain(device, DEVICE_LETTERS), identity))
        return entry is not None and entry.count >= TRIES and entry.software == self._software

    def resolved(self, kind: str, device: str, identity: str) -> None:
        """What failed before was handled after all."""
        if (entry := self._entries.pop((kind, plain(device, DEVICE_LETTERS), identity), None)) is not None:
            self._changed.add(entry.number)
            self.fresh = True

    def seen(self, upto: int, person: str) -> int:
        """A person has seen everything up to this number; answers how many entries, in the current transaction."""
        fresh = [entry for entry in self._entries.values() if entry.number <= upto and not entry.person]
        for entry in fresh:
            self._entries[entry.key] = replace(entry, person=person)
            self._changed.add(entry.number)
        self.fresh = self.fresh or bool(fresh)
        return len(fresh)

    def _push_out(self) -> None:
        """Over ``MOST`` the oldest goes, one that a person has seen before others."""
        while len(self._entries) > MOST:
            oldest = min(self._entries.values(), key=lambda entry: (not entry.person, entry.number))
            del self._entries[oldest.key]
            self._changed.add(oldest.number)

    def _tell(self, entry: Entry, error: BaseException, *, new: bool) -> None:
        """Once with its cause, then at most once a minute how often."""
        if not self._told.due(" ".join(entry.key), self._clock.steady()):
            return
        said = f"{entry.kind} {entry.device}".strip()
        if new:
            log.error(
                "%s: could not be handled, kept as unread %d: %s", said, entry.number, entry.cause, exc_info=error
            )
        else:
            log.error("%s: unread %d again, %d times so far: %s", said, entry.number, entry.count, entry.cause)

    @property
    def unsaved(self) -> bool:
        return self.fresh

    @property
    def counted(self) -> bool:
        """Whether there is anything to write, fresh or not."""
        return bool(self._changed)

    # --- the table --------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Write what changed, inside the current transaction."""
        self._saving, self._changed, self.fresh = self._changed, set(), False
        if not self._saving:
            return
        self._conn.executemany("DELETE FROM unread WHERE number = ?", [(number,) for number in self._saving])
        rows = [astuple(entry) for entry in self._entries.values() if entry.number in self._saving]
        self._conn.executemany(f"INSERT INTO unread VALUES ({', '.join('?' * 12)})", rows)

    def not_saved(self) -> None:
        """The commit failed: it is to be written with the next one."""
        self._changed |= self._saving
        self.fresh = self.fresh or bool(self._changed)

    # --- what pages see ---------------------------------------------------------------------------------------------

    def views(self) -> tuple[UnreadView, ...]:
        """What no person has seen yet, newest first."""
        open_ = [entry for entry in self._entries.values() if not entry.person]
        open_.sort(key=lambda entry: (entry.last, entry.number), reverse=True)
        return tuple(
            UnreadView(entry.number, entry.kind, entry.device, entry.cause, entry.first, entry.last, entry.count)
            for entry in open_[:SHOWN]
        )


def rows(conn: Any) -> Iterable[dict[str, Any]]:
    """Everything that is kept, oldest first, for programs; ``raw`` is hex."""
    names = COLUMNS.split(", ")
    for row in conn.execute(f"SELECT {COLUMNS} FROM unread ORDER BY number"):
        fields = dict(zip(names, row, strict=True))
        yield {**fields, "raw": fields["raw"].hex()}
