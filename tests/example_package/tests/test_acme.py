"""Acme's scales at a real station: `pip install .` and `marketedge[sim]`, then `pytest`.

The fixtures come with marketedge (`simulator/pytest_plugin.py`); a scale is simulated by its row's format.
"""

import pytest

CABBAGE = "01040201"


@pytest.mark.marketsim(scale="acme-pro-15")
def test_a_weight_is_sold_printed_and_delivered(station, scale, printer, city, lot, delivered):
    scale.put("2.350")
    board = station.until("the load", lambda board: board["scales"][0]["sellable"])
    sale = station.post("/api/sales", scale="scale-1", product=CABBAGE, lot=lot, seen_g=board["scales"][0]["net_g"])
    assert (sale["net_g"], sale["amount_fen"]) == (2350, 823)
    paper = printer.paper("大白菜", "2.350", "8.23")
    assert paper.qr == [sale["url"]] and not paper.unknown
    scale.unplug()
    station.until("the loss", lambda board: not board["scales"][0]["up"])
    said = delivered(station, city)
    assert (said["upto"], said["chain_ok"], said["gaps"]) == (2, True, 0)
