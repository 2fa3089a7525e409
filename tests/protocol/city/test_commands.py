"""The city's commands: written and read to the same, unknown fields refused, each field described."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from protocol.city.commands import COMMANDS, Directory, Focus, Keys, Resend, StationKey, StopLot
from protocol.city.orders import BadCommand, CommandAnswer, fields_of, head_of, order_of, schemas
from protocol.city.signed import BadSigned, CityKeys, seal, verify

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEYS = CityKeys.parse(KEY.public_key().public_bytes_raw().hex())
STATION, NOW, LATER = "410108001-01", "2026-11-29T08:00:00+08:00", "2026-11-29T09:00:00+08:00"
PUBLIC = KEY.public_key().public_bytes_raw().hex()


def signed(fields: dict[str, Any]) -> Any:
    return verify(seal(fields, STATION, NOW, KEY), KEYS, STATION)


@pytest.mark.parametrize("command", [StopLot(lot="1" * 20, reason="x"), Resend(first=3), Keys(add=(PUBLIC,))])
def test_what_a_city_writes_is_what_a_station_reads(command: Any) -> None:
    name = next(row.name for row in COMMANDS.values() if row.command is type(command))
    message = signed(fields_of(command, "c-1", name, LATER))
    order = order_of(message, head_of(message, name))
    assert (order.command, order.head.id, order.head.expires - order.head.issued) == (command, "c-1", 3600)
    assert order.head.kid in KEYS.by_kid


def test_a_message_on_the_topic_of_another_command_is_none() -> None:
    message = signed(fields_of(StopLot(lot="1" * 20, reason="x"), "c-1", "stop_lot", LATER))
    with pytest.raises(BadSigned):
        head_of(message, "lots")


@pytest.mark.parametrize("id_", ["", "a b", "x" * 65, None, 3, "中"])
def test_an_id_is_a_short_word(id_: Any) -> None:
    with pytest.raises(BadSigned):
        head_of(signed({"id": id_, "name": "lots", "expires": LATER}), "lots")


@pytest.mark.parametrize("fields", [{}, {"lot": "1" * 20, "reason": "x", "more": 1}, {"lot": 5, "reason": "x"}])
def test_fields_that_do_not_fit_are_named(fields: dict[str, Any]) -> None:
    message = signed({"id": "c", "name": "stop_lot", "expires": LATER, **fields})
    with pytest.raises(BadCommand) as bad:
        order_of(message, head_of(message, "stop_lot"))
    assert bad.value.word == "malformed" and str(bad.value).split(":")[0] in ("lot", "more")


def test_a_name_that_is_not_known_is_told() -> None:
    message = signed({"id": "c", "name": "explode", "expires": LATER})
    with pytest.raises(BadCommand) as bad:
        order_of(message, head_of(message, "explode"))
    assert bad.value.word == "unknown"


@pytest.mark.parametrize(
    "make",
    [
        lambda: Directory(mode="update"),
        lambda: Focus(reason="x"),
        lambda: Keys(),
        lambda: Keys(add=(PUBLIC,), revoke=(PUBLIC,)),
        lambda: Keys(add=("00" * 32,)),
        lambda: StationKey(station=STATION, public_key="00" * 32),
    ],
)
def test_what_says_nothing_or_contradicts_itself_is_refused(make: Any) -> None:
    with pytest.raises(ValidationError):
        make()


def test_an_answer_is_read_with_or_without_its_signature() -> None:
    answer = CommandAnswer(id="c", name="stop_lot", state="done", seq=4)
    assert CommandAnswer.of(signed(answer.model_dump(mode="json")).fields) == answer
    with pytest.raises(ValidationError):
        CommandAnswer.of({"id": "c", "name": "x", "state": "perhaps"})


def test_each_command_has_a_name_in_both_languages() -> None:
    for name, row in COMMANDS.items():
        assert row.name == name and row.does and row.zh and row.en and row.zh != row.en


def described(schema: dict[str, Any]) -> list[str]:
    """The fields of a schema that have no description."""
    models = [schema, *schema.get("$defs", {}).values()]
    return [
        f"{model['title']}.{name}"
        for model in models
        if model["title"] not in ("Goods",)
        for name, field in model.get("properties", {}).items()
        if "description" not in field
    ]


def test_every_field_is_described_in_the_schemas() -> None:
    made = schemas()
    assert set(made) == {*(f"cmd/{name}" for name in COMMANDS), "res"}
    assert [field for schema in made.values() for field in described(schema)] == []
    json.dumps(made)
