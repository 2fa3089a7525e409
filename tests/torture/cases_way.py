"""Cases of the way to the city: the uplink and the broker."""

import json
import random
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from case import case
from city import Manners, records_in
from scene import Row, Scene
from way import Liar, Way

from simulator.stage import StageFailed, wait_for

# --- the way to the city ----------------------------------------------------------------------------------------------


@case("silent-6", "the uplink says nothing for 6 s, then power cut", 8, seconds=6.0)
@case("silent-60", "the uplink says nothing for a minute and is well again", 1, seconds=60.0, kill=False)
def silent(runs: int, seconds: float, kill: bool = True) -> Row:
    ways: list[Way] = []

    def through(scene: Scene) -> list[str]:
        ways.append(Way(scene.broker.port))
        return [f"mqtt://127.0.0.1:{ways[0].port}"]

    with Scene(brokers=through) as scene:
        crowd = scene.crowd()
        for _ in range(runs):
            time.sleep(1)
            ways[0].silent = True
            time.sleep(seconds)
            if kill:
                scene.station.kill()
            ways[0].silent = False
            if kill:
                scene.station.start()
        row = scene.judge(runs)
        slow = sorted(crowd.slowest)
        half, most = (slow[len(slow) * share // 100] * 1000 for share in (50, 99))
        row.note = f"answers meanwhile: half in {half:.0f} ms, 99 % in {most:.0f} ms"
        return row


@case("lossy", "300 ms each way, pieces lost, connection cut again and again: a market's 4G at noon", 1)
def lossy(runs: int) -> Row:
    ways: list[Way] = []

    def through(scene: Scene) -> list[str]:
        ways.append(Way(scene.broker.port, delay=0.3, lose=0.3, cut=0.3))
        return [f"mqtt://127.0.0.1:{ways[0].port}"]

    with Scene(brokers=through) as scene:
        scene.crowd(4, 0.3)
        time.sleep(90 * runs)
        row = scene.judge(runs, drain=180)
        row.note = f"{ways[0].cuts} cuts, {ways[0].losses} losses, {ways[0].connections} connections"
        return row


@case("two-ways", "the address of the broker in use goes; the second of the list is good", 4)
def two_ways(runs: int) -> Row:
    ways: list[Way] = []

    def through(scene: Scene) -> list[str]:
        ways.extend(Way(scene.broker.port) for _ in range(2))
        return [f"mqtt://127.0.0.1:{one.port}" for one in ways]

    with Scene(brokers=through) as scene:
        scene.crowd()
        for turn in range(runs):
            time.sleep(2)
            ways[turn % 2].goes()
            time.sleep(4)
            ways[turn % 2].comes()
        return scene.judge(runs)


# --- brokers ----------------------------------------------------------------------------------------------------------


@case("broker-kept", "the broker dies and comes back; it keeps its queues on disk", 8, keeps=True)
@case("broker-bare", "the broker dies and comes back with nothing", 8, keeps=False)
@case(
    "confirm-broker",
    'confirm = "broker", the city there: the broker dies',
    5,
    keeps=True,
    settings=('confirm = "broker"',),
)
def broker_killed(runs: int, keeps: bool, settings: tuple[str, ...] = ()) -> Row:
    dice = random.Random(keeps)
    back: list[float] = []
    with Scene(keeps=keeps, settings=settings) as scene:
        scene.crowd()
        for _ in range(runs):
            time.sleep(dice.uniform(0.5, 2.0))
            scene.broker.kill()
            time.sleep(dice.uniform(0.2, 1.5))
            scene.broker.start()
            start = time.monotonic()
            with suppress(StageFailed):
                wait_for("the link", lambda: scene.board()["city"]["up"], 20, 0.02)
            back.append(time.monotonic() - start)
        row = scene.judge(runs, lost=bool(settings))
        row.note = f"link back after {min(back):.1f} to {max(back):.1f} s"
        return row


@case("confirm-kill", 'confirm = "broker": power cut of the box', 5)
def confirm_kill(runs: int) -> Row:
    dice = random.Random(3)
    with Scene(settings=('confirm = "broker"',)) as scene:
        scene.crowd()
        for _ in range(runs):
            scene.kill_at_random(dice)
        return scene.judge(runs)


@case("confirm-away", 'confirm = "broker", the city away, the broker killed; the city says later how far it is', 1)
@case("confirm-mute", 'confirm = "broker", the city away and never says a word, the broker killed', 1, mute=True)
def confirm_away(runs: int, mute: bool = False) -> Row:
    """What is lost here is lost by design: nobody but the broker ever confirmed it, and it forgot."""
    with Scene(manners=Manners(mute=mute, session=True), keeps=False, settings=('confirm = "broker"',)) as scene:
        scene.crowd(1, 0.3).over.wait(3)
        scene.crowds[0].stop()
        scene.drained(30)
        scene.city.kill()
        crowd = scene.crowd(4, 0.2)
        time.sleep(6)
        crowd.stop()
        time.sleep(1)
        scene.broker.kill()
        scene.broker.start()
        scene.city.start()
        time.sleep(8)
        row = scene.judge(runs, drain=20, lost=mute)
        row.note = "lost by design; `ledger resend --from N` sends it again" if mute else "sent again by itself"
        return row


@case("resend", "the same, and a person sends again what the city lacks (`ledger resend`)", 1)
def resend(runs: int) -> Row:
    with Scene(manners=Manners(mute=True, session=True), keeps=False, settings=('confirm = "broker"',)) as scene:
        scene.crowd(1, 0.3).over.wait(2)
        scene.city.kill()
        scene.crowd(4, 0.2)
        time.sleep(5)
        for one in scene.crowds:
            one.stop()
        scene.broker.kill()
        scene.broker.start()
        scene.city.start()
        wait_for("the link", lambda: scene.board()["city"]["up"], 30)
        time.sleep(3)
        code, text = scene.does("resend", "--from", "1")
        answered = {mark for one in scene.crowds for mark in one.answered}
        with suppress(StageFailed):
            wait_for("all of them", lambda: scene.city.holds() >= len(answered), 60)
        time.sleep(2)
        row = scene.judge(runs)
        row.fault(not code, text)
        return row


@case("forgets-0", "a broker that acknowledges everything and forgets it, mended after a while", 1, puback=0)
@case("forgets-16", "the same, but it says that nobody listens", 1, puback=16)
@case("forgets-none", "a broker that takes records and never acknowledges one, mended after a while", 1, puback=None)
@case(
    "forgets-connack",
    "a broker that takes connections and says nothing, mended after a while",
    1,
    puback=0,
    connack=False,
)
@case(
    "forgets-first",
    "a broker that acknowledges and forgets stands first in the list; the second is good",
    1,
    puback=0,
    second=True,
)
@case(
    "swallows-first",
    "the same, but it passes births, so that the city answers there",
    1,
    puback=0,
    second=True,
    births=True,
)
@case("forgets-confirm", 'confirm = "broker" at a broker that forgets', 1, puback=0, settings=('confirm = "broker"',))
def forgets(
    runs: int,
    puback: int | None,
    connack: bool = True,
    second: bool = False,
    births: bool = False,
    settings: tuple[str, ...] = (),
) -> Row:
    liars: list[Liar] = []

    def through(scene: Scene) -> list[str]:
        liars.append(Liar(scene.broker.port, puback, connack, births))
        return [f"mqtt://127.0.0.1:{liars[0].port}", *([scene.broker.url] if second else [])]

    with Scene(brokers=through, settings=settings) as scene:
        scene.crowd(4, 0.2)
        time.sleep(20)
        told = scene.cause()
        if births:
            wait_for("the next broker", lambda: scene.board()["city"]["left"], 90)
            told = scene.board()["city"]["left"][0][1]
        if not second:
            liars[0].mend()
        row = scene.judge(runs, drain=120, lost=bool(settings))
        row.fault(not births or told == "swallowed", f"told: {told}")
        row.note = f"told: {told or 'nothing'}; {liars[0].forgotten} forgotten" + (
            "; sent again when the city spoke" if settings else ""
        )
        return row


@case("poison-size", "the broker takes no packet as large as a sale", 1, line="max_packet_size 1500")
@case("poison-rights", "the broker refuses the topic of sales", 1, line="acl_file {acl}")
def poison(runs: int, line: str) -> Row:
    """Nothing but the sales waits; the person sees them, mends the broker, and sends them again."""
    with tempfile.NamedTemporaryFile("w", suffix=".acl") as acl:
        acl.write("topic readwrite mkt/#\ntopic deny mkt/+/+/+/+/evt/trade\n")
        acl.flush()
        Path(acl.name).chmod(0o644)
        with Scene(broker=(line.format(acl=acl.name),)) as scene:
            crowd = scene.crowd(3, 0.3, sales=0.15)
            time.sleep(12)
            crowd.stop()
            entries = [mark for mark in crowd.answered if mark not in crowd.sales]

            def arrived() -> int:
                with suppress(Exception):
                    return sum(
                        ".entry.registered." in json.loads(body)["type"] for _, _, _, body in records_in(scene.city.db)
                    )
                return 0

            with suppress(StageFailed):
                wait_for("the entries", lambda: arrived() > len(entries), 150)
            passed, told = arrived() > len(entries), scene.cause() or f"{scene.board()['city']['aside']} set aside"
            scene.broker._lines = ()
            scene.broker.restart()
            wait_for("the link", lambda: scene.board()["city"]["up"], 30)
            scene.does("resend", "--from", "1")
            wait_for("nothing set aside", lambda: not scene.board()["city"]["aside"], 90)
            row = scene.judge(runs)
            row.fault(passed, "entries did not pass")
            row.note = f"entries passed meanwhile; told: {told}; then mended and sent again"
            return row
