"""Options of wire formats: a pydantic model each, which a format names in its ``WireFormat``.

What stands in a configuration is checked by the model alone.  What is wrong is a ``Problem``: the key, what was read
and what is wanted, in Chinese and English.  The same model says what there is: ``marketedge protocols`` prints it, with
``--json`` as JSON schema.
"""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from protocol.frozen import frozen

Schema = Mapping[str, Any]

SHORTEST, LONGEST = 0.02, 86_400.0
SHOWN = 60  # characters of a value that is told

Seconds = Annotated[float, Field(ge=SHORTEST, le=LONGEST)]
Pause = Annotated[float, Field(ge=0, le=LONGEST)]
Poll = Annotated[Seconds, Field(description="seconds between two questions")]
Patience = Annotated[Seconds, Field(description="seconds to wait for an answer")]
Tries = Annotated[
    int, Field(ge=1, le=20, description="how often a question is asked before the device counts as silent")
]
Longest = Annotated[Seconds, Field(description="the longest pause before a silent device is asked again, in seconds")]
DaysBack = Annotated[int, Field(ge=0, le=400, description="how many days before today are read too")]
Review = Annotated[Seconds, Field(description="seconds after which earlier records are read once more")]
Decimals = Annotated[
    int | None, Field(ge=0, le=6, description="digits behind the point, where the device does not say")
]
FramingOption = Annotated[
    Literal["rtu", "tcp"], Field(description="rtu on a serial line or its server, tcp for Modbus TCP")
]


class FormatOptions(BaseModel):
    """Values as TOML has them: nothing is converted, no other key may be there, and no number is infinite."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, defer_build=True)


Made = TypeVar("Made", bound="FormatOptions")


class NoOptions(FormatOptions):
    """Of formats that have none."""


class Misfit(ValueError):
    """Raised by a model's own checks: what is wanted, in Chinese and English; ``key`` is that of a value within."""

    def __init__(self, zh: str, en: str, *, key: str = "") -> None:
        super().__init__(en)
        self.zh, self.en, self.key = zh, en, key


MISSING: Any = object()


@frozen
class OptionProblem:
    """One thing that is wrong. ``key`` is dotted; ``value`` is MISSING when nothing stands there; ``known`` are the
    keys there are, when this one is none of them; ``awaited``: an option that is not given, and might still be."""

    key: str
    value: Any
    zh: str
    en: str
    known: tuple[str, ...] = ()
    awaited: bool = False


class BadOptions(ValueError):
    """Options that do not fit a format; the message names key and choices."""

    def __init__(self, format_id: str, problems: tuple[OptionProblem, ...]) -> None:
        super().__init__(f"{format_id}: {'; '.join(map(_sentence, problems))}")
        self.problems = problems


def _sentence(problem: OptionProblem) -> str:
    read = "" if problem.value is MISSING else f" = {repr(problem.value)[:SHOWN]}"
    return f"option {problem.key}{read}: {problem.en}" if problem.key else problem.en


def parsed(format_id: str, model: type[Made], given: Mapping[str, Any]) -> Made:
    """The model of these values. Raises BadOptions."""
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        raise BadOptions(format_id, problems(model, given, error)) from None


@cache
def schema(model: type[FormatOptions]) -> Schema:
    """JSON schema of the options; the text for people is in ``description``. Nobody may change it."""
    return model.model_json_schema()


def listed(model: type[FormatOptions]) -> list[tuple[str, str, str]]:
    """Name with default, what it is, and its description, for each option."""
    whole = schema(model)
    rows = []
    for name, node in whole.get("properties", {}).items():
        default = node.get("default")
        if isinstance(default, bool):
            default = str(default).lower()
        usual = "" if default in (None, "") or isinstance(default, dict) else f" = {default}"
        rows.append((name + usual, wanted(whole, node)[1], node.get("description", "")))
    return rows


def problems(model: type[FormatOptions], given: Mapping[str, Any], error: ValidationError) -> tuple[OptionProblem, ...]:
    """What is wrong, each key once, in the order of the model."""
    whole = schema(model)
    found: dict[str, OptionProblem] = {}
    for one in error.errors():
        problem = _problem(whole, given, one)
        found.setdefault(problem.key, problem)
    return tuple(found.values())


def _problem(whole: Schema, given: Any, error: ErrorDetails) -> OptionProblem:
    keys, value, node = _place(whole, given, error["loc"])
    key = ".".join(keys)
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, Misfit):
        if cause.key:
            key, value = ".".join([*keys, cause.key]), _within(value, cause.key)
        return OptionProblem(key, value, cause.zh, cause.en)
    if error["type"] == "extra_forbidden":
        known = tuple(_resolved(whole, node).get("properties", {}))
        name = str(error["loc"][-1])
        listed = ("、".join(known), ", ".join(known))
        zh, en = (f"没有这个选项；可用的有：{listed[0]}", f"there is no such option; there are: {listed[1]}")
        return OptionProblem(".".join([*keys, name]), error["input"], *((zh, en) if known else NONE), known)
    if error["type"] == "missing":
        name = str(error["loc"][-1])
        zh, en = wanted(whole, _resolved(whole, node).get("properties", {}).get(name, {}))
        zh, en = f"缺少；应为{zh}", f"it is missing; it must be {en}"
        return OptionProblem(".".join([*keys, name]), MISSING, zh, en, awaited=not keys)
    zh, en = wanted(whole, node)
    return OptionProblem(key, value, f"应为{zh}", f"it must be {en}")


NONE = ("这个协议没有选项", "this format has no options")


def _place(whole: Schema, given: Any, location: tuple[int | str, ...]) -> tuple[list[str], Any, Schema]:
    """The keys down to a location, its value and its schema. What pydantic adds (kinds of a choice) is left out."""
    keys: list[str] = []
    value, node = given, whole
    for step in location:
        here = _resolved(whole, node)
        if isinstance(value, Mapping) and step in value:
            properties = here.get("properties", {})
            if step not in properties and here.get("additionalProperties") in (False, None):
                break
            node = properties.get(step) or here["additionalProperties"]
            value = value[str(step)]
            keys.append(str(step))
        elif isinstance(value, list | tuple) and isinstance(step, int) and step < len(value):
            value, node = value[step], here.get("items", {})
    return keys, value, node


def _resolved(whole: Schema, node: Schema) -> Schema:
    """The schema that is meant: a reference followed, of a choice the one that is no null."""
    if "$ref" in node:
        return _resolved(whole, whole["$defs"][node["$ref"].rsplit("/", 1)[1]])
    choices = [one for one in node.get("anyOf", ()) if one.get("type") != "null"]
    return _resolved(whole, choices[0]) if len(choices) == 1 else node


def _within(value: Any, key: str) -> Any:
    for part in key.split("."):
        value = value.get(part, MISSING) if isinstance(value, Mapping) else MISSING
    return value


KINDS = {
    "boolean": (" true 或 false", "true or false"),
    "integer": ("整数", "a whole number"),
    "number": ("数字", "a number"),
    "string": ("文字，加英文引号", "a text, in quotation marks"),
    "array": ("列表 [ … ]", "a list [ … ]"),
    "object": ("一组 { 名称 = 值 }", "a table { name = value }"),
}


def wanted(whole: Schema, node: Schema) -> tuple[str, str]:
    """What a value has to be, in both languages, with an example where the model gives one."""
    example = "".join(f" {one}" for one in node.get("examples", ())[:1])
    here = _resolved(whole, node)
    zh, en = _kind(whole, here)
    return (f"{zh}，如{example}", f"{en}, such as{example}") if example else (zh, en)


def _kind(whole: Schema, node: Schema) -> tuple[str, str]:
    if "anyOf" in node:
        kinds = [wanted(whole, one) for one in node["anyOf"] if one.get("type") != "null"]
        return "或".join(zh for zh, _ in kinds), " or ".join(en for _, en in kinds)
    if choices := node.get("enum") or ([node["const"]] if "const" in node else []):
        written = [f'"{choice}"' if isinstance(choice, str) else str(choice) for choice in choices]
        return f" {'、'.join(written)} 之一", f"one of {', '.join(written)}" if len(written) > 1 else written[0]
    zh, en = KINDS.get(node.get("type", ""), ("值", "a value"))
    if "maxLength" in node:
        most = node["maxLength"]
        return f"最多 {most} 个字符的{zh}", f"{en}, of {'one character' if most == 1 else f'at most {most} characters'}"
    if "minLength" in node:
        return f"{zh}，不能为空", f"{en}, and not empty"
    if "minimum" in node and "maximum" in node:
        low, high = f"{node['minimum']:.10g}", f"{node['maximum']:.10g}"
        return f" {low} 到 {high} 的{zh}", f"{en}, {low} to {high}"
    return zh, en
