"""What every fuzz target is made of, and what must hold of whatever a device said."""

import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, partial
from itertools import pairwise
from pathlib import Path

from drivers import catalogue
from drivers.transports.recorder import Chunk, read_log
from protocol.readings import (
    Curve,
    Event,
    Garbage,
    LabelSale,
    Measured,
    Reply,
    Scan,
    State,
    TestResult,
    Ticket,
    Weighing,
)

ROOT = Path(__file__).parents[2]
LOGS = sorted((ROOT / "tests" / "logs").glob("*/*.log"))
LONGEST = 4096  # bytes of one input, unless a target says less
SELDOM = 512  # one input in so many is looked at in the ways that take long


@dataclass(frozen=True)
class Target:
    """``run`` takes any bytes and raises when something is wrong; ``words`` are what the format is made of.

    ``longest`` is how many bytes are tried at most: what takes long per byte is tried oftener with fewer.
    """

    name: str
    run: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    words: tuple[bytes, ...] = ()
    longest: int = LONGEST


class Wrong(AssertionError):
    """Something came back that must never come back."""


def ensure(holds: object, why: str) -> None:
    if not holds:
        raise Wrong(why)


def seldom(data: bytes) -> bool:
    """The same for the same bytes, so that a find can be found again."""
    return zlib.crc32(data) % SELDOM == 0


def by_name(targets: Iterable[Target]) -> dict[str, Callable[[], Target]]:
    """Targets that cost nothing to make, as a module offers them."""
    return {target.name: partial(_self, target) for target in targets}


def _self(target: Target) -> Target:
    return target


def storable(tree: object) -> None:
    """It can be written as JSON, in UTF-8, without NaN and kin."""
    json.dumps(tree, ensure_ascii=False, allow_nan=False).encode()


def readable(event: Event) -> None:
    """A value the rest of the station can use: finite numbers, texts that can be stored, a known kind."""
    storable(event.as_json())
    match event:
        case Weighing():
            ensure((event.value is None) == (event.state is not State.OK), f"value and state disagree: {event}")
            _finite(event.value)
        case TestResult():
            for number in (event.value, event.limit, event.control):
                _finite(number)
            ensure(event.identity and event.item is not None, f"a result without identity: {event}")
        case Measured():
            ensure(event.value.is_finite(), f"no number: {event}")
        case Ticket() | Curve():
            ensure(event.identity, f"no identity: {event}")
        case LabelSale():
            ensure(event.identity, f"no identity: {event}")
            masses = [mass for mass in (event.net_g, event.gross_g, event.tare_g) if mass is not None]
            ensure(all(mass >= 0 for mass in masses), f"less than nothing on a label: {event}")
        case Scan():
            ensure(event.text and event.text == event.text.strip(), f"an empty code: {event!r}")
        case Reply() | Garbage():
            pass
        case _:
            raise Wrong(f"no event: {event!r}")


def _finite(number: Decimal | None) -> None:
    ensure(number is None or number.is_finite(), f"no number: {number}")


def said(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, Garbage)]


def pieces(data: bytes, step: int) -> Iterator[bytes]:
    """Pieces of ``step`` bytes, two that stay the same and one that is longer by turns."""
    edges = [0]
    while edges[-1] < len(data):
        edges.append(min(len(data), edges[-1] + step + 5 * (len(edges) % 3 == 0)))
    return (data[start:end] for start, end in pairwise(edges))


@cache
def logs_of(format_id: str) -> list[list[Chunk]]:
    return [list(read_log(log)) for log in LOGS if catalogue.find(log.parent.name).format == format_id]


def heard(chunks: Iterable[Chunk]) -> bytes:
    return b"".join(chunk.data for chunk in chunks if chunk.from_device)
