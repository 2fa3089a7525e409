"""A USB scale in one process, a station's port in another, led by a script."""

import json
import os
import subprocess
import sys
import time

import pytest

READ = """
import json, sys, time
from drivers.transports import LinkLost, open_port
from protocol.link import Link
from protocol.readings import Weighing
from protocol.scales.hid_scale import Session

end = time.monotonic() + 20
while time.monotonic() < end:
    try:
        port, session = open_port("usb-hid:", Link(9600)), Session()
    except LinkLost:
        time.sleep(0.1)
        continue
    try:
        while time.monotonic() < end:
            data = port.read(0.2)
            for event in session.receive(data, 0.0) if data else []:
                if isinstance(event, Weighing) and event.stable:
                    print(json.dumps(event.as_json()), flush=True)
    except LinkLost:
        print("lost", flush=True)
    finally:
        port.close()
"""


@pytest.fixture
def scale(tmp_path):
    """A USB scale as a process of its own; commands go to its stdin."""
    command = [
        sys.executable,
        "-m",
        "simulator.cli",
        "scale",
        "hid_scale",
        "--usb",
        str(tmp_path / "usb"),
        "--script",
        "-",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        yield process
        process.stdin.close()
        process.wait(10)


def test_a_station_process_reads_a_scale_of_another_process(scale, tmp_path):
    assert scale.stdout.readline() == "scale hid_scale at usb-hid:\n"
    env = {
        **os.environ,
        "MARKETEDGE_USB_BACKEND": "simulator.wires.usb_host:backend",
        "MARKETSIM_USB": str(tmp_path / "usb"),
    }
    listed = subprocess.run(
        [sys.executable, "-m", "edge.cli", "ports"], env=env, capture_output=True, text=True, timeout=30, check=True
    )
    assert 'port = "usb-hid:0eb8:f000:SIM0001"' in listed.stdout
    with subprocess.Popen([sys.executable, "-c", READ], env=env, stdout=subprocess.PIPE, text=True) as station:

        def read_until(wanted):
            end = time.monotonic() + 15
            while time.monotonic() < end:
                line = station.stdout.readline().strip()
                if line == wanted or (line.startswith("{") and json.loads(line)["value"] == wanted):
                    return True
            return False

        try:
            scale.stdin.write("put 2.350\n")
            assert read_until("2.350")
            scale.stdin.write("unplug\n")
            assert read_until("lost")
            scale.stdin.write("put 1.100\nreplug\n")
            assert read_until("1.100")
        finally:
            station.kill()
