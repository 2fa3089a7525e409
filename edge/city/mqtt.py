"""The MQTT thread: keeps one connection to the first broker that answers, and says why when there is none."""

import logging
import threading
import time
from collections import Counter

from edge.between.inbox import Inbox, LinkChanged, Stumbled
from edge.between.sparing import Sparing
from edge.city.connection import NO_QOS, NO_RETAIN, WILLS, Connection, Ended, Who
from edge.city.patience import Patience
from edge.config.sections import CitySection

STUMBLED_SECONDS = 10.0  # after a mistake of ours
log = logging.getLogger("mqtt")


class Mqtt(threading.Thread):
    """Owns the connection. ``publish``, ``announce`` and ``leave`` are for the core thread."""

    def __init__(
        self,
        part: CitySection,
        client_id: str,
        listen: tuple[str, ...],
        last_will: tuple[str, bytes] | None,
        inbox: Inbox,
        also: tuple[str, ...] = (),
    ) -> None:
        super().__init__(name="mqtt", daemon=True)
        self._part = part
        self._inbox = inbox
        self._who = Who(client_id, listen, last_will, also)
        self._halt = threading.Event()
        self._connection: Connection | None = None
        self._wills = dict.fromkeys(part.brokers, 0)  # which kind of will each broker takes
        self._told = Sparing()
        self._last_told = ""
        self.broker = ""
        self.odd: Counter[str] = (
            Counter()
        )  # what came and was not taken, by its word in `odd` of the catalogue of texts

    def publish(self, topic: str, body: bytes) -> int | None:
        """Hand one event to the broker, QoS 1; the answer comes as BrokerAnswer. None when the link is down."""
        connection = self._connection
        return connection.publish(topic, body) if connection else None

    def announce(self, topic: str, body: bytes, *, retain: bool = True) -> None:
        """A state message; ``retain`` where the broker allows it."""
        if connection := self._connection:
            connection.announce(topic, body, retain)

    def leave(self, cause: str, why: str) -> None:
        """This broker does not do its part: try the next one. ``cause`` is a word of ``link_causes``."""
        if connection := self._connection:
            connection.leave(Ended(cause, why))

    def stop(self) -> None:
        self._halt.set()
        if connection := self._connection:
            connection.leave(Ended("", "stopped"))

    def run(self) -> None:
        while not self._halt.is_set():
            try:
                self._keep()
            except Exception as error:
                self._connection = None
                self._inbox.put(Stumbled("mqtt", "program", error))
                self._inbox.put(LinkChanged(False, str(error), "fault"))
                self._halt.wait(STUMBLED_SECONDS)

    def _keep(self) -> None:
        """Keep a connection until told to stop."""
        turn, patience = 0, Patience(len(self._part.brokers), self._part.spread_seconds)
        while not self._halt.is_set():
            self.broker = url = self._part.brokers[turn % len(self._part.brokers)]
            who = self._who.at(url) if self._part.client_id == "station-and-broker" else self._who
            connection = Connection(url, self._part, who, self._wills[url], self._inbox, self.odd, self._told)
            self._connection = connection
            if self._halt.is_set():
                return  # told to stop a moment ago
            began = time.monotonic()
            ended = connection.serve()
            self._connection = None
            if self._halt.is_set():
                return
            self._tell(ended, connection.stood)
            if ended.cause == "renewed":
                continue
            if ended.other_will and self._humbler(url) and ended.code in (NO_RETAIN, NO_QOS):
                continue
            turn += not (ended.other_will and self._wills[url])
            self._halt.wait(patience.pause(ended.cause, time.monotonic() - began if connection.stood else 0.0))

    def _humbler(self, url: str) -> bool:
        """Ask less of this broker next time; False when all was tried."""
        self._wills[url] = (self._wills[url] + 1) % WILLS
        return self._wills[url] > 0

    def _tell(self, ended: Ended, stood: bool) -> None:
        if stood or ended.why != self._last_told:
            self._inbox.put(LinkChanged(False, ended.why, ended.cause, cut=ended.cut, broker=self.broker))
        if ended.cause != "renewed" and self._told.due(ended.why, time.monotonic()):
            log.warning("no way to the city: %s", ended.why)
        self._last_told = "" if stood else ended.why
