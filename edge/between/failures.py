"""What failed: where and why, on one line. What it means to people is ``failed`` in ``words.toml``."""

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any

from protocol.plain import plain

CAUSE_LETTERS = 200
OURS = ("edge", "protocol", "drivers")


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
