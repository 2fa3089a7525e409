"""A DY-3000, TL-300, LZ-3000, DY-6600 or DY-7200 with its item tables and its memory."""

from datetime import date, datetime
from decimal import Decimal

from protocol.analyzers.dayuan import packets_03ff as packets
from protocol.analyzers.dayuan import records_03ff as records
from protocol.analyzers.dayuan.packets_03ff import DRY, SPECTRO, STRIP, Item
from protocol.analyzers.dayuan_03ff import MODELS
from protocol.readings import Event, Reply, TestResult, Verdict

TABLES = {
    SPECTRO: [Item("农药残留", "%", 0), Item("亚硝酸盐", "mg/kg", 1), Item("甲醛", "mg/kg", 1)],
    STRIP: [Item("克伦特罗", "", 1), Item("氯霉素", "ug/kg", 1)],
    DRY: [Item("余氯", "mg/L", 1)],
}


class Dayuan03ff:
    """Answers one packet at a time; only the command that erases empties its memory, and nobody here sends that.

    A DY-7200 streams its records of text one after the other, half a second apart.
    """

    STREAM_SECONDS = 0.5

    def __init__(self, model: str = "dy3000") -> None:
        if model not in MODELS:
            raise ValueError(f"no model {model!r}; there are: {', '.join(MODELS)}")
        self.model = model
        self.records: dict[int, list[tuple[datetime, bytes]]] = {kind: [] for kind in TABLES}
        self.asked: list[Reply] = []
        self.erased = False
        self._found = date.min
        self._scanner = packets.scanner()
        self._out: list[tuple[float, bytes]] = []

    def measure(
        self,
        sample: int,
        value: Decimal | None,
        at: datetime,
        *,
        name: str = "",
        channel: int = 1,
        item: int = 0,
        kind: int = SPECTRO,
        verdict: Verdict | None = None,
    ) -> TestResult:
        """``kind`` and ``item`` say what was measured; a strip without a value is judged by ``verdict``."""
        row = TABLES[kind][item]
        made = TestResult(
            sample=str(sample),
            channel=str(channel),
            item=row.name,
            value=value,
            unit=row.unit or None,
            verdict=verdict,
            measured_at=at,
            identity="",
            name=name or None,
        )
        index = len(self.records[kind])
        if self.model == "dy7200":
            frame = records.encode_text(made, number=index % 255 + 1)
        elif kind == SPECTRO:
            frame = records.encode([made], item=item, table=TABLES[kind], index=index)
        else:
            frame = records.encode_strip(made, kind=kind, item=item, index=index)
        kept = packets.decode(frame)
        found = records.results(kept, TABLES[kind]) if isinstance(kept, Reply) else []
        if not found or not isinstance(found[0], TestResult):
            raise ValueError(f"the instrument cannot keep {made}")
        self.records[kind].append((at, frame))
        return found[0]

    def receive(self, data: bytes, now: float) -> None:
        for event in self._scanner.feed(data):
            self._answer(event, now)

    def pending(self, now: float) -> bytes:
        out = b"".join(data for at, data in self._out if at <= now)
        self._out = [(at, data) for at, data in self._out if at > now]
        return out

    def deadline(self, now: float) -> float | None:
        return min((at for at, _ in self._out), default=None)

    def _answer(self, event: Event, now: float) -> None:
        if not isinstance(event, Reply) or not event.what.startswith("ask-"):
            return
        self.asked.append(event)
        kinds = {name: kind for kind, name in packets.KINDS.items()}
        kind = kinds.get(event.get("of") or "", SPECTRO)
        if event.what == "ask-hello":
            self._say(packets.answer_hello("Dayuan", self.model.upper(), "SIM-1"), now)
        elif event.what == "ask-erase":
            self.erased = True
            self.records = {kind: [] for kind in TABLES}
        elif kind not in (MODELS[self.model] or (SPECTRO,)):
            return
        elif event.what == "ask-items":
            self._say(packets.answer_items(kind, int(event.get("page") or 0), TABLES[kind]), now)
        elif event.what == "ask-find":
            self._say(packets.answer_find(kind, *self._find(kind, event.get("from") or "")), now)
        elif event.what == "ask-record":
            self._send_records(kind, int(event.get("index") or 0), now)

    def _find(self, kind: int, day: str) -> tuple[int, int]:
        self._found = date.fromisoformat(day)
        found = [n for n, (at, _) in enumerate(self.records[kind]) if at.date() == self._found]
        if self.model == "dy7200":
            return 0, len(found)
        return (found[0], found[-1] + 1) if found else (0, 0)

    def _send_records(self, kind: int, index: int, now: float) -> None:
        if self.model == "dy7200":
            frames = [frame for at, frame in self.records[kind] if at.date() == self._found]
            for n, frame in enumerate(frames):
                self._say(frame, now + n * self.STREAM_SECONDS)
        elif index < len(self.records[kind]):
            self._say(self.records[kind][index][1], now)
        else:
            self._say(packets.packet(packets.DEVICE, kind + 5, index, b"\0"), now)

    def _say(self, data: bytes, at: float) -> None:
        self._out.append((at, data))


def simulate(model: str | None) -> Dayuan03ff:
    return Dayuan03ff(model or "dy3000")
