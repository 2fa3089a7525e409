"""A real Prometheus scrapes a real station: it takes the rules, each panel of the dashboard has data, alarms fire."""

import json
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator.broker import Broker
from simulator.city.keys import hex_beside
from simulator.city.server import City
from simulator.obstacles import free_port
from simulator.stage import CABBAGE, StationProcess, Wiring, wait_for

ROOT = Path(__file__).parents[2]
CARE = ROOT / "edge" / "care"
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
EMPTY = {"Results that wait"}  # this station has no analyzer
SETTINGS = """
global: {{ scrape_interval: 1s, evaluation_interval: 1s }}
rule_files: [alerts.yml]
scrape_configs:
  - job_name: marketedge
    static_configs: [{{ targets: ["{station}"] }}]
"""


@pytest.fixture
def station(tmp_path: Path) -> Iterator[StationProcess]:
    """One that has delivered a record; its scale and its printer are not there."""
    with (
        Broker(data_dir=tmp_path / "broker", kind="mosquitto") as broker,
        City(broker.url, tmp_path / "city.db", enrol=True),
    ):
        wiring = Wiring(broker.url, scale="/nowhere", printer="/nowhere", city_key=hex_beside(tmp_path / "city.db"))
        with StationProcess(tmp_path / "station", wiring) as running:
            running.post("/api/entries", product=CABBAGE, net_g=500_000, origin="河南", supplier="绿源合作社")
            wait_for("delivery", lambda: running.board()["city"]["pending"] == 0)
            yield running


@pytest.fixture
def ask(tmp_path: Path, station: StationProcess) -> Iterator[Callable[..., Any]]:
    """Asks Prometheus' own API."""
    rules = (CARE / "alerts.yml").read_text("utf-8")
    (tmp_path / "alerts.yml").write_text(re.sub(r"for: \d+[mh]", "for: 1s", rules), "utf-8")
    (tmp_path / "prometheus.yml").write_text(SETTINGS.format(station=station.url.partition("//")[2]), "utf-8")
    address = f"127.0.0.1:{free_port()}"
    command = ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb"]
    with (tmp_path / "prometheus.log").open("wb") as log:
        server = subprocess.Popen([*command, f"--web.listen-address={address}"], cwd=tmp_path, stderr=log)

    def question(path: str, **query: str) -> Any:
        try:
            with DIRECT.open(f"http://{address}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=5) as answer:
                return json.load(answer)["data"]
        except urllib.error.URLError:
            return None

    try:
        wait_for("two scrapes", lambda: _value(question("query", query="count_over_time(up[1m])")) >= 3)
        yield question
    finally:
        server.terminate()
        server.wait(10)


def _value(said: Any) -> float:
    return float(said["result"][0]["value"][1]) if said and said["result"] else 0.0


def test_the_dashboard_and_the_alarms_work(ask: Callable[..., Any]) -> None:
    for panel in json.loads((CARE / "dashboard.json").read_text("utf-8"))["panels"]:
        for target in panel["targets"]:
            expression = target["expr"].replace("$instance", ".*")
            said = ask("query", query=expression)
            assert said is not None, expression
    found = {
        panel["title"]: any(
            ask("query", query=target["expr"].replace("$instance", ".*"))["result"] for target in panel["targets"]
        )
        for panel in json.loads((CARE / "dashboard.json").read_text("utf-8"))["panels"]
    }
    without = {title for title, there in found.items() if not there}
    assert {title.partition(" ")[2] for title in without} <= EMPTY | {"Certificates end"}, without

    def firing() -> set[str]:
        return {one["labels"]["alertname"] for one in ask("alerts")["alerts"] if one["state"] == "firing"}

    wait_for("the alarms of devices that are away", lambda: firing() >= {"DeviceAway", "PrinterAway"})
    rules = ask("rules")["groups"][0]["rules"]
    assert len(rules) >= 20
    assert all(rule["health"] == "ok" for rule in rules), [rule for rule in rules if rule["health"] != "ok"]


def test_promtool_finds_nothing_to_say(station: StationProcess, tmp_path: Path) -> None:
    for file in (CARE / "alerts.yml", CARE / "prometheus.yml"):
        shutil.copy(file, tmp_path)
    for name in ("box-5.token", "ca.crt"):
        (tmp_path / name).touch()
    shutil.copy(ROOT / "tests" / "edge" / "care" / "alerts_test.yml", tmp_path)

    def promtool(*words: str, given: str = "") -> str:
        done = subprocess.run(["promtool", *words], input=given, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    promtool("check", "config", "prometheus.yml")  # and the rules that it names
    promtool("test", "rules", "alerts_test.yml")
    with DIRECT.open(f"{station.url}/metrics", timeout=5) as answer:
        assert promtool("check", "metrics", given=answer.read().decode()) == ""
