"""From the ledger to the city: a small window of records on their way, each kept until the city says it has it.

A broker's acknowledgement only says that the broker has it.  A record is delivered when the platform's signed ``ack``
covers its sequence number and names its hash (``confirm = "city"``), or, for platforms that cannot answer, when the
broker took it; ``protocol/city/agreement.py`` has the rules.  Alarms go before the backlog.  A record the platform
rejects is set aside with its reason and holds up nothing.  While the city is silent one record at a time knocks, not
the whole window; while another ledger has our name nothing is sent.

All methods are called by the core thread; ``now`` is the steady clock.
"""

import copy
import hashlib
import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from edge.between.board import CityView
from edge.between.inbox import BrokerAnswer, Limits, LinkChanged
from edge.city.again import Again
from edge.city.backlog import Backlog, Row
from edge.city.city_word import CityWord
from edge.city.connection import NOBODY, TO_BROKER
from edge.city.doubts import Doubts
from edge.city.waiting import Waiting
from edge.config.sections import CitySection
from edge.records.clock import Clock
from edge.records.delivery import Delivery
from edge.records.ledger import ALARM, ORDINARY, Ledger, OtherLedger
from protocol.city.agreement import Claim, Do, Stand, StationEnd
from protocol.city.envelope import CONTENT_TYPE, BadEvent, hash_of, kind_of
from protocol.city.signed import CityKeys
from protocol.city.stretches import Stretches
from protocol.city.topics import Ack, PhotoWord, Rejected, Topics
from protocol.frozen import changed

BACK_OFF = frozenset({137, 150, 151})  # server busy, rate too high, quota exceeded
TOO_LARGE = 149
TOO_BAD = frozenset({131, 153})  # implementation specific, payload format invalid
PASSED_AT_ONCE, PASSED_SECONDS = 200, 0.05  # records of a kind that waits that are passed over, and the pause then
RESEND_CAP = 60.0
PUBACK_SECONDS = 10.0  # a broker that acknowledges nothing for so long is left: on a line that is up, none is late
STAY_CAP = 600.0
STAY = 3  # so many resend_seconds without the city's word, and the next broker of the list is tried
LEFT = frozenset({"silent", "swallowed", "no_puback"})  # what a broker is left for
SET_ASIDE_SHOWN = 50
TELL_SECONDS = 60.0  # how far it is delivered is said so often at most
URGENT = 20  # alarms that may wait for the city's answer beside a full window
RECENT = 200  # pending records among which an id is looked for that was not sent on this connection
PACKET_OVERHEAD = 16 + len(CONTENT_TYPE)  # of a PUBLISH over topic and body, no less than it really is
log = logging.getLogger("publisher")


class Wire(Protocol):
    """What the publisher needs of the MQTT connection."""

    def publish(self, topic: str, body: bytes) -> int | None: ...

    def leave(self, cause: str, why: str) -> None: ...


@dataclass(slots=True)
class Flight:
    """A record that was published and is not settled: its message id until the broker has it, and when it left."""

    seq: int
    id: str
    lane: int
    mid: int | None
    at: float


class Publisher:
    """The window and the cursor. Progress is written with the next record, or when ``save`` is called."""

    def __init__(
        self, part: CitySection, ledger: Ledger, topics: Topics, wire: Wire, clock: Clock, keys: CityKeys
    ) -> None:
        self._part = part
        self._ledger = ledger
        self._topics = topics
        self._wire = wire
        self._clock = clock
        self._keys = keys
        self._word = CityWord(part, topics.station, keys, clock)
        self._doubts = Doubts()
        self._flights: dict[int, Flight] = {}
        # What the broker has not acknowledged: record, when it was sent, and its topic.
        self._by_mid: dict[int, tuple[int, float, str]] = {}
        self._sent: dict[str, int] = {}  # by id, what was published on this connection and is not delivered
        self._ids: dict[int, str] = {}  # of pending records that were not sent on this connection, read when asked for
        self._limits = Limits()
        self._pause = part.resend_seconds
        self._hold_until = 0.0
        self._probe_at = 0.0
        self._go_on_at: float | None = None  # more of the backlog is to be looked through then
        self._patience = 1
        self._stay = STAY * part.resend_seconds
        self._answer_at = self._up_at = self._progress_at = 0.0
        self._first: dict[int, float] = {}  # when a record was sent first on this connection that the city has not
        self._overtaken = float("-inf")  # what was sent first before that, and is not settled, others overtook
        self._left_for = 0  # the record for which a broker was left; until it is settled the distance grows
        self._broker = ""
        self._left: dict[str, tuple[str, str]] = {}  # brokers that were left: cause and detail
        self._word_at = float("-inf")
        self._link_cause = self._link_why = ""
        self._nobody = False
        self._open_refusal = ""
        self._birth = ""  # SHA-256 of what we said of ourselves on this connection …
        self.born_at = float("-inf")  # … and when, in seconds since the kernel started
        self.city: Ack | None = None  # the city's newest number on this connection, with what it answered to our birth
        self.up = False
        self.silent_since = ""  # wall time of what the city did not answer; empty while it does
        self.last_ack = ""  # wall time of the city's last word
        self.key_since = 0  # the record that named the key we sign with
        self.birth_due = False  # the city does not know our key: say again who we are
        self._waiting = Waiting(ledger, clock)
        self._table = Delivery(ledger.conn)
        self._again = Again(self._table)
        self._backlog = Backlog(self._table, ledger.written)
        self.end = self._table.end()
        self._hold()
        self._saved: tuple[int, int, Claim | None, int, int] | None = self._progress
        self._told = self.upto
        self._tell_at = float("-inf")  # how far it is delivered, to the log
        self.about_photos: Callable[[tuple[PhotoWord, ...], float], None] = lambda words, now: None

    # --- what the core asks -----------------------------------------------------------------------------------------

    @property
    def upto(self) -> int:
        """Every record up to here is settled."""
        return self.end.upto

    @property
    def aside(self) -> Stretches:
        """Records that were refused, with the reason."""
        return self.end.aside

    @property
    def pending(self) -> int:
        """Records nobody has answered for."""
        return self._ledger.head.seq - self.upto - len(self.end.ahead)

    @property
    def acked(self) -> int:
        """Records that were confirmed; what was set aside is not."""
        return self.end.delivered

    @property
    def settled(self) -> int:
        """The newest record when all are settled and the city speaks; 0 while any waits: photos come after them."""
        return 0 if self.pending or self.silent_since or self.end.held else self.upto

    @property
    def at_ease(self) -> bool:
        """Whether all that is to be sent is on its way, to a city that answers: no answer lets more go."""
        nothing_left = self.pending <= len(self._flights) and not self._again.waiting
        return nothing_left and not (self.silent_since or self.end.held)

    @property
    def _silent(self) -> bool:
        return bool(self.silent_since) and self.pending > 0

    def view(self, broker: str, odd: Mapping[str, int]) -> CityView:
        """What pages see; ``odd`` is what the connection did not take."""
        cause, why = self.cause()
        strange = Counter(odd) + self._word.odd
        return CityView(
            self.up,
            why,
            self._ledger.head.seq,
            self.acked,
            self.pending,
            tuple(self.aside.newest(SET_ASIDE_SHOWN)),
            broker,
            cause=cause,
            silent_since=self.silent_since if self._silent else "",
            last_ack=self.last_ack,
            aside=len(self.aside),
            again=self._again.left,
            odd=tuple(sorted(strange.items())),
            confirm=self._part.confirm,
            left=tuple((url, *why) for url, why in self._left.items() if url != broker or not self.up),
            waits_since=self._waiting.since(self.upto + 1 if self.pending else None),
        )

    def cause(self) -> tuple[str, str]:
        """Why records do not get through or are not confirmed: a word of ``link_causes`` and a detail for the
        technician; both empty when all is well."""
        troubles = (
            (self.end.held is not None, "disagree", self._other()),
            (not self.up, self._link_cause, self._link_why),
            (self._link_cause, self._link_cause, self._link_why),
            (self._part.confirm == "city" and not self._keys, "no_city_key", str(self._part.keys_file)),
            (not self._can_confirm, "no_qos", ""),
            (self._doubts.complaint, "broker_refuses", self._doubts.complaint),
            (self._open_refusal, "city_refuses", self._open_refusal),
            (self._silent and self._word.unproven, "unproven", ""),
            (self._silent and self._nobody, "nobody", ""),
            (self.upto < self._ledger.gone, "gone", f"#{self.upto + 1}-{self._ledger.gone}"),
            (self._silent and self.end.ahead.without(self.aside), "skipped", f"#{self.upto + 1}"),
            (self._silent, "silent", ""),
        )
        return next(((cause, why) for holds, cause, why in troubles if holds), ("", ""))

    @property
    def unsaved(self) -> bool:
        return self._saved != self._progress or self._again.unsaved

    @property
    def urgent(self) -> bool:
        """Whether another ledger was heard of, or settled, and that is not written down: it must outlast a restart."""
        return (self._saved[2] if self._saved else None) != self.end.held

    @property
    def _progress(self) -> tuple[int, int, Claim | None, int, int]:
        end = self.end
        return end.upto, end.claimed, end.held, end.aside.version, end.ahead.version

    def save(self) -> None:
        """Write the progress, inside the caller's transaction."""
        if self._saved != self._progress:
            self._saved = self._progress
            self._table.write(self.end)
        if self._again.unsaved:
            self._again.save()

    def not_saved(self) -> None:
        """The transaction of the last ``save`` failed: all of it is to be written again."""
        self._saved = None
        self._again.not_saved()

    def deadline(self) -> float | None:
        """When ``pump`` wants to be called although nothing happened."""
        if not self.up or not self._can_confirm:
            return None
        wanted = (self._mute_at(), self._late_at(), self._leave_at(), self._doubts.due(), self._go_on_at)
        times = [time for time in wanted if time is not None]
        return max(self._hold_until, min(times)) if times else None

    def pump(self, now: float) -> None:
        """Fill the window; publish again what the city did not answer for too long; leave who does not do his part."""
        if self.upto != self._told and now >= self._tell_at:
            log.info("delivered upto=%d pending=%d", self.upto, self.pending)
            self._told, self._tell_at = self.upto, now + TELL_SECONDS
        if not self.up or now < self._hold_until or not self._can_confirm:
            return
        if self._doubts.release(now):
            self._rewind()
        if (at := self._mute_at()) is not None and now >= at:
            self._patience = min(2 * self._patience, 8)
            self._leave("no_puback", f"no acknowledgement for {now - self._last_answer():.0f} s")
        elif (at := self._leave_at()) is not None and now >= at:
            self._leave_for_silence(now)
        else:
            self._send_again(now)
            self._send_more(now)
            self._send_once_more(now)

    def trust(self, keys: CityKeys) -> None:
        """From now on these are the city's keys."""
        self._keys = keys
        self._word.trust(keys)

    def resend(self) -> None:
        """Somebody wants records once more: the table of delivery says which."""
        self._again.look()

    def born(self, birth: bytes) -> None:
        """This is what was said of us on this connection."""
        self._birth, self.born_at = hashlib.sha256(birth).hexdigest(), self._clock.up()

    # --- the way out when another ledger has our name ---------------------------------------------------------------

    def remember(self) -> StationEnd:
        """What counts as delivered, for ``take_back``."""
        return copy.deepcopy(self.end)

    def take_back(self, before: StationEnd) -> None:
        """The order to go on was not recorded."""
        self.end = before
        self.not_saved()
        self._hold()

    def gone_on(self) -> None:
        """The ledger goes on: written down in the caller's transaction, and sent from there."""
        self._hold()
        self._flights.clear()
        self._rewind()
        self._again.look()
        self.save()

    def own_hash(self, seq: int, said: str = "") -> str | None:
        """The hash of a record; None when there is none that can be read. What was ``said`` is believed against our
        own bytes where the record behind it says the same: then those are damaged."""
        head = self._ledger.head
        if seq == head.seq:
            return head.prevhash
        with suppress(LookupError):
            own = hash_of(self._ledger.body(seq))
            if own != said and said:
                with suppress(BadEvent, LookupError):
                    return said if self._ledger.event(seq + 1)["prevhash"] == said else own
            return own
        with suppress(BadEvent, LookupError):
            return str(self._ledger.event(seq + 1)["prevhash"])
        return None

    def _other(self) -> str:
        """What is said of a ledger that is not ours."""
        if (held := self.end.held) is None:
            return ""
        last = self._ledger.head.seq
        if held.upto > last:
            return f"the city claims record {held.upto}, but this ledger ends at {last}"
        return f"the city has another record {held.upto} than we"

    def _hold(self) -> None:
        """Nothing is recorded while another ledger has our name."""
        self._ledger.held = OtherLedger(self._other()) if self.end.held else None

    # --- what the core passes on ------------------------------------------------------------------------------------

    def link(self, changed: LinkChanged, now: float) -> None:
        """The broker took us, or we lost it: everything not settled goes again."""
        if changed.cut:
            unanswered = {seq: topic for seq, _, topic in self._by_mid.values() if seq in self._flights}
            self._set_aside(self._doubts.cut(unanswered, changed.why, now))
        self.up = changed.up
        self._link_cause, self._link_why = changed.cause, changed.why
        self._hold_until = 0.0
        self._pause = self._part.resend_seconds
        self._nobody = False
        self.end.connected()
        self.city = None
        self._sent.clear()
        self._flights.clear()
        self._by_mid.clear()
        self._first.clear()
        self._overtaken = float("-inf")
        self._again.link()
        self._rewind()
        if changed.broker and changed.cause in LEFT:
            self._left[changed.broker] = changed.cause, changed.why
        if changed.up:
            self._broker = changed.broker
            self._progress_at = now
            self._limits = changed.limits
            self._up_at = self._answer_at = now
            self._doubts.new_link()
            if changed.cause:
                self._fall_silent(now, now)

    def answered(self, answer: BrokerAnswer, now: float) -> None:
        """The broker acknowledged a publish, or refused it with an MQTT 5 reason."""
        self._answer_at = now
        if answer.mid not in self._by_mid:
            return
        seq, _, topic = self._by_mid.pop(answer.mid)
        if self._again.answered(answer.mid, busy=answer.code in BACK_OFF):
            self._hold_until = now + self._pause
        if (flight := self._flights.get(seq)) is not None:
            flight.mid = None
        if not answer.refused:
            self._taken_by_broker(seq, topic, answer.code, now)
        elif flight is None:
            return  # the city has it all the same
        elif answer.code in BACK_OFF:
            self._hold_until = now + self._pause
            self._pause = min(2 * self._pause, RESEND_CAP)
            self._forget_answered()
            self._word.tell("back off", f"broker is busy, pausing: {answer.refused}")
        else:
            del self._flights[seq]
            self._refused_by_broker(seq, topic, answer, now)

    def acknowledged(self, payload: bytes, retained: bool, now: float) -> None:
        """The platform's ack. What is not proven to be its word, or speaks of other records, moves nothing."""
        said = self._word.read(payload, retained)
        if said is None:
            return
        self._word_at = now
        self._word.believed(said)
        if said.signed is not None and said.ack.birth and said.ack.birth == self._birth:  # signed after that was said
            self._clock.told(said.signed.issued, self.born_at)
        self._note(said.ack)
        before = self.upto
        settled = self._take(said.ack, said.signed is not None, now)
        if before < self.key_since <= self.upto:
            self.birth_due = True  # the city did not know the key that signed the last one
        if self.end.held:
            return
        self.last_ack = self._clock.now().to_the_second
        if said.ack.photos:
            self.about_photos(said.ack.photos, now)
        if settled:
            self._progress_at = now
            self._open_refusal = ""
        if self.end.is_settled(self._left_for):
            self._stay = STAY * self._part.resend_seconds
            if settled:
                self._left.pop(self._broker, None)
        if self.silent_since:
            self.silent_since = ""
            self._nobody = False
            if settled <= 1:  # it was away, and has nothing of what we sent meanwhile but perhaps the probe
                self._forget_answered()

    # --- sending ----------------------------------------------------------------------------------------------------

    @property
    def _can_confirm(self) -> bool:
        return self._part.confirm != "broker" or self._limits.qos > 0

    def _send_again(self, now: float) -> None:
        """What the broker has and the city did not answer: all of it when the city speaks, else one as a probe."""
        if (at := self._late_at()) is None or now < at:
            return
        late = sorted((one for one in self._flights.values() if one.mid is None), key=lambda one: one.at)
        late = [one for one in late if self.silent_since or one.at + self._pause <= now]
        self.end.ask()
        if self._word_at < late[0].at:
            self._fall_silent(now, late[0].at)
        if self.silent_since:
            late = late[:1]
        self._pause = min(2 * self._pause, RESEND_CAP)
        self._probe_at = now + self._pause
        for flight in late:
            try:
                body = self._ledger.body(flight.seq)
            except LookupError as gone:
                self._damaged(flight.seq, str(gone))
                continue
            if not self._publish(flight.seq, flight.lane, body, now):
                return

    def _send_more(self, now: float) -> None:
        self._go_on_at = None
        room = self._room()
        if max(room.values()) <= 0 or self.pending <= len(self._flights):
            return
        chosen = self._choose(room, now)
        for row in chosen:
            if self._doubts.by_kind and self._hidden_kind(row):  # since one before it was too large
                self._go_on_at = now + PASSED_SECONDS
            elif not self._publish(*row, now):
                return
        if not (chosen or self._flights or self._doubts.held_back):
            self._miss()

    def _send_once_more(self, now: float) -> None:
        """What the city wants again, with the room that news leave, while it speaks."""
        if not self._again.waiting or self.silent_since or self.end.held or self._doubts.alone:
            return
        room = min(self._room()[ORDINARY], self._part.window - len(self._flights) - self._again.flying)
        for seq, lane, body in self._again.due(room):
            with suppress(BadEvent):
                event_id, kind = _named(body)
                topic = self._topic(lane, kind)
                if _size(topic, body) <= self._limits.packet:
                    mid = self._wire.publish(topic, body)
                    if mid is None:
                        self.up = False  # the news of it is on its way
                        return
                    self._again.passed(seq, mid)
                    self._by_mid[mid] = (seq, now, topic)
                    self._sent[event_id] = seq
                    self.end.sent(seq)
                    continue
            self._again.passed(seq)

    def _miss(self) -> None:
        """Nothing is left to send and records are pending: they are not in the ledger any more."""
        there = self._table.there(self.upto)
        for seq in range(max(self.upto, self._ledger.gone) + 1, self._ledger.head.seq + 1):
            if seq not in there and seq not in self.end.ahead:
                self._damaged(seq, f"no record {seq}")

    def _damaged(self, seq: int, why: str) -> None:
        """A record that is no more what was written cannot be sent: it is set aside, and the others go on."""
        self._set_aside({seq: f"damaged in this ledger: {why}; put it back from a backup"})

    def _room(self) -> dict[int, int]:
        """How many more may be on their way once a lane has had its turn, alarms first: they go although the city is
        silent, and beside as many others as may wait for its answer."""
        if self.end.held:
            return {ALARM: 0, ORDINARY: 0}
        most = 1 if self._doubts.alone else max(1, min(self._limits.receive_maximum, TO_BROKER))
        broker, city = most - len(self._by_mid), self._part.window - len(self._flights)
        if self.silent_since and not self._flights:
            return dict.fromkeys((ALARM, ORDINARY), min(broker, 1))
        return {ALARM: min(broker, city + URGENT), ORDINARY: 0 if self.silent_since else min(broker, city)}

    def _publish(self, seq: int, lane: int, body: bytes, now: float) -> bool:
        """Hand one record to the broker; False when the link is gone. One that cannot be read is set aside."""
        try:
            event_id, kind = self._name(seq, body)
        except BadEvent as bad:
            self._damaged(seq, str(bad))
            return True
        topic = self._topic(lane, kind)
        size = _size(topic, body)
        if size > self._limits.packet:
            self._flights.pop(seq, None)
            self._too_large(seq, size, f"{size} bytes; the broker takes {self._limits.packet}", now)
            return True
        mid = self._wire.publish(topic, body)
        if mid is None:
            self.up = False  # the news of it is on its way
            return False
        self._flights[seq] = Flight(seq, event_id, lane, mid, now)
        self._by_mid[mid] = (seq, now, topic)
        self._sent[event_id] = seq
        self._first.setdefault(seq, now)
        self.end.sent(seq)
        return True

    def _choose(self, room: Mapping[int, int], now: float) -> list[Row]:
        """The next records to send, alarms before the rest, each lane in order; none that is settled already, and none
        of a kind that the broker does not take now: of those so many are passed over at once that the core is free."""
        chosen: list[Row] = []
        passed = 0
        for lane, most in room.items():
            while len(chosen) < most and (row := self._backlog.next(lane, self.upto, self._ledger.head.seq)):
                seq = row[0]
                if seq in self.end.ahead or seq in self._flights or self._doubts.hides(seq):
                    continue
                if self._doubts.by_kind and self._hidden_kind(row):
                    passed += 1
                    if passed >= PASSED_AT_ONCE:
                        self._go_on_at = now + PASSED_SECONDS
                        return chosen
                    continue
                chosen.append(row)
        return chosen

    def _hidden_kind(self, row: Row) -> bool:
        seq, lane, body = row
        try:
            topic = self._topic(lane, self._name(seq, body)[1])
        except BadEvent:
            return False  # it is set aside when it is to be published
        return self._doubts.hides_kind(topic, _size(topic, body))

    def _name(self, seq: int, body: bytes) -> tuple[str, str]:
        """Id and kind of a record; raises BadEvent when it cannot be read."""
        ours = self._ledger.written(seq)
        return (ours.id, ours.kind) if ours else _named(body)

    def _topic(self, lane: int, kind: str) -> str:
        return self._topics.alarm(kind) if lane == ALARM else self._topics.event(kind)

    def _mute_at(self) -> float | None:
        """When a broker that acknowledges nothing is left."""
        return self._last_answer() + PUBACK_SECONDS * self._patience if self._by_mid else None

    def _last_answer(self) -> float:
        """When it acknowledged something last, or got the first of what it did not acknowledge."""
        return max(self._answer_at, min((at for _, at, _ in self._by_mid.values()), default=0.0))

    def _late_at(self) -> float | None:
        """When something is published again for want of the city's answer."""
        times = [flight.at for flight in self._flights.values() if flight.mid is None]
        if not times:
            return None
        return self._probe_at if self.silent_since else min(times) + self._pause

    def _leave_at(self) -> float | None:
        """When the next broker of the list is tried: the city is not heard at this one, or a record that this one has
        does not come to it, while others do or none does."""
        if len(self._part.brokers) < 2 or self._part.confirm == "broker":
            return None
        since = [] if (missed := self._missed()) is None else [missed[1]]
        if self.silent_since and self._word_at < self._up_at:
            since.append(self._up_at)
        return min(since) + self._stay if since else None

    def _missed(self) -> tuple[int, float] | None:
        """The record that the city misses longest of what this broker has, and since when. A city that is slow, and
        takes one after the other, misses none."""
        sent = ((self._first[seq], seq) for seq, one in self._flights.items() if one.mid is None and seq in self._first)
        if (oldest := min(sent, default=None)) is None:
            return None
        at, seq = oldest
        return seq, at if at < self._overtaken else max(at, self._progress_at)

    def _leave_for_silence(self, now: float) -> None:
        missed = self._missed()
        if self._word_at >= self._up_at and missed:
            seq, since = missed
            self._left_for = max(self._left_for, seq)
            self._leave(
                "swallowed", f"it has record {seq} for {now - since:.0f} s, and the city, which speaks, has not"
            )
        else:
            self._leave("silent", f"the city is not heard there for {now - self._up_at:.0f} s")
        self._stay = min(2 * self._stay, STAY_CAP)

    def _leave(self, cause: str, why: str) -> None:
        log.warning("leaving the broker: %s", why)
        self.up = False
        self._link_cause, self._link_why = cause, why
        self._wire.leave(cause, why)

    def _fall_silent(self, now: float, since: float) -> None:
        if not self.silent_since:
            moment = datetime.fromisoformat(self._clock.now().text) - timedelta(seconds=now - since)
            self.silent_since = moment.isoformat(timespec="seconds")
            self._probe_at = now
            log.warning("no answer from the city since %s; one record at a time knocks", self.silent_since)

    # --- the broker's answers ---------------------------------------------------------------------------------------

    def _taken_by_broker(self, seq: int, topic: str, code: int, now: float) -> None:
        self._patience = 1
        held_back = self._doubts.held_back
        self._set_aside(self._doubts.taken(seq, topic))
        if self._doubts.held_back < held_back:
            self._rewind()
        if seq not in self._flights:
            return
        if code == NOBODY:
            self._nobody = True
            self._fall_silent(now, now)
            self._probe_at = now + self._pause
        elif self._part.confirm == "broker":
            self._nobody, self.silent_since = False, ""
            self._settle(self.end.arrived(seq))

    def _refused_by_broker(self, seq: int, topic: str, answer: BrokerAnswer, now: float) -> None:
        if answer.code == TOO_LARGE:
            size = self._limits.packet
            with suppress(LookupError):
                size = _size(topic, self._ledger.body(seq))
            self._too_large(seq, size, answer.refused, now)
            return
        self._complain(seq, answer.refused)
        self._doubts.refused(seq, topic, f"broker: {answer.refused}", answer.code in TOO_BAD, now)

    def _too_large(self, seq: int, size: int, reason: str, now: float) -> None:
        self._complain(seq, reason)
        self._doubts.too_large(seq, size, f"broker: {reason}", now)

    def _complain(self, seq: int, reason: str) -> None:
        self._word.tell(f"refused {reason[:40]}", f"the broker refuses record {seq}: {reason}", logging.ERROR)

    def _set_aside(self, guilty: Mapping[int, str]) -> None:
        for seq, reason in guilty.items():
            self._settle(self.end.refused(seq, reason))
            log.error("record %d set aside: %s", seq, reason)

    # --- the city's answers -----------------------------------------------------------------------------------------

    def _note(self, ack: Ack) -> None:
        """Keep what the city says of itself, for whoever orders how to go on."""
        if ack.upto is None:
            return
        before = self.city or Ack()
        if not ack.birth or ack.birth != self._birth:  # no answer to our birth: what was answered to it stays true
            same = (ack.upto, ack.hash) == (before.upto, before.hash)
            ack = changed(ack, birth="", holds=before.holds if same else "", serials=before.serials)
        self.city = ack

    def _take(self, ack: Ack, ordered: bool, now: float) -> int:
        """Believe it. Answers how many records it settled."""
        before = self.upto + len(self.end.ahead)
        claim = Claim(ack.upto, ack.hash, ordered) if ack.upto is not None else None
        named = [seq for one in ack.ids if (seq := self._sent.get(one)) is not None]
        final, opened, forks = self._rejected(ack)
        held, unheard = self.end.held, self.end.stand is Stand.UNHEARD
        own = self.own_hash(claim.upto, claim.hash) if claim and claim.upto <= self._ledger.head.seq else None
        do = self.end.heard(claim, own, self._ledger.head.seq, named, final, forks)
        if do is Do.HOLD:
            self._disagree(held is None)
        if self.end.held:
            return 0
        if do is Do.GO_BACK and claim:
            log.warning("the city has records up to %d and forgot the rest: sent again", claim.upto)
            self.birth_due = self.birth_due or claim.upto < self._ledger.gone  # it has to hear what cannot come
            self._forget_answered()
        for seq, reason in final.items():
            if seq in self.aside:
                self._word.tell(reason, f"record {seq} set aside: the city rejects it: {reason}", logging.ERROR)
        for seq, rejection in opened.items():
            if not self.end.is_settled(seq):
                self._keep(seq, rejection)
        if unheard or do is Do.GO_BACK:  # a broker may have had them while the city was away, or it forgot
            for first, last, why in self.end.kept_back():
                self._again.want(first, last, why)
        self._timed([flight for flight in self._flights.values() if self.end.is_settled(flight.seq)], now)
        self._settle(True)
        return self.upto + len(self.end.ahead) - before

    def _disagree(self, news: bool) -> None:
        """Another ledger has our name: nothing is recorded and nothing sent until a person has ordered how to go on."""
        self._hold()
        self._word.doubted("disagree", self._other())
        if news:
            log.error("nothing is recorded: %s", self._other())
            self._flights.clear()

    def _rejected(self, ack: Ack) -> tuple[dict[int, str], dict[int, Rejected], set[int]]:
        """Which of our records a word refuses for good, with why, which it cannot take yet, and which are forks."""
        final: dict[int, str] = {}
        opened: dict[int, Rejected] = {}
        known = self._named(ack) if ack.rejected else {}
        for one in ack.rejected:
            if (seq := known.get(one.id)) is not None:
                if one.final:
                    final[seq] = f"{one.code}: {one.reason}"
                else:
                    opened[seq] = one
        return final, opened, {known[one.id] for one in ack.rejected if one.code == "fork" and one.id in known}

    def _timed(self, arrived: Sequence[Flight], now: float) -> None:
        """How long the city's answer took says when to ask again."""
        if arrived:
            slowest = now - min(flight.at for flight in arrived)
            self._pause = min(RESEND_CAP, max(self._part.resend_seconds, 2 * slowest))

    def _named(self, ack: Ack) -> Mapping[str, int]:
        """Pending records by id: those sent on this connection and, when others are named, up to ``RECENT`` more."""
        if all(one.id in self._sent for one in ack.rejected):
            return self._sent
        last = ack.upto if ack.upto and ack.hash else self.upto + RECENT
        first = max(self.upto, last - RECENT)
        self._ids = {seq: event_id for seq, event_id in self._ids.items() if first < seq <= last}
        unread = [seq for seq in range(first + 1, min(last, self._ledger.head.seq) + 1) if seq not in self._ids]
        if unread:  # each record once, however often somebody names what is not there
            self._ids |= dict.fromkeys(unread, "")
            for seq, body in self._table.bodies(unread[0], unread[-1]):
                with suppress(BadEvent):  # it is set aside when its turn comes
                    self._ids[seq] = _named(body)[0]
        return {**{event_id: seq for seq, event_id in self._ids.items() if event_id}, **self._sent}

    def _keep(self, seq: int, rejection: Rejected) -> None:
        """An open rejection says that what arrived was not proven to be ours."""
        reason = f"{rejection.code}: {rejection.reason}"
        self._word.tell(reason, f"record {seq} kept for retry, the city cannot take it yet: {reason}", logging.ERROR)
        self._open_refusal = reason
        self._first.pop(seq, None)  # it came to the city
        self.birth_due = self.birth_due or rejection.code == "unknown_key"

    def _settle(self, news: bool) -> None:
        """What is settled needs no further sending."""
        if not news:
            return
        upto, ahead = self.upto, self.end.ahead
        for seq in [seq for seq in self._flights if seq <= upto or seq in ahead]:
            del self._flights[seq]
        for seq in [seq for seq in self._first if seq <= upto or seq in ahead]:
            self._overtaken = max(self._overtaken, self._first.pop(seq))
        if len(self._sent) > 4 * self._part.window:
            wanted = self.aside
            self._sent = {one: seq for one, seq in self._sent.items() if seq > self.upto or seq in wanted}

    def _rewind(self) -> None:
        """Look at the lanes from their beginning again; what is on its way stays there."""
        self._backlog.rewind()

    def _forget_answered(self) -> None:
        """Send again what the broker acknowledged; what it did not, the client still holds and must not get twice."""
        self._flights = {seq: flight for seq, flight in self._flights.items() if flight.mid is not None}
        self._rewind()


def _size(topic: str, body: bytes) -> int:
    """Of the packet, no less than it really is."""
    return len(topic) + len(body) + PACKET_OVERHEAD


def _named(body: bytes) -> tuple[str, str]:
    """Id and kind of a stored record; raises BadEvent when it cannot be read."""
    try:
        event = json.loads(body)
        return str(event["id"]), kind_of(event["type"])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise error if isinstance(error, BadEvent) else BadEvent("cannot be read") from None
