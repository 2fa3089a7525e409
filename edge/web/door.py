"""The door: how many may be in at a time, and of whom.

    the box itself    all places that are free; 32 of them the network cannot take
    the network       64 places, 12 for one peer; 48 event streams, 6 for one peer

Who comes when all places are taken gets that of whoever has rested longest: a connection without a request, which a
browser or a program opens anew when it wants one.  Only where nobody rests is he told so and let go at once.  So a
thousand idle connections keep nobody from selling.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from edge.between.sparing import Sparing
from edge.web.addresses import BOX

PEER, NETWORK, ALL = 12, 64, 96
PEER_STREAMS, NETWORK_STREAMS, ALL_STREAMS = 6, 48, 80
log = logging.getLogger("web")


class Guest(Protocol):
    """Who has a place, and may lose it while nothing is asked over it."""

    def let_go(self) -> None:
        """Leave, and close."""


class Places:
    """Places of one kind. Lives in the web thread's loop."""

    def __init__(self, what: str, peer: int, network: int, all_: int) -> None:
        self._what, self._peer, self._network, self._all = what, peer, network, all_
        self._taken: Counter[str] = Counter()
        self._resting: dict[Guest, str] = {}  # with their peers, who has rested longest first
        self._told = Sparing()

    def take(self, peer: str) -> bool:
        """Whether there was a place for this peer; it has it until ``leave``."""
        if not self.free(peer):
            return False
        self._taken[peer] += 1
        return True

    def free(self, peer: str) -> bool:
        """Whether there is a place, made free where somebody rests; when there is none the log is told."""
        while full := self._full(peer):
            why, among = full
            guest = next((one for one, whose in self._resting.items() if among(whose)), None)
            if guest is None:
                if self._told.due(self._what, time.monotonic()):
                    name = peer or "the box"
                    log.warning("no more %s for %s: %s; close pages and programs not used", self._what, name, why)
                return False
            del self._resting[guest]
            guest.let_go()
        return True

    def rests(self, guest: Guest, peer: str) -> None:
        """Nothing is asked over this connection from now on; it keeps its turn when it rests already."""
        self._resting.setdefault(guest, peer)

    def works(self, guest: Guest) -> None:
        """It is asked something, or gone."""
        self._resting.pop(guest, None)

    def leave(self, peer: str) -> None:
        self._taken[peer] -= 1
        if not self._taken[peer]:
            del self._taken[peer]

    @contextmanager
    def place(self, peer: str) -> Iterator[bool]:
        """``take`` for as long as it lasts."""
        taken = self.take(peer)
        try:
            yield taken
        finally:
            if taken:
                self.leave(peer)

    def _full(self, peer: str) -> tuple[str, Callable[[str], bool]] | None:
        """Why there is no place, and whose would help; None when there is one."""
        taken = self._taken.total()
        if peer != BOX and self._taken[peer] >= self._peer:
            return f"it has {self._peer} already", lambda whose: whose == peer
        if peer != BOX and taken - self._taken[BOX] >= self._network:
            return f"the network has {self._network} already", lambda whose: whose != BOX
        if taken >= self._all:
            return f"all {self._all} are taken", lambda whose: True
        return None


class Door:
    def __init__(self) -> None:
        self.connections = Places("web connections", PEER, NETWORK, ALL)
        self.streams = Places("event streams", PEER_STREAMS, NETWORK_STREAMS, ALL_STREAMS)
