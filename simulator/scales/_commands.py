"""What simulated scales share: a command comes in, bytes go out, and maybe the display is sent all the time."""

import re
from collections.abc import Callable, Mapping

from protocol.readings import State, Weighing
from simulator.scales._pan import Continuous, Pan

Answer = Callable[[float], bytes]


class Commanded:
    """A scale that knows ``commands``: what is said, and what it answers to that at a time.

    ``words`` finds the commands in what arrives; one that is not known is answered with ``other``.  With ``stream`` the
    scale also sends its display by itself.
    """

    CAP = 64

    def __init__(
        self,
        pan: Pan,
        words: re.Pattern[bytes],
        commands: Mapping[bytes, Answer],
        *,
        other: bytes = b"",
        stream: Callable[[Weighing], bytes] | None = None,
        rate: float = 10.0,
    ) -> None:
        self.pan = pan
        self._words = words
        self._commands = commands
        self._other = other
        self._stream = Continuous(pan, stream, rate) if stream else None
        self._heard = b""
        self._out = bytearray()

    def receive(self, data: bytes, now: float) -> None:
        self._heard += data
        end = 0
        for found in self._words.finditer(self._heard):
            answer = self._commands.get(found[0].rstrip(b"\r\n"))
            self._out += answer(now) if answer else self._other
            end = found.end()
        self._heard = self._heard[end:][-self.CAP :]

    def pending(self, now: float) -> bytes:
        out = bytes(self._out) + (self._stream.pending(now) if self._stream else b"")
        self._out.clear()
        return out

    def deadline(self, now: float) -> float | None:
        if self._out:
            return now
        return self._stream.deadline(now) if self._stream else None


def silently(do: Callable[[float], object]) -> Answer:
    """A command that is obeyed and not answered."""

    def answer(now: float) -> bytes:
        do(now)
        return b""

    return answer


def tare(pan: Pan) -> Answer:
    return silently(pan.tare_now)


def clear_tare(pan: Pan) -> Answer:
    return silently(lambda now: pan.clear_tare())


def zero(pan: Pan) -> Answer:
    return silently(pan.zero)


def when_shown(encode: Callable[[Weighing], bytes]) -> Callable[[Weighing], bytes]:
    """For scales of which nobody wrote down what they send while the display shows no weight: then they are silent."""
    return lambda reading: encode(reading) if reading.state is State.OK else b""
