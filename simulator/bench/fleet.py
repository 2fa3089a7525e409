"""Thousands of stations before one city: how much it takes, and what a broker's restart does to it.

parent: Mosquitto, the city (SQLite, or PostgreSQL and workers)      what it says is printed
children: a share of the stations each, ``fleet_station.py``         few ledgers open at a time
"""

import asyncio
import contextlib
import json
import logging
import os
import resource
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from edge.config.sections import CitySection
from edge.records.ledger import Ledger, Signer
from protocol.city.signed import CityKeys
from simulator.bench.fleet_link import KEEPALIVE
from simulator.bench.fleet_station import AT_ONCE, HOST, Progress, Station, first, key_of, topics_of
from simulator.bench.helpers import SPAWN
from simulator.broker import Broker, BrokerFailed
from simulator.city.engines import failures_of, reading
from simulator.city.server import City
from simulator.obstacles import plain_errors
from simulator.postgres import Postgres, PostgresFailed

OPEN_AT_ONCE = 60  # ledgers in a process
CONNECT_AT_ONCE = 50  # first connections in a process: the storm is measured apart
GREET_SECONDS = STORM_SECONDS = 300.0
ANSWER_SECONDS = 30.0  # without the city's answer to a birth, and it is said again
TICK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Share:
    """What one child carries: stations from ``first`` on, and how many records they make together."""

    seed: str
    first: int
    count: int
    events: int
    brokers: tuple[str, ...]
    mqtt: str
    city: str
    folder: Path
    patience: float = 300.0  # seconds without any acknowledgement, and a station gives up


class Child:
    """The stations of one process, in its event loop."""

    def __init__(self, share: Share) -> None:
        self._share = share
        part = CitySection.model_validate({"brokers": share.brokers, "mqtt": share.mqtt, "keys_file": "-"})
        template = share.folder / "template"
        Ledger(template, Signer(key_of(share.seed, -1), HOST, "410000000", "00")).close()
        keys = CityKeys.parse(share.city)
        self._stations = [
            Station(number, key_of(share.seed, number), part, keys, share.folder / str(number), template)
            for number in range(share.first, share.first + share.count)
        ]
        self._keepers: list[asyncio.Task[None]] = []
        self._back: dict[int, float] = {}
        self._connected: list[float] = []
        self._tries = 0
        self._late = 0.0
        self._open: set[Station] = set()

    async def serve(self, pipe: Connection) -> None:
        loop = asyncio.get_running_loop()
        tending = asyncio.create_task(self._tend())
        pipe.send("ready")
        while (wanted := await loop.run_in_executor(None, pipe.recv)) != "stop":
            pipe.send(await getattr(self, wanted)())
        tending.cancel()
        for keeper in self._keepers:
            keeper.cancel()
        for station in self._stations:
            station.close()

    async def _tend(self) -> None:
        """What happens by the clock: pings, and what the publishers send again."""
        pinged = time.monotonic()
        while True:
            due = time.monotonic() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            self._late = max(self._late, time.monotonic() - due)
            for station in [*self._open]:
                station.pump()
            if time.monotonic() - pinged > KEEPALIVE / 2:
                pinged = time.monotonic()
                for number, station in enumerate(self._stations):
                    station.ping()
                    if number % 100 == 99:
                        await asyncio.sleep(0)

    async def connect(self) -> int:
        """All of them, some at a time; from then on each comes back by itself."""
        some = asyncio.Semaphore(CONNECT_AT_ONCE)

        async def one(number: int, station: Station) -> None:
            async with some, asyncio.timeout(GREET_SECONDS):
                await station.connect()
                while not await self._greeted(number):
                    await station.patience()
                    await station.connect()

        await asyncio.gather(*(one(number, station) for number, station in enumerate(self._stations)))
        self._keepers = [asyncio.create_task(self._keep(number)) for number in range(len(self._stations))]
        return len(self._stations)

    async def _keep(self, number: int) -> None:
        station = self._stations[number]
        while True:
            await station.lost.wait()
            await station.patience()
            tries = await station.connect()
            self._tries += tries
            self._connected.append(time.monotonic())
            await self._greeted(number)

    async def _greeted(self, number: int) -> bool:
        """The city answered a birth of this connection; False when the link is lost before."""
        station = self._stations[number]
        while not station.lost.is_set():
            if await first(station.greeted, station.lost, seconds=ANSWER_SECONDS) is station.greeted:
                self._back[number] = time.monotonic()
                return True
            if not station.lost.is_set():
                station.announce()
        return False

    async def deliver(self) -> dict[str, Any]:
        """Record what there is to record, and wait until the city has all of it."""
        some = asyncio.Semaphore(OPEN_AT_ONCE)
        each, more = divmod(self._share.events, len(self._stations))

        async def one(number: int, station: Station) -> None:
            count = each + (number < more)
            if not count:
                return
            async with some:
                station.open()
                self._open.add(station)
                quiet = time.monotonic()
                left, pending = count, 0
                while left or station.pending:
                    if left and station.pending < 2 * AT_ONCE:
                        station.record(min(AT_ONCE, left))
                        left -= min(AT_ONCE, left)
                    if station.pending != pending:
                        pending, quiet = station.pending, time.monotonic()
                    elif time.monotonic() - quiet > self._share.patience:
                        break
                    await asyncio.sleep(0 if left and station.pending < 2 * AT_ONCE else 0.005)
                self._open.discard(station)
                station.shut()

        Station.progress = Progress()
        await asyncio.gather(*(one(number, station) for number, station in enumerate(self._stations)))
        return {
            "acked": {station.topics.station: station.acked for station in self._stations},
            "stall": Station.progress.longest,
            "forgotten": Station.progress.forgotten,
            "undelivered": [station.topics.station for station in self._stations if station.left],
            "repeats": sum(station.repeats for station in self._stations),
            "held": dict(Counter(station.held for station in self._stations if station.held)),
            "max_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }

    async def back(self) -> dict[str, Any]:
        """Since the last question: when each was connected again, and heard by the city; how late this process was."""
        back = [*self._back.values()]
        found = {"connected": self._connected, "back": back, "tries": self._tries, "late": self._late}
        self._connected, self._back, self._tries, self._late = [], {}, 0, 0.0
        return found


def _child(pipe: Connection, share: Share) -> None:
    logging.disable(logging.ERROR)  # each of thousands would say it: what counts is in the answers
    asyncio.run(Child(share).serve(pipe))


class Fleet:
    """The children, between ``with`` and its end."""

    def __init__(self, shares: Sequence[Share]) -> None:
        self._shares = shares
        self._pipes: list[Connection] = []
        self._processes: list[Any] = []

    def __enter__(self) -> "Fleet":
        for share in self._shares:
            here, there = SPAWN.Pipe()
            process = SPAWN.Process(target=_child, args=(there, share), daemon=True)
            process.start()
            there.close()
            self._pipes.append(here)
            self._processes.append(process)
        for pipe in self._pipes:
            pipe.recv()
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in self._pipes:
            with contextlib.suppress(OSError):
                pipe.send("stop")
        for process in self._processes:
            process.join(10)
            if process.is_alive():
                process.kill()

    def ask(self, what: str) -> list[Any]:
        """All of them at once; raises EOFError when one has ended."""
        self.start(what)
        return self.answers()

    def start(self, what: str) -> None:
        for pipe in self._pipes:
            pipe.send(what)

    def answers(self) -> list[Any]:
        return [pipe.recv() for pipe in self._pipes]


def shares_of(stations: int, events: int, processes: int, folder: Path, **same: Any) -> list[Share]:
    """A share for each process."""
    shares, first = [], 0
    for number in range(processes):
        last = stations * (number + 1) // processes
        count, part = last - first, events * last // stations - events * first // stations
        place = folder / f"p{number}"
        place.mkdir(parents=True)
        shares.append(Share(first=first, count=count, events=part, folder=place, **same))
        first = last
    return shares


def keys_for(seed: str, stations: int) -> dict[str, str]:
    """What the city has to trust."""
    return {
        topics_of(number).station: key_of(seed, number).public_key().public_bytes_raw().hex()
        for number in range(stations)
    }


@click.command()
@click.option("--stations", type=click.IntRange(1, 20_000), default=200, show_default=True, help="How many.")
@click.option("--events", type=click.IntRange(0), default=10_000, show_default=True, help="Sales, of all together.")
@click.option("--workers", type=click.IntRange(0, 64), default=2, show_default=True, help="0: the city in one process.")
@click.option(
    "--store", type=click.Choice(["postgresql", "sqlite"]), default="postgresql", show_default=True, help="Of the city."
)
@click.option("--processes", type=click.IntRange(1, 64), default=2, show_default=True, help="That the fleet takes.")
@click.option("--storm", is_flag=True, help="Kill the broker afterwards, and see how they come back.")
@click.option(
    "--away", type=click.FloatRange(0), default=5.0, show_default=True, help="Seconds the storm keeps the broker away."
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    default=Path("/var/tmp"),
    show_default=True,
    help="Where the ledgers and the stores lie.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def fleet(
    stations: int,
    events: int,
    workers: int,
    store: str,
    processes: int,
    storm: bool,
    away: float,
    folder: Path,
    as_json: bool,
) -> None:
    """A city's stations at once, each with its own key and ledger: events a second, and the storm of reconnects."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if stations + 200 > hard:
        raise click.ClickException(f"{stations} connections; this user may open {hard} files: ulimit -n")
    if store == "sqlite" and workers:
        workers = 0
    with (
        plain_errors(BrokerFailed, PostgresFailed, EOFError, *failures_of("postgresql://")),
        TemporaryDirectory(dir=folder, prefix="fleet-") as name,
        ExitStack() as stack,
    ):
        place = Path(name)
        broker = stack.enter_context(Broker(kind="mosquitto", log=place / "broker.log"))
        where: Any = place / "city.db"
        if store == "postgresql":
            where = stack.enter_context(Postgres(folder=folder)).url
        seed = os.urandom(8).hex()
        keys = keys_for(seed, stations)
        city = stack.enter_context(City(broker.url, where, keys=keys, key_file=place / "city.key", workers=workers))
        if not city.wait_connected(60):
            raise click.ClickException("the city did not come up")
        same = {"seed": seed, "brokers": (broker.url,), "mqtt": "5", "city": city.key}
        shares = shares_of(stations, events, min(processes, stations), place, **same)
        crowd = stack.enter_context(Fleet(shares))
        found: dict[str, Any] = {"stations": stations, "store": store, "workers": workers, "processes": len(shares)}
        found |= measured(crowd, events, where, city.workers.pids)
        if not as_json:
            tell(found)
        if storm:
            found["storm"] = stormy(crowd, stations, broker, away)
            if not as_json:
                tell({f"storm_{key}": value for key, value in found["storm"].items()})
        if as_json:
            click.echo(json.dumps(found, ensure_ascii=False))


def measured(crowd: Fleet, events: int, where: Any, workers: Sequence[int]) -> dict[str, Any]:
    """Connect them, and let them deliver. Processor time is by who used it; desk and SQLite city are ``here``."""
    empty = stored_bytes(where)
    began = time.monotonic()
    crowd.ask("connect")
    connected, before = time.monotonic(), processor_seconds(workers)
    answers = crowd.ask("deliver")
    took, after = time.monotonic() - connected, processor_seconds(workers)
    held: Counter[str] = Counter()
    for answer in answers:
        held.update(answer["held"])
    return {
        "connect_s": round(connected - began, 1),
        "events": events,
        "acked": sum(sum(answer["acked"].values()) for answer in answers),
        "seconds": round(took, 1),
        "events_per_s": round(events / took) if took else 0,
        "processor_ms_an_event": {
            who: round(1000 * (after[who] - before[who]) / events, 2) for who in sorted(after) if events
        },
        "longest_without_an_answer_s": round(max(answer["stall"] for answer in answers), 1),
        "sent_twice": sum(answer["repeats"] for answer in answers),
        "not_delivered": dict(held),
        "kept": kept(where),
        "store_bytes_an_event": round((stored_bytes(where) - empty) / events) if events else 0,
        "station_process_mib": max(answer["max_rss_mib"] for answer in answers),
    }


def processor_seconds(workers: Sequence[int]) -> dict[str, float]:
    """What this process and all that come from it used so far: ``workers``, ``postgres``, ``stations`` …"""
    used: dict[str, float] = defaultdict(float)
    family = {os.getpid()}
    for path in sorted(Path("/proc").glob("[0-9]*/stat"), key=lambda one: int(one.parts[-2])):
        with contextlib.suppress(OSError):
            name, _, rest = path.read_text("utf-8", "replace").partition("(")[2].rpartition(")")
            fields, pid = rest.split(), int(path.parts[-2])
            if pid not in family and int(fields[1]) not in family:
                continue
            family.add(pid)
            who = "workers" if pid in workers else "here" if pid == os.getpid() else name
            who = "stations" if who.startswith("python") else who
            used[who] += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used


def stored_bytes(where: Any) -> int:
    """How large the store is, with its indexes and without its log."""
    if isinstance(where, Path):
        return where.stat().st_size
    db = reading(where)
    try:
        return int(db.execute("SELECT pg_database_size(current_database())").fetchone()[0])
    finally:
        db.close()


def kept(where: Any) -> dict[str, int]:
    """What the store has: records, numbers that are twice or missing, stations whose chain is not whole."""
    db = reading(where)
    try:
        sql = "SELECT max(sequence), count(*) FROM events GROUP BY station"
        rows = db.execute(sql).fetchall()
        total, numbers = sum(row[1] for row in rows), sum(row[0] for row in rows)
        broken = db.execute("SELECT count(*) FROM stations WHERE breaks > 0 OR torn <> ''").fetchone()[0]
        return {"records": int(total), "missing": int(numbers) - int(total), "broken_chains": int(broken)}
    finally:
        db.close()


def stormy(crowd: Fleet, stations: int, broker: Broker, away: float) -> dict[str, Any]:
    """The broker is killed and comes back: when, from then on, the city knows all of them again.

    Connections a second are counted by the broker: the CONNECTs that it took, by its log.  A fleet that is late by more
    than a fraction of a second had too little of the processor: what came late then came together, and says nothing.
    """
    crowd.ask("back")
    began = time.monotonic()
    broker.kill()
    before = broker.connects()
    time.sleep(away)
    broker.start()
    up = time.monotonic()
    connected: list[float] = []
    back: list[float] = []
    tries, late = 0, 0.0
    while len(back) < stations and time.monotonic() - up < STORM_SECONDS:
        time.sleep(0.5)
        for answer in crowd.ask("back"):
            connected += answer["connected"]
            back += answer["back"]
            tries += answer["tries"]
            late = max(late, answer["late"])
    return {
        "broker_away_s": round(up - began, 2),
        "connections": len(connected),
        "tries": tries,
        "most_connections_in_a_second": max((broker.connects() - before).values(), default=0),
        "half_connected_s": _after(connected, up, 0.5),
        "all_connected_s": _after(connected, up, 1.0),
        "half_heard_by_the_city_s": _after(back, up, 0.5),
        "all_heard_by_the_city_s": _after(back, up, 1.0) if len(back) >= stations else None,
        "heard": len(back),
        "fleet_late_s": round(late, 2),
    }


def _after(moments: Sequence[float], began: float, part: float) -> float | None:
    """Seconds until this part of them."""
    ranked = sorted(moments)
    return round(ranked[max(0, round(part * len(ranked)) - 1)] - began, 1) if ranked else None


def tell(found: Mapping[str, Any]) -> None:
    for key, value in found.items():
        click.echo(f"  {key:<34}{value}")
