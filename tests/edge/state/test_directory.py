"""The directory is as the newest commands say, in whatever order they come."""

import sqlite3
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edge.between.inbox import Refused
from edge.records.migrations import ledger as migrations
from edge.state.directory import People
from protocol.city.commands import Directory, PartyEntry

CODES = [f"410108001000{n}" for n in range(3)]
ENTRIES = st.lists(
    st.builds(
        PartyEntry,
        code=st.sampled_from(CODES),
        name=st.sampled_from(["甲", "乙"]),
        state=st.sampled_from(["active", "suspended", "gone"]),
    ),
    max_size=3,
    unique_by=lambda entry: entry.code,
)
COMMANDS = st.lists(
    st.builds(Directory, mode=st.sampled_from(["replace", "update"]), buyers=ENTRIES.map(tuple)), max_size=6
)


def people() -> tuple[People, sqlite3.Connection]:
    from sqlite_utils import Database

    db = Database(memory=True)
    migrations.take(db.conn)
    return People(db.conn), db.conn


def told(commands: list[tuple[int, Directory]]) -> list[Any]:
    found, conn = people()
    for issued, command in commands:
        try:
            found.take(command, float(issued))
        except Refused:
            continue
    return conn.execute("SELECT code, name, state, issued FROM directory ORDER BY code").fetchall()


@given(COMMANDS, st.randoms())
def test_the_order_of_arrival_changes_nothing(commands: list[Directory], random: Any) -> None:
    numbered = list(enumerate(commands, 1))
    shuffled = [*numbered]
    random.shuffle(shuffled)
    assert told(shuffled) == told(numbered)


@given(COMMANDS, st.data())
def test_one_that_comes_twice_changes_nothing(commands: list[Directory], data: Any) -> None:
    numbered = list(enumerate(commands, 1))
    again = data.draw(st.sampled_from(numbered)) if numbered else None
    assert told([*numbered, *([again] if again else [])]) == told(numbered)


def test_an_operators_entry_says_what_they_may_do() -> None:
    found, _ = people()
    entries = [
        {"code": "7", "name": "王敏", "role": "supervisor"},
        {"code": "8", "name": "李", "role": "operator", "state": "gone"},
    ]
    found.take(Directory.model_validate({"mode": "replace", "operators": entries}), 1.0)
    assert [(one.code, one.role, one.state) for one in found.operators()] == [
        ("7", "supervisor", "active"),
        ("8", "operator", "gone"),
    ]
    assert found.of_code("operators", "9") is None
    assert (found.operators()[0].address, found.operators()[0].contact) == ("", "")


def test_everybody_has_initials_also_who_came_before_they_were_made() -> None:
    from sqlite_utils import Database

    db = Database(memory=True)
    migrations.apply(db, stop_before="m013_directory_found_by_initials")
    old = ("suppliers", "4101080010001", "绿源合作社", "", "", "", "", "active", "", 1.0)
    db.conn.execute("INSERT INTO directory VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", old)
    migrations.apply(db)
    found = People(db.conn)
    entries = [
        {"code": "4101080010002", "name": "鲁源商行", "address": "郑州"},
        {"code": "4101080010003", "name": "甲", "initials": "x"},
    ]
    found.take(Directory.model_validate({"mode": "update", "suppliers": entries}), 2.0)
    assert [(one.name, one.initials, one.address) for one in found.find("ly")] == [
        ("绿源合作社", "lyhzs", ""),
        ("鲁源商行", "lysh", "郑州"),
    ]
    assert [one.name for one in found.find("x")] == ["甲"]
