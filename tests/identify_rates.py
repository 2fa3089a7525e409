"""How often `marketedge identify` is right: ``python -P tests/identify_rates.py [--runs 100] [FORMAT …]``.

Each run puts a simulated device with settings drawn from those where its format is found behind a pty that garbles the
bytes at any other rate, looks once, and compares.  *alone*: told alone, with its settings.  *among*: told first, or
with the same confidence as the first, beside others.  *unsure*: it said that it cannot tell.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

from drivers.identify import Search
from drivers.transports import open_port
from protocol import formats
from protocol.scales import plain_lines
from simulator.analyzers import _instrument as analyzer
from simulator.probes import _probe as probe
from simulator.scales import _pan as scale
from simulator.scales._pan import Pan
from simulator.wires.baud import BaudPty
from simulator.wires.line import Line

TEN_BITS = {"8n1", "7e1", "7o1", "7n2"}  # what a pty can show
FORMS = {
    "os2": [{"active": True}, {"active": False}],
    "ff_bcd": [{}, {"length": 5, "decimals_from": 1}],
    "plain_lines": [{"form": form} for form in plain_lines.FORMS],
}
"""What differs between scales of one format beside the line's settings, where only a few are met."""


def identifiable(format_id: str) -> bool:
    """It talks by itself when it is simulated, or there is a question for it."""
    wire_format = formats.find(format_id)
    if wire_format.wire != "serial":
        return False
    asked = bool(wire_format.questions or wire_format.print_questions)
    return asked or (wire_format.kind == "scale" and not wire_format.polled)


def device_of(format_id: str, rng: random.Random):
    wire_format = formats.find(format_id)
    if wire_format.kind == "analyzer":
        return analyzer.find(format_id)(None)
    if wire_format.kind == "probe":
        return probe.find(format_id)(probe.Air())
    pan = Pan(settle=0.0)
    pan.put(Decimal(rng.randrange(1, 2900)) * Decimal("0.005"), 0.0)
    return scale.find(format_id)(pan, **rng.choice(FORMS.get(format_id, [{}])))


def one_run(format_id: str, number: int, folder: Path) -> tuple[str, float, str]:
    rng = random.Random(f"{format_id}-{number}")
    wire_format = formats.find(format_id)
    links = [each for each in (wire_format.link, *wire_format.links) if str(each).split("/")[1] in TEN_BITS]
    link = rng.choice(links)
    with Line(device_of(format_id, rng), BaudPty(folder / f"{format_id}-{number}", link)) as line:
        time.sleep(rng.random() * 0.1)
        allow = not wire_format.questions and bool(wire_format.print_questions)
        report = Search(lambda at: open_port(line.address, at), allow_print=allow).run()
    what = f"{link}: {', '.join(f'{one.protocol} {one.link} {one.confidence:.0%}' for one in report.findings)}"
    if not report.findings:
        return "unsure", report.seconds, what
    right = [one for one in report.findings if (one.protocol, one.link) == (format_id, link)]
    if len(right) == len(report.findings):
        return "alone", report.seconds, what
    first = report.findings[0].confidence - 0.05
    return ("among" if any(one.confidence >= first for one in right) else "wrong"), report.seconds, what


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=8, help="Runs at a time; they mostly wait.")
    parser.add_argument("formats", nargs="*")
    options = parser.parse_args()
    every = [name for name in (*scale.ids(), *analyzer.ids(), *probe.ids()) if identifiable(name)]
    for name in formats.ids():
        formats.find(name)
    worst = 1.0
    sys.stdout.write(f"{'format':20} {'right':>6} {'alone':>6} {'among':>6} {'unsure':>6} {'wrong':>6}  p50 s  max s\n")
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.jobs) as pool:
        for name in options.formats or every:
            runs = list(pool.map(lambda number, name=name: one_run(name, number, Path(folder)), range(options.runs)))
            count = Counter(outcome for outcome, _, _ in runs)
            seconds = sorted(each for _, each, _ in runs)
            right = count["alone"] + count["among"]
            worst = min(worst, right / options.runs)
            sys.stdout.write(
                f"{name:20} {right:6} {count['alone']:6} {count['among']:6} {count['unsure']:6} {count['wrong']:6} "
                f"{seconds[len(seconds) // 2]:6.1f} {seconds[-1]:6.1f}\n"
            )
            for what, times in Counter(what for outcome, _, what in runs if outcome in ("wrong", "unsure")).items():
                sys.stdout.write(f"    {times} × {what}\n")
            sys.stdout.flush()
    return 0 if worst >= 0.95 else 1


if __name__ == "__main__":
    sys.exit(main())
