"""The keys of a node's stations: a station keeps its name in lots, whatever key it signs by today."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.city.node_keys import NodeKeys
from protocol.city.token import kid_of

FIRST, SECOND, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32).public_key() for n in (1, 2, 3))


def kid(key: object) -> str:
    return kid_of(key).hex()  # type: ignore[arg-type]


def test_lots_are_named_by_the_oldest_key_of_their_station() -> None:
    keys = NodeKeys().plus("410108001-01", FIRST).plus("410108001-02", OTHER).plus("410108001-01", SECOND)
    assert keys.first(kid(SECOND)) == keys.first(kid(FIRST)) == kid(FIRST)
    assert keys.first(kid(OTHER)) == kid(OTHER)
    assert keys.first("00000000") == "00000000"
    assert keys.station("410108001-01") == kid(SECOND), "its newest one"


def test_a_key_that_is_taken_away_leaves_the_others() -> None:
    keys = NodeKeys().plus("410108001-01", FIRST).plus("410108001-02", OTHER).plus("410108001-03", FIRST)
    left = keys.minus("410108001-01", FIRST)
    assert not left.of(kid(FIRST), "410108001-01")
    assert left.of(kid(FIRST), "410108001-03") and left.of(kid(OTHER), "410108001-02")
    alone = left.minus("410108001-03", FIRST)
    assert kid(FIRST) not in alone.by_kid and alone.text().split() == [OTHER.public_bytes_raw().hex(), "410108001-02"]
    assert keys.minus("410108001-01", OTHER).text() == keys.text()


def test_what_is_known_already_keeps_its_place() -> None:
    file = NodeKeys.parse(f"{SECOND.public_bytes_raw().hex()} 410108001-01\n")
    keys = NodeKeys().plus("410108001-01", FIRST).more(file)
    assert keys.first(kid(SECOND)) == kid(FIRST)
    assert [line.split()[0] for line in keys.text().splitlines()] == [
        FIRST.public_bytes_raw().hex(),
        SECOND.public_bytes_raw().hex(),
    ]
