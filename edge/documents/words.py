"""The words on paper, in Chinese, English or both."""

from collections.abc import Mapping
from typing import Literal

from edge.between.words import Bilingual, Section, section, text

Language = Literal["zh", "en", "both"]

SECTIONS: tuple[Section, ...] = ("both", "paper", "document")
_ALSO: dict[str, tuple[Section, str]] = {
    "clock_unsynced": ("clock", "unsynced"),
    "clock_unknown": ("clock", "unknown"),
    "clock_estimated": ("clock", "estimated"),
    "temperature": ("measured", "temperature"),
    "rounded": ("rounding", "none"),
    "rack": ("field", "rack"),
    "control_good": ("control_state", "valid"),
    "control_failed": ("control_state", "failed"),
    "spec": ("field", "spec"),
    "photos": ("field", "photos"),
    "outcome_negative": ("field", "is_negative"),
    "outcome_positive": ("read", "unqualified"),
    "outcome_invalid": ("field", "is_invalid"),
}


def words_on_paper() -> dict[str, Bilingual]:
    """Every word that templates know, by name; a market may say its own."""
    words = {word: said for name in SECTIONS for word, said in section(name).items()}
    words |= {f"proof_{kind}": said for kind, said in section("proof").items()}
    words |= {f"control_{kind}": said for kind, said in section("control_kind").items()}
    return words | {word: text(*where) for word, where in _ALSO.items()}


class PaperWords:
    """The words of one language; with ``both``, Chinese comes first."""

    def __init__(self, language: Language, words: Mapping[str, Bilingual] | None = None) -> None:
        self.language = language
        self._words = words_on_paper() if words is None else words
        self._all: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        return self.choose(*self._words[name])

    def all(self) -> Mapping[str, str]:
        """Every word, by name; not to be changed."""
        if not self._all:
            self._all = {name: self.choose(*pair) for name, pair in self._words.items()}
        return self._all

    def verdict(self, word: str) -> str:
        return self.choose(*text("verdict", word))

    def both(self, name: str) -> str:
        """The word in both languages, whatever the station's is."""
        return " ".join(self._words[name])

    def each(self, name: str) -> list[str]:
        """The word in each language shown, for a line of its own each."""
        return self._each(*self._words[name])

    def verdict_clauses(self, word: str) -> list[str]:
        """A verdict's clauses, for a line of its own each."""
        return [part for said in self._each(*text("verdict", word)) for part in said.replace("，", ", ").split(", ")]

    def choose(self, zh: str, en: str) -> str:
        match self.language:
            case "zh":
                return zh
            case "en":
                return en or zh
            case "both":
                return f"{zh} {en}" if en and en != zh else zh

    def _each(self, zh: str, en: str) -> list[str]:
        return [said for said, kept in ((zh, self.language != "en"), (en, self.language != "zh")) if kept]
