"""The JSON API of a station with a real core and a real ledger, over a real socket."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from drivers.transports.adapters import Identity, Naming
from edge.between import families
from edge.between.commands import (
    ORDERS,
    AskScale,
    ConfirmDate,
    ConfirmPort,
    DismissResult,
    MatchResult,
    PlanChannel,
    PrintDocument,
    ProofGiven,
    Recall,
    RegisterEntry,
    Reprint,
    Sell,
    SetPrice,
    WholePlantDone,
)
from edge.between.inbox import LinkChanged, PortChanged, PortFound, PortGarbage, PrinterChanged
from edge.between.print_states import PrinterState
from edge.state.disk import Space
from edge.web.server import WebServer
from protocol.readings import Net

# What the station of conftest.py has done by half past five.
LOT, UPSTREAM = "41010800310100000023", "41010800210100010072"
NEWEST, PENDING, HELD = "41010800330100000056", "41010800330100000030", "41010800330100000021"
STRAY, TICKET = 14, 15
NEXT_SALE, NEXT_LOT = "41010800320100000022", "41010800330100000089"
ELSEWHERE = "41010800210100010089"  # a source code that nobody here has seen yet
SALE = {"scale": "scale-1", "product": "01040201", "lot": LOT, "seen_g": 1250}
ENTRY = {"product": "01040201", "net_g": 250000, "origin": "河南中牟", "supplier": "王建国"}
SOLD: dict[str, Any] = {"scale": "scale-1", "product": "01040201", "lot": LOT, "seen_g": 1250}
ENTERED: dict[str, Any] = {"product": "01040201", "net_g": 250000, "origin": "河南中牟", "supplier": "王建国"}
HERE = Identity("1a86:7523", "00.0", "A50285BH", "usb-1.2", what="USB Serial")
THERE = Identity("1a86:7523", "00.0", "A50285BI", "usb-1.2", what="USB Serial")


@pytest.fixture
def http(web: WebServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=web.url, timeout=10) as client:
        yield client


def as_it_is(core: Any) -> None:
    """Nothing has to happen first."""


def loaded(core: Any) -> None:
    core.puts("1.250")


def tared(core: Any) -> None:
    core.puts("1.250", net=Net.NET)


def unplugged(core: Any) -> None:
    core.turn(PortChanged("scale-1", False, "unplugged"))


def chives(core: Any) -> None:
    assert core.enters("01040801") == NEXT_LOT


def doubted(core: Any) -> None:
    core.clock.jumps("2031-03-01T09:30")
    core.turn()


def swapped(core: Any) -> None:
    core.turn(PortFound("scale-1", HERE, Naming()), PortChanged("scale-1", False, "another device", THERE))


COMMANDS: list[tuple[Callable[[Any], None], str, dict[str, Any], int, object]] = [
    (loaded, "/api/sales", SALE, 201, Sell(**SOLD)),
    (
        loaded,
        "/api/sales",
        SALE | {"price_fen": 300, "buyer": "4101080010456", "buyer_name": " 张三 "},
        201,
        Sell(**SOLD, price_fen=300, buyer="4101080010456", buyer_name="张三"),
    ),
    (loaded, "/api/sales", SALE | {"seen_g": None}, 201, Sell(**SOLD | {"seen_g": None})),
    (
        as_it_is,
        "/api/entries",
        ENTRY | {"plate": "豫A12345", "proofs": [{"type": "hgz", "no": "H-1"}], "upstream": ELSEWHERE},
        201,
        RegisterEntry(**ENTERED, plate="豫A12345", proofs=(ProofGiven(type="hgz", no="H-1"),), upstream=ELSEWHERE),
    ),
    (as_it_is, "/api/entries", ENTRY, 201, RegisterEntry(**ENTERED)),
    (
        as_it_is,
        "/api/prices",
        {"product": "01040201", "price_fen": 375},
        200,
        SetPrice(product="01040201", price_fen=375),
    ),
    (as_it_is, "/api/prints/1/reprint", {}, 201, Reprint(job=1)),
    (
        doubted,
        "/api/clock/confirm",
        {"date": "2031-03-01", "person": " 王敏 "},
        200,
        ConfirmDate(date="2031-03-01", person="王敏"),
    ),
    (
        loaded,
        "/api/sales",
        SALE | {"seen_g": 1200, "tare_g": 50},
        201,
        Sell(**SOLD | {"seen_g": 1200}, tare_g=50),
    ),
    (
        unplugged,
        "/api/sales",
        SALE | {"seen_g": 900, "manual_g": 900, "reason": " 秤无显示 "},
        201,
        Sell(**SOLD | {"seen_g": 900}, manual_g=900, reason="秤无显示"),
    ),
    (
        as_it_is,
        "/api/channels",
        {"analyzer": "analyzer-1", "channel": " 3 ", "lot": PENDING},
        200,
        PlanChannel(analyzer="analyzer-1", channel="3", lot=PENDING),
    ),
    (
        as_it_is,
        "/api/channels",
        {"analyzer": "analyzer-1", "channel": "3"},
        200,
        PlanChannel(analyzer="analyzer-1", channel="3", lot=""),
    ),
    (
        as_it_is,
        f"/api/results/{STRAY}/match",
        {"lot": PENDING, "person": "王敏"},
        201,
        MatchResult(seq=STRAY, lot=PENDING, person="王敏"),
    ),
    (
        as_it_is,
        f"/api/results/{TICKET}/match",
        {"lot": PENDING, "person": "王敏", "verdict": "unqualified"},
        201,
        MatchResult(seq=TICKET, lot=PENDING, person="王敏", verdict="unqualified"),
    ),
    (
        as_it_is,
        f"/api/results/{STRAY}/dismiss",
        {"person": "王敏", "reason": "练习"},
        201,
        DismissResult(seq=STRAY, person="王敏", reason="练习"),
    ),
    (
        chives,
        f"/api/lots/{NEXT_LOT}/whole-plant",
        {"person": " 王敏 "},
        200,
        WholePlantDone(lot=NEXT_LOT, person="王敏"),
    ),
    (
        swapped,
        "/api/ports/scale-1/confirm",
        {"person": " 王敏 "},
        200,
        ConfirmPort(device="scale-1", person="王敏"),
    ),
    (
        swapped,
        "/api/ports/scale-1/confirm",
        {"person": "王敏", "seen": "USB Serial (1a86:7523, number A50285BI)"},
        200,
        ConfirmPort(device="scale-1", person="王敏", seen="USB Serial (1a86:7523, number A50285BI)"),
    ),
]


CARD, CARD_FROM_ELSEWHERE = f"HTTPS://sy.example.cn/B/{LOT}", f"HTTPS://sy.example.cn/B/{ELSEWHERE}"
SCANNED: list[tuple[str, dict[str, Any], object]] = [
    (
        "/api/sales",
        SALE | {"product": " 0104 0201", "lot": CARD, "buyer": "4101 0800 10456"},
        Sell(**SOLD, buyer="4101080010456"),
    ),
    (
        "/api/entries",
        ENTRY | {"upstream": f"{CARD_FROM_ELSEWHERE}?s=AAA", "supplier_code": "４１０１０８００１０４５６"},
        RegisterEntry(**ENTERED, supplier_code="4101080010456", upstream=ELSEWHERE),
    ),
    (
        "/api/channels",
        {"analyzer": "analyzer-1", "channel": "3", "lot": CARD},
        PlanChannel(analyzer="analyzer-1", channel="3", lot=LOT),
    ),
    (
        f"/api/results/{STRAY}/match",
        {"lot": f"]C1{PENDING}\r\n", "person": "王敏"},
        MatchResult(seq=STRAY, lot=PENDING, person="王敏"),
    ),
    ("/api/prints", {"paper": "card", "subject": CARD}, PrintDocument(paper="card", subject=LOT)),
    ("/api/prices", {"product": "\t01040201\t", "price_fen": 375}, SetPrice(product="01040201", price_fen=375)),
]


@pytest.mark.parametrize(("address", "body", "command"), SCANNED)
def test_a_code_is_taken_as_it_was_scanned(
    core: Any, http: httpx.Client, address: str, body: dict[str, Any], command: object
) -> None:
    core.puts("1.250")
    answer = http.post(address, json=body)
    assert answer.is_success, answer.text
    assert core.asked == [command]


@pytest.mark.parametrize(
    "text",
    [f"{CARD}1", "https://sy.example.cn/b/4101", f"https://sy.example.cn/j/{LOT}", LOT[1:], 41010800110100010074],
)
def test_what_holds_no_source_code_is_none(core: Any, http: httpx.Client, text: object) -> None:
    assert http.post("/api/entries", json=ENTRY | {"upstream": text}).status_code == 422
    assert core.asked == []


@pytest.mark.parametrize(("before", "address", "body", "status", "command"), COMMANDS)
def test_a_post_becomes_its_command(
    core: Any,
    http: httpx.Client,
    before: Callable[[Any], None],
    address: str,
    body: dict[str, Any],
    status: int,
    command: object,
) -> None:
    before(core)
    answer = http.post(address, json=body)
    assert (answer.status_code, core.asked) == (status, [command]), answer.text


@pytest.mark.parametrize("changed", [{'e = "5 g"': 'e = "5 g"\nwritable = true'}])
def test_a_wish_becomes_its_command(core: Any, http: httpx.Client, changed: dict[str, str]) -> None:
    answer = http.post("/api/scales/scale-1/tare", json={})
    assert (answer.status_code, core.asked) == (200, [AskScale(scale="scale-1", wish="tare")])


def test_a_sale_answers_what_the_core_answered(core: Any, http: httpx.Client) -> None:
    core.puts("1.250")
    said = http.post("/api/sales", json=SALE).json()
    assert said.pop("url").startswith("https://sy.market.test/j/")
    assert said == {"tx": NEXT_SALE, "net_g": 1250, "amount_fen": 438, "left_g": 7250, "job": 4}
    assert [event["subject"] for event in core.records("trade.completed")][-1] == NEXT_SALE


def test_a_refusal_is_409_in_both_languages(core: Any, http: httpx.Client) -> None:
    core.puts("1.300")
    answer = http.post("/api/sales", json=SALE)
    assert answer.status_code == 409
    assert answer.json() == {
        "code": "weight_changed",
        "message_zh": "重量已变为 1.300 kg，请核对后再按",
        "message_en": "the weight is now 1.300 kg: check it and press again",
    }


def test_no_answer_in_time_says_that_it_may_be_recorded(core: Any, serve: Callable[..., WebServer]) -> None:
    core.puts("1.250")
    core.stand_still()
    answer = httpx.post(serve(timeout=0.1).url + "/api/sales", json=SALE)
    assert (answer.status_code, answer.json()["code"]) == (503, "no_answer")
    assert "小票列表" in answer.json()["message_zh"]
    assert "may or may not be recorded" in answer.json()["message_en"]
    core.go_on()  # it can still be done: nobody has taken the request back
    assert core.board.prints[0].code == NEXT_SALE


def test_asked_again_with_the_same_key_nothing_is_done_twice(core: Any, serve: Callable[..., WebServer]) -> None:
    address = serve(timeout=0.1).url + "/api/sales"
    core.puts("1.250")
    core.stand_still()
    key = {"Idempotency-Key": "a1"}
    assert httpx.post(address, json=SALE, headers=key).status_code == 503
    core.go_on()
    assert httpx.post(address, json=SALE, headers=key).json()["job"] == 4
    assert len(core.asked) == 1
    other = httpx.post(address, json=SALE | {"seen_g": 1}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "key_reused")


def test_a_refused_request_may_be_tried_again_with_its_key(core: Any, http: httpx.Client) -> None:
    core.weighs("1.250", stable=False)
    key = {"Idempotency-Key": "a2"}
    refused = http.post("/api/sales", json=SALE, headers=key)
    assert (refused.status_code, refused.json()["code"]) == (409, "motion")
    core.weighs("1.250")
    assert http.post("/api/sales", json=SALE, headers=key).status_code == 201


def test_a_core_that_stops_gives_no_promise(core: Any, serve: Callable[..., WebServer]) -> None:
    core.puts("1.250")
    core.stop()
    answer = httpx.post(serve(timeout=0.1).url + "/api/sales", json=SALE)
    assert (answer.status_code, answer.json()["code"]) == (503, "no_answer")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (SALE | {"seen_g": "1250"}, "seen_g"),
        (SALE | {"seen_g": 1.5}, "seen_g"),
        (SALE | {"seen_g": True}, "seen_g"),
        (SALE | {"price_fen": 0}, "price_fen"),
        (SALE | {"buyer": "12"}, "buyer"),
        (SALE | {"colour": "red"}, "colour"),
        ({"scale": "scale-1"}, "product"),
        ([], "body"),
    ],
)
def test_a_mistake_is_422_and_names_its_field(core: Any, http: httpx.Client, body: Any, field: str) -> None:
    answer = http.post("/api/sales", json=body)
    assert answer.status_code == 422
    assert set(answer.json()) == {"code", "message_zh", "message_en"}
    assert field in answer.json()["message_en"]
    assert core.asked == []


@pytest.mark.parametrize(
    ("address", "body", "field"),
    [
        ("/api/sales", SALE | {"tare_g": -1}, "tare_g"),
        ("/api/sales", SALE | {"tare_g": "50"}, "tare_g"),
        ("/api/sales", SALE | {"manual_g": 0, "reason": "x"}, "manual_g"),
        ("/api/sales", SALE | {"manual_g": 900, "tare_g": 50, "reason": "x"}, "tare_g"),
        ("/api/sales", SALE | {"reason": "x"}, "reason"),
        ("/api/channels", {"analyzer": "analyzer-1", "channel": " ", "lot": LOT}, "channel"),
        (f"/api/results/{STRAY}/match", {"lot": LOT, "person": " "}, "person"),
        (f"/api/results/{STRAY}/match", {"lot": "", "person": "王敏"}, "lot"),
        (f"/api/results/{STRAY}/match", {"lot": LOT, "person": "王敏", "verdict": "suspect"}, "verdict"),
        ("/api/results/0/match", {"lot": LOT, "person": "王敏"}, "seq"),
        (f"/api/lots/{LOT}/whole-plant", {}, "person"),
        ("/api/ports/scale-1/confirm", {"person": " "}, "person"),
        ("/api/ports/scale-1/confirm", {"seen": "x"}, "person"),
    ],
)
def test_a_mistake_in_the_newer_bodies_is_422(
    core: Any, http: httpx.Client, address: str, body: dict[str, Any], field: str
) -> None:
    answer = http.post(address, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert field in answer.json()["message_en"]
    assert core.asked == []


MIN = {"person": "王敏"}
REFUSED: list[tuple[Callable[[Any], None], str, dict[str, Any], str]] = [
    (as_it_is, "/api/channels", {"analyzer": "analyzer-9", "channel": "3", "lot": PENDING}, "no_analyzer"),
    (as_it_is, "/api/channels", {"analyzer": "analyzer-1", "channel": "3", "lot": NEXT_LOT}, "no_lot"),
    (as_it_is, "/api/channels", {"analyzer": "analyzer-1", "channel": "3", "lot": PENDING[:-1] + "1"}, "bad_code"),
    (as_it_is, "/api/results/1/match", {"lot": PENDING} | MIN, "no_result"),
    (as_it_is, f"/api/results/{TICKET}/match", {"lot": PENDING} | MIN, "verdict"),
    (as_it_is, "/api/results/1/dismiss", {"reason": "练习"} | MIN, "no_result"),
    (as_it_is, f"/api/lots/{PENDING}/whole-plant", MIN, "not_asked"),
    (as_it_is, f"/api/lots/{NEXT_LOT}/whole-plant", MIN, "no_lot"),
    (tared, "/api/sales", SALE | {"seen_g": 1200, "tare_g": 50}, "tared"),
    (loaded, "/api/sales", SALE | {"lot": PENDING, "product": "01040301"}, "lot_pending"),
    (loaded, "/api/sales", SALE | {"lot": HELD, "product": "01040401"}, "lot_held"),
    (loaded, "/api/sales", SALE | {"manual_g": 900, "seen_g": 900, "reason": "x"}, "scale_works"),
    (as_it_is, "/api/entries", ENTRY | {"upstream": UPSTREAM}, "source_known"),
    (as_it_is, "/api/ports/scale-1/confirm", MIN, "already_confirmed"),
    (as_it_is, "/api/scales/scale-1/tare", {}, "read_only"),
    (as_it_is, "/api/clock/confirm", {"date": "2026-11-22"} | MIN, "date_fine"),
]


@pytest.mark.parametrize(("before", "address", "body", "code"), REFUSED)
def test_the_core_may_refuse(
    core: Any, http: httpx.Client, before: Callable[[Any], None], address: str, body: dict[str, Any], code: str
) -> None:
    before(core)
    records = core.ledger.head.seq
    answer = http.post(address, json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert set(answer.json()) == {"code", "message_zh", "message_en"}
    assert core.ledger.head.seq == records


def test_a_match_answers_what_became_of_the_lot(core: Any, http: httpx.Client) -> None:
    said = http.post(f"/api/results/{STRAY}/match", json={"lot": PENDING, "person": "王敏"}).json()
    assert said == {"test_code": PENDING, "verdict": "qualified", "source": core.lot(PENDING).source}
    again = http.post(f"/api/results/{STRAY}/match", json={"lot": PENDING, "person": "王敏"})
    assert (again.status_code, again.json()["code"]) == (409, "no_result")


def test_what_is_no_json_is_422(http: httpx.Client) -> None:
    answer = http.post("/api/sales", content=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


def test_an_unknown_wish_is_no_command(core: Any, http: httpx.Client) -> None:
    assert http.post("/api/scales/scale-1/calibrate", json={}).status_code == 422
    assert core.asked == []


def test_the_board_is_whole_and_papers_have_their_text(core: Any, http: httpx.Client) -> None:
    said = http.get("/api/board").json()
    assert said["alive"] is True
    assert said["board"] == json.loads(json.dumps(core.board.as_json()))
    assert "大白菜" in http.get("/api/prints/1").json()["text"]
    assert http.get("/api/prints/999").json()["code"] == "no_paper"


@pytest.mark.parametrize(("address", "status"), [("/nothing", 404), ("/static/..%2Fapp.py", 404), ("/parts/base", 404)])
def test_what_is_not_there_is_said_in_both_languages(http: httpx.Client, address: str, status: int) -> None:
    answer = http.get(address)
    assert (answer.status_code, answer.json()["code"]) == (status, "not_found")


def test_the_contract_describes_every_write_and_its_errors(http: httpx.Client) -> None:
    contract = http.get("/api/openapi.json", timeout=60).json()
    ways = {path: way["post"] for path, way in contract["paths"].items() if "post" in way}
    families.every()
    orders = {f"/api{row.address}" for row in ORDERS.values() if row.address}
    assert orders <= set(ways)
    assert set(ways) - orders == {
        "/api/requests/{key}/outcome",
        "/api/books",
        "/api/books/{book}/cancel",
        "/api/photos",
        "/api/deliveries/{delivery}/sign",
        "/api/sign-in",
        "/api/sign-out",
        "/api/approvals",
        "/api/operators",
        "/api/operators/{code}",
        "/api/programs",
        "/api/programs/{name}/remove",
    }
    writes = ways.values()
    for write in writes:
        assert {"403", "409", "422", "500", "503"} <= set(write["responses"])
        assert write["summary"]
    assert "/stall" not in contract["paths"]
    schemas = contract["components"]["schemas"]
    for body in ("Sell", "PlanChannel", "MatchResultBody", "WholePlantDoneBody", "ConfirmPortBody"):
        assert all(field["description"] for field in schemas[body]["properties"].values())


# --- who may write ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_may_not_write(core: Any, http: httpx.Client, headers: dict[str, str]) -> None:
    answer = http.post("/api/sales", json=SALE, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")
    assert core.asked == []


def test_the_own_page_may_write(core: Any, http: httpx.Client, web: WebServer) -> None:
    core.puts("1.250")
    assert http.post("/api/sales", json=SALE, headers={"Origin": web.url}).status_code == 201


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "192.0.2.7", "127.0.0.1.evil.example", "", "[::"]
)
def test_a_rebound_name_sees_and_writes_nothing(core: Any, http: httpx.Client, host: str) -> None:
    assert http.get("/api/board", headers={"Host": host}).status_code in (400, 403)
    written = http.post("/api/sales", json=SALE, headers={"Host": host, "Origin": f"http://{host}"})
    assert written.status_code in (400, 403)
    assert core.asked == []


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:99", "[::1]:80", "127.0.0.1"])
def test_the_box_is_known_by_its_own_names(http: httpx.Client, host: str) -> None:
    assert http.get("/api/board", headers={"Host": host}).status_code == 200


def test_a_configured_name_is_accepted(serve: Callable[..., WebServer]) -> None:
    web = serve(allow=("station.market.example",))
    assert httpx.get(web.url + "/api/board", headers={"Host": "station.market.example"}).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_only_json_is_taken(core: Any, http: httpx.Client, kind: str) -> None:
    answer = http.post("/api/sales", content=json.dumps(SALE), headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "not_json")
    assert core.asked == []


def test_a_large_or_endless_body_is_not_read(http: httpx.Client) -> None:
    kind = {"Content-Type": "application/json"}
    assert http.post("/api/sales", content=b" " * 70_000, headers=kind).status_code == 413
    assert http.post("/api/sales", content=iter([b"{}"]), headers=kind).status_code == 411


@pytest.mark.parametrize("address", ["/stall", "/api/board", "/static/stall.js", "/nothing"])
def test_every_answer_carries_the_security_headers(http: httpx.Client, address: str) -> None:
    headers = http.get(address).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] in ("no-store", "no-cache")


# --- health and metrics ---------------------------------------------------------------------------------------------


def test_health_is_200_while_the_station_can_work(core: Any, http: httpx.Client) -> None:
    core.clock.jumps("2031-03-01T09:30")
    core.turn(LinkChanged(False, "timeout", "mute"))
    answer = http.get("/health")
    assert answer.status_code == 200
    assert answer.json()["city"]["up"] is False
    assert answer.json()["clock"] == "unsynced"


def test_health_is_503_when_a_part_of_the_work_is_down(
    core: Any, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert http.get("/health").status_code == 200
    core.turn(PrinterChanged("printer-1", PrinterState.PAPER, "no paper"))
    answer = http.get("/health")
    assert answer.status_code == 503
    assert answer.json()["printer"]["printer-1"] == {"ok": False, "why": "no paper", "waiting": 0}
    core.turn(PrinterChanged("printer-1", PrinterState.READY), PortChanged("scale-1", False, "unplugged"))
    assert http.get("/health").json()["ports"]["scale-1"] == {"ok": False, "why": "unplugged"}
    core.turn(PortChanged("scale-1", True), PortChanged("cold-room", False, "gone"))
    assert http.get("/health").json()["ports"]["cold-room"] == {"ok": False, "why": "gone"}
    core.turn(PortChanged("cold-room", True))
    assert http.get("/health").status_code == 200

    def disk_of(free: int) -> None:
        core.disk = Space(free, 10**10)
        core.clock.go(10.0)
        core.turn()

    disk_of(1000)
    assert (http.get("/health").status_code, http.get("/health").json()["disk"]["ok"]) == (503, False)
    disk_of(10**10)
    core.within(core.fill_the_disk)
    for _ in range(40):  # until the file would have to grow
        answer = http.post("/api/entries", json=ENTRY)
    assert (answer.status_code, answer.json()["code"]) == (409, "disk_full")
    assert (http.get("/health").status_code, bool(http.get("/health").json()["trouble"])) == (503, True)
    core.within(core.free_the_disk)
    core.enters()
    assert http.get("/health").status_code == 200
    core.seem_dead()
    assert http.get("/health").json()["core"] == {"ok": False}


def test_metrics_tell_what_the_board_knows(core: Any, http: httpx.Client) -> None:
    core.platform.answers = False
    core.enters()
    core.turn(*[PortGarbage("scale-1", "no frame", b"?")] * 7)
    text = http.get("/metrics").text
    for line in (
        "marketedge_records_written_total 17.0",
        "marketedge_records_acked_total 16.0",
        "marketedge_records_pending 1.0",
        'marketedge_scale_up{device="scale-1"} 1.0',
        'marketedge_garbage_total{device="scale-1"} 7.0',
        'marketedge_printer_up{device="printer-1"} 1.0',
        'marketedge_unmatched{device="analyzer-1"} 2.0',
        'marketedge_probe_up{device="cold-room"} 1.0',
        'marketedge_info{station="东区 12 号",version="0.1.0"} 1.0',
    ):
        assert line in text
    free = next(line for line in text.splitlines() if line.startswith("marketedge_disk_free_bytes"))
    assert float(free.split()[1]) == core.board.disk_free


# --- what became of a request -----------------------------------------------------------------------------------------


def test_health_shows_the_token_that_the_process_was_given(serve: Callable[..., WebServer]) -> None:
    assert httpx.get(serve(token="7f3a").url + "/health").json()["token"] == "7f3a"


def test_what_became_of_a_request_is_told_by_its_key(core: Any, serve: Callable[..., WebServer]) -> None:
    with httpx.Client(base_url=serve(timeout=0.5).url) as http:

        def outcome(key: str, **sent: Any) -> dict[str, Any]:
            said: dict[str, Any] = http.post(f"/api/requests/{key}/outcome", json={"age_ms": 0, **sent}).json()
            return said

        core.stand_still()
        price = {"product": "01040201", "price_fen": 500}
        assert http.post("/api/prices", json=price, headers={"Idempotency-Key": "a"}).status_code == 503
        assert outcome("a") == {"state": "waiting", "answer": None}
        core.go_on()
        assert outcome("a") == {"state": "done", "answer": price}
        strange = price | {"product": "01049999"}
        assert http.post("/api/prices", json=strange, headers={"Idempotency-Key": "b"}).status_code == 409
        assert outcome("b")["state"] == "not_done"
        assert outcome("c")["state"] == "unknown"  # it may have come to the process before this one
        assert outcome("c", address="/api/channels")["state"] == "unknown"
        assert outcome("c", heard_ms=int(time.monotonic() * 1000), token="another")["state"] == "unknown"
        assert outcome("c", heard_ms=int(time.monotonic() * 1000))["state"] == "not_done"


@pytest.mark.parametrize(
    ("before", "address", "body"),
    [
        (loaded, "/api/sales", SALE),
        (as_it_is, "/api/entries", ENTRY),
        (as_it_is, f"/api/results/{STRAY}/match", {"lot": PENDING} | MIN),
        (as_it_is, f"/api/results/{STRAY}/dismiss", {"reason": "练习"} | MIN),
        (doubted, "/api/clock/confirm", {"date": "2031-03-01"} | MIN),
    ],
)
def test_what_makes_a_record_is_known_over_a_restart(
    again: Callable[..., Any],
    serve: Callable[..., WebServer],
    before: Callable[[Any], None],
    address: str,
    body: dict[str, Any],
) -> None:
    station = again()
    before(station)
    made = httpx.post(serve(station).url + address, json=body, headers={"Idempotency-Key": "old"})
    assert made.is_success
    station.stop()
    with httpx.Client(base_url=serve(again(wall=station.clock.wall)).url) as http:

        def outcome(key: str, age: int) -> Any:
            return http.post(f"/api/requests/{key}/outcome", json={"age_ms": age, "address": address}).json()

        assert outcome("old", 5000) == {"state": "done", "answer": made.json()}
        assert outcome("never", 24 * 3_600_000)["state"] == "unknown"  # the ledger has forgotten it by now
        assert outcome("never", 5000) == {"state": "not_done", "answer": None}
        late = http.post("/api/sales", json=SALE, headers={"Idempotency-Key": "never"})
        assert (late.status_code, late.json()["code"]) == (409, "withdrawn")


def test_the_key_goes_to_the_core(core: Any, http: httpx.Client) -> None:
    core.puts("1.250")
    said = http.post("/api/sales", json=SALE, headers={"Idempotency-Key": "k1"})
    assert said.status_code == 201
    assert core.does(Recall(key="k1"))["answer"] == said.json()


def test_a_request_that_was_said_not_to_have_come_is_refused_when_it_comes(core: Any, web: WebServer) -> None:
    with httpx.Client(base_url=web.url) as http:
        sent = {"age_ms": 0, "heard_ms": int(time.monotonic() * 1000)}
        assert http.post("/api/requests/late/outcome", json=sent).json()["state"] == "not_done"
        late = http.post(
            "/api/prices", json={"product": "01040201", "price_fen": 500}, headers={"Idempotency-Key": "late"}
        )
        assert (late.status_code, late.json()["code"]) == (409, "withdrawn")
        assert core.asked == []


def test_what_is_forgotten_is_not_said_to_be_undone() -> None:
    import asyncio

    from edge.between.commands import Recalled, SetPrice
    from edge.between.inbox import Inbox
    from edge.web.desk import REMEMBERED, Desk, Problems
    from edge.web.models import OutcomeBody

    now = 1000.0
    inbox: Inbox = Inbox()
    desk = Desk(inbox, timeout=0.0, steady=lambda: now)

    async def outcome(key: str, heard: float) -> str:
        question = asyncio.create_task(desk.outcome(key, OutcomeBody(age_ms=0, heard_ms=int(heard * 1000))))
        await asyncio.sleep(0)
        if not inbox.empty():
            inbox.get().answer.set_result(Recalled(answer=None))  # type: ignore[union-attr]
        return (await question)[0]

    async def story() -> None:
        nonlocal now
        for number in range(REMEMBERED + 1):
            now += 1
            with pytest.raises(Problems):
                await desk.ask(SetPrice(product="01040201", price_fen=500), f"key-{number}")
            inbox.get()
        desk._timeout = 5.0
        assert await outcome("key-0", 1000.0) == "unknown"
        assert await outcome("key-1", 1001.0) == "waiting"
        assert await outcome("never", now - 10) == "not_done"

    asyncio.run(story())


@pytest.mark.parametrize(
    ("body", "zh"),
    [
        ({**ENTRY, "net_g": 0}, "请求有误：net_g：不能小于 1"),
        ({**ENTRY, "supplier": "王" * 200}, "请求有误：supplier：过长，最多 120 字"),
        ({**ENTRY, "net_g": "12"}, "请求有误：net_g：应为整数"),
        ({**ENTRY, "colour": "green"}, "请求有误：colour：没有这个字段"),
        ({"product": "01040201"}, "请求有误：net_g：缺少；origin：缺少；supplier：缺少"),
    ],
)
def test_a_mistake_in_a_request_is_said_in_chinese_too(http: httpx.Client, body: dict[str, Any], zh: str) -> None:
    answer = http.post("/api/entries", json=body)
    assert (answer.status_code, answer.json()["message_zh"]) == (422, zh)
    assert answer.json()["message_en"].startswith("not understood: ")


MOST = {'model = "dayuan-lz4000t"': 'model = "dayuan-lz4000t"\nmost_a_day = 8'}  # the morning had seven


@pytest.mark.parametrize("changed", [MOST])
@pytest.mark.parametrize(("lang", "words"), [("zh", "今日新结果已满 8 条"), ("en", "8 new results today")])
def test_the_status_page_says_that_an_instrument_hands_over_too_much(
    core: Any, http: httpx.Client, lang: str, words: str, changed: dict[str, str]
) -> None:
    for sample in ("18", "19"):
        assert words not in http.get("/status", headers={"Cookie": f"lang={lang}"}).text
        core.hands_over(core.result(sample, "8.3"), device="analyzer-1")
    page = http.get("/status", headers={"Cookie": f"lang={lang}"}).text
    assert words in page and "most_a_day" in page
