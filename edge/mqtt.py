"""The MQTT connection: paho's client, its callbacks turned into inbox messages.

paho keeps what is published while the link is down and sends it later; so nothing is handed to it then.  Certificates
are verified; there is no way to switch that off.
"""

import logging
import ssl
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.config import CityPart
from edge.inbox import BrokerAnswer, CityMessage, Inbox, LinkChanged
from protocol.city.envelope import CONTENT_TYPE

CONNECT_SECONDS = 5.0
KEEPALIVE = 20
RETRY_SECONDS = (0.3, 0.5, 1.0, 1.5)  # back within 2 s of the broker's return
MESSAGE_CAP = 65_536
log = logging.getLogger("mqtt")


class Mqtt(threading.Thread):
    """Keeps one connection to the first broker that answers. Callbacks only put messages into the inbox."""

    def __init__(
        self, part: CityPart, client_id: str, listen: tuple[str, ...], last_will: tuple[str, bytes] | None, inbox: Inbox
    ) -> None:
        super().__init__(name="mqtt", daemon=True)
        self._part = part
        self._inbox = inbox
        self._listen = listen
        self._halt = threading.Event()
        self._lost = threading.Event()
        self._v5 = part.mqtt == "5"
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=paho.MQTTv5 if self._v5 else paho.MQTTv311,
            reconnect_on_failure=False,
        )
        self._client.max_inflight_messages_set(part.window)
        self._client.connect_timeout = CONNECT_SECONDS
        if part.user:
            self._client.username_pw_set(part.user, _secret(part.password_file))
        if last_will:
            self._client.will_set(*last_will, qos=1, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message
        self.broker = ""
        self._properties: Properties | None = None
        if self._v5:
            self._properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            self._properties.ContentType = CONTENT_TYPE

    def publish(self, topic: str, body: bytes) -> int | None:
        """Hand one event to the broker, QoS 1; the answer comes as BrokerAnswer. None when the link is down."""
        info = self._client.publish(topic, body, qos=1, properties=self._properties)
        return info.mid if info.rc == paho.MQTT_ERR_SUCCESS else None

    def announce(self, topic: str, body: bytes) -> None:
        """A state message, retained where the broker allows it."""
        self._client.publish(topic, body, qos=1, retain=True)

    def stop(self) -> None:
        self._halt.set()
        self._lost.set()
        self._client.disconnect()

    def run(self) -> None:
        attempt = 0
        told = ""
        while not self._halt.is_set():
            url = self._part.brokers[attempt % len(self._part.brokers)]
            self._lost.clear()
            try:
                self._connect(url)
                self._client.loop_start()
            except (OSError, ValueError) as error:
                why = f"{url}: {error}"
                if why != told:
                    log.warning("no broker: %s", why)
                    self._inbox.put(LinkChanged(False, why))
                told = why
            else:
                self._lost.wait()
                self._client.loop_stop()
                told = ""
            attempt += 1
            self._halt.wait(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS)) - 1])

    def _connect(self, url: str) -> None:
        parts = urlsplit(url)
        self.broker = url
        if parts.scheme == "mqtts":
            context = ssl.create_default_context(cafile=str(self._part.ca_file) if self._part.ca_file else None)
            self._client.tls_set_context(context)
        port = parts.port or (8883 if parts.scheme == "mqtts" else 1883)
        arguments: dict[str, Any] = {"clean_start": True} if self._v5 else {}
        self._client.connect(parts.hostname or "", port, keepalive=KEEPALIVE, **arguments)

    # --- callbacks, in paho's thread --------------------------------------------------------------------------------

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, code: ReasonCode, properties: Any) -> None:
        if code.is_failure:
            self._inbox.put(LinkChanged(False, f"{self.broker} refuses us: {code}"))
            log.warning("%s refuses us: %s", self.broker, code)
            self._lost.set()
            return
        for topic in self._listen:
            client.subscribe(topic, qos=1)
        log.info("connected to %s", self.broker)
        self._inbox.put(LinkChanged(True, "", getattr(properties, "ReceiveMaximum", 65535)))

    def _on_disconnect(self, _client: paho.Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        if not self._lost.is_set():
            log.warning("connection to %s lost: %s", self.broker, code)
            self._inbox.put(LinkChanged(False, f"{self.broker}: {code}"))
        self._lost.set()

    def _on_publish(self, _client: paho.Client, _data: Any, mid: int, code: ReasonCode, _properties: Any) -> None:
        refused = str(code) if code.is_failure else ""
        self._inbox.put(BrokerAnswer(mid, refused, code.value))

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        if len(message.payload) > MESSAGE_CAP:
            log.warning("message of %d bytes on %s dropped", len(message.payload), message.topic)
            return
        self._inbox.put(CityMessage(message.topic, bytes(message.payload)))


def _secret(path: Path | None) -> str | None:
    return path.read_text("utf-8").strip() if path else None
