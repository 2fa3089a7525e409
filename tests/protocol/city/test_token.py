"""The contract's test vector, and what a damaged or foreign code becomes."""

import base64
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocol.city.codes import CodeKind, TraceCode
from protocol.city.token import (
    EPOCH,
    BadToken,
    Flags,
    Token,
    TokenKind,
    TokenVerdict,
    code_in,
    digest_of,
    kid_of,
    parse_url,
    url_of,
    verify_url,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
SLIP = {
    "amount_fen": 4319,
    "buyer": "4101080010456",
    "lines": [
        {
            "amount_fen": 4319,
            "net_g": 12340,
            "price": {"fen": 175, "per_g": 500},
            "product": "01040201",
            "source": "41010800110100010074",
        }
    ],
    "seller": "4101080010123",
    "time": "2026-11-22T05:31:07+08:00",
    "tx": "41010800120300000424",
}
TOKEN = (
    "1156475aa70cf62c9b023923a16cc50754a803badb6acd8b03badb6aced800003034000010df0d0be451b74e4d07e801023923a16a650fd45a"
)
SIGNATURE = (
    "ac050e0f870915a2dcde13bb37300811f75cbd026bc0017eefec9c56d588a50c"
    "c36a8b2eb5ea2fb326380140007ac716b7e0a858b892b6ab70e42b900d35af08"
)
URL = (
    "https://sy.example.cn/j/EVZHWqcM9iybAjkjoWzFB1SoA7rbas2LA7rbas7YAAAwNAAAEN8NC-RRt05NB-gBAjkjoWplD9RarAUOD4cJFaLc3hO7"
    "NzAIEfdcvQJrwAF-7-ycVtWIpQzDaosuteovsyY4AUAAescWt-CoWLiStqtw5CuQDTWvCA"
)


@pytest.fixture
def token() -> Token:
    return Token(
        kind=TokenKind.SALE,
        kid=kid_of(KEY.public_key()),
        t=1_795_296_667 - EPOCH,  # 2026-11-22T05:31:07+08:00
        tx="41010800120300000424",
        seller="4101080010123",
        buyer="4101080010456",
        net_g=12340,
        amount_fen=4319,
        verdict=TokenVerdict.QUALIFIED,
        flags=Flags.CLOCK_TRUSTED | Flags.SCALE_VERIFIED,
        digest=digest_of(SLIP),
        sources=("41010800110100010074",),
    )


def test_the_contract_vector_holds(token: Token) -> None:
    assert KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex() == PUBLIC
    assert kid_of(KEY.public_key()).hex() == "56475aa7"
    assert token.digest.hex() == "0be451b74e4d07e8"
    assert token.encode().hex() == TOKEN
    url = url_of(token, KEY, "sy.example.cn")
    assert url == URL
    assert len(url) == 186
    assert parse_url(url)[2].hex() == SIGNATURE


def test_a_token_reads_back(token: Token) -> None:
    assert verify_url(URL, KEY.public_key()) == token
    assert verify_url(URL.rsplit("/", 1)[1], KEY.public_key()) == token


@pytest.mark.parametrize("position", range(0, 162, 3))
def test_a_changed_letter_is_found(position: int) -> None:
    text = URL.rsplit("/", 1)[1]
    changed = text[:position] + ("A" if text[position] != "A" else "B") + text[position + 1 :]
    with pytest.raises(BadToken):
        verify_url(changed, KEY.public_key())


def test_a_foreign_key_is_named(token: Token) -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    with pytest.raises(BadToken, match="56475aa7"):
        verify_url(URL, other.public_key())


@pytest.mark.parametrize(
    "text",
    ["", "x", "https://sy.example.cn/j/", "A" * 2000, "不是码", base64.urlsafe_b64encode(b"\x11" * 70).decode()],
)
def test_what_is_not_a_token_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(BadToken):
        verify_url(text, KEY.public_key())


def test_more_than_two_sources_live_under_the_digest(token: Token) -> None:
    from dataclasses import replace

    many = replace(token, sources=("41010800110100010074",) * 3)
    assert Token.decode(many.encode()).sources is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("41010800120300000424", "41010800120300000424"),
        (" 4101 0800 1203 0000 0424\n", "41010800120300000424"),
        ("４１０１０８００１２０３０００００４２４", "41010800120300000424"),
        ("]C141010800120300000424", "41010800120300000424"),
        ("]q341010800120300000424", "41010800120300000424"),
        ("…00424", "00424"),
        ("..00424", "00424"),
        ("00424.", "00424."),
        ("https://sy.example.cn/b/41010800110100010074", "41010800110100010074"),
        ("HTTPS://SY.EXAMPLE.CN/B/41010800110100010074?x=1", "41010800110100010074"),
        ("https://sy.example.cn/b/410108001101000100745", "https://sy.example.cn/b/410108001101000100745"),
        ("https://sy.example.cn/b/4101080011010001007", "https://sy.example.cn/b/4101080011010001007"),
        (URL, "41010800120300000424"),
        (URL[:-9], URL[:-9]),
        ("", ""),
    ],
)
def test_a_code_is_read_however_it_was_scanned_typed_or_copied(text: str, code: str) -> None:
    assert code_in(text) == code


def test_what_a_token_states_for_programs(token: Token) -> None:
    assert token.as_json() == {
        "kind": "sale",
        "kid": kid_of(KEY.public_key()).hex(),
        "time": "2026-11-22T05:31:07+08:00",
        "tx": "41010800120300000424",
        "seller": "4101080010123",
        "buyer": "4101080010456",
        "net_g": 12340,
        "amount_fen": 4319,
        "verdict": "qualified",
        "clock_trusted": True,
        "scale_verified": True,
        "replaces_voided": False,
        "digest": digest_of(SLIP).hex(),
        "sources": ["41010800110100010074"],
    }
    bare = replace(token, t=0, flags=Flags.REPLACES_VOIDED, sources=None).as_json()
    assert (bare["time"], bare["sources"]) == (None, None)
    assert (bare["clock_trusted"], bare["scale_verified"], bare["replaces_voided"]) == (False, False, True)


@pytest.mark.parametrize(("count", "told"), [(0, True), (1, True), (2, True), (3, False)])
def test_so_many_sources_fit_a_token(token: Token, count: int, told: bool) -> None:
    sources = tuple(str(TraceCode("410108001", CodeKind.SOURCE, "01", 7 + one)) for one in range(count))
    read = verify_url(url_of(replace(token, sources=sources), KEY, "sy.example.cn"), KEY.public_key())
    assert read == replace(token, sources=sources if told else None)
