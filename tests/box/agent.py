"""In the guest: runs what the host writes to a virtio port, a JSON line each, and answers with what came of it."""

import json
import subprocess
import time
from pathlib import Path

PORT = Path("/dev/virtio-ports/box")

with PORT.open("r+b", buffering=0) as host:  # such a port is opened once
    line = b""
    while True:
        byte = host.read(1)
        if not byte:  # the host is not there
            time.sleep(0.1)
        line += byte
        if byte != b"\n":
            continue
        order, line = json.loads(line), b""
        try:
            done = subprocess.run(
                order["run"], shell=True, capture_output=True, text=True, errors="replace", timeout=order["seconds"]
            )
            said = {"code": done.returncode, "out": done.stdout, "err": done.stderr}
        except subprocess.TimeoutExpired:
            said = {"code": -1, "out": "", "err": f"not done within {order['seconds']} s"}
        host.write(json.dumps({"id": order["id"], **said}).encode() + b"\n")
