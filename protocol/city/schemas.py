"""The contract as JSON Schema 2020-12: the envelope, each record, what the city says and what a station answers.

A record's schema is that of its ``data``, and its ``$id`` is what ``dataschema`` in its envelope says.  The schemas of
messages are of the whole message.  Every field has a description with its unit and who says it (``meanings.py``).
"""

import inspect
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from protocol.city import meanings
from protocol.city.codes import MAX_SERIAL
from protocol.city.commands import COMMANDS
from protocol.city.enrolment import EnrolAnswer, EnrolRefusal, EnrolRequest
from protocol.city.envelope import HARD_CAP, MAX_SEQUENCE, REVERSE_DNS, SEQUENCE_DIGITS, schema_of
from protocol.city.events import EVENTS
from protocol.city.orders import ID, CommandAnswer
from protocol.city.photos import LARGEST
from protocol.city.state import StationState
from protocol.city.topics import FINAL_CODES, MAX_UPTO, OPEN_CODES

DRAFT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]

ENVELOPE, ACK, RES, STATE, ENROL = "envelope", "ack", "res", "state", "enrol"
_ENROLMENT: dict[str, tuple[type[BaseModel], str]] = {
    "request": (EnrolRequest, "Request of a box to become a station"),
    "answer": (EnrolAnswer, "What a box gets to begin"),
    "refusal": (EnrolRefusal, "Why a box gets nothing"),
}
_MOMENT = "RFC 3339 with zone"


def command_id(name: str) -> str:
    """``stop_lot`` → ``cmd/stop_lot``, the name of its schema."""
    return f"cmd/{name}"


def schema_id(name: str) -> str:
    """``cmd/stop_lot`` → ``urn:marketedge:cmd:stop_lot:v1``; that of a record is its ``dataschema``."""
    return schema_of(name.replace("/", ":"))


def schemas() -> dict[str, Schema]:
    """Every schema by name: a kind of record, ``envelope``, ``ack``, ``state``, ``cmd/…``, ``res`` or ``enrol/…``."""
    made = {kind: _titled(_of(row.record), f"{row.zh} ({row.en})") for kind, row in EVENTS.items()}
    made[ENVELOPE], made[ACK], made[STATE] = _envelope(), _ack(), _state()
    for name, row in COMMANDS.items():
        made[command_id(name)] = _command(name, row.zh, row.en, row.does, _of(row.command))
    made[RES] = _answer()
    made |= {f"{ENROL}/{name}": _titled(_of(model), title) for name, (model, title) in _ENROLMENT.items()}
    return {name: {"$schema": DRAFT, "$id": schema_id(name), **schema} for name, schema in made.items()}


class _Described(GenerateJsonSchema):
    """What pydantic says of a model, with the meaning of each field, and without titles that only repeat its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made, words = super().model_schema(schema), tuple(meanings.of(schema["cls"]))
        for name, field in made["properties"].items():
            if "description" not in field and (said := next((one[name] for one in words if name in one), None)):
                field["description"] = said
        if "description" in made:
            made["description"] = _plain(made["description"])
        return made


def _plain(doc: str) -> str:
    """A docstring as other programs show it."""
    return re.sub(r"``([^`]*)``", r"`\1`", " ".join(inspect.cleandoc(doc).split()))


def _of(model: type[BaseModel]) -> Schema:
    return model.model_json_schema(schema_generator=_Described)


def _titled(schema: Schema, title: str) -> Schema:
    return {**schema, "title": title}


# --- the envelope -----------------------------------------------------------------------------------------------------


def _text(description: str, pattern: str = "", **more: Any) -> Schema:
    return {"type": "string", **({"pattern": pattern} if pattern else {}), **more, "description": description}


def _count(description: str, maximum: int, minimum: int = 0) -> Schema:
    return {"type": "integer", "minimum": minimum, "maximum": maximum, "description": description}


def _object(title: str, description: str, properties: Mapping[str, Schema], optional: tuple[str, ...] = ()) -> Schema:
    return {
        "title": title,
        "description": description,
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _envelope() -> Schema:
    kinds = "|".join(re.escape(kind) for kind in sorted(EVENTS))
    dns = re.escape(REVERSE_DNS)
    return _object(
        "Envelope of a record",
        "CloudEvents 1.0 in structured JSON. Its bytes are the RFC 8785 form, the same on disk and on the wire; "
        f"at most {HARD_CAP} of them.",
        {
            "specversion": {"const": "1.0", "description": "Version of CloudEvents."},
            "id": _text("UUIDv7 of the record: what repeats it has the same (station).", r"^[0-9a-f-]{36}$"),
            "source": _text(
                "Whose record it is: an address that ends in `{node}-{TT}` (settings).",
                r"^https://[^/]+/edge/[0-9]{9}-[0-9]{2}$",
            ),
            "type": _text("What kind of record.", rf"^{dns}\.market\.({kinds})\.v1$"),
            "subject": _text("Code of what it is about, mostly 20 digits, or the station.", minLength=1),
            "time": _text(f"When it happened, {_MOMENT}, by the station's clock; see `clockstate`."),
            "recordedtime": _text(f"When it was written down, {_MOMENT}, by the station's clock."),
            "datacontenttype": {"const": "application/json", "description": "Of `data`."},
            "dataschema": _text("The `$id` of the schema of `data`.", f"^{schema_of(f'({kinds})')}$"),
            "sequence": _text(
                f"Number of the record, {SEQUENCE_DIGITS} digits, 1 to {MAX_SEQUENCE}, one more than that of the "
                "record before it; only ledger.restored may leave numbers out.",
                rf"^[0-9]{{{SEQUENCE_DIGITS}}}$",
            ),
            "bootid": _text("The kernel's id of the boot in which it was written."),
            "bootms": _text("Milliseconds since that boot began, on a clock that no step moves (kernel).", "^[0-9]+$"),
            "clockstate": _text("What the station's clock was worth: synced, holdover, unsynced.", minLength=1),
            "clocksource": _text(
                "Who vouched for the time last: kernel (a time service), host, person, platform (an estimate from the "
                "city's answer), none, unknown (a sandbox lets the station not ask).",
                "^(kernel|host|person|platform|none|unknown)$",
            ),
            "prevhash": _text(
                "SHA-256 of the bytes of the record before, hex; of the first 64 zeros.", "^[0-9a-f]{64}$"
            ),
            "operator": _text("Operator code of the person on whose order it was recorded; absent: the box itself."),
            "approvedby": _text("Operator code of the supervisor who gave the word; absent: it needed none."),
            "kid": _text(meanings.EVERYWHERE["kid"], "^[0-9a-f]{8}$"),
            "sig": _text(
                "Ed25519 over the RFC 8785 form of the event without `sig`, in base64 with padding.",
                "^[A-Za-z0-9+/]{86}==$",
            ),
            "data": {"type": "object", "description": "The record itself; its schema is `dataschema`."},
        },
        ("operator", "approvedby", "bootms", "clocksource"),
    )


# --- signed messages --------------------------------------------------------------------------------------------------


def _signed(station: str, pattern: str) -> dict[str, Schema]:
    return {
        "station": _text(station, pattern),
        "issued": _text(f"When it was signed, {_MOMENT}; later words are issued later, to the microsecond."),
        "kid": _text(meanings.EVERYWHERE["kid"], "^[0-9a-f]{8}$"),
        "sig": _text(
            "Ed25519 over the RFC 8785 form of the message without `sig`, in base64url without padding.",
            "^[A-Za-z0-9_-]{86}$",
        ),
    }


_ONE = "^[0-9]{9}-[0-9]{2}$"
_ONE_OR_ALL = "^[0-9]{9}-([0-9]{2}|all)$"
_ID = rf"^{ID.pattern}$"
_HASH = "^[0-9a-f]{64}$"


def _list(items: Schema, description: str) -> Schema:
    return {"type": "array", "items": items, "description": description}


def _ack() -> Schema:
    rejected = _object(
        "A record that is refused",
        "A refused record is set aside by the station, unless its code says that it is not proven to be the station's.",
        {
            "id": _text("Id of the record.", maxLength=64),
            "code": _text(
                f"Why, a fixed word. Final, the sequence is accounted for: {', '.join(sorted(FINAL_CODES))}, and any "
                f"word not known. Open, to be sent again slowly: {', '.join(sorted(OPEN_CODES))}.",
                maxLength=40,
            ),
            "reason": _text("The same for the technician.", maxLength=200),
        },
    )
    photo = _object(
        "What the city has of a photo",
        "The station sends on from `have`.",
        {
            "sha256": _text("SHA-256 of the file, 64 hex digits.", _HASH),
            "have": _count("How many bytes it has from the first on.", LARGEST),
            "code": _text("Empty; or unknown, bad_hash, refused.", maxLength=40),
        },
    )
    serials = {
        "type": "object",
        "propertyNames": {"pattern": "^[0-9]$"},
        "additionalProperties": {"type": "integer", "minimum": 0, "maximum": MAX_SERIAL},
        "description": "In the answer to a birth: the last serial of each kind of code (its tenth digit) that the city "
        "has seen of the station, refused records too.",
    }
    said = {
        "upto": _count("The city has every record up to this sequence.", MAX_UPTO),
        "hash": _text(
            "SHA-256 of the bytes of record `upto`, 64 hex digits; without it the station trusts less.", _HASH
        ),
        "ids": _list({"type": "string"}, "Ids of records it has that `upto` does not newly cover."),
        "rejected": _list(rejected, "Records it refuses."),
        "photos": _list(photo, "What it has of photos."),
        "birth": _text("In the answer to a birth: SHA-256 of that message's bytes, 64 hex digits.", _HASH),
        "holds": _text(
            "In the answer to a birth: hash of what the city has under its `acked`; empty: nothing.",
            r"^([0-9a-f]{64})?$",
        ),
        "serials": serials,
    }
    return _object(
        "Acknowledgement",
        "What the city has of a station's records, on the topic ack. What says nothing is left out.",
        said | _signed("The station it is for.", _ONE),
        tuple(said),
    )


def _state() -> Schema:
    schema = _of(StationState)
    schema["properties"]["kid"]["description"] = meanings.EVERYWHERE["kid"]
    schema["properties"]["sig"] = _text(
        "Ed25519 over the RFC 8785 form of the message without `sig`, by the key in it, in base64 with padding.",
        "^[A-Za-z0-9+/]{86}==$",
    )
    schema["required"].append("sig")
    schema["description"] = (
        "A birth when a station connects, its will when it is lost. `sig` proves that the sender holds the key, "
        "not that the key is the station's."
    )
    return _titled(schema, "Birth and death")


def _command(name: str, zh: str, en: str, does: str, own: Schema) -> Schema:
    """The whole message: the command's own fields stand on the level of its envelope."""
    around = {
        "id": _text("Never used again by the city.", _ID),
        "name": {"const": name, "description": "The command; the last part of the topic too."},
        "expires": _text(f"From then on it is refused, {_MOMENT}."),
        **_signed("The station it is for, or all of the node: `{node}-all`.", _ONE_OR_ALL),
    }
    return {
        **own,
        "title": f"{zh} ({en})",
        "description": does,
        "properties": own["properties"] | around,
        "required": [*own.get("required", ()), *around],
    }


def _answer() -> Schema:
    own = _of(CommandAnswer)
    around = _signed("The station that answers.", _ONE)
    own["properties"] |= around
    own["required"] = [*own["properties"]]  # a station writes all of them
    return _titled(own, "Answer to a command")


__all__ = ["ACK", "ENVELOPE", "RES", "STATE", "Schema", "command_id", "schema_id", "schemas"]
