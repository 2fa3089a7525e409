"""The demo's market: every part running, and the deeds of its people as methods."""

import subprocess
import sys
from contextlib import ExitStack
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from protocol.city.token import CHINA
from simulator.analyzers._instrument import Analyzer
from simulator.analyzers.dayuan_crc8 import Dayuan
from simulator.broker import Broker
from simulator.city.server import City
from simulator.printer.printer import Printer
from simulator.printer.read import Paper
from simulator.scales._pan import Pan
from simulator.scales.mt_sics import MtSics
from simulator.stage import NODE, STATION, Refusal, StageFailed, StationProcess, Wiring, private_folder, wait_for
from simulator.wires.line import Line, Pty

CAPACITY, DIVISION = Decimal(30), Decimal("0.010")
DEED_SECONDS = 15.0


class Market:
    """Everything started between ``with`` and its end. ``folder`` keeps ledger, city and papers.

    ``ports`` are the station's and the city's, 0 takes a free one; both listen on ``host``.  ``tester`` is the model of
    the analyzer, ``settle`` the seconds in which the pan does, and ``wiring`` what the station's configuration says
    otherwise.
    """

    def __init__(
        self,
        folder: Path,
        *,
        broker: str = "",
        mqtt: str = "5",
        embedded: bool = False,
        ports: tuple[int, int] = (0, 0),
        host: str = "127.0.0.1",
        tester: str = "lz4000t",
        settle: float = 0.4,
        **wiring: Any,
    ) -> None:
        self.folder = folder
        self.papers: list[Paper] = []
        self._given = broker
        self._mqtt = mqtt
        self._embedded = embedded
        self._station_port, self._city_port = ports
        self.host = host
        self._tester, self._settle = tester, settle
        self._wiring = {"unchecked": "test"} | wiring
        self._stack = ExitStack()
        self.broker: Broker | None = None

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self) -> None:
        private_folder(self.folder)
        dev = self.folder / "dev"
        dev.mkdir(exist_ok=True)
        url, mqtt = self._given, self._mqtt
        if not url:
            self.broker = self._stack.enter_context(
                Broker(data_dir=self.folder / "broker", kind="embedded" if self._embedded else "auto")
            )
            url, mqtt = self.broker.url, self.broker.mqtt_version
        self.city = self._stack.enter_context(
            City(url, self.folder / "city.db", f"{self.host}:{self._city_port}", enrol=True, mqtt_version=mqtt)
        )
        self.scale: Line[MtSics] = self._stack.enter_context(
            Line(MtSics(Pan(CAPACITY, DIVISION, settle=self._settle)), Pty(dev / "scale"))
        )
        self.analyzer: Line[Analyzer] = self._stack.enter_context(Line(Dayuan(self._tester), Pty(dev / "analyzer")))
        self.printer: Line[Printer] = self._stack.enter_context(
            Line(Printer(on_paper=self.papers.append), Pty(dev / "printer"))
        )
        self.station = StationProcess(
            self.folder / "station",
            Wiring(
                broker=url,
                mqtt=mqtt,
                scale=self.scale.address,
                analyzer=self.analyzer.address,
                analyzer_model=f"dayuan-{self._tester}",
                printer=self.printer.address,
                city_key=self.city.key,
                **self._wiring,
            ),
            port=self._station_port,
            host=self.host,
        )
        self.station.start()
        self._stack.callback(self.station.stop)

    # --- deeds ------------------------------------------------------------------------------------------------------

    def bring_in(self, product: str, net_g: int, origin: str, supplier: str) -> dict[str, Any]:
        """A truck comes to the gate. Answers test code and sample number."""
        return self.station.post(
            "/api/entries", product=product, net_g=net_g, origin=origin, supplier=supplier, plate="豫A·12345"
        )

    def test(self, sample: str, inhibition: Decimal, name: str = "") -> None:
        """The tester measures a sample; the station fetches the result by itself."""
        at = datetime.now(CHINA).replace(tzinfo=None, microsecond=0)
        self.analyzer.do(lambda device, now: device.measure(int(sample), inhibition, at, name=name))

    def lot(self, test_code: str, state: str) -> dict[str, Any]:
        """Wait until the lot is in this state; answers it as the pages show it."""

        def found() -> dict[str, Any] | None:
            lots = self.station.board()["lots"]
            return next((lot for lot in lots if lot["test_code"] == test_code and lot["state"] == state), None)

        answer: dict[str, Any] = wait_for(f"lot {test_code} {state}", found, DEED_SECONDS)
        return answer

    def weigh(self, kg: Decimal) -> dict[str, Any]:
        """Put goods on the empty pan and wait until they may be sold; answers the scale as the pages show it."""
        self.scale.do(lambda device, now: device.pan.take_off(now))
        wait_for("an empty pan", lambda: self._scale()["net_g"] == 0 and self._scale()["stable"], DEED_SECONDS)
        self.scale.do(lambda device, now: device.pan.put(kg, now))
        answer: dict[str, Any] = wait_for(
            f"{kg} kg on the scale", lambda: self._scale()["sellable"] and self._scale(), DEED_SECONDS
        )
        return answer

    def sell(self, product: str, lot: str, kg: Decimal, buyer: str = "", buyer_name: str = "") -> dict[str, Any]:
        """Weigh and sell; answers what the station recorded."""
        seen = self.weigh(kg)
        return self.station.post(
            "/api/sales",
            scale="scale-1",
            product=product,
            lot=lot,
            seen_g=seen["net_g"],
            buyer=buyer,
            buyer_name=buyer_name,
        )

    def stop_lot(self, lot: str, reason: str) -> str:
        """The city stops the sale of a lot at every stall of the market; answers the command's id."""
        return self.city.order("stop_lot", f"{NODE}-all", lot=lot, reason=reason)

    def resume_lot(self, lot: str) -> str:
        """The city lets it be sold again."""
        return self.city.order("resume_lot", f"{NODE}-all", lot=lot, reason="复检合格，恢复销售")

    def on_sale(self) -> list[dict[str, Any]]:
        """The lots that are on sale or were until somebody stopped them, as the stall's page has them, newest first."""
        return [
            lot
            for lot in self.station.board()["lots"]
            if lot["source"] and (lot["state"] == "released" or lot["why"] == "stopped")
        ]

    def slips(self) -> list[str]:
        """The QR payloads of the slips that came out of the printer."""
        return [payload for paper in list(self.papers) for payload in paper.qr if "/j/" in payload]

    def verify_qr(self, payload: str) -> bool:
        """Check a slip as somebody without network would: with the station's public key alone."""
        key = self.station.folder / "station.pub"
        command = [sys.executable, "-m", "edge.cli", "verify-qr", payload, "--key", str(key)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def city_station(self) -> dict[str, Any]:
        """What the city says of this station."""
        found: dict[str, Any] = self.city.summary()["stations"].get(STATION, {})
        return found

    def _scale(self) -> dict[str, Any]:
        found: dict[str, Any] = self.station.board()["scales"][0]
        return found


__all__ = ["Market", "Refusal", "StageFailed"]
