"""A program that a box starts believes the box's clock, whenever that is set, and another boot each time."""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simulator.power import PowerSupply

PROGRAM = """
import json, sys, time
from edge.records.clock import Clock, kernel_synced
for _ in sys.stdin:
    clock = Clock("kernel")
    print(json.dumps({"wall": time.time(), "up": clock.up(), "boot": clock.boot_id, "synced": kernel_synced(),
                      "state": clock.state(), "argv": sys.argv[1:], "name": __name__}), flush=True)
"""


class Program:
    """A module of ours, started by a box."""

    def __init__(self, folder: Path, power: PowerSupply) -> None:
        (folder / "asks_the_time.py").write_text(PROGRAM, "ascii")
        path = f"{folder}:{Path(__file__).parents[2]}"
        self.child = subprocess.Popen(
            [*power.up(), "asks_the_time", "a word"],
            env={"PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def says(self) -> dict[str, Any]:
        assert self.child.stdin and self.child.stdout
        self.child.stdin.write("\n")
        self.child.stdin.flush()
        return dict(json.loads(self.child.stdout.readline()))

    def end(self) -> None:
        self.child.communicate()


def test_a_box_has_a_clock_and_boots_of_its_own(tmp_path: Path) -> None:
    power = PowerSupply(tmp_path, datetime(1970, 1, 1, tzinfo=UTC))
    first = Program(tmp_path, power)
    said = first.says()
    assert 0 <= said["wall"] < 3600 and 0 <= said["up"] < 3600
    assert (said["synced"], said["state"], said["argv"], said["name"]) == (False, "unsynced", ["a word"], "__main__")
    power.set(None)
    right = first.says()
    assert abs(right["wall"] - time.time()) < 60
    assert (right["synced"], right["state"]) == (True, "synced")
    assert right["boot"] == said["boot"] != Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    first.end()
    second = Program(tmp_path, power)
    assert second.says()["boot"] != said["boot"]
    second.end()
    assert sys.executable in power.up()
