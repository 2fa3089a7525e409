"""A Taiyang tester with keys or with a touch screen, and its memory."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from protocol.analyzers import taiyang as wire
from protocol.readings import Reply, TestResult

ERASE = b"\x1b\xb9"
CODES = {name.lower(): code for code, name in wire.MODELS.items()}
ABSORBANCE = Decimal("0.812")


class Taiyang:
    """Sends its records one by one. A touch model takes its time, gives up when the host is silent, and empties its
    memory after a transfer; a key model keeps it. ``erased`` tells whether somebody sent the command that erases.
    """

    RECORD_SECONDS = 3.0
    GIVE_UP_SECONDS = 10.0

    def __init__(self, model: str = "ttnj-16", *, limit: Decimal = Decimal(50)) -> None:
        if model.lower() not in CODES:
            raise ValueError(f"no model {model!r}; there are: {', '.join(CODES)}")
        self.code = CODES[model.lower()]
        self.limit = limit
        self.records: list[bytes] = []
        self.erased = False
        self.stopped = False
        self.heard: list[bytes] = []
        self._buffer = b""
        self._at: int | None = None  # how many records were sent in this transfer
        self._last = 0.0
        self._out: list[tuple[float, bytes]] = []

    @property
    def touch(self) -> bool:
        return self.code == wire.TOUCH

    def measure(
        self, sample: int, value: Decimal | None, at: datetime, *, name: str = "", channel: int = 1, item: int = 1
    ) -> TestResult:
        """One record with one channel. A key model has no number of the sample and always a value.

        What a TTJ writes other than 10H8 and 8H8 is not known to us: two numbers, of which the second is the value.
        """
        if self.touch:
            conclusion = 0 if value is None else 1 if value < self.limit else 2
            fraction = (value or Decimal(0)).scaleb(-2)
            hole = wire.Hole(0x20 + channel, sample, name, ABSORBANCE, fraction, conclusion)
            frame = wire.encode_touch(len(self.records) + 1, at.date().isoformat(), [hole])
        elif value is None:
            raise ValueError("a key model always has a value")
        else:
            pair = (Decimal(1), 1 - value.scaleb(-2)) if self.code in wire.PAIRS else (ABSORBANCE, value)
            frame = wire.encode(at, {channel: pair}, item=item, group=sample & 0xFF)
        record = wire.decode(frame)
        kept = wire.results(record, self.code)[0] if isinstance(record, Reply) else record
        if not isinstance(kept, TestResult):
            raise ValueError(f"the instrument cannot keep {kept}")
        self.records.append(frame)
        return replace(kept, sure=not self.touch)  # a memory that stays is read twice

    def receive(self, data: bytes, now: float) -> None:
        if self.touch and now - self._last > self.GIVE_UP_SECONDS:
            self._at = None
        self._last = now
        self._buffer += data
        while self._buffer:
            size = 2 if self._buffer[0] == 0x1B else 1
            if len(self._buffer) < size:
                return
            command, self._buffer = self._buffer[:size], self._buffer[size:]
            self.heard.append(command)
            self._obey(command, now)

    def pending(self, now: float) -> bytes:
        out = b"".join(data for at, data in self._out if at <= now)
        self._out = [(at, data) for at, data in self._out if at > now]
        return out

    def deadline(self, now: float) -> float | None:
        return min((at for at, _ in self._out), default=None)

    def _obey(self, command: bytes, now: float) -> None:
        if command == ERASE:
            self.erased = True
            self.records.clear()
        elif command == wire.HANDSHAKE:
            self._out.append((now, wire.answer_model(self.code)))
        elif command == wire.READ_ALL:
            self._at = 0
            self._out.append((now, wire.STARTED))
            if not self.touch:
                self._send_next(now)
        elif command == wire.NEXT and self._at is not None:
            self._send_next(now + (self.RECORD_SECONDS if self.touch else 0))
        elif command == wire.END_LINK:
            self._at = None

    def _send_next(self, at: float) -> None:
        if self.stopped:
            self._out.append((at, wire.CANCELLED))
        elif self._at is not None and self._at < len(self.records):
            self._out.append((at, self.records[self._at]))
            self._at += 1
        else:
            self._out.append((at, wire.FINISHED))
            if self.touch:
                self.records.clear()


def simulate(model: str | None) -> Taiyang:
    return Taiyang(model or "ttnj-16")
