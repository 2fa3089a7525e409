"""Labels in TSPL, the language of most label printers: lines of text, each ended by CR LF.

    SIZE 40 mm,30 mm · GAP 2 mm,0 mm · DIRECTION 1 · CLS     the label, and an empty picture of it
    TEXT x,y,"TSS24.BF2",0,1,1,"…"                           Chinese text of 24 dots, in GBK
    QRCODE x,y,M,5,A,0,"…" · BARCODE x,y,"128",64,0,0,2,2,"…"
    BITMAP x,y,bytes,rows,0,…                                a picture; here 0 is black
    PRINT 1,1
    ESC ! ?                                                  how are you: answered at once (status.py)

There is no escape in a string: quotation marks are replaced, control characters were taken out with the rest.  With
encoding ``raster`` the whole label is one picture, for printers whose Chinese font has another name.  ``ESC !`` in a
picture could be obeyed at once: there it gets one dot more.
Source: TSPL reference and the TSC TTP-343 manual.
"""

from collections.abc import Iterator

from protocol.printers import bitmap, codes
from protocol.printers import text as paper_text
from protocol.printers.bitmap import GlyphSource
from protocol.printers.layout import BarcodeRow, CutRow, FeedRow, Page, QRRow, TextRow
from protocol.printers.profile import CELL, DOTS_PER_MM, GLYPH, Profile

FONT = "TSS24.BF2"
AT_ONCE, HARMLESS = b"\x1b!", b"\x13!"
CLEARING = b"\r\nCLS\r\n"  # ends a broken line, and forgets what was to be on the label


def emit(page: Page, profile: Profile, glyphs: GlyphSource | None = None) -> Iterator[bytes]:
    """One label. Raises ValueError before the first piece when the page does not fit it, or has to be drawn without
    glyphs."""
    if profile.label is None:
        raise ValueError(f"printer {profile.id} prints no labels")
    if page.columns > profile.columns or page.encoding != profile.encoding:
        raise ValueError(f"laid out for other paper than printer {profile.id} has")
    width, high, gap = profile.label
    needed = bitmap.height(page, profile)
    if needed > high * DOTS_PER_MM:
        raise ValueError(f"the label is {needed} dots high, {needed - high * DOTS_PER_MM} more than fit {high} mm")
    if glyphs is None and (page.drawn or profile.encoding == "raster"):
        raise ValueError(f"printer {profile.id} has no letters for this label: it has to be drawn, with a font")
    head = f"SIZE {width} mm,{high} mm\r\nGAP {gap} mm,0 mm\r\nDIRECTION 1\r\nCLS\r\n".encode()
    drawn = glyphs is not None and (page.drawn or profile.encoding == "raster")
    return _emit(head, _picture(page, profile, glyphs) if drawn and glyphs else _lines(page, profile))


def _emit(head: bytes, body: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from body
    yield b"PRINT 1,1\r\n"


def _lines(page: Page, profile: Profile) -> Iterator[bytes]:
    top = 0
    for row in page.rows:
        match row:
            case TextRow():
                high = max((run.size.high for run in row.runs), default=1)
                left = _left(row, profile)
                for run in row.runs:
                    place = top + (high - run.size.high) * GLYPH
                    text = _quoted(run.text, profile)
                    times = f"{run.size.wide},{run.size.high}".encode()
                    if run.text.strip():
                        yield b'TEXT %d,%d,"%s",0,%s,"%s"\r\n' % (left, place, FONT.encode(), times, text)
                    left += run.columns * CELL
            case QRRow():
                modules = codes.qr_modules(row.payload)
                module = codes.qr_module(row.payload, modules, profile, big=row.big, taken=row.taken)
                quiet = module * codes.QUIET
                yield b'QRCODE %d,%d,M,%d,A,0,"%s"\r\n' % (
                    (profile.dots - modules * module) // 2 + quiet,
                    top + quiet,
                    module,
                    _quoted(row.payload, profile),
                )
            case BarcodeRow():
                dots = codes.barcode_dots(row.payload, profile)
                module = codes.bar_module(row.payload, profile)
                left = (profile.dots - dots.width) // 2 + module * codes.BAR_QUIET
                yield b'BARCODE %d,%d,"128",%d,0,0,%d,%d,"%s"\r\n' % (
                    left,
                    top,
                    dots.height,
                    module,
                    module,
                    _quoted(row.payload, profile),
                )
            case FeedRow() | CutRow():
                pass
        top += bitmap.row_height(row, profile)


def _left(row: TextRow, profile: Profile) -> int:
    return CELL * row.align.before(profile.columns - sum(run.columns for run in row.runs))


def _quoted(text: str, profile: Profile) -> bytes:
    return paper_text.encode(text.replace('"', "'"), profile.encoding)


def _picture(page: Page, profile: Profile, glyphs: GlyphSource) -> Iterator[bytes]:
    dots = bitmap.draw(page, profile, glyphs)
    white = bytes(byte ^ 0xFF for byte in dots.data()).replace(AT_ONCE, HARMLESS)
    yield b"BITMAP 0,0,%d,%d,0,%s\r\n" % (dots.row_bytes, dots.height, white)
