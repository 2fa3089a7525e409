"""How far a long command is: one line that changes on a terminal, a plain line each tenth elsewhere."""

import sys
from types import TracebackType
from typing import Self

import click

WORTH_TELLING = 1000  # of less nobody reads how far it is


class Told:
    """Called with what is done, how much of it, of how much; on the error output."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._last: tuple[str, int] = ("", -1)
        self._open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._open:
            click.echo(err=True)

    def __call__(self, what: str, done: int, total: int) -> None:
        if total < WORTH_TELLING:
            return
        steps = 100 if self._terminal else 10
        step = steps * done // total
        if (what, step) == self._last:
            return
        if self._open and what != self._last[0]:
            click.echo(err=True)
        self._last = (what, step)
        line = f"{what} {100 * done // total} % ({done:,}/{total:,})"
        click.echo(f"\r{line}\033[K" if self._terminal else line, err=True, nl=not self._terminal)
        self._open = self._terminal
