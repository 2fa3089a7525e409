"""As little MQTT as thousands of stations in one process can carry: QoS 1, a publisher and its own topics.

Written after the OASIS standards 3.1.1 and 5.0.  A station has one of these instead of paho and a thread.
"""

import asyncio
import contextlib
import struct
from typing import Protocol

from edge.between import link_causes

KEEPALIVE = 60
CONNACK_311 = {3: 0x88}  # "server unavailable", as MQTT 5 has it


class Hears(Protocol):
    """Whoever owns the link: all are called from the loop."""

    def up(self) -> None:
        """The subscription stands."""

    def message(self, topic: str, payload: bytes, retained: bool) -> None: ...

    def acknowledged(self, mid: int, code: int) -> None: ...

    def down(self, cause: str) -> None:
        """It ended, for this word of ``link_causes``."""


def string(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def packet(first: int, body: bytes) -> bytes:
    """A fixed header (2.2 of the standards) and what follows it."""
    size, left = bytearray(), len(body)
    while True:
        left, digit = left >> 7, left & 0x7F
        size.append(digit | (0x80 if left else 0))
        if not left:
            return bytes((first,)) + bytes(size) + body


class Link(asyncio.Protocol):
    """One connection. ``connected`` is set by CONNACK; ``down`` is called once, whoever ends it."""

    def __init__(self, client_id: str, topics: tuple[str, ...], five: bool, owner: Hears) -> None:
        self.connected = False
        self._client_id, self._topics, self._five, self._owner = client_id, topics, five, owner
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._mid = 0
        self._cause = "lost"

    def itself(self) -> "Link":
        """What asyncio wants of a protocol's maker."""
        return self

    def publish(self, topic: str, body: bytes, *, retain: bool = False) -> int | None:
        """Its message id; None while the link is down."""
        if self._transport is None or self._transport.is_closing() or not self.connected:
            return None
        self._mid = self._mid % 65_535 + 1
        head = string(topic) + struct.pack(">H", self._mid) + (b"\0" if self._five else b"")
        self._transport.write(packet(0x32 | retain, head + body))
        return self._mid

    def ping(self) -> None:
        if self.connected:
            self._write(b"\xc0\x00")

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    # --- asyncio ----------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        level = b"\x05" if self._five else b"\x04"
        head = string("MQTT") + level + b"\x02" + struct.pack(">H", KEEPALIVE) + (b"\0" if self._five else b"")
        transport.write(packet(0x10, head + string(self._client_id)))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport, self.connected = None, False
        self._owner.down(self._cause)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (whole := self._whole()) is not None:
            first, body = whole
            with contextlib.suppress(IndexError, struct.error, UnicodeDecodeError):
                self._packet(first, body)

    def _whole(self) -> tuple[int, bytes] | None:
        size, shift = 0, 0
        for at in range(1, min(5, len(self._buffer))):
            size |= (self._buffer[at] & 0x7F) << shift
            shift += 7
            if not self._buffer[at] & 0x80:
                if len(self._buffer) < at + 1 + size:
                    return None
                first, body = self._buffer[0], bytes(self._buffer[at + 1 : at + 1 + size])
                del self._buffer[: at + 1 + size]
                return first, body
        return None

    def _packet(self, first: int, body: bytes) -> None:
        match first >> 4:
            case 2:
                if body[1]:
                    code = body[1] if self._five else CONNACK_311.get(body[1], 0x80)
                    self._cause = link_causes.of_connack(code)
                    self.close()
                    return
                self.connected = True
                mid = struct.pack(">H", 1) + (b"\0" if self._five else b"")
                self._mid = 1
                self._write(packet(0x82, mid + b"".join(string(one) + b"\x01" for one in self._topics)))
            case 14:
                self._cause = link_causes.of_disconnect(body[0] if body else 0)
            case 9:
                self._owner.up()
            case 4:
                self._owner.acknowledged(struct.unpack_from(">H", body)[0], body[2] if len(body) > 2 else 0)
            case 3:
                self._published(first, body)

    def _published(self, first: int, body: bytes) -> None:
        (size,) = struct.unpack_from(">H", body)
        topic, at = body[2 : 2 + size].decode(), 2 + size
        if first & 0x06:
            self._write(b"\x40\x02" + body[at : at + 2])
            at += 2
        if self._five:
            length, shift = 0, 0
            while True:
                digit = body[at]
                length |= (digit & 0x7F) << shift
                at, shift = at + 1, shift + 7
                if not digit & 0x80:
                    break
            at += length
        self._owner.message(topic, body[at:], bool(first & 1))
