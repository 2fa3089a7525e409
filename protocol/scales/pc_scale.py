r"""PC scales (iSmart-Evo, FreshWay): the scale's own computer tells its weight by WebSocket, as JSON, all the time.

    {"net_weight":"1.2500","s":"\u00011.2500P0.0000"}         one a line, as the port (``ws:``) hands it over
                   |            |      | |  tare
                   |            |      | always P
                   |            |      net, 4 decimals; 3 from -10.000 down
                   |            status: b0 stable, b1 zero, b2 a tare is in force
                   net in kg

``s`` is what the scale itself says; without it nothing is known of stable and zero, and the weight has to stand still.
Where both are there they have to agree.  Under and over the range the weight is a picture of the pan: ``┗━┛``, ``┏━┓``.
Other fields are passed over.  Tare and zero cannot be asked.  Port 8725, about seven messages a second.

Source: an integrator's page for shop software, one source.  That ``s`` begins with the status as one character, a
control character or its digit, is our reading of the structure printed there; the page shows no message of a device.
"""

import json
import re
from decimal import Decimal

from protocol.formats import WireFormat
from protocol.framing import Lines
from protocol.link import Link
from protocol.readings import Event, Garbage, Net, State, Weighing
from protocol.session import Listening

CAP = 4096
STABLE, ZERO, TARE = 1, 2, 4
NUMBER = re.compile(r"-?[0-9]{1,5}(?:\.[0-9]{1,4})?")
INSIDE = re.compile(rf"(.) *({NUMBER.pattern}) *P *{NUMBER.pattern}[ \0]*", re.DOTALL)
UNDER, OVER = "┗━┛", "┏━┓"
PICTURES = {UNDER: State.UNDERLOAD, OVER: State.OVERLOAD}
WIDTH = 7
COARSE = Decimal(-10)


def decode(line: bytes) -> Event:
    """One message."""
    try:
        said = json.loads(line.decode(), strict=False, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return Garbage(line, "no JSON")
    net, inner = (said.get("net_weight"), said.get("s")) if isinstance(said, dict) else (None, None)
    texts = [text for text in (net, inner) if isinstance(text, str)]
    for picture, state in PICTURES.items():
        if any(picture in text for text in texts):
            return Weighing(None, "kg", state=state, raw=line)
    if not isinstance(net, str) or not NUMBER.fullmatch(net.strip()):
        return Garbage(line, "no net_weight in it")
    value = Decimal(net.strip())
    if inner is None or inner == "":
        return Weighing(value, "kg", net=Net.NET, raw=line)
    return _with_status(line, value, inner)


def _with_status(line: bytes, value: Decimal, inner: object) -> Event:
    found = INSIDE.fullmatch(inner) if isinstance(inner, str) else None
    status = ord(found[1]) & ~0x30 if found else 8
    if found is None or status > (STABLE | ZERO | TARE) or ord(found[1]) not in (status, 0x30 | status):
        return Garbage(line, "s is not a status, a weight, P and a tare")
    if Decimal(found[2]) != value:
        return Garbage(line, f"two weights: net_weight is {value}, s says {found[2]}")
    return Weighing(
        value,
        "kg",
        net=Net.NET if status & TARE else Net.GROSS,
        stable=bool(status & STABLE),
        zero=bool(status & ZERO),
        raw=line,
    )


def encode(reading: Weighing, tare: Decimal = Decimal(0)) -> bytes:
    """The message of this reading. Raises ValueError if it does not fit."""
    if reading.state in PICTURES.values():
        picture = next(shown for shown, state in PICTURES.items() if state is reading.state)
        return _written({"net_weight": picture, "s": f"\0{picture}"})
    if reading.value is None or reading.unit != "kg":
        raise ValueError(f"{reading} does not fit")
    if reading.stable is None:
        return _written({"net_weight": f"{reading.value:f}"})
    net = f"{reading.value:.{3 if reading.value <= COARSE else 4}f}"
    if len(net) > WIDTH or Decimal(net) != reading.value:
        raise ValueError(f"{reading.value} does not fit {WIDTH} characters")
    status = STABLE * reading.stable | ZERO * bool(reading.zero) | TARE * (reading.net is Net.NET)
    return _written({"net_weight": net, "s": f"{chr(status)}{net}P{tare:.4f}"})


def _written(said: dict[str, str]) -> bytes:
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def decoder() -> Lines:
    return Lines(decode, terminator=b"\n", cap=CAP)


def session() -> Listening:
    return Listening(decoder())


FORMAT = WireFormat(
    id="pc_scale",
    kind="scale",
    title="PC scales, JSON by WebSocket",
    link=Link(9600),
    polled=False,
    checked=False,
    confidence="low",
    decoder=decoder,
    session=session,
    wire="ws",
)
