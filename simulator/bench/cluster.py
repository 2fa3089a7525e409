"""What dies in a city's machine room, and what that costs: ``make cluster``.

* The RabbitMQ node under the stations is killed, of three, with and without the policy that mirrors their queues.
* The PostgreSQL primary is killed, of three that Patroni keeps, with workers at work.

In each case true ledgers deliver while it happens.  A record counts as lost when its station was once told that the
city has it, and then the city has it not.  Needs the Debian packages of ``CLUSTER`` in the Makefile.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from simulator.bench.fleet import Fleet, keys_for, shares_of
from simulator.bench.patroni import LOOP, RETRY, TTL, Patroni, PatroniFailed
from simulator.bench.rabbit import Rabbit, RabbitFailed
from simulator.broker import Broker, BrokerFailed
from simulator.city.engines import Db, Where, reading
from simulator.city.server import City
from simulator.obstacles import plain_errors

CASES = ("rabbit", "rabbit-mirrored", "postgres")
BEFORE = 0.3  # of the records are in the city when it happens
PATIENCE = 60.0  # seconds without any acknowledgement, and a station is written down as stuck


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a case came to. ``lost``: acknowledged, and not in the city; ``twice``: in the city under two numbers."""

    case: str
    records: int
    acked: int
    kept: int
    lost: int
    twice: int
    stuck: int
    stall: float
    note: str = ""

    def line(self) -> str:
        stall = f"{self.stall:.1f}" if not self.stuck else "no end"
        row = (self.records, self.acked, self.kept, self.lost, self.twice, self.stuck, stall)
        return f"{self.case:<17}" + "".join(f"{value:>9}" for value in row) + f"  {self.note}"


HEAD = f"{'case':<17}" + "".join(
    f"{word:>9}" for word in ("records", "acked", "in city", "lost", "twice", "stuck", "stall s")
)


@click.command()
@click.option("--stations", type=click.IntRange(1, 500), default=20, show_default=True, help="How many deliver.")
@click.option("--events", type=click.IntRange(10), default=3000, show_default=True, help="Sales, of all together.")
@click.option("--only", type=click.Choice(CASES), multiple=True, help="Some of the cases.")
def main(stations: int, events: int, only: tuple[str, ...]) -> None:
    """Kill a RabbitMQ node, and a PostgreSQL primary, under stations that deliver; prints a table."""
    click.echo(HEAD)
    with plain_errors(RabbitFailed, PatroniFailed, BrokerFailed, EOFError):
        for case in only or CASES:
            with TemporaryDirectory(prefix="cluster-", dir="/var/tmp") as name:
                found = (
                    postgres(Path(name), stations, events)
                    if case == "postgres"
                    else rabbit(case, Path(name), stations, events)
                )
            click.echo(found.line())
            if found.lost or found.twice:
                raise click.ClickException(f"{case}: a promise is broken")


def rabbit(case: str, place: Path, stations: int, events: int) -> Outcome:
    """The stations know two nodes, the city sits on the third; the first one dies."""
    with Rabbit(mirrored=case == "rabbit-mirrored") as nodes:
        city, brokers = nodes.urls[2], nodes.urls[:2]
        note = "node under the stations killed, their queues " + ("mirrored" if nodes.mirrored else "as they come")
        where = place / "city.db"
        with running(place, stations, events, where, city, brokers, "3.1.1", 0) as crowd:
            return killed(case, crowd, where, events, lambda: nodes.kill(0), note)


def postgres(place: Path, stations: int, events: int) -> Outcome:
    """Two workers on three servers; the primary dies with what looks after it."""
    with Patroni() as servers, Broker(kind="mosquitto") as broker:
        leader = servers.wait_for("no leader")
        promoted: list[float] = []

        def kill() -> None:
            began = time.monotonic()
            servers.kill(leader)
            servers.wait_for("nobody was promoted", leader)
            promoted.append(time.monotonic() - began)

        with running(place, stations, events, servers.url, broker.url, (broker.url,), "5", 2) as crowd:
            found = killed(
                "postgres", crowd, servers.url, events, kill, f"primary killed; ttl {TTL}, {LOOP}, {RETRY} s"
            )
        return Outcome(**{name: getattr(found, name) for name in Outcome.__slots__} | {
            "note": f"{found.note}; a new one with its standby after {promoted[0]:.1f} s"
        })  # fmt: skip


@contextmanager
def running(
    place: Path, stations: int, events: int, where: Where, city: str, brokers: tuple[str, ...], mqtt: str, workers: int
) -> Iterator[Fleet]:
    """A city, and a fleet that is connected."""
    with ExitStack() as stack:
        seed = os.urandom(8).hex()
        options = {"mqtt_version": mqtt, "workers": workers, "key_file": place / "city.key"}
        keys = keys_for(seed, stations)
        one = stack.enter_context(City(city, where, keys=keys, **options))  # type: ignore[arg-type]
        if not one.wait_connected(60):
            raise click.ClickException("the city did not come up")
        same: dict[str, Any] = {"seed": seed, "brokers": brokers, "mqtt": mqtt, "city": one.key, "patience": PATIENCE}
        crowd = stack.enter_context(Fleet(shares_of(stations, events, 1, place, **same)))
        crowd.ask("connect")
        yield crowd


def killed(case: str, crowd: Fleet, where: Where, events: int, kill: Callable[[], None], note: str) -> Outcome:
    """Let them deliver, kill when enough is in the city, and hold what was promised against what is there."""
    crowd.start("deliver")
    while len(_records(where)) < BEFORE * events:
        time.sleep(0.1)
    failed: list[BaseException] = []

    def deed() -> None:
        try:
            kill()
        except BaseException as error:
            failed.append(error)

    killing = threading.Thread(target=deed)
    killing.start()
    (answer,) = crowd.answers()
    killing.join()
    if failed:
        raise failed[0]
    there = _records(where)
    kept: dict[str, int] = {}
    for station, _ in there:
        kept[station] = kept.get(station, 0) + 1
    acked: dict[str, int] = answer["acked"]
    return Outcome(
        case,
        events,
        sum(acked.values()),
        len(there),
        answer["forgotten"] + sum(max(0, count - kept.get(station, 0)) for station, count in acked.items()),
        len(there) - len({*there}),
        len(answer["undelivered"]),
        answer["stall"],
        note,
    )


def _records(where: Where) -> list[tuple[str, str]]:
    """Station and id of everything in the city; nothing while its database is away."""
    db: Db | None = None
    try:
        db = reading(where)
        return [(row[0], row[1]) for row in db.execute("SELECT station, id FROM events").fetchall()]
    finally:
        if db is not None:
            db.close()


if __name__ == "__main__":
    main()
