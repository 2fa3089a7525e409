"""Yaohua XK3190 command mode (``tF=3`` on the A9, ``odE`` on others): the indicator answers when it is asked.

    host        02  A  B  0 3  03                          gross weight of indicator A
    indicator   02  A  B  +  0 0 1 2 5 0  3  1 D  03       1.250
                |   |  |  |  |            |  |    ETX
                |   |  |  |  |            |  X1 X2: XOR of all between STX and X1, high nibble first
                |   |  |  |  |            decimals, '0'..'4', counted from the right
                |   |  |  |  six digits
                |   |  |  sign, '+' or '-'
                |   |  A are you there? (answered with the same six bytes) | B gross | C tare | D net
                |   the indicator's address, 'A'..'Z'
                STX

A nibble up to 9 is sent as 30 + n, a greater one as 37 + n (``A``..``F``).  Price models also answer ``E`` (unit price)
and ``F`` (amount); how those answers look is not documented to us, so they are never asked for.

The frame has no unit and no stability.  What an indicator sends when it shows no weight is not documented: a frame
whose check is right but whose digits are not says nothing about a weight.  A minus zero is zero: a zero has no sign.
There is no command to tare or to zero.  Several indicators may hang on one line, each asked by its own address.

8n1; 600 to 9600 baud selectable.
Sources: Yaohua user manuals of XK3190-DS3 (p. 8), XK3190-A23p (p. 26) and XK3190-A1+P (p. 21).
"""

import re
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from protocol.checks import xor8
from protocol.formats import WireFormat
from protocol.framing import Scanner
from protocol.link import Link
from protocol.options import FormatOptions, Patience, Poll
from protocol.readings import Event, Garbage, Net, Reply, State, Weighing
from protocol.session import Asking, Decoder

ADDRESSES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
HANDSHAKE = "A"
QUESTIONS = {"gross": "B", "tare": "C", "net": "D"}
KINDS = {b"B": Net.GROSS, b"C": Net.TARE, b"D": Net.NET}
SHORT, LONG = 6, 14
FRAME = re.compile(rb"\x02([A-Z][A-D](?:[+-].{7})?)(..)\x03", re.DOTALL)
VALUE = re.compile(rb"[A-Z]([B-D])([+-])([0-9]{6})([0-4])")
MAX_DECIMALS = 4
NO_DIGITS = b"      "


def decode(frame: bytes) -> Event:
    """One frame of 6 or 14 bytes."""
    found = FRAME.fullmatch(frame)
    if not found:
        return Garbage(frame, "not 02, address, command, sign and 7 characters or nothing, 2 check characters, 03")
    body, sent = found.groups()
    if sent != _check(body):
        return Garbage(frame, f"check is {sent!r}, the bytes give {_check(body)!r}")
    if body[1:] == HANDSHAKE.encode():
        return Reply("handshake", (("address", body[:1].decode()),), raw=frame)
    value = VALUE.fullmatch(body)
    if not value:
        return Garbage(frame, "a question and not an answer" if len(frame) == SHORT else "check right, but no digits")
    kind, sign, digits, decimals = value.groups()
    weight = Decimal(f"{sign.decode()}{digits.decode()}E-{decimals.decode()}")
    return Weighing(weight if weight else weight.copy_abs(), net=KINDS[kind], raw=frame)


def encode(reading: Weighing, address: str = "A") -> bytes:
    """The answer with this reading; without a value blanks stand for the digits. Raises ValueError if it cannot fit."""
    kinds = {net: kind for kind, net in KINDS.items()}
    if reading.net not in kinds:
        raise ValueError("say gross, net or tare")
    if reading.value is None or reading.state is not State.OK:
        return _frame(address.encode() + kinds[reading.net] + b"+" + NO_DIGITS + b"0")
    negative, digits, exponent = reading.value.as_tuple()
    number = int("".join(map(str, digits)))
    if not isinstance(exponent, int) or not -MAX_DECIMALS <= exponent <= 0 or number > 999999:
        raise ValueError(f"{reading.value} does not fit six digits and at most four decimals")
    sign = "-" if negative and number else "+"
    return _frame(address.encode() + kinds[reading.net] + f"{sign}{number:06d}{-exponent}".encode())


def encode_command(address: str, command: str) -> bytes:
    """What the host sends: one of the letters of QUESTIONS, or HANDSHAKE, which is also its own answer."""
    if address not in ADDRESSES or len(address) != 1:
        raise ValueError(f"no address {address!r}: it is one letter, A to Z")
    return _frame((address + command).encode())


def _frame(body: bytes) -> bytes:
    return b"\x02" + body + _check(body) + b"\x03"


def _check(body: bytes) -> bytes:
    return f"{xor8(body):02X}".encode()


def measure(buffer: bytes) -> int | None:
    if any(not first <= byte <= last for byte, (first, last) in zip(buffer[1:3], ((65, 90), (65, 68)), strict=False)):
        return 0
    if len(buffer) < 4:
        return None
    return LONG if buffer[3] in b"+-" else SHORT


Address = Annotated[
    str, Field(pattern="^[A-Z]$", max_length=1, description="of the indicator, A to Z", examples=['"A"'])
]


class Reading(FormatOptions):
    address: Address | None = None


class Options(Reading):
    address: Address = "A"
    ask: Annotated[Literal["gross", "tare", "net"], Field(description="which weight is asked for")] = "net"
    poll: Poll = 0.1
    patience: Patience = 0.5


def decoder(options: Reading) -> Decoder:
    """Answers of one address, or of all."""
    return OfOne(options.address) if options.address else _all()


def _all() -> Scanner:
    return Scanner(measure, decode, head=b"\x02", cap=128, look=4)


class OfOne:
    """A decoder that hears one address only: what others answer is not ours."""

    def __init__(self, address: str) -> None:
        self._address = address.encode()
        self._all = _all()

    def feed(self, data: bytes) -> list[Event]:
        return [self._ours(event) for event in self._all.feed(data)]

    def finish(self) -> list[Event]:
        return [self._ours(event) for event in self._all.finish()]

    def _ours(self, event: Event) -> Event:
        if isinstance(event, Garbage) or event.raw[1:2] == self._address:
            return event
        return Garbage(event.raw, f"an answer of indicator {event.raw[1:2].decode()}, not of {self._address.decode()}")


def session(options: Options) -> Asking:
    """Asks the indicator with this address for ``gross``, ``tare`` or ``net``."""
    question = encode_command(options.address, QUESTIONS[options.ask])
    return Asking(decoder(options), question, poll=options.poll, patience=options.patience)


FORMAT = WireFormat(
    id="yaohua_command",
    kind="scale",
    title="Yaohua XK3190 command mode",
    link=Link(9600),
    polled=True,
    checked=True,
    confidence="high",
    decoder=decoder,
    session=session,
    options=Options,
    reading=Reading,
    sends_unit=False,
    always_net=True,
    links=(Link(4800), Link(1200), Link(2400)),
    questions=(encode_command("A", QUESTIONS["net"]),),
)
