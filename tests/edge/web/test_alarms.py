"""What alarms rest on: the metrics that the rules and the dashboard in edge/care name are there and say what is so."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from edge.between.inbox import LinkChanged, PrinterChanged
from edge.between.print_states import PrinterState
from edge.web.server import WebServer

ROOT = Path(__file__).parents[3]
CARE = ROOT / "edge" / "care"
NAME = re.compile(r"\bmarketedge_[a-z_]+")


@pytest.fixture
def http(web: WebServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=web.url) as client:
        yield client


@pytest.fixture
def told(http: httpx.Client) -> Callable[[str], float]:
    """What a metric says now, by its name and labels."""

    def value(metric: str) -> float:
        for line in http.get("/metrics").text.splitlines():
            if line.startswith(f"{metric} "):
                return float(line.rpartition(" ")[2])
        raise AssertionError(f"{metric} is not told")

    return value


@pytest.mark.parametrize("file", ["alerts.yml", "dashboard.json"])
def test_every_metric_that_is_asked_for_is_told(
    core: Any, http: httpx.Client, until: Callable[..., None], file: str
) -> None:
    core.enters()
    until(lambda: core.board.city.last_ack)
    asked = set(NAME.findall((CARE / file).read_text("utf-8")))
    text = http.get("/metrics").text
    kept = {re.split(r"[{ ]", line)[0] for line in text.splitlines() if not line.startswith("#")}
    named = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}  # without a sample now
    assert len(asked) >= 15
    assert asked <= kept | named


def test_each_alarm_says_what_is_to_be_done_in_both_languages() -> None:
    rules = (CARE / "alerts.yml").read_text("utf-8").split("- alert: ")[1:]
    assert len(rules) >= 20
    for rule in rules:
        assert re.search(r"severity: (critical|warning|info)", rule), rule
        assert re.search(r'summary: ".+"', rule), rule
        assert re.search(r'summary_zh: ".*[\u4e00-\u9fff].*"', rule), rule


def test_the_dashboard_is_what_grafana_reads() -> None:
    board = json.loads((CARE / "dashboard.json").read_text("utf-8"))
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        assert [target["refId"] for target in panel["targets"]] == [*"ABCDEF"[: len(panel["targets"])]]
        assert re.search(r"[\u4e00-\u9fff].* [A-Z]", panel["title"])


def test_the_oldest_record_that_waits_grows_old_and_none_is_young(core: Any, told: Callable[[str], float]) -> None:
    assert told("marketedge_oldest_pending_seconds") == 0
    core.platform.answers = False
    core.enters()
    core.clock.go(7000)
    core.enters()
    core.turn()
    assert core.board.city.waits_since == pytest.approx(core.clock.steady() - 7000, abs=2)


def test_paper_verification_city_and_core(core: Any, told: Callable[[str], float], until: Callable[..., None]) -> None:
    core.enters()
    until(lambda: core.board.city.last_ack)
    day_after = datetime.fromisoformat("2027-07-01T00:00:00+08:00").timestamp()
    assert told('marketedge_scale_verified_until{device="scale-1"}') == day_after
    assert told("marketedge_city_last_ack") > 0
    assert told("marketedge_core_up") == 1
    core.turn(PrinterChanged("printer-1", PrinterState.READY, near_end=True))
    assert told('marketedge_printer_paper_low{device="printer-1"}') == 1
    assert told('marketedge_printer_paper_out{device="printer-1"}') == 0
    core.turn(PrinterChanged("printer-1", PrinterState.PAPER), LinkChanged(False, "timeout", "mute"))
    assert told('marketedge_printer_paper_out{device="printer-1"}') == 1
    assert told("marketedge_city_up") == 0
    core.seem_dead()
    assert told("marketedge_core_up") == 0
