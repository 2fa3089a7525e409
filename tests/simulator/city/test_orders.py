"""What the city orders is kept until it is answered, sent stops first, again after a birth; and its page and forms."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.testclient import TestClient

from protocol.city.commands import COMMANDS
from protocol.city.orders import CommandAnswer, head_of, order_of
from protocol.city.signed import CityKeys, seal, verify
from protocol.city.state import read_state
from simulator.city.examples import examples
from simulator.city.orders import AGAIN_SECONDS, BadOrder, check_target, ordered
from simulator.city.platform import Message, Platform
from simulator.city.reader import Reader
from simulator.city.server import City
from simulator.city.store import Store
from simulator.city.web import application
from simulator.city.words import COMMANDS_ZH

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(40, 72)))
KEYS = CityKeys.parse(KEY.public_key().public_bytes_raw().hex())
LOT = "41010800110100010074"
STOP = {"lot": LOT, "reason": "召回"}
HOUR = 3600.0


@pytest.fixture
def store(tmp_path: Path, signer: Callable[..., Any]) -> Iterator[Store]:
    """Two stations of a node are online, a third of another node too."""
    made = Store(tmp_path / "city.db")
    for node, terminal in (("410108001", "01"), ("410108001", "02"), ("410108002", "01")):
        one = signer(node, terminal)
        with made.batch():
            made.trust(one.name, one.hex, "registered")
            made.heard(read_state(one.state()), one.topics.base)
    yield made
    made.close()


def add(store: Store, name: str, target: str = "410108001-01", seconds: float = HOUR, **fields: Any) -> str:
    with store.batch():
        return store.orders.add(name, target, fields, seconds, KEY)


def due(store: Store, now: float) -> list[tuple[str, str]]:
    with store.batch():
        return [(json.loads(one.payload)["name"], one.station) for one in store.orders.due(now)]


def now_of(store: Store) -> float:
    return float(store.db.execute("SELECT max(expires) FROM commands").fetchone()[0]) - HOUR


def said(id_: str, state: Any = "done", code: str = "") -> CommandAnswer:
    return CommandAnswer(id=id_, name="stop_lot", state=state, code=code)


def test_every_command_has_an_example_that_a_station_would_take(store: Store) -> None:
    assert set(examples()) == set(COMMANDS)
    for name, fields in examples().items():
        add(store, name, **fields)
    for name, payload in store.db.execute("SELECT name, payload FROM commands").fetchall():
        signed = verify(payload, KEYS, "410108001-01")
        assert order_of(signed, head_of(signed, name)).head.expires > signed.issued


def test_stops_go_first_and_each_goes_once_until_half_a_minute_has_passed(store: Store) -> None:
    add(store, "focus_list", entries=[])
    add(store, "stop_lot", **STOP)
    now = now_of(store)
    assert due(store, now) == [("stop_lot", "410108001-01"), ("focus_list", "410108001-01")]
    assert due(store, now + AGAIN_SECONDS - 1) == []
    assert len(due(store, now + AGAIN_SECONDS)) == 2


def test_one_for_all_of_a_node_goes_to_each_until_each_has_answered(store: Store) -> None:
    id_ = add(store, "stop_lot", "410108001-all", **STOP)
    now = now_of(store)
    assert {station for _, station in due(store, now)} == {"410108001-01", "410108001-02"}
    with store.batch():
        assert store.orders.answered("410108001-02", said(id_), "now")
        store.orders.again()
    assert due(store, now) == [("stop_lot", "410108001-01")]
    assert ordered(store.db.conn)[0].waits == ("410108001-01",)


def test_what_a_station_could_not_judge_for_want_of_a_clock_goes_again(store: Store) -> None:
    id_ = add(store, "focus_list", entries=[])
    now = now_of(store)
    due(store, now)
    with store.batch():
        store.orders.answered("410108001-01", said(id_, "refused", "clock"), "now")
        store.orders.again("410108001-01")
    assert len(due(store, now)) == 1
    with store.batch():
        store.orders.answered("410108001-01", said(id_), "later")
        store.orders.answered("410108001-01", said(id_, "refused", "expired"), "much later")
        store.orders.again("410108001-01")
    assert due(store, now) == []
    (one,) = ordered(store.db.conn)
    assert [(row["state"], row["time"]) for row in one.answers] == [("done", "later")]


def test_an_expired_one_is_sent_no_more(store: Store) -> None:
    add(store, "stop_lot", seconds=5, **STOP)
    assert due(store, now_of(store) + HOUR) == []


def test_a_station_that_is_away_gets_it_when_it_is_there(store: Store) -> None:
    with store.batch():
        store.db.execute("UPDATE stations SET state = 'offline'")
    add(store, "stop_lot", **STOP)
    assert due(store, now_of(store)) == []
    assert ordered(store.db.conn)[0].waits == ("410108001-01",)


def test_an_answer_to_what_was_never_ordered_is_not_taken(store: Store) -> None:
    with store.batch():
        assert not store.orders.answered("410108001-01", said("x"), "now")


def test_later_ones_are_issued_later_whatever_the_clock_does(store: Store) -> None:
    with store.batch():
        store.db.execute(
            "INSERT INTO commands VALUES ('x', 'stop_lot', 'y', '{}', '2026-11-29T00:00:00+00:00', 1,"
            " '2999-01-01T00:00:00.000000+00:00', 1, x'7b7d')"
        )
    add(store, "stop_lot", **STOP)
    assert ordered(store.db.conn)[0].issued == "2999-01-01T00:00:00.000001+00:00"


@pytest.mark.parametrize(
    ("name", "fields", "word"),
    [
        ("explode", {}, "no command"),
        ("stop_lot", {"lot": "1"}, "lot"),
        ("stop_lot", {**STOP, "expires": "x"}, "envelope"),
        ("stop_lot", {**STOP, "lot": object()}, "JSON"),
        ("orders", {"orders": [{**examples()["orders"]["orders"][0], "supplier": "中" * 120}] * 50}, "parts"),
    ],
)
def test_what_is_no_command_is_refused_in_words(store: Store, name: str, fields: dict[str, Any], word: str) -> None:
    if word == "parts":
        line = examples()["orders"]["orders"][0]["lines"][0]
        fields["orders"] = [{**one, "lines": [{**line, "name": "中" * 120}] * 10} for one in fields["orders"]]
    with pytest.raises(BadOrder, match=word):
        add(store, name, **fields)


@pytest.mark.parametrize("target", ["", "410108001", "410108001-1", "410108001-al", "41010800x-01", "٤10108001-01"])
def test_a_target_is_a_station_or_all_of_a_node(target: str) -> None:
    with pytest.raises(ValueError, match="9 digits"):
        check_target(target)
    assert check_target("410108001-all") == "410108001-all"


def test_only_what_the_station_signed_is_taken_as_its_answer(
    store: Store, signer: Callable[..., Any], tmp_path: Path
) -> None:
    id_ = add(store, "stop_lot", **STOP)
    platform = Platform("mqtt://127.0.0.1:9", tmp_path / "city.db", KEY)
    one, other = signer(), signer(seed=9)
    fields = said(id_).model_dump(mode="json")
    when = "2026-11-29T08:00:00+08:00"
    with store.batch():
        for payload in (
            seal(fields, one.name, when, other.key),
            seal(fields, "410108001-02", when, one.key),
            seal({**fields, "state": "perhaps"}, one.name, when, one.key),
            json.dumps(fields).encode(),
            b"",
        ):
            platform._take(store, Message(one.topics.result("stop_lot"), payload, len(payload)), {})
    assert ordered(store.db.conn)[0].answers == ()
    with store.batch():
        payload = seal(fields, one.name, when, one.key)
        platform._take(store, Message(one.topics.result("stop_lot"), payload, len(payload)), {})
    assert ordered(store.db.conn)[0].answers[0]["state"] == "done"


# --- the page ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def page(store: Store, tmp_path: Path) -> TestClient:
    def order(name: str, target: str, fields: Any, seconds: float) -> str:
        own = Store(tmp_path / "city.db")  # of the web's thread
        try:
            return add(own, name, target, seconds, **fields)
        finally:
            own.close()

    app = application(tmp_path / "city.db", enrol=False, scanned=lambda *_: None, connected=lambda: True, order=order)
    return TestClient(app, base_url="http://127.0.0.1:8600", client=("127.0.0.1", 50000))


def form(**changes: str) -> dict[str, str]:
    return {"name": "stop_lot", "station": "410108001-01", "hours": "24", "fields": json.dumps(STOP)} | changes


def test_the_page_has_a_form_for_each_command_and_shows_what_became_of_them(page: TestClient, store: Store) -> None:
    text = page.get("/commands").text
    assert re.findall(r'id="form-(\w+)"', text) == list(COMMANDS)
    assert list(COMMANDS_ZH) == list(COMMANDS) and all(plain in text for plain in COMMANDS_ZH.values())
    assert "410108001-all" in text and "form-action 'self'" in page.get("/commands").headers["content-security-policy"]
    done = page.post("/commands", data=form(), follow_redirects=False)
    assert done.status_code == 303
    (one,) = ordered(store.db.conn)
    assert done.headers["location"] == f"/commands#c-{one.id}"
    assert "等待答复" in page.get("/commands").text
    with store.batch():
        store.orders.answered("410108001-01", said(one.id, "refused", "older"), "2026-11-29T08:00:00+08:00")
    assert "拒绝执行" in page.get("/commands").text
    assert "refused" in page.get("/commands", headers={"accept-language": "en"}).text


@pytest.mark.parametrize(
    "changes",
    [
        {"fields": "{"},
        {"fields": "[]"},
        {"fields": "{}"},
        {"station": "x"},
        {"hours": "-1"},
        {"hours": "x"},
        {"name": "x"},
    ],
)
def test_a_form_that_does_not_fit_is_shown_again_with_why(
    page: TestClient, store: Store, changes: dict[str, str]
) -> None:
    done = page.post("/commands", data=form(**changes))
    assert done.status_code == 422 and 'role="alert"' in done.text
    assert ordered(store.db.conn) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8700"},
        {"host": "evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_page_of_another_site_orders_nothing(page: TestClient, store: Store, headers: dict[str, str]) -> None:
    assert page.post("/commands", data=form(), headers=headers).status_code == 403
    assert ordered(store.db.conn) == []


def test_another_machine_neither_sees_nor_sends(page: TestClient, store: Store) -> None:
    stranger = TestClient(page.app, base_url="http://127.0.0.1:8600", client=("192.168.1.9", 50000))
    assert stranger.get("/commands").status_code == stranger.post("/commands", data=form()).status_code == 403
    assert "/commands" not in stranger.get("/").text and "/commands" in page.get("/").text
    assert ordered(store.db.conn) == []


def test_a_form_of_any_size_is_not_read(page: TestClient) -> None:
    assert page.post("/commands", data=form(fields="x" * 300_000)).status_code == 413


# --- the whole city ---------------------------------------------------------------------------------------------------


def test_a_running_city_sends_what_its_page_and_another_process_order(
    town: tuple[City, Any, Any], eventually: Callable[..., None]
) -> None:
    city, one, wire = town
    heard: list[bytes] = []
    wire.client.message_callback_add("mkt/1/+/+/+/cmd/+", lambda _c, _d, message: heard.append(bytes(message.payload)))
    wire.client.subscribe("mkt/1/+/+/+/cmd/+", 1)
    wire.state(one.state())
    wire.until(lambda told: told.upto >= 0)
    first = city.order("stop_lot", one.name, **STOP)
    eventually(lambda: heard)
    other = Store(city.db)
    with other.batch():
        second = other.orders.add("resend", one.name, {"from": 1}, HOUR, KEY)
    other.close()
    eventually(lambda: len(heard) == 2)
    assert [json.loads(body)["id"] for body in heard] == [first, second]
    answer = seal(said(first).model_dump(mode="json"), one.name, "2026-11-29T08:00:00+08:00", one.key)
    wire.client.publish(one.topics.result("stop_lot"), answer, qos=1)
    eventually(lambda: city.ordered(first).answers)
    wire.state(one.state())
    eventually(lambda: len(heard) == 3)
    assert json.loads(heard[2])["id"] == second
    with pytest.raises(BadOrder):
        city.order("stop_lot", one.name)
    with Reader(city.db) as reader:
        assert len(ordered(reader.db.conn)) == 2
