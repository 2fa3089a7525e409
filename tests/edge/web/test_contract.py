"""The local API is what its OpenAPI says, asked by schemathesis of a station with a real core and a real ledger."""

import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from edge.between.inbox import Printed, Request
from edge.between.print_states import PrintState, PrintWhy
from edge.documents import Documents
from edge.printing.archive import Archive
from edge.printing.typesetting import Typesetter
from edge.web.server import WebServer

EXAMPLES = 8  # of an operation, for each of two modes
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
ENDLESS = "/api/live"  # a stream has no end: see test_events.py
CABBAGE, KEY = "01040201", {"Idempotency-Key": "once"}
PERSON = {"person": "王敏"}


class Market:
    """A station whose core runs in the thread that asks ``serve``; others hand over work with ``do``."""

    def __init__(self, station: Any) -> None:
        self.station = station
        self.inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.pending = station.enters()
        self.released = station.releases()

    def do(self, work: Callable[[], Any]) -> Any:
        answer: Future[Any] = Future()
        self.inbox.put((work, answer))
        return answer.result(20)

    def serve(self, until: threading.Event) -> None:
        while not until.is_set():
            try:
                message = self.inbox.get(timeout=0.05)
            except queue.Empty:
                continue
            if isinstance(message, Request):
                self.station.turn(message)
                continue
            work, answer = message
            try:
                answer.set_result(work())
            except BaseException as error:
                answer.set_exception(error)

    def load(self) -> None:
        self.station.puts("1.250")

    def unmatched(self) -> int:
        self.station.tests(self.station.result("no such sample", "12.5"))
        return int(self.station.waiting[0].seq)


@pytest.fixture
def market(box: Callable[..., Any]) -> Market:
    return Market(box())


@pytest.fixture
def asking(market: Market) -> Iterator[Callable[[Callable[[WebServer], None]], None]]:
    """Runs what asks in a thread of its own: the ledger is this thread's."""
    config = market.station.config
    papers = Documents(config.paper.templates, [part.row() for part in config.printer])
    archive = Archive(config.station.data, Typesetter(config, papers))
    web = WebServer("127.0.0.1:0", market.station.showing, market.inbox, archive=archive)
    web.start()
    assert web.ready.wait(20)

    def run(ask: Callable[[WebServer], None]) -> None:
        over, failed = threading.Event(), []

        def client() -> None:
            try:
                ask(web)
            except BaseException as error:
                failed.append(error)
            finally:
                over.set()

        thread = threading.Thread(target=client)
        thread.start()
        market.serve(over)
        thread.join()
        if failed:
            raise failed[0]

    yield run
    web.stop()


def operations(web: WebServer) -> Iterator[Any]:
    schema = schemathesis.openapi.from_url(web.url + "/api/openapi.json")
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path != ENDLESS:
            yield operation


def test_whatever_is_asked_the_answer_is_one_of_the_contract(
    market: Market, asking: Callable[[Callable[[WebServer], None]], None]
) -> None:
    known = {
        "scale": "scale-1",
        "product": CABBAGE,
        "lot": market.released,
        "seq": 1,
        "job": 1,
        "code": market.pending,
        "analyzer": "tester-8",
        "name": "scale-1",
        "device": "scale-1",
        "paper": "report",
        "subject": market.released,
        "printer": "printer-1",
        "date": "2026-11-22",
        "key": "once",
    }
    seen: dict[str, set[int]] = defaultdict(set)

    def ask_all(web: WebServer) -> None:
        for operation in operations(web):
            try_out(web, operation, GenerationMode.POSITIVE)
            if list(operation.body) or list(operation.path_parameters):  # else nothing can be asked wrongly
                try_out(web, operation, GenerationMode.NEGATIVE)

    def try_out(web: WebServer, operation: Any, mode: GenerationMode) -> None:
        @seed(20261129)
        @settings(max_examples=EXAMPLES, database=None, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode), real=st.booleans())
        def one(case: Any, real: bool) -> None:
            if real and mode is GenerationMode.POSITIVE:
                for part in (case.body, case.path_parameters):
                    if isinstance(part, dict):
                        part.update({name: value for name, value in known.items() if name in part})
            if operation.path == "/api/sales":
                market.do(market.load)
            answer = case.call(base_url=web.url, timeout=20)
            case.validate_response(answer, checks=CHECKS)
            seen[operation.label].add(answer.status_code)
            assert answer.status_code < 500 or operation.path == "/health"

        one()

    asking(ask_all)
    statuses = set().union(*seen.values())
    assert {200, 201, 404, 409, 422} <= statuses
    assert all(seen.values())


def test_what_is_done_is_answered_as_the_contract_says(
    market: Market, asking: Callable[[Callable[[WebServer], None]], None]
) -> None:
    def done(web: WebServer) -> None:
        found = {operation.label: operation for operation in operations(web)}

        def ask(label: str, body: Any = None, headers: Any = None, **path: Any) -> Any:
            more = {"media_type": "application/json"} if body is not None else {}
            case = found[label].Case(
                path_parameters=path, headers=headers or {}, **({"body": body} | more if more else {})
            )
            answer = case.call(base_url=web.url, timeout=20)
            case.validate_response(answer, checks=CHECKS)
            assert answer.status_code in (200, 201), (label, answer.text)
            return answer

        entry = {"product": CABBAGE, "net_g": 1000, "origin": "河南", "supplier": "王"}
        ask("POST /api/entries", entry)
        market.do(market.load)
        sale = {"scale": "scale-1", "product": CABBAGE, "lot": market.released, "seen_g": 1250}
        job = ask("POST /api/sales", sale, KEY).json()["job"]
        ask("POST /api/requests/{key}/outcome", {"age_ms": 0}, key="once")
        ask("GET /api/papers/{job}", job=job)
        ask("GET /api/papers/{job}.png", job=job)
        market.do(lambda: market.station.turn(Printed(job, PrintState.PRINTED, PrintWhy.PROCESS_ID)))
        ask("POST /api/papers/{job}/reprint", {}, job=job)
        market.do(lambda: market.station.turn(Printed(job, PrintState.UNKNOWN, PrintWhy.SILENT)))
        ask("POST /api/papers", {"paper": "test", "printer": "printer-1"})
        ask("POST /api/prices", {"product": CABBAGE, "price_fen": 400})
        ask("POST /api/channels", {"analyzer": "tester-8", "channel": "3", "lot": market.pending})
        ask("POST /api/results/{seq}/match", {"lot": market.pending} | PERSON, seq=market.do(market.unmatched))
        ask("POST /api/results/{seq}/dismiss", {"reason": "练习"} | PERSON, seq=market.do(market.unmatched))
        for path in ("/api/board", "/metrics"):
            ask(f"GET {path}")

    asking(done)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE"])
def test_every_error_has_the_same_form_whatever_the_method(web: WebServer, method: str) -> None:
    for path in ("/api/board", "/api/prices", "/api/papers/1.png", "/health", "/stall", "/nothing"):
        answer = httpx.request(method, web.url + path, **({"json": {}} if method == "POST" else {}))
        if answer.is_success:
            continue
        assert answer.headers["content-type"] == "application/json"
        assert (answer.status_code == 405) == ("allow" in answer.headers)
        assert method not in answer.headers.get("allow", "")
        if method != "HEAD":
            assert set(answer.json()) == {"code", "message_zh", "message_en"}
            assert answer.json()["message_zh"] != answer.json()["message_en"]
