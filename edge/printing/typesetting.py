"""Papers as pages: made again from the ledger's records, for the printers' threads and for pictures on the pages.

Nothing here changes anything, and every method may be called from any thread.
"""

import logging
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from drivers.glyphs import FontGlyphs, NoFont, png
from edge.between.fixed_words import JobName
from edge.between.print_states import DAY, STALL_CARD, TEST_PAGE, PrintJob
from edge.config.sections import Config, PrinterSection
from edge.documents import Documents, Place, day, examples, prints, stall_card, testpage
from edge.records.ledger import reading
from protocol.frozen import changed
from protocol.printers import bitmap, languages
from protocol.printers.document import Document
from protocol.printers.layout import Page, layout
from protocol.printers.profile import Profile

log = logging.getLogger("papers")
AWAITED: Mapping[JobName, tuple[str, ...]] = {  # papers that somebody stands and waits for
    "gate": ("label", "report"),
    "stall": ("slip",),
    "canteen": ("acceptance",),
}


class Typesetter:
    """Lays out papers with the station's templates, language and printers."""

    def __init__(self, config: Config, papers: Documents) -> None:
        station = config.station
        self._papers = papers
        self._folder = station.data
        self._seller = dict(config.seller)
        self._subject = f"{station.node}-{station.terminal}"
        self._place = _place(config)
        self._printers = {part.name: part for part in config.printer}
        awaited = {paper for job in station.jobs for paper in AWAITED[job]}
        self._awaited = [paper for paper in config.paper.automatic if paper in awaited]

    @cached_property
    def glyphs(self) -> FontGlyphs | None:
        """The letters that pictures are drawn with; None when no Chinese font is installed."""
        try:
            return FontGlyphs()
        except NoFont as error:
            log.warning("%s", error)
            return None

    def warm(self, printer: str) -> None:
        """Load what this printer's first paper needs, so that nobody waits for it with goods in hand.

        What other papers need is loaded with the first of them: all together take a megabyte.
        """
        profile = self._printers[printer].row()
        for paper in self._awaited:
            if prints(profile, paper):
                place = changed(self._place, label=profile.label)
                document = self._papers.document(paper, examples(paper)[0], place)
                page = layout(document, profile.columns, profile.encoding, self._drawable)
                for _ in languages.emit(page, profile, self.glyphs_for(page, profile)):
                    pass

    def page(self, job: PrintJob, *, late: bool = False) -> Page:
        """The paper on the grid of its printer; a ``late`` one says when it was recorded.

        Raises LookupError when its record or printer is not there.
        """
        profile = self._printer(job).row()

        def page(document: Document) -> Page:
            return layout(document, profile.columns, profile.encoding, self._drawable)

        document = self._papers.document(
            job.paper,
            self._content(job),
            changed(self._place, label=profile.label),
            copy=job.copy,
            late=late,
            mark=job.mark,
            fits=lambda made: bitmap.height(page(made), profile),
        )
        return page(document)

    def pieces(self, page: Page, printer: str) -> Iterator[bytes]:
        """The page in the language of this printer. Raises ValueError, and NoFont."""
        profile = self._printers[printer].row()
        return languages.emit(page, profile, self.glyphs_for(page, profile))

    def failed(self, paper: str) -> str:
        """Why the market's template was not used for the last paper of this name; empty when it was, or is none."""
        return self._papers.failed.get(paper, "")

    def glyphs_for(self, page: Page, profile: Profile) -> FontGlyphs | None:
        """What the page has to be drawn with; None when the printer's own letters do. Raises NoFont."""
        if profile.encoding == "raster":
            return self.glyphs or FontGlyphs()
        return self.glyphs if page.drawn else None

    def png(self, job: PrintJob) -> bytes:
        """The paper as a picture, one pixel a dot; raises LookupError, and NoFont which names what to install."""
        return png(bitmap.draw(self.page(job), self._printer(job).row(), self.glyphs or FontGlyphs()))

    def _drawable(self, letter: str) -> bool:
        return self.glyphs is not None and letter in self.glyphs

    def _printer(self, job: PrintJob) -> PrinterSection:
        if job.printer not in self._printers:
            raise LookupError(f"printer {job.printer} is no longer in station.toml")
        return self._printers[job.printer]

    def _content(self, job: PrintJob) -> Mapping[str, Any]:
        if job.paper == TEST_PAGE:
            part = self._printer(job)
            return testpage.content(part.name, part.port, part.row())
        if job.paper == DAY:
            return _day(self._folder, job.detail, job.seq, self._seller, self._subject)
        if job.paper == STALL_CARD:
            return stall_card(self._seller, self._place.host)
        content: dict[str, Any] = from_json(job.body)
        return content


def _place(config: Config) -> Place:
    """What papers take from the settings."""
    station, market, gate = config.station, config.market, config.gate
    return Place(
        station.name,
        station.host,
        config.paper.language or station.language,
        address=market.address,
        complaint=market.complaint,
        testing_body=market.testing_body,
        authority=market.authority,
        office=gate.office,
    )


def _day(folder: Path, date: str, upto: int, seller: Mapping[str, Any], station: str) -> Mapping[str, Any]:
    with reading(folder) as db:
        return day.summary(db.conn, date, upto, seller, station)
