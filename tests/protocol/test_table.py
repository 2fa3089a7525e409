"""Dialogues as tables: drawn as they are, and a pair without an entry is our mistake."""

import importlib.util
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from protocol import modbus
from protocol.analyzers import dayuan_crc8
from protocol.analyzers.shared import astm_link
from protocol.city import agreement
from protocol.scales import cas_handshake
from protocol.table import Unexpected, mermaid, passed_over, step

ROOT = Path(__file__).parent.parent.parent


class State(Enum):
    SHUT = "shut"
    OPEN = "open"


class Heard(Enum):
    KNOCK = "a knock"
    WIND = "wind"


class Do(Enum):
    IGNORE = "pass over"
    UNLOCK = "unlock"


TABLE = {
    (State.SHUT, Heard.KNOCK): (Do.UNLOCK, State.OPEN),
    **passed_over(Do.IGNORE, {State.SHUT: (Heard.WIND,)}),
}


def test_a_pair_with_an_entry_is_done_and_one_without_raises() -> None:
    assert step(TABLE, State.SHUT, Heard.KNOCK) == (Do.UNLOCK, State.OPEN)
    assert step(TABLE, State.SHUT, Heard.WIND) == (Do.IGNORE, State.SHUT)
    with pytest.raises(Unexpected, match=r"in OPEN nothing is known to do on KNOCK \(a knock\)"):
        step(TABLE, State.OPEN, Heard.KNOCK)


def test_a_table_is_drawn_without_what_is_passed_over() -> None:
    drawn = "stateDiagram-v2\n    [*] --> SHUT\n    SHUT --> OPEN: a knock / unlock"
    assert mermaid(TABLE, Do.IGNORE) == drawn


TABLES = [
    cas_handshake.TABLE,
    modbus.TABLE,
    dayuan_crc8.LZ4000T,
    dayuan_crc8.TL310,
    astm_link.HOST,
    astm_link.INSTRUMENT,
    agreement.STATION,
    agreement.CITY,
]


@pytest.mark.parametrize("table", TABLES)
def test_every_state_of_a_table_is_reached_from_the_first_and_left_again(table: Any) -> None:
    arrows = {(state, after) for (state, _), (_, after) in table.items() if state is not after}
    states = {state for pair in arrows for state in pair}
    reached = {next(iter(table))[0]}
    while more := {after for state, after in arrows if state in reached} - reached:
        reached |= more
    assert reached == states == {state for state, _ in arrows}


def test_the_pictures_are_those_of_the_tables() -> None:
    spec = importlib.util.spec_from_file_location("redraw_dialogues", ROOT / "tests" / "redraw_dialogues.py")
    assert spec and spec.loader
    redraw = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(redraw)
    assert redraw.PAGE.read_text("utf-8") == redraw.page(), "run `make dialogues`"
    assert [table for table, _ in redraw.DIALOGUES.values()] == TABLES


def test_a_session_that_is_woken_where_its_table_knows_nothing_raises() -> None:
    link = astm_link.End(Silent())
    link.state = astm_link.State.HOLDING
    with pytest.raises(Unexpected, match="in HOLDING nothing is known to do on TIMEOUT"):
        link._step(astm_link.Heard.TIMEOUT, 0.0)


class Silent:
    def take(self, text: bytes, *, last: bool) -> list[Any] | None:
        return []

    def drop(self, why: str) -> list[Any]:
        return []
