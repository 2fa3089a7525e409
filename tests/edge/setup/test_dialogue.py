"""``marketedge init`` asks on a real terminal, with devices on ptys, a real Mosquitto and a city behind it."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edge.cli.main import main
from edge.config.sections import load
from simulator.broker import Broker
from simulator.city import City
from simulator.obstacles import free_port

PATIENCE = 60.0
WEB = "MARKETEDGE_WEB__LISTEN"  # the usual address may be somebody else's on this machine


class Terminal:
    """A command on a terminal of its own; ``until`` waits for words of it."""

    def __init__(self, *command: str, **environ: str) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "edge.cli", *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, **environ, "TERM": "dumb"},
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # whoever runs the tests may ignore it
        )
        os.close(theirs)
        self.said = ""

    def until(self, words: str) -> str:
        """What it said up to these words; an error when they do not come."""
        end = time.monotonic() + PATIENCE
        while words not in self.said and time.monotonic() < end and self._more():
            continue
        before, found, self.said = self.said.partition(words)
        assert found, f"{words!r} did not come behind {before[-2000:]!r}"
        return before

    def answers(self, *typed: str) -> None:
        """The next questions, one after the other."""
        for text in typed:
            self.until("> ")
            os.write(self._ours, f"{text}\n".encode())

    def rest(self) -> str:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._more():
            continue
        self.process.wait(PATIENCE)
        return self.said

    def _more(self) -> bool:
        ready, _, _ = select.select([self._ours], [], [], 1.0)
        try:
            data = os.read(self._ours, 4096) if ready else b""
        except OSError:  # its other end has gone
            return False
        self.said += data.decode("utf-8", "replace")
        return bool(data) or self.process.poll() is None

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[tuple[City, str]]:
    with (
        Broker(data_dir=tmp_path, kind="mosquitto") as broker,
        City(broker.url, tmp_path / "city.db", enrol=True) as city,
    ):
        assert city.wait_connected()
        yield city, broker.url


@pytest.mark.broker
def test_a_new_box_is_asked_for_and_what_is_written_passes_check(new_box: Any, city: tuple[City, str]) -> None:
    running, url = city
    terminal = Terminal("init", str(new_box.folder), **new_box.environ, **{WEB: f"127.0.0.1:{free_port()}"})
    try:
        terminal.until("1/")
        terminal.answers("2")
        terminal.until("What this box is for")
        terminal.answers("stall", "Huiji market", "1")
        terminal.until("What the city's platform gave you")
        terminal.answers("12")
        terminal.until("9 digits, given by the city")
        terminal.answers("420100002", "<", "420100003", "07", "")
        terminal.answers("sy.zz.gov.cn", "李秀兰蔬菜", "4201000020077", "B-17", "")
        terminal.until("2 ports are seen now")
        terminal.answers("", "", "")
        assert "1.110 kg" in terminal.until("Take it for")
        terminal.answers("", "")
        assert "a printer" in terminal.until("Take it for")
        terminal.answers("", "", "15 kg", "5 g", "", "2027-06-30", "1", "")
        terminal.until("can the Chinese be read?")
        terminal.answers("2", "")  # garbled: it is printed again in UTF-8
        terminal.until("can the Chinese be read?")
        assert not new_box.folder.exists()
        terminal.answers("", url, "", running.key)
        terminal.until("Write the station's files?")
        terminal.answers("")
        said = terminal.rest()
    finally:
        terminal.close()
    assert sum("白菜" in paper.text for paper in new_box.papers) == 2
    lines = [line.strip("\r") for line in said.splitlines()]
    failed = [line for line in lines if line.startswith("FAIL") and not line.startswith("FAIL clock")]
    assert failed == [], said  # the clock is this machine's
    assert any(line.startswith("ok   scale-1: ") and "1.110 kg" in line for line in lines)
    assert any(line.startswith("ok   printer-1: ") for line in lines)
    assert f"ok   broker: {url}; the city answers" in lines
    assert re.search(r"public key for the city: [0-9a-f]{64}", said)
    config = load(new_box.folder / "station.toml")
    assert (config.station.node, config.station.region, config.station.language) == ("420100003", "420100", "en")
    assert (config.scale[0].max, config.scale[0].min) == ("15 kg", "100 g")
    assert config.printer[0].change == {"encoding": "utf-8"}


def test_ctrl_c_leaves_nothing_behind(new_box: Any) -> None:
    terminal = Terminal("init", str(new_box.folder), **new_box.environ, **{WEB: f"127.0.0.1:{free_port()}"})
    try:
        terminal.answers("", "", "", "", "420100002")
        terminal.until("> ")
        end = time.monotonic() + PATIENCE
        while terminal.process.poll() is None and time.monotonic() < end:
            os.kill(
                terminal.process.pid, signal.SIGINT
            )  # one that comes just before Python reads is heard with the next
            time.sleep(0.5)
        assert "什么都没有写" in terminal.rest()
        assert terminal.process.returncode == 1
    finally:
        terminal.close()
    assert not [path for path in new_box.folder.parent.iterdir() if "mystall" in path.name]


def test_for_scripts_nothing_is_asked(tmp_path: Path) -> None:
    folder = tmp_path / "mystall"
    done = CliRunner().invoke(main, ["init", str(folder)])
    assert done.exit_code == 2 and "--job" in done.output and not folder.exists()
    done = CliRunner().invoke(main, ["init", str(folder), "--job", "gate", "--job", "stall", "--node", "420100002"])
    assert done.exit_code == 0 and "public key for the city: " in done.output
    config = load(folder / "station.toml")
    assert (config.station.jobs, config.station.node, config.gate.control) == (
        ("gate", "stall"),
        "420100002",
        "required",
    )
    done = CliRunner().invoke(main, ["init", str(folder), "--job", "stall"])
    assert done.exit_code == 1 and "nothing was changed" in done.output
    done = CliRunner().invoke(main, ["init", str(tmp_path / "b"), "--job", "stall", "--ask"])
    assert done.exit_code == 2
