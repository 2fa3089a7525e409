"""The whole story, told by the commands people use."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from simulator.broker import Broker


def demo(*options: str) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, "-m", "simulator.cli", "demo", "--once", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.stdout, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return done.returncode, summary


def expect_whole(code: int, summary: dict[str, Any]) -> None:
    addresses, acts, _ = summary.pop("qr"), summary.pop("acts"), summary.pop("seconds")
    assert [one["wrong"] for one in acts] == [""] * 7, acts
    assert [one["act"] for one in acts] == ["goods", "positive", "plug", "network", "roll", "clock", "phone"]
    assert summary == {
        "entries": 2,
        "results": 5,
        "trades": 8,
        "slips": len(addresses),
        "acked": summary["acked"],
        "pending": 0,
        "chain_ok": True,
        "in_city_once": True,
        "qr_verified": True,
        "ok": True,
    }
    assert code == 0
    assert len(set(addresses)) == 8 < len(addresses)  # the roll's slip is there again, as a copy


def expect_goods(code: int, summary: dict[str, Any]) -> None:
    addresses, acts, _ = summary.pop("qr"), summary.pop("acts"), summary.pop("seconds")
    assert [(one["act"], one["ok"]) for one in acts] == [("goods", True)]
    assert summary == {
        "entries": 1,
        "results": 1,
        "trades": 3,
        "slips": 3,
        "acked": 6,
        "pending": 0,
        "chain_ok": True,
        "in_city_once": True,
        "qr_verified": True,
        "ok": True,
    }
    assert code == 0
    assert len(set(addresses)) == 3
    assert all(address.startswith("https://sy.example.cn/j/") for address in addresses)


@pytest.mark.broker
def test_the_whole_story_over_mosquitto() -> None:
    expect_whole(*demo())


@pytest.mark.broker
def test_the_story_over_mosquitto_on_mqtt_3(broker: Broker) -> None:
    expect_goods(*demo("--act", "goods", "--broker", broker.url, "--mqtt", "3.1.1"))


def test_the_story_with_nothing_installed(tmp_path: Path) -> None:
    expect_goods(*demo("--act", "goods", "--embedded", "--folder", str(tmp_path)))
    papers = sorted((tmp_path / "station" / "data").glob("*"))
    assert papers
