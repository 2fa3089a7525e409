"""`marketedge ledger export` beside a station that goes on working."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.records.ledger import SLICE, bodies_after, open_reader

Box = Any  # the station of tests/edge/conftest.py


def wal(station: Box) -> int:
    return int(station.ledger.path.with_name("ledger.db-wal").stat().st_size)


def busy(station: Box, entries: int = 400) -> None:
    for _ in range(entries):
        station.enters()


def test_an_export_that_is_paused_does_not_make_the_log_grow(box: Callable[..., Box], tmp_path: Path) -> None:
    """Into a pager that nobody leafs through: the pipe is full, the process waits, the station goes on."""
    station = box()
    busy(station, 200)
    usual = wal(station)
    command = [sys.executable, "-c", "from edge.cli.main import main; main()", "ledger", "export"]
    with subprocess.Popen(
        [*command, "-c", str(tmp_path / "station.toml")],
        stdout=subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    ) as export:
        assert export.stdout is not None
        lines = [export.stdout.readline()]  # it has begun; the rest fills the pipe
        busy(station)
        assert wal(station) <= max(usual, 1000 * station.count("PRAGMA page_size")) * 1.25
        lines += export.stdout.readlines()
    assert export.returncode == 0
    assert [int(json.loads(line)["sequence"]) for line in lines] == list(range(1, 201))


def test_an_export_reads_in_slices_and_ends_where_it_began_to(box: Callable[..., Box]) -> None:
    station = box()
    busy(station, 2 * SLICE + 1)
    reader = open_reader(station.ledger.path.parent)
    rows = bodies_after(reader.conn, 0)
    seen = [next(rows)[0]]
    busy(station, 3)
    seen += [seq for seq, _ in rows]
    assert seen == list(range(1, 2 * SLICE + 2))
    assert [seq for seq, _ in bodies_after(reader.conn, 2 * SLICE)] == [2 * SLICE + more for more in range(1, 5)]
    reader.close()
