"""Pages over TLS, with real clients: who is let in, who is told what, and a newer certificate without a restart."""

import base64
import hashlib
import http.client
import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, expect

from edge.between.board import CertificateView
from edge.between.inbox import CertificateSeen
from edge.between.needs import Finding, Need, findings
from edge.records import certificates
from edge.records.certificates import AUTHORITY, SHOWN, BadCertificate, Served, make_authority, read
from edge.records.tls import Tls
from edge.web import addresses, door, serving
from edge.web.server import WebServer

BOX, NEIGHBOUR = "127.0.0.1", "127.0.0.2"
NAMES = ["localhost", "127.0.0.1", "stall-7.local"]
TODAY = date(2026, 11, 22)


class Day:
    """The date, and whether it can be believed."""

    def __init__(self) -> None:
        self.today, self.trusted = TODAY, True

    def __call__(self) -> tuple[date, bool]:
        return self.today, self.trusted


@pytest.fixture
def day() -> Day:
    return Day()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_authority(tmp_path / "tls", "惠济市场", NAMES)
    return tmp_path / "tls"


@pytest.fixture
def tls(folder: Path, core: Any, day: Day) -> Tls:
    return Tls(Served.own(folder, lambda: NAMES), day, lambda view: core.inbox.put(CertificateSeen(view)))


@pytest.fixture
def web(serve: Callable[..., WebServer], tls: Tls) -> WebServer:
    return serve(tls=tls)


@pytest.fixture
def trust(folder: Path) -> ssl.SSLContext:
    """A client that trusts the market's authority, at any date: what is tested is not the date of this machine."""
    context = ssl.create_default_context(cafile=str(folder / SHOWN))
    context.verify_flags |= 0x200000  # X509_V_FLAG_NO_CHECK_TIME
    return context


@pytest.fixture
def client(web: WebServer, trust: ssl.SSLContext) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=web.url, verify=trust, timeout=10) as client:
        yield client


@pytest.fixture
def knock(web: WebServer) -> Iterator[Callable[..., socket.socket]]:
    """Connects without a word of TLS; all is closed at the end."""
    with ExitStack() as stack:

        def connect(source: str = BOX, timeout: float = 10.0) -> socket.socket:
            host, port = web.address.split(":")
            return stack.enter_context(socket.create_connection((host, int(port)), timeout, (source, 0)))

        yield connect


def heard(one: socket.socket) -> bytes:
    said = b""
    with suppress(ConnectionResetError):
        while piece := one.recv(65536):
            said += piece
    return said


def fingerprint_at(web: WebServer) -> str:
    """Of the certificate that a new connection gets."""
    host, port = web.address.split(":")
    pem = ssl.get_server_certificate((host, int(port)))
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def test_who_trusts_the_market_gets_pages_and_orders_over_tls(web: WebServer, client: httpx.Client, core: Any) -> None:
    assert web.url.startswith("https://")
    assert client.get("/api/board").json()["board"]["station"] == "东区 12 号"
    assert client.get("/stall").status_code == 200
    own = {"Origin": web.url}
    price = {"product": "01040201", "price_fen": 375}
    assert client.post("/api/prices", json=price, headers=own).status_code == 200
    plain = {"Origin": web.url.replace("https", "http")}
    assert client.post("/api/prices", json=price, headers=plain).json()["code"] == "foreign_origin"


def test_who_does_not_trust_it_does_not_come_in(web: WebServer) -> None:
    with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
        httpx.get(web.url + "/health")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_of_today_is_spoken(web: WebServer, trust: ssl.SSLContext, version: ssl.TLSVersion) -> None:
    trust.minimum_version = trust.maximum_version = version
    assert httpx.get(web.url + "/health", verify=trust).json()["token"] == ""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tls_of_yesterday_is_not(web: WebServer, trust: ssl.SSLContext, tls: Tls, until: Callable[..., None]) -> None:
    trust.set_ciphers("DEFAULT@SECLEVEL=0")
    trust.minimum_version, trust.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises(httpx.ConnectError):
        httpx.get(web.url + "/health", verify=trust)
    until(lambda: tls.failed)


def test_handshakes_that_fail_are_counted_and_no_line_each(
    web: WebServer,
    client: httpx.Client,
    knock: Callable[..., socket.socket],
    caplog: pytest.LogCaptureFixture,
    until: Callable[..., None],
) -> None:
    with caplog.at_level(logging.INFO):
        for begun in (b"\x16\x03\x01\x00\x05noise", b"\x16\x03\x01\x02\x00\x01\x00"):
            one = knock()
            one.sendall(begun)
            one.shutdown(socket.SHUT_WR)
            heard(one)
        until(lambda: "marketedge_tls_handshakes_failed_total 2.0" in client.get("/metrics").text)
    assert [record for record in caplog.records if not record.name.startswith("httpx")] == []


def test_a_handshake_that_stands_still_keeps_nobody_waiting(
    web: WebServer,
    client: httpx.Client,
    tls: Tls,
    knock: Callable[..., socket.socket],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow = knock()
    slow.sendall(b"\x16\x03\x01\x02\x00")
    assert client.get("/health").status_code in (200, 503)
    assert tls.failed == 0
    monkeypatch.setattr(serving, "HEAD_SECONDS", 0.2)
    for begun in (b"", b"\x16", b"GET / HT"):
        late = knock()
        late.sendall(begun)
        assert heard(late) == b""


def test_one_who_shakes_hands_and_then_says_nothing_is_let_go(
    web: WebServer, trust: ssl.SSLContext, knock: Callable[..., socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "HEAD_SECONDS", 0.5)
    one = trust.wrap_socket(knock(), server_hostname="localhost")
    one.sendall(b"GET / HT")
    assert b"too_slow" in heard(one)


def test_one_who_reads_nothing_is_cut(
    core: Any, web: WebServer, trust: ssl.SSLContext, knock: Callable[..., socket.socket], until: Callable[..., None]
) -> None:
    serving_ = web._serving
    assert serving_ is not None
    one = trust.wrap_socket(knock(), server_hostname="localhost")
    one.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert one.recv(15).startswith(b"HTTP/1.1 ")
    (there,) = serving_.server_state.connections
    assert there.transport.get_write_buffer_limits()[1] == serving.HIGH_WATER


def test_the_places_at_the_door_are_counted_from_the_first_moment(
    web: WebServer,
    trust: ssl.SSLContext,
    knock: Callable[..., socket.socket],
    monkeypatch: pytest.MonkeyPatch,
    until: Callable[..., None],
) -> None:
    monkeypatch.setattr(addresses, "is_loopback", lambda name: name in (BOX, "localhost"))
    places = web._serving._door.connections  # type: ignore[union-attr]
    silent = [knock(NEIGHBOUR) for _ in range(door.PEER)]
    until(lambda: places._taken[NEIGHBOUR] == door.PEER)
    silent.append(knock(NEIGHBOUR))  # who has rested longest gives way
    assert heard(silent[0]) == b""
    until(lambda: places._taken[NEIGHBOUR] == door.PEER)
    with trust.wrap_socket(knock(BOX), server_hostname="localhost") as own:
        own.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert heard(own).startswith(b"HTTP/1.1 ")
    for one in silent:
        one.close()
    until(lambda: not places._taken[NEIGHBOUR])
    encrypted = trust.wrap_socket(knock(NEIGHBOUR), server_hostname="localhost")
    encrypted.sendall(b"GET /api/board HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert encrypted.recv(65536).startswith(b"HTTP/1.1 200")
    assert places._taken[NEIGHBOUR] == 1
    until(lambda: list(places._resting.values()) == [NEIGHBOUR])
    encrypted.close()
    until(lambda: not places._taken and not places._resting)


# --- plain words on the encrypted port --------------------------------------------------------------------------------


def plainly(knock: Callable[..., socket.socket], asked: bytes) -> tuple[int, dict[str, str], bytes]:
    one = knock()
    one.sendall(asked)
    head, _, body = heard(one).partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return int(status.split()[1]), dict(line.lower().split(": ", 1) for line in lines), body


def test_plain_http_is_sent_to_https(knock: Callable[..., socket.socket]) -> None:
    status, head, _ = plainly(knock, b"GET /stall?x=1 HTTP/1.1\r\nHost: stall-7.local:8443\r\nA: b\r\n\r\n")
    assert (status, head["location"]) == (307, "https://stall-7.local:8443/stall?x=1")
    assert head["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "asked",
    [
        b"POST /api/prices HTTP/1.1\r\nHost: stall-7.local\r\nContent-Length: 2\r\n\r\n{}",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: evil\r\n bad/..\r\n\r\nx" + b"y" * 9000,
        b"SSH-2.0-OpenSSH\r\n\r\n",
    ],
)
def test_other_plain_words_are_told_what_the_port_speaks(knock: Callable[..., socket.socket], asked: bytes) -> None:
    status, head, body = plainly(knock, asked)
    if status == 307:
        assert "\n" not in head["location"]
        assert head["location"] == "https://evil/"
    else:
        assert status == 400
        assert b'"needs_tls"' in body


def test_noise_is_let_go_without_a_word(knock: Callable[..., socket.socket]) -> None:
    one = knock()
    one.sendall(b"\x00\x01\x02")
    assert heard(one) == b""


def test_a_phone_gets_the_authority_and_can_compare_it(
    knock: Callable[..., socket.socket], client: httpx.Client, folder: Path
) -> None:
    shown = (folder / SHOWN).read_bytes()
    status, head, body = plainly(knock, b"GET /ca.crt HTTP/1.1\r\nHost: stall-7.local\r\n\r\n")
    assert (status, head["content-type"], body) == (200, "application/x-x509-ca-cert", shown)
    assert plainly(knock, b"HEAD /ca.crt HTTP/1.1\r\nHost: x\r\n\r\n")[2] == b""
    answer = client.get("/ca.crt")
    assert (answer.headers["content-type"], answer.content) == ("application/x-x509-ca-cert", shown)
    (folder / SHOWN).unlink()
    assert plainly(knock, b"GET /ca.crt HTTP/1.1\r\nHost: stall-7.local\r\n\r\n")[0] == 307


def test_without_tls_there_is_no_authority_to_give(serve: Callable[..., WebServer]) -> None:
    assert httpx.get(serve().url + "/ca.crt").status_code == 404


def test_the_pages_end_while_a_handshake_stands(
    web: WebServer, knock: Callable[..., socket.socket], until: Callable[..., None]
) -> None:
    one, other = knock(), knock()
    one.sendall(b"\x16\x03\x01\x02\x00")
    until(lambda: len(web._serving.server_state.connections) == 2)  # type: ignore[union-attr]
    web.stop()
    assert not web.thread.is_alive()
    assert heard(one) == heard(other) == b""


# --- a newer certificate ----------------------------------------------------------------------------------------------


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "LOOK_SECONDS", 0.01)


def test_it_is_renewed_in_time_and_new_connections_get_it_at_once(
    often: None, web: WebServer, trust: ssl.SSLContext, core: Any, day: Day, until: Callable[..., None]
) -> None:
    before = fingerprint_at(web)
    host, port = web.address.split(":")
    old = http.client.HTTPSConnection(host, int(port), context=trust)
    old.request("GET", "/api/board")
    assert old.getresponse().read()
    day.today = date(2027, 9, 1)
    until(lambda: fingerprint_at(web) != before)
    until(lambda: core.board.certificate is not None and core.board.certificate.ends.startswith("2028-"))
    assert core.board.certificate.state == ""
    old.request("GET", "/api/board")  # the connection that stood goes on
    assert old.getresponse().status == 200
    old.close()
    assert httpx.get(web.url + "/health", verify=trust).status_code in (200, 503)


@pytest.mark.parametrize("wrong", [date(1970, 1, 1), date(2020, 1, 1), date(2031, 1, 1)])
def test_a_clock_that_is_not_believed_renews_nothing(tls: Tls, day: Day, folder: Path, wrong: date) -> None:
    before = (folder / "server.pem").read_bytes()
    day.today, day.trusted = wrong, False
    assert tls.due()
    assert not tls.look()
    assert not tls.due()
    assert (folder / "server.pem").read_bytes() == before


def test_nothing_is_due_while_nothing_changes(tls: Tls, day: Day) -> None:
    assert not tls.due()
    day.today = date(2026, 11, 23)
    assert tls.due()
    assert not tls.look()
    assert not tls.due()


def test_one_that_was_renewed_by_hand_is_taken(
    often: None, web: WebServer, folder: Path, until: Callable[..., None]
) -> None:
    before = fingerprint_at(web)
    Served.own(folder, lambda: NAMES).renew(TODAY)
    until(lambda: fingerprint_at(web) != before)
    assert fingerprint_at(web) == read(folder / "server.pem").fingerprint


def test_the_citys_files_are_taken_when_they_are_whole(
    often: None,
    serve: Callable[..., WebServer],
    core: Any,
    folder: Path,
    tmp_path: Path,
    day: Day,
    until: Callable[..., None],
) -> None:
    authority = certificates.load_authority(folder / AUTHORITY)
    end = b"-----END PRIVATE KEY-----\n"
    cert_file, key_file = tmp_path / "city.crt", tmp_path / "city.key"

    def comes(today: date) -> tuple[bytes, bytes]:
        key, chain = certificates.issue(authority, NAMES, today).split(end)
        return key + end, chain

    key, chain = comes(TODAY)
    key_file.write_bytes(key)
    cert_file.write_bytes(chain)
    files = Served(cert_file, key_file, None)
    web = serve(tls=Tls(files, day, lambda view: core.inbox.put(CertificateSeen(view))))
    assert httpx.get(web.url + "/ca.crt", verify=False).status_code == 404
    first = fingerprint_at(web)
    key, chain = comes(date(2027, 1, 1))
    cert_file.write_bytes(chain)  # the key is still to come
    until(lambda: core.board.certificate and core.board.certificate.state == "failed")
    assert "city.crt" in core.board.certificate.why
    assert fingerprint_at(web) == first
    key_file.write_bytes(key)
    until(lambda: fingerprint_at(web) == read(cert_file).fingerprint != first)
    until(lambda: core.board.certificate.state == "")


def test_without_a_certificate_no_page_is_served(tmp_path: Path, day: Day) -> None:
    with pytest.raises(BadCertificate, match="tls make"):
        Tls(Served.own(tmp_path / "none", lambda: NAMES), day)


def test_an_authority_that_is_lost_ends_nothing_and_is_told(tls: Tls, day: Day, folder: Path, core: Any) -> None:
    (folder / AUTHORITY).unlink()
    day.today = date(2027, 9, 1)
    assert not tls.look()
    assert tls._told is not None
    assert (tls._told.state, "ca.pem" in tls._told.why) == ("failed", True)


def test_a_file_that_breaks_between_look_and_take_changes_nothing(tls: Tls, folder: Path) -> None:
    (folder / "server.pem").write_bytes(b"half")
    tls.take()
    assert tls._told is not None
    assert tls._told.state == "failed"


def test_what_fails_in_looking_is_logged_and_looked_at_again(
    often: None,
    serve: Callable[..., WebServer],
    tls: Tls,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    until: Callable[..., None],
) -> None:
    def fails() -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(tls, "due", fails)
    serve(tls=tls)
    until(lambda: len([one for one in caplog.records if "certificate: ZeroDivisionError" in one.getMessage()]) >= 2)


# --- what people are told ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("today", "trusted", "why", "state"),
    [
        (date(2026, 12, 1), True, "", ""),
        (date(2027, 11, 20), True, "", ""),
        (date(2027, 11, 25), True, "", "soon"),
        (date(2027, 12, 22), True, "", "soon"),
        (date(2027, 12, 23), True, "", "expired"),
        (date(2027, 12, 23), True, "no authority", "expired"),
        (date(2027, 12, 23), False, "", ""),
        (date(2026, 12, 1), True, "no authority", "failed"),
    ],
)
def test_what_needs_a_hand(core: Any, tls: Tls, folder: Path, today: date, trusted: bool, why: str, state: str) -> None:
    from edge.records.tls import view_of

    view = view_of(read(folder / "server.pem"), today, trusted, why)
    assert (view.state, view.why) == (state, why)
    core.turn(CertificateSeen(view))
    told = Finding(Need.LOOK, "certificate") in findings(core.board, True)
    assert told is bool(state)


def test_status_and_metrics_tell_when_it_ends(core: Any, client: httpx.Client, until: Callable[..., None]) -> None:
    until(lambda: core.board.certificate)
    assert 'marketedge_certificate_expires{of="pages"} 1.82' in client.get("/metrics").text
    page = client.get("/status").text
    assert "页面加密" in page
    assert "2027-12-22" in page
    core.turn(CertificateSeen(CertificateView(("a.local",), "CA", "2027-12-22T00:00:00+00:00", "failed", "no ca.pem")))
    page = client.get("/status").text
    assert "页面没有新证书" in page
    assert "no ca.pem" in page


@pytest.mark.browser
def test_a_browser_that_trusts_the_authority_works_on_the_page(browser: Browser, web: WebServer, folder: Path) -> None:
    key = x509.load_pem_x509_certificate((folder / SHOWN).read_bytes()).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pin = base64.b64encode(hashlib.sha256(spki).digest()).decode()
    trusting = browser.browser_type.launch(
        executable_path="/usr/bin/chromium-headless-shell",
        args=["--no-sandbox", "--disable-gpu", f"--ignore-certificate-errors-spki-list={pin}"],
    )
    try:
        page = trusting.new_page(base_url=web.url)
        page.goto("/status")
        expect(page.get_by_text("页面加密")).to_be_visible()
        assert page.evaluate("isSecureContext")
        page.goto(web.url.replace("https:", "http:") + "/stall")
        assert page.url == web.url + "/stall"
    finally:
        trusting.close()
