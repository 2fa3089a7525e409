"""The models there are."""

import importlib.metadata
from collections.abc import Iterator
from typing import Any

import pytest

from drivers import catalogue


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """How often the installed packages were looked through."""
    asked: list[str] = []

    def look(**which: Any) -> Any:
        asked.append(which["group"])
        return importlib.metadata.entry_points(**which)

    monkeypatch.setattr(catalogue, "entry_points", look)
    catalogue.models.cache_clear()
    yield asked
    catalogue.models.cache_clear()


def test_installed_packages_are_looked_through_once_a_process(looked: list[str]) -> None:
    assert [catalogue.find("st-gs").id for _ in range(3)] == ["st-gs"] * 3
    assert looked == [catalogue.GROUP]


def test_an_unknown_model_is_refused_with_those_there_are() -> None:
    with pytest.raises(catalogue.UnknownModel, match=r"no model 'st-gz'; there are: .*st-gs"):
        catalogue.find("st-gz")
