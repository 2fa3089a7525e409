"""One connection to one broker, from its first packet to its last: a fresh paho client, driven by the MQTT thread.

paho keeps what is published while the link is down and sends it later, and takes a TLS context once in its life; so no
client outlives its connection.  Certificates are verified; there is no way to switch that off.  Nothing that comes over
the wire ends the process: what cannot be handled is counted, logged once, and told.
"""

import contextlib
import hashlib
import logging
import os
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.between import link_causes, words
from edge.between.inbox import BrokerAnswer, BrokerAnswers, CityMessage, Inbox, Limits, LinkChanged
from edge.between.sparing import Sparing
from edge.config.city_tls import CityTls, Unusable
from edge.config.sections import CitySection
from protocol.city.envelope import CONTENT_TYPE
from protocol.frozen import frozen
from protocol.plain import plain

CONNECT_SECONDS = 5.0
KEEPALIVE = 15  # with nothing to send, a silent line is known after two of these at the latest
LOOP_SECONDS = 1.0
LOOK_SECONDS = 5.0  # so often the files of mqtts:// are looked at while a connection stands
PASSWORD = "MARKETEDGE_CITY_PASSWORD"  # of the environment, where there is no password_file
NOBODY = 16  # a PUBACK that says: accepted, but nobody listens
TO_BROKER = 100  # on their way to a broker that sets no limit of its own
MESSAGE_CAP = 65_536  # what an acknowledgement may have
PACKET_CAP = 262_144  # announced as Maximum Packet Size; who sends more is cut before it is read
INBOX_CAP = 500  # messages waiting for the core thread: the city repeats itself, so more are dropped
LARGE, LARGE_CAP = 4096, 30  # of larger ones fewer: each takes tens of milliseconds of the thread that sells
WILLS = 3  # retained with QoS 1; not retained with QoS 0; none
NO_RETAIN, NO_QOS = 0x9A, 0x9B
log = logging.getLogger("mqtt")


@frozen
class Ended:
    """How a connection ended. ``cut``: it stood, and the other side ended it. ``other_will``: perhaps for the will."""

    cause: str
    why: str
    cut: bool = False
    other_will: bool = False
    code: int = 0


@frozen
class Who:
    """Who connects: client id, topics to hear, the will's topic and bytes. ``also`` are topics it can do without."""

    client_id: str
    listen: tuple[str, ...]
    last_will: tuple[str, bytes] | None
    also: tuple[str, ...] = ()

    def at(self, url: str) -> "Who":
        """The same under a name of its own at this address."""
        return replace(self, client_id=f"{self.client_id}-{hashlib.sha256(url.encode()).hexdigest()[:4]}")


class Unfit(OSError):
    """A file of the configuration cannot be used; ``cause`` is a word of ``link_causes``."""

    def __init__(self, cause: str, text: str) -> None:
        super().__init__(text)
        self.cause = cause


class _Packed(Properties):
    """Properties that do not change, as they stand in every PUBLISH: paho would write them out for each."""

    def __init__(self, packet_type: int, **properties: Any) -> None:
        super().__init__(packet_type)  # type: ignore[no-untyped-call]
        for name, value in properties.items():
            setattr(self, name, value)
        self.__dict__["bytes"] = super().pack()  # type: ignore[no-untyped-call]

    def pack(self) -> bytes:
        packed: bytes = self.__dict__["bytes"]
        return packed


class _Bell:
    """Both ends of paho's pair of sockets by which a publish wakes the MQTT thread: rung once until it is heard.

    paho rings for every packet, and each time the two threads change places.
    """

    def __init__(self) -> None:
        self._ears, self._hand = socket.socketpair()
        for end in (self._ears, self._hand):
            end.setblocking(False)
        self._rung = False

    def fileno(self) -> int:
        return self._ears.fileno()

    def send(self, data: bytes) -> int:
        if self._rung:
            return len(data)
        self._rung = True
        with contextlib.suppress(OSError):  # the connection ended a moment ago
            self._hand.send(data)
        return len(data)

    def recv(self, size: int) -> bytes:
        self._rung = False  # before it is emptied: who rings now wakes the next turn
        return self._ears.recv(size)

    def close(self) -> None:
        self._ears.close()
        self._hand.close()


class _Client(paho.Client):
    """paho's client, which reads no packet larger than we said, is not slowed by delayed acknowledgements, and takes
    no longer over a record's acknowledgement than over the record."""

    oversize = 0
    alert: ssl.SSLError | None = None  # why the other side ended it before it stood

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.acknowledged: Callable[[int], None] = lambda mid: None
        self._sockpairR = self._sockpairW = _Bell()  # type: ignore[assignment]

    def _sock_recv(self, bufsize: int) -> bytes:
        if bufsize > PACKET_CAP:
            self.oversize = bufsize
            raise ConnectionError(f"a packet of {bufsize} bytes")
        try:
            data = super()._sock_recv(bufsize)
        except ssl.SSLError as error:
            self.alert = error
            raise
        if bufsize > 1 and isinstance(self._sock, socket.socket):
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)  # the kernel forgets it after a while
        return data

    def _handle_pubackcomp(self, cmd: Any) -> Any:
        """The usual PUBACK has no reason and no properties; paho makes both for each, which takes most of its time."""
        packet = self._in_packet["packet"]
        if cmd != "PUBACK" or len(packet) != 2:
            return super()._handle_pubackcomp(cmd)
        mid = int.from_bytes(packet, "big")
        with self._out_message_mutex:
            if self._out_messages.pop(mid, None) is None:
                return paho.MQTT_ERR_SUCCESS
            self.acknowledged(mid)
            self._inflight_messages -= 1
            waiting = len(self._out_messages) > self._inflight_messages
            return self._update_inflight() if waiting else paho.MQTT_ERR_SUCCESS

    def limit(self, in_flight: int) -> None:
        """What the broker's CONNACK allows; paho's own setter refuses once connected."""
        self._max_inflight_messages = in_flight

    def close(self) -> None:
        self._reset_sockets()


class Connection:
    """``serve`` in the MQTT thread; ``publish``, ``announce`` and ``leave`` by the core thread."""

    def __init__(
        self, url: str, part: CitySection, who: Who, will: int, inbox: Inbox, odd: Counter[str], told: Sparing
    ) -> None:
        self.url = url
        self.stood = False  # the broker took us
        self._part = part
        self._who = who
        self._will = will
        self._inbox = inbox
        self._odd = odd
        self._told = told
        self._v5 = part.mqtt == "5"
        self._up = False
        self._retain = will == 0
        self._limits = Limits()
        self._ended: Ended | None = None
        self._leaving: Ended | None = None
        self._deaf = ""
        self._tls = CityTls.of(part)
        self._tls_mark = self._tls.mark()
        self._look_at = float("-inf")
        self._answers: list[BrokerAnswer] = []  # of this turn
        self._waiting_for: set[int] = set()  # subscriptions without an answer
        self._can_do_without: set[int] = set()
        self._client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id=who.client_id,
            protocol=paho.MQTTv5 if self._v5 else paho.MQTTv311,
            reconnect_on_failure=False,
        )
        self._content_type = _Packed(PacketTypes.PUBLISH, ContentType=CONTENT_TYPE) if self._v5 else None

    # --- for the core thread ----------------------------------------------------------------------------------------

    def publish(self, topic: str, body: bytes) -> int | None:
        """Hand one event to the broker; the answer comes as BrokerAnswer. None when the link is down."""
        if not self._up:
            return None
        info = self._client.publish(topic, body, qos=self._limits.qos, properties=self._content_type)
        return info.mid if info.rc == paho.MQTT_ERR_SUCCESS else None

    def announce(self, topic: str, body: bytes, retain: bool) -> None:
        """A state message; ``retain`` where the broker allows it."""
        if self._up:
            self._client.publish(topic, body, qos=self._limits.qos, retain=retain and self._retain)

    def leave(self, ended: Ended) -> None:
        """End it, and say so."""
        self._leaving = ended
        self._up = False
        with contextlib.suppress(Exception):  # a client that never connected has nothing to end
            self._client.disconnect()

    # --- for the MQTT thread ----------------------------------------------------------------------------------------

    def serve(self) -> Ended:
        """Connect, and stay until the connection ends, whoever ends it. Raises nothing."""
        try:
            self._open()
            until = time.monotonic() + CONNECT_SECONDS
            while self._ended is None and self._leaving is None:
                result = self._client.loop(LOOP_SECONDS if self._up else 0.2)
                self._pass_on()
                if self._ended is None and result != paho.MQTT_ERR_SUCCESS:
                    self._end(Ended("lost", paho.error_string(result), cut=self.stood, other_will=not self.stood))
                if self._up:
                    self._look(time.monotonic())
                elif time.monotonic() > until:
                    self._end(Ended("mute", "no answer to CONNECT" if not self.stood else "no answer to SUBSCRIBE"))
            if self._leaving is not None:
                self._client.loop(0.1)  # the DISCONNECT goes out
        except Unfit as unfit:
            self._end(Ended(unfit.cause, str(unfit)))
        except Exception as error:
            self._failed(error)
        finally:
            self._up = False
            with contextlib.suppress(Exception):
                self._client.close()
        ended = self._leaving or self._ended or Ended("lost", "")
        return Ended(ended.cause, f"{self.url}: {ended.why}", ended.cut, ended.other_will, ended.code)

    def _failed(self, error: Exception) -> None:
        """An attempt that failed, or bytes of the broker that paho stumbles over."""
        cause = link_causes.of_error(error, tls=self.url.startswith("mqtts:") and not self.stood)
        if cause == "fault":
            self._stumble(error)
        self._end(Ended(cause, _words(error), cut=self.stood, other_will=False))

    def _open(self) -> None:
        parts, client = urlsplit(self.url), self._client
        if self._part.user:
            secret = _secret(self._part.password_file) or os.environ.get(PASSWORD)
            client.username_pw_set(self._part.user, secret)
        if self._who.last_will and self._will < WILLS - 1:
            client.will_set(*self._who.last_will, qos=1 - self._will, retain=self._will == 0)
        if parts.scheme == "mqtts":
            client.tls_set_context(self._context())
        client.connect_timeout = CONNECT_SECONDS
        client.on_connect = self._fenced(self._on_connect)
        client.on_subscribe = self._fenced(self._on_subscribe)
        client.on_disconnect = self._fenced(self._on_disconnect)
        client.on_publish = self._fenced(self._on_publish)
        client.acknowledged = lambda mid: self._answers.append(BrokerAnswer(mid))
        client.on_message = self._fenced(self._on_message)
        client.on_socket_open = self._fenced(self._on_socket_open)
        client.on_socket_register_write = lambda *_: None  # so that paho leaves the writing to the MQTT thread
        arguments: dict[str, Any] = {}
        if self._v5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.MaximumPacketSize = PACKET_CAP
            arguments = {"clean_start": True, "properties": properties}
        port = parts.port or (8883 if parts.scheme == "mqtts" else 1883)
        client.connect(parts.hostname or "", port, keepalive=KEEPALIVE, **arguments)

    def _context(self) -> ssl.SSLContext:
        """Read anew for each connection: what was renewed counts without a restart."""
        self._tls_mark = self._tls.mark()
        try:
            return self._tls.context()
        except Unusable as bad:
            raise Unfit(bad.cause, str(bad)) from None

    def _look(self, now: float) -> None:
        """Whether a file of ours was renewed: then connect again with it, unless it is not whole (yet)."""
        if now < self._look_at or not self.url.startswith("mqtts:"):
            return
        self._look_at = now + LOOK_SECONDS
        if (mark := self._tls.mark()) == self._tls_mark:
            return
        try:
            self._context()
        except Unfit as unfit:
            self._tls_mark = mark
            log.warning("%s: the connection stays as it is: %s", self.url, unfit)
        else:
            log.info("%s: a new certificate, connecting again", self.url)
            self.leave(Ended("renewed", "a certificate was renewed"))

    def _end(self, ended: Ended) -> None:
        """The first reason is the true one."""
        if self._ended is None:
            self._ended = ended
        self._up = False

    def _fenced(self, work: Callable[..., None]) -> Callable[..., None]:
        """A callback whose failure costs one message, not the process."""

        def run(*arguments: Any) -> None:
            try:
                work(*arguments)
            except Exception as error:
                self._stumble(error)

        return run

    def _stumble(self, error: Exception) -> None:
        self._count("fault", _words(error), error)

    def _count(self, word: str, detail: str, error: Exception | None = None) -> None:
        self._odd[word] += 1
        if self._told.due(word, time.monotonic()):
            log.warning("%s: %s (%s)", self.url, words.text("odd", word).en.lower(), detail, exc_info=error)

    # --- callbacks --------------------------------------------------------------------------------------------------

    def _on_socket_open(self, _client: paho.Client, _data: Any, opened: Any) -> None:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _on_connect(self, client: _Client, _data: Any, _flags: Any, code: ReasonCode, properties: Any) -> None:
        if code.is_failure:
            may_be_the_will = self._will < WILLS - 1 and (
                code.value in (NO_RETAIN, NO_QOS) or link_causes.of_connack(code.value) == "refused"
            )
            cause = link_causes.of_connack(code.value)
            self._end(Ended(cause, f"refuses us: {code}", other_will=may_be_the_will, code=code.value))
            return
        self.stood = True
        self._limits = Limits(
            getattr(properties, "ReceiveMaximum", 65_535),
            getattr(properties, "MaximumPacketSize", Limits().packet),
            min(1, getattr(properties, "MaximumQoS", 1)),
        )
        self._retain = self._retain and bool(getattr(properties, "RetainAvailable", 1))
        client.limit(max(1, min(self._limits.receive_maximum, TO_BROKER)))
        for topic in (*self._who.listen, *self._who.also):
            options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
            _, mid = client.subscribe(topic, options=options) if self._v5 else client.subscribe(topic, qos=1)
            self._waiting_for.add(mid or 0)
            if topic in self._who.also:
                self._can_do_without.add(mid or 0)
        if not self._waiting_for:
            self._stands()

    def _on_subscribe(self, _client: paho.Client, _data: Any, mid: int, codes: list[ReasonCode], _more: Any) -> None:
        self._waiting_for.discard(mid)
        for code in codes:
            if code.is_failure and mid in self._can_do_without:
                log.warning("%s does not let us hear the market's other stations: %s", self.url, code)
            elif code.is_failure:
                self._deaf = f"{self.url} refuses the subscription: {code}"
                log.error("%s", self._deaf)
        if not self._waiting_for and not self._up:
            self._stands()

    def _stands(self) -> None:
        log.info("connected to %s", self.url)
        self._up = True
        cause = "subscription" if self._deaf else ""
        self._inbox.put(LinkChanged(True, self._deaf, cause, self._limits, broker=self.url))

    def _on_disconnect(self, client: _Client, _data: Any, flags: Any, code: ReasonCode, _more: Any) -> None:
        if client.oversize:
            self._count("too_large", f"a packet of {client.oversize} bytes; at most {PACKET_CAP} are read")
            self._end(Ended("fault", f"a packet of {client.oversize} bytes was cut", cut=False))
        elif not self.stood and client.alert:
            self._end(Ended(link_causes.of_error(client.alert, tls=True), _words(client.alert)))
        elif not self.stood:
            self._end(Ended("closed", f"closed before its answer: {code}", other_will=True))
        else:
            said = flags.is_disconnect_packet_from_server
            why = f"ended by the broker: {code}" if said else f"lost: {code}"
            cause = link_causes.of_disconnect(code.value) if said else "lost"
            silent = code.getName() == "Keep alive timeout"
            cut = cause not in ("taken_over", "shut_down") and not silent
            self._end(Ended(cause, why, cut=cut, code=code.value if said else 0))

    def _on_publish(self, _client: paho.Client, _data: Any, mid: int, code: ReasonCode, _properties: Any) -> None:
        refused = str(code) if code.is_failure else ""
        self._answers.append(BrokerAnswer(mid, refused, code.value))

    def _pass_on(self) -> None:
        """What the broker answered in this turn, in one message."""
        if self._answers:
            self._inbox.put(BrokerAnswers(tuple(self._answers)))
            self._answers.clear()

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        topic = message.topic
        if len(message.payload) > MESSAGE_CAP:
            self._count("too_large", f"{len(message.payload)} bytes on {plain(topic, 80)}")
        elif self._inbox.qsize() >= (INBOX_CAP if len(message.payload) <= LARGE else LARGE_CAP):
            self._count("flood", plain(topic, 80))
        else:
            self._inbox.put(CityMessage(topic, bytes(message.payload), message.retain))


def _words(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    text = str(error.args[1] if isinstance(error, OSError) and len(error.args) > 1 else error)
    return plain(text, 200) or type(error).__name__


def _secret(path: Path | None) -> str | None:
    try:
        return path.read_text("utf-8").strip() if path else None
    except (OSError, UnicodeDecodeError) as error:
        raise Unfit("password_file", f"{path}: {_words(error)}") from None
