"""Reads ESC/POS bytes back into what would be on the paper, command by command from a table.

It shares nothing with the code that prints, so that it can find that code wrong.  Bytes it does not know are kept with
their offset; a real printer would print or obey something there.

    reader = Reader(dots=384)
    papers = reader.feed(data) + reader.finish()

Papers end at a cut; ``ESC @`` begins a new one when something is on the old one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

CELL = 12  # dots of font A
LINE_DOTS = 30
GLYPH_DOTS = 24
UNKNOWN_SHOWN = 16
MISSING_ZXING = "reading QR codes from pictures needs the package zxing-cpp: pip install 'marketedge[sim]'"


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Printed text of one style. ``cells`` is 2 for Chinese two-byte characters, ``wide`` and ``high`` the size."""

    text: str
    cells: int = 1
    wide: int = 1
    high: int = 1
    bold: bool = False
    underline: bool = False

    @property
    def pitch(self) -> int:
        """Dots from one character to the next."""
        return self.cells * CELL * self.wide

    @property
    def dots(self) -> int:
        return len(self.text) * self.pitch


@dataclass(frozen=True, slots=True)
class TextLine:
    """A printed line; ``left`` is the dot where it begins, ``height`` the paper it took."""

    glyphs: tuple[Glyphs, ...]
    left: int
    height: int


@dataclass(frozen=True, slots=True)
class Raster:
    """A picture, 1 bit a dot, rows padded to whole bytes; ``left`` is the dot where it begins."""

    width: int
    rows: tuple[bytes, ...]
    left: int

    @property
    def height(self) -> int:
        return len(self.rows)

    def qr(self) -> list[str]:
        """What the QR codes in it say; needs zxing-cpp."""
        return read_qr(self.width, self.rows)


@dataclass(frozen=True, slots=True)
class NativeCode:
    """A QR code or barcode that the printer itself would draw."""

    kind: str  # "QR" or "barcode"
    payload: str


@dataclass(frozen=True, slots=True)
class Blank:
    """Paper fed without print, in dots."""

    height: int


PaperRow = TextLine | Raster | NativeCode | Blank


@dataclass(frozen=True)
class Paper:
    """One piece of paper.

    ``unknown``: (offset in the stream, hex) of bytes that are no known command or character, and of commands that have
    no business on a slip. ``raw``: the bytes that made it.
    """

    rows: tuple[PaperRow, ...]
    dots: int
    cut: bool
    unknown: tuple[tuple[int, str], ...] = ()
    raw: bytes = field(default=b"", repr=False, compare=False)

    @property
    def rasters(self) -> list[Raster]:
        return [row for row in self.rows if isinstance(row, Raster)]

    @cached_property
    def qr(self) -> list[str]:
        """Payloads of all QR codes, pictures and native ones, from top to bottom."""
        return [payload for _, payload in self._codes("QR")]

    @property
    def barcodes(self) -> list[str]:
        return [payload for _, payload in self._codes("barcode")]

    @cached_property
    def text(self) -> str:
        """The paper as lines of text; a code stands as ``[QR payload]``, another picture as its size."""
        shown: dict[int, list[str]] = {}
        for code, payload in (*self._codes("QR"), *self._codes("barcode")):
            name = "QR" if isinstance(code, Raster) else code.kind
            shown.setdefault(id(code), []).append(f"[{name} {payload}]")
        lines: list[str] = []
        for row in self.rows:
            match row:
                case TextLine():
                    blank = " " * (row.left // CELL)
                    lines.append((blank + "".join(one.text for one in row.glyphs)).rstrip(" "))
                case Raster() | NativeCode():
                    lines += shown.get(id(row), ["[picture]"])
                case Blank():
                    pass
        return "\n".join(lines).rstrip("\n") + "\n"

    def as_json(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "qr": self.qr,
            "barcodes": self.barcodes,
            "cut": self.cut,
            "unknown": [{"offset": offset, "hex": found} for offset, found in self.unknown],
        }

    def _codes(self, kind: str) -> Iterator[tuple[Raster | NativeCode, str]]:
        for row in self.rows:
            if isinstance(row, NativeCode) and row.kind == kind:
                yield row, row.payload
            elif isinstance(row, Raster) and kind == "QR":
                for payload in row.qr():
                    yield row, payload


def read_qr(width: int, rows: tuple[bytes, ...]) -> list[str]:
    """Payloads of the QR codes in a 1-bit picture; raises RuntimeError when zxing-cpp or Pillow is missing."""
    try:
        import zxingcpp
        from PIL import Image
    except ImportError:
        raise RuntimeError(MISSING_ZXING) from None
    if not rows:
        return []
    bits = b"".join(bytes(byte ^ 0xFF for byte in row) for row in rows)
    picture = Image.new("L", (width + 40, len(rows) + 40), 255)
    picture.paste(Image.frombytes("1", (width, len(rows)), bits).convert("L"), (20, 20))
    found = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    found.sort(key=lambda code: (code.position.top_left.y, code.position.top_left.x))
    return [code.text for code in found]


class Reader:
    """The printer's head: takes bytes in any chunks, gives papers.

    ``asked`` collects the questions that are answered in order (GS r, GS I) when the head comes to them; whoever plays
    the printer takes them out.
    """

    def __init__(self, dots: int = 384) -> None:
        self.dots = dots
        self.asked: list[bytes] = []
        self._input = bytearray()
        self._offset = 0
        self._raw = bytearray()
        self._papers: list[Paper] = []
        self._rows: list[PaperRow] = []
        self._unknown: list[tuple[int, bytes]] = []
        self._fed = 0
        self._reset()

    def feed(self, data: bytes) -> list[Paper]:
        """Papers completed by these bytes."""
        self._input += data
        place = 0
        while place < len(self._input) and (taken := self._step(place)):
            self._keep(self._input[place : place + taken])
            place += taken
        del self._input[:place]
        self._offset += place
        return self._finished()

    def finish(self) -> list[Paper]:
        """The stream has ended, or the paper was torn off. Half a command is unknown, half a line is not printed."""
        if self._input:
            self._strange(self._offset, bytes(self._input))
            self._offset += len(self._input)
            self._raw += self._input
            self._input.clear()
        self._end(cut=False)
        if self._papers:
            self._keep(bytearray())
        self._raw.clear()
        return self._finished()

    def _keep(self, taken: bytearray) -> None:
        """Bytes that were obeyed: they belong to the paper they ended by a cut, else to the next one."""
        ended = self._papers[-1] if self._papers and not self._papers[-1].raw else None
        if ended is None:
            self._raw += taken
            return
        if ended.cut:
            self._papers[-1] = replace(ended, raw=bytes(self._raw + taken))
            self._raw.clear()
        else:
            self._papers[-1] = replace(ended, raw=bytes(self._raw))
            self._raw[:] = taken

    @property
    def fed(self) -> int:
        """Dot rows of paper that went through so far."""
        return self._fed + sum(height_of(row) for row in self._rows)

    @property
    def busy(self) -> bool:
        """Something is on the paper that has not been cut or torn off."""
        return bool(self._rows or self._line)

    def _finished(self) -> list[Paper]:
        papers, self._papers = self._papers, []
        return papers

    # --- commands ---------------------------------------------------------------------------------------------------

    def _step(self, place: int) -> int:
        """Obey what stands at ``place``: how many bytes it took, 0 when more must come first."""
        first = self._input[place]
        if first in (0x1B, 0x1C, 0x1D, 0x10):
            return self._command(place)
        if first >= 0x20:
            return self._letter(place)
        if first == 0x0A:
            self._print_line()
        elif first not in (0x00, 0x0D):  # CR is ignored where LF prints; NUL flushes half commands
            self._strange(self._offset + place, bytes((first,)))
        return 1

    def _command(self, place: int) -> int:
        if len(self._input) - place < 2:
            return 0
        start = bytes(self._input[place : place + 2])
        if start not in COMMANDS:
            self._strange(self._offset + place, start)
            return 2
        length, obey = COMMANDS[start]
        size = length if isinstance(length, int) else length(self._input, place + 2)
        if size is None or len(self._input) - place - 2 < size:
            return 0
        parameters = bytes(self._input[place + 2 : place + 2 + size])
        if obey(self, parameters) is False:
            self._strange(self._offset + place, start + parameters)
        return 2 + size

    def _letter(self, place: int) -> int:
        first = self._input[place]
        if first == 0x7F:
            self._strange(self._offset + place, b"\x7f")
            return 1
        if first < 0x80 or not self._chinese:
            self._put(bytes((first,)).decode("cp437"), 1)
            return 1
        if self._utf_8:
            return self._utf_8_letter(place)
        if len(self._input) - place < 2:
            return 0
        pair = bytes(self._input[place : place + 2])
        try:
            letter = pair.decode("gbk")
        except UnicodeDecodeError:
            self._strange(self._offset + place, pair[:1])
            return 1
        if len(letter) != 1:  # GBK's lone 80
            self._strange(self._offset + place, pair[:1])
            return 1
        self._put(letter, 2)
        return 2

    def _utf_8_letter(self, place: int) -> int:
        first = self._input[place]
        size = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
        if len(self._input) - place < size:
            return 0
        data = bytes(self._input[place : place + size])
        try:
            self._put(data.decode("utf-8"), 2)
        except UnicodeDecodeError:
            self._strange(self._offset + place, data[:1])
            return 1
        return size

    def _strange(self, offset: int, found: bytes) -> None:
        if self._unknown and self._unknown[-1][0] + len(self._unknown[-1][1]) == offset:
            start, before = self._unknown.pop()
            offset, found = start, before + found
        self._unknown.append((offset, found))

    # --- the paper --------------------------------------------------------------------------------------------------

    def _reset(self) -> None:
        self._line: list[Glyphs] = []
        self._align, self._bold, self._underline, self._chinese = 0, False, False, False
        self._wide = self._high = 1
        self._pitch = LINE_DOTS
        self._qr_stored = b""
        self._utf_8 = False

    def _put(self, letter: str, cells: int) -> None:
        new = Glyphs(letter, cells, self._wide, self._high, self._bold, self._underline)
        if sum(one.dots for one in self._line) + new.dots > self.dots:
            self._print_line()
        if self._line and replace(self._line[-1], text=letter) == new:
            self._line[-1] = replace(new, text=self._line[-1].text + letter)
        else:
            self._line.append(new)

    def _print_line(self) -> None:
        width = sum(one.dots for one in self._line)
        height = max([self._pitch, *(GLYPH_DOTS * one.high for one in self._line)])
        self._rows.append(TextLine(tuple(self._line), self._left(width), height))
        self._line.clear()

    def _left(self, width: int) -> int:
        blank = max(0, self.dots - width)
        return (0, blank // 2, blank)[self._align]

    def _end(self, cut: bool) -> None:
        self._line.clear()
        printed = any(not _is_blank(row) for row in self._rows)
        if printed or self._unknown:
            unknown = tuple((offset, found[:UNKNOWN_SHOWN].hex()) for offset, found in self._unknown)
            self._papers.append(Paper(tuple(self._rows), self.dots, cut, unknown))
        self._fed += sum(height_of(row) for row in self._rows)
        self._rows, self._unknown = [], []

    # --- one method a command: False when the parameters mean nothing here --------------------------------------------

    def initialize(self, _: bytes) -> None:
        self._line.clear()
        self._end(cut=False)
        self._reset()

    def chinese_on(self, _: bytes) -> None:
        self._chinese = True

    def chinese_off(self, _: bytes) -> None:
        self._chinese = False

    def align(self, n: bytes) -> bool | None:
        if n[0] % 48 > 2 or n[0] > 50 or self._line:  # obeyed only at the start of a line
            return False
        self._align = n[0] % 48
        return None

    def bold(self, n: bytes) -> None:
        self._bold = bool(n[0] & 1)

    def underline(self, n: bytes) -> None:
        self._underline = n[0] % 48 > 0

    def size(self, n: bytes) -> bool | None:
        if n[0] & 0x88:
            return False
        self._wide, self._high = (n[0] >> 4) + 1, (n[0] & 0x07) + 1
        return None

    def mode(self, n: bytes) -> None:
        self._bold, self._underline = bool(n[0] & 0x08), bool(n[0] & 0x80)
        self._wide, self._high = 2 if n[0] & 0x20 else 1, 2 if n[0] & 0x10 else 1

    def pitch(self, n: bytes) -> None:
        self._pitch = n[0]

    def default_pitch(self, _: bytes) -> None:
        self._pitch = LINE_DOTS

    def feed_lines(self, n: bytes) -> None:
        if self._line:
            self._print_line()
        self._rows += [TextLine((), self._left(0), self._pitch)] * n[0]

    def feed_dots(self, n: bytes) -> None:
        if self._line:
            self._print_line()
        self._rows.append(Blank(n[0]))

    def raster(self, data: bytes) -> bool | None:
        """One band; a band right under another of the same place and width is the same picture."""
        mode, row_bytes = data[1] % 48, data[2] | data[3] << 8
        if data[0] != 0x30 or mode > 3 or data[1] > 51 or not row_bytes:
            return False
        if self._line:
            self._print_line()
        rows = [data[start : start + row_bytes] for start in range(6, len(data), row_bytes)]
        width = row_bytes * 8
        if mode & 1:
            rows, width = [_doubled(row) for row in rows], width * 2
        if mode & 2:
            rows = [row for row in rows for _ in range(2)]
        if width > self.dots:  # what lies beyond the edge is not printed
            width = self.dots - self.dots % 8
            rows = [row[: width // 8] for row in rows]
        above = self._rows[-1] if self._rows else None
        left = self._left(width)
        if isinstance(above, Raster) and (above.width, above.left) == (width, left):
            self._rows[-1] = Raster(width, above.rows + tuple(rows), left)
        elif rows:
            self._rows.append(Raster(width, tuple(rows), left))
        return None

    def cut(self, _: bytes) -> None:
        if self._line:
            self._print_line()
        self._end(cut=True)

    def function(self, data: bytes) -> bool | None:
        """GS ( k: the printer's own QR code. GS ( H: a process id, answered in order."""
        if data[:1] == b"H" and data[3:5] == b"00" and len(data) == 9:
            self.asked.append(b"\x1d(H" + data[5:])
            return None
        if data[:1] != b"k" or data[3:4] != b"1":
            return False
        if data[4:5] == b"\x50":
            self._qr_stored = data[6:]
        elif data[4:5] == b"\x51" and self._qr_stored:
            self._rows.append(NativeCode("QR", self._qr_stored.decode("utf-8", "replace")))
        return None

    def barcode(self, data: bytes) -> None:
        text = data[1:-1] if data[0] <= 6 else data[2:]
        self._rows.append(NativeCode("barcode", text.decode("latin-1")))

    def chinese_code(self, n: bytes) -> bool | None:
        """FS C: FF is UTF-8 on some heads."""
        if n != b"\xff":
            return False
        self._utf_8 = True
        return None

    def nothing(self, _: bytes) -> None:
        """Known, and without effect on what people read."""

    def unwanted(self, _: bytes) -> bool:
        """Known, and never to be on a slip: drawer, memory switches, pictures stored in the printer."""
        return False


def height_of(row: PaperRow) -> int:
    """Dots of paper that a row takes."""
    return LINE_DOTS if isinstance(row, NativeCode) else row.height


def _is_blank(row: PaperRow) -> bool:
    return isinstance(row, Blank) or (isinstance(row, TextLine) and not row.glyphs)


def _doubled(row: bytes) -> bytes:
    bits = "".join(f"{byte:08b}" for byte in row)
    return int("".join(bit * 2 for bit in bits), 2).to_bytes(len(row) * 2, "big")


def _raster_size(data: bytearray, place: int) -> int | None:
    """``30 m xL xH yL yH`` and x times y bytes."""
    if len(data) - place < 6:
        return None
    return 6 + (data[place + 2] | data[place + 3] << 8) * (data[place + 4] | data[place + 5] << 8)


def _function_size(data: bytearray, place: int) -> int | None:
    """``x pL pH`` and p bytes."""
    return None if len(data) - place < 3 else 3 + (data[place + 1] | data[place + 2] << 8)


def _column_size(data: bytearray, place: int) -> int | None:
    """``m nL nH`` and n columns of 1 or 3 bytes."""
    if len(data) - place < 3:
        return None
    return 3 + (data[place + 1] | data[place + 2] << 8) * (3 if data[place] >= 32 else 1)


def _cut_size(data: bytearray, place: int) -> int | None:
    return None if len(data) == place else 2 if data[place] in (0x41, 0x42, 0x61, 0x62, 0x67, 0x68) else 1


def _barcode_size(data: bytearray, place: int) -> int | None:
    """Form A ends with NUL, form B says its length."""
    if len(data) - place < 2:
        return None
    if data[place] > 6:
        return 2 + data[place + 1]
    end = data.find(0, place + 1)
    return None if end < 0 else end - place + 1


def _real_time_size(data: bytearray, place: int) -> int | None:
    """DLE DC4: fn 1 and 2 have two parameters, fn 8 has seven."""
    return None if len(data) == place else 8 if data[place] == 8 else 3


def _ask_status(reader: Reader, n: bytes) -> None:
    reader.asked.append(b"\x1dr" + n)


def _ask_name(reader: Reader, n: bytes) -> None:
    reader.asked.append(b"\x1dI" + n)


def _ask_automatic(reader: Reader, n: bytes) -> None:
    reader.asked.append(b"\x1da" + n)


Length = int | Callable[[bytearray, int], int | None]
Obey = Callable[[Reader, bytes], bool | None]
COMMANDS: dict[bytes, tuple[Length, Obey]] = {
    b"\x1b@": (0, Reader.initialize),
    b"\x1ba": (1, Reader.align),
    b"\x1bE": (1, Reader.bold),
    b"\x1bG": (1, Reader.bold),
    b"\x1b-": (1, Reader.underline),
    b"\x1b!": (1, Reader.mode),
    b"\x1b2": (0, Reader.default_pitch),
    b"\x1b3": (1, Reader.pitch),
    b"\x1bd": (1, Reader.feed_lines),
    b"\x1bJ": (1, Reader.feed_dots),
    b"\x1bi": (0, Reader.cut),
    b"\x1bm": (0, Reader.cut),
    b"\x1bt": (1, Reader.nothing),
    b"\x1bB": (2, Reader.nothing),
    b"\x1bM": (1, Reader.unwanted),
    b"\x1bR": (1, Reader.unwanted),
    b"\x1bp": (3, Reader.unwanted),
    b"\x1b=": (1, Reader.unwanted),
    b"\x1b*": (_column_size, Reader.unwanted),
    b"\x1c&": (0, Reader.chinese_on),
    b"\x1c.": (0, Reader.chinese_off),
    b"\x1c-": (1, Reader.underline),
    b"\x1cC": (1, Reader.chinese_code),
    b"\x1cp": (2, Reader.unwanted),
    b"\x1d!": (1, Reader.size),
    b"\x1dv": (_raster_size, Reader.raster),
    b"\x1dV": (_cut_size, Reader.cut),
    b"\x1d(": (_function_size, Reader.function),
    b"\x1dh": (1, Reader.nothing),
    b"\x1dw": (1, Reader.nothing),
    b"\x1dH": (1, Reader.nothing),
    b"\x1df": (1, Reader.nothing),
    b"\x1dk": (_barcode_size, Reader.barcode),
    b"\x1da": (1, _ask_automatic),
    b"\x1dr": (1, _ask_status),
    b"\x1dI": (1, _ask_name),
    b"\x10\x04": (1, Reader.nothing),
    b"\x10\x05": (1, Reader.nothing),
    b"\x10\x14": (_real_time_size, Reader.unwanted),
}


def read_papers(data: bytes, dots: int | None = None) -> list[Paper]:
    """All papers in these bytes. Without ``dots`` the paper is 58 mm wide, or 80 mm when something would not fit."""
    if dots is None:
        dots = 576 if _widest(read_papers(data, 576)) > 384 else 384
    reader = Reader(dots)
    return reader.feed(data) + reader.finish()


def _widest(papers: list[Paper]) -> int:
    widths = [0]
    for row in (row for paper in papers for row in paper.rows):
        if isinstance(row, TextLine):
            widths.append(sum(one.dots for one in row.glyphs))
        elif isinstance(row, Raster):
            widths.append(row.width)
    return max(widths)
