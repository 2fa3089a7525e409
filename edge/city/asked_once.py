"""The city asked once, by a command: how far it has this station, and which serials it has seen.

The station itself is not up meanwhile; its commands are not listened to.
"""

import hashlib
import time
from contextlib import suppress
from queue import Empty

from edge.between import words
from edge.between.inbox import CityMessage, Inbox, LinkChanged
from edge.between.tongue import said
from edge.city.city_word import CityWord
from edge.city.mqtt import Mqtt
from edge.config.sections import Config
from edge.records.clock import Clock
from protocol.city.signed import CityKeys
from protocol.city.topics import Ack, Topics

BROKER_SECONDS, CITY_SECONDS = 12.0, 10.0


class Silent(OSError):
    """The city did not answer; the message says why, and what can be done."""


def ask(config: Config, keys: CityKeys, clock: Clock, birth: bytes) -> Ack:
    """The city's answer to this birth, by a key that is known. Raises Silent.

    A platform that answers without saying to what is believed when nothing better comes.
    """
    if config.city.confirm == "broker":
        raise Silent(_why('confirm = "broker"'))
    station = config.station
    topics = Topics(station.region, station.node, station.terminal)
    inbox: Inbox = Inbox()
    mqtt = Mqtt(config.city, f"marketedge-restore-{topics.station}", (topics.ack,), None, inbox)
    word = CityWord(config.city, topics.station, keys, clock)
    digest = hashlib.sha256(birth).hexdigest()
    some: Ack | None = None
    mqtt.start()
    try:
        why, end = "", time.monotonic() + BROKER_SECONDS
        while time.monotonic() < end:
            with suppress(Empty):
                message = inbox.get(timeout=0.2)
                if isinstance(message, LinkChanged) and message.up:
                    mqtt.announce(topics.state, birth, retain=False)
                    end = time.monotonic() + CITY_SECONDS
                elif isinstance(message, LinkChanged):
                    what = words.text("link", message.cause)
                    why = said(what.zh, what.en) + f" ({message.why})"
                elif isinstance(message, CityMessage) and message.topic == topics.ack:
                    heard = word.read(message.payload, message.retained)
                    if heard and heard.ack.birth == digest:
                        return heard.ack
                    if heard and not heard.ack.birth and heard.ack.upto is not None:
                        some = heard.ack
        if some:
            return some
        odd = ", ".join(f"{said(*words.text('odd', name))}: {count}" for name, count in word.odd.items())
        raise Silent(_why(odd or why or mqtt.broker))
    finally:
        mqtt.stop()


def _why(detail: str) -> str:
    return said(
        f"平台没有回答（{detail}），因此不知道它已有哪些记录和编号，未恢复。先接通网络再试；"
        "确实等不了时由负责人决定，加 --without-city（跳过一段编号；平台缺的记录以后再补）",
        f"the city does not answer ({detail}): which records and codes it has is not known, and nothing was restored. "
        "Mend the way to it and try again; if it cannot wait, a person decides it: --without-city leaves numbers and "
        "codes out that may have been given",
    )
