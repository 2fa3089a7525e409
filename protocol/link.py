"""Serial line settings, written the way technicians write them: ``9600/8n1``."""

import re
from typing import Self

from protocol.frozen import frozen

_TEXT = re.compile(r"(\d+)/([78])([noe])([12])", re.IGNORECASE)


@frozen
class Link:
    """Baud rate, data bits, parity (``n``, ``o`` or ``e``) and stop bits of a serial line."""

    baud: int
    bits: int = 8
    parity: str = "n"
    stop: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``"9600/8n1"``; raises ValueError with an example when the text is anything else."""
        found = _TEXT.fullmatch(text.strip())
        if not found:
            raise ValueError(f"link settings {text!r}: write baud/bits-parity-stop, for example 9600/8n1")
        baud, bits, parity, stop = found.groups()
        return cls(int(baud), int(bits), parity.lower(), int(stop))

    def __str__(self) -> str:
        return f"{self.baud}/{self.bits}{self.parity}{self.stop}"

    @property
    def byte_seconds(self) -> float:
        """Time one byte takes on the wire, start and stop bits included."""
        return (1 + self.bits + (self.parity != "n") + self.stop) / self.baud
