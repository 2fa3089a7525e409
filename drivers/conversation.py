"""A session talks with a device over a transport; everybody who lets one talk does it here.

A turn is: send what is to be sent, wait for an answer until the session wants to be woken, let it understand what came,
wake it when its time is up.  What the session is told between two turns (a wish, that results are on disk) goes out at
the beginning of the next one.  The clock is handed in, so that a conversation can be played in a test.
"""

import time
from collections.abc import Callable
from dataclasses import field

from drivers.transports.base import READ_SECONDS, Transport
from drivers.transports.recorder import Chunk
from protocol.frozen import frozen
from protocol.readings import Event
from protocol.session import Session


@frozen
class Turn:
    """First ``sent`` went out, until ``sent_at``; then ``heard`` came, until ``at``, and the session made ``events``.

    Times are those of the conversation's clock; ``sent`` and ``heard`` are empty when there was nothing.
    """

    sent: bytes
    sent_at: float
    heard: bytes
    at: float
    events: list[Event] = field(default_factory=list)


class Conversation:
    """One session over one open transport, which stays the caller's to close.

    ``note`` is handed each chunk that passes, before anything is made of it: its ``seconds`` are the clock's.
    """

    def __init__(
        self,
        transport: Transport,
        session: Session,
        clock: Callable[[], float] = time.monotonic,
        note: Callable[[Chunk], None] | None = None,
    ) -> None:
        self._transport = transport
        self._session = session
        self._clock = clock
        self._note = note

    def turn(self, longest: float = READ_SECONDS) -> Turn:
        """One turn, which waits for the device for ``longest`` seconds at most.

        Raises LinkLost when the device or the connection is gone.  Bytes that cannot be read are events; so whatever
        else is raised is a fault of the program, in the session or the transport.
        """
        sent, sent_at = self._send()
        heard = self._transport.read(self._patience(longest, sent_at))
        now = self._clock()
        events: list[Event] = []
        if heard:
            self._pass(Chunk(now, True, heard))
            events += self._session.receive(heard, now)
        if self._session.deadline is not None and now >= self._session.deadline:
            events += self._session.expired(now)
        return Turn(sent, sent_at, heard, now, events)

    def _send(self) -> tuple[bytes, float]:
        out = self._session.pending()
        if out:
            self._pass(Chunk(self._clock(), False, out))
            self._transport.write(out)
        return out, self._clock()

    def _patience(self, longest: float, now: float) -> float:
        deadline = self._session.deadline
        return longest if deadline is None else min(longest, max(0.0, deadline - now))

    def _pass(self, chunk: Chunk) -> None:
        if self._note is not None:
            self._note(chunk)
