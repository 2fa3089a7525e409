"""``marketedge check`` asks printers how they are, and says what to do."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edge.cli import main
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
        ({"answers": "dle_eot"}, "ok   printer-1: {port}: ready"),
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


def test_templates_are_looked_at(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["init", str(tmp_path / "stall"), "--job", "stall"])
    assert done.exit_code == 0, done.output
    config, folder = tmp_path / "stall" / "station.toml", tmp_path / "papers"
    folder.mkdir()
    text = config.read_text("utf-8").replace("[paper]", f'[paper]\ntemplates = "{folder}"')
    config.write_text(text, "utf-8")

    def line() -> str:
        lines = CliRunner().invoke(main, ["check", "-c", str(config)]).output.splitlines()
        return next(line for line in lines if "papers" in line and str(folder) in line)

    (folder / "slip.paper.txt").write_text("text | a\n", "utf-8")
    assert line().startswith(f"ok   papers: {folder}; {folder}/slip.paper.txt: this file is not used")
    (folder / "slip.paper").write_text("say | a\n", "utf-8")
    assert line().startswith(f"FAIL papers: {folder}/slip.paper:1: 'say' is no part")
