"""Values: small classes whose fields never change. A station has two hundred of them, and loads them all to start.

``frozen`` makes of a class what ``dataclass(frozen=True, slots=True)`` makes of it, for ``fields``, ``replace`` and
``asdict`` of ``dataclasses`` too.  The standard one compiles every method of every class where it is defined, which is
nine tenths of its work: half a millisecond a class.  Here the methods that need not know the fields are shared, and the
others are compiled with a class's first value.
"""

from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields, replace
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")
_ABSENT: Any = object()


class _Shared:
    """Methods that are the same for every class."""

    def __repr__(self) -> str:
        shown = (f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)  # type: ignore[arg-type]
        return f"{type(self).__qualname__}({', '.join(shown)})"

    def __setattr__(self, name: str, value: Any) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __getstate__(self) -> list[Any]:
        return [getattr(self, one.name) for one in fields(self)]  # type: ignore[arg-type]

    def __setstate__(self, state: list[Any]) -> None:
        for one, value in zip(fields(self), state, strict=True):  # type: ignore[arg-type]
            object.__setattr__(self, one.name, value)


_SHARED = [(name, vars(_Shared)[name]) for name in ("__setattr__", "__delattr__", "__getstate__", "__setstate__")]


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """The class with slots for its fields; compared, hashed and shown by their values, and never changed."""
    cls.__doc__ = cls.__doc__ or cls.__name__  # else the standard one looks for a signature
    made: Any = dataclass(init=False, repr=False, eq=False, slots=True)(cls)

    def first(self: T, *values: Any, **named: Any) -> None:
        for name, method in _compiled(made).items():
            setattr(made, name, method)
        made.__init__(self, *values, **named)

    made.__init__ = first
    if "__repr__" not in vars(made):
        made.__repr__ = _Shared.__repr__
    for name, method in _SHARED:
        setattr(made, name, method)
    return made  # type: ignore[no-any-return]


def changed(value: T, **fields_: Any) -> T:
    """The value with other fields: what ``replace`` of ``dataclasses`` answers, in a quarter of its time."""
    cls: Any = value.__class__
    places, read = _places(cls)
    if read is None:
        return replace(value, **fields_)  # type: ignore[type-var]
    values = [*read(value)]
    for name, one in fields_.items():
        values[places[name]] = one
    return cls(*values)  # type: ignore[no-any-return]


@cache
def _places(cls: Any) -> tuple[dict[str, int], Callable[[Any], tuple[Any, ...]] | None]:
    """Where its values stand among those that make one, and what reads them all; None where that is not so simple."""
    names = [one.name for one in fields(cls)]
    simple = len(names) > 1 and all(one.init and not one.kw_only for one in fields(cls))
    return {name: place for place, name in enumerate(names)}, attrgetter(*names) if simple else None


def _compiled(cls: Any) -> dict[str, Any]:
    """The methods that are quickest when they name the fields."""
    known: dict[str, Any] = {"_absent": _ABSENT}
    takes, sets = ["self"], []
    for one in fields(cls):
        name, value = one.name, one.name
        if one.default is not MISSING:
            known[f"_default_{name}"] = one.default
            takes += [f"{name}=_default_{name}"] if one.init else []
            value = name if one.init else f"_default_{name}"
        elif one.default_factory is not MISSING:
            known[f"_make_{name}"] = one.default_factory
            takes += [f"{name}=_absent"] if one.init else []
            value = f"_make_{name}() if {name} is _absent else {name}" if one.init else f"_make_{name}()"
        elif one.init:
            takes.append(name)
        else:
            continue  # set in __post_init__
        known[f"_set_{name}"] = getattr(cls, name).__set__  # the slot's; the class's own refuses
        sets.append(f"_set_{name}(self, {value})")
    if hasattr(cls, "__post_init__"):
        sets.append("self.__post_init__()")
    mine = "".join(f"self.{one.name}, " for one in fields(cls) if one.compare)
    its = "".join(f"other.{one.name}, " for one in fields(cls) if one.compare)
    text = f"""
def __init__({", ".join(takes)}):
    {"; ".join(sets) or "pass"}

def __eq__(self, other):
    return ({mine}) == ({its}) if other.__class__ is self.__class__ else NotImplemented

def __hash__(self):
    return hash(({mine}))
"""
    exec(text, known)
    return {name: known[name] for name in ("__eq__", "__hash__", "__init__")}  # the last one lets values be made
