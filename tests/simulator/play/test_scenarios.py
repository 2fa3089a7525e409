"""Each scenario of the library comes out, played as people play it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.play.reading import library


def play(*words: str) -> tuple[int, dict[str, object]]:
    command = [sys.executable, "-m", "simulator.cli", "play", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


@pytest.mark.broker
@pytest.mark.parametrize("name", library())
def test_a_scenario_comes_out(name: str) -> None:
    code, verdict = play(name)
    assert (code, verdict["ok"], verdict["wrong"]) == (0, True, [])
    assert verdict["answered"] and verdict["recorded"] == verdict["in_city"]


def test_what_does_not_come_out_is_told_by_its_step_and_fails(tmp_path: Path) -> None:
    path = tmp_path / "day.toml"
    path.write_text(
        """
name = "x"
[[step]]
do = "entry"
lot = "cabbage"
product = "大白菜"
kg = 320
[[step]]
do = "sale"
lot = "cabbage"
kg = 1
""",
        "utf-8",
    )
    code, verdict = play(str(path), "--embedded", "--quiet")
    assert (code, verdict["ok"]) == (1, False)
    (wrong,) = verdict["wrong"]  # type: ignore[misc]
    assert wrong.startswith("step 2 (sale): the station refuses: lot_pending")
