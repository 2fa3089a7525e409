"""A printer that runs until its script ends: papers as files, troubles as the script orders them."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from drivers.glyphs import find_fonts
from simulator.printer.printer import Printer
from simulator.printer.state import ANSWERS
from simulator.printer.tray import Tray
from simulator.wires.line import Line, Plug
from simulator.wires.script import Command, Say, lead, number, only

SWITCHES = {
    "paper": ("paper_out", "out", "in"),
    "cover": ("cover_open", "open", "closed"),
    "cutter": ("cutter_jam", "jammed", "free"),
    "head": ("overheated", "hot", "cool"),
    "rest": ("keeps", "kept", "dropped"),
    "echo": ("echoes", "on", "off"),
}


def run_printer(
    plug: Plug,
    out: Path,
    *,
    script: Iterable[str] | None = None,
    say: Say = lambda text: None,
    **device: Any,
) -> None:
    """Be a printer until the script says ``quit``; ``device`` is what ``Printer`` takes.

    Says where it is, each paper it gave, each change, and at the end how many bytes were lost.  Raises ScriptError, or
    OSError when there is no such place.
    """
    find_fonts()  # says at once when there is none
    with Tray(out, say) as tray, Line(Printer(tray.put, **device), plug) as line:
        say(f"printer at {line.address}, papers in {out}")
        try:
            lead(line, script, commands(line), say)
        finally:
            if lost := line.do(lambda printer, now: printer.lost):
                say(f"{lost} bytes lost: they came without room in the buffer")


def commands(line: Line[Printer]) -> dict[str, Command]:
    """The script lines of a printer."""
    return {
        **{name: _switch(line, *words) for name, words in SWITCHES.items()},
        "roll": lambda words: _roll(line, words),
        "answers": lambda words: _answers(line, words),
        "speed": lambda words: _speed(line, words),
        "late": lambda words: _late(line, words),
        "power": lambda words: _power(line, words),
        "half": lambda words: _half(line, words),
    }


def _trouble(line: Line[Printer], **changes: Any) -> None:
    line.do(lambda printer, now: printer.trouble(now, **changes))


def _switch(line: Line[Printer], trouble: str, on: str, off: str) -> Command:
    def command(words: list[str]) -> None:
        word = one_of(words, on, off)
        _trouble(line, **{trouble: word == on})

    return command


def one_of(words: list[str], *choices: str) -> str:
    """The one word that follows a command, of these; raises ValueError."""
    usage = f"{', '.join(choices[:-1])} or {choices[-1]}"
    word = only(words, usage)
    if word not in choices:
        raise ValueError(f"write {usage}")
    return word


def _roll(line: Line[Printer], words: list[str]) -> None:
    if words[:1] == ["new"] and len(words) <= 2:
        mm = _amount(words[1]) if words[1:] else None
        line.do(lambda printer, now: printer.new_roll(now, None if mm is None else float(mm)))
    else:
        _trouble(line, near_end=one_of(words, "low", "full", "new [MM]") == "low")


def _answers(line: Line[Printer], words: list[str]) -> None:
    word = one_of(words, "on", "off", "idle", *ANSWERS)
    if word in ANSWERS:
        _trouble(line, answers=word)
    else:
        _trouble(line, silent=word == "off", idle_only=word == "idle")


def _speed(line: Line[Printer], words: list[str]) -> None:
    rate = _amount(only(words, "speed MM_PER_SECOND, 0 for at once"))
    _trouble(line, mm_per_s=float(rate) or None)


def _late(line: Line[Printer], words: list[str]) -> None:
    _trouble(line, late_s=float(_amount(only(words, "late SECONDS"))))


def _power(line: Line[Printer], words: list[str]) -> None:
    word = one_of(words, "on", "off", "cycle")
    steps: dict[str, tuple[bool, ...]] = {"on": (True,), "off": (False,), "cycle": (False, True)}
    for on in steps[word]:
        line.do(_set_power(on))


def _set_power(on: bool) -> Callable[[Printer, float], None]:
    return lambda printer, now: printer.power(now, on)


def _half(line: Line[Printer], words: list[str]) -> None:
    wanting = int(_amount(only(words, "half BYTES"))) if words else None
    line.do(lambda printer, now: printer.leave_half(now, *([] if wanting is None else [wanting])))


def _amount(text: str) -> Decimal:
    value = number(text)
    if value < 0:
        raise ValueError(f"{text}: not less than 0")
    return value
