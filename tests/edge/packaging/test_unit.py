"""The unit as systemd reads it, and what else the system is told."""

import re
import subprocess
from pathlib import Path

import pytest

from edge.packaging.package import HERE, ROOT

UNIT = HERE / "marketedge@.service"


def said(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in words], capture_output=True, text=True)


def test_the_unit_is_exposed_no_more_than_two() -> None:
    done = said("systemd-analyze", "security", "--offline=true", "--threshold=20", UNIT)
    assert done.returncode == 0, done.stdout[-300:]


def test_systemd_knows_every_line_of_the_unit(tmp_path: Path) -> None:
    text = UNIT.read_text("utf-8").replace("/usr/bin/marketedge", "/bin/true")
    unit = tmp_path / "marketedge@stall.service"
    unit.write_text(text, "utf-8")
    done = said("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit)
    assert "marketedge@" not in done.stderr, done.stderr


def settings() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text("utf-8").splitlines():
        if re.match(r"[A-Z]\w*=", line):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def test_the_kernel_may_be_asked_for_the_clock_behind_what_forbids_it() -> None:
    unit = settings()
    assert "ProtectClock" not in unit
    assert unit["SystemCallFilter"][-1] == "adjtimex clock_adjtime"
    assert unit["SystemCallErrorNumber"] == ["EPERM"]
    assert unit["CapabilityBoundingSet"] == [""]


def test_no_number_of_faults_makes_systemd_give_a_station_up() -> None:
    unit = settings()
    assert unit["StartLimitIntervalSec"] == ["0"]
    assert unit["Restart"] == ["always"]
    assert unit["Type"] == ["notify"]
    assert unit["WatchdogSec"]


def test_what_a_station_writes_is_its_own_folder_and_the_package_makes_the_one_above() -> None:
    unit = settings()
    assert unit["StateDirectory"] == ["marketedge/%i"]
    assert unit["WorkingDirectory"] == ["/var/lib/marketedge/%i"]
    assert "/var/lib/marketedge 0751 marketedge marketedge" in (HERE / "tmpfiles.conf").read_text("utf-8")
    assert "ReadWritePaths" not in unit


def test_every_kind_of_device_that_is_read_may_be_opened_by_the_unit() -> None:
    allowed = {value.split()[0] for value in settings()["DeviceAllow"]}
    kinds = {"char-ttyUSB", "char-ttyACM", "char-ttyS", "char-ttyAMA", "char-usb_device", "char-hidraw"}
    assert kinds <= allowed
    groups = settings()["SupplementaryGroups"][0].split()
    members = re.findall(r"^m marketedge (\w+)$", (HERE / "sysusers.conf").read_text("utf-8"), re.MULTILINE)
    assert sorted(groups) == sorted(members)
    rules = (ROOT / "drivers/60-marketedge.rules").read_text("utf-8")
    assert set(re.findall(r'GROUP="(\w+)"', rules)) <= set(groups)


def test_the_user_and_its_groups_are_made(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/group").write_text("root:x:0:\ndialout:x:20:\nlp:x:7:\n", "ascii")
    done = said("systemd-sysusers", f"--root={tmp_path}", HERE / "sysusers.conf")
    assert done.returncode == 0, done.stderr
    assert "marketedge:" in (tmp_path / "etc/passwd").read_text("utf-8")
    groups = (tmp_path / "etc/group").read_text("utf-8")
    assert "dialout:x:20:marketedge" in groups
    assert "lp:x:7:marketedge" in groups


@pytest.mark.parametrize("name", ["preinst", "postinst", "prerm", "postrm", "compile", "rtupdate", "program"])
def test_scripts_are_what_a_plain_shell_can_read(name: str) -> None:
    done = said("sh", "-n", HERE / name)
    assert done.returncode == 0, done.stderr
