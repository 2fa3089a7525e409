"""`marketedge care`: what a monitoring server is given, on the screen or as a file."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.cli.care import FILES
from edge.cli.main import main

HERE = Path(__file__).parents[3] / "edge" / "care"


def printed(what: str) -> str:
    done = CliRunner().invoke(main, ["care", what])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize("what", FILES)
def test_a_file_takes_the_place_of_an_older_one_and_says_what_the_screen_says(what: str, tmp_path: Path) -> None:
    file = tmp_path / FILES[what]
    file.write_text("of the version before, which was longer\n" * 10_000, "utf-8")
    done = CliRunner().invoke(main, ["care", what, str(file)])
    assert (done.exit_code, done.stdout) == (0, "")
    assert file.read_text("utf-8") == printed(what) == (HERE / FILES[what]).read_text("utf-8")
    assert [*tmp_path.iterdir()] == [file]


def test_a_folder_that_is_not_there_is_told_in_a_line(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["care", "alerts", str(tmp_path / "none" / "alerts.yml")])
    assert done.exit_code == 1
    assert "alerts.yml" in done.output and "Traceback" not in done.output


def test_the_settings_name_the_alarms_beside_them_and_the_job_they_go_by() -> None:
    settings = printed("prometheus")
    assert f"rule_files: [{FILES['alerts']}]" in settings
    assert "labels: { job: marketedge }" in settings
    assert 'up{job="marketedge"}' in printed("alerts")
