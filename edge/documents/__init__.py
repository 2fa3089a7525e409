"""What is on paper: each paper is a template in ``papers/``, filled in from the recorded event and nothing else.

So a copy says what was recorded, and a market can change words and layouts without touching a program.
"""

import functools
import json
import logging
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from drivers.printers import profile
from edge.documents import fields, testpage
from edge.documents.fields import Place
from edge.documents.templates import SUFFIX, BadTemplate, Templates
from edge.documents.words import WORDS, Language, Words
from protocol.city.envelope import kind_of
from protocol.city.events import EVENT_TYPES, TradeCompleted
from protocol.printers import bitmap
from protocol.printers.document import Document, Part
from protocol.printers.layout import layout
from protocol.printers.profile import DOTS_PER_MM, Profile

log = logging.getLogger("papers")
SHIPPED = Path(str(files("edge.documents") / "papers"))
EXAMPLES = Path(str(files("edge.documents") / "examples"))
WORDS_FILE = "words.toml"
USUAL = ("generic-58", "generic-80", "label-40x30")
LANGUAGES: tuple[Language, ...] = ("zh", "en", "both")


@dataclass(frozen=True, slots=True)
class Paper:
    """A kind of paper: its name, what people call it, and the kinds of record it can be made of."""

    name: str
    zh: str
    en: str
    kinds: tuple[str, ...] = ()


PAPERS = {
    paper.name: paper
    for paper in (
        Paper("slip", "交易小票", "sale slip", ("trade.completed",)),
        Paper("ticket", "一票通", "two-copy slip", ("trade.completed",)),
        Paper("report", "快检报告", "rapid-test report", ("test.result",)),
        Paper("card", "来源卡", "source card", ("test.result", "entry.registered")),
        Paper("label", "样品标签", "sample label", ("entry.registered",)),
        Paper("acceptance", "验收单", "acceptance slip", ("accept.completed",)),
        Paper("hold", "暂停销售/处置记录", "hold and disposal record", ("lot.held", "lot.disposed")),
        Paper("day", "日汇总", "day summary"),
        Paper("test", "打印测试页", "printer test page"),
    )
}
_TITLES = {"ticket": "slip", "hold": "held", "test": "test_page"}  # words of other names
PARTS_OF_PAPERS = ("head", "trade")  # included by others


class NoPaper(ValueError):
    """This kind of record has no such paper; the message lists those that are."""


def papers_of(kind: str, data: Mapping[str, Any]) -> tuple[str, ...]:
    """The papers this record has; a source card only when it gives a source code, or is sold by one."""
    names = [paper.name for paper in PAPERS.values() if kind in paper.kinds]
    if "card" in names and not (data.get("source") or data.get("source_check") == "accepted"):
        names.remove("card")
    return tuple(names)


class Papers:
    """All papers, with a market's own templates in ``folder`` before the shipped ones.

    Raises BadTemplate with a line per mistake: each template of the folder is tried with every example, on paper of
    these printers.
    """

    def __init__(self, folder: Path | None = None, printers: Iterable[str | Profile] = USUAL) -> None:
        self._folder = folder
        self._words: dict[str, tuple[str, str]] = dict(WORDS)
        self._shipped = Templates(_shipped, fields.functions(), fields.filters())
        self._own = self._shipped
        if folder is not None:
            self._words |= _own_words(folder)
            self._own = Templates(self._find, fields.functions(), fields.filters())
            self._check(folder, [one if isinstance(one, Profile) else profile(one) for one in printers])

    def document(self, paper: str, content: Mapping[str, Any], place: Place, *, copy: int = 0) -> Document:
        """A paper of an event (or of the content of a summary or test page).

        Raises NoPaper, and pydantic's ValidationError for a broken event.  A market's template that fails on it gives
        way to the shipped one: a paper is never missing.
        """
        full = checked(paper, content)
        words = Words(place.language, self._words)
        values = fields.values(words, place, full, copy)
        title = words(_TITLES.get(paper, paper))
        try:
            return self._own.document(paper, title, values)
        except BadTemplate as error:
            if self._folder is None:
                raise
            log.error("%s; the shipped template is used instead", error)
            return self._shipped.document(paper, title, values)

    def _find(self, name: str) -> Path | None:
        assert self._folder is not None
        own = self._folder / f"{name}{SUFFIX}"
        return own if own.is_file() else _shipped(name)

    def _check(self, folder: Path, printers: Sequence[Profile]) -> None:
        if not folder.is_dir():
            raise BadTemplate(f"{folder}: no such folder; `marketedge papers copy {folder}` makes it")
        known = {f"{name}{SUFFIX}" for name in (*PAPERS, *PARTS_OF_PAPERS)}
        mistakes = [
            f"{path}:1: there is no paper of this name; there are: {', '.join(sorted(known))}"
            for path in sorted(folder.glob(f"*{SUFFIX}"))
            if path.name not in known
        ]
        for name in PAPERS:
            for content, fitting in _tries(name, printers):
                for language in LANGUAGES:
                    place = Place("市场", "sy.example.cn", language)
                    values = fields.values(Words(language, self._words), place, checked(name, content), 1)
                    try:
                        parts = self._own.parts(name, values)
                    except BadTemplate as error:
                        mistakes.append(str(error))
                        continue
                    mistakes += [text for one in fitting if (text := _overflow(parts, one))]
        if mistakes:
            raise BadTemplate("\n".join(dict.fromkeys(mistakes)))


def prints(printer: Profile, paper: str) -> bool:
    """Whether such papers go to such a printer, when nobody says otherwise: labels to label printers, the rest not."""
    return paper == "test" or (paper == "label") == (printer.label is not None)


def _tries(paper: str, printers: Sequence[Profile]) -> list[tuple[Mapping[str, Any], Sequence[Profile]]]:
    """Contents to try a paper with, and the printers that each has to fit; a test page is about its own printer."""
    fitting = [one for one in printers if prints(one, paper)]
    if paper == "test":
        return [(testpage.content("printer-1", "usb:0416:5011", one), [one]) for one in fitting]
    return [(content, fitting) for content in examples(paper)]


def _overflow(parts: Sequence[tuple[str, Part]], printer: Profile) -> str:
    """Where a paper leaves its label, or has a code that is too wide; empty when it fits."""
    high = 0
    for place, part in parts:
        page = layout(Document("", "", (part,)), printer.columns)
        try:
            high += bitmap.height(page, printer)
        except ValueError as error:
            return f"{place}: {error} (printer {printer.id})"
        if printer.label is not None and high > printer.label[1] * DOTS_PER_MM:
            over = high - printer.label[1] * DOTS_PER_MM
            return f"{place}: from here on it leaves the label: {over} dots more than {printer.id} has"
    return ""


def checked(paper: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """The content with every field its record has. Raises NoPaper, pydantic's ValidationError."""
    if paper not in PAPERS:
        raise NoPaper(f"no paper {paper!r}; there are: {', '.join(PAPERS)}")
    if not PAPERS[paper].kinds:
        return dict(content)
    kind = record_kind(str(content["type"]))
    if paper not in papers_of(kind, content["data"]):
        having = ", ".join(papers_of(kind, content["data"])) or "none"
        raise NoPaper(f"nothing like {paper!r} is printed for {kind!r} here; papers for it: {having}")
    # Through JSON, because a tuple there is a list.
    record = EVENT_TYPES[kind].model_validate_json(json.dumps(content["data"]))
    if isinstance(record, TradeCompleted) and len(record.sold) != len(record.slip.lines):
        raise ValueError(f"sold: {len(record.sold)} entries for {len(record.slip.lines)} lines of the slip")
    return {**content, "data": record.model_dump(mode="json")}


def record_kind(name: str) -> str:
    """The kind in an event's type, or of a kind itself; raises ValueError for what is not of this contract."""
    return name if name in EVENT_TYPES else kind_of(name)


def examples(paper: str) -> list[dict[str, Any]]:
    """Contents to try a paper with, the plainest first."""
    found = sorted(EXAMPLES.glob(f"{PAPERS[paper].name}*.json"), key=lambda path: path.stem)
    return [json.loads(path.read_text("utf-8")) for path in found]


@functools.cache
def _shipped(name: str) -> Path | None:
    path = SHIPPED / f"{name}{SUFFIX}"
    return path if path.is_file() else None


def _own_words(folder: Path) -> dict[str, tuple[str, str]]:
    """The market's words; raises BadTemplate."""
    path = folder / WORDS_FILE
    if not path.is_file():
        return {}
    lines = path.read_text("utf-8").splitlines()
    try:
        tree = tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError as error:
        raise BadTemplate(f"{path}: {error}") from None
    words, mistakes = {}, []
    for name, pair in tree.items():
        line = next((number for number, text in enumerate(lines, 1) if text.strip().startswith(name)), 1)
        if name not in WORDS:
            mistakes.append(f"{path}:{line}: there is no word {name!r}")
        elif not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(one, str) for one in pair)):
            mistakes.append(f'{path}:{line}: write {name} = ["中文", "English"]')
        else:
            words[name] = (pair[0], pair[1])
    if mistakes:
        raise BadTemplate("\n".join(mistakes))
    return words


__all__ = [
    "PAPERS",
    "BadTemplate",
    "NoPaper",
    "Paper",
    "Papers",
    "Place",
    "examples",
    "papers_of",
    "prints",
    "record_kind",
]
