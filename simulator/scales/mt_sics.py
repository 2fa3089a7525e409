"""A scale that answers MT-SICS."""

from decimal import Decimal

from protocol.framing import Lines
from protocol.readings import Event, Net, Reply, State, Weighing
from protocol.scales import mt_sics
from simulator.scales._pan import Pan


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


def simulate(pan: Pan) -> MtSics:
    return MtSics(pan)
