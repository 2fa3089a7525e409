"""Key files, whoever wrote them: a key of ours, or a line that names the file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from edge.records.identity import BadKey, load_key, load_public_key

READERS: list[Callable[[Path], Any]] = [load_key, load_public_key]
OTHER = rsa.generate_private_key(65537, 1024)
UNKNOWN_CURVE = (  # SubjectPublicKeyInfo of a curve that nobody has a name for
    b"-----BEGIN PUBLIC KEY-----\nMBYwEAYHKoZIzj0CAQYFKwOETwEDAgAE\n-----END PUBLIC KEY-----\n"
)


def pem(key: Any, **encryption: Any) -> bytes:
    way = encryption.get("by", NoEncryption())
    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, way))


@pytest.mark.parametrize("reader", READERS)
def test_a_key_of_ours_is_read(tmp_path: Path, key: Ed25519PrivateKey, reader: Callable[[Path], Any]) -> None:
    (tmp_path / "station.key").write_bytes(pem(key))
    assert reader(tmp_path / "station.key")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "data",
    [
        pem(Ed25519PrivateKey.from_private_bytes(bytes(32)), by=BestAvailableEncryption(b"secret")),
        pem(OTHER),
        OTHER.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        UNKNOWN_CURVE,
        b"",
        b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
        "密钥".encode("gbk") * 16,
    ],
    ids=["with a password", "RSA", "public RSA", "unknown curve", "empty", "an empty frame", "64 letters"],
)
def test_another_file_is_refused_by_name(tmp_path: Path, data: bytes, reader: Callable[[Path], Any]) -> None:
    file = tmp_path / "station.key"
    file.write_bytes(data)
    with pytest.raises(BadKey, match=r"station\.key"):
        reader(file)
