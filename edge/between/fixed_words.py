"""Words of our own that stand in the configuration, on the board, in records and in the API, each spelt here once.

What becomes of a print has a file of its own, ``print_states.py``; how people are told is in ``words.toml``.
"""

from enum import StrEnum
from typing import Literal

JobName = Literal["gate", "stall", "canteen"]


class ClockWhy(StrEnum):
    """Why the clock is not synced; falsy when it is."""

    SYNCED = ""
    UNSYNCED = "unsynced"
    REFUSED = "refused"
    RANGE = "range"
    APART = "apart"
    DOUBTED = "doubted"
    STANDING = "standing"


class LotState(StrEnum):
    """What may be done with a lot; the values stand in the ledger."""

    PENDING = "pending"
    RELEASED = "released"
    HELD = "held"


WholePlant = Literal["", "due", "done"]  # nothing special, or the extraction that food needs which disturbs the enzyme
