"""The envelope of an event: CloudEvents 1.0 in structured JSON, signed and chained (contract part C3).

The bytes of an event are its RFC 8785 form with the signature in it.  They are the same on disk and on the wire.
``sig`` is Ed25519 over the RFC 8785 form without ``sig``; ``prevhash`` is SHA-256 over the previous event's bytes.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import rfc8785

from protocol.city import canonical
from protocol.city.token import kid_of, own_kid
from protocol.ed25519 import PrivateKey, PublicKey, check
from protocol.frozen import frozen

FIRST_PREVHASH = "0" * 64
HARD_CAP = 60_000
SEQUENCE_DIGITS = 20
MAX_SEQUENCE = (1 << 63) - 1  # what a database integer holds
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
REVERSE_DNS = "cn.marketedge"
_FIELDS = {
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "recordedtime",
    "datacontenttype",
    "dataschema",
    "sequence",
    "bootid",
    "clockstate",
    "prevhash",
    "kid",
    "sig",
    "data",
}
_text = json.encoder.encode_basestring  # as RFC 8785 has a string
_OPTIONAL = {"operator", "approvedby", "bootms", "clocksource"}


class BadEvent(ValueError):
    """Bytes that are not an event of ours; the message says why."""


class TooLarge(ValueError):
    """The event is above the hard cap; nothing was written."""


@frozen
class EventHead:
    """Everything of an envelope but data, chain and signature. ``kind`` is, for example, ``test.result``.

    ``operator`` is the code of the person on whose order it was recorded, ``approvedby`` of the one who gave the
    supervisor's word for it; an event of the box itself has neither.  ``bootms`` is the milliseconds since the boot
    ``bootid`` began, on a clock that no step moves; ``clocksource`` who vouched for the time last (contract C7).
    """

    id: str
    source: str
    kind: str
    subject: str
    time: str
    recordedtime: str
    bootid: str
    clockstate: str
    operator: str = ""
    approvedby: str = ""
    bootms: str = ""
    clocksource: str = ""


def type_of(kind: str) -> str:
    """``trade.completed`` → ``cn.marketedge.market.trade.completed.v1``."""
    return f"{REVERSE_DNS}.market.{kind}.v1"


def schema_of(name: str) -> str:
    """``trade.completed`` → ``urn:marketedge:trade.completed:v1``, the id of its schema (RFC 8141: no dot may stand in
    what follows ``urn:``)."""
    return f"urn:marketedge:{name}:v1"


def kind_of(event_type: str) -> str:
    """The reverse of ``type_of``; raises BadEvent."""
    prefix, suffix = f"{REVERSE_DNS}.market.", ".v1"
    if not (event_type.startswith(prefix) and event_type.endswith(suffix)):
        raise BadEvent(f"type {event_type[:80]!r} is not of this contract")
    return event_type[len(prefix) : -len(suffix)]


def seal(head: EventHead, data: Mapping[str, Any], sequence: int, prevhash: str, key: PrivateKey) -> bytes:
    """The event's bytes, signed. Raises TooLarge, and ValueError or CanonicalizationError for data that has no form."""
    return seal_written(head, canonical.write(data), sequence, prevhash, key)


def seal_written(head: EventHead, data: bytes, sequence: int, prevhash: str, key: PrivateKey) -> bytes:
    """The same, of data in its RFC 8785 form. Raises TooLarge.

    The members stand in the order in which RFC 8785 sorts them; each is a plain string.
    """
    begin = (
        (f'{{"approvedby":{_text(head.approvedby)},' if head.approvedby else "{")
        + f'"bootid":{_text(head.bootid)}'
        + (f',"bootms":{_text(head.bootms)}' if head.bootms else "")
        + (f',"clocksource":{_text(head.clocksource)}' if head.clocksource else "")
        + f',"clockstate":{_text(head.clockstate)},"data":'
    )
    behind = (
        f',"datacontenttype":"application/json","dataschema":{_text(schema_of(head.kind))}'
        f',"id":{_text(head.id)},"kid":"{own_kid(key).hex()}"'
        + (f',"operator":{_text(head.operator)}' if head.operator else "")
        + f',"prevhash":{_text(prevhash)},"recordedtime":{_text(head.recordedtime)}'
        f',"sequence":"{sequence:0{SEQUENCE_DIGITS}d}"'
    )
    last = (
        f',"source":{_text(head.source)},"specversion":"1.0","subject":{_text(head.subject)}'
        f',"time":{_text(head.time)},"type":{_text(type_of(head.kind))}}}'
    )
    begun, end = b"".join((begin.encode(), data, behind.encode())), last.encode()
    signature = b',"sig":"' + base64.b64encode(key.sign(begun + end)) + b'"'
    body = begun + signature + end
    if len(body) > HARD_CAP:
        raise TooLarge(f"event of {len(body)} bytes; at most {HARD_CAP} are allowed")
    return body


def hash_of(body: bytes) -> str:
    """What the next event's ``prevhash`` is."""
    return hashlib.sha256(body).hexdigest()


def read(body: bytes) -> dict[str, Any]:
    """An event's fields; raises BadEvent for anything that is not a complete canonical event of ours."""
    if len(body) > HARD_CAP:
        raise BadEvent(f"{len(body)} bytes; at most {HARD_CAP} are allowed")
    try:
        event = _canonical(body)
        if not isinstance(event, dict):
            raise BadEvent("not an object")
    except (ValueError, RecursionError, rfc8785.CanonicalizationError) as error:
        raise error if isinstance(error, BadEvent) else BadEvent("not JSON") from None
    if set(event) - _OPTIONAL != _FIELDS:
        raise BadEvent(f"fields missing or unknown: {', '.join(sorted(set(event) - _OPTIONAL ^ _FIELDS))[:200]}")
    if not all(isinstance(event[name], str) for name in set(event) - {"data"}) or not isinstance(event["data"], dict):
        raise BadEvent("a field is of the wrong type")
    if len(event["sequence"]) != SEQUENCE_DIGITS or not event["sequence"].isascii() or not event["sequence"].isdigit():
        raise BadEvent("sequence is not 20 digits")
    if not 0 < int(event["sequence"]) <= MAX_SEQUENCE:
        raise BadEvent(f"sequence is not 1 to {MAX_SEQUENCE}")
    return event


def _canonical(body: bytes) -> Any:
    """The value in canonical bytes; raises BadEvent for other bytes."""
    value, safe = canonical.loads(body)
    if canonical.dumps(value, safe) != body:
        raise BadEvent("not in canonical form")
    return value


def verify(event: Mapping[str, Any], key: PublicKey, body: bytes | None = None) -> None:
    """Check the signature of an event that ``read`` returned; raises BadEvent.

    ``body``, when at hand, must be the bytes it was read from; it saves writing them again.
    """
    if event["kid"] != kid_of(key).hex():
        raise BadEvent(f"signed by key {event['kid'][:16]}, not by {kid_of(key).hex()}")
    unsigned = _unsigned(event, body)
    try:
        signature = base64.b64decode(event["sig"], validate=True)
        # Base64 of 64 bytes has four spare bits: without this, other bytes than the station's own would verify.
        if base64.b64encode(signature).decode() != event["sig"]:
            raise BadEvent("the signature is not written in its one form")
        check(key, signature, unsigned)
    except ValueError as error:
        if isinstance(error, BadEvent):
            raise
        raise BadEvent("the signature does not fit: the event was altered") from None


def _unsigned(event: Mapping[str, Any], body: bytes | None) -> bytes:
    # Behind the member "sig" only plain strings follow (source … type), and a quote inside them is escaped: the last
    # place that looks like the member is the member.
    member = b',"sig":' + rfc8785.dumps(event["sig"])
    place = body.rfind(member) if body is not None else -1
    if body is None or place < 0:
        return rfc8785.dumps({name: value for name, value in event.items() if name != "sig"})
    return body[:place] + body[place + len(member) :]
