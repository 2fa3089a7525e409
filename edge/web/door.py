"""The door: how many may be in at a time, and of whom.

    the box itself    all places that are free; 32 of them the network cannot take
    the network       64 places, 12 for one peer; 48 event streams, 6 for one peer

Whoever finds no place is told so and let go at once: nobody's idle connections keep the stall from selling.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from edge.between.sparing import Sparing
from edge.web.addresses import BOX

PEER, NETWORK, ALL = 12, 64, 96
PEER_STREAMS, NETWORK_STREAMS, ALL_STREAMS = 6, 48, 80
log = logging.getLogger("web")


class Places:
    """Places of one kind. Lives in the web thread's loop."""

    def __init__(self, what: str, peer: int, network: int, all_: int) -> None:
        self._what, self._peer, self._network, self._all = what, peer, network, all_
        self._taken: Counter[str] = Counter()
        self._told = Sparing()

    def take(self, peer: str) -> bool:
        """Whether there was a place for this peer; it has it until ``leave``."""
        if not self.free(peer):
            return False
        self._taken[peer] += 1
        return True

    def free(self, peer: str) -> bool:
        """Whether there is a place; when there is none the log is told."""
        why = self._full(peer)
        if why and self._told.due(self._what, time.monotonic()):
            log.warning("no more %s for %s: %s; close pages and programs not used", self._what, peer or "the box", why)
        return not why

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

    def _full(self, peer: str) -> str:
        """Why there is no place; empty when there is one."""
        taken = self._taken.total()
        if taken >= self._all:
            return f"all {self._all} are taken"
        if peer != BOX and self._taken[peer] >= self._peer:
            return f"it has {self._peer} already"
        if peer != BOX and taken - self._taken[BOX] >= self._network:
            return f"the network has {self._network} already"
        return ""


class Door:
    def __init__(self) -> None:
        self.connections = Places("web connections", PEER, NETWORK, ALL)
        self.streams = Places("event streams", PEER_STREAMS, NETWORK_STREAMS, ALL_STREAMS)
