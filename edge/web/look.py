"""What station.toml says of the pages themselves."""

from collections.abc import Mapping
from dataclasses import asdict, field, replace
from typing import Any, Literal, TypedDict

from edge.between.board import Board
from protocol.frozen import frozen

Theme = Literal["auto", "light", "dark", "time"]


class CanteenLook(TypedDict):
    """What people may sign as, whether a load counts by itself, and the least sample of a dish in grams; ``kept`` is
    what the codes of this station's kept samples begin with."""

    functions: tuple[str, ...]
    automatic: bool
    sample_g: int
    kept: str


@frozen
class Stall:
    """How the stall sells, as ``[stall]`` says; ``labels``: of each label's code its first digits and its length."""

    rounding: str = "none"
    before_slip: bool = False
    payments: tuple[str, ...] = ("cash", "wechat", "alipay", "card", "account")
    print: str = "always"
    lot: str = "fifo"
    keep: bool = True
    labels: tuple[tuple[str, int], ...] = ()
    gs1: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@frozen
class Screens:
    """The customer's screen and the hall's. ``open``: which of them show without a sign-in.

    ``pay`` is the picture of the market's static pay code and its kind, or None; ``held`` what the hall reads of a lot
    on hold: ``stall`` (and goods), ``goods`` or ``count``.
    """

    open: frozenset[str] = frozenset()
    pay: tuple[bytes, str] | None = None
    pay_words: str = ""
    held: str = "goods"
    page_seconds: int = 12


@frozen
class Seat:
    """One of several stalls of the box: what its pages show. ``people`` are the codes of those who sell there."""

    scale: str
    printer: str
    stall: str
    seller: str
    people: tuple[str, ...] = ()

    def view(self, board: Board) -> Board:
        """The board with this stall's scale, lists and papers alone."""
        return replace(
            board,
            stall=self.stall,
            seller=self.seller,
            scales=tuple(one for one in board.scales if one.name == self.scale),
            baskets=tuple(one for one in board.baskets if one.scale == self.scale),
            prints=tuple(one for one in board.prints if self.printer in ("", one.printer)),
        )


@frozen
class Look:
    """``theme``: as the system of whoever looks, always one of the two, or light within the hours of ``day``.

    ``containers``: the code on each container of the market, and its grams.  ``stall``: how it sells.  ``screens``:
    those that others look at.  ``seats``: the stalls of the box by their names, where it serves several.
    """

    theme: Theme = "auto"
    day: str = "07:00-18:00"
    containers: Mapping[str, int] = field(default_factory=dict)
    stall: Stall = field(default_factory=Stall)
    screens: Screens = field(default_factory=Screens)
    seats: Mapping[str, Seat] = field(default_factory=dict)
    canteen: CanteenLook = field(
        default_factory=lambda: CanteenLook(functions=(), automatic=False, sample_g=125, kept="")
    )
