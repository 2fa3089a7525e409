"""A program that had no answer asks again with its key, after a power cut: the first answer, one record, one slip."""

import json
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulator.broker import Broker
from simulator.printer.printer import Printer
from simulator.printer.read import Paper
from simulator.scales._pan import Pan, find
from simulator.stage import CABBAGE, StationProcess, Wiring, wait_for
from simulator.wires.line import Line, Pty

pytestmark = pytest.mark.broker


def ask(running: StationProcess, path: str, key: str, **body: Any) -> httpx.Response:
    return httpx.post(running.url + path, json=body, headers={"Idempotency-Key": key}, timeout=20)


def entry(running: StationProcess, key: str, net_g: int = 1000) -> httpx.Response:
    return ask(running, "/api/entries", key, product=CABBAGE, net_g=net_g, origin="河南", supplier="李四")


def records(running: StationProcess, kind: str) -> list[dict[str, Any]]:
    lines = running.command("ledger", "export", "-c", str(running.config)).splitlines()
    return [event for event in map(json.loads, lines) if kind in event["type"]]


@pytest.fixture
def stall(
    tmp_path: Path, broker: Broker, station: Callable[..., StationProcess], released_lot: Callable[..., str]
) -> Any:
    """A station with a scale and a printer, a lot to sell from, and a load on the pan."""

    class Stall:
        def __init__(self) -> None:
            self.papers: list[Paper] = []
            self.pan = Pan(Decimal(30), Decimal("0.010"), settle=0.05)
            self.scale = Line(find("mt_sics")(self.pan), Pty(tmp_path / "scale")).start()
            self.printer = Line(Printer(on_paper=self.papers.append), Pty(tmp_path / "printer")).start()
            self.station = station(Wiring(broker=broker.url, scale=self.scale.address, printer=self.printer.address))
            self.lot = released_lot(self.station)
            wait_for("an empty pan", lambda: self.station.board()["scales"][0]["why"] == "below_min")
            self.scale.do(lambda _, now: self.pan.put(Decimal("1.5"), now))
            wait_for("a load", lambda: self.station.board()["scales"][0]["sellable"])

        def sell(self, key: str, **more: Any) -> httpx.Response:
            return ask(self.station, "/api/sales", key, scale="scale-1", product=CABBAGE, lot=self.lot, **more)

        def slips(self) -> list[str]:
            return [paper.text for paper in self.papers if "1.500 kg" in paper.text]

        def restart(self) -> None:
            self.station.kill()
            self.station.start()

    made = Stall()
    yield made
    made.station.stop()
    made.scale.stop()
    made.printer.stop()


def test_after_the_answer(stall: Any) -> None:
    first = stall.sell("till-1")
    assert first.status_code == 201
    wait_for("the slip", lambda: stall.station.board()["prints"][0]["state"] == "printed")
    assert entry(stall.station, "gate-1").status_code == 201  # with it the disk knows that the slip came out
    for _ in range(2):
        stall.restart()
        again = stall.sell("till-1")
        assert (again.status_code, again.json()) == (201, first.json())
        other = stall.sell("till-1", seen_g=1)
        assert (other.status_code, other.json()["code"]) == (409, "key_reused")
    assert [event["subject"] for event in records(stall.station, ".trade.")] == [first.json()["tx"]]
    assert len(stall.slips()) == 1


def test_between_the_commit_and_the_answer(stall: Any) -> None:
    """The power goes as soon as the record is on the disk; whether the answer got out, nobody knows."""
    answers: list[httpx.Response] = []

    def sell() -> None:
        with suppress(httpx.HTTPError):
            answers.append(stall.sell("k1"))

    disk = sqlite3.connect(f"{(stall.station.folder / 'data' / 'ledger.db').as_uri()}?mode=ro", uri=True)
    before = disk.execute("SELECT max(seq) FROM events").fetchone()
    selling = threading.Thread(target=sell)
    selling.start()
    while disk.execute("SELECT max(seq) FROM events").fetchone() == before:
        pass
    stall.station.kill()
    disk.close()
    selling.join()
    stall.station.start()
    (trade,) = records(stall.station, ".trade.")
    became = httpx.post(
        f"{stall.station.url}/api/requests/k1/outcome", json={"age_ms": 5000, "address": "/api/sales"}
    ).json()
    again = stall.sell("k1")
    assert again.json()["tx"] == trade["subject"]
    assert became == {"state": "done", "answer": again.json()}
    assert all(answer.json() == again.json() for answer in answers)
    assert len(records(stall.station, ".trade.")) == 1
    wait_for("the slip", lambda: stall.slips())
    assert sum("COPY" not in text for text in stall.slips()) <= 1, "never twice without a mark"


@pytest.mark.slow
def test_before_the_commit(stall: Any) -> None:
    """The power goes at some moment of an entry: asked again with its key, it is there once."""
    keys = [f"entry-{number}" for number in range(4)]
    first: dict[str, str] = {}
    for number, key in enumerate(keys):

        def register(key: str = key) -> None:
            with suppress(httpx.HTTPError):
                first[key] = entry(stall.station, key).json()["test_code"]

        asking = threading.Thread(target=register)
        asking.start()
        asking.join(number * 0.006)  # at another moment each time: before, in and after the commit
        stall.restart()
        asking.join()
    before = {event["subject"] for event in records(stall.station, ".entry.")}
    again = {key: entry(stall.station, key).json()["test_code"] for key in keys}
    assert {key: again[key] for key in first} == first
    entries = [event["subject"] for event in records(stall.station, ".entry.")]
    assert len(entries) == len(keys) + 1  # and the lot that the stall sells from
    assert before <= {*again.values(), stall.lot}
