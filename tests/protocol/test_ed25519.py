"""Keys and signatures against RFC 8032, and against the package that other programs use."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from protocol import ed25519
from protocol.ed25519 import BadSignature, check

VECTORS = [  # RFC 8032, 7.1: private key, public key, message, signature
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
]
KEYS = st.binary(min_size=32, max_size=32)


@pytest.mark.parametrize(("private", "public", "message", "signature"), VECTORS)
def test_the_vectors_of_the_standard(private: str, public: str, message: str, signature: str) -> None:
    key = ed25519.private_key_of(bytes.fromhex(private))
    assert key.private_bytes_raw().hex() == private
    assert key.public_key().public_bytes_raw().hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signature
    check(ed25519.public_key_of(bytes.fromhex(public)), bytes.fromhex(signature), bytes.fromhex(message))


@given(KEYS, st.binary(max_size=300))
def test_another_program_s_keys_and_ours_are_the_same(raw: bytes, message: bytes) -> None:
    ours, theirs = ed25519.private_key_of(raw), Ed25519PrivateKey.from_private_bytes(raw)
    assert ours.sign(message) == theirs.sign(message)
    check(theirs.public_key(), ours.sign(message), message)
    theirs.public_key().verify(ours.sign(message), message)
    assert ed25519.private_pem(ours) == theirs.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = theirs.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert ed25519.public_pem(ours.public_key()) == public
    assert ed25519.public_of_pem(public) == ours.public_key()
    read = ed25519.private_of_pem(ed25519.private_pem(theirs).replace(b"\n", b"\r\n"))
    assert read is not None and read.private_bytes_raw() == raw


@given(KEYS, st.binary(min_size=1, max_size=80), st.integers(min_value=0))
def test_one_bit_is_enough_to_be_refused(raw: bytes, message: bytes, place: int) -> None:
    key = ed25519.private_key_of(raw)
    signed = bytearray(key.sign(message) + message)
    signed[place // 8 % len(signed)] ^= 1 << place % 8
    with pytest.raises(BadSignature):
        check(key.public_key(), bytes(signed[:64]), bytes(signed[64:]))


@pytest.mark.parametrize("size", [0, 63, 65, 128])
def test_a_signature_of_another_length_is_none(size: int) -> None:
    key = ed25519.new_key()
    signature = (key.sign(b"") * 2)[:size]
    with pytest.raises(BadSignature):
        check(key.public_key(), signature, b"")


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_key_of_another_length_is_none(size: int) -> None:
    for make in (ed25519.public_key_of, ed25519.private_key_of):
        with pytest.raises(ValueError, match="32 bytes"):
            make(bytes(size))


@given(st.binary(max_size=200))
def test_other_bytes_are_no_key(data: bytes) -> None:
    for text in (data, b"-----BEGIN PRIVATE KEY-----\n" + data + b"\n-----END PRIVATE KEY-----\n"):
        assert ed25519.private_of_pem(text) is None
        assert ed25519.public_of_pem(text) is None


def test_a_key_that_signs_everything_is_refused() -> None:
    """The neutral point as key: OpenSSL finds this signature right under any message."""
    neutral = bytes([1]) + bytes(31)
    signature = neutral + bytes(32)
    Ed25519PublicKey.from_public_bytes(neutral).verify(signature, b"anything")
    with pytest.raises(BadSignature):
        check(ed25519.public_key_of(neutral), signature, b"anything")


def test_a_new_key_is_another_one() -> None:
    assert ed25519.new_key().private_bytes_raw() != ed25519.new_key().private_bytes_raw()
