"""Finding wire formats: what ``marketedge protocols`` lists and what a model's row points at.

A format is a file in ``protocol/scales``, ``label_scales``, ``analyzers``, ``probes`` or ``scanners`` that ends with
``FORMAT = WireFormat(...)``; its id is the file's name.  Files are imported when asked for: a station loads the formats
it uses.
"""

from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import date
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType, ModuleType
from typing import Any

import protocol.analyzers
import protocol.label_scales
import protocol.probes
import protocol.scales
import protocol.scanners
from protocol.frozen import frozen
from protocol.link import Link
from protocol.options import BadOptions, FormatOptions, NoOptions, parsed
from protocol.session import Decoder, Session

_KINDS = {
    "scale": protocol.scales,
    "label_scale": protocol.label_scales,
    "analyzer": protocol.analyzers,
    "probe": protocol.probes,
    "scanner": protocol.scanners,
}
NOTHING: Mapping[str, Any] = MappingProxyType({})


@frozen
class WireFormat:
    """One wire format.

    ``confidence`` says how well its facts are sourced: ``high``, ``medium`` or ``low``.  ``checked`` is True when
    its frames carry a check byte, so that a damaged frame cannot give another number.
    ``sends_unit`` is False for scales whose frames carry digits only; ``without_unit`` are the values of options with
    which they do.
    ``repeats`` is False for scales that state each stable weight once and then say nothing: their silence is no fault,
    and there is no second frame to compare.
    ``always_net``: its frames call each weight net, whether a tare is in force or not, so that *net* tells nothing.
    ``by_date``: the instrument is asked day by day, so its session takes ``today`` too, a function giving the local
    date.
    ``links``: settings found in the field beside the default ``link``, the likelier first.
    ``questions`` are what a device of unknown kind may be sent to see whether it speaks this: they must not erase,
    tare, zero, print or change a setting, here or with any other format's device.  Without any it is only listened to.
    ``print_questions`` act as the device's PRINT key: a person has to allow them, as paper may come out.
    ``calls`` are what its instrument says, and nothing else until it is answered, when it wants to send a result.
    ``options`` are all that a person may set, and ``reading`` those of them by which the same bytes read differently,
    without one that must be there: a stream can be read without the rest.  ``session`` takes the first and ``decoder``
    the second; neither takes anything where there are none.
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
    session: Callable[..., Session]
    options: type[FormatOptions] = NoOptions
    reading: type[FormatOptions] = NoOptions
    sends_unit: bool = True
    without_unit: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    by_date: bool = False
    repeats: bool = True
    always_net: bool = False
    links: tuple[Link, ...] = ()
    questions: tuple[bytes, ...] = ()
    print_questions: tuple[bytes, ...] = ()
    calls: tuple[bytes, ...] = ()
    wire: str = "serial"

    @property
    def quiet(self) -> bool:
        """True when the device says nothing for hours and all is well."""
        return not self.repeats or (self.kind in ("analyzer", "label_scale") and not self.polled)

    def says_unit(self, given: Mapping[str, Any]) -> bool:
        """Whether frames say their unit when the format is set so."""
        return self.sends_unit and not any(given.get(name) in values for name, values in self.without_unit.items())

    def parse(self, given: Mapping[str, Any]) -> FormatOptions:
        """The session's options, of values as a configuration has them (from TOML, or texts where a text is wanted).

        Raises BadOptions for one that is unknown, missing or does not fit; the message and ``problems`` name the
        key and say what is wanted.
        """
        return parsed(self.id, self.options, given)

    def check(self, given: Mapping[str, Any]) -> None:
        """As ``parse``, but options may still be missing."""
        try:
            self.parse(given)
        except BadOptions as bad:
            if there := tuple(one for one in bad.problems if not one.awaited):
                raise BadOptions(self.id, there) from None

    def reads(self, given: Mapping[str, Any] = NOTHING) -> Decoder:
        """A new decoder that reads as a session with these options does. Raises BadOptions, but for missing ones."""
        self.check(given)
        if self.reading is NoOptions:
            return self.decoder()
        read = {name: value for name, value in given.items() if name in self.reading.model_fields}
        return self.decoder(parsed(self.id, self.reading, read))

    def speaks(self, given: Mapping[str, Any] = NOTHING, today: Callable[[], date] | None = None) -> Session:
        """A new session with these options. Raises BadOptions.

        Without ``today`` a format that is asked by date raises TypeError.
        """
        options = self.parse(given)
        calendar = {"today": today} if self.by_date and today else {}
        return self.session(**calendar) if self.options is NoOptions else self.session(options, **calendar)


class UnknownFormat(LookupError):
    """No wire format has this id; the message lists those there are."""


def module_names(package: ModuleType) -> list[str]:
    """Names of a package's files, without those that begin with an underscore."""
    return sorted(
        file.name for file in iter_modules(package.__path__) if not file.ispkg and not file.name.startswith("_")
    )


def ids(kind: str | None = None) -> list[str]:
    """Ids of all formats, or of those of one kind: ``scale``, ``label_scale``, ``analyzer``, ``probe``, ``scanner``."""
    return [name for key, package in _KINDS.items() if kind in (None, key) for name in module_names(package)]


def find(format_id: str) -> WireFormat:
    """The format with this id; raises UnknownFormat."""
    for package in _KINDS.values():
        if format_id in module_names(package):
            found: WireFormat = import_module(f"{package.__name__}.{format_id}").FORMAT
            return found
    raise UnknownFormat(f"no wire format {format_id!r}; there are: {', '.join(ids())}")
