"""``mqtts://``: it connects again and again, and says in words what is wrong with a certificate."""

from pathlib import Path
from typing import Any

import pytest

from edge.config.sections import BadConfig, load

pytestmark = pytest.mark.broker


def test_it_connects_again_after_each_restart_and_after_the_certificate_was_renewed(
    link: Any, mosquitto: Any, authority: Any
) -> None:
    ca = authority()
    broker = mosquitto(*ca.serve())
    station = link(f"mqtts://localhost:{broker.port}", ca_file=ca.file)
    for _ in range(3):
        station.up()
        broker.stop()
        station.down()
        broker.start(*ca.serve())  # another certificate of the same authority
    station.up()


@pytest.mark.parametrize(
    ("host", "days", "cause"),
    [
        ("localhost", (-5, -1), "tls_expired"),
        ("localhost", (1, 5), "tls_not_yet"),
        ("other.example", (-1, 5), "tls_name"),
    ],
)
def test_a_bad_certificate_is_told_by_its_fault_and_the_mended_one_is_taken(
    link: Any, mosquitto: Any, authority: Any, host: str, days: tuple[float, float], cause: str
) -> None:
    ca = authority()
    broker = mosquitto(*ca.serve(host, days))
    station = link(f"mqtts://localhost:{broker.port}", ca_file=ca.file)
    told = station.down()
    assert told.cause == cause
    assert "already been configured" not in told.why
    broker.stop()
    broker.start(*ca.serve())
    station.up()


def test_an_unknown_authority_is_told_and_the_right_one_is_taken_without_a_restart(
    link: Any, mosquitto: Any, authority: Any, tmp_path: Path
) -> None:
    ours, theirs = authority("ours"), authority("theirs")
    file = tmp_path / "ca.pem"
    file.write_bytes(theirs.file.read_bytes())
    broker = mosquitto(*ours.serve())
    station = link(f"mqtts://localhost:{broker.port}", ca_file=file)
    assert station.down().cause == "tls_untrusted"
    file.write_text("no certificate")
    assert station.down("ca_file").cause == "ca_file"
    file.unlink()
    assert "ca.pem" in station.down("ca_file").why
    file.write_bytes(ours.file.read_bytes())
    station.up()


def test_a_broker_without_tls_at_that_port_is_told(link: Any, mosquitto: Any) -> None:
    broker = mosquitto()
    assert link(f"mqtts://localhost:{broker.port}").down().cause == "tls_none"


def test_a_plain_broker_beside_a_secure_one_is_refused(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from edge.cli.main import main

    assert CliRunner().invoke(main, ["init", str(tmp_path / "s"), "--job", "stall"]).exit_code == 0
    file = tmp_path / "s" / "station.toml"
    text = file.read_text("utf-8")
    both = '"mqtts://a.example:8883", "mqtt://b.example:1883"'
    file.write_text(text.replace('"mqtt://127.0.0.1:1883"', both), "utf-8")
    with pytest.raises(BadConfig, match=r"要么全是 mqtts://|all mqtts:// or all mqtt://"):
        load(file)
