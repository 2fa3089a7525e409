"""The head of a station's log: what it runs with, and no secret."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from click.testing import CliRunner
from pydantic import BaseModel

from edge.cli.main import main
from edge.config import at_start
from edge.config.sections import SECRET, Config, load
from simulator.obstacles import free_port

MARKER = "geheim-8f3a"
DEVICES = """
[[scale]]
name = "scale-1"
model = "yaohua-a26-tf1"
port = "/dev/ttyS1"
max = "30 kg"
min = "100 g"
e = "5 g"
verified_until = 2026-12-20
options = { width = 8 }
[[analyzer]]
name = "tester-1"
protocol = "astm"
port = "rfc2217://127.0.0.1:1"
[[printer]]
name = "printer-1"
port = "tcp://127.0.0.1:1"
papers = ["slip"]
"""


def secrets(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The way to every field that is marked."""
    for name, field in model.model_fields.items():
        if SECRET in field.metadata:
            yield (*path, name)
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from secrets(kind, (*path, name))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A station whose every secret is the marker."""
    made = tmp_path / "stall"
    assert CliRunner().invoke(main, ["init", str(made), "--job", "stall", "--name", "惠济 市场"]).exit_code == 0
    text = (made / "station.toml").read_text("utf-8") + DEVICES
    text = text.replace('"127.0.0.1:8080"', f'"127.0.0.1:{free_port()}"')
    (made / "station.toml").write_text(text, "utf-8")
    (made / "password").write_text(MARKER, "utf-8")
    return made


@pytest.fixture
def config(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    for path in secrets(Config):
        monkeypatch.setenv("__".join(("MARKETEDGE_" + path[0], *path[1:])).upper(), MARKER)
    monkeypatch.setenv("MARKETEDGE_CITY__CERT_FILE", "client.crt")  # its key is one of them
    monkeypatch.setenv("MARKETEDGE_CITY__BROKERS", '["mqtts://127.0.0.1:8883"]')
    return load(folder / "station.toml")


def told(config: Config, folder: Path) -> dict[str, str]:
    lines = at_start.lines(config, folder / "station.toml", folder / "data" / "ledger.db", "0a1b2c3d", ["22", "11"])
    return dict(line.split(" ", 1) for line in lines)


def test_every_part_is_a_line(folder: Path, config: Config) -> None:
    said = told(config, folder)
    assert said["config"].startswith(
        f"file={folder}/station.toml name='惠济 市场' jobs=stall language=zh region=410108 "
    )
    assert said["ledger"] == f"file={folder}/data/ledger.db"
    assert said["key"] == f"file={folder}/station.key fingerprint=0a1b2c3d"
    assert said["city"].startswith("brokers=mqtts://127.0.0.1:8883 mqtt=5 confirm=city window=800 login=yes")
    assert said["city"].endswith("keys=11,22")
    assert said["scale-1"] == (
        "kind=scale model=yaohua-a26-tf1 protocol=yaohua_equals port=/dev/ttyS1 link=9600/8n1 options=width "
        "max='30 kg' e='5 g' verified_until=2026-12-20"
    )
    assert said["tester-1"] == "kind=analyzer protocol=astm port=rfc2217://127.0.0.1:1 link=9600/8n1"
    assert said["printer-1"] == "kind=printer profile=generic-58 port=tcp://127.0.0.1:1 papers=slip"
    said_papers = "slip,report,label,hold,disposal,acceptance,void,shift,reweigh,kept,waste"
    assert said["paper"] == f"language=zh automatic={said_papers}"


def test_what_is_marked_as_a_secret_is_not_told(folder: Path, config: Config) -> None:
    marked = list(secrets(Config))
    assert ("city", "user") in marked and ("city", "password_file") in marked
    for path in marked:
        value: Any = config
        for name in path:
            value = getattr(value, name)
        assert MARKER in str(value), path
    assert MARKER not in repr(told(config, folder))


def test_the_log_of_a_station_begins_with_it_and_has_no_secret(folder: Path) -> None:
    token = f"{MARKER}-token"
    city = {"MARKETEDGE_CITY__USER": MARKER, "MARKETEDGE_CITY__PASSWORD_FILE": "password", "MARKETEDGE_TOKEN": token}
    command = [sys.executable, "-m", "edge.cli", "run", "-v", "-c", str(folder / "station.toml")]
    lines = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, **city}, text=True) as child:
        assert child.stderr is not None
        for line in child.stderr:
            lines.append(line)
            if " service: paper " in line:
                child.send_signal(signal.SIGTERM)
    assert child.returncode == 0, lines
    text = "".join(lines)
    assert all(
        f"INFO service: {about} " in text for about in ("config", "ledger", "key", "city", "scale-1", "printer-1")
    )
    key = (folder / "station.key").read_text().splitlines()[1]
    assert "login=yes" in text and not [secret for secret in (MARKER, token, key) if secret in text]
