"""What the station could not handle: counted, kept with its bytes, told, and shown until a person has seen it.

A message that makes the program fail is undone and kept here; the rest goes on.  What fails at the same place in the
same way counts up one entry, a result each its own.  Owned by the core thread; the newest ``MOST`` are kept.
"""

import logging
from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from edge.board import UnreadView
from edge.clock import Clock
from edge.ledger import Ledger
from edge.sparing import Sparing
from protocol.plain import plain

MOST = 200
SHOWN = 50
RAW_BYTES = 4096
CAUSE_LETTERS, DEVICE_LETTERS = 200, 80
TRIES = 2  # a result that failed so often in this version is not tried again when the instrument sends its memory
OURS = ("edge", "protocol", "drivers")
COLUMNS = "number, kind, device, identity, place, cause, raw, first, last, count, software, person"
log = logging.getLogger("unread")


class Words(NamedTuple):
    """What it is, and what a person has to do, in Chinese and English."""

    zh: str
    en: str
    do_zh: str
    do_en: str


_SEND_ZH, _SEND_EN = "请把编号和日志发给技术员", "send its number and the log to the technician"
KINDS = {
    "reading": Words("读数", "reading", f"该读数未使用；{_SEND_ZH}", f"it was not used; {_SEND_EN}"),
    "result": Words(
        "检测结果",
        "test result",
        f"该结果未记入任何批次：请重新检测；{_SEND_ZH}",
        f"it counts for no lot: test again; {_SEND_EN}",
    ),
    "device": Words("设备", "device", f"设备会自动重连；{_SEND_ZH}", f"the device is connected again; {_SEND_EN}"),
    "request": Words(
        "操作", "request", f"该操作未执行、未记录；{_SEND_ZH}", f"it was not done, nor recorded; {_SEND_EN}"
    ),
    "paper": Words("纸张", "paper", f"请到“纸张”页核对该纸；{_SEND_ZH}", f"look at it on the page Papers; {_SEND_EN}"),
    "city": Words("平台消息", "message of the city", f"上报照常进行；{_SEND_ZH}", f"delivery goes on; {_SEND_EN}"),
    "record": Words(
        "损坏的记录",
        "damaged record",
        "账本中这条记录已损坏，其余照常：运行 marketedge ledger verify，并请技术员从备份恢复",
        "this record is damaged in the ledger, the rest goes on: run marketedge ledger verify; the technician puts it "
        "back from a backup",
    ),
    "program": Words("程序", "program", f"其余照常运行；{_SEND_ZH}", f"the rest goes on; {_SEND_EN}"),
}


@dataclass(frozen=True, slots=True)
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
        """Count it, keep it and tell it; ``kind`` is one of ``KINDS``. Raises nothing."""
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

    def settled(self, kind: str, device: str, identity: str) -> None:
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


def cause_of(error: BaseException) -> str:
    """Type and text of an error on one line."""
    return plain(f"{type(error).__name__}: {safely(str, error)}", CAUSE_LETTERS)


def place_of(error: BaseException) -> str:
    """Where in our program it failed: ``lots.py:193``; the last place at all when it is none of ours."""
    frames = list(_frames(error.__traceback__))
    own = [frame for frame in frames if any(part in OURS for part in Path(frame[0]).parts[-4:-1])]
    file, line = next(chain(reversed(own), reversed(frames)), ("", 0))
    return f"{type(error).__name__} {Path(file).name}:{line}"


def _frames(trace: TracebackType | None) -> Iterable[tuple[str, int]]:
    while trace is not None:
        yield trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next


def safely(text: Any, value: Any) -> str:
    """``str`` or ``repr`` of anything, also of what cannot even be shown."""
    try:
        return str(text(value))
    except Exception:
        return f"<{type(value).__name__}>"
