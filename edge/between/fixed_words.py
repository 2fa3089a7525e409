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


class WeightWhy(StrEnum):
    """Why what lies on a scale cannot be sold; falsy when it can."""

    FINE = ""
    NO_SIGNAL = "no_signal"
    STALE = "stale"
    MOTION = "motion"
    OVERLOAD = "overload"
    UNDERLOAD = "underload"
    ERROR = "error"
    UNIT = "unit"
    DIGIT = "digit"
    STEP = "step"
    BELOW_MIN = "below_min"
    EMPTY_FIRST = "empty_first"
    SOLD = "sold"
    TARE = "tare"
    TARED = "tared"
    TARE_KEY = "tare_key"
    UNVERIFIED = "unverified"


class LotState(StrEnum):
    """What may be done with a lot; the values stand in the ledger."""

    PENDING = "pending"
    RELEASED = "released"
    HELD = "held"


WholePlant = Literal["", "due", "done"]  # nothing special, or the extraction that food needs which disturbs the enzyme
