"""``marketedge check`` beside a running station: it asks it, instead of fighting for its ports."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edge.between.board import AnalyzerView, Board, CityView, PrinterView, ProbeView, ScaleView, Showing
from edge.between.inbox import Inbox
from edge.between.print_states import PrinterState
from edge.cli.main import main
from edge.records.lock import Lock
from edge.web.server import WebServer

WELL = Board(
    clock_state="synced",
    disk_free=10**9,
    disk_total=10**9,
    scales=(ScaleView("scale-1", True, 1250, "1.250", "kg", True, False, True, "", 30_000, 100, "5"),),
    analyzers=(AnalyzerView("tester-1", True, "", 3, 0, 0),),
    probes=(ProbeView("cold-room", True, "", (("temperature", "3.5", "Cel"),)),),
    printers=(PrinterView("printer-1", True, "", 0, PrinterState.READY),),
    city=CityView(True, "", 5, 5, 0, (), "mqtts://sy.example.cn:8883"),
)

OWN = {
    "请填写经营者名称": "李秀兰蔬菜",
    "请填写摊位号": "B-17",
    "4101080010001": "4101080020077",
    "410108001": "410108002",
    "sy.example.cn": "sy.zz.gov.cn",
}


@pytest.fixture
def showing() -> Showing:
    return Showing(WELL)


@pytest.fixture
def said(tmp_path: Path, showing: Showing) -> Iterator[Callable[..., dict[str, str]]]:
    """The lines of ``check`` by their names, for a station whose board is this one."""
    folder = tmp_path / "stall"
    assert CliRunner().invoke(main, ["init", str(folder), "--job", "stall", "--city-key", "ab" * 32]).exit_code == 0
    config = folder / "station.toml"
    text = config.read_text("utf-8")
    for example, own in OWN.items():
        assert example in text
        text = text.replace(example, own)
    (folder / "data").mkdir(0o700)
    held, web = Lock(folder / "data"), WebServer("127.0.0.1:0", showing, Inbox())
    web.start()
    web.ready.wait(30)
    held.note(web.url)

    def check(language: str = "zh", **changes: Any) -> dict[str, str]:
        showing.post(**changes)
        config.write_text(text.replace('language = "zh"', f'language = "{language}"'), "utf-8")
        done = CliRunner().invoke(main, ["check", "-c", str(config)])
        lines = {line[5:].partition(": ")[0]: line for line in done.output.splitlines()}
        lines["exit"] = str(done.exit_code)
        return lines

    yield check
    logging.disable(logging.NOTSET)
    web.stop()
    held.close()


def test_a_running_station_that_is_well_is_well(said: Callable[..., dict[str, str]]) -> None:
    lines = said()
    assert lines["scale-1"] == "ok   scale-1: 已连接. 1.250 kg 稳定"
    assert lines["tester-1"] == "ok   tester-1: 已连接. 已收 3 条结果"
    assert lines["cold-room"] == "ok   cold-room: 已连接. 温度 3.5 °C"
    assert lines["printer-1"] == "ok   printer-1: 正常"
    assert lines["broker"].startswith("ok   broker: mqtts://sy.example.cn:8883")
    assert "由正在运行的站点提供" in lines["web"]
    assert not [line for line in lines.values() if line.startswith("FAIL")]
    assert lines["exit"] == "0"


def test_a_broker_that_was_left_is_named(said: Callable[..., dict[str, str]]) -> None:
    why = "mqtts://a.example.cn: it has record 7 for 30 s"
    lines = said("en", city=replace(WELL.city, left=(("mqtts://a.example.cn", "swallowed", why),)))
    assert not lines["broker"].startswith(("ok", "FAIL"))
    assert why in lines["broker"] and "the city does not get them" in lines["broker"]
    assert lines["exit"] == "0"


def test_in_english_too(said: Callable[..., dict[str, str]]) -> None:
    lines = said("en")
    assert lines["scale-1"] == "ok   scale-1: Connected. 1.250 kg Stable"
    assert "is served by the running station" in lines["web"]


def test_what_is_lost_is_told_with_the_next_step(said: Callable[..., dict[str, str]]) -> None:
    scale = replace(WELL.scales[0], up=False, net_g=None, text="", why="no_signal", port_why="/dev/ttyUSB0: gone")
    lines = said(
        scales=(scale,),
        analyzers=(replace(WELL.analyzers[0], unmatched=2),),
        printers=(replace(WELL.printers[0], up=False, state="paper", waiting=2),),
        city=replace(WELL.city, cause="silent", pending=7),
        trouble="磁盘已满",
    )
    assert lines["scale-1"].startswith("FAIL scale-1: 未连接 (/dev/ttyUSB0: gone). 检查秤的电源和数据线")
    assert lines["tester-1"].startswith("warn tester-1: 已连接. 已收 3 条结果. 2 条未对上样品号. 核对")
    assert lines["printer-1"] == "FAIL printer-1: 缺纸. 待打 2 张. 缺纸：请装新纸卷"
    assert lines["broker"].startswith("FAIL broker: 已连接，但平台没有回执. 待确认 7. 告诉平台方")
    assert lines["trouble"].startswith("FAIL trouble: 磁盘已满。打开 http://127.0.0.1:")
    assert lines["trouble"].endswith("/status，按上面写的做")
    assert lines["exit"] == "1"


def test_a_station_that_does_not_answer_is_told(said: Callable[..., dict[str, str]], showing: Showing) -> None:
    showing.beat = 1.0
    assert "重启服务" in said()["station"]


def test_no_port_is_opened_and_no_file_made(said: Callable[..., dict[str, str]], tmp_path: Path) -> None:
    said()
    assert {path.name for path in (tmp_path / "stall" / "data").iterdir()} == {"station.lock"}
