"""A request with a key is done once: asked again within a day it has the first answer, whatever happened in between."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from edge.between.commands import DismissResult, EntryAnswer, MatchResult, Recall, RegisterEntry, Sell, SetPrice
from edge.between.inbox import Refused, Request
from edge.jobs.doing import do
from edge.records.ledger import LedgerFull
from edge.state import asked

Box = Any  # the station of tests/edge/conftest.py
CABBAGE = "01040201"
ENTRY = RegisterEntry(product=CABBAGE, net_g=1000, origin="河南", supplier="李四")


def ask(station: Box, key: str, command: Any = ENTRY) -> dict[str, Any]:
    request = Request(command, key)
    station.turn(request)
    return request.answer.result(0).model_dump(mode="json")


def sale(station: Box) -> Sell:
    """What a page would send for a load that lies on the scale."""
    lot = station.releases()
    station.puts("1.250")
    return Sell(scale="scale-1", product=CABBAGE, lot=lot, seen_g=1250)


def test_the_first_answer_is_given_again_and_nothing_is_recorded_or_printed_twice(box: Callable[..., Box]) -> None:
    station = box()
    command = sale(station)
    first = ask(station, "k1", command)
    records, papers = station.ledger.head.seq, station.papers()
    assert ask(station, "k1", command) == first
    assert (station.ledger.head.seq, station.papers()) == (records, papers)


@pytest.mark.parametrize("idle", [0, 3])
def test_after_a_restart_it_is_the_same(box: Callable[..., Box], idle: int) -> None:
    station = box()
    command = sale(station)
    first = ask(station, "k1", command)
    records = station.ledger.head.seq
    station = box()
    for _ in range(idle):
        station.turn()
    assert ask(station, "k1", command) == first
    assert station.ledger.head.seq == records
    assert ask(station, "k2")["test_code"] != first["tx"]


def test_another_command_with_that_key_is_refused_also_after_a_restart(box: Callable[..., Box]) -> None:
    station = box()
    ask(station, "k1")
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            ask(station, "k1", ENTRY.model_copy(update={"net_g": 2000}))
        assert refused.value.code == "key_reused"
        assert station.ledger.head.seq == 1
        station = box()


def test_two_in_one_batch_are_one(box: Callable[..., Box]) -> None:
    station = box()
    one, two = Request(ENTRY, "k1"), Request(ENTRY, "k1")
    station.turn(one, two)
    assert one.answer.result(0) == two.answer.result(0)
    assert station.ledger.head.seq == 1


def test_what_was_refused_may_be_tried_again_with_its_key(box: Callable[..., Box]) -> None:
    station = box()
    with pytest.raises(Refused):
        ask(station, "k1", ENTRY.model_copy(update={"product": "99999999"}))
    assert ask(station, "k1")["test_code"]


def test_what_was_not_committed_may_be_tried_again_with_its_key(box: Callable[..., Box]) -> None:
    station = box()
    station.fill_the_disk()
    with pytest.raises(Refused) as refused:
        ask(station, "k1", ENTRY.model_copy(update={"supplier": "x" * 100}))
    assert refused.value.code == LedgerFull.code
    station.free_the_disk()
    assert ask(station, "k1")["test_code"]
    assert station.ledger.head.seq == 1


def test_what_a_failing_commit_took_back_is_not_known_by_its_key(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    station = box()
    batch = station.ledger.batch

    @contextmanager
    def full() -> Iterator[None]:
        with batch():
            yield
            raise LedgerFull("no room")

    with monkeypatch.context() as patch:
        patch.setattr(station.ledger, "batch", full)
        with pytest.raises(Refused) as refused:
            ask(station, "k1")
    assert refused.value.code == LedgerFull.code
    assert station.does(Recall(key="k1")) == {"answer": None}
    assert ask(station, "k1")["test_code"]
    assert station.ledger.head.seq == 1


def test_what_made_us_fail_after_its_record_may_be_tried_again_with_its_key(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    station = box()
    with monkeypatch.context() as patch:
        patch.setattr(station.ledger, "note", lambda *_: 1 / 0)
        with pytest.raises(Refused):
            ask(station, "k1")
    assert station.ledger.head.seq == 0
    assert ask(station, "k1")["test_code"]
    assert station.ledger.head.seq == 1


def test_after_a_day_it_is_forgotten(box: Callable[..., Box]) -> None:
    station = box()
    first = ask(station, "k1")
    station.clock.go(asked.DAY - 1)
    assert ask(station, "k1") == first
    station = box()
    assert ask(station, "k1") == first
    station.clock.go(2)
    assert ask(station, "k1") != first
    ask(station, "k2")
    station.clock.go(asked.DAY + 1)
    station = box()
    assert station.does(Recall(key="k2")) == {"answer": None}


def test_a_clock_that_is_set_right_makes_nothing_forgotten(box: Callable[..., Box]) -> None:
    station = box()
    first = ask(station, "k1")
    station.clock.wall = station.clock.wall.replace(year=2031)
    assert ask(station, "k1") == first


def test_it_is_found_among_many_and_no_more_than_so_many_are_kept(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked, "MOST", 30)
    monkeypatch.setattr(asked, "CHUNK", 7)
    station = box()
    answers = {f"k{number}": ask(station, f"k{number}") for number in range(40)}
    for _ in range(2):
        for number in range(12, 40):
            assert ask(station, f"k{number}") == answers[f"k{number}"]
        assert station.does(Recall(key="k3"))["answer"] is None
        assert len(station.core._asked._known) <= 30
        assert station.ledger.head.seq == 40
        station = box()


def test_a_record_is_not_read_back_twice(box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "CHUNK", 3)
    station = box()
    for number in range(10):
        ask(station, f"k{number}")
    station = box()
    read: list[int] = []
    real = station.ledger.notes
    monkeypatch.setattr(station.ledger, "notes", lambda upto, most: read.append(upto) or real(upto, most))
    for _ in range(6):
        station.does(Recall(key="never"))
    assert read == [10, 7, 4, 1]


def test_it_costs_no_page_and_grows_no_row_that_has_no_key(box: Callable[..., Box]) -> None:
    """Each note fits into the room that its row has, so that it is written in place."""
    station = box()
    command = sale(station)
    ask(station, "a", command)
    ask(station, "b")
    lot = station.enters()
    station.tests(station.result("77", "12.5"), station.result("78", "12.5"))
    one, two = sorted(waiting.seq for waiting in station.waiting)
    ask(station, "c", MatchResult(seq=one, lot=lot, person="王敏"))
    ask(station, "d", DismissResult(seq=two, person="王敏", reason="练习"))
    notes = [note for (note,) in station.ledger.conn.execute("SELECT asked FROM events") if note is not None]
    assert [len(note) for note in notes] == [asked.ROOM] * 5  # the match released its lot, too
    assert max(len(note.rstrip(b"\0")) for note in notes) <= asked.ROOM
    ask(station, "e", ENTRY.model_copy(update={"supplier": "a" * 100, "origin": "b" * 100}))


def test_an_answer_of_any_length_is_kept(box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch) -> None:
    station = box()
    long = EntryAnswer(test_code="1", sample="".join(map(chr, range(0x4E00, 0x5E00))), source=None)
    monkeypatch.setattr("edge.core.do", lambda station, command: do(station, command) and long)
    assert ask(station, "k1") == long.model_dump()
    assert ask(box(), "k1") == long.model_dump()


def test_what_makes_no_record_is_not_remembered(box: Callable[..., Box]) -> None:
    station = box()
    ask(station, "k1", SetPrice(product=CABBAGE, price_fen=350))  # as it was
    assert station.does(Recall(key="k1")) == {"answer": None}


def test_a_damaged_record_is_not_done_again(box: Callable[..., Box]) -> None:
    station = box()
    ask(station, "k1")
    station.ledger.conn.execute("UPDATE events SET body = ? WHERE seq = 1", (b"{}",))
    station.ledger.conn.commit()
    with pytest.raises(Refused) as refused:
        ask(station, "k1")
    assert refused.value.code == "damaged"
    assert station.ledger.head.seq == 1


@pytest.mark.parametrize("text", ["", "\ud800", "键" * 64, "a\x00b"])
def test_any_text_is_a_key(box: Callable[..., Box], text: str) -> None:
    station = box()
    one, two = ask(station, text), ask(station, text)
    assert (one == two) is bool(text)


def test_the_chain_does_not_depend_on_it(box: Callable[..., Box], signer: Any) -> None:
    from edge.records.verify import verify

    station = box()
    ask(station, "k1")
    ask(station, "")
    assert verify(station.ledger.db, signer.key.public_key())[0] == 2
