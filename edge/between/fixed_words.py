"""Words of our own that stand in the configuration, on the board, in records and in the API, each spelt here once.

What becomes of a print has a file of its own, ``print_states.py``; how people are told is in ``words.toml``.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import StringConstraints

Rounding = Literal["none", "jiao", "yuan"]  # down to a tenth of a yuan, or to a yuan (抹零)
PaymentKind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{0,19}$")]  # words of ``payment`` in words.toml
JobName = Literal["gate", "stall", "canteen"]
Plants = Literal["leaf", "cabbage", "root", "fruiting", "gourd", "bean", "allium", "sprout", "fungi", "fruit"]
GoodsGroup = Literal[Plants, "meat", "poultry", "egg", "aquatic", "soy", "grain", "frozen", "other"]


class ClockWhy(StrEnum):
    """Why the clock is not synced; falsy when it is."""

    SYNCED = ""
    UNSYNCED = "unsynced"
    REFUSED = "refused"
    RANGE = "range"
    APART = "apart"
    DOUBTED = "doubted"
    STANDING = "standing"
    PLATFORM = "platform"


class ClockSource(StrEnum):
    """Who vouched for the station's time last (contract C7)."""

    KERNEL = "kernel"
    HOST = "host"
    PERSON = "person"
    PLATFORM = "platform"
    NONE = "none"
    UNKNOWN = "unknown"


ClockWord = Literal["synced", "holdover", "estimated", "unsynced", "unknown"]


def clock_word(state: str, source: str) -> ClockWord:
    """What is said of a time with this state and source (contract C7): a word of ``clock`` in the catalogue."""
    match state, source:
        case "holdover", ClockSource.PLATFORM:
            return "estimated"
        case "synced" | "holdover", _:
            return "synced" if state == "synced" else "holdover"
        case _, ClockSource.UNKNOWN:
            return "unknown"
    return "unsynced"


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
    DISPOSED = "disposed"  # held, and the last of it is gone; in the ledger's rows ``held``


class LotWhy(StrEnum):
    """Why a lot may not be sold; falsy when nothing is against it but perhaps its state."""

    FINE = ""
    POSITIVE = "positive"
    HELD = "held"
    STOPPED = "stopped"
    DISPUTED = "disputed"
    DISPOSED = "disposed"


WholePlant = Literal["", "due", "done"]  # nothing special, or the extraction that food needs which disturbs the enzyme
CertificateState = Literal["", "soon", "expired", "failed"]  # of the certificate the pages are served with


class PanWhy(StrEnum):
    """Why what lies on a canteen's scale is no new load; falsy when it is."""

    FINE = ""
    COUNTED = "counted"
    OFF_FIRST = "off_first"


DeliveryState = Literal["open", "done", "voided", "dropped"]
