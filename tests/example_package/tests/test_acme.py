"""Acme's scales at a real station: `pip install .` and `marketedge[sim]`, then `pytest`.

The fixtures come with marketedge (`simulator/pytest_plugin.py`); a scale is simulated by its row's format.
"""

import pytest

CABBAGE = "01040201"


@pytest.mark.marketsim(scale="acme-pro-15")
def test_a_weight_of_the_pro_15_is_sold_and_printed(station, scale, printer, lot):
    scale.put("2.350")
    board = station.until("the load", lambda board: board["scales"][0]["sellable"])
    sale = station.post("/api/sales", scale="scale-1", product=CABBAGE, lot=lot, seen_g=board["scales"][0]["net_g"])
    assert (sale["net_g"], sale["amount_fen"]) == (2350, 823)
    paper = printer.paper("大白菜", "2.350", "8.23")
    assert paper.qr == [sale["url"]] and not paper.unknown


@pytest.mark.marketsim(scale="acme-pro-30")
def test_what_was_sold_reaches_the_city_although_the_plug_was_pulled(station, scale, city, lot, delivered):
    scale.put("11.460")
    station.until("the load", lambda board: board["scales"][0]["sellable"])
    scale.unplug()
    station.until("the loss", lambda board: not board["scales"][0]["up"])
    scale.replug()
    scale.take_off()
    station.until("an empty pan", lambda board: board["scales"][0]["net_g"] == 0)
    scale.put("11.460")
    station.until("the load again", lambda board: board["scales"][0]["sellable"])
    assert station.post("/api/sales", scale="scale-1", product=CABBAGE, lot=lot)["net_g"] == 11_460
    said = delivered(station, city)
    assert (said["upto"], said["chain_ok"], said["gaps"]) == (2, True, 0)
