"""Keys: the station's own, made by ``marketedge init`` and readable by the service alone; the city's public ones."""

from pathlib import Path

from edge.records import private
from protocol.city.node_keys import NodeKeys
from protocol.city.signed import BadKeys, CityKeys
from protocol.ed25519 import (
    PrivateKey,
    PublicKey,
    new_key,
    private_key_of,
    private_of_pem,
    private_pem,
    public_key_of,
    public_of_pem,
    public_pem,
)

UNREADABLE = (OSError, ValueError, TypeError)  # TypeError: it has a password


class BadKey(ValueError):
    """The key file is missing, unreadable or not an Ed25519 key; the message names the file and the next step."""


def create_key(path: Path) -> PrivateKey:
    """Make a key and write it with mode 0600, its public half beside it as ``.pub``. Never overwrites."""
    key = new_key()
    private.write_new(path, private_pem(key))
    private.replace(path.with_suffix(".pub"), public_pem(key.public_key()))
    return key


def load_key(path: Path) -> PrivateKey:
    """The station's key; raises BadKey."""
    try:
        key = private_key_in(path.read_bytes())
    except FileNotFoundError:
        raise BadKey(f"{path}: no key; `marketedge init` makes one, or restore it from the backup") from None
    except UNREADABLE as error:
        raise BadKey(f"{path}: cannot be read as a key: {error}; restore it from the backup") from None
    if key is None:
        raise BadKey(f"{path}: not an Ed25519 key; restore the station's own from the backup")
    return key


def private_key_in(pem: bytes) -> PrivateKey | None:
    """The key, in whatever form of PEM; None of another kind. Raises ValueError, of one with a password TypeError.

    Other programs may write an Ed25519 key otherwise than we do: what is not as ours is read by the package that reads
    them all.
    """
    if (key := private_of_pem(pem)) is not None:
        return key
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        read = load_pem_private_key(pem, password=None)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from None
    return private_key_of(read.private_bytes_raw()) if isinstance(read, Ed25519PrivateKey) else None


def public_key_in(pem: bytes) -> PublicKey | None:
    """The same of a public key."""
    if (key := public_of_pem(pem)) is not None:
        return key
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        read = load_pem_public_key(pem)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from None
    return public_key_of(read.public_bytes_raw()) if isinstance(read, Ed25519PublicKey) else None


def load_public_key(path: Path) -> PublicKey:
    """A public key in PEM form, or as the 64 hex digits the city registers; raises BadKey."""
    try:
        data = path.read_bytes()
        text = data.strip()
        if len(text) == 64:
            return public_key_of(bytes.fromhex(text.decode("ascii")))
        if b"PRIVATE" in data:
            return load_key(path).public_key()
        key = public_key_in(data)
    except UNREADABLE as error:
        raise BadKey(f"{path}: cannot be read as a public key: {error}") from None
    if key is None:
        raise BadKey(f"{path}: not an Ed25519 key")
    return key


def public_hex(key: PrivateKey) -> str:
    """The raw public key as 64 hex digits: what the city registers."""
    return key.public_key().public_bytes_raw().hex()


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
