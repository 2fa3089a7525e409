"""``marketsim bench``."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from simulator.bench.helpers import HelperFailed
from simulator.bench.report import Report
from simulator.broker import BrokerFailed
from simulator.obstacles import in_words
from simulator.stage import Refusal, StageFailed

NAMES = (
    "latency",
    "start",
    "sale",
    "writes",
    "decode",
    "idle",
    "paper",
    "ingest",
    "verify",
    "drain",
    "back",
    "identify",
)
LONG = ("soak",)  # not among ``all``
MEMORY = frozenset({"tmpfs", "ramfs"})


@click.command()
@click.argument("name", type=click.Choice([*NAMES, *LONG, "all"]))
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
@click.option(
    "--seconds", type=click.FloatRange(min=0.1), help="How long to measure each; 30 otherwise, idle 60, soak 1200."
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    default=Path("/var/tmp"),
    show_default=True,
    help="A folder on the disk to be measured.",
)
@click.option("--records", type=click.IntRange(min=10), help="verify, drain: how many; 100,000 and 10,000 otherwise.")
@click.option("--looks", type=click.IntRange(min=1), help="identify: how many at each; 100 otherwise.")
@click.option(
    "--only", multiple=True, metavar="FORMAT", help="identify: these formats, and nothing foreign; repeatable."
)
@click.option("--ack-every", type=click.FloatRange(min=0.1), help="drain: also to a city that answers so often, in s.")
@click.option("-v", "--verbose", is_flag=True, help="start: what each import costs.")
def bench(
    name: str,
    as_json: bool,
    seconds: float | None,
    folder: Path,
    records: int | None,
    looks: int | None,
    only: tuple[str, ...],
    ack_every: float | None,
    verbose: bool,
) -> None:
    """Measure the whole station, each figure beside a floor of this machine and the target.

    A missed target is a figure, not an error: the exit code is 0 whenever it was measured.
    """
    check_disk(folder)
    reports = []
    try:
        for one in NAMES if name == "all" else (name,):
            report = _bench(one, verbose, records, looks, ack_every, only)(folder.absolute(), seconds)
            reports.append(report)
            if not as_json:
                click.echo(report.as_text() + "\n")
    except (StageFailed, BrokerFailed, Refusal, HelperFailed, OSError) as error:
        raise click.ClickException(in_words(error)) from None
    if as_json:
        found = [report.as_json() for report in reports]
        click.echo(json.dumps({"benches": found} if name == "all" else found[0], ensure_ascii=False))


def _bench(
    name: str, verbose: bool, records: int | None, looks: int | None, ack_every: float | None, only: Sequence[str] = ()
) -> Callable[[Path, float | None], Report]:
    """Each is loaded when it runs, and has its own usual length."""
    if name == "latency":
        from simulator.bench.latency import measure as latency

        return lambda folder, seconds: latency(folder, seconds or 30.0)
    if name == "start":
        from simulator.bench.start import measure as start

        return lambda folder, seconds: start(folder, seconds or 30.0, verbose=verbose)
    if name == "sale":
        from simulator.bench.sale import measure as sale

        return lambda folder, seconds: sale(folder, seconds or 30.0)
    if name == "soak":
        from simulator.bench.soak import SECONDS
        from simulator.bench.soak import measure as soak

        return lambda folder, seconds: soak(folder, seconds or SECONDS)
    if name == "decode":
        from simulator.bench.decode import measure as decode

        return lambda folder, seconds: decode(folder, seconds or 30.0)
    if name == "idle":
        from simulator.bench.idle import measure as idle

        return lambda folder, seconds: idle(folder, seconds or 60.0)
    if name == "paper":
        from simulator.bench.paper import measure as paper

        return lambda folder, seconds: paper(folder, seconds or 30.0)
    if name == "ingest":
        from simulator.bench.ingest import measure as ingest

        return lambda folder, seconds: ingest(folder, seconds or 30.0)
    if name == "verify":
        from simulator.bench.verify import RECORDS
        from simulator.bench.verify import measure as verify

        return lambda folder, seconds: verify(folder, records or RECORDS)
    if name == "drain":
        from simulator.bench.drain import RECORDS
        from simulator.bench.drain import measure as drain

        return lambda folder, seconds: drain(folder, records or RECORDS, ack_every or 0.0)
    if name == "identify":
        from simulator.bench.identify import LOOKS, told
        from simulator.bench.identify import measure as identify

        if strange := set(only) - set(told()):
            raise click.ClickException(
                f"{', '.join(sorted(strange))}: not a format that can be told, as {', '.join(told())}"
            )
        return lambda folder, seconds: identify(folder, looks or LOOKS, only=only)
    if name == "back":
        from simulator.bench.back import measure as back

        return lambda folder, seconds: back(folder)
    from simulator.bench.writes import measure as writes

    return lambda folder, seconds: writes(folder, seconds or 30.0)


def check_disk(folder: Path) -> None:
    """Raises ClickException when the folder is in memory: there is no disk to be measured."""
    kind = filesystem_of(folder)
    if kind in MEMORY:
        raise click.ClickException(f"{folder} is in memory ({kind}); name a folder on a disk with --folder")


def filesystem_of(folder: Path) -> str:
    """The type of the file system a folder is on; empty where the kernel does not say."""
    try:
        lines = Path("/proc/self/mounts").read_text("utf-8").splitlines()
    except OSError:
        return ""
    here = folder.resolve()
    places = [(Path(line.split()[1].replace("\\040", " ")), line.split()[2]) for line in lines]
    fitting = [
        (len(place.parts), number, kind) for number, (place, kind) in enumerate(places) if here.is_relative_to(place)
    ]
    return max(fitting)[2] if fitting else ""
