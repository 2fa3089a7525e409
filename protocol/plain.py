"""Text of others, made harmless before it is stored, logged or shown."""

import re

# Controls and NUL, line and paragraph separators, lone surrogates, and the marks that turn the direction of writing or
# are not seen at all: what forges a second line in a log, colours a terminal, or is refused by a database.
_HARMFUL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]+"
)


def plain(text: str, length: int) -> str:
    """One line of at most ``length`` characters; each run of harmful characters becomes a blank."""
    return _HARMFUL.sub(" ", text[: 4 * length]).strip()[:length].rstrip()
