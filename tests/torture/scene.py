"""A station's surroundings for one case, and the judgement of what came of it.

Real ``marketedge run`` processes, real Mosquitto, the city of ``city.py`` as a process, a printer on a pty.
"""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from city import Manners, counted_in, hash_of, key_in, records_in
from people import PRODUCT, Crowd, ask

from simulator.broker import Broker
from simulator.obstacles import free_port
from simulator.printer.printer import Printer
from simulator.stage import NODE, STATION, StageFailed, StationProcess, Wiring, wait_for
from simulator.wires.line import Line, Pty

FIRST = "0" * 64
MARK = re.compile(r"#[0-9]+#")
FLAGS = {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONWARNINGS": "ignore"}


class Mosquitto(Broker):
    """The real one, with lines of its own behind the usual ones; ``keeps`` its queues over a restart."""

    def __init__(self, folder: Path, *lines: str, keeps: bool = True) -> None:
        super().__init__(data_dir=folder, kind="mosquitto")
        self._lines, self._keeps = lines, keeps

    def _configuration(self, port: int) -> Path:
        path = super()._configuration(port)
        text = path.read_text("utf-8")
        text = text if self._keeps else text.replace("persistence true", "persistence false")
        path.write_text("\n".join([text, *self._lines]) + "\n", encoding="utf-8")
        return path


class CityProcess:
    """The city; killed and put back as a whole."""

    def __init__(self, folder: Path, port: int, manners: Manners) -> None:
        self.db, self.key = folder / "city.db", folder / "city.key"
        self.public = key_in(self.key).public_key().public_bytes_raw().hex()
        self.port, self.manners, self._log = port, manners, folder / "city.log"
        self.child: subprocess.Popen[bytes] | None = None
        self.deaths = 0

    def start(self) -> Self:
        words = [str(Path(__file__).with_name("city.py")), str(self.port), str(self.db), str(self.key)]
        with self._log.open("ab") as out:
            self.child = subprocess.Popen(
                [sys.executable, *words, "--as", json.dumps(asdict(self.manners))], stdout=out, stderr=out
            )
        return self

    def restart_if_dead(self) -> None:
        if self.child is not None and self.child.poll() is not None:
            self.deaths += 1
            self.start()

    def kill(self) -> None:
        if self.child is not None:
            self.child.kill()
            self.child.wait()
            self.child = None

    def holds(self) -> int:
        return sum(1 for _ in records_in(self.db)) if self.db.exists() else 0


@dataclass
class Row:
    """What is printed of a case. ``wrong`` says what must not be, and makes the run fail."""

    runs: int = 0
    answered: int = 0
    once: int = 0
    doubled: int = 0
    lost: int = 0
    named: int = 0
    cut: int = 0
    recorded: int = 0
    repeats: int = 0
    chain: str = "ok"
    slips: str = "–"
    note: str = ""
    wrong: list[str] = field(default_factory=list)

    def fault(self, holds: bool, what: str) -> None:
        if not holds:
            self.wrong.append(what)


class Scene:
    """Between ``with`` and its end. ``settings`` are lines of ``[city]``, ``brokers`` replaces the one address."""

    def __init__(
        self,
        *,
        manners: Manners | None = None,
        broker: tuple[str, ...] = (),
        keeps: bool = True,
        settings: tuple[str, ...] = (),
        brokers: Callable[["Scene"], list[str]] | None = None,
        mqtt: str = "5",
        prints: bool = True,
        city: bool = True,
        data: Path | None = None,
        replaced: dict[str, str] | None = None,
    ) -> None:
        self.stack = ExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="marketedge-torture-"))
        self.broker = Mosquitto(self.folder / "broker", *broker, keeps=keeps)
        self.manners = manners or Manners()
        self.manners.mqtt = mqtt if mqtt == "5" else self.manners.mqtt
        self._settings, self._brokers, self._mqtt, self._prints, self._city = settings, brokers, mqtt, prints, city
        self._data, self._replaced = data, replaced or {}
        self.papers: list[Any] = []
        self.crowds: list[Crowd] = []
        self.asides: list[tuple[StationProcess, set[int]]] = []  # what each box lists as set aside
        self.lot = ""

    def __enter__(self) -> Self:
        try:
            self._enter()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _enter(self) -> None:
        self.stack.enter_context(self.broker)
        self.city = CityProcess(self.folder, self.broker.port, self.manners)
        self.stack.callback(self.city.kill)
        if self._city:
            self.city.start()
        self._wiring = Wiring(
            broker=self.broker.url,
            mqtt=self._mqtt,
            scale=str(self.folder / "unplugged"),
            city_key=self.city.public,
        )
        self.station = self.make("station")
        self.station.start()
        self.lot = self.register_lot()

    def make(self, name: str) -> StationProcess:
        """A station of this scene with a printer of its own, not started; its settings written."""
        printer = ""
        if self._prints:
            line = Line(Printer(on_paper=self.papers.append), Pty(self.folder / f"{name}-printer"))
            printer = self.stack.enter_context(line).address
        made = StationProcess(self.folder / name, replace(self._wiring, printer=printer))
        text = made.config.read_text("utf-8")
        if self._brokers:
            text = re.sub(r"^brokers = .*$", f"brokers = {json.dumps(self._brokers(self))}", text, flags=re.MULTILINE)
        text = text.replace("resend_seconds = 3", "\n".join(["resend_seconds = 3", *self._settings]))
        if self._data:
            text = text.replace("[station]", f'[station]\ndata = "{self._data}"')
        for one, other in self._replaced.items():
            text = text.replace(one, other)
        made.config.write_text(text, "utf-8")
        self.stack.callback(lambda: made.running and made.kill())
        return made

    def __exit__(self, *_: object) -> None:
        for crowd in self.crowds:
            crowd.over.set()
        with suppress(StageFailed):
            self.stack.close()
        if "TORTURE_KEEP" not in os.environ:
            shutil.rmtree(self.folder, ignore_errors=True)

    # --- what happens -------------------------------------------------------------------------------------------------

    def register_lot(self, station: StationProcess | None = None) -> str:
        """A lot that is on sale at once: its source code is from upstream."""
        body = f"{NODE}177{int(time.monotonic() * 1000) % 9_999_999 + 1:07d}"
        upstream = body + _check_digit(body)
        what = {"product": PRODUCT, "net_g": 90_000_000, "origin": "河南", "supplier": "绿源", "upstream": upstream}
        return str(ask((station or self.station).port, "/api/entries", what)["test_code"])

    def crowd(
        self, clients: int = 8, pause: float = 0.3, *, keys: bool = False, sales: float = 0.6, at: Any = None
    ) -> Crowd:
        """People begin to come."""
        station = at or self.station
        self.crowds.append(Crowd(station.port, self.lot, clients, pause, keys=keys, sales=sales).start())
        return self.crowds[-1]

    def board(self, station: StationProcess | None = None) -> dict[str, Any]:
        return (station or self.station).board()

    def printed(self, station: StationProcess) -> None:
        """Wait for the papers that it still has to print: who stops it now keeps people waiting for them."""
        wait_for("slips", lambda: not any(one["waiting"] for one in self.board(station)["printers"]), 60)

    def cause(self) -> str:
        return str(self.board()["city"]["cause"])

    def does(self, name: str, *words: str, station: StationProcess | None = None) -> tuple[int, str]:
        """Exit code and output of `marketedge ledger NAME …`."""
        one = station or self.station
        command = [sys.executable, "-m", "edge.cli", "ledger", name, *words, "-c", str(one.config)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **FLAGS})
        return done.returncode, done.stdout + done.stderr

    def kill_at_random(self, dice: Any, *, in_start: float = 0.25) -> None:
        """SIGKILL after a while, sometimes in the middle of the next start."""
        time.sleep(dice.uniform(0.3, 2.0))
        self.station.kill()
        self.station.start(wait=False)
        if dice.random() < in_start:
            time.sleep(dice.uniform(0.05, 1.0))
            self.station.kill()
            self.station.start(wait=False)
        self.station.wait_ready()

    def drained(self, seconds: float = 90.0) -> bool:
        """Whether the city has all of it within that time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.city.restart_if_dead()
            with suppress(OSError, KeyError):
                if self.board()["city"]["pending"] == 0:
                    return True
            time.sleep(0.1)
        return False

    # --- what came of it ----------------------------------------------------------------------------------------------

    def judge(
        self, runs: int, *, drain: float = 90.0, lost: bool = False, doubled: bool = False, twins: bool = False
    ) -> Row:
        """End the crowds, let it drain, and hold what the city has against what was answered.

        ``lost`` and ``doubled``: some may be, by design; ``twins``: two boxes may have given the same codes.
        """
        for crowd in self.crowds:
            crowd.stop()
        row = Row(runs)
        whole = self.drained(drain) if drain else True
        row.fault(whole or lost, "it does not drain")
        board = {}
        with suppress(OSError):
            board = self.board()["city"]
        self.slips(row)
        if self.station.running:
            self.station.stop()
        self.city.kill()
        self.asides.append((self.station, {seq for seq, _ in board.get("set_aside", ())}))
        twice = self._count(row)
        row.fault(twins or not twice, f"{twice} codes were given twice")
        row.note = f"{twice} codes stand in two records" if twice else ""
        self._chain(row)
        if not lost:
            row.fault(row.lost == 0, f"{row.lost} lost")
        if not doubled:
            row.fault(row.doubled == 0, f"{row.doubled} doubled")
        return row

    def _count(self, row: Row) -> int:
        """Each request by its mark: what was answered is there once, with the code that was answered.

        Answers how many codes the city has in more than one record.
        """
        there: dict[str, list[tuple[str, str]]] = {}
        for _, _, code, body in records_in(self.city.db):
            event = json.loads(body)
            if ".trade.completed." in event["type"] or ".entry.registered." in event["type"]:
                for mark in set(MARK.findall(json.dumps(event["data"], ensure_ascii=False))):
                    there.setdefault(mark, []).append((event["subject"], code))
        named = self._named_in_ledgers()
        for crowd in self.crowds:
            for mark, code in crowd.answered.items():
                found = [subject for subject, _ in there.get(mark, ())]
                row.answered += 1
                row.once += found == [code]
                row.doubled += len(found) > 1
                row.named += not found and mark in named
                row.lost += not found and mark not in named
                row.fault(len(found) != 1 or found == [code], f"{mark} was answered {code}, the city has {found}")
            row.cut += len(crowd.cut)
            row.recorded += sum(mark in there for mark in crowd.cut)
            wrong = [mark for mark in crowd.said_no if mark in there]
            row.fault(not wrong, f"{len(wrong)} were refused and are recorded")
        codes = Counter(subject for found in there.values() for subject, _ in found)
        row.repeats = counted_in(self.city.db, "repeats")
        unverified = counted_in(self.city.db, "unverified")
        row.fault(not unverified, f"{unverified} records did not verify")
        return sum(count > 1 for count in codes.values())

    def _named_in_ledgers(self) -> set[str]:
        """The marks of records that their box itself lists among those set aside."""
        found = set()
        for station, aside in self.asides:
            code, text = self.does("export", "--as", "jsonl", station=station)
            for line in text.splitlines() if aside and not code else ():
                with suppress(ValueError, KeyError):
                    if int(json.loads(line)["sequence"]) in aside:
                        found |= set(MARK.findall(line))
        return found

    def _chain(self, row: Row) -> None:
        """From the newest record of the city back to the first by the hashes, and the station's ledger holds.

        What a joint passed stands beside that chain.
        """
        by_hash = {hash_of(body): json.loads(body) for name, _, _, body in records_in(self.city.db) if name == STATION}
        event = max(by_hash.values(), key=lambda one: int(one["sequence"]), default={"prevhash": FIRST})
        while event["prevhash"] != FIRST and row.chain == "ok":
            before = by_hash.get(event["prevhash"])
            if before is None:
                row.chain = f"broken before {int(event['sequence'])}"
            else:
                event = before
        code, text = self.does("verify")
        if code:
            row.chain = "station: " + text.strip().splitlines()[-1][:80]
        row.fault(row.chain == "ok", f"chain: {row.chain}")

    def _texts(self) -> list[str]:
        """What stands on the papers, without blanks."""
        return [paper.text.replace(" ", "") for paper in [*self.papers]]

    def slips(self, row: Row) -> None:
        """Of the sales that were answered: whole originals, those with a copy alone, and those without a paper."""
        sales = [crowd.answered[mark] for crowd in self.crowds for mark in crowd.sales if mark in crowd.answered]
        if not self._prints or not sales:
            return

        said = ""
        end = time.monotonic() + 10
        before = 0
        while time.monotonic() < end and not all(code in said for code in sales):
            if len(self.papers) > before:  # a small printer takes its time
                before, end = len(self.papers), time.monotonic() + 10
            time.sleep(0.3)
            said = "\n".join(self._texts())
        original, any_paper = set(), set()
        for text in self._texts():
            codes = set(re.findall(r"(?<![0-9])[0-9]{20}(?![0-9])", text))
            any_paper |= codes
            if "COPY" not in text:
                original |= codes
        none = [code for code in sales if code not in any_paper]
        copies = [code for code in sales if code in any_paper and code not in original]
        row.slips = f"{len(sales)}/{len(sales) - len(none) - len(copies)}/{len(copies)}/{len(none)}"
        row.fault(not none, f"{len(none)} slips never came out")


def _check_digit(body: str) -> str:
    """MOD 11,10 (ISO/IEC 7064)."""
    check = 10
    for digit in body:
        check = (check + int(digit)) % 10 or 10
        check = check * 2 % 11
    return str((11 - check) % 10)


def limited(pid: int, largest: int) -> None:
    """From now on no file of that process may grow beyond so many bytes."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))


def paused(pid: int, on: bool) -> None:
    os.kill(pid, signal.SIGSTOP if on else signal.SIGCONT)


__all__ = ["Crowd", "Manners", "Row", "Scene", "free_port", "limited", "paused"]
