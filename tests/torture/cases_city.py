"""Cases of the city: it dies, answers badly, refuses, forgets."""

import random
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from case import case
from city import Manners, records_in
from scene import Row, Scene

from simulator.stage import StageFailed, wait_for

# --- the city ---------------------------------------------------------------------------------------------------------


@case("city-killed", "the city dies between its disk and its answer", 8)
def city_killed(runs: int) -> Row:
    with Scene(manners=Manners(die=60)) as scene:
        scene.crowd(8, 0.15)
        end = time.monotonic() + 30 * runs
        while scene.city.deaths < runs and time.monotonic() < end:
            scene.city.restart_if_dead()
            time.sleep(0.2)
        scene.city.manners.die = 0
        return scene.judge(scene.city.deaths)


@case(
    "acks-late", "answers a second late, three times each, out of order; power cuts", 3, late=1.0, copies=3, shuffle=4
)
@case("acks-ids", "a city that names ids alone; power cuts", 3, ids_only=True)
@case("acks-slow", "a city that needs 50 ms a record; power cuts", 2, slow=0.05)
@case("acks-rare", "a city that answers every 10 s; a power cut", 1, every=10.0)
def acks(runs: int, **manners: Any) -> Row:
    dice = random.Random(5)
    with Scene(manners=Manners(**manners)) as scene:
        scene.crowd()
        for _ in range(runs):
            time.sleep(4)
            scene.kill_at_random(dice)
        return scene.judge(runs, drain=240)


@case("refused-known", "the city refuses every 7th record for its content; a power cut", 1, code="bad_data")
@case("refused-unknown", "the same, for a reason this station has never heard of", 1, code="not_on_a_sunday")
def refused(runs: int, code: str) -> Row:
    """They are with the city, which looks at them; the page names each, and the rest goes on."""
    dice = random.Random(7)
    with Scene(manners=Manners(refuse_every=7, refuse_code=code)) as scene:
        scene.crowd()
        time.sleep(5)
        scene.kill_at_random(dice)
        for crowd in scene.crowds:
            crowd.stop()
        scene.drained()
        aside = scene.board()["city"]["aside"]
        row = scene.judge(runs)
        refused = sum(bool(why) for _, _, why, _ in records_in(scene.city.db))
        row.fault(aside == refused, f"{refused} were refused, the page says {aside}")
        row.note = f"{aside} set aside, the city refused {refused}"
        return row


@case("refused-open", "the city cannot check signatures for a minute", 1)
def refused_open(runs: int) -> Row:
    with Scene(manners=Manners(open=60.0)) as scene:
        scene.crowd(4, 0.2)
        told: list[str] = []
        with suppress(StageFailed):
            wait_for("the word", lambda: told.append(scene.cause()) or told[-1] == "city_refuses", 25)
        time.sleep(5)
        row = scene.judge(runs, drain=180)
        row.fault("city_refuses" in told, "the page does not say that the city refuses")
        return row


@case("restored-city", "the city goes back to a copy of its disk and forgot the rest", 3)
def restored_city(runs: int) -> Row:
    with Scene() as scene:
        scene.crowd(4, 0.2)
        lost = []
        for turn in range(runs):
            time.sleep(3)
            scene.city.kill()
            _copy_db(scene.city.db, scene.folder / "older.db")
            had = scene.city.holds()
            scene.city.start()
            time.sleep(5)
            scene.city.kill()
            lost.append(scene.city.holds() - had)
            _copy_db(scene.folder / "older.db", scene.city.db)
            scene.city.start()
            if turn == runs - 1:
                time.sleep(5)
        row = scene.judge(runs)
        row.note = f"it forgot {', '.join(map(str, lost))} records; nobody did anything"
        return row


def _copy_db(one: Path, to: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        to.with_name(to.name + ending).unlink(missing_ok=True)
        if (part := one.with_name(one.name + ending)).exists():
            shutil.copy(part, to.with_name(to.name + ending))
