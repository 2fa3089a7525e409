"""Certificates near their end: an alarm to the city, once each; and the board has them for the metric."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from edge.between.board import CertificateView
from edge.between.inbox import CertificateSeen
from edge.config.sections import CitySection
from edge.jobs import certificates
from edge.state.expiries import LOOK_SECONDS, Ending, Expiries

TODAY = datetime(2026, 11, 22, tzinfo=UTC)


def certificate(path: Path, days: float) -> None:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "s")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(TODAY - timedelta(99)).not_valid_after(TODAY + timedelta(days))
    path.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))


@pytest.fixture
def station(box: Callable[..., Any], tmp_path: Path) -> Any:
    """A station with a certificate for 40 more days."""
    one = box()
    certificate(tmp_path / "client.crt", 40)
    part = CitySection(brokers=("mqtts://a",), cert_file=tmp_path / "client.crt")
    state = one.core._station
    state.expiries = Expiries(one.ledger.conn, part, lambda: state.certificate)
    return one


def warned(one: Any) -> list[tuple[str, str, bool]]:
    found = [one.ledger.event(seq) for seq in range(1, one.ledger.head.seq + 1)]
    return [
        (event["data"]["of"], event["data"]["ends"][:10], event["data"]["expired"])
        for event in found
        if event["type"].endswith(".certificate.expiring.v1")
    ]


def days_later(one: Any, days: float) -> None:
    one.clock.go(days * 86400 + LOOK_SECONDS)
    one.turn()
    one.turn()


def test_the_city_is_told_before_a_certificate_ends_and_when_it_has(station: Any, tmp_path: Path) -> None:
    station.turn()
    assert warned(station) == []
    assert [one.of for one in station.board.expiries] == ["client"]
    days_later(station, 12)
    days_later(station, 1)
    assert warned(station) == [("client", "2027-01-01", False)]
    days_later(station, 40)
    assert warned(station)[1:] == [("client", "2027-01-01", True)]
    lane = station.ledger.conn.execute("SELECT DISTINCT lane FROM events").fetchall()
    assert lane == [(1,)], "ahead of the backlog"
    certificate(tmp_path / "client.crt", 400)
    days_later(station, 1)
    assert len(warned(station)) == 2
    assert station.board.expiries[0].ends == (TODAY + timedelta(400)).timestamp()


def test_of_the_pages_too_and_never_by_a_clock_that_is_not_set(station: Any) -> None:
    station.clock.worth = "unsynced"
    station.turn(CertificateSeen(CertificateView(("box.local",), "ca", "2026-12-01T00:00:00+00:00", "soon", "")))
    days_later(station, 1)
    assert warned(station) == []
    station.clock.worth = "synced"
    days_later(station, 0.1)
    assert warned(station) == [("pages", "2026-12-01", False)]


def test_what_was_told_is_known_after_a_restart_and_what_was_not_recorded_is_told_again(station: Any) -> None:
    state = station.core._station
    days_later(station, 12)
    assert not certificates.due(state)
    again = Expiries(station.ledger.conn, CitySection(brokers=("mqtts://a",)), lambda: None)
    assert again._told == state.expiries._told != set()
    undo: list[Callable[[], None]] = []
    days_later(station, 40)
    ending = Ending("client", TODAY, expired=True)
    state.expiries.warned(ending, undo)
    undo[0]()
    assert ending.key not in state.expiries._told
