"""Goods that are worked with most come first, by job; counts fade, and a restart loses none."""

from collections.abc import Callable
from typing import Any

import pytest

from edge.state.goods_use import EACH, GoodsUse

DAY = 24 * 3600


def test_the_most_used_come_first_in_their_job_and_after_a_restart(box: Callable[..., Any]) -> None:
    station = box()
    lot = station.releases("01040301")
    station.enters("01040201")
    station.enters("01040201")
    station.puts("1.000")
    station.sells(lot, "01040301")
    said = {"gate": ("01040201", "01040301"), "stall": ("01040301",)}
    assert station.board.goods_used == said
    assert station.count("SELECT count(*) FROM goods_use") == 0  # a sale writes nothing for it
    station.ledger.close()
    assert box().board.goods_used == said


def test_what_was_much_used_long_ago_falls_behind(box: Callable[..., Any]) -> None:
    station = box()
    for _ in range(4):
        station.enters("01040201")
    station.clock.go(30 * DAY)
    station.enters("01040301")
    station.enters("01040301")
    assert station.board.goods_used["gate"][0] == "01040301"
    station.clock.go(-60 * DAY)  # a clock that was wrong
    station.enters("01040201")
    assert set(station.board.goods_used["gate"]) == {"01040201", "01040301"}


def test_counts_are_written_now_and_then_and_counted_once(box: Callable[..., Any]) -> None:
    station = box()
    for _ in range(EACH + 3):
        station.enters("01040201")
    written = station.count("SELECT upto FROM goods_counted")
    assert EACH <= written < station.ledger.head.seq
    use = GoodsUse(station.ledger)
    station.ledger.close()
    again = box()
    assert use._scores["gate"]["01040201"] == again.core._station.goods_use._scores["gate"]["01040201"]
    assert use._scores["gate"]["01040201"][0] == EACH + 3


def test_counts_that_were_not_committed_are_written_with_the_next(box: Callable[..., Any]) -> None:
    station = box()
    use = station.core._station.goods_use
    for _ in range(EACH):
        station.enters("01040201")
    assert use.unsaved
    with pytest.raises(RuntimeError), station.ledger.batch():
        use.save()
        raise RuntimeError
    use.not_saved()
    assert use.unsaved
    with station.ledger.batch():
        use.save()
    assert not use.unsaved
    assert station.count("SELECT score FROM goods_use") == EACH


def test_a_delivery_counts_for_the_canteen(box: Callable[..., Any]) -> None:
    use = box().core._station.goods_use
    lines = {"lines": [{"goods": {"product": "02010101"}}]}
    use._count(9, "accept.completed", lines, "2026-11-22T08:00:00+08:00")
    assert use.orders() == {"canteen": ("02010101",)}
