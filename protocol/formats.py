"""Finding wire formats: what ``marketedge protocols`` lists and what a model's row points at.

A format is a file in ``protocol/scales``, ``protocol/analyzers`` or ``protocol/probes`` that ends with
``FORMAT = WireFormat(...)``; its id is the file's name.  Files are imported when asked for: a station loads the formats
it uses.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from inspect import Parameter, signature
from pkgutil import iter_modules
from types import ModuleType, UnionType
from typing import Any, get_args, get_origin

import protocol.analyzers
import protocol.probes
import protocol.scales
from protocol.link import Link
from protocol.session import Decoder, Session, SessionFactory

CALENDAR = "today"  # what the station gives to sessions that ask by date
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
    ``decoder`` and ``session`` take the options by name; those of the decoder are how the bytes are read, the others
    (how often to ask) concern the session alone.
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

    @property
    def quiet(self) -> bool:
        """True when the device says nothing for hours and all is well."""
        return not self.repeats or (self.kind == "analyzer" and not self.polled)

    @property
    def reading_options(self) -> tuple[str, ...]:
        """Names of the options by which the same bytes read differently."""
        return tuple(signature(self.decoder).parameters)

    @property
    def options(self) -> Mapping[str, Any]:
        """All options that a person may give, and of which type each is."""
        both = (*signature(self.decoder, eval_str=True).parameters.values(), *_parameters(self.session))
        return {one.name: one.annotation for one in both if one.name != CALENDAR}

    def check(self, options: Mapping[str, Any]) -> None:
        """Raises ValueError for an option that the format does not have, or not so; the message says what there is."""
        there = self.options
        for name, value in options.items():
            if name != CALENDAR and name not in there:
                known = f"there are: {', '.join(there)}" if there else "it has none"
                raise ValueError(f"{self.id} has no option {name}; {known}")
            if name != CALENDAR and not _fits(value, there[name]):
                raise ValueError(f"option {name} = {value!r}: should be {_written(there[name])}")

    def reads(self, options: Mapping[str, Any]) -> Decoder:
        """A new decoder that reads as a session with these options does.

        Raises ValueError for unknown, bad or missing ones.
        """
        self.check(options)
        given = {name: options[name] for name in self.reading_options if name in options}
        self._complete(self.decoder, given)
        return self.decoder(**given)

    def speaks(self, options: Mapping[str, Any]) -> Session:
        """A new session with these options. Raises ValueError for unknown, bad or missing ones."""
        self.check(options)
        self._complete(self.session, options)
        return self.session(**options)

    def _complete(self, factory: Callable[..., Any], options: Mapping[str, Any]) -> None:
        """Raises ValueError when an option is missing without which nothing can be made."""
        needed = [one.name for one in _parameters(factory) if one.default is Parameter.empty]
        if missing := [name for name in needed if name not in options]:
            raise ValueError(f"{self.id} needs the option {', '.join(missing)}")


class UnknownFormat(LookupError):
    """No wire format has this id; the message lists those there are."""


WRITTEN = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def _parameters(factory: Callable[..., Any]) -> list[Parameter]:
    named = signature(factory, eval_str=True).parameters.values()
    return [one for one in named if one.kind not in (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL)]


def _fits(value: Any, hint: Any) -> bool:
    """Is a value from a configuration of this type? A whole number is a number too, but true is none."""
    if get_origin(hint) is UnionType:
        return any(_fits(value, one) for one in get_args(hint))
    kind = get_origin(hint) or hint
    if isinstance(value, bool) or not isinstance(kind, type):
        return kind is bool or not isinstance(kind, type)
    return isinstance(value, (int, float) if kind is float else kind)


def _written(hint: Any) -> str:
    kinds = get_args(hint) if get_origin(hint) is UnionType else (hint,)
    return " or ".join(WRITTEN.get(kind, "a table") for kind in kinds if kind is not type(None))


def module_names(package: ModuleType) -> list[str]:
    """Names of a package's files, without those that begin with an underscore."""
    return sorted(
        file.name for file in iter_modules(package.__path__) if not file.ispkg and not file.name.startswith("_")
    )


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
