"""Reads TSPL bytes back into the labels they print. It shares nothing with the code that prints.

    SIZE 40 mm,30 mm · GAP 2 mm,0 mm · DIRECTION 1 · CLS    lines that end with LF; CR before it does no harm
    TEXT x,y,"font",rotation,wide,high,"…"                  a letter of ASCII is 12 x 24 dots, others 24 x 24
    QRCODE x,y,level,module,A,rotation,"…"
    BARCODE x,y,"128",height,text,rotation,narrow,wide,"…"
    BITMAP x,y,bytes,rows,mode,…                            so many bytes follow the comma; 0 is black
    PRINT sets,copies
    ESC ! ?                                                 a question, answered by whoever plays the printer

What is drawn stays until CLS, so that a second PRINT gives the same label.  Sources: the TSPL reference and the TSC
TTP-343 manual.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from simulator.printer.codes import LEVELS, code128, qr_side
from simulator.printer.printed import (
    CELL,
    GLYPH_DOTS,
    NO_MEANING,
    NOT_DRAWN,
    QR,
    Barcode,
    Glyphs,
    Oddities,
    Paper,
    PaperRow,
    Raster,
    TextLine,
)

DOTS_PER_MM = 8
WIDEST = 104 * DOTS_PER_MM
HIGHEST = 400 * DOTS_PER_MM
LONGEST_LINE = 8192
MOST_COPIES = 100
LEAST_BITMAP = re.compile(rb"BITMAP[ \t]+([^\r\n,]*,){5}", re.IGNORECASE)
UNFINISHED_BITMAP = re.compile(rb"BITMAP[ \t][^\r\n]{0,64}", re.IGNORECASE)
FONTS = ("TSS24.BF2", "TSS16.BF2", "TST24.BF2", "K", "3")
TURNED = "turned, which is not drawn here"


class _Placed(NamedTuple):
    top: int
    left: int
    row: PaperRow

    @property
    def order(self) -> tuple[int, int]:
        """As people read: by the last line of a text, by the top of anything else."""
        return (self.top + self.row.height - GLYPH_DOTS if isinstance(self.row, TextLine) else self.top, self.left)


class Reader:
    """Takes bytes in any chunks, gives labels; the same face as the reader of ESC/POS."""

    def __init__(self, dots: int = 320, encoding: str = "gbk") -> None:
        self.asked: list[bytes] = []  # nothing is, in this language
        self._fed = 0
        self._dots = dots
        self._high = 30 * DOTS_PER_MM
        self._gap = 2 * DOTS_PER_MM
        self._encoding = encoding
        self._input = bytearray()
        self._offset = 0
        self._raw = bytearray()
        self._drawn: list[_Placed] = []
        self._strange = Oddities()
        self._copies: list[Paper] = []  # still to be printed
        self._unprinted = False
        self._papers: list[Paper] = []

    @property
    def fed(self) -> int:
        """Dot rows of paper that went through so far."""
        return self._fed

    @property
    def waiting(self) -> int:
        """Bytes that were not obeyed yet."""
        return len(self._input)

    @property
    def busy(self) -> bool:
        """Labels are torn off one by one, so nothing hangs out."""
        return False

    def put(self, data: bytes) -> None:
        self._input += data

    def step(self) -> bool:
        """Obey one line, or print one label; False when more bytes must come first."""
        if self._copies:
            self._papers.append(self._copies.pop())
            self._fed += self._high + self._gap
            return True
        if not self._input:
            return False
        if self._input[0] == 0x1B:
            return self._question()
        if UNFINISHED_BITMAP.match(self._input):
            return self._bitmap()
        return self._line()

    def papers(self) -> list[Paper]:
        """Labels printed since the last call."""
        papers, self._papers = self._papers, []
        return papers

    def feed(self, data: bytes) -> list[Paper]:
        """Labels printed by these bytes."""
        self.put(data)
        while self.step():
            pass
        return self.papers()

    def tear(self) -> list[Paper]:
        return self.papers()

    def finish(self) -> list[Paper]:
        """The stream has ended: a label that was drawn and not printed comes as one with a remark."""
        if self._input:
            self._odd(self._offset, bytes(self._input), "half a command")
            self._raw += self._input
            self._input.clear()
        if self._unprinted:
            self._odd(self._offset, b"", "a label was drawn, and no PRINT came")
        if self._strange:
            self._papers.append(self._label())
        return self.papers()

    # --- bytes --------------------------------------------------------------------------------------------------------

    def _take(self, size: int) -> bytes:
        taken = bytes(self._input[:size])
        del self._input[:size]
        self._raw += taken
        self._offset += size
        return taken

    def _odd(self, offset: int, data: bytes, why: str) -> None:
        self._strange.add(offset, data, why)

    def _question(self) -> bool:
        """ESC ! and a letter."""
        if len(self._input) < 3:
            return False
        start, taken = self._offset, self._take(3)
        if taken != b"\x1b!?":
            self._odd(start, taken, "not known")
        elif not self._drawn:
            del self._raw[-3:]
        return True

    def _line(self) -> bool:
        end = self._input.find(b"\n", 0, LONGEST_LINE)
        if end < 0 and len(self._input) < LONGEST_LINE:
            return False
        start = self._offset
        line = self._take(end + 1 if end >= 0 else LONGEST_LINE)
        if not line.strip():
            return True
        name, _, rest = line.strip().partition(b" ")
        known = COMMANDS.get(name.upper())
        why = known(self, _parameters(rest)) if known else "not known"
        if why:
            what = f"{name.decode().upper()}: " if known else ""
            self._odd(start, line.rstrip(b"\r\n"), what + why)
        return True

    def _bitmap(self) -> bool:
        """BITMAP: its dots may hold anything, line feeds too."""
        head = LEAST_BITMAP.match(bytes(self._input[:128]))  # a copy: the match outlives the bytes
        if head is None:
            if len(self._input) < 128 and b"\n" not in self._input:
                return False
            return self._line()
        numbers = [_number(one) for one in _parameters(head[0][7:-1])]
        start = self._offset
        if len(numbers) != 5 or None in numbers:
            self._odd(start, self._take(head.end()), f"BITMAP: {NO_MEANING}")
            return True
        left, top, width, height, mode = (one or 0 for one in numbers)
        if len(self._input) < head.end() + width * height:
            return False
        taken = self._take(head.end() + width * height)[head.end() :]
        if mode not in (0, 1, 2) or not width or not height or width * 8 > 2 * WIDEST:
            self._odd(start, head[0], f"BITMAP: {NO_MEANING}")
            return True
        rows = tuple(
            bytes(byte ^ 0xFF for byte in taken[place : place + width]) for place in range(0, len(taken), width)
        )
        self._draw(top, left, Raster(width * 8, rows, left))
        return True

    # --- the label ----------------------------------------------------------------------------------------------------

    def _draw(self, top: int, left: int, row: PaperRow) -> None:
        self._drawn.append(_Placed(top, left, row))
        self._unprinted = True

    def _label(self) -> Paper:
        """What is drawn, as a label; the bytes so far belong to it."""
        placed = sorted(self._drawn, key=lambda one: one.order)
        raw = bytes(self._raw)
        self._raw.clear()
        return Paper(
            tuple(one.row for one in placed),
            self._dots,
            True,
            self._strange.take(),
            raw,
            tuple(one.top for one in placed),
            self._high,
        )

    # --- one method a command: what it answers is why it was not obeyed -----------------------------------------------

    def size(self, said: list[str]) -> str | None:
        dots = [_dots(one) for one in said[:2]]
        if not dots or None in dots:
            return NO_MEANING
        wide, high = dots[0] or 0, (dots[1] or 0) if len(dots) > 1 else self._high
        if not CELL <= wide <= WIDEST or not GLYPH_DOTS <= high <= HIGHEST:
            return "larger or smaller than any label here"
        self._dots, self._high = wide, high
        return None

    def gap(self, said: list[str]) -> str | None:
        """GAP, and BLINE: how far labels or their marks are apart."""
        dots = _dots(said[0]) if said else None
        if dots is None or dots > HIGHEST:
            return NO_MEANING
        self._gap = dots
        return None

    def clear(self, _: list[str]) -> None:
        self._drawn.clear()
        self._unprinted = False

    def codepage(self, said: list[str]) -> str | None:
        self._encoding = "utf-8" if said[:1] == ["UTF-8"] else "gbk"
        return None

    def text(self, said: list[str]) -> str | None:
        if len(said) not in (7, 8):
            return NO_MEANING
        left, top, turn, wide, high = (_number(said[place]) for place in (0, 1, 3, 4, 5))
        if None in (left, top, turn, wide, high) or not 1 <= (wide or 0) <= 10 or not 1 <= (high or 0) <= 10:
            return NO_MEANING
        text, broken = self._decoded(said[-1])
        runs = tuple(_runs(text, wide or 1, high or 1))
        self._draw(top or 0, left or 0, TextLine(runs, left or 0, GLYPH_DOTS * (high or 1)))
        if turn:
            return TURNED
        if broken:
            return f"no text in {self._encoding.upper()}"
        return None if said[2].upper() in FONTS else f"font {said[2]} is drawn with letters of 24 dots"

    def qrcode(self, said: list[str]) -> str | None:
        if len(said) < 7:
            return NO_MEANING
        left, top, module, turn = (_number(said[place]) for place in (0, 1, 3, 5))
        if None in (left, top, module, turn) or said[2].upper() not in list(LEVELS) or not 1 <= (module or 0) <= 10:
            return NO_MEANING
        data = said[-1].encode("latin-1")
        if self._encoding == "gbk" and not data.isascii():
            data = data.decode("gbk", "replace").encode()
        side = qr_side(data, said[2].upper())
        if not side:
            return "more than a code holds: not printed"
        if (left or 0) + side * (module or 1) > self._dots:
            return "wider than the label: not printed"
        self._draw(top or 0, left or 0, QR(data, said[2].upper(), side, module or 1, left or 0))
        return TURNED if turn else None

    def barcode(self, said: list[str]) -> str | None:
        if len(said) not in (9, 10):
            return NO_MEANING
        left, top, high, shown, turn, narrow = (_number(said[place]) for place in (0, 1, 3, 4, 5, 6))
        if None in (left, top, high, shown, turn, narrow) or not 1 <= (narrow or 0) <= 10 or (high or 0) > HIGHEST:
            return NO_MEANING
        try:
            bars = code128(said[-1]) if said[2].upper().startswith("128") else ""
        except ValueError as error:
            return f"{error}: not printed"
        if (left or 0) + len(bars) * (narrow or 1) > self._dots:
            return "wider than the label: not printed"
        row = Barcode(said[-1], bars, narrow or 1, high or 0, left or 0, below=bool(shown))
        self._draw(top or 0, left or 0, row)
        return TURNED if turn else None

    def print(self, said: list[str]) -> str | None:
        numbers = [_number(one) for one in said[:2]] or [1]
        if None in numbers or 0 in numbers:
            return NO_MEANING
        wanted = (numbers[0] or 1) * (numbers[1] or 1 if len(numbers) > 1 else 1)
        copies = min(wanted, MOST_COPIES)
        if copies < wanted:
            self._odd(self._offset, b"", f"PRINT: only {copies} of {wanted} labels are printed here")
        self._copies = [self._label()] * copies
        self._unprinted = False
        return None

    def nothing(self, _: list[str]) -> None:
        """Known, and without effect on what people read."""

    def undrawn(self, _: list[str]) -> str:
        return NOT_DRAWN

    def _decoded(self, said: str) -> tuple[str, bool]:
        data = said.encode("latin-1")
        try:
            return data.decode(self._encoding), False
        except UnicodeDecodeError:
            return data.decode(self._encoding, "replace"), True


def _parameters(rest: bytes) -> list[str]:
    """What stands between the commas; a comma inside quotation marks is text. Bytes stay bytes, as latin-1."""
    found, quoted = [""], False
    for letter in rest.decode("latin-1"):
        if letter == '"':
            quoted = not quoted
        elif letter == "," and not quoted:
            found.append("")
        elif quoted or letter not in " \r\n\t" or found[-1]:
            found[-1] += letter
    return [one.rstrip(" \t") for one in found] if rest.strip() else []


def _number(said: str) -> int | None:
    """A whole number of no more than seven digits."""
    digits = said.strip()  # of more than int() takes around a number: 1C to 1F are blanks here
    return int(digits) if re.fullmatch(r"[0-9]{1,7}", digits) else None


def _dots(said: str) -> int | None:
    """``40 mm``, ``1.5`` (inches) or ``320 dot``."""
    found = re.fullmatch(r"([0-9]{1,4}(?:\.[0-9]{1,3})?) ?(mm|dot)?", said.strip(), re.IGNORECASE)
    if found is None:
        return None
    scale = {"mm": float(DOTS_PER_MM), "dot": 1.0, "": 25.4 * DOTS_PER_MM}[(found[2] or "").lower()]
    return round(float(found[1]) * scale)


def _runs(text: str, wide: int, high: int) -> list[Glyphs]:
    """The text in runs of letters that are equally wide."""
    runs: list[Glyphs] = []
    for letter in text:
        cells = 1 if letter.isascii() else 2
        if runs and runs[-1].cells == cells:
            runs[-1] = Glyphs(runs[-1].text + letter, cells, wide, high)
        else:
            runs.append(Glyphs(letter, cells, wide, high))
    return runs


COMMANDS: dict[bytes, Callable[[Reader, list[str]], str | None]] = {
    b"SIZE": Reader.size,
    b"GAP": Reader.gap,
    b"BLINE": Reader.gap,
    b"CLS": Reader.clear,
    b"CODEPAGE": Reader.codepage,
    b"TEXT": Reader.text,
    b"QRCODE": Reader.qrcode,
    b"BARCODE": Reader.barcode,
    b"PRINT": Reader.print,
    **dict.fromkeys((b"DIRECTION", b"SPEED", b"DENSITY", b"OFFSET", b"SET", b"HOME", b"SOUND"), Reader.nothing),
    **dict.fromkeys((b"REFERENCE", b"SHIFT", b"FEED", b"FORMFEED", b"BACKFEED", b"CUT"), Reader.undrawn),
    **dict.fromkeys((b"BAR", b"BOX", b"CIRCLE", b"ELLIPSE", b"REVERSE", b"ERASE", b"PUTBMP"), Reader.undrawn),
    **dict.fromkeys((b"BLOCK", b"PUTPCX", b"DMATRIX", b"PDF417"), Reader.undrawn),
}
_FIRST = re.compile(rb"\s*(?:\x1b!\?\s*)*(%s|BITMAP)[ \r\n]" % b"|".join(COMMANDS), re.IGNORECASE)


def is_tspl(data: bytes) -> bool:
    """Whether the first command is one of TSPL."""
    return _FIRST.match(data) is not None
