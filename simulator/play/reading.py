"""From a file to a scenario, with every mistake in words: the line, what stands there, what may."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from simulator import scenarios
from simulator.play.scenario import NAME, STEPS, Scenario, StepBase, unknown_names, word_of

LIBRARY = Path(scenarios.__file__).parent
SHOWN = 60


class Mistakes(ValueError):
    """What is wrong in a scenario file, a line each."""


def library() -> list[str]:
    """The names of the scenarios that come along."""
    return sorted(path.stem for path in LIBRARY.glob("*.toml"))


def find(name: str) -> Path:
    """A file, or a scenario of the library by its name. Raises Mistakes."""
    path = Path(name)
    if path.suffix == ".toml" or path.exists():
        return path
    if name in library():
        return LIBRARY / f"{name}.toml"
    raise Mistakes(f"{name}: no such file, and no scenario of the library; {_near(name, library())}")


def read(path: Path) -> Scenario:
    """The scenario in a file. Raises Mistakes."""
    try:
        text = path.read_text("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise Mistakes(f"{path}: cannot be read: {(error.strerror or 'no reason given').lower()}") from None
    except UnicodeDecodeError:
        raise Mistakes(f"{path}: not UTF-8: save it as UTF-8") from None
    try:
        table = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise Mistakes(f"{path}: {error}") from None
    try:
        scenario = Scenario.model_validate(table)
    except ValidationError as error:
        lines = (_in_words(path, text, table, dict(one)) for one in error.errors())
        raise Mistakes("\n".join(dict.fromkeys(lines))) from None
    if wrong := [
        f"{_place(path, text, ('step', index, key))}: no earlier step made {name!r}, and nobody has this code"
        if key == "code"
        else f"{_place(path, text, ('step', index, key))}: no earlier step made {name!r}"
        for index, key, name in unknown_names(scenario)
    ]:
        raise Mistakes("\n".join(wrong))
    scenario._folder = path.parent
    if (log := scenario.recording()) is not None and not log.is_file():
        raise Mistakes(f"{_place(path, text, ('devices', 'recording'))}: there is no file {log}")
    return scenario


def _in_words(path: Path, text: str, table: Mapping[str, Any], one: dict[str, Any]) -> str:
    location = tuple(part for part in one["loc"] if part not in _WORDS or not _is_tag(one["loc"], part))
    kind, key = one["type"], str(location[-1]) if location else ""
    place, value = _place(path, text, location), one.get("input")
    if kind == "extra_forbidden":
        return f"{place}: there is no key `{key}` here; {_near(key, _keys(_model_at(table, location[:-1])))}"
    if kind == "missing":
        return f"{place}: `{key}` is missing"
    if kind == "union_tag_not_found":
        return f"{place}: the step does not say what it does: write do = one of {_listed(_WORDS)}"
    if kind == "union_tag_invalid":
        done = value.get("do") if isinstance(value, dict) else value
        return f"{_place(path, text, (*location, 'do'))}: there is no step {done!r}; {_near(str(done), _WORDS)}"
    if kind == "literal_error":
        return f"{place}: {_shown(value)} is none of {one['ctx']['expected']}"
    if kind == "string_pattern_mismatch" and one["ctx"]["pattern"] == NAME:
        return f"{place}: {_shown(value)} is no name: Latin letters, digits, - and _, a letter first"
    why = str(one.get("ctx", {}).get("error") or one["msg"])
    return f"{place}: {why[:1].lower()}{why[1:]}" + (f", not {_shown(value)}" if not isinstance(value, dict) else "")


_WORDS = tuple(word_of(kind) for kind in STEPS)


def _is_tag(location: tuple[Any, ...], part: Any) -> bool:
    """Whether it is the kind of step that pydantic puts into a location, not a key of the file."""
    return len(location) > 2 and location[0] == "step" and location[2] == part


def _model_at(table: Mapping[str, Any], location: tuple[Any, ...]) -> type[BaseModel] | None:
    if not location:
        return Scenario
    if location[0] == "step" and len(location) == 2:
        done = table["step"][location[1]].get("do")
        return next((kind for kind in STEPS if word_of(kind) == done), StepBase)
    model: Any = Scenario
    for part in location:
        if isinstance(part, str) and model is not None:
            field = model.model_fields.get(part)
            kinds = (field.annotation, *getattr(field.annotation, "__args__", ())) if field else ()
            model = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
    found: type[BaseModel] | None = model
    return found


def _keys(model: type[BaseModel] | None) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _near(word: str, known: Iterable[str]) -> str:
    names = list(known)
    near = get_close_matches(word, names, 1, 0.6)
    return f"did you mean {near[0]}?" if near else f"there are: {_listed(names)}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _shown(value: Any) -> str:
    text = str(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _place(path: Path, text: str, location: tuple[Any, ...]) -> str:
    """The file and the line where this stands, or its table begins."""
    return f"{path} line {line_of(text, location)}"


def line_of(text: str, location: tuple[Any, ...]) -> int:
    """Where a key stands in the file; when it is not there, where its table begins, at last line 1."""
    lines = text.split("\n")
    begin, end = 0, len(lines)
    rest = list(location)
    while rest and isinstance(rest[0], str):
        name = rest[0]
        number = rest[1] if len(rest) > 1 and isinstance(rest[1], int) else 0
        header = re.compile(rf"^\s*\[\[?\s*{re.escape(name)}\s*\]\]?\s*(#.*)?$")
        heads = [at for at, line in enumerate(lines) if header.match(line)]
        if begin or number >= len(heads):
            break
        begin = heads[number]
        within = re.compile(rf"^\s*\[\[?\s*{re.escape(name)}\.")
        after = (
            at for at in range(begin + 1, len(lines)) if lines[at].lstrip()[:1] == "[" and not within.match(lines[at])
        )
        end = next(after, len(lines))
        rest = rest[2:] if len(rest) > 1 and isinstance(rest[1], int) else rest[1:]
    for name in rest:
        key = re.compile(rf"^\s*(\[\[?\s*\w+\.)?\"?{re.escape(str(name))}\"?\s*[\]=.]")
        found = next((at for at in range(begin, end) if key.match(lines[at])), None)
        if found is not None:
            return found + 1
    return begin + 1
