"""Papers people ask for, and those that print by themselves: which printer, how often, and as the how-manieth copy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.between.commands import Answer, ConfirmPrint, PrintDocument, RegisterEntry, Reprint
from edge.between.inbox import Printed, Refused
from edge.between.print_states import PrintJob, PrintState, PrintWhy
from edge.config.sections import load
from edge.jobs import gate, prints
from edge.records.clock import Clock
from edge.records.ledger import Ledger
from edge.state.station import Station
from protocol.city.codes import CodeKind, TraceCode

CONFIG = """
[station]
name = "惠济市场"
jobs = ["gate"]
node = "410108001"
terminal = "01"
region = "410108"
host = "sy.example.cn"
[seller]
code = "4101080010123"
name = "检测室"
[city]
brokers = ["mqtt://127.0.0.1"]
[gate]
unchecked = "accept"
[[product]]
code = "01040201"
name = "大白菜"
"""
RECEIPTS = '[[printer]]\nname = "receipts"\nport = "usb:"\n'
LABELS = '[[printer]]\nname = "labels"\nport = "/dev/null"\nprofile = "label-40x30"\n'
UPSTREAM = str(TraceCode("410108002", CodeKind.SOURCE, "01", 7))


class Silent:
    """A printer's thread that takes every paper and says nothing."""

    def __init__(self, papers: list[PrintJob]) -> None:
        self.put = papers.append

    def withdraw(self, job: int) -> None:
        pass


class Room:
    """A test room with printers that take every paper and say nothing."""

    def __init__(self, folder: Path, ledger: Ledger, clock: Clock, printers: str) -> None:
        (folder / "station.toml").write_text(CONFIG + printers, "utf-8")
        self.sent: list[PrintJob] = []
        config = load(folder / "station.toml")
        self.station = Station(config, ledger, clock, {part.name: Silent(self.sent) for part in config.printer}, {})

    def does(self, work: Callable[[Station, Any], Answer], command: Any) -> dict[str, Any]:
        """A command as the core does it, answered as its JSON has it: committed, then its effects."""
        with self.station.ledger.batch():
            answer = work(self.station, command).model_dump(by_alias=True)
        for effect in self.station.after:
            effect()
        self.station.after.clear()
        return answer

    def enter(self, upstream: str = "") -> str:
        entry = RegisterEntry(product="01040201", net_g=1000, origin="河南", supplier="李四", upstream=upstream)
        return str(self.does(gate.register, entry)["test_code"])

    def sheets(self) -> list[tuple[str, str, int]]:
        return [(job.paper, job.printer, job.copy) for job in self.sent]


@pytest.fixture
def room(tmp_path: Path, ledger: Ledger, clock: Clock) -> Callable[..., Room]:
    return lambda printers=RECEIPTS + LABELS: Room(tmp_path, ledger, clock, printers)


def test_goods_that_come_in_get_their_sample_label(room: Callable[..., Room]) -> None:
    with_labels = room()
    with_labels.enter()
    assert with_labels.sheets() == [("label", "labels", 0)]


def test_without_a_label_printer_there_is_no_label_and_goods_come_in_all_the_same(room: Callable[..., Room]) -> None:
    without = room(RECEIPTS)
    code = without.enter()
    assert without.sheets() == []
    with pytest.raises(Refused, match="no printer takes this paper"):
        without.does(prints.print_document, PrintDocument(paper="label", subject=code))


def test_a_receipt_printer_may_be_given_the_labels(room: Callable[..., Room]) -> None:
    shared = room(RECEIPTS + 'papers = ["label", "card"]\n')
    shared.enter()
    assert shared.sheets() == [("label", "receipts", 0)]


def test_a_kept_sample_s_paper_is_a_label_where_one_can_be_printed(room: Callable[..., Room]) -> None:
    found = {}
    for name, printers in (("both", RECEIPTS + LABELS), ("slips", RECEIPTS), ("labels", LABELS)):
        part = room(printers).station.prints.printer_for("kept")
        found[name] = part and part.name
    assert found == {"both": "labels", "slips": "receipts", "labels": "labels"}
    said = room(RECEIPTS + LABELS).station.prints.printer_for("kept", "receipts")
    assert said is not None and said.name == "receipts"


def test_the_first_print_on_demand_is_no_copy_and_every_further_one_counts(room: Callable[..., Room]) -> None:
    full = room()
    code = full.enter(UPSTREAM)
    for _ in range(3):
        full.does(prints.print_document, PrintDocument(paper="card", subject=code))
    full.does(prints.print_document, PrintDocument(paper="card", subject=UPSTREAM[:5] + " " + UPSTREAM[5:]))
    assert [sheet for sheet in full.sheets() if sheet[0] == "card"] == [("card", "receipts", n) for n in range(4)]


def test_what_was_printed_by_itself_is_a_copy_on_demand(room: Callable[..., Room]) -> None:
    full = room()
    code = full.enter()
    full.does(prints.print_document, PrintDocument(paper="label", subject=code))
    assert full.sheets() == [("label", "labels", 0), ("label", "labels", 1)]


def test_a_paper_that_waits_is_not_printed_again_and_one_that_is_doubted_is(room: Callable[..., Room]) -> None:
    full = room()
    full.enter()
    job = full.sent[0].job
    with pytest.raises(Refused, match="still waiting"):
        full.does(prints.reprint, Reprint(job=job))
    full.station.prints.news(Printed(job, PrintState.UNKNOWN, PrintWhy.SILENT))
    assert full.does(prints.reprint, Reprint(job=job))["copy"] == 1
    assert full.does(prints.confirm, ConfirmPrint(job=job)) == {"job": job, "state": "confirmed"}
    with pytest.raises(Refused, match="needs no confirmation"):
        full.does(prints.confirm, ConfirmPrint(job=job))


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (PrintDocument(paper="slipp", subject=""), "no such paper; there are: slip"),
        (PrintDocument(paper="card", subject="123"), "20 digits"),
        (
            PrintDocument(paper="card", subject="41010800110100010066"),
            "no record about this code that has the paper .source card",
        ),
        (PrintDocument(paper="day", subject="26.11.2026"), "write the date like"),
        (PrintDocument(paper="test", subject="", printer="nobody"), "no printer takes this paper"),
    ],
)
def test_what_cannot_be_printed_is_said_in_words(room: Callable[..., Room], command: PrintDocument, words: str) -> None:
    with pytest.raises(Refused, match=words):
        room().does(prints.print_document, command)
