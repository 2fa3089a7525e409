"""The strip reader module with its drawer, and a person who lays cards on it while it is out and takes them again."""

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from protocol.analyzers import dayuan_strip as wire
from protocol.readings import Curve, Event, Reply

MODELS = {"gen1": (1, b"\x11\x05"), "gen2": (2, b"\x20\x01"), "gen3": (3, b"\x30\x00")}


def curve_of(points: Sequence[int]) -> Curve:
    """The reading that these points make."""
    read = wire.decode(wire.encode(Curve(tuple(points), "")))
    if not isinstance(read, Curve):
        raise ValueError(f"the module cannot send {points}")
    return read


def card_with(test: Decimal, points: int = 240) -> Curve:
    """A card with a strong line of control, and one of ``test`` times its depth."""
    ground, depth, width = 3600, 2200, 8
    lines = ((points // 3, Decimal(1)), (2 * points // 3, test))
    heights = []
    for at in range(points):
        dips = (share * depth * max(0, width - abs(at - line)) / width for line, share in lines)
        heights.append(ground - at - int(sum(dips)))
    return curve_of(heights)


class StripReader:
    """``measure`` puts a card in the queue: it is laid on the drawer when that is out and empty.

    The module keeps nothing: what is read is the card that lies in it.
    """

    DRAWER_SECONDS = 1.5
    READ_SECONDS = 2.0
    TAKE_SECONDS = 2.0

    def __init__(self, model: str = "gen1", *, board: int = wire.STRIP_READER) -> None:
        if model not in MODELS:
            raise ValueError(f"no model {model!r}; there are: {', '.join(MODELS)}")
        self.generation, self._version = MODELS[model]
        self.board = board
        self.out = False
        self.card: Curve | None = None
        self.asked: list[Reply] = []
        self._waiting: deque[Curve] = deque()
        self._read = False
        self._take_at: float | None = None
        self._frames = wire.decoder()
        self._answers: list[tuple[float, bytes]] = []

    def measure(self, sample: int, value: Decimal | None, at: datetime, *, name: str = "", channel: int = 1) -> Curve:
        """A card whose test line is ``value`` times as deep as the control line; the curve the station should read."""
        card = card_with(value or Decimal(0))
        self._waiting.append(card)
        return card

    def receive(self, data: bytes, now: float) -> None:
        for event in self._frames.feed(data):
            self._answer(event, now)

    def pending(self, now: float) -> bytes:
        out = b"".join(data for at, data in self._answers if at <= now)
        self._answers = [(at, data) for at, data in self._answers if at > now]
        return out

    def deadline(self, now: float) -> float | None:
        return min((at for at, _ in self._answers), default=None)

    def _answer(self, event: Event, now: float) -> None:
        if not isinstance(event, Reply):
            return
        self.asked.append(event)
        self._person(now)
        generation = 3 if self.generation == 3 else 1
        if event.what == "ask-version":
            self._say(wire.answer_version(self.board, self._version, generation), now)
        elif event.what == "ask-drawer":
            self.out = event.get("to") == "out"
            self._take_at = now + self.TAKE_SECONDS if self.out and self._read else None
            self._say(wire.answer_drawer(generation), now + self.DRAWER_SECONDS)
        elif event.what == "ask-card":
            self._say(wire.answer_card(self.card is not None, generation), now)
        elif event.what == "ask-curve":
            self._read = self.card is not None
            curve = wire.answer_no_curve(generation) if self.card is None else wire.encode(self.card, generation)
            self._say(curve, now + self.READ_SECONDS)

    def _person(self, now: float) -> None:
        """Takes the card that was read, and lays the next one."""
        if self._take_at is not None and now >= self._take_at:
            self.card, self._read, self._take_at = None, False, None
        elif self.out and self.card is None and self._waiting:
            self.card = self._waiting.popleft()

    def _say(self, data: bytes, at: float) -> None:
        self._answers.append((at, data))


def simulate(model: str | None) -> StripReader:
    return StripReader(model or "gen1")
