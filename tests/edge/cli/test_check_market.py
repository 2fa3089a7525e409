"""``marketedge check`` says what the station knows of the market round it: other stations' keys, topics, people."""

import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.cli.main import main
from edge.cli.market import city_commands, market_keys, people
from edge.config.sections import Config, load

GATE = Ed25519PrivateKey.from_private_bytes(bytes([9] * 32)).public_key().public_bytes_raw().hex()
STALL = Ed25519PrivateKey.from_private_bytes(bytes([8] * 32)).public_key().public_bytes_raw().hex()


@pytest.fixture(autouse=True)
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def station(tmp_path: Path) -> Callable[..., Config]:
    folder = tmp_path / "stall"
    done = CliRunner().invoke(main, ["init", str(folder), "--job", "stall"])
    assert done.exit_code == 0, done.output

    def made(siblings: str = "false", keys: str = "") -> Config:
        file = folder / "station.toml"
        text = re.sub("(?m)^siblings = [a-z]+", f"siblings = {siblings}", file.read_text("utf-8"))
        file.write_text(text, "utf-8")
        if keys:
            (folder / "node.keys").write_text(keys, "utf-8")
        return load(file)

    return made


def test_no_other_station_is_known(station: Callable[..., Config]) -> None:
    good, words = market_keys(station())
    assert good is None and "node.keys" in words
    good, words = market_keys(station("true"))
    assert good is False and "node.keys" in words and "keys" in words


def test_the_stations_of_the_keys_file_are_counted_without_this_one(station: Callable[..., Config]) -> None:
    config = station()
    own = f"{config.station.node}-{config.station.terminal}"
    good, words = market_keys(station(keys=f"{GATE} 410108001-07\n{STALL} {own}\n"))
    assert good is True and "410108001-07" in words and own not in words and "1" in words
    good, words = market_keys(station(keys="x\n"))
    assert good is False and "line 1" in words


def test_the_topics_are_told(station: Callable[..., Config]) -> None:
    good, words = city_commands(station())
    assert good is True and "/cmd/+" in words and "/res/+" in words and "/evt/lot" not in words
    assert "/evt/lot" in city_commands(station("true"))[1]


def test_the_people_are_told(station: Callable[..., Config]) -> None:
    config = station()
    file = str(config.station.key.parent / "station.toml")

    def add(code: str, name: str, role: str) -> None:
        asked = ["operators", "add", code, name, "--role", role, "-c", file]
        done = CliRunner().invoke(main, asked, input="482915\n482915\n")
        assert done.exit_code == 0, done.output

    assert people(config)[0] is True
    add("7", "王敏", "operator")
    good, words = people(config)
    assert good is False and "--role supervisor" in words
    add("1", "陈主管", "supervisor")
    good, words = people(config)
    assert good is True and "2" in words


def test_check_has_the_lines(station: Callable[..., Config], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.cli.check.BROKER_SECONDS", 0.1)
    config = station()
    said = CliRunner().invoke(main, ["check", "-c", str(config.station.key.parent / "station.toml")]).output
    assert [name for name in ("market keys", "city commands", "people") if f" {name}: " not in said] == []


def test_a_box_is_made_with_its_number_in_the_market(tmp_path: Path) -> None:
    made = CliRunner().invoke(main, ["init", str(tmp_path / "stall"), "--job", "stall", "--terminal", "07"])
    assert made.exit_code == 0, made.output
    assert 'terminal = "07"' in (tmp_path / "stall" / "station.toml").read_text("utf-8")
    refused = CliRunner().invoke(main, ["init", str(tmp_path / "other"), "--job", "stall", "--terminal", "7"])
    assert refused.exit_code == 2 and "two digits" in refused.output
