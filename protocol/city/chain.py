"""A record's place in the chain, read from its bytes: a million of them are checked while somebody waits.

All members of an envelope but ``data`` are plain strings, and those behind ``data`` stand in one order (RFC 8785 sorts
them).  So the end of a record can be matched as it stands, and the signature covers every byte but its own member:
bytes with that member in its one place, which the key has signed, are what ``envelope.seal`` made, and need not be
parsed and written again to know it.  A quote within a text has a backslash before it: no text can be taken for the
members behind it.  Of the last digit of a signature four bits are spare, so only four digits may stand there.

The signatures are nearly all of the work. What is not taken at once goes the slow way, which says why, or takes it
after all.
"""

import re
from binascii import a2b_base64

from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

from protocol.city import envelope
from protocol.city.token import kid_of
from protocol.ed25519 import PublicKey
from protocol.frozen import frozen

_BEGIN = b',"datacontenttype":'
_END = re.compile(
    rb',"datacontenttype":"application/json","dataschema":"[^"]*","id":"[^"]*","kid":"([0-9a-f]{8})"'
    rb'(?:,"operator":"[^"]*")?,"prevhash":"([0-9a-f]{64})","recordedtime":"[^"]*","sequence":"([0-9]{20})"'
    rb'(,"sig":"([A-Za-z0-9+/]{85}[AQgw]==)"),"source":"([^"]*)","specversion":"1.0","subject":"([^"]*)"'
    rb',"time":"[^"]*","type":"([^"]*)"}'
)
_MEMBER = 4


@frozen
class Link:
    """What ties a record to the one before, and what it is about."""

    sequence: int
    prevhash: str
    source: str
    subject: str
    type: str


class Chain:
    """Reads the places of records that one key has signed."""

    def __init__(self, key: PublicKey) -> None:
        self._key = key
        self._kid = kid_of(key).hex().encode()
        self._raw = key.public_bytes_raw()

    def link(self, body: bytes) -> Link:
        """The place of a record of this key; raises BadEvent for any other bytes."""
        found = _END.fullmatch(body, begin) if (begin := body.rfind(_BEGIN)) > 0 else None
        if found and len(body) <= envelope.HARD_CAP:
            kid, prevhash, number, _, signature, source, subject, kind = found.groups()
            start, end = found.span(_MEMBER)
            sequence = int(number)
            if (
                kid == self._kid
                and 0 < sequence <= envelope.MAX_SEQUENCE
                and self._signed(b"".join((a2b_base64(signature), body[:start], body[end:])))
            ):
                return Link(sequence, _text(prevhash), _text(source), _text(subject), _text(kind))
        event = envelope.read(body)  # says what is wrong with it
        envelope.verify(event, self._key)
        return Link(int(event["sequence"]), event["prevhash"], event["source"], event["subject"], event["type"])

    def _signed(self, signature_and_message: bytes) -> bool:
        try:
            crypto_sign_open(signature_and_message, self._raw)
        except BadSignatureError:
            return False
        return True


def link(body: bytes, key: PublicKey) -> Link:
    """The place of one record, as ``Chain.link``."""
    return Chain(key).link(body)


def _text(written: bytes) -> str:
    """As it stands, escapes and all: codes and types have none."""
    return written.decode("utf-8", "replace")
