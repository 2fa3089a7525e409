r"""What instruments upload by HTTP, as a stream: each request in an envelope of ``protocol.files``, which holds

    {"path":"/detection.jsp","said":{"jcxm":"农药残留","jcz":"12.50"}}

``said`` is what came in the address, the form or the JSON of the request, merged.  Every value is the text that was
sent (``12.50`` keeps its zero, ``null`` is empty); a text that holds JSON is taken apart too.

The reader answers a line a request, ``digest 20 status 20 text 0A``: once its results are committed, or at once when
there is nothing to commit.  ``status`` and ``text`` are what the instrument gets.  Neither ever leaves the station.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from protocol.files import digest, wrap
from protocol.frozen import frozen

DEEPEST = 8  # levels of lists and objects
ANSWER = re.compile(rb"([0-9a-f]{16}) ([0-9]{3}) ([^\n]*)\n")

Said = str | list["Said"] | dict[str, "Said"]


@frozen
class Request:
    """One upload."""

    path: str
    said: Said


@frozen
class Answer:
    """What the request with this digest gets."""

    digest: str
    status: int
    text: str

    def as_bytes(self) -> bytes:
        return f"{self.digest} {self.status} {' '.join(self.text.split())}\n".encode()


def answers(data: bytes) -> list[Answer]:
    return [
        Answer(name.decode(), int(status), text.decode("utf-8", "replace"))
        for name, status, text in ANSWER.findall(data)
    ]


def wrapped(request: Request) -> bytes:
    """The request in its envelope."""
    return wrap(written(request))


def written(request: Request) -> bytes:
    whole = {"path": request.path, "said": request.said}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def name_of(request: Request) -> str:
    """By which its answer is told."""
    return digest(written(request))


def read(content: bytes) -> Request:
    """The request in an envelope's content. Raises ValueError."""
    whole = loaded(content.decode("utf-8", "replace"), DEEPEST + 1)
    if not isinstance(whole, dict) or not isinstance(path := whole.get("path"), str) or "said" not in whole:
        raise ValueError('not an upload: {"path":…,"said":…}')
    return Request(path, whole["said"])


def loaded(text: str, deepest: int = DEEPEST) -> Said:
    """JSON with every value as the text that was sent. Raises ValueError, also for what is nested too deeply."""
    try:
        tree = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
        return _texts(tree, deepest)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def apart(said: Mapping[str, str]) -> Said:
    """The fields of a form; those that hold JSON are taken apart."""
    return _texts(dict(said), DEEPEST)


def _texts(value: Any, levels: int) -> Said:
    if not levels:
        raise ValueError("nested too deeply")
    match value:
        case dict():
            return {name: _texts(each, levels - 1) for name, each in value.items()}
        case list():
            return [_texts(each, levels - 1) for each in value]
        case None:
            return ""
        case bool():
            return str(value).lower()
    text = str(value)
    if text.lstrip()[:1] in ("{", "[") and levels > 1:
        try:
            return _texts(json.loads(text, parse_int=str, parse_float=str, parse_constant=str), levels - 1)
        except (ValueError, RecursionError):
            pass
    return text
