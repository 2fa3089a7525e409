"""Simulated scales: one pan, and how each wire format talks about it.

The bytes come from the same ``encode`` functions the station's decoders are tested against.
"""

from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Protocol

from protocol.framing import Lines
from protocol.readings import Event, Net, Reply, State, Weighing
from protocol.scales import mt_sics, yaohua_tf0
from simulator.device import Device
from simulator.line import Line, Plug
from simulator.script import Command, Say, lead, number, only

OVER_DIVISIONS = 9  # OIML R 76: no indication above Max + 9 e
UNDER_DIVISIONS = 20
ZERO_RANGE = Decimal("0.02")  # of Max, to either side of the zero set at power-up


class Pan:
    """A load cell with a pan: what lies on it, zero, tare, and how it settles, as functions of the time handed in.

    After each change the shown weight moves to the new one within ``settle`` seconds, unstable all the way.
    """

    def __init__(
        self,
        capacity: Decimal = Decimal(15),
        e: Decimal = Decimal("0.005"),
        *,
        unit: str = "kg",
        settle: float = 0.4,
    ) -> None:
        self.capacity = capacity
        self.e = e
        self.unit = unit
        self.settle = settle
        self.tare = Decimal(0)
        self._zero = Decimal(0)
        self._from = Decimal(0)
        self._load = Decimal(0)
        self._since = float("-inf")

    @property
    def load(self) -> Decimal:
        """What lies on the pan, to the last atom."""
        return self._load

    def put(self, kg: Decimal, now: float) -> None:
        """From now on this lies on the pan, instead of what lay there; less than nothing is a lifted pan."""
        self._from = self._moving(now)
        self._load = kg
        self._since = now

    def take_off(self, now: float) -> None:
        self.put(Decimal(0), now)

    def settles_at(self) -> float:
        return self._since + self.settle

    def stable(self, now: float) -> bool:
        return now >= self.settles_at()

    def gross(self, now: float) -> Decimal:
        """Gross weight as shown: a multiple of ``e``."""
        return self._shown(self._moving(now) - self._zero)

    def state(self, now: float) -> State:
        weight = self._moving(now) - self._zero
        if weight > self.capacity + OVER_DIVISIONS * self.e:
            return State.OVERLOAD
        return State.UNDERLOAD if weight < -UNDER_DIVISIONS * self.e else State.OK

    def reading(self, now: float) -> Weighing:
        """What the display shows: the net weight while a tare is set, else the gross weight."""
        state = self.state(now)
        if state is not State.OK:
            return Weighing(None, unit=self.unit, state=state)
        gross = self.gross(now)
        return Weighing(
            value=gross - self.tare,
            unit=self.unit,
            net=Net.NET if self.tare else Net.GROSS,
            stable=self.stable(now),
            zero=not gross,
        )

    def tare_now(self, now: float) -> State:
        """Take what is shown as the tare; OK when that was possible."""
        state = self.state(now)
        if state is State.OK and self.gross(now) < 0:
            return State.UNDERLOAD
        if state is State.OK:
            self.tare = self.gross(now)
        return state

    def preset_tare(self, kg: Decimal) -> bool:
        if not 0 <= kg <= self.capacity:
            return False
        self.tare = self._shown(kg)
        return True

    def clear_tare(self) -> None:
        self.tare = Decimal(0)

    def zero(self, now: float) -> State:
        """Take what lies there as zero and forget the tare; OK when it was within the zero range."""
        weight = self._moving(now)
        limit = self.capacity * ZERO_RANGE
        if weight > limit:
            return State.OVERLOAD
        if weight < -limit:
            return State.UNDERLOAD
        self._zero = weight
        self.tare = Decimal(0)
        return State.OK

    def _moving(self, now: float) -> Decimal:
        if self.stable(now):
            return self._load
        left = Decimal(1) - Decimal(repr(max(0.0, now - self._since))) / Decimal(repr(self.settle))
        return self._load + (self._from - self._load) * left**3

    def _shown(self, weight: Decimal) -> Decimal:
        steps = (weight / self.e).to_integral_value(ROUND_HALF_EVEN)
        return (steps * self.e if steps else Decimal(0)).quantize(self.e)


class Scale(Device, Protocol):
    """A simulated scale: a device with a pan."""

    pan: Pan


class Continuous:
    """A scale that sends its display ``rate`` times a second, whether anybody listens or not."""

    def __init__(self, pan: Pan, encode: Callable[[Weighing], bytes], rate: float = 10.0) -> None:
        self.pan = pan
        self._encode = encode
        self._gap = 1 / rate
        self._next: float | None = None

    def receive(self, data: bytes, now: float) -> None:
        return None

    def pending(self, now: float) -> bytes:
        """The frames due by now. After a pause of more than a second the missed ones are not made up for."""
        if self._next is None or now - self._next > 1.0:
            self._next = now
        out = bytearray()
        while self._next <= now:
            out += self._encode(self.pan.reading(self._next))
            self._next += self._gap
        return bytes(out)

    def deadline(self, now: float) -> float | None:
        return now if self._next is None else self._next


class MtSics:
    """A scale that answers MT-SICS commands of levels 0 and 1.

    ``S``, ``T`` and ``Z`` wait for a stable weight and give up after ``timeout`` seconds; any other command ends the
    waiting, as it ends the stream of ``SIR``.
    """

    GAP = 0.05  # between two answers of SIR
    LINE_CAP = 128

    def __init__(self, pan: Pan, *, serial: str = "B021002593", timeout: float = 3.0) -> None:
        self.pan = pan
        self._serial = serial
        self._timeout = timeout
        self._out = bytearray(self._hello())
        self._lines = Lines(lambda line: Reply("command", raw=line), cap=self.LINE_CAP)
        self._waiting: str | None = None
        self._give_up = 0.0
        self._stream_at: float | None = None

    def receive(self, data: bytes, now: float) -> None:
        for event in self._lines.feed(data):
            self._command(event, now)

    def pending(self, now: float) -> bytes:
        if self._waiting and (self.pan.stable(now) or now >= self._give_up):
            command, self._waiting = self._waiting, None
            self._out += self._act(command, now) if self.pan.stable(now) else mt_sics.encode_reply(command, "I")
        if self._stream_at is not None and now >= self._stream_at:
            self._out += mt_sics.encode(self.pan.reading(now))
            self._stream_at = now + self.GAP
        out = bytes(self._out)
        self._out.clear()
        return out

    def deadline(self, now: float) -> float | None:
        times = [now] if self._out else []
        if self._waiting:
            times.append(min(self.pan.settles_at(), self._give_up))
        if self._stream_at is not None:
            times.append(self._stream_at)
        return min(times, default=None)

    def press_print(self, now: float) -> None:
        """The PRINT key: a line that is no reply."""
        reading = self.pan.reading(now)
        self._out += f"     N     {reading.value} {reading.unit}   \r\n".encode("latin-1")

    def _command(self, event: Event, now: float) -> None:
        word, _, rest = event.raw.decode("latin-1").partition(" ") if isinstance(event, Reply) else ("", "", "")
        if word not in COMMANDS or (rest and word != "TA"):
            self._out += b"ES\r\n"
            return
        self._waiting = None
        self._stream_at = None
        if word in ("S", "T", "Z"):
            self._waiting = word
            self._give_up = now + self._timeout
        elif word == "SIR":
            self._stream_at = now
        elif word == "TA" and rest:
            self._out += self._preset(rest)
        else:
            self._out += self._act(word, now)

    def _act(self, command: str, now: float) -> bytes:
        pan = self.pan
        if command in ("S", "SI"):
            return mt_sics.encode(pan.reading(now))
        if command in ("T", "TI"):
            done = pan.tare_now(now)
            return mt_sics.encode(self._tare(now), command) if done is State.OK else _refused(command, done)
        if command in ("Z", "ZI"):
            done = pan.zero(now)
            if done is not State.OK:
                return _refused(command, done)
            return mt_sics.encode_reply(command, "A" if command == "Z" else "S" if pan.stable(now) else "D")
        if command == "TA":
            return mt_sics.encode(self._tare(now))
        if command == "TAC":
            pan.clear_tare()
            return mt_sics.encode_reply("TAC", "A")
        return self._tell(command)

    def _tell(self, command: str) -> bytes:
        if command == "@":
            self.pan.clear_tare()
            return self._hello()
        if command == "I0":
            listed = [mt_sics.encode_reply("I0", "B", level, word) for word, level in COMMANDS.items()]
            return b"".join(listed) + b"I0 A\r\n"
        if command == "I4":
            return self._hello()
        text = {"I1": "01", "I2": f"Simulated scale {self.pan.capacity} {self.pan.unit}", "I3": "1.0"}[command]
        return mt_sics.encode_reply(command, "A", text)

    def _preset(self, text: str) -> bytes:
        number, _, unit = text.strip().partition(" ")
        try:
            accepted = unit.strip() == self.pan.unit and self.pan.preset_tare(Decimal(number))
        except ArithmeticError:
            accepted = False
        return mt_sics.encode(self._tare(0.0)) if accepted else mt_sics.encode_reply("TA", "L")

    def _tare(self, now: float) -> Weighing:
        return Weighing(
            self.pan.tare.quantize(self.pan.e), unit=self.pan.unit, net=Net.TARE, stable=self.pan.stable(now)
        )

    def _hello(self) -> bytes:
        return mt_sics.encode_reply("I4", "A", self._serial)


COMMANDS = {
    **dict.fromkeys(("I0", "I1", "I2", "I3", "I4", "S", "SI", "SIR", "Z", "ZI", "@"), 0),
    **dict.fromkeys(("T", "TI", "TA", "TAC"), 1),
}


def _refused(command: str, state: State) -> bytes:
    return mt_sics.encode_reply(command, "+" if state is State.OVERLOAD else "-")


def _yaohua_tf0(pan: Pan) -> Continuous:
    return Continuous(pan, yaohua_tf0.encode)


SCALES: dict[str, Callable[[Pan], Scale]] = {"mt_sics": MtSics, "yaohua_tf0": _yaohua_tf0}
"""By protocol id."""


def run_scale(
    protocol: str,
    plug: Plug,
    *,
    load: Decimal = Decimal(0),
    capacity: Decimal = Decimal(15),
    division: Decimal = Decimal("0.005"),
    script: Iterable[str] | None = None,
    say: Say = lambda text: None,
) -> None:
    """Be a scale until the script says ``quit``. Raises ScriptError, or OSError when there is no such place to be."""
    scale = SCALES[protocol](Pan(capacity, division))
    with Line(scale, plug) as line:
        line.do(lambda device, now: device.pan.put(load, now))
        say(f"scale {protocol} at {line.address}")
        lead(line, script, _commands(line))


def _commands(line: Line[Scale]) -> dict[str, Command]:
    def put(words: list[str]) -> None:
        weight = number(only(words, "put KG"))
        line.do(lambda scale, now: scale.pan.put(weight, now))

    def key(press: Callable[[Pan, float], State | None]) -> Command:
        def command(words: list[str]) -> None:
            if words:
                raise ValueError("nothing may follow this command")
            state = line.do(lambda scale, now: press(scale.pan, now))
            if state not in (None, State.OK):
                raise ValueError(f"the scale refuses: {state.value}")

        return command

    return {"put": put, "off": key(Pan.take_off), "tare": key(Pan.tare_now), "zero": key(Pan.zero)}
