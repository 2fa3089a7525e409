"""The arrows of the architecture: who may import whom, and what stays pure."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = {
    "protocol": {"protocol"},
    "drivers": {"drivers", "protocol"},
    "edge": {"edge", "drivers", "protocol"},
    "simulator": {"simulator", "drivers", "protocol"},
}
IMPURE = {
    *("asyncio", "socket", "select", "selectors", "serial", "usb", "subprocess", "threading", "time", "sqlite3"),
    *("logging", "pathlib", "os", "io", "tempfile", "shutil", "urllib", "http", "queue", "signal", "escpos", "paho"),
}
# A benchmark may measure a part of the service without its process.
MAY_IMPORT_EDGE = {"simulator/bench"}


def imports(file: Path) -> Iterator[tuple[int, str]]:
    """Line and first name of every import, wherever it stands."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.lineno, (node.module or "").split(".")[0]


def files(layer: str) -> list[Path]:
    found = sorted((ROOT / layer).rglob("*.py"))
    assert found, f"{layer}/ holds no Python: is this test looking at the right place?"
    return found


@pytest.mark.parametrize("layer", LAYERS)
def test_arrows_point_down(layer: str) -> None:
    wrong = [
        f"{file.relative_to(ROOT)}:{line} imports {name}"
        for file in files(layer)
        for line, name in imports(file)
        if name in LAYERS
        and name not in LAYERS[layer]
        and not (name == "edge" and str(file.relative_to(ROOT)).startswith(tuple(MAY_IMPORT_EDGE)))
    ]
    assert not wrong


def test_protocol_does_no_io_and_reads_no_clock() -> None:
    wrong = [
        f"{file.relative_to(ROOT)}:{line} imports {name}"
        for file in files("protocol")
        for line, name in imports(file)
        if name in IMPURE
    ]
    assert not wrong


def test_the_city_is_told_apart_from_the_station() -> None:
    """The simulator's copies of nothing: edge never imports the simulator either."""
    assert not [file for file in files("edge") for _, name in imports(file) if name in ("simulator", "amqtt")]


# --- the rooms of edge/ ---------------------------------------------------------------------------------------------

FLOORS = (  # from the lowest; a room imports from lower floors only
    ("between",),
    ("records", "ports"),
    ("config",),
    ("documents", "city"),
    ("printing", "state"),
    ("jobs", "web", "care"),
    ("core",),
    ("service",),
    ("setup",),
    ("cli",),
    ("packaging",),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
SIGNS = [*(room for rooms in FLOORS for room in rooms if room not in ("core", "service", "documents"))]
SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE TABLE)\b|\.execute(many|script)?\(|\.query\(")


def room_of(file: Path) -> str:
    return file.relative_to(ROOT / "edge").parts[0].removesuffix(".py")


def rooms_used(file: Path) -> Iterator[tuple[int, str]]:
    """Line and room of every import of ours, wherever it stands."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "edge":
            parts = node.module.split(".")[1:]
            yield from ((node.lineno, parts[0] if parts else alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (
                (node.lineno, alias.name.split(".")[1]) for alias in node.names if alias.name.startswith("edge.")
            )


def wrong_arrows(allowed: Callable[[str, str], bool]) -> list[str]:
    return [
        f"{file.relative_to(ROOT)}:{line} imports edge.{used}"
        for file in files("edge")
        if room_of(file) in FLOOR
        for line, used in rooms_used(file)
        if used != room_of(file) and not allowed(room_of(file), used)
    ]


def test_every_file_of_edge_is_in_a_room() -> None:
    """But what makes the site of pages, which is no part of the service."""
    assert {room_of(file) for file in files("edge")} == {*FLOOR, "__init__", "docs"}


def test_rooms_import_from_lower_floors_only() -> None:
    assert not wrong_arrows(lambda room, used: FLOOR[used] < FLOOR[room])


def test_threads_that_move_bytes_know_nothing_of_the_state() -> None:
    outside = {"state", "jobs", "core", "service", "cli"}
    assert not wrong_arrows(lambda room, used: room not in ("printing", "ports") or used not in outside)
    connection = [ROOT / "edge/city/mqtt.py", ROOT / "edge/city/connection.py"]
    assert not [used for file in connection for _, used in rooms_used(file) if used in outside | {"records"}]


def test_pages_import_only_what_crosses_threads() -> None:
    """And the archive, the shelf and the photos, which may be called from any thread."""
    assert not wrong_arrows(lambda room, used: room != "web" or used in ("between", "printing", "records"))
    used = {
        node.module
        for file in files("edge")
        if room_of(file) == "web"
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom)
        and node.module
        and node.module.startswith(("edge.printing", "edge.records"))
    }
    assert used <= {
        "edge.printing.archive",
        *(f"edge.records.{name}" for name in ("books", "photos", "recall", "search", "shelf")),
    }


def test_only_records_and_state_speak_sql() -> None:
    wrong = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in files("edge")
        if room_of(file) not in ("records", "state")
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
        if SQL.search(line)
    ]
    assert not wrong


@pytest.mark.parametrize("room", SIGNS)
def test_every_room_has_its_door_sign(room: str) -> None:
    sign = (ROOT / "edge" / room / "README.md").read_text("utf-8")
    assert re.search(r"thread|person", sign), "who may touch what is here?"
    named = set(re.findall(r"`([a-z_]+\.py)`", sign))
    there = {file.name for file in (ROOT / "edge" / room).glob("*.py")} - {"__init__.py", "__main__.py"}
    if room not in ("cli", "web"):
        assert named >= there
    assert all((ROOT / "edge" / room / name).exists() for name in named if "/" not in name)
