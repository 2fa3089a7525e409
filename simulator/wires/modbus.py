"""A simulated Modbus device: registers that may be read, over RTU or TCP, whichever the host speaks."""

from collections.abc import Callable, Mapping

from pymodbus.pdu import ExceptionResponse, ModbusPDU
from pymodbus.pdu.register_message import ReadHoldingRegistersResponse, ReadInputRegistersResponse

from protocol import modbus
from protocol.modbus import Framing

RESPONSES = {3: ReadHoldingRegistersResponse, 4: ReadInputRegistersResponse}
LONGEST = 260
SILENCE = 0.1  # a question that pauses for so long is given up
ILLEGAL_FUNCTION, ILLEGAL_REGISTER, ILLEGAL_VALUE = 1, 2, 3


class Slave:
    """Answers questions for its ``address``, or with ``universal`` those for FE too, and stays silent to all others.

    ``registers(now)`` gives what stands in (function, register); a register that is not there, and every function but
    reading, is answered with an exception.  An answer takes ``delay`` seconds.
    """

    def __init__(
        self,
        registers: Callable[[float], Mapping[tuple[int, int], int]],
        *,
        address: int = 1,
        delay: float = 0.005,
        universal: bool = False,
    ) -> None:
        self.address = address
        self._heard_as = {address, modbus.UNIVERSAL} if universal else {address}
        self.asked: list[ModbusPDU] = []
        self._registers = registers
        self._delay = delay
        self._in = b""
        self._heard_at = 0.0
        self._answers: list[tuple[float, bytes]] = []

    def receive(self, data: bytes, now: float) -> None:
        if now - self._heard_at > SILENCE:
            self._in = b""
        self._heard_at = now
        self._in = (self._in + data)[-LONGEST:]
        for framing in Framing:
            found = self._found(framing)
            if found is not None:
                address, number, request = found
                self._in = b""
                if address in self._heard_as:
                    self.asked.append(request)
                    said = modbus.answer(framing, self.address, self._said(request, now), number)
                    self._answers.append((now + self._delay, said))
                return

    def pending(self, now: float) -> bytes:
        due = b"".join(said for at, said in self._answers if at <= now)
        self._answers = [(at, said) for at, said in self._answers if at > now]
        return due

    def deadline(self, now: float) -> float | None:
        return min((at for at, _ in self._answers), default=None)

    def _found(self, framing: Framing) -> tuple[int, int, ModbusPDU] | None:
        """The question at the end of what was heard."""
        for start in range(max(1, len(self._in) - 7)):
            if found := modbus.decode_question(framing, self._in[start:]):
                return found
        return None

    def _said(self, request: ModbusPDU, now: float) -> ModbusPDU:
        function = request.function_code
        if function not in RESPONSES:
            return ExceptionResponse(function, ILLEGAL_FUNCTION)
        if not 1 <= request.count <= modbus.MAX_COUNT:
            return ExceptionResponse(function, ILLEGAL_VALUE)
        there = self._registers(now)
        cells = modbus.Block(function, request.address, request.count).cells()
        if any(cell not in there for cell in cells):
            return ExceptionResponse(function, ILLEGAL_REGISTER)
        return RESPONSES[function](registers=[there[cell] for cell in cells])
