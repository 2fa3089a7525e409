"""What the web's thread needs of the certificate; whose it is and where it comes from is the service's."""

import ssl
from typing import Protocol


class Encryption(Protocol):
    """``context`` is what new connections get, ``failed`` counts handshakes that came to nothing.

    ``look`` reads and writes files, so it runs in a thread of its own; all else is for the web's loop.
    """

    context: ssl.SSLContext
    failed: int

    def due(self) -> bool:
        """Whether there is something to look at."""

    def look(self) -> bool:
        """Renew where it is due; whether there is a newer certificate to take."""

    def take(self) -> None:
        """New connections get the newer certificate."""

    def authority(self) -> bytes:
        """What phones are to trust, as PEM; empty when there is none to give. Raises OSError."""
