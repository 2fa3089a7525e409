"""Papers by their records, found without an index of all of them: as a reading of the whole table finds them."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database

from edge.between.print_states import PrintState, PrintWhy
from edge.records.migrations import ledger
from edge.records.print_jobs import COLUMNS, NOT_OF_SALES, PrintJobs

PAPERS = st.sampled_from(["slip", "report", "day", "test"])
WANTED = st.lists(st.tuples(st.integers(0, 12), PAPERS, st.integers(0, 3)), max_size=30)


def added(wanted: list[tuple[int, str, int]]) -> PrintJobs:
    conn = sqlite3.connect(":memory:")
    ledger.take(conn)
    jobs = PrintJobs(conn)
    for seq, paper, copy in wanted:
        jobs.add(seq, paper, "", "printer-1", copy, PrintState.WAITING, PrintWhy.UNPROVEN)
    return jobs


def check(jobs: PrintJobs, *, upto: int = 14) -> None:
    """Each question has the answer that a reading of all rows has."""
    rows = jobs.newest(1000)
    for seq in range(upto):
        of_it = [row for row in rows if row.seq == seq]
        assert jobs.of_record(seq) == [row for row in of_it if row.paper not in NOT_OF_SALES]
        for paper in ("slip", "report", "day", "test"):
            same = [row.copy for row in of_it if row.paper == paper]
            assert jobs.wanted_before(seq, paper) == bool(same)
            assert jobs.next_copy(seq, paper, "") == max(same, default=0) + 1
        for last in range(seq, upto):
            between = [row for row in rows if seq <= row.seq <= last and row.paper not in NOT_OF_SALES]
            assert jobs.of_records(seq, last) == [(row.copy, row.state) for row in reversed(between)]


@given(WANTED, st.integers(0, 13))
def test_papers_are_found_by_their_records_in_whatever_order_they_were_wanted(
    wanted: list[tuple[int, str, int]], upto: int
) -> None:
    jobs = added(wanted)
    check(jobs)
    jobs.forget(upto)
    assert [row.seq for row in jobs.newest(1000)][::-1] == [seq for seq, _, _ in wanted if seq > upto]
    check(jobs)


@pytest.mark.parametrize("wanted", [[], [1, 2, 2, 4], [4, 1, 4, 2, 0, 5, 5, 3, 6]])
def test_papers_of_an_older_ledger_are_found(wanted: list[int]) -> None:
    conn = sqlite3.connect(":memory:")
    ledger.apply(Database(conn), stop_before="m038_papers_by_their_order")
    for seq in wanted:
        conn.execute(
            "INSERT INTO print_jobs (seq, paper, detail, printer, copy, state, why)"
            " VALUES (?, 'slip', '', 'printer-1', 0, 'waiting', 'in_turn')",
            (seq,),
        )
    before = conn.execute(f"SELECT {COLUMNS} FROM print_jobs ORDER BY job DESC").fetchall()
    ledger.take(conn)
    jobs = PrintJobs(conn)
    assert jobs.newest(1000) == [(*row[:-1], "unproven") for row in before]
    check(jobs)
    jobs.add(2, "slip", "", "printer-1", 1, PrintState.WAITING, PrintWhy.UNPROVEN)
    check(jobs)
