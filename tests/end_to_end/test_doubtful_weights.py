"""A cut, garbled, unstable or over-range frame never becomes a sale; an unplugged scale comes back by itself."""

import json
import random
import sqlite3
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from simulator.broker import Broker
from simulator.city.server import City
from simulator.faults import Faults
from simulator.line import Line, Pty
from simulator.scale import Pan, find
from simulator.stage import CABBAGE, Refusal, StationProcess, Wiring, wait_for

pytestmark = pytest.mark.broker
BAD_WIRE = Faults(split=0.3, glue=0.1, cut=0.03, noise=0.04, flip=0.002, lose=0.002, double=0.002, seed=7)


@pytest.mark.slow
@pytest.mark.parametrize(("format_id", "model"), [("yaohua_tf0", "yaohua-a9"), ("mt_sics", "mt-sics")])
def test_a_bad_wire_never_sells_another_weight(
    tmp_path: Path,
    broker: Broker,
    city: City,
    station: Callable[..., StationProcess],
    released_lot: Callable[..., str],
    delivered: Callable[..., dict[str, Any]],
    format_id: str,
    model: str,
) -> None:
    pan = Pan(Decimal(30), Decimal("0.010"), settle=0.15)
    with Line(find(format_id)(pan), Pty(tmp_path / "scale"), faults=BAD_WIRE) as line:
        running = station(Wiring(broker=broker.url, scale=line.address, scale_model=model, continuous=CABBAGE))
        released_lot(running)
        dice = random.Random(11)
        laid = set()
        for turn in range(14):
            grams = dice.randrange(300, 29_000, 10)
            if turn % 5 == 4:
                grams += 30_000  # over range: the scale says so or sends no number
            else:
                laid.add(grams)
            line.do(lambda _, now, kg=Decimal(grams) / 1000: pan.put(kg, now))
            time.sleep(dice.uniform(0.2, 1.6))  # sometimes gone before it was stable
            line.do(lambda _, now: pan.take_off(now))
            time.sleep(0.5)
        said = delivered(running, city)
    assert said["chain_ok"]
    rows = sqlite3.connect(tmp_path / "station" / "data" / "ledger.db").execute("SELECT body FROM events")
    events = [json.loads(body) for (body,) in rows]
    sold = [line["net_g"] for e in events if ".trade." in e["type"] for line in e["data"]["slip"]["lines"]]
    assert len(sold) >= 3
    assert set(sold) <= laid
    assert len(sold) == len(set(sold))


def test_unplugging_and_replugging_the_scale_needs_no_hand(
    tmp_path: Path, broker: Broker, station: Callable[..., StationProcess], released_lot: Callable[..., str]
) -> None:
    pan = Pan(Decimal(30), Decimal("0.010"), settle=0.1)
    with Line(find("mt_sics")(pan), Pty(tmp_path / "scale")) as line:
        running = station(Wiring(broker=broker.url, scale=line.address))
        lot = released_lot(running)

        def scale() -> dict[str, Any]:
            view: dict[str, Any] = running.board()["scales"][0]
            return view

        def sell() -> dict[str, Any]:
            return running.post("/api/sales", scale="scale-1", product=CABBAGE, lot=lot)

        wait_for("an empty pan", lambda: scale()["why"] == "below_min")
        line.do(lambda _, now: pan.put(Decimal("1.500"), now))
        wait_for("a sellable load", lambda: scale()["sellable"])
        line.unplug()
        wait_for("no signal", lambda: scale()["why"] == "no_signal")
        assert scale()["net_g"] is None
        with pytest.raises(Refusal) as refused:
            sell()
        assert refused.value.code == "no_signal"
        line.replug()
        wait_for("the scale again", lambda: scale()["sellable"], 3)
        assert sell()["net_g"] == 1500
        with pytest.raises(Refusal) as twice:
            sell()
        assert twice.value.code == "sold"
        log = running.log.read_text("utf-8")
        assert log.count("scale-1 is gone") == 1
        assert log.count("scale-1 is there") == 2


def test_a_weight_that_changed_since_the_person_looked_is_refused(
    tmp_path: Path, broker: Broker, station: Callable[..., StationProcess], released_lot: Callable[..., str]
) -> None:
    pan = Pan(Decimal(30), Decimal("0.010"), settle=0.1)
    with Line(find("mt_sics")(pan), Pty(tmp_path / "scale")) as line:
        running = station(Wiring(broker=broker.url, scale=line.address))
        lot = released_lot(running)
        wait_for("an empty pan", lambda: running.board()["scales"][0]["why"] == "below_min")
        line.do(lambda _, now: pan.put(Decimal("1.500"), now))
        wait_for("a sellable load", lambda: running.board()["scales"][0]["sellable"])
        with pytest.raises(Refusal) as refused:
            running.post("/api/sales", scale="scale-1", product=CABBAGE, lot=lot, seen_g=1490)
        assert refused.value.code == "weight_changed"
        assert running.board()["city"]["written"] == 1
