"""The station's state, as the core thread holds it: what the jobs (gate, stall) work on.

Jobs change it inside a batch.  What must wait for the commit goes to ``after``; what must be taken back when the
commit fails goes to ``undo``.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

from edge.board import PaperView, ProductView
from edge.clock import Clock, Stamp
from edge.config import Config, PrinterPart, ProductPart, fen
from edge.documents import papers_of, prints
from edge.inbox import Refused
from edge.ledger import ORDINARY, Ledger, Recorded
from edge.lots import Lots
from edge.papers import CONFIRMED, PAPER_NAMES, QUEUED, UNDONE, UNPROVEN, WAITING, PaperJob
from edge.unread import Unread
from edge.weighing import TradeScale
from protocol.city.envelope import kind_of
from protocol.city.events import Goods, Record

RECENT_PAPERS = 30
BACKLOG = 2  # so many papers before it, and a paper is written down as one that waits: the printer is behind


class Station:
    """Owned by the core thread."""

    def __init__(
        self,
        config: Config,
        ledger: Ledger,
        clock: Clock,
        print_paper: Callable[[PaperJob], None],
        settle_paper: Callable[[int], None],
    ) -> None:
        self.config = config
        self.ledger = ledger
        self.clock = clock
        self._print = print_paper
        self._settle = settle_paper
        self.scales = {part.name: TradeScale(part) for part in config.scale}
        self.products = {part.code: part for part in config.product}
        self.after: list[Callable[[], None]] = []
        self.undo: list[Callable[[], None]] = []
        self.papers: dict[int, PaperView] = {}
        self._automatic = frozenset(config.paper.automatic)
        self.methods = config.methods()
        self.unread = Unread(ledger, clock)
        self.lots = Lots(config, ledger, self.unread)
        self.prices_changed = True

    # --- records ----------------------------------------------------------------------------------------------------

    def record(
        self, kind: str, subject: str, record: Record, stamp: Stamp | None = None, lane: int = ORDINARY
    ) -> Recorded:
        """Append an event to the ledger, at ``stamp`` or now."""
        return self.ledger.append(kind, subject, record, stamp or self.clock.now(), self.clock.boot_id, lane=lane)

    def today(self) -> date | None:
        """The market's date; None while the clock cannot be believed."""
        return self.clock.today() if self.clock.now().trusted else None

    # --- products ---------------------------------------------------------------------------------------------------

    def product(self, code: str) -> ProductPart:
        """The product with its current price; raises Refused."""
        if code not in self.products:
            raise Refused("no_product", f"没有商品 {code[:8]}", f"no product {code[:8]}: add it to station.toml")
        return self.products[code]

    def goods(self, code: str) -> Goods:
        part = self.product(code)
        return Goods(product=part.code, name=part.name, name_en=part.name_en)

    def price(self, code: str) -> int:
        """Fen per the product's own basis: the last price set at the stall, else the configured one."""
        row = self.ledger.conn.execute("SELECT fen FROM prices WHERE product = ?", (code,)).fetchone()
        return int(row[0]) if row else fen(self.product(code).price)

    def product_views(self) -> tuple[ProductView, ...]:
        return tuple(
            ProductView(part.code, part.name, part.name_en, self.price(part.code), part.per_g)
            for part in self.products.values()
        )

    # --- papers -----------------------------------------------------------------------------------------------------

    def papers_for(self, part: PrinterPart) -> tuple[str, ...]:
        """The papers that go to this printer."""
        return tuple(paper for paper in PAPER_NAMES if _prints(part, paper))

    def printer_for(self, paper: str, name: str = "") -> PrinterPart | None:
        """The printer of this name, if such papers go to it; the first that they go to when none is named."""
        fitting = (part for part in self.config.printer if name in ("", part.name) and _prints(part, paper))
        return next(fitting, None)

    def print_record(self, recorded: Recorded) -> int | None:
        """Queue the papers that this record prints by itself, in the same transaction. Answers the first one's job."""
        event = json.loads(recorded.body)
        wanted = [name for name in papers_of(kind_of(event["type"]), event["data"]) if name in self._automatic]
        jobs = [self.paper(name, recorded.seq, recorded.body) for name in wanted]
        return next((job for job in jobs if job is not None), None)

    def paper(
        self, paper: str, seq: int, body: bytes, *, detail: str = "", copy: int = 0, printer: str = ""
    ) -> int | None:
        """Put a paper into the same transaction; it is printed after the commit.

        ``printer`` empty is the first one for such papers; None when there is none.
        """
        if not printer:
            part = self.printer_for(paper)
            if part is None:
                return None
            printer = part.name
        before = sum(view.printer == printer and view.state in UNDONE for view in self.papers.values())
        waits = before >= BACKLOG
        cursor = self.ledger.conn.execute(
            "INSERT INTO print_jobs (seq, paper, detail, printer, copy, state, why) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (seq, paper, detail, printer, copy, WAITING, QUEUED if waits else UNPROVEN),
        )
        number = int(cursor.lastrowid or 0)
        job = PaperJob(number, seq, paper, detail, printer, body, copy, self.clock.steady(), waits)
        self.papers[number] = view_of(job)
        self.undo.append(lambda: self._forget(number))
        self.after.append(lambda: self._print(job))
        while len(self.papers) > RECENT_PAPERS:
            del self.papers[min(self.papers)]
        return number

    def settle(self, job: int) -> None:
        """A person said that this paper came out: it stays so, and is not printed by itself any more."""
        self.ledger.conn.execute("UPDATE print_jobs SET state = ?, why = '' WHERE job = ?", (CONFIRMED, job))
        if (before := self.papers.get(job)) is not None:
            self.undo.append(lambda: self.paper_news(job, state=before.state, why=before.why))
            self.paper_news(job, state=CONFIRMED, why="")
        self.after.append(lambda: self._settle(job))

    def paper_state(self, job: int) -> str:
        """What has become of a job, as far as is known now; raises LookupError."""
        if job in self.papers:
            return self.papers[job].state
        row = self.ledger.conn.execute("SELECT state FROM print_jobs WHERE job = ?", (job,)).fetchone()
        if row is None:
            raise LookupError(f"no print job {job}")
        return str(row[0])

    def _forget(self, job: int) -> None:
        self.papers.pop(job, None)

    def paper_news(self, job: int, **changes: Any) -> None:
        if job in self.papers:
            self.papers[job] = replace(self.papers[job], **changes)

    def paper_views(self) -> tuple[PaperView, ...]:
        return tuple(self.papers[job] for job in sorted(self.papers, reverse=True))


def _prints(part: PrinterPart, paper: str) -> bool:
    """Whether such papers go to this printer."""
    return paper in part.papers if part.papers else prints(part.row(), paper)


def view_of(job: PaperJob) -> PaperView:
    """The paper as pages list it, before anything is known of its printing."""
    code, time = job.detail, ""
    if job.body:
        event = json.loads(job.body)
        code, time = event["subject"], event["time"]
    return PaperView(job.job, job.paper, code, WAITING, "", job.copy, job.printer, time, "")
