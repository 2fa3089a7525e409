"""Is an open device silent, unreadable, or does it refuse every question? Told once when it begins and once when it
ends. No clock: time is handed in.

Silence counts from the last frame, or, while the device is asked, from the first question without an answer: so an
instrument that is asked once a minute is not silent in between.  A device that may be quiet for hours is only told
when it says what nobody can read.  An exception (Modbus) is an answer, and no reading: a probe without its sensor has a
line that works.
"""

from collections.abc import Callable

from drivers.model import Model
from protocol import formats
from protocol.framing import NO_FRAME
from protocol.frozen import frozen
from protocol.link import Link
from protocol.readings import Event, Garbage, Reply
from protocol.session import Decoder

SECONDS = 10.0
NOISE_BYTES = 8  # fewer are what opening a port, or a motor starting next door, shakes loose

SILENT, UNREADABLE, REFUSING = "silent", "unreadable", "refusing"
EXCEPTION = "exception"


@frozen
class Nature:
    """What is normal for a device. ``settings`` is for the advice; ``polled`` and ``quiet`` as in ``WireFormat``.

    ``decoder`` is for sessions that keep some frames to themselves: an acknowledgement, a result told before.
    """

    settings: str = ""
    polled: bool = False
    quiet: bool = False
    decoder: Callable[[], Decoder] | None = None
    seconds: float = SECONDS

    @classmethod
    def of(cls, device: Model, link: Link) -> "Nature":
        wire_format = formats.find(device.format)
        decoder = device.decoder if wire_format.polled else None
        return cls(str(link), wire_format.polled, wire_format.quiet, decoder)


class Silence:
    """Watches one opening of a port."""

    def __init__(self, nature: Nature, now: float) -> None:
        self._nature = nature
        self._frame_at = now
        self._asked_at: float | None = None
        self._noise_at = 0.0
        self._noise = 0
        self._refused_at = 0.0
        self._refusal = ""
        self._why = NO_FRAME
        self._told: set[str] = set()
        self._decoder = nature.decoder() if nature.decoder else None

    def heard(self, data: bytes, events: list[Event], now: float) -> None:
        """Bytes came, and the session made these events of them."""
        known = [*events, *(self._decoder.feed(data) if self._decoder and data else [])]
        if any(not isinstance(event, Garbage) and not _refusal(event) for event in known):
            self._frame(now)
        elif refusal := next(filter(None, map(_refusal, known)), ""):
            self._refused_at = self._refused_at if self._refusal else now
            self._refusal = refusal
            self._asked_at = None
        elif data:
            self._noise_at = self._noise_at if self._noise else now
            self._noise += len(data)
        self._why = next((event.why for event in events if isinstance(event, Garbage)), self._why)

    def _frame(self, now: float) -> None:
        self._frame_at = now
        self._asked_at = None
        self._noise = 0
        self._refusal = ""
        self._why = NO_FRAME

    def asked(self, now: float) -> None:
        """Bytes were sent to the device."""
        if self._asked_at is None:
            self._asked_at = now

    def news(self, now: float) -> str | None:
        """What to tell now: a trouble, empty when a told one is over, None when nothing is new."""
        state = self._state(now)
        if not state:
            if self._told and self._frame_at == now:
                self._told.clear()
                return ""
            return None
        if state in self._told:
            return None
        self._told.add(state)
        return self._advice(state)

    def _state(self, now: float) -> str:
        nature = self._nature
        late = now - nature.seconds
        if self._noise >= NOISE_BYTES:
            return UNREADABLE if self._noise_at <= late and self._frame_at <= late else ""
        if nature.quiet:
            return ""
        since = self._asked_at if nature.polled else self._frame_at
        if since is not None and since <= late:
            return SILENT
        return REFUSING if self._refusal and self._refused_at <= late else ""

    def _advice(self, state: str) -> str:
        nature = self._nature
        if state == UNREADABLE:
            return f"only unreadable bytes: {self._why}; check protocol and link settings ({nature.settings}, parity)"
        if state == REFUSING:
            return (
                f"every request is refused: {self._refusal}; check its sensor, its address, and that it is this model"
            )
        if nature.polled or self._asked_at is not None:
            return (
                f"no answer to requests for {nature.seconds:g} s; check power, cable, and that its interface is set to"
                f" answer at {nature.settings}"
            )
        return f"no frame for {nature.seconds:g} s; check cable and that output mode is continuous"


def _refusal(event: Event) -> str:
    """What an exception means, in words; empty for anything else."""
    if isinstance(event, Reply) and event.what == EXCEPTION:
        return event.get("meaning") or EXCEPTION
    return ""
