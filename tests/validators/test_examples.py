"""The examples for integrators in Node.js do what their twins in Python do, beside a real station."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from simulator.devices import AnalyzerLine, ScaleLine
from simulator.stage import CABBAGE, StationProcess

EXAMPLES = Path(__file__).parents[2] / "simulator" / "examples"


@pytest.fixture
def run(node: str) -> Callable[..., tuple[int, str, str]]:
    def ran(program: str, *words: str) -> tuple[int, str, str]:
        done = subprocess.run([node, str(EXAMPLES / program), *words], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    return ran


@pytest.mark.marketsim(unchecked="test")
def test_a_till_sells_and_a_laboratory_reads(
    station: StationProcess,
    scale: ScaleLine,
    analyzer: AnalyzerLine,
    tmp_path: Path,
    run: Callable[..., tuple[int, str, str]],
) -> None:
    entry = station.post("/api/entries", product=CABBAGE, net_g=320_000, origin="河南", supplier="绿源合作社")
    words = (station.url, CABBAGE, entry["test_code"], "K1-1")
    file = tmp_path / "results.jsonl"
    assert run("results.mjs", station.url, str(file)) == (0, "0 results\n", "")
    assert run("till.mjs", *words) == (1, "", "nothing to sell: below_min\n")
    scale.put("2.350")
    station.until("the load", lambda board: board["scales"][0]["sellable"])
    code, _, why = run("till.mjs", *words)
    assert code == 1 and why.startswith("lot_pending: ")
    analyzer.measure(entry["sample"], "12.5")
    station.until("its release", lambda board: board["lots"][0]["state"] == "released")
    code, said, _ = run("till.mjs", *words)
    sale = json.loads(said)
    assert (code, sale["net_g"], sale["amount_fen"]) == (0, 2350, 823)
    station.until("what lies there to be sold", lambda board: not board["scales"][0]["sellable"])
    assert run("till.mjs", *words) == (0, said, "")
    assert run("results.mjs", station.url, str(file)) == (0, "1 results\n", "")
    with file.open("ab") as torn:
        torn.write(b'{"number": 99')
    assert run("results.mjs", station.url, str(file)) == (0, "0 results\n", "")
    (result,) = map(json.loads, file.read_text("utf-8").splitlines())
    assert (result["kind"], result["lot"], result["value"]) == ("test.result", entry["test_code"], "12.50")
