"""Station and city agree about numbers: both ends, without I/O and without a clock.

A number means a record, and a number with its hash means the same record to both: the hash covers everything before it
(``prevhash``).  So one pair, the city's newest record without a gap, says how far both agree.

* The station (``StationEnd``) moves with the city's word: on, when the pair is its own; back, when the city says less
  than it said before (it forgot); and it *holds* when the pair is none of its own or lies beyond its end, or when the
  city has another record under one of its numbers: another ledger has its name.  Then nothing is written under any
  number, until a person orders the way out: a ``ledger.restored`` (``Joint``) behind everything that either side used.
* The city (``CityEnd``) keeps the first bytes under a number, follows the chain, passes what a ``Joint`` gives up or a
  ``ledger.checkpoint`` let go, and says so aloud when two ledgers use one name.

The tables are what ``protocol/dialogues.md`` draws.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from protocol.city.envelope import FIRST_PREVHASH, type_of
from protocol.city.stretches import VARIOUS, Stretch, Stretches
from protocol.frozen import frozen
from protocol.table import passed_over, step

RESTORED = type_of("ledger.restored")
KEPT_BACK = "restored: the city has other records under this number, or did not say; it is sent once more"
PIECES = 1000  # stretches of refused records, at most: a city that refuses every second record makes no more
END = 1 << 62  # no number is higher
MANY = 4096  # numbers sent on one connection that are remembered although the city's number has passed them


@frozen
class Joint:
    """Where a ledger goes on behind records it does not hold: the ``ledger.restored`` under ``sequence``.

    ``own`` is the newest number before it in this ledger; ``city`` and ``hash`` are what the city's newest record was.
    """

    sequence: int
    own: int
    city: int
    hash: str = ""

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "Joint | None":
        """The joint that an event is, None for another kind. Raises KeyError, TypeError or ValueError when damaged."""
        if event["type"] != RESTORED:
            return None
        data = event["data"]
        return cls(int(event["sequence"]), int(data["own_sequence"]), int(data["city_sequence"]), _hash_in(data))

    @property
    def given_up(self) -> range:
        """The numbers under which this ledger has nothing."""
        return range(self.own + 1, self.sequence)


def _hash_in(data: Mapping[str, Any]) -> str:
    return str(data.get("city_hash", ""))


def why_not_behind(event: Mapping[str, Any], sequence: int, digest: str) -> str:
    """Why this event does not stand behind that record (number and hash) in one ledger; empty when it does.

    ``digest`` is the hash of record ``sequence``, of none ``FIRST_PREVHASH``.
    """
    number = int(event["sequence"])
    try:
        joint = Joint.of(event)
        own_hash = str(event["data"]["own_hash"]) if joint else ""
    except (KeyError, TypeError, ValueError):
        return f"record {number} cannot be read"
    if joint is None:
        if number != sequence + 1:
            return f"record {sequence + 1} is missing (the next one is {number})"
        return "" if event["prevhash"] == digest else f"record {number} does not continue record {sequence}"
    if (joint.own, own_hash) != (sequence, digest) or number <= max(joint.own, joint.city):
        return f"record {number} goes on behind record {joint.own}, which is not the one before it"
    return "" if event["prevhash"] == (joint.hash or digest) else f"record {number} does not continue what it names"


# --- the station ------------------------------------------------------------------------------------------------------


class Stand(Enum):
    """How the station stands with the city."""

    UNHEARD = "the city was not heard on this connection"
    AGREED = "the city speaks of our records"
    HELD = "another ledger has our name"


class Heard(Enum):
    """What happens to a station; of the city's word, what it is beside the station's own records."""

    CONNECTED = "connected"
    AHEAD = "our hash, ahead"
    LEVEL = "our hash, as far as before"
    BEHIND = "our hash, or none, less than before"
    BEHIND_LATE = "less than before, in a word without order"
    MISSING = "our hash, but the next record, which it named once, is not there"
    NO_HASH = "a number without a hash"
    UNKNOWN = "a number under which we have nothing"
    OTHER = "another hash"
    BEYOND = "a number beyond our end"
    FORK = "our record is refused: another one has its number"
    RESTORED = "ledger.restored is recorded"
    RELEASED = "a person's order, and the city speaks of our records"
    RESEND = "a person or the city wants records again"


class Do(Enum):
    """What the station does."""

    IGNORE = "nothing"
    ADVANCE = "advance to it"
    OVER_SENT = "advance over what was sent on this connection"
    GO_BACK = "send again from the next one on"
    HOLD = "hold sales and entries"
    GO_ON = "go on behind it"
    RELEASE = "go on as before"
    PUBLISH = "publish them once more"


_FROM_ANY = {
    Heard.AHEAD: (Do.ADVANCE, Stand.AGREED),
    Heard.LEVEL: (Do.ADVANCE, Stand.AGREED),
    Heard.BEHIND: (Do.GO_BACK, Stand.AGREED),
    Heard.NO_HASH: (Do.OVER_SENT, Stand.AGREED),
    Heard.OTHER: (Do.HOLD, Stand.HELD),
    Heard.BEYOND: (Do.HOLD, Stand.HELD),
    Heard.FORK: (Do.HOLD, Stand.HELD),
    Heard.RESTORED: (Do.GO_ON, Stand.UNHEARD),
}
STATION: dict[tuple[Stand, Heard], tuple[Do, Stand]] = {
    **{(Stand.UNHEARD, heard): what for heard, what in _FROM_ANY.items()},
    (Stand.UNHEARD, Heard.BEHIND_LATE): (Do.GO_BACK, Stand.AGREED),
    (Stand.UNHEARD, Heard.MISSING): (Do.GO_BACK, Stand.AGREED),
    (Stand.UNHEARD, Heard.RESEND): (Do.PUBLISH, Stand.UNHEARD),
    **{(Stand.AGREED, heard): what for heard, what in _FROM_ANY.items()},
    (Stand.AGREED, Heard.CONNECTED): (Do.IGNORE, Stand.UNHEARD),
    (Stand.AGREED, Heard.RESEND): (Do.PUBLISH, Stand.AGREED),
    (Stand.HELD, Heard.OTHER): (Do.HOLD, Stand.HELD),
    (Stand.HELD, Heard.BEYOND): (Do.HOLD, Stand.HELD),
    (Stand.HELD, Heard.FORK): (Do.HOLD, Stand.HELD),
    (Stand.HELD, Heard.RESTORED): (Do.GO_ON, Stand.UNHEARD),
    (Stand.HELD, Heard.RELEASED): (Do.RELEASE, Stand.UNHEARD),
} | passed_over(
    Do.IGNORE,
    {
        Stand.UNHEARD: (Heard.CONNECTED, Heard.UNKNOWN),
        Stand.AGREED: (Heard.BEHIND_LATE, Heard.UNKNOWN),
        Stand.HELD: (
            *(Heard.CONNECTED, Heard.AHEAD, Heard.LEVEL, Heard.BEHIND, Heard.BEHIND_LATE, Heard.NO_HASH),
            *(Heard.MISSING, Heard.UNKNOWN, Heard.RESEND),
        ),
    },
)


@frozen
class Claim:
    """The city's word: it has every record up to ``upto``, the last of which has this hash (empty: it does not say).

    ``ordered``: the word is signed with its moment, and older ones than one taken were sorted out before.
    """

    upto: int
    hash: str = ""
    ordered: bool = True


def _why_aside(one: str, other: str) -> str:
    """Why two stretches of refused records are one: where it is doubtful, they are sent once more."""
    return one if one == other else KEPT_BACK if KEPT_BACK in (one, other) else VARIOUS


class StationEnd:
    """What counts as delivered, in stretches of records.

    ``upto``: every record up to here is settled; ``ahead`` are those beyond it; ``aside`` those that were refused, with
    the reason: settled, too, and not delivered.  A city that refuses here and there is told of in at most ``PIECES``
    stretches, which then name records beside the refused ones, too.  ``claimed`` is the newest number that the city
    itself said.  ``held`` is the word by which another ledger has our name, None while none has.
    """

    def __init__(
        self,
        upto: int = 0,
        claimed: int = 0,
        aside: Iterable[Stretch] = (),
        ahead: Iterable[Stretch] = (),
        joints: Iterable[Joint] = (),
        held: Claim | None = None,
    ) -> None:
        self.upto = upto
        self.claimed = claimed
        self.aside = Stretches(most=PIECES, join=_why_aside)
        for first, last, reason in aside:
            self.aside.put(first, last, reason, settled=upto)
        self.ahead = Stretches(ahead)
        self.ahead.take(0, upto)
        self.joints = sorted(joints, key=lambda one: one.sequence)
        self.held = held
        self.stand = Stand.HELD if held else Stand.UNHEARD
        self._sent: set[int] = set()
        self._retried = Stretches()

    def is_settled(self, seq: int) -> bool:
        return seq <= self.upto or seq in self.ahead

    @property
    def delivered(self) -> int:
        """How many numbers are settled and were not refused."""
        return self.upto + len(self.ahead) - len(self.aside)

    def kept_back(self, last: int = END) -> list[Stretch]:
        """Records up to this one that are set aside until the city names them."""
        found = [(first, min(end, last), why) for first, end, why in self.aside.stretches() if first <= last]
        return [one for one in found if one[2] == KEPT_BACK]

    # what happens

    def connected(self) -> None:
        """Another connection: what was sent on the last one proves nothing."""
        self._step(Heard.CONNECTED)
        self._sent.clear()
        self._retried.take(0, END)

    def ask(self) -> None:
        """The city's word is out again: one without order may send us back once more."""
        self._step(Heard.CONNECTED)

    def sent(self, seq: int) -> None:
        """This record was published on this connection."""
        self._sent.add(seq)
        if seq in self.aside:
            self._retried.put(seq, seq)
            if self._retried.pieces > PIECES:
                first, last, _ = self._retried.stretches()[0]
                self._retried.take(first, last)

    def heard(
        self,
        claim: Claim | None,
        own: str | None,
        last: int,
        named: Iterable[int] = (),
        rejected: Mapping[int, str] | None = None,
        forks: Iterable[int] = (),
    ) -> Do:
        """The city spoke: how far it is, which records it has by their ids, and which it will never take, with why.

        ``own`` is the hash of our record ``claim.upto``, None when there is none that can be read; ``last`` is our
        newest number.  While another ledger has our name no part of a word moves anything.

        ``forks`` are those of ``rejected`` whose number another record has: that is another ledger, too, which the
        city has beyond its chain, where no hash of its speaks of it.  Under a joint it is known and settled.
        """
        do = self._step(self._means(claim, own, last)) if claim else Do.IGNORE
        if self.stand is Stand.HELD:
            self.held = claim if claim and do is Do.HOLD else self.held
            return do
        if claim and do is Do.GO_BACK:
            self._go_back(claim, own)
        for seq in named:
            self.arrived(seq)
        for seq, reason in (rejected or {}).items():
            self.refused(seq, reason)
        if claim and do is Do.ADVANCE:
            self._covered(claim.upto)
            self._move(claim.upto)
            self.claimed = claim.upto
            if len(self._sent) > MANY:  # what the city's number has passed is asked no more
                self._sent = {seq for seq in self._sent if seq > claim.upto}
        elif claim and do is Do.OVER_SENT:
            self._move(self._sent_upto(claim.upto))
            self.claimed = max(self.claimed, min(claim.upto, self.upto))
        if others := [seq for seq in forks if self._over(seq) is None]:
            do = self._step(Heard.FORK)
            self.held = Claim(min(others))
        return do

    def arrived(self, seq: int) -> bool:
        """The city named this record by its id: it has it, whatever was said of it before. False when that is known."""
        if seq in self.aside:
            self.aside.take(seq, seq)
            self._retried.take(seq, seq)
            return True
        if self.is_settled(seq):
            return False
        self._settle(seq)
        return True

    def refused(self, seq: int, reason: str) -> bool:
        """This record will not be taken: it is set aside. False when it is delivered already."""
        if self.is_settled(seq) and seq not in self.aside:
            return False
        self._retried.take(seq, seq)
        self._settle(seq)
        self.aside.put(seq, seq, reason, settled=self.upto)
        return True

    def resend(self) -> bool:
        """Somebody wants records once more. False: not now, the city would take them for another ledger's."""
        return self._step(Heard.RESEND) is Do.PUBLISH

    def released(self, claim: Claim, own: str | None, last: int) -> bool:
        """A person wants to go on as before. False: the city's word is still of another ledger.

        What lies behind the city's number is sent again, also what was refused meanwhile.
        """
        if self.held is None or self._means(claim, own, last) in (Heard.OTHER, Heard.BEYOND):
            return False
        if not self.held.hash and claim.upto < self.held.upto <= last:  # it has not passed the number of a fork
            return False
        self._step(Heard.RELEASED)
        self.held = None
        self._go_back(Claim(min(claim.upto, self.upto), claim.hash), own)
        return True

    def restored(self, joint: Joint, proven: bool) -> None:
        """A ``ledger.restored`` is recorded: go on behind it.

        ``proven``: the city has our record ``upto`` now, and so all before it.  What is not proven is set aside
        (``KEPT_BACK``), to be sent again one by one: only its id proves that the city has it.
        """
        first = self.upto + 1 if proven else 1
        self._step(Heard.RESTORED)
        self.joints.append(joint)
        self.upto, self.claimed, self.held = joint.sequence - 1, joint.city, None
        self.ahead.take(0, END)
        self._keep_back(self._under_joints(first - 1).without(self.aside))

    # how it is done

    def _step(self, heard: Heard) -> Do:
        do, self.stand = step(STATION, self.stand, heard)
        return do

    def _means(self, claim: Claim, own: str | None, last: int) -> Heard:
        if claim.upto > last:
            return Heard.BEYOND
        less = Heard.BEHIND if claim.ordered else Heard.BEHIND_LATE
        if (joint := self._over(claim.upto)) is not None:
            if claim.upto < self.claimed:
                return less
            return Heard.LEVEL if _is_ours(claim, own) or _is(claim, joint) else Heard.UNKNOWN
        if claim.upto == 0:
            missing = self.stand is not Stand.AGREED and self._named(1)
            return less if self.claimed else Heard.MISSING if missing else Heard.LEVEL
        if claim.hash and own and claim.hash != own:
            return Heard.OTHER
        if claim.upto < self.claimed:
            return less
        if not _is_ours(claim, own):
            return Heard.NO_HASH
        if self.stand is not Stand.AGREED and self._named(claim.upto + 1):
            return Heard.MISSING
        return Heard.AHEAD if claim.upto > self.claimed else Heard.LEVEL

    def _named(self, seq: int) -> bool:
        """Whether this record counts as delivered, though the city's number has not passed it: it named its id."""
        if seq in self._sent or seq in self.aside or any(seq in one.given_up for one in self.joints):
            return False  # named on this connection, refused, or nothing
        return self.is_settled(seq)

    def _over(self, seq: int) -> Joint | None:
        """The newest joint, when this number lies under it: there hashes say little."""
        return self.joints[-1] if self.joints and seq < self.joints[-1].sequence else None

    def _go_back(self, claim: Claim, own: str | None) -> None:
        """Everything behind the city's number is as if it had never been sent; under a joint, which the city's number
        passes without them, records are set aside until it names them.
        """
        joint = self._over(claim.upto)
        to = joint.sequence - 1 if joint and claim.hash and claim.hash != own else claim.upto
        self.upto, self.claimed = to, claim.upto
        self.aside.take(to + 1, END)
        self.ahead.take(0, END)
        for one in self.joints:
            self.ahead.put(max(to + 1, one.given_up.start), one.given_up.stop - 1)
        kept = self._under_joints(to)
        for first, last, _ in kept.stretches():
            self.ahead.put(first, last)
        self._close()
        self._keep_back(kept)

    def _keep_back(self, kept: Stretches) -> None:
        for first, last, _ in kept.stretches():
            self.aside.put(first, last, KEPT_BACK, settled=self.upto)

    def _under_joints(self, after: int) -> Stretches:
        """Our records behind this number and before the newest joint."""
        found = Stretches([(after + 1, self.joints[-1].own if self.joints else 0, "")])
        for one in self.joints:
            found.take(one.given_up.start, one.given_up.stop - 1)
        return found

    def _covered(self, upto: int) -> None:
        """A record that was set aside and sent again stands in a chain that the city has further than before: but not
        under a joint, which the city's chain passes over."""
        under = self.joints[-1].sequence - 1 if self.joints else 0
        for first, last, _ in self._retried.stretches(max(self.claimed, under)):
            self.aside.take(first, min(last, upto))
        self._retried.take(max(self.claimed, under) + 1, upto)

    def _move(self, upto: int) -> None:
        if upto > self.upto:
            self.upto = upto
            self._close()

    def _settle(self, seq: int) -> None:
        if seq > self.upto:
            self.ahead.put(seq, seq)
            self._close()

    def _close(self) -> None:
        """Close the gap between the cursor and what is settled ahead of it."""
        self.upto = self.ahead.end_at(self.upto + 1) or self.upto
        self.ahead.take(0, self.upto)

    def _sent_upto(self, claimed: int) -> int:
        """How far a number without a hash counts: over what was sent on this connection, without a gap."""
        upto = self.upto
        while upto < claimed and (upto + 1 in self._sent or upto + 1 in self.ahead):
            upto += 1
        self._sent = {seq for seq in self._sent if seq > upto}
        return upto


def _is_ours(claim: Claim, own: str | None) -> bool:
    return bool(claim.hash) and claim.hash == own


def _is(claim: Claim, joint: Joint) -> bool:
    return (claim.upto, claim.hash) == (joint.city, joint.hash)


# --- the city ---------------------------------------------------------------------------------------------------------


class CityStand(Enum):
    """How the city stands with a station."""

    EVEN = "one ledger under this name"
    TORN = "two ledgers under this name"


class Came(Enum):
    """What comes from a station, beside what the city has of it."""

    NEXT = "the next record, its hash fits"
    BEYOND = "a record beyond the next"
    UNDER = "a record that was given up"
    REPEAT = "the same bytes again"
    BROKEN = "the next record, behind another hash"
    FORK = "other bytes under a number, or a used id"
    JOINT = "ledger.restored behind a record we have"
    LOST = "ledger.restored behind a record we have not"
    GONE = "what is missing left the ledger by its ledger.checkpoint"
    BIRTH = "birth with a head that we have, or beyond"
    BIRTH_SHORT = "birth with a head before ours"
    BIRTH_OTHER = "birth with another hash"


class Take(Enum):
    """What the city does with it."""

    TAKE = "take it, advance"
    KEEP = "keep it, name its id"
    NAME = "name its id again"
    BREAK = "refuse it as broken_chain, alarm"
    REFUSE = "refuse it as fork, alarm"
    CLOSE = "take it, pass what is missing before it"
    CLOSE_TORN = "take it, pass what is missing, alarm"
    PASS = "pass it, tell what is missing"
    GREET = "say number, hash and serials"
    WARN = "say number, hash and serials, alarm"


def _city(stand: CityStand) -> dict[tuple[CityStand, Came], tuple[Take, CityStand]]:
    return {
        (stand, Came.NEXT): (Take.TAKE, stand),
        (stand, Came.BEYOND): (Take.KEEP, stand),
        (stand, Came.UNDER): (Take.KEEP, stand),
        (stand, Came.REPEAT): (Take.NAME, stand),
        (stand, Came.BROKEN): (Take.BREAK, CityStand.TORN),
        (stand, Came.FORK): (Take.REFUSE, CityStand.TORN),
        (stand, Came.JOINT): (Take.CLOSE, CityStand.EVEN),
        (stand, Came.LOST): (Take.CLOSE_TORN, CityStand.TORN),
        (stand, Came.GONE): (Take.PASS, stand),
        (stand, Came.BIRTH): (Take.GREET, CityStand.EVEN),
        (stand, Came.BIRTH_SHORT): (Take.WARN, CityStand.TORN),
        (stand, Came.BIRTH_OTHER): (Take.WARN, CityStand.TORN),
    }


CITY = _city(CityStand.EVEN) | _city(CityStand.TORN)


@dataclass(slots=True)
class CityEnd:
    """One station as the city's chain has it: ``upto`` without a gap, ``head`` its hash, ``torn`` why it alarms."""

    upto: int = 0
    head: str = FIRST_PREVHASH
    torn: str = ""
    stand: CityStand = field(init=False)

    def __post_init__(self) -> None:
        self.stand = CityStand.TORN if self.torn else CityStand.EVEN

    def came(self, sequence: int, prevhash: str, digest: str, there: str, used: int, *, joint: bool = False) -> Take:
        """A record came. ``there`` is the hash under its number, empty when that is free; ``used`` another number that
        its id has already, 0 for none; ``joint`` whether it is a ``ledger.restored``.

        What does not follow is not taken: else our newest hash would speak for records that we do not have.
        """
        if there == digest:
            return self._step(Came.REPEAT)
        if there:
            return self._step(Came.FORK, f"two records under number {sequence}")
        if used:
            return self._step(Came.FORK, f"one id under the numbers {used} and {sequence}")
        if sequence == self.upto + 1 and not joint and prevhash != self.head:
            return self._break(sequence)
        return self._step(Came.UNDER if sequence <= self.upto else Came.BEYOND)

    def _break(self, sequence: int) -> Take:
        return self._step(Came.BROKEN, f"record {sequence} does not follow the record before it")

    def follow(self, sequence: int, prevhash: str, digest: str, joint: Joint | None = None, there: str = "") -> Take:
        """The next record in the chain: ``upto`` + 1, or a joint, which passes what is missing before it. One that
        does not follow (it was kept before the one before it came) is not passed.

        ``there`` is the hash of the record that a joint says it goes on from, as we have it.
        """
        if joint is not None:
            fits = joint.city == 0 or not joint.hash or there == joint.hash
            do = self._step(
                Came.JOINT if fits else Came.LOST, f"record {sequence} goes on behind a record {joint.city} of another"
            )
        elif prevhash == self.head:
            do = self._step(Came.NEXT)
        else:
            return self._break(sequence)
        self.upto, self.head = sequence, digest
        return do

    def passes(self, gone: int, point: int) -> bool:
        """Whether what follows is missing for good: the station's birth says that its records up to ``gone`` left its
        ledger, and a ``ledger.checkpoint`` that it recorded names them: up to ``point``."""
        return self.upto < gone <= point

    def pass_gone(self, gone: int, prevhash: str, there: str) -> Take:
        """The chain goes on behind record ``gone``, which we never had: at the one that has ``prevhash`` before it.

        ``there`` is the hash of what we have under the number ``gone``, empty for nothing.
        """
        if there and there != prevhash:
            return self._break(gone + 1)
        self.upto, self.head = gone, prevhash
        return self._step(Came.GONE)

    def born(self, last: int, digest: str, there: str, *, overtaken: bool = False) -> Take:
        """A birth names its newest record. ``there`` is the hash of what we have under that number, empty for none;
        ``overtaken`` whether what we have beyond it was recorded after the birth was said."""
        if digest and there and there != digest:
            return self._step(Came.BIRTH_OTHER, f"the station's record {last} is another one than ours")
        if last < self.upto and not (overtaken and there):
            return self._step(Came.BIRTH_SHORT, f"the station's ledger ends at {last}, ours at {self.upto}")
        return self._step(Came.BIRTH)

    def _step(self, came: Came, why: str = "") -> Take:
        do, self.stand = step(CITY, self.stand, came)
        if self.stand is CityStand.EVEN:
            self.torn = ""
        elif why:
            self.torn = why
        return do
