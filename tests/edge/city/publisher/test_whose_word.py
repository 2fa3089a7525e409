"""Only the city's own word moves what is confirmed: signed, newest, of this ledger."""

from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.between.inbox import LinkChanged
from edge.records.ledger import Ledger
from protocol.city.envelope import hash_of
from protocol.city.signed import CityKeys
from protocol.city.topics import ACK_CAP, Ack, Rejected

Make, Fill = Callable[..., Any], Callable[..., None]
UP = LinkChanged(True)
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(8, 40)))


def test_an_answer_that_the_city_did_not_sign_moves_nothing_and_is_counted(
    make: Make, fill: Fill, ledger: Ledger
) -> None:
    fill(3)
    publisher = make()
    publisher.pump(0.0)
    said = Ack(3, (), (Rejected(publisher.wire.ids[1], "bad_data", "x"),), hash_of(ledger.body(3)))
    for payload in (
        said.encode(),
        publisher.sealed(said, key=OTHER),
        publisher.sealed(said, station="410108001-02"),
        publisher.sealed(Ack(1)).replace(b'"upto":1', b'"upto":3'),
        b"",
        b"9" * (ACK_CAP + 1),
    ):
        publisher.acknowledged(payload, False, 0.0)
    assert (publisher.upto, publisher.pending, publisher.aside) == (0, 3, {})
    assert publisher.counted() == {
        "unsigned": 1,
        "unknown_key": 1,
        "other_station": 1,
        "bad_signature": 1,
        "unreadable": 2,
    }
    for seq in (1, 2, 3):
        publisher.broker(seq)
    publisher.pump(10.0)
    assert publisher.word == "unproven"
    publisher.hear(3, 11.0)
    assert (publisher.pending, publisher.word) == (0, "")


def test_an_older_answer_than_one_taken_moves_nothing(make: Make, fill: Fill, ledger: Ledger) -> None:
    fill(3)
    publisher = make()
    publisher.pump(0.0)
    older = publisher.sealed(Ack(3, hash=hash_of(ledger.body(3))))
    publisher.hear(1)
    publisher.acknowledged(older, False, 0.0)
    assert (publisher.upto, publisher.counted()) == (1, {"stale": 1})


def test_a_retained_answer_moves_nothing(make: Make, fill: Fill, ledger: Ledger) -> None:
    fill(2)
    publisher = make()
    publisher.pump(0.0)
    publisher.acknowledged(publisher.sealed(Ack(2, hash=hash_of(ledger.body(2)))), True, 0.0)
    assert (publisher.upto, publisher.counted()) == (0, {"retained": 1})


def test_without_a_key_of_the_city_nothing_is_confirmed_and_it_is_said(make: Make, fill: Fill) -> None:
    fill(1)
    publisher = make(keys=CityKeys())
    publisher.pump(0.0)
    publisher.hear(1)
    assert (publisher.pending, publisher.word) == (1, "no_city_key")


def test_unsigned_answers_count_where_that_is_configured(make: Make, fill: Fill) -> None:
    fill(5)
    publisher = make(confirm="city-unsigned", keys=CityKeys())
    publisher.pump(0.0)
    publisher.acknowledged(b'{"upto":2}', False, 0.0)
    assert (publisher.upto, publisher.word) == (2, "")


def test_an_answer_that_names_another_record_moves_nothing_and_is_a_trouble(make: Make, fill: Fill, wire: Any) -> None:
    fill(8)
    publisher = make()
    publisher.pump(0.0)
    named = (Rejected(wire.ids[1], "fork", "taken"),)
    publisher.hear(3, digest="ab" * 32, ids=(2,), reject=named)
    assert (publisher.upto, publisher.pending, publisher.aside, publisher.word) == (0, 8, {}, "disagree")
    publisher.hear(9, digest="ab" * 32, reject=named)  # beyond our end
    assert (publisher.upto, publisher.aside) == (0, {})
    assert "ends at 8" in publisher.cause()[1]
    assert publisher.counted() == {"disagree": 2}
    publisher.hear(3)  # that alone is no way out: a person orders it
    assert (publisher.upto, publisher.word) == (0, "disagree")
    publisher.pump(60.0)
    assert wire.sequences() == [1, 2, 3, 4]


def test_an_answer_without_a_hash_counts_only_over_what_was_sent_on_this_connection(make: Make, fill: Fill) -> None:
    fill(10)
    publisher = make()
    publisher.hear(10, digest="")
    assert publisher.upto == 0
    publisher.pump(0.0)
    publisher.hear(10, digest="")
    assert publisher.upto == 4
    publisher.pump(0.0)
    publisher.link(LinkChanged(False), 1.0)
    publisher.link(UP, 1.0)
    publisher.hear(8, 1.0, digest="")
    assert publisher.upto == 4
    publisher.hear(8, 1.0)
    assert publisher.upto == 8
