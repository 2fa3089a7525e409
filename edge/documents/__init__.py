"""What is on paper: each paper is a template in ``papers/``, filled in from the recorded event and nothing else.

So a copy says what was recorded, and a market can change words and layouts without touching a program.
"""

import functools
import json
import logging
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from drivers.printers import USUAL, profile
from edge.between.print_states import DOCUMENT_NAMES
from edge.between.words import Bilingual, section
from edge.documents import fields, testpage
from edge.documents.fields import Place
from edge.documents.market_files import SUFFIX, BadTemplate, read
from edge.documents.marks import EITHER, LABELS, Print, marked
from edge.documents.words import Language, PaperWords, words_on_paper
from protocol.city.envelope import kind_of
from protocol.city.events import EVENTS, EntryCorrected, TradeCompleted
from protocol.city.source import stall_url
from protocol.city.written import moment, yuan
from protocol.frozen import changed, frozen
from protocol.printers import bitmap
from protocol.printers.document import QR, Cut, Document, Part
from protocol.printers.layout import layout
from protocol.printers.plain import plain
from protocol.printers.profile import DOTS_PER_MM, Profile

if TYPE_CHECKING:
    from edge.documents.templates import Templates

log = logging.getLogger("papers")
SHIPPED = Path(str(files("edge.documents") / "papers"))
EXAMPLES = Path(str(files("edge.documents") / "examples"))
TEST_PAGE = "test"  # has no copies: every one is about the printer as it is now
WORDS_FILE = "words.toml"
LANGUAGES: tuple[Language, ...] = ("zh", "en", "both")


@frozen
class DocumentKind:
    """A kind of paper: its name, and the kinds of record it can be made of."""

    name: str
    kinds: tuple[str, ...] = ()

    @property
    def zh(self) -> str:
        """What people call it."""
        return section("document")[self.name].zh

    @property
    def en(self) -> str:
        """The same within an English sentence."""
        return section("document")[self.name].en.lower()


_OF = re.compile(r"^% set of = (\[[^\]]*\])$", re.MULTILINE)


def _of(name: str) -> tuple[str, ...]:
    """The kinds of record that a shipped template says it is made of."""
    said = _OF.search((SHIPPED / f"{name}{SUFFIX}").read_text("utf-8"))
    return tuple(json.loads(said[1])) if said else ()


DOCUMENTS = {name: DocumentKind(name, _of(name)) for name in DOCUMENT_NAMES}
SHARED_TEMPLATES = ("head", "trade")  # included by others


class NoDocument(ValueError):
    """This kind of record has no such paper; the message lists those that are."""


def documents_of(kind: str, data: Mapping[str, Any]) -> tuple[str, ...]:
    """The papers this record has; a source card only when it gives a source code, or is sold by one.

    A correction has one only of goods that are sold by the code they came with: a lot with a code of its own is
    released anew, with a new card.
    """
    names = [*_papers_of(kind)]
    if "card" in names and not _has_card(kind, data):
        names.remove("card")
    if kind == "test.result":
        names.remove("report" if data.get("purpose") == "public" else "public_result")
    return tuple(names)


@functools.cache
def _papers_of(kind: str) -> tuple[str, ...]:
    """Those that such a record may have."""
    return tuple(paper.name for paper in DOCUMENTS.values() if kind in paper.kinds)


def _has_card(kind: str, data: Mapping[str, Any]) -> bool:
    if kind == "entry.corrected":
        return data.get("source") is not None and data["source"] == data["now"].get("upstream")
    return bool(data.get("source") or data.get("source_check") == "accepted")


class Documents:
    """All papers, with a market's own templates in ``folder`` before the shipped ones.

    Raises BadTemplate with a line per mistake: each template of the folder is tried with every example, on paper of
    these printers.  ``warnings`` are what is no mistake and may not be meant.  ``failed`` says why a market's template
    was not used for the last paper of its name.
    """

    def __init__(self, folder: Path | None = None, printers: Iterable[str | Profile] = USUAL) -> None:
        self.warnings: list[str] = []
        self.failed: dict[str, str] = {}
        self._folder = folder
        self._languages: dict[tuple[Language, bool], PaperWords] = {}
        if folder is not None:
            self._check(folder, [one if isinstance(one, Profile) else profile(one) for one in printers])

    @functools.cached_property
    def _words(self) -> dict[str, Bilingual]:
        """Those on paper, the market's before ours."""
        return words_on_paper() | (_own_words(self._folder) if self._folder else {})

    @functools.cached_property
    def _shipped(self) -> "Templates":
        """Ours; loaded with the first paper, which a printer's thread makes for itself (``Typesetter.warm``)."""
        return _templates(_shipped)

    @functools.cached_property
    def _own(self) -> "Templates":
        """The market's, and ours where it has none."""
        return _templates(self._find)

    def document(
        self,
        paper: str,
        content: Mapping[str, Any],
        place: Place,
        *,
        copy: int = 0,
        late: bool = False,
        mark: str = "",
        fits: Callable[[Document], object] = lambda document: None,
    ) -> Document:
        """A paper of an event (or of the content of a summary or test page).

        Raises NoDocument, and pydantic's ValidationError for a broken event.  A market's template that fails on it, or
        whose paper ``fits`` refuses with a ValueError, gives way to the shipped one: a paper is never missing.
        """
        full, which = checked(paper, content), Print(copy, late, mark=mark)
        if self._folder is not None:
            try:
                made = self._made(self._own, paper, full, place, which)
                fits(made)
            except ValueError as error:
                self.failed[paper] = str(error)
                log.error("%s; the shipped template is used instead", error)
            else:
                self.failed.pop(paper, None)
                return made
            which = changed(which, standard=True)
        return self._made(self._shipped, paper, full, place, which)

    def _made(
        self, templates: "Templates", paper: str, content: Mapping[str, Any], place: Place, which: Print
    ) -> Document:
        words = self._spoken(place.language, standard=which.standard)
        parts = templates.parts(paper, fields.values(words, place, content))
        title = words(paper).upper()
        on_label = place.label is not None
        return Document(paper, title, tuple(marked(paper, parts, words, content, which, on_label=on_label)))

    def _spoken(self, language: Language, *, standard: bool) -> PaperWords:
        """The words of a language, as they are shipped or as the market says them."""
        if (language, standard) not in self._languages:
            self._languages[language, standard] = PaperWords(language, None if standard else self._words)
        return self._languages[language, standard]

    def _find(self, name: str) -> Path | None:
        assert self._folder is not None
        own = self._folder / f"{name}{SUFFIX}"
        return own if own.is_file() else _shipped(name)

    def _check(self, folder: Path, printers: Sequence[Profile]) -> None:
        if not folder.is_dir():
            raise BadTemplate(f"{folder}: no such folder; `marketedge papers copy {folder}` makes it")
        known = {f"{name}{SUFFIX}" for name in (*DOCUMENTS, *SHARED_TEMPLATES)}
        mistakes = [
            f"{path}:1: there is no paper of this name; there are: {', '.join(sorted(known))}"
            for path in sorted(folder.glob(f"*{SUFFIX}"))
            if path.name not in known
        ]
        self.warnings += [
            f"{path}: this file is not used; papers are named {', '.join(sorted(known))}"
            for path in sorted(folder.iterdir())
            if path.suffix != SUFFIX and path.name not in (WORDS_FILE, "README.md")
        ]
        for name in DOCUMENTS:
            mistakes += self._mistakes(name, printers)
        if mistakes:
            raise BadTemplate("\n".join(dict.fromkeys(mistakes)))
        self.warnings = list(dict.fromkeys(self.warnings))

    def _mistakes(self, name: str, printers: Sequence[Profile]) -> list[str]:
        """What is wrong with one paper, over all examples, languages and printers."""
        mistakes = []
        for content, fitting in _tries(name, printers):
            label = fitting[0].label if name != TEST_PAGE and fitting else None
            for language in LANGUAGES:
                words, full = PaperWords(language, self._words), checked(name, content)
                place = Place("市场", "sy.example.cn", language, label)
                try:
                    parts = self._own.placed(name, fields.values(words, place, full))
                except BadTemplate as error:
                    mistakes.append(str(error))
                    if error.endless:
                        return mistakes
                    continue
                mistakes += [text for one in fitting if (text := _overflow(parts, one))]
                which, bare = Print(copy=int(name != TEST_PAGE)), [part for _, part in parts]
                printed = marked(name, bare, words, full, which, on_label=label is not None)
                over = [
                    text for one in fitting if (text := _overflow([(self._file(name), part) for part in printed], one))
                ]
                mistakes += [] if mistakes else over
                self.warnings += _lacks(self._file(name), name, full, [part for _, part in parts])
        return mistakes

    def _file(self, name: str) -> str:
        return str(self._find(name) or name)


def _templates(find: Callable[[str], Path | None]) -> "Templates":
    from edge.between.compiled import Compiled
    from edge.documents import generator, sandbox, templates  # and with them Jinja

    compiled = Compiled(SHIPPED, (fields.__file__, generator.__file__, sandbox.__file__, templates.__file__))
    return templates.Templates(find, fields.functions(), fields.filters(), compiled)


def _lacks(file: str, name: str, content: Mapping[str, Any], parts: Sequence[Part]) -> list[str]:
    """What a sale's paper does not say although a voucher has to, and what no paper may lack."""
    shown = plain(layout(Document("", "", tuple(parts)), 400)) if parts else ""
    lacking = [] if any(isinstance(part, Cut) for part in parts) else ["the end of the paper (`cut`)"]
    if name in ("slip", "ticket"):
        data = content["data"]
        line, sold = data["slip"]["lines"][0], data["sold"][0]
        due = {
            "the seller's name": data["seller"]["name"],
            "the seller's code": data["seller"]["code"],
            "the goods": sold["goods"]["name"],
            "the amount": yuan(data["slip"]["amount_fen"]),
            "the mass": fields.kg(line["net_g"], sold["weighed"]["value"], sold["weighed"]["unit"]),
            "the origin": sold["origin"],
            "the date": moment(data["slip"]["time"])[:10],
            "the sale's code": data["slip"]["tx"],
        }
        said = shown.replace(" ", "") + "".join(part.payload for part in parts if isinstance(part, QR))
        english = sold["goods"]["name_en"].replace(" ", "") in said
        lacking += [
            what
            for what, text in due.items()
            if text.replace(" ", "") not in said and not (what == "the goods" and english)
        ]
    return [f"{file}: this paper does not say {what}" for what in lacking]


def prints(printer: Profile, paper: str) -> bool:
    """Whether such papers go to such a printer, when nobody says otherwise: labels to label printers, the rest not."""
    return paper in (TEST_PAGE, *EITHER) or (paper in LABELS) == (printer.label is not None)


def _tries(paper: str, printers: Sequence[Profile]) -> list[tuple[Mapping[str, Any], Sequence[Profile]]]:
    """Contents to try a paper with, and the printers that each has to fit; a test page is about its own printer."""
    fitting = [one for one in printers if prints(one, paper)]
    if paper == TEST_PAGE:
        return [(testpage.content("printer-1", "usb:0416:5011", one), [one]) for one in fitting]
    rolls = [one for one in fitting if one.label is None]
    groups = [[one] for one in fitting if one.label is not None] + ([rolls] if rolls or paper not in LABELS else [])
    return [(content, group) for group in groups for content in examples(paper)]


def _overflow(parts: Sequence[tuple[str, Part]], printer: Profile) -> str:
    """Where a paper leaves its label, or has a code that is too wide; empty when it fits."""
    if printer.label is not None and _fits(parts, printer):
        return ""
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


def _fits(parts: Sequence[tuple[str, Part]], printer: Profile) -> bool:
    """Whether all of it is on one label."""
    assert printer.label is not None
    page = layout(Document("", "", tuple(part for _, part in parts)), printer.columns)
    try:
        return bitmap.height(page, printer) <= printer.label[1] * DOTS_PER_MM
    except ValueError:
        return False


def checked(paper: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """The content with every field its record has. Raises NoDocument, pydantic's ValidationError."""
    if paper not in DOCUMENTS:
        raise NoDocument(f"no paper {paper!r}; there are: {', '.join(DOCUMENTS)}")
    if not DOCUMENTS[paper].kinds:
        return dict(content)
    kind = record_kind(str(content["type"]))
    if paper not in documents_of(kind, content["data"]):
        having = ", ".join(documents_of(kind, content["data"])) or "none"
        raise NoDocument(f"{kind!r} has no paper {paper!r}; available: {having}")
    record = EVENTS[kind].record.model_validate(content["data"])
    if isinstance(record, TradeCompleted) and len(record.sold) != len(record.slip.lines):
        raise ValueError(f"sold: {len(record.sold)} entries for {len(record.slip.lines)} lines of the slip")
    if isinstance(record, EntryCorrected):  # its papers are those of the entry as it should have been
        return {**content, "data": _whole(record.now) | {"source": record.source}}
    return {**content, "data": _whole(record)}


_PLAIN = frozenset((str, int, bool, type(None)))  # most of a record: not asked one by one


def _whole(value: Any) -> Any:
    """A record's value as JSON has it, also of fields that say nothing and stand in no record."""
    if isinstance(value, BaseModel):
        return {name: one if type(one) in _PLAIN else _whole(one) for name, one in vars(value).items()}
    return [_whole(one) for one in value] if isinstance(value, tuple | list) else value


def record_kind(name: str) -> str:
    """The kind in an event's type, or of a kind itself; raises ValueError for what is not of this contract."""
    return name if name in EVENTS else kind_of(name)


def examples(paper: str) -> list[dict[str, Any]]:
    """Contents to try a paper with, the plainest first."""
    return [_example(name) for name, of in example_names().items() if of == paper]


def example(name: str) -> dict[str, Any]:
    """The content of one example, by its name."""
    if name not in example_names():
        raise NoDocument(f"no example {name!r}; there are: {', '.join(example_names())}")
    return _example(name)


@functools.cache
def example_names() -> dict[str, str]:
    """Every example's name, with its paper; those of a paper from the plainest on."""
    found = sorted(path.stem for path in EXAMPLES.glob("*.json"))
    return {name: name.partition("-")[0] for name in found}


def _example(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_text("utf-8"))
    return content


def stall_card(seller: Mapping[str, str], host: str) -> dict[str, Any]:
    """The content of a stall's own card, from the seller's settings."""
    return {"data": {**seller, "url": stall_url(seller["code"], host)}}


@functools.cache
def _shipped(name: str) -> Path | None:
    path = SHIPPED / f"{name}{SUFFIX}"
    return path if path.is_file() else None


def _own_words(folder: Path) -> dict[str, Bilingual]:
    """The market's words; raises BadTemplate."""
    path = folder / WORDS_FILE
    if not path.is_file():
        return {}
    lines = read(path).split("\n")
    try:
        tree = tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError as error:
        raise BadTemplate(f"{path}: {error}") from None
    words, mistakes, known = {}, [], words_on_paper()
    for name, pair in tree.items():
        line = next((number for number, text in enumerate(lines, 1) if text.strip().startswith(name)), 1)
        if name not in known:
            mistakes.append(f"{path}:{line}: there is no word {name!r}")
        elif not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(one, str) for one in pair)):
            mistakes.append(f'{path}:{line}: write {name} = ["中文", "English"]')
        else:
            words[name] = Bilingual(*pair)
    if mistakes:
        raise BadTemplate("\n".join(mistakes))
    return words


__all__ = [
    "DOCUMENTS",
    "BadTemplate",
    "DocumentKind",
    "Documents",
    "NoDocument",
    "Place",
    "documents_of",
    "example",
    "example_names",
    "examples",
    "prints",
    "record_kind",
    "stall_card",
]
