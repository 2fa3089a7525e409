"""Scripts that lead a simulated device: one command a line, ``#`` begins a comment."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from simulator.wires.line import Line

Say = Callable[[str], None]
Command = Callable[[list[str]], None]


class ScriptError(ValueError):
    """A line that cannot be done; the message names its number."""


def play(lines: Iterable[str], commands: Mapping[str, Command], *, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Do each line; True when one of them said ``quit``. ``wait SECONDS`` and ``quit`` are always known."""

    def wait(words: list[str]) -> None:
        sleep(float(number(only(words, "wait SECONDS"))))

    known: dict[str, Command] = {"wait": wait, **commands}
    for count, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if words == ["quit"]:
            return True
        if words[0] not in known:
            raise ScriptError(f"line {count}: no command {words[0]!r}; there are: {', '.join((*known, 'quit'))}")
        try:
            known[words[0]](words[1:])
        except ValueError as error:
            raise ScriptError(f"line {count}: cannot do {line.strip()!r}: {error}") from error
    return False


def number(text: str) -> Decimal:
    """A decimal number with the digits as written; raises ValueError."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise ValueError(f"{text!r} is not a number; write 2.350")
    return value


def only(words: list[str], usage: str) -> str:
    """The one word that follows a command; raises ValueError."""
    if len(words) != 1:
        raise ValueError(f"write {usage}")
    return words[0]


def lead(
    line: Line[Any],
    script: Iterable[str] | None,
    commands: Mapping[str, Command],
    say: Say = lambda text: None,
) -> None:
    """Play the script on a running line, and say what was done. Without ``quit`` the device then stays, unless the
    script was stdin."""
    told = {name: _told(name, command, say) for name, command in {**commands, **plugs(line)}.items()}
    done = script is not None and play(script, told)
    if not done and not _is_stdin(script):
        threading.Event().wait()


def plugs(line: Line[Any]) -> dict[str, Command]:
    """The script lines of every device: its plug."""
    return {"unplug": _nothing(line.unplug), "replug": _nothing(line.replug)}


def _told(name: str, command: Command, say: Say) -> Command:
    def told(words: list[str]) -> None:
        command(words)
        say(" ".join([name, *words]))

    return told


def _nothing(action: Callable[[], None]) -> Command:
    def command(words: list[str]) -> None:
        if words:
            raise ValueError("nothing may follow this command")
        action()

    return command


def _is_stdin(script: Iterable[str] | None) -> bool:
    return getattr(script, "name", "") == "<stdin>"
