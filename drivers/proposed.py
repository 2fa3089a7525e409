"""Printers that we have no row for: what the database of python-escpos says of them, as a proposal that nobody tried.

The database (escpos-printer-db, which python-escpos carries) has dots, columns, cutter and code pages of some thirty
printers by their names.  It knows no USB numbers, and a product number would say little: 04b8:0202 is a TM-T70, a
TM-T88V and a TM-U220.  So a printer is told by the name it states, and by its vendor's number where that fits several.
It says nothing of Chinese.  What it is silent or surely wrong about (columns that do not fill the paper) is taken from
the width.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

from drivers.printers import PROFILES
from protocol.frozen import frozen
from protocol.printers.profile import CELL, Profile

VENDORS = {0x04B8: "Epson", 0x0519: "Star Micronics", 0x1D90: "Citizen", 0x0619: "Seiko"}  # as the database calls them
WIDE = 500  # dots from which a head is one for 80 mm
LEAST = 0.75  # of its width that a line of text takes: less is no setting of a printer, but a mistake


@frozen
class Proposal:
    """A printer of the database: ``profile`` is our row that is nearest, ``change`` where it differs from that.

    ``pages`` are its code pages, each of one byte a letter.
    """

    id: str
    vendor: str
    name: str
    profile: str
    change: Mapping[str, Any] = field(default_factory=dict)
    pages: tuple[str, ...] = ()


def own_row(stated: str) -> Profile | None:
    """Our row for a printer that calls itself so (maker and product); None when there is none."""
    words = _words(stated)
    return next((row for row in PROFILES.values() if _plain(row.id) in words), None)


def named(name: str) -> Proposal | None:
    """The printer with this name in the database, however it is written."""
    words = _words(name)
    return next((one for one in _all() if {_plain(one.id), _plain(one.name)} & words), None)


def likely(stated: str, vendor: int = 0) -> tuple[Proposal, ...]:
    """What a printer may be: the one that it calls itself, else all of its vendor; empty when nothing is known."""
    if found := named(stated):
        return (found,)
    maker = VENDORS.get(vendor, "")
    return tuple(one for one in _all() if one.vendor == maker)


def names() -> tuple[str, ...]:
    """The printers of the database."""
    return tuple(one.id for one in _all())


def _words(text: str) -> set[str]:
    """Its words, and each with the one behind it: printers write TM-T88V, TM T88V and TM-T88V Receipt."""
    words = text.split()
    pairs = [f"{a}{b}" for a, b in pairwise(words)]
    return {_plain(word) for word in (text, *words, *pairs)} - {""}


def _plain(text: str) -> str:
    return re.sub(r"[^0-9a-z+]", "", text.lower().removesuffix(" series"))


@cache
def _all() -> tuple[Proposal, ...]:
    return tuple(_proposals())


def _proposals() -> Iterator[Proposal]:
    spec = find_spec("escpos")  # its own module writes files when it is imported
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for folder in folders:
        text = (Path(folder) / "capabilities.json").read_text("utf-8")
        for name, row in json.loads(text)["profiles"].items():
            if row["vendor"] != "Generic" and any(row["features"].values()):  # displays have none
                yield _proposal(name, row)


def _proposal(name: str, row: Mapping[str, Any]) -> Proposal:
    can = row["features"]
    columns, dots = row["fonts"]["0"]["columns"], row["media"]["width"].get("pixels")
    if not isinstance(dots, int):
        dots = columns * CELL
    base = "impact-76" if not can["bitImageRaster"] else "generic-80" if dots >= WIDE else "generic-58"
    if not LEAST * dots <= columns * CELL <= dots:
        columns = PROFILES[base].columns if dots == PROFILES[base].dots else dots // CELL
    says = {"dots": dots, "columns": columns, "cutter": bool(can["paperFullCut"] or can["paperPartCut"])}
    change = {key: value for key, value in says.items() if value != getattr(PROFILES[base], key)}
    return Proposal(
        name,
        row["vendor"],
        row["name"],
        base,
        change,
        tuple(page for page in row["codePages"].values() if page != "Unknown"),
    )
