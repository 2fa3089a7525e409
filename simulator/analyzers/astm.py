"""A meter that sends each result by ASTM as soon as it is measured."""

from datetime import datetime
from decimal import Decimal

from protocol.analyzers import astm
from protocol.analyzers.shared.astm_link import End
from protocol.readings import Event, TestResult, Verdict

COUNTING = {"seven": 7, "uncounted": 1}
MODELS = (*astm.STYLES, *COUNTING)


class Meter:
    """The instrument's end of the link. A message that is not accepted is kept, and sent whole again.

    ``model`` is how it cuts its messages into frames (``protocol.analyzers.astm.parts``); ``seven`` and ``uncounted``
    cut them by the standard, but go on with frame number 1 after 7, or give every frame number 1.  ``heard`` is what
    the host said in messages of its own.
    """

    LIMIT = Decimal(50)
    ITEM = "PEST"

    def __init__(self, model: str = "records") -> None:
        if model not in MODELS:
            raise ValueError(f"no model {model!r}; there are: {', '.join(MODELS)}")
        self.style = "records" if model in COUNTING else model
        self.link = End(astm.Messages(), instrument=True, modulus=COUNTING.get(model, 8))
        self.heard: list[Event] = []
        self._measured: list[bytes] = []

    def measure(
        self, sample: int, value: Decimal | None, at: datetime, *, name: str = "", channel: int = 1
    ) -> TestResult:
        too_high = value is not None and value >= self.LIMIT
        result = TestResult(
            sample=str(sample),
            channel=None,
            item=self.ITEM,
            value=value,
            unit="%",
            verdict=Verdict.INVALID if value is None else Verdict.UNQUALIFIED if too_high else None,
            measured_at=at,
            identity="",
            limit=self.LIMIT,
        )
        message = astm.encode([result], at=at)
        kept = astm.decode(message)[0]
        if not isinstance(kept, TestResult):
            raise ValueError(f"the instrument cannot keep {result}")
        self._measured.append(message)
        return kept

    def query(self, sample: str, at: datetime) -> None:
        """Ask the host what to do with a sample."""
        header = f"H|\\^&|||MarketMeter^1.0|||||||P|LIS2-A2|{at:%Y%m%d%H%M%S}"
        self._measured.append(f"{header}\rQ|1|{sample}\rL|1|N\r".encode())

    def receive(self, data: bytes, now: float) -> None:
        self._send(now)
        self.heard += self.link.receive(data, now)

    def pending(self, now: float) -> bytes:
        self._send(now)
        while (deadline := self.link.deadline) is not None and deadline <= now:
            self.heard += self.link.expired(now)
        return self.link.pending()

    def deadline(self, now: float) -> float | None:
        return now if self._measured else self.link.deadline

    def _send(self, now: float) -> None:
        """What was measured since goes to the link, which may be busy."""
        for message in self._measured:
            self.link.send(astm.parts(message, self.style), now)
        self._measured.clear()


def simulate(model: str | None) -> Meter:
    return Meter(model or "records")
