"""`marketedge contract`: documents for other programs, on the screen or as files."""

import json
from pathlib import Path

from click.testing import CliRunner

from edge.cli.main import main
from protocol.city.commands import COMMANDS
from protocol.city.events import EVENTS


def test_the_schemas_are_printed_together_or_written_a_file_each(tmp_path: Path) -> None:
    printed = json.loads(CliRunner().invoke(main, ["contract", "schemas"]).stdout)
    done = CliRunner().invoke(main, ["contract", "schemas", "--out", str(tmp_path / "here")])
    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) == len(printed) == len(EVENTS) + len(COMMANDS) + 7
    written = {file.name: json.loads(file.read_text("utf-8")) for file in (tmp_path / "here").iterdir()}
    assert written["cmd.stop_lot.schema.json"] == printed["cmd/stop_lot"]
    assert written["trade.completed.schema.json"] == printed["trade.completed"]
    assert len(written) == len(printed)


def test_the_asyncapi_document_is_one(tmp_path: Path) -> None:
    printed = json.loads(CliRunner().invoke(main, ["contract", "asyncapi"]).stdout)
    assert printed["asyncapi"] == "3.0.0"
    CliRunner().invoke(main, ["contract", "asyncapi", "--out", str(tmp_path)])
    assert json.loads((tmp_path / "asyncapi.json").read_text("utf-8")) == printed


def test_a_folder_that_cannot_be_made_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = CliRunner().invoke(main, ["contract", "asyncapi", "--out", str(tmp_path / "file" / "folder")])
    assert done.exit_code == 1
    assert "file" in done.output and "Traceback" not in done.output
