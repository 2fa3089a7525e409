"""`marketedge enrol` with a city that answers: all is written or nothing, whoever sends, alters or repeats what."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography import x509

from edge.cli.main import main
from edge.config.sections import load
from edge.records.identity import load_city_keys, load_node_keys
from protocol.city import enrolment
from protocol.city.enrolment import Token
from simulator.city.enrolling import CA, enrol, give_out, given
from simulator.city.keys import city_key
from simulator.city.store import Store

SEAT = "410108001-05"
MTLS = ("mqtts://b.example.cn:8883",)


class City:
    """The demo's city: its database and what it answers, without its processes."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self.db = folder, folder / "city.db"
        self.key = city_key(folder / "city.key")

    def token(self, **more: Any) -> Token:
        options: dict[str, Any] = {"region": "410108", "host": "sy.example.cn", "brokers": MTLS} | more
        return give_out(self.db, options.pop("station", SEAT), **options)

    def answers(self, request: bytes) -> tuple[int, bytes]:
        return enrol(self.db, self.key, self.folder, request)

    def stick(self, file: Path) -> None:
        file.write_bytes(self.answers(file.read_bytes())[1] + b"\n")


class Box:
    """A folder that `marketedge init` made."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.config, self.stick = folder, folder / "station.toml", folder.with_suffix(".enrol")
        self.said("init", folder, "--job", "stall")

    def said(self, *words: object, code: int = 0) -> str:
        done = CliRunner().invoke(main, [*map(str, words)])
        assert done.exit_code == code, done.output
        return done.output

    def enrol(self, token: Token | str, target: object = "", code: int = 0) -> str:
        typed = token if isinstance(token, str) else token.text
        return self.said("enrol", target or self.stick, "-c", self.config, "--token", typed, code=code)

    def files(self) -> dict[str, bytes]:
        """All but what a request makes."""
        made = {"enrol.request", "client.key", "client.csr"}
        return {one.name: one.read_bytes() for one in self.folder.iterdir() if one.is_file() and one.name not in made}


@pytest.fixture
def city(tmp_path: Path) -> City:
    return City(tmp_path / "city")


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path / "box")


def test_a_stick_goes_there_and_back(box: Box, city: City, tmp_path: Path) -> None:
    before, token = box.files(), city.token(ca=x509_of(city))
    said = box.enrol(token)
    assert box.files() == before
    key = load(box.config).station.key
    assert b"PRIVATE" not in box.stick.read_bytes()
    assert box.enrol(token, code=1).startswith("Error: ")  # nobody has answered yet
    city.stick(box.stick)
    taken = box.enrol(token)

    config = load(box.config)
    assert (config.station.node, config.station.terminal, config.station.region) == ("410108001", "05", "410108")
    assert config.city.brokers == MTLS
    assert config.city.cert_file == box.folder / "client.crt"
    assert config.city.key_file == box.folder / "client.key"
    assert config.city.ca_file == box.folder / "city-ca.pem"
    public = json.loads(box.stick.read_bytes())["city_keys"][0]
    assert load_city_keys(config.city.keys_file).hex() == (public,)
    assert load_node_keys(config.market.keys_file).station(SEAT)
    own, authority = x509.load_pem_x509_certificates((box.folder / "client.crt").read_bytes())
    own.verify_directly_issued_by(authority)
    assert own.subject.rfc4514_string() == f"CN={SEAT}"
    for file in box.folder.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file
    row = next(one for one in given(city.db) if one.station == SEAT)
    assert enrolment.spoken(row.public_key) in said
    assert enrolment.spoken(row.public_key) in taken
    assert enrolment.spoken(public) in taken
    assert key.exists()

    after = box.files()
    assert box.enrol(token) == taken  # once more: the same
    assert box.files() == after
    again = tmp_path / "again"
    again.write_bytes((box.folder / "enrol.request").read_bytes())
    city.stick(again)
    assert again.read_bytes() == box.stick.read_bytes()


def x509_of(city: City) -> str:
    """The city's own authority, as that of its brokers."""
    enrolling_token = city.token(station="410108001-99")
    other = Box(city.folder / "other")
    other.enrol(enrolling_token)
    city.stick(other.stick)
    return (city.folder / CA).read_text("ascii")


def test_a_plain_broker_is_shown_no_certificate(box: Box, city: City) -> None:
    token = city.token(brokers=("mqtt://10.0.0.1:1883",))
    box.enrol(token)
    city.stick(box.stick)
    box.enrol(token)
    config = load(box.config)
    assert config.city.brokers == ("mqtt://10.0.0.1:1883",)
    assert config.city.cert_file is None


# --- refused ----------------------------------------------------------------------------------------------------------


def refused(box: Box, city: City, token: Token, word: enrolment.Word, **changed: Any) -> None:
    """The answer is taken from the stick and refused by this word; the box is as it was."""
    box.enrol(token)
    before = box.files()
    city.stick(box.stick)
    if changed:
        box.stick.write_bytes(enrolment.rfc8785.dumps({**json.loads(box.stick.read_bytes()), **changed}))
    assert enrolment.MEANINGS[word][0] in box.enrol(token, code=1)
    assert box.files() == before
    assert not list(box.folder.glob("*.new"))


def test_an_unknown_token(box: Box, city: City) -> None:
    city.token()
    refused(box, city, Token(b"?" * 16), "unknown_token")


def test_a_token_that_has_expired(box: Box, city: City) -> None:
    refused(box, city, city.token(days=0), "expired")


def test_a_token_that_another_box_used(box: Box, city: City, tmp_path: Path) -> None:
    token, first = city.token(), Box(tmp_path / "first")
    first.enrol(token)
    city.stick(first.stick)
    first.enrol(token)
    refused(box, city, token, "used")


def test_a_seat_that_has_another_key(box: Box, city: City) -> None:
    store = Store(city.db)
    with store.batch():
        store.trust(SEAT, "ab" * 32, "registered")
    store.close()
    refused(box, city, city.token(), "other_key")


def test_an_answer_that_somebody_altered(box: Box, city: City) -> None:
    refused(box, city, city.token(), "forged", brokers=["mqtts://evil.example"])


def test_a_mistyped_token_sends_nothing(box: Box, city: City) -> None:
    typed = city.token().text
    wrong = typed[:-3] + ("0" if typed[-3] != "0" else "1") + typed[-2:]
    assert "Error" in box.enrol(wrong, code=1)
    assert not box.stick.exists()


def test_an_answer_that_makes_no_configuration(box: Box, city: City) -> None:
    refused(box, city, city.token(brokers=("mqtts://a.example", "mqtt://b.example")), "malformed")


def test_an_answer_without_the_request_it_is_to(box: Box, city: City) -> None:
    token = city.token()
    box.enrol(token)
    city.stick(box.stick)
    (box.folder / "enrol.request").unlink()
    assert enrolment.MEANINGS["other_request"][0] in box.enrol(token, code=1)


def test_a_forged_request_takes_no_token(box: Box, city: City) -> None:
    token = city.token()
    box.enrol(token)
    body = json.loads(box.stick.read_bytes())
    status, said = city.answers(enrolment.rfc8785.dumps({**body, "name": "x"}))
    assert (status, json.loads(said)["refused"]) == (422, "bad_signature")
    (row,) = given(city.db)
    assert row.public_key == ""
    city.stick(box.stick)
    box.enrol(token)


def record(box: Box) -> None:
    """The ledger begins: somebody has a name."""
    words = [*("operators", "add", "1", "王敏", "--role", "supervisor", "-c"), str(box.config)]
    done = CliRunner().invoke(main, words, input="482917\n482917\n")
    assert done.exit_code == 0, done.output


def test_a_ledger_keeps_its_station(box: Box, city: City) -> None:
    token = city.token()
    box.enrol(token)
    city.stick(box.stick)
    record(box)  # between asking and taking
    before = box.config.read_bytes()
    assert enrolment.MEANINGS["other_station"][0] in box.enrol(token, code=1)
    assert box.config.read_bytes() == before


def test_the_city_hears_whose_ledger_a_box_has_before_its_token_is_used(box: Box, city: City) -> None:
    record(box)
    token = city.token()
    refused(box, city, token, "other_station")
    assert given(city.db)[0].public_key == ""
    own = city.token(station="410108001-01")
    box.stick.unlink()
    box.enrol(own)
    city.stick(box.stick)
    box.enrol(own)
    assert load(box.config).city.brokers == MTLS


# --- cut off ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", ["city.keys", "client.crt", "station.toml"])
def test_cut_off_it_has_its_old_settings_and_goes_on(
    box: Box, city: City, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    token = city.token()
    box.enrol(token)
    city.stick(box.stick)
    before = box.config.read_bytes()
    rename = Path.rename

    def cut(self: Path, target: Path) -> Path:
        if Path(target).name == at:
            raise OSError(5, "cut off", str(target))
        return rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", cut)
        assert "cut off" in box.enrol(token, code=1)
    assert box.config.read_bytes() == before
    load(box.config)
    box.enrol(token)
    assert load(box.config).station.terminal == "05"


# --- over the network -------------------------------------------------------------------------------------------------


@pytest.fixture
def served(city: City) -> Iterator[Callable[[str], str]]:
    """The city's address; below /away it sends elsewhere, below /lost it takes the request and its answer is lost."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, body = city.answers(self.rfile.read(int(self.headers["content-length"])))
            if self.path == "/lost":
                self.close_connection = True
                return
            self.send_response(302 if self.path == "/away" else status)
            self.send_header("Location", "/enrol")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield lambda path: f"http://127.0.0.1:{server.server_port}{path}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_over_the_network_a_lost_answer_comes_again(box: Box, city: City, served: Callable[[str], str]) -> None:
    token, before = city.token(), box.files()
    assert "Error" in box.enrol(token, served("/lost"), code=1)
    assert box.files() == before
    assert given(city.db)[0].public_key  # the city has taken it
    assert "302" in box.enrol(token, served("/away"), code=1)
    assert box.files() == before
    box.enrol(token, served("/enrol"))
    assert load(box.config).station.terminal == "05"


@pytest.mark.parametrize("url", ["http://10.0.0.1/enrol", "ftp://127.0.0.1/x", "http://city.example.cn/enrol"])
def test_the_way_is_encrypted(box: Box, city: City, url: str) -> None:
    assert "https" in box.enrol(city.token(), url, code=1)


def test_a_refusal_over_the_network_is_told_in_words(box: Box, city: City, served: Callable[[str], str]) -> None:
    assert enrolment.MEANINGS["expired"][0] in box.enrol(city.token(days=0), served("/enrol"), code=1)
