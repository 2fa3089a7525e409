"""A ledger that a lying disk left shorter at a power cut: no station goes on with it as if nothing were missing."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from edge.records.ledger import FILE, LedgerUnusable

Home = Any  # of conftest.py
RECORDS, PAGE = 40, 512


def whole(home: Home) -> Path:
    """Its folder after a quiet stop: everything in the file, nothing in the log."""
    home.works(RECORDS)
    assert not (home.data / f"{FILE}-wal").exists()
    return Path(shutil.copytree(home.data, home.folder / "whole"))


def cut(home: Home, image: Path, pages: int, odd: int = 0) -> None:
    """The file as it was, without its last pages."""
    shutil.rmtree(home.data)
    shutil.copytree(image, home.data)
    with (home.data / FILE).open("r+b") as file:
        file.truncate((image / FILE).stat().st_size - pages * PAGE - odd)


@pytest.mark.parametrize("odd", [0, 3], ids=["at a page's end", "inside a page"])
def test_cut_at_every_page_of_its_tail_it_is_told_at_the_start_and_nothing_is_written(home: Home, odd: int) -> None:
    image = whole(home)
    for pages in range(1, 80):
        cut(home, image, pages, odd)
        left = (home.data / FILE).read_bytes()
        with pytest.raises(LedgerUnusable, match=r"salvage|restore"):
            home.open()
        assert (home.data / FILE).read_bytes() == left


def test_cut_short_it_is_salvaged_and_goes_on_behind_the_city(home: Home, tmp_path: Path, city: Any) -> None:
    """The city had all of it: what the file lost stays there, and no number and no code is given again."""
    codes = home.works(1)
    image = whole(home)
    city.takes(home, RECORDS + 1)
    for turn, pages in enumerate((1, 9, 33)):
        cut(home, image, pages)
        left = str(tmp_path / f"{turn}.tar")
        home.does("salvage", str(home.data / FILE), "-o", left)
        (home.data / FILE).rename(tmp_path / f"{turn}.db")
        answer = home.answers("restore", left, "--person", "王敏")
        assert answer["city"] == RECORDS + 1 and answer["record"] > RECORDS + 1
        ledger = home.open()
        new = home.write(ledger, 1)
        assert ledger.head.seq == answer["record"] + 1
        ledger.close()
        assert not {*new} & {*codes}
        home.key_file.with_suffix(".mark").unlink()  # of this turn
