"""Texts that come over HTTP, in bodies and paths: nothing unseen in them, and none that breaks an answer."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from edge.between.commands import ProofGiven, RegisterEntry, WholePlantDone, plain_code
from edge.config.sections import BadConfig, load
from edge.web.server import WebServer
from protocol.city.events import Certificate, Goods
from protocol.plain import line

UPSTREAM = "41010800210100010089"  # a source code that nobody here has seen yet
CHIVES = "41010800330100000089"  # the next lot
ENTRY = {"product": "01040201", "net_g": 1000, "origin": "河南", "supplier": "王建国"}
UNSEEN = [
    "\ud800",
    "\udfff",
    "\0",
    "\x07",
    "\x1b",
    "\x7f",
    "\x85",
    "\n",
    "\r\n",
    "\t",
    "\xad",
    "\u061c",
    "\u200b",
    "\u200f",
    "\u2028",
    "\u202e",
    "\u2066",
    "\ufeff",
    "\ufffb",
    "\uffff",
    "\U000e0041",
]


@pytest.fixture
def http(web: WebServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=web.url, timeout=10, headers={"Content-Type": "application/json"}) as client:
        yield client


@pytest.mark.parametrize("mark", UNSEEN, ids=ascii)
def test_what_is_not_seen_is_lost_from_every_text(core: Any, http: httpx.Client, mark: str) -> None:
    body = ENTRY | {
        "origin": f"河{mark}南",
        "supplier": f"{mark}王建国{mark}",
        "plate": f"豫A{mark}1",
        "proofs": [{"type": "hgz", "no": f"1{mark}2"}],
        "upstream": f"{mark}{UPSTREAM}{mark}",
    }
    answer = http.post("/api/entries", content=json.dumps(body))
    assert answer.status_code == 201
    assert core.asked == [
        RegisterEntry(
            product="01040201",
            net_g=1000,
            origin="河 南",
            supplier="王建国",
            plate="豫A 1",
            proofs=(ProofGiven(type="hgz", no="1 2"),),
            upstream=UPSTREAM,
        )
    ]


def test_a_text_of_nothing_else_is_none(core: Any, http: httpx.Client) -> None:
    for mark in UNSEEN:
        answer = http.post("/api/entries", content=json.dumps(ENTRY | {"supplier": mark * 3}))
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), ascii(mark)
    assert core.asked == []


@pytest.mark.parametrize("mark", ["%00", "%0A", "%E2%80%AE", "%1B", "%C2%85"])
def test_nor_does_it_stay_in_a_path(core: Any, http: httpx.Client, mark: str) -> None:
    assert core.enters("01040801") == CHIVES
    assert http.post(f"/api/lots/{mark}{CHIVES}{mark}/whole-plant", content='{"person": "王敏"}').status_code == 200
    assert core.asked == [WholePlantDone(lot=CHIVES, person="王敏")]


def test_the_name_of_a_field_breaks_no_answer(http: httpx.Client) -> None:
    for mark in UNSEEN:
        answer = http.post("/api/entries", content=json.dumps(ENTRY | {f"{mark}x": 1, "y" * 9000: 1}))
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), ascii(mark)
        assert len(answer.content) < 1000
        assert mark not in answer.json()["message_en"], ascii(mark)


@pytest.mark.parametrize(
    "body",
    [b'"\xff"', b"\xff\xfe", b"[" * 60_000, b'{"a":' * 10_000, b'{"net_g":' + b"9" * 5000 + b"}", b"{", b"NaN"],
    ids=["no utf-8", "a mark", "deep", "deeper", "long", "cut", "nan"],
)
def test_what_is_no_json_is_said_in_both_languages(core: Any, http: httpx.Client, body: bytes) -> None:
    answer = http.post("/api/entries", content=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert answer.json()["message_zh"].startswith("请求有误：")
    assert answer.json()["message_en"].startswith("not understood: ")
    assert core.asked == []


def test_a_refusal_that_names_a_text_can_be_sent(http: httpx.Client) -> None:
    for address in ("/api/lots/%ED%A0%80/whole-plant", "/api/lots/%FF/whole-plant"):
        assert http.post(address, content='{"person": "王敏"}').status_code == 409


# --- one rule for station.toml, HTTP and records ----------------------------------------------------------------------


def test_a_record_takes_no_more_than_http_does() -> None:
    for mark in UNSEEN:
        proof = Certificate(type=f"hgz{mark}", no=f"1{mark}2")
        assert (proof.type, proof.no) == ("hgz", "1 2"), ascii(mark)
        assert plain_code(f"1{mark}2") == "12", ascii(mark)
        assert line(line(f"a{mark}b")) == line(f"a{mark}b") == "a b", ascii(mark)


@pytest.mark.parametrize(
    "mark", [one for one in UNSEEN if one.isascii() is False and not "\ud800" <= one <= "\udfff"], ids=ascii
)
def test_a_name_in_station_toml_is_refused_with_it(tmp_path: Any, mark: str) -> None:
    path = tmp_path / "station.toml"
    path.write_text(f'[station]\nname = "惠济{mark}市场"\nlanguage = "en"\n', "utf-8")
    with pytest.raises(BadConfig, match="cannot be seen"):
        load(path)


def test_a_text_that_is_long_is_no_shorter_for_it() -> None:
    with pytest.raises(ValueError, match="120"):
        Goods(product="01040201", name="白" * 121)
