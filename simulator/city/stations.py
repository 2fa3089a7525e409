"""How a station stands with the city, its keys, and the links of its chain, as rows of the store."""

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from protocol.city.agreement import CityEnd
from protocol.city.envelope import FIRST_PREVHASH
from protocol.city.topics import Rejected
from simulator.city.engines import Executes

AHEAD = timedelta(minutes=5)  # by which a station's newest answer may be issued ahead of our clock


@dataclass(frozen=True)
class OldKey:
    """A key that a station had; it signed the records up to ``until``."""

    key: bytes
    until: int


def old_keys_of(db: Executes, station: str) -> list[OldKey]:
    rows = db.execute("SELECT public_key, until FROM old_keys WHERE station = ?", [station]).fetchall()
    return [OldKey(bytes.fromhex(key), int(until)) for key, until in rows]


@dataclass(slots=True)
class Station:
    """One station as the city knows it. ``base`` is its topic root; ``head`` the hash of the event at ``upto``.

    ``stored`` counts all events kept, ``count`` those accepted, ``breaks`` forks and links that do not fit.  ``torn``
    says why another ledger seems to use its name; ``given_up`` counts numbers that its ledger passed, ``born`` is the
    time in its newest birth.  ``serials`` are the last of each kind of code, as JSON; ``issued`` when the newest answer
    to it was, and ``gap_since`` since when numbers are missing.  ``joint`` is its newest ``ledger.restored``.  Its
    records up to ``gone`` have left it; its newest ``ledger.checkpoint`` names those up to ``point``.
    """

    station: str
    base: str = ""
    upto: int = 0
    head: str = FIRST_PREVHASH
    top: int = 0
    stored: int = 0
    count: int = 0
    rejected: int = 0
    duplicates: int = 0
    breaks: int = 0
    state: str = ""
    software: str = ""
    claimed: int = 0
    seen: str = ""
    torn: str = ""
    given_up: int = 0
    born: str = ""
    serials: str = "{}"
    issued: str = ""
    gap_since: str = ""
    joint: int = 0
    gone: int = 0
    point: int = 0

    @property
    def end(self) -> CityEnd:
        """Where its chain is; what came of a step is given back by ``at``."""
        return CityEnd(self.upto, self.head, self.torn)

    def at(self, end: CityEnd) -> None:
        self.upto, self.head, self.torn = end.upto, end.head, end.torn

    @property
    def gaps(self) -> int:
        """How many sequence numbers below the newest are missing."""
        return self.top - self.stored - self.given_up

    @property
    def chain_ok(self) -> bool:
        return self.breaks == 0

    def speak(self) -> str:
        """The moment of the next answer. Each is later than the one before, whatever clock or process it comes from: a
        station takes no older word after a newer. One that stands far ahead of our clock was a wrong clock's."""
        moment = datetime.now(UTC)
        if self.issued:
            next_one = datetime.fromisoformat(self.issued) + timedelta(microseconds=1)
            moment = max(moment, next_one) if next_one < moment + AHEAD else moment
        self.issued = moment.isoformat(timespec="microseconds")
        return self.issued


COLUMNS = tuple(one.name for one in fields(Station))


@dataclass(frozen=True, slots=True)
class Link:
    """A record that is kept: a link of its station's chain. ``code`` says why it was refused, empty when it was not."""

    sequence: int
    body: bytes
    code: str
    event: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """What is under a number: the hash of the bytes, and why they were refused."""

    hash: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an event: ``known`` when ``upto`` had passed its number or it was there already; ``rejected`` the
    answer to give when it is refused."""

    known: bool
    rejected: Rejected | None
