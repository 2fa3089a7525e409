"""Testers that upload by themselves: they send each result by HTTP to an address that a person sets on them.

    GET  /detection.jsp?jcxm=%E5%86%9C…&jcz=12.5&…        fields in the address
    POST /upload   jcxm=…&jcz=12.5                         or in a form (also multipart)
    POST /upload   {"token":"…","body":"{\\"samplename\\":…}"}   or in JSON, also JSON in a text of it

The port (``http:``) takes a request whole and hands it over in an envelope: ``protocol.uploads``.  The tester is
answered after the commit; until then it would take the result for delivered, and erase it.  What is no result is
answered with ``bad``, and so the tester sends it again: its reason is told and nothing of it is kept.

Which field is what is said by the mapping, as the session's options:

    fields     field -> name in the upload, ``body.samplename`` for one within another. Fields: sample, item, value,
               unit, verdict, time, name, channel, limit, serial (of the instrument). Without it the usual names
    rows       where several results stand in one upload: the name of their list
    item, unit, time, verdicts   as in ``csv_drop``; time ``unix`` is seconds (or milliseconds) since 1970
    good, bad  what the tester is answered: recorded, and not read

A result is known by instrument, sample, channel, item, time and value, so that one whose answer was lost counts once
when it comes again; the n-th of equal ones in one upload is another result than the first.  One without a time is known
by its upload's whole content.

Kerun (Shandong): ``jcdw`` testing unit, ``rwbh`` task, ``bjdw`` tested unit, ``jcxm`` item, ``jcdt`` time, ``jcz``
value, ``szdw`` its unit, ``jgpd`` conclusion, ``ybbh`` sample number, ``ybmc`` sample, ``ybcd`` origin, ``xlbz``
standard, ``sbbh`` model, ``xlz`` limit, ``jcy`` tester, ``type``, ``did`` device; answer ``status`` 1 recorded, 0
failed.
Dimaier: JSON with a token and a text ``body`` that holds JSON: ``samplename``, ``controlvalue``, ``testproject``,
``testingtime`` (Unix seconds), ``testresult``, ``inspector``, ``samplenum``, ``stand_num``, ``deviceNumber``,
``decisionoutcome``, ``cov_unit``; answer ``code`` below 300 recorded.  They are rows of ``drivers/analyzers.py``.
Sources: both makers' documents for their customers, as quoted by a public upload program; that ``controlvalue`` is the
limit is our reading.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any

from pydantic import Field

from protocol import uploads
from protocol.analyzers.shared import handed, stating
from protocol.analyzers.shared.mapped import NAMES, Stated, Unreadable
from protocol.files import digest
from protocol.formats import WireFormat
from protocol.link import Link
from protocol.options import FormatOptions
from protocol.readings import Event, Garbage, TestResult, Ticket
from protocol.uploads import Answer, Request, Said

ROW_CAP = 4096
MOST_ROWS = 500
TAKEN, REFUSED = 200, 400
KNOWN_BY = ("serial", "sample", "channel", "item", "time", "value")
USUAL = {title: name for name, titles in NAMES.items() for title in titles}

Source = Annotated[str | None, Field(min_length=1, max_length=100, description="the field's name in the upload")]


class Fields(FormatOptions):
    """What each field is called in the upload."""

    sample: Source = None
    item: Source = None
    value: Source = None
    unit: Source = None
    verdict: Source = None
    time: Source = None
    name: Source = None
    channel: Source = None
    limit: Source = None
    serial: Source = None

    @property
    def given(self) -> dict[str, str]:
        """Those that are said, by field."""
        return {name: source for name in NAMES if (source := getattr(self, name)) is not None}


class Mapped(Stated):
    """Which field is what."""

    fields: Annotated[Fields, Field(description="field = its name in the upload; without it the usual names")] = (
        Fields()
    )
    rows: Annotated[str, Field(max_length=100, description="the list of results in the upload, where it has one")] = ""


class Options(Mapped):
    """And what the tester hears."""

    good: Annotated[str, Field(max_length=500, description="the answer to a result that is recorded")] = (
        '{"status":1,"info":"success"}'
    )
    bad: Annotated[str, Field(max_length=500, description="the answer to what cannot be read")] = (
        '{"status":0,"info":"failed"}'
    )


# --- an upload to values --------------------------------------------------------------------------------------------


def decode(content: bytes, mapped: Mapped | None = None) -> list[Event]:
    """The results of an upload."""
    mapped = mapped or Mapped()
    try:
        rows = _rows(uploads.read(content).said, mapped)
    except ValueError as error:
        return [Garbage(b"", str(error))]
    return list(_results(rows, content, mapped))


def _rows(said: Said, mapped: Mapped) -> list[tuple[dict[str, Said], dict[str, str]]]:
    """What may be results, each with the texts of its fields. Raises Unreadable when the mapping finds nothing."""
    found = _at(said, mapped.rows) if mapped.rows else said
    listed = found if isinstance(found, list) else [found]
    if len(listed) > MOST_ROWS:
        raise Unreadable(f"more than {MOST_ROWS} results in one upload")
    named = mapped.fields.given
    rows = [(row, _texts(row, named)) for row in listed if isinstance(row, dict)]
    if not rows or len(rows) < len(listed):
        raise Unreadable(f"no results under {mapped.rows!r}" if mapped.rows else "no fields")
    for _, texts in rows:
        if ("item" not in texts and not mapped.item) or not {"value", "verdict"} & texts.keys():
            raise Unreadable("no field for the item, or none for value or verdict; compare the mapping's names")
    return rows


def _texts(row: dict[str, Said], named: Mapping[str, str]) -> dict[str, str]:
    """The fields that the upload has, by the mapping, or by their usual names."""
    if named:
        found = {name: _at(row, source) for name, source in named.items()}
    else:  # the first of several
        found = {USUAL[key]: said for title, said in reversed(row.items()) if (key := title.strip().lower()) in USUAL}
    return {name: said.strip() for name, said in found.items() if isinstance(said, str)}


def _results(
    rows: Sequence[tuple[dict[str, Said], dict[str, str]]], content: bytes, mapped: Mapped
) -> Iterator[TestResult | Ticket]:
    seen: Counter[tuple[str, ...]] = Counter()
    for place, (row, texts) in enumerate(rows, 1):
        line = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
        raw = line.encode("utf-8", "replace")[:ROW_CAP]
        at = mapped.moment(texts.get("time", ""))
        stated = tuple(texts.get(name, "") for name in KNOWN_BY)
        seen[stated] += 1
        known_by = (*stated, str(seen[stated])) if at else (digest(content), str(place))
        identity = stating.identity("http", *known_by)
        try:
            yield mapped.result(lambda name, texts=texts: texts.get(name, ""), at, identity, raw)  # type: ignore[misc]
        except Unreadable as error:
            yield Ticket(raw, line[:ROW_CAP], str(error), identity)


def _at(said: Any, name: str) -> Any:
    """What stands under a name; under each point it goes one level down."""
    if isinstance(said, dict) and name in said:
        return said[name]
    first, point, rest = name.partition(".")
    return _at(said.get(first), rest) if point and isinstance(said, dict) else None


# --- values to an upload --------------------------------------------------------------------------------------------


def encode(fields: dict[str, str], path: str = "/") -> bytes:
    """The upload of these fields, as the port hands it over."""
    return uploads.wrapped(Request(path, uploads.apart(fields)))


# --- the stream -----------------------------------------------------------------------------------------------------


def decoder(options: Mapped) -> handed.Decoder:
    return handed.Decoder(partial(decode, mapped=options))


def session(options: Options) -> handed.Session:
    return handed.Session(partial(decode, mapped=options), partial(_answer, options))


def _answer(options: Options, name: str, events: list[Event]) -> bytes:
    """What a person has to read is kept too, so the tester need not send it again."""
    kept = any(isinstance(event, TestResult | Ticket) for event in events)
    return Answer(name, *((TAKEN, options.good) if kept else (REFUSED, options.bad))).as_bytes()


FORMAT = WireFormat(
    id="http_push",
    kind="analyzer",
    title="Testers that upload their results by HTTP, by a field mapping",
    link=Link(9600),
    polled=False,
    checked=True,
    confidence="medium",
    decoder=decoder,
    session=session,
    options=Options,
    reading=Mapped,
    wire="http",
)
