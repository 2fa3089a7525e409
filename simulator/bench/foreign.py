"""What speaks on a wire and is none of ours: `marketedge identify` has to say that it cannot tell.

The lines of scales come from manuals, captures and bug reports; the other things speak as their standards say (NMEA
0183, DL/T 645, ESC/POS, Hayes).  All frames are composed.
"""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from operator import xor

from protocol import files, uploads
from simulator.wires.device import Device

TARE = Decimal("0.215")
GAP = 0.1  # seconds between two frames of who talks by himself


# --- scales whose formats we do not have ----------------------------------------------------------------------------


def block(kg: Decimal, places: int = 3, unit: str = "kg") -> bytes:
    rows = {"GROSS": kg + TARE, "NET": kg, "TARE": TARE}
    return "".join(f"{name:<5}{value:>9.{places}f}{unit}\r\n" for name, value in rows.items()).encode() + b"\r\n"


def labels(kg: Decimal) -> bytes:
    return f"G.W.:{kg:>8f}kg\r\nTare:   0.000kg\r\nN.W.:{kg:>8f}kg\r\n\r\n".encode()


SCALES: Mapping[str, Callable[[Decimal], bytes]] = {
    "number and unit": lambda kg: f"{kg:>8f}kg\r\n".encode(),
    "number and unit, LF": lambda kg: f"{kg:>8f}kg\n".encode(),
    "number and unit, CR": lambda kg: f"{kg:>8f}kg\r".encode(),
    "signed number and unit": lambda kg: f"{kg:>+8f}kg\r\n".encode(),
    "number in grams": lambda kg: f"{kg * 1000:>8.0f}g\r\n".encode(),
    "right-aligned, blanks behind": lambda kg: f"{kg:>13f} kg  \r\n".encode(),
    "weight in STX and ETX": lambda kg: f"\x02{kg:>8f}kg\x03".encode(),
    "G.W.": lambda kg: f"G.W.:{kg:>8f}kg\r\n".encode(),
    "G.W., tare, N.W.": labels,
    "G&G grain, shifted": lambda kg: f"{'-' if kg < 0 else ' '}{abs(kg):>7.2f} GN \r\n".encode(),
    "block": block,
    "block with one decimal": lambda kg: block(kg * 1000, 1),
    "block with blanks": lambda kg: block(kg, 3, " kg"),
}
"""The line of such a scale for a weight."""


# --- other things ---------------------------------------------------------------------------------------------------


def _position(rng: random.Random) -> bytes:
    at = f"{rng.randrange(24):02}{rng.randrange(60):02}{rng.randrange(60):02}"
    said = (
        f"GPGGA,{at}.00,3447.{rng.randrange(10**5):05},N,11342.{rng.randrange(10**5):05},E,1,08,0.9,104.5,M,-20.1,M,,"
    )
    return f"${said}*{reduce(xor, said.encode()):02X}\r\n".encode()


def _power_meter(rng: random.Random) -> bytes:
    digits = bytes((int(f"{rng.randrange(100):02}", 16) + 0x33) & 0xFF for _ in range(4))
    frame = b"\x68" + rng.randbytes(6) + b"\x68\x91\x08\x33\x33\x34\x33" + digits
    return b"\xfe\xfe\xfe\xfe" + frame + bytes((sum(frame) & 0xFF, 0x16))


def _kernel_log(rng: random.Random) -> bytes:
    words = rng.choice(
        ["usb 1-1: new full-speed USB device", "eth0: link becomes ready", "EXT4-fs (mmcblk0p2): mounted"]
    )
    return f"[{rng.random() * 99:12.6f}] {words} number {rng.randrange(9)}\r\n".encode()


def _receipt(rng: random.Random) -> bytes:
    rows = (
        f"{name}  {rng.randrange(1, 9999) / 1000:.3f}kg  {rng.randrange(1, 9999) / 100:.2f}\n"
        for name in ["白菜", "猪肉"]
    )
    return b"\x1b@" + "".join(rows).encode("gb18030") + b"\x1dV\x00"


def _code(rng: random.Random) -> bytes:
    return f"69{rng.randrange(10**11):011}\r\n".encode()


def _climate(rng: random.Random) -> bytes:
    return f"T={rng.randrange(-200, 400) / 10:.1f}C RH={rng.randrange(1000) / 10:.1f}%\r\n".encode()


TALKERS: Mapping[str, Callable[[random.Random], bytes]] = {
    "satellite receiver": _position,
    "electricity meter": _power_meter,
    "kernel's log": _kernel_log,
    "receipts for a printer": _receipt,
    "barcode scanner": _code,
    "thermometer's text": _climate,
    "any bytes": lambda rng: rng.randbytes(rng.randrange(1, 40)),
    "one byte again and again": lambda rng: b"\xff" * 12,
}
"""What they send by themselves, a frame at a time."""

LISTENERS: Mapping[str, Callable[[bytes], bytes]] = {
    "plug that sends all back": lambda asked: asked,
    "modem": lambda asked: asked + (b"\r\nERROR\r\n" if asked.endswith((b"\r", b"\n")) else b""),
    "computer's login": lambda asked: b"\r\nmarket login: " if asked.endswith((b"\r", b"\n")) else b"",
    "shell's prompt": lambda asked: asked + b"\r\n-sh: not found\r\n# " if asked.endswith((b"\r", b"\n")) else asked,
    "always NAK": lambda asked: b"\x15",
    "always ACK": lambda asked: b"\x06",
    "always OK": lambda asked: b"OK\r\n",
    "always a question mark": lambda asked: b"?\r\n",
    "printer that tells its state": lambda asked: b"\x12" if b"\x05" in asked or b"\x10\x04" in asked else b"",
}
"""What they answer to a question."""


def _said(rng: random.Random) -> dict[str, str]:
    return {"order": str(rng.randrange(10**6)), "shop": "A12", "total": f"{rng.randrange(10**5) / 100:.2f}"}


def _orders(rng: random.Random) -> bytes:
    rows = "".join(
        f"{rng.randrange(10**6)};白菜;{rng.randrange(100) / 10};{rng.randrange(9999) / 100}\r\n" for _ in range(5)
    )
    return files.wrap(f"单据;商品;数量;金额\r\n{rows}".encode())


ELSEWHERE: Mapping[str, tuple[str, Callable[[random.Random], bytes]]] = {
    "mouse": ("usb-hid", lambda rng: bytes((rng.choice((0, 0, 0, 1)), *rng.randbytes(2), 0))),
    "keyboard": ("usb-hid", lambda rng: bytes((0, 0, rng.randrange(4, 40), 0, 0, 0, 0, 0))),
    "till's orders by WebSocket": ("ws", lambda rng: json.dumps(_said(rng)).encode() + b"\n"),
    "clock by WebSocket": ("ws", lambda rng: f"{rng.randrange(10**9)}\n".encode()),
    "till's orders by HTTP": ("http", lambda rng: uploads.wrapped(uploads.Request("/orders", dict(_said(rng))))),
    "list of sales in the folder": ("folder", _orders),
    "picture in the folder": ("folder", lambda rng: files.wrap(b"\x89PNG\r\n\x1a\n" + rng.randbytes(300))),
}
"""The wire, and what comes on it."""


class Talker:
    """Says a frame every tenth of a second and listens to nobody."""

    def __init__(self, frame: Callable[[], bytes]) -> None:
        self._frame = frame
        self._next: float | None = None

    def receive(self, data: bytes, now: float) -> None:
        return None

    def pending(self, now: float) -> bytes:
        if self._next is not None and now < self._next:
            return b""
        self._next = now + GAP
        return self._frame()

    def deadline(self, now: float) -> float | None:
        return now if self._next is None else self._next


class Listener:
    """Says nothing but its answer to what it hears, once nothing more comes."""

    PAUSE = 0.02

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer
        self._heard = b""
        self._answer_at: float | None = None

    def receive(self, data: bytes, now: float) -> None:
        self._heard += data
        self._answer_at = now + self.PAUSE

    def pending(self, now: float) -> bytes:
        if self._answer_at is None or now < self._answer_at:
            return b""
        heard, self._heard, self._answer_at = self._heard, b"", None
        return self._answer(heard)

    def deadline(self, now: float) -> float | None:
        return self._answer_at


@dataclass(frozen=True, slots=True)
class Foreign:
    """Something on a wire that is none of ours."""

    name: str
    wire: str
    device: Callable[[random.Random], Device]


def _scale(line: Callable[[Decimal], bytes]) -> Callable[[random.Random], Device]:
    def device(rng: random.Random) -> Device:
        kg = Decimal(rng.randrange(-40, 3000)) * Decimal("0.005")
        step = rng.choice([Decimal(0), Decimal("0.005"), Decimal("0.135")])
        frames = (line(kg + step * number) for number in range(10**6))
        return Talker(lambda: next(frames))

    return device


def _talker(frame: Callable[[random.Random], bytes]) -> Callable[[random.Random], Device]:
    return lambda rng: Talker(lambda: frame(rng))


def _listener(answer: Callable[[bytes], bytes]) -> Callable[[random.Random], Device]:
    return lambda rng: Listener(answer)


EVERY: tuple[Foreign, ...] = (
    *(Foreign(name, "serial", _scale(line)) for name, line in SCALES.items()),
    *(Foreign(name, "serial", _talker(frame)) for name, frame in TALKERS.items()),
    *(Foreign(name, "serial", _listener(answer)) for name, answer in LISTENERS.items()),
    *(Foreign(name, wire, _talker(frame)) for name, (wire, frame) in ELSEWHERE.items()),
)
