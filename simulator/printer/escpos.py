"""Reads ESC/POS bytes back into what would be on the paper, command by command from a table.

It shares nothing with the code that prints, so that it can find that code wrong.  Bytes it does not know are kept with
their offset; a real printer would print or obey something there.

    reader = Reader(dots=384)
    papers = reader.feed(data) + reader.finish()

Papers end at a cut; ``ESC @`` begins a new one when something is on the old one.  A picture is printed row by row as
its bytes come, as heads do.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from simulator.printer.escpos_pictures import Picture, column_strip, stored_rows
from simulator.printer.escpos_sizes import (
    barcode_size,
    column_size,
    cut_size,
    function_size,
    long_function_size,
    real_time_size,
    stored_size,
    tabs_size,
)
from simulator.printer.head import Head
from simulator.printer.own_codes import OwnCodes
from simulator.printer.printed import LINE_DOTS, NO_MEANING, NOT_AT_START, NOT_DRAWN, NOT_HERE, Oddities, Paper


class Reader:
    """Takes bytes in any chunks, gives papers.

    ``feed`` obeys all it can.  Whoever plays a printer uses ``put`` and ``step`` instead, looks at ``fed`` to see what
    a step took of the roll, and takes the questions that the head came to (GS r, GS I, GS a, GS ( H) out of ``asked``.
    """

    def __init__(self, dots: int = 384, encoding: str = "gbk") -> None:
        self.asked: list[bytes] = []
        self._head = Head(dots)
        self._encoding = encoding
        self._input = bytearray()
        self._offset = 0
        self._raw = bytearray()
        self._papers: list[Paper] = []
        self._strange = Oddities()
        self._picture: Picture | None = None
        self._line_at = 0
        self._reset()

    def _reset(self) -> None:
        self._head.reset()
        self._chinese = self._utf_8 = False
        self._codes = OwnCodes(self._head)
        self._stored: list[bytes] = []

    @property
    def waiting(self) -> int:
        """Bytes that were not obeyed yet."""
        return len(self._input)

    @property
    def fed(self) -> int:
        """Dot rows of paper that went through so far."""
        return self._head.fed

    @property
    def busy(self) -> bool:
        """Paper hangs out that has not been cut or torn off."""
        return self._head.hangs

    def put(self, data: bytes) -> None:
        self._input += data

    def step(self) -> bool:
        """Obey one command, letter or row of a picture; False when more bytes must come first."""
        if self._picture:
            return self._row(self._picture)
        if not self._input:
            return False
        first = self._input[0]
        if first in (0x1B, 0x1C, 0x1D, 0x10):
            return self._command()
        if first >= 0x20:
            return self._letter(first)
        self._control(first)
        return True

    def papers(self) -> list[Paper]:
        """Papers that ended since the last call."""
        papers, self._papers = self._papers, []
        return papers

    def feed(self, data: bytes) -> list[Paper]:
        """Papers completed by these bytes."""
        self.put(data)
        while self.step():
            pass
        return self.papers()

    def tear(self) -> list[Paper]:
        """The paper is torn off where it is. A line being set and half a command stay in the head."""
        self._end(cut=False)
        return self.papers()

    def finish(self) -> list[Paper]:
        """The stream has ended: what stands unfinished at its end is strange."""
        if picture := self._picture:
            missing = picture.row_bytes * picture.rows - len(self._input)
            self._strange.add(picture.offset, picture.head, f"half a command: a picture, {missing} bytes are missing")
            self._picture = None
            self._take(len(self._input))
        if self._input:
            known = COMMANDS.get(bytes(self._input[:2]))
            what = "half a command: " + known.what if known else "half a command or character"
            self._strange.add(self._offset, bytes(self._input), what)
            self._take(len(self._input))
        if self._head.setting:
            begun = bytes(self._raw[self._line_at - self._offset :]) if self._head.line else b""
            self._strange.add(self._offset - len(begun), begun, "half a line: not printed without a line feed")
            self._head.forget_line()
        return self.tear()

    # --- bytes --------------------------------------------------------------------------------------------------------

    def _take(self, size: int) -> bytes:
        """So many bytes are obeyed: they belong to the paper that hangs out."""
        taken = bytes(self._input[:size])
        del self._input[:size]
        self._raw += taken
        self._offset += size
        return taken

    def _odd(self, data: bytes, why: str) -> None:
        """These bytes, just taken, are strange."""
        self._strange.add(self._offset - len(data), data, why)

    def _row(self, picture: Picture) -> bool:
        if len(self._input) < picture.row_bytes:
            return False
        for row in picture.dots(self._take(picture.row_bytes)):
            self._head.dot_row(row)
        picture.rows -= 1
        if not picture.rows:
            self._picture = None
        return True

    def _command(self) -> bool:
        if len(self._input) < 2:
            return False
        start = bytes(self._input[:2])
        if start not in COMMANDS:
            self._odd(self._take(2), "not known")
            return True
        length, obey, what = COMMANDS[start]
        size = length if isinstance(length, int) else length(self._input)
        if size is None or len(self._input) - 2 < size:
            return False
        taken = self._take(2 + size)
        if why := obey(self, taken[2:]):
            self._odd(taken, f"{what}: {why}")
        if start == b"\x10\x04" and not self._head.hangs and not self._head.setting:
            del self._raw[-3:]  # a question while nothing is printed belongs to no paper
        return True

    def _control(self, byte: int) -> None:
        data = self._take(1)
        if byte == 0x0A:
            self._head.print_line()
        elif byte not in (0x00, 0x0D):  # CR is ignored where LF prints; NUL flushes half commands
            self._odd(data, "a control character")

    def _letter(self, first: int) -> bool:
        if first == 0x7F:
            self._odd(self._take(1), "a control character")
            return True
        if first < 0x80 or not self._chinese:
            self._put(self._take(1).decode("cp437"), 1, 1)
            return True
        name = "utf-8" if self._utf_8 else self._encoding
        size = _utf_8_size(first) if self._utf_8 else 2
        if name == "gb18030" and b"0" <= self._input[1:2] <= b"9":
            size = 4
        if len(self._input) < size:
            return False
        try:
            letter = bytes(self._input[:size]).decode(name)
        except UnicodeDecodeError:
            letter = ""
        if len(letter) != 1:  # two: GBK's lone 80
            self._odd(self._take(1), f"no character of {name.upper()}")
            return True
        self._take(size)
        self._put(letter, 2, size)
        return True

    def _put(self, letter: str, cells: int, size: int) -> None:
        line = self._head.line
        self._head.put(letter, cells)
        if len(line) == 1 and line[0].text == letter:
            self._line_at = self._offset - size

    # --- the paper ----------------------------------------------------------------------------------------------------

    def _end(self, cut: bool, keep: int = 0) -> None:
        """The paper ends here; the last ``keep`` bytes belong to the next one."""
        printed = self._head.printed
        rows = self._head.end()
        raw = bytes(self._raw[: len(self._raw) - keep])
        del self._raw[: len(raw)]
        if printed or self._strange:
            self._papers.append(Paper(rows, self._head.dots, cut, self._strange.take(), raw))

    # --- one method a command: what it answers is why it was not obeyed -----------------------------------------------

    def initialize(self, _: bytes) -> None:
        self._head.forget_line()
        self._end(cut=False, keep=2)
        self._reset()

    def chinese_on(self, _: bytes) -> None:
        self._chinese = True

    def chinese_off(self, _: bytes) -> None:
        self._chinese = False

    def chinese_code(self, n: bytes) -> str | None:
        """FS C: FF is UTF-8 on some heads."""
        if n != b"\xff":
            return NO_MEANING
        self._utf_8 = True
        return None

    def align(self, n: bytes) -> str | None:
        if n[0] not in (0, 1, 2, 48, 49, 50):
            return NO_MEANING
        if self._head.line:
            return NOT_AT_START
        self._head.align = n[0] % 48
        return None

    def bold(self, n: bytes) -> None:
        self._head.style = replace(self._head.style, bold=bool(n[0] & 1))

    def underline(self, n: bytes) -> None:
        self._head.style = replace(self._head.style, underline=n[0] % 48 > 0)

    def size(self, n: bytes) -> str | None:
        if n[0] & 0x88:
            return NO_MEANING
        self._head.style = replace(self._head.style, wide=(n[0] >> 4) + 1, high=(n[0] & 0x07) + 1)
        return None

    def mode(self, n: bytes) -> None:
        wide, high = 2 if n[0] & 0x20 else 1, 2 if n[0] & 0x10 else 1
        bold, underline = bool(n[0] & 0x08), bool(n[0] & 0x80)
        self._head.style = replace(self._head.style, bold=bold, underline=underline, wide=wide, high=high)

    def pitch(self, n: bytes) -> None:
        self._head.pitch = n[0]

    def default_pitch(self, _: bytes) -> None:
        self._head.pitch = LINE_DOTS

    def feed_lines(self, n: bytes) -> None:
        self._head.feed(self._head.pitch * n[0], n[0])

    def feed_dots(self, n: bytes) -> None:
        self._head.feed(n[0])

    def raster(self, data: bytes) -> str | None:
        """The first bytes of a picture; its rows come behind them."""
        row_bytes, rows = data[2] | data[3] << 8, data[4] | data[5] << 8
        if data[0] != 0x30 or data[1] not in (0, 1, 2, 3, 48, 49, 50, 51) or not row_bytes:
            return NO_MEANING
        self._head.finish_line()
        if rows:
            offset = self._offset - 2 - len(data)
            wide, high = bool(data[1] & 1), bool(data[1] & 2)
            self._picture = Picture(row_bytes, rows, wide, high, offset, b"\x1dv" + data)
        return None

    def cut(self, _: bytes) -> None:
        self._head.finish_line()
        self._end(cut=True)

    def columns(self, data: bytes) -> str | None:
        """A picture column by column, 8 or 24 dots high."""
        strip = column_strip(data[0], data[3:])
        if strip is None:
            return NO_MEANING
        self._head.columns(strip)
        return None

    def function(self, data: bytes) -> str | None:
        """GS ( k: the printer's own QR code. GS ( L: a picture. GS ( H: a process id, answered in order."""
        if data[:1] == b"H" and data[3:5] == b"00" and len(data) == 9:
            self.asked.append(b"\x1d(H" + data[5:])
            return None
        if data[:1] == b"L":
            return self._graphics(data[3:])
        if data[:1] != b"k":
            return NOT_HERE
        if data[3:4] != b"1" or len(data) < 6:
            return NOT_DRAWN
        return self._codes.qr(data[4], data[5:])

    def graphics(self, data: bytes) -> str | None:
        """GS 8 L: as GS ( L, for longer ones."""
        return self._graphics(data[5:]) if data[:1] == b"L" else NOT_DRAWN

    def _graphics(self, data: bytes) -> str | None:
        """Function 112 stores a picture, 2 and 50 print it."""
        if data in (b"0\x02", b"02"):
            self._head.finish_line()
            for row in self._stored:
                self._head.dot_row(row)
            self._stored = []
            return None
        rows = stored_rows(data)
        if rows is None:
            return NOT_DRAWN
        self._stored = rows
        return None

    def bar_height(self, n: bytes) -> str | None:
        return self._codes.bar_height(n[0])

    def bar_width(self, n: bytes) -> str | None:
        return self._codes.bar_width(n[0])

    def bar_text(self, n: bytes) -> str | None:
        return self._codes.bar_text(n[0])

    def barcode(self, data: bytes) -> str | None:
        return self._codes.barcode(data)

    def ask_status(self, n: bytes) -> None:
        self.asked.append(b"\x1dr" + n)

    def ask_name(self, n: bytes) -> None:
        self.asked.append(b"\x1dI" + n)

    def ask_automatic(self, n: bytes) -> None:
        self.asked.append(b"\x1da" + n)

    def nothing(self, _: bytes) -> None:
        """Known, and without effect on what people read."""

    def unwanted(self, _: bytes) -> str:
        """Known, and never to be on a slip: drawer, memory switches, pictures stored in the printer."""
        return NOT_HERE

    def undrawn(self, _: bytes) -> str:
        """Known from other people's files; the paper would look different from the picture."""
        return NOT_DRAWN


def _utf_8_size(first: int) -> int:
    """Bytes of the character that begins so."""
    return 2 if first < 0xE0 else 3 if first < 0xF0 else 4


class Command(NamedTuple):
    """``size`` is how many bytes follow the first two."""

    size: int | Callable[[bytearray], int | None]
    obey: Callable[[Reader, bytes], str | None]
    what: str


COMMANDS: dict[bytes, Command] = {
    b"\x1b@": Command(0, Reader.initialize, "begins anew"),
    b"\x1ba": Command(1, Reader.align, "aligns"),
    b"\x1bE": Command(1, Reader.bold, "prints bold"),
    b"\x1bG": Command(1, Reader.bold, "prints bold"),
    b"\x1b-": Command(1, Reader.underline, "underlines"),
    b"\x1b!": Command(1, Reader.mode, "sets the print mode"),
    b"\x1b2": Command(0, Reader.default_pitch, "sets the line spacing back"),
    b"\x1b3": Command(1, Reader.pitch, "sets the line spacing"),
    b"\x1bd": Command(1, Reader.feed_lines, "feeds lines"),
    b"\x1bJ": Command(1, Reader.feed_dots, "feeds dots"),
    b"\x1bi": Command(0, Reader.cut, "cuts"),
    b"\x1bm": Command(0, Reader.cut, "cuts"),
    b"\x1bt": Command(1, Reader.nothing, "chooses a code page"),
    b"\x1bB": Command(2, Reader.nothing, "beeps"),
    b"\x1bM": Command(1, Reader.unwanted, "chooses a font"),
    b"\x1bR": Command(1, Reader.unwanted, "chooses a country's characters"),
    b"\x1bp": Command(3, Reader.unwanted, "opens the drawer"),
    b"\x1b=": Command(1, Reader.unwanted, "makes the printer deaf"),
    b"\x1b*": Command(column_size, Reader.columns, "prints a picture by columns"),
    b"\x1b ": Command(1, Reader.undrawn, "spaces letters"),
    b"\x1b$": Command(2, Reader.undrawn, "moves to a place"),
    b"\x1b\\": Command(2, Reader.undrawn, "moves by so much"),
    b"\x1bD": Command(tabs_size, Reader.undrawn, "sets tabs"),
    b"\x1bV": Command(1, Reader.undrawn, "turns letters"),
    b"\x1b{": Command(1, Reader.undrawn, "prints upside down"),
    b"\x1br": Command(1, Reader.undrawn, "chooses a colour"),
    b"\x1bc": Command(2, Reader.undrawn, "sets sensors and buttons"),
    b"\x1bL": Command(0, Reader.undrawn, "begins a page"),
    b"\x1bS": Command(0, Reader.undrawn, "ends a page"),
    b"\x1bT": Command(1, Reader.undrawn, "turns a page"),
    b"\x1bW": Command(8, Reader.undrawn, "sets a page's area"),
    b"\x1c&": Command(0, Reader.chinese_on, "begins Chinese"),
    b"\x1c.": Command(0, Reader.chinese_off, "ends Chinese"),
    b"\x1c-": Command(1, Reader.underline, "underlines Chinese"),
    b"\x1cC": Command(1, Reader.chinese_code, "chooses the Chinese code"),
    b"\x1c!": Command(1, Reader.undrawn, "sets the print mode of Chinese"),
    b"\x1cS": Command(2, Reader.undrawn, "spaces Chinese"),
    b"\x1cW": Command(1, Reader.undrawn, "doubles Chinese"),
    b"\x1cp": Command(2, Reader.unwanted, "prints a stored picture"),
    b"\x1d!": Command(1, Reader.size, "sets the size"),
    b"\x1dv": Command(6, Reader.raster, "prints a picture"),
    b"\x1dV": Command(cut_size, Reader.cut, "cuts"),
    b"\x1d(": Command(function_size, Reader.function, "an extended function"),
    b"\x1d8": Command(long_function_size, Reader.graphics, "prints graphics"),
    b"\x1d*": Command(stored_size, Reader.unwanted, "stores a picture"),
    b"\x1d/": Command(1, Reader.unwanted, "prints a stored picture"),
    b"\x1dB": Command(1, Reader.undrawn, "prints white on black"),
    b"\x1dL": Command(2, Reader.undrawn, "sets the left margin"),
    b"\x1dW": Command(2, Reader.undrawn, "sets the print width"),
    b"\x1dP": Command(2, Reader.undrawn, "sets the units"),
    b"\x1dh": Command(1, Reader.bar_height, "sets the height of barcodes"),
    b"\x1dw": Command(1, Reader.bar_width, "sets the width of barcodes"),
    b"\x1dH": Command(1, Reader.bar_text, "places the text of barcodes"),
    b"\x1df": Command(1, Reader.nothing, "chooses the font of barcodes"),
    b"\x1dk": Command(barcode_size, Reader.barcode, "prints a barcode"),
    b"\x1da": Command(1, Reader.ask_automatic, "sets automatic status"),
    b"\x1dr": Command(1, Reader.ask_status, "asks for the status"),
    b"\x1dI": Command(1, Reader.ask_name, "asks who it is"),
    b"\x10\x04": Command(1, Reader.nothing, "asks for the status at once"),
    b"\x10\x05": Command(1, Reader.nothing, "asks to recover"),
    b"\x10\x14": Command(real_time_size, Reader.unwanted, "opens the drawer at once"),
}
