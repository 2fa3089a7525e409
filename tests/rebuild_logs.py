"""Rebuild the expectations of all logs: ``python -P tests/rebuild_logs.py``.

``-P`` keeps this folder off the path, whose ``drivers`` and ``protocol`` are the tests of those packages.

Beside each ``logs/MODEL/NAME.log`` stands ``NAME.expected``: what the model's format reads in it, one JSON object a
line, without the garbage.  Look at the difference before you commit it, and say in the commit why it changed.
"""

import json
import sys
from pathlib import Path

from drivers import catalogue
from drivers.transports.recorder import read_log
from protocol.readings import Garbage

LOGS = Path(__file__).parent / "logs"


def main() -> int:
    for log in sorted(LOGS.glob("*/*.log")):
        decoder = catalogue.find(log.parent.name).decoder()
        stream = b"".join(chunk.data for chunk in read_log(log) if chunk.from_device)
        readings = [event.as_json() for event in decoder.feed(stream) if not isinstance(event, Garbage)]
        expected = "".join(json.dumps(reading, ensure_ascii=False) + "\n" for reading in readings)
        log.with_suffix(".expected").write_text(expected, "utf-8")
        sys.stdout.write(f"{log.relative_to(LOGS)}: {len(readings)} readings\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
