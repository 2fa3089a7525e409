"""Cases of another ledger under the station's name, and of words that are not the city's."""

import json
import random
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt
from case import case
from paho.mqtt.enums import CallbackAPIVersion
from scene import Row, Scene

from simulator.stage import STATION, StageFailed, wait_for

# --- two ledgers under one name ---------------------------------------------------------------------------------------


@case("restored-backup", "the card dies; a backup of some time ago is restored (`ledger restore`)", 2)
def restored_backup(runs: int) -> Row:
    with Scene() as scene:
        for turn in range(runs):
            crowd = scene.crowd(4, 0.2)
            time.sleep(3)
            code, text = scene.does("backup", str(scene.folder / f"{turn}.tar"))
            time.sleep(3)
            crowd.stop()
            scene.drained()
            scene.slips(Row())  # those that wait for the printer are lost with the card
            scene.station.kill()
            shutil.rmtree(scene.station.folder / "data")
            again, more = scene.does("restore", str(scene.folder / f"{turn}.tar"), "--person", "王敏")
            if code or again:
                raise StageFailed(text + more)
            scene.station.start()
        crowd = scene.crowd(4, 0.2)
        time.sleep(3)
        return scene.judge(runs)


@case("restored-image", "an old image of the whole card is put back and sells before the city is heard", 2)
def restored_image(runs: int) -> Row:
    """Mark and key are as old as the ledger: nothing on the box can know it. What has a number that the city gave to
    another record stands among the rejected, by name."""
    with Scene() as scene:
        held = 0
        for turn in range(runs):
            crowd = scene.crowd(4, 0.2)
            time.sleep(3)
            crowd.stop()
            scene.drained()
            scene.station.stop()
            image = scene.folder / f"image-{turn}"
            shutil.copytree(scene.station.folder, image)
            scene.station.start()
            crowd = scene.crowd(4, 0.2)
            time.sleep(3)
            crowd.stop()
            scene.drained()
            scene.station.stop()
            shutil.rmtree(scene.station.folder)
            shutil.copytree(image, scene.station.folder)
            scene.broker.kill()
            scene.station.start()
            crowd = scene.crowd(4, 0.2)
            time.sleep(2)
            scene.broker.start()
            held += _goes_on(scene)
            time.sleep(2)
            crowd.stop()
            scene.drained()
        row = scene.judge(runs, twins=True)
        row.fault(held == runs, f"held {held} times of {runs}")
        found = "held in red each time, then `ledger continue`; named: set aside as fork"
        row.note = "; ".join(filter(None, [found, row.note]))
        return row


def _goes_on(scene: Scene, station: Any = None) -> bool:
    """Whether it was held; the command that the page names leads out."""
    one = station or scene.station
    try:
        wait_for("the red page", lambda: scene.board(one)["city"]["cause"] == "disagree", 40)
    except StageFailed:
        return False
    for _ in range(20):
        code, _ = scene.does("continue", "--person", "王敏", "--why", "卡被复制", station=one)
        if not code:
            break
        time.sleep(1)
    wait_for("agreement", lambda: scene.board(one)["city"]["cause"] != "disagree", 40)
    return True


@case("clone", "the card was copied: two boxes with one key sell at once; one goes on, then the other", 1)
def clone(runs: int) -> Row:
    with Scene() as scene:
        crowd = scene.crowd(2, 0.1)
        time.sleep(2)
        crowd.stop()
        scene.drained()
        scene.station.stop()
        shutil.copytree(scene.station.folder, scene.folder / "clone")
        other = scene.make("clone")
        scene.station.start()
        other.start()
        crowds = [scene.crowd(3, 0.1), scene.crowd(3, 0.1, at=other)]
        time.sleep(15)
        held = [one for one in (scene.station, other) if scene.board(one)["city"]["cause"] == "disagree"]
        for crowd in crowds:
            crowd.stop()
        both = sum(len(crowd.answered) for crowd in crowds)
        for goes, stays in ((scene.station, other), (other, scene.station)):
            if stays.running:
                scene.printed(stays)
                stays.stop()
            if not goes.running:
                goes.start()
            _goes_on(scene, goes)
            wait_for("delivery", lambda goes=goes: scene.board(goes)["city"]["pending"] == 0, 60)
            scene.printed(goes)
        scene.asides.append((other, {seq for seq, _ in scene.board(other)["city"]["set_aside"]}))
        other.stop()
        scene.station.start()
        row = scene.judge(runs, twins=True)
        row.fault(bool(held), "neither box was held")
        found = f"{len(held)} of 2 held within 15 s, {both} answered; named: as fork, by the box that made it"
        row.note = "; ".join(filter(None, [found, row.note]))
        return row


# --- forgers ----------------------------------------------------------------------------------------------------------


@case("forged", "somebody floods the ack topic: too much, wrong hashes, another's key, recorded answers; power cuts", 3)
@case(
    "forged-unsigned",
    'the same with confirm = "city-unsigned", where his word counts',
    1,
    settings=('confirm = "city-unsigned"',),
)
def forged(runs: int, settings: tuple[str, ...] = ()) -> Row:
    dice = random.Random(11)
    with Scene(settings=settings) as scene, _forger(scene, quiet=bool(settings)) as said:
        scene.crowd(4, 0.2)
        held = 0
        for _ in range(runs):
            if settings:
                time.sleep(6)
            else:
                scene.kill_at_random(dice)
        for crowd in scene.crowds:
            crowd.stop()
        said.over = True
        time.sleep(1)
        if settings:
            scene.station.stop()
            scene.station.start()
            held += _goes_on(scene) if scene.cause() == "disagree" else 0
            scene.does("resend", "--from", "1")
            time.sleep(6)
        row = scene.judge(runs)
        row.note = f"{said.count} forged words" + (f", held {held} times" if settings else f"; odd: {said.odd}")
        return row


@dataclass
class Said:
    count: int = 0
    over: bool = False
    odd: str = ""


@contextmanager
def _forger(scene: Scene, quiet: bool) -> Iterator[Said]:
    """He reads everything on the wire, and says what he likes. ``quiet``: nothing that merely holds the box."""
    import hashlib
    import threading

    from city import NOTHING, City
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    said, dice, topic = Said(), random.Random(13), f"mkt/1/410108/{STATION[:9]}/{STATION[10:]}"
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "forger", protocol=mqtt.MQTTv5)
    read: list[tuple[int, str, str]] = []
    acks: list[bytes] = []

    def heard(_: Any, __: Any, message: mqtt.MQTTMessage) -> None:
        if message.topic.endswith("/ack"):
            if b'"sig"' in message.payload and len(acks) < 500:
                acks.append(message.payload)
        elif "/evt/" in message.topic:
            event = json.loads(message.payload)
            read.append((int(event["sequence"]), hashlib.sha256(message.payload).hexdigest(), event["id"]))

    client.on_message = heard
    client.on_connect = lambda *_: client.subscribe([(f"{topic}/#", 1)])
    client.connect("127.0.0.1", scene.broker.port)
    client.loop_start()
    liar = City.__new__(City)
    liar.key, liar.issued = Ed25519PrivateKey.generate(), time.time() + 100
    liar.kid = hashlib.sha256(liar.key.public_key().public_bytes_raw()).hexdigest()[:8]

    def lie() -> None:
        while not said.over:
            time.sleep(0.03)
            if not read:
                continue
            seq, digest, event_id = dice.choice(read[-30:])
            lies = [{"upto": seq, "hash": digest}, {"upto": seq + 40}, {"ids": [event_id]}]
            if not quiet:
                lies += [
                    {"upto": seq, "hash": "ab" * 32},
                    {"upto": 10**9, "hash": digest},
                    {"upto": 0, "hash": NOTHING},
                ]
                lies += [{"upto": dice.randint(0, seq), "hash": digest}]
                lies += [{"rejected": [{"id": event_id, "code": "fork", "reason": "x"}]}]
            body = dice.choice(lies)
            payload = liar._sealed(STATION, body) if dice.random() < 0.5 else json.dumps(body).encode()
            if acks and dice.random() < 0.3:
                payload = dice.choice(acks)
            client.publish(f"{topic}/ack", payload, qos=1, retain=dice.random() < 0.1)
            if not quiet and dice.random() < 0.1:
                public = liar.key.public_key().public_bytes_raw().hex()
                order = {
                    "id": f"x-{said.count}",
                    "name": "keys",
                    "expires": "2099-01-01T00:00:00+08:00",
                    "add": [public],
                    "revoke": [],
                    "stations": [],
                }
                client.publish(f"{topic}/cmd/keys", liar._sealed(STATION, order), qos=1)
            said.count += 1
            if said.count % 200 == 0:
                with suppress(Exception):
                    said.odd = ", ".join(f"{name} {count}" for name, count in scene.board()["city"]["odd"])

    thread = threading.Thread(target=lie, daemon=True)
    thread.start()
    try:
        yield said
    finally:
        said.over = True
        thread.join()
        client.loop_stop()
