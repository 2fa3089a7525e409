"""A box before its first start: a scale and a receipt printer on ptys, behind USB adapters."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from simulator.machine import Adapter, Machine
from simulator.printer.printed import Paper
from simulator.printer.printer import Printer
from simulator.scales._pan import Pan, find
from simulator.wires.line import Line, Pty


@dataclass
class NewBox:
    """``folder`` is where its station will be; ``environ`` says where its devices are."""

    folder: Path
    environ: dict[str, str]
    scale: Adapter
    printer: Adapter
    printing: Line[Printer]
    papers: list[Paper] = field(default_factory=list)


@pytest.fixture
def new_box(tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Iterator[NewBox]:
    for name, value in machine.environ.items():
        monkeypatch.setenv(name, value)
    pan = Pan(settle=0.0)
    pan.put(Decimal("1.110"), 0.0)
    papers: list[Paper] = []
    with ExitStack() as open_lines:
        scale: Line[Any] = open_lines.enter_context(Line(find("st_gs")(pan), Pty(tmp_path / "scale")))
        printer = open_lines.enter_context(Line(Printer(papers.append), Pty(tmp_path / "printer")))
        yield NewBox(
            tmp_path / "mystall",
            dict(machine.environ),
            machine.plug(scale.address, "1.2", serial="A50285BI"),
            machine.plug(printer.address, "1.3"),
            printer,
            papers,
        )
