"""The page that draws our exceptions holds every class of ours, under the class it is a kind of."""

import builtins
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent / "edge/exceptions.md"
PACKAGES = ("protocol", "drivers", "edge", "simulator")
LINE = re.compile(r"^(?P<lead>[│├└─ ]*)(?P<name>[\w.]+)(?: +(?P<when>[^→]+) → (?P<then>.+))?$")


def full_name(one: type[BaseException]) -> str:
    return one.__name__ if one.__module__ == "builtins" else f"{one.__module__}.{one.__name__}"


def ours() -> Iterator[type[BaseException]]:
    """Every exception class that is defined in our packages."""
    for package in PACKAGES:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if not module.name.endswith("__main__"):
                named = vars(importlib.import_module(module.name)).values()
                yield from (
                    one
                    for one in named
                    if isinstance(one, type) and issubclass(one, BaseException) and one.__module__ == module.name
                )


def drawn() -> dict[str, tuple[str, bool]]:
    """Each name of the page with the name above it, and whether it says when it is raised and what follows."""
    tree, above = {}, [""]
    for line in PAGE.read_text("utf-8").split("```")[1].strip().splitlines():
        found = LINE.match(line)
        assert found, line
        depth = len(found["lead"]) // 4
        above[depth + 1 :] = [found["name"]]
        tree[found["name"]] = (above[depth], bool(found["when"]))
    return tree


def parent(one: type[BaseException], names: set[str]) -> str:
    """The nearest class of the page that this one is a kind of."""
    return next(full_name(base) for base in one.__mro__[1:] if full_name(base) in names)  # type: ignore[arg-type]


def test_every_exception_of_ours_stands_under_its_parent() -> None:
    tree, classes = drawn(), {full_name(one): one for one in ours()}
    assert len(classes) > 35
    assert {name for name in tree if "." in name} == set(classes)
    wrong = {name: tree[name][0] for name, one in classes.items() if tree[name][0] != parent(one, set(tree))}
    assert wrong == {}


@pytest.mark.parametrize("name", [name for name in drawn() if "." not in name and name != "Exception"])
def test_the_classes_of_python_stand_under_exception(name: str) -> None:
    assert drawn()[name][0] == "Exception"
    assert issubclass(getattr(builtins, name), Exception)


def test_each_says_when_it_is_raised_and_what_the_caller_does() -> None:
    assert [name for name, (_, told) in drawn().items() if "." in name and not told] == []


def test_no_name_is_used_for_two() -> None:
    names = [one.__name__.lstrip("_") for one in ours()]
    assert sorted(name for name in set(names) if names.count(name) > 1) == ["Unreadable"]
