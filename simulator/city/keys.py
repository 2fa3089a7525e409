"""The city's own key: made at the first start, kept beside the database."""

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

FILE = "city.key"


def city_key(path: Path) -> Ed25519PrivateKey:
    """The key in this file, which is made when there is none. Raises ValueError for another kind of file."""
    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError(f"{path}: not an Ed25519 key") from None
        return key
    key = Ed25519PrivateKey.generate()
    with os.fdopen(made, "wb") as out:
        out.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key


def public_hex(key: Ed25519PrivateKey) -> str:
    """The public key as stations take it: 64 hex digits."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def hex_beside(db: Path) -> str:
    """The public key of the city whose database is, or will be, this file."""
    db.parent.mkdir(parents=True, exist_ok=True)
    return public_hex(city_key(db.with_name(FILE)))
