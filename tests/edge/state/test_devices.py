"""What pages see of analyzers, probes and printers, to the last field, after each thing that can happen to them."""

from collections.abc import Callable
from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any

from edge.between.inbox import PortChanged, PortGarbage, PrinterChanged, Sensed
from protocol.readings import Measured

Box = Any  # the station of tests/edge/conftest.py
DEVICES = """
[[analyzer]]
name = "tester-1"
model = "dayuan-lz4000t"
port = "/dev/null"
most_a_day = 2
[[analyzer]]
name = "tester-8"
model = "dayuan-tl310"
port = "/dev/null"
match = "channel"
[[probe]]
name = "cold-room"
model = "ds18b20"
port = "w1:/nowhere"
[[printer]]
name = "labels"
port = "/dev/null"
profile = "label-40x30"
[[printer]]
name = "receipts"
port = "usb:"
papers = ["slip", "card"]
[[product]]
code = "01040201"
name = "大白菜"
"""


def test_an_analyzer(box: Callable[..., Box]) -> None:
    station = box(DEVICES)
    first, eighth = station.board.analyzers
    assert asdict(first) == {
        "name": "tester-1",
        "up": True,
        "why": "",
        "results": 0,
        "unmatched": 0,
        "garbage": 0,
        "match": "sample",
        "most": 0,
    }
    assert eighth == replace(first, name="tester-8", match="channel")
    station.turn(PortGarbage("tester-1", "noise", b"?"), PortGarbage("tester-1", "noise", b"?"))
    station.turn(PortChanged("tester-1", False, "unplugged"))
    lost = replace(first, up=False, why="unplugged", garbage=2)
    assert station.board.analyzers == (lost, eighth)
    code = station.enters()
    station.tests(station.result("77", "12.5"), station.result(station.lot(code).sample, "12.5"))
    assert station.board.analyzers == (replace(lost, results=2, unmatched=1), eighth)
    station.tests(station.result("78", "12.5"))
    assert station.board.analyzers == (replace(lost, results=2, unmatched=1, most=2), eighth)
    station.clock.go(86_400)
    station.turn()
    assert station.board.analyzers == (replace(lost, results=2, unmatched=1), eighth)


def test_a_probe(box: Callable[..., Box]) -> None:
    station = box(DEVICES)
    (probe,) = station.board.probes
    assert asdict(probe) == {"name": "cold-room", "up": True, "why": "", "measured": ()}
    for what, value, unit in (
        ("temperature", "4.10", "Cel"),
        ("humidity", "81", "%"),
        ("temperature", "4.20", "Cel"),
    ):
        station.turn(Sensed("cold-room", Measured(what, Decimal(value), unit)))
    station.turn(PortGarbage("cold-room", "crc", b"?"))
    (probe,) = station.board.probes
    assert probe.measured == (("humidity", "81", "%"), ("temperature", "4.20", "Cel"))
    station.turn(PortChanged("cold-room", False, "unplugged"))
    assert asdict(station.board.probes[0]) == {"name": "cold-room", "up": False, "why": "unplugged", "measured": ()}


def test_a_printer(box: Callable[..., Box]) -> None:
    station = box(DEVICES)
    labels, receipts = station.board.printers
    assert asdict(labels) == {
        "name": "labels",
        "up": True,
        "why": "",
        "waiting": 0,
        "state": "unknown",
        "near_end": False,
        "documents": ("label", "crate", "kept", "test"),
    }
    assert receipts == replace(labels, name="receipts", documents=("slip", "card"))
    station.enters()
    assert station.board.printers == (replace(labels, waiting=1), receipts)
    for state, up in (("ready", True), ("silent", True), ("paper", False), ("gone", False), ("unknown", False)):
        station.turn(PrinterChanged("receipts", state, "detail", near_end=up))
        assert station.board.printers[1] == replace(receipts, state=state, why="detail", up=up, near_end=up)
