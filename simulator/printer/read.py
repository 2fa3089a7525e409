"""From a printer's bytes to papers, whichever language they are in and however wide the paper was."""

from simulator.printer import escpos
from simulator.printer import tspl as label
from simulator.printer.printed import Blank, Paper, PaperRow, TextLine

__all__ = ["Paper", "read_papers"]

NARROW, WIDE = 384, 576


def read_papers(data: bytes, dots: int | None = None, encoding: str = "gbk") -> list[Paper]:
    """All papers in these bytes. Without ``dots`` the paper is 58 mm wide, or 80 mm when something would not fit.

    ``encoding`` is the Chinese code the printer knows when nobody tells it otherwise: gbk or gb18030.
    """
    if label.is_tspl(data):
        labels = label.Reader(dots or NARROW, encoding)
        return labels.feed(data) + labels.finish()
    if dots is None:
        wide = _read(data, WIDE, encoding)
        return wide if _widest(wide) > NARROW else _read(data, NARROW, encoding)
    return _read(data, dots, encoding)


def _read(data: bytes, dots: int, encoding: str) -> list[Paper]:
    reader = escpos.Reader(dots, encoding)
    return reader.feed(data) + reader.finish()


def _widest(papers: list[Paper]) -> int:
    return max((_width(row) for paper in papers for row in paper.rows), default=0)


def _width(row: PaperRow) -> int:
    return 0 if isinstance(row, Blank) else row.right - row.left if isinstance(row, TextLine) else row.width
