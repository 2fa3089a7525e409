"""What an emitter has to know of a printer. The rows are in ``drivers/printers.py``."""

from typing import Literal, get_args

from protocol.frozen import frozen

Language = Literal["escpos", "tspl"]
Encoding = Literal["gbk", "gb18030", "utf-8", "raster"]
Codes = Literal["raster", "native"]
Pictures = Literal["raster", "columns-24", "columns-8"]
Status = Literal["none", "dle_eot", "gs_r", "process_id"]
CELL = 12  # dots of a column
GLYPH = 24  # dots a line of text is high
GAP = 6  # dots between two lines
DOTS_PER_MM = 8  # 203 dpi


@frozen
class Profile:
    """One printer model.

    ``columns`` counts font A, 12 dots each.  ``encoding``: the Chinese code its letters are sent in; with ``raster``
    every line is drawn, for heads without Chinese.  ``codes``: QR codes and barcodes drawn by us, or by the printer.
    ``status``: the best proof it can give, each including those before: none at all, the real-time status (DLE EOT,
    for label printers ``<ESC>!?``), GS r, or a process id (GS ( H).

    ``pictures``: how what is drawn goes out: row by row (GS v 0), or in strips of 24 or 8 dots column by column
    (ESC *), for heads that lack GS v 0.  Impact heads (针式) have 8 pins, which stand twice as far apart as the dots
    of a row: there a pin prints two rows, so an even ``module`` is due.

    ``band`` is the largest height of one raster command, ``delay`` the seconds to leave after each piece.  ``buffer``
    (bytes) and ``speed`` (mm a second) are the least that its buffer holds and its head prints: without flow control
    no more is sent than that allows.

    ``module`` is the width of a QR module in dots: 5 (0.625 mm) is the least that phones read well from thermal paper.
    ``tear`` is how many lines bring the end of the print past the tear bar or the cutter.  ``label`` is a label's
    width, height and gap in mm, for label printers.
    """

    id: str
    vendor: str
    name: str
    language: Language = "escpos"
    dots: int = 384
    columns: int = 32
    cutter: bool = False
    encoding: Encoding = "gbk"
    codes: Codes = "raster"
    pictures: Pictures = "raster"
    status: Status = "gs_r"
    band: int = 128
    delay: float = 0.0
    buffer: int = 2048
    speed: int = 30
    module: int = 5
    tear: int = 4
    label: tuple[int, int, int] | None = None

    @property
    def dots_a_second(self) -> int:
        """Dot rows the head prints a second at the least."""
        return self.speed * DOTS_PER_MM

    def __post_init__(self) -> None:
        for name, choices in (
            ("language", Language),
            ("encoding", Encoding),
            ("codes", Codes),
            ("pictures", Pictures),
            ("status", Status),
        ):
            known = get_args(choices)
            if getattr(self, name) not in known:
                raise ValueError(f"printer {self.id}: {name} {getattr(self, name)!r}; there are: {', '.join(known)}")
        if not 1 <= self.band <= 128:
            raise ValueError(f"printer {self.id}: band of {self.band} rows, where 1 to 128 are safe")
        if not 16 <= self.columns * CELL <= self.dots:
            raise ValueError(f"printer {self.id}: {self.columns} columns of {CELL} dots do not fit {self.dots} dots")
        if not 0 <= self.delay <= 5:
            raise ValueError(f"printer {self.id}: delay of {self.delay} s, where 0 to 5 are sensible")
        if not 16 <= self.buffer <= 1 << 20:
            raise ValueError(f"printer {self.id}: buffer of {self.buffer} bytes, where 16 to 1048576 are sensible")
        if not 10 <= self.speed <= 500:
            raise ValueError(f"printer {self.id}: speed of {self.speed} mm/s, where 10 to 500 are sensible")
        if self.pictures == "columns-8" and self.module % 2:
            raise ValueError(
                f"printer {self.id}: module of {self.module} dots; a pin prints two rows, so it must be even"
            )
        if (self.language == "tspl") != (self.label is not None):
            raise ValueError(f"printer {self.id}: `label` (width, height, gap in mm) belongs to language tspl")
