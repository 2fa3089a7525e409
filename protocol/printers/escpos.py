"""Rows as ESC/POS, kept to what cheap 58 and 80 mm heads honour.

    1B 40        ESC @    once, first: modes and line buffer cleared
    1C 26        FS &     Chinese characters on: export firmware starts with them off
    1B 61 n      ESC a    0 left, 1 centre, 2 right; only at the start of a line
    1B 45 n      ESC E    bold on, off
    1D 21 n      GS !     00 normal, 01 twice as high, 11 twice as high and wide; for Latin and Chinese alike
    0A           LF       prints the line; blank lines are LF too
    1D 76 30 00 xL xH yL yH …   GS v 0   one band of a picture, x in bytes, y in dots
    1D 56 01     GS V     partial cut

QR codes go out as pictures: heads without the QR command print its parameters as text, and those with it choose mode
and mask themselves.  A printer obeys 10 04, 10 05 and 10 14 wherever they stand, inside a picture too, so a picture
that holds one is moved by a dot.
"""

import re
from collections.abc import Iterator

from protocol.printers import qr
from protocol.printers import text as paper_text
from protocol.printers.document import Align, Size
from protocol.printers.layout import CutRow, FeedRow, Page, QRRow, TextRow
from protocol.printers.profile import Profile

START = b"\x1b@\x1c&"
LF = b"\n"
CUT = b"\x1dV\x01"
ALIGN = {Align.LEFT: b"\x1ba\x00", Align.CENTER: b"\x1ba\x01", Align.RIGHT: b"\x1ba\x02"}
SIZE = {Size.NORMAL: b"\x1d!\x00", Size.TALL: b"\x1d!\x01", Size.LARGE: b"\x1d!\x11"}
BOLD = {False: b"\x1bE\x00", True: b"\x1bE\x01"}
AT_ONCE = re.compile(rb"\x10[\x04\x05\x14]")
MIN_MODULE = 3
MAX_MODULE = 8
SLIP_MODULES = 65  # version 10 with its quiet zone: the token with one source code
_SHIFTS = (0, 1, -1, 2, -2, 3, -3, 4)


def emit(page: Page, profile: Profile) -> Iterator[bytes]:
    """The job in pieces, to be written one after the other.

    A picture's bands are pieces of their own, and the text before a picture comes before the picture is computed.
    Raises ValueError before the first piece when the page was laid out for other paper.
    """
    if page.columns > profile.columns:
        raise ValueError(f"laid out for {page.columns} columns, printer {profile.id} has {profile.columns}")
    return _emit(page, profile)


def _emit(page: Page, profile: Profile) -> Iterator[bytes]:
    out = bytearray(START)
    style = _Style()
    for row in page.rows:
        match row:
            case TextRow():
                out += style.line(row)
            case QRRow():
                out += style.reset()
                yield bytes(out)
                out.clear()
                yield from picture(row.payload, profile)
            case FeedRow():
                out += style.reset() + LF * row.lines
            case CutRow():
                out += style.reset() + LF * profile.tear + (CUT if profile.cutter else b"")
    out += style.reset()
    if out:
        yield bytes(out)


class _Style:
    """What the printer has been told so far; only changes are sent."""

    def __init__(self) -> None:
        self._align, self._size, self._bold = Align.LEFT, Size.NORMAL, False

    def line(self, row: TextRow) -> bytes:
        out = self._to_align(row.align)
        for run in row.runs:
            out += self._to_style(run.size, run.bold) + paper_text.encode(run.text)
        return out + LF

    def reset(self) -> bytes:
        """Back to plain, so that blank lines are one line high and nothing leaks into the next part."""
        return self._to_align(Align.LEFT) + self._to_style(Size.NORMAL, False)

    def _to_align(self, align: Align) -> bytes:
        changed, self._align = align is not self._align, align
        return ALIGN[align] if changed else b""

    def _to_style(self, size: Size, bold: bool) -> bytes:
        out = SIZE[size] if size is not self._size else b""
        out += BOLD[bold] if bold is not self._bold else b""
        self._size, self._bold = size, bold
        return out


def picture(payload: str, profile: Profile) -> Iterator[bytes]:
    """A QR code in the middle of the paper, one raster command for each band."""
    for mask in range(qr.MASKS):
        modules = qr.matrix(payload, mask)
        module = _module(len(modules), profile)
        if module < MIN_MODULE:
            raise ValueError(f"a QR code of {len(payload)} bytes does not fit {profile.dots} dots readably")
        spare = profile.dots - module * len(modules)
        for shift in _SHIFTS:
            left = spare // 2 + shift
            if 0 <= left <= spare:
                bands = list(_bands(list(qr.raster(modules, module, left)), profile.band))
                if not any(map(AT_ONCE.search, bands)):
                    return iter(bands)
    raise ValueError(f"a QR code of {payload!r} cannot be drawn without bytes a printer takes for commands")


def _module(modules: int, profile: Profile) -> int:
    """Dots a module: a small code is drawn larger, up to the width a slip's code has."""
    wanted = min(max(profile.module, profile.module * SLIP_MODULES // modules), max(MAX_MODULE, profile.module))
    return min(wanted, profile.dots // modules)


def _bands(rows: list[bytes], height: int) -> Iterator[bytes]:
    for start in range(0, len(rows), height):
        band = rows[start : start + height]
        size = len(band[0]).to_bytes(2, "little") + len(band).to_bytes(2, "little")
        yield b"\x1dv0\x00" + size + b"".join(band)
