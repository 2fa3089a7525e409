"""A box becomes a station of the city, as ``protocol/city/enrolment.py`` says it: what is asked, what is written then.

Nothing is changed before all of an answer was looked at.  Then every file is on the disk beside the one it replaces,
and they get their names one after the other, station.toml, which names them, last: cut off at any moment, the box has
its old settings, and the same command does the rest, for the same request gets the same answer.
"""

import secrets
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from edge.city.first_commands import FILE as COMMANDS
from edge.config.edited import NotEdited, Place, with_values
from edge.config.sections import BadConfig, Config, load
from edge.records import csr, private
from edge.records.backup import sync
from edge.records.identity import load_key, load_node_keys
from edge.records.ledger import FILE as LEDGER
from edge.records.ledger import last_of, reading
from protocol.city import enrolment
from protocol.city.canonical import dumps
from protocol.city.enrolment import BadEnrolment, EnrolAnswer, Token
from protocol.city.node_keys import NodeKeys
from protocol.city.signed import BadSigned, CityKeys, public_key, verify
from protocol.frozen import frozen

REQUEST = "enrol.request"
KEY, CSR, CERTIFICATE, CA = "client.key", "client.csr", "client.crt", "city-ca.pem"
_SERIALS = (Path("/proc/device-tree/serial-number"), Path("/sys/class/dmi/id/product_serial"))


@frozen
class Taken:
    """What a box has become. ``files`` are those that were written; ``ends`` is its certificate's end, or empty."""

    station: str
    key: str
    city_keys: tuple[str, ...]
    brokers: tuple[str, ...]
    files: tuple[Path, ...]
    ends: str


class Enrolment:
    """Of the box whose configuration is at ``path``, with this token."""

    def __init__(self, path: Path, config: Config, token: Token) -> None:
        self._path = path.resolve()
        self._config = config
        self._token = token
        base, city = self._path.parent, config.city
        self._base = base
        self._key, self._certificate = city.key_file or base / KEY, city.cert_file or base / CERTIFICATE
        self._ca = city.ca_file or base / CA

    # --- asking ---------------------------------------------------------------------------------------------------

    def request(self, serial: str = "") -> bytes:
        """What the city is asked: the same bytes each time with the same token. Raises BadKey, BadEnrolment."""
        file, key = self._base / REQUEST, load_key(self._config.station.key)
        if (before := self._before(file, key.public_key().public_bytes_raw().hex())) is not None:
            return before
        name = f"{self._config.station.node}-{self._config.station.terminal}"
        csr.request(self._key, self._key.with_name(CSR), name)
        fields = {
            "csr": self._key.with_name(CSR).read_text("ascii"),
            "name": self._config.station.name[:120],
            "serial": serial or _serial(),
            "jobs": list(self._config.station.jobs),
            "station": name if self._records() else "",
            "software": f"marketedge {version('marketedge')}",
            "nonce": secrets.token_hex(16),
        }
        made = enrolment.ask(self._token, key, fields)
        private.replace(file, made)
        return made

    def _before(self, file: Path, key: str) -> bytes | None:
        """The request that was made before with this token and this key."""
        try:
            made = file.read_bytes()
            read = enrolment.read_request(made)
        except (OSError, BadEnrolment):
            return None
        fits = (read.token, read.public_key) == (self._token.id, key) and enrolment.proven(read, self._token)
        return made if fits and self._key.exists() else None

    def _records(self) -> int:
        """How many records the ledger has. Raises LedgerBroken."""
        if not (self._config.station.data / LEDGER).exists():
            return 0
        with reading(self._config.station.data) as db:
            return last_of(db.conn)

    # --- taking ---------------------------------------------------------------------------------------------------

    def take(self, payload: bytes) -> Taken:
        """Look at all of the answer, then write what it says; raises BadEnrolment, BadConfig and OSError, and then
        nothing of it is there."""
        answer = enrolment.read_answer(payload, self._token, self._asked())
        self._keeps_its_name(answer)
        ends = self._looked_through(answer)
        files = self._files(answer)
        drafts = {path: path.with_name(f"{path.name}.new") for path in files}
        try:
            for path, draft in drafts.items():
                draft.unlink(missing_ok=True)
                private.write_new(draft, files[path])
            try:
                load(drafts[self._path])
            except BadConfig as error:
                raise BadEnrolment("malformed", str(error)) from None
            for path, draft in drafts.items():  # station.toml is the last
                draft.rename(path)
        finally:
            for draft in drafts.values():
                draft.unlink(missing_ok=True)
        for folder in {path.parent for path in files}:
            sync(folder)
        key = load_key(self._config.station.key).public_key().public_bytes_raw().hex()
        return Taken(answer.station, key, answer.city_keys, answer.brokers, tuple(files), ends)

    def _asked(self) -> bytes:
        try:
            return (self._base / REQUEST).read_bytes()
        except FileNotFoundError:
            raise BadEnrolment("other_request", f"{self._base / REQUEST} is missing") from None

    def _keeps_its_name(self, answer: EnrolAnswer) -> None:
        station = self._config.station
        now = f"{station.node}-{station.terminal}", station.host
        if (answer.station, answer.host) != now and self._records():
            raise BadEnrolment("other_station", f"{now[0]} {now[1]}")

    def _looked_through(self, answer: EnrolAnswer) -> str:
        """Certificates and first commands, which only somebody who uses them would miss; answers the certificate's
        end."""
        keys = CityKeys.parse("\n".join(answer.city_keys))
        node = answer.station.partition("-")[0]
        try:
            for command in answer.commands:
                verify(dumps(command, False), keys, answer.station, f"{node}-all")
        except BadSigned as bad:
            raise BadEnrolment("malformed", f"commands: {bad}") from None
        try:
            if answer.ca:
                x509.load_pem_x509_certificates(answer.ca.encode())
            if not answer.certificate:
                return ""
            own, *_ = x509.load_pem_x509_certificates(answer.certificate.encode())
        except ValueError as error:
            raise BadEnrolment("malformed", f"certificate: {error}") from None
        private_key = load_pem_private_key(self._key.read_bytes(), None)
        form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        if own.public_key().public_bytes(*form) != private_key.public_key().public_bytes(*form):
            raise BadEnrolment("malformed", "the certificate is of another key")
        return own.not_valid_after_utc.date().isoformat()

    def _files(self, answer: EnrolAnswer) -> dict[Path, bytes]:
        """Everything that is written, by its place; station.toml is the last."""
        node_keys = NodeKeys()
        for one in answer.node_keys:
            node_keys = node_keys.plus(one.station, public_key(one.public_key))
        known = load_node_keys(self._config.market.keys_file)
        files = {
            self._config.city.keys_file: "".join(f"{key}\n" for key in answer.city_keys).encode(),
            self._config.market.keys_file: known.more(node_keys).text().encode(),
        }
        if answer.certificate:
            files[self._certificate] = answer.certificate.encode()
        if answer.ca:
            files[self._ca] = answer.ca.encode()
        if answer.commands:
            files[self._base / COMMANDS] = b"".join(dumps(one, False) + b"\n" for one in answer.commands)
        try:
            text = with_values(self._path.read_text("utf-8"), self._settings(answer))
        except (NotEdited, UnicodeDecodeError) as error:
            raise BadEnrolment("malformed", f"{self._path}: {error}") from None
        return {**files, self._path: text.encode()}

    def _settings(self, answer: EnrolAnswer) -> Mapping[Place, str | list[str]]:
        node, terminal = answer.station.split("-")
        said: dict[Place, str | list[str]] = {
            ("station", "node"): node,
            ("station", "terminal"): terminal,
            ("station", "region"): answer.region,
            ("station", "host"): answer.host,
            ("city", "brokers"): list(answer.brokers),
            ("city", "mqtt"): answer.mqtt,
        }
        if not all(broker.startswith("mqtts://") for broker in answer.brokers):
            return said
        if answer.ca:
            said["city", "ca_file"] = self._named(self._ca)
            if self._config.city.ca_fingerprint:
                said["city", "ca_fingerprint"] = _fingerprints(answer.ca)
        if answer.certificate:
            said["city", "cert_file"] = self._named(self._certificate)
            said["city", "key_file"] = self._named(self._key)
        return said

    def _named(self, file: Path) -> str:
        """As station.toml says it: relative to its folder."""
        return str(file.relative_to(self._base)) if file.is_relative_to(self._base) else str(file)


def _fingerprints(pem: str) -> list[str]:
    from cryptography.hazmat.primitives.hashes import SHA256

    return [one.fingerprint(SHA256()).hex().upper() for one in x509.load_pem_x509_certificates(pem.encode())]


def _serial() -> str:
    """The hardware's own number; empty where it has none, or this user may not read it."""
    for file in _SERIALS:
        try:
            if said := file.read_text("ascii", "ignore").strip("\0\n "):
                return said[:120]
        except OSError:
            continue
    return ""
