"""The first start as a page, in Chromium: the same steps, with real ptys, to a station that is written and tried."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from edge.config.sections import load
from edge.setup.page import NotLoopback, SetupPage
from edge.setup.walk import Walk
from simulator.machine import Machine

Lines = list[tuple[bool | None, str, str]]


@pytest.fixture
def setup_page(new_box: Any) -> Iterator[SetupPage]:
    def tried(config: Path) -> Lines:
        assert load(config).station.jobs == ("stall",)
        return [(True, "config", str(config)), (None, "market keys", "还不认得"), (False, "broker", "没有回应。检查")]

    page = SetupPage(Walk(new_box.folder), tried)
    page.serve("127.0.0.1:0")
    yield page
    page.stop()


def widest(page: Any) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth"))


@pytest.mark.browser
def test_the_first_start_is_walked_on_a_page(browser: Any, setup_page: SetupPage, new_box: Any) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 740}, locale="zh-CN")
    page.goto(setup_page.address)

    def on(title: str) -> None:
        page.wait_for_selector(f"h1:has-text('{title}')", timeout=30_000)
        for width, height in ((1280, 800), (360, 740)):
            page.set_viewport_size({"width": width, "height": height})
            assert widest(page) <= width

    def go_on(**fields: str) -> None:
        for name, value in fields.items():
            page.fill(f"input[name='{name.replace('__', '.')}']", value)
        page.click("button.main")

    on("语言")
    go_on()
    on("这台设备做什么")
    go_on(name="惠济市场")
    on("平台给的编号")
    go_on(node="41010", terminal="07", host="sy.zz.gov.cn")
    page.wait_for_selector("label:has(input[name=node]) .wrong:has-text('9 位数字')")
    assert page.input_value("input[name=node]") == "41010"
    go_on(node="420100002")
    on("经营者")
    page.click("#back")
    on("平台给的编号")
    assert page.input_value("input[name=node]") == "420100002"
    assert page.input_value("input[name=region]") == "420100"
    go_on()
    on("经营者")
    go_on(seller__name="李秀兰蔬菜", seller__code="4201000020077", seller__stall="B-17")
    on("接上设备")
    go_on()
    on("端口")
    go_on()
    page.wait_for_selector("legend:has-text('1.110 kg')", timeout=30_000)
    go_on()
    page.wait_for_selector(".more:has-text('没有自己的序列号')", timeout=30_000)
    go_on()
    page.wait_for_selector("legend:has-text('一台打印机')", timeout=30_000)
    go_on()
    on("scale-1")
    page.fill("input[name^='max ']", "15 kg")
    page.fill("input[name^='e ']", "5 g")
    page.click("button.main")
    on("printer-1")
    go_on()
    page.wait_for_selector("legend:has-text('汉字认得出吗')", timeout=30_000)
    assert any("白菜" in text for paper in new_box.papers for text in paper.text.splitlines())
    go_on()
    on("到平台的路")
    go_on(city_key="ab" * 32)
    on("写入")
    assert not new_box.folder.exists()
    go_on()
    on("逐项检查")
    page.wait_for_selector("#start")
    assert page.locator(".lines li").evaluate_all("all => all.map(one => one.className)") == ["good", "warn", "bad"]
    config = load(new_box.folder / "station.toml")
    assert (config.station.node, config.station.region, config.station.terminal) == ("420100002", "420100", "07")
    (scale,), (printer,) = config.scale, config.printer
    assert (scale.port, scale.max, scale.e, scale.min) == (str(new_box.scale.by_id), "15 kg", "5 g", "100 g")
    assert printer.port == str(new_box.printer.by_path)
    page.click("#start")
    assert setup_page.ended.wait(10) and setup_page.started
    with suppress(Exception):
        page.close()


def test_the_command_serves_the_steps_and_then_is_the_station(tmp_path: Path, machine: Machine) -> None:
    """A box without devices; what the page's script does is done by hand."""
    folder = tmp_path / "mystall"
    command = [sys.executable, "-P", "-m", "edge.cli", "setup", str(folder), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **machine.environ}) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found
        address = found[0].rstrip("/")
        try:
            with pytest.raises(HTTPError, match="403"):
                asked(address, "/answer", {"step": "language"}, Origin="http://evil.test")
            for _ in range(40):
                page = asked(address, "/")
                if 'id="start"' in page:
                    break
                if step := re.search(r'data-step="([^"]+)"', page):
                    names = re.findall(r'name="([^"]+)"', page.partition("<form")[2])
                    asked(address, "/answer", {"step": step[1], **dict.fromkeys(names, ""), **OWN.get(step[1], {})})
                else:
                    time.sleep(0.3)
            assert process.poll() is None and load(folder / "station.toml").web.listen == "127.0.0.1:8080"
            text = (folder / "station.toml").read_text("utf-8").replace("127.0.0.1:8080", address.partition("//")[2])
            (folder / "station.toml").write_text(text, "utf-8")
            asked(address, "/start", {})
            assert "clock" in until_it_answers(address, "/health")
        finally:
            process.kill()


OWN = {"job": {"jobs": "stall"}, "numbers": {"node": "420100002"}}


def asked(address: str, path: str, body: dict[str, str] | None = None, **headers: str) -> str:
    data = None if body is None else json.dumps(body).encode()
    request = Request(address + path, data, {"Content-Type": "application/json", **headers})
    with build_opener(ProxyHandler({})).open(request, timeout=10) as answer:
        return str(answer.read().decode())


def until_it_answers(address: str, path: str) -> str:
    for _ in range(200):
        try:
            return asked(address, path)
        except HTTPError as error:
            if error.code != 404:
                return error.read().decode()
        except OSError:
            pass  # nobody listens between the two
        time.sleep(0.1)
    raise AssertionError(f"{path} did not come")


def test_the_page_is_for_the_box_itself(tmp_path: Path) -> None:
    page = SetupPage(Walk(tmp_path / "stall", ports=lambda: ()), lambda config: [])
    with pytest.raises(NotLoopback, match=r"127\.0\.0\.1"):
        page.serve("0.0.0.0:0")
