"""Manual pages and completion have every command, and what reads them takes them."""

import gzip
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import pytest

from edge.cli.main import main
from edge.packaging.manual import completions, manuals
from edge.packaging.package import ROOT


@pytest.fixture(scope="module")
def pages() -> Mapping[str, str]:
    """The text of each page by its path."""
    made = manuals(main, "marketedge", "1.2", ROOT / "edge/config/template.toml")
    return {path: gzip.decompress(page).decode() for path, page in made.items()}


def options(command: click.Command) -> set[str]:
    below = command.commands.values() if isinstance(command, click.Group) else ()
    own = {name for parameter in command.params for name in parameter.opts if name.startswith("--")}
    return own.union(*(options(one) for one in below))


def test_each_command_has_a_page_with_each_of_its_options(pages: Mapping[str, str]) -> None:
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        text = pages[f"usr/share/man/man1/marketedge-{name}.1.gz"]
        missing = [option for option in options(command) if option.replace("-", r"\-") not in text]
        assert not missing, name
        assert rf"marketedge\-{name.replace('-', chr(92) + '-')}" in pages["usr/share/man/man1/marketedge.1.gz"]


def test_the_configuration_has_a_page_with_every_section(pages: Mapping[str, str]) -> None:
    text = pages["usr/share/man/man5/station.toml.5.gz"]
    assert all(f"[{name}]" in text for name in ("station", "city", "web", "clock", "[scale]", "[printer]"))


def test_lines_that_are_not_to_be_filled_stay_lines(pages: Mapping[str, str]) -> None:
    assert not [path for path, text in pages.items() if "\b" in text]
    steps = pages["usr/share/man/man1/marketedge.1.gz"].partition("\n.nf\n")[2].partition("\n.fi\n")[0]
    (first,) = [line for line in steps.splitlines() if line.strip().startswith("marketedge init")]
    assert "setup" not in first


@pytest.mark.parametrize("name", ["man1/marketedge.1", "man1/marketedge-ledger.1", "man5/station.toml.5"])
def test_man_reads_a_page_without_a_word(pages: Mapping[str, str], name: str) -> None:
    done = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-"],
        input=pages[f"usr/share/man/{name}.gz"].encode(),
        capture_output=True,
        env={"PATH": "/usr/bin:/bin", "MANWIDTH": "100", "LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANPAGER": "cat"},
    )
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.decode().splitlines() if "can't break line" not in line] == []
    assert b"marketedge 1.2" in done.stdout


def test_a_shell_completes_commands_and_options() -> None:
    made = completions(main, "marketedge")
    assert {path.split("/")[2] for path in made} == {"bash-completion", "zsh", "fish"}
    bash = made["usr/share/bash-completion/completions/marketedge"]
    asked = """
    COMP_WORDS=(marketedge led) COMP_CWORD=1
    _marketedge_completion marketedge
    echo "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        ["bash", "-c", f"{bash}\n{asked}"],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.split() == ["ledger"], done.stderr
