"""QR codes and barcodes as dots.

QR codes have level M, four blank modules around, and one fixed mask so that no time goes into choosing.  Barcodes are
Code 128 with ten blank modules at either side.  The libraries only say which modules are black; they are loaded when
the first code is drawn.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from protocol.printers.profile import Profile

QUIET = 4
CHUNK = 20  # so many digits or capital letters in a row, and a chunk of their own pays
MASKS = 8
MIN_MODULE = 3
MAX_MODULE = 8
SLIP_MODULES = 65  # version 10 with its quiet zone: the token with one source code
BAR_QUIET = 10
BAR_MODULE = 3  # dots: 0.375 mm, read also where dots died or ran; less where the paper is too narrow
BAR_HEIGHT = 64  # dots: 8 mm
_START, _TO = {"B": 104, "C": 105}, {"B": 100, "C": 99}
_STOP = "1100011101011"
_RUNS = re.compile(r"^[0-9]{2}$|[0-9]{4}(?:[0-9]{2})*|(?:(?![0-9]{4}).)+")  # fewer than four digits gain nothing

Matrix = tuple[tuple[bool, ...], ...]


@dataclass(frozen=True, slots=True)
class Dots:
    """Dot rows, each an integer with the leftmost dot in the highest of ``width`` bits."""

    width: int
    rows: tuple[int, ...]

    @property
    def height(self) -> int:
        return len(self.rows)


@lru_cache(maxsize=32)
def matrix(payload: str, mask: int = 0) -> Matrix:
    """The modules of a QR code with its quiet zone, True for black. Raises ValueError for more than one code holds."""
    import qrcode  # here, because a station that starts should not wait for it

    code = qrcode.QRCode(_version(payload), qrcode.constants.ERROR_CORRECT_M, border=QUIET, mask_pattern=mask)
    code.add_data(payload.encode("ascii"), optimize=CHUNK)
    code.make(fit=False)
    return tuple(tuple(map(bool, line)) for line in code.get_matrix())


def qr_modules(payload: str) -> int:
    """How many modules a QR code is wide with its quiet zone, without drawing it. Raises as ``matrix``."""
    return 17 + 4 * _version(payload) + 2 * QUIET


@lru_cache(maxsize=32)
def _version(payload: str) -> int:
    """The smallest code that holds the payload (ISO/IEC 18004, 7.4)."""
    from qrcode import constants, util  # see matrix()

    limits = util.BIT_LIMIT_TABLE[constants.ERROR_CORRECT_M]
    chunks = [(chunk.mode, _bits(chunk)) for chunk in util.optimal_data_chunks(payload.encode("ascii"), CHUNK)]
    for version in range(1, len(limits)):
        if sum(4 + util.length_in_bits(mode, version) + bits for mode, bits in chunks) <= limits[version]:
            return version
    raise ValueError(f"{len(payload)} bytes are more than a QR code holds")


def _bits(chunk: Any) -> int:
    """Bits of a chunk's data: three digits take 10, two letters 11, a byte 8."""
    from qrcode import util  # see matrix()

    count = len(chunk)
    if chunk.mode == util.MODE_NUMBER:
        return count // 3 * 10 + (0, 4, 7)[count % 3]
    return count // 2 * 11 + count % 2 * 6 if chunk.mode == util.MODE_ALPHA_NUM else count * 8


def qr_module(payload: str, modules: int, profile: Profile) -> int:
    """Dots a module of a code ``modules`` wide: a small code is drawn larger, up to the width a slip's code has.

    Raises ValueError when it cannot be read at this paper's width.
    """
    wanted = min(max(profile.module, profile.module * SLIP_MODULES // modules), max(MAX_MODULE, profile.module))
    module = min(wanted, profile.dots // modules)
    if module < MIN_MODULE:
        raise ValueError(f"a QR code of {len(payload)} bytes does not fit {profile.dots} dots readably")
    return module


def qr_dots(payload: str, profile: Profile, mask: int = 0) -> Dots:
    """A QR code at the size this printer gets; raises ValueError when it does not fit."""
    modules = matrix(payload, mask)
    return scaled(modules, qr_module(payload, len(modules), profile))


def qr_height(payload: str, profile: Profile) -> int:
    """How many dots a QR code is high, without drawing it; raises ValueError when it does not fit."""
    modules = qr_modules(payload)
    return modules * qr_module(payload, modules, profile)


def scaled(modules: Matrix, module: int) -> Dots:
    """Modules as squares of ``module`` dots."""
    black, rows = (1 << module) - 1, []
    for line in modules:
        dots = 0
        for one in line:
            dots = dots << module | (black if one else 0)
        rows += [dots] * module
    return Dots(module * len(modules), tuple(rows))


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
