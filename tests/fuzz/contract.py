"""What passes between station and city, and what codes say: bytes of anybody."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from parts import Target, by_name, ensure, storable
from pydantic import ValidationError

from edge.between.commands import plain_code
from edge.documents import DOCUMENTS, examples
from protocol.city import enrolment, envelope, orders, signed, topics
from protocol.city.codes import BadCode, TraceCode, operator
from protocol.city.enrolment import BadEnrolment
from protocol.city.envelope import BadEvent, EventHead
from protocol.city.events import EVENTS
from protocol.city.signed import BadKeys, BadSigned, CityKeys, Verifier
from protocol.city.state import BadState, Reach, encode_state, read_state
from protocol.city.token import BadToken, Token, parse_url, source_url, url_of
from protocol.city.topics import Ack, BadAck, Rejected, Topics, read_ack
from protocol.ed25519 import private_key_of
from protocol.plain import plain
from protocol.printers.document import Document
from simulator.city.examples import examples as ordered

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
KEYS = CityKeys.parse(PUBLIC)
STATION = "410108001-01"
ISSUED = "2026-11-29T08:00:00Z"
ACK = Ack(4, ("a-1", "a-2"), (Rejected("a-3", "bad_data", "不合格"),), "0" * 64)
SIGNED = signed.seal(ACK.fields(), STATION, ISSUED, KEY)
HEAD = EventHead("id-1", "urn:x", "entry.registered", "41010800130100000071", ISSUED, ISSUED, "boot", "synced")
JSON_WORDS = (
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"null",
    b"true",
    b"1e999",
    b"NaN",
    b"\\ud800",
    b"-0",
    b"9" * 30,
)


def _refused(read: Callable[[bytes], Any], *errors: type[Exception]) -> Any:
    """What it reads, or None when it refuses with the errors it promises."""

    def run(data: bytes) -> Any:
        try:
            return read(data)
        except errors:
            return None

    return run


def _text(data: bytes) -> str:
    """Any text, lone surrogates too: what JSON may hold."""
    return data.decode("utf-8", "surrogatepass") if _whole(data) else data.decode("utf-8", "replace")


def _whole(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def ack(data: bytes) -> None:
    found = _refused(read_ack, BadAck)(data)
    if found is not None:
        storable(found.fields())
        ensure(found.encode(), "nothing")


def signed_message(data: bytes) -> None:
    """Unsigned bytes as they are, and signed ones whose members were anything."""
    verifier = Verifier(KEYS, STATION)
    _refused(lambda one: verifier.read(one, "ack"), BadSigned)(data)
    try:
        body = json.loads(data)
        sealed = signed.seal(body, STATION, str(body.get("issued", ISSUED)), KEY) if isinstance(body, dict) else b""
    except Exception:  # it cannot be signed by anybody
        return
    found = _refused(lambda one: verifier.read(one, "ack", or_all=True), BadSigned)(sealed)
    if found is not None:
        verifier.taken(found, "ack")
        _refused(topics.ack_of, BadAck)(found.fields)


def command(data: bytes) -> None:
    """Whatever the city signs as a command is read, or refused by a word; what is read is written to the same."""
    try:
        body = json.loads(data)
        sealed = signed.seal(body, STATION, ISSUED, KEY) if isinstance(body, dict) else b""
    except Exception:  # it cannot be signed by anybody
        return
    found = _refused(lambda one: signed.verify(one, KEYS, STATION), BadSigned)(sealed)
    name = str(body.get("name")) if isinstance(body, dict) else ""
    head = found and _refused(lambda _: orders.head_of(found, name), BadSigned)(b"")
    order = head and _refused(lambda _: orders.order_of(found, head), orders.BadCommand)(b"")
    if order:
        storable(orders.fields_of(order.command, head.id, name, ISSUED))
        ensure(type(order.command).model_validate(order.command.model_dump(by_alias=True)) == order.command, "differs")


def event(data: bytes) -> None:
    """Bytes as they are; and as the data of a sealed event, which is read again to the same."""
    found = _refused(envelope.read, BadEvent)(data)
    if found is not None:
        _refused(lambda _: envelope.verify(found, KEY.public_key(), data), BadEvent)(data)
        _refused(envelope.kind_of, BadEvent)(found["type"])
    try:
        body = envelope.seal(HEAD, json.loads(data), 1, envelope.FIRST_PREVHASH, KEY)
    except Exception:  # no record of ours could hold it
        return
    again = envelope.read(body)
    envelope.verify(again, KEY.public_key(), body)
    envelope.verify(again, KEY.public_key())


def record(data: bytes) -> None:
    """The models of the records, from any JSON."""
    if not data:
        return
    for model in [row.record for row in EVENTS.values()]:
        try:
            made = model.model_validate_json(data)
        except ValidationError:
            continue
        storable(made.model_dump(mode="json"))


def state(data: bytes) -> None:
    _refused(read_state, BadState)(data)


def keys(data: bytes) -> None:
    _refused(lambda one: CityKeys.parse(_text(one)), BadKeys)(data)


def token(data: bytes) -> None:
    read = _refused(Token.decode, BadToken)(data)
    if read is not None:
        ensure(read.encode() == data, "written otherwise than read")
        storable(read.as_json())
    found = _refused(lambda one: parse_url(_text(one)), BadToken)(data)
    if found is not None:
        storable(found[0].as_json())


def codes(data: bytes) -> None:
    """What a scanner or a person gives."""
    text = _text(data)
    _refused(TraceCode.parse, BadCode)(text)
    _refused(operator, BadCode)(text)
    plain_code(text)
    plain(text, 64).encode()
    _refused(Topics.parse, ValueError)(text)


def document(data: bytes) -> None:
    """A document from its JSON."""
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        return
    made = _refused(Document.from_json, ValueError)(tree)
    if made is not None:
        ensure(Document.from_json(made.as_json()) == made, "written otherwise than read")


def _tokens() -> Iterable[bytes]:
    slip = json.dumps(examples("slip")[0])
    url = json.loads(slip)["data"]["url"]
    made, body, signature = parse_url(url)
    yield body
    yield body + signature
    yield url.encode()
    yield url_of(made, KEY, "sy.example.cn").encode()


def _events() -> Iterable[bytes]:
    for name in DOCUMENTS:
        for content in examples(name):
            yield json.dumps(content["data"], ensure_ascii=False).encode()[:4000]
    yield envelope.seal(HEAD, {"a": 1}, 1, envelope.FIRST_PREVHASH, KEY)


def _codes() -> Iterable[bytes]:
    yield from (b"41010800110100010074", b"4101080010123", b"]C141010800110100010074", b"000000\x1d")
    yield source_url("41010800110100010074", "sy.example.cn").encode()
    yield "４１０１０８００１１０１０００１００７４".encode()
    yield b"mkt/1/410108/410108001/01/evt/trade"


def _documents() -> Iterable[bytes]:
    from protocol.printers.document import QR, Barcode, Cell, Columns, Cut, Feed, Pair, Rule, Text

    parts = (
        Text("a"),
        Pair("k", "v"),
        Rule(),
        Feed(1),
        QR("x"),
        Barcode("123"),
        Cut(),
        Columns((Cell("a"), Cell("b"))),
    )
    yield json.dumps(Document("slip", "t", parts).as_json()).encode()


def _commands() -> Iterable[bytes]:
    for name, fields in ordered().items():
        yield json.dumps({"id": "c-1", "name": name, "expires": ISSUED, **fields}, ensure_ascii=False).encode()


def _state() -> bytes:
    return encode_state(
        "online", STATION, KEY, time=ISSUED, bootid="b", reach=Reach(3, "ab" * 32), software="marketedge 0"
    )


TOKEN = enrolment.Token(bytes(range(16)))
WISH = {"csr": "-", "name": "x", "serial": "", "jobs": ["gate"], "station": "", "software": "x", "nonce": "0" * 32}
WISHED = enrolment.ask(TOKEN, private_key_of(bytes(range(32))), WISH)


def enrolled(data: bytes) -> None:
    """What anybody sends or brings on a stick is no request and no answer, unless the token speaks for it."""
    request = _refused(enrolment.read_request, BadEnrolment)(data)
    ensure(request is None or not enrolment.proven(request, TOKEN) or enrolment.bare(data) == WISHED, "a proof")
    ensure(_refused(lambda one: enrolment.read_answer(one, TOKEN, WISHED), BadEnrolment)(data) is None, "an answer")
    enrolment.read_refusal(data)
    enrolment.is_request(data)
    typed = _refused(lambda one: enrolment.Token.parse(_text(one)), BadEnrolment)(data)
    ensure(typed is None or enrolment.Token.parse(typed.text) == typed, "a token")


MAKERS = by_name(
    (
        Target(
            "enrolment",
            enrolled,
            lambda: (WISHED, TOKEN.text.encode(), enrolment.refusal(BadEnrolment("used"))),
            (*JSON_WORDS, b'"refused"', b'"proof"', b"ME1-"),
        ),
        Target(
            "ack", ack, lambda: (ACK.encode(), SIGNED), (*JSON_WORDS, b'"upto"', b'"ids"', b'"rejected"', b'"hash"')
        ),
        Target(
            "signed", signed_message, lambda: (ACK.encode(), SIGNED), (*JSON_WORDS, b'"issued"', b'"sig"', b'"kid"')
        ),
        Target("command", command, _commands, (*JSON_WORDS, b'"lot"', b'"mode"', b'"settings"', b'"from"')),
        Target("event", event, _events, JSON_WORDS),
        Target("record", record, _events, JSON_WORDS),
        Target("state", state, lambda: (_state(),), JSON_WORDS),
        Target(
            "keys", keys, lambda: (f"# city\n{PUBLIC}\n".encode(), b"\xef\xbb\xbf" + PUBLIC.encode()), (b"#", b"\x0b")
        ),
        Target("token", token, _tokens, (b"/j/", b"https://", b"?", b"=")),
        Target("codes", codes, _codes, (b"/b/", b"]C1", b"\xed\xa0\x80", b"\xe2\x80\xae")),
        Target("document", document, _documents, JSON_WORDS),
    )
)
