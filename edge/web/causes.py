"""Why a device is away, in words of people: drivers and the system say it in English, for the log."""

import re

from edge.between.words import text

CAUSES = tuple(
    (re.compile(pattern, re.IGNORECASE), word)
    for pattern, word in (
        (r"no permission|permission denied|access denied|errno 13\b|operation not permitted", "rights"),
        (r"another program|resource busy|in use|exclusive|errno 16\b|errno 11\b|is the port taken", "taken"),
        (r"another device|another adapter|different folder|went to another", "other_device"),
        (r"no space left|errno 28\b|read-only file system", "full"),
        (r"only unreadable bytes", "noise"),
        (r"every request is refused", "no_value"),
        (r"no frame for|does not answer|no answer", "no_data"),
        (r"connection refused|errno 111\b", "refused"),
        (r"timed out|timeout|errno 110\b", "late"),
        (r"no route|unreachable|errno 113\b|errno 101\b|name or service|resolution|errno -[23]\b", "no_way"),
        (r"cannot be set to|invalid argument|: write |name one", "setting"),
        (r"no such|errno 2\b|errno 19\b|not found|errno 6\b", "nothing_there"),
        (
            r"unplugged|disconnected|gone|closed|readiness to read|input/output|errno 5\b|reset by peer|broken pipe",
            "cut",
        ),
    )
)


def cause(why: str, language: str) -> str:
    """What a reason means; the text itself stays in the log."""
    if not why:
        return ""
    word = next((word for pattern, word in CAUSES if pattern.search(why)), "other")
    return text("cause", word).said(language)
