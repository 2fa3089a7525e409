"""QR codes and barcodes as dots.

QR codes have level M, four blank modules around, and one fixed mask so that no time goes into choosing.  Barcodes are
Code 128 with ten blank modules at either side.  The libraries only have the tables; they are loaded when the first
code is drawn.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

from protocol.frozen import frozen
from protocol.printers import qr
from protocol.printers.profile import DOTS_PER_MM, Profile

QUIET = 4
MASKS = 8
MIN_MODULE = 3
MAX_MODULE = 8
MAX_BIG = 14
SLIP_MODULES = 65  # version 10 with its quiet zone: the token with one source code
LABEL_TEXT = 28  # dots that a label keeps for a line of text at the least
BAR_QUIET = 10
BAR_MODULE = 3  # dots: 0.375 mm, read also where dots died or ran; less where the paper is too narrow
BAR_HEIGHT = 64  # dots: 8 mm
_DIGIT_BITS = (5, 4, 3, 2, 1)  # of bases up to 36
_START, _TO = {"B": 104, "C": 105}, {"B": 100, "C": 99}
_STOP = "1100011101011"
_RUNS = re.compile(r"^[0-9]{2}$|[0-9]{4}(?:[0-9]{2})*|(?:(?![0-9]{4}).)+")  # fewer than four digits gain nothing

Matrix = tuple[str, ...]  # a text a line, "1" for black


@frozen
class Dots:
    """Dot rows, each an integer with the leftmost dot in the highest of ``width`` bits."""

    width: int
    rows: tuple[int, ...]

    @property
    def height(self) -> int:
        return len(self.rows)


@lru_cache(maxsize=32)
def matrix(payload: str, mask: int = 0) -> Matrix:
    """The modules of a QR code with its quiet zone. Raises ValueError for more than one code holds."""
    quiet = "0" * QUIET
    lines = [f"{quiet}{line}{quiet}" for line in qr.lines(payload, mask)]
    blank = ("0" * len(lines[0]),) * QUIET
    return (*blank, *lines, *blank)


def qr_modules(payload: str) -> int:
    """How many modules a QR code is wide with its quiet zone, without drawing it. Raises as ``matrix``."""
    return 17 + 4 * qr.version(payload) + 2 * QUIET


def qr_module(payload: str, modules: int, profile: Profile, *, big: bool = False, taken: int = 0) -> int:
    """Dots a module of a code ``modules`` wide: a small code is drawn larger, up to the width a slip's code has; a
    ``big`` one as large as the paper is wide.  On a label it leaves the ``taken`` dots of the other lines free.

    Raises ValueError when it cannot be read at this paper's width.
    """
    wanted = min(max(profile.module, profile.module * SLIP_MODULES // modules), max(MAX_MODULE, profile.module))
    if big:
        wanted = MAX_BIG - MAX_BIG % (2 if profile.pictures == "columns-8" else 1)
    module = min(wanted, profile.dots // modules)
    if profile.label is not None:
        module = min(module, (profile.label[1] * DOTS_PER_MM - max(taken, LABEL_TEXT)) // modules)
    if module < MIN_MODULE:
        raise ValueError(f"a QR code of {len(payload)} bytes does not fit {profile.dots} dots readably")
    return module


def qr_dots(payload: str, profile: Profile, mask: int = 0, *, big: bool = False, taken: int = 0) -> Dots:
    """A QR code at the size this printer gets; raises ValueError when it does not fit."""
    modules = matrix(payload, mask)
    return scaled(modules, qr_module(payload, len(modules), profile, big=big, taken=taken))


def qr_height(payload: str, profile: Profile, *, big: bool = False, taken: int = 0) -> int:
    """How many dots a QR code is high, without drawing it; raises ValueError when it does not fit."""
    modules = qr_modules(payload)
    return modules * qr_module(payload, modules, profile, big=big, taken=taken)


def scaled(modules: Matrix, module: int) -> Dots:
    """Modules as squares of ``module`` dots.

    A line is read as a number whose digits are its modules, ``module`` bits apart: of a base that `int` knows, with
    zeroes between where that is less.  Times a square's black, each is as wide as it has to be.
    """
    bits = next(bits for bits in _DIGIT_BITS if module % bits == 0)
    gap, black = "0" * (module // bits - 1), (1 << module) - 1
    base = 1 << bits
    rows = [int(gap.join(line) if gap else line, base) * black for line in modules]
    return Dots(module * len(modules), tuple(chain.from_iterable(zip(*[rows] * module, strict=True))))


@lru_cache(maxsize=32)
def bars(payload: str) -> str:
    """The modules of a Code 128 barcode without its quiet zones, "1" for black.

    python-barcode has the table; its own choice of sets takes a payload's first 99 for a change of the set, and leaves
    it out.
    """
    from barcode.charsets.code128 import CODES  # see matrix()

    values: list[int] = []
    for name, run in code_sets(payload):
        values.append((_TO if values else _START)[name])
        values += run if name == "C" else (value - 0x20 for value in run)
    check = (values[0] + sum(place * value for place, value in enumerate(values[1:], 1))) % 103
    return "".join(CODES[value] for value in (*values, check)) + _STOP


def code_sets(payload: str) -> Iterator[tuple[str, bytes]]:
    """The payload in Code 128's sets: C for pairs of digits, a byte for each; B for anything else, in ASCII."""
    for run in _RUNS.findall(payload):
        if len(run) % 2 == 0 and run.isdigit() and (len(run) > 2 or run == payload):
            yield "C", bytes(int(run[place : place + 2]) for place in range(0, len(run), 2))
        else:
            yield "B", run.encode("ascii")


def bar_module(payload: str, profile: Profile) -> int:
    """Dots of the thinnest bar; raises ValueError when the barcode does not fit this paper."""
    module = min(BAR_MODULE, profile.dots // (len(bars(payload)) + 2 * BAR_QUIET))
    if not module:
        raise ValueError(f"a barcode of {len(payload)} characters does not fit {profile.dots} dots")
    return module


def barcode_dots(payload: str, profile: Profile) -> Dots:
    """A barcode with its quiet zones; raises ValueError when it does not fit."""
    modules = f"{'0' * BAR_QUIET}{bars(payload)}{'0' * BAR_QUIET}"
    module = bar_module(payload, profile)
    line = int("".join(bit * module for bit in modules), 2)
    return Dots(module * len(modules), (line,) * BAR_HEIGHT)
