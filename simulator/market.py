"""A market with one box: every part running, and the deeds of its people as methods.

The demo, scenarios and the pytest plugin play in it.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Self, cast

from drivers import catalogue
from drivers.transports.recorder import read_log
from simulator.analyzers import _instrument as analyzers
from simulator.analyzers._instrument import Analyzer
from simulator.broker import Broker
from simulator.city.reader import Reader
from simulator.city.server import City
from simulator.devices import AnalyzerLine, PrinterLine, ScaleLine
from simulator.power import PowerSupply
from simulator.printer.read import Paper
from simulator.probes import _probe as probes
from simulator.probes._probe import Air
from simulator.scales import _pan as scales
from simulator.scales._pan import Pan, Scale
from simulator.stage import GOODS, NODE, STATION, Refusal, StageFailed, StationProcess, Wiring, private_folder, wait_for
from simulator.wires.faults import Faults
from simulator.wires.line import Line, Pty
from simulator.wires.recorded import Recorded

CAPACITY, DIVISION = Decimal(30), Decimal("0.010")
DEED_SECONDS = 15.0
ON_SERIAL_LINES = "a market's devices are on serial lines"
ELSEWHERE = {"hid_scale": "USB", "csv_drop": "a folder"}


@dataclass(frozen=True, slots=True)
class Devices:
    """What stands in a market: models of the catalogue, an empty one is not there.

    ``settle`` are the seconds in which the pan does.  With ``recording`` the scale says what this log of a scale says,
    once it is asked to, and nothing else.  ``faults`` are those of the wires of scale and analyzer.
    """

    scale: str = "mt-sics"
    analyzer: str = "dayuan-lz4000t"
    printer: bool = True
    probe: str = ""
    temperature: Decimal = Decimal("3.9")
    settle: float = 0.4
    recording: Path | None = None
    faults: Faults | None = None


class Market:
    """Everything started between ``with`` and its end. ``folder`` keeps ledger, city and papers.

    ``ports`` are the station's and the city's, 0 takes a free one; both listen on ``host``.  ``tester`` is the model of
    the analyzer, ``settle`` the seconds in which the pan does, ``devices`` says it of all, and ``wiring`` is what the
    station's configuration says otherwise.  With ``power`` each start of the station is one of a machine of its own.
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
        devices: Devices | None = None,
        power: PowerSupply | None = None,
        **wiring: Any,
    ) -> None:
        self.folder = folder
        self.devices = devices or Devices(analyzer=f"dayuan-{tester}", settle=settle)
        self.papers: list[Paper] = []
        self._given = broker
        self._mqtt = mqtt
        self._embedded = embedded
        self._station_port, self._city_port = ports
        self.host = host
        self._power = power
        self.goods = {str(one["name"]): str(one["code"]) for one in wiring.get("goods", GOODS)}
        self._lines: dict[str, Line[Any]] = {}
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
        self.url, self._mqtt = self._given, self._mqtt
        if not self.url:
            self.broker = self._stack.enter_context(
                Broker(data_dir=self.folder / "broker", kind="embedded" if self._embedded else "auto")
            )
            self.url, self._mqtt = self.broker.url, self.broker.mqtt_version
        self.city = self._new_city(self._city_port)
        self.city.start()
        self._stack.callback(lambda: self.city.stop())
        for name, line in self._made(dev):
            self._lines[name] = self._stack.enter_context(line)
        known = {"broker": self.url, "mqtt": self._mqtt, "city_key": self.city.key}
        wiring: dict[str, Any] = known | self._addresses() | self._wiring
        self.station = StationProcess(
            self.folder / "station",
            Wiring(**wiring),
            port=self._station_port,
            host=self.host,
            power=self._power,
        )
        self.station.start()
        self._stack.callback(lambda: self.station.running and self.station.stop())

    def _made(self, dev: Path) -> Iterator[tuple[str, Line[Any]]]:
        """The devices by their names, with a link for each in this folder."""
        has = self.devices
        if has.recording is not None:
            yield "scale", Line(Recorded(read_log(has.recording)), Pty(dev / "scale"), faults=has.faults)
        elif has.scale:
            pan = Pan(CAPACITY, DIVISION, settle=has.settle)
            yield "scale", ScaleLine(scale_of(has.scale)(pan), Pty(dev / "scale"), faults=has.faults)
        if has.analyzer:
            yield "analyzer", AnalyzerLine(analyzer_of(has.analyzer), Pty(dev / "analyzer"), faults=has.faults)
        if has.probe:
            air = Air(temperature=has.temperature)
            yield "probe", Line(probes.find(_format_of(has.probe))(air), Pty(dev / "probe"))
        if has.printer:
            yield "printer", PrinterLine(Pty(dev / "printer"), self.papers)

    def _addresses(self) -> dict[str, str]:
        """What the station's configuration says of the devices."""
        has, at = self.devices, {name: line.address for name, line in self._lines.items()}
        known = {"scale_model": has.scale, "analyzer_model": has.analyzer, "probe_model": has.probe}
        return at | {key: model for key, model in known.items() if model}

    def _new_city(self, port: int) -> City:
        where, frames = f"{self.host}:{port}", self._wiring.get("frames", ())
        return City(self.url, self.folder / "city.db", where, enrol=True, mqtt_version=self._mqtt, frames=frames)

    def city_counts(self) -> dict[str, int]:
        """How many records of each kind the city has, of this station alone: nobody else is in this market."""
        with Reader(self.city.db) as reader:
            return reader.totals()

    def city_events(self) -> list[dict[str, Any]]:
        """The station's records as the city has them, in the order of their numbers."""
        with Reader(self.city.db) as reader:
            return [json.loads(event) for event in reader.events_of(STATION, 0, -1)]

    def set_clock(self, at: datetime | None) -> None:
        """What the box's clock says from now on; None is the right time. Raises StageFailed."""
        if self._power is None:
            raise StageFailed("this box has the machine's own clock: start the market with a PowerSupply")
        self._power.set(at)

    def line(self, name: str) -> Line[Any]:
        """The line of a device: scale, analyzer, probe or printer. Raises StageFailed when there is none."""
        if name not in self._lines:
            raise StageFailed(f"there is no {name} in this market; there are: {', '.join(self._lines) or 'none'}")
        return self._lines[name]

    @property
    def scale(self) -> ScaleLine:
        line = self.line("scale")
        if not isinstance(line, ScaleLine):
            raise StageFailed("nothing can be put on this scale: it says a recording")
        return line

    @property
    def analyzer(self) -> AnalyzerLine:
        return cast(AnalyzerLine, self.line("analyzer"))

    @property
    def printer(self) -> PrinterLine:
        return cast(PrinterLine, self.line("printer"))

    def city_goes(self) -> None:
        """The city's machine room is dark: nobody takes what stations send."""
        self._city_port = self.city.address[1]
        self.city.stop()

    def city_comes_back(self) -> None:
        """It goes on with what it had on its disk, at the same address."""
        self.city = self._new_city(self._city_port)
        self.city.start()

    # --- deeds ------------------------------------------------------------------------------------------------------

    def bring_in(self, product: str, net_g: int, origin: str, supplier: str) -> dict[str, Any]:
        """A truck comes to the gate. Answers test code and sample number."""
        return self.station.post(
            "/api/entries", product=product, net_g=net_g, origin=origin, supplier=supplier, plate="豫A·12345"
        )

    def test(self, sample: str, inhibition: Decimal, name: str = "") -> None:
        """The tester measures a sample; the station fetches the result by itself."""
        self.analyzer.measure(sample, inhibition, name=name)

    def lot(self, test_code: str, state: str) -> dict[str, Any]:
        """Wait until the lot is in this state; answers it as the pages show it."""

        def found() -> dict[str, Any] | None:
            lots = self.station.board()["lots"]
            return next((lot for lot in lots if lot["test_code"] == test_code and lot["state"] == state), None)

        answer: dict[str, Any] = wait_for(f"lot {test_code} {state}", found, DEED_SECONDS)
        return answer

    def weigh(self, kg: Decimal) -> dict[str, Any]:
        """Put goods on the empty pan and wait until they may be sold; answers the scale as the pages show it."""
        self.scale.take_off()
        wait_for("an empty pan", lambda: self._scale()["net_g"] == 0 and self._scale()["stable"], DEED_SECONDS)
        self.scale.put(kg)
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


def scale_of(model: str) -> Callable[[Pan], Scale]:
    """What makes a scale of this model of the catalogue. Raises LookupError, StageFailed."""
    return scales.find(_format_of(model))


def analyzer_of(model: str) -> Analyzer:
    """An instrument of this model of the catalogue. Raises LookupError, StageFailed."""
    return analyzers.find(_format_of(model))(_twin_of(model))


def _format_of(model: str) -> str:
    """The wire format of a model. Raises StageFailed for one that is not on a serial line."""
    found = catalogue.find(model).format
    if found in ELSEWHERE:
        raise StageFailed(f"{model} is on {ELSEWHERE[found]}; {ON_SERIAL_LINES}")
    return found


def _twin_of(model: str) -> str | None:
    """By which name the simulator knows an instrument, where a format has several: its own."""
    vendor, _, name = model.partition("-")
    return name if vendor == "dayuan" else None


__all__ = ["Market", "Refusal", "StageFailed"]
