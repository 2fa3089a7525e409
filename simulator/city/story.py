"""What became of a lot, from one station's records about it, oldest first. Pure.

A hold is lifted by whoever may: a result that is good again, a release, a person who says so.  A stop of the city is
lifted by the city alone.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Event = dict[str, Any]
Kept = tuple[str, Event]
"""A record: its kind, and the event."""

State = Literal["none", "pending", "released", "held", "gone"]
DECIDING = frozenset({"qualified", "suspect", "unqualified"})
BAD = frozenset({"suspect", "unqualified"})


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a lot may not be sold, since which record. ``by`` whom, or by what."""

    by: Literal["test", "person", "city", "dispute"]
    event: Event

    def sold_before(self, sale: Event | None, sold_at: str) -> bool | None:
        """Whether a sale was made before this hold; None when nobody can tell.

        ``sold_at`` is when, as the slip says it; empty when its clock was not set.
        """
        if sale is not None and sale["source"] == self.event["source"]:
            return bool(sale["sequence"] < self.event["sequence"])
        if not sold_at or self.event["clockstate"] == "unsynced":
            return None
        return datetime.fromisoformat(sold_at) < datetime.fromisoformat(self.event["time"])


@dataclass(frozen=True, slots=True)
class Story:
    """``state`` is what may be done with the lot. ``tests`` are its results, oldest first; ``holds`` are those now."""

    state: State = "none"
    lot: str = ""
    entry: Event | None = None
    facts: Event | None = None
    tests: tuple[Event, ...] = ()
    holds: tuple[Hold, ...] = ()


def codes_of(kind: str, event: Event) -> set[str]:
    """The codes of lots that a record is about; empty for a record of something else."""
    data = event["data"]
    named = {
        "entry.registered": (event["subject"], data.get("upstream")),
        "test.result": (data.get("lot"), data.get("source")),
        "lot.held": (data.get("lot"), data.get("source"), event["subject"]),
        "lot.disposed": (data.get("lot"), event["subject"]),
        "city.obeyed": (data.get("lot"),),
        "entry.corrected": (data.get("lot"), data.get("source")),
        "result.corrected": (data.get("lot"), data.get("source")),
    }.get(kind, (data.get("lot"), data.get("source")) if kind.startswith("lot.") else ())
    return {code for code in named if isinstance(code, str) and code}


def told(events: Iterable[Kept]) -> Story:
    """The story of one lot at one station."""
    return _Telling().all(events)


class _Telling:
    def __init__(self) -> None:
        self.entry: Event | None = None
        self.facts: Event | None = None
        self.tests: list[Event] = []
        self._gone = False
        self._bad: dict[str, Event] = {}  # the newest result of an item that is not good
        self._hold: Event | None = None
        self._stop: Event | None = None
        self._dispute: Event | None = None
        self._released = self._any = False

    def all(self, events: Iterable[Kept]) -> Story:
        lot = ""
        for kind, event in events:
            self._any = True
            with suppress(KeyError, TypeError):  # a record of another form says nothing here
                getattr(self, f"_{kind.replace('.', '_')}", lambda one: None)(event)
            lot = lot or (event["subject"] if kind == "entry.registered" else event["data"].get("lot") or "")
        return Story(self._state(), lot, self.entry, self.facts, tuple(self.tests), tuple(self._holds()))

    def _state(self) -> State:
        if not self._any:
            return "none"
        if self._gone:
            return "gone"
        if any(self._holds()):
            return "held"
        return "released" if self._released else "pending"

    def _holds(self) -> Iterator[Hold]:
        if self._stop is not None:
            yield Hold("city", self._stop)
        if self._hold is not None:
            yield Hold("person" if self._hold["data"].get("person") else "test", self._hold)
        if self._bad:
            yield Hold("test", min(self._bad.values(), key=lambda event: int(event["sequence"])))
        if self._dispute is not None:
            yield Hold("dispute", self._dispute)

    def _lifted(self) -> None:
        self._hold = None
        self._bad.clear()

    def _entry_registered(self, event: Event) -> None:
        self.entry = event
        self._released = self._released or event["data"].get("source_check") == "accepted"

    def _entry_corrected(self, event: Event) -> None:
        if self.entry is not None:
            self.entry = self.entry | {"data": self.entry["data"] | event["data"]["now"]}
        self._released = self._released or bool(event["data"].get("released"))

    def _test_result(self, event: Event) -> None:
        data = event["data"]
        self.tests.append(event)
        if data["verdict"] in BAD:
            self._bad.setdefault(data["item"], event)
        elif data["verdict"] in DECIDING:
            self._bad.pop(data["item"], None)
        if data.get("source"):
            self._released = True
            self._hold = None

    def _result_corrected(self, event: Event) -> None:
        data = event["data"]
        self.tests = [one for one in self.tests if one["id"] != data.get("corrects")]
        if data["state"] != "held":
            self._lifted()
        elif data["verdict"] not in BAD:
            self._bad.pop(data["item"], None)
        self._released = data["state"] == "released"

    def _lot_released(self, event: Event) -> None:
        self.facts = event
        self._released = True
        self._lifted()

    def _lot_opened(self, event: Event) -> None:
        self.facts = event
        self._released = True

    def _lot_held(self, event: Event) -> None:
        self._hold = self._hold or event

    def _lot_resumed(self, event: Event) -> None:
        self._lifted()

    def _lot_disposed(self, event: Event) -> None:
        data = event["data"]
        if data["decision"] == "released_after_recheck":
            self._gone = False
            self._lifted()
        else:
            self._gone = self._gone or data.get("complete", True)

    def _lot_disputed(self, event: Event) -> None:
        self._dispute = None if event["data"].get("settled") else event

    def _lot_settled(self, event: Event) -> None:
        self._dispute = None

    def _city_obeyed(self, event: Event) -> None:
        name = event["data"]["name"]
        if name == "stop_lot":
            self._stop = self._stop or event
        elif name == "resume_lot":
            self._stop = None
