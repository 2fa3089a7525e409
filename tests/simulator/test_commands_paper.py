"""``marketsim paper`` and ``marketsim printer`` as a person calls them."""

import json
from pathlib import Path

from click.testing import CliRunner

from simulator.commands_paper import paper, printer

DATA = b"\x1b@\x1c&" + "上海青".encode("gbk") + b"\n\x1bZ\x1dV\x01"


def test_bytes_become_json_and_a_picture(tmp_path: Path) -> None:
    file, png = tmp_path / "slip.bin", tmp_path / "slip.png"
    file.write_bytes(DATA)
    result = CliRunner().invoke(paper, [str(file), "--png", str(png)])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {
        "text": "上海青\n",
        "qr": [],
        "barcodes": [],
        "cut": True,
        "unknown": [{"offset": 11, "hex": "1b5a", "why": "not known"}],
    }
    assert png.read_bytes().startswith(b"\x89PNG")


def test_several_papers_are_several_objects_and_pictures(tmp_path: Path) -> None:
    png = tmp_path / "slip.png"
    result = CliRunner().invoke(paper, ["-", "--png", str(png)], input=DATA * 2)
    assert result.exit_code == 0, result.output
    assert result.output.count('"cut": true') == 2
    assert (tmp_path / "slip-2.png").exists()


def test_nothing_on_paper_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty.bin").write_bytes(b"\x1b@")
    result = CliRunner().invoke(paper, [str(tmp_path / "empty.bin")])
    assert result.exit_code == 1
    assert "nothing that would be on paper" in result.output


def test_a_printer_wants_one_place(tmp_path: Path) -> None:
    result = CliRunner().invoke(printer, ["--out", str(tmp_path)])
    assert result.exit_code == 2
    assert "--pty LINK, --tcp PORT or --usb SOCKET" in result.output


def test_a_printer_says_why_it_cannot_be_there(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    result = CliRunner().invoke(printer, ["--out", str(tmp_path / "out"), "--pty", str(tmp_path / "taken")])
    assert result.exit_code == 1
    assert "is not a link" in result.output
