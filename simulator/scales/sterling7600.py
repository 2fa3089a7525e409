"""A Sterling 7600."""

import re
from collections.abc import Callable
from dataclasses import replace

from protocol.readings import Net, State, Weighing
from protocol.scales import sterling7600
from simulator.scales._commands import Commanded
from simulator.scales._pan import Pan

WHOLE_ECHOES = 4  # of five answers; the fifth has only the command's last letter in front


def simulate(pan: Pan) -> Commanded:
    """It puts the command in front of its answers, and now and then only the last letter, as firmware 4.31 does."""
    count = 0

    def echo(command: str) -> str:
        nonlocal count
        count += 1
        return command if count % (WHOLE_ECHOES + 1) else command[-1]

    def weight(command: str, reading: Weighing) -> bytes:
        return sterling7600.encode(reading, echo(command))

    def gross(now: float) -> bytes:
        reading = replace(pan.reading(now), net=Net.GROSS)
        return weight("SGW", replace(reading, value=pan.gross(now)) if reading.state is State.OK else reading)

    def obeyed(command: str, do: Callable[[float], object]) -> Callable[[float], bytes]:
        def answer(now: float) -> bytes:
            do(now)
            return f"{command}\r\n".encode()

        return answer

    return Commanded(
        pan,
        re.compile(rb"[^\r\n]*\r"),
        {
            b"SGW": gross,
            b"SNW": lambda now: weight("SNW", replace(pan.reading(now), net=Net.NET)),
            b"SCO": lambda now: f"{echo('SCO')}Count       0 Pieces \r\n".encode(),
            b"ZRO": obeyed("ZRO", pan.zero),
            b"ATW": obeyed("ATW", pan.tare_now),
        },
        other=b"Err.81\r\n",
    )
