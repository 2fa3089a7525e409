"""A meter that sends each result as an HL7 message and waits for the answer."""

from datetime import datetime
from decimal import Decimal

from protocol.analyzers import hl7_mllp
from protocol.readings import Event, Reply, TestResult, Verdict

MODELS = {
    "utf-8": {"charset": "UNICODE UTF-8", "encoding": "utf-8", "separator": "\r"},
    "gbk": {"charset": "", "encoding": "gb18030", "separator": "\r"},
    "lines": {"charset": "", "encoding": "utf-8", "separator": "\r\n"},
}


class Hl7Meter:
    """Sends one message at a time; sends it again when it is answered AE, or not at all for ``PATIENCE`` seconds.

    ``model``: ``utf-8`` as the standard has it; ``gbk`` writes GBK and leaves MSH-18 empty, ``lines`` ends its segments
    with CR LF. Both are usual.  A message answered AR is put to ``refused``.
    """

    LIMIT = Decimal(50)
    ITEM = "农药残留"
    PATIENCE = 30.0
    AGAIN = 5.0

    def __init__(self, model: str = "utf-8") -> None:
        if model not in MODELS:
            raise ValueError(f"no model {model!r}; there are: {', '.join(MODELS)}")
        self._options = MODELS[model]
        self._answers = hl7_mllp.decoder(hl7_mllp.Options())
        self._count = 0
        self._send_at: float | None = None
        self.unsent: list[tuple[str, bytes]] = []
        self.refused: list[tuple[str, bytes]] = []
        self.heard: list[Event] = []

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
        self._count += 1
        control_id = f"{at:%Y%m%d}-{self._count:04d}"
        message = hl7_mllp.encode([result], control_id=control_id, at=at, **self._options)
        kept = hl7_mllp.decoder(hl7_mllp.Options()).feed(message)[0]
        if not isinstance(kept, TestResult):
            raise ValueError(f"the instrument cannot keep {result}")
        self.unsent.append((control_id, message))
        return kept

    def receive(self, data: bytes, now: float) -> None:
        for event in self._answers.feed(data):
            self.heard.append(event)
            if not isinstance(event, Reply) or event.what != "ack" or not self.unsent:
                continue
            if event.get("id") != self.unsent[0][0]:
                continue
            if event.get("code") == "AE":
                self._send_at = now + self.AGAIN
                continue
            answered = self.unsent.pop(0)
            if event.get("code") == "AR":
                self.refused.append(answered)
            self._send_at = None

    def pending(self, now: float) -> bytes:
        if not self.unsent or (self._send_at is not None and now < self._send_at):
            return b""
        self._send_at = now + self.PATIENCE
        return self.unsent[0][1]

    def deadline(self, now: float) -> float | None:
        if not self.unsent:
            return None
        return now if self._send_at is None else self._send_at


def simulate(model: str | None) -> Hl7Meter:
    return Hl7Meter(model or "utf-8")
