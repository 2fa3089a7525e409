"""A lookup by what somebody outside says costs the same for what is known and what is not: no table is read through."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edge.between.commands import MatchResult, PlanChannel, PrintDocument, Reprint, Sell
from edge.between.inbox import Refused
from protocol.city.codes import CodeKind, TraceCode

Box = Any  # the station of tests/edge/conftest.py
CABBAGE = "01040201"
UNKNOWN = "41010800120300009991"


@pytest.fixture
def station(box: Callable[..., Box]) -> Box:
    made = box()
    made.lot_code = made.releases()
    made.tests(made.result("none", "12.5"))
    return made


def asked(station: Box, work: Callable[[], object]) -> list[str]:
    """The statements that this made sqlite read with, parameters filled in."""
    said: list[str] = []
    station.ledger.conn.set_trace_callback(said.append)
    try:
        work()
    except (Refused, LookupError):
        pass
    finally:
        station.ledger.conn.set_trace_callback(None)
    return [one for one in said if one.startswith(("SELECT", "UPDATE", "DELETE"))]


def code(kind: CodeKind, serial: int) -> str:
    return str(TraceCode("410108001", kind, "01", serial))


LOOKUPS: dict[str, Callable[[Box], object]] = {
    "sample": lambda box: box.core._station.lots.of_sample("12345"),
    "result of an instrument": lambda box: box.tests(box.result("12345", "12.5")),
    "channel": lambda box: box.core._station.lots.of_channel("tester-8", "12345"),
    "lot by test code": lambda box: box.core._station.lots.find(code(CodeKind.TEST, 999)),
    "lot by source code": lambda box: box.core._station.lots.find(code(CodeKind.SOURCE, 999)),
    "results that wait for a lot": lambda box: box.core._station.lots.blocked(
        box.core._station.lots.find(box.lot_code)
    ),
    "on sale": lambda box: box.core._station.lots.on_sale(CABBAGE),
    "match": lambda box: box.does(MatchResult(seq=999, lot=box.lot_code, person="王敏")),
    "plan": lambda box: box.does(PlanChannel(analyzer="tester-8", channel="4", lot=box.lot_code)),
    "sale": lambda box: box.does(
        Sell(scale="scale-1", product=CABBAGE, lot=box.lot_code, manual_g=1000, reason="scale broken")
    ),
    "reprint": lambda box: box.does(Reprint(job=999)),
    "paper of a lot": lambda box: box.does(PrintDocument(paper="report", subject=box.lot_code)),
    "paper of an unknown code": lambda box: box.does(PrintDocument(paper="slip", subject=code(CodeKind.SALE, 999))),
    "paper of a foreign code": lambda box: box.does(
        PrintDocument(paper="slip", subject=str(TraceCode("410108009", CodeKind.SALE, "01", 1)))
    ),
}


@pytest.mark.parametrize("what", LOOKUPS)
def test_no_table_is_read_through(station: Box, what: str) -> None:
    statements = asked(station, lambda: LOOKUPS[what](station))
    assert statements
    for statement in statements:
        if (
            "ORDER BY seq DESC LIMIT 200" in statement
            or "GROUP BY" in statement
            or "FROM delivery" in statement
            or "test_code FROM channel_plan" in statement
            or "FROM kept_samples WHERE gone = 0" in statement
            or "FROM reagents WHERE finished = 0" in statement
        ):
            continue  # what the page shows, of a bounded table
        plan = [row[3] for row in station.ledger.conn.execute(f"EXPLAIN QUERY PLAN {statement}")]
        assert not [step for step in plan if step.startswith("SCAN")], (statement, plan)


def test_a_paper_is_found_by_any_code_of_its_record(box: Callable[..., Box], elsewhere: str) -> None:
    station = box()
    lots = [station.releases() for _ in range(12)]
    station.puts("1.250")
    tx = station.sells(lots[3])["tx"]
    for _ in range(6):
        station.enters()
    before = len(station.papers())
    for paper, subject in [("slip", tx), *(("report", lot) for lot in lots), ("report", station.lot(lots[5]).source)]:
        station.does(PrintDocument(paper=paper, subject=subject))
    assert [name for name, _ in station.papers()[before:]] == ["slip"] + ["report"] * 13
    for serial in (2, 999):
        with pytest.raises(Refused):
            station.does(PrintDocument(paper="slip", subject=code(CodeKind.SALE, serial)))


def test_every_own_code_leads_to_its_record(box: Callable[..., Box]) -> None:
    station = box()
    for _ in range(9):
        station.releases()
        station.tests(station.result("none", "1.0"))
    for seq in range(1, station.ledger.head.seq + 1):
        event = station.ledger.event(seq)
        own = event["data"].get("source") or event["subject"]
        first = station.ledger.seq_of(TraceCode.parse(own))
        assert station.ledger.event(first)["subject"] in (event["subject"], event["data"].get("lot"))
        assert first <= seq


def test_ids_that_are_not_there_are_looked_for_once(station: Box) -> None:
    from protocol.city.topics import Ack, Rejected

    publisher = station.core._publisher
    wrong = Ack(rejected=(Rejected("no-such-id", "bad", "x"),))
    named = [asked(station, lambda: publisher._named(wrong)) for _ in range(5)]
    assert [len(statements) for statements in named] == [1, 0, 0, 0, 0]
    assert "no-such-id" not in publisher._named(wrong)
    known = station.ledger.event(2)["id"]
    assert publisher._named(replace(wrong, rejected=(replace(wrong.rejected[0], id=known),)))[known] == 2
