"""A bundle of parts that hold names, are too long, or cannot be made. That it is whole is tried at a real station."""

import io
import os
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.care.bundle import MOST, Bundle, Part, data_of
from edge.cli.main import main
from edge.config.sections import load


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Of a station whose ledger knows one person."""
    path = tmp_path / "station" / "station.toml"
    for words in (
        ["init", str(path.parent), "--job", "stall"],
        ["operators", "add", "1", "秘密甲", "--role", "supervisor", "-c", str(path)],
    ):
        done = CliRunner().invoke(main, words, input="482917\n482917\n")
        assert done.exit_code == 0, done.output
    return path


def files(bundle: Bundle, *more: Part) -> dict[str, str]:
    pieces = list(bundle.stream(more))
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as packed:
        made = {name: packed.read(name).decode("utf-8") for name in packed.namelist()}
    assert len(pieces) == len(made)  # a part leaves when it is made
    return made


def test_names_that_the_ledger_knows_are_in_no_part(config: Path) -> None:
    frame = f"frame=1 dir=in hex={'秘密甲'.encode('gb18030').hex()} text='......'"
    bundle = Bundle(
        config, load(config), log=lambda: ["INFO x: 秘密甲 said 13812345678"], frames={"tester-1": lambda: [frame]}
    )
    made = files(bundle)
    assert made["log.txt"] == "INFO x: 〈name〉 said 138…78"
    assert made["frames/tester-1.txt"] == "frame=1 dir=in hex=…"


def test_of_a_long_log_the_end_is_kept_and_of_other_parts_the_beginning(config: Path) -> None:
    bundle = Bundle(config, load(config), log=lambda: ["x" * 99] * 10_000 + ["the end"])
    made = files(bundle, Part("more.txt", "更多", "more", lambda: "begin" + "汉" * MOST))
    assert made["log.txt"].endswith("the end")
    assert made["more.txt"].startswith("begin")
    assert all(len(text.encode()) <= MOST for text in made.values())


def test_a_part_that_cannot_be_made_says_why_and_the_others_are_there(config: Path) -> None:
    def broken() -> str:
        raise RuntimeError("秘密甲 broke it")

    made = files(Bundle(config, load(config)), Part("more.txt", "更多", "more", broken))
    assert made["more.txt.failed.txt"] == "RuntimeError: 〈name〉 broke it\n"
    assert "more.txt.failed.txt" in made["INDEX.txt"]
    assert "ledger.json" in made


def test_without_a_file_there_is_still_a_bundle(tmp_path: Path) -> None:
    made = files(Bundle(tmp_path / "no" / "station.toml", None, "no such file"))
    assert made["config/mistakes.txt"] == "no such file"
    assert "FileNotFoundError" in made["config/station.toml.failed.txt"]
    assert "versions.json" in made


def test_the_ledger_of_a_configuration_that_cannot_be_read_is_found(tmp_path: Path) -> None:
    path = tmp_path / "station.toml"
    path.write_text('[station\ndata = "elsewhere" # here\n', "utf-8")
    assert data_of(path) == tmp_path / "elsewhere"
    assert data_of(tmp_path / "none.toml") == tmp_path / "data"


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journal with a line; the file has what it was asked."""
    program, asked = tmp_path / "journalctl", tmp_path / "asked"
    program.write_text(f'#!/bin/sh\necho "$*" > {asked}\necho 秘密甲 was here\n', "utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return asked


@pytest.mark.parametrize(("given", "asked"), [("", "marketedge@station.service"), ("till", "till")])
def test_the_journal_is_asked_for_the_unit_of_the_stations_folder(
    config: Path, journal: Path, given: str, asked: str
) -> None:
    made = files(Bundle(config, load(config), unit=given))
    assert made["journal.txt"] == "〈name〉 was here\n"
    assert journal.read_text("ascii").endswith(f"-u {asked}\n")


def test_who_may_read_the_journal_puts_it_beside_what_the_station_made(
    config: Path, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = Bundle(config, load(config))
    with monkeypatch.context() as without:
        without.setenv("PATH", "")
        of_station = b"".join(bundle.stream())
    whole = bundle.with_journal(of_station)
    assert bundle.with_journal(whole) == whole
    with zipfile.ZipFile(io.BytesIO(of_station)) as theirs, zipfile.ZipFile(io.BytesIO(whole)) as ours:
        assert "journal.txt" not in theirs.namelist()
        assert {*ours.namelist()} == {*theirs.namelist(), "journal.txt"}
        assert ours.read("ledger.json") == theirs.read("ledger.json")
        assert ours.read("journal.txt").decode() == "〈name〉 was here\n"
        assert "journal.txt" in ours.read("INDEX.txt").decode()
