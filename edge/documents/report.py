"""The report of a rapid test (快检报告). Whatever it says, it is a screening result, and the paper says that too."""

from edge.documents.slip import heading, large
from edge.documents.words import Language, Words, grouped, moment
from protocol.city.events import TestRecorded
from protocol.city.token import source_url
from protocol.printers.document import QR, Align, Cut, Document, Pair, Part, Rule, Size, Text


def report(
    test: TestRecorded,
    *,
    code: str,
    time: str,
    clock_trusted: bool,
    market: str,
    host: str,
    language: Language = "zh",
    copy: int = 0,
) -> Document:
    """The report of a recorded result; ``code`` is its test code, ``time`` when the station recorded it.

    A lot that this result released gets the QR of its source code, for the stall's card.
    """
    words = Words(language)
    parts = heading(words, "report", market, copy, code)
    parts.append(Pair(words("number"), grouped(code)))
    if test.goods is None:
        goods = words("unknown")
    else:
        goods = words.choose(test.goods.name, test.goods.name_en)
    parts.append(Pair(words("goods"), goods, size=Size.TALL, bold=True))
    if test.analyzer.sample is not None:
        parts.append(Pair(words("sample"), test.analyzer.sample, size=Size.TALL, bold=True))
    parts += [Rule(), *_result(words, test), Rule(), *_circumstances(words, test, time, clock_trusted)]
    parts += [Rule(), Text(words("screening"), Align.CENTER, bold=True)]
    if test.source is not None and test.verdict == "qualified":
        parts += [
            Rule(),
            Text(words("source_code"), Align.CENTER, Size.TALL, bold=True),
            QR(source_url(test.source, host), grouped(test.source)),
            Text(words("scan_source"), Align.CENTER),
        ]
    return Document("report", words("report"), (*parts, Cut()))


def _result(words: Words, test: TestRecorded) -> list[Part]:
    value = words("none") if test.value is None else f"{test.value} {test.unit or ''}"
    parts: list[Part] = [Pair(words("item"), test.item), Pair(words("value"), value, size=Size.TALL, bold=True)]
    if test.limit is not None:
        basis = words(f"limit_{test.limit_basis}")
        parts.append(Pair(words("limit"), f"{test.limit} {test.unit or ''} ({basis})"))
    parts.append(Pair(words("method"), test.method))
    return [*parts, Rule(), *large(words.verdict_clauses(test.verdict))]


def _circumstances(words: Words, test: TestRecorded, time: str, clock_trusted: bool) -> list[Part]:
    parts: list[Part] = [Pair(words("analyzer"), f"{test.analyzer.name} {test.analyzer.model}")]
    if test.analyzer.channel is not None:
        parts.append(Pair(words("channel"), test.analyzer.channel))
    if test.analyzer.measured_at is not None:
        parts.append(Pair(words("measured"), moment(test.analyzer.measured_at)))
    parts.append(Pair(words("recorded"), moment(time)))
    if not clock_trusted:
        parts.append(Pair("", words("unsynced"), bold=True))
    return parts
