"""An indicator in command mode."""

import re
from dataclasses import replace

from protocol.readings import Net, State, Weighing
from protocol.scales import yaohua_command
from simulator.scales._commands import Commanded
from simulator.scales._pan import Pan


def simulate(pan: Pan, address: str = "A") -> Commanded:
    """It answers its own address only, and only when the check is right."""

    def frame(reading: Weighing, net: Net) -> bytes:
        return yaohua_command.encode(replace(reading, net=net), address)

    def gross(now: float) -> bytes:
        reading = pan.reading(now)
        return frame(replace(reading, value=pan.gross(now)) if reading.state is State.OK else reading, Net.GROSS)

    hello = yaohua_command.encode_command(address, yaohua_command.HANDSHAKE)
    asked = {what: yaohua_command.encode_command(address, letter) for what, letter in yaohua_command.QUESTIONS.items()}
    return Commanded(
        pan,
        re.compile(rb"\x02[A-Z]{2}[0-9A-F]{2}\x03"),
        {
            hello: lambda now: hello,
            asked["gross"]: gross,
            asked["tare"]: lambda now: frame(Weighing(pan.tare.quantize(pan.e)), Net.TARE),
            asked["net"]: lambda now: frame(pan.reading(now), Net.NET),
        },
    )
