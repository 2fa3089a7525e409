"""Result files with columns: what instruments export, or their PC programs write into a folder.

    Device; Meter 3; SN 000123                       lines to skip
    SampleNo;Item;Result;Unit;Conclusion;Time        header (or none: columns by number)
    7;pesticide;12.5;%;qualified;2025-03-14 09:14    rows
    8;nitrite;<2;mg/kg;;2025-03-14 09:20             a result that is no number stays text

Which column is what is said by the mapping, as the session's options:

    delimiter  one character; empty: whichever of ; TAB , | is most frequent in the header
    encoding   a name Python knows (gbk, utf-16); empty: by its byte order mark, else UTF-8 if it is, else GB18030
    skip       lines before the header
    header     False when there is none
    columns    field -> header name or column number (from 1). Fields: sample, item, value, unit, verdict, time, name,
               channel, limit, serial (of the instrument). Without it the usual header names are looked for (``NAMES``)
    item, unit  stand where there is no such column
    time       as in strptime, where it is not year month day hour minute second in this order
    verdicts   conclusion -> qualified, suspect, unqualified, invalid; beside 合格 不合格 阴性 阳性 可疑 无效

Files come whole, in the envelope of ``protocol.files``.  A row that cannot be read as a result (columns missing, no
value, a conclusion that is no known word) is handed over as a ticket for a person to look at.

A file that is none of ours is not handed over at all: its columns are not found, or it has no header and none of its
rows is a result.  Whatever lies in the folder would otherwise stand in a signed record.  Only the reason is told, in
the receipt; nothing of its content.

A row with a time keeps its identity in whatever file it comes, because many programs write the same file again and
again, a row longer each time; the n-th of equal rows in a file is another result than the first.  A row without a time
is known by its file's content and its place in it.

The envelope has a check, so nothing changes on the way; the file itself has none.
Sources: Wondfo Finecare's files (semicolons, a device line before the header, results like ``<2``); the rest is by
mapping.
"""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from protocol.analyzers.shared import handed, stating
from protocol.analyzers.shared.mapped import NAMES, Stated, Unreadable
from protocol.files import digest, receipt, wrap
from protocol.formats import WireFormat
from protocol.frozen import frozen
from protocol.link import Link
from protocol.options import FormatOptions, Misfit
from protocol.readings import Event, Garbage, TestResult, Ticket, Verdict

DELIMITERS = ";\t,|"
MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
LINE_ENDS = re.compile("\r\n|\r|\n")
ROW_CAP = 4096


Column = Annotated[
    str | Annotated[int, Field(ge=1, le=10_000)] | None,
    Field(description="the column's header, or its number from 1"),
]


def _known(encoding: str) -> str:
    try:
        codecs.lookup(encoding or "utf-8")
    except (LookupError, ValueError):
        raise Misfit("没有这种编码；写 utf-8、gbk 或 utf-16", "it is unknown; write utf-8, gbk or utf-16") from None
    return encoding


class Columns(FormatOptions):
    """Where each field stands."""

    sample: Column = None
    item: Column = None
    value: Column = None
    unit: Column = None
    verdict: Column = None
    time: Column = None
    name: Column = None
    channel: Column = None
    limit: Column = None
    serial: Column = None

    @property
    def given(self) -> dict[str, str | int]:
        """Those that are said, by field."""
        return {name: column for name in NAMES if (column := getattr(self, name)) is not None}


class Mapped(Stated):
    """Which column is what."""

    delimiter: Annotated[str, Field(max_length=1, description="one character; empty: it is found out")] = ""
    encoding: Annotated[str, AfterValidator(_known), Field(description="utf-8, gbk …; empty: it is found out")] = ""
    skip: Annotated[int, Field(ge=0, le=10_000, description="lines before the header")] = 0
    header: Annotated[bool, Field(description="the first line names the columns")] = True
    columns: Annotated[Columns, Field(description="field = column; without it the usual headers are looked for")] = (
        Columns()
    )

    @model_validator(mode="after")
    def _by_number(self) -> Self:
        given = self.columns.given.values()
        if not self.header and not (given and all(isinstance(column, int) for column in given)):
            raise Misfit(
                "没有表头时，列要用编号写，从 1 开始",
                "without a header line the columns must be named by number, from 1",
                key="columns",
            )
        return self


# --- a file to values -----------------------------------------------------------------------------------------------


@frozen
class _Row:
    """A row as text, with what its columns hold."""

    line: str
    cells: Mapping[str, str]

    def get(self, name: str) -> str:
        return self.cells.get(name, "").strip()


def decode(content: bytes, mapped: Mapped | None = None) -> list[Event]:
    """The results of a file."""
    mapped = mapped or Mapped()
    text = _text(content, mapped.encoding)
    if text is None:
        return [Garbage(b"", "not a text file")]
    lines = LINE_ENDS.split(text)[mapped.skip :]
    try:
        delimiter = mapped.delimiter or _delimiter(lines)
        table = list(csv.reader(lines, delimiter=delimiter))
        places, width = _places(table, mapped)
    except (Unreadable, csv.Error) as error:
        return [Garbage(b"", str(error))]
    events: list[Event] = list(_rows(table, delimiter, places, width, digest(content), mapped))
    if events and not mapped.header and all(isinstance(event, Ticket) for event in events):
        return [Garbage(b"", "no row of it is a result; compare the mapping's column numbers")]
    return events


def _rows(
    table: Sequence[Sequence[str]],
    delimiter: str,
    places: Mapping[str, int],
    width: int,
    whole: str,
    mapped: Mapped,
) -> Iterator[TestResult | Ticket]:
    seen: Counter[tuple[str, ...]] = Counter()
    for place, cells in enumerate(table[1:] if mapped.header else table, 1):
        if not any(cell.strip() for cell in cells):
            continue
        seen[tuple(cells)] += 1
        line = delimiter.join(cells)
        row = _Row(line, {name: cells[at] for name, at in places.items() if at < len(cells)})
        try:
            if len(cells) < width:
                raise Unreadable(f"{len(cells)} columns where there should be {width}")
            yield _result(row, mapped, (whole, str(place)), seen[tuple(cells)])
        except Unreadable as error:
            known_by = stating.identity("csv", line, str(seen[tuple(cells)]))
            yield Ticket(_raw(line), line[:ROW_CAP], str(error), known_by)


def _text(content: bytes, encoding: str) -> str | None:
    marked = next((name for mark, name in MARKS.items() if content.startswith(mark)), "")
    try:
        text = content.decode(marked or encoding) if marked or encoding else stating.decode_text(content)
    except (UnicodeDecodeError, ValueError):
        text = content.decode(marked or encoding, "replace")
    return None if "\0" in text else text


def _delimiter(lines: Sequence[str]) -> str:
    first = next((line for line in lines if line.strip()), "")
    return max(DELIMITERS, key=first.count)


def _places(table: Sequence[Sequence[str]], mapped: Mapped) -> tuple[dict[str, int], int]:
    """Where each field stands, from 0, and how many columns a row has at least."""
    if not any(table):
        raise Unreadable("the file is empty")
    titles = [title.strip().lstrip("\ufeff").lower() for title in table[0]] if mapped.header else []
    places, columns = {}, mapped.columns.given
    for name in NAMES:
        wanted = columns.get(name)
        if isinstance(wanted, int):
            places[name] = wanted - 1
        elif wanted is not None:
            if wanted.strip().lower() not in titles:
                raise Unreadable(f"no column {wanted!r} for {name}")
            places[name] = titles.index(wanted.strip().lower())
        elif not columns and (usual := next((title for title in NAMES[name] if title in titles), None)):
            places[name] = titles.index(usual)
    if "item" not in places and not mapped.item:
        raise Unreadable("no column for the item, and no `item` in the mapping")
    if "value" not in places and "verdict" not in places:
        raise Unreadable("no column for the value or the verdict")
    return places, max(len(titles), 1 + max(places.values()))


def _result(row: _Row, mapped: Mapped, place: tuple[str, str], occurrence: int) -> TestResult:
    at = mapped.moment(row.get("time"))
    known_by = (row.line, str(occurrence)) if at else place
    return mapped.result(row.get, at, stating.identity("csv", *known_by), _raw(row.line))


def _raw(line: str) -> bytes:
    return line.encode()[:ROW_CAP]


# --- values to a file -----------------------------------------------------------------------------------------------

TITLES = ("样品编号", "样品名称", "检测项目", "检测结果", "单位", "结论", "标准值", "通道号", "检测时间")
WORDS = {
    None: "",
    Verdict.QUALIFIED: "合格",
    Verdict.SUSPECT: "可疑",
    Verdict.UNQUALIFIED: "不合格",
    Verdict.INVALID: "无效",
}


def encode(results: Sequence[TestResult], *, delimiter: str = ";", encoding: str = "gb18030") -> bytes:
    """A file with these results and the usual header. Raises ValueError when one has a verdict without a word."""
    rows = [TITLES, *(_cells(result) for result in results)]
    return "".join(delimiter.join(_quoted(cell, delimiter) for cell in row) + "\r\n" for row in rows).encode(encoding)


def _cells(result: TestResult) -> tuple[str, ...]:
    if result.verdict not in WORDS:
        raise ValueError(f"no word for {result.verdict}")
    return (
        result.sample or "",
        result.name or "",
        result.item,
        _digits(result.value) or result.text or "",
        result.unit or "",
        WORDS[result.verdict],
        _digits(result.limit),
        result.channel or "",
        result.measured_at.isoformat(" ") if result.measured_at else "",
    )


def _digits(number: Decimal | None) -> str:
    return "" if number is None else format(number, "f")


def _quoted(cell: str, delimiter: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if delimiter in cell or '"' in cell else cell


# --- the stream -----------------------------------------------------------------------------------------------------


def decoder(options: Mapped) -> handed.Decoder:
    return handed.Decoder(partial(decode, mapped=options))


def session(options: Mapped) -> handed.Session:
    return handed.Session(partial(decode, mapped=options), _receipt)


def _receipt(name: str, events: list[Event]) -> bytes:
    """A file is taken when all its rows were read."""
    whys = [event.why for event in events if isinstance(event, Garbage | Ticket)]
    return receipt(name, taken=bool(events) and not whys, why=next(iter(whys), ""))


def envelope(results: Sequence[TestResult], *, encoding: str = "gb18030") -> bytes:
    """A file with these results, as the folder hands it over."""
    return wrap(encode(results, encoding=encoding))


FORMAT = WireFormat(
    id="csv_drop",
    kind="analyzer",
    title="Result files in a folder, by a column mapping",
    link=Link(9600),
    polled=False,
    checked=True,
    confidence="medium",
    decoder=decoder,
    session=session,
    options=Mapped,
    reading=Mapped,
    wire="folder",
)
