"""A stall's own card: made of the seller's settings, printed on demand, never a copy."""

from collections.abc import Callable
from typing import Any

import pytest

from edge.between.commands import PrintDocument, Reprint
from edge.between.inbox import Printed
from edge.between.print_states import PrintState, PrintWhy
from edge.documents import Documents
from edge.printing.typesetting import Typesetter
from protocol.printers.plain import plain

Box = Any  # the station of tests/edge/conftest.py
SETTINGS = """
licence = "JY14101080000123"
[[printer]]
name = "printer-1"
port = "usb:"
[[printer]]
name = "labels"
port = "usb:"
profile = "label-60x40"
"""
STATION = """
[station]
name = "惠济市场"
jobs = ["stall"]
node = "410108001"
terminal = "01"
region = "410108"
host = "sy.example.cn"
[city]
brokers = ["mqtt://127.0.0.1"]
[seller]
code = "4101080010123"
name = "李秀兰蔬菜"
stall = "A-12"
"""


@pytest.fixture
def station(box: Callable[..., Box]) -> Box:
    return box(SETTINGS, station=STATION)


def test_it_says_whose_stall_it_is(station: Box) -> None:
    station.does(PrintDocument(paper="stall_card"))
    (job,) = station.printers["printer-1"].papers
    assert (job.paper, job.seq, job.body, job.copy) == ("stall_card", 0, b"", 0)
    text = plain(Typesetter(station.config, Documents()).page(job))
    for word in ("李秀兰蔬菜", "A-12", "JY14101080000123", "[QR] https://sy.example.cn/s/4101080010123"):
        assert word.removeprefix("[QR] ") in text
    station.turn(Printed(job.job, PrintState.PRINTED, PrintWhy.GS_R))
    assert station.does(Reprint(job=job.job))["copy"] == 0


def test_its_source_label_goes_to_the_label_printer(station: Box) -> None:
    prints = station.core._station.prints
    assert [prints.printer_for(paper).name for paper in ("card", "crate", "label", "stall_card")] == [
        *("printer-1", "labels", "labels", "printer-1"),
    ]
