"""A certificate request of this station: what a city's authority signs for brokers that ask for a certificate (mTLS).

The key never leaves the box.  It is P-256: not every broker takes Ed25519.
"""

from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from edge.records import private
from edge.records.identity import UNREADABLE, BadKey


def request(key_file: Path, csr_file: Path, station: str) -> None:
    """Write a request for the key, which is made where there is none. ``station`` is the name in it.

    Raises BadKey.
    """
    key = _load(key_file) if key_file.exists() else _make(key_file)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, station)])
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    private.replace(csr_file, csr.public_bytes(Encoding.PEM))


def _make(path: Path) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    private.write_new(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key


def _load(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (*UNREADABLE, UnsupportedAlgorithm) as error:
        raise BadKey(f"{path}: cannot be read as a key: {error}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise BadKey(f"{path}: not a P-256 key")
    return key
