"""Everything that may go wrong, done to real stations, and a table of what was lost.

    python tests/torture                         every case, while --seconds last
    python tests/torture --only kill,clone       these, and those whose names begin so (kill-1, kill-8 …)
    python tests/torture --list                  what there is, and what each models

Real ``marketedge run`` processes, real Mosquitto, and a city that shares no code with the product (``city.py``): what
it holds in the end is held against what people were answered.  A row is printed for each case, and kept in
build/torture/table.md; the exit code is 1 when anything was lost or doubled that must not be, or a check failed.
"""

import argparse
import importlib
import os
import platform
import re
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = f"{ROOT}:{os.environ.get('PYTHONPATH', '')}".rstrip(":")

from case import CASES, Case, NotHere  # noqa: E402

for part in ("box", "way", "city", "other"):
    importlib.import_module(f"cases_{part}")

COLUMNS = (
    "case, runs, answered, once, doubled, lost, named, cut (recorded), repeats, chain, slips, what it models; seen"
)
HEAD = f"| {COLUMNS.replace(', ', ' | ')} |"
LINE = re.sub(r"[^|]+", " --- ", HEAD)


def played(case: Case, runs: int) -> tuple[str, bool]:
    """The case's row, and whether all was well."""
    start = time.monotonic()
    try:
        row = case.play(runs)
    except NotHere as why:
        return f"| `{case.name}` | – | | | | | | | | | | {case.models}; not run: {why} |", True
    except Exception:
        traceback.print_exc()
        return f"| `{case.name}` | – | | | | | | | | | | {case.models}; **did not end well** |", False
    told = "; ".join(filter(None, [case.models, row.note, f"{time.monotonic() - start:.0f} s"]))
    told += f"; **{'; '.join(row.wrong[:3])}**" if row.wrong else ""
    cells = [f"`{case.name}`", row.runs, f"{row.answered:,}", f"{row.once:,}", row.doubled, row.lost, row.named]
    cells += [f"{row.cut} ({row.recorded})", row.repeats, row.chain, row.slips, told]
    return "| " + " | ".join(map(str, cells)) + " |", not row.wrong


def main() -> int:
    parser = argparse.ArgumentParser(prog="make torture")
    parser.add_argument("--only", default="")
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--runs", type=float, default=1.0, help="so many times the runs of each case")
    parser.add_argument("--list", action="store_true")
    given = parser.parse_args()
    wanted = [one for one in given.only.split(",") if one]
    chosen = [one for one in CASES if not wanted or any(f"{one.name}-".startswith(f"{word}-") for word in wanted)]
    if given.list:
        print("\n".join(f"{one.name:18} {one.runs:3} x  {one.models}" for one in chosen))
        return 0
    table = ROOT / "build/torture/table.md"
    table.parent.mkdir(parents=True, exist_ok=True)
    end, well, rows, left = time.monotonic() + given.seconds, True, [HEAD, LINE], []
    print("\n".join(rows), flush=True)
    for one in chosen:
        if time.monotonic() > end:
            left.append(one.name)
            continue
        row, fine = played(one, max(1, round(one.runs * given.runs)))
        well &= fine
        rows.append(row)
        print(row, flush=True)
        about = (
            f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores {platform.machine()}, load {os.getloadavg()[1]:.1f}"
        )
        table.write_text("\n".join([about, "", *rows]) + "\n", "utf-8")
    if left:
        print(f"time is up; not begun: {', '.join(left)}")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
