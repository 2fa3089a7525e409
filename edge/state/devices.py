"""What the station knows of its devices: one face for label scales, analyzers, probes, scanners and printers.

Part of the core: only the core thread calls this.  Scales are in ``weighing.py``.
"""

from dataclasses import replace
from typing import Protocol

from edge.between.board import AnalyzerView, HandedScan, PrinterView, ProbeView, ScannerView
from edge.between.label_board import LabelScaleView
from edge.between.print_states import TAKES_PAPERS, PrinterState
from edge.config.sections import AnalyzerSection, LabelScaleSection, PrinterSection, ProbeSection, ScannerSection
from edge.state.known_devices import Confirmed
from protocol.readings import Measured
from protocol.session import Wish


class Device(Protocol):
    """A device behind a port."""

    def changed(self, up: bool, why: str) -> None:
        """It was opened or lost, and why."""

    def disturbed(self) -> None:
        """It said something that is no frame."""


class PortThread(Confirmed, Protocol):
    """What a device's port is to the core."""

    def order(self, wish: Wish, /) -> None:
        """Ask this of the device, when it is there."""


class AnalyzerDevice:
    """An analyzer, and how much it handed over."""

    def __init__(self, part: AnalyzerSection) -> None:
        self._view = AnalyzerView(part.name, False, "", 0, 0, 0, part.match)

    def changed(self, up: bool, why: str) -> None:
        self._view = replace(self._view, up=up, why=why)

    def disturbed(self) -> None:
        self._view = replace(self._view, garbage=self._view.garbage + 1)

    def handed_over(self, results: int) -> None:
        """So many results that were new."""
        self._view = replace(self._view, results=self._view.results + results)

    def full(self, most: int) -> None:
        """It handed over more than so many in a day; 0 when it may go on."""
        self._view = replace(self._view, most=most)

    def view(self, unmatched: int) -> AnalyzerView:
        """With so many of its results waiting for a person."""
        return replace(self._view, unmatched=unmatched)


class LabelScaleDevice:
    """A label scale, and how many sales it handed over that were new."""

    def __init__(self, part: LabelScaleSection) -> None:
        self._view = LabelScaleView(part.name, False, "")

    def changed(self, up: bool, why: str) -> None:
        self._view = replace(self._view, up=up, why=why)

    def disturbed(self) -> None:
        self._view = replace(self._view, garbage=self._view.garbage + 1)

    def sold(self) -> None:
        """One more that was new."""
        self._view = replace(self._view, sales=self._view.sales + 1)

    def view(self, waiting: int) -> LabelScaleView:
        """With so many of its sales waiting for a person."""
        return replace(self._view, waiting=waiting)


class ProbeDevice:
    """A probe, and the newest value of each kind it measures."""

    def __init__(self, part: ProbeSection) -> None:
        self._view = ProbeView(part.name, False, "", ())

    def changed(self, up: bool, why: str) -> None:
        self._view = replace(self._view, up=up, why=why, measured=())

    def disturbed(self) -> None:
        """What a probe says next is whole again: nothing is kept of what was not."""

    def measured(self, measured: Measured) -> None:
        values = {what: (what, value, unit) for what, value, unit in self._view.measured}
        values[measured.what] = (measured.what, format(measured.value, "f"), measured.unit)
        self._view = replace(self._view, measured=tuple(values[what] for what in sorted(values)))

    def view(self) -> ProbeView:
        return self._view


class ScannerDevice:
    """A scanner, and whether its last code found a page."""

    def __init__(self, part: ScannerSection) -> None:
        self._part = part
        self._view = ScannerView(part.name, False, "")

    def changed(self, up: bool, why: str) -> None:
        self._view = replace(self._view, up=up, why=why)

    def disturbed(self) -> None:
        self._view = replace(self._view, garbage=self._view.garbage + 1)

    def scanned(self, text: str) -> HandedScan:
        """A code, or an empty text for what was none: what the pages are handed."""
        self._view = replace(self._view, scans=self._view.scans + bool(text), lost="")
        return HandedScan(self._part.name, text, self._part.pages_at)

    def lost(self, at: str) -> None:
        """The last one found no page, at this time of day."""
        self._view = replace(self._view, lost=at)

    def view(self) -> ScannerView:
        return self._view


class PrinterDevice:
    """A printer as its thread tells of it."""

    def __init__(self, part: PrinterSection, documents: tuple[str, ...]) -> None:
        self._view = PrinterView(part.name, True, "", 0, PrinterState.UNKNOWN, documents=documents)

    def changed(self, state: PrinterState, why: str, near_end: bool) -> None:
        up = state in TAKES_PAPERS
        self._view = replace(self._view, up=up, why=why, state=state, near_end=near_end)

    def view(self, waiting: int) -> PrinterView:
        """With so many papers waiting at it."""
        return replace(self._view, waiting=waiting)
