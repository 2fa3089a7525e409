r"""Layouts of printed tickets: which lines say what. They are TOML text, ours and those a technician adds.

    [[layout]]
    id = "acme"
    begin = '编号\s+名称\s+结果.*'           # the rows come after a line like this
    rule = '-{8,}'                          # a line of the frame; with it the rows stand between two of them
    row = ['(?P<sample>\d+)\s+(?P<name>\S+)\s+(?P<value>\S+)\s+(?P<verdict>\S*)']
    title = "item"                          # what the lines before the first known one say
    both_ways = true                        # also printed upside down, the last line first
    split = '(?<=mg/L) +'                   # where one line is several: here behind each unit
    wrap = 30                               # a line as long as this goes on in the next one; 0 never
    item = "农药残留"                        # where the ticket does not say
    unit = "%"
    [layout.labels]                         # "label: value" -> what it says, "" nothing
    "检测日期" = "time"
    "检测人员" = ""
    [layout.lines]                          # or any line, by its own pattern
    head = '信息 \d+ (?P<item>\S+) (?P<date>\S+)'
    [layout.verdicts]                       # conclusions beside 合格 不合格 阴性 阳性 可疑 无效
    "i.O." = "qualified"

What can be said (``FIELDS``): sample, channel, item, name, value, unit, verdict, limit, control, time, date.  Patterns
are regular expressions that fit the whole line; every kind of blank stands as a blank or TAB, ``：`` as ``:``.

A ticket is read whole or not at all: a row that does not fit, a value or conclusion that is no known word, a time that
is none, a frame that does not close.  A row without value and conclusion is a channel that was not used.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PlainValidator, ValidationError, WithJsonSchema

from protocol.analyzers.shared import fields, stating
from protocol.options import FormatOptions, Misfit, problems
from protocol.readings import TestResult, Verdict

FIELDS = ("sample", "channel", "item", "name", "value", "unit", "verdict", "limit", "control", "time", "date")
COMPARED = re.compile(r"[<>≤≥]=? ?[0-9]+(?:\.[0-9]+)?")
DIGITS = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?")

OURS = r"""
[[layout]]
id = "dayuan"
begin = '编号\s+(样品)?名称\s+(检测)?结果\s+判定(结果)?\s*'
rule = '-{8,}'
row = [
    '(?P<sample>[0-9]{5})\t(?P<name>[^\t]*)\t(?P<value>[^\t]*)\t(?P<verdict>[^\t]*)',
    '(?P<sample>[0-9]{5}) (?P<name>.*?) +(?P<value>[^ ]+) +(?P<verdict>[^ ]+)',
]
title = "item"
both_ways = true
wrap = 30
[layout.labels]
"检测日期" = "time"
"单位" = "unit"
"检测值单位" = "unit"
"对照值" = "control"
"检测设备" = ""
"检测类别" = ""
"检测方法" = ""
"检测依据" = ""
"检测人员" = ""
"审核人员" = ""
"被检单位" = ""
"生产单位" = ""

[[layout]]
id = "taiyang"
begin = '吸光度\s+浓度[(（](?P<unit>[^)）]+)[)）]\s*'
row = ['(?P<channel>[1-8])', '(?P<channel>[1-8])\s+-?[0-9]+\.[0-9]+\s+(?P<value>-?[0-9]+(\.[0-9]+)?)']
[layout.lines]
head = '信息\s*[0-9]+/[0-9]+\s+(?P<item>\S+)\s+(?P<date>[0-9].*)'
time = '(?P<time>[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?)'

[[layout]]
id = "spotchem-el"
split = '(?<=\]) +|(?<=mmol/L) +'
begin = '(?P<date>[0-9]{2}/[0-9]{2}/[0-9]{2}) +(?P<time>[0-9]{2}:[0-9]{2}) +ID# *(?P<sample>[0-9A-Z_-]+) +\[[^\]]*\]'
row = ['(?P<item>Na|K|Cl) +(?P<value>[0-9]+(\.[0-9]+)?) +(?P<unit>mmol/L)']
"""


class Unreadable(ValueError):
    """The ticket does not fit the layout; the message says where."""


class Misplaced(Unreadable):
    """Its frame is not there, or stands the other way round."""


def _pattern(given: Any) -> re.Pattern[str]:
    if not isinstance(given, str) or not given:
        raise Misfit("应为正则表达式，加引号", "it must be a pattern, in quotation marks")
    try:
        pattern = re.compile(given)
    except re.error as error:
        at = (error.pos or 0) + 1
        raise Misfit(f"不是正则表达式（第 {at} 个字符）", f"it is no pattern (character {at})") from None
    except (OverflowError, RecursionError):
        raise Misfit("不是正则表达式", "it is no pattern") from None
    if wrong := set(pattern.groupindex) - set(FIELDS):
        listed = ", ".join(wrong), ", ".join(FIELDS)
        raise Misfit(f"没有 {listed[0]}；可用的有：{listed[1]}", f"nothing can say {listed[0]}; there are: {listed[1]}")
    return pattern


def _without_groups(pattern: re.Pattern[str] | None) -> re.Pattern[str] | None:
    """What stands where a line is cut says nothing."""
    if pattern is not None and pattern.groups:
        raise Misfit("不能有括号分组，用 (?:…)", "it must have no groups; write (?:…)")
    return pattern


Pattern = Annotated[re.Pattern[str], PlainValidator(_pattern), WithJsonSchema({"type": "string", "format": "regex"})]
Said = Literal["", "sample", "channel", "item", "name", "value", "unit", "verdict", "limit", "control", "time", "date"]


class Layout(FormatOptions):
    """One layout, as described above."""

    id: Annotated[str, Field(min_length=1)]
    begin: Pattern
    row: Annotated[tuple[Pattern, ...], Field(strict=False, min_length=1)]
    rule: Pattern | None = None
    split: Annotated[Pattern | None, AfterValidator(_without_groups)] = None
    title: Said = ""
    both_ways: bool = False
    wrap: Annotated[int, Field(ge=0, le=1000)] = 0
    item: str = ""
    unit: str = ""
    labels: dict[str, Said] = Field(default_factory=dict)
    lines: dict[str, Pattern] = Field(default_factory=dict)
    verdicts: dict[str, Annotated[Verdict, Field(strict=False)]] = Field(default_factory=dict)


# --- TOML to layouts ------------------------------------------------------------------------------------------------


def parse(text: str) -> tuple[Layout, ...]:
    """The layouts in TOML text; raises Misfit naming layout, key and what would be right."""
    try:
        tables = tomllib.loads(text).get("layout", [])
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Misfit(f"不能读取：{error}", f"they cannot be read: {error}") from None
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise Misfit("应为 [[layout]]，双方括号", "write [[layout]], with two brackets")
    return tuple(map(_layout, tables))


def _layout(table: Mapping[str, Any]) -> Layout:
    try:
        return Layout.model_validate(table)
    except ValidationError as error:
        first = problems(Layout, table, error)[0]
        place = f"layout {table.get('id', '?')}, {first.key}"
        raise Misfit(f"{place}：{first.zh}", f"{place}: {first.en}") from None


# --- a ticket to results --------------------------------------------------------------------------------------------


def read(layout: Layout, text: str) -> list[TestResult]:
    """The results on a ticket; raises Unreadable when it does not fit."""
    lines = text.replace("：", ":").split("\n")
    if layout.split is not None:
        lines = [part for line in lines for part in layout.split.split(line)]
    if layout.rule is not None:
        # A rule as wide as the paper needs no line end: the next row stands right behind it.
        lines = [part for line in lines for part in _around(layout.rule, line)]
    try:
        return _in_order(layout, lines)
    except Misplaced as first:
        if not layout.both_ways:
            raise
        try:
            return _in_order(layout, lines[::-1])
        except Misplaced:
            raise first from None


def _around(rule: re.Pattern[str], line: str) -> list[str]:
    found = rule.search(line)
    return [line] if found is None else [line[: found.start()], found[0], line[found.end() :]]


def _in_order(layout: Layout, lines: Sequence[str]) -> list[TestResult]:
    start = next((at for at, line in enumerate(lines) if layout.begin.fullmatch(line.strip())), None)
    if start is None:
        raise Misplaced("the line before the rows is missing")
    head, rows, tail = _sections(layout, lines, start)
    begun = layout.begin.fullmatch(lines[start].strip())
    said = {**_said(layout, head), **(begun.groupdict() if begun else {})}
    said = {**_said(layout, tail, titled=True), **{name: value for name, value in said.items() if value}}
    found = [_row(layout, line) for line in _joined(layout, rows, lambda line: _fits(layout, line))]
    results = [_result(layout, {**said, **row}, line) for row, line in found if row.get("value") or row.get("verdict")]
    if not results:
        raise Unreadable("there is no row")
    return results


def _sections(layout: Layout, lines: Sequence[str], start: int) -> tuple[list[str], list[str], list[str]]:
    """What stands before, in and behind the rows."""
    head, rest = list(lines[:start]), list(lines[start + 1 :])
    if layout.rule is None:
        return head, rest, []
    rules = [at for at, line in enumerate(rest) if layout.rule.fullmatch(line.strip())]
    if len(rules) < 2 or any(line.strip() for line in rest[: rules[0]]):
        raise Misplaced("the rows do not stand between two rules")
    return head, rest[rules[0] + 1 : rules[1]], rest[rules[1] + 1 :]


def _joined(layout: Layout, lines: Sequence[str], begins: Any) -> list[str]:
    """Lines with their continuations: those behind a line that is full."""
    joined: list[str] = []
    full = False
    for line in lines:
        if not line.strip():
            continue
        if joined and full and not begins(line):
            joined[-1] += line
        else:
            joined.append(line)
        full = bool(layout.wrap) and len(line.encode("gb18030", "replace")) >= layout.wrap
    return joined


def _fits(layout: Layout, line: str) -> bool:
    """A row that needs nothing from the line before it: it fits, or it begins as one that was cut."""
    return any(row.fullmatch(line) for row in layout.row) or bool(re.match(r"[0-9]{5}[ \t]", line))


def _said(layout: Layout, lines: Sequence[str], *, titled: bool = False) -> dict[str, str]:
    """What labels, patterns and the title say."""
    said: dict[str, str] = {}
    for line in _joined(layout, lines, lambda line: _label(layout, line) is not None):
        label = _label(layout, line)
        found = next((match for pattern in layout.lines.values() if (match := pattern.fullmatch(line.strip()))), None)
        if label is not None:
            titled = True
            said[layout.labels[label]] = line.strip()[len(label) + 1 :].strip()
        elif found:
            titled = True
            said.update({name: value.strip() for name, value in found.groupdict().items() if value})
        elif layout.title and not titled:
            said[layout.title] = said.get(layout.title, "") + line.strip()
    return said


def _label(layout: Layout, line: str) -> str | None:
    label, colon, _ = line.strip().partition(":")
    return label if colon and label in layout.labels else None


def _row(layout: Layout, line: str) -> tuple[dict[str, str], str]:
    found = next((match for row in layout.row if (match := row.fullmatch(line.rstrip()) or row.fullmatch(line))), None)
    if found is None:
        raise Unreadable(f"the row {line!r} does not fit")
    return {name: value.strip() for name, value in found.groupdict().items() if value}, line


def _result(layout: Layout, said: Mapping[str, str], line: str) -> TestResult:
    stated, conclusion = said.get("value", ""), said.get("verdict", "")
    item = said.get("item") or layout.item
    if not item:
        raise Unreadable("it does not say what was tested")
    value = stating.number(stated)
    if value is None and stated and not COMPARED.fullmatch(stated) and _word(layout, stated) is None:
        raise Unreadable(f"the result {stated!r} is neither a number nor a word we know")
    verdict = _word(layout, conclusion or stated)
    if conclusion and verdict is None:
        raise Unreadable(f"the conclusion {conclusion!r} is no word we know")
    at = _time(said)
    sample, channel, unit = said.get("sample", ""), said.get("channel", ""), said.get("unit") or layout.unit
    sample = str(int(sample)) if sample.isdecimal() else sample
    control, limit = DIGITS.search(said.get("control", "")), said.get("limit", "")
    return TestResult(
        sample=sample or None,
        channel=channel or None,
        item=item,
        value=value,
        unit=unit or None,
        verdict=verdict,
        measured_at=at,
        identity=stating.identity(
            *("ticket", layout.id, item, sample, channel, said.get("name", "")),
            *(stated, conclusion, at.isoformat() if at else repr(sorted(said.items()))),
        ),
        name=said.get("name") or None,
        limit=stating.number(limit) if stating.number(limit) is not None else stating.limit(limit),
        text=(stated or None) if value is None else None,
        control=stating.number(control[0]) if control else None,
        sure=False,
        raw=line.encode("gb18030", "replace"),
    )


def _word(layout: Layout, text: str) -> Verdict | None:
    return layout.verdicts.get(text) or stating.verdict(text)


def _time(said: Mapping[str, str]) -> datetime | None:
    written = " ".join(part for part in (said.get("date", ""), said.get("time", "")) if part)
    if not written:
        return None
    at = fields.moment(written) or fields.moment(f"20{written}")
    if at is None:
        raise Unreadable(f"the time {written!r} is none")
    return at
