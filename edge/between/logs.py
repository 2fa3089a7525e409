"""The log: one event is one line, ``LEVEL part: what name=value``; systemd's journal gets its own levels.

What others say is cleaned where it enters; names, prices and keys of people stand in records, not here.
"""

import logging
import os
import re
import sys
import time
from collections import deque
from functools import lru_cache
from typing import Any

from protocol.plain import plain

LETTERS = 2000
RECENT_LINES, RECENT_BYTES = 3000, 256 * 1024  # kept in memory for whoever looks into a trouble
JOURNAL = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}  # sd-daemon(3)


class Lines(logging.Formatter):
    """A traceback follows its line, each of its lines behind a bar. ``journal`` puts sd-daemon's level before each.

    Handlers whose lines have the same form share what was made of a record.
    """

    def __init__(self, form: str, *, journal: bool = False) -> None:
        super().__init__(form)
        self._form, self._timed = form, self.usesTime()
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        form, text = getattr(record, "line", ("", ""))
        if form != self._form:
            more = record.exc_info or record.exc_text or record.stack_info
            text = super().format(record) if more else self.formatMessage(record)
            record.line = self._form, text
        if not self._journal:
            return text
        level = f"<{JOURNAL.get(record.levelno, 6)}>"
        return "\n".join(level + line for line in text.split("\n"))

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        return f"{_second(int(record.created))},{int(record.msecs):03d}"

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (logging's name)
        record.message = plain(record.getMessage(), LETTERS)
        if self._timed:
            record.asctime = self.formatTime(record)
        return self._form % record.__dict__

    def formatException(self, about: Any) -> str:  # noqa: N802  (logging's name)
        return "\n".join(f"  | {_indented(line)}" for line in super().formatException(about).split("\n"))


@lru_cache(maxsize=4)
def _second(since_1970: int) -> str:
    """As logging writes it; every line has it, once for each handler."""
    return time.strftime(logging.Formatter.default_time_format, time.localtime(since_1970))


def _indented(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" "))] + plain(line, LETTERS)


def set_up(verbose: bool) -> None:
    """To stderr; the journal adds the time itself.

    No line tells of code, threads or processes, so nobody looks for them: Python's logging how-to, "Optimization".
    """
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    form, journal = "%(levelname)s %(name)s: %(message)s", "JOURNAL_STREAM" in os.environ
    stderr = logging.StreamHandler(sys.stderr)
    stderr.setFormatter(Lines(form if journal else f"%(asctime)s {form}", journal=journal))
    stderr.addFilter(_of_note)
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[stderr])
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


class Recent(logging.Handler):
    """Keeps the newest lines, as they are logged; ``lines`` may be asked by any thread."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(Lines("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self.addFilter(_of_note)
        self._kept: deque[str] = deque(maxlen=RECENT_LINES)
        self._letters = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Called under the handler's own lock."""
        if len(self._kept) == RECENT_LINES:
            self._letters -= len(self._kept[0])
        self._kept.append(line := self.format(record))
        self._letters += len(line)
        while self._letters > RECENT_BYTES:
            self._letters -= len(self._kept.popleft())

    def lines(self) -> tuple[str, ...]:
        """Oldest first."""
        return tuple(self._kept)


def _of_note(record: logging.LogRecord) -> bool:
    return record.name != "root" or record.levelno >= logging.WARNING  # python-escpos


def keep_recent() -> Recent:
    """From now on the newest lines are kept."""
    recent = Recent()
    logging.getLogger().addHandler(recent)
    return recent


def quoted(value: object) -> str:
    """In quotes where it has blanks, so that it stays one value."""
    text = str(value)
    return f"'{text}'" if re.search(r"\s", text) else text


def fields(**values: object) -> str:
    """``name=value`` for everything that has a value."""
    return " ".join(f"{name}={value}" for name, value in values.items() if value not in (None, "", ()))
