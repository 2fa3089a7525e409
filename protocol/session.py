"""The two faces every wire format shows.

A ``Decoder`` turns bytes into events, whatever the chunking.  A ``Session`` holds the dialogue: it also says which
bytes to send, and when it wants to be woken.  Both are handed the time (seconds of any steady clock) and never read
one, so a whole conversation can be replayed in a test.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Protocol, runtime_checkable

from protocol.readings import Event, Garbage


class Wish(Enum):
    """What a person may ask of a scale."""

    TARE = "tare"
    CLEAR_TARE = "clear_tare"
    ZERO = "zero"


class Decoder(Protocol):
    def feed(self, data: bytes) -> list[Event]:
        """Events completed by these bytes. Never raises for bad bytes: they come back as ``Garbage``."""
        ...

    def finish(self) -> list[Event]:
        """The stream has ended: what is left is an incomplete frame, and so ``Garbage``."""
        ...


class LateDecoder(Decoder, Protocol):
    def take_rest(self) -> list[Event]:
        """The line fell silent: what waited for the byte behind it is whole."""
        ...


class PausedDecoder(Decoder, Protocol):
    @property
    def begun(self) -> bool:
        """Something has begun that a pause may end."""
        ...

    def rest(self) -> list[Event]:
        """A pause: what has begun is whole."""
        ...


class Session(Protocol):
    @property
    def deadline(self) -> float | None:
        """When ``expired`` wants to be called, or None."""
        ...

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Events completed by these bytes."""
        ...

    def expired(self, now: float) -> list[Event]:
        """Call when ``deadline`` has passed: the session decides what silence means."""
        ...

    def pending(self) -> bytes:
        """Bytes to send now; empty when there are none. Each byte is handed out once."""
        ...

    def ask(self, wish: Wish, now: float) -> bool:
        """Queue a person's wish for sending; False when this format cannot carry it."""
        ...

    def committed(self, now: float) -> None:
        """All results handed over so far are on disk: the instrument may be asked for more, or told so."""
        ...


@runtime_checkable
class Owing(Session, Protocol):
    """A session that owes an answer for each thing that it handed over."""

    def committed_one(self, identity: str, now: float) -> None:
        """What has this identity is on disk: whoever waits for its answer gets it."""
        ...


class Speaking:
    """What every session has that sends: bytes are put into ``_out``, and each is handed out once.

    It carries no wish of a person, and nothing waits for a commit, where a session does not say otherwise.
    """

    def __init__(self) -> None:
        self._out = bytearray()

    def pending(self) -> bytes:
        out = bytes(self._out)
        self._out.clear()
        return out

    def ask(self, wish: Wish, now: float) -> bool:
        return False

    def committed(self, now: float) -> None:
        return None


class Listening:
    """Session of a device that talks by itself and is never answered."""

    deadline: float | None = None

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def receive(self, data: bytes, now: float) -> list[Event]:
        return self._decoder.feed(data)

    def expired(self, now: float) -> list[Event]:
        return []

    def pending(self) -> bytes:
        return b""

    def ask(self, wish: Wish, now: float) -> bool:
        return False

    def committed(self, now: float) -> None:
        return None


class UntilPause(Listening):
    """Listens; ``rest`` seconds without a byte end what has begun."""

    def __init__(self, decoder: PausedDecoder, rest: float) -> None:
        super().__init__(decoder)
        self._paused, self._rest = decoder, rest

    def receive(self, data: bytes, now: float) -> list[Event]:
        events = self._paused.feed(data)
        self.deadline = now + self._rest if self._paused.begun else None
        return events

    def expired(self, now: float) -> list[Event]:
        self.deadline = None
        return self._paused.rest()


class Obeying(Listening):
    """Session of a scale that talks by itself and obeys commands, which it does not answer."""

    def __init__(self, decoder: Decoder, commands: Mapping[Wish, bytes]) -> None:
        super().__init__(decoder)
        self._commands = commands
        self._wishes: list[Wish] = []

    def pending(self) -> bytes:
        out = b"".join(self._commands[wish] for wish in self._wishes)
        self._wishes.clear()
        return out

    def ask(self, wish: Wish, now: float) -> bool:
        if wish not in self._commands:
            return False
        if wish not in self._wishes:
            self._wishes.append(wish)
        return True


class Settling(Obeying):
    """``Obeying`` that takes the last frame as whole when the line was silent for ``quiet`` seconds."""

    def __init__(
        self, decoder: LateDecoder, commands: Mapping[Wish, bytes] = MappingProxyType({}), *, quiet: float
    ) -> None:
        super().__init__(decoder, commands)
        self._late = decoder
        self._quiet = quiet

    def receive(self, data: bytes, now: float) -> list[Event]:
        self.deadline = now + self._quiet
        return super().receive(data, now)

    def expired(self, now: float) -> list[Event]:
        self.deadline = None
        return self._late.take_rest()


class Asking(Speaking):
    """Session of a scale that answers: asks ``question`` every ``poll`` seconds.

    After ``patience`` seconds without an answer it asks again.  A wish that has a command is sent instead of the next
    question, at once if no answer is awaited; one that waits already is not doubled.  With ``answered=False`` no
    answer to a command is awaited.
    """

    def __init__(
        self,
        decoder: Decoder,
        question: bytes,
        *,
        poll: float,
        patience: float,
        commands: Mapping[Wish, bytes] = MappingProxyType({}),
        answered: bool = True,
    ) -> None:
        super().__init__()
        self._decoder = decoder
        self._question = question
        self._poll = poll
        self._patience = patience
        self._commands = commands
        self._answered = answered
        self._wishes: list[Wish] = []
        self._waiting = False
        self.deadline: float | None = 0.0

    def receive(self, data: bytes, now: float) -> list[Event]:
        events = self._decoder.feed(data)
        if events and self._waiting and self.deadline is not None:
            # A damaged answer also brings the next question forward, but never puts it off.
            self.deadline = min(self.deadline, now + (0 if self._wishes else self._poll))
            self._waiting = all(isinstance(event, Garbage) for event in events)
        return events

    def expired(self, now: float) -> list[Event]:
        command = self._commands[self._wishes.pop(0)] if self._wishes else b""
        self._out += command or self._question
        self._waiting = self._answered or not command
        self.deadline = now + (self._patience if self._waiting else self._poll)
        return []

    def ask(self, wish: Wish, now: float) -> bool:
        if wish not in self._commands:
            return False
        if wish not in self._wishes:
            self._wishes.append(wish)
        if not self._waiting:
            self.deadline = now
        return True
