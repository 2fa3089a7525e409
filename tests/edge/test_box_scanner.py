"""A scanner of the box: its codes are handed to the pages, and none is lost without a word."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from edge.between.board import HandedScan
from edge.between.inbox import PortChanged, PortGarbage, ScanLost, Scanned
from edge.between.needs import Need, findings
from protocol.readings import Scan

DEVICES = """
[[scanner]]
name = "scanner-1"
model = "keyboard-scanner"
port = "evdev:/dev/input/by-id/usb-Some-event-kbd"
[[scanner]]
name = "scanner-2"
protocol = "scanner_serial"
port = "/dev/serial/by-path/x"
link = "115200/8n1"
pages_at = "192.168.1.31"
"""


@pytest.fixture
def station(box: Callable[..., Any]) -> Any:
    return box(DEVICES)


def views(station: Any) -> list[tuple[str, int, str, int]]:
    return [(one.name, one.scans, one.lost, one.garbage) for one in station.showing.board.scanners]


def test_a_code_is_handed_to_the_pages_of_its_scanner(station: Any) -> None:
    handed: list[HandedScan] = []
    station.showing.takes = handed.append
    station.turn(Scanned("scanner-1", Scan("6901")), Scanned("scanner-2", Scan("6902")))
    assert handed == [HandedScan("scanner-1", "6901", ""), HandedScan("scanner-2", "6902", "192.168.1.31")]
    assert views(station) == [("scanner-1", 1, "", 0), ("scanner-2", 1, "", 0)]


def test_a_code_that_finds_no_page_is_told_until_one_finds_it(station: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    station.turn(Scanned("scanner-1", Scan("6901234567892")))
    station.turn(Scanned("scanner-1", Scan("6901234567892")))
    now = station.clock.now().text[11:16]
    assert views(station)[0] == ("scanner-1", 2, now, 0)
    said = [one.getMessage() for one in caplog.records if "found no page" in one.getMessage()]
    assert len(said) == 1 and "pages_at" in said[0] and "6901234567892" not in said[0]
    needs = [one for one in findings(station.showing.board, True) if one.part == "scanners"]
    assert [(one.need, one.name) for one in needs] == [(Need.LOOK, "scanner-1")]
    station.showing.takes = lambda scan: None
    station.turn(Scanned("scanner-1", Scan("1")))
    assert views(station)[0] == ("scanner-1", 3, "", 0)
    station.turn(ScanLost("scanner-1"))  # the web thread found no page for it
    assert views(station)[0][2] == now


def test_what_was_no_code_is_told_on_the_page(station: Any) -> None:
    handed: list[HandedScan] = []
    station.showing.takes = handed.append
    station.turn(PortGarbage("scanner-1", "keys were lost", b"\0"))
    assert handed == [HandedScan("scanner-1", "", "")]
    assert views(station)[0] == ("scanner-1", 0, "", 1)


def test_a_scanner_that_is_gone_stops_nothing(station: Any) -> None:
    station.turn(PortChanged("scanner-1", False, "unplugged"))
    needs = [one for one in findings(station.showing.board, True) if one.part == "scanners"]
    assert [one.need for one in needs] == [Need.LOOK]


@pytest.mark.parametrize("wrong", ['pages_at = "tablet"', 'pages_at = "192.168.1"'])
def test_where_the_page_is_must_be_an_address(box: Callable[..., Any], wrong: str) -> None:
    with pytest.raises(ValueError, match=r"192\.168\.1\.31"):
        box(DEVICES.replace('pages_at = "192.168.1.31"', wrong))
