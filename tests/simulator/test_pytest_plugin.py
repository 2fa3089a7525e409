"""What tests get by the plugin's marks, and what they are told; the whole of it is at work in test_walk.py."""

from decimal import Decimal

import pytest

from simulator.devices import AnalyzerLine, PrinterLine, ScaleLine
from simulator.stage import StageFailed

pytestmark = pytest.mark.marketsim(scale="yaohua-a9", settle=0.1)


@pytest.mark.marketsim(e="5 g", analyzer="dayuan-tl310")
def test_marks_add_up_and_devices_are_there_without_a_station(
    scale: ScaleLine, analyzer: AnalyzerLine, printer: PrinterLine
) -> None:
    scale.put("1.250")
    pan = scale.do(lambda device, now: device.pan)
    assert (pan.load, pan.settle, pan.e) == (Decimal("1.250"), 0.1, Decimal("0.005"))
    assert scale.do(lambda device, now: device.pending(now + 1)).startswith(b"\x02")  # the frame of a Yaohua
    assert analyzer.measure("7", "12.5").sample == "7"
    assert printer.papers == []


@pytest.mark.marketsim(scale="st-gs")
def test_the_nearest_mark_counts(scale: ScaleLine) -> None:
    assert scale.do(lambda device, now: device.pending(now + 1)).startswith(b"ST,GS")


@pytest.mark.marketsim(scales="st-gs")
def test_a_mark_that_nobody_knows_is_told(request: pytest.FixtureRequest) -> None:
    with pytest.raises(pytest.UsageError, match=r"marketsim does not know scales; there are: .*, scale, .*, settle, "):
        request.getfixturevalue("station")


@pytest.mark.marketsim("st-gs")
def test_a_mark_without_a_name_is_told(request: pytest.FixtureRequest) -> None:
    with pytest.raises(pytest.UsageError, match=r"marketsim takes names, as in marketsim\(scale='st-gs'\)"):
        request.getfixturevalue("station")


@pytest.mark.marketsim(scale="usb-hid-scale")
def test_a_scale_that_is_not_on_a_line_is_told(request: pytest.FixtureRequest) -> None:
    with pytest.raises(StageFailed, match="usb-hid-scale is on USB; a market's devices are on serial lines"):
        request.getfixturevalue("scale")
