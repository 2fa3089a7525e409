"""Rows as ESC/POS, kept to what cheap 58 and 80 mm heads honour.

    1B 40        ESC @    once, first: modes and line buffer cleared
    1C 26        FS &     Chinese characters on: export firmware starts with them off
    1B 61 n      ESC a    0 left, 1 centre, 2 right; only at the start of a line
    1B 45 n      ESC E    bold on, off
    1D 21 n      GS !     00 normal, 01 twice as high, 11 twice as high and wide, 33 four times; Latin and Chinese alike
    0A           LF       prints the line; blank lines are LF too
    1D 76 30 00 xL xH yL yH …   GS v 0   one band of a picture, x in bytes, y in dots
    1B 4A n      ESC J    n dots of white, between the bands of a drawn page
    1B 33 n, 1B 2A m nL nH …, 1B 32   ESC 3, ESC *, ESC 2   a strip of a picture column by column, 24 dots high (m = 33)
                          or 8 (m = 1), with a line spacing of its own, for heads that lack GS v 0
    1D 56 01     GS V     partial cut
    1C 43 FF     FS C     text is UTF-8 from here on, on heads that know it

    1D 28 6B pL pH 31 fn …   GS ( k   the printer's own QR code: 65 model, 67 module, 69 level, 80 store, 81 print
    1D 68 h, 1D 77 w, 1D 48 p, 1D 6B 49 n …   GS h, w, H, k   its own Code 128 barcode (form B)

Codes go out as pictures unless the profile says that the printer draws them: heads without the QR command print its
parameters as text, and those with it choose mode and mask themselves.  A printer obeys 10 04, 10 05 and 10 14 wherever
they stand, inside a picture too: a QR code that holds one is moved by a dot, a drawn line gets one dot more.

Every piece is whole commands, so that questions may be put between two of them.
"""

import re
from collections.abc import Iterator
from functools import reduce
from operator import or_

from protocol.printers import bitmap, codes
from protocol.printers import text as paper_text
from protocol.printers.bitmap import Bitmap, GlyphSource
from protocol.printers.document import Align, Size
from protocol.printers.layout import BarcodeRow, CutRow, FeedRow, Page, QRRow, Row, TextRow
from protocol.printers.profile import GLYPH, Encoding, Profile

START = b"\x1b@\x1c&"
UTF_8 = b"\x1cC\xff"
LF = b"\n"
CUT = b"\x1dV\x01"
RASTER = b"\x1dv0\x00"
SPACING = b"\x1b3"
LINE_DOTS = 30
ALIGN = {Align.LEFT: b"\x1ba\x00", Align.CENTER: b"\x1ba\x01", Align.RIGHT: b"\x1ba\x02"}
SIZE = {
    Size.NORMAL: b"\x1d!\x00",
    Size.TALL: b"\x1d!\x01",
    Size.LARGE: b"\x1d!\x11",
    Size.HUGE: b"\x1d!\x33",
}
BOLD = {False: b"\x1bE\x00", True: b"\x1bE\x01"}
AT_ONCE = re.compile(rb"\x10[\x04\x05\x14]")
TEXT_BYTES = 512  # a piece of text ends with the line that reaches so many
LEAST_BAR = 2  # dots: thinner bars are not for GS w
WHITE = 24  # dot rows without a dot that are worth a command of their own
_HEIGHTS = re.compile(rb"\x1d!(.)|\n", re.DOTALL)
_SHIFTS = (0, 1, -1, 2, -2, 3, -3, 4)


def emit(page: Page, profile: Profile, glyphs: GlyphSource | None = None) -> Iterator[bytes]:
    """The job in pieces, to be written one after the other.

    A picture's bands are pieces of their own, and the text before a picture comes before the picture is computed.
    ``glyphs`` draws what the printer has no letters for.  Raises ValueError before the first piece when the page was
    laid out for other paper, or needs glyphs and has none.
    """
    if page.columns > profile.columns:
        raise ValueError(f"laid out for {page.columns} columns, printer {profile.id} has {profile.columns}")
    if page.encoding != profile.encoding:
        raise ValueError(f"laid out for {page.encoding}, printer {profile.id} takes {profile.encoding}")
    if glyphs is None and (page.drawn or profile.encoding == "raster"):
        raise ValueError(f"printer {profile.id} has no letters for this page: it has to be drawn, with a font")
    return _emit(page, profile, glyphs)


def _emit(page: Page, profile: Profile, glyphs: GlyphSource | None) -> Iterator[bytes]:
    out = bytearray(START + (UTF_8 if profile.encoding == "utf-8" else b""))
    most = min(TEXT_BYTES, profile.buffer // 2)
    style = _Style(profile.encoding)
    drawn: list[int] = []
    for row in page.rows:
        if glyphs is not None and _to_draw(row, profile.encoding):
            if out:
                yield bytes(out + style.reset())
                out.clear()
            drawn += bitmap.draw_row(row, profile, glyphs)
            continue
        if drawn:
            yield from _bands(Bitmap(profile.dots, tuple(drawn)), profile)
            drawn.clear()
        match row:
            case TextRow():
                if len(out) >= most:
                    yield bytes(out)
                    out.clear()
                out += style.line(row)
            case QRRow() | BarcodeRow():
                yield bytes(out + style.reset())
                out.clear()
                yield from _qr(row, profile) if isinstance(row, QRRow) else _barcode(row.payload, profile)
            case FeedRow():
                out += style.reset() + LF * row.lines
            case CutRow():
                out += style.reset() + LF * profile.tear + (CUT if profile.cutter else b"")
    out += style.reset()
    if out:
        yield bytes(out)
    if drawn:
        yield from _bands(Bitmap(profile.dots, tuple(drawn)), profile)


def fed(piece: bytes) -> int:
    """How many dot rows of paper a piece takes; of codes that the printer draws, only what is around them."""
    if piece.startswith(RASTER):
        return int.from_bytes(piece[6:8], "little")
    if piece.startswith(b"\x1bJ"):
        return piece[2]
    if piece.startswith(SPACING):
        return piece[2]
    dots, now, high = 0, 1, 1  # the size in force, and the highest of this line
    for found in _HEIGHTS.finditer(piece):
        if found[1]:
            now = (found[1][0] & 7) + 1
            high = max(high, now)
        else:
            dots, high = dots + max(LINE_DOTS, GLYPH * high), now
    return dots


def clearing(profile: Profile) -> bytes:
    """Brings out what is in the line and lies before the tear bar, so that the next paper is one of its own."""
    return START + LF * profile.tear + (CUT if profile.cutter else b"")


def _to_draw(row: Row, encoding: Encoding) -> bool:
    """Whether the printer has no letters for this row."""
    if encoding == "raster":
        return isinstance(row, TextRow)
    return isinstance(row, TextRow) and not all(paper_text.holds(run.text, encoding) for run in row.runs)


class _Style:
    """What the printer has been told so far; only changes are sent."""

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self._align, self._size, self._bold = Align.LEFT, Size.NORMAL, False

    def line(self, row: TextRow) -> bytes:
        out = self._to_align(row.align) if row.align is not self._align else b""
        for run in row.runs:
            if run.size is not self._size or run.bold is not self._bold:
                out += self._to_style(run.size, run.bold)
            out += paper_text.encode(run.text, self._encoding)
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


def _qr(row: QRRow, profile: Profile) -> Iterator[bytes]:
    """A QR code in the middle of the paper: one raster command for each band, or the printer's own."""
    if profile.codes == "native":
        yield _native_qr(row, profile)
        return
    for mask in range(codes.MASKS):
        dots = codes.qr_dots(row.payload, profile, mask, big=row.big)
        spare = profile.dots - dots.width
        for shift in _SHIFTS:
            left = spare // 2 + shift
            if 0 <= left <= spare:
                bands = list(_pictures(Bitmap(left + dots.width, dots.rows), profile))
                if not any(map(AT_ONCE.search, bands)):
                    yield from bands
                    return
    raise ValueError(f"a QR code of {row.payload!r} cannot be drawn without bytes a printer takes for commands")


def _native_qr(row: QRRow, profile: Profile) -> bytes:
    """GS ( k. The quiet zone is the sender's business."""
    modules = codes.qr_modules(row.payload)
    module = codes.qr_module(row.payload, modules, profile, big=row.big)
    quiet = b"\x1bJ" + bytes((module * codes.QUIET,))
    data = row.payload.encode("ascii")
    store = b"\x1d(k" + (len(data) + 3).to_bytes(2, "little") + b"1P0" + data
    set_up = b"\x1d(k\x04\x001A2\x00" + b"\x1d(k\x03\x001C" + bytes((module,)) + b"\x1d(k\x03\x001E1"
    return quiet + ALIGN[Align.CENTER] + set_up + store + b"\x1d(k\x03\x001Q0" + ALIGN[Align.LEFT] + quiet


def _barcode(payload: str, profile: Profile) -> Iterator[bytes]:
    """A barcode in the middle of the paper."""
    dots = codes.barcode_dots(payload, profile)
    module = codes.bar_module(payload, profile)
    native = _native_barcode(payload, module, dots.height)
    if profile.codes == "native" and module >= LEAST_BAR and not AT_ONCE.search(native):
        yield native
        return
    left = (profile.dots - dots.width) // 2
    yield from _bands(Bitmap(left + dots.width, dots.rows), profile)


def _native_barcode(payload: str, module: int, height: int) -> bytes:
    """GS k, form B: each code set is named before its data; in set B a brace is doubled."""
    data = b"".join(
        b"{" + name.encode() + (run.replace(b"{", b"{{") if name == "B" else run)
        for name, run in codes.code_sets(payload)
    )
    settings = b"\x1dh" + bytes((height,)) + b"\x1dw" + bytes((module,)) + b"\x1dH\x00"
    return ALIGN[Align.CENTER] + settings + b"\x1dk\x49" + bytes((len(data),)) + data + ALIGN[Align.LEFT]


def _bands(dots: Bitmap, profile: Profile) -> Iterator[bytes]:
    """A drawn part of the page: pictures, and feeds where nothing is."""
    start, most = 0, profile.band
    while start < dots.height:
        white = _white(dots.rows, start)
        if white >= WHITE:
            yield b"\x1bJ" + bytes((white,))
            start += white
            continue
        end = start + 1
        while end < min(dots.height, start + most) and _white(dots.rows, end) < WHITE:
            end += 1
        yield from map(_harmless, _pictures(_trimmed(Bitmap(dots.width, dots.rows[start:end])), profile))
        start = end


def _white(rows: tuple[int, ...], start: int) -> int:
    """How many rows from here on are white, as far as one feed goes."""
    end = start
    while end < len(rows) and end - start < 255 and not rows[end]:
        end += 1
    return end - start


def _pictures(dots: Bitmap, profile: Profile) -> Iterator[bytes]:
    """A picture in pieces, in the way that the printer takes."""
    if profile.pictures == "raster":
        yield from _rasters(dots, profile.band)
    elif profile.pictures == "columns-24":
        yield from _strips(dots, b"\x21", pins=24, rows=1)
    else:
        yield from _strips(dots, b"\x01", pins=8, rows=2)


def _strips(dots: Bitmap, mode: bytes, *, pins: int, rows: int) -> Iterator[bytes]:
    """ESC *, one for each strip; a pin prints ``rows`` dot rows. The line spacing is the strip's, then as before."""
    high = pins * rows
    for start in range(0, dots.height, high):
        strip = dots.rows[start : start + high]
        strip += (0,) * (high - len(strip))
        lines = [reduce(or_, strip[first : first + rows]) for first in range(0, high, rows)]
        columns = bytearray()
        for place in range(dots.width - 1, -1, -1):
            bits = sum((line >> place & 1) << (pins - 1 - pin) for pin, line in enumerate(lines))
            columns += bits.to_bytes(pins // 8, "big")
        size = dots.width.to_bytes(2, "little")
        yield SPACING + bytes((high,)) + b"\x1b*" + mode + size + bytes(columns) + LF + b"\x1b2"


def _rasters(dots: Bitmap, most: int) -> Iterator[bytes]:
    """GS v 0, one for each band."""
    for band in bitmap.pieces(dots, most):
        size = band.row_bytes.to_bytes(2, "little") + band.height.to_bytes(2, "little")
        yield RASTER + size + band.data()


def _trimmed(dots: Bitmap) -> Bitmap:
    """Without the white at the right, so that a slow line carries less."""
    ink = max((dots.width - (row & -row).bit_length() + 1 for row in dots.rows if row), default=8)
    width = min(dots.width, -(-ink // 8) * 8)
    return Bitmap(width, tuple(row >> dots.width - width for row in dots.rows))


def _harmless(band: bytes) -> bytes:
    """A drawn band without bytes that are obeyed at once: one dot more in each such place."""
    data = bytearray(band)
    while found := AT_ONCE.search(data, 8):
        data[found.start()] |= 0x08
    return bytes(data)
