"""A laboratory's system takes test results from the station, each once, in the order in which they were recorded.

    python results.py http://127.0.0.1:8080 results.jsonl            # what is new, and ends
    python results.py http://127.0.0.1:8080 results.jsonl --every 5  # and again every five seconds

Nothing but Python is needed. A line of the file is a result: the signed record's number, the lot's test code, what was
measured and what it means. The newest number in the file is where the next look goes on: whoever was away for a week
gets all of it. What is said otherwise of a result later is a record of its own (`result.corrected`).
"""

import argparse
import json
import os
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

KINDS = ("test.result", "result.corrected")


class Station:
    def __init__(self, address: str, token: str = "") -> None:
        self._address = address.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str) -> dict[str, Any]:
        request = urllib.request.Request(self._address + path, headers=self._headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            said: dict[str, Any] = json.loads(answer.read())
            return said

    def results_after(self, number: int) -> list[int]:
        """Numbers of the results behind this one, oldest first. The search goes from the newest back, in steps."""
        found: list[int] = []
        before = ""
        while True:
            asked = urllib.parse.urlencode([*(("kind", kind) for kind in KINDS), ("limit", 200)])
            step = self.get(f"/api/records?{asked}{before}")
            numbers = [record["seq"] for record in step["records"]]
            found += [one for one in numbers if one > number]
            if step["next"] is None or step["next"] <= number + 1 or any(one <= number for one in numbers):
                return sorted(found)
            before = f"&before={step['next']}"

    def result(self, number: int) -> dict[str, Any]:
        """What a laboratory's system keeps of a result; the whole signed record is `event`."""
        event = self.get(f"/api/records/{number}")["event"]
        data = event["data"]
        kept = ("lot", "item", "value", "unit", "verdict", "method", "analyzer")
        return {"number": number, "kind": ".".join(event["type"].split(".")[3:5]), "time": event["time"]} | {
            name: data[name] for name in kept if name in data
        }


def last_in(file: Path) -> int:
    """The newest number in the file; a line that a power cut tore is cut off."""
    if not file.exists():
        return 0
    data = file.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        file.write_bytes(whole)
    lines = whole.splitlines()
    return int(json.loads(lines[-1])["number"]) if lines else 0


def take(station: Station, file: Path) -> int:
    """Append what is new, on the disk when it returns; answers how many."""
    numbers = station.results_after(last_in(file))
    with file.open("ab") as out:
        for number in numbers:
            out.write(json.dumps(station.result(number), ensure_ascii=False).encode() + b"\n")
            out.flush()
            os.fsync(out.fileno())
    return len(numbers)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("station")
    words.add_argument("file", type=Path)
    words.add_argument("--every", type=float, default=0.0)
    words.add_argument("--token", default="")
    given = words.parse_args()
    station = Station(given.station, given.token)
    while True:
        try:
            print(f"{take(station, given.file)} results", flush=True)
        except OSError as error:
            if not given.every:
                sys.exit(f"{given.station}: {error}")
            print(f"{given.station}: {error}: asked again", file=sys.stderr)
        if not given.every:
            return
        time.sleep(given.every)


if __name__ == "__main__":
    main()
