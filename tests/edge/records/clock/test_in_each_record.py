"""What each record says of its time (contract C7), and how that is put into words on paper, pages and lists."""

from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from edge.between.fixed_words import clock_word
from edge.between.words import text
from edge.documents import Documents, Place, example, example_names
from edge.records.clock import timesyncd_synced

HOUR = 3600.0


def at(text: str) -> float:
    return datetime.fromisoformat(f"{text}+08:00").timestamp()


def test_every_record_says_boot_milliseconds_since_state_and_source(box: Callable[..., Any]) -> None:
    one = box()
    one.enter()
    one.advance(1.5)
    one.kernel = True
    one.look()
    one.enter()
    one.reboot("1970-01-01 08:00")
    one.enter()
    said = [(e["bootid"], e["bootms"], e["clockstate"], e["clocksource"]) for e in one.events()]
    assert said == [
        ("boot-1", "30000", "unsynced", "none"),
        ("boot-1", "36500", "synced", "kernel"),  # the step
        ("boot-1", "36500", "synced", "kernel"),
        ("boot-2", "20000", "unsynced", "none"),
    ]
    assert all(event["recordedtime"] == event["time"] for event in one.events())


@pytest.mark.parametrize("wall", ["1970-01-01 08:00", "2026-11-26 08:00", "2027-11-27 08:00"])
@pytest.mark.parametrize("kernel", [True, False, None])
def test_order_and_intervals_survive_whatever_the_date_does(
    box: Callable[..., Any], wall: str, kernel: bool | None
) -> None:
    one = box()
    one.kernel = True
    one.look()
    one.enter()
    one.wall, one.kernel, one.kernel_may_be_asked = at(wall), bool(kernel), kernel is not None
    one.look()
    one.enter()
    one.start()
    one.advance(HOUR)
    one.look()
    one.enter()
    events = [event for event in one.events() if "entry" in event["type"]]
    ms = [int(event["bootms"]) for event in events]
    assert [later - before for before, later in pairwise(ms)] == [5_000, 3_605_000]
    assert [event["sequence"] for event in events] == sorted(event["sequence"] for event in events)
    assert len({event["bootid"] for event in events}) == 1


# --- in words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "source", "word"),
    [
        ("synced", "kernel", "synced"),
        ("synced", "host", "synced"),
        ("holdover", "kernel", "holdover"),
        ("holdover", "platform", "estimated"),
        ("unsynced", "none", "unsynced"),
        ("unsynced", "kernel", "unsynced"),
        ("unsynced", "platform", "unsynced"),
        ("unsynced", "unknown", "unknown"),
        ("unsynced", "", "unsynced"),
    ],
)
def test_what_is_said_of_a_clock(state: str, source: str, word: str) -> None:
    assert clock_word(state, source) == word


TIMELESS = {"crate", "stall_card", "test"}  # bear no time of a record
IN_ITS_PLACE = {"kept", "label"}  # the words stand where the time would


def written(name: str, language: Any, state: str, source: str) -> str:
    """An example's paper, for a record with such a time, without blanks."""
    content = example(name) | {"clockstate": state, "clocksource": source}
    paper = Documents().document(example_names()[name], content, Place("市场", "sy.example.cn", language))
    return "".join(str(part) for part in paper.parts).replace(" ", "")


@pytest.mark.parametrize(
    ("worth", "state", "source"),
    [("unsynced", "unsynced", "none"), ("unknown", "unsynced", "unknown"), ("estimated", "holdover", "platform")],
)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_paper_with_a_time_says_what_it_is_worth(language: Any, worth: Any, state: str, source: str) -> None:
    note = text("clock", worth).said(language).replace(" ", "")
    silent = {paper for name, paper in example_names().items() if note not in written(name, language, state, source)}
    assert silent == TIMELESS | (IN_ITS_PLACE if worth == "estimated" else set())
    assert not [name for name in example_names() if note in written(name, language, "synced", "kernel")]


# --- a sandbox that lets nobody ask -----------------------------------------------------------------------------------


def test_a_station_that_may_not_ask_says_that_it_cannot_know(box: Callable[..., Any]) -> None:
    one = box()
    one.kernel_may_be_asked = False
    one.look()
    record = one.enter()
    assert (record["clockstate"], record["clocksource"]) == ("unsynced", "unknown")
    assert (one.clock.why, one.clock.source) == ("refused", "unknown")
    zh, en = text("clock_why", "refused")
    assert "无法确认" in zh and "cannot know" in en
    one.kernel_may_be_asked, one.kernel = True, True
    one.look()
    assert (one.clock.state(), one.clock.source) == ("synced", "kernel")


def test_where_the_kernel_may_not_be_asked_systemd_timesyncds_own_mark_will_do(tmp_path: Path) -> None:
    mark = tmp_path / "synchronized"
    assert timesyncd_synced(mark, lambda: 0.0) is None
    mark.touch()
    touched = mark.stat().st_mtime
    assert timesyncd_synced(mark, lambda: touched + 2048) is True
    assert timesyncd_synced(mark, lambda: touched + 3 * HOUR) is None, "it ended, or the clock was put elsewhere since"
    assert timesyncd_synced(mark, lambda: touched - HOUR) is None
