"""A label scale that uploads each label by TCP, twice, and waits for the answer to each before it says the next."""

from collections import deque
from dataclasses import replace
from datetime import datetime, timedelta

from protocol.label_scales.label_tcp import HEARTBEAT, OK, QUESTION, decode, encode
from protocol.readings import LabelSale

HEARTBEAT_SECONDS = 30.0
CALL_AGAIN_SECONDS = 0.5
PRINTING = timedelta(seconds=1)


class UploadingScale:
    """``store`` is what it has sold; of that it keeps what nobody answered, and says it again on the next connection.

    ``text`` is the code page of its names, ``tenths`` whether its masses are tenths of a kilogram.
    """

    def __init__(self, number: int = 1, *, text: str = "cp1254", tenths: bool = False) -> None:
        self.number = number
        self.store: list[bytes] = []
        self._text, self._tenths = text, tenths
        self._due: deque[bytes] = deque()
        self._heard = bytearray()
        self._greeted = self._waits = self._lost = False
        self._due_at = 0.0  # the greeting, then the next heartbeat

    @property
    def unanswered(self) -> int:
        """How many lines and questions wait for their answer."""
        return len(self._due)

    def sell(
        self, plu: str, net_g: int, at: datetime, *, name: str = "", article: str = "", tare_g: int = 0
    ) -> LabelSale:
        sale = LabelSale(
            plu=f"{plu:>05}",
            article=f"{article or plu:>012}",
            name=name,
            sold_at=at,
            net_g=net_g,
            gross_g=net_g + tare_g,
            tare_g=tare_g,
            identity="",
            text="",
        )
        lines = [
            encode(one, tenths=self._tenths, text=self._text) for one in (sale, replace(sale, sold_at=at + PRINTING))
        ]
        self.store += lines
        self._due += [QUESTION, *lines]
        kept = decode(lines[0])
        assert isinstance(kept, LabelSale)
        return kept

    def send_again(self) -> None:
        self._due += self.store

    def hung_up(self) -> None:
        self._greeted = self._waits = False
        self._lost = True
        self._heard.clear()

    def receive(self, data: bytes, now: float) -> None:
        self._heard += data
        while self._waits and self._heard.startswith(OK):
            del self._heard[: len(OK)]
            self._due.popleft()
            self._waits = False

    def pending(self, now: float) -> bytes:
        if self._lost:
            self._lost, self._due_at = False, now + CALL_AGAIN_SECONDS
        out = b""
        if now >= self._due_at:
            out = HEARTBEAT if self._greeted else b"SCALE-%02d" % self.number
            self._greeted, self._due_at = True, now + HEARTBEAT_SECONDS
        if self._greeted and self._due and not self._waits:
            self._waits = True
            out += self._due[0]
        return out

    def deadline(self, now: float) -> float | None:
        return now if self._lost or (self._greeted and self._due and not self._waits) else self._due_at


def simulate(number: int = 1) -> UploadingScale:
    return UploadingScale(number)
