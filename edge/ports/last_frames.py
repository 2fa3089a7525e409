"""The last frames of a device, for whoever looks into its trouble.  Of the thread that talks with the device.  Others
may ask for ``lines``.

A wire hands over frames in pieces.  Pieces of one direction are put together again until the session has made something
of them, until a pause, or until there is as much as is shown.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from drivers.anonymous import masked
from drivers.model import Model
from drivers.transports.recorder import Chunk
from edge.between.logs import fields
from protocol import formats
from protocol.session import Decoder

FRAMES = 20
KEPT_BYTES = 4096  # of one frame
READ_BYTES = 1024  # of one frame, to find the names in it
SHOWN_BYTES = 64  # of one frame
PAUSE = 0.1  # seconds; pieces further apart are not one frame


@dataclass(slots=True)
class Frame:
    """``data`` begins as what passed did, which was ``length`` bytes; ``first`` and ``last`` are when it did."""

    from_device: bool
    first: float
    last: float
    data: bytes
    length: int


class LastFrames:
    """Keeps ``FRAMES`` of them.  With a decoder, the names of people that it finds are masked in what is shown."""

    def __init__(self, new_decoder: Callable[[], Decoder] | None = None, most: int = FRAMES) -> None:
        self._new_decoder = new_decoder
        self._frames: deque[Frame] = deque(maxlen=most)
        self._open = False

    @classmethod
    def of(cls, device: Model) -> "LastFrames":
        """Only analyzers say names. What a scanner read may be anything, a person's card too: nothing of it is kept."""
        kind = formats.find(device.format).kind
        return cls(device.decoder if kind == "analyzer" else None, 0 if kind == "scanner" else FRAMES)

    def note(self, chunk: Chunk) -> None:
        """These bytes passed."""
        size = len(chunk.data)
        last = self._frames[-1] if self._open and self._frames else None
        if (
            last is not None
            and last.from_device == chunk.from_device
            and chunk.seconds - last.last <= PAUSE
            and last.length + size <= SHOWN_BYTES
        ):
            last.data += chunk.data
            last.length += size
            last.last = chunk.seconds
        else:
            seconds, data = chunk.seconds, chunk.data[:KEPT_BYTES]
            self._frames.append(Frame(chunk.from_device, seconds, seconds, data, size))
            self._open = True

    def complete(self) -> None:
        """The session has made something of what passed: what comes now is another frame."""
        self._open = False

    def __len__(self) -> int:
        return len(self._frames)

    def clear(self) -> None:
        self._frames.clear()
        self._open = False

    @property
    def heard(self) -> bytes:
        """What the device sent."""
        return b"".join(frame.data for frame in self._frames if frame.from_device)

    def lines(self, now: float) -> Iterator[str]:
        """A line for each, oldest first, with its age in seconds."""
        frames = tuple(self._frames)
        for number, (frame, data) in enumerate(zip(frames, self._shown(frames), strict=True), 1):
            more = "…" if frame.length > len(data) else ""
            yield fields(
                frame=number,
                dir="in" if frame.from_device else "out",
                age=f"{max(0.0, now - frame.first):.3f}s",
                bytes=frame.length,
                hex=data.hex() + more,
                text=f"'{_printable(data)}'",
            )

    def _shown(self, frames: tuple[Frame, ...]) -> Iterator[bytes]:
        pieces = [frame.data[:READ_BYTES] for frame in frames]  # now: the last one may still grow
        heard = b"".join(data for frame, data in zip(frames, pieces, strict=True) if frame.from_device)
        if self._new_decoder is not None:
            heard = masked(heard, self._new_decoder)
        at = 0
        for frame, data in zip(frames, pieces, strict=True):
            if frame.from_device:
                data, at = heard[at : at + len(data)], at + len(data)
            yield data[:SHOWN_BYTES]


def _printable(data: bytes) -> str:
    """ASCII as it is, a point for every other byte."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in data)
