"""What root makes at a station is the station's user's to read."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.cli.main import main

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root alone gives files away")
UID, GID = 65534, 65533


@pytest.fixture
def his(tmp_path: Path) -> Path:
    """A folder of somebody's, as the package makes it."""
    folder = tmp_path / "marketedge"
    folder.mkdir()
    os.chown(folder, UID, GID)
    return folder


def marketedge(*words: str | Path, typed: str = "") -> None:
    done = CliRunner().invoke(main, [str(word) for word in words], input=typed)
    assert done.exit_code == 0, done.output


def owners(folder: Path) -> set[tuple[int, int]]:
    return {(about.st_uid, about.st_gid) for about in (file.lstat() for file in (folder, *folder.rglob("*")))}


def test_what_root_makes_in_the_stations_folder_is_its_users(his: Path) -> None:
    station = his / "stall"
    marketedge("init", station, "--job", "stall")
    assert owners(station) == {(UID, GID)}
    marketedge("operators", "add", "1", "王敏", "-c", station / "station.toml", typed="246813\n246813\n")
    assert (station / "data/ledger.db").exists()
    assert owners(station) == {(UID, GID)}


def test_links_and_files_that_also_stand_elsewhere_are_not_given_away(his: Path, tmp_path: Path) -> None:
    station, outside = his / "stall", tmp_path / "roots"
    marketedge("init", station, "--job", "stall")
    outside.write_text("root's")
    (station / "soft").symlink_to(outside)
    (station / "hard").hardlink_to(outside)
    marketedge("operators", "add", "1", "王敏", "-c", station / "station.toml", typed="246813\n246813\n")
    assert outside.stat().st_uid == 0


def test_a_station_of_roots_own_stays_his(tmp_path: Path) -> None:
    marketedge("init", tmp_path / "stall", "--job", "stall")
    assert owners(tmp_path / "stall") == {(0, 0)}
