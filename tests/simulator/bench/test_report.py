"""Figures, targets, percentiles, and what is read out of other programs' text."""

from pathlib import Path

import pytest

from simulator.bench.command import filesystem_of
from simulator.bench.counter import AGREE, EMPTY, frame_of, frames, weights_on
from simulator.bench.report import Figure, Report, spread
from simulator.bench.start import by_package, imported


def test_percentiles_are_values_that_were_seen() -> None:
    assert spread([float(number) for number in range(200, 0, -1)]) == {
        "p50": 101.0,
        "p90": 181.0,
        "p99": 199.0,
        "max": 200.0,
    }
    assert spread([7.0]) == {"p50": 7.0, "p90": 7.0, "p99": 7.0, "max": 7.0}
    assert spread([]) == {}


@pytest.mark.parametrize(
    ("values", "target", "reached"),
    [
        ({"p50": 5.0, "p99": 50.0}, {"p99": 50.0}, True),
        ({"p50": 5.0, "p99": 50.1}, {"p50": 10.0, "p99": 50.0}, False),
        ({"p50": 5.0}, {}, None),
        ({}, {"p99": 50.0}, None),
    ],
)
def test_a_target_is_the_highest_good_value(
    values: dict[str, float], target: dict[str, float], reached: bool | None
) -> None:
    assert Figure("f", "ms", values, {}, "", target).reached is reached


@pytest.mark.parametrize(("rate", "reached"), [(30.0, True), (29.9, False)])
def test_or_the_lowest_where_more_is_better(rate: float, reached: bool) -> None:
    assert Figure("f", "records/s", {"rate": rate}, {}, "", {"rate": 30.0}, at_least=True).reached is reached


def test_a_missed_target_is_said_aloud() -> None:
    good = Figure("good", "ms", {"max": 1.0}, {"max": 0.5}, "less work", {"max": 2.0})
    bad = Figure("bad", "ms", {"max": 3.0}, {"max": 0.5}, "less work", {"max": 2.0})
    assert Report("b", "what", (good,), {}).reached
    report = Report("b", "what", (good, bad), {"lost": [], "each": {"a": 1.25}})
    assert not report.reached
    assert "MISSED" in report.as_text() and "lost: none" in report.as_text()


def test_rows_of_facts_make_a_table() -> None:
    rows = [{"format": "a", "bytes": 1234, "reached": True}, {"format": "long", "bytes": 5, "reached": False}]
    text = Report("b", "what", (), {"formats": rows}).as_text()
    assert text.splitlines()[1:] == [
        "  formats: ",
        "    format  bytes  reached",
        "    a       1,234  reached",
        "    long        5   MISSED",
    ]


def test_the_load_is_said_as_often_as_agreement_needs() -> None:
    assert frames(2350) == (*(EMPTY,) * AGREE, *(frame_of(2350),) * AGREE)
    assert frame_of(2350)[1:9] == b"+0023503"


def test_weights_are_found_on_paper() -> None:
    assert list(weights_on("净重 2.350kg 单价".encode("gbk"))) == [2350]
    assert list(weights_on(b"11.460 kg ... 0.780kg")) == [11460, 780]


def test_imports_are_read_from_what_python_wrote() -> None:
    log = (
        "import time: self [us] | cumulative | imported package\n"
        "import time:       120 |        120 |   edge.a\n"
        "2026-11-22 INFO noise\n"
        "import time:      2000 |       2120 | edge\n"
        "import time:       500 |        500 | paho.mqtt\n"
    )
    found = imported(log)
    assert found == [("edge.a", 120), ("edge", 2000), ("paho.mqtt", 500)]
    assert by_package(found) == {"edge": 2.12, "paho": 0.5}


def test_the_disk_of_a_folder_is_told() -> None:
    assert filesystem_of(Path("/proc")) == "proc"
