"""The city's list of tokens on both engines: one box a token, however many ask at once."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edge.records import csr
from protocol.city import enrolment
from protocol.city.enrolment import Token
from protocol.ed25519 import new_key
from simulator.city.engines import Where
from simulator.city.enrolling import enrol, give_out, given
from simulator.city.keys import city_key
from simulator.city.reader import Reader
from simulator.cli.main import main
from simulator.postgres import Postgres

SEAT = "410108001-05"
WAY: dict[str, Any] = {"region": "410108", "host": "sy.example.cn", "brokers": ["mqtts://b.example.cn:8883"]}


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Where]:
    if request.param == "sqlite":
        yield tmp_path / "city.db"
        return
    with Postgres(["fsync = off"]) as server:
        yield server.url


def request_of(folder: Path, token: Token, number: int) -> bytes:
    csr.request(folder / f"{number}.key", folder / f"{number}.csr", "x")
    fields = {"name": "x", "serial": "", "jobs": ["stall"], "station": "", "software": "x", "nonce": f"{number:032x}"}
    return enrolment.ask(token, new_key(), {**fields, "csr": (folder / f"{number}.csr").read_text("ascii")})


def test_of_many_that_ask_with_one_token_one_is_taken(where: Where, tmp_path: Path) -> None:
    key, token = city_key(tmp_path / "city.key"), give_out(where, SEAT, **WAY)
    asked = [request_of(tmp_path, token, number) for number in range(4)]
    said: list[tuple[int, bytes]] = []
    threads = [threading.Thread(target=lambda one=one: said.append(enrol(where, key, tmp_path, one))) for one in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for status, _ in said) == [200, 409, 409, 409]
    (row,) = given(where)
    with Reader(where) as reader:
        assert reader.keys()[SEAT]["public_key"] == row.public_key
    answer = next(json.loads(body) for status, body in said if status == 200)
    assert answer["node_keys"] == [{"station": SEAT, "public_key": row.public_key}]
    assert [one["name"] for one in answer["commands"]] == ["keys"]
    taken = next(one for one in asked if enrol(where, key, tmp_path, one)[0] == 200)
    assert enrolment.read_answer(enrol(where, key, tmp_path, taken)[1], token, taken).station == SEAT


@pytest.mark.parametrize(("changed", "word"), [("x", "bad_csr"), ("-----BEGIN CERTIFICATE REQUEST-----", "bad_csr")])
def test_a_csr_that_cannot_be_used_takes_no_token(tmp_path: Path, changed: str, word: str) -> None:
    where, token = tmp_path / "city.db", Token(b"")
    token = give_out(where, SEAT, **WAY)
    fields = {"name": "x", "serial": "", "jobs": [], "station": "", "software": "x", "nonce": "0" * 32, "csr": changed}
    status, body = enrol(where, city_key(tmp_path / "city.key"), tmp_path, enrolment.ask(token, new_key(), fields))
    assert (status, json.loads(body)["refused"]) == (422, word)
    assert given(where)[0].public_key == ""


def test_the_command_line_gives_out_and_lists(tmp_path: Path) -> None:
    def said(*words: str) -> str:
        done = CliRunner().invoke(main, ["city", "--db", str(tmp_path / "city.db"), "enrol", *words])
        assert done.exit_code == 0, done.output
        return done.output

    token = Token.parse(said("new", SEAT).strip())
    assert said("list").startswith(f"token={token.id} station={SEAT} until=")
    assert "open" in said("list")
    assert CliRunner().invoke(main, ["city", "enrol", "new", "1-2"]).exit_code == 2
