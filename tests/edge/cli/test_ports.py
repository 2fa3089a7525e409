"""``marketedge ports`` writes a ``[[printer]]`` to paste."""

import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from drivers.transports import usb as shared
from edge.cli.main import main
from edge.config.sections import PrinterSection
from simulator.wires.usb import BULK, Bus, Description, Endpoint, Gadget, Interface
from simulator.wires.usb_host import Backend

PRINTER = Interface(0, 7, 1, 2, (Endpoint(0x01, BULK, 64), Endpoint(0x82, BULK, 64)))


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Bus:
    made = Bus()
    monkeypatch.setattr(shared, "backend", lambda: Backend(made))
    return made


def said(tmp_path: Path, *options: str) -> str:
    done = CliRunner().invoke(main, ["ports", "-c", str(tmp_path / "none.toml"), *options])
    assert done.exit_code == 0, done.output
    return done.output


def pasted(text: str) -> list[PrinterSection]:
    """What somebody pastes: from the first ``[[printer]]`` on, with its comments."""
    return [PrinterSection.model_validate(row) for row in tomllib.loads(text[text.index("[[printer]]") :])["printer"]]


def test_each_usb_printer_gets_a_piece_that_can_be_pasted(bus: Bus, tmp_path: Path) -> None:
    bus.plug(Gadget(Description(0x04B8, 0x0202, (PRINTER,), "EPSON", "TM-T88V", "J8T0001")))
    bus.plug(Gadget(Description(0x04B8, 0x0E15, (PRINTER,), "EPSON", "TM-T20II", "J8T0002")))
    bus.plug(Gadget(Description(0x0416, 0x5011, (PRINTER,), "STMicro", "POS58 Printer")))
    text = said(tmp_path)
    first, second, third = pasted(text)
    assert (first.port, first.profile, first.change) == (
        "usb:04b8:0202:J8T0001",
        "generic-80",
        {"dots": 512, "columns": 42},
    )
    assert (second.port, second.profile, second.change) == ("usb:04b8:0e15:J8T0002", "tm-t20ii", {})
    assert (third.port, third.profile) == ("usb:0416:5011", "generic-58")
    assert [one.name for one in (first, second, third)] == ["printer-1", "printer-2", "printer-3"]
    assert "proposed by python-escpos' database, not tried" in text and "512 dots, 42 columns, with a cutter" in text
    assert "code pages CP437, CP932" in text
    assert "STMicro POS58 Printer: no row of ours; nothing is known of it" in text


def test_a_printer_is_proposed_by_the_name_on_its_plate(tmp_path: Path) -> None:
    (one,) = pasted(said(tmp_path, "--printer", "tm-u220b").replace('"…"', '"usb:04b8:0202"'))
    assert (one.profile, one.change) == ("impact-76", {"cutter": True})
    unknown = CliRunner().invoke(main, ["ports", "--printer", "no such"])
    assert unknown.exit_code == 2 and "TM-T88V" in unknown.output
