"""How fast a backlog goes to the city."""

import json
import os
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import BoundedSemaphore
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.records.ledger import bodies_after, body_of, reading
from protocol.city.envelope import kind_of
from protocol.city.topics import Topics
from simulator.bench.filling import fill
from simulator.bench.helpers import HelperFailed, elsewhere
from simulator.bench.idle import cpu_seconds
from simulator.bench.receiver import Receiver
from simulator.bench.report import Figure, Report
from simulator.broker import Broker
from simulator.city.keys import city_key, public_hex
from simulator.stage import NODE, REGION, TERMINAL, StationProcess, Wiring, wait_for

RECORDS = 10_000
FLOOR_RECORDS = 20_000  # of more than these the floor publishes only the first: its rate does not change
AT_ONCE = 500  # records on their way in the floor
RATIO = 0.5
SLOW_TARGET = 30.0  # records a second into a city that answers every 15 s
FLOORS = 2  # before, and after
ANSWERS = 3  # of a city that keeps records waiting are waited for after its first
QUIET = 0.15  # CPU seconds a second that a station takes at most when it does nothing
LOOK_SECONDS = 0.05
STALLED_SECONDS = 60.0
TOPICS = Topics(REGION, NODE, TERMINAL)


@dataclass(frozen=True, slots=True)
class Run:
    """What went to a city: seconds from the first record's arrival to the last one's commit, and the CPU seconds of the
    sender and of the city."""

    records: int
    seconds: float
    cpu: float
    city_cpu: float
    repeats: int

    @property
    def rate(self) -> float:
        return self.records / self.seconds if self.seconds else 0.0


def measure(
    folder: Path, records: int = RECORDS, ack_every: float = 0.0, *, answers: int = ANSWERS, floors: int = FLOORS
) -> Report:
    """Fill a ledger; let the station send it, and paho alone before and after.

    With ``ack_every`` the station then sends it once more, to a city that answers so often.
    """
    with TemporaryDirectory(dir=folder, prefix="drain-") as name, ExitStack() as stack:
        bench = Bench(Path(name), stack)
        written, size = bench.fill(records), bench.size
        bare = [bench.flood(min(records, FLOOR_RECORDS))]
        with bench.station:
            ours = bench.drain()
            slow = bench.drain_slowly(ack_every, answers) if ack_every else None
        bare += [bench.flood(min(records, FLOOR_RECORDS)) for _ in range(floors - 1)]
    floor = sum(one.records for one in bare) / sum(one.seconds for one in bare)
    said = "paho alone publishing the same records into the same city"
    figures = [
        Figure(
            f"{records:,} waiting",
            "records/s",
            {"rate": ours.rate},
            {"rate": floor},
            said,
            {"rate": RATIO * floor},
            at_least=True,
        )
    ]
    if slow is not None:
        name = f"a city that answers every {ack_every:g} s"
        target = {"rate": SLOW_TARGET * 15 / ack_every}
        figures.append(Figure(name, "records/s", {"rate": slow}, {"rate": floor}, said, target, at_least=True))
    facts = {
        "ratio": f"{ours.rate / floor:.2f}",
        "record_bytes": size,
        "seconds": round(ours.seconds, 1),
        "station_cpu_us_a_record": round(1e6 * ours.cpu / ours.records),
        "paho_cpu_us_a_record": round(sum(1e6 * one.cpu / one.records for one in bare) / len(bare)),
        "city_cpu_us_a_record": round(1e6 * ours.city_cpu / ours.records),
        "floors": [round(one.rate) for one in bare],
        "sent_twice": ours.repeats,
        "ledger_made_records_per_s": round(written),
        "load_average": os.getloadavg()[0],
    }
    return Report("drain", "a backlog to a city that verifies, stores and acknowledges", tuple(figures), facts)


class Bench:
    """A broker, and a station that knows the city's key.

    Each run has a city of its own that has nothing yet; broker and city come up when the station is up already.
    """

    def __init__(self, place: Path, stack: ExitStack) -> None:
        self._place = place
        self._broker = stack.enter_context(Broker())
        self._mqtt = self._broker.mqtt_version
        self._broker.stop()
        self._cities = 0
        self.station = StationProcess(
            place / "station",
            Wiring(self._broker.url, self._mqtt, city_key=public_hex(city_key(place / "city.key"))),
        )
        self._records = 0

    @property
    def _data(self) -> Path:
        return self.station.folder / "data"

    def fill(self, records: int) -> float:
        """So many sales are waiting; answers how many were written a second."""
        start = time.monotonic()
        elsewhere(fill, self._data, self.station.folder / "station.key", records)
        self._records = records
        return records / (time.monotonic() - start)

    @property
    def size(self) -> int:
        """Bytes of a record."""
        with reading(self._data) as db:
            return len(body_of(db.conn, self._records))

    def flood(self, records: int) -> Run:
        """paho alone publishes the first records, in a process of its own."""
        with self._city() as city:
            self._broker.start()
            cpu = elsewhere(flood, self._data, self._broker.url, self._mqtt, records)
            self._until(city, records)
            run = _run(city.progress(), records, cpu)
        self._broker.stop()
        return run

    def drain(self) -> Run:
        """The station sends all of it, once its broker is there."""
        with self._city() as city:
            before = self._quiet()
            self._broker.start()
            self._until(city, self._records)
            run = _run(city.progress(), self._records, cpu_seconds(self.station.pid) - before)
            wait_for("the station's word of it", lambda: self.station.board()["city"]["pending"] == 0)
        self._broker.stop()
        return run

    def drain_slowly(self, ack_every: float, answers: int) -> float:
        """Records a second into a city that answers every so many seconds, from its first answer on.

        It has lost all that it had, so it gets all of it again.
        """
        with self._city(ack_every) as city:
            self._broker.start()
            wait_for("the city's first answer", lambda: city.progress()["acked"], 2 * ack_every + STALLED_SECONDS)
            first = city.progress()
            time.sleep(answers * ack_every)
            last = city.progress()
        self._broker.stop()
        return (last["stored"] - first["stored"]) / (last["asked"] - first["asked"])

    def _quiet(self) -> float:
        """Wait until the station has done what it does only after its start; its CPU seconds then."""
        used = -1.0
        while (now := cpu_seconds(self.station.pid)) > used + QUIET:
            used = now
            time.sleep(1.0)
        return now

    def _city(self, ack_every: float = 0.0) -> Receiver:
        """Another one under the same key, as a city that has lost all it had."""
        self._cities += 1
        db = self._place / f"city-{self._cities}.db"
        return Receiver(
            self._broker.url, self._place / "city.key", db, TOPICS, self.station.public_key, self._mqtt, ack_every
        )

    def _until(self, city: Receiver, records: int) -> None:
        """Wait until the city has so many; raises HelperFailed when none comes for long."""
        stored, since = 0.0, time.monotonic()
        while stored < records:
            time.sleep(LOOK_SECONDS)
            if (now := city.progress()["stored"]) > stored:
                stored, since = now, time.monotonic()
            elif time.monotonic() > since + STALLED_SECONDS:
                raise HelperFailed(f"the city got {stored:.0f} of {records} records, then no more")


def _run(progress: Mapping[str, float], records: int, cpu: float) -> Run:
    seconds = progress["last"] - progress["first"]
    return Run(records, seconds, cpu, progress["cpu"], int(progress["repeats"]))


def flood(data: Path, broker: str, mqtt: str, records: int) -> float:
    """Publish the first records as fast as paho goes, so many on their way at most; answers the CPU seconds of it.

    For a process of its own.
    """
    with reading(data) as db:
        found = [(kind_of(json.loads(body)["type"]), body) for _, body in islice(bodies_after(db.conn, 0), records)]
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5 if mqtt == "5" else paho.MQTTv311)
    room, up = BoundedSemaphore(AT_ONCE), threading.Event()
    client.max_inflight_messages_set(AT_ONCE)
    client.on_connect = lambda *_: up.set()
    client.on_publish = lambda *_: room.release()
    parts = urlsplit(broker)
    client.connect(parts.hostname or "", parts.port or 1883)
    client.loop_start()
    if not up.wait(STALLED_SECONDS):
        raise HelperFailed(f"no connection to {broker}")
    before = time.process_time()
    for kind, body in found:
        room.acquire()
        client.publish(TOPICS.event(kind), body, qos=1)
    for _ in range(AT_ONCE):
        room.acquire()
    cpu = time.process_time() - before
    client.disconnect()
    client.loop_stop()
    return cpu
