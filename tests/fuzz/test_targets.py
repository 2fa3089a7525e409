"""Every fuzz target takes what it begins with, so that `make fuzz` can be trusted to look at something."""

import subprocess
import sys
from pathlib import Path

FUZZ = Path(__file__).parent


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, str(FUZZ), *words], capture_output=True, text=True)


def test_every_target_takes_its_seeds() -> None:
    done = run("--once")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "targets took their seeds" in done.stdout


def test_an_unknown_target_is_named_with_those_there_are() -> None:
    done = run("--only", "no-such")
    assert done.returncode == 2
    assert "no target no-such; there are: adam_azextra" in done.stderr
