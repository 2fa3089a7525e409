"""Every recorded log, in every chunking, reads as expected. ``make logs`` rebuilds the expectations."""

import json
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from drivers import catalogue
from drivers.transports.recorder import ORIGINS, read_head, read_log
from edge.cli.main import main
from protocol.link import Link
from protocol.readings import Garbage
from simulator.scales._pan import Pan, find
from simulator.wires.line import Line, Pty

LOGS = sorted((Path(__file__).parent / "logs").glob("*/*.log"))
HEAD = ("Name", "Firmware", "Origin", "Submitter", "Date", "Notes", "Serial")
SIZES = (1, 2, 3, 7, 64, 1 << 20)
every_log = pytest.mark.parametrize("log", LOGS, ids=lambda log: f"{log.parent.name}/{log.stem}")


def chunks_of(log):
    return [chunk.data for chunk in read_log(log) if chunk.from_device]


def expected(log):
    return [json.loads(line) for line in log.with_suffix(".expected").read_text("utf-8").splitlines()]


def read(log, chunks):
    decoder = catalogue.find(log.parent.name).decoder()
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return [event.as_json() for event in events if not isinstance(event, Garbage)]


def origin(log):
    """The first word says what it proves."""
    return read_head(log)["Origin"].partition(" ")[0]


def check_head(log):
    head = read_head(log)
    assert tuple(head) == HEAD and origin(log) in ORIGINS
    if origin(log) == "simulator":
        assert Link.parse(head["Serial"]) == catalogue.find(log.parent.name).default_link()
    assert str(Link.parse(head["Serial"])) == head["Serial"]


def check_contents(log):
    """Readings; and bytes that are none, where the simulator was told to spoil some. A good wire has none."""
    stream = b"".join(chunks_of(log))
    assert expected(log)
    # Humidity comes in the frame of the temperature before it.
    frames = [reading["raw"] for reading in expected(log) if reading.get("what") != "humidity"]
    assert origin(log) == "device" or sum(len(bytes.fromhex(frame)) for frame in frames) < len(stream)


def check_chunks_of(log, size):
    stream = b"".join(chunks_of(log))
    assert read(log, [stream[at : at + size] for at in range(0, len(stream), size)]) == expected(log)


def test_there_are_logs():
    assert len(LOGS) >= 4


@every_log
def test_a_log_says_where_it_comes_from(log):
    check_head(log)


@every_log
def test_a_log_holds_readings_and_of_the_simulator_bytes_that_are_none(log):
    check_contents(log)


@every_log
def test_a_log_reads_as_expected_in_the_chunks_recorded(log):
    assert read(log, chunks_of(log)) == expected(log)


@every_log
@pytest.mark.parametrize("size", SIZES)
def test_a_log_reads_as_expected_in_chunks_of_one_size(log, size):
    check_chunks_of(log, size)


@every_log
@given(data=st.data())
def test_a_log_reads_as_expected_in_any_chunks(log, data):
    stream = b"".join(chunks_of(log))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    assert read(log, [stream[a:b] for a, b in pairwise([0, *cuts, len(stream)])]) == expected(log)


@pytest.mark.parametrize("model", ["st-gs", "mt-sics"])
def test_a_log_recorded_on_a_good_wire_is_taken_as_it_is(tmp_path, model):
    log = tmp_path / model / "first.log"
    log.parent.mkdir()
    pan = Pan(settle=0.0)
    pan.put(Decimal("1.235"), 0.0)
    with Line(find(catalogue.find(model).format)(pan), Pty(tmp_path / "scale")) as line:
        done = CliRunner().invoke(main, ["record", line.address, str(log), "--model", model, "--seconds", "1"])
    assert done.exit_code == 0, done.output
    said = read(log, chunks_of(log))
    log.with_suffix(".expected").write_text("".join(json.dumps(each) + "\n" for each in said), "utf-8")
    check_head(log)
    check_contents(log)
    for size in SIZES:
        check_chunks_of(log, size)


def test_the_models_called_proven_are_those_with_a_log_of_the_device():
    proven = {row.id for row in catalogue.models().values() if row.proven}
    assert proven == {log.parent.name for log in LOGS if origin(log) == "device"}
