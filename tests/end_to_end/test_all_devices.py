"""Every format at one station at once: each scale's weight is sold as it lies there, each result recorded once."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from protocol.city.token import CHINA
from simulator.analyzers import _instrument as analyzer
from simulator.broker import Broker
from simulator.obstacles import free_port
from simulator.scales import _pan as scale
from simulator.scales._pan import Pan
from simulator.stage import CABBAGE, StationProcess, Wiring, wait_for
from simulator.wires.line import Line, Plug, Pty
from simulator.wires.upload import Uploads
from simulator.wires.usb import Bus, HidScaleGadget, UsbPlug
from simulator.wires.usb_host import BusServer

pytestmark = [pytest.mark.broker, pytest.mark.slow]

OPTIONS = {
    "plain_lines": '{ form = "gg" }',
    "modbus_scale": """
        { profile = { address = 1, function = 3, unit = "kg", weight = { register = 0, type = "int32", decimals = 3 },
          status = { register = 2, stable = 1, zero = 2, net = 4, overload = 8, underload = 16 } } }""",
}


@dataclass(frozen=True)
class OnTheBench:
    name: str
    pan: Pan
    line: Line[Any]
    kg: Decimal


def scale_section(name: str, format_id: str, port: str) -> str:
    options = " ".join(OPTIONS[format_id].split()) if format_id in OPTIONS else "{}"
    return f"""
[[scale]]
name = "{name}"
protocol = "{format_id}"
port = "{port}"
unit = "kg"
max = "30 kg"
min = "200 g"
e = "10 g"
options = {options}
"""


def test_every_scale_is_read_and_sold_by(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    broker: Broker,
    station: Callable[..., StationProcess],
    released_lot: Callable[..., str],
) -> None:
    monkeypatch.setenv("MARKETEDGE_USB_BACKEND", "simulator.wires.usb_host:backend")
    monkeypatch.setenv("MARKETSIM_USB", str(tmp_path / "usb"))
    with ExitStack() as stack:
        bus = Bus()
        stack.enter_context(BusServer(bus, tmp_path / "usb"))
        bench = []
        for number, format_id in enumerate(scale.ids()):
            pan = Pan(Decimal(30), Decimal("0.010"), settle=0.1)
            plug = UsbPlug(bus, HidScaleGadget()) if format_id == "hid_scale" else Pty(tmp_path / format_id)
            line = stack.enter_context(Line(scale.find(format_id)(pan), plug))
            bench.append(OnTheBench(format_id, pan, line, Decimal("1.230") + Decimal("0.370") * number))
        sections = "".join(scale_section(one.name, one.name, one.line.address) for one in bench)
        running = station(Wiring(broker=broker.url, extra=sections))
        lot = released_lot(running)

        def views() -> dict[str, dict[str, Any]]:
            return {view["name"]: view for view in running.board()["scales"]}

        def all_are(ready: Callable[[OnTheBench, dict[str, Any]], bool], what: str) -> None:
            def late() -> list[str]:
                now = views()
                return [f"{one.name}: {now[one.name]['why']}" for one in bench if not ready(one, now[one.name])]

            try:
                wait_for(what, lambda: not late(), 20, 0.2)
            except RuntimeError as error:
                raise AssertionError(f"{error}: {late()}") from None

        all_are(lambda one, view: view["up"], "all ports")
        empty_first = [one for one in bench if one.name != "adam_azextra"]  # it never tells an empty pan
        wait_for("empty pans", lambda: all(views()[one.name]["why"] == "below_min" for one in empty_first), 20, 0.2)
        for one in bench:
            one.line.do(lambda _, now, one=one: one.pan.put(one.kg, now))
        all_are(lambda one, view: bool(view["sellable"]), "sellable loads")
        for one in bench:
            sale = running.post("/api/sales", scale=one.name, product=CABBAGE, lot=lot)
            assert sale["net_g"] == one.kg * 1000, one.name
        assert {view["why"] for view in views().values()} <= {"sold", "stale"}


@dataclass(frozen=True)
class Bench:
    name: str
    format: str
    model: str
    port: str
    line: Line[Any]


# Instruments whose simulated twin hands over results by itself or when asked, on a serial line.
TESTERS = [
    ("lz4000t", "dayuan_crc8", "dayuan-lz4000t", "lz4000t"),
    ("tl310", "dayuan_crc8", "dayuan-tl310", "tl310"),
    ("dy3000", "dayuan_03ff", "dayuan-dy3000", "dy3000"),
    ("ttnj16", "taiyang", "taiyang-ttnj16", None),
    ("astm", "astm", "astm-any", None),
    ("hl7", "hl7_mllp", "hl7-any", None),
    ("dy6200", "dayuan_small", "dayuan-dy6200", "dy6200"),
    ("paper", "ticket", "dayuan-dy3500-printer", None),
    ("upload", "http_push", "kerun-upload", "kerun"),
]


BY_CHANNEL = {"dy3000", "ttnj16"}  # these know channels, not sample numbers
UNCHECKED = {"hl7", "paper"}  # no check on the line and nothing to ask again: a person compares with the instrument
METHODS = {"astm": "by-code", "dy6200": "nitrite"}
MARKET = """
[[method]]
id = "by-code"
name = "酶抑制率法"
item = "农药残留"
items = ["PEST"]
unit = "%"
limit = "50"
[[method]]
id = "nitrite"
name = "亚硝酸盐速测"
item = "亚硝酸盐"
unit = "mg/kg"
limit = "20"
[[product]]
code = "03010101"
name = "酱菜"
tests = ["亚硝酸盐"]
"""
GOODS = {"dy6200": "03010101"}


def where(name: str, folder: Path) -> tuple[str, Plug]:
    """The station's port, and the plug of the tester."""
    if name == "upload":
        port = free_port()
        return f"http:127.0.0.1:{port}", Uploads(f"http://127.0.0.1:{port}")
    return str(folder / name), Pty(folder / name)


def test_every_analyzer_hands_over_by_itself_and_once(
    tmp_path: Path, broker: Broker, station: Callable[..., StationProcess]
) -> None:
    with ExitStack() as stack:
        testers = [
            Bench(name, fmt, model, port, stack.enter_context(Line(analyzer.find(fmt)(twin), plug)))
            for name, fmt, model, twin in TESTERS
            for port, plug in [where(name, tmp_path)]
        ]
        sections = "".join(
            f'\n[[analyzer]]\nname = "{one.name}"\nmodel = "{one.model}"\nport = "{one.port}"\n'
            f'match = "{"channel" if one.name in BY_CHANNEL else "sample"}"\n'
            f'method = "{METHODS.get(one.name, "gb5009199")}"\n'
            for one in testers
        )
        running = station(Wiring(broker=broker.url, extra=sections + MARKET))
        samples = {}
        for one in testers:
            goods = GOODS.get(one.name, CABBAGE)
            entry = running.post("/api/entries", product=goods, net_g=1000, origin="河南", supplier="李四")
            samples[one.name] = entry
            at = datetime.now(CHINA).replace(tzinfo=None, microsecond=0)
            number = int(entry["sample"])
            if one.name in BY_CHANNEL:
                running.post("/api/channels", analyzer=one.name, channel="1", lot=entry["test_code"])
            one.line.do(lambda device, now, number=number, at=at: device.measure(number, Decimal("12.5"), at))

        def waiting() -> list[str]:
            states = {lot["test_code"]: lot["state"] for lot in running.board()["lots"]}
            return [one.name for one in testers if states[samples[one.name]["test_code"]] != "released"]

        try:
            wait_for("all results", lambda: set(waiting()) == UNCHECKED, 60, 0.3)
            wait_for("the unchecked", lambda: len(running.board()["unmatched"]) == len(UNCHECKED), 20, 0.3)
        except RuntimeError as error:
            waits = [(one["analyzer"], one["why"]) for one in running.board()["unmatched"]]
            raise AssertionError(f"{error}: {waiting()} {waits}\n{running.log.read_text('utf-8')}") from None
        for one in running.board()["unmatched"]:
            assert (one["why"], one["lot"]) == (["unsure"], samples[one["analyzer"]]["test_code"])
            running.post(f"/api/results/{one['seq']}/match", lot=one["lot"], person="张检测")
        assert waiting() == []
        before = running.board()["city"]["written"]
        blanks = 1  # one of them says its own, which is a control
        assert before == 3 * len(testers) + len(UNCHECKED) + blanks  # entry, result and release of each
        running.kill()  # the instruments keep their memory, and so does the ledger
        running.start()
        wait_for("the ports", lambda: all(view["up"] for view in running.board()["analyzers"]), 20)
        wait_for("another reading", lambda: running.log.read_text("utf-8").count("handed over") > len(testers), 20, 0.3)
        assert running.board()["city"]["written"] == before
