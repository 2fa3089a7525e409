"""What stands on a port is found on real ptys; what is asked for that changes nothing at a scale."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from drivers.discover import FoundPort
from drivers.transports import usb
from edge.between.tongue import speak
from edge.config.sections import load
from edge.setup import found
from edge.setup.found import look, progress
from edge.setup.walk import Walk
from protocol import formats
from protocol.printers import status
from simulator.machine import Machine
from simulator.printer.printer import Printer
from simulator.scales._pan import Pan, find
from simulator.scales.hid_scale import HidScale
from simulator.wires.line import Line
from simulator.wires.usb import Bus, HidScaleGadget, PrinterGadget, UsbPlug
from simulator.wires.usb_host import Backend


def quiet(text: str) -> None:
    """Nobody is told."""


def test_a_scale_and_a_printer_are_told_apart(new_box: Any) -> None:
    scale, printer = found.ports()
    assert (scale.stable, printer.stable) == (str(new_box.scale.by_id), str(new_box.printer.by_path))
    seen = look(scale, quiet)
    assert not seen.printer and seen.matches[0].protocol == "st_gs" and "1.110 kg" in seen.told.zh
    seen = look(printer, quiet)
    assert seen.printer and seen.link == "115200/8n1" and not seen.matches


def test_a_usb_scale_and_a_usb_printer_are_found_and_written(
    tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in machine.environ.items():
        monkeypatch.setenv(name, value)
    bus = Bus()
    monkeypatch.setattr(usb, "backend", lambda: Backend(bus))
    pan = Pan(settle=0.0)
    pan.put(Decimal("1.110"), 0.0)
    with (
        Line(HidScale(pan), UsbPlug(bus, HidScaleGadget())),
        Line(Printer(lambda paper: None), UsbPlug(bus, PrinterGadget(), "usb:0416:5011:SIM58")),
    ):
        walk = Walk(tmp_path / "mystall")
        while (question := walk.question()) is not None:
            if act := walk.answer(question, "skip" if question.key.startswith("print ") else ""):
                walk.do(act, quiet)
    config = load(tmp_path / "mystall" / "station.toml")
    (scale,), (printer,) = config.scale, config.printer
    assert (scale.port, scale.row().format, scale.link) == ("usb-hid:0eb8:f000:SIM0001", "hid_scale", "")
    assert (printer.port, printer.profile) == ("usb:0416:5011:SIM58", "generic-58")


def test_a_port_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    gone = FoundPort(str(tmp_path / "gone"), "ttyUSB9", "USB Serial")
    assert look(gone, quiet).why.startswith("no such device")


@pytest.mark.parametrize(
    ("answer", "printer"),
    [(b"\x12", True), (b"\x16", True), (b"", False), (b"\x12\x12", False), (b"\x10\x04\x01", False), (b"\x06", False)],
)
def test_only_what_a_printer_answers_counts(answer: bytes, printer: bool) -> None:
    """One status byte: no echo of the question, no ACK, nothing that goes on."""
    sent: list[bytes] = []
    assert found._answered(sent.append, lambda seconds: answer, status.PRINTER) is printer
    assert sent == [b"\x10\x04\x01"]


SCALES = sorted(name for name in formats.ids("scale") if formats.find(name).wire == "serial")


@pytest.mark.parametrize("name", SCALES)
def test_the_question_for_printers_changes_nothing_at_a_scale(name: str) -> None:
    """Neither zero nor tare, nor anything else that it states: two alike, one of which is asked."""
    said = []
    for asked in (b"", status.ask(status.PRINTER) + status.ask(status.PAPER)):
        pan = Pan(settle=0.0)
        pan.put(Decimal("1.110"), 0.0)
        device: Any = find(name)(pan)
        device.receive(asked, 1.0)
        device.pending(1.1)
        said.append((pan.tare, pan.reading(2.0), pan.load))
    assert said[0] == said[1]


def test_how_far_it_is_is_said_in_the_persons_language() -> None:
    speak("zh")
    assert progress("asking at 9600/8n1: mt_sics, cas") == "正在询问 9600/8n1"
    speak("en")
    assert progress("listening at 4800 baud") == "listening 4800"
    speak("zh")
