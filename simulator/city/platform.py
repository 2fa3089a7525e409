"""The city's end of the wire: takes events from MQTT, judges them, keeps them, and answers.

    paho's thread ──(topic, payload)──> inbox ──> writer thread: judge, one transaction, then the answers

One ``Platform`` is a whole city (``Part()``), or a part of one that outgrew a machine: a worker, of which there are any
number and which keeps nothing but what is in the store, or the desk, which signs and sends commands.

Answers to a station, on its ``…/ack`` topic, each signed by the city's key and sent only after what it says is on
disk:

* ``{"upto": n, "hash": SHA-256 of record n}`` in every answer: once per station and batch, for repeats too, after each
  birth, and to every known station when a whole city has (re)connected.  It falls only when the city lost its disk.
* ``{"ids": […]}`` for accepted events that ``upto`` does not newly cover: beyond a gap (an alarm ahead of its backlog),
  under what it has (a number that was given up), passed by a ``ledger.restored`` of the same batch, or once more.
* ``{"birth", "holds", "serials"}`` in the answer to a birth: so a station knows at once whether this is its ledger, and
  from where one goes on that is not (``protocol.city.agreement``).
* ``{"photos": [{sha256, have, code}]}`` for chunks of photos: how much of each is here.
* ``{"rejected": [{id, code, reason}]}`` for refused ones, never later than the ``upto`` that passes them.  After a
  birth the newest final refusals are told again; with several workers those of the last seconds in every answer, for
  an answer that another one overtook moves nothing.

Final codes are only ever given for bytes that verify under the key of the station they are told to, so nobody without
that key can make a station give up a record.  ``protocol.city.topics`` lists both kinds.
"""

import hashlib
import json
import logging
import queue
import re
import secrets
import ssl
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode
from pydantic import ValidationError

from protocol.city import events, key_events
from protocol.city.envelope import HARD_CAP, BadEvent, kind_of, read, verify
from protocol.city.key_events import change_in
from protocol.city.orders import CommandAnswer
from protocol.city.signed import BadSigned, CityKeys, seal
from protocol.city.signed import verify as verify_signed
from protocol.city.state import BadState, read_state
from protocol.city.token import kid_of
from protocol.city.topics import Ack, PhotoWord, Rejected, Topics
from simulator.city.engines import Where, shown
from simulator.city.orders import BadOrder
from simulator.city.stations import OldKey
from simulator.city.store import Store, now

log = logging.getLogger("city")

FILTERS = tuple(f"mkt/1/+/+/+/{lane}" for lane in ("evt/+", "alm/+", "state", "res/+", "pho/+"))
SHARED = "$share/city/"  # one of those who subscribe so gets each message
TICK_SECONDS = 0.25  # commands that another process wrote down are sent within this time
RECONNECT_SECONDS = (0.2, 1.0)  # back before the stations are: what they say to nobody is lost
BATCH = 500
GATHER_SECONDS = 0.05  # so long a worker waits for a batch to fill: a commit waits for the standby
ATTEMPTS = 5  # at a batch that stood in another worker's way
RETRY_SECONDS = 0.5
TELL_SECONDS = 30.0  # for so long every answer to a station says what was refused to it
KEY_SECONDS = 365 * 86_400.0  # so long a station's new key is said to those of its node that have not heard it
INBOX = 1000
TOLD_AGAIN = 50  # final refusals repeated after a birth
IDS_PER_ACK = 250
REJECTED_PER_ACK = 50
_T = TypeVar("_T")
_STATION = re.compile(r"[0-9]{9}-[0-9]{2}")
_ID = re.compile(r"[0-9A-Za-z._:-]{1,64}")
_SOURCE = re.compile(r"https://[0-9A-Za-z.:\[\]-]{1,253}/edge/([0-9]{9}-[0-9]{2})")


@dataclass(frozen=True, slots=True)
class Message:
    """As it came. ``payload`` is None when it was larger than anything we read; ``size`` is its true size."""

    topic: str
    payload: bytes | None
    size: int


@dataclass(frozen=True, slots=True)
class Connected:
    """The subscription stands: greet the stations."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """A phone opened a genuine slip."""

    code: str
    when: str


@dataclass(frozen=True, slots=True)
class More:
    """A long run behind a closed gap is not walked to its end yet."""

    station: str
    base: str


@dataclass(frozen=True, slots=True)
class Stop:
    pass


@dataclass(frozen=True, slots=True)
class Wanted:
    """Somebody orders something of a station, or of all of a node; the future gets the command's id."""

    name: str
    target: str
    fields: Mapping[str, Any]
    seconds: float
    id: "Future[str]" = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class Part:
    """What one of a city's processes does.

    ``worker`` and ``workers``: the first, second … of so many that share the stations' messages; 0 of 0 takes all of
    them, and None none.  By MQTT 5 the broker shares them out; 3.1.1 has no word for it, so each worker hears
    everything and takes the stations that are its own.  ``desk``: whether it signs and sends commands.
    """

    worker: int | None = 0
    workers: int = 0
    desk: bool = True

    def filters(self, version: str) -> tuple[str, ...]:
        if self.worker is None:
            return ()
        return tuple(SHARED + one for one in FILTERS) if self.workers and version == "5" else FILTERS

    def takes(self, topic: str, version: str) -> bool:
        if not self.workers or version == "5":
            return True
        return zlib.crc32("-".join(topic.split("/")[3:5]).encode()) % self.workers == self.worker


Item = Message | Connected | Scanned | More | Wanted | Stop


@dataclass(slots=True)
class Draft:
    """What one station will be told after the batch.

    ``kept`` are accepted events, id and sequence; ``named`` those of them that ``upto`` will not newly cover.
    ``birth`` is the hash of a birth that came, ``acked`` how far it believes us to be.
    """

    station: str
    kept: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, Rejected] = field(default_factory=dict)
    photos: dict[str, PhotoWord] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    birth: str = ""
    acked: int = 0


@dataclass(frozen=True, slots=True)
class Judged:
    """An event that verifies. ``code`` is empty when its content is fine."""

    event: dict[str, Any]
    kind: str
    code: str
    reason: str


@dataclass(slots=True)
class Early:
    """Of a batch, before its transaction: whose it is, the keys by which it was judged, what its events are worth (by
    the item), and their names."""

    stations: set[str] = field(default_factory=set)
    keys: dict[str, bytes] = field(default_factory=dict)
    judged: dict[int, Judged | Rejected] = field(default_factory=dict)
    named: list[tuple[str, str, int]] = field(default_factory=list)


@dataclass(slots=True)
class Done:
    """Of a batch that is on disk: answers (base, station, issued, what), runs to go on with, commands kept."""

    answers: list[tuple[str, str, str, Ack]] = field(default_factory=list)
    more: list[More] = field(default_factory=list)
    kept: list[tuple[Wanted, str]] = field(default_factory=list)


def judge(body: bytes, station: str, key: bytes | None, before: Iterable[OldKey] = ()) -> Judged | Rejected:
    """Read and verify what came on a station's topic; ``Rejected`` with an open code when it proves nothing.

    ``before`` are keys the station had; one of them counts for the records up to its last.  Pure. Whatever comes, it
    returns.
    """
    try:
        event = read(body)
    except BadEvent as error:
        return Rejected(_id_of(body), "unreadable", str(error))
    if key is None:
        return Rejected(event["id"][:64], "unknown_key", f"no key is registered for {station}")
    public, kid = _public(key)
    for one in before:
        if event["kid"] == _public(one.key)[1] and int(event["sequence"]) <= one.until:
            public, kid = _public(one.key)
    if event["kid"] != kid:
        reason = f"signed by key {event['kid'][:16]}; registered is {kid}"
        return Rejected(event["id"][:64], "unknown_key", reason)
    try:
        verify(event, public, body)
    except BadEvent as error:
        return Rejected(event["id"][:64], "bad_signature", str(error))
    source = _SOURCE.fullmatch(event["source"])
    if source is None or source[1] != station:
        return Judged(event, "", "wrong_source", f"source {event['source'][:80]} is not {station}")
    try:
        kind = kind_of(event["type"])
    except BadEvent as error:
        return Judged(event, "", "unknown_type", str(error))
    row = events.EVENTS.get(kind)
    if row is None:
        return Judged(event, kind, "unknown_type", f"type {event['type'][:80]} is not known here")
    try:
        row.record.model_validate_json(json.dumps(event["data"]), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return Judged(event, kind, "bad_data", f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    if kind == key_events.KIND:
        try:
            if change_in(event).old.public_bytes_raw() != public.public_bytes_raw():
                raise BadEvent("it is not signed by the key that it takes from")
        except BadEvent as error:
            return Judged(event, kind, "bad_data", str(error)[:200])
    if not _ID.fullmatch(event["id"]):
        return Judged(event, kind, "bad_data", "the id is not 1 to 64 letters, digits, '.', '_', ':' or '-'")
    return Judged(event, kind, "", "")


@lru_cache(4096)
def _public(key: bytes) -> tuple[Ed25519PublicKey, str]:
    public = Ed25519PublicKey.from_public_bytes(key)
    return public, kid_of(public).hex()


def _id_of(body: bytes) -> str:
    """The id of something that is not an event of ours, so that its sender hears of it; empty when it has none."""
    try:
        event = json.loads(body)
        name = event.get("id") if isinstance(event, dict) else None
        return name if isinstance(name, str) and _ID.fullmatch(name) else ""
    except (ValueError, RecursionError):
        return ""


class Platform:
    """Subscribes, keeps, answers; two threads. ``start`` returns at once, the broker may come later."""

    def __init__(
        self,
        broker: str,
        where: Where,
        key: Ed25519PrivateKey,
        *,
        enrol: bool = False,
        mqtt_version: str = "5",
        part: Part | None = None,
    ) -> None:
        self.connected = threading.Event()
        self._broker, self._where, self._key, self._enrol = broker, where, key, enrol
        self._part, self._version = part or Part(), mqtt_version
        self._inbox: queue.Queue[Item] = queue.Queue(INBOX)
        self._stopping = False
        self._down_since = ""  # since when nothing can be kept
        self._told: set[tuple[str, str]] = set()
        self._client = _client(broker, mqtt_version)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._writer = threading.Thread(target=self._write, name="city writer")

    def start(self) -> None:
        target = urlsplit(self._broker)
        port = target.port or (8883 if target.scheme == "mqtts" else 1883)
        self._writer.start()
        self._client.connect_async(target.hostname or "127.0.0.1", port, keepalive=30)
        self._client.loop_start()

    def stop(self) -> None:
        """Take no more, keep what came, and end."""
        self._stopping = True
        self._client.disconnect()
        self._client.loop_stop()
        while self._writer.is_alive():
            try:
                self._inbox.put(Stop(), timeout=0.2)
                break
            except queue.Full:
                continue
        self._writer.join()

    def scanned(self, code: str, when: str) -> None:
        """Note the first time a genuine slip is opened; left out when the city is busier than that."""
        try:
            self._inbox.put_nowait(Scanned(code, when))
        except queue.Full:
            log.warning("city scan=%s dropped=busy", code)

    def order(self, name: str, target: str, fields: Mapping[str, Any], seconds: float) -> str:
        """Order something; answers the command's id once it is kept. Raises BadOrder."""
        wanted = Wanted(name, target, fields, seconds)
        self._put(wanted)
        return wanted.id.result(10)

    # paho's thread: these only pass on

    def _on_connect(self, client: mqtt.Client, _: Any, __: Any, reason: ReasonCode, ___: Any) -> None:
        if reason.is_failure:
            log.error("city broker=%s refused=%r", _shown(self._broker), str(reason))
            return
        if filters := self._part.filters(self._version):
            client.subscribe([(one, 1) for one in filters])
        else:
            self._up()

    def _on_subscribe(self, _: mqtt.Client, __: Any, ___: int, reasons: list[ReasonCode], ____: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            log.error("city broker=%s subscription=refused", _shown(self._broker))
            return
        self._up()

    def _up(self) -> None:
        log.info("city broker=%s state=up", _shown(self._broker))
        self.connected.set()
        self._put(Connected())

    def _on_disconnect(self, _: mqtt.Client, __: Any, ___: Any, reason: ReasonCode, ____: Any) -> None:
        if self.connected.is_set() and not self._stopping:
            log.warning("city broker=%s state=down reason=%r", _shown(self._broker), str(reason))
        self.connected.clear()

    def _on_message(self, _: mqtt.Client, __: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return
        if not self._part.takes(topic, self._version):
            return
        size = len(message.payload)
        self._put(Message(topic, bytes(message.payload) if size <= HARD_CAP else None, size))

    def _put(self, item: Item) -> None:
        # A full inbox stops the reading of the socket: the broker, and behind it the stations, wait.
        while not self._stopping:
            try:
                self._inbox.put(item, timeout=0.2)
                return
            except queue.Full:
                continue

    # The writer's thread

    def _write(self) -> None:
        store = Store(self._where)
        try:
            for batch in self._batches(GATHER_SECONDS if store.shared else 0):
                if batch:
                    self._do(store, batch)
                if self._part.desk:
                    self._send_commands(store)
        finally:
            store.close()

    def _batches(self, gather: float) -> Iterator[list[Item]]:
        """What came, at most ``BATCH`` at once; ``gather`` seconds are waited for more."""
        while True:
            batch: list[Item] = []
            try:
                batch.append(self._inbox.get(timeout=TICK_SECONDS))
            except queue.Empty:
                yield []
                continue
            until = time.monotonic() + gather
            while len(batch) < BATCH and not isinstance(batch[-1], Stop):
                try:
                    left = until - time.monotonic()
                    batch.append(self._inbox.get(timeout=left) if left > 0 else self._inbox.get_nowait())
                except queue.Empty:
                    break
            stop = any(isinstance(item, Stop) for item in batch)
            yield [item for item in batch if not isinstance(item, Stop)]
            if stop:
                return

    def _do(self, store: Store, batch: list[Item]) -> None:
        """One transaction, then the answers. A store that fails answers nothing: the stations send again."""
        attempt = 0
        while True:
            attempt += 1
            try:
                done = self._in_one(store, batch)
                break
            except store.failures as error:
                trouble = store.trouble(error)
                if trouble == "crossed" and attempt < ATTEMPTS:
                    log.info("city store=%s crossed error=%r; once more", shown(self._where), str(error)[:200])
                    continue
                if trouble == "unfit" and len(batch) > 1:
                    for item in batch:  # one of them cannot be kept: the others can
                        self._do(store, [item])
                    return
                self._not_kept(batch, error)
                if trouble == "unfit" or not store.shared or self._stopping:
                    return  # the stations send again
                batch = [item for item in batch if not isinstance(item, Wanted)]  # he was told that it failed
                attempt = 0  # so do we: many processes would have to hear all of it once more
        self._kept_again(store)
        for wanted, id_ in done.kept:
            wanted.id.set_result(id_)
        self._answer(done.answers)
        for one in done.more:
            try:
                self._inbox.put_nowait(one)
            except queue.Full:
                break  # the station's next record goes on from there

    def _not_kept(self, batch: list[Item], error: Exception) -> None:
        if not self._down_since:
            self._down_since = now()
            log.error("city store=%s state=down error=%r; records are not answered", shown(self._where), str(error))
        for wanted in (item for item in batch if isinstance(item, Wanted) and not item.id.done()):
            wanted.id.set_exception(error)
        time.sleep(RETRY_SECONDS)

    def _kept_again(self, store: Store) -> None:
        if not self._down_since:
            return
        since, self._down_since = self._down_since, ""
        log.info("city store=%s state=up", shown(self._where))
        with suppress(*store.failures), store.batch():
            store.paused(since, "the store could keep nothing")

    def _in_one(self, store: Store, batch: list[Item]) -> Done:
        """Judge and keep a batch in one transaction; what is to be said when it is on disk."""
        early = self._judge(store, batch)
        done, drafts = Done(), dict[str, Draft]()
        with store.batch(early.stations):
            if store.shared:  # another worker may have taken a change since
                keys = store.keys_of(early.keys)
                store.turned |= {name for name, key in early.keys.items() if keys.get(name) != key}
            store.expect(early.named)
            # States first: a station's key arrives with its first records.
            for item in sorted(batch, key=lambda one: not _is_state(one)):
                if isinstance(item, Wanted):
                    self._write_down(store, item, done.kept)
                else:
                    self._take(store, item, drafts, early.judged.get(id(item)))
            for base, draft in drafts.items():
                if store.advance(draft.station):
                    done.more.append(More(draft.station, base))
            if store.shared:
                refused = [one.station for one in drafts.values() if store.station(one.station).rejected]
                for name, one in store.fresh_refusals(refused, TELL_SECONDS):
                    for draft in drafts.values():
                        if draft.station == name and one.id not in draft.kept:
                            draft.rejected.setdefault(one.id, one)
            for base, draft in drafts.items():
                done.answers += [(base, *said) for said in self._words(store, draft)]
        return done

    def _words(self, store: Store, draft: Draft) -> Iterator[tuple[str, str, Ack]]:
        """What one station is told, each word with its moment: taken now, so that a later one is of a later batch."""
        name, row = draft.station, store.station(draft.station)
        for first, last in store.passed(name):
            draft.named |= {one for one, sequence in draft.kept.items() if first < sequence < last}
        acks = acks_of(draft, row.upto, row.head)
        if draft.birth:
            holds, serials = store.hash_at(name, draft.acked), store.serials(name)
            acks[-1] = replace(acks[-1], birth=draft.birth, holds=holds, serials=serials)
        if row.torn:
            self._tell(name, "torn", f"alarm={row.torn!r}")
        for ack in acks:
            yield name, store.speak(name), ack

    def _judge(self, store: Store, batch: list[Item]) -> Early:
        """Read and verify before the transaction: it takes longer than all the rest, and holds up nobody here."""
        early = Early()
        events: list[tuple[Message, bytes, str]] = []
        for item in batch:
            if isinstance(item, More):
                early.stations.add(item.station)
            elif isinstance(item, Message):
                with suppress(ValueError):
                    topics, lane = Topics.parse(item.topic)
                    early.stations.add(topics.station)
                    if lane in ("evt", "alm") and item.payload is not None:
                        events.append((item, item.payload, topics.station))
        early.keys = store.keys_of(station for _, _, station in events)
        for item, body, station in events:
            early.judged[id(item)] = judged = judge(body, station, early.keys.get(station))
            if isinstance(judged, Judged):
                early.named.append((station, judged.event["id"], int(judged.event["sequence"])))
        return early

    def _take(
        self, store: Store, item: Item, drafts: dict[str, Draft], judged: Judged | Rejected | None = None
    ) -> None:
        match item:
            case Message(topic, payload, size):
                self._message(store, topic, payload, size, drafts, judged)
            case Scanned(code, when):
                store.scanned(code, when)
            case More(station, base):
                drafts.setdefault(base, Draft(station))
            case Connected():
                if self._part.desk:
                    store.orders.again()
                if not store.shared:  # as many as a city has come to their workers by themselves
                    for base, _ in store.bases():
                        drafts.setdefault(base, Draft(Topics.parse(f"{base}/state")[0].station))

    def _message(
        self,
        store: Store,
        topic: str,
        payload: bytes | None,
        size: int,
        drafts: dict[str, Draft],
        judged: Judged | Rejected | None,
    ) -> None:
        try:
            topics, lane = Topics.parse(topic)
        except ValueError:
            self._tell("?", "topic", f"topic={topic[:80]!r}")
            return
        if not _STATION.fullmatch(topics.station):
            self._tell("?", "topic", f"topic={topic[:80]!r}")
        elif payload is None:
            reason = f"{size} bytes; at most {HARD_CAP} are allowed"
            store.refuse(topics.station, "", "unreadable", reason, reason.encode())
            self._tell(topics.station, "unreadable", f"size={size}")
        elif lane == "state":
            self._state(store, topics, payload, drafts)
        elif lane == "res":
            self._result(store, topics.station, payload)
        elif lane == "pho":
            self._photo(store, topics, topic.rpartition("/")[2], payload, drafts)
        else:
            name = topics.station
            if (
                judged is None
                or name in store.turned
                or (isinstance(judged, Rejected) and judged.code == "unknown_key")
            ):
                judged = judge(payload, name, store.key_of(name), store.old_keys(name))
            self._event(store, topics, lane == "alm", payload, judged, drafts)

    def _state(self, store: Store, topics: Topics, payload: bytes, drafts: dict[str, Draft]) -> None:
        name = topics.station
        if not payload:  # a retained state was cleared
            return
        try:
            said = read_state(payload)
            if said.station != name:
                raise BadState(f"station {said.station} on the topic of {name}")
        except BadState as error:
            store.refuse(name, "", "unreadable", f"state: {error}", payload)
            self._tell(name, "state", f"reason={str(error)!r}")
            return
        if not self._enrol and store.key_of(name) is None:
            self._tell(name, "unknown_key", f"key={said.public_key} hint='marketsim city keys add {name} …'")
            return
        if not store.trust(name, said.public_key, "enrolled"):
            self._tell(name, "other_key", f"key={said.public_key}")
            return
        store.heard(said, topics.base)
        if said.state == "online":
            store.orders.again(name)
            draft = drafts.setdefault(topics.base, Draft(name))
            draft.birth, draft.acked = hashlib.sha256(payload).hexdigest(), said.acked
            draft.rejected.update((one.id, one) for one in store.final_refusals(name, TOLD_AGAIN))

    def _event(
        self,
        store: Store,
        topics: Topics,
        alarm: bool,
        body: bytes,
        judged: Judged | Rejected,
        drafts: dict[str, Draft],
    ) -> None:
        name = topics.station
        draft = drafts.setdefault(topics.base, Draft(name))
        if isinstance(judged, Rejected):
            refused: Rejected | None = store.refuse(name, judged.id, judged.code, judged.reason, body)
        elif judged.code == "wrong_source":
            # Another station's number: it says nothing about a number of this one.
            refused = store.refuse(name, judged.event["id"], judged.code, judged.reason, body)
        else:
            taken = store.add(
                name, topics.base, judged.event, judged.kind, body, alarm, judged.code, judged.reason[:200]
            )
            refused = taken.rejected
            if refused is None and judged.kind == key_events.KIND and not judged.code:
                data = judged.event["data"]
                if store.turn(name, data["old_key"], data["new_key"], int(judged.event["sequence"])):
                    self._hand_on(store, topics, data["new_key"])
            if refused is None:
                draft.kept[judged.event["id"]] = int(judged.event["sequence"])
                if taken.known:
                    draft.named.add(judged.event["id"])
        if refused is not None:
            self._tell(name, refused.code, f"id={refused.id!r} reason={refused.reason!r}")
            if refused.id:
                draft.rejected[refused.id] = refused

    def _hand_on(self, store: Store, topics: Topics, key: str) -> None:
        """The node's stations are told the new key of one of them, in the transaction that takes its change."""
        fields = {"stations": [{"station": topics.station, "public_key": key}]}
        id_ = store.orders.want("keys", f"{topics.node}-all", fields, KEY_SECONDS)
        log.info("station=%s key=%s handed on to=%s-all id=%s", topics.station, key, topics.node, id_)

    def _photo(self, store: Store, topics: Topics, sha256: str, payload: bytes, drafts: dict[str, Draft]) -> None:
        """A chunk of a photo. Its hash proves it; who never proved himself by a record is not answered."""
        if store.station(topics.station).base == topics.base:
            draft = drafts.setdefault(topics.base, Draft(topics.station))
            draft.photos[sha256] = store.photo(topics.station, sha256, payload)

    def _result(self, store: Store, name: str, payload: bytes) -> None:
        """A station says what became of a command; only what it signed counts."""
        try:
            key = store.key_of(name)
            keys = [one.key.hex() for one in store.old_keys(name)] + ([key.hex()] if key else [])
            said = CommandAnswer.of(verify_signed(payload, CityKeys.parse("\n".join(keys)), name).fields)
        except (BadSigned, ValidationError) as error:
            self._tell(name, "result", f"reason={str(error)[:200]!r}")
            return
        if not store.orders.answered(name, said, datetime.now(UTC).isoformat(timespec="milliseconds")):
            self._tell(name, "result", f"id={said.id!r} was never ordered")
            return
        log.info("station=%s command=%s id=%s state=%s code=%s", name, said.name, said.id, said.state, said.code)

    def _write_down(self, store: Store, wanted: Wanted, kept: list[tuple[Wanted, str]]) -> None:
        try:
            id_ = store.orders.want(wanted.name, wanted.target, wanted.fields, wanted.seconds)
        except BadOrder as error:
            wanted.id.set_exception(error)
        else:
            kept.append((wanted, id_))

    def _send_commands(self, store: Store) -> None:
        """What is due goes out, stops first. A disk that fails sends nothing: it is due again."""
        if not self._client.is_connected() or self._stopping:
            return
        try:
            with store.batch():
                store.orders.sign(self._key)
                due = store.orders.due(time.time())
        except store.failures as error:
            store.trouble(error)
            return
        for one in due:
            log.info("station=%s command=%s sent topic=%s", one.station, one.id, one.topic)
            self._client.publish(one.topic, one.payload, qos=1)

    def _answer(self, answers: Iterable[tuple[str, str, str, Ack]]) -> None:
        for base, station, issued, ack in answers:
            # What is published while the link is down would be kept by paho and sent stale: the station asks again.
            if self._client.is_connected():
                self._client.publish(f"{base}/ack", seal(ack.fields(), station, issued, self._key), qos=1)

    def _tell(self, station: str, what: str, detail: str) -> None:
        """Say it once for a station; the counts are on the page."""
        if (station, what) not in self._told and len(self._told) < 10_000:
            self._told.add((station, what))
            log.warning("station=%s refused=%s %s", station, what, detail)


def acks_of(draft: Draft, upto: int, head: str) -> list[Ack]:
    """The answers to one station, small enough each; refusals come before the ``upto`` that passes them.

    ``head`` is the hash of record ``upto``.
    """
    ids = [
        one
        for one, sequence in draft.kept.items()
        if (sequence > upto or one in draft.named) and one not in draft.rejected
    ]
    rejected = list(draft.rejected.values())
    acks = [Ack(None, (), tuple(part)) for part in _cut(rejected[REJECTED_PER_ACK:], REJECTED_PER_ACK)]
    acks += [Ack(None, tuple(part)) for part in _cut(ids[IDS_PER_ACK:], IDS_PER_ACK)]
    last = Ack(upto, tuple(ids[:IDS_PER_ACK]), tuple(rejected[:REJECTED_PER_ACK]), head if upto else "")
    return [*acks, replace(last, photos=tuple(draft.photos.values())[:IDS_PER_ACK])]


def _cut(items: list[_T], size: int) -> Iterator[list[_T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _is_state(item: Item) -> bool:
    return isinstance(item, Message) and item.topic.endswith("/state")


def _shown(broker: str) -> str:
    """The broker's address without a password."""
    target = urlsplit(broker)
    return f"{target.scheme}://{target.hostname}:{target.port or ''}"


def check_broker(broker: str, version: str) -> None:
    """Raises ValueError for an address or an MQTT version that cannot be used."""
    target = urlsplit(broker)
    if target.scheme not in ("mqtt", "mqtts") or not target.hostname:
        raise ValueError(f"broker {_shown(broker)}: write mqtt://HOST:PORT or mqtts://HOST:PORT")
    if version not in ("5", "3.1.1"):
        raise ValueError(f"MQTT version {version!r}: 5 or 3.1.1")


def _client(broker: str, version: str) -> mqtt.Client:
    check_broker(broker, version)
    target = urlsplit(broker)
    name = f"city-{secrets.token_hex(6)}"
    protocol = mqtt.MQTTv5 if version == "5" else mqtt.MQTTv311
    client = mqtt.Client(CallbackAPIVersion.VERSION2, name, protocol=protocol)
    if target.username:
        client.username_pw_set(unquote(target.username), unquote(target.password or "") or None)
    if target.scheme == "mqtts":
        client.tls_set_context(ssl.create_default_context())
    client.reconnect_delay_set(*RECONNECT_SECONDS)  # type: ignore[arg-type]
    client.max_inflight_messages_set(0)
    return client
