"""Every text that people read, in Chinese and English: the catalogue ``words.toml``.

Each of its sections is read once, when a text of it is wanted: the whole takes a start as long as opening the ledger,
and is larger than what a station says.
A text is found by its section and its code, which is the word that stands in the board, the ledger or the API.
Refusals and mistakes of a configuration stand beside the rule they explain, as long as nothing else says the same.
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
Section = (
    Literal["both", "paper", "document", "verdict", "page", "title", "box", "outcome", "weight", "per", "measured"]
    | Literal[
        "print", "print_why", "printer", "lot", "lot_why", "read", "will", "doubt", "clock", "clock_why", "clock_source"
    ]
    | Literal["port_name", "link", "link_do", "odd", "failed", "failed_do", "role", "operator_word", "field"]
    | Literal["encryption", "encryption_do", "deed", "hold_step", "holding"]
    | Literal["cause", "mistake", "group", "proof", "basis", "payment", "rounding", "function"]
    | Literal[
        "alert",
        "waits",
        "waits_do",
        "sampling",
        "control_kind",
        "control_state",
        "reagent_state",
        "place_word",
        "removed",
        "supervised",
        "label_doubt",
    ]
)
CATALOGUE = Path(__file__).with_name("words.toml")
ON_PAGES: tuple[Section, ...] = ("both", "page")  # found by their code alone


class Bilingual(NamedTuple):
    """One text in both languages."""

    zh: str
    en: str

    def said(self, language: str) -> str:
        """In this language: ``zh``, or else English."""
        return self.zh if language == "zh" else self.en

    def filled(self, **values: Any) -> "Bilingual":
        """With values in the places of their names."""
        return Bilingual(self.zh.format(**values), self.en.format(**values))


def _part(name: str) -> str:
    """A section's part of the catalogue, as it stands there. Raises KeyError."""
    _, found, rest = CATALOGUE.read_text("utf-8").partition(f"\n[{name}]\n")
    if not found:
        raise KeyError(name)
    return rest.partition("\n[")[0]


def section(name: Section) -> Mapping[str, Bilingual]:
    """All texts of a section, by code."""
    return _read(name)


@cache
def _read(name: str) -> Mapping[str, Bilingual]:
    return {word: Bilingual(*both) for word, both in tomllib.loads(_part(name)).items()}


def text(name: Section, word: str) -> Bilingual:
    """One text; KeyError when the catalogue has none."""
    return section(name)[word]


def said_with_step(name: Section, do: Section, word: str, language: str) -> str:
    """What is the matter and the next step, in one sentence."""
    colon = "：" if language == "zh" else ": "
    return text(name, word).said(language) + colon + text(do, word).said(language)


class Words:
    """Texts by key in one language: ``t("pending_n", n=3)``, ``t("verdict.invalid")``, ``t.known("lot", state)``."""

    def __init__(self, language: str) -> None:
        self._language = language

    def __call__(self, key: str, **values: Any) -> str:
        """A text by its key, as in ``by_key``; KeyError when there is none."""
        said = by_key()[key].said(self._language)
        return said.format(**values) if values else said

    def known(self, name: Section, word: str, **values: Any) -> str:
        """The text of a fixed word of the board, or the word itself when it is new to us."""
        found = section(name).get(word)
        return found.said(self._language).format(**values) if found else word


def proof_name(kind: str) -> Bilingual:
    """What people call a kind of voucher; of several of which one will do (``hgz|cd``) each. Never the word itself."""
    known = section("proof")
    found = [known.get(one, known["qt"]) for one in kind.split("|")]
    return Bilingual(" 或 ".join(one.zh for one in found), " or ".join(one.en for one in found))


def _names() -> list[str]:
    """Of all sections, as they stand in the catalogue."""
    return re.findall(r"^\[(\w+)\]$", CATALOGUE.read_text("utf-8"), re.MULTILINE)


@cache
def by_key() -> Mapping[str, Bilingual]:
    """All texts as pages name them: ``cancel``, and with its section what stands in the board, as in ``lot.held``."""
    return {
        word if name in ON_PAGES else f"{name}.{word}": text for name in _names() for word, text in _read(name).items()
    }


_NOT_FOR_SCRIPTS = (
    "paper.",
    "link.",
    "link_do.",
    "odd.",
    "failed.",
    "failed_do.",
    "clock_why.",
    "clock_source.",
    "port_name.",
    "field.",
    "deed.",
    "hold_step.",
    "holding.",
    "encryption",
    "cause.",
    "mistake.",
    "group.",
    "proof.",
    "basis.",
    "waits",
    "sampling.",
    "control_state.",
    "place_word.",
    "alert.",
)


@cache
def for_scripts(language: str) -> Mapping[str, str]:
    """The texts that scripts use, by key."""
    return {key: text.said(language) for key, text in by_key().items() if not key.startswith(_NOT_FOR_SCRIPTS)}
