"""Finding wire formats: what ``marketedge protocols`` lists and what a model's row points at.

A format is a file in ``protocol/scales``, ``protocol/analyzers`` or ``protocol/probes`` that ends with
``FORMAT = WireFormat(...)``; its id is the file's name.  Files are imported when asked for: a station loads the formats
it uses.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

import protocol.analyzers
import protocol.probes
import protocol.scales
from protocol.link import Link
from protocol.session import Decoder, SessionFactory

_KINDS = {"scale": protocol.scales, "analyzer": protocol.analyzers, "probe": protocol.probes}


@dataclass(frozen=True, slots=True)
class WireFormat:
    """One wire format.

    ``confidence`` says how well its facts are sourced: ``high``, ``medium`` or ``low``.  ``checked`` is True when
    its frames carry a check byte, so that a damaged frame cannot give another number.
    ``sends_unit`` is False for scales whose frames carry digits only.
    ``repeats`` is False for scales that state each stable weight once and then say nothing: their silence is no fault,
    and there is no second frame to compare.
    ``always_net``: its frames call each weight net, whether a tare is in force or not, so that *net* tells nothing.
    ``by_date``: the instrument is asked day by day, so its session takes ``today``, a function giving the local date.
    ``links``: settings found in the field beside the default ``link``, the likelier first.
    ``questions`` are what a device of unknown kind may be sent to see whether it speaks this: they must not erase,
    tare, zero, print or change a setting, here or with any other format's device.  Without any it is only listened to.
    ``print_questions`` act as the device's PRINT key: a person has to allow them, as paper may come out.
    ``decoder_options``: options of a model's row that its decoder takes too; without them it reads the usual model.
    ``wire`` is where it is spoken: ``serial`` (also by a serial server), or the only address scheme that carries it.
    """

    id: str
    kind: str
    title: str
    link: Link
    polled: bool
    checked: bool
    confidence: str
    decoder: Callable[..., Decoder]
    session: SessionFactory
    sends_unit: bool = True
    by_date: bool = False
    repeats: bool = True
    always_net: bool = False
    links: tuple[Link, ...] = ()
    questions: tuple[bytes, ...] = ()
    print_questions: tuple[bytes, ...] = ()
    wire: str = "serial"
    decoder_options: tuple[str, ...] = ()

    @property
    def quiet(self) -> bool:
        """True when the device says nothing for hours and all is well."""
        return not self.repeats or (self.kind == "analyzer" and not self.polled)


class UnknownFormat(LookupError):
    """No wire format has this id; the message lists those there are."""


def module_names(package: ModuleType) -> list[str]:
    """Names of a package's files, without those that begin with an underscore."""
    return sorted(file.name for file in iter_modules(package.__path__) if not file.name.startswith("_"))


def ids(kind: str | None = None) -> list[str]:
    """Ids of all formats, or of those of one kind (``scale``, ``analyzer``, ``probe``)."""
    return [name for key, package in _KINDS.items() if kind in (None, key) for name in module_names(package)]


def find(format_id: str) -> WireFormat:
    """The format with this id; raises UnknownFormat."""
    for package in _KINDS.values():
        if format_id in module_names(package):
            found: WireFormat = import_module(f"{package.__name__}.{format_id}").FORMAT
            return found
    raise UnknownFormat(f"no wire format {format_id!r}; there are: {', '.join(ids())}")
