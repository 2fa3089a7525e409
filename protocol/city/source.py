"""The QR of a source card: a signed token that says what a lot is, so that a stall opens it with no network (C2).

    https://{host}/b/{base64url(token + signature)}

    token, big-endian: type(1) kid(4) t(4) source(9) test(3) product(4) net_g(4) flags(1) portion(2) origin(3)
                       supplier(6), then four texts, each as length(1) and GB 18030: name, origin, supplier, item
    signature:         64 bytes over "MEDGE-SRC1" NUL token

``type`` and ``kid`` are as in a slip's token.  ``t`` is when the lot was tested, in seconds since 2020-01-01T00:00Z, 0
when the clock was not trusted.  ``test`` is the serial of the lot's test code, of the same station as its source code.
``origin(3)`` is the GB/T 2260 code, ``supplier(6)`` the operator code, 0 for none.  ``flags``: the verdict in the two
lowest bits, 4 when the clock was trusted.

``portion`` 0 is the whole lot, signed by the station that released it; another number is a part of it that the signing
station handed to a stall: key, source and portion name it.  Texts are cut so that the address fits a QR code of version
12.  A signature proves origin, not freshness: a copied card verifies too.
"""

import base64
import struct
from dataclasses import replace
from datetime import datetime
from typing import Any, Self

from protocol.city.codes import BadCode, CodeKind, TraceCode, operator
from protocol.city.token import CHINA, EPOCH, BadToken, Flags, TokenKind, TokenVerdict, kid_of, signed_part
from protocol.ed25519 import BadSignature, PrivateKey, PublicKey, check
from protocol.frozen import frozen
from protocol.plain import line

LONGEST = 287  # letters of an address: a QR code of version 12 at level M, 5 dots a module on 58 mm paper
MOST_PORTIONS = 65_535
TEXTS = {"name": 20, "origin": 24, "supplier": 20, "item": 24}  # bytes a text has at the most; two a Chinese letter
_DOMAIN = b"MEDGE-SRC1\0"
_FIXED = struct.Struct(">B4sI9s3sIIBH3s6s")
_TYPE = 0x12
_SIGNATURE = 64
_VERDICTS = {
    "qualified": TokenVerdict.QUALIFIED,
    "suspect": TokenVerdict.PENDING,
    "unqualified": TokenVerdict.UNQUALIFIED,
}
_WORDS = {verdict: word for word, verdict in _VERDICTS.items()}


@frozen
class SourceToken:
    """What a source card states. Codes are digit strings, ``net_g`` grams; what is not known is empty.

    ``t`` is in seconds since 2020, 0 for unknown.
    """

    kid: bytes
    t: int
    source: str
    test: str
    product: str
    name: str
    net_g: int
    origin: str
    origin_code: str
    supplier: str
    supplier_code: str
    verdict: TokenVerdict
    item: str
    portion: int = 0

    @property
    def verdict_word(self) -> str:
        """The verdict as records have it."""
        return _WORDS.get(self.verdict, "not_applicable")

    @property
    def tested_at(self) -> str:
        """When it was tested, RFC 3339 in the market's time; empty when nobody knew the time."""
        return datetime.fromtimestamp(EPOCH + self.t, CHINA).isoformat() if self.t else ""

    @property
    def training(self) -> bool:
        """Whether its code is one of a training: no goods are behind it."""
        return TraceCode.parse(self.source).kind is CodeKind.TRAINING

    def encode(self) -> bytes:
        """The token's bytes, without signature; texts are cut to ``TEXTS``."""
        source, test = TraceCode.parse(self.source), TraceCode.parse(self.test)
        if (test.node, test.terminal, test.kind) != (source.node, source.terminal, CodeKind.TEST):
            raise BadCode(f"test code {self.test} is not of the station of source code {self.source}")
        fixed = _FIXED.pack(
            _TYPE,
            self.kid,
            self.t,
            source.packed(),
            test.serial.to_bytes(3, "big"),
            int(self.product),
            self.net_g,
            self.verdict.value | (Flags.CLOCK_TRUSTED if self.t else 0),
            self.portion,
            int(self.origin_code or 0).to_bytes(3, "big"),
            int(self.supplier_code or 0).to_bytes(6, "big"),
        )
        texts = [_cut(getattr(self, name), most) for name, most in TEXTS.items()]
        return fixed + b"".join(bytes((len(text),)) + text for text in texts)

    def fitted(self, host: str) -> Self:
        """The same with texts so short that its address fits one QR code."""
        texts: dict[str, Any] = {
            name: _cut(getattr(self, name), most).decode("gb18030") for name, most in TEXTS.items()
        }
        room = (LONGEST - len(f"https://{host}/b/")) * 3 // 4 - _FIXED.size - _SIGNATURE - len(TEXTS)
        while sum(len(text.encode("gb18030")) for text in texts.values()) > room:
            longest = max(texts, key=lambda name: len(texts[name].encode("gb18030")))
            texts[longest] = texts[longest][:-1]
        return replace(self, **texts)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a token's bytes; raises BadToken. The signature is checked elsewhere."""
        if len(data) < _FIXED.size:
            raise BadToken("too short for a source card's code")
        kind, kid, t, source, test, product, net_g, flags, portion, origin, supplier = _FIXED.unpack_from(data)
        if kind != _TYPE:
            raise BadToken("not the code of a source card")
        if flags & ~7 or bool(flags & Flags.CLOCK_TRUSTED) != bool(t):
            raise BadToken("flags that cannot be")
        try:
            code = TraceCode.parse(f"{int.from_bytes(source, 'big'):020d}")
            if code.kind not in (CodeKind.SOURCE, CodeKind.TRAINING):
                raise BadToken("its code is no source code")
            name, where, who, item = _texts(data[_FIXED.size :])
            token = cls(
                kid=kid,
                t=t,
                source=str(code),
                test=str(TraceCode(code.node, CodeKind.TEST, code.terminal, int.from_bytes(test, "big"))),
                product=f"{product:08d}",
                name=name,
                net_g=net_g,
                origin=where,
                origin_code=_digits(int.from_bytes(origin, "big"), 6),
                supplier=who,
                supplier_code=_digits(int.from_bytes(supplier, "big"), 13),
                verdict=TokenVerdict(flags & 3),
                item=item,
                portion=portion,
            )
            if len(token.product) != 8:
                raise BadToken("a product code of more than 8 digits")
        except (BadCode, UnicodeDecodeError) as error:
            raise BadToken(str(error)) from None
        if token.encode() != data:
            raise BadToken("not in its one form")
        return token

    def as_json(self) -> dict[str, Any]:
        """What the card states, for programs; ``tested_at`` is null when nobody knew the time."""
        return {
            "kind": TokenKind.SOURCE.name.lower(),
            "kid": self.kid.hex(),
            "source": self.source,
            "test": self.test,
            "portion": self.portion,
            "product": self.product,
            "name": self.name,
            "net_g": self.net_g,
            "origin": self.origin,
            "origin_code": self.origin_code,
            "supplier": self.supplier,
            "supplier_code": self.supplier_code,
            "verdict": self.verdict.name.lower(),
            "item": self.item,
            "tested_at": self.tested_at or None,
        }


def verdict_of(word: str) -> TokenVerdict:
    """The token's verdict for a record's."""
    return _VERDICTS.get(word, TokenVerdict.NONE)


def card_url(token: SourceToken, key: PrivateKey, host: str) -> str:
    """Sign the token, cut to what a QR code holds, and put it in the address a phone opens."""
    data = token.fitted(host).encode()
    signed = data + key.sign(_DOMAIN + data)
    return f"https://{host}/b/{base64.urlsafe_b64encode(signed).rstrip(b'=').decode()}"


def stall_url(code: str, host: str) -> str:
    """The address of a stall's own code, which never changes."""
    return f"https://{host}/s/{operator(code)}"


def parse_card(url: str) -> tuple[SourceToken, bytes, bytes]:
    """Token, its bytes and its signature from a card's address (or only its last part); raises BadToken."""
    data, signature = signed_part(url)
    return SourceToken.decode(data), data, signature


def signed_by(data: bytes, signature: bytes, key: PublicKey) -> bool:
    """Whether this key signed these bytes as a source card's."""
    try:
        check(key, signature, _DOMAIN + data)
    except BadSignature:
        return False
    return True


def verify_card(url: str, key: PublicKey) -> SourceToken:
    """The token in a card's address when ``key`` signed it; raises BadToken."""
    token, data, signature = parse_card(url)
    if token.kid != kid_of(key):
        raise BadToken(f"signed by key {token.kid.hex()}, not by {kid_of(key).hex()}")
    if not signed_by(data, signature, key):
        raise BadToken("the signature does not fit: the code was altered or is forged")
    return token


def _digits(number: int, width: int) -> str:
    """A code of so many digits; empty for none. Raises BadToken."""
    text = f"{number:0{width}d}" if number else ""
    if len(text) > width:
        raise BadToken(f"a code of {len(text)} digits where {width} are due")
    return text


def _cut(text: str, most: int) -> bytes:
    """As much of a text as fits, as one harmless line; letters that have no code are left out."""
    made = b""
    for letter in line(text):
        code = letter.encode("gb18030", "ignore")
        if code.decode("gb18030") != letter:
            continue
        if len(made) + len(code) > most:
            break
        made += code
    return made if line(made.decode("gb18030")).encode("gb18030") == made else _cut(made.decode("gb18030"), most)


def _texts(data: bytes) -> list[str]:
    """Texts with their lengths before them; raises BadToken and UnicodeDecodeError."""
    texts = []
    while data:
        length, data = data[0], data[1:]
        texts.append(data[:length].decode("gb18030"))
        if len(data) < length:
            raise BadToken("a text is cut off")
        data = data[length:]
    if len(texts) != len(TEXTS):
        raise BadToken(f"{len(texts)} texts where {len(TEXTS)} are due")
    return texts
