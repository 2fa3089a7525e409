"""Values: what ``frozen`` makes is what the standard dataclass makes, only later."""

import copy
import inspect
import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from typing import Any

import pytest

from protocol.frozen import changed, frozen


class Plain:
    """A thing on a list."""

    name: str
    set_name: int = 3
    seen: list[int] = field(default_factory=list)
    note: str = field(default="", compare=False)
    hidden: str = field(default="secret", repr=False)
    length: int = field(init=False)
    twice: int = field(init=False, default=2)
    made: list[str] = field(init=False, default_factory=lambda: ["new"])

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a name")
        object.__setattr__(self, "length", len(self.name))

    def __str__(self) -> str:
        return f"<{self.name}>"


def body() -> type[Any]:
    names = ("__doc__", "__post_init__", "__str__", *(name for name in Plain.__annotations__ if hasattr(Plain, name)))
    inside = {name: vars(Plain)[name] for name in names} | {"__annotations__": dict(Plain.__annotations__)}
    return type("Thing", (), inside | {"__qualname__": "Thing", "__module__": __name__})


Thing: Any = frozen(body())
Standard: Any = dataclass(frozen=True, slots=True)(body())
GIVEN: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    (("a",), {}),
    (("ab", 4, [1], "n", "h"), {}),
    ((), {"name": "c", "seen": [2]}),
    (("a",), {"note": "other"}),
]


@frozen
class Nothing:
    """Has no fields."""


@frozen
class Signed:
    """Shows itself in a way of its own."""

    pin: str

    def __repr__(self) -> str:
        return "Signed(…)"


@pytest.mark.parametrize(("values", "named"), GIVEN)
def test_a_value_is_what_the_standard_one_is(values: tuple[Any, ...], named: dict[str, Any]) -> None:
    ours, standard = Thing(*values, **named), Standard(*values, **named)
    assert asdict(ours) == asdict(standard)
    assert repr(ours) == repr(standard)
    assert str(ours) == str(standard)
    assert [one.name for one in fields(ours)] == [one.name for one in fields(standard)]
    assert Thing.__match_args__ == Standard.__match_args__
    assert Thing.__slots__ == Standard.__slots__
    assert not hasattr(ours, "__dict__")


@pytest.mark.parametrize("one", GIVEN)
@pytest.mark.parametrize("other", GIVEN)
def test_values_are_equal_where_standard_ones_are(one: Any, other: Any) -> None:
    def same(kind: Any) -> bool:
        return bool(kind(*one[0], **one[1]) == kind(*other[0], **other[1]))

    assert same(Thing) is same(Standard)


def test_equal_ones_have_one_hash_and_others_are_told_apart() -> None:
    assert len({Signed("1"), Signed("1"), Signed("2")}) == 2
    assert Nothing() == Nothing()
    assert hash(Nothing()) == hash(Nothing())
    assert Signed("1") != ("1",)
    with pytest.raises(TypeError, match="unhashable"):
        hash(Thing("a"))


def test_nothing_of_a_value_changes() -> None:
    thing = Thing("a")
    for name in ("name", "new"):
        with pytest.raises(FrozenInstanceError, match=name):
            setattr(thing, name, "b")
        with pytest.raises(FrozenInstanceError, match=name):
            delattr(thing, name)
    assert replace(thing, name="bc").length == 2
    assert thing.length == 1


@pytest.mark.parametrize(
    ("values", "named"), [((), {}), (("a",), {"colour": 1}), (("a",), {"length": 1}), (("a", 1, [], "", "", 1), {})]
)
def test_what_does_not_fit_is_refused(values: tuple[Any, ...], named: dict[str, Any]) -> None:
    for kind in (Thing, Standard):
        with pytest.raises(TypeError, match="argument"):
            kind(*values, **named)


def test_its_own_check_is_asked() -> None:
    with pytest.raises(ValueError, match="a name"):
        Thing("")


def test_each_value_has_a_default_of_its_own() -> None:
    Thing("a").seen.append(1)
    assert Thing("b").seen == []


def test_a_secret_is_shown_as_its_class_says() -> None:
    assert repr(Signed("1234")) == "Signed(…)"


def test_a_value_is_copied_and_read_back() -> None:
    pair = Signed("1234"), Nothing()
    assert copy.deepcopy(pair) == copy.copy(pair) == pickle.loads(pickle.dumps(pair)) == pair


def test_a_class_without_values_has_compiled_nothing() -> None:
    fresh: Any = frozen(body())
    assert fresh.__eq__ is object.__eq__
    fresh("a")
    assert fresh.__eq__ is not object.__eq__
    assert list(inspect.signature(fresh).parameters) == ["name", "set_name", "seen", "note", "hidden"]


@frozen
class One:
    weight: int = 1


@frozen
class Pair:
    name: str
    weight: int = 1
    seen: tuple[int, ...] = field(default=(), kw_only=True)


@frozen
class Trio:
    name: str
    weight: int = 1
    note: str = ""


@pytest.mark.parametrize("value", [One(2), Pair("a", seen=(1,)), Trio("a", note="n"), frozen(body())("a", set_name=4)])
def test_a_value_with_another_field_is_what_the_standard_one_makes(value: Any) -> None:
    name = "weight" if hasattr(value, "weight") else "note"
    before = copy.copy(value)
    made = changed(value, **{name: 9})
    assert type(made) is type(value)
    assert made == replace(value, **{name: 9}) and value == before
    assert [getattr(made, one.name) for one in fields(made)] == [
        getattr(replace(value, **{name: 9}), one.name) for one in fields(made)
    ]
