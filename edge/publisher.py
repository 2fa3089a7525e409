"""From the ledger to the city: a small window of records on their way, each kept until the city says it has it.

A broker's acknowledgement only says that the broker has it.  A record is delivered when the platform's ``ack`` covers
its sequence number (``confirm = "city"``), or, for platforms that cannot answer, when the broker took it.  Alarms go
before the backlog.  A record the platform rejects is set aside with its reason and holds up nothing.

All methods are called by the core thread.
"""

import json
import logging
from dataclasses import dataclass
from typing import Protocol

from edge.config import CityPart
from edge.ledger import ALARM, ORDINARY, Ledger
from protocol.city.envelope import kind_of
from protocol.city.topics import Ack, BadAck, Rejected, Topics, read_ack

BACK_OFF = frozenset({137, 150, 151})  # server busy, rate too high, quota exceeded
TOO_BAD = frozenset({131, 149, 153})  # implementation specific, packet too large, payload format invalid
RESEND_CAP = 60.0
SET_ASIDE_SHOWN = 50
RECENT = 200
log = logging.getLogger("publisher")


class Wire(Protocol):
    """What the publisher needs of the MQTT connection."""

    def publish(self, topic: str, body: bytes) -> int | None: ...


@dataclass(slots=True)
class Flight:
    """A record that was published and is not settled: its message id until the broker has it, and when it left."""

    seq: int
    mid: int | None
    at: float


class Publisher:
    """The window and the cursor. Progress is written with the next record, or when ``save`` is called."""

    def __init__(self, part: CityPart, ledger: Ledger, topics: Topics, wire: Wire) -> None:
        self._part = part
        self._ledger = ledger
        self._topics = topics
        self._wire = wire
        self._flights: dict[int, Flight] = {}
        self._by_mid: dict[int, int] = {}
        self._limit = part.window
        self._resend = part.resend_seconds
        self._hold_until = 0.0
        self.up = False
        self.trouble = ""
        self.birth_due = False  # the city does not know our key: say again who we are
        self.upto = int(ledger.conn.execute("SELECT upto FROM delivery").fetchone()[0])
        rows = ledger.conn.execute("SELECT seq, reason FROM settled_ahead").fetchall()
        self.aside: dict[int, str] = {seq: reason for seq, reason in rows if reason is not None}
        self._ahead: set[int] = {seq for seq, _ in rows if seq > self.upto}
        self._saved = self.upto
        self._unsaved: list[tuple[int, str | None]] = []
        self._cursor = {ORDINARY: 0, ALARM: 0}  # last sequence of each lane that is on its way

    # --- what the core asks -----------------------------------------------------------------------------------------

    @property
    def pending(self) -> int:
        """Records the city has not answered for."""
        return self._ledger.head.seq - self.upto - len(self._ahead)

    @property
    def unsaved(self) -> bool:
        return self._saved != self.upto or bool(self._unsaved)

    def save(self) -> None:
        """Write the progress, inside the caller's transaction."""
        if self._saved != self.upto:
            self._ledger.conn.execute("UPDATE delivery SET upto = ?", (self.upto,))
            self._ledger.conn.execute("DELETE FROM settled_ahead WHERE seq <= ? AND reason IS NULL", (self.upto,))
            self._saved = self.upto
        if self._unsaved:
            self._ledger.conn.executemany("INSERT OR REPLACE INTO settled_ahead VALUES (?, ?)", self._unsaved)
            self._unsaved.clear()

    def not_saved(self) -> None:
        """The transaction of the last ``save`` failed: all of it is to be written again."""
        self._saved = -1
        self._unsaved = [(seq, self.aside.get(seq)) for seq in sorted({*self._ahead, *self.aside})]

    def deadline(self) -> float | None:
        """When ``pump`` wants to be called although nothing happened."""
        if not self.up or not self._flights:
            return None
        return min(flight.at for flight in self._flights.values()) + self._resend

    def pump(self, now: float) -> None:
        """Fill the window; publish again what stayed without an answer too long."""
        if not self.up or now < self._hold_until:
            return
        late = [flight for flight in self._flights.values() if now - flight.at >= self._resend]
        if late:
            log.warning("no answer from the city for %d records since %.0f s; sending again", len(late), self._resend)
            self._resend = min(self._resend * 2, RESEND_CAP)
            self._forget_flights()
        room = self._limit - len(self._flights)
        if room <= 0 or self.pending <= len(self._flights):
            return
        for seq, lane, body in self._choose(room):
            mid = self._wire.publish(self._topic(lane, body), body)
            if mid is None:
                return
            self._flights[seq] = Flight(seq, mid, now)
            self._by_mid[mid] = seq
            self._cursor[lane] = seq

    # --- what the core passes on ------------------------------------------------------------------------------------

    def link(self, up: bool, receive_maximum: int) -> None:
        """The broker took us, or we lost it: everything not settled goes again."""
        self.up = up
        self._limit = max(1, min(receive_maximum, self._part.window))
        self._resend = self._part.resend_seconds
        self._hold_until = 0.0
        self._forget_flights()

    def answered(self, mid: int, refused: str, code: int, now: float) -> None:
        """The broker acknowledged a publish, or refused it with an MQTT 5 reason."""
        seq = self._by_mid.pop(mid, None)
        if seq is None or seq not in self._flights:
            return
        self._flights[seq].mid = None
        if not refused:
            if self._part.confirm == "broker" and code != 16:  # 16: accepted, but nobody listens
                self._settle(seq, None)
            return
        if code in BACK_OFF:
            self._hold_until = now + self._resend
            self._forget_flights()
            log.warning("the broker asks us to wait: %s", refused)
        elif code in TOO_BAD:
            self._settle(seq, f"broker: {refused}")
            log.error("record %d set aside: the broker refuses it: %s", seq, refused)
        else:
            self.trouble = (
                f"the broker refuses our records: {refused}; check the station's rights on {self._topics.base}"
            )
            self._hold_until = now + RESEND_CAP
            self._forget_flights()
            log.error("%s", self.trouble)

    def acknowledged(self, payload: bytes) -> None:
        """The platform's ack. One that claims more than was written is forged or of another ledger: refused."""
        try:
            ack = read_ack(payload)
        except BadAck as error:
            log.warning("ack ignored: %s", error)
            return
        if ack.upto is not None and ack.upto > self._ledger.head.seq:
            self.trouble = f"the city claims record {ack.upto}, but this ledger ends at {self._ledger.head.seq}"
            log.error("%s; was the ledger restored from a backup? The ack is ignored", self.trouble)
            return
        self.trouble = ""
        self._resend = self._part.resend_seconds
        self._take(ack)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _take(self, ack: Ack) -> None:
        if ack.ids or ack.rejected:
            known = {self._id(seq): seq for seq in (*self._flights, *self._ahead)}
            for one in ack.ids:
                if one in known:
                    self._settle(known[one], None)
            for rejection in ack.rejected:
                seq = known.get(rejection.id) or self._recent(rejection.id)
                if seq is not None and seq not in self.aside:
                    self._refused(seq, rejection)
        if ack.upto is not None and ack.upto > self.upto:
            self.upto = ack.upto
            self._advance()

    def _refused(self, seq: int, rejection: Rejected) -> None:
        """A final rejection sets the record aside; an open one says that what arrived was not proven to be ours."""
        reason = f"{rejection.code}: {rejection.reason}"
        if rejection.final:
            self._settle(seq, reason)
            log.error("record %d set aside: the city rejects it: %s", seq, reason)
            return
        if self.trouble != f"the city cannot take our records yet: {reason}":
            log.error("record %d stays: %s", seq, reason)
        self.trouble = f"the city cannot take our records yet: {reason}"
        self.birth_due = self.birth_due or rejection.code == "unknown_key"

    def _recent(self, event_id: str) -> int | None:
        """The sequence of a record the city names although we hold it for settled, among the newest."""
        for seq in range(self._ledger.head.seq, max(0, self._ledger.head.seq - RECENT), -1):
            if self._id(seq) == event_id:
                return seq
        return None

    def _settle(self, seq: int, reason: str | None) -> None:
        """This record needs no further sending; without reason because it arrived, else set aside."""
        self._flights.pop(seq, None)
        if reason is not None:
            self.aside[seq] = reason
            self._unsaved.append((seq, reason))
        if seq > self.upto:
            if reason is None and seq != self.upto + 1:
                self._unsaved.append((seq, None))
            self._ahead.add(seq)
            self._advance()

    def _advance(self) -> None:
        """Close the gap between the cursor and what is settled ahead of it."""
        while self.upto + 1 in self._ahead:
            self.upto += 1
        self._ahead = {seq for seq in self._ahead if seq > self.upto}
        self._unsaved = [(seq, reason) for seq, reason in self._unsaved if seq > self.upto or reason is not None]
        for seq in [seq for seq in self._flights if seq <= self.upto]:
            del self._flights[seq]

    def _choose(self, room: int) -> list[tuple[int, int, bytes]]:
        """The next records to send, alarms before the rest, each lane in order; none that is settled already."""
        chosen: list[tuple[int, int, bytes]] = []
        for lane in (ALARM, ORDINARY):
            rows = self._ledger.conn.execute(
                "SELECT seq, lane, body FROM events WHERE lane = ? AND seq > ? ORDER BY seq LIMIT ?",
                (lane, max(self.upto, self._cursor[lane]), room - len(chosen) + len(self._ahead)),
            )
            chosen += [row for row in rows if row[0] not in self._ahead][: room - len(chosen)]
        return chosen

    def _topic(self, lane: int, body: bytes) -> str:
        kind = kind_of(json.loads(body)["type"])
        return self._topics.alarm(kind) if lane == ALARM else self._topics.event(kind)

    def _id(self, seq: int) -> str:
        return str(self._ledger.event(seq)["id"])

    def _forget_flights(self) -> None:
        self._flights.clear()
        self._by_mid.clear()
        self._cursor = {ORDINARY: 0, ALARM: 0}
