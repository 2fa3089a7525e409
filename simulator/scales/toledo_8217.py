"""A cash-register scale that answers single letters."""

from protocol.readings import State, Weighing
from protocol.scales import toledo_8217
from simulator.scales._pan import Pan


class Toledo8217:
    """Answers ``W``, obeys ``Z``, echoes between ``E`` and ``F``.

    With ``once`` it states each weight once and then says that nothing changed, as some scales do.
    """

    def __init__(self, pan: Pan, *, once: bool = False) -> None:
        self.pan = pan
        self._once = once
        self._said: Weighing | None = None
        self._echoing = False
        self._out = bytearray()

    def receive(self, data: bytes, now: float) -> None:
        for letter in data.decode("latin-1"):
            self._hear(letter, now)

    def pending(self, now: float) -> bytes:
        out = bytes(self._out)
        self._out.clear()
        return out

    def deadline(self, now: float) -> float | None:
        return now if self._out else None

    def _hear(self, letter: str, now: float) -> None:
        if self._echoing:
            self._echoing = letter != "F"
            self._out += letter.encode("latin-1") if self._echoing else b""
        elif letter == "E":
            self._echoing = True
            self._out += toledo_8217.ECHO
        elif letter == "Z":
            self.pan.zero(now)
        elif letter == "W":
            self._out += self._weight(now)

    def _weight(self, now: float) -> bytes:
        reading = self.pan.reading(now)
        if reading.state is State.OK and reading.stable and reading == self._said and self._once:
            return toledo_8217.encode_status(0)
        self._said = reading
        return toledo_8217.encode(reading)


def simulate(pan: Pan, *, once: bool = False) -> Toledo8217:
    return Toledo8217(pan, once=once)
