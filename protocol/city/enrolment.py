"""A box becomes a station of the city: it asks once, with a token of the city's, and gets what it needs to begin.

    box                                                    city
     | request: public key, CSR, who it is; proof, sig  ──>  |   by HTTPS, or as a file on a stick
     | <──  answer: seat, brokers, certificate, keys, first commands; proof, sig

The token is a secret of both sides that is typed once and never sent: the request names it by ``Token.id``, and both
messages carry a ``proof``, an HMAC-SHA256 under it.  So who has not got the token can neither take its place nor hand a
box foreign keys, whatever the way, and the city's keys in an answer are believed for its proof alone.

The same request gets the same answer for ever; another request by a used token is refused.  Everything is the RFC 8785
form of a JSON object.  Pure: randomness and time are handed in.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeVar

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from protocol.city import canonical
from protocol.city.events import ONE_LINE
from protocol.city.signed import SIGNED_CAP, BadKeys, BadSigned, CityKeys, public_key, seal, verify
from protocol.ed25519 import PrivateKey, check, public_key_of
from protocol.frozen import frozen

SECRET_BYTES = 16
REQUEST_CAP = 16_384  # bytes
ANSWER_CAP = SIGNED_CAP
PREFIX = "ME1"
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32: no I, L, O, U
_READ_AS = str.maketrans("ILO", "110")
_ID, _ASKS, _ANSWERS = b"MEDGE-ENROL-ID\0", b"MEDGE-ENROL-ASKS\0", b"MEDGE-ENROL-ANSWERS\0"

# Two small lists make 256 words that people tell apart when they are read aloud, the same in both languages.
_FIRST = (
    *(("红", "red"), ("黄", "yellow"), ("蓝", "blue"), ("绿", "green"), ("白", "white"), ("黑", "black")),
    *(("大", "big"), ("小", "small"), ("新", "new"), ("老", "old"), ("高", "tall"), ("圆", "round")),
    *(("快", "quick"), ("甜", "sweet"), ("冷", "cold"), ("轻", "light")),
)
_SECOND = (
    *(("马", "horse"), ("牛", "ox"), ("羊", "sheep"), ("鱼", "fish"), ("鸟", "bird"), ("山", "hill")),
    *(("河", "river"), ("船", "boat"), ("车", "cart"), ("门", "door"), ("米", "rice"), ("瓜", "melon")),
    *(("豆", "bean"), ("刀", "knife"), ("灯", "lamp"), ("钟", "clock")),
)
WORDS = 6  # of a fingerprint: 48 bits

Word = Literal[
    "malformed",
    "mistyped",
    "unknown_token",
    "expired",
    "used",
    "forged",
    "bad_signature",
    "bad_csr",
    "other_key",
    "other_station",
    "other_request",
]
MEANINGS: Mapping[Word, tuple[str, str]] = {
    "malformed": ("不是入网申请或答复，或内容残缺", "it is no enrolment message, or not a whole one"),
    "mistyped": ("入网码抄错了", "the token is mistyped"),
    "unknown_token": ("平台没有发过这个入网码", "the city gave out no such token"),
    "expired": ("入网码已过期：请平台重新发一个", "the token has expired: ask the city for another"),
    "used": (
        "入网码已被另一次申请用过：请平台重新发一个",
        "the token was used for another request: ask the city for another",
    ),
    "forged": (
        "与入网码不符：码输错了，或内容被人改过",
        "it does not fit the token: mistyped, or somebody altered the message",
    ),
    "bad_signature": ("签名不符", "the signature does not fit"),
    "bad_csr": ("证书申请不能用", "the certificate request cannot be used"),
    "other_key": ("平台已登记该站点的另一把密钥", "the city has another key registered for this station"),
    "other_station": (
        "本机账本属于另一站点，站点不能改名",
        "the box's ledger is another station's, and a station keeps its name",
    ),
    "other_request": ("这是对另一份申请的答复", "this answers another request"),
}


class BadEnrolment(ValueError):
    """A token or message that cannot be taken; ``word`` is a key of ``MEANINGS``, the text is for the technician."""

    def __init__(self, word: Word, detail: str = "") -> None:
        self.word, self.detail = word, detail
        self.zh, self.en = MEANINGS[word]
        super().__init__(f"{self.en} ({detail})" if detail else self.en)


# --- the token --------------------------------------------------------------------------------------------------------


@frozen
class Token:
    """A one-time token: 16 random bytes, and 8 bits that show a slip of the hand."""

    secret: bytes

    def __repr__(self) -> str:
        return f"Token({self.id})"

    @classmethod
    def parse(cls, text: str) -> Self:
        """As it was typed: blanks, hyphens and small letters do not matter, nor O for 0; raises BadEnrolment."""
        bare = re.sub(r"[\s-]", "", text).upper().removeprefix(PREFIX).translate(_READ_AS)
        if len(bare) != 28 or set(bare) - set(_ALPHABET):
            raise BadEnrolment("mistyped", f"{PREFIX}-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX")
        number = 0
        for sign in bare:
            number = number << 5 | _ALPHABET.index(sign)
        data = (number >> 4).to_bytes(SECRET_BYTES + 1, "big")
        token = cls(data[:SECRET_BYTES])
        if number & 15 or data[SECRET_BYTES] != token._check:
            raise BadEnrolment("mistyped")
        return token

    @property
    def text(self) -> str:
        """``ME1-XXXX-…``, in seven groups of four."""
        number = int.from_bytes(self.secret + bytes((self._check,)), "big") << 4
        signs = "".join(_ALPHABET[number >> shift & 31] for shift in range(135, -1, -5))
        return "-".join([PREFIX, *(signs[at : at + 4] for at in range(0, 28, 4))])

    @property
    def id(self) -> str:
        """What it is named by: 16 hex digits, from which nobody finds the token."""
        return hashlib.sha256(_ID + self.secret).hexdigest()[:16]

    @property
    def _check(self) -> int:
        return hashlib.sha256(self.secret).digest()[0]

    def proof(self, label: bytes, fields: Mapping[str, Any]) -> str:
        """HMAC-SHA256 over the RFC 8785 form, as 64 hex digits."""
        return hmac.new(self.secret, label + rfc8785.dumps(dict(fields)), hashlib.sha256).hexdigest()


# --- the messages -----------------------------------------------------------------------------------------------------

Line = Annotated[str, StringConstraints(max_length=120), ONE_LINE]
Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Station = Annotated[str, StringConstraints(pattern=r"^[0-9]{9}-[0-9]{2}$")]
Pem = Annotated[str, StringConstraints(max_length=20_000)]


M = TypeVar("M", bound=BaseModel)


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class EnrolRequest(_Message):
    """A box asks to become a station."""

    enrol: Literal[1] = Field(description="Version of the exchange.")
    token: str = Field(pattern=r"^[0-9a-f]{16}$", description="Id of the token (SHA-256, cut), not the token.")
    public_key: Hex = Field(description="The key that will sign its records: raw Ed25519, 64 hex digits.")
    csr: Pem = Field(description="PKCS #10 in PEM, P-256. Its subject does not count: the city gives the name.")
    name: Line = Field(description="What its people call it (settings).")
    serial: Line = Field(description="The hardware's own number, or empty (device).")
    jobs: tuple[Literal["gate", "stall", "canteen"], ...] = Field(description="What it does (settings).")
    station: Annotated[str, StringConstraints(pattern=r"^([0-9]{9}-[0-9]{2})?$")] = Field(
        description="The station whose records its ledger holds already; empty while it has none."
    )
    software: Line = Field(description="Program and version.")
    nonce: str = Field(pattern=r"^[0-9a-f]{32}$", description="Random: no two requests are alike.")
    proof: Hex = Field(
        description="HMAC-SHA256 under the token over `MEDGE-ENROL-ASKS`, a zero byte, and the RFC 8785 form without "
        "`proof` and `sig`; 64 hex digits."
    )
    sig: str = Field(
        pattern=r"^[A-Za-z0-9_-]{86}$",
        description="Ed25519 by `public_key` over the RFC 8785 form without `sig`, base64url without padding.",
    )


class NodeKey(_Message):
    """A station of the node and its public key."""

    station: Station = Field(description="Its name.")
    public_key: Hex = Field(description="64 hex digits.")


class EnrolAnswer(_Message):
    """What the box needs to begin. At most 65,536 bytes."""

    enrolled: Literal[1] = Field(description="Version of the exchange.")
    request: Hex = Field(description="SHA-256 of the request's bytes, 64 hex digits.")
    station: Station = Field(description="The seat: node and terminal (city).")
    region: str = Field(pattern=r"^[0-9]{6}$", description="GB/T 2260 code of the region (city).")
    host: str = Field(pattern=r"^[a-z0-9.-]+(:[0-9]+)?$", max_length=100, description="Host in the QR codes (city).")
    brokers: tuple[Annotated[str, StringConstraints(pattern=r"^mqtts?://[!-~]{1,200}$")], ...] = Field(
        min_length=1, max_length=16, description="Where the brokers are; all mqtts:// or all mqtt://."
    )
    mqtt: Literal["5", "3.1.1"] = Field(description="Version of MQTT that the brokers speak.")
    ca: Pem = Field(description="Authorities that the brokers' certificates are by, PEM; empty: the system's.")
    certificate: Pem = Field(
        description="What the station shows the brokers, PEM, its chain in it; empty: none is asked."
    )
    city_keys: tuple[Hex, ...] = Field(min_length=1, max_length=32, description="Keys that the city signs with.")
    node_keys: tuple[NodeKey, ...] = Field(max_length=200, description="Keys of the node's stations, this one's too.")
    commands: tuple[dict[str, Any], ...] = Field(
        max_length=50,
        description="First commands (`directory`, `keys` …), each a whole signed message; more come by MQTT.",
    )
    issued: str = Field(description="When it was signed, RFC 3339 with zone (city).")
    proof: Hex = Field(
        description="HMAC-SHA256 under the token over `MEDGE-ENROL-ANSWERS`, a zero byte, and the RFC 8785 form "
        "without `proof`, `kid` and `sig`; 64 hex digits."
    )
    kid: str = Field(pattern=r"^[0-9a-f]{8}$", description="Which of `city_keys` signed: its id, 8 hex digits.")
    sig: str = Field(
        pattern=r"^[A-Za-z0-9_-]{86}$",
        description="Ed25519 over the RFC 8785 form without `sig`, base64url without padding.",
    )


class EnrolRefusal(_Message):
    """Why there is no answer. It is not signed: it changes nothing."""

    refused: Word = Field(description="A fixed word.")
    message_zh: str = Field(max_length=300, description="The same for people.")
    message_en: str = Field(max_length=300, description="The same for people.")


def ask(token: Token, key: PrivateKey, fields: Mapping[str, Any]) -> bytes:
    """The request's bytes. ``fields``: ``csr``, ``name``, ``serial``, ``jobs``, ``station``, ``software``, ``nonce``.

    Raises BadEnrolment for fields that are none.
    """
    whole = {**fields, "enrol": 1, "token": token.id, "public_key": key.public_key().public_bytes_raw().hex()}
    whole["proof"] = token.proof(_ASKS, whole)
    whole["sig"] = base64.urlsafe_b64encode(key.sign(rfc8785.dumps(whole))).decode().rstrip("=")
    return canonical_of(_read(EnrolRequest, whole))


def read_request(payload: bytes) -> EnrolRequest:
    """What was asked, by who has the key; the token is not looked at yet. Raises BadEnrolment."""
    body = _members(bare(payload), REQUEST_CAP)
    request = _read(EnrolRequest, body)
    try:
        key = public_key(request.public_key)
        unsigned = rfc8785.dumps({name: value for name, value in body.items() if name != "sig"})
        check(key, base64.b64decode(request.sig + "==", altchars=b"-_", validate=True), unsigned)
    except (BadKeys, ValueError, binascii.Error) as error:
        raise BadEnrolment("bad_signature", str(error)) from None
    return request


def proven(request: EnrolRequest, token: Token) -> bool:
    """Whether who asked has the token."""
    fields = request.model_dump(mode="json", exclude={"proof", "sig"})
    return hmac.compare_digest(request.proof, token.proof(_ASKS, fields))


def answer(token: Token, key: PrivateKey, asked: bytes, station: str, issued: str, fields: Mapping[str, Any]) -> bytes:
    """The answer's bytes. ``fields`` are those between ``station`` and ``issued``. Raises BadEnrolment."""
    whole = {
        **fields,
        "enrolled": 1,
        "request": hashlib.sha256(asked).hexdigest(),
        "station": station,
        "issued": issued,
    }
    proof = token.proof(_ANSWERS, whole)
    rest = {name: value for name, value in whole.items() if name not in ("station", "issued")}
    sealed = seal({**rest, "proof": proof}, station, issued, key)
    _read(EnrolAnswer, _members(sealed, ANSWER_CAP))
    return sealed


def read_answer(payload: bytes, token: Token, asked: bytes) -> EnrolAnswer:
    """What the city answered to this request, by who has the token. Raises BadEnrolment."""
    if (refused := read_refusal(payload := bare(payload))) is not None:
        raise refused
    body = _members(payload, ANSWER_CAP)
    read = _read(EnrolAnswer, body)
    fields = {name: value for name, value in body.items() if name not in ("proof", "kid", "sig")}
    if not hmac.compare_digest(read.proof, token.proof(_ANSWERS, fields)):
        raise BadEnrolment("forged")
    if read.request != hashlib.sha256(asked).hexdigest():
        raise BadEnrolment("other_request")
    try:
        verify(payload, CityKeys.parse("\n".join(read.city_keys)), read.station)
    except (BadKeys, BadSigned) as error:
        raise BadEnrolment("bad_signature", str(error)) from None
    return read


def refusal(bad: BadEnrolment) -> bytes:
    """The same for the box."""
    return rfc8785.dumps({"refused": bad.word, "message_zh": bad.zh, "message_en": bad.en})


def read_refusal(payload: bytes) -> BadEnrolment | None:
    """Why nothing was answered; None for anything else."""
    try:
        return BadEnrolment(_read(EnrolRefusal, _members(bare(payload), ANSWER_CAP)).refused)
    except BadEnrolment:
        return None


def is_request(payload: bytes) -> bool:
    """Whether it looks like a request, and not like an answer or anything else."""
    try:
        return "enrol" in _members(bare(payload), ANSWER_CAP)
    except BadEnrolment:
        return False


def bare(payload: bytes) -> bytes:
    """A message as it was before somebody's editor ended its line."""
    return payload.rstrip(b"\r\n")


def canonical_of(message: BaseModel) -> bytes:
    return rfc8785.dumps(message.model_dump(mode="json"))


def _members(payload: bytes, most: int) -> dict[str, Any]:
    if len(payload) > most:
        raise BadEnrolment("malformed", f"{len(payload)} bytes; at most {most} are allowed")
    try:
        body, _ = canonical.loads(payload)
    except (ValueError, RecursionError):
        raise BadEnrolment("malformed", "no JSON") from None
    if not isinstance(body, dict):
        raise BadEnrolment("malformed", "no JSON object")
    try:
        if rfc8785.dumps(body) != payload:
            raise BadEnrolment("malformed", "not in RFC 8785 form")
    except (ValueError, RecursionError, rfc8785.CanonicalizationError) as error:
        raise error if isinstance(error, BadEnrolment) else BadEnrolment("malformed", "no canonical form") from None
    return body


def _read(model: type[M], body: Mapping[str, Any]) -> M:
    try:
        return model.model_validate_json(rfc8785.dumps(dict(body)), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadEnrolment("malformed", f"{where}: {first['msg']}") from None


# --- compared by people -----------------------------------------------------------------------------------------------


def fingerprint(key: str) -> tuple[tuple[str, str], ...]:
    """A public key (64 hex digits) as six words, each in Chinese and English: what two people read to each other."""
    digest = hashlib.sha256(public_key_of(bytes.fromhex(key)).public_bytes_raw()).digest()
    pairs = ((_FIRST[byte >> 4], _SECOND[byte & 15]) for byte in digest[:WORDS])
    return tuple((first[0] + second[0], f"{first[1]} {second[1]}") for first, second in pairs)


def spoken(key: str) -> str:
    """The same as a line."""
    return f"{' '.join(zh for zh, _ in fingerprint(key))} ({', '.join(en for _, en in fingerprint(key))})"
