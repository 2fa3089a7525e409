"""The demo beside a real station: it plays its story, and the real one's ledger is as it was."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from simulator.obstacles import free_port
from simulator.stage import StationProcess, Wiring, wait_for

DEMO = [sys.executable, "-m", "simulator.cli", "demo", "--embedded"]


def edge(*words: str) -> str:
    return subprocess.run([sys.executable, "-m", "edge.cli", *words], capture_output=True, text=True, check=True).stdout


def answers(port: int) -> Any:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return json.loads(error.read())
    except OSError:
        return None


USUAL = free_port()  # in place of 8080, where somebody may really have a station
BESIDE = [
    sys.executable,
    "-c",
    f"import sys; from simulator.demo import command; command.STATION_PORT = {USUAL}; command.demo(sys.argv[1:])",
    *("--embedded", "--act", "goods"),
]


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Path]:
    """A station as ``marketedge init`` makes it, at the usual address."""
    folder = tmp_path / "mystall"
    edge("init", str(folder), "--job", "stall", "--job", "gate", "--name", "真的摊位")
    config = folder / "station.toml"
    config.write_text(config.read_text("utf-8").replace('"127.0.0.1:8080"', f'"127.0.0.1:{USUAL}"'), "utf-8")
    with (tmp_path / "real.log").open("wb") as log:
        station = subprocess.Popen([sys.executable, "-m", "edge.cli", "run", "-c", str(config)], stderr=log)
    try:
        wait_for("the real station", lambda: answers(USUAL))
        yield folder
    finally:
        station.terminate()
        station.wait(20)


def records(folder: Path) -> Any:
    return edge("ledger", "export", "-c", str(folder / "station.toml"), "--as", "jsonl")


def test_a_real_station_at_the_usual_address_is_untouched(real: Path, tmp_path: Path) -> None:
    before = records(real)
    done = subprocess.run([*BESIDE, "--once"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["trades"] == 3
    done = subprocess.run(
        [*BESIDE, "--once", "--port", str(USUAL)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert f"port {USUAL} is used by another program (it answers as the station '真的摊位')" in done.stderr
    assert "--port" in done.stderr

    told = tmp_path / "told"
    with told.open("wb") as out:
        staying = subprocess.Popen(BESIDE, stdout=out, stderr=out, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    try:
        wait_for("the page", lambda: "It stays for you" in told.read_text(), 60)
        page = told.read_text().split("first:")[1].split()[0]
        with urllib.request.urlopen(page, timeout=10) as opened:
            assert opened.status == 200
        unread = urllib.request.Request(f"{page}/story/skip", b"", method="POST")
        wait_for("the story", lambda: urllib.request.urlopen(unread).close() or "signed for it" in told.read_text(), 60)
    finally:
        staying.terminate()
        staying.wait(30)
    first = next(line for line in told.read_text().splitlines() if "://" in line)
    assert "Open this first:  http://127.0.0.1:" in first
    assert f"Port {USUAL} is used by another program" in told.read_text()
    assert records(real) == before


def test_a_folder_is_used_again_and_each_story_is_counted_for_itself(tmp_path: Path) -> None:
    for _ in range(2):
        command = [*DEMO, "--once", "--act", "goods", "--folder", str(tmp_path / "kept")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        summary = json.loads(done.stdout)
        assert (summary["entries"], summary["trades"], summary["acked"], len(summary["qr"])) == (1, 3, 6, 3)


def test_who_takes_the_port_of_a_station_that_ended_is_not_talked_to(tmp_path: Path) -> None:
    station = StationProcess(tmp_path / "station", Wiring(broker="mqtt://127.0.0.1:9"))
    with station:
        assert station.board()["version"]
        station.kill()
        with socket.create_server(("127.0.0.1", station.port)) as other:
            with pytest.raises(ConnectionError, match="does not run"):
                station.post("/api/entries", product="01040201", net_g=1)
            other.settimeout(0.2)
            with pytest.raises(TimeoutError):
                other.accept()


def test_a_station_shows_the_token_that_it_was_started_with_and_else_one_of_its_own(tmp_path: Path) -> None:
    station = StationProcess(tmp_path / "station", Wiring(broker="mqtt://127.0.0.1:9"))
    tokens = set()
    for _ in range(2):
        with station:
            tokens.add(answers(station.port)["token"])
    assert len(tokens) == 2
    plain = {name: value for name, value in os.environ.items() if name != "MARKETEDGE_TOKEN"}
    child = subprocess.Popen([sys.executable, "-m", "edge.cli", "run", "-c", str(station.config)], env=plain)
    try:
        end = time.monotonic() + 20
        while (said := answers(station.port)) is None:
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        child.terminate()
        child.wait(20)
    assert said["token"] not in {"", *tokens}


def test_a_demo_shown_to_the_network_lets_pages_be_used_by_the_machines_address(tmp_path: Path) -> None:
    from simulator.market import Market
    from simulator.obstacles import shown_at

    with Market(tmp_path, embedded=True, host="0.0.0.0") as market:
        for name in {"127.0.0.1", "localhost", shown_at("0.0.0.0")}:
            with urllib.request.urlopen(f"http://{name}:{market.station.port}/stall", timeout=5) as page:
                assert page.status == 200
        assert market.bring_in("01040201", 1000, "河南", "绿源")["test_code"]


def test_the_demos_lever_stops_a_lot_and_lets_it_be_sold_again(tmp_path: Path) -> None:
    from starlette.testclient import TestClient

    from simulator.demo.desk import application
    from simulator.market import Market

    with Market(tmp_path, embedded=True) as market, TestClient(application(market)) as desk:
        entry = market.bring_in("01040201", 1000, "河南", "绿源")
        market.test(entry["sample"], Decimal("12.5"))
        source = market.lot(entry["test_code"], "released")["source"]
        for lever, stopped in (("stop", "召回"), ("resume", "")):
            assert desk.post(f"/lots/{lever}", json={"lot": source, "reason": "召回"}).status_code == 204
            shown = [{"source": source, "name": "大白菜", "stopped": stopped}]
            wait_for(f"the lot after {lever}", lambda shown=shown: desk.get("/lots").json() == shown)
