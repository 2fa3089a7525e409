"""The clock is believed as far as it deserves: what records are dated with, and what that date is worth."""

import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from edge.between.commands import ConfirmDate, DateAnswer
from edge.between.inbox import Refused
from edge.between.words import text
from edge.cli.main import main
from edge.jobs import clock as clock_jobs
from edge.records.clock import CHECK_SECONDS, END, FIRST, SMALL_SECONDS, STAND_SECONDS, Clock, kernel_synced
from edge.records.ledger import Signer, past
from edge.records.verify import verify
from protocol.city.events import ClockStepped, Goods, LotHeld
from protocol.city.token import Flags, parse_url

Make = Callable[..., Any]
DAY = 24 * 3600.0
UPSTREAM = "41010800110100010074"


def at(text: str) -> float:
    return datetime.fromisoformat(f"{text}+08:00").timestamp()


def dated(event: dict[str, Any]) -> tuple[str, str]:
    """Time to the minute and what it is worth."""
    return event["time"][:16].replace("T", " "), event["clockstate"]


# --- a wrong time is put right ----------------------------------------------------------------------------------------


def test_one_record_from_the_future_is_put_right_by_the_first_sync(box: Make) -> None:
    one = box(verified_until="2027-06-30")
    one.wall = at("2063-01-01 08:00")
    one.start()
    assert dated(one.enter()) == ("2063-01-01 08:00", "unsynced")
    one.wall, one.kernel = at("2026-11-29 09:00"), True
    one.look()
    stepped = one.events()[-1]
    assert stepped["type"] == "cn.marketedge.market.clock.step.v1"
    assert stepped["subject"] == "410108001-01"
    assert dated(stepped) == ("2026-11-29 09:00", "synced")
    assert stepped["data"]["why"] == "synced" and stepped["data"]["source"] == "kernel"
    assert stepped["data"]["offset_ms"] == round((at("2026-11-29 09:00") - at("2063-01-01 08:00")) * 1000)
    assert dated(one.enter()) == ("2026-11-29 09:00", "synced")
    sale = one.sell()
    assert dated(sale) == ("2026-11-29 09:00", "synced")
    assert sale["data"]["clock_trusted"] and sale["data"]["scale_verified"]


def test_after_a_restart_the_time_goes_on_from_the_step_and_not_from_the_future(box: Make) -> None:
    one = box()
    one.wall = at("2063-01-01 08:00")
    one.start()
    one.enter()
    one.wall, one.kernel = at("2026-11-29 09:00"), True
    one.look()
    one.reboot("2020-05-01 00:00")
    assert dated(one.enter()) == ("2026-11-29 09:00", "unsynced")


def test_the_box_says_unsynced_and_goes_on_from_the_last_record_until_it_is_synced(box: Make) -> None:
    one = box()
    one.kernel = True
    one.start()
    one.enter()
    one.reboot("1970-01-01 08:00")
    one.advance(600)
    one.round()
    assert dated(one.enter()) == ("2026-11-27 08:10", "unsynced")
    one.wall, one.kernel = at("2026-11-27 11:00"), True
    one.look()
    (step,) = one.steps()
    assert (step["why"], step["state"], step["boot_id"]) == ("synced", "synced", "boot-2")
    assert step["before"][:16] == "2026-11-27T08:10" and step["after"][:16] == "2026-11-27T11:00"
    assert dated(one.enter()) == ("2026-11-27 11:00", "synced")


def test_the_offset_dates_the_unsynced_records_of_the_boot_anew(box: Make) -> None:
    one = box()
    one.wall = at("2021-01-01 00:00")
    one.start()
    first = datetime.fromisoformat(one.enter()["time"]).timestamp()
    truly = at("2026-11-27 09:00")
    one.wall, one.kernel = truly + CHECK_SECONDS + 100, True
    one.boot += 100
    one.look()
    (step,) = one.steps()
    assert first + step["offset_ms"] / 1000 == pytest.approx(truly + CHECK_SECONDS, abs=0.01)


def test_the_first_sync_is_on_record_although_the_time_was_right(box: Make) -> None:
    one = box()
    one.enter()
    one.kernel = True
    one.look()
    (step,) = one.steps()
    assert (step["why"], step["offset_ms"]) == ("synced", 0)
    one.look()
    assert len(one.steps()) == 1


def test_a_service_that_starts_again_in_the_same_boot_owes_the_record_of_the_first_sync(box: Make) -> None:
    one = box()
    one.enter()
    one.start()
    one.kernel = True
    one.start()
    assert one.clock.state() == "unsynced"
    one.round()
    assert [step["why"] for step in one.steps()] == ["synced"]


def test_a_sync_before_the_first_record_needs_none(box: Make) -> None:
    one = box()
    one.kernel = True
    one.look()
    assert dated(one.enter()) == ("2026-11-27 08:00", "synced")
    one.reboot("2026-11-28 08:00")
    one.kernel = True
    one.look()
    assert dated(one.enter()) == ("2026-11-28 08:00", "synced")
    assert one.steps() == []


def test_a_step_that_does_not_reach_the_disk_is_not_taken(box: Make) -> None:
    one = box()
    one.enter()
    one.wall, one.kernel = at("2026-11-20 08:00"), True
    one.advance(CHECK_SECONDS)
    step = one.clock.look(True)
    assert step is not None
    with pytest.raises(OSError, match="full"), one.ledger.batch():
        clock_jobs.step(one.station, step)
        assert one.clock.now().text.startswith("2026-11-20")
        raise OSError("disk full")
    for back in one.station.undo:
        back()
    assert (one.clock.now().text[:10], one.clock.state()) == ("2026-11-27", "unsynced")
    one.look()
    assert dated(one.events()[-1]) == ("2026-11-20 08:00", "synced")


# --- steps while it runs ----------------------------------------------------------------------------------------------


@pytest.fixture
def running(box: Make) -> Any:
    """A box that is synced and has a record."""
    one = box()
    one.kernel = True
    one.look()
    one.enter()
    return one


@pytest.mark.parametrize("seconds", [-3600.0, -3.0, 3.0, 3600.0, 300 * DAY])
def test_a_clock_put_elsewhere_by_hand_changes_nothing_while_the_station_knows_better(
    running: Any, seconds: float
) -> None:
    running.wall += seconds
    running.kernel = False  # what the kernel says after settimeofday
    for _ in range(4):
        running.look()
    assert dated(running.enter()) == ("2026-11-27 08:00", "holdover")
    assert running.steps() == []


@pytest.mark.parametrize("seconds", [-3600.0, -3.0, 3.0, 3600.0])
def test_a_step_is_taken_when_the_kernel_vouches_after_it_and_its_record_comes_first(
    running: Any, seconds: float
) -> None:
    running.wall += seconds
    before = running.enter()
    assert datetime.fromisoformat(before["time"]).timestamp() == pytest.approx(running.wall - seconds, abs=0.01)
    running.look()
    step = running.events()[-1]
    assert (step["data"]["why"], step["data"]["state"]) == ("stepped", "synced")
    assert step["data"]["offset_ms"] == seconds * 1000
    after = running.enter()
    assert datetime.fromisoformat(after["time"]).timestamp() == pytest.approx(running.wall, abs=0.01)
    assert after["clockstate"] == "synced"


@pytest.mark.parametrize("seconds", [-1.9, -0.5, 0.5, 1.9])
def test_a_small_correction_is_followed_without_a_record_and_time_never_runs_back(running: Any, seconds: float) -> None:
    last = running.clock.now().seconds
    running.wall += seconds
    running.look()
    assert running.clock.now().seconds > last
    running.look()
    assert running.clock.now().seconds == pytest.approx(running.wall, abs=0.01)
    assert (running.steps(), running.clock.state()) == ([], "synced")


def test_a_day_without_a_time_service_is_holdover_then_unsynced_and_its_return_is_on_record(running: Any) -> None:
    running.kernel = False
    running.look()
    running.advance(CHECK_SECONDS)
    assert running.clock.state() == "holdover"
    running.advance(DAY)
    running.round()
    assert running.clock.state() == "unsynced" and running.clock.why == "unsynced"
    running.enter()
    running.kernel = True
    running.look()
    assert [step["why"] for step in running.steps()] == ["synced"]


def test_an_unsynced_clock_set_forward_by_hand_is_followed_and_one_set_back_is_not(box: Make) -> None:
    one = box()
    one.enter()
    one.wall += 7200
    one.look()
    assert dated(one.enter()) == ("2026-11-27 10:00", "unsynced")
    assert [(step["why"], step["source"], step["state"]) for step in one.steps()] == [("set", "none", "unsynced")]
    one.wall -= 3600
    one.look()
    assert dated(one.enter()) == ("2026-11-27 10:00", "unsynced")


def test_a_host_that_puts_the_clock_back_is_believed_after_a_minute(box: Make) -> None:
    one = box(trust="host")
    one.enter()
    one.wall -= 3600
    for _ in range(int(STAND_SECONDS / CHECK_SECONDS)):
        one.look()
        assert one.clock.why == "standing"
        assert one.enter()["clockstate"] in ("synced", "holdover")
        assert one.clock.now().text[:13] == "2026-11-27T08"
    one.look()
    assert dated(one.events()[-1]) == ("2026-11-27 07:01", "synced")
    assert [(step["why"], step["source"]) for step in one.steps()] == [("stepped", "host")]


def test_a_host_whose_clock_jumps_back_and_forth_is_not_followed_back(box: Make) -> None:
    one = box(trust="host")
    one.enter()
    for _ in range(30):
        one.wall -= 3600
        one.look()
        one.wall += 3600
        one.look()
    assert one.steps() == []
    assert one.clock.state() == "synced"


def test_a_host_that_puts_the_clock_forward_is_followed_at_once(box: Make) -> None:
    one = box(trust="host")
    one.enter()
    one.wall += 7200
    one.look()
    assert [step["offset_ms"] for step in one.steps()] == [7_200_000]
    assert dated(one.enter()) == ("2026-11-27 10:00", "synced")


def test_a_host_that_starts_before_the_last_record_is_not_synced_until_it_has_stood(box: Make) -> None:
    one = box(trust="host")
    one.enter()
    one.reboot("2026-11-27 07:00")
    assert dated(one.enter()) == ("2026-11-27 08:00", "unsynced")
    for _ in range(int(STAND_SECONDS / CHECK_SECONDS)):
        one.look()
    assert dated(one.events()[-1]) == ("2026-11-27 07:01", "synced")


# --- times that cannot be ---------------------------------------------------------------------------------------------

NO_TIMES = ["1970-01-01 08:00", "2019-12-31 23:00", "2106-02-08 00:00", "2157-01-01 00:00", "2500-01-01 00:00"]


@pytest.mark.parametrize("trust", ["kernel", "host"])
@pytest.mark.parametrize("wall", NO_TIMES)
def test_a_sale_goes_through_with_a_time_that_cannot_be_and_bears_none(box: Make, trust: str, wall: str) -> None:
    one = box(trust=trust)
    one.ledger.close()
    one.wall, one.kernel = at(wall), True
    for path in (one.folder / "data").iterdir():
        path.unlink()
    one.start()
    one.round()
    assert one.clock.why == "range"
    one.enter()
    sale = one.sell()
    assert dated(sale) == ("2020-01-01 08:00", "unsynced")
    token = parse_url(sale["data"]["url"])[0]
    assert (token.t, Flags.CLOCK_TRUSTED in token.flags) == (0, False)
    assert not sale["data"]["clock_trusted"]
    assert one.clock.day_to_ask() == date.min


@pytest.mark.parametrize("wall", NO_TIMES)
def test_with_records_the_time_goes_on_from_the_last_one(running: Any, wall: str) -> None:
    running.reboot(wall)
    running.kernel = True
    running.look()
    assert dated(running.enter()) == ("2026-11-27 08:00", "unsynced")
    assert running.clock.day_to_ask() == date(2026, 11, 27)
    assert running.steps() == []


def test_in_the_first_hour_of_2020_a_token_bears_a_time_that_fits(box: Make) -> None:
    one = box(trust="host")
    one.wall = at("2020-01-01 08:00")
    one.start()
    one.enter()
    assert parse_url(one.sell()["data"]["url"])[0].t == 0
    one.wall, one.boot = END - 10.0, one.boot + 1
    one.look()
    assert one.clock.asks[:4] == "2100" or one.clock.asks[:4] == "2099"


# --- a date that a person has to answer for ---------------------------------------------------------------------------


def test_a_date_beyond_the_certificate_is_not_taken_until_a_person_confirms_it(box: Make) -> None:
    one = box(verified_until="2027-06-30")
    one.kernel = True
    one.look()
    one.enter()
    one.wall = at("2031-03-01 09:30")
    one.look()
    assert (one.clock.state(), one.clock.why, one.clock.asks) == ("unsynced", "doubted", "2031-03-01T09:30")
    sale = one.sell()
    assert dated(sale) == ("2026-11-27 08:00", "unsynced")
    assert not sale["data"]["clock_trusted"] and one.steps() == []

    answer = one.does(lambda: clock_jobs.confirm(one.station, ConfirmDate(date="2031-03-01", person=" 王敏 ")))
    assert answer == DateAnswer(date="2031-03-01", clock="synced")
    (step,) = one.steps()
    assert (step["why"], step["source"], step["person"], step["state"]) == ("confirmed", "person", "王敏", "synced")
    assert (one.clock.why, one.clock.asks) == ("", "")
    assert dated(one.enter()) == ("2031-03-01 09:30", "synced")
    one.look()
    assert one.clock.state() == "synced"


def test_a_doubted_date_is_forgotten_when_the_clock_comes_back(box: Make) -> None:
    one = box(verified_until="2027-06-30")
    one.kernel = True
    one.look()
    one.enter()
    one.wall += 1500 * DAY
    one.look()
    assert one.clock.why == "doubted"
    one.wall -= 1500 * DAY
    one.look()
    assert (one.clock.state(), one.clock.asks, one.steps()) == ("synced", "", [])


@pytest.mark.parametrize(
    ("wall", "doubted"),
    [
        ("2026-11-30 07:00", False),  # the certificate ended on Saturday, on Monday the power is back
        ("2026-12-26 07:00", False),
        ("2026-12-28 07:00", True),
        ("2031-01-01 07:00", True),
    ],
)
def test_after_a_weekend_nobody_is_asked_and_after_a_month_over_a_certificates_end_somebody_is(
    box: Make, wall: str, doubted: bool
) -> None:
    one = box(verified_until="2026-11-28")
    one.kernel = True
    one.look()
    one.enter()
    one.reboot(wall)
    one.kernel = True
    one.look()
    assert (one.clock.why == "doubted") is doubted
    assert one.clock.state() == ("unsynced" if doubted else "synced")


@pytest.mark.parametrize(("days", "doubted"), [(399, False), (401, True)])
def test_without_a_certificates_end_between_only_more_than_400_days_are_asked_about(
    box: Make, days: int, doubted: bool
) -> None:
    one = box(verified_until="2030-06-30")
    one.kernel = True
    one.look()
    one.enter()
    one.reboot("2026-11-27 08:00")
    one.wall += days * DAY
    one.kernel = True
    one.look()
    assert (one.clock.why == "doubted") is doubted


@pytest.mark.parametrize(("days", "doubted"), [(0.9, False), (2, True)])
def test_while_the_station_runs_more_than_a_day_over_a_certificates_end_is_asked_about(
    box: Make, days: float, doubted: bool
) -> None:
    one = box(verified_until="2026-11-27")
    one.kernel = True
    one.look()
    one.enter()
    one.wall += days * DAY
    one.look()
    assert (one.clock.why == "doubted") is doubted


def test_a_certificate_that_ends_while_the_station_runs_ends_without_a_question(box: Make) -> None:
    one = box(verified_until="2026-11-28")
    one.kernel = True
    one.look()
    one.enter()
    for _ in range(72):
        one.advance(3600)
        one.round()
        assert one.clock.state() == "synced"
    assert one.clock.today() == date(2026, 11, 30)


def test_a_doubt_outlives_a_restart_and_unsynced_records_do_not_end_it(box: Make) -> None:
    one = box(verified_until="2027-06-30")
    one.kernel = True
    one.look()
    one.enter()
    one.reboot("2031-03-01 09:30")
    for _ in range(3):
        one.kernel = True
        one.look()
        assert dated(one.enter()) == ("2026-11-27 08:00", "unsynced")
        assert one.clock.why == "doubted"
        one.start()


def test_a_new_station_takes_the_first_date_it_is_given(box: Make) -> None:
    one = box(verified_until="2021-06-30")
    one.wall = at("1970-01-01 08:00")
    one.start()
    one.enter()
    one.wall, one.kernel = at("2026-11-29 09:00"), True
    one.look()
    assert dated(one.events()[-1]) == ("2026-11-29 09:00", "synced")


def test_an_offline_station_with_a_wrong_future_is_brought_back_by_a_person(box: Make) -> None:
    one = box()
    one.wall = at("2063-01-01 08:00")
    one.start()
    one.enter()
    one.wall = at("2026-11-29 09:00")
    one.look()
    assert (one.clock.why, one.clock.asks) == ("apart", "2026-11-29T09:00")
    answer = one.does(lambda: clock_jobs.confirm(one.station, ConfirmDate(date="2026-11-29", person="王敏")))
    assert answer == DateAnswer(date="2026-11-29", clock="unsynced")
    assert dated(one.enter()) == ("2026-11-29 09:00", "unsynced")
    one.reboot("2029-01-01 00:00")
    one.round()
    assert one.clock.why == "doubted"  # what a person confirmed is a time that was believed


def test_a_date_confirmed_without_a_time_service_is_not_asked_about_again_and_the_next_is_measured_by_it(
    running: Any,
) -> None:
    running.kernel = False
    running.wall = at("2031-03-01 09:30")
    running.look()
    assert running.clock.why == "doubted"
    running.does(lambda: clock_jobs.confirm(running.station, ConfirmDate(date="2031-03-01", person="王敏")))
    running.look()
    assert (running.clock.state(), running.clock.why, running.clock.asks) == ("unsynced", "unsynced", "")
    assert dated(running.enter()) == ("2031-03-01 09:30", "unsynced")
    running.wall += 500 * DAY
    running.look()
    assert running.clock.why == "doubted"


@pytest.mark.parametrize(
    ("day", "person", "code"),
    [
        ("2031-03-02", "王敏", "date_changed"),
        ("2031-13-01", "王敏", "date"),
    ],
)
def test_only_the_date_that_is_asked_about_is_confirmed_and_only_by_name(
    running: Any, day: str, person: str, code: str
) -> None:
    running.wall = at("2031-03-01 09:30")
    running.look()
    with pytest.raises(Refused) as refused:
        running.does(lambda: clock_jobs.confirm(running.station, ConfirmDate(date=day, person=person)))
    assert refused.value.code == code
    assert running.steps() == []


def test_a_date_that_nobody_doubts_is_not_confirmed(running: Any) -> None:
    with pytest.raises(Refused) as refused:
        running.does(lambda: clock_jobs.confirm(running.station, ConfirmDate(date="2026-11-27", person="王敏")))
    assert refused.value.code == "date_fine"


# --- what the ledger knows of the time --------------------------------------------------------------------------------


def test_the_last_believed_time_is_found_behind_unsynced_records_and_one_that_cannot_be_read(box: Make) -> None:
    one = box()
    one.kernel = True
    one.look()
    believed = one.enter()
    one.reboot("2026-11-27 09:00")
    one.enter()
    one.enter()
    one.ledger.conn.execute("UPDATE events SET body = x'00' WHERE seq = 2")
    found = past(one.ledger.conn)
    assert found.believed == datetime.fromisoformat(believed["time"]).timestamp()
    assert (found.seconds, found.unsynced_in) == (pytest.approx(at("2026-11-27 09:00"), abs=1), "boot-2")


def test_the_words_of_another_record_confirm_no_date(box: Make) -> None:
    one = box()
    goods = Goods(product="01040201", name="大白菜")
    held = LotHeld(lot=UPSTREAM, goods=goods, net_g=1, origin="河南", supplier="李四", why="confirmed")
    one.does(lambda: one.station.record("lot.held", UPSTREAM, held))
    assert past(one.ledger.conn).believed is None


def test_an_export_and_the_contract_know_the_step(box: Make) -> None:
    one = box()
    one.enter()
    one.kernel = True
    one.look()
    out = CliRunner().invoke(main, ["ledger", "export", "--as", "csv", "-c", str(one.folder / "station.toml")]).output
    assert [line.split(",")[:3] for line in out.splitlines()[2:]] == [
        ["2", "cn.marketedge.market.clock.step.v1", "410108001-01"]
    ]
    schemas = json.loads(CliRunner().invoke(main, ["contract", "schemas"]).output)
    assert schemas["clock.step"]["properties"]["offset_ms"]["type"] == "integer"


# --- when the kernel may not be asked ---------------------------------------------------------------------------------

FILTER = """
import ctypes, sys
from edge.records.clock import kernel_synced, Clock
libc = ctypes.CDLL(None, use_errno=True)
numbers, action = {numbers}, {action}
code = [(0x20, 0, 0, 0)]
code += [(0x15, len(numbers) - 1 - i + 1, 0, number) for i, number in enumerate(numbers)]
code += [(0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, action)]
class Op(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]
class Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("ops", ctypes.POINTER(Op))]
ops = (Op * len(code))(*code)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(len(code), ops)), 0, 0) == 0
clock = Clock()
print(kernel_synced(), clock.state(), clock.why)
"""
CALLS = {"x86_64": (159, 305), "aarch64": (171, 266), "armv7l": (124, 372, 405)}  # adjtimex, clock_adjtime


@pytest.mark.parametrize("action", [0x00050001, 0x80000000], ids=["EPERM", "SIGSYS"])
def test_a_unit_that_forbids_to_ask_the_kernel_is_told_as_such_and_kills_nothing(action: int) -> None:
    script = FILTER.format(numbers=CALLS[platform.machine()], action=action)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "None unsynced refused\n"), done.stderr


def test_a_kernel_that_may_be_asked_answers_yes_or_no() -> None:
    assert kernel_synced() in (True, False)


def test_a_clock_that_may_not_ask_keeps_the_wall_clocks_time_unsynced_and_says_why(box: Make) -> None:
    one = box()
    one.kernel_may_be_asked = False
    one.look()
    assert dated(one.enter()) == ("2026-11-27 08:00", "unsynced")
    assert one.clock.why == "refused"
    assert all("adjtimex" in said for said in text("clock_why", "refused"))


# --- whatever happens -------------------------------------------------------------------------------------------------

DEEDS = st.one_of(
    st.tuples(st.just("advance"), st.one_of(st.floats(0, 60), st.floats(0, 40 * DAY))),
    st.tuples(st.just("step"), st.one_of(st.floats(-3, 3), st.floats(-DAY, DAY), st.floats(-3e9, 3e9))),
    st.tuples(st.just("set"), st.sampled_from([-1e9, 0.0, FIRST - 1.0, FIRST, END - 1.0, END + 0.0, 1.7e10])),
    st.tuples(st.just("sync"), st.booleans()),
    st.tuples(st.just("start"), st.none()),
    st.tuples(st.just("reboot"), st.booleans()),
    st.tuples(st.just("record"), st.none()),
    st.tuples(st.just("look"), st.none()),
    st.tuples(st.just("confirm"), st.none()),
)


def do(one: Any, deed: str, value: Any) -> None:
    match deed:
        case "advance":
            one.advance(value)
            one.round()
        case "step":
            one.wall += value
        case "set":
            one.wall = value
        case "sync":
            one.kernel = value
        case "start":
            one.start()
        case "reboot":
            one.boots += 1
            one.boot, one.kernel, one.vouched_at = 20.0, value, float("-inf")
            one.start()
        case "record":
            one.enter()
        case "look":
            one.look()
        case "confirm":
            confirm(one)


def confirm(one: Any) -> bool:
    """A person answers for what is asked, as far as the question still stands."""
    try:
        one.does(
            lambda: clock_jobs.confirm(
                one.station, ConfirmDate(date=one.clock.asks[:10] or "2026-11-27", person="王敏")
            )
        )
    except Refused:
        return False
    return True


@given(
    st.sampled_from(["kernel", "host"]),
    st.lists(DEEDS, max_size=25),
    st.floats(FIRST + DAY, END - 2 * DAY),
    st.sampled_from(["", "2027-06-30"]),
)
def test_whatever_happens_time_goes_back_only_by_a_record_and_a_right_clock_is_taken(
    boxes: Any, trust: str, deeds: list[tuple[str, Any]], right: float, until: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
        one = boxes(Path(folder), Signer(key, "sy.example.cn", "410108001", "01"), trust, until)
        try:
            for deed in deeds:
                do(one, *deed)
                if trust == "kernel" and one.clock.state() == "synced":
                    assert one.boot - one.vouched_at < 2 * CHECK_SECONDS
            one.enter()
            the_ledger_is_honest(one)
            a_right_clock_is_taken(one, right)
            one.enter()
            the_ledger_is_honest(one)
            verify(one.ledger.db, key.public_key())
        finally:
            one.stop()


def the_ledger_is_honest(one: Any) -> None:
    last = float(FIRST)
    for event in one.events():
        seconds = datetime.fromisoformat(event["time"]).timestamp()
        stepped = event["type"].endswith(".clock.step.v1")
        assert FIRST <= seconds < END
        assert stepped or seconds >= last, "an earlier time without a step before it"
        if stepped:
            step = ClockStepped.model_validate(event["data"])
            assert step.after == event["time"] and step.state == event["clockstate"]
            before, after = (datetime.fromisoformat(text).timestamp() for text in (step.before, step.after))
            assert step.offset_ms == pytest.approx((after - before) * 1000, abs=1.5)
        last = seconds


def a_right_clock_is_taken(one: Any, right: float) -> None:
    """Two checks, or a minute more for a host that was put back; or a person is asked, and then it is."""
    one.wall, one.kernel = right, True
    checks = 2 if one.trust == "kernel" else 2 + int(STAND_SECONDS / CHECK_SECONDS)
    for _ in range(checks):
        one.look()
    if one.clock.why == "doubted":
        assert one.clock.state() == "unsynced"
        assert confirm(one)
    assert one.clock.state() == "synced"
    assert one.clock.now().seconds == pytest.approx(one.wall, abs=SMALL_SECONDS + 0.01)
    assert isinstance(one.clock, Clock)
