"""Stations and a city on the pure machine, and everything that happens to both: crash, old copies, clones, and messages
that are late, doubled, out of order, played again or forged.

A record is ``(box, count)``, a name that no two records share; its hash covers the one before it, as in the ledger.

What a forger can do who may publish on the ack topic, and read everything there:

* Where acks are signed (``confirm = "city"``, ``World``) he says nothing: a word without a key of the city is no word,
  nor is a command that would make his key one of them.  He can play again what the city said once.  It is older than
  the newest word taken, or, after a restart, true as of then: it makes a station send again, or counts what the city
  had and forgot, until the city's next word, which it says at each birth.
* Where they are not (``confirm = "city-unsigned"``, ``Unsigned``) his word counts as the city's, and the hash is what
  is left.  A number alone, however large, counts no further than what was sent on this connection; a wrong hash, or
  that of another record, counts nothing: it holds the box, which costs time and no record.  What he can take away is
  the proof: a record that was sent and lost on its way counts as delivered when he names it, or says its hash, which
  everybody can compute who reads the wire.  The city's next answer to a birth goes back behind it, and it is sent
  again.  So he can delay, hold and alarm, and in the end the city has all of it; but for a record that the city refuses
  because another box used its number: a person sees it among those set aside, unless the forger names its id.
"""

import hashlib
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from protocol.city.agreement import CityEnd, Claim, Do, Joint, Stand, StationEnd, Take
from protocol.city.envelope import FIRST_PREVHASH

WINDOW = 4
SPARE = 20  # numbers left out by a joint: more than another box can have sent before it heard of us
CITY, FORGER = "the city's key", "the forger's key"
ROUNDS = 60
BOXES = 3


@dataclass(frozen=True)
class Record:
    """As it stands in a ledger and on the wire."""

    seq: int
    prevhash: str
    name: str
    joint: Joint | None = None
    point: int = 0  # of a ``ledger.checkpoint``: what it lets go

    @property
    def digest(self) -> str:
        return hashlib.sha256(repr((self.seq, self.prevhash, self.name, self.joint, self.point)).encode()).hexdigest()


@dataclass(frozen=True)
class Word:
    """What the city says to all boxes of this name. ``no`` are records that it refuses, by name."""

    issued: int
    claim: Claim
    has: tuple[str, ...] = ()
    no: tuple[str, ...] = ()
    holds: str = ""
    birth: int = 0
    by: str = CITY
    trust: str = ""  # no answer but the command to take this key for the city's


@dataclass
class Box:
    """A ledger with its cursor; ``disk`` is what a crash leaves. ``mark`` is the highest number that was ever used
    here, kept beside the key; records up to ``gone`` were kept their time and left it."""

    name: str
    records: dict[int, Record] = field(default_factory=dict)
    end: StationEnd = field(default_factory=StationEnd)
    saved: StationEnd = field(default_factory=StationEnd)
    mark: int = 0
    gone: int = 0
    count: int = 0
    up: bool = False
    sent: dict[str, int] = field(default_factory=dict)
    flying: set[int] = field(default_factory=set)
    again: set[int] = field(default_factory=set)
    newest: int = 0  # the moment of the newest word taken
    birth: int = 0
    city: Word | None = None
    told: bool = False  # heard that another ledger has its name, and not gone on since
    keys: set[str] = field(default_factory=lambda: {CITY})

    @property
    def last(self) -> int:
        return max(self.records, default=0)

    @property
    def head(self) -> str:
        return self.records[self.last].digest if self.records else FIRST_PREVHASH

    def write(self, seq: int, prevhash: str, joint: Joint | None = None, point: int = 0) -> Record:
        self.count += 1
        record = Record(seq, prevhash, f"{self.name}.{self.count}", joint, point)
        assert seq not in self.records
        self.records[seq] = record
        self.mark = max(self.mark, seq)
        return record


class World(RuleBasedStateMachine):
    """The rules; ``fault`` names a mistake that is planted, to prove that this would find it."""

    fault = ""
    signed = True

    def __init__(self) -> None:
        super().__init__()
        self.boxes = [Box("a")]
        self.copies: list[tuple[dict[int, Record], StationEnd, int]] = []
        self.city: dict[int, Record] = {}
        self.end = CityEnd()
        self.gone = self.point = 0  # by the newest birth, and by the checkpoints that the city has
        self.missing: set[int] = set()  # what the city told as gone before it had it
        self.backup: tuple[dict[int, Record], CityEnd, int, int] = ({}, CityEnd(), 0, 0)
        self.forgot = False  # and not spoken since
        self.ever: set[str] = set()  # names of records that the city has had
        self.wire: dict[str, Record] = {}  # what the forger has read, by name
        self.up: list[tuple[Box, Record]] = []  # on their way to the city
        self.down: list[Word] = []  # on their way back
        self.said: list[Word] = []  # what the forger wrote down of it
        self.vouched: set[str] = set()  # records that he spoke of by name
        self.issued = 0
        self.births = 0

    # --- a box ------------------------------------------------------------------------------------------------------

    @rule(box=st.integers(0, BOXES), count=st.integers(1, 4))
    def sell(self, box: int, count: int) -> None:
        """Nothing is sold while another ledger has our name, or where the mark says that this is an older copy."""
        one = self._box(box)
        for _ in range(count):
            if (one.end.stand is Stand.HELD or one.last < one.mark) and self.fault != "sells on":
                return
            assert not one.told, "a number was used although another ledger has this name"
            one.write(one.last + 1, one.head)

    @rule(box=st.integers(0, BOXES))
    def connect(self, box: int) -> None:
        one = self._box(box)
        one.end.connected()
        one.up = True
        one.sent.clear()
        one.flying.clear()
        self.births += 1
        one.birth = self.births
        one.city = None
        self._greet(one, one.birth)

    @rule(box=st.integers(0, BOXES))
    def send(self, box: int) -> None:
        one = self._box(box)
        if not one.up or one.end.stand is Stand.HELD:
            return
        waiting = [seq for seq in sorted(one.records) if not one.end.is_settled(seq) and seq not in one.flying]
        room = WINDOW - len([seq for seq in one.flying if not one.end.is_settled(seq)])
        joints = [seq for seq in waiting if one.records[seq].joint]  # as an alarm, ahead of the others
        for seq in [*joints, *(seq for seq in waiting if seq not in joints)][: max(0, room)]:
            self._publish(one, seq)
            one.flying.add(seq)
        if one.end.resend():
            for seq in sorted(one.again)[:WINDOW]:
                one.again.discard(seq)
                self._publish(one, seq)

    def _publish(self, one: Box, seq: int) -> None:
        record = one.records[seq]
        one.end.sent(seq)
        one.sent[record.name] = seq
        self.up.append((one, record))
        self.wire[record.name] = record

    @rule(box=st.integers(0, BOXES))
    def nothing_came(self, box: int) -> None:
        """After a while what was not answered goes once more."""
        one = self._box(box)
        one.flying.clear()
        one.end.ask()

    @rule(box=st.integers(0, BOXES), stay=st.integers(0, 3))
    def keep_their_time(self, box: int, stay: int) -> None:
        """What the city has had for months goes, but for some that have to stay; a checkpoint first."""
        one = self._box(box)
        settled = min([one.end.upto, *(seq - 1 for seq in one.end.aside)])
        if one.end.stand is Stand.HELD or one.last < one.mark or settled <= one.gone or settled not in one.records:
            return
        one.write(one.last + 1, one.head, point=settled)
        one.gone = max([one.gone, *sorted(seq for seq in one.records if seq <= settled)[: -stay or None]])
        one.records = {seq: record for seq, record in one.records.items() if seq > one.gone}
        one.again &= set(one.records)

    @rule(box=st.integers(0, BOXES))
    def save(self, box: int) -> None:
        one = self._box(box)
        one.saved = deepcopy(one.end)

    @rule(box=st.integers(0, BOXES))
    def crash(self, box: int) -> None:
        """Records are on the disk before anybody hears of them; of the progress only what was saved."""
        one = self._box(box)
        held = one.end.held
        one.end = StationEnd(
            one.saved.upto,
            one.saved.claimed,
            one.saved.aside.stretches(),
            one.saved.ahead.stretches(),
            one.end.joints,  # with their records
            held,  # it is written at once
        )
        one.up = False
        one.newest = 0

    @rule(box=st.integers(0, BOXES))
    def copy(self, box: int) -> None:
        one = self._box(box)
        self.copies.append((dict(one.records), deepcopy(one.end), one.gone))

    @rule(box=st.integers(0, BOXES), copy=st.integers(0, 9), key_too=st.booleans())
    def put_back(self, box: int, copy: int, key_too: bool) -> None:
        """An older copy of the ledger; ``key_too``: the mark beside the key went back with it."""
        if not self.copies:
            return
        one = self._box(box)
        records, end, one.gone = self.copies[copy % len(self.copies)]
        one.records, one.end, one.saved = dict(records), deepcopy(end), deepcopy(end)
        if key_too:
            one.mark = one.last
        one.up, one.told, one.newest = False, one.end.stand is Stand.HELD, 0
        one.again.clear()
        one.sent.clear()

    @precondition(lambda self: len(self.boxes) < BOXES)
    @rule(box=st.integers(0, BOXES))
    def clone(self, box: int) -> None:
        """A second box with the same key, ledger and mark."""
        other = deepcopy(self._box(box))
        other.name, other.up, other.newest = "abc"[len(self.boxes)], False, 0
        self.boxes.append(other)

    @rule(box=st.integers(0, BOXES))
    def command(self, box: int) -> None:
        """A person orders the way out, in a box that is held and has heard the city on this connection."""
        one = self._box(box)
        held = one.end.stand is Stand.HELD or one.last < one.mark
        if not held or not one.up or one.city is None:
            return
        word, last, head = one.city, one.last, one.head
        own = self._own(one, word.claim.upto)
        if one.end.stand is Stand.HELD and one.last >= one.mark and one.end.released(word.claim, own, last):
            one.told = False
            one.again |= set(one.end.aside) & set(one.records)
            return
        seq = max(last, word.claim.upto, one.mark) + SPARE + 1
        if self.fault == "uses numbers again":
            seq = last + 1
        joint = Joint(seq, last, word.claim.upto, word.claim.hash)
        acked = self._own(one, one.end.upto)
        proven = one.end.upto == 0 or bool(acked and acked == word.holds)
        if self.fault == "believes all is there":
            proven = True
        one.write(seq, word.claim.hash or head, joint)
        assert seq not in self.city, "a number that the city has was used again"
        one.end.restored(joint, proven)
        one.again |= set(one.end.aside) & set(one.records)
        one.flying.clear()
        one.told = False
        one.saved = deepcopy(one.end)

    @rule(box=st.integers(0, BOXES))
    def resend(self, box: int) -> None:
        one = self._box(box)
        one.again |= set(one.records)

    # --- the way ----------------------------------------------------------------------------------------------------

    @rule(which=st.integers(0, 30), keep=st.booleans())
    def to_city(self, which: int, keep: bool) -> None:
        """One message arrives, in any order; it may come again."""
        if self.up:
            number = which % len(self.up)
            _, record = self.up[number] if keep else self.up.pop(number)
            self._take(record)

    @rule(which=st.integers(0, 30), keep=st.booleans())
    def to_boxes(self, which: int, keep: bool) -> None:
        if self.down:
            number = which % len(self.down)
            word = self.down[number] if keep else self.down.pop(number)
            for one in self.boxes:
                self._hear(one, word)

    @rule(
        lie=st.sampled_from(
            ["its hash", "no hash", "wrong hash", "another number", "far too much", "ids", "refusal", "key"]
        ),
        which=st.integers(0, 30),
        over=st.integers(1, 4),
        box=st.integers(0, BOXES),
        at_once=st.booleans(),
    )
    def forged(self, lie: str, which: int, over: int, box: int, at_once: bool) -> None:
        """Somebody who read every record on the wire says that he is the city, also in words of a moment to come; at
        best just when something was sent that the city has not heard."""
        if at_once:
            if not self._box(box).up:
                self.connect(box)
            self.sell(box, 1)
            self.send(box)
        record = [*self.wire.values()][-1 - which % len(self.wire)] if self.wire else Record(over, "", "nothing")
        word = Word(self.issued + over // 4, Claim(record.seq, record.digest), by=FORGER)
        claims = {
            "no hash": Claim(record.seq + over),
            "wrong hash": Claim(record.seq, "ab" * 32),
            "another number": Claim(record.seq + over, record.digest),
            "far too much": Claim(record.seq + 300, record.digest),
        }
        word = replace(word, claim=claims.get(lie, word.claim))
        if lie in ("ids", "refusal"):
            name = (record.name,)
            self.vouched |= {record.name}
            word = replace(word, claim=Claim(0), has=name * (lie == "ids"), no=name * (lie == "refusal"))
        self.down.append(replace(word, trust=FORGER if lie == "key" else ""))
        if at_once:
            for one in self.boxes:
                self._hear(one, self.down[-1])

    @rule(which=st.integers(0, 300))
    def played_again(self, which: int) -> None:
        """The forger writes down all that the city says."""
        if self.said:
            self.down.append(self.said[which % len(self.said)])

    @rule(box=st.integers(0, BOXES), sells=st.integers(0, 3))
    def talk(self, box: int, sells: int) -> None:
        """A while in which all goes well."""
        one = self._box(box)
        if sells:
            self.sell(box, sells)
        if not one.up:
            self.connect(box)
        for _ in range(3):
            self.send(box)
            for _, record in [self.up.pop(0) for _ in range(len(self.up))]:
                self._take(record)
            for word in [self.down.pop(0) for _ in range(len(self.down))]:
                for other in self.boxes:
                    self._hear(other, word)

    @rule()
    def lose_all(self) -> None:
        self.up.clear()
        self.down.clear()

    # --- the city ---------------------------------------------------------------------------------------------------

    @rule()
    def back_up(self) -> None:
        self.backup = (dict(self.city), deepcopy(self.end), self.gone, self.point)

    @rule()
    def city_restored(self) -> None:
        """What it had since the backup it has not any more."""
        self.city, self.end = dict(self.backup[0]), deepcopy(self.backup[1])
        _, _, self.gone, self.point = self.backup
        self.forgot = True

    @rule()
    def greet(self) -> None:
        self._say()

    def _greet(self, one: Box, birth: int) -> None:
        there, sure = self.city.get(one.last), self.city.get(one.end.upto)
        self.end.born(one.last, one.head, there.digest if there else "")
        self.gone = one.gone
        self._advance()
        self._say(holds=sure.digest if sure else "", birth=birth)

    def _take(self, record: Record) -> None:
        there = self.city.get(record.seq)
        there_digest = there.digest if there else ""
        do = self.end.came(record.seq, record.prevhash, record.digest, there_digest, 0, joint=record.joint is not None)
        has: tuple[str, ...] = ()
        no: tuple[str, ...] = ()
        if do in (Take.REFUSE, Take.BREAK) and self.fault != "takes two under one number":
            no = (record.name,)
        else:
            if do is not Take.NAME:
                self.city[record.seq] = record
            self.ever.add(record.name)
            has = (record.name,)
            self.point = max(self.point, record.point)
        self._advance()
        self._say(has=has, no=no)

    def _pass_gone(self) -> bool:
        """Go on behind what left the station and never came; False when the chain breaks there."""
        gone = self.point if self.fault == "passes what did not leave the station" else self.gone
        following = self.city.get(gone + 1)
        if not self.end.passes(gone, self.point) or self.end.upto + 1 in self.city or not following or following.joint:
            return True
        passed, there = self.end.upto, self.city.get(gone)
        if self.end.pass_gone(gone, following.prevhash, there.digest if there else "") is Take.BREAK:
            return False
        self.missing |= {seq for seq in range(passed + 1, self.gone + 1) if seq not in self.city}
        return True

    def _advance(self) -> None:
        while self._pass_gone():
            following = self.city.get(self.end.upto + 1)
            if following is None or not (following.joint or following.prevhash == self.end.head):
                joints = [seq for seq, one in self.city.items() if one.joint and seq > self.end.upto]
                following = self.city[min(joints)] if joints else None
            if following is None:
                return
            there = self.city.get(following.joint.city) if following.joint else None
            do = self.end.follow(
                following.seq, following.prevhash, following.digest, following.joint, there.digest if there else ""
            )
            if do is Take.BREAK:
                return

    def _say(self, **more: Any) -> None:
        self.issued += 1
        self.forgot = False
        digest = self.end.head if self.end.upto else ""
        self.said.append(Word(self.issued, Claim(self.end.upto, digest), **more))
        self.down.append(self.said[-1])

    # --- a box hears ------------------------------------------------------------------------------------------------

    def _own(self, one: Box, seq: int) -> str | None:
        if seq == one.gone and seq + 1 in one.records:
            return one.records[seq + 1].prevhash
        return one.records[seq].digest if seq in one.records else None

    def _hear(self, one: Box, word: Word) -> None:
        if not one.up or not self._believed(one, word):
            return
        if word.trust:
            one.keys.add(word.trust)
            return
        if word.birth == one.birth or one.city is None or word.claim != one.city.claim:
            one.city = word if word.birth == one.birth else Word(word.issued, word.claim)
        named = [one.sent[name] for name in word.has if name in one.sent]
        rejected = {one.sent[name]: "fork" for name in word.no if name in one.sent}
        own = self._own(one, word.claim.upto)
        if self.fault == "takes a number for the record":
            own = word.claim.hash
        if self.fault == "counts what was never sent":
            for seq in one.records:
                one.end.sent(seq)
        do = one.end.heard(replace(word.claim, ordered=self.signed), own, one.last, named, rejected, rejected)
        if do is Do.GO_BACK:
            one.again |= set(one.end.aside) & set(one.records)
            if word.claim.upto < one.gone:  # it has to hear what cannot come
                self.births += 1
                one.birth = self.births
                self._greet(one, one.birth)
        one.told = one.end.stand is Stand.HELD

    def _believed(self, one: Box, word: Word) -> bool:
        """Whether it is signed by a key that counts, and no older than one that was taken."""
        anybody = self.fault == ("believes every command" if word.trust else "believes every word")
        if not (word.by in one.keys or anybody or (not self.signed and not word.trust)):
            return False
        if self.signed and word.issued < one.newest:
            return False
        one.newest = word.issued
        return True

    def _box(self, number: int) -> Box:
        return self.boxes[number % len(self.boxes)]

    # --- what must be true ------------------------------------------------------------------------------------------

    @invariant()
    def nothing_counts_as_delivered_that_the_city_never_had(self) -> None:
        for one in self.boxes:
            for seq, record in one.records.items():
                if one.end.is_settled(seq) and seq not in one.end.aside:
                    assert record.name in self.ever, f"{record.name} is lost"

    def _settle(self, one: Box) -> None:
        """The others are switched off; nothing is lost on the way any more, and a person does what the page says."""
        self.up.clear()
        self.down.clear()
        self.connect(self.boxes.index(one))
        for _ in range(ROUNDS):
            for word in [self.down.pop(0) for _ in range(len(self.down))]:
                self._hear(one, word)
            self.command(self.boxes.index(one))
            self.send(self.boxes.index(one))
            for _, record in [self.up.pop(0) for _ in range(len(self.up))]:
                self._take(record)
            if not (self.up or self.down or one.again):
                if all(one.end.is_settled(seq) for seq in one.records):
                    return
                one.flying.clear()  # after a while what was not answered goes once more

    def teardown(self) -> None:
        """Whatever happened: after the command both agree again, and all is either with the city or named."""
        for number, one in enumerate(self.boxes):
            for other in self.boxes:
                other.up = other is one
            self._settle(one)
            self.sell(number, 3)
            self._settle(one)
            assert one.end.stand is Stand.AGREED, f"{one.end.stand} of {one.name}"
            assert self.end.head == one.head, f"{one.name} and the city have not the same head"
            open_ones = [seq for seq in one.records if not one.end.is_settled(seq)]
            assert not open_ones, f"{open_ones} of {one.name} still wait"
            for seq, record in one.records.items():
                if seq not in one.end.aside:
                    told = seq in self.missing  # it had left another copy of this ledger
                    assert self.city.get(seq) == record or told or self._excused(record), f"{record.name} is lost"

    def _excused(self, record: Record) -> bool:
        return False


class Unsigned(World):
    """Nobody signs, and who listens takes everybody's word for the city's."""

    signed = False

    @invariant()
    def nothing_counts_as_delivered_that_the_city_never_had(self) -> None:
        """But what was on the wire once: of that a forger can speak."""
        for one in self.boxes:
            for seq, record in one.records.items():
                if one.end.is_settled(seq) and seq not in one.end.aside:
                    assert record.name in self.wire, f"{record.name} counts as delivered and was never sent"

    def _excused(self, record: Record) -> bool:
        """Under a joint only its id proves a record: one that the city refuses for another box's can be named there."""
        return record.name in self.vouched


PLAYED = settings(max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("world", [World, Unsigned])
def test_whatever_happens_both_agree_again_and_nothing_is_lost_unseen(world: type[World]) -> None:
    run_state_machine_as_test(world, settings=PLAYED)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("world", "fault"),
    [
        (World, "sells on"),
        (World, "uses numbers again"),
        (World, "believes all is there"),
        (World, "takes two under one number"),
        (World, "takes a number for the record"),
        (World, "believes every word"),
        (World, "believes every command"),
        (Unsigned, "counts what was never sent"),
    ],
)
def test_a_planted_mistake_is_found(world: type[World], fault: str) -> None:
    quick = settings(PLAYED, max_examples=2000, phases=[Phase.generate], database=None, derandomize=True)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(type("Faulty", (world,), {"fault": fault}), settings=quick)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("fault", ["", "passes what did not leave the station"])
def test_a_city_that_begins_anew_waits_for_what_has_not_left_the_station(fault: str) -> None:
    """The checkpoint says what may leave, and the birth what did; the records between them are still to be had."""
    one = type("Told", (World,), {"fault": fault})()
    one.talk(0, 3)
    one.talk(0, 3)
    one.keep_their_time(0, 3)
    one.talk(0, 1)
    assert (one.boxes[0].gone, one.point) == (3, 6)
    one.city_restored()  # to nothing
    one.connect(0)
    while one.down:
        one.to_boxes(0, False)
    one.send(0)
    one.to_city(len(one.up) - 1, False)  # the checkpoint alone
    one.up.clear()
    while one.down:
        one.to_boxes(0, False)
    assert one.end.upto == (7 if fault else 0)
    with pytest.raises(AssertionError, match="is lost") if fault else nullcontext():
        one.teardown()
