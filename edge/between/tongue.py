"""In which language the command line speaks: the station's, as station.toml says; Chinese until it is known."""

from contextvars import ContextVar

_LANGUAGE: ContextVar[str] = ContextVar("the station's language", default="zh")


def speak(language: str) -> None:
    """From now on this thread's words are in this language: ``zh`` or ``en``."""
    _LANGUAGE.set(language)


def said(zh: str, en: str) -> str:
    """The one that the station's people read."""
    return en if _LANGUAGE.get() == "en" else zh


def then(what: str, zh: str, en: str) -> str:
    """What is the matter, and behind it the next step."""
    what = what.rstrip("。.")
    return f"{what}. {en}" if _LANGUAGE.get() == "en" else f"{what}。{zh}"
