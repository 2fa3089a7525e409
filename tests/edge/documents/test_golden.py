"""The papers as they were when somebody last looked at them.

When a paper changes on purpose: ``MARKETEDGE_GOLDEN=write pytest tests/edge/documents/test_golden.py``, then look at
the difference, and at the picture (``marketsim paper … --png``), before committing.
"""

import os
from pathlib import Path
from typing import Literal

import pytest

from drivers.printers import profile
from edge.documents import report, slip
from protocol.city.events import TestRecorded, TradeCompleted
from protocol.printers.document import Document
from protocol.printers.escpos import emit
from protocol.printers.layout import layout
from protocol.printers.plain import plain
from simulator.paper import read_papers

GOLDEN = Path(__file__).parents[2] / "golden"


def check(name: str, made: str) -> None:
    path = GOLDEN / name
    if os.environ.get("MARKETEDGE_GOLDEN") == "write":
        path.write_text(made, encoding="utf-8")
    assert made == path.read_text(encoding="utf-8"), f"{name} changed; this file's docstring says what to do"


def papers(document: Document, name: str) -> None:
    """Plain text and bytes, at both widths; the bytes say what the text says."""
    for width, printer in (("58", profile("generic-58")), ("80", profile("generic-80"))):
        page = layout(document, printer.columns)
        data = b"".join(emit(page, printer))
        check(f"{name}-{width}.txt", plain(page))
        (paper,) = read_papers(data, printer.dots)
        assert paper.text == plain(page)
        assert paper.unknown == ()
        text_only = data[: data.index(b"\x1dv0")] if b"\x1dv0" in data else data
        check(f"{name}-{width}.hex", "".join(f"{line.hex()}\n" for line in text_only.splitlines(keepends=True)))


@pytest.mark.parametrize("language", ["zh", "en", "both"])
def test_the_slip_is_as_it_was(trade: TradeCompleted, language: Literal["zh", "en", "both"]) -> None:
    papers(slip(trade, market="惠民农产品批发市场", language=language), f"slip-{language}")


@pytest.mark.parametrize("language", ["zh", "en", "both"])
def test_the_report_is_as_it_was(result: TestRecorded, language: Literal["zh", "en", "both"]) -> None:
    document = report(
        result,
        code="41010800130100000071",
        time="2026-11-22T04:12:50+08:00",
        clock_trusted=True,
        market="惠民农产品批发市场",
        host="sy.example.cn",
        language=language,
    )
    papers(document, f"report-{language}")
