"""The contract as a whole, a line a field: what a city is promised changes only where somebody reads the difference."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from protocol.city import asyncapi, meanings, schemas
from protocol.city.events import EVENTS
from protocol.city.record import LATER

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "contract.txt"
SAID = {text for said in (meanings.EVERYWHERE, *meanings.MEANINGS.values()) for text in said.values()}


def known(tree: Any) -> Any:
    """Without what ``meanings.py`` says: that would be written twice."""
    if isinstance(tree, list):
        return [known(one) for one in tree]
    if not isinstance(tree, dict):
        return tree
    return {name: known(one) for name, one in tree.items() if not (name == "description" and one in SAID)}


def line(where: str, what: Any) -> str:
    return f"{where} {json.dumps(what, ensure_ascii=False)}"


def lines(document: dict[str, Any]) -> Iterator[str]:
    parts = document.pop("components")
    for name, part in {**document, **parts}.items():
        if name in ("channels", "operations", "messages"):
            yield from (line(f"{name}/{one}", said) for one, said in part.items())
        elif name != "schemas":
            yield line(name, part)
    for name, schema in parts["schemas"].items():
        fields = schema.pop("properties", {})
        yield line(f"schemas/{name}", schema)
        yield from (line(f"schemas/{name}.{field}", said) for field, said in fields.items())


def test_the_contract_is_what_it_was() -> None:
    """Rebuild after an intended change: ``MARKETEDGE_GOLDEN=write``."""
    made = "".join(f"{one}\n" for one in lines(known(asyncapi.document("1.0"))))
    if os.environ.get("MARKETEDGE_GOLDEN") == "write":
        GOLDEN.write_text(made, "utf-8")
    assert made == GOLDEN.read_text("utf-8")
    whole = schemas.schemas()
    assert {name: schema["$id"] for name, schema in whole.items()} == {
        name: f"urn:marketedge:{name.replace('/', ':')}:v1" for name in whole
    }
    assert {schema["$schema"] for schema in whole.values()} == {schemas.DRAFT}


@pytest.mark.parametrize("file", LATER)
def test_kinds_that_are_loaded_later_are_those_of_their_file(file: str) -> None:
    assert LATER[file] == tuple(
        kind for kind, row in EVENTS.items() if row.record.__module__ == f"protocol.city.{file}"
    )


def test_a_kind_is_known_before_its_file_is_loaded() -> None:
    code = """
import sys
from protocol.city.events import EVENTS
print("protocol.city.canteen_events" in sys.modules, EVENTS.get("waste.none"))
print(EVENTS["waste.handed"].record.__name__, "protocol.city.hold_events" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["False None", "WasteHanded False"]


@pytest.mark.parametrize("first", ["bench_events", "hold_events", "ledger_events", "trade_events"])
def test_the_order_of_the_kinds_is_no_matter_of_who_asks_first(first: str) -> None:
    code = f"import protocol.city.{first}; from protocol.city.events import EVENTS; print(*EVENTS)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [*EVENTS]
