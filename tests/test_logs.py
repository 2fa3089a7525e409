"""Every recorded log, in every chunking, reads as expected. ``make logs`` rebuilds the expectations."""

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import catalogue
from drivers.transports.recorder import read_log
from protocol.link import Link
from protocol.readings import Garbage

LOGS = sorted((Path(__file__).parent / "logs").glob("*/*.log"))
HEAD = ("Name", "Firmware", "Submitter", "Date", "Notes", "Serial")
every_log = pytest.mark.parametrize("log", LOGS, ids=lambda log: f"{log.parent.name}/{log.stem}")


def chunks_of(log):
    return [chunk.data for chunk in read_log(log) if chunk.from_device]


def expected(log):
    return [json.loads(line) for line in log.with_suffix(".expected").read_text("utf-8").splitlines()]


def read(log, chunks):
    decoder = catalogue.find(log.parent.name).decoder()
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return [event.as_json() for event in events if not isinstance(event, Garbage)]


def test_there_are_logs():
    assert len(LOGS) >= 4


@every_log
def test_a_log_says_where_it_comes_from(log):
    head = dict(re.findall(r"^# (\w+): (.+)$", log.read_text("utf-8"), re.MULTILINE))
    assert tuple(head) == HEAD
    assert Link.parse(head["Serial"]) == catalogue.find(log.parent.name).default_link()


@every_log
def test_a_log_holds_readings_and_bytes_that_are_none(log):
    stream = b"".join(chunks_of(log))
    assert expected(log)
    # Humidity comes in the frame of the temperature before it.
    frames = [reading["raw"] for reading in expected(log) if reading.get("what") != "humidity"]
    assert sum(len(bytes.fromhex(frame)) for frame in frames) < len(stream)


@every_log
def test_a_log_reads_as_expected_in_the_chunks_recorded(log):
    assert read(log, chunks_of(log)) == expected(log)


@every_log
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1 << 20])
def test_a_log_reads_as_expected_in_chunks_of_one_size(log, size):
    stream = b"".join(chunks_of(log))
    assert read(log, [stream[at : at + size] for at in range(0, len(stream), size)]) == expected(log)


@every_log
@given(data=st.data())
def test_a_log_reads_as_expected_in_any_chunks(log, data):
    stream = b"".join(chunks_of(log))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    assert read(log, [stream[a:b] for a, b in pairwise([0, *cuts, len(stream)])]) == expected(log)
