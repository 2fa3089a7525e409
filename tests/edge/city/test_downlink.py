"""Which commands of the city a station believes, that it does each once, and how it answers."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.between.commands import Sell
from edge.between.inbox import BrokerAnswer, CityMessage, LinkChanged, Refused, Request
from edge.city import downlink
from edge.jobs import city as city_jobs
from edge.records import obeyed
from protocol.city.commands import COMMANDS, StopLot
from protocol.city.events import ConfigApplied
from protocol.city.signed import SIGNED_CAP, seal

Start = Callable[..., Any]
LOT, OTHER = "41010800110100010074", "41010800110100010081"
STOP: dict[str, Any] = {"lot": LOT, "reason": "召回"}


@pytest.fixture
def start(box: Start, mayor: Any) -> Start:
    return lambda *given: box(*given, city_keys=mayor.keys)


@pytest.fixture
def station(start: Start) -> Any:
    return start()


def odd(station: Any) -> dict[str, int]:
    return dict(station.board.city.odd)


def obeyed_records(station: Any) -> list[str]:
    """Ids of the commands that made a record, in order."""
    events = [station.ledger.event(seq) for seq in range(1, station.ledger.head.seq + 1)]
    return [event["data"]["command"] for event in events if "command" in event["data"]]


# --- belief -----------------------------------------------------------------------------------------------------------


def test_what_proves_nothing_changes_nothing_is_counted_by_cause_and_not_answered(
    station: Any, mayor: Any, caplog: pytest.LogCaptureFixture
) -> None:
    station.turn(LinkChanged(True))
    good = mayor.sealed("stop_lot", **STOP)
    stranger = type(mayor)(station.clock, seed=60)
    unsigned = {name: value for name, value in json.loads(good).items() if name != "sig"}
    for payload in (
        json.dumps(unsigned).encode(),
        stranger.sealed("stop_lot", **STOP),
        good.replace(LOT.encode(), OTHER.encode()),
        mayor.sealed("stop_lot", station="410108001-02", **STOP),
        mayor.sealed("stop_lot", station="410108002-all", **STOP),
        b"nonsense",
        b"[]",
        b"",
        mayor.sealed("stop_lot", id="a b", **STOP),
        mayor.sealed("lots", **STOP),  # on the topic of another command
        b" " * (SIGNED_CAP + 1),
    ):
        station.turn(mayor.message(payload, "stop_lot"))
    assert odd(station) == {
        "cmd_unsigned": 1,
        "cmd_unknown_key": 1,
        "cmd_bad_signature": 1,
        "cmd_other_station": 2,
        "cmd_unreadable": 5,
        "cmd_too_large": 1,
    }
    assert (station.ledger.head.seq, mayor.answers(station)) == (0, {})
    assert station.count("SELECT count(*) FROM lot_words") == station.count("SELECT count(*) FROM city_done") == 0
    assert sum("whose signature does not fit" in line for line in caplog.messages) == 1
    assert sum("cannot be read" in line for line in caplog.messages) == 1  # once, then counted


@pytest.mark.parametrize("expires", [None, 5, "soon", "2026-11-22T06:00:00"])
def test_a_command_without_an_expiry_is_none(station: Any, mayor: Any, expires: Any) -> None:
    fields = {"id": "e", "name": "stop_lot", "expires": expires, **STOP}
    payload = seal(fields, mayor.topics.station, station.clock.now().text, mayor.key)
    station.turn(LinkChanged(True), mayor.message(payload))
    assert (odd(station), mayor.answers(station)) == ({"cmd_unreadable": 1}, {})


def test_a_command_on_a_foreign_topic_is_not_looked_at(station: Any, mayor: Any) -> None:
    for topic in ("mkt/1/410108/410108002/01/cmd/stop_lot", "x", "mkt/1/410108/410108001/01/cmd/a/b", ""):
        station.turn(CityMessage(topic, mayor.sealed("stop_lot", **STOP)))
    assert (station.ledger.head.seq, odd(station)) == (0, {})


def test_a_command_to_all_stations_of_the_node_is_done(station: Any, mayor: Any) -> None:
    payload = mayor.sealed("stop_lot", station="410108001-all", **STOP)
    station.turn(LinkChanged(True), CityMessage(f"{mayor.topics.node_base}/cmd/stop_lot", payload))
    assert [one["state"] for one in mayor.answers(station).values()] == ["done"]


@pytest.mark.parametrize(
    ("name", "given", "word"),
    [
        ("stop_lot", {"lot": "123", "reason": "x"}, "malformed"),
        ("stop_lot", {"lot": LOT}, "malformed"),
        ("stop_lot", {**STOP, "surprise": 1}, "malformed"),
        ("directory", {"mode": "update"}, "malformed"),
        ("keys", {"add": ["00" * 32]}, "malformed"),
        ("explode", {}, "unknown"),
        ("stop_lot", {**STOP, "expires": -1}, "expired"),
        ("directory", {"mode": "update", "buyers": [], "issued": 400, "expires": 900}, "early"),
    ],
)
def test_what_the_city_signed_and_is_not_done_is_refused_by_name(
    station: Any, mayor: Any, name: str, given: dict[str, Any], word: str
) -> None:
    answer = mayor.orders(station, name, **given)
    assert (answer["state"], answer["code"], answer["seq"]) == ("refused", word, None)
    assert answer["message_zh"] and answer["message_en"]
    assert odd(station) == {f"cmd_{word}": 1}
    assert station.ledger.head.seq == 0


def test_who_ordered_finds_on_the_board_what_the_answer_speaks_of(
    station: Any, mayor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages look some times a second, and what nobody waits for is made when they look: the city waits."""
    station.turn(LinkChanged(True))
    publish, shown = station.wire.publish, []

    def publishes(topic: str, body: bytes, **given: Any) -> Any:
        if "/res/" in topic:
            shown.append(odd(station))
        return publish(topic, body, **given)

    monkeypatch.setattr(station.wire, "publish", publishes)
    for _ in range(2):
        station.core.turn([mayor.message(mayor.sealed("explode"))], patient=True)
    assert shown == [{"cmd_unknown": 1}, {"cmd_unknown": 2}]


# --- once -------------------------------------------------------------------------------------------------------------


def test_a_repeat_gets_the_first_answer_and_is_not_done_again_also_after_a_restart(start: Start, mayor: Any) -> None:
    station = start()
    payload = mayor.sealed("stop_lot", id="once", **STOP)
    station.turn(LinkChanged(True), mayor.message(payload), mayor.message(payload))
    first = mayor.answers(station)["once"]
    sent = [body for topic, body in station.wire.sent if "/res/" in topic]
    station.turn(mayor.message(payload))
    again = start()
    again.turn(LinkChanged(True), mayor.message(payload))
    assert mayor.answers(again)["once"] == first
    assert {body for topic, body in again.wire.sent if "/res/" in topic} == {*sent}  # to the byte
    assert (again.ledger.head.seq, first["seq"]) == (1, 1)
    assert odd(again) == {"cmd_repeated": 1}


def test_another_command_under_a_used_id_is_refused(station: Any, mayor: Any) -> None:
    mayor.orders(station, "stop_lot", id="x", **STOP)
    answer = mayor.orders(station, "resume_lot", id="x", lot=LOT, reason="y")
    station.turn(BrokerAnswer(1))
    assert odd(station) == {"cmd_id_used": 1}
    assert (answer["name"], answer["code"]) == ("stop_lot", "")  # the answer that still waited went first
    for mid in [*station.core._downlink._by_mid]:
        station.turn(BrokerAnswer(mid))
    assert mayor.orders(station, "resume_lot", id="x", lot=LOT, reason="y")["code"] == "id_used"
    assert obeyed_records(station) == ["x"]


def test_a_deed_that_is_refused_leaves_nothing_and_one_that_fails_is_told_and_kept(
    start: Start, mayor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = start()

    def fail(at: Any, head: Any, command: Any) -> None:
        at.lots.stop(command.lot, command.reason, "2026")
        raise RuntimeError("planted")

    monkeypatch.setitem(city_jobs.OBEYS, StopLot, fail)
    answer = mayor.orders(station, "stop_lot", id="f", **STOP)
    assert (answer["state"], answer["code"]) == ("failed", "unexpected")
    assert station.count("SELECT count(*) FROM lot_words") == 0
    (view,) = station.board.unread
    assert (view.kind, view.device, view.cause) == ("city", "stop_lot", "RuntimeError: planted")
    assert odd(station) == {"cmd_failed": 1}


def test_a_value_that_fits_no_record_is_refused(station: Any, mayor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def unfit(at: Any, head: Any, command: Any) -> Any:
        return city_jobs._obeyed(at, head, "x" * 500)

    monkeypatch.setitem(city_jobs.OBEYS, StopLot, unfit)
    assert mayor.orders(station, "stop_lot", **STOP)["code"] == "bad_value"


def test_what_does_not_fit_is_named_by_its_path(station: Any, mayor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def unfit(at: Any, head: Any, command: Any) -> Any:
        return ConfigApplied.model_validate(
            {"command": head.id, "settings": [{"name": "x" * 500, "before": "1", "after": "2"}]}
        )

    monkeypatch.setitem(city_jobs.OBEYS, StopLot, unfit)
    assert mayor.orders(station, "stop_lot", **STOP)["message_en"].startswith("settings.0.name: ")


def test_when_the_disk_is_full_it_is_not_answered_and_done_when_it_comes_again(start: Start, mayor: Any) -> None:
    station = start()
    station.turn(LinkChanged(True))
    payload = mayor.sealed("stop_lot", id="full", **STOP)
    station.fill_the_disk()
    station.turn(mayor.message(payload))
    assert (mayor.answers(station), station.ledger.head.seq) == ({}, 0)
    station.free_the_disk()
    station.turn(mayor.message(payload))
    assert mayor.answers(station)["full"]["state"] == "done"


def test_of_old_commands_ids_are_forgotten_and_none_of_them_is_done_twice(
    start: Start, mayor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(obeyed.Obeyed.__init__, "__defaults__", (3,))
    station = start()
    first = mayor.sealed("focus_list", id="first", entries=[])
    stop = mayor.sealed("stop_lot", id="stop", **STOP)
    station.turn(LinkChanged(True), mayor.message(first), mayor.message(stop))
    for _ in range(4):
        mayor.orders(station, "price_limits", limits=[])
    assert station.count("SELECT count(*) FROM city_done") == 3
    head = station.ledger.head.seq
    for mid in range(1, 40):
        station.turn(BrokerAnswer(mid))
    station.turn(mayor.message(first))
    assert mayor.answers(station)["first"]["code"] == "forgotten"
    assert station.ledger.head.seq == head
    mayor.orders(station, "resume_lot", lot=LOT, reason="x")
    station.turn(mayor.message(stop))  # a stop is told by its own time: late it does no harm
    assert station.core._station.lots.stopped(LOT) is None


# --- the clock --------------------------------------------------------------------------------------------------------


def test_while_the_clock_is_not_set_only_a_stop_is_obeyed_and_the_rest_done_later(station: Any, mayor: Any) -> None:
    station.clock.worth = "unsynced"
    assert mayor.orders(station, "stop_lot", expires=-86_400, **STOP)["state"] == "done"
    payload = mayor.sealed("resume_lot", id="later", lot=LOT, reason="x")
    station.turn(mayor.message(payload))
    assert mayor.answers(station)["later"]["code"] == "clock"
    assert odd(station) == {"cmd_clock": 1}
    station.clock.worth = "synced"
    for mid in range(1, 9):
        station.turn(BrokerAnswer(mid))
    station.turn(mayor.message(payload))
    assert mayor.answers(station)["later"]["state"] == "done"


def test_a_stop_from_the_future_is_obeyed_and_a_later_resume_ends_it(station: Any, mayor: Any) -> None:
    assert mayor.orders(station, "stop_lot", issued=86_400, expires=90_000, **STOP)["state"] == "done"
    station.clock.go(1)
    mayor.orders(station, "resume_lot", lot=LOT, reason="x")
    assert station.core._station.lots.stopped(LOT) is None


# --- order ------------------------------------------------------------------------------------------------------------


def test_a_stop_goes_before_everything_that_came_with_it(station: Any, mayor: Any) -> None:
    code = station.releases()
    source = station.lot(code).source
    station.puts("1.000")
    sale = Request(Sell(scale="scale-1", product="01040201", lot=source))
    station.turn(sale, mayor.message(mayor.sealed("stop_lot", lot=source, reason="x")))
    with pytest.raises(Refused) as refused:
        sale.answer.result(0)
    assert refused.value.code == "lot_stopped"


# --- answers ----------------------------------------------------------------------------------------------------------


def test_an_answer_that_no_broker_took_is_sent_after_reconnecting_and_after_a_restart(start: Start, mayor: Any) -> None:
    station = start()
    station.turn(mayor.message(mayor.sealed("stop_lot", id="away", **STOP)))
    assert mayor.answers(station) == {}
    station.turn(LinkChanged(True))
    assert mayor.answers(station)["away"]["state"] == "done"
    station.wire.sent.clear()
    station.turn(LinkChanged(False), LinkChanged(True))  # nobody acknowledged it
    assert "away" in mayor.answers(station)
    again = start()
    again.turn(LinkChanged(True))
    assert "away" in mayor.answers(again)
    (mid,) = [number for number, (topic, _) in enumerate(again.wire.sent, 1) if "/res/" in topic]
    again.turn(BrokerAnswer(mid))
    again.clock.go(11)
    again.turn()
    third = start()
    third.turn(LinkChanged(True))
    assert mayor.answers(third) == {}


def test_many_answers_go_through_a_small_window(start: Start, mayor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downlink, "WINDOW", 2)
    station = start()
    station.turn(*(mayor.message(mayor.sealed("stop_lot", id=f"n{n}", **STOP)) for n in range(5)))
    again = start()
    again.turn(LinkChanged(True))
    assert set(mayor.answers(again)) == {"n0", "n1"}
    for mid in range(1, 12):
        again.turn(BrokerAnswer(mid))
    assert set(mayor.answers(again)) == {f"n{n}" for n in range(5)}


def test_the_answers_that_a_broker_has_are_written_again_when_the_commit_fails(start: Start, mayor: Any) -> None:
    station = start()
    mayor.orders(station, "stop_lot", id="a", **STOP)
    part = station.core._downlink
    for mid in range(1, 6):
        station.turn(BrokerAnswer(mid))
    assert part.unsaved
    with pytest.raises(RuntimeError), station.ledger.batch():
        part.save()
        raise RuntimeError
    part.not_saved()
    assert part.unsaved
    with station.ledger.batch():
        part.save()
    assert station.count("SELECT told FROM city_done") == 1


# --- whatever comes ---------------------------------------------------------------------------------------------------

NAMES = st.sampled_from([*COMMANDS, "x", "ack"])
BYTES = st.one_of(
    st.binary(max_size=200),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
)
FIELDS = ("lot", "reason", "lots", "orders", "mode", "suppliers", "entries", "limits", "add", "settings", "from")
SIGNED_FIELDS = st.dictionaries(
    st.sampled_from(FIELDS),
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8) | st.lists(st.text(max_size=4), max_size=2)
    | st.dictionaries(st.text(max_size=4), st.integers(0, 3), max_size=2),
    max_size=4,
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NAMES, BYTES)
def test_any_bytes_on_a_topic_of_commands_change_nothing_and_raise_nothing(
    station: Any, mayor: Any, name: str, payload: bytes
) -> None:
    station.turn(CityMessage(f"{mayor.topics.base}/cmd/{name}", payload))
    assert (station.ledger.head.seq, station.count("SELECT count(*) FROM city_done")) == (0, 0)
    assert station.board.unread == ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([*COMMANDS]), SIGNED_FIELDS)
def test_whatever_the_city_signs_is_answered_and_nothing_fails(
    station: Any, mayor: Any, name: str, fields: dict[str, Any]
) -> None:
    answer = mayor.orders(station, name, **fields)
    for mid in station.core._downlink._by_mid.copy():
        station.turn(BrokerAnswer(mid))
    assert answer["state"] in ("done", "refused")
    assert station.board.unread == ()
