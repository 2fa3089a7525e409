"""Pieces of station.toml, written as a person would."""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any


def toml_of(section: str, **values: Any) -> list[str]:
    """The lines of a ``[[section]]``; what is empty is left out."""
    return [f"[[{section}]]", *(f"{key} = {value_of(value)}" for key, value in values.items() if value not in ("", {}))]


def value_of(value: Any) -> str:
    """A text, number, day, list or table in TOML."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(_pairs(value))} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(value_of, value))}]"
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)  # a basic string of TOML has the escapes of JSON


def _pairs(table: Mapping[str, Any]) -> Iterator[str]:
    return (f"{key} = {value_of(value)}" for key, value in table.items())
