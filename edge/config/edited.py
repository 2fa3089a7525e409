"""station.toml with other values in it: its comments, its order and everything else stay as a person wrote them."""

import json
import re
import tomllib
from collections.abc import Mapping

_HEAD = re.compile(r"\s*\[([a-z]+)\]\s*(#.*)?$")
_ANY_HEAD = re.compile(r"\s*\[")
LONGEST = 60  # lines of one value

Place = tuple[str, str]
"""A section and a key in it."""


class NotEdited(ValueError):
    """The text is no TOML, before or after; the message names the place."""


def with_values(text: str, values: Mapping[Place, str | list[str]]) -> str:
    """The text with these values, each in the place of what is there, of what stands there as a comment, or at the
    head of its section; raises NotEdited."""
    tables = _read(text)
    for (section, key), value in values.items():
        if tables.get(section, {}).get(key) != value:
            text = _with(text, section, key, json.dumps(value, ensure_ascii=False))
    after = _read(text)
    for (section, key), value in values.items():
        if after.get(section, {}).get(key) != value:
            raise NotEdited(f"[{section}] {key}")
    return text


def _read(text: str) -> dict[str, dict[str, object]]:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise NotEdited(str(error)) from None
    return {section: table for section, table in tables.items() if isinstance(table, dict)}


def _with(text: str, section: str, key: str, value: str) -> str:
    lines = text.splitlines()
    begin = next((at for at, line in enumerate(lines) if (head := _HEAD.match(line)) and head[1] == section), None)
    if begin is None:
        return "\n".join([*lines, "", f"[{section}]", f"{key} = {value}", ""])
    end = next((at for at in range(begin + 1, len(lines)) if _ANY_HEAD.match(lines[at])), len(lines))
    for at in range(begin + 1, end):
        if re.match(rf"\s*{key}\s*=", lines[at]):
            used, comment = _extent(lines, at)
            return "\n".join([*lines[:at], f"{key} = {value}{comment}", *lines[at + used :], ""])
    noted = next((at for at in range(begin + 1, end) if re.match(rf"#\s*{key}\s*=", lines[at])), begin + 1)
    return "\n".join([*lines[:noted], f"{key} = {value}", *lines[noted:], ""])


def _extent(lines: list[str], at: int) -> tuple[int, str]:
    """Over how many lines a value goes, and the comment behind it."""
    for used in range(1, LONGEST):
        try:
            tomllib.loads("\n".join(lines[at : at + used]))
        except tomllib.TOMLDecodeError:
            continue
        return used, _comment(lines[at + used - 1]) if used == 1 else ""
    return 1, ""


def _comment(line: str) -> str:
    for found in re.finditer(r"\s*#", line):
        try:
            tomllib.loads(line[: found.start()])
        except tomllib.TOMLDecodeError:
            continue
        return line[found.start() :]
    return ""
