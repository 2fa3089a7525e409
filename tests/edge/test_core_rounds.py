"""Round after round: how long the core waits, what it shows and when, whom it tells, and how it stops."""

import contextlib
import json
import logging
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from edge.between.commands import (
    Answer,
    AskScale,
    CatchUp,
    Command,
    Recall,
    RegisterEntry,
    SeeUnread,
    Sell,
)
from edge.between.inbox import (
    BrokerAnswer,
    BrokerAnswers,
    CityMessage,
    LinkChanged,
    PrintAgain,
    Printed,
    PrinterChanged,
    Refused,
    Request,
    Stop,
    Tested,
    Weighed,
)
from edge.between.print_states import PrinterState, PrintState, PrintWhy
from edge.city.city_word import CityWord
from edge.core import ALL_SECONDS, BATCH, SHOW_SECONDS, STATUS_SECONDS, STUMBLE_SECONDS, TICK_SECONDS, Core
from edge.records.ledger import LedgerBroken
from protocol.city.signed import CityKeys, seal
from protocol.city.topics import Ack, Rejected
from protocol.readings import Net, State, Weighing
from protocol.session import Wish

Box = Any  # the station of tests/edge/conftest.py
CABBAGE = "01040201"
ENTRY = RegisterEntry(product=CABBAGE, net_g=1000, origin="河南", supplier="李四")
BROKER_CONFIRMS = """
[station]
name = "惠济市场"
jobs = ["gate", "stall"]
node = "410108001"
terminal = "01"
region = "410108"
host = "sy.example.cn"
[seller]
code = "4101080010123"
name = "李秀兰蔬菜"
[city]
brokers = ["mqtt://127.0.0.1"]
confirm = "broker"
[[product]]
code = "01040201"
name = "大白菜"
"""


class Waited:
    """An inbox that notes how long it was to wait, and has these messages."""

    def __init__(self, core: Core, *messages: Any) -> None:
        self.waits: list[float] = []
        self.patience: Callable[[Any], bool] | None = None
        self._real, core._inbox = core._inbox, self  # type: ignore[assignment]
        for message in messages:
            self._real.put(message)
        self.get_nowait = self._real.get_nowait

    def get(self, timeout: float) -> Any:
        self.waits.append(timeout)
        return self._real.get_nowait()


def grams(kilograms: str) -> Weighing:
    return Weighing(Decimal(kilograms), unit="kg", net=Net.GROSS, stable=True, state=State.OK, raw=b"")


# --- waiting --------------------------------------------------------------------------------------------------------


def test_it_waits_a_tick_when_nothing_is_there(box: Callable[..., Box]) -> None:
    station = box()
    inbox = Waited(station.core)
    assert station.core.go_round()
    assert inbox.waits == [TICK_SECONDS]


def test_a_weight_that_is_not_shown_yet_shortens_the_wait(box: Callable[..., Box]) -> None:
    station = box()
    station.turn(Weighed("scale-1", grams("0.000"), station.clock.steady()))
    station.clock.go(SHOW_SECONDS / 4)
    station.turn(Weighed("scale-1", grams("1.000"), station.clock.steady()))
    inbox = Waited(station.core)
    station.core.go_round()
    assert inbox.waits == [pytest.approx(SHOW_SECONDS * 3 / 4)]
    assert station.scale.net_g == 1000
    station.core.go_round()
    assert inbox.waits[1:] == [pytest.approx(TICK_SECONDS - SHOW_SECONDS / 4)]


@pytest.mark.parametrize(("due", "wait"), [(0.2, 0.2), (-3.0, 0.0), (60.0, TICK_SECONDS), (None, TICK_SECONDS)])
def test_a_delivery_that_is_due_shortens_the_wait(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch, due: float | None, wait: float
) -> None:
    station = box()
    at = None if due is None else station.clock.steady() + due
    monkeypatch.setattr(station.core._publisher, "deadline", lambda: at)
    station.turn()
    inbox = Waited(station.core)
    station.core.go_round()
    assert inbox.waits == [pytest.approx(wait)]


def test_delivery_that_failed_in_our_own_program_is_not_tried_before_its_time(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    station = box()
    pumped: list[float] = []
    with monkeypatch.context() as patch:
        patch.setattr(station.core._publisher, "pump", lambda now: pumped.append(now) or 1 / 0)
        for seconds in (0.0, STUMBLE_SECONDS / 2, STUMBLE_SECONDS / 2):
            station.clock.go(seconds)
            station.turn()
    assert len(pumped) == 2
    station.clock.go(STUMBLE_SECONDS)
    monkeypatch.setattr(station.core._publisher, "pump", pumped.append)
    station.turn()
    station.turn()
    assert len(pumped) == 4


def test_so_many_messages_are_one_round(box: Callable[..., Box]) -> None:
    station = box()
    for _ in range(BATCH + 1):
        station.core._inbox.put(PrinterChanged("printer-1", PrinterState.READY))
    assert station.core.go_round()
    assert station.core._inbox.qsize() == 1


def test_after_a_weight_it_waits_for_the_next_until_it_can_be_shown(box: Callable[..., Box]) -> None:
    station = box()
    station.core._show_at = station.core._attend_at = station.clock.steady() + 3600
    inbox = Waited(station.core, Weighed("scale-1", grams("1.000"), station.clock.steady()))
    station.core.go_round()
    first, then = inbox.waits
    assert first == TICK_SECONDS and 0 < then <= 3600


def test_weights_wait_for_each_other_and_for_nothing_else(box: Callable[..., Box]) -> None:
    station = box()
    station.turn(Weighed("scale-1", grams("0.000"), station.clock.steady()))
    for message in (*(Weighed("scale-1", grams("1.000"), station.clock.steady()) for _ in range(3)), Stop()):
        station.core._inbox.put(message)
    assert not station.core.go_round()
    assert station.core._inbox.empty()


def test_a_load_that_is_sold_by_itself_waits_for_nothing_and_other_weights_until_they_are_shown(
    box: Callable[..., Box], counter_devices: str
) -> None:
    station = box(f'[stall]\ncontinuous = "{CABBAGE}"\n{counter_devices}')
    station.releases()
    station.weighs("0.000")
    station.core._show_at = station.core._attend_at = station.clock.steady() + 3600
    before, frames = station.ledger.head.seq, [*station.frames("1.500", 0.8)]
    inbox = Waited(station.core, *frames)
    assert station.core.go_round()
    assert station.last["data"]["slip"]["lines"][0]["net_g"] == 1500
    assert station.ledger.head.seq == before + 1
    assert len(inbox.waits) == 5  # by the fifth frame it has stood still; those behind it came along
    assert station.core._inbox._real.empty()  # type: ignore[attr-defined]


@pytest.mark.parametrize("continuous", [False, True])
def test_the_core_is_not_woken_by_what_waits_until_pages_look_again(
    box: Callable[..., Box], counter_devices: str, continuous: bool
) -> None:
    station = box((f'[stall]\ncontinuous = "{CABBAGE}"\n' if continuous else "") + counter_devices)
    core = station.core
    inbox, asked = Waited(core), list[tuple[bool, ...]]()
    messages = (
        Weighed("scale-1", grams("0.000"), station.clock.steady()),
        Printed(1, PrintState.PRINTED, PrintWhy.NOTHING),
        Stop(),
        Request(ENTRY),
    )
    real = inbox.get

    def get(timeout: float) -> Any:
        patience = inbox.patience
        asked.append(tuple(patience is not None and patience(message) for message in messages))
        return real(timeout)

    inbox.get = get  # type: ignore[method-assign]
    core._weights_due, core._show_at = True, station.clock.steady() + SHOW_SECONDS
    core.go_round()
    core._weights_due = False  # it sleeps longer than pages wait for the first of these
    core.go_round()
    assert asked == [(not continuous, True, False, False), (False, False, False, False)]
    assert inbox.patience is None


def test_what_waits_with_weights_is_worked_on_when_they_are_shown(
    box: Callable[..., Box], counter_devices: str
) -> None:
    station = box(f'[stall]\ncontinuous = "{CABBAGE}"\n{counter_devices}')
    station.core._show_at = station.core._attend_at = station.clock.steady() + 3600
    weights = [*station.frames("0.000", 0.2)]
    inbox = Waited(station.core, weights[0], Printed(1, PrintState.PRINTED, PrintWhy.NOTHING), weights[1])
    assert station.core.go_round()
    assert len(inbox.waits) == 4
    assert station.core._inbox._real.empty()  # type: ignore[attr-defined]


# --- showing --------------------------------------------------------------------------------------------------------


def test_a_board_is_made_each_tick_and_no_more_often_while_nobody_buys(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    station = box()
    made: list[float] = []
    show = station.core._show
    monkeypatch.setattr(station.core, "_show", lambda: (made.append(station.clock.steady()), show())[1])
    Waited(station.core)
    for _ in range(40):
        station.clock.go(TICK_SECONDS / 10)
        station.core._inbox._real.put(Weighed("scale-1", grams("1.000"), station.clock.steady()))
        station.core.go_round()
        station.core.go_round()
    assert 0 < len(set(made)) <= 4  # its clock stands still while it waits


def test_what_nobody_waits_for_is_shown_when_pages_look_again(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a printer and the city say of a sale comes in four messages within some milliseconds."""
    station = box()
    shows: list[str] = []
    show = station.core._show
    monkeypatch.setattr(station.core, "_show", lambda: (shows.append("all"), show())[1])
    inbox = Waited(station.core)
    request = Request(ENTRY)
    station.clock.go(ALL_SECONDS)
    for message in (request, *(PrinterChanged("printer-1", PrinterState.OFFLINE, str(why)) for why in range(4))):
        inbox._real.put(message)
        station.core.go_round()
    assert request.answer.done()
    assert shows == ["all"]
    assert station.board.printers[0].why != "3"
    station.clock.go(ALL_SECONDS)
    station.core.go_round()
    assert shows == ["all", "all"]
    assert station.board.printers[0].why == "3"


def test_weights_alone_are_shown_ten_times_a_second_and_with_anything_else_at_once(box: Callable[..., Box]) -> None:
    station = box()
    station.weighs("0.000", 0.2)
    station.turn()
    shown = []
    for kilograms in ("1.000", "2.000", "3.000"):
        station.clock.go(SHOW_SECONDS * 0.6)
        station.turn(Weighed("scale-1", grams(kilograms), station.clock.steady()))
        shown.append(station.scale.net_g)
    assert shown == [0, 2000, 2000]
    weighed = Weighed("scale-1", grams("4.000"), station.clock.steady())
    station.turn(weighed, PrinterChanged("printer-1", PrinterState.READY))
    assert station.scale.net_g == 4000
    assert station.showing.beat == station.clock.steady()


def test_weights_are_shown_while_all_else_waits_for_its_turn(box: Callable[..., Box]) -> None:
    """A board with a sale on it is followed by the news of its slip and by the city's word within some milliseconds."""
    station = box()
    inbox = Waited(station.core)

    def round_of(*messages: Any) -> None:
        for message in messages:
            inbox._real.put(message)
        station.core.go_round()

    station.clock.go(ALL_SECONDS)
    round_of(Request(ENTRY))
    station.clock.go(SHOW_SECONDS * 1.5)
    weighed = Weighed("scale-1", grams("4.000"), station.clock.steady())
    round_of(weighed, PrinterChanged("printer-1", PrinterState.OFFLINE, "later"))
    assert (station.scale.net_g, station.board.printers[0].why) == (4000, "")
    assert station.showing.beat == station.clock.steady()
    station.clock.go(ALL_SECONDS - SHOW_SECONDS * 1.5)
    round_of(Weighed("scale-1", grams("5.000"), station.clock.steady()))
    assert (station.scale.net_g, station.board.printers[0].why) == (5000, "later")


def test_after_a_board_that_said_nothing_new_news_are_shown_soon(box: Callable[..., Box]) -> None:
    station = box()
    inbox = Waited(station.core)
    station.clock.go(ALL_SECONDS)
    station.turn()
    station.clock.go(ALL_SECONDS)
    station.turn()
    station.clock.go(SHOW_SECONDS)
    inbox._real.put(PrinterChanged("printer-1", PrinterState.OFFLINE, "now"))
    station.core.go_round()
    assert station.board.printers[0].why == "now"


def test_what_the_city_answers_waits_for_company_when_nothing_is_left_to_send(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    station = box()
    core = station.core
    core._show_at = core._attend_at = station.clock.steady() + 3600
    for at_ease in (True, False):
        monkeypatch.setattr(type(core._publisher), "at_ease", at_ease)
        for answer in (BrokerAnswers(()), CityMessage(core._topics.ack, b"")):
            assert core._may_wait(answer) is at_ease
    assert not core._may_wait(CityMessage(core._topics.station + "/cmd/stop_lot", b""))


def test_systemd_is_told_that_it_is_ready_and_alive(box: Callable[..., Box]) -> None:
    station = box()
    told: list[str] = []
    station.core._notify = told.append
    station.core.start()
    station.turn()
    station.turn(Stop())
    assert [word for word in told if not word.startswith("STATUS=")] == ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]
    assert told[1].startswith("STATUS=")


def test_systemd_is_told_in_words_how_it_is_when_that_changed(box: Callable[..., Box]) -> None:
    station = box()
    told: list[str] = []
    station.core._notify = lambda words: told.append(words) if words.startswith("STATUS=") else None
    station.core.start()
    assert len(told) == 1
    assert "待平台确认 0 条" in told[0]
    station.enters()
    station.clock.go(STATUS_SECONDS)
    station.turn()
    assert "待平台确认 1 条" in told[1]
    station.clock.go(STATUS_SECONDS)
    station.turn()
    assert len(told) == 2
    station.fill_the_disk()
    with pytest.raises(Refused):
        station.enters()
    station.clock.go(STATUS_SECONDS)
    station.turn()
    assert told[2] == f"STATUS={station.board.trouble}"


def test_it_runs_until_it_is_told_to_stop(box: Callable[..., Box]) -> None:
    station = box()
    request = Request(ENTRY)
    for message in (request, Stop()):
        station.core._inbox.put(message)
    station.core.run()
    assert request.answer.result(0).test_code
    assert station.ledger.head.seq == 1


def test_what_became_of_papers_is_written_at_a_stop(box: Callable[..., Box]) -> None:
    station = box()
    station.releases()
    (paper,) = station.printers["printer-1"].papers
    station.turn(Printed(paper.job, PrintState.PRINTED, PrintWhy.GS_R), Stop())
    assert station.count(f"SELECT state = 'printed' FROM print_jobs WHERE job = {paper.job}") == 1


# --- what is not recorded ---------------------------------------------------------------------------------------------


def test_a_full_ledger_is_told_and_shown_until_it_takes_a_record(
    box: Callable[..., Box], caplog: pytest.LogCaptureFixture
) -> None:
    station = box()
    station.enters()
    assert station.board.trouble == ""
    station.fill_the_disk()
    for _ in range(3):
        with pytest.raises(Refused) as refused:
            station.enters()
        assert refused.value.code == "disk_full"
        assert "full" in station.board.trouble
        station.turn()
        assert "full" in station.board.trouble
    assert len([one for one in caplog.records if "nothing recorded" in one.getMessage()]) == 1
    station.free_the_disk()
    station.enters()
    assert station.board.trouble == ""
    assert station.ledger.head.seq == 2


def test_who_asked_in_a_round_that_is_not_recorded_is_told_each(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    station.fill_the_disk()
    asked = station.ask(ENTRY, Sell(scale="scale-1", product="99999999", lot=lot), SeeUnread(upto=9, person="王"))
    assert [one.exception(0).code for one in asked] == ["disk_full"] * 3


def test_a_ledger_that_cannot_be_trusted_ends_the_round_it_is_met_in(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    station = box()

    def meet(*_: Any) -> Any:
        raise LedgerBroken("malformed")

    with monkeypatch.context() as patch:
        patch.setattr(station.core, "_do", meet)
        with pytest.raises(LedgerBroken):
            station.turn(Request(ENTRY))
    station.releases()
    station.all_out()
    station.clock.go(60)
    monkeypatch.setattr(station.core._prints, "save", meet)
    with pytest.raises(LedgerBroken):
        station.turn()


def test_what_a_part_meets_may_be_the_ledgers(box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch) -> None:
    station = box()

    def meets(error: sqlite3.Error, code: int) -> None:
        error.sqlite_errorcode = code
        monkeypatch.setattr(station.core._publisher, "pump", lambda now: raises(error))

    meets(sqlite3.OperationalError("database or disk is full"), sqlite3.SQLITE_FULL)
    station.turn(LinkChanged(True))
    assert (station.board.ledger_why, station.board.unread) == ("disk_full", ())
    station.clock.go(60)
    meets(sqlite3.DatabaseError("database disk image is malformed"), sqlite3.SQLITE_CORRUPT)
    with pytest.raises(LedgerBroken):
        station.turn()


def raises(error: Exception) -> None:
    raise error


def test_the_answer_comes_after_what_it_speaks_of_can_be_seen(box: Callable[..., Box]) -> None:
    station = box()
    request = Request(ENTRY)
    seen: list[int] = []
    request.answer.add_done_callback(lambda _: seen.append(len(station.board.lots)))
    station.turn(request)
    assert seen == [1]


def test_a_records_answer_does_not_wait_for_a_board_that_pages_do_not_take_yet(box: Callable[..., Box]) -> None:
    station = box()
    inbox = Waited(station.core)

    def round_of(command: Command) -> Answer:
        request = Request(command)
        inbox._real.put(request)
        station.core.go_round()
        return request.answer.result(0)

    station.clock.go(ALL_SECONDS)
    round_of(ENTRY)
    assert (len(station.board.lots), station.showing.behind) == (1, False)
    for _ in range(2):
        assert round_of(ENTRY).test_code  # type: ignore[attr-defined]
        assert (len(station.board.lots), station.showing.behind) == (1, True)
    round_of(CatchUp())
    assert (len(station.board.lots), station.showing.behind) == (3, False)
    round_of(ENTRY)
    station.clock.go(ALL_SECONDS)
    station.core.go_round()
    assert (len(station.board.lots), station.showing.behind) == (4, False)


def test_an_answer_that_makes_no_record_follows_its_board(box: Callable[..., Box]) -> None:
    station = box()
    inbox = Waited(station.core)
    seen: list[int] = []
    for command in (ENTRY, ENTRY, Recall(key="k1")):
        request = Request(command)
        request.answer.add_done_callback(lambda _: seen.append(len(station.board.lots)))
        inbox._real.put(request)
        station.core.go_round()
    assert seen == [0, 0, 2]


# --- the city and the papers ------------------------------------------------------------------------------------------


def test_a_market_that_trusts_its_broker_is_done_when_the_broker_has_it(box: Callable[..., Box]) -> None:
    station = box("", station=BROKER_CONFIRMS)
    station.enters()
    station.turn(LinkChanged(True))
    assert (len(station.wire.sent), station.board.city.pending) == (1, 1)
    station.turn(BrokerAnswer(1))
    assert (station.board.city.pending, station.board.city.acked) == (0, 1)
    station.enters()
    station.enters()
    assert (len(station.wire.sent), station.board.city.pending) == (3, 2)
    station.turn(BrokerAnswers((BrokerAnswer(2), BrokerAnswer(3))))
    assert (station.board.city.pending, station.board.city.acked) == (0, 3)


def test_the_citys_word_is_taken_from_its_own_topic_and_a_stranger_is_told_who_we_are(
    box: Callable[..., Box], key: Any
) -> None:
    keys = CityKeys.parse(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex())
    station = box()
    core = station.core
    core._publisher._word = CityWord(station.config.city, core._topics.station, keys, station.clock)
    station.enters()
    station.turn(LinkChanged(True))
    assert station.wire.announced == [(core._topics.state, b"birth")]
    sent = json.loads(station.wire.sent[0][1])
    reject = Ack(rejected=(Rejected(sent["id"], "unknown_key", "who is this"),))
    told = seal(reject.fields(), core._topics.station, "2026-11-21T21:00:00.000001Z", key)
    station.turn(CityMessage("somebody/else", told))
    assert (len(station.wire.announced), station.board.city.last_ack) == (1, "")
    station.turn(CityMessage(core._topics.ack, told))
    assert len(station.wire.announced) == 2
    assert station.board.city.last_ack == "2026-11-22T05:00:00+08:00"
    station.turn()
    assert len(station.wire.announced) == 2


def test_a_paper_that_waits_gets_its_record_with_its_turn(box: Callable[..., Box]) -> None:
    """A printer without paper may have hundreds before it."""
    station = box()
    station.releases()
    station.releases()
    printer = station.printers["printer-1"]
    first, second = printer.papers
    assert (first.waits, first.body) == (False, station.ledger.body(first.seq))
    assert (second.waits, second.body) == (True, b"")
    station.turn(PrintAgain(second.job, begun=False))
    assert printer.papers[-1] == replace(second, waits=False, body=station.ledger.body(second.seq))


def test_a_printer_that_lost_a_paper_is_given_its_next_copy(box: Callable[..., Box]) -> None:
    station = box()
    station.releases()
    (paper,) = station.printers["printer-1"].papers
    station.turn(PrintAgain(paper.job, begun=True))
    assert [(one.job, one.copy) for one in station.printers["printer-1"].papers] == [(paper.job, 0), (paper.job, 1)]
    assert [(view.job, view.copy) for view in station.board.prints] == [(paper.job, 1)]
    station.turn(PrinterChanged("printer-1", PrinterState.PAPER, "paper", near_end=True))
    (printer,) = station.board.printers
    assert (printer.up, printer.state, printer.why, printer.near_end, printer.waiting) == (
        False,
        "paper",
        "paper",
        True,
        1,
    )


# --- asked of the core itself -----------------------------------------------------------------------------------------


def test_a_wish_reaches_the_scale_after_the_commit_and_its_weight_is_another(box: Callable[..., Box]) -> None:
    station = box(
        '[[scale]]\nname = "scale-1"\nmodel = "mt-sics"\nport = "/dev/null"\nmax = "30 kg"\nmin = "100 g"\n'
        'e = "5 g"\nwritable = true\n[[product]]\ncode = "01040201"\nname = "大白菜"\nprice = "3.50"\n'
    )
    station.does(AskScale(scale="scale-1", wish="tare"))
    assert station.ports["scale-1"].orders == [Wish.TARE]
    station.weighs("1.000", net=None)
    assert station.scale.tare_why == "tared"


def test_who_asks_for_what_was_done_hears_it_once_it_was_recorded(box: Callable[..., Box]) -> None:
    station = box()
    first = Request(ENTRY, "k1")
    assert station.does(Recall(key="k1")) == {"answer": None}
    station.turn(first)
    assert station.does(Recall(key="k1")) == {"answer": first.answer.result(0).model_dump(by_alias=True)}


def test_how_far_the_city_has_the_records_is_told_once_a_minute(
    box: Callable[..., Box], caplog: pytest.LogCaptureFixture
) -> None:
    station = box("", station=BROKER_CONFIRMS)
    caplog.set_level(logging.INFO)
    station.turn(LinkChanged(True))
    for _ in range(3):
        station.does(ENTRY)
        station.turn(BrokerAnswer(len(station.wire.sent)))
        station.turn()
        station.clock.go(20)
    assert [one.getMessage() for one in caplog.records if one.name == "publisher"] == ["delivered upto=1 pending=0"]
    station.turn()
    station.turn()
    assert [one.getMessage() for one in caplog.records if one.name == "publisher"] == [
        "delivered upto=1 pending=0",
        "delivered upto=3 pending=0",
    ]


def test_weights_alone_keep_the_beat_that_says_the_core_is_alive(box: Callable[..., Box]) -> None:
    station = box()
    station.weighs("0.000", 0.2)
    for _ in range(3):
        station.clock.go(SHOW_SECONDS * 1.5)
        station.turn(Weighed("scale-1", grams("0.000"), station.clock.steady()))
        assert station.showing.beat == station.clock.steady()


def test_what_failed_is_kept_with_what_it_said_where_it_has_no_bytes(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    station = box()
    with monkeypatch.context() as patch:
        patch.setattr(station.core._station.scales["scale-1"], "feed", lambda *_: 1 / 0)
        station.turn(Weighed("scale-1", grams("1.250"), station.clock.steady()))
    with monkeypatch.context() as patch:
        patch.setattr(station.core._handover, "another_day", lambda: 1 / 0)
        station.turn()
    station.clock.go(11)
    station.turn()
    kept = station.ledger.conn.execute("SELECT kind, device, raw FROM unread ORDER BY number").fetchall()
    assert [(kind, device) for kind, device, _ in kept] == [("reading", "scale-1"), ("program", "order")]
    assert b"1.250" in kept[0][2]


def test_an_entry_too_large_for_an_event_is_refused_and_costs_nothing(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    station = box()
    with monkeypatch.context() as patch:
        patch.setattr("protocol.city.envelope.HARD_CAP", 300)
        with pytest.raises(Refused) as refused:
            station.does(ENTRY)
    assert refused.value.code == "too_large"
    station.does(ENTRY)
    assert station.ledger.head.seq == 1


def what_failed(station: Box) -> list[tuple[str, str]]:
    station.clock.go(11)
    station.turn()
    return list(station.ledger.conn.execute("SELECT kind, device FROM unread ORDER BY number"))


def test_a_step_of_the_clock_that_fails_is_kept_and_the_round_goes_on(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    station = box()
    with monkeypatch.context() as patch:
        patch.setattr(station.clock, "look", lambda owing: object())
        station.does(ENTRY)
    assert station.ledger.head.seq == 1
    assert what_failed(station) == [("program", "clock")]


def test_a_commit_that_fails_by_our_own_fault_is_kept_and_everybody_told(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    station = box()
    batch = station.ledger.batch

    @contextlib.contextmanager
    def failing() -> Iterator[None]:
        with batch():
            yield
            raise KeyError("poison")

    with monkeypatch.context() as patch:
        patch.setattr(station.ledger, "batch", failing)
        (answer,) = station.ask(ENTRY)
    assert answer.exception(0).code == "unexpected"  # type: ignore[union-attr]
    assert station.ledger.head.seq == 0
    assert what_failed(station) == [("program", "commit")]


def test_a_request_and_a_result_without_bytes_are_kept_with_what_they_said(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    station = box()
    with monkeypatch.context() as patch:
        patch.setattr("edge.core.do", lambda *_: 1 / 0)
        station.ask(ENTRY)
        patch.setattr("edge.jobs.results.take", lambda *_: 1 / 0)
        station.turn(Tested("tester-1", (station.result("77", "12.5", raw=b""),)))
    station.clock.go(11)
    station.turn()
    kept = dict(station.ledger.conn.execute("SELECT kind, raw FROM unread"))
    assert b"net_g=1000" in kept["request"]
    assert b"Decimal('12.5')" in kept["result"]
