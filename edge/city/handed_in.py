"""Signed records that are in no ledger any more, handed to the city by a command, while the station runs or not.

A damaged ledger's records behind its hole cannot continue the chain (``edge/records/salvage.py``).  The city can have
them all the same: it keeps a record beyond its next, or under a number that was given up, and names its id
(``protocol/city/agreement.py``).  So they are published as they are, until the city has said of each that it has it or
will never take it.
"""

import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty

from edge.between import words
from edge.between.inbox import BrokerAnswers, CityMessage, Inbox, Limits, LinkChanged
from edge.between.tongue import said
from edge.city.city_word import CityWord
from edge.city.connection import NOBODY, TO_BROKER
from edge.city.mqtt import Mqtt
from edge.config.sections import Config
from edge.records.clock import Clock
from protocol.city.chain import link
from protocol.city.envelope import BadEvent, hash_of, kind_of, read
from protocol.city.signed import CityKeys
from protocol.city.topics import Ack, Topics
from protocol.ed25519 import PublicKey
from protocol.frozen import frozen

BROKER_SECONDS, CITY_SECONDS = 12.0, 10.0
ROUNDS = 3  # what is not answered is published again, so often at most
CONFIRMED_BY = {"city": "city", "city-unsigned": "city", "broker": "broker"}


@frozen
class Loose:
    """A signed record, as a line of the file has it."""

    seq: int
    id: str
    kind: str
    prevhash: str
    hash: str
    body: bytes


@dataclass(slots=True)
class HandedIn:
    """What became of them, by number. ``waiting`` are those of which nothing was heard, with what is known of why."""

    delivered: set[int] = field(default_factory=set)
    refused: dict[int, str] = field(default_factory=dict)
    waiting: dict[int, str] = field(default_factory=dict)


def loose(path: Path, key: PublicKey, source: str) -> list[Loose]:
    """The records in a file, a line each, in the order of their numbers.

    Raises OSError, and BadEvent naming the line that is no record of this station.
    """
    found: dict[str, Loose] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            where = link(line, key)
            if where.source != source:
                raise BadEvent(f"it is of {where.source[:80]}")
            found[read(line)["id"]] = Loose(
                where.sequence, read(line)["id"], kind_of(where.type), where.prevhash, hash_of(line), line
            )
        except BadEvent as bad:
            raise BadEvent(
                said(
                    f"{path} 第 {number} 行不是本站的记录：{bad}",
                    f"{path} line {number}: no record of this station: {bad}",
                )
            ) from None
    return sorted(found.values(), key=lambda one: one.seq)


def hand_in(config: Config, keys: CityKeys, clock: Clock, records: Sequence[Loose]) -> HandedIn:
    """Publish them until the city has spoken of each, or nothing more is heard."""
    talk = _Talk(config, keys, clock, records)
    talk.mqtt.start()
    try:
        talk.run()
    finally:
        talk.mqtt.stop()
    return talk.found


class _Talk:
    """One connection's worth of it, and the next one's when that is lost."""

    def __init__(self, config: Config, keys: CityKeys, clock: Clock, records: Sequence[Loose]) -> None:
        station = config.station
        self._topics = Topics(station.region, station.node, station.terminal)
        self._by_broker = CONFIRMED_BY[config.city.confirm] == "broker"
        self._word = CityWord(config.city, self._topics.station, keys, clock)
        self._inbox: Inbox = Inbox()
        name = f"marketedge-deliver-{self._topics.station}"
        self.mqtt = Mqtt(config.city, name, (self._topics.ack,), None, self._inbox)
        self._open = {one.id: one for one in records}
        self._queue = deque(records)
        self._flying: dict[int, Loose] = {}
        self._limits, self._up = Limits(), False
        self.found = HandedIn(waiting={one.seq: "" for one in records})

    def run(self) -> None:
        rounds, end = 1, time.monotonic() + BROKER_SECONDS
        while self._open and (time.monotonic() < end or rounds < ROUNDS):
            if time.monotonic() >= end:
                rounds, end = rounds + 1, time.monotonic() + CITY_SECONDS
                self._once_more()
            self._send()
            with suppress(Empty):
                if self._heard(self._inbox.get(timeout=0.2)):
                    end = time.monotonic() + CITY_SECONDS
        why = ", ".join(f"{said(*words.text('odd', word))}: {n}" for word, n in self._word.odd.items())
        for seq in self.found.waiting:
            self.found.waiting[seq] = self.found.waiting[seq] or why or said(*words.text("link", "silent"))

    def _once_more(self) -> None:
        self._flying.clear()
        self._queue = deque(self._open.values())

    def _send(self) -> None:
        most = max(1, min(self._limits.receive_maximum, TO_BROKER))
        while self._up and self._queue and len(self._flying) < most:
            one = self._queue.popleft()
            if one.id not in self._open:
                continue
            if (mid := self.mqtt.publish(self._topics.event(one.kind), one.body)) is None:
                self._queue.appendleft(one)
                return
            self._flying[mid] = one

    def _heard(self, message: object) -> bool:
        """Whether it is news of a record, or of the link."""
        match message:
            case LinkChanged(up, why, cause, limits):
                self._up, self._limits = up, limits
                if cause:
                    text = said(*words.text("link", cause))
                    self.found.waiting = dict.fromkeys(self.found.waiting, f"{text} ({why})")
                self._once_more()
                return up
            case BrokerAnswers(answers):
                news = False
                for answer in answers:
                    one = self._flying.pop(answer.mid, None)
                    if one and answer.refused:
                        news |= self._refused(one.id, f"broker: {answer.refused}")
                    elif one and self._by_broker and answer.code != NOBODY:
                        news |= self._has(one.id)
                return news
            case CityMessage(topic, payload, retained) if topic == self._topics.ack:
                if (heard := self._word.read(payload, retained)) is not None:
                    self._word.believed(heard)
                    return self._take(heard.ack)
        return False

    def _take(self, ack: Ack) -> bool:
        news = [self._has(one) for one in (*ack.ids, *self._under(ack))]
        for one in ack.rejected:
            reason = f"{one.code}: {one.reason}"
            if one.final:
                news.append(self._refused(one.id, reason))
            elif one.id in self._open:
                self.found.waiting[self._open[one.id].seq] = reason
        return any(news)

    def _under(self, ack: Ack) -> list[str]:
        """The records that lie in the chain which the city's number and hash end."""
        by_hash = {one.hash: one for one in self._open.values()}
        names, at = [], by_hash.get(ack.hash) if ack.upto else None
        while at is not None:
            names.append(at.id)
            at = by_hash.get(at.prevhash)
        return names

    def _has(self, name: str) -> bool:
        if (one := self._done(name)) is None:
            return False
        self.found.delivered.add(one.seq)
        return True

    def _refused(self, name: str, reason: str) -> bool:
        if (one := self._done(name)) is None:
            return False
        self.found.refused[one.seq] = reason
        return True

    def _done(self, name: str) -> Loose | None:
        if (one := self._open.pop(name, None)) is not None:
            self.found.waiting.pop(one.seq, None)
        return one
