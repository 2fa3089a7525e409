"""The last serial of each kind of code that a station has given, as far as its records say. Pure.

They are read out of the bytes of everything that verifies under its key, also of what was refused: a code that stood on
a paper once must not be given again.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress

from protocol.city.codes import BadCode, TraceCode

_CODE = re.compile(rb"(?<![0-9])[0-9]{20}(?![0-9])")


def noted(known: str, station: str, body: bytes) -> str:
    """What is known (``read``), after a record of this station: its own codes in it were given."""
    last = read(known)
    for code in _own(station, body):
        last[code.kind.value] = max(code.serial, last.get(code.kind.value, 0))
    return json.dumps(last, sort_keys=True)


def read(known: str) -> dict[int, int]:
    """By the kind of code, its tenth digit."""
    return {int(kind): serial for kind, serial in json.loads(known).items()}


def _own(station: str, body: bytes) -> Iterator[TraceCode]:
    node, _, terminal = station.partition("-")
    for found in _CODE.finditer(body):
        text = found[0].decode("ascii")
        if text.startswith(node) and text[10:12] == terminal:
            with suppress(BadCode):
                yield TraceCode.parse(text)
