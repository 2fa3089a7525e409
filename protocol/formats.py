"""The table of wire formats: what ``marketedge protocols`` lists and what a model's row points at.

A format is a file in ``protocol/scales`` or ``protocol/analyzers`` that ends with ``FORMAT = WireFormat(...)``; its
name in this table is the file's name.  Files are imported when asked for: a station loads the formats it uses.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from protocol.link import Link
from protocol.session import Decoder, SessionFactory

_KINDS = {
    "scale": ("protocol.scales", ("mt_sics", "yaohua_tf0")),
    "analyzer": ("protocol.analyzers", ("dayuan_crc8",)),
}


@dataclass(frozen=True, slots=True)
class WireFormat:
    """One wire format.

    ``confidence`` says how well its facts are sourced: ``high``, ``medium`` or ``low``.  ``checked`` is True when
    its frames carry a check byte, so that a damaged frame cannot give another number.
    ``sends_unit`` is False for scales whose frames carry digits only.
    ``by_date``: the instrument is asked day by day, so its session takes ``today``, a function giving the local date.
    """

    id: str
    kind: str
    title: str
    link: Link
    polled: bool
    checked: bool
    confidence: str
    decoder: Callable[[], Decoder]
    session: SessionFactory
    sends_unit: bool = True
    by_date: bool = False


class UnknownFormat(LookupError):
    """No wire format has this id; the message lists those there are."""


def ids(kind: str | None = None) -> list[str]:
    """Ids of all formats, or of those of one kind (``scale``, ``analyzer``)."""
    return [name for key, (_, names) in _KINDS.items() if kind in (None, key) for name in names]


def find(format_id: str) -> WireFormat:
    """The format with this id; raises UnknownFormat."""
    for package, names in _KINDS.values():
        if format_id in names:
            found: WireFormat = import_module(f"{package}.{format_id}").FORMAT
            return found
    raise UnknownFormat(f"no wire format {format_id!r}; there are: {', '.join(ids())}")
