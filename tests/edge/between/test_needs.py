"""What needs a hand is one rule: each finding counts once, and only what stops the station makes it ill."""

from dataclasses import replace
from typing import Any

import pytest

from edge.between.bench_board import AlertView, AlertWord
from edge.between.board import (
    AnalyzerView,
    Board,
    Caution,
    CityView,
    PortView,
    PrinterView,
    ProbeView,
    ScaleView,
    UnreadView,
)
from edge.between.needs import Finding, Need, disk_state, findings

SCALE = ScaleView("scale-1", True, 1000, "1.000", "kg", True, False, True, "", None, None, "")
ANALYZER = AnalyzerView("tester-1", True, "", 0, 0, 0)
PROBE = ProbeView("probe-1", True, "", ())
PRINTER = PrinterView("printer-1", True, "", 0)
ALERT = AlertView("41010800130100000018", "1", "01040201", "大白菜", "王建国", (AlertWord.POSITIVE,), 7)
CITY = CityView(True, "", 1, 1, 0, (), "mqtt://127.0.0.1")
WELL = Board(
    station="s",
    scales=(SCALE,),
    analyzers=(ANALYZER,),
    probes=(PROBE,),
    printers=(PRINTER,),
    city=CITY,
    clock_state="synced",
    disk_free=800_000_000,
    disk_total=8_000_000_000,
)
CASES: list[tuple[dict[str, Any], Need, str, str]] = [
    ({"trouble": "full"}, Need.STOPPED, "trouble", ""),
    ({"scales": (replace(SCALE, up=False),)}, Need.STOPPED, "scales", "scale-1"),
    ({"scales": (replace(SCALE, why="unverified"),)}, Need.LOOK, "scales", "scale-1"),
    ({"analyzers": (replace(ANALYZER, up=False, unmatched=2),)}, Need.STOPPED, "analyzers", "tester-1"),
    ({"analyzers": (replace(ANALYZER, unmatched=2),)}, Need.LOOK, "analyzers", "tester-1"),
    ({"analyzers": (replace(ANALYZER, most=2000),)}, Need.LOOK, "analyzers", "tester-1"),
    ({"alerts": (ALERT,)}, Need.LOOK, "alerts", ""),
    ({"lot_counts": {"held": 1}}, Need.LOOK, "alerts", ""),
    ({"probes": (replace(PROBE, up=False),)}, Need.STOPPED, "probes", "probe-1"),
    ({"printers": (replace(PRINTER, up=False),)}, Need.STOPPED, "printers", "printer-1"),
    ({"ports": (PortView("scale-1", "/dev/ttyUSB0", "unsafe"),)}, Need.LOOK, "ports", "scale-1"),
    ({"city": replace(CITY, up=False, cause="refused")}, Need.LOOK, "city", ""),
    ({"city": replace(CITY, set_aside=((3, "no"),))}, Need.LOOK, "city", "set_aside"),
    ({"unread": (UnreadView(1, "city", "topic", "KeyError", "", "", 4),)}, Need.LOOK, "unread", ""),
    ({"disk_free": 799_999_999}, Need.LOOK, "disk_free", ""),
    ({"disk_free": 159_999_999}, Need.STOPPED, "disk_free", ""),
    ({"clock_state": "unsynced"}, Need.LOOK, "clock_state", ""),
    ({"clock_asks": "2031-03-01T09:30"}, Need.LOOK, "clock_state", ""),
]


@pytest.mark.parametrize(
    ("total", "short", "full"),
    [
        (512 << 20, (512 << 20) // 10, (512 << 20) // 50),
        (8 << 30, (8 << 30) // 10, (8 << 30) // 50),
        (64 << 30, 2 << 30, 256 << 20),
        (1 << 40, 2 << 30, 256 << 20),
    ],
)
def test_a_disk_gets_short_relative_to_its_size(total: int, short: int, full: int) -> None:
    assert [disk_state(free, total) for free in (short, short - 1, full, full - 1, 0)] == [
        *("enough", "short", "short", "full", "full")
    ]


def test_a_well_station_needs_nobody() -> None:
    assert findings(WELL, True) == ()


@pytest.mark.parametrize(("changed", "need", "part", "name"), CASES)
def test_each_thing_is_told_once(changed: dict[str, Any], need: Need, part: str, name: str) -> None:
    assert findings(replace(WELL, **changed), True) == (Finding(need, part, name),)


def test_a_core_that_stands_still_is_the_trouble() -> None:
    assert findings(WELL, False) == (Finding(Need.STOPPED, "trouble"),)
    assert findings(replace(WELL, trouble="full"), False) == (Finding(Need.STOPPED, "trouble"),)


def test_a_caution_that_is_the_link_s_cause_is_told_with_the_link() -> None:
    caution = Caution("plain_password", "warn", "city", "zh", "en", "做", "do")
    assert [one.part for one in findings(replace(WELL, cautions=(caution,)), True)] == ["cautions"]
    down = replace(CITY, cause="plain_password")
    assert [one.part for one in findings(replace(WELL, cautions=(caution,), city=down), True)] == ["city"]


def test_a_stranger_in_an_unsafe_port_is_told_with_its_device() -> None:
    from drivers.transports.adapters import Identity

    port = PortView("scale-1", "/dev/ttyUSB0", "unsafe", now=Identity(usb="1a86:7523"))
    away = replace(SCALE, up=False)
    assert [one.part for one in findings(replace(WELL, ports=(port,), scales=(away,)), True)] == ["scales"]
