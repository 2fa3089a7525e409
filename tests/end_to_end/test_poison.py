"""An instrument whose memory makes the program fail, at every start: the station is there, and so are the others."""

import json
import time
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from edge.records.ledger import bodies_after, reading
from protocol.city.token import CHINA
from simulator.analyzers.taiyang import Taiyang
from simulator.broker import Broker
from simulator.scales._pan import Pan, find
from simulator.stage import CABBAGE, StationProcess, Wiring, wait_for
from simulator.wires.line import Line, Pty

pytestmark = pytest.mark.broker
POISON = """
import edge.jobs.results as results

real = results._found


def found(station, part, result, **more):
    if result.value is not None and 0 < result.value < 1:
        raise KeyError("poison")
    return real(station, part, result, **more)


results._found = found
"""


def now() -> datetime:
    return datetime.now(CHINA).replace(tzinfo=None, microsecond=0)


@pytest.mark.parametrize("poisoned", [False, True], ids=["as it is", "program that cannot take it"])
def test_a_reading_below_a_hundredth_ends_no_station_before_or_after_a_kill(
    tmp_path: Path,
    broker: Broker,
    station: Callable[..., StationProcess],
    monkeypatch: pytest.MonkeyPatch,
    poisoned: bool,
) -> None:
    if poisoned:
        (tmp_path / "sitecustomize.py").write_text(POISON, "utf-8")
        monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path.cwd()}")
    pan = Pan(Decimal(30), Decimal("0.010"), settle=0.03)
    with (
        Line(Taiyang(), Pty(tmp_path / "tester")) as tester,
        Line(find("mt_sics")(pan), Pty(tmp_path / "scale")) as scale,
    ):
        tester.do(lambda device, at: device.measure(1, Decimal("0.0034799786"), now()))
        wiring = Wiring(
            broker=broker.url, scale=scale.address, analyzer=tester.address, analyzer_model="taiyang-ttnj16"
        )
        running = station(wiring)
        for start in range(3):
            wait_for("the result", lambda: running.board()["analyzers"][0]["up"], 20)
            tester.do(lambda device, at, start=start: device.measure(2, Decimal(20 + start), now(), channel=2))
            wait_for("the other result", lambda wanted={f"{20 + start}"}: values(running) >= wanted, 30)
            wait_for("the scale", lambda: running.board()["scales"][0]["up"], 20)
            board = running.board()
            assert running.post("/api/entries", product=CABBAGE, net_g=1000, origin="河南", supplier="李四")
            unread = [(one["kind"], one["device"]) for one in board["unread"]]
            assert unread == ([("result", "tester-1")] if poisoned else [])
            assert any(value.startswith("0.00347997") for value in values(running)) is not poisoned
            running.kill()
            running.start()
            time.sleep(0.5)
            assert running.running
        assert json.loads(running.command("ledger", "verify", "-c", str(running.config)))["ok"]


def values(running: StationProcess) -> set[str]:
    """The values of all results that are recorded."""
    with reading(running.folder / "data") as db:
        return {str(json.loads(body)["data"].get("value")) for _, body in bodies_after(db.conn, 0)}
