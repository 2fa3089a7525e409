"""The contract's schemas: complete, told in words, and true of what is written. Other judges: ``tests/validators``."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jsonschema_rs import Draft202012Validator, Registry
from pydantic import BaseModel

from protocol.city import asyncapi, envelope, meanings, schemas, signed
from protocol.city.commands import COMMANDS
from protocol.city.events import EVENTS
from protocol.city.orders import CommandAnswer, fields_of
from protocol.city.schemas import ACK, ENVELOPE, RES, STATE
from protocol.city.state import Reach, StationState, encode_state
from protocol.city.topics import Ack, PhotoWord, Rejected
from simulator.city.examples import examples

ALL = schemas.schemas()
# What the end of a field's name promises, and a word that its description then has.
UNITS = {
    "_g": "grams",
    "_fen": "fen",
    "_ms": "milliseconds",
    "_s": "seconds",
    "_n": "pieces",
    "_mb": "millions of bytes",
    "minutes": "Minutes",
}


def fields(tree: Any, where: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Where, name and schema of each field in a schema."""
    if isinstance(tree, dict):
        for name, field in tree["properties"].items() if isinstance(tree.get("properties"), dict) else ():
            yield f"{where}.{name}", name, field
        for name, inner in tree.items():
            yield from fields(inner, f"{where}/{name}")
    elif isinstance(tree, list):
        for inner in tree:
            yield from fields(inner, where)


def valid(name: str, message: Any) -> None:
    Draft202012Validator(ALL[name]).validate(message)


def test_every_field_of_every_message_is_described() -> None:
    """A new field is told in ``protocol/city/meanings.py``."""
    found = list(fields(ALL, ""))
    assert len(found) > 800
    assert [where for where, _, field in found if not field.get("description")] == []


def test_what_a_number_counts_is_said_in_words() -> None:
    wrong = [
        where
        for where, name, field in fields(ALL, "")
        for end, unit in UNITS.items()
        if name.endswith(end) and name != "per_g" and unit.lower() not in field["description"].lower()
    ]
    assert wrong == []


def models() -> set[type[BaseModel]]:
    """Every model that a schema is made of."""
    found: set[type[BaseModel]] = set()

    def take(kind: Any) -> None:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            if kind not in found:
                found.add(kind)
                kind.model_rebuild()
                for field in kind.model_fields.values():
                    take(field.annotation)
        else:
            for part in getattr(kind, "__args__", ()):
                take(part)

    for row in (*(one.record for one in EVENTS.values()), *(one.command for one in COMMANDS.values())):
        take(row)
    take(CommandAnswer)
    take(StationState)
    return found


def test_a_meaning_is_of_a_field_that_there_is() -> None:
    known = {parent.__name__: {*parent.model_fields} for model in models() for parent in model.__mro__[:-2]
             if issubclass(parent, BaseModel) and parent is not BaseModel}  # fmt: skip
    stray = {
        f"{model}.{name}" for model, said in meanings.MEANINGS.items() for name in {*said} - known.get(model, set())
    }
    assert stray == set()
    assert {*meanings.EVERYWHERE} <= set().union(*known.values())


def test_each_schema_has_an_id_of_its_own_and_the_dialect() -> None:
    ids = [schema["$id"] for schema in ALL.values()]
    assert len({*ids}) == len(ids) == len(EVENTS) + len(COMMANDS) + 7
    assert {schema["$schema"] for schema in ALL.values()} == {schemas.DRAFT}
    assert all(re.fullmatch(r"urn:[a-z0-9-]{2,32}:[a-z0-9._:-]+", one) for one in ids)  # RFC 8141
    Registry([(one["$id"], one) for one in ALL.values()])


def test_the_envelope_has_the_members_that_are_written() -> None:
    required, optional = envelope._FIELDS, envelope._OPTIONAL
    assert {*ALL[ENVELOPE]["properties"]} == required | optional
    assert {*ALL[ENVELOPE]["required"]} == required


@pytest.mark.parametrize("kind", EVENTS)
def test_an_event_is_what_the_schemas_say(kind: str, event_of: Callable[..., bytes]) -> None:
    for bare in (True, False):
        event = json.loads(event_of(kind, bare=bare))
        valid(ENVELOPE, event)
        assert event["dataschema"] == ALL[kind]["$id"]
        valid(kind, event["data"])
    assert not Draft202012Validator(ALL[kind]).is_valid(event["data"] | {"more": 1})
    assert not Draft202012Validator(ALL[ENVELOPE]).is_valid({**event, "sequence": "1"})


def test_what_both_sides_sign_is_what_the_schemas_say(key: Ed25519PrivateKey) -> None:
    now = datetime.now(UTC).isoformat()

    def sealed(body: dict[str, Any], station: str = "410108001-01") -> Any:
        return json.loads(signed.seal(body, station, now, key))

    whole = Ack(
        12, ("id-1",), (Rejected("id-2", "fork", "two"),), "ab" * 32, (PhotoWord("cd" * 32, 5),), "ef" * 32, "", {1: 57}
    )
    for ack in (whole, Ack(), Ack(3), Ack(3, hash="ab" * 32)):
        valid(ACK, sealed(ack.fields()))
    for name, row in COMMANDS.items():
        body = fields_of(row.command.model_validate(examples()[name]), "id-1", name, now)
        valid(f"cmd/{name}", sealed(body, "410108001-all"))
        assert not Draft202012Validator(ALL[f"cmd/{name}"]).is_valid(sealed(body | {"more": 1}))
    answer = CommandAnswer(id="id-1", name="stop_lot", state="done", seq=7)
    valid(RES, sealed(answer.model_dump()))
    birth = encode_state(
        "online", "410108001-01", key, time=now, bootid="boot", reach=Reach(2, "ab" * 32, 1, "cd" * 32), software="x"
    )
    valid(STATE, json.loads(birth))


def test_the_asyncapi_document_names_every_topic_and_message() -> None:
    document = asyncapi.document("1.0")
    channels = document["channels"]
    assert {channel["address"].split("/")[5] for channel in channels.values() if "all" not in channel["address"]} == {
        *("evt", "alm", "state", "ack", "cmd", "res", "pho")
    }
    named = {name for channel in channels.values() for name in channel["messages"]}
    assert named == {*document["components"]["messages"]}
    assert named >= {*EVENTS} | {f"cmd.{name}" for name in COMMANDS}
    used = {operation["channel"]["$ref"].rpartition("/")[2] for operation in document["operations"].values()}
    assert used == {*channels}
    references = {*re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document))}
    assert references <= {*document["components"]["schemas"]}
