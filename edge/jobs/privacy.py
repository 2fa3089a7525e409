"""No telephone or identity number of a person enters a record: what people and programs order is looked through first.

The seller's contact line is published by law and stands in station.toml.  What an instrument says is kept as it came,
it is evidence; what the city orders is the city's to answer for.
"""

from collections.abc import Callable, Iterator
from functools import cache
from operator import attrgetter
from typing import Any

from pydantic import BaseModel

from edge.between.commands import OF_A_PAPER, OPAQUE, Command
from edge.between.inbox import Refused
from protocol.personal import SHORTEST, found, hint


def look_through(command: Command) -> None:
    """Raises Refused when a text of it holds such a number."""
    for text, of_a_paper in _texts(command):
        if number := found(text, mobile=not of_a_paper):
            shown = hint(number)
            raise Refused(
                "personal_number",
                f"{shown} 是手机号或身份证号，不得写入记录：请删去。供货人、买方用编号或名称",
                f"{shown} is a person's telephone or identity number and may stand in no record: take it out, and "
                "write a code or a name",
            )


def _texts(model: BaseModel) -> Iterator[tuple[str, bool]]:
    """Every text that is long enough, and whether it is the number of a paper; none that is masked."""
    read, papers = _fields(type(model))
    for value, of_a_paper in zip(read(model), papers, strict=True):
        if not value:
            continue
        if isinstance(value, str):
            if len(value) >= SHORTEST:
                yield value, of_a_paper
        elif isinstance(value, BaseModel | tuple):
            yield from _within(value, of_a_paper)


@cache
def _fields(model: type[BaseModel]) -> tuple[Callable[[BaseModel], tuple[Any, ...]], tuple[bool, ...]]:
    """What reads the fields that are looked through, and whether each is the number of a paper."""
    looked = {name: field for name, field in model.model_fields.items() if OPAQUE not in field.metadata}
    papers = tuple(OF_A_PAPER in field.metadata for field in looked.values())
    if len(looked) > 1:
        return attrgetter(*looked), papers
    return (lambda one: tuple(getattr(one, name) for name in looked)), papers


def _within(value: Any, of_a_paper: bool) -> Iterator[tuple[str, bool]]:
    if isinstance(value, str):
        yield value, of_a_paper
    elif isinstance(value, BaseModel):
        yield from _texts(value)
    elif isinstance(value, tuple):
        for one in value:
            yield from _within(one, of_a_paper)
