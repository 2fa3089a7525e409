"""Dibal scales set to the EPOS (TISA) protocol: the host sends a price, the scale answers with the weight.

    host    9 8  P P P P P  X  <CR><LF>                       price in cents; 0 when only the weight is wanted
    scale   9 9  0  W W W W W  7 characters  X  <CR><LF>      18 bytes
                 |  |          |             XOR of all bytes in front of it, sent as it is
                 |  |          not read: 0 and six more, what they say is not known to us
                 |  weight: five digits, the last three decimals; or five characters with a point
                 0 a weight | 1 no weight

The unit is not sent; it is kg.  Neither stability nor the reason why there is no weight is told, and whether a tare is
taken off is not known.  There is no command to tare or to zero.

9600/8n1.
Sources: SBZ systems, serial settings and protocol of Dibal G310 and GDPOS (its text adds up the price's digits for the
check, its examples do not, and neither does any scale seen); UCS R-Keeper, list of supported scales; a public TISA
driver for Odoo (first digit after 99).
"""

import re
from decimal import Decimal

from protocol.checks import xor8
from protocol.formats import WireFormat
from protocol.framing import PARITY_WHY, Lines, parity_suspect
from protocol.link import Link
from protocol.options import FormatOptions, Patience, Poll
from protocol.readings import Event, Garbage, State, Weighing
from protocol.session import Asking

FRAME = re.compile(rb"(99(.)(.{5}).{7})(.)", re.DOTALL)
NUMBER = re.compile(rb"[0-9]+\.[0-9]+|[0-9]+")
DECIMALS = 3
REST = b"0000000"
LINE_CAP = 64


def decode(line: bytes) -> Event:
    """One answer without its CR LF."""
    event = _decode(line, line + b"\r\n")
    return Garbage(event.data, PARITY_WHY) if isinstance(event, Garbage) and parity_suspect(line) else event


def _decode(line: bytes, raw: bytes) -> Event:
    found = FRAME.fullmatch(line)
    if not found:
        return Garbage(raw, "not 99, 13 characters and a check")
    body, status, digits, sent = found.groups()
    if sent[0] != xor8(body):
        return Garbage(raw, f"check is {sent!r}, the bytes give {bytes((xor8(body),))!r}")
    if status == b"1":
        return Weighing(None, state=State.ERROR, raw=raw)
    if status != b"0" or not NUMBER.fullmatch(digits):
        return Garbage(raw, f"check right, but {status + digits!r} is no weight")
    value = Decimal(digits.decode())
    return Weighing(value if b"." in digits else value.scaleb(-DECIMALS), raw=raw)


def encode(reading: Weighing) -> bytes:
    """The answer with this reading. Raises ValueError if it does not fit five digits with three decimals."""
    if reading.value is None:
        return _closed(b"99" + b"1" + b"00000" + REST)
    grams = reading.value.scaleb(DECIMALS)
    if not grams.is_finite() or grams != grams.to_integral_value() or not 0 <= grams <= 99999:
        raise ValueError(f"{reading.value} does not fit five digits with three decimals")
    return _closed(b"990" + f"{int(grams):05d}".encode() + REST)


def encode_question(price: int = 0) -> bytes:
    """What the host sends; the price is in cents."""
    if not 0 <= price <= 99999:
        raise ValueError(f"price {price} does not fit five digits")
    return _closed(f"98{price:05d}".encode())


def _closed(body: bytes) -> bytes:
    return body + bytes((xor8(body),)) + b"\r\n"


class Options(FormatOptions):
    poll: Poll = 0.15
    patience: Patience = 1.0


def decoder() -> Lines:
    return Lines(decode, cap=LINE_CAP)


def session(options: Options) -> Asking:
    return Asking(decoder(), encode_question(), poll=options.poll, patience=options.patience)


FORMAT = WireFormat(
    id="dibal",
    kind="scale",
    title="Dibal EPOS (TISA)",
    link=Link(9600),
    polled=True,
    checked=True,
    confidence="medium",
    decoder=decoder,
    session=session,
    options=Options,
    sends_unit=False,
    questions=(encode_question(),),
)
