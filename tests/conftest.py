"""Fixtures that many tests share. Import nothing from here: ask for the fixture."""

import io
import json
import logging
import os
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import Phase, settings
from xdist.scheduler import LoadScopeScheduling

from edge.records.clock import Clock
from edge.records.ledger import Ledger, Signer
from simulator.machine import Machine

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Stations and commands are started hundreds of times: let each find the program compiled, as an installed one does.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A busy machine is no failure. What fails is what was changed: the examples stay the same, and are few;
# make explore tries many that nobody has seen.
settings.register_profile("marketedge", deadline=None, derandomize=True, max_examples=25)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.register_profile(
    "mutation", deadline=None, max_examples=25, database=None, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("marketedge")


pytest_plugins = ["simulator.pytest_plugin"]  # under the name of its entry point: once, installed or not

RARE = [
    re.compile(re.escape(line).replace(r"\*", ".*"))
    for line in Path(__file__).with_name("rare.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


TOGETHER = ("tests/test_walk.py", "tests/drivers/test_identify.py")  # each has one fixture that takes half a minute
SINGLE = ("tests/edge/web/", "tests/edge/city/", "tests/end_to_end/", "tests/simulator/")  # a test takes seconds
WAITING = ("tests/end_to_end/", "tests/simulator/bench/", "tests/simulator/city/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who plays a state machine makes up examples, too: `-m hypothesis` finds both. What is rare stands in the list."""
    machines = set()
    for item in items:
        if hasattr(getattr(item, "module", None), "run_state_machine_as_test"):
            item.add_marker("hypothesis")
            machines.add(item)
        if any(pattern.fullmatch(item.nodeid) for pattern in RARE):
            item.add_marker("rare")

    def place(item: pytest.Item) -> int:
        """Browsers first, long ones last, and quick ones between: half of the processes begin at the end."""
        if item.nodeid.startswith(TOGETHER):
            return 3
        if "browser" in getattr(item, "fixturenames", ()):
            return 0
        long = item.nodeid.startswith(WAITING) or item.get_closest_marker("slow") or item in machines
        return 2 if long else 1

    items.sort(key=place)


@pytest.fixture(autouse=True)
def unmuted() -> Iterator[None]:
    """A command that mutes the log mutes it for nobody else."""
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def signer(key: Ed25519PrivateKey) -> Signer:
    return Signer(key, "sy.example.cn", "410108001", "01")


@pytest.fixture
def ledger(tmp_path: Path, signer: Signer) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "data", signer)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock("host")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """The /dev and /sys of a machine with USB sockets."""
    return Machine(tmp_path / "machine")


PATIENCE_MS = 30_000  # until something does not come any more, on a machine that has much else to do


class Chromium:
    """One browser for all tests of a process that want one, one after the other: most take less than its start."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._browser: Browser | None = None

    def browser(self) -> "Browser":
        from playwright.sync_api import expect, sync_playwright  # a second, for tests that want none

        if self._browser is None or not self._browser.is_connected():
            self.close()
            expect.set_options(timeout=PATIENCE_MS)
            playwright = self._open.enter_context(sync_playwright())
            self._browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium-headless-shell",
                args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
            )
            self._open.callback(self._browser.close)
        return self._browser

    def close(self) -> None:
        self._browser = None
        self._open.close()


CHROMIUM = Chromium()


@pytest.fixture
def browser() -> "Browser":
    return CHROMIUM.browser()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> Iterator[None]:
    """It goes before a test that wants none: as long as it is there no other asyncio loop runs in this thread."""
    try:
        yield
    finally:
        if "browser" not in getattr(nextitem, "fixturenames", ()):
            CHROMIUM.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Hostile texts in a log are no reason for a report that cannot cross to the process that collects them."""
    outcome: Any = yield
    report = outcome.get_result()
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]


class FromBothEnds(LoadScopeScheduling):  # type: ignore[misc]
    """Tests go to whichever process is free: one by one where each takes seconds, eight of a file where they are quick.

    Every second process takes from the end. So while some of them keep the machine busy with browsers, the others
    mostly wait for stations, and what is left when all come to their end in the middle is quick.
    """

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False
        self._units: dict[str, str] = {}
        self._so_far: Counter[str] = Counter()

    def _split_scope(self, nodeid: str) -> str:
        if nodeid in self._units:
            return self._units[nodeid]
        file = nodeid.partition("::")[0]
        at_once = 1 if file.startswith(SINGLE) else 8
        unit = file if file in TOGETHER else f"{file} {self._so_far[file] // at_once}"
        self._units[nodeid] = unit
        self._so_far[file] += 1
        return unit

    def _assign_work_unit(self, node: Any) -> None:
        if int(node.gateway.id.removeprefix("gw")) % 2:
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FromBothEnds:
    return FromBothEnds(config, log)


@pytest.fixture(scope="session")
def a_photo() -> Callable[..., bytes]:
    """A picture of noise, so that it does not get small; another ``seed`` is another one."""
    from PIL import Image

    def made(seed: int = 1, side: int = 64, kind: str = "JPEG") -> bytes:
        noise = random.Random(seed).randbytes(side * side * 3)
        out = io.BytesIO()
        Image.frombytes("RGB", (side, side), noise).save(out, kind, quality=90)
        return out.getvalue()

    return made


TYPED_BY_PATTERN = (
    *("41010800110100010074", "4101080010123", "01040201", "2026-11-22", "12.50", "410122", "1", "a"),
    *("410108001-01", "3b" * 31 + "29", "gate.tests", "3b6a27bc", "A" * 86 + "=="),
)


@pytest.fixture(scope="session")
def record_of() -> Callable[..., dict[str, Any]]:
    """The data of a kind of record, the same each time: every field filled in, or ``bare`` as little as may be."""
    from protocol.city.events import EVENTS

    def filled(schema: dict[str, Any], known: dict[str, Any], name: str, bare: bool) -> Any:
        match schema:
            case {"default": value} if bare:
                return value
            case {"$ref": str(place)}:
                return filled(known[place.rpartition("/")[2]], known, name, bare)
            case {"const": value} | {"enum": [value, *_]}:
                return value
            case {"anyOf": [*ways]}:
                return filled(ways[-1 if bare else 0], known, name, bare)
            case {"properties": dict(fields)}:
                return {one: filled(field, known, one, bare) for one, field in fields.items()}
            case {"type": "array", "items": dict(items)}:
                return [filled(items, known, name, bare) for _ in range(schema.get("minItems", 0 if bare else 1))]
            case {"type": "null"}:
                return None
            case {"type": "object"}:
                return {}
            case {"type": "string", "pattern": str(pattern)}:
                return next(text for text in TYPED_BY_PATTERN if re.search(pattern, text))
            case {"type": "string"}:
                moments = ("at", "time", "until", "since", "before", "after", "issued")
                return "2026-11-22T04:12:50+08:00" if name.endswith(moments) else "上海青"
            case {"type": "integer"}:
                return min(max(schema.get("minimum", 0), 500), schema.get("maximum", 500))
            case {"type": "boolean"}:
                return True
        raise ValueError(f"no value for {schema}")

    def made(kind: str, *, bare: bool = False) -> dict[str, Any]:
        schema = EVENTS[kind].record.model_json_schema()
        data: dict[str, Any] = filled(schema, schema.get("$defs", {}), "", bare)
        EVENTS[kind].record.model_validate_json(json.dumps(data))
        return data

    return made


@pytest.fixture(scope="session")
def event_of(record_of: Callable[..., dict[str, Any]]) -> Callable[..., bytes]:
    """The bytes of a signed event of a kind, by the key of bytes 0 to 31."""
    from protocol.city.envelope import FIRST_PREVHASH, EventHead, seal

    def made(kind: str, *, bare: bool = False) -> bytes:
        head = EventHead(
            id="019a2b3c-4d5e-7f60-8123-456789abcdef",
            source="https://sy.example.cn/edge/410108001-01",
            kind=kind,
            subject="41010800130100010072",
            time="2026-11-22T04:12:50.000001+08:00",
            recordedtime="2026-11-22T04:12:50.000001+08:00",
            bootid="boot",
            clockstate="synced",
            operator="4101080010123",
        )
        key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
        return seal(head, record_of(kind, bare=bare), 1, FIRST_PREVHASH, key)

    return made
