"""No message ends the station: an exception at every place a message passes, on a real core over a real ledger."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from drivers.transports.adapters import Identity, Naming
from edge.between.commands import (
    AskScale,
    ConfirmDate,
    ConfirmPort,
    ConfirmPrint,
    DismissResult,
    MatchResult,
    PlanChannel,
    PrintDocument,
    Recalled,
    RegisterEntry,
    Reprint,
    SeeUnread,
    Sell,
    SetPrice,
    WholePlantDone,
)
from edge.between.inbox import (
    BrokerAnswer,
    CityMessage,
    LinkChanged,
    Message,
    NewLoad,
    PortChanged,
    PortFound,
    PortGarbage,
    PrintAgain,
    Printed,
    PrinterChanged,
    Refused,
    Request,
    Sensed,
    Stumbled,
    Tested,
    Weighed,
)
from edge.between.print_states import PrinterState, PrintState, PrintWhy
from edge.jobs import results
from edge.ports.port import Committed
from edge.records.ledger import LedgerBroken
from edge.state.unread import MOST, RAW_BYTES, TRIES
from protocol.readings import Measured, Net, Ticket, Weighing

Box = Any  # the station of tests/edge/conftest.py
CABBAGE = "01040201"
COMMANDS = [
    RegisterEntry(product=CABBAGE, net_g=1000, origin="河南", supplier="李四"),
    PlanChannel(analyzer="tester-8", channel="1", lot=""),
    MatchResult(seq=1, lot="x", person="王敏"),
    DismissResult(seq=1, person="王敏", reason="练习"),
    WholePlantDone(lot="x", person="王敏"),
    Sell(scale="scale-1", product=CABBAGE, lot="x"),
    SetPrice(product=CABBAGE, price_fen=300),
    Reprint(job=1),
    ConfirmPrint(job=1),
    PrintDocument(paper="test"),
    AskScale(scale="scale-1", wish="tare"),
    ConfirmDate(date="2026-11-22", person="王敏"),
    ConfirmPort(device="scale-1", person="王敏"),
    SeeUnread(upto=1, person="王敏"),
]
WEIGHING = Weighing(Decimal("1.250"), "kg", Net.GROSS, True, raw=b"ST,GS,+  1.250kg\r\n")
TICKET = Ticket(b"bytes of a ticket", "text", "no layout", "ticket-1")
MESSAGES: list[tuple[Message, str, str, bytes]] = [
    (NewLoad(Weighed("scale-1", WEIGHING, 1000.0)), "reading", "scale-1", WEIGHING.raw),
    (Tested("tester-1", (TICKET,)), "result", "tester-1", TICKET.raw),
    (Sensed("probe-1", Measured("temperature", Decimal("4.1"), "Cel", b"t=4100")), "reading", "probe-1", b"t=4100"),
    (PortChanged("scale-1", True), "device", "scale-1", b"PortChanged("),
    (PortFound("scale-1", Identity(), Naming()), "device", "scale-1", b"PortFound("),
    (PortGarbage("scale-1", "why", b"\x00"), "device", "scale-1", b"PortGarbage("),
    (Stumbled("scale-1", "device", KeyError("x"), b"\x01"), "device", "scale-1", b"Stumbled("),
    (Printed(1, PrintState.PRINTED, PrintWhy.GS_R), "paper", "job 1", b"Printed("),
    (PrintAgain(1, True), "paper", "job 1", b"PrintAgain("),
    (PrinterChanged("printer-1", PrinterState.READY), "program", "PrinterChanged", b"PrinterChanged("),
    (LinkChanged(True), "city", "LinkChanged", b"LinkChanged("),
    (BrokerAnswer(1), "city", "BrokerAnswer", b"BrokerAnswer("),
    (CityMessage("market/ack", b"{}"), "city", "market/ack", b"{}"),
    *[(Request(command), "request", type(command).__name__, b"") for command in COMMANDS],
]
ERRORS = [
    KeyError("type"),
    ValueError("\ud800 no text\x1b[31m\nERROR core: forged"),
    OverflowError("Python int too large to convert to SQLite INTEGER"),
    RecursionError("deep"),
    AssertionError(),
    MemoryError(),
    UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    sqlite3.IntegrityError("UNIQUE constraint failed: lots.test_code"),
    OSError(5, "Input/output error"),
]


def kept(station: Box) -> list[tuple[Any, ...]]:
    return list(station.ledger.conn.execute("SELECT kind, device, cause, raw, count, person FROM unread"))


def settle(station: Box) -> None:
    """What may wait is written now."""
    station.clock.go(11)
    station.turn()


class Trap:
    """In front of the core's own handling, or behind it: raises for one message, after leaving traces."""

    def __init__(self, station: Box, monkeypatch: pytest.MonkeyPatch, prey: Message, error: Exception, stage: str):
        real, core = station.core._do, station.core

        def do(message: Message) -> None:
            if message is not prey:
                real(message)
                return
            if stage == "behind":
                with suppress(Exception):
                    real(message)
            core._station.after.append(lambda: pytest.fail("an effect of what was undone"))
            core._station.undo.append(lambda: self.taken_back.append("undone"))
            station.ledger.conn.execute("INSERT INTO prices VALUES ('99999999', 1)")
            station.ledger.next_code(results.CodeKind.TEST)
            raise error

        self.taken_back: list[str] = []
        monkeypatch.setattr(core, "_do", do)


@pytest.mark.parametrize("stage", ["before", "behind"])
@pytest.mark.parametrize(
    ("message", "kind", "device", "raw"), MESSAGES, ids=[f"{kind} {device}" for _, kind, device, _ in MESSAGES]
)
def test_a_message_that_makes_us_fail_is_undone_kept_and_shown_and_the_next_is_handled(
    box: Callable[..., Box],
    monkeypatch: pytest.MonkeyPatch,
    message: Message,
    kind: str,
    device: str,
    raw: bytes,
    stage: str,
) -> None:
    station = box()
    if isinstance(message, Request):
        message = Request(message.command)
        if stage == "behind":
            monkeypatch.setattr("edge.core.do", lambda station, command: Recalled(answer={}))
    if isinstance(message, Stumbled) and stage == "behind":
        monkeypatch.setattr(station.core._unread, "keep", lambda *_: monkeypatch.undo())
    head = station.ledger.head
    trap = Trap(station, monkeypatch, message, KeyError("poison"), stage)
    station.turn(message, PortGarbage("scale-2", "why", b""))
    monkeypatch.undo()
    assert station.ledger.head == head
    assert station.count("SELECT count(*) FROM prices") == 0
    assert trap.taken_back == ["undone"]
    (view,) = station.board.unread
    assert (view.kind, view.device, view.count) == (kind, device, 1)
    assert "KeyError: 'poison'" in view.cause
    if isinstance(message, Request):
        refused = message.answer.exception(0)
        assert isinstance(refused, Refused)
        assert refused.code == "unexpected"
    settle(station)
    ((*_, stored, count, person),) = kept(station)
    assert stored.startswith(raw or type(message).__name__.encode()) or isinstance(message, Request)
    assert (count, person) == (1, "")
    code = station.enters()
    again = box()
    assert again.lot(code).state == "pending"
    assert [(one.kind, one.device) for one in again.board.unread] == [(kind, device)]
    assert again.enters()


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_whatever_it_fails_with(box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    station = box()
    good, bad = (
        RegisterEntry(product=CABBAGE, net_g=1000, origin="河南", supplier="李四"),
        Request(SetPrice(product=CABBAGE, price_fen=300)),
    )
    Trap(station, monkeypatch, bad, error, "before")
    before, after = Request(good), Request(good)
    station.turn(before, bad, after)
    codes = {request.answer.result(0).test_code for request in (before, after)}
    assert len(codes) == 2
    assert isinstance(bad.answer.exception(0), Refused)
    assert station.ledger.head.seq == 2
    (view,) = station.board.unread
    assert type(error).__name__ in view.cause
    assert "\n" not in view.cause and "\x1b" not in view.cause
    assert kept(station)[0][4] == 1


def test_it_is_logged_once_with_its_cause_and_then_as_a_count(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    station = box()
    monkeypatch.setattr(station.core._station.devices["scale-1"], "changed", lambda *_: 1 / 0)
    for _ in range(300):
        station.clock.go(0.5)
        station.turn(PortChanged("scale-1", False, "gone"))
    told = [record for record in caplog.records if record.name == "unread"]
    assert len(told) == 3
    assert told[0].exc_info and "ZeroDivisionError" in told[0].getMessage()
    assert told[0].getMessage().startswith("device scale-1: could not be handled, kept as unread 1: ")
    assert told[1].getMessage().startswith("device scale-1: unread 1 again, ")
    assert "times so far" in told[1].getMessage() and not told[1].exc_info
    (view,) = station.board.unread
    assert view.count == 300


def test_a_repeated_failure_does_not_write_to_the_disk_each_time(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    station = box()
    monkeypatch.setattr(station.core._station.devices["scale-1"], "changed", lambda *_: 1 / 0)
    station.turn(PortChanged("scale-1", False))
    written = station.ledger.conn.total_changes
    for _ in range(100):
        station.clock.go(1)
        station.turn(PortChanged("scale-1", False))
    assert station.ledger.conn.total_changes == written


def test_only_the_newest_are_kept_each_cut(box: Callable[..., Box]) -> None:
    station = box()
    for number in range(MOST + 20):
        station.turn(Stumbled(f"device-{number}", "device", KeyError("x"), bytes(9000)))
    settle(station)
    rows = kept(station)
    assert len(rows) == MOST
    assert {len(row[3]) for row in rows} == {RAW_BYTES}
    assert {row[1] for row in rows} == {f"device-{number}" for number in range(20, MOST + 20)}


def test_a_person_takes_them_off_by_name_and_they_stay_on_the_disk(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    station = box()
    station.turn(Stumbled("scale-1", "device", KeyError("x")), Stumbled("scale-2", "device", KeyError("x")))
    first = min(one.number for one in station.board.unread)
    assert station.does(SeeUnread(upto=first, person="王敏")) == {"seen": 1}
    assert [one.device for one in station.board.unread] == ["scale-2"]
    assert [(row[1], row[5]) for row in kept(station)] == [("scale-1", "王敏"), ("scale-2", "")]
    assert [one.device for one in box().board.unread] == ["scale-2"]


def test_what_happens_again_after_it_was_seen_is_shown_again(box: Callable[..., Box]) -> None:
    station = box()
    error = KeyError("x")
    station.turn(Stumbled("scale-1", "device", error))
    station.does(SeeUnread(upto=station.board.unread[0].number, person="王敏"))
    assert station.board.unread == ()
    station.turn(Stumbled("scale-1", "device", error))
    assert [one.count for one in station.board.unread] == [2]


# --- results --------------------------------------------------------------------------------------------------------


def poison(monkeypatch: pytest.MonkeyPatch, *identities: str) -> None:
    real = results._found

    def found(station: Any, part: Any, result: Any, **more: Any) -> Any:
        if result.identity in identities:
            station.ledger.next_code(results.CodeKind.SOURCE)
            raise KeyError("poison")
        return real(station, part, result, **more)

    monkeypatch.setattr(results, "_found", found)


def test_one_bad_result_among_many_is_set_aside_alone(box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch) -> None:
    station = box()
    code = station.enters()
    poison(monkeypatch, "bad")
    bad = replace(station.result("1", "12.5", "bad"), raw=b"bad bytes")
    records = station.tests(station.result("7", "1.0", "one"), bad, station.result("1", "12.5", "two"))
    assert len(records) == 2
    assert station.lot(code).state == "released"
    assert station.ports["tester-1"].orders == [Committed()]
    assert [(row[0], row[1], row[3]) for row in kept(station)] == [("result", "tester-1", b"bad bytes")]


def test_an_instruments_memory_makes_no_new_entry_at_each_start(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    station = box()
    poison(monkeypatch, "bad", "worse")
    memory = (station.result("7", "1.0", "bad"), station.result("8", "1.0", "worse"))
    for start in range(5):
        station.turn(Tested("tester-1", memory))
        assert [row[4] for row in kept(station)] == [min(start + 1, TRIES)] * 2
        assert station.ports["tester-1"].orders == [Committed()]
        station = box()
    station.does(SeeUnread(upto=99, person="王敏"))
    station.turn(Tested("tester-1", memory))
    assert station.board.unread == ()


def test_another_version_takes_what_an_older_one_could_not(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    station = box()
    station.enters()
    bad = station.result("1", "12.5", "bad")
    with monkeypatch.context() as patch:
        poison(patch, "bad")
        for _ in range(3):
            station.tests(bad)
    assert station.tests(bad) == []
    monkeypatch.setattr("edge.state.unread.version", lambda name: "99")
    station = box()
    with monkeypatch.context() as patch:
        poison(patch, "bad")
        for count in (1, 2):  # its own tries, whatever the older one's were
            assert station.tests(bad) == []
            assert [one.count for one in station.board.unread] == [count]
    monkeypatch.setattr("edge.state.unread.version", lambda name: "100")
    station = box()
    (record,) = station.tests(bad)
    assert record["data"]["value"] == "12.5"
    assert kept(station) == []
    assert station.board.unread == ()


# --- what the core does besides messages ----------------------------------------------------------------------------


def test_one_effect_that_fails_does_not_keep_the_others(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    station = box()
    monkeypatch.setattr(station.printers["printer-1"], "put", lambda job: 1 / 0)
    code = station.enters()
    station.tests(station.result(station.lot(code).sample, "12.5"))  # its report goes to the printer
    assert station.ports["tester-1"].orders == [Committed()]
    assert {one.device for one in station.board.unread} <= {"effect"}
    assert station.lot(code).state == "released"


VIEWS = [
    ("lots", "_station.lots.views"),
    ("unmatched", "_station.lots.unmatched_views"),
    ("", "_station.lots.unmatched_counts"),
    ("plan", "_station.lots.plan_view"),
    ("products", "_station.product_views"),
    ("prints", "_prints.views"),
    ("ports", "_known.views"),
    ("city", "_publisher.view"),
    ("trouble", "_publisher.cause"),
    ("clock_state", "_clock.state"),
]


@pytest.mark.parametrize(("part", "path"), VIEWS, ids=[part for part, _ in VIEWS])
def test_a_part_of_the_board_that_fails_stays_as_it_was_and_the_others_go_on(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch, part: str, path: str
) -> None:
    station = box()
    station.turn(PortChanged("tester-1", False, "unplugged"))
    was = getattr(station.board, part or "unmatched")
    owner: Any = station.core
    *way, name = path.split(".")
    for step in way:
        owner = getattr(owner, step)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, lambda *_, **__: 1 / 0)
        station.does(SetPrice(product=CABBAGE, price_fen=299))
        code = station.enters()
        station.does(PlanChannel(analyzer="tester-8", channel="1", lot=code))
        station.tests(station.result("77", "1.0"))
        station.turn(PortChanged("tester-1", True))
        assert f"board {part}".strip() in {one.device for one in station.board.unread}
        assert [one.up for one in station.board.analyzers] == [True, True]
        assert station.showing.beat == station.clock.steady()
        if part:
            assert getattr(station.board, part) == was
    station.does(SetPrice(product=CABBAGE, price_fen=298))
    assert [one.price_fen for one in station.board.products if one.code == CABBAGE] == [298]
    assert station.lot(station.enters()).state == "pending"


def test_a_scale_that_cannot_be_shown_shows_no_weight(box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch) -> None:
    station = box()
    station.puts("1.250")
    assert station.scale.net_g == 1250
    monkeypatch.setattr(station.core._station.scales["scale-1"], "view", lambda *_: 1 / 0)
    station.weighs("1.250", 0.1)
    station.clock.go(1)
    station.turn()
    assert (station.scale.net_g, station.scale.sellable, station.scale.why) == (None, False, "error")
    assert station.board.scales[1].name == "scale-2"


def test_a_reading_that_fails_sells_nothing_stale(box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch) -> None:
    station = box()
    lot = station.releases()
    station.puts("1.250")
    monkeypatch.setattr(station.core._station.scales["scale-1"], "feed", lambda *_: 1 / 0)
    station.weighs("9.990")
    with pytest.raises(Refused) as refused:
        station.sells(lot)
    assert refused.value.code in ("stale", "no_signal", "motion")
    settle(station)
    (view,) = station.board.unread
    assert (view.kind, view.device, view.count, kept(station)[0][3]) == ("reading", "scale-1", 20, b"\x02")


def test_delivery_that_fails_is_tried_again_later_and_work_goes_on(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    station = box()
    station.turn(LinkChanged(True))
    tries = []
    with monkeypatch.context() as patch:
        patch.setattr(station.core._publisher, "pump", lambda now: tries.append(now) or 1 / 0)
        for _ in range(100):
            station.clock.go(0.1)
            station.turn()
        station.enters()
    assert 2 <= len(tries) <= 4
    station.clock.go(6)
    station.turn()
    assert len(station.wire.sent) == 1


def test_a_deadline_of_a_failing_delivery_does_not_spin(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    station = box()
    waits: list[float] = []

    class Inbox:
        def get(self, timeout: float) -> None:
            waits.append(timeout)
            raise TimeoutError

    monkeypatch.setattr(station.core._publisher, "pump", lambda now: 1 / 0)
    monkeypatch.setattr(station.core._publisher, "deadline", lambda: 0.0)
    monkeypatch.setattr(station.core, "_inbox", Inbox())
    station.turn()
    with pytest.raises(TimeoutError):
        station.core._gather([])
    assert waits == [0.5]


@pytest.mark.parametrize("part", ["_publisher", "_prints", "_known"])
def test_progress_that_cannot_be_saved_keeps_no_record_from_the_disk_and_is_saved_with_the_next(
    box: Callable[..., Box], devices: str, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    settings = 'confirm = "broker"\n' + devices  # the settings of the city stand last
    station = box(settings)
    first = station.releases()
    station.turn(LinkChanged(True))
    station.clock.go(60)
    job = station.printers["printer-1"].papers[0].job
    found = PortFound("scale-1", Identity("1a86:7523", serial="A1"), Naming())
    with monkeypatch.context() as patch:
        saver = getattr(station.core, part)
        patch.setattr(saver, "save", lambda: 1 / 0)
        station.turn(BrokerAnswer(1), Printed(job, PrintState.PRINTED, PrintWhy.GS_R), found)
        second = station.enters()
    (view,) = station.board.unread
    assert (view.kind, view.device, view.cause) == (
        "program",
        type(saver).__name__,
        "ZeroDivisionError: division by zero",
    )
    station.clock.go(60)
    station.enters()
    assert station.count(f"SELECT state = 'printed' FROM print_jobs WHERE job = {job}") == 1
    again = box(settings)
    assert (again.lot(first).state, again.lot(second).state) == ("released", "pending")
    assert (again.board.city.acked, again.core._known.unsaved) == (1, False)


def test_papers_of_the_last_run_that_cannot_be_taken_up_do_not_end_the_start(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    box().releases()
    monkeypatch.setattr("edge.state.prints.Prints._look_through", lambda *_: 1 / 0)
    station = box()
    assert [one.device for one in station.board.unread] == ["papers of the last run"]
    assert station.enters()


def test_a_damaged_ledger_is_the_only_thing_that_ends_it(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    station = box()
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    Trap(station, monkeypatch, prey := Request(SetPrice(product=CABBAGE, price_fen=300)), error, "before")
    with pytest.raises(LedgerBroken, match=r"账本文件已损坏|the ledger is damaged"):
        station.turn(prey)
