"""A disk that takes nothing though it has room: what is refused, what goes on, and how it ends."""

import resource
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.between.board import Showing
from edge.between.inbox import Refused
from edge.core import TRY_SECONDS
from edge.records.ledger import DiskFails, LedgerUnusable, explained, why_unusable
from edge.web.health import health, metrics

Box = Any
TICK = 0.5


@contextmanager
def unwritable() -> Iterator[None]:
    """No file of this process may be written beyond its first byte: a write fails, and not for want of space."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def shown(station: Box) -> tuple[bool, str, str]:
    """Health as a whole, the disk's state in it, and the metric."""
    now = station.clock.steady()
    seen = Showing(station.board)
    seen.beat = now
    ok, said = health(seen, now)
    text = metrics(seen, "0", now)[0].decode()
    takes = next(line for line in text.splitlines() if line.startswith("marketedge_ledger_takes_records"))
    return ok, said["disk"]["state"], takes.split()[1]


def test_what_a_disk_that_fails_does_not_take_is_refused_until_it_takes_records_again(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    station.puts("1.000")
    before, papers = station.ledger.head, station.papers()
    with unwritable():
        for ask in (lambda: station.sells(lot), station.enters):
            with pytest.raises(Refused) as refused:
                ask()
            assert refused.value.code == "disk_fails"
            assert str(station.ledger.path.parent) in refused.value.zh
            assert "存储卡，再启动服务" in refused.value.zh
            assert str(station.ledger.path) in refused.value.en
            assert "check the card" in refused.value.en
        assert (station.ledger.head, station.papers()) == (before, papers)
        assert str(station.ledger.path.parent) in station.board.trouble
        assert shown(station)[1:] == ("fails", "0.0")
        station.clock.go(TRY_SECONDS)
        station.turn()
        assert station.board.ledger_why == "disk_fails"
    station.clock.go(TICK)
    station.turn()
    assert station.board.ledger_why == "disk_fails"  # it is not tried all the time
    station.clock.go(TRY_SECONDS)
    station.turn()
    assert (station.board.ledger_why, station.board.trouble) == ("", "")
    assert shown(station)[1:] != ("fails", "0.0")
    station.puts("1.000")
    assert station.sells(lot)["amount_fen"] == 350


def test_another_disk_at_the_ledger_s_place_is_opened_by_a_new_process(box: Callable[..., Box]) -> None:
    station = box()
    station.enters()
    folder = station.ledger.path.parent
    with unwritable(), pytest.raises(Refused):
        station.enters()
    copy = shutil.copytree(folder, folder.with_name("copy"))
    folder.rename(folder.with_name("pulled"))
    copy.rename(folder)
    station.clock.go(TRY_SECONDS)
    with pytest.raises(LedgerUnusable, match="another disk"):
        station.turn()


def test_a_read_that_fails_is_the_disk_s_and_not_the_ledger_s(tmp_path: Path) -> None:
    """sqlite calls both damage; a file that the kernel cannot read is one of its own, the memory at address 0."""
    path = tmp_path / "ledger.db"
    path.write_bytes(b"no ledger of anybody" * 100)
    with pytest.raises(sqlite3.DatabaseError) as met:
        sqlite3.connect(path).execute("SELECT 1 FROM events")
    assert isinstance(explained(met.value, path), LedgerUnusable)
    assert "salvage" in why_unusable(path, met.value)
    path.with_name("ledger.db-wal").symlink_to("/proc/self/mem")
    with Path("/proc/self/mem").open("rb") as memory, pytest.raises(OSError, match="Input/output"):
        memory.read(1)
    assert isinstance(explained(met.value, path), DiskFails)
    assert "salvage" not in why_unusable(path, met.value)
