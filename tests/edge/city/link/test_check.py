"""``marketedge check`` tries the way to the city to its end, and says what it could not prove."""

import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edge.cli import check as commands_check
from edge.cli.main import main
from simulator.city import City

pytestmark = pytest.mark.broker
Say = Callable[..., dict[str, str]]


@pytest.fixture(autouse=True)
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The command mutes the log of its process; here others still listen."""
    monkeypatch.setattr(commands_check, "CITY_SECONDS", 2.0)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def said(tmp_path: Path) -> Say:
    """The command's lines by their names, for a station at this broker with these settings."""

    key = tmp_path / "first.key"

    def check(url: str, *lines: str, city_key: str = "") -> dict[str, str]:
        folder = tmp_path / f"station-{len(list(tmp_path.iterdir()))}"
        known = ["--city-key", city_key] if city_key else []
        done = CliRunner().invoke(main, ["init", str(folder), "--job", "stall", *known])
        assert done.exit_code == 0, done.output
        if key.exists():
            shutil.copy(key, folder / "station.key")  # the city knows one
        else:
            shutil.copy(folder / "station.key", key)
        file = folder / "station.toml"
        text = file.read_text("utf-8").replace("mqtt://127.0.0.1:1883", url)
        text = text.replace('language = "zh"', 'language = "en"', 1)
        for line in lines:
            name = line.split(" = ")[0]
            old = next((one for one in text.splitlines() if one.startswith(f"{name} = ")), "")
            text = text.replace(old, line, 1) if old else text.replace("[city]", f"[city]\n{line}", 1)
        file.write_text(text, "utf-8")
        output = CliRunner().invoke(main, ["check", "-c", str(file)]).output.splitlines()
        return {line[5:].split(": ", 1)[0]: line for line in output}

    return check


@pytest.fixture
def city(mosquitto: Any, tmp_path: Path) -> Iterator[tuple[City, str]]:
    broker = mosquitto()
    url = f"mqtt://127.0.0.1:{broker.port}"
    with City(url, tmp_path / "city.db", enrol=True) as running:
        assert running.wait_connected()
        yield running, url


def test_the_citys_answer_is_waited_for_and_must_be_signed_by_it(said: Say, city: tuple[City, str]) -> None:
    running, url = city
    told = said(url, city_key=running.key)
    assert told["broker"] == f"ok   broker: {url}; the city answers"
    assert told["city key"].startswith("ok")
    told = said(url)
    assert told["broker"].startswith("FAIL broker: No public key of the city")
    assert told["city key"].startswith("FAIL")
    told = said(url, city_key="ab12" * 15 + "cd34")
    assert told["broker"].startswith("FAIL broker: Answers come that the city did not sign")


def test_a_city_that_is_not_there_is_told(said: Say, mosquitto: Any) -> None:
    url = f"mqtt://127.0.0.1:{mosquitto().port}"
    assert said(url, city_key="ab12" * 15 + "cd34")["broker"].startswith("FAIL broker: Connected, but the city")


def test_a_broker_that_does_not_let_us_hear_the_city_is_told(said: Say, handmade: Any) -> None:
    def deaf(caller: Any, _: int) -> None:
        for _packet in caller.serve(suback=0x87):
            pass

    told = said(handmade(deaf).url, city_key="ab12" * 15 + "cd34")["broker"]
    assert told.startswith("FAIL broker: The broker does not let us hear the city's answers")


def test_what_a_setting_cannot_promise_is_said(said: Say, mosquitto: Any) -> None:
    url = f"mqtt://127.0.0.1:{mosquitto().port}"
    told = said(url, 'confirm = "broker"')
    assert "cannot be tested" in told["broker"]
    line = told['[city] confirm = "broker"']
    assert line.startswith("warn") and "marketedge ledger resend --from" in line
    assert '[city] confirm = "city-unsigned"' in said(url, 'confirm = "city-unsigned"')


def test_a_password_in_the_clear_or_readable_by_others_is_warned_of(said: Say, mosquitto: Any, tmp_path: Path) -> None:
    url = f"mqtt://127.0.0.1:{mosquitto().port}"
    secret = tmp_path / "mqtt.password"
    secret.write_text("x")
    secret.chmod(0o644)
    lines = ['user = "u"', f'password_file = "{secret}"']
    line = said(url, *lines)["[city] password_file"]
    assert line.startswith("FAIL") and f"chmod 600 {secret}" in line
    secret.chmod(0o600)
    told = said(url, *lines)
    assert "[city] password_file" not in told
    assert told["[city] brokers"] == "warn [city] brokers: The password goes over mqtt:// unencrypted. use mqtts://"


def test_why_the_broker_is_not_reached_is_said_with_the_next_step(said: Say) -> None:
    assert said("mqtt://127.0.0.1:1")["broker"].startswith("FAIL broker: Nothing listens at the broker's address")


def test_a_keys_file_that_is_none_is_told_by_its_line(said: Say, tmp_path: Path) -> None:
    bad = tmp_path / "bad.keys"
    bad.write_text("# city\nnot a key\n")
    told = said("mqtt://127.0.0.1:1", f'keys_file = "{bad}"')
    assert "line 2" in told["city key"]
    done = CliRunner().invoke(main, ["init", str(tmp_path / "x"), "--job", "stall", "--city-key", str(bad)])
    assert done.exit_code != 0
    assert "line 2" in done.output
    assert not (tmp_path / "x").exists()
