"""A record's place in the chain, read from its bytes: a million of them are checked while somebody waits.

All members of an envelope but ``data`` are plain strings, and those behind ``data`` stand in one order (RFC 8785 sorts
them).  So the end of a record can be matched as it stands, and the signature covers every byte but its own member:
bytes with that member in its one place, which the key has signed, are what ``envelope.seal`` made, and need not be
parsed and written again to know it.
"""

import base64
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocol.city import envelope
from protocol.city.token import kid_of
from protocol.frozen import frozen

_TEXT = rb'"([^"\\]*(?:\\.[^"\\]*)*)"'
_BEGIN = b',"datacontenttype":'
_END = re.compile(
    b'%b"application/json","dataschema":%b,"id":%b,"kid":"([0-9a-f]{8})"(?:,"operator":%b)?,"prevhash":"([0-9a-f]{64})",'
    b'"recordedtime":%b,"sequence":"([0-9]{20})"(,"sig":"([A-Za-z0-9+/]{86}==)"),"source":%b,"specversion":"1.0",'
    b'"subject":%b,"time":%b,"type":%b}' % (_BEGIN, *[_TEXT] * 8)
)
_KID, _PREVHASH, _SEQUENCE, _MEMBER, _SIG, _SOURCE, _SUBJECT, _TYPE = 3, 5, 7, 8, 9, 10, 11, 13


@frozen
class Link:
    """What ties a record to the one before, and what it is about."""

    sequence: int
    prevhash: str
    source: str
    subject: str
    type: str


def link(body: bytes, key: Ed25519PublicKey, kid: bytes = b"") -> Link:
    """The place of a record that this key has signed; raises BadEvent for any other bytes.

    ``kid`` saves working it out for each record: ``kid_of(key).hex()`` as bytes.
    """
    found = _END.fullmatch(body, begin) if (begin := body.rfind(_BEGIN)) > 0 else None
    if found and len(body) <= envelope.HARD_CAP and found[_KID] == (kid or kid_of(key).hex().encode()):
        text = found[_SIG]
        signature = base64.b64decode(text)
        start, end = found.span(_MEMBER)
        try:
            key.verify(signature, body[:start] + body[end:])
        except InvalidSignature:
            pass
        else:
            sequence = int(found[_SEQUENCE])
            if base64.b64encode(signature) == text and 0 < sequence <= envelope.MAX_SEQUENCE:
                texts = (_text(found[name]) for name in (_PREVHASH, _SOURCE, _SUBJECT, _TYPE))
                return Link(sequence, *texts)
    event = envelope.read(body)  # says what is wrong with it
    envelope.verify(event, key)
    return Link(int(event["sequence"]), event["prevhash"], event["source"], event["subject"], event["type"])


def _text(written: bytes) -> str:
    """As it stands, escapes and all: codes and types have none."""
    return written.decode("utf-8", "replace")
