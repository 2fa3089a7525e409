"""Every text that people read, in Chinese and English: the catalogue ``words.toml``, read once, when a text is wanted.

A text is found by its section and its code, which is the word that stands in the board, the ledger or the API.
Refusals and mistakes of a configuration stand beside the rule they explain, as long as nothing else says the same.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
Section = (
    Literal["both", "paper", "document", "verdict", "page", "title", "box", "outcome", "weight", "per", "measured"]
    | Literal["print", "print_why", "printer", "lot", "read", "will", "doubt", "clock", "clock_why"]
    | Literal["port_name", "link", "link_do", "odd", "failed", "failed_do"]
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


@cache
def _catalogue() -> Mapping[str, Mapping[str, Bilingual]]:
    tree = tomllib.loads(CATALOGUE.read_text("utf-8"))
    return {name: {word: Bilingual(*both) for word, both in words.items()} for name, words in tree.items()}


def section(name: Section) -> Mapping[str, Bilingual]:
    """All texts of a section, by code."""
    return _catalogue()[name]


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


@cache
def by_key() -> Mapping[str, Bilingual]:
    """All texts as pages name them: ``cancel``, and with its section what stands in the board, as in ``lot.held``."""
    return {
        word if name in ON_PAGES else f"{name}.{word}": text
        for name, words in _catalogue().items()
        for word, text in words.items()
    }


_NOT_FOR_SCRIPTS = ("paper.", "link.", "link_do.", "odd.", "failed.", "failed_do.", "clock_why.", "port_name.")


@cache
def for_scripts(language: str) -> Mapping[str, str]:
    """The texts that scripts use, by key."""
    return {key: text.said(language) for key, text in by_key().items() if not key.startswith(_NOT_FOR_SCRIPTS)}
