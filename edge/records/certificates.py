"""The certificate of the box's pages: the city's, from files, or one of the market's own authority, renewed by itself.

One authority a market.  It is made on one box, and its file is copied to the others of the market; phones and computers
take its certificate once.  It may only name boxes: names of local networks, this market's own, private addresses
(X.509 name constraints), so a stolen authority opens no bank.  It does not depend on a clock: valid from 2020 on.

    tls/ca.pem       the authority's key and certificate, 0600
    tls/ca.crt       its certificate alone, for phones and computers
    tls/server.pem   this box's key, certificate and the authority's, 0600

Private keys are P-256: browsers take no Ed25519.
"""

import ssl
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge.between.tongue import said
from edge.records import private
from protocol.frozen import frozen

FOLDER, AUTHORITY, SHOWN, SERVER = "tls", "ca.pem", "ca.crt", "server.pem"
FIRST, LAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2049, 12, 31, tzinfo=UTC)  # of an authority
RELEASED = date(2026, 11, 1)  # no certificate is made for days before: whatever says so has a dead clock
BEFORE, LASTS, RENEW, SOON = 2, 397, 130, 30  # days; Apple takes no certificate of more than 825
LOCAL_NAMES = ("local", "lan", "internal", "home.arpa", "localhost")
LOCAL_NETWORKS = (
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10"),
    *("::1/128", "fe80::/10", "fc00::/7"),
)
_NO_PEM = (OSError, ValueError, TypeError, UnsupportedAlgorithm)
Address = IPv4Address | IPv6Address


class BadCertificate(ValueError):
    """It is missing, cannot be read or cannot be made; the message names the file and the next step."""


@frozen
class Certificate:
    """What people ask of a certificate. ``fingerprint`` is SHA-256 in hex; ``signer`` the id of its issuer's key."""

    names: tuple[str, ...]
    issuer: str
    begins: datetime
    ends: datetime
    fingerprint: str
    signer: bytes

    def days_left(self, today: date) -> int:
        return (self.ends.date() - today).days


@frozen
class Authority:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def key_id(self) -> bytes:
        return x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()).digest

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def may_name(self, name: str) -> bool:
        """Whether it may issue a certificate for this name or address."""
        constraints = self.certificate.extensions.get_extension_for_class(x509.NameConstraints).value
        address = as_address(name)
        for subtree in constraints.permitted_subtrees or ():
            if isinstance(subtree, x509.DNSName) and address is None:
                if name == subtree.value or name.endswith(f".{subtree.value}"):
                    return True
            elif isinstance(subtree, x509.IPAddress) and address is not None and address in _network(subtree.value):
                return True
        return False


def as_address(name: str) -> Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None


def _network(value: object) -> IPv4Network | IPv6Network:
    assert isinstance(value, IPv4Network | IPv6Network)
    return value


# --- the authority ----------------------------------------------------------------------------------------------------


def make_authority(folder: Path, market: str, names: Iterable[str]) -> Authority:
    """A new one in this folder, for ``names`` and the names of local networks; raises FileExistsError."""
    key = ec.generate_private_key(ec.SECP256R1())
    mark = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, market[:64] or "marketedge"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"marketedge CA {mark.digest[:4].hex()}"),
        ]
    )
    own = [name for name in names if as_address(name) is None]
    permitted = [
        *(x509.DNSName(name) for name in dict.fromkeys((*LOCAL_NAMES, *own))),
        *(x509.IPAddress(ip_network(network)) for network in LOCAL_NETWORKS),
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(FIRST)
        .not_valid_after(LAST)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .add_extension(mark, critical=False)
        .sign(key, hashes.SHA256())
    )
    authority = Authority(key, certificate)
    _keep_authority(folder, authority)
    return authority


def take_authority(folder: Path, file: Path) -> Authority:
    """Use the market's authority from another box's ``ca.pem``; raises BadCertificate and FileExistsError."""
    authority = load_authority(file)
    _keep_authority(folder, authority)
    return authority


def _keep_authority(folder: Path, authority: Authority) -> None:
    private.make_folder(folder)
    private.write_new(folder / AUTHORITY, _key_pem(authority.key) + authority.pem)
    private.replace(folder / SHOWN, authority.pem)


def load_authority(path: Path) -> Authority:
    """Raises BadCertificate."""
    try:
        data = path.read_bytes()
        key = load_pem_private_key(data, None)
        certificate = x509.load_pem_x509_certificate(data)
    except FileNotFoundError:
        raise BadCertificate(
            said(
                f"{path}：没有文件；用 marketedge tls make 建立，或从另一台拷贝来",
                f"{path}: no such file; `marketedge tls make` makes one, or copy it from the other box",
            )
        ) from None
    except _NO_PEM as error:
        raise BadCertificate(
            said(
                f"{path}：不是市场证书机构的文件 ca.pem（{error}）",
                f"{path}: not the file ca.pem of a market's authority: {error}",
            )
        ) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise BadCertificate(
            said(f"{path}：密钥和证书不是一对", f"{path}: key and certificate do not belong to each other")
        )
    try:
        certificate.extensions.get_extension_for_class(x509.NameConstraints)
    except x509.ExtensionNotFound:
        raise BadCertificate(
            said(
                f"{path}：这个机构可以签发任何网站的证书，不采用；请用 marketedge tls make 建立的",
                f"{path}: this authority may name any site of the world and is not used; take one that "
                "`marketedge tls make` made",
            )
        ) from None
    return Authority(key, certificate)


# --- the box's own ----------------------------------------------------------------------------------------------------


def issue(authority: Authority, names: Iterable[str], today: date) -> bytes:
    """A key and certificate for these names, those that the authority may name, as the text of ``server.pem``."""
    named = [name for name in dict.fromkeys(names) if authority.may_name(name)]
    key = ec.generate_private_key(ec.SECP256R1())
    first = max(today, RELEASED)
    begins = datetime.combine(first - timedelta(days=BEFORE), time(), UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "marketedge station")]))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=LASTS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in named]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    return _key_pem(key) + certificate.public_bytes(Encoding.PEM) + authority.pem


def _general(name: str) -> x509.GeneralName:
    address = as_address(name)
    return x509.DNSName(name) if address is None else x509.IPAddress(address)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def read(path: Path) -> Certificate:
    """The first certificate in a PEM file; raises BadCertificate."""
    try:
        one = x509.load_pem_x509_certificate(path.read_bytes())
        names = _names(one)
        signer = _signer(one)
    except FileNotFoundError:
        raise BadCertificate(said(f"{path}：没有证书文件", f"{path}: no certificate file")) from None
    except _NO_PEM as error:
        raise BadCertificate(
            said(f"{path}：读不出证书（{error}）", f"{path}: cannot be read as a certificate: {error}")
        ) from None
    issuer = one.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    return Certificate(
        names,
        str(issuer[0].value) if issuer else one.issuer.rfc4514_string(),
        one.not_valid_before_utc,
        one.not_valid_after_utc,
        one.fingerprint(hashes.SHA256()).hex(),
        signer,
    )


def _names(one: x509.Certificate) -> tuple[str, ...]:
    try:
        held = one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return (
        *held.get_values_for_type(x509.DNSName),
        *(str(address) for address in held.get_values_for_type(x509.IPAddress)),
    )


def _signer(one: x509.Certificate) -> bytes:
    try:
        return one.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier or b""
    except x509.ExtensionNotFound:
        return b""


# --- what the pages are served with -----------------------------------------------------------------------------------


class Served:
    """The files the pages are served with. ``folder`` is of the market's own authority; None: the city's files.

    ``names`` are asked anew each time: a box gets another address.  Nothing here is kept in memory but what was looked
    at last, so any process may renew.
    """

    def __init__(
        self, certificate: Path, key: Path | None, folder: Path | None, names: Callable[[], Iterable[str]] = tuple
    ) -> None:
        self.certificate, self.key = certificate, key
        self.folder = folder
        self._names = names

    @classmethod
    def own(cls, folder: Path, names: Callable[[], Iterable[str]]) -> "Served":
        return cls(folder / SERVER, None, folder, names)

    def renew_when_due(self, today: date, trusted: bool) -> bool:
        """Make a certificate where one is due; whether one was made. Raises BadCertificate and OSError.

        While the date cannot be believed only a certificate that is missing, or is another authority's, is made.
        """
        if self.folder is None:
            return False
        authority = load_authority(self.folder / AUTHORITY)
        names = [name for name in self._names() if authority.may_name(name)]
        try:
            there = read(self.certificate)
        except BadCertificate:
            there = None
        if there is not None and there.signer == authority.key_id and not (trusted and _is_due(there, names, today)):
            return False
        private.replace(self.certificate, issue(authority, names, today))
        return True

    def renew(self, today: date) -> None:
        """Make a new one at once; raises BadCertificate and OSError."""
        if self.folder is None:
            raise BadCertificate(
                said(
                    "证书是平台的文件，这里不能更新；请换文件",
                    "the certificate is the city's: it cannot be renewed here; put new files in its place",
                )
            )
        authority = load_authority(self.folder / AUTHORITY)
        private.replace(self.certificate, issue(authority, self._names(), today))

    def shown(self) -> bytes:
        """What phones are to trust, as PEM; nothing when it is the city's. Raises OSError."""
        return (self.folder / SHOWN).read_bytes() if self.folder else b""

    def mark(self) -> tuple[tuple[int, int, int], ...]:
        """Changes when the files do."""
        files = (self.certificate, self.key) if self.key else (self.certificate,)
        return tuple(_mark(path) for path in files)

    def load(self, context: ssl.SSLContext) -> None:
        """Into a context; raises BadCertificate."""
        try:
            context.load_cert_chain(self.certificate, self.key)
        except FileNotFoundError:
            raise BadCertificate(
                said(
                    f"没有证书文件 {self.certificate} 或密钥文件 {self.key or self.certificate}",
                    f"{self.certificate} or its key {self.key or self.certificate}: no such file",
                )
            ) from None
        except OSError as error:  # ssl.SSLError is one
            raise BadCertificate(
                said(
                    f"{self.certificate} 和 {self.key or '其密钥'} 不能用：不是一对，或不是 PEM（{error.strerror}）",
                    f"{self.certificate} and {self.key or 'its key'} cannot be used: no pair, or no PEM "
                    f"({error.strerror})",
                )
            ) from None


def _is_due(one: Certificate, names: Iterable[str], today: date) -> bool:
    return today < one.begins.date() or one.days_left(today) <= RENEW or not set(names) <= set(one.names)


def _mark(path: Path) -> tuple[int, int, int]:
    try:
        is_ = path.stat()
    except OSError:
        return 0, 0, 0
    return is_.st_mtime_ns, is_.st_size, is_.st_ino


def context_of(served: Served) -> ssl.SSLContext:
    """A server's context with this certificate, TLS 1.2 or newer; raises BadCertificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    served.load(context)
    return context
