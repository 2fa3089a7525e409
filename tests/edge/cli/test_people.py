"""``marketedge operators`` and ``tokens``: on the ledger, or through the station that holds it; who may not start."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edge.between.people import Role
from edge.between.pins import mark_of
from edge.cli.main import main
from edge.config.sections import load
from edge.records.clock import Clock
from edge.records.identity import load_key
from edge.records.ledger import Signer, bodies_after, reading
from edge.web.server import WebServer

NOBODY_LISTENS = "http://127.0.0.1:1"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "stall"
    assert CliRunner().invoke(main, ["init", str(folder), "--job", "stall"]).exit_code == 0
    return folder / "station.toml"


@pytest.fixture
def said(config: Path) -> Callable[..., str]:
    """What a command says, and its exit code when that is not 0."""

    def run(*words: str, pin: str = "") -> str:
        done = CliRunner().invoke(main, [*words, "-c", str(config)], input=f"{pin}\n")
        return done.output.strip() + (f" [{done.exit_code}]" if done.exit_code else "")

    return run


def records(config: Path) -> list[Any]:
    with reading(config.parent / "data") as db:
        made = [json.loads(body) for _, body in bodies_after(db.conn, 0)]
    return [one for one in made if one["type"] == "cn.marketedge.market.person.changed.v1"]


def story(said: Callable[..., str]) -> None:
    """All that may be ordered, in the same words whoever does it."""
    assert said("operators", "add", "1", "王敏", "--role", "supervisor", pin="4829").split() == [
        "1",
        "supervisor",
        "王敏",
    ]
    assert said("operators", "add", "2", "李四", pin="5555").split() == ["2", "operator", "李四"]
    assert said("operators", "pin", "2", pin="6666").startswith("2 ")
    assert said("operators", "disable", "2").endswith("(not active)")
    assert len(said("operators", "list").splitlines()) == 2
    assert said("operators", "enable", "2").endswith("李四")
    assert said("operators", "add", "2", "李四", pin="5555") == "Error: 编号 2 已经是李四的 [1]"
    assert said("operators", "disable", "1") == "Error: 这是最后一位主管或技术员；请先添加另一位 [1]"
    assert said("operators", "disable", "9/9").endswith("[1]")
    assert said("operators", "add", "3", "x", pin="12") == "Error: 密码应为 4 到 12 位数字 [1]"
    assert said("operators", "add", "3x", "x", pin="1234").endswith("[1]")
    token = said("tokens", "add", "till", "--role", "technician")
    assert len(token) == 43
    assert said("tokens", "list").split() == ["till", "technician"]
    assert said("tokens", "remove", "till") == "till: no token any more"
    assert said("tokens", "remove", "till") == "Error: 没有程序 till [1]"


def test_while_no_station_runs_it_is_done_on_its_ledger(config: Path, said: Callable[..., str]) -> None:
    story(said)
    made = records(config)
    assert [(one["operator"], one["data"]["changed"]) for one in made] == [
        ("console", ["added"]),
        ("console", ["added"]),
        ("console", ["pin"]),
        ("console", ["active"]),
        ("console", ["active"]),
        ("console", ["added"]),
        ("console", ["active"]),
    ]
    assert "4829" not in json.dumps([one["data"] for one in made])


@pytest.fixture
def station(running: Any, config: Path) -> Any:
    """The station of this configuration, running."""
    read = load(config)
    me = read.station
    signer = Signer(load_key(me.key), me.host, me.node, me.terminal)
    made = running(config.parent, signer, "", Clock("host"), config=read)
    yield made
    made.stop()


def test_while_a_station_runs_it_does_it(station: Any, said: Callable[..., str], config: Path) -> None:
    web = WebServer("127.0.0.1:0", station.showing, station.inbox, console="house")
    web.start()
    assert web.ready.wait(20)
    station.within(lambda: station.ledger.lock.note(web.url, "house"))
    try:
        story(said)
    finally:
        web.stop()
    assert {one["operator"] for one in records(config)} == {"console"}
    assert station.showing.roster.people["2"].role is Role.OPERATOR
    assert "house" not in repr(station.ledger.lock) and mark_of("house") not in json.dumps(records(config))


@pytest.mark.parametrize("pages", ["", NOBODY_LISTENS])
def test_a_station_that_does_not_answer_is_named(station: Any, said: Callable[..., str], pages: str) -> None:
    station.within(lambda: station.ledger.lock.note(pages, "house"))
    told = said("operators", "list")
    assert "正在使用账本" in told and told.endswith("[1]")


def started(config: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    text = config.read_text("utf-8")
    for before, now in settings.items():
        text = text.replace(before, now)
    config.write_text(text, "utf-8")
    command = [sys.executable, "-m", "edge.cli", "run", "-c", str(config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_network_is_not_served_where_nobody_has_a_name(config: Path) -> None:
    done = started(config, **{"127.0.0.1:8080": "0.0.0.0:0", '# tls = "own"': 'tls = "own"'})
    assert done.returncode == 1
    assert "marketedge operators add" in done.stderr and "insecure = true" in done.stderr


@pytest.mark.parametrize(
    ("listen", "insecure"), [("127.0.0.1:0", ""), ("[::1]:0", ""), ("0.0.0.0:0", "insecure = true")]
)
def test_the_box_itself_is_and_a_network_where_that_is_meant(config: Path, listen: str, insecure: str) -> None:
    from edge.service import _not_for_strangers

    text = config.read_text("utf-8").replace("127.0.0.1:8080", listen).replace("# insecure = true", insecure)
    config.write_text(text, "utf-8")
    _not_for_strangers(load(config), config, anybody=False)


def test_with_people_a_network_is_served(config: Path) -> None:
    from edge.service import _not_for_strangers

    text = config.read_text("utf-8").replace("127.0.0.1:8080", "0.0.0.0:0").replace('# tls = "own"', 'tls = "own"')
    config.write_text(text, "utf-8")
    _not_for_strangers(load(config), config, anybody=True)
