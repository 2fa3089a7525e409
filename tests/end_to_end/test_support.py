"""`marketedge support` and the bundle of the page: what is planted in a station is in none, whatever its state."""

import io
import json
import subprocess
import sys
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest

from simulator.scales._pan import Pan, find
from simulator.stage import DIRECT, StationProcess, Wiring, wait_for
from simulator.wires.line import Line, Pty

# Names, numbers and secrets, planted wherever people and programs put such things.
PLANTED = (
    "秘密甲",
    "秘密乙",
    "秘密丙",
    "秘密丁",
    "13812345678",
    "0371-88776655",
    "hunter2hunter2",
    "48291",
    "PRIVATE KEY",
)
EXTRA = """
[people]
idle_minutes = 240   # 13812345678: the PIN of 秘密甲 is 48291
[screens]
pay_words = "秘密丁收款"
"""


def asked(station: StationProcess, file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge.cli", "support", str(file), "-c", str(station.config)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def opened(data: bytes) -> dict[str, str]:
    """The files of a bundle; nothing that was planted is in any of them, nor in its bytes."""
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        assert packed.testzip() is None
        files = {name: packed.read(name).decode("utf-8") for name in packed.namelist()}
    for name, text in files.items():
        for secret in PLANTED:
            assert secret not in text, (name, secret)
            assert json.dumps(secret)[1:-1] not in text, (name, secret)
            assert secret.encode("gb18030").hex() not in text, (name, secret)
            assert secret.encode().hex() not in text, (name, secret)
    for name in files:
        assert name in files["INDEX.txt"] or name == "INDEX.txt"
    return files


@pytest.fixture
def station(tmp_path: Path) -> StationProcess:
    pan = Pan(Decimal(30), Decimal("0.010"), settle=0.05)
    scale = Line(find("mt_sics")(pan), Pty(tmp_path / "scale")).start()
    made = StationProcess(
        tmp_path / "station",
        Wiring("mqtts://127.0.0.1:1", scale=scale.address, extra=EXTRA, seller=("4101080010123", "秘密乙", "A-1")),
    )
    text = made.config.read_text("utf-8").replace('contact = "0371-00000000"', 'contact = "0371-88776655"')
    text = text.replace('mqtt = "5"', 'mqtt = "5"\nuser = "box"\npassword_file = "mqtt.password"')
    made.config.write_text(text, "utf-8")
    password = made.folder / "mqtt.password"
    password.write_text("hunter2hunter2\n", "utf-8")
    password.chmod(0o600)
    yield made
    if made.running:
        made.stop()
    scale.stop()


def test_a_bundle_says_what_is_wrong_and_nothing_of_people(station: StationProcess, tmp_path: Path) -> None:
    station.start()
    entry = {"net_g": 1000, "origin": "河南", "supplier": "秘密丙", "supplier_contact": "0371-88776655"}
    station.post("/api/entries", product="01040201", **entry)
    wait_for("frames", lambda: station.board()["scales"][0]["net_g"] is not None)

    done = asked(station, tmp_path / "one.zip")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "one.zip").stat().st_mode & 0o077 == 0
    files = opened((tmp_path / "one.zip").read_bytes())
    assert json.loads(files["ledger.json"])["records"] == 1
    assert json.loads(files["ledger.json"])["damage"] == ""
    assert "dir=in" in files["frames/scale-1.txt"]
    assert "scale-1 connected" in files["log.txt"]
    assert "marketedge_records_written_total 1.0" in files["metrics.txt"]
    assert json.loads(files["devices.json"])["scales"][0]["up"] is True
    assert json.loads(files["health.json"])["core"]["ok"] is True
    assert 'port = "' in files["config/station.toml"]
    assert json.loads(files["versions.json"])["packages"]["paho-mqtt"]
    with DIRECT.open(f"{station.url}/api/support") as answer:
        assert answer.headers["content-type"] == "application/zip"
        assert {*opened(answer.read())} == {*files}

    station.stop()
    config = str(station.config)
    station.command("operators", "add", "1", "秘密甲", "--role", "supervisor", "-c", config, given="48291\n48291\n")
    done = asked(station, tmp_path / "two.zip")
    assert done.returncode == 0, done.stderr
    assert json.loads(opened((tmp_path / "two.zip").read_bytes())["ledger.json"])["records"] == 2

    ledger = station.folder / "data" / "ledger.db"
    ledger.write_bytes(b"not a database" * 400)
    station.config.write_text(station.config.read_text("utf-8") + '\n[scale\npin = "48291"\n', "utf-8")
    done = asked(station, tmp_path / "three.zip")
    assert done.returncode == 0, done.stderr
    files = opened((tmp_path / "three.zip").read_bytes())
    assert "station.toml" in files["config/mistakes.txt"]
    assert "ledger.db" in files["ledger.json.failed.txt"]
