"""Boxes of one market: a gate's that tests and prints, stalls' that weigh and print, each a station of its own.

They know each other's keys and listen to each other over the broker.  What people do there are methods.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from protocol.city.token import CHINA
from simulator.analyzers._instrument import Analyzer
from simulator.analyzers.dayuan_crc8 import Dayuan
from simulator.printer.printer import Printer
from simulator.printer.read import Paper
from simulator.scales._pan import Pan
from simulator.scales.mt_sics import MtSics
from simulator.stage import CABBAGE, NODE, StationProcess, Wiring, private_folder, wait_for
from simulator.wires.line import Line, Pty

GATE, STALL, STALL_3 = (f"{NODE}-{terminal}" for terminal in ("01", "02", "03"))
SELLERS = {
    "02": ("4101080010208", "李秀兰蔬菜摊", "A-020"),
    "03": ("4101080010311", "赵桂芳蔬菜摊", "A-031"),
}
SIGNED = re.compile(r"/b/[\w-]{64,}$")
CAPACITY, DIVISION = Decimal(30), Decimal("0.010")
DEED_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Box:
    """A box and what is plugged into it. ``papers`` are those that came out of its printer."""

    station: StationProcess
    papers: list[Paper] = field(default_factory=list)
    scale: Line[MtSics] | None = None
    analyzer: Line[Analyzer] | None = None

    # --- a gate -----------------------------------------------------------------------------------------------------

    def bring_in(self, net_g: int = 320_000, product: str = CABBAGE) -> dict[str, Any]:
        """Goods come in. Answers test code and sample number."""
        return self.station.post("/api/entries", product=product, net_g=net_g, origin="河南中牟", supplier="绿源合作社")

    def test(self, sample: str, inhibition: Decimal) -> None:
        """The tester measures a sample; the station fetches the result by itself."""
        assert self.analyzer is not None
        at = datetime.now(CHINA).replace(tzinfo=None, microsecond=0)
        self.analyzer.do(lambda device, now: device.measure(int(sample), inhibition, at))

    def release(self, net_g: int = 320_000, product: str = CABBAGE) -> dict[str, Any]:
        """Goods come in and pass their test; answers the lot as the pages show it."""
        entry = self.bring_in(net_g, product)
        self.test(entry["sample"], Decimal("12.5"))
        return self.wait_lot(entry["test_code"], state="released")

    def card(self, lot: str) -> str:
        """Print a lot's source card and read its QR code back from the paper."""
        before = len(self._codes())
        self.station.post("/api/prints", paper="card", subject=lot)
        (code, *_) = wait_for("the card", lambda: [one for one in self._codes()[before:] if SIGNED.search(one)])
        return str(code)

    def _codes(self) -> list[str]:
        return [code for paper in list(self.papers) for code in paper.qr]

    # --- a stall ----------------------------------------------------------------------------------------------------

    def weigh(self, kg: Decimal) -> int:
        """Put goods on the empty pan and wait until they may be sold; answers the grams that the page shows."""
        assert self.scale is not None
        self.scale.do(lambda device, now: device.pan.take_off(now))
        wait_for("an empty pan", lambda: self._scale()["net_g"] == 0 and self._scale()["stable"], DEED_SECONDS)
        self.scale.do(lambda device, now: device.pan.put(kg, now))
        shown = wait_for(f"{kg} kg on the scale", lambda: self._scale()["sellable"] and self._scale(), DEED_SECONDS)
        return int(shown["net_g"])

    def sell(self, lot: str, kg: Decimal, product: str = CABBAGE) -> dict[str, Any]:
        """Weigh and sell; ``lot`` as it was scanned. Raises Refusal."""
        return self.press(lot, self.weigh(kg), product)

    def press(self, lot: str, seen_g: int | None = None, product: str = CABBAGE) -> dict[str, Any]:
        """Sell what lies on the scale now. Raises Refusal."""
        return self.station.post("/api/sales", scale="scale-1", product=product, lot=lot, seen_g=seen_g)

    def _scale(self) -> dict[str, Any]:
        found: dict[str, Any] = self.station.board()["scales"][0]
        return found

    # --- both -------------------------------------------------------------------------------------------------------

    def lot(self, code: str) -> dict[str, Any]:
        """A lot as the pages show it now; empty when they do not."""
        lots = self.station.board()["lots"]
        return next((lot for lot in lots if code in (lot["test_code"], lot["source"])), {})

    def wait_lot(self, code: str, **shown: Any) -> dict[str, Any]:
        """Wait until the pages show this of a lot; answers it."""

        def found() -> dict[str, Any] | None:
            lot = self.lot(code)
            return lot if lot and shown.items() <= lot.items() else None

        answer: dict[str, Any] = wait_for(f"lot {code} with {shown}", found, DEED_SECONDS)
        return answer

    def wait_link(self, up: bool = True) -> None:
        """Wait until it has found the broker, or lost it."""
        wait_for("the broker" if up else "its loss", lambda: self.station.board()["city"]["up"] is up, DEED_SECONDS)

    def wait_delivered(self) -> None:
        """Wait until the city has all its records."""
        wait_for("delivery", lambda: self.station.board()["city"]["pending"] == 0, DEED_SECONDS)


class Neighbours:
    """Boxes of one market, started between ``with`` and its end: the gate's, and a stall for each further terminal."""

    def __init__(self, folder: Path, broker: str, city_key: str, *, stalls: tuple[str, ...] = ("02",)) -> None:
        self.folder = folder
        self._broker, self._city_key = broker, city_key
        self._stack = ExitStack()
        self._stalls = stalls

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            private_folder(self.folder)
            with ThreadPoolExecutor() as making:  # each is a process that makes a key
                gate = making.submit(self._gate, stack)
                stalls = [making.submit(self._stall, stack, terminal) for terminal in self._stalls]
            self.gate, self.stalls = gate.result(), [stall.result() for stall in stalls]
            boxes = (self.gate, *self.stalls)
            introduce(*(box.station for box in boxes))
            for box in boxes:
                box.station.start(wait=False)
                stack.callback(box.station.__exit__, None, None, None)
            for box in boxes:
                box.station.wait_ready()
            for box in boxes:
                box.wait_link()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def stall(self) -> Box:
        """The first stall."""
        return self.stalls[0]

    def logs(self) -> str:
        """What the stations said, one after the other."""
        return "".join(box.station.log.read_text("utf-8", errors="replace") for box in (self.gate, *self.stalls))

    def _gate(self, stack: ExitStack) -> Box:
        analyzer: Line[Analyzer] = stack.enter_context(Line(Dayuan("lz4000t"), Pty(self.folder / "analyzer")))
        papers: list[Paper] = []
        printer = stack.enter_context(Line(Printer(on_paper=papers.append), Pty(self.folder / "printer-01")))
        wiring = Wiring(
            self._broker,
            jobs=("gate",),
            siblings=True,
            analyzer=analyzer.address,
            printer=printer.address,
            city_key=self._city_key,
        )
        return Box(StationProcess(self.folder / "gate", wiring), papers, analyzer=analyzer)

    def _stall(self, stack: ExitStack, terminal: str) -> Box:
        scale = stack.enter_context(Line(MtSics(Pan(CAPACITY, DIVISION)), Pty(self.folder / f"scale-{terminal}")))
        papers: list[Paper] = []
        printer = stack.enter_context(Line(Printer(on_paper=papers.append), Pty(self.folder / f"printer-{terminal}")))
        wiring = Wiring(
            self._broker,
            terminal=terminal,
            jobs=("stall",),
            seller=SELLERS[terminal],
            siblings=True,
            scale=scale.address,
            printer=printer.address,
            city_key=self._city_key,
        )
        return Box(StationProcess(self.folder / f"stall-{terminal}", wiring), papers, scale=scale)


def introduce(*stations: StationProcess) -> None:
    """Give each the keys of all: what a technician copies from box to box."""
    keys = "".join(f"{station.public_key}  {NODE}-{station.terminal}\n" for station in stations)
    for station in stations:
        (station.folder / "node.keys").write_text(keys, "utf-8")
