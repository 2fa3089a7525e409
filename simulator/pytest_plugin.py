"""Fixtures for pytest: a real station among simulated devices, a broker and a city. Comes with ``marketedge[sim]``.

    def test_a_sale(station, scale, printer, lot):
        scale.put("2.350")
        station.until("the load", lambda board: board["scales"][0]["sellable"])
        sale = station.post("/api/sales", scale="scale-1", product="01040201", lot=lot)
        assert sale["net_g"] == 2350
        assert sale["url"] in printer.paper("大白菜").qr

=================  =====================================================================================================
``station``        a running ``marketedge run`` (``stage.StationProcess``) with those of the others that the test names
``scale``          a scale that hands put things on (``devices.ScaleLine``)
``analyzer``       a rapid tester (``devices.AnalyzerLine``)
``printer``        a receipt printer and its papers (``devices.PrinterLine``)
``broker``         an MQTT broker (``broker.Broker``)
``city``           a city that enrols whoever shows a key (``city.server.City``)
``lot``            the test code of 500 kg of cabbage (大白菜, 01040201) that may be sold at the station
``delivered``      a function that waits until the city has everything; answers what it says of the station
``start_station``  a function that takes a ``stage.Wiring`` and starts a station so wired; for all that is special
=================  =====================================================================================================

``@pytest.mark.marketsim(scale="st-gs", jobs=("gate",))`` says which models stand there (``scale``, ``analyzer``, as
``marketedge protocols`` lists them, packages' own too), and anything else of the station's wiring by the names of
``stage.Wiring``; marks of a module, a class and a test add up.  ``settle`` are the seconds a load needs to lie still.

The fixture ``broker_kind`` is ``auto`` (Mosquitto when it is installed, else one inside Python); override it with
``mosquitto`` or ``embedded``.  Without ``broker`` and ``city`` in its arguments a station keeps its records.  What a
station said is shown when its test fails.

All is imported when a fixture is asked for: tests that ask for none pay nothing.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import fields, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from simulator.broker import Broker, Kind
    from simulator.city.server import City
    from simulator.devices import AnalyzerLine, PrinterLine, ScaleLine
    from simulator.stage import StationProcess, Wiring

MARK = "marketsim"
NOBODY = "mqtt://127.0.0.1:9"  # the port for what nobody reads
CAPACITY, SETTLE = Decimal(30), 0.05
EMPTY_SECONDS = 10.0
OTHER_TERMINAL = "77"  # of another market's box, whose source code comes with the lot


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", f"{MARK}(scale=MODEL, analyzer=MODEL, settle=SECONDS, **wiring): what stands there"
    )


def _marked(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the marks of module, class and test say together, the nearest last."""
    said: dict[str, Any] = {}
    for mark in reversed(list(request.node.iter_markers(MARK))):
        if mark.args:
            raise pytest.UsageError(f"{MARK} takes names, as in {MARK}(scale='st-gs'), not {mark.args}")
        said |= mark.kwargs
    return said


@pytest.fixture(scope="session")
def broker_kind() -> "Kind":
    """auto, mosquitto or embedded; to be overridden."""
    return "auto"


@pytest.fixture
def broker(tmp_path: Path, broker_kind: "Kind") -> Iterator["Broker"]:
    """A broker that keeps sessions over its own restarts, when it is Mosquitto."""
    from simulator.broker import Broker

    with Broker(data_dir=tmp_path / "broker", kind=broker_kind) as running:
        yield running


@pytest.fixture
def city(tmp_path: Path, broker: "Broker") -> Iterator["City"]:
    """A city at that broker."""
    from simulator.city.server import City

    with City(broker.url, tmp_path / "city.db", enrol=True, mqtt_version=broker.mqtt_version) as running:
        yield running


@pytest.fixture
def scale(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator["ScaleLine"]:
    """A scale of 30 kg with the division the station is told; the mark's model, else one that speaks MT-SICS."""
    from simulator.devices import ScaleLine
    from simulator.market import scale_of
    from simulator.scales._pan import Pan
    from simulator.wires.line import Pty

    said = _marked(request)
    number, _, unit = str(said.get("e", "10 g")).partition(" ")
    e = Decimal(number) / (1000 if unit == "g" else 1)
    pan = Pan(CAPACITY, e.quantize(Decimal("0.001")), settle=said.get("settle", SETTLE))
    with ScaleLine(scale_of(said.get("scale", "mt-sics"))(pan), Pty(tmp_path / "scale")) as line:
        yield line


@pytest.fixture
def analyzer(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator["AnalyzerLine"]:
    """A rapid tester; the model of the mark, else a Dayuan LZ4000T."""
    from simulator.devices import AnalyzerLine
    from simulator.market import analyzer_of
    from simulator.wires.line import Pty

    model = _marked(request).get("analyzer", "dayuan-lz4000t")
    with AnalyzerLine(analyzer_of(model), Pty(tmp_path / "analyzer")) as line:
        yield line


@pytest.fixture
def printer(tmp_path: Path) -> Iterator["PrinterLine"]:
    """A receipt printer for 58 mm paper."""
    from simulator.devices import PrinterLine
    from simulator.wires.line import Pty

    with PrinterLine(Pty(tmp_path / "printer")) as line:
        yield line


@pytest.fixture
def start_station(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[["Wiring"], "StationProcess"]]:
    """Starts stations; they are stopped at the end."""
    from simulator.stage import StationProcess

    with ExitStack() as stack:
        started: list[StationProcess] = []

        def start(wiring: "Wiring") -> StationProcess:
            if "city" in request.fixturenames and not wiring.city_key:
                wiring = replace(wiring, city_key=request.getfixturevalue("city").key)
            folder = tmp_path / ("station" if not started else f"station-{len(started) + 1}")
            process = StationProcess(folder, wiring)
            stack.callback(lambda: sys.stderr.write(process.log.read_text("utf-8", "replace")))
            started.append(stack.enter_context(process))
            return process

        yield start


@pytest.fixture
def station(request: pytest.FixtureRequest, start_station: Callable[["Wiring"], "StationProcess"]) -> "StationProcess":
    """A station that answers, wired to the devices, the broker and the city that the test names.

    It has seen the pan empty, where the scale's format tells: a load that lay there before is not sold.
    """
    from simulator.stage import StageFailed, Wiring

    said = _marked(request)
    models = {f"{kind}_model": said.pop(kind) for kind in ("scale", "analyzer") if kind in said}
    said.pop("settle", None)
    known = {field.name for field in fields(Wiring)}
    if unknown := set(said) - known:
        listed = ", ".join(sorted({*known, "settle"}))
        raise pytest.UsageError(f"{MARK} does not know {', '.join(sorted(unknown))}; there are: {listed}")
    there = {
        name: request.getfixturevalue(name).address
        for name in ("scale", "analyzer", "printer")
        if name in request.fixturenames
    }
    online: dict[str, Any] = {"broker": NOBODY}
    if "broker" in request.fixturenames or "city" in request.fixturenames:
        running: Broker = request.getfixturevalue("broker")
        online = {"broker": running.url, "mqtt": running.mqtt_version}
    started = start_station(Wiring(**(online | there | models | said)))
    if "scale" in there:
        with suppress(StageFailed):  # some formats say nothing of an empty pan
            started.until("an empty pan", lambda board: board["scales"][0]["why"] == "below_min", EMPTY_SECONDS)
    return started


@pytest.fixture
def released_lot() -> Callable[["StationProcess"], str]:
    """Registers at a station cabbage that already has a source code from elsewhere; answers its test code."""
    from protocol.city.codes import CodeKind, TraceCode
    from simulator.stage import CABBAGE, NODE

    def register(running: "StationProcess") -> str:
        source = str(TraceCode(NODE, CodeKind.SOURCE, OTHER_TERMINAL, 1))
        entry = running.post(
            "/api/entries", product=CABBAGE, net_g=500_000, origin="河南", supplier="绿源合作社", upstream=source
        )
        return str(entry["test_code"])

    return register


@pytest.fixture
def lot(station: "StationProcess", released_lot: Callable[["StationProcess"], str]) -> str:
    return released_lot(station)


@pytest.fixture
def delivered() -> Callable[["StationProcess", "City"], dict[str, Any]]:
    """Waits until the city has everything; answers what the city says of the station."""
    from simulator.stage import NODE

    def wait(running: "StationProcess", platform: "City") -> dict[str, Any]:
        running.until("delivery", lambda board: board["city"]["pending"] == 0)
        said: dict[str, Any] = platform.summary()["stations"][f"{NODE}-{running.terminal}"]
        return said

    return wait
