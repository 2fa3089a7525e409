"""The sections of the ways out of the box: to the city's broker, and to whoever looks at its pages."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    Field,
    StringConstraints,
    model_validator,
)

from edge.config.mistakes import Mistake
from edge.config.values import OF_DAY, SECRET, ConfigSection, Number, address, checked, is_loopback, plain_digits

ORIGIN = r"^https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?$"


class CitySection(ConfigSection):
    """The way to the city. The first broker that answers is used; ``mqtts://`` verifies the certificate.

    ``confirm`` says who confirms a record: ``city`` by an answer signed with a key of ``keys_file``; ``city-unsigned``
    by any answer on our ack topic, so whoever may publish there can make records disappear; ``broker`` by taking it,
    so what the broker loses is lost.

    ``cert_file`` and ``key_file`` are what the station shows a broker that asks for a certificate (mTLS); the key may
    stand in ``cert_file``. ``ca_fingerprint`` names the authorities that ``ca_file`` may hold. The password is in
    ``password_file``, or in the environment (``MARKETEDGE_CITY_PASSWORD``).

    ``client_id`` is who we are at a broker: ``station`` everywhere the same, ``station-and-broker`` another at each
    address, for clusters that keep what belongs to a client on the node where it connected first (RabbitMQ without a
    policy that mirrors its queues): when that node is gone, the others would end each connection of that name.

    ``spread_seconds`` is the window over which the stations of one broker come back after it was away: so many that
    they divided by it are what the broker takes in a second (``edge/city/patience.py``).
    """

    brokers: tuple[str, ...] = Field(min_length=1)
    mqtt: Literal["5", "3.1.1"] = "5"
    confirm: Literal["city", "city-unsigned", "broker"] = "city"
    keys_file: Path = Path("city.keys")
    window: Annotated[int, Number] = Field(800, ge=1, le=1000)
    client_id: Literal["station", "station-and-broker"] = "station"
    resend_seconds: Annotated[float, Number] = Field(10.0, gt=0, le=86_400)
    spread_seconds: Annotated[float, Number] = Field(15.0, ge=0.1, le=600)
    user: Annotated[str, SECRET] = ""
    password_file: Annotated[Path | None, SECRET] = None
    ca_file: Path | None = None
    ca_fingerprint: tuple[str, ...] = ()
    cert_file: Path | None = None
    key_file: Annotated[Path | None, SECRET] = None

    @model_validator(mode="after")
    def _addresses(self) -> Self:
        for url in self.brokers:
            parts = urlsplit(url)
            if parts.username or parts.password:
                raise Mistake(
                    "用户名写在 user，密码放在文件里（password_file）",
                    "put the name in `user` and the password in a file (`password_file`)",
                    key="brokers",
                )
            if parts.scheme not in ("mqtt", "mqtts") or not _host_and_port(parts):
                raise Mistake(
                    "写 mqtts://host:8883 或 mqtt://host:1883",
                    "write mqtt://host:1883 or mqtts://host:8883",
                    key="brokers",
                    value=url,
                )
        self._shown()
        if len({urlsplit(url).scheme for url in self.brokers}) > 1:
            raise Mistake(
                "要么全是 mqtts://，要么全是 mqtt://：否则有人挡住加密的，就能在另一个上看到一切",
                "all mqtts:// or all mqtt://; else who blocks the secure one reads everything at the other",
                key="brokers",
            )
        return self

    def _shown(self) -> None:
        for digits in self.ca_fingerprint:
            if not re.fullmatch("[0-9a-f]{64}", plain_digits(digits)):
                raise Mistake(
                    "写 SHA-256 指纹：64 位十六进制，可带冒号",
                    "write SHA-256 fingerprints: 64 hex digits, colons allowed",
                    key="ca_fingerprint",
                    value=digits,
                )
        if self.ca_fingerprint and self.ca_file is None:
            raise Mistake("写出 ca_file：指纹是它的", "name the ca_file: it is its fingerprint", key="ca_fingerprint")
        if self.key_file is not None and self.cert_file is None:
            raise Mistake("写出 cert_file：密钥是它的", "name the cert_file: it is its key", key="key_file")
        if self.cert_file is not None and any(urlsplit(url).scheme == "mqtt" for url in self.brokers):
            raise Mistake(
                "证书只用于 mqtts://",
                "a certificate is shown over mqtts:// only",
                key="cert_file",
            )


def _host_and_port(parts: SplitResult) -> bool:
    try:
        return bool(parts.hostname) and (parts.port is None or parts.port > 0) and " " not in parts.netloc
    except ValueError:
        return False


class WebSection(ConfigSection):
    """The local pages. ``allow`` names other host names that browsers may use to reach them.

    ``frames`` are the origins (``https://till.local``) whose pages may show them in a frame; whoever owns such a page
    can hide what is pressed there.

    ``tls``: ``own`` is a certificate of the market's own authority, in the folder ``tls`` beside the station's key;
    ``files`` are ``cert_file`` and ``key_file``.  Pages that others than this box reach are encrypted, unless it is
    written that they shall not be (``insecure``), which also lets a network in where nobody has a name.
    ``theme``: as the system of whoever looks (``auto``), always one of the two, or light within the hours of ``day``.
    """

    listen: Annotated[str, checked(address)] = "127.0.0.1:8080"
    allow: tuple[str, ...] = ()
    frames: tuple[Annotated[str, StringConstraints(pattern=ORIGIN)], ...] = ()
    theme: Literal["auto", "light", "dark", "time"] = "auto"
    day: Annotated[str, StringConstraints(pattern=rf"^{OF_DAY}-{OF_DAY}$")] = "07:00-18:00"
    tls: Literal["own", "files", "off"] = "off"
    cert_file: Path | None = None
    key_file: Annotated[Path | None, SECRET] = None
    insecure: bool = False

    @property
    def loopback(self) -> bool:
        """Whether this box alone reaches the pages."""
        return is_loopback(self.listen.rpartition(":")[0])

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        if self.tls == "off" and not self.loopback and not self.insecure:
            raise Mistake(
                '同一网络里的人能看到、改动页面的内容；写 tls = "own"，再运行 marketedge tls make；'
                "或明确写 insecure = true",
                "everybody in this network could read and alter what the pages say: "
                'write tls = "own" and run `marketedge tls make`; or write insecure = true and mean it',
                key="tls",
                value=self.tls,
            )
        for key in ("cert_file", "key_file"):
            if self.tls == "files" and getattr(self, key) is None:
                raise Mistake("缺少：写 PEM 文件名", "it is missing: name a PEM file", key=key)
        return self
