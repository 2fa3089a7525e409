"""Text of others, made harmless before it is stored, logged or shown."""

import re

# Controls and NUL, line and paragraph separators, lone surrogates, and the marks that turn the direction of writing or
# are not seen at all: what forges a second line in a log, colours a terminal, or is refused by a database.
_UNSEEN = (
    "\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f"
)
_HARMFUL = re.compile(f"[\x00-\x1f{_UNSEEN}]+")
_ON_A_PAGE = re.compile(f"[\x00-\x08\x0b-\x1f{_UNSEEN}]+")
_LINE_ENDS = re.compile("\r\n?|[\u2028\u2029]")


def plain(text: str, length: int) -> str:
    """One line of at most ``length`` characters; each run of harmful characters becomes a blank."""
    return _HARMFUL.sub(" ", text[: 4 * length]).strip()[:length].rstrip()


def page(text: str, length: int) -> str:
    """Lines of at most ``length`` characters together, with their line feeds and tabs, else cleaned like ``plain``."""
    return _ON_A_PAGE.sub(" ", _LINE_ENDS.sub("\n", text[: 4 * length])).strip("\n")[:length].rstrip()
