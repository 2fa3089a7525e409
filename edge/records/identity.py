"""Keys: the station's own, made by ``marketedge init`` and readable by the service alone; the city's public ones."""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from edge.records import private
from protocol.city.node_keys import NodeKeys
from protocol.city.signed import BadKeys, CityKeys

UNREADABLE = (OSError, ValueError, TypeError, UnsupportedAlgorithm)  # TypeError: it has a password


class BadKey(ValueError):
    """The key file is missing, unreadable or not an Ed25519 key; the message names the file and the next step."""


def create_key(path: Path) -> Ed25519PrivateKey:
    """Make a key and write it with mode 0600, its public half beside it as ``.pub``. Never overwrites."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    private.write_new(path, pem)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    private.replace(path.with_suffix(".pub"), public)
    return key


def load_key(path: Path) -> Ed25519PrivateKey:
    """The station's key; raises BadKey."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError:
        raise BadKey(f"{path}: no key; `marketedge init` makes one, or restore it from the backup") from None
    except UNREADABLE as error:
        raise BadKey(f"{path}: cannot be read as a key: {error}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey(f"{path}: not an Ed25519 key")
    return key


def load_public_key(path: Path) -> Ed25519PublicKey:
    """A public key in PEM form, or as the 64 hex digits the city registers; raises BadKey."""
    try:
        data = path.read_bytes()
        text = data.strip()
        if len(text) == 64:
            return Ed25519PublicKey.from_public_bytes(bytes.fromhex(text.decode("ascii")))
        if b"PRIVATE" in data:
            return load_key(path).public_key()
        key = load_pem_public_key(data)
    except UNREADABLE as error:
        raise BadKey(f"{path}: cannot be read as a public key: {error}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise BadKey(f"{path}: not an Ed25519 key")
    return key


def public_hex(key: Ed25519PrivateKey) -> str:
    """The raw public key as 64 hex digits: what the city registers."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def load_city_keys(path: Path) -> CityKeys:
    """The city's public keys; none when there is no such file. Raises BadKey naming the line."""
    try:
        return CityKeys.parse(path.read_text("utf-8"))
    except FileNotFoundError:
        return CityKeys()
    except (OSError, UnicodeDecodeError, BadKeys) as error:
        raise BadKey(f"{path}: {error}") from None


def load_node_keys(path: Path) -> NodeKeys:
    """The public keys of the node's stations; none when there is no such file. Raises BadKey naming the line."""
    try:
        return NodeKeys.parse(path.read_text("utf-8"))
    except FileNotFoundError:
        return NodeKeys()
    except (OSError, UnicodeDecodeError, BadKeys) as error:
        raise BadKey(f"{path}: {error}") from None


def city_keys_text(given: str) -> str:
    """What to write into the keys file, from a file's name or hex digits; raises BadKey."""
    text = given
    if len(given) != 64 or Path(given).is_file():
        try:
            text = Path(given).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadKey(f"{given}: neither 64 hex digits nor a file that can be read: {error}") from None
    try:
        CityKeys.parse(text)
    except BadKeys as error:
        raise BadKey(f"{given[:80]}: {error}") from None
    return text.rstrip("\n") + "\n"
