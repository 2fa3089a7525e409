"""Simulated scales: one pan, and how each wire format talks about it.

How a scale of a format behaves is in ``simulator/scales``, a file a format, named like the format: ``simulate(pan)``
gives the device.  Its bytes come from the same ``encode`` the station's decoder is tested against.
"""

from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from importlib import import_module
from typing import Protocol

from protocol.formats import module_names
from protocol.readings import Net, State, Weighing
from simulator import scales
from simulator.wires.device import Device
from simulator.wires.line import Line, Plug
from simulator.wires.script import Command, Say, lead, number

OVER_DIVISIONS = 9  # OIML R 76: no indication above Max + 9 e
UNDER_DIVISIONS = 20
ZERO_RANGE = Decimal("0.02")  # of Max, to either side of the zero set at power-up


class Pan:
    """A load cell with a pan: what lies on it, zero, tare, and how it settles, as functions of the time handed in.

    After each change the shown weight moves to the new one within ``settle`` seconds, unstable all the way.  The
    display shows another weight each ``refresh`` seconds; 0 is at once.
    """

    def __init__(
        self,
        capacity: Decimal = Decimal(15),
        e: Decimal = Decimal("0.005"),
        *,
        unit: str = "kg",
        settle: float = 0.4,
        refresh: float = 0.0,
    ) -> None:
        self.capacity = capacity
        self.e = e
        self.unit = unit
        self.settle = settle
        self.refresh = refresh
        self._within = settle
        self.tare = Decimal(0)
        self._zero = Decimal(0)
        self._from = Decimal(0)
        self._load = Decimal(0)
        self._since = float("-inf")

    @property
    def load(self) -> Decimal:
        """What lies on the pan, to the last atom."""
        return self._load

    def put(self, kg: Decimal, now: float, within: float | None = None) -> None:
        """From now on this lies on the pan, instead of what lay there; less than nothing is a lifted pan.

        ``within`` so many seconds it is put there, when that takes another time than the pan needs to settle.
        """
        self._from = self._moving(now)
        self._load = kg
        self._since = now
        self._within = self.settle if within is None else within

    def take_off(self, now: float) -> None:
        self.put(Decimal(0), now)

    def changed_at(self) -> float:
        return self._since

    def settles_at(self) -> float:
        return self._since + self._within

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
        stable = self.stable(now)
        now = now - now % self.refresh if self.refresh else now
        state = self.state(now)
        if state is not State.OK:
            return Weighing(None, unit=self.unit, state=state)
        gross = self.gross(now)
        return Weighing(
            value=gross - self.tare,
            unit=self.unit,
            net=Net.NET if self.tare else Net.GROSS,
            stable=stable,
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
        if now < self._since:  # asked for a moment before the last change, as a frame that was due then
            return self._from
        if self.stable(now):
            return self._load
        left = Decimal(1) - Decimal(repr(now - self._since)) / Decimal(repr(self._within))
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


def ids() -> list[str]:
    """The formats that can be simulated."""
    return module_names(scales)


def find(format_id: str) -> Callable[[Pan], Scale]:
    """What makes a scale of this format out of a pan; raises LookupError."""
    if format_id not in ids():
        raise LookupError(f"no simulated scale speaks {format_id!r}; there are: {', '.join(ids())}")
    simulate: Callable[[Pan], Scale] = import_module(f"{scales.__name__}.{format_id}").simulate
    return simulate


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
    scale = find(protocol)(Pan(capacity, division))
    with Line(scale, plug) as line:
        line.do(lambda device, now: device.pan.put(load, now))
        say(f"scale {protocol} at {line.address}")
        lead(line, script, commands(line))


def commands(line: Line[Scale]) -> dict[str, Command]:
    def put(words: list[str]) -> None:
        if len(words) not in (1, 2):
            raise ValueError("write put KG or put KG SECONDS")
        weight, *seconds = map(number, words)
        line.do(lambda scale, now: scale.pan.put(weight, now, *map(float, seconds)))

    def key(press: Callable[[Pan, float], State | None]) -> Command:
        def command(words: list[str]) -> None:
            if words:
                raise ValueError("nothing may follow this command")
            state = line.do(lambda scale, now: press(scale.pan, now))
            if state not in (None, State.OK):
                raise ValueError(f"the scale refuses: {state.value}")

        return command

    return {"put": put, "off": key(Pan.take_off), "tare": key(Pan.tare_now), "zero": key(Pan.zero)}
