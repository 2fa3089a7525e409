"""The commands that came with a box's enrolment: handed to the core at each start as if they came now, until all were
answered.  The city sends them by MQTT as well, and each is done once.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from edge.between.inbox import CityMessage
from edge.records.obeyed import Obeyed
from protocol.city.topics import Topics

FILE = "city.commands"  # beside station.toml; a signed command a line


def waiting(folder: Path, topics: Topics, obeyed: Obeyed) -> Iterator[CityMessage]:
    """Those that were not answered yet. When there are none, the file goes."""
    file, left = folder / FILE, False
    try:
        lines = file.read_bytes().splitlines()
    except OSError:
        return
    for payload in lines:
        name, id_ = _name_and_id(payload)
        if id_ and obeyed.find(id_) is None:
            left = True
            yield CityMessage(f"{topics.base}/cmd/{name}", payload)
    if not left:
        with suppress(OSError):
            file.unlink()


def _name_and_id(payload: bytes) -> tuple[str, str]:
    """Both empty when it is no command."""
    try:
        body: Any = json.loads(payload)
        return str(body["name"]), str(body["id"])
    except (ValueError, LookupError, TypeError):
        return "", ""
