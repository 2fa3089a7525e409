"""How a walk goes: a step after the other, each told with its seconds, up to the first that fails."""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import click
from container import Container
from goods import ROOT
from guest import Guest

from simulator.printer.read import read_papers

Steps = list[tuple[str, Callable[[], object]]]


def walked(name: str, guest: Guest | Container, steps: Steps) -> bool:
    """Whether all of it was done."""
    for what, step in steps:
        began = time.monotonic()
        try:
            step()
        except AssertionError as error:
            click.echo(f"FAILED {name}: {what}: {error}")
            click.echo(guest.tries("journalctl -u 'marketedge*' -o short-monotonic | tail -40")[1])
            return False
        click.echo(f"ok {name}: {what} ({time.monotonic() - began:.1f} s)")
    return True


class Device:
    """A simulated device, a process of its own, which is there when this is."""

    def __init__(self, stack: ExitStack, *words: str) -> None:
        command = [sys.executable, "-u", "-P", "-m", "simulator.cli", *words]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        stack.callback(self._process.wait)
        stack.callback(self._process.kill)
        assert self._process.stdout is not None
        self._said = self._process.stdout.readline()
        assert self._said, f"{words}: it has ended"

    @property
    def port(self) -> int:
        """The TCP port of this machine behind which it is."""
        found = re.search(r"(?:127\.0\.0\.1:|--tcp-port )(\d+)", self._said)
        assert found, self._said
        return int(found[1])

    def does(self, line: str) -> None:
        """A line of its script."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()


class Slips:
    """The papers that a printer keeps in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._seen = folder, 0

    def until(self, *there: str, seconds: float = 60.0) -> str:
        """What came out since it was asked last, once all of this stands in it.

        The pieces are read as one: inside a slip a slow guest pauses for longer than the simulated hand waits that
        tears it off.
        """
        end = time.monotonic() + seconds
        while True:
            found = sorted(self._folder.glob("*.bin"))
            papers = read_papers(b"".join(file.read_bytes() for file in found[self._seen :]))
            text = "\n".join(paper.text for paper in papers)
            if papers and all(each in text for each in there):
                self._seen = len(found)
                return text
            assert time.monotonic() < end, f"{there} did not come out: {text!r}"
            time.sleep(0.2)
