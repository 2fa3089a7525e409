"""A city in Node.js, written from ``protocol/city/README.md`` and the schemas, with a real station and broker."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import paho.mqtt.publish as mqtt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.records.checkpoints import Checkpoint
from edge.records.clock import Clock
from edge.records.identity import load_key
from edge.records.ledger import Ledger, Signer, body_of
from edge.records.retention import Retention
from protocol.city import envelope, signed
from protocol.city.codes import CodeKind, TraceCode
from protocol.city.ledger_events import LedgerCheckpoint
from simulator.broker import Broker
from simulator.city.keys import hex_beside
from simulator.scales._pan import Pan, find
from simulator.stage import CABBAGE, NODE, REGION, STATION, Refusal, StationProcess, Wiring, wait_for
from simulator.wires.line import Line, Pty

SOURCE = Path(__file__).parents[2] / "protocol" / "city" / "receiver"


class Receiver:
    """The Node.js process, its folder, and what it tells."""

    def __init__(self, node: str, modules: Path, folder: Path, broker: str) -> None:
        self.folder, self.log = folder, folder / "told.jsonl"
        self.program = modules / "receiver"
        self._node, self._broker = node, broker
        self.key = hex_beside(folder / "city.db")
        self._child: subprocess.Popen[str] | None = None

    def register(self, station: str, key: str) -> None:
        (self.folder / "stations.json").write_text(json.dumps({station: key}), "utf-8")

    def start(self, *before: str) -> None:
        command = [self._node, *before, "receiver.mjs", self._broker, str(self.folder)]
        self.kill()
        begun = len(self.told("ready"))
        with self.log.open("a") as out:
            self._child = subprocess.Popen(
                command, cwd=self.program, stdin=subprocess.PIPE, stdout=out, stderr=out, text=True
            )
        wait_for("the receiver", lambda: len(self.told("ready")) > begun)
        assert self.told("ready")[-1]["key"] == self.key

    def told(self, what: str) -> list[dict[str, Any]]:
        lines = self.log.read_text("utf-8").splitlines() if self.log.exists() else []
        return [one for line in lines if line.startswith("{") and (one := json.loads(line))["what"] == what]

    def order(self, **fields: Any) -> None:
        assert self._child and self._child.stdin
        self._child.stdin.write(json.dumps(fields) + "\n")
        self._child.stdin.flush()

    def ended(self) -> bool:
        return self._child is None or self._child.poll() is not None

    def kill(self) -> None:
        if self._child and self._child.stdin:
            self._child.kill()
            self._child.wait()
            self._child.stdin.close()

    def stored(self) -> list[str]:
        file = self.folder / f"{STATION}.jsonl"
        return file.read_text("utf-8").splitlines() if file.exists() else []


@pytest.fixture(scope="session")
def broker_kind() -> str:
    return "mosquitto"


@pytest.fixture
def receiver(tmp_path: Path, node: str, modules: Path, broker: Broker) -> Iterator[Receiver]:
    made = Receiver(node, modules, tmp_path / "city", broker.url)
    yield made
    made.kill()
    print(made.log.read_text("utf-8"))  # noqa: T201 - shown when the test fails


@pytest.fixture
def station(tmp_path: Path, broker: Broker, receiver: Receiver) -> Iterator[Callable[..., StationProcess]]:
    made: list[StationProcess] = []

    def start(**wiring: Any) -> StationProcess:
        one = StationProcess(tmp_path / "station", Wiring(broker=broker.url, city_key=receiver.key, **wiring))
        made.append(one)
        receiver.register(STATION, one.public_key)
        receiver.start()
        return one.start()

    yield start
    for one in made:
        one.__exit__()


def enter(running: StationProcess, serial: int = 1) -> str:
    lot = str(TraceCode(NODE, CodeKind.SOURCE, "77", serial))
    goods = {"product": CABBAGE, "net_g": 500_000, "origin": "河南", "supplier": "绿源合作社"}
    running.post("/api/entries", **goods, upstream=lot)
    return lot


def delivered(running: StationProcess) -> bool:
    return bool(running.board()["city"]["pending"] == 0)


def ledger(running: StationProcess) -> list[str]:
    """The station's own records, the very bytes that it signed."""
    return running.command("ledger", "export", "-c", str(running.config)).splitlines()


def status(running: StationProcess) -> tuple[int, int]:
    """How many records there are, and up to which one they are delivered."""
    said = json.loads(running.command("ledger", "status", "-c", str(running.config)))
    return said["records"], said["delivered_upto"]


def test_goods_and_sales_arrive_and_a_stop_is_obeyed(
    tmp_path: Path, receiver: Receiver, station: Callable[..., StationProcess]
) -> None:
    pan = Pan(Decimal(30), Decimal("0.010"), settle=0.05)
    with Line(find("mt_sics")(pan), Pty(tmp_path / "scale")) as line:
        running = station(scale=line.address)
        lot = enter(running)

        def sell() -> None:
            line.do(lambda _, now: pan.put(Decimal(0), now))
            wait_for("an empty pan", lambda: running.board()["scales"][0]["why"] == "below_min")
            line.do(lambda _, now: pan.put(Decimal("1.5"), now))
            wait_for("a load", lambda: running.board()["scales"][0]["sellable"])
            running.post("/api/sales", scale="scale-1", product=CABBAGE, lot=lot)

        sell()
        sell()
        wait_for("acknowledgements", lambda: delivered(running))
        assert receiver.stored() == ledger(running)
        assert [json.loads(one)["type"].split(".")[3] for one in receiver.stored()].count("trade") == 2
        wait_for("the cursor on the disk", lambda: status(running) == (3, 3))

        receiver.order(name="stop_lot", station=f"{NODE}-all", region=REGION, lot=lot, reason="毒死蜱超标，召回")
        (said,) = wait_for("the station's answer", lambda: receiver.told("answer"))
        assert (said["station"], said["name"], said["state"]) == (STATION, "stop_lot", "done")
        with pytest.raises(Refusal) as refused:
            sell()
        assert refused.value.code == "lot_stopped"
        wait_for("the record of it", lambda: delivered(running))
        assert json.loads(receiver.stored()[said["seq"] - 1])["type"].endswith("city.obeyed.v1")
    assert receiver.told("alarm") == receiver.told("rejected") == receiver.told("gap") == []


def test_killed_between_store_and_acknowledgement_it_loses_and_doubles_nothing(
    receiver: Receiver, station: Callable[..., StationProcess], modules: Path
) -> None:
    running = station()
    receiver.kill()
    receiver.start("--import", (modules / "killed.mjs").as_uri())
    enter(running)
    wait_for("the first acknowledgement", lambda: delivered(running))
    held = len(receiver.stored())
    enter(running, 2)
    wait_for("the kill", receiver.ended)
    assert len(receiver.stored()) > held and not delivered(running)
    with (receiver.folder / f"{STATION}.jsonl").open("a") as file:
        file.write('{"bootid":"torn by the power cut')
    enter(running, 3)
    receiver.start()
    wait_for("everything", lambda: delivered(running))
    assert receiver.stored() == ledger(running)
    assert receiver.told("damaged") == receiver.told("alarm") == []


def test_what_is_missing_is_asked_for_again(receiver: Receiver, station: Callable[..., StationProcess]) -> None:
    running = station()
    for serial in range(1, 5):
        enter(running, serial)
    wait_for("everything", lambda: delivered(running))
    receiver.kill()
    whole = receiver.stored()
    (receiver.folder / f"{STATION}.jsonl").write_text("".join(f"{one}\n" for one in (*whole[:1], *whole[2:])), "utf-8")
    receiver.start()
    enter(running, 5)
    wait_for("what was lost", lambda: len(receiver.stored()) > len(whole))
    wait_for("everything", lambda: delivered(running))
    assert {*receiver.stored()} == {*ledger(running)}
    assert receiver.told("gap")[0] == {"what": "gap", "station": STATION, "from": 2, "to": 2}
    assert receiver.told("sent")[0]["name"] == "resend"
    wait_for("its answer", lambda: receiver.told("answer"))
    assert receiver.told("alarm") == []


def leave(folder: Path, upto: int) -> None:
    """The station's records up to this one were kept their time: a checkpoint names them, and they go."""
    signer = Signer(load_key(folder / "station.key"), "sy.example.cn", NODE, "01")
    with closing(Ledger(folder / "data", signer)) as ledger:
        clock, digest = Clock(), envelope.hash_of(body_of(ledger.conn, upto))
        with ledger.batch():
            said = LedgerCheckpoint(upto=upto, hash=digest, serials={}, months=24)
            recorded = ledger.append("ledger.checkpoint", STATION, said, clock.now(), clock.boot_id)
            Retention(ledger.conn).pointed(Checkpoint(recorded.seq, upto, digest))
            ledger.conn.execute("DELETE FROM events WHERE seq <= ?", (upto,))


def test_what_left_the_station_before_the_city_had_it_is_passed_and_told(
    receiver: Receiver, station: Callable[..., StationProcess]
) -> None:
    running = station()
    for serial in range(1, 6):
        enter(running, serial)
    wait_for("everything", lambda: delivered(running))
    running.stop()
    receiver.kill()
    leave(running.folder, 3)
    (receiver.folder / f"{STATION}.jsonl").unlink()  # the city lost its disk
    receiver.start()
    running.start()
    wait_for("everything that is left", lambda: receiver.told("gone") and delivered(running))
    assert {*receiver.stored()} == {*ledger(running)}
    assert receiver.told("gone") == [{"what": "gone", "station": STATION, "from": 1, "to": 3, "missing": 3}]
    receiver.kill()
    receiver.start()  # and knows it from its files
    enter(running, 6)
    wait_for("the next one", lambda: delivered(running))
    assert {*receiver.stored()} == {*ledger(running)}
    assert len(receiver.told("gone")) == 1
    assert receiver.told("alarm") == receiver.told("rejected") == []
    assert all(one["from"] > 3 for one in receiver.told("gap"))


def test_a_station_that_changes_its_key_is_followed(
    receiver: Receiver, station: Callable[..., StationProcess], broker: Broker
) -> None:
    running = station()
    enter(running)
    wait_for("everything", lambda: delivered(running))
    old = load_key(running.folder / "station.key")
    running.stop()
    running.command("keys", "rotate", "-c", str(running.config), "--person", "王敏", "--why", "离职")
    running.start()
    enter(running, 2)
    wait_for("everything", lambda: delivered(running))
    receiver.kill()
    receiver.start()  # and knows it from its file
    enter(running, 3)
    wait_for("everything", lambda: delivered(running))
    assert receiver.stored() == ledger(running)
    records = [json.loads(one) for one in receiver.stored()]
    assert len({one["kid"] for one in records}) == 2
    receiver.order(name="stop_lot", station=STATION, region=REGION, lot="41010800110100010074", reason="召回")
    wait_for("an answer by the new key", lambda: receiver.told("answer"))
    wait_for("everything", lambda: delivered(running))
    newest = json.loads(receiver.stored()[-1])
    head = envelope.EventHead(
        "id-old", newest["source"], "price.changed", STATION, newest["time"], newest["time"], "b", "synced"
    )
    late = envelope.seal(head, {}, len(receiver.stored()) + 1, envelope.hash_of(receiver.stored()[-1].encode()), old)
    mqtt.single(f"mkt/1/{REGION}/{NODE}/01/evt/price", late, 1, hostname="127.0.0.1", port=broker.port)
    refusal = {"what": "rejected", "station": STATION, "id": "id-old", "code": "bad_signature"}
    wait_for("its refusal", lambda: any(refusal.items() <= one.items() for one in receiver.told("rejected")))
    assert receiver.told("alarm") == []


def test_a_record_that_is_not_understood_breaks_nothing(
    receiver: Receiver, station: Callable[..., StationProcess], modules: Path, tmp_path: Path
) -> None:
    running = station()
    receiver.kill()
    narrow = tmp_path / "narrow"
    shutil.copytree(modules / "receiver", narrow)
    (narrow / "node_modules").symlink_to(modules / "node_modules")
    text = (narrow / "chain.mjs").read_text("utf-8")
    assert "([a-z]+\\.[a-z]+)" in text
    (narrow / "chain.mjs").write_text(text.replace("([a-z]+\\.[a-z]+)", "(entry\\.[a-z]+)"), "utf-8")
    receiver.program = narrow
    receiver.start()
    enter(running)
    receiver.order(name="focus_list", station=STATION, region=REGION, entries=[])
    wait_for("the answer", lambda: receiver.told("answer"))
    enter(running, 2)
    wait_for("the last one", lambda: len(receiver.stored()) == 3)
    assert receiver.stored() == ledger(running)
    assert [one["code"] for one in receiver.told("rejected")] == ["unknown_type"]
    assert len(running.board()["city"]["set_aside"]) == 1
    assert receiver.told("alarm") == []


def test_a_fork_is_told_and_what_nobody_signed_is_not_kept(
    receiver: Receiver, station: Callable[..., StationProcess], broker: Broker
) -> None:
    running = station()
    enter(running)
    wait_for("everything", lambda: delivered(running))
    held = receiver.stored()
    newest = json.loads(held[-1])
    key = load_key(running.folder / "station.key")

    def record(number: int, prevhash: str, id_: str, key: Ed25519PrivateKey = key, of: str = STATION) -> bytes:
        head = envelope.EventHead(
            id_,
            newest["source"].replace(STATION, of),
            "price.changed",
            STATION,
            newest["time"],
            newest["time"],
            "boot",
            "synced",
        )
        return envelope.seal(head, newest["data"], number, prevhash, key)

    upto, hash_ = len(held), envelope.hash_of(held[-1].encode())
    sent = {
        "id-fork": (record(upto, newest["prevhash"], "id-fork"), "fork"),
        "id-chain": (record(upto + 1, "0" * 64, "id-chain"), "broken_chain"),
        "id-forged": (record(upto + 1, hash_, "id-forged", Ed25519PrivateKey.generate()), "bad_signature"),
        "id-other": (record(upto + 1, hash_, "id-other", of=f"{NODE}-02"), "wrong_source"),
        "id-blank": (record(upto + 1, hash_, "id-blank").replace(b'"data":', b'"data": '), "unreadable"),
        "id-deep": (b'{"id":"id-deep","data":' + b"[" * 20_000 + b"]" * 20_000 + b"}", ""),
        "": (b"\xff" * 100, ""),
    }

    def send(body: bytes) -> None:
        mqtt.single(f"mkt/1/{REGION}/{NODE}/01/evt/price", body, 1, hostname="127.0.0.1", port=broker.port)

    for body, _ in sent.values():
        send(body)
    expected = {id_: code for id_, (_, code) in sent.items() if code}
    wait_for("all of them", lambda: {one["id"]: one["code"] for one in receiver.told("rejected")} == expected)
    wait_for("the alarm", lambda: receiver.told("alarm"))
    assert receiver.stored() == held
    enter(running, 2)
    wait_for("the station's own next record", lambda: delivered(running) and len(receiver.stored()) > len(held))
    assert receiver.stored() == ledger(running)

    send(record(upto + 5, hash_, newest["id"]))  # somebody else writes with its key: its own id, under another number
    wait_for("the station to hold", lambda: running.board()["city"]["cause"] == "disagree")
    with pytest.raises(Refusal) as refused:
        enter(running, 3)
    assert refused.value.code == "other_ledger"


def test_the_function_of_the_node_red_flow_stores_answers_and_tells_each_record_once(
    judged: Callable[..., Any], event_of: Callable[..., bytes], tmp_path: Path, key: Ed25519PrivateKey
) -> None:
    city = hex_beside(tmp_path / "city.db")
    (tmp_path / "stations.json").write_text(json.dumps({STATION: key.public_key().public_bytes_raw().hex()}), "utf-8")
    flow = json.loads((SOURCE.parent / "brokers" / "node-red.json").read_text("utf-8"))
    body = event_of("price.changed").decode()
    topic = f"mkt/1/{REGION}/{NODE}/01/evt/price"
    bodies = [body, body, body.replace('"fen":500', '"fen":501'), "nonsense"]
    taken, again, forged, nothing = judged(
        "flow.mjs", {"flow": flow, "folder": str(tmp_path), "topic": topic, "bodies": bodies}
    )
    ack = taken[0]["payload"]
    assert (taken[0]["topic"], ack["upto"], ack["hash"]) == (
        f"mkt/1/{REGION}/{NODE}/01/ack",
        1,
        envelope.hash_of(body.encode()),
    )
    signed.verify(json.dumps(ack).encode(), signed.CityKeys.parse(city), STATION)
    assert taken[1]["topic"] == "price.changed"
    assert again[0]["payload"]["ids"] == ack["ids"] and again[1] is None
    assert [one["code"] for one in forged[0]["payload"]["rejected"]] == ["bad_signature"]
    assert nothing is None
    assert (tmp_path / f"{STATION}.jsonl").read_text("utf-8") == body + "\n"
