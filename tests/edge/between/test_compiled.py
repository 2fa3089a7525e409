"""Templates are compiled once, and anew when anything of them changed."""

import sys
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader

from edge.between.compiled import Compiled


class Counting(Environment):
    """Counts what it compiles."""

    compiled = 0

    def _generate(self, *args: object, **options: object) -> str:
        self.compiled += 1
        return super()._generate(*args, **options)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


def painted(folder: Path, of: Path, name: str = "a.html", elsewhere: Path | None = None) -> tuple[str, int]:
    """What a process makes of it, and how many templates it compiled for that."""
    loader = FileSystemLoader(elsewhere or folder)
    environment = Counting(loader=loader, bytecode_cache=Compiled(folder, (str(of),)))
    return environment.get_template(name).render(), environment.compiled


def test_another_process_compiles_nothing_until_something_changed(tmp_path: Path) -> None:
    folder, code = tmp_path / "templates", tmp_path / "code.py"
    folder.mkdir()
    code.write_text("")
    (folder / "a.html").write_text("{{ 1 + 1 }}")
    assert painted(folder, code) == ("2", 1)
    assert painted(folder, code) == ("2", 0)
    (folder / "a.html").write_text("{{ 1 + 2 }}")
    assert painted(folder, code) == ("3", 1)
    code.write_text("changed")
    assert painted(folder, code) == ("3", 1)
    assert painted(folder, code) == ("3", 0)


def test_what_is_kept_is_thrown_away_when_it_is_damaged_or_cut_short(tmp_path: Path) -> None:
    folder, code = tmp_path / "templates", tmp_path / "code.py"
    folder.mkdir()
    code.write_text("")
    (folder / "a.html").write_text("{{ 1 + 1 }}")
    painted(folder, code)
    (kept,) = (tmp_path / "__pycache__").iterdir()
    whole = kept.read_bytes()
    for damaged in (b"", whole[:10], whole[:-20], b"\0" * 200):
        kept.write_bytes(damaged)
        assert painted(folder, code) == ("2", 1)


def test_where_nothing_can_be_written_each_process_compiles(tmp_path: Path) -> None:
    folder, code = tmp_path / "templates", tmp_path / "code.py"
    folder.mkdir()
    code.write_text("")
    (folder / "a.html").write_text("{{ 1 + 1 }}")
    (tmp_path / "__pycache__").write_text("a file stands where the folder would")
    assert [painted(folder, code) for _ in range(2)] == [("2", 1), ("2", 1)]


def test_what_a_market_wrote_is_not_kept(tmp_path: Path) -> None:
    ours, theirs, code = tmp_path / "ours", tmp_path / "theirs", tmp_path / "code.py"
    for folder in (ours, theirs):
        folder.mkdir()
    code.write_text("")
    (theirs / "a.html").write_text("{{ 1 + 1 }}")
    assert [painted(ours, code, elsewhere=theirs) for _ in range(2)] == [("2", 1), ("2", 1)]
    assert not (tmp_path / "__pycache__").exists()
