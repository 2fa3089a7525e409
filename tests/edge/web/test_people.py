"""Who may come in: over HTTP, on a station with a real core, where people have names."""

import json
import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from edge.between import pins
from edge.between.people import CONSOLE, Role
from edge.between.people_commands import AddOperator, AddProgram, ChangeOperator
from edge.web import addresses, api_people, reception
from edge.web.approvals import Approvals
from edge.web.server import WebServer

CABBAGE, LOT = "01040201", "41010800330100000056"
PIN, SUPERVISORS_PIN = "4829", "777555"
KEPT = {pin: pins.hashed(pin) for pin in (PIN, SUPERVISORS_PIN)}
PRICE = {"product": CABBAGE, "price_fen": 401}
STRAY, TICKET = 14, 15  # see conftest.py


@pytest.fixture(autouse=True)
def neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the box is 127.0.0.1 alone, and 127.0.0.2 is somebody on the network."""
    monkeypatch.setattr(addresses, "is_loopback", lambda name: name in ("127.0.0.1", "localhost"))


def employ(core: Any) -> None:
    core.does(AddOperator(code="1", name="陈主管", role=Role.SUPERVISOR, pin=KEPT[SUPERVISORS_PIN]), CONSOLE)
    core.does(AddOperator(code="7", name="王敏", role=Role.OPERATOR, pin=KEPT[PIN]), CONSOLE)


@pytest.fixture
def staffed(core: Any) -> Any:
    employ(core)
    return core


@pytest.fixture
def web(serve: Callable[..., WebServer], staffed: Any) -> WebServer:
    return serve(console="the word of the house")


class Browser(httpx.Client):
    """With the cookies of a browser, and what its pages send."""

    def sign_in(self, code: str = "7", pin: str = PIN) -> httpx.Response:
        return self.post("/api/sign-in", json={"code": code, "pin": pin})

    def order(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return self.post(path, json=body or {}, headers={"X-CSRF-Token": self.word()} | headers)

    def word(self) -> str:
        found = re.search(r'name="csrf-token" content="(\w+)"', self.get("/papers").text)
        return found[1] if found else ""


@contextmanager
def browser(web: WebServer, source: str = "127.0.0.1") -> Iterator[Browser]:
    transport = httpx.HTTPTransport(local_address=source)
    with Browser(base_url=web.url, transport=transport, timeout=20, headers={"Origin": web.url}) as made:
        yield made


@pytest.fixture
def http(web: WebServer) -> Iterator[Browser]:
    with browser(web) as made:
        yield made


def code_of(answer: httpx.Response) -> tuple[int, str]:
    said = answer.json()
    assert set(said) == {"code", "message_zh", "message_en"}
    return answer.status_code, said["code"]


# --- nobody ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/board", "/api/live", "/api/prints/1", "/api/prints/1.png", "/api/openapi.json"])
def test_nothing_is_read_by_nobody(http: Browser, path: str) -> None:
    assert code_of(http.get(path)) == (401, "sign_in")


@pytest.mark.parametrize("path", ["/metrics", "/parts/lots", "/api/operators", "/api/me", "/api/programs"])
def test_nor_anything_else_that_is_behind_the_door(http: Browser, path: str) -> None:
    assert code_of(http.get(path)) == (401, "sign_in")


@pytest.mark.parametrize(
    "path", ["/api/sales", "/api/prices", "/api/operators", "/api/approvals", "/api/requests/k/outcome"]
)
def test_nothing_is_ordered_by_nobody(staffed: Any, http: Browser, path: str) -> None:
    head = staffed.ledger.head.seq
    assert code_of(http.post(path, json=PRICE)) == (401, "sign_in")
    assert staffed.ledger.head.seq == head


def test_a_bundle_is_for_supervisors_and_technicians(serve: Callable[..., WebServer], staffed: Any) -> None:
    web = serve(support=lambda texts: iter([b"PK", "".join(texts).encode()]))
    with browser(web) as http:
        assert code_of(http.get("/api/support")) == (401, "sign_in")
        http.sign_in()
        assert code_of(http.get("/api/support")) == (403, "needs_supervisor")
        assert "/api/support" not in http.get("/status").text
        http.sign_in("1", SUPERVISORS_PIN)
        assert http.get("/api/support").content == b"PKhealth.jsonmetrics.txtdevices.json"
        assert "/api/support" in http.get("/status").text


def test_pages_lead_to_the_sign_in_and_back(http: Browser) -> None:
    answer = http.get("/stall")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/stall")
    assert 'data-goes-to="/stall"' in http.get(answer.headers["location"]).text
    for elsewhere in ("//evil.example", "https://evil.example", "/api/board", "\\evil"):
        assert 'data-goes-to="/"' in http.get("/sign-in", params={"next": elsewhere}).text


def test_health_and_the_files_of_the_pages_are_everybodys(http: Browser) -> None:
    for path in ("/health", "/static/style.css", "/sign-in"):
        assert http.get(path).status_code == 200
    assert http.get("/favicon.ico").status_code == 308


def test_the_sign_in_page_shows_nothing_of_the_board_and_to_strangers_no_names(web: WebServer, http: Browser) -> None:
    page = http.get("/sign-in").text.partition("<body")[2]
    assert "陈主管" in page and "王敏" in page
    assert "寿光合作社" not in page and "printer" not in page
    with browser(web, "127.0.0.2") as stranger:
        assert "王敏" not in stranger.get("/sign-in").text
        stranger.cookies.set("browser", "made up")
        assert "王敏" not in stranger.get("/sign-in").text
        assert stranger.sign_in().status_code == 200
        assert stranger.order("/api/sign-out").status_code == 200
        assert "王敏" in stranger.get("/sign-in").text


# --- signed in --------------------------------------------------------------------------------------------------------


def test_signed_in_one_has_a_name_on_every_page(http: Browser) -> None:
    said = http.sign_in()
    assert said.json() == {"code": "7", "name": "王敏", "role": "operator", "active": True, "pin": True}
    assert http.get("/api/me").json() == {"code": "7", "name": "王敏", "roles": ["operator"]}
    for page in ("/stall", "/gate", "/status", "/papers"):
        text = http.get(page).text
        assert 'data-person="王敏"' in text
        assert f'href="/sign-in?next={page}"' in text


def test_the_cookies_cannot_be_read_by_scripts_nor_sent_from_elsewhere(web: WebServer, http: Browser) -> None:
    cookies = http.sign_in().headers.get_list("set-cookie")
    assert [one.partition("=")[0] for one in cookies] == ["session", "browser"]
    for one in cookies:
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(one.split("; "))
        assert "Secure" not in one  # not over TLS here


def test_over_tls_they_are_sent_over_tls_alone(staffed: Any) -> None:
    from fastapi.testclient import TestClient

    from edge.web.app import create_app

    app = create_app(staffed.showing, staffed.inbox, allow=["box.example"])
    with TestClient(app, base_url="https://box.example", headers={"Origin": "https://box.example"}) as client:
        answer = client.post("/api/sign-in", json={"code": "7", "pin": PIN})
    assert [one for one in answer.headers.get_list("set-cookie") if "; Secure" not in one] == []


def test_a_record_has_the_code_of_who_ordered_it(staffed: Any, http: Browser) -> None:
    http.sign_in()
    staffed.puts("1.250")
    sale = {"scale": "scale-1", "product": CABBAGE, "lot": LOT, "seen_g": 1250}
    assert http.order("/api/sales", sale).status_code == 201
    assert staffed.records("trade.completed")[-1]["operator"] == "7"


@pytest.mark.parametrize("word", [None, "", "0" * 32, "é"])
def test_a_forged_post_is_refused(staffed: Any, http: Browser, word: str | None) -> None:
    http.sign_in()
    headers = {} if word is None else {"X-CSRF-Token": word.encode()}
    assert code_of(http.post("/api/prices", json=PRICE, headers=headers)) == (403, "csrf")
    assert code_of(http.post("/api/sign-out", json={}, headers=headers)) == (403, "csrf")
    assert staffed.records("price.changed") == []
    assert http.order("/api/prices", PRICE).status_code == 200


def test_the_word_of_one_session_is_none_of_another(web: WebServer, http: Browser) -> None:
    http.sign_in()
    with browser(web) as other:
        other.sign_in("1", SUPERVISORS_PIN)
        answer = other.post("/api/prices", json=PRICE, headers={"X-CSRF-Token": http.word()})
        assert code_of(answer) == (403, "csrf")


def test_another_persons_sign_in_ends_the_session_before_and_sign_out_this_one(staffed: Any, http: Browser) -> None:
    http.sign_in()
    before = http.cookies["session"]
    assert http.sign_in("1", SUPERVISORS_PIN).status_code == 200
    assert http.get("/api/me").json()["name"] == "陈主管"
    staffed.turn()
    assert list(staffed.showing.roster.sessions.values()) == ["1"]
    assert http.order("/api/sign-out").json() == {"code": "", "name": "", "roles": []}
    assert "session" not in http.cookies
    for word in (before, "made up"):
        http.cookies.set("session", word)
        assert code_of(http.get("/api/me")) == (401, "sign_in")
    assert http.post("/api/sign-out", json={}).status_code == 401


def test_a_session_outlasts_a_restart_of_the_station(
    again: Callable[..., Any], serve: Callable[..., WebServer]
) -> None:
    first = again()
    employ(first)
    before = serve(first)
    with browser(before) as http:
        http.sign_in()
        cookies = dict(http.cookies)
    before.stop()
    first.stop()
    second = again()
    with browser(serve(second)) as http:
        http.cookies.update(cookies)
        assert http.get("/api/me").json()["code"] == "7"
        assert http.order("/api/prices", PRICE).status_code == 200
    assert second.records("price.changed")[-1]["operator"] == "7"


def test_who_is_disabled_is_out_at_once_and_his_stream_ends(staffed: Any, http: Browser) -> None:
    http.sign_in()
    with http.stream("GET", "/api/live?pulse=1") as stream:
        lines = stream.iter_lines()
        next(lines)
        staffed.does(ChangeOperator(code="7", active=False), CONSOLE)
        for _ in lines:
            pass
    assert code_of(http.get("/api/board")) == (401, "sign_in")
    assert code_of(http.sign_in()) == (401, "wrong_pin")


def test_unused_it_ends_and_used_it_does_not(staffed: Any, http: Browser, until: Callable[..., None]) -> None:
    http.sign_in()
    staffed.clock.go(0)
    http.get("/papers")
    staffed.turn()
    assert staffed.core._sessions.unsaved  # it was told that somebody is there
    staffed.within(lambda: staffed.core._sessions.__setattr__("_idle", -1.0))
    until(lambda: http.get("/api/me").status_code == 401)


# --- PINs -------------------------------------------------------------------------------------------------------------


def test_wrong_pins_and_codes_are_told_alike_and_slow_the_next_down(staffed: Any, http: Browser) -> None:
    assert http.sign_in(pin="0000").content == http.sign_in(code="99").content
    assert code_of(http.sign_in(pin="0000")) == (401, "wrong_pin")
    assert code_of(http.sign_in(pin="0000")) == (401, "wrong_pin")
    assert code_of(http.sign_in()) == (409, "pin_wait")
    assert http.sign_in("1", SUPERVISORS_PIN).status_code == 200


def test_the_network_cannot_lock_out_the_box_nor_who_has_signed_in_there_before(web: WebServer, http: Browser) -> None:
    with browser(web, "127.0.0.3") as phone:
        assert phone.sign_in().status_code == 200
        with browser(web, "127.0.0.2") as stranger:
            for _ in range(10):
                assert code_of(stranger.sign_in(pin="0000")) == (401, "wrong_pin")
            assert code_of(stranger.sign_in()) == (409, "pin_wait")
        phone.order("/api/sign-out")
        assert phone.sign_in().status_code == 200
    assert http.sign_in().status_code == 200


@pytest.mark.parametrize(
    "body", [{"code": "x", "pin": PIN}, {"code": "7", "pin": "12"}, {"code": "7"}, {"pin": PIN}, []]
)
def test_what_is_no_sign_in_is_said_without_the_pin(http: Browser, body: Any) -> None:
    answer = http.post("/api/sign-in", json=body)
    assert code_of(answer) == (422, "invalid")
    assert PIN not in answer.text


def test_pins_are_verified_one_at_a_time_outside_the_core(
    staffed: Any, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads, going = set[str](), threading.Event()

    def slowly(kept: str, pin: str) -> bool:
        threads.add(threading.current_thread().name)
        assert going.wait(20)
        return False

    monkeypatch.setattr(api_people, "right", slowly)
    monkeypatch.setattr(api_people, "WAITING", 1)
    answers: list[httpx.Response] = []
    with browser(web) as one, browser(web) as other:
        first = threading.Thread(target=lambda: answers.append(one.sign_in()))
        first.start()
        while not threads:
            staffed.turn()  # the core goes on meanwhile
        assert code_of(other.sign_in("1")) == (503, "busy")
        going.set()
        first.join(20)
    assert code_of(answers[0]) == (401, "wrong_pin")
    assert not threads & {"core", "web"}


def test_no_pin_hash_or_word_is_in_the_log_or_in_what_is_written_out(
    staffed: Any, http: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    http.sign_in(pin="0000")
    http.sign_in()
    http.order("/api/prices", PRICE)
    cookie = http.cookies["session"]
    staffed.within(lambda: None)  # the round is over: the log is written last
    ours = "".join(line.getMessage() for line in caplog.records if not line.name.startswith("http"))
    assert "price.changed" in ours
    for secret in (PIN, '0000"', cookie, pins.mark_of(cookie), pins.form_word(cookie), "$argon2"):
        assert secret not in ours
    body = api_people.SignInBody.model_validate({"code": "7", "pin": PIN})
    assert PIN not in repr(body)
    assert cookie not in repr(reception.Caller(mark=cookie, word=cookie, browser=cookie))
    asked = repr(staffed.asked)
    assert "$argon2" not in asked and pins.mark_of(cookie) not in asked


# --- people and programs ----------------------------------------------------------------------------------------------


def test_a_supervisor_adds_and_changes_people(staffed: Any, http: Browser) -> None:
    http.sign_in("1", SUPERVISORS_PIN)
    added = http.order("/api/operators", {"code": "8", "name": "李四", "role": "operator", "pin": "9090"})
    assert (added.status_code, added.json()["pin"]) == (201, True)
    assert http.order("/api/operators/8", {"name": "李四四", "pin": "9191"}).json()["name"] == "李四四"
    assert staffed.records("person.changed")[-1]["operator"] == "1"
    assert "9191" not in json.dumps([record["data"] for record in staffed.records("person.changed")])
    assert http.sign_in("8", "9191").status_code == 200
    assert [one["name"] for one in http.get("/api/operators").json()["people"]] == ["陈主管", "王敏", "李四四"]
    assert code_of(http.order("/api/operators/8", {"role": "supervisor"})) == (409, "needs_supervisor")
    assert code_of(http.order("/api/operators/8", {"pin": "12x4"})) == (422, "invalid")


def test_the_first_person_is_added_at_the_box(again: Callable[..., Any], serve: Callable[..., WebServer]) -> None:
    core = again()
    web = serve(core)
    body = {"code": "1", "name": "陈主管", "role": "supervisor"}
    with browser(web, "127.0.0.2") as stranger:
        assert code_of(stranger.post("/api/operators", json=body)) == (403, "only_here")
    with browser(web) as here:
        assert here.get("/sign-in").headers["location"] == "/"
        assert here.post("/api/operators", json=body).status_code == 201
        assert code_of(here.get("/api/board")) == (401, "sign_in")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def till(staffed: Any) -> dict[str, str]:
    staffed.does(AddProgram(name="till", role=Role.OPERATOR, mark=pins.mark_of("tokentoken")), CONSOLE)
    return bearer("tokentoken")


def test_a_program_orders_by_its_token_with_its_role(staffed: Any, web: WebServer, till: dict[str, str]) -> None:
    with httpx.Client(base_url=web.url, transport=httpx.HTTPTransport(local_address="127.0.0.2")) as program:
        assert program.get("/api/me", headers=till).json()["code"] == "token:till"
        assert program.post("/api/prices", json=PRICE, headers=till).status_code == 200
        assert staffed.records("price.changed")[-1]["operator"] == "token:till"
        dismissed = {"reason": "练习"}
        answer = program.post(f"/api/results/{STRAY}/dismiss", json=dismissed, headers=till)
        assert code_of(answer) == (409, "needs_supervisor")
        program.post("/api/programs/till/remove", json={}, headers=bearer("the word of the house"))
        assert code_of(program.get("/api/me", headers=till)) == (401, "bad_token")


def test_a_token_is_shown_once_and_never_kept(staffed: Any, http: Browser) -> None:
    house = bearer("the word of the house")
    token = http.post("/api/programs", json={"name": "till", "role": "supervisor"}, headers=house).json()["token"]
    assert http.get("/api/programs", headers=bearer(token)).json() == {
        "programs": [{"name": "till", "role": "supervisor"}]
    }
    assert token.encode() not in staffed.ledger.path.read_bytes()
    assert staffed.records("person.changed")[-1]["operator"] == "console"


def test_wrong_tokens_slow_their_address_down_and_no_other(
    web: WebServer, till: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reception, "MOST_PEERS", 2)
    with browser(web, "127.0.0.2") as stranger, browser(web) as here:
        said = [code_of(stranger.get("/api/me", headers=bearer("guess"))) for _ in range(11)]
        assert said == [(401, "bad_token")] * 10 + [(429, "slow_down")]
        assert code_of(here.get("/api/me", headers={"Authorization": "Basic abc"})) == (401, "bad_token")
        assert stranger.get("/api/me", headers=till).status_code == 200
        assert code_of(here.get("/api/me", headers={"Authorization": "Bearer"})) == (401, "bad_token")


# --- who says so, and the supervisor's word ---------------------------------------------------------------------------


def test_nobody_signed_in_is_asked_for_a_name_and_none_that_is_sent_counts(staffed: Any, http: Browser) -> None:
    http.sign_in("1", SUPERVISORS_PIN)
    assert http.order(f"/api/results/{STRAY}/dismiss", {"reason": "练习", "person": "别人"}).status_code == 201
    assert http.order("/api/clock/confirm", {"date": "2026-11-22"}).json()["code"] == "date_fine"
    assert staffed.records("test.result")[-1]["data"]["person"] == "陈主管"


def test_on_a_one_person_stall_the_name_is_asked_for(
    again: Callable[..., Any], serve: Callable[..., WebServer]
) -> None:
    with browser(serve(again())) as http:
        answer = http.post(f"/api/results/{STRAY}/dismiss", json={"reason": "练习"})
        assert code_of(answer) == (422, "invalid")
        assert "person" in answer.json()["message_en"]
        assert http.post("/api/clock/confirm", json={"date": "2026-11-22"}).status_code == 422


def approve(http: Browser, address: str, code: str = "1", pin: str = SUPERVISORS_PIN) -> httpx.Response:
    return http.order("/api/approvals", {"code": code, "pin": pin, "address": address})


def test_a_word_is_good_for_its_deed_once(staffed: Any, http: Browser) -> None:
    http.sign_in()
    dismiss = f"/api/results/{STRAY}/dismiss"
    body = {"reason": "练习"}
    assert code_of(http.order(dismiss, body)) == (409, "needs_supervisor")
    given = approve(http, dismiss)
    assert (given.status_code, given.json()["seconds"]) == (201, 60)
    word = given.json()["approval"]
    match = {"lot": LOT, "verdict": "qualified"}
    assert code_of(http.order(f"/api/results/{TICKET}/match", match, Approval=word)) == (409, "needs_supervisor")
    assert http.order(dismiss, body, Approval=word).status_code == 201
    recorded = staffed.records("test.result")[-1]
    assert (recorded["operator"], recorded["approvedby"], recorded["data"]["person"]) == ("7", "1", "王敏")
    assert code_of(http.order(f"/api/results/{TICKET}/dismiss", body, Approval=word)) == (409, "needs_supervisor")


def test_a_word_is_of_its_session_alone(web: WebServer, http: Browser) -> None:
    http.sign_in()
    word = approve(http, f"/api/results/{TICKET}/dismiss").json()["approval"]
    with browser(web) as other:
        other.sign_in()
        answer = other.order(f"/api/results/{TICKET}/dismiss", {"reason": "x"}, Approval=word)
        assert code_of(answer) == (409, "needs_supervisor")


def test_a_word_is_good_for_a_minute_and_few_are_kept() -> None:
    now = 100.0
    words = Approvals(lambda: now)
    first = words.give("s", "Sell", "1")
    now = 159.9
    assert words.take(first, "s", "Sell") == "1"
    assert words.take(first, "s", "Sell") == ""
    late = words.give("s", "Sell", "1")
    now += 60.0
    assert words.take(late, "s", "Sell") == ""
    many = [words.give("s", "Sell", str(number)) for number in range(65)]
    assert [words.take(word, "s", "Sell") for word in (many[0], many[-1])] == ["", "64"]


def test_who_is_no_supervisor_has_no_word_to_give(staffed: Any, http: Browser) -> None:
    http.sign_in()
    assert code_of(approve(http, "/api/sales", "7", PIN)) == (409, "not_a_supervisor")
    assert code_of(approve(http, "/api/sales", pin="0000")) == (401, "wrong_pin")
    assert code_of(approve(http, "/api/nothing")) == (404, "not_found")
    assert approve(http, "/api/operators").status_code == 201
    word = approve(http, "/api/operators/7").json()["approval"]
    staffed.does(AddOperator(code="2", name="另一主管", role=Role.SUPERVISOR), CONSOLE)
    staffed.does(ChangeOperator(code="1", active=False), CONSOLE)
    assert code_of(http.order("/api/operators/7", {"name": "x"}, Approval=word)) == (409, "needs_supervisor")


# --- as the OpenAPI says it -------------------------------------------------------------------------------------------


def test_the_openapi_says_how_one_shows_who_one_is_and_which_role_each_operation_wants(
    http: Browser, till: dict[str, str]
) -> None:
    said = http.get("/api/openapi.json", headers=till, timeout=60).json()
    assert set(said["components"]["securitySchemes"]) == {"token", "session"}
    assert {"token": []} in said["security"]
    writes = {path: item["post"] for path, item in said["paths"].items() if "post" in item}
    assert writes["/api/results/{seq}/dismiss"]["x-roles"] == ["supervisor"]
    assert writes["/api/sales"]["x-roles"] == ["operator", "supervisor", "technician"]
    assert writes["/api/operators"]["x-roles"] == ["supervisor", "technician"]
    assert "401" in writes["/api/sales"]["responses"]
    body = said["components"]["schemas"]["DismissResultBody"]
    assert body["required"] == ["reason"]
