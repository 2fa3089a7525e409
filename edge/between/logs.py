"""The log: one event is one line, ``LEVEL part: what name=value``; systemd's journal gets its own levels.

What others say is cleaned where it enters; names, prices and keys of people stand in records, not here.
"""

import logging
import os
import re
import sys
from typing import Any

from protocol.plain import plain

LETTERS = 2000
JOURNAL = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}  # sd-daemon(3)


class Lines(logging.Formatter):
    """A traceback follows its line, each of its lines behind a bar. ``journal`` puts sd-daemon's level before each."""

    def __init__(self, form: str, *, journal: bool = False) -> None:
        super().__init__(form)
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        if not self._journal:
            return text
        level = f"<{JOURNAL.get(record.levelno, 6)}>"
        return "\n".join(level + line for line in text.split("\n"))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (logging's name)
        record.message = plain(record.message, LETTERS)
        return super().formatMessage(record)

    def formatException(self, about: Any) -> str:  # noqa: N802  (logging's name)
        return "\n".join(f"  | {_indented(line)}" for line in super().formatException(about).split("\n"))


def _indented(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" "))] + plain(line, LETTERS)


def set_up(verbose: bool) -> None:
    """To stderr; the journal adds the time itself."""
    form, journal = "%(levelname)s %(name)s: %(message)s", "JOURNAL_STREAM" in os.environ
    stderr = logging.StreamHandler(sys.stderr)
    stderr.setFormatter(Lines(form if journal else f"%(asctime)s {form}", journal=journal))
    stderr.addFilter(lambda record: record.name != "root" or record.levelno >= logging.WARNING)  # python-escpos
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[stderr])
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def quoted(value: object) -> str:
    """In quotes where it has blanks, so that it stays one value."""
    text = str(value)
    return f"'{text}'" if re.search(r"\s", text) else text


def fields(**values: object) -> str:
    """``name=value`` for everything that has a value."""
    return " ".join(f"{name}={value}" for name, value in values.items() if value not in (None, "", ()))
