"""``marketsim play``."""

import json
import logging
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from simulator.broker import BrokerFailed
from simulator.market import Market
from simulator.obstacles import alone_in, plain_errors
from simulator.play.director import Director, StepFailed, market_of
from simulator.play.reading import Mistakes, find, library, read
from simulator.play.scenario import Scenario, word_of
from simulator.play.verdict import judge
from simulator.stage import Refusal, StageFailed

REAL_PAUSE = 2.0  # seconds before a step at real pace, when it does not say itself
REAL_SETTLE = 0.4
PORT = click.IntRange(1, 65535)


def play(
    scenario: Scenario,
    folder: Path,
    *,
    tell: Callable[[str], None] = lambda line: None,
    pace: str = "fast",
    ready: Callable[[Market], None] = lambda market: None,
    **market: Any,
) -> dict[str, Any]:
    """Play it in this folder and answer the verdict, as ``marketsim play`` prints it.

    ``tell`` gets a line a step; ``ready`` is called when everything runs.  ``market`` is what Market takes.
    Raises StageFailed or BrokerFailed when something on the stage does not come up.
    """
    begun = time.monotonic()
    said = {"scenario": scenario.name, "steps": len(scenario.step)}
    settle = {"settle": REAL_SETTLE} if pace == "real" else {}
    with market_of(scenario, folder, **settle, **market) as running:
        ready(running)
        director = Director(running, scenario, tell)
        director.people_come()
        for number, step in enumerate(scenario.step, 1):
            if pace == "real":
                time.sleep(REAL_PAUSE if step.after is None else step.after)
            if step.say:
                tell(f"  {step.say}")
            try:
                director.do(step)
            except StepFailed as failed:
                wrong = [f"step {number} ({word_of(type(step))}): {failed}"]
                return {**said, "ok": False, "wrong": wrong, "seconds": _since(begun)}
        return {**said, **judge(director).as_json(), "seconds": _since(begun)}


def _since(begun: float) -> float:
    return round(time.monotonic() - begun, 1)


@click.command(name="play")
@click.argument("scenario", required=False, metavar="SCENARIO")
@click.option("--list", "listed", is_flag=True, help="Say which scenarios come along, and end.")
@click.option(
    "--pace",
    type=click.Choice(["fast", "real"]),
    default="fast",
    show_default=True,
    help="As fast as the station is ready, or with pauses for who looks on.",
)
@click.option("--folder", type=click.Path(path_type=Path), help="Keep ledger, city and log here; else they go away.")
@click.option("--broker", default="", metavar="URL", help="Use this MQTT broker instead of starting one.")
@click.option("--embedded", is_flag=True, help="Use the broker inside Python although Mosquitto is installed.")
@click.option("--port", type=PORT, help="The station's pages; else a free port.")
@click.option("--city-port", type=PORT, help="The city's pages; else a free port.")
@click.option("--quiet", is_flag=True, help="Print the verdict alone.")
def command(
    scenario: str | None,
    listed: bool,
    pace: str,
    folder: Path | None,
    broker: str,
    embedded: bool,
    port: int | None,
    city_port: int | None,
    quiet: bool,
) -> None:
    """Play SCENARIO before a real station: a TOML file, or the name of one that comes along (--list).

    \b
      marketsim play morning
      marketsim play mine.toml --pace real      as people would, with the pages open

    Steps happen as fast as the station is ready. The last line is the verdict as JSON; the exit code is 0 when all came
    out as written, the city has each record once and each slip can be read, 1 when not, 2 for a mistake in the file.
    """
    if listed:
        for name in library():
            click.echo(f"{name:<20} {read(find(name)).name}")
        return
    if scenario is None:
        raise click.UsageError("name a scenario, a file or one of --list")
    try:
        found = read(find(scenario))
    except Mistakes as mistakes:
        click.echo(str(mistakes), err=True)
        sys.exit(2)

    def tell(line: str) -> None:
        if not quiet:
            click.echo(f"  · {line}" if not line.startswith(" ") else line)

    def ready(market: Market) -> None:
        if not quiet:
            click.echo(f"{found.name}\n  station {market.station.url}   city {market.city.url}")

    more = {"broker": broker, "embedded": embedded, "ports": (port or 0, city_port or 0)}
    logging.getLogger("city").addHandler(logging.NullHandler())  # that its broker went is in the scenario
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing is left behind
    try:
        with (
            plain_errors(StageFailed, BrokerFailed, Refusal),
            tempfile.TemporaryDirectory(prefix="marketsim-") as made,
            alone_in(folder or Path(made)) as place,
        ):
            verdict = play(found, place, tell=tell, pace=pace, ready=ready, **more)
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        signal.signal(signal.SIGTERM, before)
    if not quiet:
        for line in verdict["wrong"]:
            click.echo(f"  ✗ {line}")
    click.echo(json.dumps(verdict, ensure_ascii=False, separators=(",", ":")))
    sys.exit(0 if verdict["ok"] else 1)
