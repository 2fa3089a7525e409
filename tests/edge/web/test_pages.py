"""The pages as served, without a browser."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

import edge.web
from drivers.transports.adapters import Identity
from edge.between import words as catalogue
from edge.between.board import AnalyzerView, PortView
from edge.web.pages import channelled, planned, repeats
from edge.web.server import WebServer
from edge.web.wording import megabytes, ucum, visible

PENDING, SECOND = "41010800130100000031", "41010800130100000021"
WEB = Path(edge.web.__file__).parent
SOURCES = [*(WEB / "templates").iterdir(), *(WEB / "static").glob("*.js")]


@pytest.fixture
def http(web: WebServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=web.url, timeout=10) as client:
        yield client


def test_the_first_page_is_the_first_job(core: Any, http: httpx.Client) -> None:
    assert http.get("/").headers["location"] == "/stall"
    core.showing.post(jobs=("gate",))
    assert http.get("/").headers["location"] == "/gate"
    core.showing.post(jobs=("canteen",))
    assert http.get("/").headers["location"] == "/status"


@pytest.mark.parametrize("page", ["stall", "gate", "status"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_pages_are_rendered_in_both_languages(http: httpx.Client, page: str, language: str) -> None:
    html = http.get(f"/{page}", headers={"Cookie": f"lang={language}"}).text
    assert f'<html lang="{"zh-CN" if language == "zh" else "en"}">' in html
    assert catalogue.Words(language)(f"title.{page}") in html
    assert not re.search(r"<script(?! type=\"application/json\"| type=\"module\" src=)", html)
    assert not re.search(r"\son\w+=", re.sub(r"&\w+;|&#\d+;", "", html.replace("onerror", "")))
    assert "<img" not in html


def test_the_language_is_remembered(core: Any, http: httpx.Client) -> None:
    assert 'lang="zh-CN"' in http.get("/gate").text
    switched = http.get("/gate?lang=en")
    assert (switched.status_code, switched.headers["location"]) == (303, "/gate")
    assert 'lang="en"' in http.get("/gate").text
    core.showing.post(language="en")
    assert '<html lang="en">' in httpx.get(f"{http.base_url}/stall").text
    assert '<html lang="en">' in httpx.get(f"{http.base_url}/stall", headers={"Cookie": "lang=xx"}).text


def test_a_weight_is_never_in_the_page_itself(core: Any, http: httpx.Client) -> None:
    core.load(7777)
    assert "7.777" not in http.get("/stall").text


def test_the_status_page_names_the_next_step(core: Any, http: httpx.Client) -> None:
    assert "全部正常" in http.get("/status").text
    board = core.showing.board
    core.showing.post(
        printers=(replace(board.printers[0], up=False, state="paper"),),
        city=replace(board.city, up=False, why="timeout", set_aside=((17, "unknown <product>"),)),
        clock_state="unsynced",
        disk_free=1_000_000,
    )
    core.weigh(up=False, port_why="no such port", garbage=3)
    html = http.get("/parts/status").text
    for text in (
        "检查秤的电源",
        "no such port",
        "请装新纸卷",
        "缺纸",
        "#17",
        "unknown &lt;product&gt;",
        "拒收",
        "时间未校准",
    ):
        assert text in html
    assert "有 6 处需要处理" in html


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("why", catalogue.section("clock_why"))
def test_the_status_page_says_why_the_clock_is_not_set(core: Any, http: httpx.Client, why: str, language: str) -> None:
    core.showing.post(clock_state="unsynced", clock_why=why)
    html = unescape(http.get("/parts/status", headers={"Cookie": f"lang={language}"}).text)
    assert catalogue.text("clock_why", why).said(language) in html
    assert "date-asked" not in html


def test_a_clock_that_runs_free_is_not_complained_of_until_a_date_is_asked_about(core: Any, http: httpx.Client) -> None:
    core.showing.post(clock_state="holdover", clock_why="unsynced")
    assert "全部正常" in http.get("/status").text
    core.showing.post(clock_state="holdover", clock_why="apart", clock_asks="2026-12-24T09:30")
    html = http.get("/status").text
    for text in (
        "系统时间 2026-12-24 09:30",
        'data-date="2026-12-24"',
        "今天确实是 2026-12-24",
        "有 1 处需要处理",
    ):
        assert text in html


def test_the_status_page_says_what_is_wrong_with_the_way_to_the_city(core: Any, http: httpx.Client) -> None:
    city = replace(
        core.showing.board.city,
        cause="silent",
        silent_since="2026-11-29T05:31:07+08:00",
        last_ack="2026-11-29T04:30:00+08:00",
        odd=(("bad_signature", 3), ("retained", 1)),
        confirm="city-unsigned",
        set_aside=((17, "bad_data: x"),),
        aside=90,
    )
    core.showing.post(city=city)
    html = http.get("/parts/status").text
    for text in (
        "已连接，但平台没有回执 · 自 11-29 05:31",
        "平台最近一次确认：11-29 04:30",
        "告诉平台方；记录已存在本机",
        "签名不对的回执 3 · 服务器留存的旧回执 1",
        "被拒收的记录共 90 条",
    ):
        assert text in html
    assert "平台没有回执" in http.get("/parts/strip").text
    english = http.get("/parts/status", headers={"Cookie": "lang=en"}).text
    for text in ("Connected, but the city does not answer", "since 11-29 05:31"):
        assert text in english
    told = http.get("/health").json()["city"]
    assert (told["cause"], told["set_aside"]) == ("silent", 90)
    assert 'marketedge_messages_not_taken_total{why="bad_signature"} 3' in http.get("/metrics").text


@pytest.mark.parametrize("cause", catalogue.section("link"))
def test_every_cause_is_shown_with_its_next_step(core: Any, http: httpx.Client, cause: str) -> None:
    core.showing.post(city=replace(core.showing.board.city, up=False, cause=cause, why="mqtts://x: detail"))
    html = http.get("/parts/status").text
    assert catalogue.text("link", cause).zh in html
    assert catalogue.text("link_do", cause).zh in unescape(html)
    assert "mqtts://x: detail" in html


def test_the_status_page_shows_probes_and_counts(core: Any, http: httpx.Client) -> None:
    html = http.get("/parts/status").text
    assert "温度 4.1 °C · 湿度 88.0 %" in html
    assert '<dd id="count-unmatched">2</dd>' in html
    board = core.showing.board
    core.lot(PENDING, verdict="suspect", measurements=1, repeats_due=2)
    core.showing.post(
        analyzers=(replace(board.analyzers[0], unmatched=40),),
        probes=(replace(board.probes[0], up=False, why="no answer", measured=()),),
    )
    html = http.get("/parts/status").text
    for text in ("检查探头的接线", "no answer", "在“进场检测”页指定批次", "有 2 处需要处理"):
        assert text in html
    for count in ('"count-unmatched">40<', '"count-repeats">1<', '"count-held">1<'):
        assert count in html
    assert "探头 cold-room" in http.get("/parts/strip").text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "等待首次检测：把样品号 3 输入检测仪"),
        ({"verdict": "suspect", "measurements": 1, "repeats_due": 2}, "复测 0/2"),
        ({"verdict": "suspect", "measurements": 2, "repeats_due": 1}, "还需复测 1 次"),
        ({"verdict": "invalid", "measurements": 2, "repeats_due": 1}, "结果无效，请重测"),
        ({"verdict": "invalid", "measurements": 1}, "结果无效，请重测"),
        ({"verdict": "suspect", "measurements": 3}, "复测结果不一致"),
        ({"verdict": "suspect", "measurements": 3, "whole_plant": "due"}, "完成整株浸提后再测"),
        ({"whole_plant": "done"}, "整株浸提已完成"),
    ],
)
def test_a_pending_lot_says_what_is_due_next(
    core: Any, http: httpx.Client, changes: dict[str, Any], words: str
) -> None:
    core.lot(PENDING, **changes)
    assert words in http.get("/parts/lots").text
    assert ("整株浸提：" in http.get("/parts/lots").text) is (changes.get("whole_plant") == "due")


def test_a_planned_lot_says_its_channel(core: Any, http: httpx.Client) -> None:
    core.showing.post(plan=(("analyzer-1", "10", SECOND), ("analyzer-1", "2", PENDING)))
    assert "等待首次检测：样品在通道 2" in http.get("/parts/lots").text
    html = http.get("/parts/plan").text
    assert html.index("西红柿") < html.index("已有结果，请更换或清除")


def test_an_analyzer_says_or_shows_that_it_reports_by_channel(core: Any) -> None:
    @dataclass(frozen=True, slots=True)
    class Saying(AnalyzerView):
        match: str = "sample"

    board = replace(core.showing.board, analyzers=(Saying("b", True, "", 0, 0, 0, match="channel"),))
    assert channelled(board) == ["b"]
    board = replace(board, plan=(("a", "10", PENDING), ("a", "2", "410108001301000009991")))
    assert channelled(board) == ["a", "b"]
    assert [(row[1], row[3] and row[3].sample) for row in planned(board)] == [("2", None), ("10", "3")]


def test_repeats_are_counted_from_what_the_lot_says(core: Any) -> None:
    lot = replace(core.showing.board.lots[2], measurements=2, repeats_due=1)
    assert repeats(lot) == (1, 2)
    assert repeats(replace(lot, measurements=0, repeats_due=0)) == (0, 0)


def test_a_dead_core_is_said(core: Any, http: httpx.Client) -> None:
    core.showing.beat = 0.0
    assert "程序无响应" in http.get("/status").text


def test_every_state_has_the_words_of_the_contract(core: Any, http: httpx.Client) -> None:
    html = http.get("/gate").text
    for text in ("快检结果为筛查结果", "合格（快检）", "快检阳性（筛查），暂停销售", "待检测", "41010800110100010074"):
        assert text in html
    assert "不合格" not in html


def test_an_empty_station_has_pages_too(core: Any, http: httpx.Client) -> None:
    core.showing.post(
        scales=(), analyzers=(), products=(), lots=(), papers=(), printers=(), jobs=(), stall="", seller="", station=""
    )
    for page in ("stall", "gate", "status"):
        assert http.get(f"/{page}").status_code == 200


def test_static_files_are_revalidated(http: httpx.Client) -> None:
    first = http.get("/static/style.css")
    assert first.headers["content-type"].startswith("text/css")
    again = http.get("/static/style.css", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_nothing_is_fetched_from_elsewhere() -> None:
    for path in [*SOURCES, *(WEB / "static").iterdir()]:
        found = re.findall(r"https?://[^\s\"'<)]+", path.read_text())
        assert [url for url in found if url != "http://www.w3.org/2000/svg"] == []


def test_values_are_written_as_people_read_them() -> None:
    assert [megabytes(12_400_000_000), megabytes(9_900_000)] == ["12.4 GB", "9 MB"]
    assert [ucum("Cel"), ucum("%")] == ["°C", "%"]
    assert visible("a\r\nb\x1b[2J\u202e\u2067c\t \n") == "a\nb[2Jc"


HERE = Identity("1a86:7523", "00.0", "", "pci0000:00/0000:00:14.0-usb-1.2", what="USB Serial")
THERE = replace(HERE, socket="pci0000:00/0000:00:14.0-usb-1.3")


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
    core.swap(HERE, THERE)
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
    core.swap(HERE, now)
    assert words in http.get("/parts/status").text


def test_the_status_page_names_ports_and_says_which_names_are_not_safe(core: Any, http: httpx.Client) -> None:
    path = "/dev/serial/by-path/pci-0"
    core.showing.post(
        ports=(
            PortView("scale-1", "/dev/ttyUSB0", "unsafe", path),
            PortView("analyzer-1", "/dev/serial/by-id/x", "number"),
            PortView("cold-room", path, "socket"),
        )
    )
    html = http.get("/parts/status").text
    for text in ("/dev/ttyUSB0", f"请在 station.toml 中改为 {path}", "按序列号命名", "按插口命名，请勿换插口"):
        assert text in html
    assert "有 1 处需要处理" in html
    core.showing.post(ports=(PortView("scale-1", "/dev/ttyUSB0", "unsafe"),))
    assert "请用 marketedge ports 查看" in http.get("/parts/status").text
