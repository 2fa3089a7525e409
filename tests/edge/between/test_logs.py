"""The log's form: one line an event, levels that systemd understands, and what was recorded without anybody's name."""

import logging
import sys
from collections.abc import Callable
from typing import Any

import pytest

from edge.between.logs import RECENT_BYTES, RECENT_LINES, Lines, Recent, fields

Box = Any  # the station of tests/edge/conftest.py


def record(level: int, text: str, error: bool = False) -> logging.LogRecord:
    about = None
    if error:
        try:
            raise KeyError("poison\x1b[2J")
        except KeyError:
            about = sys.exc_info()
    return logging.LogRecord("port", level, __file__, 1, text, (), about)


@pytest.mark.parametrize(
    ("level", "said"),
    [
        (logging.DEBUG, "<7>DEBUG port: it is there"),
        (logging.INFO, "<6>INFO port: it is there"),
        (logging.WARNING, "<4>WARNING port: it is there"),
        (logging.ERROR, "<3>ERROR port: it is there"),
        (logging.CRITICAL, "<2>CRITICAL port: it is there"),
    ],
)
def test_the_journal_gets_its_own_levels(level: int, said: str) -> None:
    assert Lines("%(levelname)s %(name)s: %(message)s", journal=True).format(record(level, "it is there")) == said


def test_each_line_of_a_traceback_has_the_level_of_its_event() -> None:
    lines = Lines("%(message)s", journal=True).format(record(logging.ERROR, "failed", error=True)).split("\n")
    assert len(lines) > 3 and all(line.startswith("<3>") for line in lines)
    assert "\x1b" not in "".join(lines)


def test_elsewhere_nothing_is_put_before_a_line() -> None:
    assert Lines("%(message)s").format(record(logging.INFO, "it is there")) == "it is there"


def test_the_newest_lines_are_kept_and_no_more() -> None:
    recent = Recent()
    for number in range(RECENT_LINES + 5):
        recent.handle(record(logging.INFO, f"line {number}"))
    kept = recent.lines()
    assert len(kept) == RECENT_LINES
    assert kept[0].endswith("INFO port: line 5")
    for _ in range(300):
        recent.handle(record(logging.INFO, "x" * 1900))
    assert RECENT_BYTES - 2000 < sum(map(len, recent.lines())) <= RECENT_BYTES


def test_fields_without_a_value_are_left_out() -> None:
    assert fields(net_g=0, source="", lot=None, item="农残", doubts=()) == "net_g=0 item=农残"


def test_what_was_recorded_is_told_once_it_is_on_the_disk(
    box: Callable[..., Box], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "station")
    station = box()
    lot = station.releases()
    source = station.lot(lot).source
    station.puts("1.000")
    tx = station.sells(lot)["tx"]
    told = [one.getMessage() for one in caplog.records if one.name == "station"]
    assert told[0] == f"entry.registered {lot} seq=1 product=01040201 net_g=250000"
    assert told[1].startswith(f"test.result {lot} seq=2 item=农药残留 outcome=negative verdict=qualified")
    assert told[2] == f"lot.released {source} seq=3 lot={lot} net_g=250000"
    assert told[3].startswith(f"trade.completed {tx} seq=4 source={source} net_g=1000 amount_fen=")
    assert not [line for line in told if "王建国" in line], "nobody's name stands in the log"


def test_what_was_not_recorded_is_not_told(box: Callable[..., Box], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "station")
    station = box()
    station.fill_the_disk()
    caplog.clear()
    recorded = 0
    with pytest.raises(Exception, match="full"):
        for recorded in range(20):  # noqa: B007 - the first may find room in a page that is there already
            station.enters()
    assert len([one for one in caplog.records if one.name == "station"]) == recorded
