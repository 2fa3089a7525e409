"""The sector beside the ledger: what was written last is read, whole, however the write after it was cut off."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.between.print_states import PrintState, PrintWhy
from edge.records.turns import APART, BOTH, FILE, MAYBE, SECTORS, Became, Turns

PRINTED = PrintState.PRINTED, PrintWhy.GS_R
ONE: Became = {181: PRINTED, 182: MAYBE}
TWO: Became = {181: PRINTED, 182: PRINTED, 183: MAYBE}


@pytest.fixture
def turns(tmp_path: Path) -> Turns:
    """Of a folder on a disk that is written to past its cache."""
    made = Turns(tmp_path)
    if not made.write({}):
        pytest.skip("this disk is only written to through its cache")
    return made


def whats() -> st.SearchStrategy[tuple[PrintState, PrintWhy]]:
    return st.tuples(st.sampled_from(PrintState), st.sampled_from(PrintWhy))


def test_what_was_written_last_is_read_by_the_next_run(turns: Turns, tmp_path: Path) -> None:
    assert turns.write(ONE)
    assert turns.write(TWO)
    assert Turns(tmp_path).read() == TWO
    after = Turns(tmp_path)  # one that writes before it has read anything
    assert after.write(ONE)
    assert Turns(tmp_path).read() == ONE
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / FILE).stat().st_size == BOTH


@given(became=st.dictionaries(st.integers(1, 40) | st.integers(1, 2**40), whats(), max_size=12))
def test_every_set_comes_back_or_is_not_taken(tmp_path_factory: pytest.TempPathFactory, became: Became) -> None:
    turns = Turns(tmp_path_factory.getbasetemp())
    if turns.takes(became) and turns.write(became):
        assert turns.read() == became
    turns.close()


def test_a_hundred_papers_of_two_printers_take_a_sector_and_a_mixed_lot_is_left_to_the_ledger(turns: Turns) -> None:
    morning = {**dict.fromkeys(range(1000, 1050), PRINTED), **dict.fromkeys(range(1050, 1099), PRINTED), 1099: MAYBE}
    assert turns.takes(morning)
    assert turns.write(morning)
    mixed = {job: (PRINTED, MAYBE)[job % 2] for job in range(1000, 1100)}
    assert not turns.takes(mixed)
    assert not turns.write(mixed)
    assert turns.read() == morning


@pytest.mark.parametrize("cut", [0, 1, 8, 9, 40, 60, 511])
def test_a_write_that_was_cut_off_leaves_what_was_there_before(turns: Turns, tmp_path: Path, cut: int) -> None:
    file = tmp_path / FILE
    assert turns.write(ONE)
    before = file.read_bytes()
    assert turns.write(TWO)
    after = file.read_bytes()
    place = 0 if before[:512] != after[:512] else APART
    assert before[APART - place : APART - place + 512] == after[APART - place : APART - place + 512]
    torn = bytearray(after)
    torn[place + cut : place + 512] = before[place + cut : place + 512]
    file.write_bytes(torn)
    assert Turns(tmp_path).read() == (TWO if bytes(torn) == after else ONE)


def test_a_write_that_failed_is_no_turn_and_the_ledger_has_the_next(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert turns.write(ONE)
    for fails in (lambda *_: _fails(errno.EIO), lambda *_: 100):  # the disk fails, or takes a part
        monkeypatch.setattr(os, "pwrite", fails)
        assert not turns.write(TWO)
    monkeypatch.undo()
    assert not turns.takes(TWO)
    assert not turns.write(TWO)
    assert turns.read() == ONE


@pytest.mark.parametrize("least", [512, 4096, 8192])
def test_a_disk_gets_sectors_of_its_own_size(turns: Turns, monkeypatch: pytest.MonkeyPatch, least: int) -> None:
    pwrite = os.pwrite

    def takes(file: int, data: memoryview, at: int) -> int:
        return pwrite(file, data, at) if len(data) % least == 0 else _fails(errno.EINVAL)

    monkeypatch.setattr(os, "pwrite", takes)
    assert turns.write(TWO) == (least in SECTORS)
    assert turns.takes(TWO) == (least in SECTORS)
    assert turns.read() == (TWO if least in SECTORS else {})


def test_a_folder_without_a_way_past_the_cache_has_no_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: Callable[..., int] = os.open

    def cached(path: str, flags: int, *mode: int) -> int:
        return _fails(errno.EINVAL) if flags & os.O_DIRECT else opened(path, flags, *mode)

    monkeypatch.setattr(os, "open", cached)
    turns = Turns(tmp_path)
    assert not turns.write(ONE)
    assert not turns.takes(ONE)
    assert turns.read() == {}


def test_what_is_no_line_of_ours_says_nothing(turns: Turns, tmp_path: Path) -> None:
    for data in (b"", b"\n", bytes(BOTH), b"00000000 {}\n", b"xyz {}", os.urandom(BOTH)):
        (tmp_path / FILE).write_bytes(data)
        assert Turns(tmp_path).read() == {}
    turns.close()


def test_a_word_of_a_newer_release_may_be_anything(turns: Turns, tmp_path: Path) -> None:
    assert turns.write({7: ("printed", "by_magic"), 8: PRINTED})  # type: ignore[dict-item]
    assert Turns(tmp_path).read() == {7: MAYBE, 8: PRINTED}


def test_what_the_ledger_has_is_forgotten(turns: Turns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert turns.write(ONE)
    turns.forget()
    assert Turns(tmp_path).read() == {}
    assert turns.write(ONE)
    monkeypatch.setattr(os, "pwrite", lambda *_: _fails(errno.EIO))
    turns.forget()
    assert not (tmp_path / FILE).exists()


def _fails(number: int) -> int:
    raise OSError(number, os.strerror(number))
