"""`marketedge check` says what the clock is worth, and why, in the station's language."""

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edge.between import words
from edge.cli.main import main
from edge.config.sections import load
from edge.records.clock import Clock


def at(text: str) -> float:
    return datetime.fromisoformat(f"{text}+08:00").timestamp()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    assert CliRunner().invoke(main, ["init", str(tmp_path / "stall"), "--job", "stall"]).exit_code == 0
    return tmp_path / "stall" / "station.toml"


def clock_line(config: Path, monkeypatch: pytest.MonkeyPatch, wall: str, kernel: bool | None) -> str:
    """The line about the clock, with this wall clock and word of the kernel."""
    made = partial(Clock, wall=lambda: at(wall), since_boot=lambda: 50.0, kernel=lambda: kernel)
    monkeypatch.setattr("edge.cli.check.BROKER_SECONDS", 0.0)
    monkeypatch.setattr("edge.cli.check.Clock", made)
    lines = CliRunner().invoke(main, ["check", "-c", str(config)]).output.splitlines()
    (found,) = [line for line in lines if " clock: " in line]
    return found


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("kernel", "why"), [(None, "refused"), (False, "unsynced")])
def test_why_the_clock_is_not_synchronised_is_said_in_the_stations_language(
    config: Path, monkeypatch: pytest.MonkeyPatch, language: str, kernel: bool | None, why: Any
) -> None:
    text = config.read_text("utf-8")
    assert 'language = "zh"' in text
    config.write_text(text.replace('language = "zh"', f'language = "{language}"', 1), "utf-8")
    line = clock_line(config, monkeypatch, "2026-11-27 08:00", kernel)
    assert line.startswith("FAIL clock: 2026-11-27T08:00:00") and line.endswith(
        words.text("clock_why", why).said(language)
    )


def test_a_synchronised_clock_is_well(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = clock_line(config, monkeypatch, "2026-11-27 08:00", True)
    assert line.startswith("ok   clock: 2026-11-27T08:00:00") and line.endswith("已校准 (网络校时)")


@pytest.mark.parametrize(
    ("recorded", "wall", "words"),
    [
        ("2063-01-01 08:00", "2026-11-27 08:00", "ok   clock: 2026-11-27T08:00"),
        ("2026-11-27 08:00", "2031-03-01 09:30", "FAIL clock: 2026-11-27T08:00"),
        ("2026-11-27 08:00", "2026-12-01 07:00", "ok   clock: 2026-12-01T07:00"),
    ],
)
def test_the_clock_is_judged_as_the_station_would_after_its_last_record(
    config: Path, monkeypatch: pytest.MonkeyPatch, box: Any, recorded: str, wall: str, words: str
) -> None:
    one = box()
    one.wall, one.kernel = at(recorded), recorded < "2060"
    one.start()
    one.enter()
    one.stop()
    data = load(config).station.data
    data.parent.mkdir(parents=True, exist_ok=True)
    (one.folder / "data").rename(data)
    line = clock_line(config, monkeypatch, wall, True)
    assert line.startswith(words)
    assert ("2031-03-01 09:30" in line) is (wall[:4] == "2031")
