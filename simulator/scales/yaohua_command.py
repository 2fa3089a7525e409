"""An indicator in command mode."""

from dataclasses import replace

from protocol.framing import Scanner
from protocol.readings import Event, Garbage, Net, Reply, State, Weighing
from protocol.scales import yaohua_command
from simulator.scale import Pan


class YaohuaCommand:
    """Answers what is asked of its own address, and nothing else; a question with a wrong check is not answered."""

    def __init__(self, pan: Pan, address: str = "A") -> None:
        self.pan = pan
        self._address = address
        self._questions = {
            yaohua_command.encode_command(address, letter): letter
            for letter in (yaohua_command.HANDSHAKE, *yaohua_command.QUESTIONS.values())
        }
        self._frames = Scanner(lambda buffer: yaohua_command.SHORT, self._question, head=b"\x02", cap=32, look=1)
        self._out = bytearray()

    def receive(self, data: bytes, now: float) -> None:
        for event in self._frames.feed(data):
            if isinstance(event, Reply):
                self._out += self._answer(event.what, now)

    def pending(self, now: float) -> bytes:
        out = bytes(self._out)
        self._out.clear()
        return out

    def deadline(self, now: float) -> float | None:
        return now if self._out else None

    def _question(self, frame: bytes) -> Event:
        letter = self._questions.get(frame)
        return Reply(letter, raw=frame) if letter else Garbage(frame, "not a question for us")

    def _answer(self, letter: str, now: float) -> bytes:
        if letter == yaohua_command.HANDSHAKE:
            return yaohua_command.encode_command(self._address, letter)
        net = yaohua_command.KINDS[letter.encode()]
        if net is Net.TARE:
            return yaohua_command.encode(Weighing(self.pan.tare.quantize(self.pan.e), net=net), self._address)
        reading = replace(self.pan.reading(now), net=net)
        if net is Net.GROSS and reading.state is State.OK:
            reading = replace(reading, value=self.pan.gross(now))
        return yaohua_command.encode(reading, self._address)


def simulate(pan: Pan) -> YaohuaCommand:
    return YaohuaCommand(pan)
