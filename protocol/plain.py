"""Text of others, made harmless before it is stored, logged or shown. One rule for all: station.toml, HTTP, records."""

import re

# Controls and NUL, line and paragraph separators, lone surrogates, and the marks that turn the direction of writing or
# are not seen at all: what forges a second line in a log, colours a terminal, or is refused by a database.
_NEVER = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e007f"
)
UNSEEN = re.compile(f"[{_NEVER}]")  # in a text of several lines
_RUNS = re.compile(f"[{_NEVER}]+")
_HARMFUL = re.compile(f"[{_NEVER}\t\n]+")  # in one line
_LINE_ENDS = re.compile("\r\n?|[\u2028\u2029]")


def line(text: str) -> str:
    """One line; each run of harmful characters becomes a blank."""
    return (text if text.isprintable() else _HARMFUL.sub(" ", text)).strip()  # nothing that prints is harmful


def plain(text: str, length: int) -> str:
    """One line of at most ``length`` characters."""
    return line(text[: 4 * length])[:length].rstrip()


def page(text: str, length: int) -> str:
    """Lines of at most ``length`` characters together, with their line feeds and tabs, else cleaned like ``plain``."""
    return _RUNS.sub(" ", _LINE_ENDS.sub("\n", text[: 4 * length])).strip("\n")[:length].rstrip()
