"""People, programs and who signs in, on the core: every change a record, no PIN anywhere, and nobody locked out."""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edge.between import pins
from edge.between.commands import (
    Command,
    ConfirmDate,
    DismissResult,
    MatchResult,
    PlanChannel,
    RegisterEntry,
    SeeUnread,
    Sell,
    SetPrice,
)
from edge.between.inbox import Refused, Request
from edge.between.people import CONSOLE, EVERYBODY, SUPERVISORS, Role, Who
from edge.between.people_commands import (
    AddOperator,
    AddProgram,
    AskPin,
    ChangeOperator,
    PinWasRight,
    RemoveProgram,
    SignOut,
    StillThere,
)
from edge.between.roster import Person, Program
from edge.state.operators import Entry, anybody
from protocol.readings import State, Ticket

WANG = Who("0007", frozenset({Role.OPERATOR}), "王敏")
CHEN = Who("1", frozenset({Role.SUPERVISOR}), "陈主管")
TECH = Who("9", frozenset({Role.TECHNICIAN}), "技术员")
KEPT = pins.hashed("4829")
OTHER = pins.hashed("111111")


@pytest.fixture
def station(box: Callable[..., Any]) -> Any:
    """With a supervisor, an operator and a technician."""
    made = box()
    for who in (CHEN, WANG, TECH):
        (role,) = who.roles
        made.does(AddOperator(code=who.code, name=who.name, role=role, pin=KEPT), CONSOLE)
    return made


def refused(station: Any, command: Command, who: Who) -> str:
    """Why, having recorded nothing."""
    head = station.ledger.head.seq
    with pytest.raises(Refused) as why:
        station.does(command, who)
    assert station.ledger.head.seq == head
    return why.value.code


# --- who works here ---------------------------------------------------------------------------------------------------


def test_a_new_person_is_a_record_without_the_pin(station: Any) -> None:
    answer = station.does(AddOperator(code="12", name=" 李四 ", role=Role.OPERATOR, pin=OTHER), CHEN)
    assert answer == {"code": "12", "name": "李四", "role": "operator", "active": True, "pin": True}
    assert station.last["type"] == "cn.marketedge.market.person.changed.v1"
    assert station.last["subject"] == "410108001-01"
    assert station.last["operator"] == "1"
    assert station.last["data"] == {
        "code": "12",
        "name": "李四",
        "role": "operator",
        "active": True,
        "changed": ["added"],
    }
    assert station.showing.roster.people["12"] == Person("12", "李四", Role.OPERATOR, True, True)
    assert "argon2" not in json.dumps(station.last)


def test_the_box_itself_adds_the_first_one(box: Callable[..., Any]) -> None:
    station = box()
    assert not station.showing.roster.guarded and not anybody(station.ledger.conn)
    station.does(AddOperator(code="1", name="陈主管", role=Role.SUPERVISOR), CONSOLE)
    assert anybody(station.ledger.conn)
    assert station.last["operator"] == "console"
    assert station.showing.roster.guarded
    assert not station.showing.roster.people["1"].pin


def test_what_is_changed_of_a_person_is_said_and_nothing_else_is_a_record(station: Any) -> None:
    station.does(ChangeOperator(code="0007", name="王敏敏", role=Role.SUPERVISOR), TECH)
    assert station.last["data"]["changed"] == ["name", "role"]
    station.does(ChangeOperator(code="0007", pin=OTHER), TECH)
    assert station.last["data"]["changed"] == ["pin"]
    station.does(ChangeOperator(code="0007", active=False), TECH)
    assert (station.last["data"]["changed"], station.last["data"]["active"]) == (["active"], False)
    head = station.ledger.head.seq
    answer = station.does(ChangeOperator(code="0007", name="王敏敏", active=False), TECH)
    assert (answer["active"], answer["role"], station.ledger.head.seq) == (False, "supervisor", head)


@pytest.mark.parametrize(
    ("command", "who", "code"),
    [
        (AddOperator(code="0007", name="x", role=Role.OPERATOR), CHEN, "operator_known"),
        (ChangeOperator(code="5", name="x"), CHEN, "no_operator"),
        (AddOperator(code="5", name="x", role=Role.OPERATOR), WANG, "needs_supervisor"),
        (ChangeOperator(code="0007", role=Role.SUPERVISOR), WANG, "needs_supervisor"),
        (AddProgram(name="till", role=Role.OPERATOR, mark="m"), CHEN, "needs_technician"),
        (RemoveProgram(name="till"), TECH, "no_program"),
    ],
)
def test_what_is_refused(station: Any, command: Command, who: Who, code: str) -> None:
    assert refused(station, command, who) == code


def test_somebody_is_left_who_may_change_people(station: Any) -> None:
    station.does(ChangeOperator(code="9", active=False), CHEN)
    assert refused(station, ChangeOperator(code="1", active=False), CHEN) == "last_senior"
    assert refused(station, ChangeOperator(code="1", role=Role.OPERATOR), CHEN) == "last_senior"
    station.does(ChangeOperator(code="1", role=Role.TECHNICIAN), CHEN)


def test_the_citys_directory_has_the_last_word_and_changes_only_what_is_new(station: Any) -> None:
    def directory(*entries: Entry) -> tuple[int, int]:
        head = station.ledger.head.seq
        with station.ledger.batch():
            changed = station.core._station.operators.from_directory(entries)
        station.turn()
        return changed, station.ledger.head.seq - head

    same = [Entry("1", "陈主管", Role.SUPERVISOR, pin=KEPT), Entry("0007", "王敏", Role.OPERATOR)]
    assert directory(*same) == (0, 0)
    assert directory(replace(same[0], active=False), Entry("9", "技术员", Role.OPERATOR)) == (2, 2)
    assert directory(Entry("30", "新来", Role.OPERATOR, pin="$1$md5"), replace(same[1], pin=OTHER)) == (2, 2)
    assert station.last["data"]["changed"] == ["pin"]
    people = station.showing.roster.people
    assert not people["1"].active and not people["30"].pin and people["9"].pin
    assert station.count("SELECT count(*) FROM operators WHERE pin LIKE '$argon2id$%'") == 3
    assert "$argon2" not in repr(same)


def test_a_program_is_known_by_the_mark_of_its_token(station: Any) -> None:
    station.does(AddProgram(name="till", role=Role.SUPERVISOR, mark="m1"), TECH)
    assert station.last["data"] == {
        "code": "token:till",
        "name": "token:till",
        "role": "supervisor",
        "active": True,
        "changed": ["added"],
    }
    program = station.showing.roster.programs["m1"]
    assert (program, program.who.code) == (Program("till", Role.SUPERVISOR), "token:till")
    assert refused(station, AddProgram(name="till", role=Role.OPERATOR, mark="m2"), TECH) == "program_known"
    station.does(RemoveProgram(name="till"), TECH)
    assert station.last["data"]["active"] is False
    assert station.showing.roster.programs == {}


# --- in whose name ----------------------------------------------------------------------------------------------------


def test_a_sale_and_an_entry_name_who_made_them_by_code(station: Any) -> None:
    lot = station.releases()
    station.puts("1.250")
    station.does(Sell(scale="scale-1", product="01040201", lot=lot), WANG)
    assert station.last["operator"] == "0007"
    station.does(RegisterEntry(product="01040201", net_g=1000, origin="河南", supplier="李四"), WANG)
    assert station.last["operator"] == "0007"


def test_who_says_so_is_who_is_signed_in_whatever_the_command_says(station: Any) -> None:
    station.hands_over(station.result("99", "8.3"))
    (waiting,) = station.waiting
    station.does(DismissResult(seq=waiting.seq, person="别人", reason="练习"), CHEN)
    assert (station.last["data"]["person"], station.last["operator"]) == ("陈主管", "1")


def test_where_nobody_is_signed_in_it_is_the_name_that_was_given(box: Callable[..., Any]) -> None:
    station = box()
    station.hands_over(station.result("99", "8.3"))
    station.does(DismissResult(seq=station.waiting[0].seq, person="李秀兰", reason="练习"))
    assert (station.last["data"]["person"], station.last["operator"]) == ("李秀兰", "unnamed")


# --- the supervisor's word --------------------------------------------------------------------------------------------


def unread_ticket(station: Any) -> tuple[int, str]:
    """A result that has no number: a person says what it means."""
    lot = station.enters()
    station.hands_over(Ticket(b"\x1b@ticket", "结论", "no layout fits", "ticket 1"))
    return station.waiting[0].seq, lot


def test_what_a_result_means_and_that_it_is_nobodys_is_a_supervisors_to_say(station: Any) -> None:
    seq, lot = unread_ticket(station)
    means = MatchResult(seq=seq, lot=lot, person="王敏", verdict="qualified")
    assert refused(station, means, WANG) == "needs_supervisor"
    assert refused(station, DismissResult(seq=seq, person="王敏", reason="练习"), WANG) == "needs_supervisor"
    assert station.does(means, replace(WANG, approved_by="1", word=SUPERVISORS))["verdict"] == "qualified"
    assert (station.last["operator"], station.last["approvedby"]) == ("0007", "1")
    assert station.last["data"]["person"] == "王敏"


def test_whose_a_result_is_everybody_may_say_where_its_method_judges_it(station: Any) -> None:
    lot = station.enters()
    station.hands_over(station.result("99", "8.3"))
    match = MatchResult(seq=station.waiting[0].seq, lot=lot, person="x")
    assert station.does(match, WANG)["verdict"] == "qualified"


@pytest.mark.parametrize("command", [ConfirmDate(date="2026-11-22", person="x"), SeeUnread(upto=1, person="x")])
def test_the_date_and_what_failed_are_for_seniors(station: Any, command: Command) -> None:
    assert refused(station, command, WANG) == "needs_supervisor"
    for who in (CHEN, TECH):
        try:
            station.does(command, who)
        except Refused as why:
            assert why.code == "date_fine"


def test_a_typed_weight_needs_a_supervisor_unless_everybody_may(box: Callable[..., Any], devices: str) -> None:
    settings = {"supervisor": "", "everybody": '[people]\ntyped_weights = "everybody"\n'}
    for allowed, more in settings.items():
        station = box(devices + more)
        lot = station.releases()
        station.weighs(None, state=State.ERROR)
        sale = Sell(scale="scale-1", product="01040201", lot=lot, manual_g=900, reason="秤坏了")
        if allowed == "supervisor":
            assert refused(station, sale, WANG) == "needs_supervisor"
            station.does(sale, CHEN)
        else:
            station.does(sale, WANG)
        assert station.last["data"]["sold"][0]["weighed"]["reason"] == "秤坏了"


def test_prices_need_one_where_the_settings_say_so_and_a_price_for_one_sale_too(
    box: Callable[..., Any], devices: str
) -> None:
    station = box(devices + '[people]\nprices = "supervisor"\n')
    lot = station.releases()
    assert refused(station, SetPrice(product="01040201", price_fen=400), WANG) == "needs_supervisor"
    station.puts("1.250")
    cheap = Sell(scale="scale-1", product="01040201", lot=lot, price_fen=1)
    assert refused(station, cheap, WANG) == "needs_supervisor"
    station.does(Sell(scale="scale-1", product="01040201", lot=lot, price_fen=350), WANG)
    station.does(SetPrice(product="01040201", price_fen=400), CHEN)


def test_another_price_is_a_record_in_the_name_of_who_set_it(station: Any) -> None:
    station.does(SetPrice(product="01040301", price_fen=250), WANG)
    assert station.last["type"] == "cn.marketedge.market.price.changed.v1"
    assert station.last["operator"] == "0007"
    assert station.last["data"] == {
        "goods": {"product": "01040301", "name": "西红柿", "name_en": ""},
        "before_fen": 199,
        "fen": 250,
        "per_g": 500,
    }
    head = station.ledger.head.seq
    station.does(SetPrice(product="01040301", price_fen=250), WANG)
    assert station.ledger.head.seq == head


# --- PINs -------------------------------------------------------------------------------------------------------------


def tries(station: Any, times: int, **at: Any) -> list[str]:
    """So many wrong PINs: the codes of what was refused."""
    said = []
    for _ in range(times):
        try:
            station.does(AskPin(**({"code": "0007"} | at)))
            said.append("")
        except Refused as why:
            said.append(why.code)
    return said


def test_a_pin_counts_as_wrong_before_anybody_looks_at_it(station: Any) -> None:
    assert station.does(AskPin(code="0007")) == {"kept": KEPT}
    with sqlite3.connect(station.ledger.path) as other:
        assert other.execute("SELECT code, place, count FROM pin_failures").fetchall() == [("0007", "box", 1)]
    station.does(PinWasRight(code="0007"))
    assert station.count("SELECT count(*) FROM pin_failures") == 0


def test_who_is_not_known_has_no_pin_and_is_slowed_like_everybody(station: Any) -> None:
    assert station.does(AskPin(code="555")) == {"kept": ""}
    assert tries(station, 3, code="556") == ["", "", "pin_wait"]
    assert station.does(AskPin(code="0007"))["kept"]


def test_wrong_pins_wait_longer_and_longer_also_after_a_restart(station: Any, box: Callable[..., Any]) -> None:
    assert tries(station, 4) == ["", "", "", "pin_wait"]
    station.clock.go(1)
    assert tries(station, 2) == ["", "pin_wait"]
    station.clock.go(1)
    station = box()
    assert tries(station, 1) == ["pin_wait"]
    with pytest.raises(Refused) as why:
        station.does(AskPin(code="0007"))
    assert "1 秒" in why.value.zh and "1 seconds" in why.value.en
    station.clock.go(1)
    assert tries(station, 1) == [""]
    for _ in range(10):
        station.clock.go(60)
        assert tries(station, 1) == [""]  # never longer than a minute at the box


def test_guesses_from_the_network_close_neither_the_box_nor_a_known_browser(station: Any) -> None:
    station.does(PinWasRight(code="0007", peer="10.0.0.5", browser="b" * 64))
    assert tries(station, 12, peer="10.0.0.66") == [""] * 10 + ["pin_wait"] * 2
    assert tries(station, 1, peer="10.0.0.67") == ["pin_wait"]
    assert tries(station, 1, peer="10.0.0.5", browser="b" * 64) == [""]
    assert tries(station, 1, peer="10.0.0.5", browser="c" * 64) == ["pin_wait"]
    assert tries(station, 1, peer="10.0.0.5", browser="b" * 64, code="1") == [""]  # a stranger there, not closed yet
    assert tries(station, 1) == [""]


def test_one_address_that_guesses_of_all_is_slowed_whatever_it_knows(station: Any) -> None:
    assert tries(station, 5, peer="10.0.0.66", code="1") == [""] * 5
    assert tries(station, 5, peer="10.0.0.66", code="9") == [""] * 5
    station.does(PinWasRight(code="9", peer="10.0.0.66"))
    assert tries(station, 1, peer="10.0.0.66", code="0007") == ["pin_wait"]
    assert tries(station, 1, peer="10.0.0.67", code="0007") == [""]


def test_who_guesses_a_supervisors_pin_for_a_word_closes_his_own_way_alone(station: Any) -> None:
    assert tries(station, 6, code="1", by="0007") == [""] * 5 + ["pin_wait"]
    assert tries(station, 1, code="1", by="9") == [""]
    assert tries(station, 1, code="1") == [""]


def test_counts_are_forgotten_after_a_day_and_bounded(station: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tries(station, 3)
    station.clock.go(86_401)
    assert tries(station, 3) == ["", "", ""]
    monkeypatch.setattr("edge.state.attempts.MOST", 5)
    for number in range(20):
        station.clock.go(1)
        tries(station, 1, peer=f"10.0.1.{number}", code="1")
        station.does(PinWasRight(code="1", peer="10.9.9.9"))
    assert station.count("SELECT count(*) FROM pin_failures") <= 5


def test_only_so_many_browsers_are_remembered(station: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.state.attempts.KNOWN_BROWSERS", 3)
    for number in range(5):
        station.clock.go(1)
        station.does(PinWasRight(code="1", peer="10.0.0.5", browser=f"{number}", session=f"s{number}"))
    assert station.showing.roster.browsers == {"2", "3", "4"}


# --- sessions ---------------------------------------------------------------------------------------------------------


def test_a_session_outlasts_a_restart_and_ends_with_a_word(station: Any, box: Callable[..., Any]) -> None:
    station.does(PinWasRight(code="0007", session="s1"))
    assert station.showing.roster.in_session("s1").who == WANG
    station = box()
    assert station.showing.roster.in_session("s1").code == "0007"
    station.does(SignOut(session="s1"))
    assert station.showing.roster.in_session("s1") is None
    assert box().showing.roster.sessions == {}


@pytest.mark.parametrize("change", [{"active": False}, {"pin": OTHER}])
def test_it_ends_with_the_person_and_with_another_pin(station: Any, change: dict[str, Any]) -> None:
    station.does(PinWasRight(code="0007", session="s1"))
    station.does(PinWasRight(code="1", session="s2"))
    station.does(ChangeOperator(code="0007", **change), CHEN)
    assert station.showing.roster.sessions == {"s2": "1"}
    if "active" in change:
        assert station.does(AskPin(code="0007")) == {"kept": ""}
        assert refused(station, PinWasRight(code="0007", session="s3"), CONSOLE) == "not_active"


def test_it_ends_unused_also_over_a_restart(station: Any, box: Callable[..., Any]) -> None:
    for mark in ("used", "left"):
        station.does(PinWasRight(code="0007", session=mark))
    station.clock.go(3 * 3600)
    station.does(StillThere(session="used"))
    station.does(StillThere(session="of nobody"))
    station.clock.go(3600 + 1)
    station.turn()
    assert list(station.showing.roster.sessions) == ["used"]
    station.clock.go(20)
    station.turn()
    assert station.count("SELECT count(*) FROM sessions") == 1
    station = box()
    assert list(station.showing.roster.sessions) == ["used"]
    station.clock.go(4 * 3600)
    assert box().showing.roster.sessions == {}


def test_what_could_not_be_written_of_a_session_is_written_later(station: Any) -> None:
    sessions = station.core._station.sessions
    station.does(PinWasRight(code="0007", session="s1"))
    station.does(StillThere(session="s1"))
    assert sessions.unsaved
    sessions.save()
    assert not sessions.unsaved
    sessions.not_saved()
    assert sessions.unsaved
    sessions.save()
    sessions.not_saved()
    sessions.save()
    sessions.save()
    sessions.not_saved()
    assert not sessions.unsaved


def test_a_session_that_was_not_committed_was_none(station: Any) -> None:
    station.fill_the_disk()
    request = Request(PinWasRight(code="0007", session="s1"))
    station.turn(request)
    if isinstance(request.answer.exception(0), Refused):
        assert station.showing.roster.in_session("s1") is None
    station.free_the_disk()
    station.does(PinWasRight(code="0007", session="s1"))
    assert station.showing.roster.in_session("s1") is not None


def test_only_so_many_sessions_are_kept(station: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.state.sessions.MOST", 3)
    for mark in ("s4", "s3", "s0", "s1", "s2"):
        station.clock.go(1)
        station.does(PinWasRight(code="0007", session=mark))
    assert {*station.showing.roster.sessions} == {"s0", "s1", "s2"}


# --- nothing tells a secret -------------------------------------------------------------------------------------------


def test_nothing_that_is_written_out_tells_a_hash_or_a_mark(station: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    secret = "5ec3e7"
    commands: list[Command] = [
        AddOperator(code="40", name="x", role=Role.OPERATOR, pin=KEPT),
        ChangeOperator(code="40", pin=OTHER),
        AddProgram(name="till", role=Role.OPERATOR, mark=secret),
        PinWasRight(code="40", browser=secret, session=secret),
        StillThere(session=secret),
        SignOut(session=secret),
    ]
    for command in commands:
        assert "$argon2" not in repr(command) and secret not in repr(command)
        station.does(command, Who("9", EVERYBODY, "技术员"))
    station.does(PlanChannel(analyzer="tester-8", channel="1"), WANG)
    assert "$argon2" not in caplog.text and secret not in caplog.text
    assert secret not in repr(station.showing.roster)
    assert "roster" not in station.board.as_json()


@pytest.mark.parametrize("pin", ["", "123", "1234567890123", "12a4", "１２３４", "12 4"])
def test_what_is_no_pin(pin: str) -> None:
    with pytest.raises(ValueError, match="4 to 12 digits"):
        pins.hashed(pin)


def test_a_pin_is_right_or_not() -> None:
    assert pins.right(KEPT, "4829")
    assert not pins.right(KEPT, "4820")
    assert not pins.right("", "4829")
    assert not pins.right("nonsense", "4829")
    assert pins.fit(KEPT)
    assert not pins.fit(KEPT.replace("m=19456", "m=999999"))
    assert not pins.fit(KEPT.replace("argon2id", "argon2i"))
