"""The steps of edge/ledger.md with a real city: the card died, the file is damaged, a copy went on."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.records.ledger import bodies_after, reading
from protocol.city.events import EVENTS
from simulator.broker import Broker
from simulator.city.reader import Reader
from simulator.city.server import City
from simulator.stage import CABBAGE, STATION, StationProcess, Wiring, wait_for

pytestmark = [pytest.mark.broker, pytest.mark.slow]


def entry(station: StationProcess, net_g: int) -> str:
    return str(station.post("/api/entries", product=CABBAGE, net_g=net_g, origin="河南", supplier="李四")["test_code"])


def in_city(tmp_path: Path) -> dict[int, dict[str, Any]]:
    with Reader(tmp_path / "city.db") as reader:
        events = [json.loads(body) for body in reader.events_of(STATION, 0, 1000)]
    return {int(event["sequence"]): event for event in events}


def does(station: StationProcess, name: str, *words: str, code: int = 0) -> str:
    """What `marketedge ledger …` prints, which ends with this code."""
    command = [sys.executable, "-m", "edge.cli", "ledger", name, *words, "-c", str(station.config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout


def delivered(station: StationProcess) -> bool:
    return bool(json.loads(does(station, "status"))["pending"] == 0)


def refused(tmp_path: Path) -> list[Any]:
    with Reader(tmp_path / "city.db") as reader:
        return reader.refusals(10)


def test_a_card_dies_and_the_backup_goes_on_where_the_city_is(
    tmp_path: Path, broker: Broker, city: City, station: Callable[[Wiring], StationProcess]
) -> None:
    """Backup while it runs, records after it, kill -9, the folder gone; then the two commands of the page."""
    box = station(Wiring(broker=broker.url))
    before = [entry(box, 1000 + number) for number in range(5)]
    does(box, "backup", str(tmp_path / "b.tar"))
    after = [entry(box, 2000 + number) for number in range(5)]
    wait_for("delivery", lambda: delivered(box))
    had = in_city(tmp_path)
    box.kill()
    shutil.rmtree(box.folder / "data")
    answer = json.loads(does(box, "restore", str(tmp_path / "b.tar"), "--person", "王敏"))
    assert answer["city"] == max(had) and answer["record"] > max(had)
    box.start()
    new = entry(box, 3000)
    wait_for("delivery", lambda: delivered(box))
    now = in_city(tmp_path)
    assert {seq: now[seq] for seq in had} == had and not refused(tmp_path)
    kinds = [event["type"] for seq, event in sorted(now.items()) if seq > max(had)]
    assert any(kind.endswith(".ledger.restored.v1") for kind in kinds) and kinds[-1].endswith(".entry.registered.v1")
    assert new not in [*before, *after]
    assert json.loads(does(box, "verify"))["ok"]
    assert "ledger.restored" in EVENTS


def test_a_damaged_file_is_salvaged_and_restored_in_two_commands(
    tmp_path: Path, broker: Broker, city: City, station: Callable[[Wiring], StationProcess]
) -> None:
    """Pages in the middle are overwritten: the station does not start, names the command, and goes on after both."""
    box = station(Wiring(broker=broker.url))
    codes = [entry(box, 1000 + number) for number in range(12)]
    wait_for("delivery", lambda: delivered(box))
    box.stop()
    file = box.folder / "data/ledger.db"
    data = bytearray(file.read_bytes())
    for place in range(len(data) // 1024 * 512, len(data) // 1024 * 512 + 5 * 512, 512):
        data[place : place + 512] = b"\xa5" * 512
    file.write_bytes(data)
    left = tmp_path / "left.tar"
    told = json.loads(does(box, "salvage", str(file), "-o", str(left), code=1))
    assert told["unreadable"] or told["lost"] or told["aside"] or told["tables_hurt"]
    file.rename(tmp_path / "damaged.db")
    does(box, "restore", str(left), "--person", "王敏")
    box.start()
    new = entry(box, 3000)
    wait_for("delivery", lambda: delivered(box))
    assert new not in codes and not refused(tmp_path)
    assert json.loads(does(box, "verify"))["ok"]


def test_a_copy_that_went_on_is_continued_behind_the_city(
    tmp_path: Path, broker: Broker, city: City, station: Callable[[Wiring], StationProcess]
) -> None:
    """An older copy of the folder is put back together with its mark, as a whole image of the card would be."""
    box = station(Wiring(broker=broker.url))
    old = [entry(box, 1000 + number) for number in range(3)]
    wait_for("delivery", lambda: delivered(box))
    box.stop()
    shutil.copytree(box.folder, tmp_path / "image")
    box.start()
    later = [entry(box, 2000 + number) for number in range(4)]
    wait_for("delivery", lambda: delivered(box))
    had = in_city(tmp_path)
    box.stop()
    shutil.rmtree(box.folder)
    shutil.copytree(tmp_path / "image", box.folder)
    does(box, "backup", str(tmp_path / "here.tar"))
    does(box, "restore", str(tmp_path / "here.tar"), "--person", "王敏")
    box.start()
    new = [entry(box, 3000 + number) for number in range(3)]
    wait_for("delivery", lambda: delivered(box))
    now = in_city(tmp_path)
    assert {seq: now[seq] for seq in had} == had and not refused(tmp_path)
    assert not {*new} & {*old, *later}


def test_what_never_reached_the_city_does_so_from_the_backup(
    tmp_path: Path, broker: Broker, station: Callable[[Wiring], StationProcess]
) -> None:
    """The city is away when the card dies; a person goes on without it, and it gets everything when it is back."""
    with City(broker.url, tmp_path / "city.db", enrol=True):
        box = station(Wiring(broker=broker.url))
        entry(box, 1000)
        wait_for("delivery", lambda: delivered(box))
    waiting = [entry(box, 2000 + number) for number in range(4)]
    does(box, "backup", str(tmp_path / "b.tar"))
    box.kill()
    shutil.rmtree(box.folder / "data")
    does(box, "restore", str(tmp_path / "b.tar"), "--person", "王敏", code=1)
    does(box, "restore", str(tmp_path / "b.tar"), "--person", "王敏", "--without-city")
    box.start()
    new = entry(box, 3000)
    with City(broker.url, tmp_path / "city.db", enrol=True):
        wait_for("delivery", lambda: {*waiting, new} <= {event["subject"] for event in in_city(tmp_path).values()}, 60)
        box.stop()  # a number says nothing of them: named one by one they are when they come again
        box.start()
        wait_for("nothing set aside", lambda: not json.loads(does(box, "status"))["set_aside"], 60)
    assert not refused(tmp_path)
    assert json.loads(does(box, "verify"))["ok"]


def test_records_that_no_ledger_has_any_more_are_delivered_by_a_command(
    tmp_path: Path, broker: Broker, station: Callable[[Wiring], StationProcess]
) -> None:
    """What was behind the hole of a damaged ledger and never reached the city: it gets it beside what the station makes
    now, once however often the file is given, and a line that the station did not sign is named."""
    with City(broker.url, tmp_path / "city.db", enrol=True):
        box = station(Wiring(broker=broker.url))
        entry(box, 1000)
        wait_for("delivery", lambda: box.board()["city"]["pending"] == 0)
    does(box, "backup", str(tmp_path / "b.tar"))
    codes = [entry(box, 2000 + number) for number in range(5)]
    box.kill()
    with reading(box.folder / "data") as db:
        bodies = [body for _, body in bodies_after(db.conn, 2)]  # record 2 is the hole
    aside = tmp_path / "left.tar.aside.jsonl"
    aside.write_bytes(b"".join(body + b"\n" for body in bodies))
    shutil.rmtree(box.folder / "data")
    with City(broker.url, tmp_path / "city.db", enrol=True) as city:
        does(box, "restore", str(tmp_path / "b.tar"), "--person", "王敏")
        box.start()
        new = entry(box, 3000)
        for _ in range(2):
            told = json.loads(does(box, "deliver", str(aside)))
            assert (told["records"], told["delivered"], told["confirmed_by"]) == (4, 4, "city")
            assert told["refused"] == told["not_answered"] == []
        wait_for("delivery", lambda: box.board()["city"]["pending"] == 0)
        now = in_city(tmp_path)
        assert {event["subject"] for event in now.values()} >= {*codes[1:], new}
        assert codes[0] not in {event["subject"] for event in now.values()}
        assert not refused(tmp_path)
        repeats = city.summary()["stations"][STATION]["duplicates"]
        assert "1" in does(box, "resend", "--from", "1", "--to", "1")
        wait_for("the record once more", lambda: city.summary()["stations"][STATION]["duplicates"] == repeats + 1)
    aside.write_bytes(bodies[0] + b"\n" + bodies[1].replace(b"2002", b"9002") + b"\n")
    assert does(box, "deliver", str(aside), code=1) == ""
