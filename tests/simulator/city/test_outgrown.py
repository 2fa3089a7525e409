"""The city on a real PostgreSQL, with workers: nothing lost, nothing double, whatever dies, and the same judgement."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocol.city.envelope import hash_of
from protocol.city.key_events import proof
from protocol.city.signed import BadSigned, CityKeys, Verifier, seal
from protocol.city.topics import ack_of
from simulator.broker import Broker
from simulator.city import City
from simulator.city.engines import NotCopied
from simulator.city.engines import Postgres as Server
from simulator.city.keys import city_key
from simulator.city.orders import ordered
from simulator.city.platform import Message, Part, Platform
from simulator.city.reader import Reader, summary
from simulator.city.store import Store
from simulator.postgres import Postgres

pytestmark = pytest.mark.broker
TABLES = (
    "events",
    "stations",
    "keys",
    "old_keys",
    "refused_keys",
    "refusals",
    "incidents",
    "counts",
    "commands",
    "sent",
    "answers",
)
EXAMPLES = 15 if settings.default is not None and settings.default.derandomize else 200  # make explore tries more
PROJECTIONS = ("lots", "shelf", "stalls", "photo_names")


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres() as running:
        yield running


@pytest.fixture(scope="module")
def crowd(signer_type: Callable[..., Any]) -> dict[str, Any]:
    """Ten stations."""
    ones = [signer_type(terminal=f"{number:02d}", seed=number) for number in range(1, 11)]
    return {one.name: one for one in ones}


@pytest.fixture(scope="module")
def big_city(
    server: Postgres, crowd: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[City, Broker, Path]]:
    """Four workers that know the crowd, and the file with their key."""
    key = tmp_path_factory.mktemp("big") / "city.key"
    keys = {name: one.hex for name, one in crowd.items()}
    with (
        Broker(kind="mosquitto") as broker,
        City(broker.url, server.url, keys=keys, key_file=key, workers=4) as city,
    ):
        assert city.wait_connected(60)
        yield city, broker, key


@pytest.fixture
def url(server: Postgres) -> Iterator[str]:
    """An empty store, beside that of the city that runs."""
    name = "another"
    db = Server(server.url)
    db.execute(f"CREATE DATABASE {name}")
    yield server.url.replace("/postgres?", f"/{name}?")
    db.execute(f"DROP DATABASE {name} WITH (FORCE)")
    db.close()


def rows(url: str, sql: str, values: list[Any]) -> list[Any]:
    db = Server(url)
    try:
        return list(db.execute(sql, values).fetchall())
    finally:
        db.close()


def delivered(link: Any, bodies: list[bytes]) -> None:
    """As a station does: what nobody answered for goes again."""
    for _ in range(30):
        try:
            link.until(lambda w: w.upto == len(bodies), 2.0)
            return
        except AssertionError:
            for body in bodies[max(0, link.upto) :]:
                link.event(body)
    raise AssertionError(f"answers: {link.acks[-5:]}")


# --- the whole city ---------------------------------------------------------------------------------------------------


def test_four_workers_keep_each_record_once_though_one_dies_between_commit_and_answer(
    big_city: tuple[City, Broker, Path], server: Postgres, crowd: dict[str, Any], wire: Callable[..., Any]
) -> None:
    city, broker, key = big_city
    url, ones = server.url, list(crowd.values())[:5]
    program = f"""
import os, signal, sys
from simulator.city import platform
def _answer(self, answers):
    if answers:
        os.kill(os.getpid(), signal.SIGKILL)
platform.Platform._answer = _answer
from simulator.cli.main import main
sys.argv = ["marketsim", "city", "worker", "--broker", {broker.url!r}, "--store", {url!r},
            "--key", {str(key)!r}]
main()
"""
    fatal = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert fatal.stdout is not None and fatal.stdout.readline() == "worker ready\n"
    wires = [wire(broker, one.topics) for one in ones]
    bodies = {one.name: [one.entry(serial) for serial in range(1, 61)] for one in ones}
    for turn in range(60):
        for one, link in zip(ones, wires, strict=True):
            link.event(bodies[one.name][turn])
    assert fatal.wait(30) == -signal.SIGKILL  # it kept what it had got, and nobody heard of it
    fatal.stdout.close()
    os.kill(city.workers.pids[0], signal.SIGKILL)
    for one, link in zip(ones, wires, strict=True):
        delivered(link, bodies[one.name])
        assert not link.rejected
    sql = "SELECT station, sequence, body FROM events WHERE station IN (?, ?, ?, ?, ?) ORDER BY station, sequence"
    kept = rows(url, sql, [*bodies])
    assert [(name, seq, bytes(body)) for name, seq, body in kept] == [
        (one.name, number, body) for one in ones for number, body in enumerate(bodies[one.name], 1)
    ]
    said = summary(url)
    assert said["entries"] >= 300
    whole = {name for name, one in said["stations"].items() if one["chain_ok"] and not one["torn"] and not one["gaps"]}
    assert {*bodies} <= whole
    assert city.workers.wait_ready(30)  # the one that was killed is there again


def test_no_word_of_one_worker_is_older_than_what_another_said_before(
    big_city: tuple[City, Broker, Path], crowd: dict[str, Any], wire: Callable[..., Any]
) -> None:
    (city, broker, _), one = big_city, crowd["410108001-06"]
    link = wire(broker, one.topics)
    bodies = [one.entry(serial) for serial in range(1, 201)]
    for body in bodies:
        link.event(body)
    delivered(link, bodies)
    verifier = Verifier(CityKeys.parse(city.key), one.name)
    words = sorted((json.loads(payload)["issued"], payload) for payload in link.payloads)
    assert len({issued for issued, _ in words}) == len(words)
    upto = 0
    for _, payload in words:  # in the order in which they were issued they never go back
        signed = verifier.read(payload, "ack")
        verifier.taken(signed, "ack")
        said = ack_of(signed.fields)
        assert said.upto is not None and said.upto >= upto
        upto = said.upto
    with pytest.raises(BadSigned):
        verifier.read(words[0][1], "ack")


def test_an_order_is_written_down_by_one_signed_by_another_and_answered_to_a_third(
    big_city: tuple[City, Broker, Path],
    server: Postgres,
    crowd: dict[str, Any],
    wire: Callable[..., Any],
    eventually: Callable[..., None],
) -> None:
    (city, broker, _), one, url = big_city, crowd["410108001-07"], server.url
    link, heard = wire(broker, one.topics), []
    ours = f"{one.topics.base}/cmd/stop_lot"  # the node hears of new keys, too
    link.client.message_callback_add(ours, lambda _c, _d, message: heard.append(bytes(message.payload)))
    link.client.subscribe(ours, 1)
    link.state(one.state())
    link.until(lambda w: w.upto == 0)
    words = ["--store", url, "send", "stop_lot", "--station", one.name, "--lot", "41010800110100010074"]
    command = [sys.executable, "-m", "simulator.cli", "city", *words, "--reason", "召回", "--wait", "20"]
    asking = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    eventually(lambda: heard, 20)
    id_ = json.loads(heard[0])["id"]
    assert Verifier(CityKeys.parse(city.key), one.name).read(heard[0], "cmd").fields["reason"] == "召回"
    answer = {"id": id_, "name": "stop_lot", "state": "done", "code": "", "message_zh": "", "message_en": "", "seq": 7}
    link.client.publish(one.topics.result("stop_lot"), seal(answer, one.name, "2026-11-29T08:00:00+08:00", one.key), 1)
    assert asking.wait(20) == 0
    assert asking.stdout is not None and "state=done" in asking.stdout.read()
    asking.stdout.close()
    with Reader(url) as reader:
        assert ordered(reader.db)[0].waits == ()


def test_a_key_is_changed_between_workers_that_die_and_what_the_old_one_signed_before_is_taken_late(
    big_city: tuple[City, Broker, Path], server: Postgres, crowd: dict[str, Any], wire: Callable[..., Any]
) -> None:
    (city, broker, _), one = big_city, crowd["410108001-08"]
    old, link = one.key, wire(broker, one.topics)
    first, late = one.entry(1), [one.entry(2), one.entry(3)]
    link.event(first)
    link.until(lambda w: w.upto == 1, 20)
    new = Ed25519PrivateKey.generate()
    data = {"old_key": one.hex, "new_key": new.public_key().public_bytes_raw().hex(), "why": "离职", "person": "王敏"}
    changed = one.event("key.rotated", data | {"proof": proof(one.name, old.public_key(), new)}, subject=one.name)
    link.event(changed, alarm=True)  # ahead of what was recorded before it
    link.until(lambda w: json.loads(changed)["id"] in w.ids, 20)
    for pid in city.workers.pids:
        os.kill(pid, signal.SIGKILL)
    one.key, one.hex = new, data["new_key"]
    bodies = [first, *late, changed, one.entry(4), one.entry(5)]
    delivered(link, bodies)
    assert city.workers.wait_ready(60)
    assert link.rejected == {}
    one.key = old
    link.event(one.entry(6))  # whoever has the old key has no say any more
    link.until(lambda w: "unknown_key" in w.rejected.values(), 20)
    url = server.url
    assert rows(url, "SELECT public_key FROM keys WHERE station = ?", [one.name]) == [(data["new_key"],)]
    kept = rows(url, "SELECT public_key, until FROM old_keys WHERE station = ?", [one.name])
    assert kept == [(data["old_key"], 4)]
    told = rows(url, "SELECT fields FROM commands WHERE name = 'keys'", [])
    assert [json.loads(text)["stations"][0]["public_key"] for (text,) in told] == [data["new_key"]]
    one.key = new


def test_a_worker_that_judged_before_another_took_a_change_judges_again(
    url: str, tmp_path: Path, signer: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its reading of keys and its transaction the other one takes the change."""
    slow, quick, one = Desk(url, tmp_path), Desk(url, tmp_path), signer()
    quick.trust(one)
    first = one.entry(1)
    new = Ed25519PrivateKey.generate()
    data = {"old_key": one.hex, "new_key": new.public_key().public_bytes_raw().hex(), "why": "离职", "person": "王敏"}
    data["proof"] = proof(one.name, one.key.public_key(), new)
    changed = one.event("key.rotated", data, subject=one.name)
    forged = one.entry(2)  # by the old key, behind the change
    plain = slow.platform._judge

    def judge(store: Store, batch: list[Any]) -> Any:
        found = plain(store, batch)
        quick.take(one, changed)
        return found

    monkeypatch.setattr(slow.platform, "_judge", judge)
    said = slow.take(one, first, forged)
    assert [one.code for ack in said for one in ack.rejected] == ["unknown_key"]
    assert max(ack.upto for ack in said) == 2
    for made in (slow, quick):
        made.store.close()


def test_by_mqtt_3_1_1_each_worker_takes_the_stations_that_are_its_own() -> None:
    topics = [f"mkt/1/410108/410108{node:03d}/{terminal:02d}/evt/trade" for node in range(50) for terminal in range(2)]
    parts = [Part(number, 4, desk=False) for number in range(4)]
    takers = [[part.worker for part in parts if part.takes(topic, "3.1.1")] for topic in topics]
    assert all(len(found) == 1 for found in takers) and len({found[0] for found in takers}) == 4
    assert all(part.takes(topic, "5") for part in parts for topic in topics)  # there the broker does it
    assert all(one.startswith("$share/") for one in parts[0].filters("5"))


def test_a_commit_that_the_standby_may_not_have_counts_as_none(
    server: Postgres, eventually: Callable[..., None]
) -> None:
    """Somebody breaks off the wait for a standby that is away: the server commits, with a warning."""
    db, other = Server(server.url), Server(server.url)
    db.execute("CREATE TABLE waits (n integer)")
    other.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    other.execute("SELECT pg_reload_conf()")
    eventually(lambda: other.execute("SHOW synchronous_standby_names").fetchone()[0] == "nobody")
    failed: list[BaseException] = []
    enough = threading.Event()

    def commit() -> None:
        """The setting is in force for all a moment after it is there: until then commits pass."""
        try:
            while not enough.is_set():
                with db.atomic():
                    db.execute("INSERT INTO waits VALUES (1)")
        except Exception as error:
            failed.append(error)

    committing = threading.Thread(target=commit)
    try:
        committing.start()
        waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        eventually(lambda: other.execute(waiting).fetchone())
        assert committing.is_alive() and not failed
        other.execute("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
        committing.join(20)
    finally:
        enough.set()
        other.execute("ALTER SYSTEM RESET synchronous_standby_names")
        other.execute("SELECT pg_reload_conf()")
        committing.join(20)
    assert [type(error) for error in failed] == [NotCopied]
    assert other.trouble(failed[0]) == "down"  # it is answered by nobody, and comes again
    db.execute("DROP TABLE waits")
    db.close()


def test_both_engines_have_the_same_tables(url: str, tmp_path: Path) -> None:
    small, large = Store(tmp_path / "city.db"), Store(url)
    own = {name: {*small.db.table(name).columns_dict} for name in small.db.table_names() if not name.startswith("_")}
    sql = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
    there: dict[str, set[str]] = {}
    for table, column in large.db.execute(sql).fetchall():
        there.setdefault(table, set()).add(column)
    assert {name: columns for name, columns in there.items() if not name.startswith(("events_", "city_schema"))} == own
    small.close()
    large.close()


def test_workers_need_a_store_that_they_can_share(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--store"):
        City("mqtt://127.0.0.1:1", tmp_path / "city.db", workers=2)


# --- what it says of trouble ------------------------------------------------------------------------------------------


class Desk:
    """A worker's judgement without a broker: what is delivered in one batch, and what it answers."""

    def __init__(self, where: Any, folder: Path) -> None:
        self.store = Store(where, "desk")
        self.platform = Platform("mqtt://127.0.0.1:9", where, city_key(folder / "city.key"), part=Part(0, 2))

    def trust(self, one: Any) -> None:
        with self.store.batch():
            self.store.trust(one.name, one.hex, "registered")

    def take(self, one: Any, *bodies: bytes) -> list[Any]:
        topic = one.topics.event("trade.completed")
        batch = [Message(topic, body, len(body)) for body in bodies]
        return [ack for _, _, _, ack in self.platform._in_one(self.store, batch).answers]


@pytest.fixture(params=["file", "server"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    where = tmp_path / "city.db" if request.param == "file" else request.getfixturevalue("url")
    made = Desk(where, tmp_path)
    yield made
    made.store.close()


def test_fork_gap_replay_and_pause_are_named_and_recorded(
    desk: Desk, signer: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulator.city.store.GAP_SECONDS", -1.0)  # at once
    forks, gaps, replays = (signer(terminal=f"0{number}", seed=number) for number in range(1, 4))
    clone = signer(terminal="01", seed=1)
    for one in (forks, gaps, replays):
        desk.trust(one)
    desk.take(forks, forks.entry(1))
    (said,) = desk.take(forks, clone.entry(2))
    assert [one.code for one in said.rejected] == ["fork"]
    first, second, third = (gaps.entry(serial) for serial in range(1, 4))
    desk.take(gaps, first, third)
    desk.take(gaps, third)
    body = replays.entry(1)
    desk.take(replays, body)
    (said,) = desk.take(replays, body, body)
    assert said.upto == 1 and said.ids
    with desk.store.batch():
        desk.store.paused("2026-11-29T08:00:00+00:00", "the store could keep nothing")
    found = {
        (row["kind"], row["station"], row["sequence"]): row["times"]
        for row in desk.store.db.query("SELECT * FROM incidents")
    }
    assert found.pop(("pause", "", int(datetime(2026, 11, 29, 8, tzinfo=UTC).timestamp()))) == 1
    assert found == {
        ("fork", forks.name, 1): 1,
        ("gap", gaps.name, 2): 1,
        ("replay", gaps.name, 0): 1,
        ("replay", replays.name, 0): 2,
    }
    (said,) = desk.take(gaps, second)
    assert (said.upto, said.hash) == (3, hash_of(third))


def test_what_a_database_cannot_keep_holds_up_nothing_else(
    url: str, tmp_path: Path, signer: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sequence of stores that fail: the record that is to blame is found, the others are kept and answered."""
    made, one, other = Desk(url, tmp_path), signer(), signer(terminal="02", seed=2)
    for each in (one, other):
        made.trust(each)
    said: list[Any] = []
    monkeypatch.setattr(made.platform, "_answer", said.extend)
    monkeypatch.setattr("simulator.city.platform.RETRY_SECONDS", 0)
    plain = Store.add

    def add(self: Store, name: str, *rest: Any) -> Any:
        if name == other.name:
            self.db.execute("SELECT 1 / 0")
        return plain(self, name, *rest)

    monkeypatch.setattr(Store, "add", add)
    bodies = [(one, one.entry(1)), (other, other.entry(1)), (one, one.entry(2))]
    made.platform._do(made.store, [Message(of.topics.event("x.y"), body, len(body)) for of, body in bodies])
    assert {(station, ack.upto) for _, station, _, ack in said} == {(one.name, 1), (one.name, 2)}
    made.store.close()


def test_a_batch_that_failed_leaves_nothing_in_memory(desk: Desk, signer: Callable[..., Any]) -> None:
    """The first batch of a station fails at its end: its row is not there, and the next one must make it."""
    one = signer()
    desk.trust(one)
    body = one.entry(1)
    plain, desk.store._flush = desk.store._flush, lambda: desk.store.db.execute("SELECT nothing FROM nowhere")
    with pytest.raises(desk.store.failures):
        desk.take(one, body)
    desk.store._flush = plain
    assert [said.upto for said in desk.take(one, body)] == [1]
    assert [said.upto for said in desk.take(one, body)] == [1]
    assert desk.store.db.execute("SELECT upto, duplicates FROM stations").fetchall() == [(1, 1)]


def test_records_that_came_with_the_joint_that_passed_them_are_named(desk: Desk, signer: Callable[..., Any]) -> None:
    """A restored station's records lie under numbers that ``upto`` jumps over: only their ids say that it has them."""
    lost, one = signer(), signer()
    desk.trust(one)
    desk.take(one, lost.entry(1), lost.entry(2))
    own = [one.entry(serial, net_g=1000 + serial) for serial in range(1, 5)]
    one.sequence, own_hash = 6, one.prevhash
    one.prevhash = hash_of_city = lost.prevhash
    joint = one.event(
        "ledger.restored",
        {
            "own_sequence": 4,
            "own_hash": own_hash,
            "city_sequence": 2,
            "city_hash": hash_of_city,
            "serials": {},
            "why": "the card was changed",
            "person": "王秀英",
        },
    )
    (said,) = desk.take(one, own[3], joint)
    assert (said.upto, said.hash, said.rejected) == (7, hash_of(joint), ())
    assert said.ids == (json.loads(own[3])["id"],)
    (said,) = desk.take(one, own[2])
    assert said.ids == (json.loads(own[2])["id"],)


# --- a batch is judged as one at a time -------------------------------------------------------------------------------


def _standing(store: Store) -> tuple[Any, ...]:
    """What must be the same however the records came in batches; times and repeats of words are not."""
    kept = store.db.execute("SELECT station, sequence, code, body FROM events ORDER BY station, sequence").fetchall()
    columns = "station, upto, head, top, stored, count, rejected, duplicates, breaks, given_up, torn, serials"
    stations = store.db.execute(f"SELECT {columns} FROM stations ORDER BY station").fetchall()
    refused = store.db.execute("SELECT station, hash, code, times FROM refusals ORDER BY hash, code").fetchall()
    return (
        [(*row[:3], bytes(row[3])) for row in kept],
        [tuple(row) for row in stations],
        [tuple(row) for row in refused],
    )


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory, server: Postgres) -> Iterator[Callable[..., tuple[Any, ...]]]:
    """Delivers messages to an empty city, cut into batches, and says how it stands."""
    folder = tmp_path_factory.mktemp("plays")
    db = Server(server.url)
    db.execute("CREATE DATABASE plays")
    desks = {"file": Desk(folder / "city.db", folder), "server": Desk(f"{server.url}&dbname=plays", folder)}

    def played(engine: str, one: Any, batches: list[list[bytes]]) -> tuple[Any, ...]:
        desk = desks[engine]
        with desk.store.batch():
            for table in (*TABLES, *PROJECTIONS):
                desk.store.db.execute(f"DELETE FROM {table}")
        desk.store._stations.clear()
        desk.store._kept.clear()
        desk.trust(one)
        for batch in batches:
            desk.take(one, *batch)
        return _standing(desk.store)

    yield played
    for desk in desks.values():
        desk.store.close()
    db.execute("DROP DATABASE plays")
    db.close()


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_batch_is_judged_as_one_at_a_time_on_both_engines(
    play: Callable[..., tuple[Any, ...]], signer: Callable[..., Any], data: st.DataObject
) -> None:
    one, clone = signer(), signer()
    true = [one.entry(n) if n != 3 else one.entry(n, net_g=-1) for n in range(1, 7)]
    false = [clone.entry(n, net_g=77000 + n) for n in range(1, 5)]
    sent = data.draw(st.lists(st.sampled_from([*true, *false]), min_size=1, max_size=12))
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(sent) - 1)), max_size=4)))
    batches = [part for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True) if (part := sent[a:b])]
    one_by_one = play("file", one, [[body] for body in sent])
    assert play("file", one, batches) == one_by_one
    assert play("server", one, batches) == one_by_one
