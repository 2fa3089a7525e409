"""The examples for integrators do what their page says, run as programs beside a real station."""

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from simulator.broker import Broker
from simulator.devices import AnalyzerLine, ScaleLine
from simulator.play.reading import library
from simulator.stage import CABBAGE, STATION, StationProcess, Wiring, wait_for

pytestmark = pytest.mark.broker
EXAMPLES = Path(__file__).parents[2] / "simulator" / "examples"


class CityExample:
    """The city in one file, as a process of its own."""

    def __init__(self, folder: Path, broker: str) -> None:
        folder.mkdir()
        self.folder, self._broker = folder, broker
        key = Ed25519PrivateKey.generate()
        (folder / "city.key").write_bytes(key.private_bytes_raw())
        self.key = key.public_key().public_bytes_raw().hex()

    def start(self, station: StationProcess) -> None:
        (self.folder / "stations.json").write_text(json.dumps({STATION: station.public_key}), "utf-8")
        command = [sys.executable, str(EXAMPLES / "city.py"), self._broker, str(self.folder)]
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.child.stdout is not None
        assert json.loads(self.child.stdout.readline()) == {"ready": self.key}

    def kill(self) -> None:
        self.child.kill()
        self.child.communicate()

    def sequences(self) -> list[int]:
        with sqlite3.connect(self.folder / "city.db") as there:
            return [number for (number,) in there.execute("SELECT sequence FROM records ORDER BY sequence")]


@pytest.fixture
def town(tmp_path: Path, broker: Broker) -> CityExample:
    return CityExample(tmp_path / "town", broker.url)


@pytest.fixture
def running(
    tmp_path: Path, broker: Broker, scale: ScaleLine, analyzer: AnalyzerLine, town: CityExample
) -> Iterator[StationProcess]:
    wiring = Wiring(broker.url, scale=scale.address, analyzer=analyzer.address, unchecked="test", city_key=town.key)
    made = StationProcess(tmp_path / "station", wiring)
    town.start(made)
    with made:
        yield made
    town.kill()


def run(program: str, *words: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / program), *words], capture_output=True, text=True, check=False, env={}
    )
    return done.returncode, done.stdout, done.stderr


def test_a_till_sells_a_laboratory_reads_and_a_city_receives(
    running: StationProcess,
    scale: ScaleLine,
    analyzer: AnalyzerLine,
    town: CityExample,
    tmp_path: Path,
) -> None:
    entry = running.post("/api/entries", product=CABBAGE, net_g=320_000, origin="河南", supplier="绿源合作社")
    words = ("--product", CABBAGE, "--lot", entry["test_code"], "--receipt", "K1-1")
    file = tmp_path / "results.jsonl"
    assert run("results.py", running.url, str(file)) == (0, "0 results\n", "")
    running.until("an empty pan", lambda board: board["scales"][0]["why"] == "below_min")
    code, _, why = run("till.py", running.url, *words)
    assert (code, why) == (1, "nothing to sell: below_min\n")

    scale.put("2.350")
    running.until("the load", lambda board: board["scales"][0]["sellable"])
    code, _, why = run("till.py", running.url, *words)
    assert code == 1 and why.startswith("lot_pending: ")
    analyzer.measure(entry["sample"], "12.5")
    running.until("its release", lambda board: board["lots"][0]["state"] == "released")
    town.kill()
    code, said, _ = run("till.py", running.url, *words)
    sale = json.loads(said)
    assert (code, sale["net_g"], sale["amount_fen"]) == (0, 2350, 823)
    running.until("what lies there to be sold", lambda board: not board["scales"][0]["sellable"])
    assert run("till.py", running.url, *words) == (0, said, "")
    code, _, why = run("till.py", running.url, *words[:-1], "K1-2")
    assert code == 1 and why.startswith("sold: ")
    town.start(running)
    running.until("delivery", lambda board: board["city"]["pending"] == 0, 40)
    assert town.sequences() == [1, 2, 3, 4]

    assert run("results.py", running.url, str(file)) == (0, "1 results\n", "")
    with file.open("ab") as torn:
        torn.write(b'{"number": 99')
    assert run("results.py", running.url, str(file)) == (0, "0 results\n", "")
    (result,) = map(json.loads, file.read_text("utf-8").splitlines())
    assert (result["kind"], result["lot"], result["value"]) == ("test.result", entry["test_code"], "12.50")
    assert (result["unit"], result["verdict"]) == ("%", "qualified")

    # the city lost its newest record and hears of a birth: it is sent again, and taken once
    town.kill()
    with sqlite3.connect(town.folder / "city.db") as there:
        head = there.execute("SELECT hash FROM records WHERE sequence = 3").fetchone()[0]
        there.execute("DELETE FROM records WHERE sequence = 4")
        there.execute("UPDATE heads SET upto = 3, hash = ?", [head])
    running.kill()
    town.start(running)
    running.start()
    wait_for("what it lost", lambda: town.sequences() == [1, 2, 3, 4], 40)
    running.until("agreement", lambda board: board["city"]["up"] and board["city"]["pending"] == 0)


def test_the_ci_plays_scenarios_that_there_are() -> None:
    makefile = (EXAMPLES / "ci" / "Makefile").read_text("utf-8")
    named = re.search(r"^SCENARIOS \?= (.+)$", makefile, re.MULTILINE)
    assert named is not None and set(named[1].split()) <= set(library())
    assert "make ci" in (EXAMPLES / "ci" / "github-actions.yml").read_text("utf-8")
