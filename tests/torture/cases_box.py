"""Cases of the box: power, clock, disk, a long day."""

import fcntl
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from case import NotHere, case
from city import records_in
from scene import FLAGS, Row, Scene, limited

from simulator.stage import StageFailed, wait_for

# --- the box loses power ----------------------------------------------------------------------------------------------


@case("kill-1", "power cut at a quiet stall: one person", 10, clients=1, pause=0.02)
@case("kill-8", "power cut at a busy stall: 8 people, some cuts in the middle of a start", 20, clients=8, pause=0.3)
@case("kill-40", "power cut under all the load it takes: 40 clients flat out", 10, clients=40, pause=0.0, sales=0.05)
@case(
    "kill-keys",
    "the same, and who got no answer asks again with its Idempotency-Key",
    10,
    clients=8,
    pause=0.1,
    keys=True,
)
@case("kill-311", "power cut where the broker speaks MQTT 3.1.1", 5, clients=8, pause=0.3, mqtt="3.1.1")
def kills(runs: int, clients: int, pause: float, keys: bool = False, mqtt: str = "5", sales: float = 0.6) -> Row:
    dice = random.Random(clients)
    with Scene(mqtt=mqtt) as scene:
        scene.crowd(clients, pause, keys=keys, sales=sales)
        for _ in range(runs):
            scene.kill_at_random(dice)
        row = scene.judge(runs)
        if keys:
            left = [mark for crowd in scene.crowds for mark in crowd.cut - crowd.answered.keys()]
            row.note = f"{len(left)} had no answer when the day ended"
        return row


@case("clock-1970", "the box wakes up in 1970 after each power cut and gets the right time later", 4)
def clock_1970(runs: int) -> Row:
    """Its wall clock is what a file says; the program sees no other."""
    with Scene() as scene:
        wall = scene.folder / "wall"
        (scene.folder / "clock").mkdir()
        (scene.folder / "clock/sitecustomize.py").write_text(
            "import time, os\n"
            "real, begun = time.time, time.time()\n"
            f"def wall():\n    return real() if open({str(wall)!r}).read() == 'right' else real() - begun + 30\n"
            "time.time = wall\n"
        )
        before = os.environ.get("PYTHONPATH", "")
        os.environ["PYTHONPATH"] = f"{scene.folder / 'clock'}:{FLAGS['PYTHONPATH']}"
        try:
            scene.crowd(4, 0.2)
            years = set()
            for _ in range(runs):
                wall.write_text("1970")
                scene.station.kill()
                scene.station.start()
                time.sleep(4)
                wall.write_text("right")
                time.sleep(7)
            row = scene.judge(runs)
        finally:
            os.environ["PYTHONPATH"] = before
        for _, _, _, body in records_in(scene.city.db):
            years.add(json.loads(body)["time"][:4])
        row.fault("1970" not in years, "a record is dated 1970")
        row.note = f"years in the records: {', '.join(sorted(years))}"
        return row


# --- the disk ---------------------------------------------------------------------------------------------------------


@contextmanager
def _mounted(scene_folder: Path, *words: str) -> Iterator[Path]:
    if os.geteuid() != 0:
        raise NotHere("mounting needs root")
    scene_folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", *words, str(scene_folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotHere(f"mount {' '.join(words)}: {done.stderr.strip()}")
    try:
        yield scene_folder
    finally:
        subprocess.run(["umount", "-l", str(scene_folder)], check=False)


@case("disk-full", "the card is full, freed, full again at a power cut and at the start, freed", 1)
def disk_full(runs: int) -> Row:
    with (
        tempfile.TemporaryDirectory() as at,
        _mounted(Path(at) / "card", "-t", "tmpfs", "-o", "size=24m", "tmpfs") as card,
        Scene(data=card / "data", prints=False) as scene,
    ):
        scene.crowd(8, 0.02)
        filler = card / "filler"
        for turn in range(2 * runs):
            time.sleep(3)
            _fill(filler)
            time.sleep(4)
            if turn % 2:
                scene.station.kill()
                scene.station.start(wait=False)
                time.sleep(4)
            filler.unlink()
            scene.station.wait_ready()
        time.sleep(2)
        row = scene.judge(runs)
        no = sum(len(crowd.said_no) for crowd in scene.crowds)
        row.fault(no > 0, "it was never full")
        row.note = f"{no} refused while full, none of them recorded"
        return row


def _fill(file: Path) -> None:
    with suppress(OSError), file.open("wb", 0) as out:
        while True:
            out.write(bytes(1024))


@case("disk-readonly", "the kernel makes the card read-only after an error; it is checked and put in again", 2)
@case("disk-pulled", "the card is pulled out under the station, and put in again", 2, pulled=True)
def disk_readonly(runs: int, pulled: bool = False) -> Row:
    """The station refuses, shows its pages, and ends by itself when the card is there again, to be started anew."""
    with (
        tempfile.TemporaryDirectory() as at,
        _card(Path(at)) as (card, _),
        Scene(data=card / "data", prints=False) as scene,
    ):
        scene.crowd(8, 0.15)
        lived, red, ended = 0, 0, []
        for _ in range(runs):
            time.sleep(3)
            _shutdown(card) if pulled else subprocess.run(["mount", "-o", "remount,abort", str(card)], check=True)
            time.sleep(4)
            lived += scene.station.running and bool(scene.station.board()["trouble"])
            red += _health(scene)["disk"]["state"] == "fails"
            ended.append(_put_in_again(scene, card))
        time.sleep(2)
        row = scene.judge(runs)
        no = sum(len(crowd.said_no) for crowd in scene.crowds)
        row.fault(no > 0, "it was never read-only")
        row.fault(lived == runs and red == runs, f"pages {lived}, health {red} of {runs} times while it was")
        row.fault(all(ended), f"ended by itself when the card was there again: {ended}")
        row.note = (
            f"{no} refused meanwhile; page and health red {red}, ended by itself for the new card {sum(ended)} times"
        )
        return row


def _health(scene: Scene) -> Any:
    try:
        return json.load(urllib.request.urlopen(f"{scene.station.url}/health", timeout=10))
    except urllib.error.HTTPError as red:
        return json.load(red)


def _put_in_again(scene: Scene, card: Path) -> bool:
    """The card is taken from under the running station, checked, mounted again. Whether it ended by itself for that;
    then it is started, as systemd does."""
    checked = sorted(card.parent.glob("checked-*.img"))
    other = card.parent / f"checked-{len(checked):03}.img"
    subprocess.run(["umount", "-l", str(card)], check=True)
    shutil.copyfile(checked[-1] if checked else card.parent / "under/card.img", other)
    subprocess.run(["fsck.ext4", "-y", str(other)], capture_output=True, check=False)
    subprocess.run(["mount", "-o", "loop,errors=remount-ro", str(other), str(card)], check=True)
    for _ in range(300):
        if not scene.station.running:
            break
        time.sleep(0.1)
    by_itself = not scene.station.running
    if not by_itself:
        scene.station.kill()
    scene.station.start()
    return by_itself


@case(
    "disk-errors", "the card fails to write: real input/output errors of a block device; then copied to a good one", 2
)
def disk_errors(runs: int) -> Row:
    """An ext4 on a loop device whose file cannot grow any more."""
    with (
        tempfile.TemporaryDirectory() as at,
        _card(Path(at)) as (card, under),
        Scene(data=card / "data", prints=False) as scene,
    ):
        scene.crowd(8, 0.02)
        salvaged = 0
        for _ in range(runs):
            time.sleep(2)
            _fill(under / "filler")
            time.sleep(8)
            scene.station.kill()
            (under / "filler").unlink(missing_ok=True)
            salvaged += _repair(scene, card)
        time.sleep(2)
        row = scene.judge(runs)
        row.note = f"{sum(len(crowd.said_no) for crowd in scene.crowds)} refused meanwhile, {salvaged} ledgers salvaged"
        return row


@contextmanager
def _card(at: Path) -> Iterator[tuple[Path, Path]]:
    """An ext4 in a file on a tmpfs."""
    with _mounted(at / "under", "-t", "tmpfs", "-o", "size=48m", "tmpfs") as under:
        image = under / "card.img"
        with image.open("wb") as out:
            out.truncate(64 << 20)
        made = subprocess.run(
            ["mkfs.ext4", "-q", "-F", "-E", "nodiscard", str(image)], capture_output=True, text=True, check=False
        )
        if made.returncode:
            raise NotHere(f"mkfs.ext4: {made.stderr.strip()}")
        with _mounted(at / "card", "-o", "loop,errors=remount-ro", str(image)) as card:
            yield card, under


def _shutdown(card: Path) -> None:
    """Nothing is read or written any more, as when the device is gone (EXT4_IOC_SHUTDOWN; the journal is flushed)."""
    opened = os.open(card, os.O_RDONLY)
    try:
        fcntl.ioctl(opened, 0x8004587D, struct.pack("I", 0))
    finally:
        os.close(opened)


def _repair(scene: Scene, card: Path) -> bool:
    """The card is taken out, checked, put in again, and the station started, as a technician does. Answers whether the
    ledger had to be salvaged: some kernels lose what they said was on the disk ("potential data loss" in their log)."""
    if scene.station.running:
        scene.station.kill()
    image = card.parent / "under/card.img"
    for _ in range(50):
        if not subprocess.run(["umount", str(card)], capture_output=True, check=False).returncode:
            break
        time.sleep(0.2)
    subprocess.run(["fsck.ext4", "-y", str(image)], capture_output=True, check=False)
    subprocess.run(["mount", "-o", "loop,errors=remount-ro", str(image), str(card)], check=True)
    try:
        scene.station.start()
    except StageFailed:
        _salvaged(scene, card / "data/ledger.db")
        return True
    return False


@case("file-limit", "no file may grow any more (RLIMIT_FSIZE), as at a quota's end; then it may", 3)
def file_limit(runs: int) -> Row:
    with Scene(prints=False) as scene:
        scene.crowd(8, 0.15)
        for _ in range(runs):
            time.sleep(2)
            files = (scene.station.folder / "data").glob("ledger.db*")
            limited(scene.station.pid, max(file.stat().st_size for file in files) + 8192)
            time.sleep(3)
            limited(scene.station.pid, -1)
            time.sleep(1)
        row = scene.judge(runs)
        row.note = f"{sum(len(crowd.said_no) for crowd in scene.crowds)} refused meanwhile"
        return row


def _salvaged(scene: Scene, file: Path) -> None:
    """What a start says of a damaged ledger is done: salvage, restore, start."""
    left = scene.folder / f"left-{time.monotonic_ns()}.tar"
    scene.does("salvage", str(file), "-o", str(left))
    shutil.move(file, f"{left}.db")
    code, text = scene.does("restore", str(left), "--person", "王敏")
    if code:
        raise StageFailed(text)
    scene.station.start()


@case("tail-cut", "a disk that lied at a power cut: the ledger ends at every page of its tail; salvage, restore", 12)
def tail_cut(runs: int) -> Row:
    """The city had all of it. What the file lost stays with the city, and no number and no code is given twice."""
    with Scene(prints=False) as scene:
        crowd = scene.crowd(4, 0.02)
        wait_for("sixty records", lambda: len(crowd.answered) > 60, 60)
        crowd.stop()
        scene.drained()
        scene.station.stop()  # everything is in the file, nothing in the log
        image = scene.folder / "image"
        shutil.copytree(scene.station.folder, image)
        pages = (image / "data/ledger.db").stat().st_size // 512
        told = []
        for turn in range(runs):
            shutil.rmtree(scene.station.folder)
            shutil.copytree(image, scene.station.folder)
            file = scene.station.folder / "data/ledger.db"
            with file.open("r+b") as out:
                out.truncate((pages - 1 - turn) * 512 - (3 if turn % 2 else 0))
            try:
                scene.station.start()
                told.append(f"cut {turn + 1}: started")
            except StageFailed:
                _salvaged(scene, file)
            scene.lot = scene.register_lot()
            crowd = scene.crowd(2, 0.02)
            time.sleep(1)
            crowd.stop()
            scene.drained()
            scene.station.stop()
        scene.station.start()
        row = scene.judge(runs)
        row.note = "; ".join(told) or "each told at the start, then the two commands"
        return row


@case("folder-twice", "somebody starts a second station on the same folder", 3)
def folder_twice(runs: int) -> Row:
    with Scene() as scene:
        scene.crowd(4, 0.2)
        codes = []
        for _ in range(runs):
            command = [sys.executable, "-m", "edge.cli", "run", "-c", str(scene.station.config)]
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=60, env={**os.environ, **FLAGS}
            )
            codes.append(done.returncode)
        row = scene.judge(runs)
        row.fault(all(codes), f"the second one ran: {codes}")
        row.note = f"the second one ends with code {codes[0]} and names the first"
        return row


# --- a long day -------------------------------------------------------------------------------------------------------


def _reads(page: Any) -> None:
    """As a browser does, until it is closed."""
    with suppress(OSError, ValueError, AttributeError):
        while page.read(256):
            pass


@case("long", "943 sales and entries a minute, slips, two pages open (minutes: TORTURE_MINUTES, 3)", 1)
def long_day(runs: int) -> Row:
    import threading

    minutes = float(os.environ.get("TORTURE_MINUTES", "3"))
    with Scene() as scene:
        pages = []
        for _ in range(2):
            page = urllib.request.urlopen(f"{scene.station.url}/api/live?pulse=1", timeout=30)
            pages.append(page)
            threading.Thread(target=_reads, args=(page,), daemon=True).start()
        memory = Path(f"/proc/{scene.station.pid}/status")

        def resident() -> float:
            return int(next(line for line in memory.read_text().splitlines() if "VmRSS" in line).split()[1]) / 1024

        crowd = scene.crowd(8, 8 * 60 / 943)
        time.sleep(20)
        before = resident()
        time.sleep(60 * minutes - 20)
        after = resident()
        for page in pages:
            with closing(page):
                pass
        row = scene.judge(runs)
        row.note = f"{len(crowd.answered) / minutes:.0f} a minute; {before:.1f} MiB after 20 s, {after:.1f} at the end"
        return row
