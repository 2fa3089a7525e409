"""The signed code of a source card: what it states, how small it stays, and that nothing in it can be changed."""

import base64
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from protocol.city.codes import BadCode, CodeKind, TraceCode
from protocol.city.node_keys import NodeKeys, UnknownSigner
from protocol.city.signed import BadKeys
from protocol.city.source import (
    LONGEST,
    MOST_PORTIONS,
    SourceToken,
    card_url,
    parse_card,
    stall_url,
    verdict_of,
    verify_card,
)
from protocol.city.token import BadToken, TokenVerdict, kid_of
from protocol.printers import codes
from protocol.printers.document import MAX_QR

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(7, 39)))
HOST = "sy.example.cn"
CARD = SourceToken(
    kid=kid_of(KEY.public_key()),
    t=217_489_970,
    source="41010800110100010074",
    test=str(TraceCode("410108001", CodeKind.TEST, "01", 7)),
    product="01040201",
    name="上海青",
    net_g=300_000,
    origin="河南省新郑市",
    origin_code="410184",
    supplier="新郑市龙湖镇李四",
    supplier_code="4101080010456",
    verdict=TokenVerdict.QUALIFIED,
    item="有机磷和氨基甲酸酯类农药",
)
# The vector of protocol/README.md: an implementation elsewhere must give these bytes.
URL = (
    "https://sy.example.cn/b/ElZHWqcM9qIyAjkjoWplD9RaAAAHAA_fSQAEk-AFAAAGQkgDuttqztgGyc-6o8fgDLrTxM_KodDC1qPK0BDQwtaj"
    "ytDB-rr-1fLA7svEGNPQu_rB17rNsLG7-bzXy-H1pcDgxanSqUrzLE-BbA7-hoUHTNzn4O5jXcoy20sjjqTD_v21qQbUT-jLFrClYMSqhtu1s_gW"
    "LrIa7raiiWLPEJGGDjJuuwQ"
)
NODE_KEYS = NodeKeys().plus("410108001-01", KEY.public_key())


def test_a_card_says_what_it_was_made_of() -> None:
    assert verify_card(card_url(CARD, KEY, HOST), KEY.public_key()) == CARD
    assert CARD.verdict_word == "qualified"
    assert CARD.tested_at == "2026-11-22T13:52:50+08:00"
    assert CARD.as_json()["source"] == CARD.source
    assert replace(CARD, t=0).as_json()["tested_at"] is None


def test_what_a_card_states_for_programs() -> None:
    assert replace(CARD, portion=3).as_json() == {
        "kind": "source",
        "kid": kid_of(KEY.public_key()).hex(),
        "source": "41010800110100010074",
        "test": str(TraceCode("410108001", CodeKind.TEST, "01", 7)),
        "portion": 3,
        "product": "01040201",
        "name": "上海青",
        "net_g": 300_000,
        "origin": "河南省新郑市",
        "origin_code": "410184",
        "supplier": "新郑市龙湖镇李四",
        "supplier_code": "4101080010456",
        "verdict": "qualified",
        "item": "有机磷和氨基甲酸酯类农药",
        "tested_at": "2026-11-22T13:52:50+08:00",
    }


def test_the_address_of_a_full_card_fits_58_mm_paper() -> None:
    """Version 12 at level M is 65 modules and a quiet zone of 8: 365 of 384 dots at 5 a module."""
    full = replace(CARD, name="龥" * 60, origin="龥" * 60, supplier="龥" * 60, item="龥" * 60)
    url = card_url(full, KEY, HOST)
    assert LONGEST == MAX_QR
    assert len(url) <= LONGEST
    assert codes.qr_modules(url) * 5 <= 384
    assert verify_card(url, KEY.public_key()).item == "龥" * 12


@given(host=st.integers(1, 100))
def test_a_long_host_takes_room_from_the_longest_texts_alone(host: int) -> None:
    url = card_url(CARD, KEY, "h" * host)
    assert len(url) <= LONGEST
    found = verify_card(url, KEY.public_key())
    assert (found.source, found.net_g, found.product) == (CARD.source, CARD.net_g, CARD.product)
    for name in ("name", "origin", "supplier", "item"):
        assert getattr(CARD, name).startswith(getattr(found, name))


def operators() -> st.SearchStrategy[str]:
    return st.just("") | st.integers(1, 10**13 - 1).map(lambda number: f"{number:013d}")


@st.composite
def cards(draw: st.DrawFn) -> SourceToken:
    node = f"{draw(st.integers(0, 10**9 - 1)):09d}"
    terminal = f"{draw(st.integers(0, 99)):02d}"
    serials = st.integers(1, 9_999_999)
    kind = draw(st.sampled_from((CodeKind.SOURCE, CodeKind.TRAINING)))
    return SourceToken(
        kid=CARD.kid,
        t=draw(st.integers(0, 2**32 - 1)),
        source=str(TraceCode(node, kind, terminal, draw(serials))),
        test=str(TraceCode(node, CodeKind.TEST, terminal, draw(serials))),
        product=f"{draw(st.integers(0, 10**8 - 1)):08d}",
        name=draw(st.text()),
        net_g=draw(st.integers(0, 2**32 - 1)),
        origin=draw(st.text()),
        origin_code=draw(st.just("") | st.integers(1, 999_999).map(lambda number: f"{number:06d}")),
        supplier=draw(st.text()),
        supplier_code=draw(operators()),
        verdict=draw(st.sampled_from(TokenVerdict)),
        item=draw(st.text()),
        portion=draw(st.integers(0, MOST_PORTIONS)),
    )


@given(cards())
def test_every_card_comes_back_as_it_was_cut(card: SourceToken) -> None:
    found = verify_card(card_url(card, KEY, HOST), KEY.public_key())
    assert found == card.fitted(HOST)
    assert found.fitted(HOST) == found
    assert found.training == (card.source[9] == "9")


@given(st.integers(0))
def test_no_bit_can_be_changed(place: int) -> None:
    url = card_url(CARD, KEY, HOST)
    head, text = url.rsplit("/", 1)
    data = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    place %= 8 * len(data)
    data[place // 8] ^= 1 << place % 8
    changed = f"{head}/{base64.urlsafe_b64encode(data).rstrip(b'=').decode()}"
    with pytest.raises(BadToken):
        verify_card(changed, KEY.public_key())
    with pytest.raises(BadToken):
        NODE_KEYS.open(changed)


@given(st.binary(max_size=400))
def test_noise_is_no_card(noise: bytes) -> None:
    with pytest.raises(BadToken):
        parse_card(f"https://{HOST}/b/{base64.urlsafe_b64encode(noise).rstrip(b'=').decode()}")


def signed(data: bytes) -> str:
    text = base64.urlsafe_b64encode(data + KEY.sign(b"MEDGE-SRC1\0" + data)).rstrip(b"=").decode()
    return f"https://{HOST}/b/{text}"


@pytest.mark.parametrize(
    ("place", "byte", "why"),
    [
        (0, 0x11, "not the code of a source card"),
        (29, 0x80, "flags that cannot be"),
        (29, 0x01, "flags that cannot be"),
        (9, 0xFF, "20 digits"),
        (21, 0xFF, "more than 8 digits"),
        (35, 0xFF, "digits where"),
        (41, 0xFF, "a text is cut off"),
    ],
)
def test_what_a_key_signed_and_cannot_be_is_refused(place: int, byte: int, why: str) -> None:
    data = bytearray(CARD.encode())
    data[place] = byte
    with pytest.raises(BadToken, match=why):
        verify_card(signed(bytes(data)), KEY.public_key())


def test_one_form_only() -> None:
    with pytest.raises(BadToken, match="texts where"):
        parse_card(signed(CARD.encode() + b"\0"))
    unclean = CARD.encode()[:41] + b"\2 a\0\0\0"
    with pytest.raises(BadToken, match="one form"):
        parse_card(signed(unclean))
    sale = bytearray(CARD.encode())
    sale[9:18] = TraceCode("410108001", CodeKind.SALE, "01", 5).packed()
    with pytest.raises(BadToken, match="no source code"):
        parse_card(signed(bytes(sale)))
    with pytest.raises(BadToken, match="too short"):
        parse_card(signed(b"\x12"))


def test_a_test_of_another_station_is_no_test_of_this_lot() -> None:
    with pytest.raises(BadCode, match="not of the station"):
        replace(CARD, test=str(TraceCode("410108001", CodeKind.TEST, "02", 7))).encode()


def test_a_card_is_not_verified_by_another_key() -> None:
    url = card_url(CARD, KEY, HOST)
    with pytest.raises(BadToken, match="signed by key 56475aa7"):
        verify_card(url, OTHER.public_key())
    forged = card_url(CARD, OTHER, HOST)  # says it is of KEY
    with pytest.raises(BadToken, match="does not fit"):
        verify_card(forged, KEY.public_key())
    with pytest.raises(BadToken, match="does not fit"):
        NODE_KEYS.open(forged)


def test_the_whole_lot_is_signed_by_who_released_it_and_a_part_by_any_station() -> None:
    keys = NODE_KEYS.plus("410108001-02", OTHER.public_key())
    assert keys.open(card_url(CARD, KEY, HOST)) == (CARD, "410108001-01")
    by_other = replace(CARD, kid=kid_of(OTHER.public_key()))
    with pytest.raises(BadToken, match="whose source code this is not"):
        keys.open(card_url(by_other, OTHER, HOST))
    part = replace(by_other, portion=3)
    assert keys.open(card_url(part, OTHER, HOST)) == (part, "410108001-02")
    with pytest.raises(UnknownSigner, match="no station's of this market"):
        NODE_KEYS.open(card_url(part, OTHER, HOST))


def test_a_keys_file_has_a_key_and_its_station_a_line() -> None:
    text = f"# gate\n{NODE_KEYS.text().replace('  ', '   ')}\n\n"
    keys = NodeKeys.parse(text)
    assert keys.text() == NODE_KEYS.text()
    assert keys.plus("410108001-01", KEY.public_key()) is keys
    assert keys.of("56475aa7", "410108001-01") == keys.of("56475aa7") != ()
    assert keys.of("56475aa7", "410108001-02") == keys.of("00000000") == ()
    for wrong in ("abc 410108001-01", NODE_KEYS.text().split()[0], f"{'00' * 32} 410108001-01"):
        with pytest.raises(BadKeys, match="line 2"):
            NodeKeys.parse(f"\n{wrong}")


def test_verdicts_and_a_stall_s_own_address() -> None:
    assert verdict_of("suspect") is TokenVerdict.PENDING
    assert verdict_of("invalid") is TokenVerdict.NONE
    assert replace(CARD, verdict=TokenVerdict.NONE).verdict_word == "not_applicable"
    assert stall_url("4101080010123", HOST) == "https://sy.example.cn/s/4101080010123"
    with pytest.raises(BadCode):
        stall_url("12", HOST)


def test_the_vector_of_the_contract() -> None:
    assert card_url(CARD, KEY, HOST) == URL
    readme = (Path(__file__).parents[3] / "protocol" / "README.md").read_text("utf-8")
    assert URL in readme
    assert CARD.encode().hex() in readme
