"""``marketedge check`` asks printers how they are and what the clock is worth, and says what to do."""

import logging
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edge.cli import main
from edge.clock import WORDS, Clock
from edge.config import load
from simulator.line import Line, Pty
from simulator.printer import Printer


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """The command mutes the log of its process; here others still listen."""
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def printer(tmp_path: Path) -> Iterator[Line[Printer]]:
    with Line(Printer(lambda paper: None), Pty(tmp_path / "printer")) as line:
        yield line


def said(tmp_path: Path, port: str, **options: str) -> str:
    """The line about the printer."""
    done = CliRunner().invoke(main, ["init", str(tmp_path / "stall"), "--job", "stall"])
    assert done.exit_code == 0, done.output
    config = tmp_path / "stall" / "station.toml"
    more = "".join(f"{name} = {value}\n" for name, value in options.items())
    text = config.read_text("utf-8") + f'\n[[printer]]\nname = "printer-1"\nport = "{port}"\n{more}'
    config.write_text(text, "utf-8")
    lines = CliRunner().invoke(main, ["check", "-c", str(config)]).output.splitlines()
    (found,) = [line for line in lines if "printer-1" in line]
    return found


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ({}, "ok   printer-1: {port}: ready"),
        ({"near_end": True}, "ok   printer-1: {port}: ready; the paper is nearly out"),
        ({"paper_out": True}, "FAIL printer-1: {port}: no paper: put in a roll"),
        ({"cover_open": True}, "FAIL printer-1: {port}: the cover is open: close it"),
        ({"cutter_jam": True}, "FAIL printer-1: {port}: the cutter is jammed: clear it, switch the printer off and on"),
        ({"silent": True}, "ok   printer-1: {port}: opened, but it does not answer: papers cannot be proven"),
    ],
)
def test_a_printer_is_asked_how_it_is(
    tmp_path: Path, printer: Line[Printer], trouble: dict[str, Any], words: str
) -> None:
    printer.do(lambda device, now: device.trouble(now, **trouble))
    assert said(tmp_path, printer.address).startswith(words.format(port=printer.address))


def test_a_printer_that_is_not_there_is_named_with_the_next_step(tmp_path: Path) -> None:
    port = str(tmp_path / "nothing")
    assert said(tmp_path, port).startswith(f"FAIL printer-1: {port}: cannot open the printer")


def test_a_slow_line_is_said_with_a_way_out(tmp_path: Path, printer: Line[Printer]) -> None:
    slow = "a slip takes about 16 s at 9600 baud: set printer and link to 115200"
    assert slow in said(tmp_path, printer.address, link='"9600/8n1"')


def test_a_printer_that_draws_codes_itself_is_quick_enough(tmp_path: Path, printer: Line[Printer]) -> None:
    assert "baud" not in said(tmp_path, printer.address, link='"9600/8n1"', change='{ codes = "native" }')


# --- the clock --------------------------------------------------------------------------------------------------------


def at(text: str) -> float:
    return datetime.fromisoformat(f"{text}+08:00").timestamp()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    assert CliRunner().invoke(main, ["init", str(tmp_path / "stall"), "--job", "stall"]).exit_code == 0
    return tmp_path / "stall" / "station.toml"


def clock_line(config: Path, monkeypatch: pytest.MonkeyPatch, wall: str, kernel: bool | None) -> str:
    """The line about the clock, with this wall clock and word of the kernel."""
    made = partial(Clock, wall=lambda: at(wall), since_boot=lambda: 50.0, kernel=lambda: kernel)
    monkeypatch.setattr("edge.commands_check.BROKER_SECONDS", 0.0)
    monkeypatch.setattr("edge.commands_check.Clock", made)
    lines = CliRunner().invoke(main, ["check", "-c", str(config)]).output.splitlines()
    (found,) = [line for line in lines if " clock: " in line]
    return found


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("kernel", "why"), [(None, "refused"), (False, "unsynced")])
def test_why_the_clock_is_not_synchronised_is_said_in_the_stations_language(
    config: Path, monkeypatch: pytest.MonkeyPatch, language: str, kernel: bool | None, why: Any
) -> None:
    text = config.read_text("utf-8")
    assert 'language = "zh"' in text
    config.write_text(text.replace('language = "zh"', f'language = "{language}"', 1), "utf-8")
    line = clock_line(config, monkeypatch, "2026-11-27 08:00", kernel)
    assert line.startswith("FAIL clock: 2026-11-27T08:00:00") and line.endswith(WORDS[why][language == "en"])


def test_a_synchronised_clock_is_well(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = clock_line(config, monkeypatch, "2026-11-27 08:00", True)
    assert line.startswith("ok   clock: 2026-11-27T08:00:00") and line.endswith("synced")


@pytest.mark.parametrize(
    ("recorded", "wall", "words"),
    [
        ("2063-01-01 08:00", "2026-11-27 08:00", "ok   clock: 2026-11-27T08:00"),
        ("2026-11-27 08:00", "2031-03-01 09:30", "FAIL clock: 2026-11-27T08:00"),
        ("2026-11-27 08:00", "2026-12-01 07:00", "ok   clock: 2026-12-01T07:00"),
    ],
)
def test_the_clock_is_judged_as_the_station_would_after_its_last_record(
    config: Path, monkeypatch: pytest.MonkeyPatch, box: Any, recorded: str, wall: str, words: str
) -> None:
    one = box()
    one.wall, one.kernel = at(recorded), recorded < "2060"
    one.start()
    one.enter()
    one.stop()
    data = load(config).station.data
    data.parent.mkdir(parents=True, exist_ok=True)
    (one.folder / "data").rename(data)
    line = clock_line(config, monkeypatch, wall, True)
    assert line.startswith(words)
    assert ("2031-03-01 09:30" in line) is (wall[:4] == "2031")
