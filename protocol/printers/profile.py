"""What an emitter has to know of a printer. The rows are in ``drivers/printers.py``."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["gs_r", "none"]


@dataclass(frozen=True, slots=True)
class Profile:
    """One printer model.

    ``columns`` counts font A, 12 dots each. ``status``: ``gs_r`` when the printer is known or hoped to answer DLE EOT
    and GS r, ``none`` when it never does, so that nobody waits for it.  ``band`` is the largest height of one raster
    command, ``delay`` the seconds to leave after each, for heads without flow control.  ``module`` is the width of a
    QR module in dots: 5 (0.625 mm) is the least that phones read well from thermal paper.  ``tear`` is how many lines
    bring the end of the print past the tear bar or the cutter.
    """

    id: str
    vendor: str
    name: str
    dots: int = 384
    columns: int = 32
    cutter: bool = False
    encoding: Literal["gbk"] = "gbk"
    status: Status = "gs_r"
    band: int = 128
    delay: float = 0.0
    module: int = 5
    tear: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.band <= 128:
            raise ValueError(f"printer {self.id}: band of {self.band} rows, where 1 to 128 are safe")
        if self.columns * 12 > self.dots:
            raise ValueError(f"printer {self.id}: {self.columns} columns of 12 dots do not fit {self.dots} dots")
