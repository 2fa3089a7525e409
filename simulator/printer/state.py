"""What is wrong with a printer, what it can say, and how it says it: the bytes of its answers.

DLE EOT   one byte 0xx1xx10     GS r   one byte     GS a   four bytes     GS I   5F … 00     GS ( H   37 22 … 00
ESC ! ?   one byte, of label printers
"""

from dataclasses import dataclass

ANSWERS = ("none", "dle_eot", "gs_r", "process_id")  # each with those before it
MODEL = "marketsim"
FIRMWARE = "1.0"
ONLINE, ERROR, PAPER = 0x02, 0x04, 0x08  # what GS a can be told to report


@dataclass(frozen=True, slots=True)
class Troubles:
    """What is wrong with the printer, and how much it can say.

    ``silent``: it says nothing.  ``idle_only``: it answers real-time questions only when it has nothing to print.
    ``answers``: none, dle_eot, gs_r (GS a and GS I too), process_id.  ``keeps``: what is in the buffer when the paper
    ends is printed on the new roll, else it is forgotten.  ``mm_per_s``: how fast the head feeds; None is at once.
    ``late_s``: its answers come so many seconds late.  ``echoes``: the line sends back what it hears, and the printer
    itself says nothing.
    """

    paper_out: bool = False
    near_end: bool = False
    cover_open: bool = False
    cutter_jam: bool = False
    overheated: bool = False
    silent: bool = False
    idle_only: bool = False
    answers: str = "process_id"
    keeps: bool = True
    mm_per_s: float | None = None
    late_s: float = 0.0
    echoes: bool = False

    def __post_init__(self) -> None:
        if self.answers not in ANSWERS:
            raise ValueError(f"answers {self.answers!r}; there are: {', '.join(ANSWERS)}")
        if self.mm_per_s is not None and not self.mm_per_s > 0:
            raise ValueError(f"{self.mm_per_s} mm/s: more than 0, or None for at once")
        if not self.late_s >= 0:
            raise ValueError(f"answers {self.late_s} s late: 0 or more")

    @property
    def offline(self) -> bool:
        return self.paper_out or self.cover_open or self.cutter_jam or self.overheated

    def can(self, answer: str) -> bool:
        """Whether it gives answers of this kind."""
        return not (self.silent or self.echoes) and ANSWERS.index(self.answers) >= ANSWERS.index(answer)


def dle_eot(now: Troubles, number: int) -> bytes:
    bits = {
        1: 0x08 * now.offline,
        2: 0x04 * now.cover_open | 0x20 * now.paper_out | 0x40 * (now.cutter_jam or now.overheated),
        3: 0x08 * now.cutter_jam | 0x40 * now.overheated,
        4: 0x0C * now.near_end | 0x60 * now.paper_out,
    }
    return bytes((0x12 | bits[number],))


def tspl_status(now: Troubles, busy: bool) -> bytes:
    other = now.cutter_jam or now.overheated
    return bytes((0x01 * now.cover_open | 0x04 * now.paper_out | 0x20 * (busy and not now.offline) | 0x80 * other,))


def automatic(now: Troubles) -> bytes:
    """The four bytes of automatic status."""
    first = 0x10 | 0x08 * now.offline | 0x20 * now.cover_open
    second = 0x08 * now.cutter_jam | 0x40 * now.overheated
    return bytes((first, second, 0x03 * now.near_end | 0x0C * now.paper_out, 0))


def changed(before: Troubles, now: Troubles) -> int:
    """Which of the groups that GS a can report are different."""
    online = (before.offline, before.cover_open) != (now.offline, now.cover_open)
    error = (before.cutter_jam, before.overheated) != (now.cutter_jam, now.overheated)
    paper = (before.near_end, before.paper_out) != (now.near_end, now.paper_out)
    return ONLINE * online | ERROR * error | PAPER * paper


def gs_r(now: Troubles, n: int) -> bytes:
    """1 asks for the paper, 2 for the drawer."""
    return bytes((0x03 * now.near_end,)) if n in (1, 49) else b"\x00" if n in (2, 50) else b""


def gs_i(n: int, cutter: bool) -> bytes:
    """Who it is: one byte for 1 to 3, text for 65 to 69."""
    if n in (1, 2, 3, 49, 50, 51):
        return bytes((0x01 | 0x02 * cutter,)) if n in (2, 50) else b"\x20"
    names = {65: FIRMWARE, 66: "marketedge", 67: MODEL, 68: "0", 69: "CHINA GB18030"}
    return b"\x5f" + names[n].encode() + b"\x00" if n in names else b""


def process_id(digits: bytes) -> bytes:
    return b"\x37\x22" + digits + b"\x00"
