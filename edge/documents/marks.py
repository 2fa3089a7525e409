"""What a paper says whatever its template does: that it is a copy, that it is no voucher, that it came out late, that
its record was voided or corrected.

A label has no room for lines of its own: there the mark stands beside its first line.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from edge.documents.words import PaperWords
from protocol.city.codes import CodeKind
from protocol.city.written import moment
from protocol.frozen import frozen
from protocol.printers.document import Align, Cut, Pair, Part, Rule, Size, Text

REPORT, LABELS = "report", ("label", "crate")
EITHER = ("kept",)  # labels where a label printer is, else slips
MARKS = {"voided": "mark_voided", "corrected": "mark_corrected"}


@frozen
class Print:
    """One print of a paper: ``copy`` is 0 for the first; a ``late`` one waited for its printer.

    ``standard``: the market's template failed, and the shipped one stands in.  ``mark`` is what is wrong with its
    record: ``voided``, ``corrected``, or nothing.
    """

    copy: int = 0
    late: bool = False
    standard: bool = False
    mark: str = ""


def marked(
    paper: str,
    parts: Sequence[Part],
    words: PaperWords,
    content: Mapping[str, Any],
    which: Print,
    *,
    on_label: bool = False,
) -> list[Part]:
    """The paper's parts with all that has to be on it."""
    if paper == REPORT:
        parts = _with_screening(parts, words)
    if paper in LABELS or on_label:
        return _label(parts, words, content, which)
    marks = list(_marks(words, content, which))
    if not marks:
        return list(parts)
    made: list[Part] = []
    for part in parts:
        if not made or isinstance(made[-1], Cut):  # each piece of paper goes to somebody else
            made += marks
        made.append(part)
    return made or marks


def is_training(content: Mapping[str, Any]) -> bool:
    """Whether its code is one of a station that trains."""
    return str(content.get("subject", ""))[9:10] == str(CodeKind.TRAINING.value)


def _marks(words: PaperWords, content: Mapping[str, Any], which: Print) -> Iterable[Part]:
    if which.mark:
        yield Text(words.both(MARKS[which.mark]), Align.CENTER, Size.LARGE, True)
        yield Rule()
    if which.copy:
        yield Text(f"{words.both('copy')} {which.copy}", Align.CENTER, Size.LARGE, True)
        yield Rule()
    if is_training(content):
        for line in words.each("training"):
            yield Text(line, Align.CENTER, Size.LARGE, True)
    if which.late:
        yield Text(f"{words('late')} {moment(str(content.get('time', '')))}".rstrip(), Align.CENTER, bold=True)
    if which.standard:
        yield Text(words("standard"), Align.CENTER)


def _label(parts: Sequence[Part], words: PaperWords, content: Mapping[str, Any], which: Print) -> list[Part]:
    said = [words.both(MARKS[which.mark])] if which.mark else []
    said += [f"COPY {which.copy}"] if which.copy else []
    said += [words.both("trial")] if is_training(content) else []
    if not said:
        return list(parts)
    mark, first = " ".join(said), parts[0] if parts else None
    if isinstance(first, Text) and first.size not in (Size.LARGE, Size.HUGE):
        return [Pair(first.text, mark, Align.RIGHT, first.size, True), *parts[1:]]
    if isinstance(first, Text) and first.size is Size.HUGE:
        parts = [replace(first, size=Size.LARGE), *parts[1:]]
    return [Text(mark, Align.CENTER, bold=True), *parts]


def _with_screening(parts: Sequence[Part], words: PaperWords) -> list[Part]:
    """A report that does not say that it is a screening result is made to say it."""
    told = words("screening")
    if any(isinstance(part, Text) and told in part.text for part in parts):
        return list(parts)
    end = len(parts) - 1 if parts and isinstance(parts[-1], Cut) else len(parts)
    return [*parts[:end], Text(told, Align.CENTER, bold=True), *parts[end:]]
