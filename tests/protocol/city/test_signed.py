"""What the city signs: only its own word, for this station, newer than the last one, moves anything."""

import json
from datetime import UTC, datetime

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from protocol.city import signed
from protocol.city.signed import WORDS, BadKeys, BadSigned, CityKeys, Verifier, seal, verify

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
HEX = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
KEYS = CityKeys.parse(HEX)
STATION = "410108001-01"
ISSUED = "2026-11-29T08:00:00Z"
SAFE = (1 << 53) - 1
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-SAFE, SAFE) | st.floats(-1e9, 1e9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.dictionaries(TEXTS.filter(lambda name: name not in ("station", "issued", "kid", "sig")), VALUES, max_size=4)


def refused(payload: bytes, keys: CityKeys = KEYS, station: str = STATION) -> str:
    with pytest.raises(BadSigned) as bad:
        verify(payload, keys, station)
    assert bad.value.word in WORDS
    return bad.value.word


def test_the_signature_is_over_the_canonical_form_without_it() -> None:
    body = json.loads(seal({"upto": 3}, STATION, ISSUED, KEY))
    assert set(body) == {"station", "issued", "upto", "kid", "sig"}
    assert (body["kid"], len(body["sig"])) == ("56475aa7", 86)
    signature = signed.base64.urlsafe_b64decode(body.pop("sig") + "==")
    KEY.public_key().verify(signature, rfc8785.dumps(body))


@given(FIELDS)
def test_what_was_signed_reads_back_however_it_is_written(fields: dict[str, object]) -> None:
    payload = seal(fields, STATION, ISSUED, KEY)
    loose = json.dumps(dict(reversed(json.loads(payload).items())), indent=1).encode()
    for written in (payload, loose):
        taken = verify(written, KEYS, STATION)
        assert {name: taken.fields[name] for name in fields} == json.loads(json.dumps(fields))
        assert taken.issued == datetime(2026, 11, 29, 8, tzinfo=UTC).timestamp()


@given(FIELDS, st.data())
def test_no_altered_byte_is_taken_for_the_citys_word(fields: dict[str, object], data: st.DataObject) -> None:
    payload = bytearray(seal(fields, STATION, ISSUED, KEY))
    place = data.draw(st.integers(0, len(payload) - 1))
    payload[place] ^= data.draw(st.integers(1, 255))
    try:
        taken = verify(bytes(payload), KEYS, STATION)
    except BadSigned as bad:
        assert bad.word in WORDS
    else:
        assert dict(taken.fields) == json.loads(seal(fields, STATION, ISSUED, KEY))


@pytest.mark.parametrize(
    ("payload", "word"),
    [
        (b"", "unreadable"),
        (b"[]", "unreadable"),
        (b"\xff", "unreadable"),
        (b"[" * 60_000, "unreadable"),
        (b'{"upto":1' + b" " * 65_536 + b"}", "unreadable"),
        (b'{"upto":1}', "unsigned"),
        (b'{"upto":1,"kid":"56475aa7","sig":7}', "unsigned"),
        (seal({}, STATION, ISSUED, OTHER), "unknown_key"),
        (seal({}, "410108001-02", ISSUED, KEY), "other_station"),
        (seal({}, "410108001-all", ISSUED, KEY), "other_station"),
        (seal({}, STATION, ISSUED, KEY).replace(b'"kid":', b'"upto":9,"kid":'), "bad_signature"),
        (seal({}, STATION, "today", KEY), "unreadable"),
        (seal({}, STATION, "2026-11-29T08:00:00", KEY), "unreadable"),
        (seal({}, STATION, "0001-01-01T00:00:00+23:59", KEY), ""),
        (json.dumps({"station": STATION, "kid": "56475aa7", "sig": "A", "x": "\ud800"}).encode(), "unreadable"),
        (json.dumps({"station": STATION, "kid": "56475aa7", "sig": "A", "x": 1 << 60}).encode(), "unreadable"),
        (json.dumps({"station": STATION, "kid": "56475aa7", "sig": "é" * 86}).encode(), "bad_signature"),
    ],
)
def test_other_messages_are_refused_with_a_fixed_word(payload: bytes, word: str) -> None:
    if word:
        assert refused(payload) == word
    else:
        assert verify(payload, KEYS, STATION).issued < 0


def test_a_signature_has_one_form() -> None:
    body = json.loads(seal({}, STATION, ISSUED, KEY))
    last = body["sig"][-1]
    alike = chr(ord(last) + 1)  # the spare bits of the last letter
    for sig in (body["sig"] + "==", body["sig"][:-1] + alike, body["sig"] + "\n"):
        assert refused(json.dumps({**body, "sig": sig}).encode()) == "bad_signature"


def test_a_message_for_all_stations_of_the_node_is_taken_where_it_may_be() -> None:
    verifier = Verifier(KEYS, STATION)
    payload = seal({"name": "stop_lot"}, "410108001-all", ISSUED, KEY)
    assert verifier.read(payload, "cmd", or_all=True).fields["name"] == "stop_lot"
    with pytest.raises(BadSigned):
        verifier.read(payload, "ack")


def test_an_older_message_than_one_taken_of_its_kind_is_stale() -> None:
    verifier = Verifier(KEYS, STATION)
    old, new = (seal({}, STATION, f"2026-11-29T08:00:0{second}+08:00", KEY) for second in (1, 2))
    verifier.read(new, "ack")
    verifier.taken(verifier.read(old, "ack"), "ack")  # what was only read does not count
    verifier.taken(verifier.read(new, "ack"), "ack")
    with pytest.raises(BadSigned, match="before"):
        verifier.read(old, "ack")
    verifier.read(new, "ack")  # the same moment again is a repeat
    verifier.read(old, "cmd")


def test_a_city_whose_clock_ran_ahead_is_heard_again() -> None:
    verifier = Verifier(KEYS, STATION)
    ahead, now = seal({}, STATION, "2031-01-01T00:00:00Z", KEY), seal({}, STATION, ISSUED, KEY)
    clock = datetime(2026, 11, 29, 8, 1, tzinfo=UTC).timestamp()
    verifier.taken(verifier.read(ahead, "ack", now=clock), "ack")
    for doubtful in (None, clock + 3600):  # no clock to be trusted; or not the present
        with pytest.raises(BadSigned):
            verifier.read(now, "ack", now=doubtful)
    verifier.taken(verifier.read(now, "ack", now=clock), "ack")
    old = seal({}, STATION, "2026-11-29T07:59:59Z", KEY)
    with pytest.raises(BadSigned):
        verifier.read(old, "ack", now=clock)


def test_a_keys_file_has_a_key_a_line() -> None:
    other = OTHER.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    keys = CityKeys.parse(f"\ufeff# the city\r\n{HEX.upper()}\n\n {other}  # since May\n")
    for key in (KEY, OTHER):
        verify(seal({}, STATION, ISSUED, key), keys, STATION)
    assert not CityKeys.parse("# none yet\n")


@pytest.mark.parametrize("line", ["xyz", HEX[:-1], HEX + "00", "0" * 64, "01" + "0" * 60 + "80", "MCowBQYDK2VwAyEA"])
def test_a_line_that_is_no_key_is_named(line: str) -> None:
    with pytest.raises(BadKeys, match="line 2: "):
        CityKeys.parse(f"# the city\n{line}\n")
