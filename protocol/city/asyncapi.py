"""The contract as an AsyncAPI 3.0 document of a station: every topic both ways, with the schema of each message.

Its schemas are those of ``schemas.py``, written for draft-07, which is what AsyncAPI tools read: beside a ``$ref``
nothing counts there.
"""

from typing import Any

from protocol.city.commands import COMMANDS
from protocol.city.envelope import CONTENT_TYPE, schema_of, type_of
from protocol.city.events import EVENTS
from protocol.city.photos import CHUNK
from protocol.city.schemas import ACK, ENVELOPE, RES, STATE, Schema, command_id, schemas
from protocol.city.signed import SIGNED_CAP

JSON = "application/json"
PHOTO = "photo"
_OWN = ("$schema", "$id", "$defs")


def document(release: str) -> dict[str, Any]:
    """The AsyncAPI document; ``release`` is the version of the program."""
    return {
        "asyncapi": "3.0.0",
        "id": schema_of("asyncapi"),
        "info": {
            "title": "marketedge station",
            "version": release,
            "description": "What a station and a city say to each other over MQTT, from the station's side: it sends "
            "records, births, answers and photos, and receives acknowledgements and commands. QoS 1 everywhere; a "
            "birth is retained where the broker can, and nothing depends on that. protocol/city/README.md tells how "
            "the messages belong together.",
            "license": {"name": "Apache-2.0"},
            "tags": [{"name": "traceability", "description": "Food markets and canteens."}],
        },
        "defaultContentType": JSON,
        "channels": _channels(),
        "operations": _operations(),
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


# --- schemas ----------------------------------------------------------------------------------------------------------


def _schemas() -> dict[str, Schema]:
    """All schemas side by side; what one defines inside stands beside it."""
    found: dict[str, Schema] = {}
    for name, schema in schemas().items():
        for inner, definition in schema.get("$defs", {}).items():
            written = _as_draft_07(definition)
            if found.setdefault(inner, written) != written:
                raise AssertionError(f"two things are called {inner}")
        found[_key(name)] = _as_draft_07({one: value for one, value in schema.items() if one not in _OWN})
    return found


def _as_draft_07(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_draft_07(one) for one in value]
    if not isinstance(value, dict):
        return value
    made = {name: _as_draft_07(one) for name, one in value.items()}
    if isinstance(place := made.get("$ref"), str):
        reference = {"$ref": place.replace("#/$defs/", "#/components/schemas/")}
        beside = {name: one for name, one in made.items() if name != "$ref"}
        return {"allOf": [reference], **beside} if beside else reference
    return made


def _key(name: str) -> str:
    """A name as keys of components are written."""
    return name.replace("/", ".")


def _schema(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{_key(name)}"}


# --- messages ---------------------------------------------------------------------------------------------------------


def _messages() -> dict[str, Any]:
    found = {kind: _record(kind, f"{row.zh} ({row.en})") for kind, row in EVENTS.items()}
    for name, row in COMMANDS.items():
        found[_key(command_id(name))] = _message(name, f"{row.zh} ({row.en})", row.does, _schema(command_id(name)))
    found[ACK] = _message(ACK, "Acknowledgement", "What the city has of a station's records.", _schema(ACK))
    found[STATE] = _message(STATE, "Birth and death", "A station connects, or is lost.", _schema(STATE))
    found[RES] = _message(RES, "Answer to a command", "What became of a command.", _schema(RES))
    found[PHOTO] = {
        "name": PHOTO,
        "title": "Chunk of a photo",
        "summary": "A piece of a file whose hash the topic names.",
        "contentType": "application/octet-stream",
        "payload": {
            "type": "string",
            "format": "binary",
            "description": "Offset (u32, big endian, bytes), size of the whole file (u32, big endian, bytes), and the "
            f"bytes from the offset on, at most {CHUNK}.",
        },
    }
    return found


def _message(name: str, title: str, summary: str, payload: Schema, content_type: str = JSON) -> dict[str, Any]:
    return {"name": name, "title": title, "summary": summary, "contentType": content_type, "payload": payload}


def _record(kind: str, title: str) -> dict[str, Any]:
    own = {"type": {"const": type_of(kind)}, "dataschema": {"const": schema_of(kind)}, "data": _schema(kind)}
    payload = {"allOf": [_schema(ENVELOPE), {"type": "object", "properties": own}]}
    return _message(kind, title, "A record: CloudEvents 1.0, structured JSON.", payload, CONTENT_TYPE)


# --- topics -----------------------------------------------------------------------------------------------------------

_PARAMETERS = {
    "region": {"description": "Region, GB/T 2260: 6 digits.", "examples": ["410108"]},
    "node": {"description": "Market or canteen (流通节点): 9 digits.", "examples": ["410108001"]},
    "terminal": {"description": "The station in the node: 2 digits.", "examples": ["01"]},
}
_CLASS = {"description": "First word of the kind of record.", "enum": sorted({kind.split(".")[0] for kind in EVENTS})}
_COMMAND = {"description": "Name of the command.", "enum": sorted(COMMANDS)}
_BASE = "mkt/1/{region}/{node}"


def _channel(title: str, below: str, messages: list[str], **more: Any) -> dict[str, Any]:
    address = f"{_BASE}/{below}"
    known = _PARAMETERS | more
    return {
        "address": address,
        "title": title,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "parameters": {name: said for name, said in known.items() if f"{{{name}}}" in address},
    }


def _channels() -> dict[str, Any]:
    kinds, commands = [*EVENTS], [_key(command_id(name)) for name in COMMANDS]
    hashes = {"description": "SHA-256 of the file, 64 hex digits."}
    return {
        "records": _channel("Records", "{terminal}/evt/{class}", kinds, **{"class": _CLASS}),
        "alarms": _channel("Records ahead of others", "{terminal}/alm/{class}", kinds, **{"class": _CLASS}),
        "state": _channel("Birth and death", "{terminal}/state", [STATE]),
        "acknowledgements": _channel("What the city has", "{terminal}/ack", [ACK]),
        "commands": _channel("Commands to a station", "{terminal}/cmd/{name}", commands, name=_COMMAND),
        "nodeCommands": _channel("Commands to all of the node", "all/cmd/{name}", commands, name=_COMMAND),
        "answers": _channel("What became of a command", "{terminal}/res/{name}", [RES], name=_COMMAND),
        "photos": _channel("Photos that records name", "{terminal}/pho/{sha256}", [PHOTO], sha256=hashes),
    }


def _operations() -> dict[str, Any]:
    to_ack = {"channel": {"$ref": "#/channels/acknowledgements"}}
    to_res = {"channel": {"$ref": "#/channels/answers"}}
    return {
        "sendRecords": _operation("send", "records", "Each record once, again until the city has it.", to_ack),
        "sendAlarms": _operation("send", "alarms", "Failed tests and other alarms, before waiting records.", to_ack),
        "sendState": _operation(
            "send", "state", "A birth with each connection; a death as its will.", to_ack, retain=True
        ),
        "sendPhotos": _operation("send", "photos", "A photo in chunks, when its record is acknowledged.", to_ack),
        "sendAnswers": _operation("send", "answers", "One answer to each command."),
        "receiveAcknowledgements": _operation("receive", "acknowledgements", "What the city has, signed by it."),
        "receiveCommands": _operation("receive", "commands", "Orders of the city, signed by it.", to_res),
        "receiveNodeCommands": _operation("receive", "nodeCommands", "The same for all of the node.", to_res),
    }


def _operation(
    action: str, channel: str, summary: str, reply: dict[str, Any] | None = None, *, retain: bool = False
) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "description": f"At most {SIGNED_CAP} bytes a message.",
        "bindings": {"mqtt": {"qos": 1, "retain": retain, "bindingVersion": "0.2.0"}},
        **({"reply": reply} if reply else {}),
    }
