"""Each scenario of the library comes out, played as people play it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from simulator.play.command import command
from simulator.play.reading import library


@pytest.mark.broker
@pytest.mark.parametrize("name", library())
def test_a_scenario_comes_out(name: str) -> None:
    done = CliRunner().invoke(command, [name, "--quiet"])
    (last,) = done.stdout.splitlines()
    verdict = json.loads(last)
    assert (done.exit_code, verdict["ok"], verdict["wrong"]) == (0, True, [])
    assert verdict["answered"] and verdict["recorded"] == verdict["in_city"]


def test_what_does_not_come_out_is_told_by_its_step_and_fails(tmp_path: Path) -> None:
    path = tmp_path / "day.toml"
    entry = 'do = "entry"\nlot = "cabbage"\nproduct = "大白菜"\nkg = 320\n'
    path.write_text(f'name = "x"\n[[step]]\n{entry}[[step]]\ndo = "sale"\nlot = "cabbage"\nkg = 1\n', "utf-8")
    done = CliRunner().invoke(command, [str(path), "--embedded"])
    *told, last = done.stdout.splitlines()
    assert (done.exit_code, json.loads(last)["ok"]) == (1, False)
    assert "320 kg 大白菜 came in" in done.stdout
    assert told[-1].startswith("  ✗ step 2 (sale): the station refuses: lot_pending")


def test_a_file_with_mistakes_is_not_played(tmp_path: Path) -> None:
    path = tmp_path / "day.toml"
    path.write_text('name = "x"\n[[step]]\ndo = "sel"\n', "utf-8")
    done = CliRunner().invoke(command, [str(path)])
    assert done.exit_code == 2
    assert f"{path} line 3: there is no step 'sel'" in done.stderr
    listed = CliRunner().invoke(command, ["--list"]).stdout
    assert [line.split()[0] for line in listed.splitlines()] == library()
