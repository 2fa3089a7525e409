"""What jobs may ask of the way to the city: what counts as delivered, what the city said, and to look again."""

from typing import Protocol

from protocol.city.agreement import StationEnd
from protocol.city.topics import Ack


class Delivering(Protocol):
    """The publisher's face. ``city`` is the city's newest number on this connection, with its answer to our birth."""

    end: StationEnd
    city: Ack | None

    def own_hash(self, seq: int) -> str | None:
        """The hash of a record; None when there is none that can be read."""

    def resend(self) -> None:
        """The table of delivery was changed: look at it again."""

    def remember(self) -> StationEnd:
        """What counts as delivered, for ``take_back``."""

    def take_back(self, before: StationEnd) -> None:
        """What was ordered was not recorded: it is as before."""

    def gone_on(self) -> None:
        """``end`` was changed: written down in the caller's transaction, and sent from there."""
