"""What the node's other stations say of lots over the broker: which of it is believed, and what is said of the rest.

Whoever may publish on a station's topic can say what he likes; only what a key of that station signed counts.  What
does not is counted in ``odd``, and told at most once a minute, as the city's answers are.
"""

import logging
from collections import Counter
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from edge.between import words
from edge.between.sparing import Sparing
from edge.records.clock import Clock
from protocol.city import envelope
from protocol.city.envelope import BadEvent, kind_of
from protocol.city.events import EVENTS
from protocol.city.node_keys import NodeKeys
from protocol.city.topics import Topics
from protocol.frozen import frozen

CAP = 16_384  # bytes of a record about a lot; the largest is far below
CLASS = "lot"
log = logging.getLogger("siblings")


@frozen
class Heard:
    """A record of another station, signed with its key ``kid``: ``seq`` is its number there, ``at`` its time in seconds
    since 1970."""

    station: str
    kid: str
    kind: str
    seq: int
    at: float
    record: Any


class _Doubted(Exception):
    """It is not believed; ``word`` is one of ``odd``."""

    def __init__(self, word: str, why: str) -> None:
        super().__init__(why)
        self.word = word


class Siblings:
    """Owned by the core thread. ``topics`` are this station's own."""

    def __init__(self, topics: Topics, clock: Clock) -> None:
        self._topics = topics
        self._clock = clock
        self._told = Sparing()
        self.odd: Counter[str] = Counter()

    @property
    def listen(self) -> tuple[str, ...]:
        """What to subscribe to."""
        return listen(self._topics)

    def of(self, topic: str) -> tuple[str, str] | None:
        """The other station of this node that publishes there, and whether it is ``evt`` or ``alm`` about lots, or its
        ``state``; None for any other topic."""
        try:
            theirs, lane = Topics.parse(topic)
        except ValueError:
            return None
        same = (theirs.region, theirs.node) == (self._topics.region, self._topics.node)
        about = lane == "state" or topic.rsplit("/", 1)[-1] == CLASS
        return (theirs.station, lane) if same and about and theirs.station != self._topics.station else None

    def read(self, station: str, payload: bytes, keys: NodeKeys, *, retained: bool) -> Heard | None:
        """The record, when that station signed it; None for what is not believed."""
        try:
            return self._read(station, payload, keys, retained)
        except _Doubted as doubted:
            self.doubted(doubted.word, station, str(doubted))
        except (BadEvent, ValidationError, ValueError, OverflowError) as error:
            self.doubted("lot_unreadable", station, type(error).__name__)
        return None

    def _read(self, station: str, payload: bytes, keys: NodeKeys, retained: bool) -> Heard:
        if retained:
            raise _Doubted("lot_retained", "kept by the broker")
        if len(payload) > CAP:
            raise _Doubted("lot_too_large", f"{len(payload)} bytes")
        event = envelope.read(payload)
        row = EVENTS.get(kind_of(event["type"]))
        if row is None or not row.kind.startswith(f"{CLASS}."):
            raise _Doubted("lot_unreadable", "not a record about a lot")
        known = keys.of(event["kid"], station)
        if not known or not event["source"].endswith(f"/edge/{station}"):
            raise _Doubted("lot_unknown_key", f"key {event['kid'][:8]}")
        if not any(_holds(event, key, payload) for key in known):
            raise _Doubted("lot_bad_signature", "the signature does not fit")
        at = datetime.fromisoformat(event["time"])
        if at.tzinfo is None:
            raise _Doubted("lot_unreadable", "its time has no zone")
        record = row.record.model_validate(event["data"])
        return Heard(station, event["kid"], row.kind, int(event["sequence"]), at.timestamp(), record)

    def doubted(self, word: str, station: str, why: str) -> None:
        """Count what is not believed; ``word`` is one of ``odd`` in the catalogue of texts."""
        self.odd[word] += 1
        if self._told.due(word, self._clock.steady()):
            said = words.text("odd", word).en.lower()
            log.warning("%s: %s, %d so far: %s", station, said, self.odd[word], why)


def listen(topics: Topics) -> tuple[str, ...]:
    """The topics on which the node's stations speak of lots, and show themselves."""
    node = f"mkt/1/{topics.region}/{topics.node}/+"
    return f"{node}/alm/{CLASS}", f"{node}/evt/{CLASS}", f"{node}/state"


def _holds(event: dict[str, Any], key: Any, payload: bytes) -> bool:
    try:
        envelope.verify(event, key, payload)
    except BadEvent:
        return False
    return True
