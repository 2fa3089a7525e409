"""Simulated devices on their lines, with what hands do to them: put goods on, measure, take a paper."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from protocol.city.token import CHINA
from protocol.readings import TestResult
from simulator.analyzers._instrument import Analyzer
from simulator.printer.printer import Printer
from simulator.printer.read import Paper
from simulator.scales._pan import Scale
from simulator.stage import wait_for
from simulator.wires.line import Line, Plug

PAPER_SECONDS = 20.0


class ScaleLine(Line[Scale]):
    """A scale. Kilograms are Decimal, or text with the digits meant."""

    def put(self, kg: Decimal | str) -> None:
        """This lies on the pan now, instead of what lay there."""
        self.do(lambda device, now: device.pan.put(Decimal(kg), now))

    def take_off(self) -> None:
        self.do(lambda device, now: device.pan.take_off(now))


class AnalyzerLine(Line[Analyzer]):
    """A rapid tester."""

    def measure(
        self, sample: int | str, value: Decimal | str | None, *, name: str = "", at: datetime | None = None
    ) -> TestResult:
        """A person measures this sample, now by the instrument's clock unless said; answers what is to be read."""
        local = (at or datetime.now(CHINA)).replace(tzinfo=None, microsecond=0)
        number = None if value is None else Decimal(value)
        return self.do(lambda device, now: device.measure(int(sample), number, local, name=name))


class PrinterLine(Line[Printer]):
    """A receipt printer. ``papers`` are those that came out, oldest first."""

    def __init__(self, plug: Plug, papers: list[Paper] | None = None, **more: Any) -> None:
        self.papers: list[Paper] = [] if papers is None else papers
        super().__init__(Printer(on_paper=self.papers.append, **more), plug)

    def trouble(self, **changes: Any) -> None:
        """``paper_out=True``, ``cover_open=True`` … as ``printer/state.py`` names them."""
        self.do(lambda device, now: device.trouble(now, **changes))

    def paper(self, *words: str, fits: Callable[[Paper], bool] = lambda paper: True) -> Paper:
        """The newest paper on which all these words stand, blanks aside, once it came out. Raises StageFailed."""
        wanted = ["".join(word.split()) for word in words]

        def found() -> Paper | None:
            for paper in reversed(self.papers):
                text = "".join(paper.text.split())
                if all(word in text for word in wanted) and fits(paper):
                    return paper
            return None

        paper: Paper = wait_for(f"a paper with {', '.join(words) or 'anything'}", found, PAPER_SECONDS)
        return paper
