"""Dialogues as tables: state, what was heard -> what to do, next state.

A pair without an entry raises: the sender may say what it likes, but what it says is an event that some entry names,
if only to pass it over.  ``mermaid`` draws a table, so that the pictures in ``protocol/dialogues.md`` cannot lie.
"""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import TypeVar

State = TypeVar("State", bound=Enum)
Heard = TypeVar("Heard", bound=Enum)
Do = TypeVar("Do", bound=Enum)


class Unexpected(LookupError):
    """No entry says what to do: a mistake in the table or in who asks it, never of the device."""


def step(table: Mapping[tuple[State, Heard], tuple[Do, State]], state: State, heard: Heard) -> tuple[Do, State]:
    """What to do and the next state. Raises Unexpected."""
    try:
        return table[state, heard]
    except KeyError:
        raise Unexpected(f"in {state.name} nothing is known to do on {heard.name} ({heard.value})") from None


def passed_over(do: Do, pairs: Mapping[State, Iterable[Heard]]) -> dict[tuple[State, Heard], tuple[Do, State]]:
    """Entries for what may be heard in a state and changes nothing; ``do`` says so."""
    return {(state, heard): (do, state) for state, some in pairs.items() for heard in some}


def mermaid(table: Mapping[tuple[Enum, Enum], tuple[Enum, Enum]], nothing: Enum | None) -> str:
    """The table as a picture, without what is passed over (``nothing``; None where nothing is)."""
    first = next(iter(table))[0].name
    arrows = [
        f"    {state.name} --> {after.name}: {heard.value} / {do.value}"
        for (state, heard), (do, after) in table.items()
        if do is not nothing
    ]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {first}", *arrows])
