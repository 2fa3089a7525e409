"""Barcode scanners and card readers that are keyboards: what the kernel tells of their keys.

    type u16 | code u16 | value s32     8 bytes an event, low byte first: ``struct input_event`` without its time
    01 00      1e 00      01 00 00 00   KEY_A goes down; value 0 it comes up, 2 it repeats
    00 00      00 00      00 00 00 00   SYN_REPORT: these belong together; code 3: SYN_DROPPED, events were lost
    04 00      04 00      …             MSC_SCAN and whatever else: passed over

The kernel hands over whole events, so there is no frame to look for.

The keys are places on a US keyboard, whatever the box's own layout: that is what scanners are set to when they leave
their maker.  ``KEYS`` is the map; the option ``keys`` adds to it for scanners set otherwise.  Shift and CapsLock make
capitals, Ctrl and ] is FNC1's separator (1D).  Enter, the keypad's Enter or Tab end a code; so does a pause of ``rest``
seconds, for scanners that send no ending key.

A character that no key has comes as Alt, held, and its number on the keypad.  A number above 255 is one character:
in GB18030 two or four bytes (``alt = "gb18030"``), or its place in Unicode (``alt = "unicode"``).  Numbers up to 255
are the bytes of GB18030, one after the other; below 128 they are ASCII.

A code of which a key was lost, or has no character, is no code at all: it might be another one.

Sources: linux/input.h and input-event-codes.h of the kernel; bug reports of programs that read such scanners (Shift for
``:`` and ``$``, the keypad's Enter, Alt with digits for Chinese).
"""

import struct
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from protocol.formats import WireFormat
from protocol.link import Link
from protocol.options import FormatOptions
from protocol.readings import Event, Garbage, Scan
from protocol.scanners.shared import LONGEST, cut, scan
from protocol.session import UntilPause

EVENT = struct.Struct("<HHi")
EV_SYN, EV_KEY, EV_MSC, EV_LED, EV_REP = 0x00, 0x01, 0x04, 0x11, 0x14
KNOWN_TYPES = {EV_SYN, EV_KEY, 0x02, 0x03, EV_MSC, 0x05, EV_LED, 0x12, EV_REP}
SYN_REPORT, SYN_DROPPED = 0, 3
UP, DOWN = 0, 1
MOST_CODE = 0x2FF  # KEY_MAX

SHIFTS, CTRLS, ALTS, CAPS = {42, 54}, {29, 97}, {56, 100}, 58
SILENT = {69, 70, 125, 126, 127}  # NumLock, ScrollLock, the window keys, Menu: they mean no character
ENTER, KEYPAD_ENTER, TAB = 28, 96, 15
ENDS = {ENTER, KEYPAD_ENTER, TAB}
SEPARATOR_KEY, SEPARATOR = 27, "\x1d"  # Ctrl and ]

_ROWS = (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (57, " ", " "),
)
KEYS: dict[int, str] = {
    first + place: plain + shifted
    for first, plains, shifteds in _ROWS
    for place, (plain, shifted) in enumerate(zip(plains, shifteds, strict=True))
}
"""Both characters of each key, without and with Shift, by the kernel's number."""
KEYPAD = {71: "7", 72: "8", 73: "9", 75: "4", 76: "5", 77: "6", 79: "1", 80: "2", 81: "3", 82: "0"}
KEYS |= {code: digit * 2 for code, digit in KEYPAD.items()}
KEYS |= {55: "**", 74: "--", 78: "++", 83: "..", 98: "//", 117: "==", 121: ",,", 86: "<>"}
PLACES = {
    char: (code, shifted) for code, both in reversed(KEYS.items()) for shifted, char in reversed([*enumerate(both)])
}
RAW_CAP = 64 << 10
MOST_ALT = 10  # digits of a number: 4 bytes


class Reading(FormatOptions):
    """How keys become characters."""

    alt: Annotated[
        Literal["gb18030", "unicode"], Field(description="what the number means that comes with Alt and the keypad")
    ] = "gb18030"
    keys: dict[Annotated[str, Field(pattern=r"^[0-9]{1,3}$")], Annotated[str, Field(min_length=2, max_length=2)]] = (
        Field(default_factory=dict, description="the kernel's number of a key = its characters without and with Shift")
    )


class Options(Reading):
    rest: Annotated[float, Field(ge=0.05, le=5, description="a pause of so many seconds ends a code")] = 0.3


class Decoder:
    """Keys to codes."""

    def __init__(self, reading: Reading | None = None) -> None:
        self._reading = reading or Reading()
        self._keys = KEYS | {int(code): both for code, both in self._reading.keys.items()}
        self._buffer = bytearray()
        self._held: set[int] = set()
        self._caps = False
        self._text: list[str | int] = []  # characters, and bytes of characters
        self._raw = bytearray()
        self._digits = ""  # with Alt held
        self._spoilt = ""  # why what comes is no code
        self._skipping = False  # what comes until the next SYN_REPORT is cut

    @property
    def begun(self) -> bool:
        """Part of a code is there, and nothing of it is still being pressed."""
        return bool(self._text or self._spoilt) and not self._digits

    def feed(self, data: bytes) -> list[Event]:
        self._buffer += data
        whole = len(self._buffer) - len(self._buffer) % EVENT.size
        part = bytes(self._buffer[:whole])
        del self._buffer[:whole]
        return [event for at in range(0, whole, EVENT.size) for event in self._event(part[at : at + EVENT.size])]

    def rest(self) -> list[Event]:
        """A pause: the code is over."""
        return [*self._end()] if self.begun else []

    def finish(self) -> list[Event]:
        left = bytes(self._raw) + bytes(self._buffer)
        self._forget()
        self._buffer.clear()
        self._held.clear()
        return cut(left)

    def _event(self, raw: bytes) -> Iterator[Event]:
        kind, code, value = EVENT.unpack(raw)
        if kind not in KNOWN_TYPES or code > MOST_CODE:
            self._spoilt = self._spoilt or "not an event of a keyboard"
            self._note(raw)
        elif kind == EV_SYN:
            if code == SYN_DROPPED:
                self._spoilt = "keys were lost; scan again"
                self._held.clear()
                self._digits = ""
                self._skipping = True
            elif code == SYN_REPORT:
                self._skipping = False
            if self._raw:
                self._note(raw)
        elif kind == EV_KEY and not self._skipping:
            self._note(raw)
            yield from self._key(code, value)

    def _note(self, raw: bytes) -> None:
        """The bytes of this code, as long as a code may be."""
        if len(self._raw) < RAW_CAP:
            self._raw += raw

    def _key(self, code: int, value: int) -> Iterator[Event]:
        if value == UP:
            self._held.discard(code)
            if code in ALTS and not self._held & ALTS:
                self._alt()
            if not self._text and not self._spoilt and not self._held and not self._digits:
                self._raw.clear()  # nothing was begun
            return
        if value != DOWN:
            return
        if code in ENDS:
            yield from self._end()
        elif code in SHIFTS | CTRLS | ALTS:
            self._held.add(code)
            if code in ALTS:
                self._digits = ""
        elif code == CAPS:
            self._caps = not self._caps
        elif self._held & ALTS:
            if code in KEYPAD and len(self._digits) < MOST_ALT:
                self._digits += KEYPAD[code]
            else:
                self._spoilt = self._spoilt or "Alt with another key than the keypad's digits"
        elif self._held & CTRLS:
            if code == SEPARATOR_KEY:
                self._text.append(SEPARATOR)
        elif code not in SILENT:
            self._character(code)
        if len(self._text) > LONGEST:
            self._text.clear()
            self._spoilt = f"a code of more than {LONGEST} characters"

    def _character(self, code: int) -> None:
        both = self._keys.get(code)
        if both is None:
            self._spoilt = self._spoilt or f"key {code} has no character; add it to options.keys"
            return
        letter = len(both[0].upper()) == 1 and both[0].upper() == both[1]
        shifted = bool(self._held & SHIFTS) != (self._caps and letter)
        self._text.append(both[shifted])

    def _alt(self) -> None:
        digits, self._digits = self._digits, ""
        if not digits:
            return
        number = int(digits)
        if number < 0x80:
            self._text.append(chr(number))
        elif number <= 0xFF:
            self._text.append(number)
        elif self._reading.alt == "unicode":
            if number > 0x10FFFF or 0xD800 <= number < 0xE000:
                self._spoilt = self._spoilt or f"Alt {digits} is no character"
            else:
                self._text.append(chr(number))
        elif number > 0xFFFFFFFF:
            self._spoilt = self._spoilt or f"Alt {digits} is no character"
        else:
            self._text.extend(number.to_bytes(2 if number <= 0xFFFF else 4, "big"))

    def _end(self) -> Iterator[Event]:
        text, raw, spoilt = self._joined(), bytes(self._raw), self._spoilt
        begun = bool(self._text or spoilt)
        self._forget()
        if begun:
            yield Garbage(raw, spoilt) if spoilt or text is None else scan(text, raw)

    def _joined(self) -> str | None:
        """The characters; None, with the reason, for bytes that are none."""
        out, run = [], bytearray()
        for part in [*self._text, ""]:
            if isinstance(part, int):
                run.append(part)
                continue
            if run:
                try:
                    out.append(run.decode("gb18030"))
                except UnicodeDecodeError:
                    self._spoilt = self._spoilt or f"Alt numbers that are no GB18030: {run.hex()}"
                    return None
                run.clear()
            out.append(part)
        return "".join(out)

    def _forget(self) -> None:
        self._text.clear()
        self._raw.clear()
        self._digits = self._spoilt = ""


def decoder(reading: Reading) -> Decoder:
    return Decoder(reading)


def key(code: int, value: int) -> bytes:
    """One key's event and its SYN_REPORT."""
    return EVENT.pack(EV_KEY, code, value) + EVENT.pack(EV_SYN, SYN_REPORT, 0)


def press(code: int) -> bytes:
    return key(code, DOWN) + key(code, UP)


def encode(reading: Scan, *, ending: int | None = ENTER, alt: str = "gb18030") -> bytes:
    """The keys of this code. Raises ValueError for a character that none can say."""
    keys = b"".join(_keys_of(char, alt) for char in reading.text)
    return keys + (press(ending) if ending is not None else b"")


def _keys_of(char: str, alt: str) -> bytes:
    if char == SEPARATOR:
        return key(29, DOWN) + press(SEPARATOR_KEY) + key(29, UP)
    if char in PLACES:
        code, shifted = PLACES[char]
        return key(42, DOWN) + press(code) + key(42, UP) if shifted else press(code)
    if len(char.encode("gb18030")) < 2:
        raise ValueError(f"no key says {char!r}")
    number = ord(char) if alt == "unicode" else int.from_bytes(char.encode("gb18030"), "big")
    if alt == "unicode" and number <= 0xFF:
        raise ValueError(f"no key says {char!r}")
    keypad = {digit: code for code, digit in KEYPAD.items()}
    return key(56, DOWN) + b"".join(press(keypad[digit]) for digit in str(number)) + key(56, UP)


def session(options: Options) -> UntilPause:
    return UntilPause(Decoder(options), options.rest)


FORMAT = WireFormat(
    id="scanner_hid",
    kind="scanner",
    title="Barcode scanners and card readers that are keyboards",
    link=Link(9600),
    polled=False,
    checked=False,
    confidence="high",
    decoder=decoder,
    session=session,
    options=Options,
    reading=Reading,
    repeats=False,
    wire="evdev",
)
