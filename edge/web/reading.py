"""The ledger for pages and programs: read in threads, one reader at a time, and the books that are made meanwhile."""

import asyncio
import logging
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal, TypeVar

from edge.between.inbox import Refused
from edge.printing.archive import Archive, PaperOfRecord
from edge.records.books import BookName, Cancelled, Form, Progress
from edge.records.recall import Bought
from edge.records.search import Step, Wanted
from edge.records.shelf import Seen, Shelf
from edge.web.desk import Problems

WAITING = 12
SCRATCH = "book-"
BUSY = ("查找的人太多，请稍后再试", "too many look for records: try again")
BOOK_BUSY = ("正在生成另一份台账，请等它完成或取消", "another book is being made: wait for it, or cancel it")
NO_BOOK = ("没有这份台账，请重新生成", "there is no such book: make it again")
NO_LEDGER = ("账本读不了，请联系技术员", "the ledger cannot be read")
Answer = TypeVar("Answer")
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Making:
    """A book that is made, or was. ``file`` is there when it is done."""

    id: str
    file: Path
    progress: Progress = field(default_factory=Progress)
    state: Literal["making", "done", "failed", "cancelled"] = "making"


class Reading:
    """Lives in the web thread's loop. Its methods raise Problems."""

    def __init__(self, shelf: Shelf | None, archive: Archive | None) -> None:
        self._shelf = shelf
        self._archive = archive
        self._one = asyncio.Lock()
        self._waiting = 0
        self._made: Making | None = None

    async def step(self, wanted: Wanted, before: int | None, page: int) -> Step:
        """The next records found."""
        shelf = self._there()
        return await self._in_turn(lambda: shelf.step(wanted, before, page))

    async def record(self, seq: int) -> Seen:
        """One record, with its proof."""
        shelf = self._there()
        return await self._in_turn(lambda: shelf.record(seq))

    async def buyers(self, source: str, since: int) -> list[Bought]:
        """Who has goods of the lot with this source code, whose record is ``since``."""
        shelf = self._there()
        return await self._in_turn(lambda: shelf.buyers(source, since))

    async def papers(self, seq: int) -> list[PaperOfRecord]:
        """What was printed of it, and could be."""
        archive = self._archive
        return await self._in_turn(lambda: archive.papers_of(seq)) if archive else []

    def _there(self) -> Shelf:
        if self._shelf is None:
            raise Problems(503, "no_ledger", *NO_LEDGER)
        return self._shelf

    async def _in_turn(self, read: Callable[[], Answer]) -> Answer:
        if self._waiting >= WAITING:
            raise Problems(503, "busy", *BUSY)
        self._waiting += 1
        try:
            async with self._one:
                return await asyncio.to_thread(read)
        except Refused as gone:
            raise Problems(404, gone.code, gone.zh, gone.en) from None
        except LookupError as error:
            raise Problems(404, "no_record", "没有这条记录", str(error.args[0])) from None
        except (OSError, ValueError) as error:  # LedgerUnusable and BadEvent say what is wrong
            raise Problems(503, "no_ledger", f"{NO_LEDGER[0]}：{error}", f"{NO_LEDGER[1]}: {error}") from None
        finally:
            self._waiting -= 1

    # --- books --------------------------------------------------------------------------------------------------------

    def make(self, name: BookName, form: Form, first: date | None, last: date | None) -> Making:
        """Begin a book in a thread of its own; the one before is thrown away."""
        shelf = self._there()
        if self._made and self._made.state == "making":
            raise Problems(409, "book_busy", *BOOK_BUSY)
        for old in shelf.folder.glob(f"{SCRATCH}*"):
            shutil.rmtree(old, ignore_errors=True)
        try:
            scratch = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=shelf.folder))
        except OSError as error:
            raise Problems(503, "no_ledger", f"{NO_LEDGER[0]}：{error}", f"{NO_LEDGER[1]}: {error}") from None
        days = "".join(f"-{day.isoformat()}" for day in (first, last) if day)
        made = self._made = Making(secrets.token_hex(8), scratch / f"{name}{days}.{form}")

        def work() -> None:
            try:
                shelf.book(made.file, name, form, first, last, made.progress)
                made.state = "done"
            except Cancelled:
                made.state = "cancelled"
            except Exception:
                log.exception("the book %s was not made", made.file.name)
                made.state = "failed"

        threading.Thread(target=work, name="book", daemon=True).start()
        return made

    def book(self, key: str) -> Making:
        """The book of this key, however far it is."""
        if self._made is None or self._made.id != key:
            raise Problems(404, "no_book", *NO_BOOK)
        return self._made

    def file(self, key: str) -> Path:
        """A book's file, when it is done."""
        made = self.book(key)
        if made.state != "done" or not made.file.is_file():
            raise Problems(404, "no_book", *NO_BOOK)
        return made.file
