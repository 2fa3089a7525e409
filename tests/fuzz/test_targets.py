"""`make fuzz` can be trusted to look at something: what each target begins with is read, and what is wrong is found."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from protocol import formats
from protocol.readings import Garbage, Net, State, Weighing
from protocol.session import Listening

FUZZ = Path(__file__).parent


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, str(FUZZ), *words], capture_output=True, text=True)


@pytest.fixture(scope="module")
def devices() -> Iterator[ModuleType]:
    """The fuzzers' own modules, as they import each other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FUZZ))
        yield importlib.import_module("devices")
    for name in ("devices", "parts"):
        sys.modules.pop(name, None)


def test_every_target_takes_its_seeds() -> None:
    done = run("--once")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "targets took their seeds" in done.stdout


def test_an_unknown_target_is_named_with_those_there_are() -> None:
    done = run("--only", "no-such")
    assert done.returncode == 2
    assert "no target no-such; there are: adam_azextra" in done.stderr


def test_a_planted_fault_is_found_and_kept() -> None:
    """Two bytes at the head and a third behind them, none of them in the seeds: it takes two changes of a seed."""
    done = run("--plant", "--seconds", "60")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "planted: FOUND" in done.stdout


# --- depth ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_id", formats.ids())
def test_the_logs_of_every_format_are_seeds_that_its_decoder_and_its_session_read(
    devices: ModuleType, format_id: str
) -> None:
    rows = devices.rows(format_id)
    seeds = list(devices.device(format_id).seeds())
    known = {seed[0] for seed in seeds}
    assert known >= {place << 1 | bit for place in range(min(len(rows), 128)) for bit in (0, 1)}
    read = {0: 0, 1: 0}
    for seed in seeds:
        row = rows[(seed[0] >> 1) % len(rows)]
        events = devices.talk(row, seed[1:]) if seed[0] & 1 else devices.decode(row, seed[1:])
        read[seed[0] & 1] += sum(not isinstance(event, Garbage) for event in events)
    assert read[0]
    assert read[1]


# --- faults that are planted in a decoder or a session --------------------------------------------------------------

GOOD = Weighing(value=None, unit="kg", net=Net.GROSS, stable=False, state=State.MOTION, raw=b"1")


class Deaf:
    """A decoder that reads a line for each ``1``."""

    def feed(self, data: bytes) -> list[Any]:
        return [GOOD] * data.count(b"1")

    def finish(self) -> list[Any]:
        return []


class ByChunk(Deaf):
    def feed(self, data: bytes) -> list[Any]:
        return [GOOD] if b"1" in data else []


class Keeping(Deaf):
    def __init__(self) -> None:
        self._all = bytearray()

    def feed(self, data: bytes) -> list[Any]:
        self._all += data
        return super().feed(data)


class Endless(Deaf):
    def finish(self) -> list[Any]:
        return [Garbage(b"x", "cut")]


class Doubtful(Deaf):
    def feed(self, data: bytes) -> list[Any]:
        return [replace(GOOD, state=State.OK)]


class Raising(Deaf):
    def feed(self, data: bytes) -> list[Any]:
        raise IndexError(data)


class Twice(Listening):
    def pending(self) -> bytes:
        return b"?"


class Restless(Listening):
    deadline = 0.0


class Talkative(Listening):
    def pending(self) -> bytes:
        return b"?" * 100_000


def row_of(devices: ModuleType, decoder: Any = None, session: Any = None) -> Any:
    (row, *_) = devices.rows("st_gs")

    class Row:
        format = row.format

        def decoder(self) -> Any:
            return (decoder or Deaf)()

        def session(self, today: Any = None) -> Any:
            return session(Deaf()) if session else Listening((decoder or Deaf)())

    return Row()


def test_a_good_decoder_and_a_good_session_pass(devices: ModuleType) -> None:
    row = row_of(devices)
    assert len(devices.decode(row, b"1 1 1")) == 3
    assert len(devices.talk(row, b"\0\x031 1\xa0\x0a\0\x011")) == 3
    devices.kept(row, b"1 " * 20)


@pytest.mark.parametrize("bad", [ByChunk, Endless, Doubtful, Raising])
def test_a_decoder_with_a_fault_does_not(devices: ModuleType, bad: type) -> None:
    with pytest.raises((AssertionError, IndexError)):
        devices.decode(row_of(devices, bad), b"11 11")


def test_a_decoder_that_keeps_all_it_heard_does_not(devices: ModuleType) -> None:
    with pytest.raises(AssertionError, match="are kept of"):
        devices.kept(row_of(devices, Keeping), b"1 " * 20)


@pytest.mark.parametrize("bad", [Twice, Restless, Talkative])
def test_a_session_with_a_fault_does_not(devices: ModuleType, bad: type) -> None:
    with pytest.raises(AssertionError):
        devices.talk(row_of(devices, session=bad), b"\0\x011\xa0\x0a")
