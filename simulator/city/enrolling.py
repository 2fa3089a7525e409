"""How boxes become stations: tokens that are given out, and the answers to who asks with one.

What a box gets is settled when its token is given out.  One transaction takes the token, trusts the key and keeps the
answer, so the same request gets the same bytes again, and two boxes with one token get one answer.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from protocol.city import enrolment
from protocol.city.enrolment import BadEnrolment, EnrolRequest, Token, Word
from simulator.city.engines import Where, insert
from simulator.city.keys import public_hex
from simulator.city.store import Store, now

CA_KEY, CA = "city-ca.key", "city-ca.pem"
CA_DAYS, DAYS = 3650, 730
COMMANDS_BYTES = 24_000  # of first commands in an answer; more come by MQTT
FIRST_COMMANDS = 20
MOST_KEYS = 200  # of the node's stations in an answer; more come by MQTT
STATUS: Mapping[Word, int] = {"unknown_token": 404, "expired": 410, "used": 409, "other_key": 409, "other_station": 409}


@dataclass(frozen=True, slots=True)
class Given:
    """A token in the list: for which station, until when, and who has used it (hex, when), if anybody."""

    id: str
    station: str
    until: str
    public_key: str
    time: str


def give_out(
    where: Where,
    station: str,
    *,
    region: str,
    host: str,
    brokers: Sequence[str],
    mqtt: str = "5",
    ca: str = "",
    days: float = 7.0,
) -> Token:
    """A new token for this seat. ``ca`` is the authorities (PEM) that the brokers' certificates are by."""
    token = Token(secrets.token_bytes(enrolment.SECRET_BYTES))
    gets = {"region": region, "host": host, "brokers": [*brokers], "mqtt": mqtt, "ca": ca}
    until = (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds")
    row = {"id": token.id, "secret": token.secret.hex(), "station": station, "gets": json.dumps(gets), "until": until}
    store = Store(where)
    try:
        with store.batch():
            insert(store.db, "enrolments", row | {"request": "", "public_key": "", "time": "", "answer": b""})
    finally:
        store.close()
    return token


def given(where: Where) -> list[Given]:
    """The whole list, by stations."""
    store = Store(where)
    try:
        sql = "SELECT id, station, until, public_key, time FROM enrolments ORDER BY station, until"
        return [Given(*row) for row in store.db.execute(sql).fetchall()]
    finally:
        store.close()


def enrol(where: Where, key: Ed25519PrivateKey, folder: Path, payload: bytes) -> tuple[int, bytes]:
    """The HTTP status and the answer to a request; the authority of client certificates is in ``folder``."""
    try:
        request = enrolment.read_request(payload)
        store = Store(where)
        try:
            with store.batch():
                return 200, _answered(store, key, folder, request, enrolment.bare(payload))
        finally:
            store.close()
    except BadEnrolment as bad:
        return STATUS.get(bad.word, 422), enrolment.refusal(bad)


def _answered(store: Store, key: Ed25519PrivateKey, folder: Path, request: EnrolRequest, asked: bytes) -> bytes:
    # Written first, though nothing changes: of several that ask with one token each waits for the one before.
    store.db.execute("UPDATE enrolments SET time = time WHERE id = ?", [request.token])
    sql = "SELECT secret, station, gets, until, request, answer FROM enrolments WHERE id = ?"
    row = store.db.execute(sql, [request.token]).fetchone()
    if row is None:
        raise BadEnrolment("unknown_token")
    secret, station, gets, until, before, answer = row
    digest = hashlib.sha256(asked).hexdigest()
    if before == digest:
        return bytes(answer)
    if before:
        raise BadEnrolment("used")
    token = Token(bytes.fromhex(secret))
    if not enrolment.proven(request, token):
        raise BadEnrolment("forged")
    if datetime.fromisoformat(until) <= datetime.now(UTC):
        raise BadEnrolment("expired")
    if request.station not in ("", station):
        raise BadEnrolment("other_station", f"{request.station}, and the token is for {station}")
    known = store.key_of(station)
    if known is not None and known.hex() != request.public_key:
        raise BadEnrolment("other_key")
    certificate = certify(folder, request.csr, station)
    store.trust(station, request.public_key, "enrolled")
    node = station.partition("-")[0]
    keys = store.db.execute("SELECT station, public_key FROM keys ORDER BY station").fetchall()
    own = {"station": station, "public_key": request.public_key}
    others = [{"station": name, "public_key": one} for name, one in keys if name[:9] == node and name != station]
    store.orders.add("keys", f"{node}-all", {"stations": [own]}, 86_400 * 365, key)
    fields = {
        **json.loads(gets),
        "certificate": certificate,
        "city_keys": [public_hex(key)],
        "node_keys": [*others[: MOST_KEYS - 1], own],
        "commands": _first_commands(store, station),
    }
    made = enrolment.answer(token, key, asked, station, now(), fields)
    store.db.execute(
        "UPDATE enrolments SET secret = '', request = ?, public_key = ?, time = ?, answer = ? WHERE id = ?",
        [digest, request.public_key, now(), made, request.token],
    )
    return made


def _first_commands(store: Store, station: str) -> list[Any]:
    """What was ordered of this seat, or of its node, and still counts: the newest of each kind that fits."""
    sql = (
        "SELECT payload FROM commands WHERE target IN (?, ?) AND issued <> '' AND expires > ?"
        " ORDER BY issued DESC LIMIT ?"
    )
    targets = [station, f"{station.partition('-')[0]}-all"]
    rows = store.db.execute(sql, [*targets, datetime.now(UTC).timestamp(), FIRST_COMMANDS]).fetchall()
    taken: list[Any] = []
    left = COMMANDS_BYTES
    for (payload,) in rows:
        if len(payload) <= left:
            left -= len(payload)
            taken.insert(0, json.loads(bytes(payload)))
    return taken


# --- client certificates ----------------------------------------------------------------------------------------------


def certify(folder: Path, csr: str, station: str) -> str:
    """A certificate for a broker that asks for one, with the authority's behind it, PEM. Raises BadEnrolment."""
    try:
        request = x509.load_pem_x509_csr(csr.encode())
        public = request.public_key()
        if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
            raise BadEnrolment("bad_csr", "its key is no P-256 key")
        if not request.is_signature_valid:
            raise BadEnrolment("bad_csr", "it is not signed by its key")
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise error if isinstance(error, BadEnrolment) else BadEnrolment("bad_csr", str(error)) from None
    authority, key = _authority(folder)
    made = (
        x509.CertificateBuilder()
        .subject_name(_name(station))
        .issuer_name(authority.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return (made.public_bytes(Encoding.PEM) + authority.public_bytes(Encoding.PEM)).decode()


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _authority(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """The city's own authority; who comes first makes it. ``CA`` is its certificate alone, for brokers."""
    file = folder / CA_KEY
    if not file.exists():
        draft = folder / f"{CA_KEY}.{secrets.token_hex(4)}"
        draft.touch(0o600)
        draft.write_bytes(_new_authority())
        with suppress(FileExistsError):
            file.hardlink_to(draft)
        draft.unlink()
    pem = file.read_bytes()
    key, authority = load_pem_private_key(pem, None), x509.load_pem_x509_certificate(pem)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    if not (folder / CA).exists():
        (folder / CA).write_bytes(authority.public_bytes(Encoding.PEM))
    return authority, key


def _new_authority() -> bytes:
    """Key and certificate, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    authority = (
        x509.CertificateBuilder()
        .subject_name(_name("marketsim city"))
        .issuer_name(_name("marketsim city"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + authority.public_bytes(Encoding.PEM)
