"""A simulated device and its host in one thread, on a clock that jumps: hours pass, and nobody waits.

    clock = JumpingClock()
    with InStep(MtSics(pan), Pty("/tmp/scale"), clock) as line:
        clock.later(3.0, line.unplug)
        transport = line.hosted(open_port(line.address, link))

The wire is a real one: a pseudo terminal, a socket, the simulated USB bus.  Bytes take no time on this clock: whoever
sends some has them come out at the other end before anything else happens.  Only who waits for what does not come turns
the clock on, and what was planned for the time in between happens then.
"""

import select
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Generic, Self, TypeVar

from drivers.transports import LinkLost
from simulator.wires.device import Choosy, Device
from simulator.wires.line import CHUNK, Plug

WIRE_SECONDS = 10.0  # of real time, in which bytes come through a pseudo terminal or a socket of this machine
LEAST_SECONDS = 0.001  # that a jump brings a busy device on

D = TypeVar("D", bound=Device)
R = TypeVar("R")
T = TypeVar("T")


class JumpingClock:
    """A ``drivers.ticking.Ticking``. ``time`` stands still but for those who wait."""

    def __init__(self, time: float = 1000.0) -> None:
        self.time = time
        self._plans: list[tuple[float, Callable[[], object]]] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        end = self.time + seconds
        while self.time < end:
            self.jump(end)

    def wait(self, woken: threading.Event, seconds: float) -> bool:
        end = self.time + seconds
        while not woken.is_set() and self.time < end:
            self.jump(end)
        return woken.is_set()

    def get(self, orders: "SimpleQueue[T]", seconds: float) -> T:
        end = self.time + seconds
        while orders.empty() and self.time < end:
            self.jump(end)
        return orders.get_nowait()

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Plan this for whoever waits then."""
        self._plans.append((self.time + seconds, action))
        self._plans.sort(key=lambda plan: plan[0])

    def jump(self, end: float) -> None:
        """On to this time, or to what is planned before it."""
        if self._plans and self._plans[0][0] <= end:
            at, action = self._plans.pop(0)
            self.time = max(self.time, at)
            action()
        else:
            self.time = max(self.time, end)


class InStep(Generic[D]):
    """As ``Line``, without a thread: the device moves while its host waits for it."""

    def __init__(self, device: D, plug: Plug, clock: JumpingClock) -> None:
        self.clock = clock
        self._device = device
        self._plug = plug
        self._plugged = False
        self._coming = 0  # bytes of the device's that the host has not read

    @property
    def address(self) -> str:
        return self._plug.address

    def start(self) -> Self:
        self.replug()
        return self

    def stop(self) -> None:
        self.unplug()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def unplug(self) -> None:
        self._plug.pull_out()
        self._plugged, self._coming = False, 0

    def replug(self) -> None:
        if not self._plugged:
            self._plug.plug_in()
        self._plugged = True

    def do(self, action: Callable[[D, float], R]) -> R:
        return action(self._device, self.clock.now())

    def hosted(self, transport: Any) -> "Hosted":
        """The host's side, just opened; what was on its way before is lost."""
        self._coming = 0
        return Hosted(self, transport)

    # --- what the host's side does ------------------------------------------------------------------------------------

    def room(self) -> int:
        return self._device.room(self.clock.now()) if isinstance(self._device, Choosy) else CHUNK

    def turn(self, end: float) -> None:
        """On to when the device has something to say or to do, at most to ``end``."""
        now = self.clock.now()
        deadline = self._device.deadline(now)
        self.clock.jump(end if deadline is None else min(end, max(deadline, now + LEAST_SECONDS)))

    def said(self) -> int:
        """Let the device say what it has to say; how much is on its way then."""
        while self._plugged and (out := self._device.pending(self.clock.now())):
            self._coming += self._plug.write(out)
        return self._coming

    def was_read(self, count: int) -> None:
        self._coming -= min(count, self._coming)

    def bring(self, count: int) -> None:
        """Bytes the host has sent come to the device."""
        while count > 0:
            brought = self._bring(WIRE_SECONDS)
            if brought is None:
                raise RuntimeError(f"{self.address}: {count} bytes did not come through")
            count -= brought

    def bring_rest(self) -> None:
        """Those of a transfer that broke off."""
        while self._bring(0.0) is not None:
            pass

    def _bring(self, seconds: float) -> int | None:
        """How many bytes came; None when nothing happened on the wire for so long."""
        ready, _, _ = select.select(self._plug.files(), [], [], seconds)
        for file in ready:
            data = self._plug.read(file)
            if data:
                self._device.receive(data, self.clock.now())
            return len(data)
        return None


class Hosted:
    """An open transport, of an instrument or of a printer, whose waiting turns the clock on."""

    def __init__(self, line: InStep[Any], transport: Any) -> None:
        self._line = line
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes, seconds: float = 5.0) -> int:
        line, taken = self._line, 0
        end = line.clock.now() + seconds
        while taken < len(data):
            room = line.room()
            if room:
                sent = self._send(data[taken : taken + room])
                line.bring(sent)
                taken += sent
            elif line.clock.now() < end:
                line.turn(end)
            else:
                break
        return taken

    def _send(self, part: bytes) -> int:
        try:
            sent = self._transport.write(part)
        except LinkLost:
            self._line.bring_rest()
            raise
        return len(part) if sent is None else int(sent)

    def read(self, timeout: float = 0.2) -> bytes:
        line = self._line
        end = line.clock.now() + timeout
        while not line.said():
            if line.clock.now() >= end:
                return bytes(self._transport.read(0.0))  # one that was pulled out shows here
            line.turn(end)
        heard = bytes(self._transport.read(WIRE_SECONDS))
        line.was_read(len(heard) or line.said())  # one that cannot be read from leaves it
        return heard
