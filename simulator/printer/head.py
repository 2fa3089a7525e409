"""The print head: a line being set, dot rows, paper that goes by. It knows styles and dots, and no bytes of a language.

Papers end at a cut or where they are torn off; what stands in the unfinished line stays with the head.
"""

from dataclasses import replace

from simulator.printer.printed import GLYPH_DOTS, LINE_DOTS, Blank, Glyphs, PaperRow, Raster, TextLine


class Head:
    """``fed`` counts the dot rows of paper that went by; ``align`` is 0 left, 1 centre, 2 right."""

    def __init__(self, dots: int) -> None:
        self.dots = dots
        self.fed = 0
        self._rows: list[PaperRow] = []
        self._band: list[bytes] = []  # dot rows of the picture being printed
        self._band_place = (0, 0)  # its width and left edge
        self.reset()

    def reset(self) -> None:
        """As after power-up: the line being set is lost, paper stays where it is."""
        self.line: list[Glyphs] = []
        self._strip: list[int] = []  # columns of 24 dots, the top one in the highest bit
        self.style = Glyphs("")
        self.align = 0
        self.pitch = LINE_DOTS

    @property
    def printed(self) -> bool:
        """There is print on the paper that hangs out."""
        return bool(self._band) or not all(isinstance(row, Blank) for row in self._rows)

    @property
    def hangs(self) -> bool:
        """There is paper that was not cut or torn off."""
        return bool(self._rows or self._band)

    @property
    def setting(self) -> bool:
        """There is a line, or a strip of a picture, that was not printed."""
        return bool(self.line or self._strip)

    def forget_line(self) -> None:
        """What is set is lost."""
        self.line.clear()
        self._strip.clear()

    def put(self, letter: str, cells: int) -> None:
        """Set a letter; a line that is full is printed first."""
        if self._strip:
            self.print_line()
        new = replace(self.style, text=letter, cells=cells)
        if sum(one.dots for one in self.line) + new.dots > self.dots:
            self.print_line()
        if self.line and replace(self.line[-1], text=letter) == new:
            self.line[-1] = replace(new, text=self.line[-1].text + letter)
        else:
            self.line.append(new)

    def print_line(self) -> None:
        """Print what is set, or feed an empty line."""
        if self._strip:
            self._print_strip()
            return
        width = sum(one.dots for one in self.line)
        height = max([self.pitch, *(GLYPH_DOTS * one.high for one in self.line)])
        self.add(TextLine(tuple(self.line), self.left(width), height) if self.line else Blank(height, lines=1))
        self.line.clear()

    def finish_line(self) -> None:
        """Print what is set, if anything: commands that need the start of a line do so first."""
        if self.setting:
            self.print_line()

    def feed(self, height: int, lines: int = 0) -> None:
        self.finish_line()
        if height:
            self.add(Blank(height, lines))

    def dot_row(self, row: bytes) -> None:
        """One row of a picture. A row right under another of the same place and width is the same picture."""
        if len(row) * 8 > self.dots:  # what lies beyond the edge is not printed
            row = row[: self.dots // 8]
        width = len(row) * 8
        place = (width, self.left(width))
        if place != self._band_place:
            self._end_band()
        self._band_place = place
        self._band.append(row)
        self.fed += 1

    def columns(self, strip: list[int]) -> None:
        """A piece of a picture of 24 rows; it is printed with the line, and has a line of its own."""
        if self.line:
            self.print_line()
        self._strip += strip[: self.dots - len(self._strip)]

    def _print_strip(self) -> None:
        strip, self._strip = self._strip, []
        spare = -len(strip) % 8
        for place in range(GLYPH_DOTS - 1, -1, -1):
            bits = "".join("1" if column >> place & 1 else "0" for column in strip)
            self.dot_row((int(bits, 2) << spare).to_bytes((len(strip) + spare) // 8, "big"))
        if self.pitch > GLYPH_DOTS:
            self.add(Blank(self.pitch - GLYPH_DOTS))

    def add(self, row: PaperRow) -> None:
        self._end_band()
        self._rows.append(row)
        self.fed += row.height

    def left(self, width: int) -> int:
        """Where something so wide begins."""
        blank = max(0, self.dots - width)
        return (0, blank // 2, blank)[self.align]

    def end(self) -> tuple[PaperRow, ...]:
        """The paper is cut or torn off here: its rows."""
        self._end_band()
        rows, self._rows = tuple(self._rows), []
        return rows

    def _end_band(self) -> None:
        if self._band:
            width, left = self._band_place
            self._rows.append(Raster(width, tuple(self._band), left))
            self._band.clear()
