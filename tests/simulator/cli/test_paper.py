"""``marketsim paper`` and ``marketsim printer`` as a person calls them."""

import json
from pathlib import Path

from click.testing import CliRunner

from simulator.cli.paper import paper, printer

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


def test_a_paper_that_is_not_as_it_should_be_is_told_with_offsets() -> None:
    data = b"a\n\x1bp\x00\x19\xfab\x1bZ\n\x1dv0\x00\x30\x00\x02\x00\xff"
    result = CliRunner().invoke(paper, ["-"], input=data)
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines() == [
        "offset 2: 1b 70 00 19 fa: opens the drawer: has no business on a slip",
        "offset 8: 1b 5a: not known",
        "offset 11: 1d 76 30 00 30 00 02 00: half a command: a picture, 95 bytes are missing",
    ]


def test_labels_are_read_too(tmp_path: Path) -> None:
    label = b'SIZE 40 mm,30 mm\r\nCLS\r\nTEXT 0,0,"TSS24.BF2",0,1,1,"a"\r\nPRINT 2\r\n'
    result = CliRunner().invoke(paper, ["-", "--png", str(tmp_path / "label.png")], input=label)
    assert result.exit_code == 0, result.output
    assert result.stdout.count('"text": "a\\n"') == 2
    assert (tmp_path / "label-2.png").exists()


def test_only_a_usb_printer_is_one_way(tmp_path: Path) -> None:
    result = CliRunner().invoke(printer, ["--out", str(tmp_path), "--tcp", "0", "--one-way"])
    assert result.exit_code == 2
    assert "--one-way is for --usb" in result.output


def test_a_network_printer_says_the_address_that_a_station_writes(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("speed 100\nquit\n")
    options = ["--out", str(tmp_path / "out"), "--tcp", "0", "--script", str(tmp_path / "script"), "--roll", "50000"]
    result = CliRunner().invoke(
        printer, [*options, "--buffer", "4096", "--no-flow", "--answers", "dle_eot", "--speed", "9"]
    )
    assert result.exit_code == 0, result.output
    assert result.output.startswith("printer at tcp://127.0.0.1:")
    assert result.output.endswith("\nspeed 100\n")
