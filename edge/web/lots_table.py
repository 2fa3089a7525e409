"""The table of lots as a person asked for it: which of the board's lots, in which order, and which page of them."""

from collections.abc import Mapping
from urllib.parse import urlencode

from edge.between.bench_board import AlertView, AlertWord
from edge.between.board import Board, LotView
from edge.between.fixed_words import LotState
from edge.between.initials import initials
from protocol.frozen import frozen

ROWS = 40
STATES = ("all", "needs", *LotState)
LONGEST = 60
CODE_DIGITS = 5  # fewer digits are a sample number


@frozen
class Wanted:
    """What a person asked for: a state, a text, an item, a day (``today`` or a date), and a page from 1."""

    state: str = "all"
    q: str = ""
    item: str = ""
    day: str = ""
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Wanted":
        """Out of an address; what does not fit is left out."""
        state, page = query.get("state", "all"), query.get("page", "1")
        return cls(
            state if state in STATES else "all",
            query.get("q", "").strip().casefold()[:LONGEST],
            query.get("item", "")[:LONGEST],
            query.get("day", "")[:10],
            int(page) if page.isascii() and page.isdigit() and 0 < len(page) < 6 and int(page) else 1,
        )

    def address(self, page: int) -> str:
        """The query of another page of the same."""
        said = {"state": self.state, "q": self.q, "item": self.item, "day": self.day, "page": str(page)}
        return urlencode({name: value for name, value in said.items() if value})


@frozen
class LotsTable:
    """A page of lots; ``total`` fit what was asked for. ``alerts`` are those of the board, by test code."""

    wanted: Wanted
    rows: tuple[LotView, ...]
    total: int
    pages: int
    alerts: Mapping[str, AlertView]


def table(board: Board, wanted: Wanted) -> LotsTable:
    """What nobody has seen yet first, then the newest."""
    alerts = {alert.test_code: alert for alert in board.alerts}
    found = [lot for lot in board.lots if not lot.foreign and _fits(board, lot, wanted, alerts)]
    found.sort(key=lambda lot: _place(alerts.get(lot.test_code)))
    pages = max(1, -(-len(found) // ROWS))
    first = (min(wanted.page, pages) - 1) * ROWS
    return LotsTable(wanted, tuple(found[first : first + ROWS]), len(found), pages, alerts)


def _place(alert: AlertView | None) -> int:
    """Stands beside the board's own order, the newest first."""
    return 2 if alert is None else 1 if alert.person else 0


def needs_hand(lot: LotView, alerts: Mapping[str, AlertView]) -> bool:
    """Whether a person has something to do with it."""
    return lot.test_code in alerts or lot.in_doubt or lot.whole_plant == "due" or bool(lot.waits)


def _fits(board: Board, lot: LotView, wanted: Wanted, alerts: Mapping[str, AlertView]) -> bool:
    if wanted.state == "needs" and not needs_hand(lot, alerts):
        return False
    if wanted.state in (*LotState,) and lot.state != wanted.state:
        return False
    day = board.bench.day if wanted.day == "today" else wanted.day
    if day and lot.registered[:10] != day:
        return False
    if wanted.item and wanted.item not in (lot.item, *lot.missing):
        return False
    return not wanted.q or _says(board, lot, wanted.q)


def _says(board: Board, lot: LotView, q: str) -> bool:
    """Whether it is named by this: its sample number, a part of a code, of a name, or the initials of its pinyin."""
    if q == lot.sample:
        return True
    if q.isdigit() and len(q) >= CODE_DIGITS:
        return any(q in code for code in (lot.test_code, lot.source or "", lot.upstream or ""))
    goods = next((one for one in board.products if one.code == lot.product), None)
    names = [lot.product_name, lot.supplier, lot.origin]
    names += [goods.name_en, *goods.found_by] if goods else []
    if any(q in name.casefold() for name in names):
        return True
    return (
        q.isascii() and q.isalpha() and any(initials(name).startswith(q) for name in (lot.product_name, lot.supplier))
    )


@frozen
class Alarm:
    """What is said in red on every page: how many lots nobody has seen of each urgent kind, and whether any is new."""

    positive: int
    repeat: int
    stopped: int

    @property
    def any(self) -> bool:
        return bool(self.positive or self.repeat or self.stopped)


def alarm(board: Board) -> Alarm:
    urgent = [alert for alert in board.alerts if alert.urgent]

    def count(word: AlertWord) -> int:
        return sum(word in alert.words for alert in urgent)

    return Alarm(count(AlertWord.POSITIVE), count(AlertWord.REPEAT), count(AlertWord.STOPPED))
