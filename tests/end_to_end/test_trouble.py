"""What goes wrong in a market, and what people are told."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from simulator.broker import Broker
from simulator.devices import PrinterLine, ScaleLine
from simulator.stage import CABBAGE, Refusal, StationProcess, Wiring, wait_for

pytestmark = pytest.mark.broker


def register(running: StationProcess) -> str:
    entry = running.post("/api/entries", product=CABBAGE, net_g=1000, origin="河南", supplier="李四")
    return str(entry["test_code"])


def recorded(running: StationProcess) -> set[str]:
    lines = running.command("ledger", "export", "-c", str(running.config)).splitlines()
    return {json.loads(line)["subject"] for line in lines}


def test_a_full_disk_is_told_and_nothing_answered_is_lost(tmp_path: Path, broker: Broker) -> None:
    running = StationProcess(tmp_path / "station", Wiring(broker=broker.url))
    running.start(file_limit=400_000)
    try:
        answered = []
        with pytest.raises(Refusal) as refused:
            for _ in range(2000):
                answered.append(register(running))
        assert refused.value.code == "disk_fails"
        assert "存储卡" in running.board()["trouble"]
        assert running.running
    finally:
        running.kill()
    running.start()
    try:
        assert set(answered) <= recorded(running)
        register(running)
        assert running.board()["trouble"] == ""
        assert json.loads(running.command("ledger", "verify", "-c", str(running.config)))["ok"]
    finally:
        running.stop()


@pytest.fixture
def stall(
    broker: Broker,
    scale: ScaleLine,
    printer: PrinterLine,
    station: Callable[..., StationProcess],
    released_lot: Callable[..., str],
) -> Any:
    """A station with a scale and a printer, and a function that sells the next load."""

    class Stall:
        def __init__(self) -> None:
            self.papers, self.printer = printer.papers, printer
            self.station = station(Wiring(broker=broker.url, scale=scale.address, printer=printer.address))
            self.lot = released_lot(self.station)

        def sell(self, grams: int = 1500, **more: Any) -> dict[str, Any]:
            scale.take_off()
            self.station.until("an empty pan", lambda board: board["scales"][0]["why"] == "below_min")
            scale.put(Decimal(grams) / 1000)
            self.station.until("a load", lambda board: board["scales"][0]["sellable"])
            return self.station.post("/api/sales", scale="scale-1", product=CABBAGE, lot=self.lot, **more)

        def state(self, job: int) -> str:
            papers = self.station.board()["prints"]
            return str(next(paper["state"] for paper in papers if paper["job"] == job))

        def becomes(self, job: int, state: str) -> None:
            wait_for(f"job {job} {state}", lambda: self.state(job) == state)

    return Stall()


def test_a_slip_for_a_printer_that_is_gone_waits_and_comes_out_once(stall: Any) -> None:
    stall.becomes(stall.sell()["job"], "printed")
    stall.printer.unplug()
    wait_for("the loss", lambda: stall.station.board()["printers"][0]["state"] == "gone")
    sale = stall.sell(2000)
    assert sale["net_g"] == 2000  # the sale does not wait for the printer
    stall.becomes(sale["job"], "held")
    before = len(stall.papers)
    stall.printer.replug()
    stall.becomes(sale["job"], "printed")
    wait_for("the slip", lambda: len(stall.papers) > before)
    assert ["COPY" in paper.text for paper in stall.papers[before:]] == [False]
    copy = stall.station.post(f"/api/prints/{sale['job']}/reprint")
    assert copy["copy"] == 1
    stall.becomes(copy["job"], "printed")
    wait_for("the copy", lambda: any("COPY 1" in paper.text for paper in stall.papers))
    again = stall.station.post(f"/api/prints/{copy['job']}/reprint")
    assert again["copy"] == 2


@pytest.mark.parametrize(
    ("trouble", "why"), [("paper_out", "paper"), ("cover_open", "cover"), ("cutter_jam", "cutter")]
)
def test_a_slip_that_stopped_on_its_way_is_held_and_printed_whole_again(stall: Any, trouble: str, why: str) -> None:
    stall.becomes(stall.sell()["job"], "printed")
    stall.printer.do(lambda printer, now: printer.trouble(now, **{trouble: True}))
    job = stall.sell(2000)["job"]
    stall.becomes(job, "held")
    wait_for("the reason", lambda: stall.station.board()["printers"][0]["state"] == why)
    with pytest.raises(Refusal) as refused:
        stall.station.post(f"/api/prints/{job}/reprint")
    assert refused.value.code == "not_done"
    stall.printer.do(lambda printer, now: printer.trouble(now, **{trouble: False}))
    stall.becomes(job, "printed")
    wait_for("the slip", lambda: len(stall.papers) > 1)
    slips = [paper.text for paper in stall.papers[1:] if "2.000 kg" in paper.text]
    assert sum("COPY" not in text for text in slips) <= 1, "never twice without a mark"
    assert slips


def test_a_person_who_holds_the_paper_in_hand_ends_the_waiting(stall: Any) -> None:
    stall.printer.do(lambda printer, now: printer.trouble(now, paper_out=True))
    job = stall.sell()["job"]
    stall.becomes(job, "held")
    answer = stall.station.post(f"/api/prints/{job}/confirm")
    assert answer["state"] == "confirmed"
    before = len(stall.papers)
    stall.printer.do(lambda printer, now: printer.trouble(now, paper_out=False))
    test = stall.station.post("/api/prints", paper="test")
    stall.becomes(test["job"], "printed")
    assert stall.state(job) == "confirmed"
    assert not any("COPY" in paper.text for paper in stall.papers[before:])


def test_a_printer_that_never_answers_gives_unknown(stall: Any) -> None:
    stall.printer.do(lambda printer, now: printer.trouble(now, silent=True))
    stall.station.stop()
    stall.station.start()
    job = stall.sell()["job"]
    stall.becomes(job, "unknown")
    assert stall.station.post(f"/api/prints/{job}/confirm")["state"] == "confirmed"


def test_a_slip_without_proof_at_a_kill_is_printed_again_as_a_copy(stall: Any) -> None:
    stall.printer.do(lambda printer, now: printer.trouble(now, paper_out=True))
    job = stall.sell()["job"]
    stall.station.kill()
    stall.printer.do(lambda printer, now: printer.trouble(now, paper_out=False))
    stall.station.start()
    stall.becomes(job, "printed")
    wait_for("the copy", lambda: any("COPY 1" in paper.text for paper in stall.papers))


def test_a_disk_that_is_full_at_the_start_prints_nothing_again_and_says_so(stall: Any) -> None:
    """A copy's number cannot be written, so none is printed; the station serves all the same."""
    for _ in range(20):  # SQLite's log has to be its longest file, or its index would be what does not fit
        register(stall.station)
    stall.printer.do(lambda printer, now: printer.trouble(now, paper_out=True))
    job = stall.sell()["job"]
    stall.station.kill()
    log = stall.station.folder / "data" / "ledger.db-wal"
    stall.printer.do(lambda printer, now: printer.trouble(now, paper_out=False))
    stall.station.start(file_limit=log.stat().st_size)
    assert stall.state(job) == "unknown"
    assert stall.station.running
    assert not any("COPY" in paper.text for paper in stall.papers)


def test_a_held_lot_cannot_be_sold_and_a_pending_one_neither(stall: Any) -> None:
    pending = register(stall.station)
    stall.sell()
    with pytest.raises(Refusal) as refused:
        stall.station.post("/api/sales", scale="scale-1", product=CABBAGE, lot=pending)
    assert refused.value.code == "lot_pending"
    with pytest.raises(Refusal) as mistyped:
        stall.station.post("/api/sales", scale="scale-1", product=CABBAGE, lot=pending[:-1] + "0")
    assert mistyped.value.code in ("bad_code", "no_lot")


def test_a_hostile_name_is_recorded_as_it_is_and_harmless_on_paper(stall: Any) -> None:
    stall.sell()
    name = "\x1b@\x1bp\x00<script>\n合计 0.00\u202e"
    sale = stall.sell(1000, buyer="4101080010456", buyer_name=name)
    stall.becomes(sale["job"], "printed")
    paper = wait_for("the slip", lambda: len(stall.papers) >= 2 and stall.papers[-1])
    assert not paper.unknown
    assert not any(line.strip().startswith("合计 0.00") for line in paper.text.splitlines())
