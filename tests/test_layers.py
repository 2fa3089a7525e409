"""The arrows of the architecture: who may import whom, and what stays pure."""

import ast
from collections.abc import Iterator
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
