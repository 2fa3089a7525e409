"""`marketedge init --tls`, `marketedge tls`, and commands that ask a station whose pages are encrypted."""

import json
import logging
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import URLError

import httpx
import pytest
from click.testing import CliRunner

from edge.between.board import Board, CertificateView, Showing
from edge.between.inbox import Inbox
from edge.cli import asking, check
from edge.cli.main import main
from edge.config import TEMPLATE
from edge.config.certificate import served_of
from edge.config.sections import BadConfig, load
from edge.records.certificates import AUTHORITY, issue, load_authority, read
from edge.records.lock import Lock
from edge.records.tls import Tls
from edge.web.server import WebServer
from protocol.city.token import CHINA
from simulator.obstacles import free_port


def invoked(*words: object) -> Any:
    done = CliRunner().invoke(main, [str(word) for word in words])
    logging.disable(logging.NOTSET)
    return done


@pytest.fixture
def stall(tmp_path: Path) -> Path:
    assert invoked("init", tmp_path / "stall", "--job", "stall", "--tls", "--city-key", "ab" * 32).exit_code == 0
    return tmp_path / "stall"


def test_init_makes_an_authority_and_a_certificate_and_says_what_phones_compare(tmp_path: Path) -> None:
    done = invoked("init", tmp_path / "stall", "--job", "stall", "--tls")
    assert done.exit_code == 0
    assert "ca.crt: for phones and computers" in done.output
    assert sum(":" in word and len(word) == 95 for word in done.output.split()) == 1
    config = load(tmp_path / "stall" / "station.toml")
    assert config.web.tls == "own"
    assert "localhost" in read(served_of(config).certificate).names
    assert "PRIVATE" not in done.output


def test_a_second_box_takes_the_authority_of_the_first(tmp_path: Path, stall: Path) -> None:
    ca = stall / "tls" / "ca.pem"
    done = invoked("init", tmp_path / "second", "--job", "gate", "--tls", "--ca", ca)
    assert done.exit_code == 0
    assert (tmp_path / "second" / "tls" / "ca.crt").read_bytes() == (stall / "tls" / "ca.crt").read_bytes()
    assert invoked("init", tmp_path / "third", "--job", "gate", "--ca", ca).exit_code == 2


def test_make_is_for_a_station_that_is_there_and_overwrites_nothing(tmp_path: Path, stall: Path) -> None:
    invoked("init", tmp_path / "old", "--job", "stall")
    config = tmp_path / "old" / "station.toml"
    assert load(config).web.tls == "off"
    assert "not encrypted" in invoked("tls", "show", "-c", config).output
    done = invoked("tls", "make", "-c", config, "--ca", stall / "tls" / "ca.pem")
    assert done.exit_code == 0
    assert 'write tls = "own" under [web]' in done.output
    again = invoked("tls", "make", "-c", config)
    assert again.exit_code == 1
    assert "is there already; nothing was changed" in again.output


def test_show_and_renew(stall: Path) -> None:
    config = stall / "station.toml"
    shown = invoked("tls", "show", "-c", config)
    assert shown.exit_code == 0
    assert "395 days left" in shown.output
    assert "/ca.crt" in shown.output
    before = read(stall / "tls" / "server.pem")
    renewed = invoked("tls", "renew", "-c", config)
    assert renewed.exit_code == 0
    assert read(stall / "tls" / "server.pem").fingerprint != before.fingerprint
    (stall / "tls" / "ca.pem").unlink()
    assert "ca.pem" in invoked("tls", "renew", "-c", config).output


def test_show_says_which_names_the_authority_may_not_name(stall: Path) -> None:
    config = stall / "station.toml"
    config.write_text(config.read_text().replace('# allow = ["stall.local"]', 'allow = ["www.market.cn"]'))
    assert "not named, since this authority may not: www.market.cn" in invoked("tls", "show", "-c", config).output


def test_the_citys_certificate_is_shown_and_not_renewed(stall: Path) -> None:
    config = stall / "station.toml"
    text = config.read_text().replace('tls = "own"', 'tls = "files"\ncert_file = "c.pem"\nkey_file = "c.pem"\n')
    config.write_text(text)
    (stall / "c.pem").write_bytes((stall / "tls" / "server.pem").read_bytes())
    shown = invoked("tls", "show", "-c", config)
    assert "days left" in shown.output
    assert "authority" not in shown.output
    assert invoked("tls", "renew", "-c", config).exit_code == 1


# --- what may stand in station.toml -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("web", "why"),
    [
        ('listen = "0.0.0.0:8443"', "tls"),
        ('listen = "[::]:8443"\ntls = "off"', "tls"),
        ('listen = "192.168.1.7:8443"\ninsecure = false', "tls"),
        ('tls = "files"\nkey_file = "k"', "cert_file"),
        ('tls = "files"\ncert_file = "c"', "key_file"),
        ('tls = "yes"', "tls"),
    ],
)
def test_pages_for_the_network_are_encrypted_or_it_is_written_that_they_are_not(
    tmp_path: Path, web: str, why: str
) -> None:
    file = tmp_path / "station.toml"
    text = TEMPLATE.read_text("utf-8").replace("$name", "x").replace("$jobs", '["stall"]')
    file.write_text(text.replace('listen = "127.0.0.1:8080"', web + " "), "utf-8")
    with pytest.raises(BadConfig, match=why):
        load(file)
    for good in ('tls = "own"', "insecure = true"):
        file.write_text(text.replace('"127.0.0.1:8080"', f'"0.0.0.0:8443"\n{good}\n'), "utf-8")
        assert load(file).web.listen == "0.0.0.0:8443"


# --- asking a station that runs ---------------------------------------------------------------------------------------


@pytest.fixture
def checks(stall: Path) -> Iterator[Callable[..., dict[str, str]]]:
    """The lines of ``check`` beside a station whose pages are encrypted."""
    config = stall / "station.toml"
    config.write_text(config.read_text("utf-8").replace("请填写经营者名称", "李秀兰蔬菜"), "utf-8")
    (stall / "data").mkdir(0o700)
    showing = Showing(Board(clock_state="synced", disk_free=10**9, disk_total=10**9))
    served = served_of(load(config))
    one = read(served.certificate)
    showing.post(certificate=CertificateView(one.names, one.issuer, one.ends.isoformat()))
    day = one.begins.date()
    held = Lock(stall / "data")
    web = WebServer("127.0.0.1:0", showing, Inbox(), tls=Tls(served, lambda: (day, True)))
    web.start()
    assert web.ready.wait(30)
    held.note(web.url)

    def asked(**changes: Any) -> dict[str, str]:
        showing.post(**changes)
        lines = invoked("check", "-c", config).output.splitlines()
        return {line[5:].partition(": ")[0]: line for line in lines}

    yield asked
    web.stop()
    held.close()


def test_check_asks_over_tls_and_tells_of_the_certificate(checks: Callable[..., dict[str, str]]) -> None:
    lines = checks()
    assert "正在运行" in lines["station"]
    assert lines["certificate"].startswith("ok   certificate: 证书由 marketedge CA")
    view = CertificateView(("a",), "CA", "2027-01-01T00:00:00+00:00", "soon", "")
    assert checks(certificate=view)["certificate"].startswith("warn certificate: 页面的证书即将到期")
    view = CertificateView(("a",), "CA", "2027-01-01T00:00:00+00:00", "expired", "no ca.pem")
    assert checks(certificate=view)["certificate"].startswith("FAIL certificate: 页面的证书已到期")


def test_who_has_another_certificate_is_not_believed(checks: Callable[..., dict[str, str]], stall: Path) -> None:
    config = load(stall / "station.toml")
    url = checks()["web"].split()[2]
    assert json.load(asking.opener(config).open(f"{url}api/board", timeout=10))["alive"] in (True, False)
    invoked("tls", "renew", "-c", stall / "station.toml")
    with pytest.raises(URLError, match=r"the certificate that answers|回应的证书"):
        asking.opener(config).open(f"{url}api/board", timeout=10)


@pytest.mark.parametrize(
    ("change", "mark"),
    [("", "warn"), ("host", "ok"), ("gone", "FAIL"), ("soon", "warn"), ("expired", "FAIL")],
)
def test_check_of_a_station_that_stands_reads_the_files(
    stall: Path, monkeypatch: pytest.MonkeyPatch, change: str, mark: str
) -> None:
    config = stall / "station.toml"
    config.write_text(config.read_text("utf-8").replace('"127.0.0.1:8080"', f'"127.0.0.1:{free_port()}"'), "utf-8")
    monkeypatch.setattr(check, "BROKER_SECONDS", 0.1)
    if change:  # a clock that is believed
        config.write_text(config.read_text("utf-8").replace('trust = "kernel"', 'trust = "host"'), "utf-8")
    if change == "gone":
        (stall / "tls" / "server.pem").unlink()
    if change in ("soon", "expired"):
        monkeypatch.setattr("edge.records.certificates.RELEASED", date(2020, 1, 1))
        days = 380 if change == "soon" else 500
        old = issue(
            load_authority(stall / "tls" / AUTHORITY), ["localhost"], datetime.now(CHINA).date() - timedelta(days=days)
        )
        (stall / "tls" / "server.pem").write_bytes(old)
    lines = invoked("check", "-c", config).output.splitlines()
    (said,) = [line for line in lines if line[5:].startswith("certificate:")]
    assert said.split()[0] == mark
    assert any("https://127.0.0.1:" in line for line in lines)


def test_the_service_serves_encrypted_pages_and_its_log_holds_no_key(stall: Path) -> None:
    config, port = stall / "station.toml", free_port()
    config.write_text(config.read_text("utf-8").replace('"127.0.0.1:8080"', f'"127.0.0.1:{port}"'), "utf-8")
    (stall / "tls" / "ca.pem").chmod(0o644)
    log = stall / "log"
    with log.open("wb") as out:
        station = subprocess.Popen([sys.executable, "-m", "edge.cli", "run", "-c", config], stdout=out, stderr=out)
    try:
        trust = ssl.create_default_context(cafile=str(stall / "tls" / "ca.crt"))
        trust.verify_flags |= 0x200000  # at any date
        transport = httpx.HTTPTransport(verify=trust, retries=8)
        with httpx.Client(transport=transport, timeout=30) as client:
            assert "token" in client.get(f"https://127.0.0.1:{port}/health").json()
    finally:
        station.send_signal(signal.SIGTERM)
        station.wait(30)
    said = log.read_text("utf-8")
    assert f"pages=https://127.0.0.1:{port}" in said
    assert "tls=own" in said
    assert "PRIVATE" not in said
    assert (stall / "tls" / "ca.pem").stat().st_mode & 0o777 == 0o600


def test_a_station_without_its_certificate_does_not_start_and_says_what_to_do(stall: Path) -> None:
    (stall / "tls" / "ca.pem").unlink()
    (stall / "tls" / "server.pem").unlink()
    done = subprocess.run(
        [sys.executable, "-m", "edge.cli", "run", "-c", stall / "station.toml"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "marketedge tls make" in done.stderr
