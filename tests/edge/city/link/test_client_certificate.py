"""A broker that asks for a certificate: ours is requested, shown, renewed in place, and told when it is not taken."""

import logging
import stat
import subprocess
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edge.between.inbox import LinkChanged
from edge.city import connection
from edge.cli.main import main
from edge.config.cautions import cautions
from edge.config.sections import BadConfig, load
from simulator.city.enrolling import CA, certify, enrol, give_out
from simulator.city.keys import city_key

pytestmark = pytest.mark.broker


@pytest.fixture
def stall(tmp_path: Path) -> Path:
    """What `init --csr` makes."""
    folder = tmp_path / "stall"
    told = CliRunner().invoke(main, ["init", str(folder), "--job", "stall", "--csr", "--node", "321300007"])
    assert told.exit_code == 0, told.output
    assert "client.csr: the request of station 321300007-01; send it" in told.output
    return folder


@pytest.fixture
def asking(authority: Any, mosquitto: Any) -> Any:
    """An authority and a broker that takes only its clients."""
    ca = authority()
    settings = [*ca.serve(), "require_certificate true", "use_identity_as_username true"]
    return ca, mosquitto(*settings), settings


def shown(stall: Path, broker: Any, ca: Any) -> dict[str, Any]:
    return {"ca_file": ca.file, "cert_file": stall / "client.crt", "key_file": stall / "client.key"}


def test_the_request_bears_the_stations_id_and_its_certificate_is_taken(stall: Path, asking: Any, link: Any) -> None:
    ca, broker, _ = asking
    assert stat.S_IMODE((stall / "client.key").stat().st_mode) == 0o600
    (stall / "client.crt").write_bytes(ca.sign((stall / "client.csr").read_bytes()))
    link(f"mqtts://localhost:{broker.port}", **shown(stall, broker, ca)).up()
    assert "u'321300007-01'" in (broker._folder / "broker.log").read_text()


def test_an_enrolled_box_is_taken_by_a_broker_that_knows_the_citys_authority(
    stall: Path, authority: Any, mosquitto: Any, link: Any, tmp_path: Path
) -> None:
    city, seat, ca = tmp_path / "city", "321300007-04", authority()
    city.mkdir()
    settings = ca.serve()
    brokers = ca.file.read_text("ascii")  # as the city tells it to boxes
    certify(city, (stall / "client.csr").read_text("ascii"), "first")  # makes the authority
    ca.file.write_text(brokers + (city / CA).read_text("ascii"), "ascii")
    broker = mosquitto(*settings, "require_certificate true", "use_identity_as_username true")
    url = f"mqtts://localhost:{broker.port}"
    token = give_out(city / "city.db", seat, region="321300", host="sy.example.cn", brokers=[url], ca=brokers)
    stick, typed = tmp_path / "stick", ["--token", token.text, "-c", str(stall / "station.toml")]
    for _ in range(2):
        told = CliRunner().invoke(main, ["enrol", str(stick), *typed])
        assert told.exit_code == 0, told.output
        stick.write_bytes(enrol(city / "city.db", city_key(city / "city.key"), city, stick.read_bytes())[1])
    part = load(stall / "station.toml").city
    assert part.brokers == (url,)
    link(url, ca_file=part.ca_file, cert_file=part.cert_file, key_file=part.key_file).up()
    assert f"u'{seat}'" in (broker._folder / "broker.log").read_text()


def test_without_a_certificate_or_with_one_of_strangers_the_cause_is_named(
    stall: Path, asking: Any, link: Any, authority: Any
) -> None:
    ca, broker, _ = asking
    url = f"mqtts://localhost:{broker.port}"
    assert link(url, ca_file=ca.file).down().cause == "tls_refused"
    certificate = stall / "client.crt"
    certificate.write_bytes(authority("strangers").sign((stall / "client.csr").read_bytes()))
    station = link(url, **shown(stall, broker, ca))
    assert station.down().cause == "tls_refused"
    certificate.write_text("no certificate")
    assert str(certificate) in station.down("cert_file").why
    certificate.write_bytes(ca.sign((stall / "client.csr").read_bytes()))
    station.up()


def test_a_certificate_renewed_in_place_is_taken_at_once_and_half_a_pair_is_not(
    stall: Path, asking: Any, link: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connection, "LOOK_SECONDS", 0.0)
    ca, broker, _ = asking
    request = (stall / "client.csr").read_bytes()
    (stall / "client.crt").write_bytes(ca.sign(request))
    station = link(f"mqtts://localhost:{broker.port}", **shown(stall, broker, ca))
    station.up()
    with caplog.at_level(logging.WARNING):
        (stall / "client.crt").write_text("half of it")
        end = time.monotonic() + 20
        while "the connection stays as it is" not in caplog.text:
            assert time.monotonic() < end
            time.sleep(0.05)
    assert not any(isinstance(one, LinkChanged) and not one.up for one in station.seen)
    (stall / "client.crt").write_bytes(ca.sign(request, (-1, 9)))
    assert station.down("renewed").cause == "renewed"
    station.up()


def test_an_authority_with_another_fingerprint_is_not_believed(authority: Any, mosquitto: Any, link: Any) -> None:
    ca, other = authority("ours"), authority("theirs")
    broker = mosquitto(*ca.serve())
    url = f"mqtts://localhost:{broker.port}"
    assert link(url, ca_file=ca.file, ca_fingerprint=[other.fingerprint]).down().cause == "ca_pin"
    link(url, ca_file=ca.file, ca_fingerprint=[other.fingerprint, ca.fingerprint]).up()


def test_the_password_may_come_from_the_environment_and_is_in_no_log(
    tmp_path: Path, mosquitto: Any, link: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(file), "s1", "geheim-77"], check=True)
    broker = mosquitto(f"password_file {file}", anonymous=False)
    with caplog.at_level(logging.DEBUG):
        assert link(f"mqtt://127.0.0.1:{broker.port}", user="s1").down().cause in ("bad_password", "not_allowed")
        monkeypatch.setenv(connection.PASSWORD, "geheim-77")
        link(f"mqtt://127.0.0.1:{broker.port}", user="s1").up()
    assert "geheim" not in caplog.text


# --- said before it is too late ---------------------------------------------------------------------------------------


def configured(stall: Path, ca: Any, more: str = "") -> Any:
    toml = stall / "station.toml"
    text = toml.read_text("utf-8").replace("mqtt://127.0.0.1:1883", "mqtts://city.example.cn")
    toml.write_text(
        text.replace("[city]\n", f'[city]\ncert_file = "client.crt"\nkey_file = "client.key"\n{more}'), "utf-8"
    )
    (stall / "ca.pem").write_bytes(ca.file.read_bytes())
    return load(toml)


@pytest.mark.parametrize(("days", "word"), [((-9, -2), "certificate_expired"), ((-9, 20), "certificate_expires")])
def test_the_end_of_a_certificate_is_a_caution_with_the_next_step(
    stall: Path, authority: Any, days: tuple[float, float], word: str
) -> None:
    ca = authority()
    (stall / "client.crt").write_bytes(ca.sign((stall / "client.csr").read_bytes(), days))
    config = configured(stall, ca, 'ca_file = "ca.pem"\n')
    today = date.today()  # noqa: DTZ011
    found = {one.about: one for one in cautions(config, today, True) if one.word.startswith("certificate")}
    assert found["[city] cert_file"].word == word and "marketedge keys csr" in found["[city] cert_file"].do_en
    assert found["[city] ca_file"].word == "certificate_expires"
    assert not [one for one in cautions(config, None, True) if one.word.startswith("certificate")]


def test_a_key_that_others_can_read_is_told_with_the_command_that_mends_it(stall: Path, authority: Any) -> None:
    (stall / "client.crt").write_bytes(authority().sign((stall / "client.csr").read_bytes()))
    (stall / "client.key").chmod(0o644)
    config = configured(stall, authority())
    (found,) = [one for one in cautions(config, None, True) if one.about == "[city] key_file"]
    assert found.severity == "bad" and f"chmod 600 {stall / 'client.key'}" in found.do_en


def test_it_is_asked_for_again_with_the_same_key(stall: Path, authority: Any) -> None:
    before, key = (stall / "client.csr").read_bytes(), (stall / "client.key").read_bytes()
    configured(stall, authority())
    told = CliRunner().invoke(main, ["keys", "csr", "-c", str(stall / "station.toml")])
    assert told.exit_code == 0 and "station 321300007-01" in told.output
    assert (stall / "client.key").read_bytes() == key and (stall / "client.csr").read_bytes() != before


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('cert_file = "client.crt"\n', "mqtts://"),
        ('key_file = "client.key"\n', "cert_file"),
        ('ca_file = "x"\nca_fingerprint = ["12:34"]\n', "SHA-256"),
        (f'ca_fingerprint = ["{"ab" * 32}"]\n', "ca_file"),
    ],
)
def test_what_does_not_fit_is_told_by_its_key(stall: Path, lines: str, words: str) -> None:
    toml = stall / "station.toml"
    toml.write_text(toml.read_text("utf-8").replace("[city]\n", f"[city]\n{lines}"), "utf-8")
    with pytest.raises(BadConfig, match=words):
        load(toml)


def test_a_request_needs_the_markets_number(tmp_path: Path) -> None:
    told = CliRunner().invoke(main, ["init", str(tmp_path / "x"), "--job", "stall", "--csr"])
    assert told.exit_code == 2 and "--node" in told.output and not (tmp_path / "x").exists()
