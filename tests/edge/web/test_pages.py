"""The pages as served by a station with a real core, without a browser."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import edge.web
from drivers.transports.adapters import Identity, Naming
from edge.between import words as catalogue
from edge.between.commands import PlanChannel, WholePlantDone
from edge.between.inbox import LinkChanged, PortChanged, PortFound, PortGarbage, PrinterChanged
from edge.between.print_states import PrinterState
from edge.records.ledger import Signer
from edge.state.disk import Space
from edge.web.pages import channelled, planned, repeats
from edge.web.server import WebServer
from edge.web.wording import megabytes, ucum, visible
from protocol.city.topics import Ack
from protocol.city.written import minute

PENDING, HELD, SOURCE = "41010800330100000030", "41010800330100000021", "41010800310100000023"
WEB = Path(edge.web.__file__).parent
SOURCES = [*(WEB / "templates").iterdir(), *(WEB / "static").glob("*.js")]


@pytest.fixture
def http(web: WebServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=web.url, timeout=10) as client:
        yield client


@pytest.mark.parametrize(
    ("changed", "page"),
    [
        ({}, "/stall"),
        ({'jobs = ["stall", "gate"]': 'jobs = ["gate"]'}, "/gate"),
        ({'jobs = ["stall", "gate"]': 'jobs = ["canteen"]'}, "/canteen"),
    ],
)
def test_the_first_page_is_the_first_job(http: httpx.Client, changed: dict[str, str], page: str) -> None:
    assert http.get("/").headers["location"] == page


@pytest.mark.parametrize("page", ["stall", "gate", "status"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_pages_are_rendered_in_both_languages(http: httpx.Client, page: str, language: str) -> None:
    html = http.get(f"/{page}", headers={"Cookie": f"lang={language}"}).text
    assert f'<html lang="{"zh-CN" if language == "zh" else "en"}" ' in html
    assert catalogue.Words(language)(f"title.{page}") in html
    assert not re.search(r"<script(?! type=\"application/json\"| type=\"module\" src=| src=)", html)
    assert not re.search(r"\son\w+=", re.sub(r"&\w+;|&#\d+;", "", html.replace("onerror", "")))
    assert "<img" not in html


def test_the_language_is_remembered(core: Any, http: httpx.Client) -> None:
    assert 'lang="zh-CN"' in http.get("/gate").text
    switched = http.get("/gate?lang=en")
    assert (switched.status_code, switched.headers["location"]) == (303, "/gate")
    assert 'lang="en"' in http.get("/gate").text


@pytest.mark.parametrize("changed", [{'jobs = ["stall", "gate"]': 'jobs = ["stall"]\nlanguage = "en"'}])
def test_the_station_has_a_language_of_its_own(http: httpx.Client, changed: dict[str, str]) -> None:
    assert '<html lang="en" ' in http.get("/stall").text
    assert '<html lang="en" ' in http.get("/stall", headers={"Cookie": "lang=xx"}).text


def test_a_weight_is_never_in_the_page_itself(core: Any, http: httpx.Client) -> None:
    core.puts("7.775")
    assert core.scale.text == "7.775"
    assert "7.775" not in http.get("/stall").text


def test_the_status_page_names_the_next_step(core: Any, http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    core.settles()
    assert "全部正常" in http.get("/status").text
    core.platform.rejects = "unknown <product>"
    core.enters()
    core.disk = Space(1_000_000, 10**10)
    core.clock.jumps("2031-03-01T09:30")
    core.clock.go(10.0)
    core.turn(
        PrinterChanged("printer-1", PrinterState.PAPER),
        LinkChanged(False, "timeout", "mute"),
        *[PortGarbage("scale-1", "no frame", b"?")] * 3,
        PortChanged("scale-1", False, "no such port"),
    )
    html = http.get("/parts/status").text
    for text in (
        "检查秤的电源",
        "no such port",
        "请装新纸卷",
        "缺纸",
        f"#{int(core.records('entry.registered')[-1]['sequence'])}",
        "unknown &lt;product&gt;",
        "拒收",
        "时间未校准",
    ):
        assert text in html
    assert "有 6 处需要处理" in html


def a_day_without(core: Any, kernel: bool | None) -> None:
    core.clock.kernel = kernel
    core.clock.go(25 * 3600)


def a_day_in_another_century(core: Any) -> None:
    core.clock.jumps("1999-01-01T00:00")
    core.clock.go(25 * 3600)
    core.turn()


def a_date_apart(core: Any) -> None:
    core.clock.kernel = False
    core.clock.jumps("2026-11-19T05:31")


def put_back_by_the_host(core: Any) -> None:
    """After a day without any time."""
    now = core.clock.wall
    a_day_in_another_century(core)
    core.clock.jumps((now + timedelta(hours=24)).replace(tzinfo=None).isoformat())


def told_by_the_city(core: Any) -> None:
    """After a day without a time service."""
    a_day_without(core, False)
    core.clock.told(core.clock.now().seconds + 60, core.clock.up() - 1)


ILL_CLOCKS: dict[str, Callable[[Any], None]] = {
    "unsynced": lambda core: a_day_without(core, False),
    "refused": lambda core: a_day_without(core, None),
    "range": a_day_in_another_century,
    "apart": a_date_apart,
    "doubted": lambda core: core.clock.jumps("2031-03-01T09:30"),
    "standing": put_back_by_the_host,
    "platform": told_by_the_city,
}


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("why", catalogue.section("clock_why"))
def test_the_status_page_says_why_the_clock_is_not_set(
    again: Callable[..., Any], serve: Callable[..., WebServer], why: str, language: str
) -> None:
    core = again(trust="host" if why == "standing" else "kernel")
    ILL_CLOCKS[why](core)
    core.turn()
    assert core.board.clock_why == why
    page = httpx.get(serve(core).url + "/parts/status", headers={"Cookie": f"lang={language}"})
    html = unescape(page.text)
    assert catalogue.text("clock_why", why).said(language) in html
    assert ("date-asked" in html) is (why in ("apart", "doubted"))


def test_a_clock_that_runs_free_is_not_complained_of_until_a_date_is_asked_about(core: Any, http: httpx.Client) -> None:
    core.settles()
    core.clock.kernel = False
    core.clock.go(60)
    core.weighs("0.000")
    assert core.board.clock_state == "holdover"
    assert "全部正常" in http.get("/status").text
    core.clock.jumps("2026-12-24T09:30")
    core.weighs("0.000", seconds=0.4)
    assert core.board.clock_state == "holdover"
    html = http.get("/status").text
    for text in (
        "系统时间 2026-12-24 09:30",
        'data-date="2026-12-24"',
        "今天确实是 2026-12-24",
        "有 1 处需要处理",
    ):
        assert text in html


def test_the_status_page_says_what_is_wrong_with_the_way_to_the_city(core: Any, http: httpx.Client) -> None:
    core.enters()
    core.turn()
    acknowledged = core.board.city.last_ack
    core.platform.rejects = "x"
    for _ in range(52):
        core.enters()
    core.platform.says(Ack(1), Ed25519PrivateKey.generate())
    core.platform.says(Ack(1), retained=True)
    core.platform.rejects = ""
    core.enters()
    core.turn()
    assert core.board.city.pending == 0
    core.platform.answers = False
    core.clock.go(60)
    core.enters()
    silent = core.clock.wall
    core.clock.go(3600)
    core.turn()
    assert core.board.city.cause == "silent"
    html = http.get("/parts/status").text
    for text in (
        f"已连接，但平台没有回执 · 自 {minute(silent.isoformat())}",
        f"平台最近一次确认：{minute(acknowledged)}",
        "告诉平台方；记录已存在本机",
        "签名密钥未知的回执 1",
        "服务器留存的旧回执 1",
        "被拒收的记录共 52 条",
    ):
        assert text in html
    assert "平台没有回执" in http.get("/parts/strip").text
    english = http.get("/parts/status", headers={"Cookie": "lang=en"}).text
    for text in ("Connected, but the city does not answer", f"since {minute(silent.isoformat())}"):
        assert text in english
    told = http.get("/health").json()["city"]
    assert (told["cause"], told["set_aside"]) == ("silent", 52)
    assert 'marketedge_messages_not_taken_total{why="unknown_key"} 1' in http.get("/metrics").text


@pytest.mark.parametrize("cause", catalogue.section("link"))
def test_every_cause_is_shown_with_its_next_step(core: Any, http: httpx.Client, cause: str) -> None:
    core.turn(LinkChanged(False, "mqtts://x: detail", cause))
    html = http.get("/parts/status").text
    assert catalogue.text("link", cause).zh in html
    assert catalogue.text("link_do", cause).zh in unescape(html)
    assert "mqtts://x: detail" in html


def test_the_status_page_shows_probes_and_counts(core: Any, http: httpx.Client) -> None:
    html = http.get("/parts/status").text
    assert "湿度 88.0 % · 温度 4.1 °C" in html
    assert '<dd id="count-unmatched">2</dd>' in html
    core.hands_over(core.result("3", "61.0"), device="analyzer-1")
    core.weighs("0.000")
    core.turn(PortChanged("cold-room", False, "no answer"))
    html = http.get("/parts/status").text
    for text in ("检查探头的接线", "no answer", "在“进场检测”页指定批次", "有 3 处需要处理"):
        assert text in html
    for count in ('"count-unmatched">2<', '"count-repeats">1<', '"count-held">1<'):
        assert count in html
    assert "探头 cold-room" in http.get("/parts/strip").text


def measured(*numbers: str | None, product: str = "01040301") -> Callable[[Any], None]:
    """New goods with these results; None is a run that went wrong."""

    def measure(core: Any) -> None:
        sample = core.lot(core.enters(product)).sample
        for number in numbers:
            gone_wrong = {"control": Decimal("0.01")} if number is None else {}
            core.hands_over(core.result(sample, number or "61.0", **gone_wrong), device="analyzer-1")

    return measure


def extracted(core: Any) -> None:
    core.does(WholePlantDone(lot=core.enters("01040801"), person="王敏"))


@pytest.mark.parametrize(
    ("happens", "words"),
    [
        (measured(), "等待首次检测：把样品号 8 输入检测仪"),
        (measured("61.0"), "复测 0/2"),
        (measured("61.0", "62.0"), "还需复测 1 次"),
        (measured("61.0", None), "结果无效，请重测"),
        (measured(None), "结果无效，请重测"),
        (measured("61.0", "62.0", "12.5"), "复测结果不一致"),
        (measured("61.0", "62.0", "63.0", product="01040801"), "完成整株浸提后再测"),
        (extracted, "整株浸提已完成"),
    ],
)
def test_a_pending_lot_says_what_is_due_next(
    core: Any, http: httpx.Client, happens: Callable[[Any], None], words: str
) -> None:
    assert words not in http.get("/parts/lots").text
    happens(core)
    html = http.get("/parts/lots").text
    assert words in html
    assert ("整株浸提：" in html) is (words == "完成整株浸提后再测")


def test_a_planned_lot_says_its_channel(core: Any, http: httpx.Client) -> None:
    for channel, lot in (("10", HELD), ("2", PENDING)):
        core.does(PlanChannel(analyzer="analyzer-1", channel=channel, lot=lot))
    assert "等待首次检测：样品在通道 2" in http.get("/parts/lots").text
    html = http.get("/parts/plan").text
    assert html.index("西红柿") < html.index("已有结果，请更换或清除")


@pytest.mark.parametrize("changed", [{}, {'model = "dayuan-lz4000t"': 'model = "dayuan-lz4000t"\nmatch = "channel"'}])
def test_an_analyzer_says_or_shows_that_it_reports_by_channel(core: Any, changed: dict[str, str]) -> None:
    assert channelled(core.board) == (["analyzer-1"] if changed else [])
    for channel, lot in (("10", HELD), ("2", PENDING)):
        core.does(PlanChannel(analyzer="analyzer-1", channel=channel, lot=lot))
    assert channelled(core.board) == ["analyzer-1"]
    assert [(row[1], row[3] and row[3].sample) for row in planned(core.board)] == [("2", "3"), ("10", "2")]
    assert [row[3] for row in planned(replace(core.board, lots=()))] == [None, None]


def test_repeats_are_counted_from_what_the_lot_says(core: Any) -> None:
    lot = replace(core.lot(PENDING), measurements=2, repeats_due=1)
    assert repeats(lot) == (1, 2)
    assert repeats(replace(lot, measurements=0, repeats_due=0)) == (0, 0)


def test_a_dead_core_is_said(core: Any, http: httpx.Client) -> None:
    core.seem_dead()
    assert "程序无响应" in http.get("/status").text


def test_every_state_has_the_words_of_the_contract(core: Any, http: httpx.Client) -> None:
    html = http.get("/gate").text
    for text in ("快检结果为筛查结果", "合格（快检）", "快检阳性（筛查），暂停销售", "待检测", SOURCE):
        assert text in html
    assert "不合格" not in html


EMPTY = """
[station]
name = "空站"
jobs = ["gate"]
node = "410108003"
terminal = "01"
region = "410108"
host = "sy.market.test"
[seller]
code = "4101080010123"
name = "李秀兰蔬菜"
[city]
brokers = ["mqtt://127.0.0.1"]
"""


def test_an_empty_station_has_pages_too(
    running: Any, tmp_path: Path, signer: Signer, hand_clock: Any, serve: Callable[..., WebServer]
) -> None:
    core = running(tmp_path, signer, EMPTY, hand_clock)
    try:
        url = serve(core).url
        for page in ("stall", "gate", "status", "papers"):
            assert httpx.get(f"{url}/{page}").status_code == 200
    finally:
        core.stop()


def test_static_files_are_revalidated(http: httpx.Client) -> None:
    first = http.get("/static/style.css")
    assert first.headers["content-type"].startswith("text/css")
    again = http.get("/static/style.css", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_nothing_is_fetched_from_elsewhere() -> None:
    for path in [*SOURCES, *(WEB / "static").iterdir()]:
        found = re.findall(r"https?://[^\s\"'<)]+", path.read_text("latin-1"))
        assert [url for url in found if url != "http://www.w3.org/2000/svg"] == []


def test_values_are_written_as_people_read_them() -> None:
    assert [megabytes(12_400_000_000), megabytes(9_900_000)] == ["12.4 GB", "9 MB"]
    assert [ucum("Cel"), ucum("%")] == ["°C", "%"]
    assert visible("a\r\nb\x1b[2J\u202e\u2067c\t \n") == "a\nb[2Jc"


BY_PATH = "/dev/serial/by-path/pci-0000:00:14.0-usb-0:1.2:1.0-port0"
HERE = Identity("1a86:7523", "00.0", "", "pci0000:00/0000:00:14.0-usb-1.2", what="USB Serial")
THERE = replace(HERE, socket="pci0000:00/0000:00:14.0-usb-1.3")


def swap(core: Any, was: Identity, now: Identity) -> None:
    """Another device stands where the scale stood."""
    core.turn(
        PortFound("scale-1", was, Naming("unsafe", BY_PATH)),
        PortChanged("scale-1", False, "another device: nothing is read from it", now),
    )


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh", ("设备换了，未读取", "原来是：USB Serial (1a86:7523) · 没有自己的序列号，插口 0000:00:14.0-usb-1.2")),
        ("zh", ("现在是：USB Serial (1a86:7523) · 没有自己的序列号，插口 0000:00:14.0-usb-1.3", "把原来的设备插回")),
        ("en", ("Another device, not read", "There was: USB Serial (1a86:7523) · no number of its own, socket")),
        ("en", ("Now there is: USB Serial", "0000:00:14.0-usb-1.3", "Plug the old one back into its socket")),
    ],
)
def test_another_device_behind_a_port_is_said_with_both_and_the_way_out(
    core: Any, http: httpx.Client, language: str, words: tuple[str, ...]
) -> None:
    swap(core, HERE, THERE)
    html = http.get("/parts/status", headers={"Cookie": f"lang={language}"}).text
    assert all(text in html for text in words)
    assert 'data-swap="scale-1"' in html and "another device: nothing is read" not in html
    strip = http.get("/parts/strip", headers={"Cookie": f"lang={language}"}).text
    assert catalogue.Words(language)("swapped") in strip


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (replace(HERE, serial="A50285BI", what="FT232R"), "现在是：FT232R (1a86:7523) · 序列号 A50285BI"),
        (replace(HERE, what=""), "现在是：USB 设备 (1a86:7523)"),
        (replace(HERE, what="<b>x</b>"), "现在是：&lt;b&gt;x&lt;/b&gt;"),
        (Identity(), "现在是：不是 USB 设备"),
        (Identity(address="socket://10.0.0.7:4001"), "现在是：socket://10.0.0.7:4001"),
    ],
)
def test_whatever_stands_there_is_named(core: Any, http: httpx.Client, now: Identity, words: str) -> None:
    swap(core, HERE, now)
    assert words in http.get("/parts/status").text


PATH = "/dev/serial/by-path/pci-0"
NAMED = {
    'model = "st-gs"\nport = "/dev/null"': 'model = "st-gs"\nport = "/dev/ttyUSB0"',
    'model = "xy-md02"\nport = "/dev/null"': f'model = "xy-md02"\nport = "{PATH}"',
}


@pytest.mark.parametrize("changed", [NAMED])
def test_the_status_page_names_ports_and_says_which_names_are_not_safe(
    core: Any, http: httpx.Client, changed: dict[str, str]
) -> None:
    core.settles()
    core.turn(
        PortFound("scale-1", HERE, Naming("unsafe", PATH)),
        PortFound("analyzer-1", HERE, Naming("number")),
        PortFound("cold-room", HERE, Naming("socket")),
    )
    html = http.get("/parts/status").text
    for text in ("/dev/ttyUSB0", f"请在 station.toml 中改为 {PATH}", "按序列号命名", "按插口命名，请勿换插口"):
        assert text in html
    assert "有 1 处需要处理" in html
    core.turn(PortFound("scale-1", HERE, Naming("unsafe")))
    assert "请用 marketedge ports 查看" in http.get("/parts/status").text
