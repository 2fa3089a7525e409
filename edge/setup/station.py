"""A new station's files: station.toml from its template, the key, the city's keys; all of them or none."""

import re
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from edge.between.tongue import said
from edge.config import TEMPLATE
from edge.config.sections import load
from edge.records import private
from edge.records.identity import create_key
from edge.setup.pieces import value_of
from protocol.ed25519 import PrivateKey

CONFIG, KEY, CITY_KEYS, PASSWORD = "station.toml", "station.key", "city.keys", "mqtt.password"
NO_CITY_KEY = "# The city's public keys, one per line, 64 hex digits each. Ask the platform operator for them.\n"
BEFORE = {  # the line of the template that stands behind all devices of a kind
    "scale": "# --- rapid-test analyzers ---\n",
    "analyzer": "# --- probes of temperature and humidity ---\n",
    "probe": "# --- methods of your own;",
    "printer": "[paper]\n",
}
Values = Mapping[tuple[str, str], Any]
"""By section and key."""


class StationThere(FileExistsError):
    """The folder holds a station already; the message says that nothing was changed."""


def text_of(values: Values, devices: Iterable[tuple[str, list[str]]] = (), *, goods: bool = True) -> str:
    """The template with these values in their places, and the devices' lines behind the words on their kind.

    Without ``goods`` the template's two products are left as comments: their prices are nobody's.
    """
    text = TEMPLATE.read_text("utf-8")
    for (section, key), value in values.items():
        text = _put(text, section, key, value_of(value))
    for kind, lines in devices:
        text = text.replace(BEFORE[kind], "\n".join([*lines, "", BEFORE[kind]]), 1)
    return text if goods else _without_products(text)


def _put(text: str, section: str, key: str, value: str) -> str:
    """One value in its place, where the template may have it as a comment; what is said behind it stays there."""
    head, header, rest = _parted(text, section)
    line = re.compile(rf"^(?:# )?{key} = .*?(?P<gap> {{2,}}(?=#)|$)", re.MULTILINE)
    found = line.search(rest)
    if found is None:
        raise KeyError(f"[{section}] {key}")
    new = f"{key} = {value}"
    if found["gap"]:
        new = f"{new} ".ljust(len(found[0]))  # the words behind it stay in their column
    return f"{head}{header}{rest[: found.start()]}{new}{rest[found.end() :]}"


def _parted(text: str, section: str) -> tuple[str, str, str]:
    head, header, rest = re.split(rf"(^\[{section}\].*\n)", text, maxsplit=1, flags=re.MULTILINE)
    return head, header, rest


def _without_products(text: str) -> str:
    start = text.index("\n[[product]]") + 1
    lines = text[start:].splitlines()
    return text[:start] + "\n".join(line if not line or line.startswith("#") else f"# {line}" for line in lines) + "\n"


def refuse_second(folder: Path) -> None:
    """Raises StationThere where the folder holds a station."""
    if (folder / CONFIG).exists() or (folder / KEY).exists():
        raise StationThere(
            said(f"{folder} 里已经有一个站点，没有改动", f"{folder} already holds a station; nothing was changed")
        )


def write(folder: Path, text: str, files: Mapping[str, bytes]) -> PrivateKey:
    """Write the station's files, and a key of its own: each whole, and all of them or none.

    They are made beside the folder and moved in, station.toml last.  Raises StationThere, OSError, and BadConfig where
    the text cannot be used.
    """
    refuse_second(folder)
    draft = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(draft, ignore_errors=True)  # of one that was interrupted by a power cut
    made: list[Path] = []
    try:
        private.make_folder(draft)
        for name, data in files.items():
            private.write_new(draft / name, data)
        key = create_key(draft / KEY)
        private.write_new(draft / CONFIG, text.encode())
        load(draft / CONFIG)
        private.make_folder(folder)
        for path in sorted(draft.iterdir(), key=lambda path: path.name == CONFIG):
            to = folder / path.name
            made += [] if to.exists() else [to]
            path.rename(to)
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        if made:
            with suppress(OSError):
                folder.rmdir()  # stays where something else is in it
        raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return key
