"""The local API is what its OpenAPI says, asked by schemathesis of a station with a real core and a real ledger."""

import itertools
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from edge.between.inbox import Printed
from edge.between.print_states import PrintState, PrintWhy
from edge.web.server import WebServer

CASES = int(os.environ.get("CONTRACT_CASES", "1"))  # at least: rounds go on, each with a seed of its own
EXAMPLES = 1 if CASES == 1 else 8  # of an operation in a round, for each of two modes
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
ENDLESS = ("/api/live", "/api/scans")  # a stream has no end: see test_events.py
CABBAGE, KEY = "01040201", {"Idempotency-Key": "once"}
PENDING, RELEASED = "41010800330100000030", "41010800330100000056"  # see conftest.py
STRAY, TICKET = 14, 15
PERSON = {"person": "王敏"}
WORD = "the word of the house"  # of the box's own user, who may do everything


@pytest.fixture
def web(serve: Callable[..., WebServer]) -> WebServer:
    return serve(console=WORD)


def operations(web: WebServer) -> Iterator[Any]:
    schema = schemathesis.openapi.from_url(web.url + "/api/openapi.json", timeout=60)
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path not in ENDLESS:
            yield operation


def test_whatever_is_asked_the_answer_is_one_of_the_contract(
    core: Any, web: WebServer, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {
        "scale": "scale-1",
        "product": CABBAGE,
        "lot": RELEASED,
        "seq": STRAY,
        "job": 1,
        "code": PENDING,
        "analyzer": "analyzer-1",
        "name": "scale-1",
        "device": "scale-1",
        "paper": "report",
        "subject": RELEASED,
        "printer": "printer-1",
        "date": "2026-11-22",
        "key": "once",
    }
    seen: dict[str, set[int]] = defaultdict(set)
    asked: Counter[int] = Counter()

    def try_out(operation: Any, mode: GenerationMode, begun_with: int) -> None:
        @seed(begun_with)
        @settings(max_examples=EXAMPLES, database=None, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode), real=st.booleans(), known_here=st.integers(0, 7))
        def one(case: Any, real: bool, known_here: int) -> None:
            if known_here:  # from the first person on that somebody adds, nobody else is heard
                case.headers["Authorization"] = f"Bearer {WORD}"
            if real and mode is GenerationMode.POSITIVE:
                for part in (case.body, case.path_parameters):
                    if isinstance(part, dict):
                        part.update({name: value for name, value in known.items() if name in part})
            if operation.path == "/api/sales":
                core.puts("1.250")
            answer = case.call(base_url=web.url, timeout=20)
            case.validate_response(answer, checks=CHECKS)
            seen[operation.label].add(answer.status_code)
            asked[answer.status_code] += 1
            assert answer.status_code < 500 or operation.path == "/health"

        one()

    found = list(operations(web))
    for begun_with in itertools.count(20261129):
        for operation in found:
            try_out(operation, GenerationMode.POSITIVE, begun_with)
            if any("json" in body.media_type for body in operation.body) or list(operation.path_parameters):
                # else nothing can be asked wrongly
                try_out(operation, GenerationMode.NEGATIVE, begun_with)
        if asked.total() >= CASES:
            break
    with capsys.disabled():
        sys.stdout.write(f"{asked.total()} cases of {len(found)} operations: {dict(sorted(asked.items()))}\n")
    statuses = set().union(*seen.values())
    assert {200, 201, 404, 409, 422} <= statuses
    assert all(seen.values())


def test_what_is_done_is_answered_as_the_contract_says(core: Any, web: WebServer, until: Callable[..., None]) -> None:
    found = {operation.label: operation for operation in operations(web)}

    def ask(label: str, body: Any = None, headers: Any = None, text: str = "", **path: Any) -> Any:
        more = {"media_type": "application/json"} if body is not None else {}
        case = found[label].Case(
            path_parameters=path,
            headers=headers or {},
            **({"query": {"text": text}} if text else {}),
            **({"body": body} | more if more else {}),
        )
        answer = case.call(base_url=web.url, timeout=20)
        case.validate_response(answer, checks=CHECKS)
        assert answer.status_code in (200, 201, 202), (label, answer.text)
        return answer

    ask("POST /api/entries", {"product": CABBAGE, "net_g": 1000, "origin": "河南", "supplier": "王"})
    core.puts("1.250")
    sale = {"scale": "scale-1", "product": CABBAGE, "lot": RELEASED, "seen_g": 1250}
    sold = ask("POST /api/sales", sale, KEY).json()
    job = sold["job"]
    ask("POST /api/requests/{key}/outcome", {"age_ms": 0}, key="once")
    ask("GET /api/prints/{job}", job=job)
    ask("GET /api/prints/{job}.png", job=job)
    core.turn(Printed(job, PrintState.PRINTED, PrintWhy.PROCESS_ID))
    ask("POST /api/prints/{job}/reprint", {}, job=job)
    ask("POST /api/prints/{job}/confirm", {}, job=2)
    ask("POST /api/prints", {"paper": "test", "printer": "printer-1"})
    ask("POST /api/prices", {"product": CABBAGE, "price_fen": 400})
    ask("POST /api/channels", {"analyzer": "analyzer-1", "channel": "3", "lot": PENDING})
    ask("POST /api/results/{seq}/match", {"lot": PENDING} | PERSON, seq=STRAY)
    ask("POST /api/results/{seq}/dismiss", {"reason": "练习"} | PERSON, seq=TICKET)
    ask("POST /api/lots/{lot}/correct", {"net_g": 300_000, "reason": "抄错"}, lot=PENDING)
    matched = next(one for one in reversed(core.records("test.result")) if one["data"]["lot"])
    ask("POST /api/results/{seq}/correct", {"reason": "样品号输错"}, seq=int(matched["sequence"]))
    ask("POST /api/sales/{tx}/void", {"reason": "选错了"}, tx=sold["tx"])
    adds_lines(core, ask)
    ask("GET /api/records")
    ask("GET /api/records/{seq}", seq=1)
    book = ask("POST /api/books", {"book": "sales", "form": "csv"}).json()["id"]
    until(lambda: ask("GET /api/books/{book}", book=book).json()["state"] != "making")
    ask("GET /api/books/{book}/file", book=book)
    ask("POST /api/books/{book}/cancel", {}, book=book)
    for path in ("/api/board", "/metrics"):
        ask(f"GET {path}")


def adds_lines(core: Any, ask: Callable[..., Any]) -> None:
    """Slips of several lines, and their payment."""
    for number in (1, 2, 3):
        core.puts("1.250")
        line = {"scale": "scale-1", "product": CABBAGE, "lot": RELEASED}
        assert ask("POST /api/baskets", line).json()["basket"] == number
        if number < 3:
            ask("POST /api/baskets/{basket}/park", {}, basket=number)
    ask("POST /api/baskets/{basket}/resume", {}, basket=1)
    ask("POST /api/baskets/{basket}/payment", {"rounding": "jiao"}, basket=1)
    ask("POST /api/payments", {"amount_fen": 500, "reference": "4200002026112912", "kind": "wechat"})
    ask("POST /api/baskets/{basket}/close", {}, basket=2)
    ask("POST /api/baskets/{basket}/lines/{line}/drop", {}, basket=3, line=1)
    core.puts("1.250")
    ask("POST /api/baskets", line)
    ask("POST /api/baskets/{basket}/drop", {}, basket=4)
    ask("GET /api/qr.svg", text="https://sy.example.cn/j/EVZH")


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE"])
def test_every_error_has_the_same_form_whatever_the_method(web: WebServer, method: str) -> None:
    for path in ("/api/board", "/api/prices", "/api/prints/1.png", "/health", "/stall", "/nothing"):
        answer = httpx.request(method, web.url + path, timeout=60, **({"json": {}} if method == "POST" else {}))
        if answer.is_success:
            continue
        assert answer.headers["content-type"] == "application/json"
        assert (answer.status_code == 405) == ("allow" in answer.headers)
        assert method not in answer.headers.get("allow", "")
        if method != "HEAD":
            assert set(answer.json()) == {"code", "message_zh", "message_en"}
            assert answer.json()["message_zh"] != answer.json()["message_en"]
