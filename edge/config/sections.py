"""station.toml: what the station is, which devices it has, where the city is.

Read once at start.  A mistake is refused with the file, the section, the key, what was read and what is wanted
(``mistakes.py``).  A value can be overridden by the environment: ``MARKETEDGE_WEB__LISTEN=127.0.0.1:8081``.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import fields, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, get_args, get_type_hints
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from drivers import catalogue
from drivers.model import Model
from drivers.printers import PROFILES, profile
from drivers.transports.listen import named_peers
from edge.between.fixed_words import GoodsGroup, JobName, PaymentKind, Rounding
from edge.between.initials import initials
from edge.between.people import Role
from edge.between.print_states import DOCUMENT_NAMES
from edge.between.tongue import speak
from edge.config import mistakes
from edge.config.bench import SAMPLE_PLACES, BenchRules, PlanSection, row_of
from edge.config.environment import overridden
from edge.config.goods import GoodsSection, common, filled, with_groups
from edge.config.hints import HINTS
from edge.config.market import MarketSection
from edge.config.methods import Method, shipped
from edge.config.mistakes import NOTHING, Mistake, unknown
from edge.config.screens import ScreensSection
from protocol import formats
from protocol.city.bench_events import ControlKind
from protocol.city.codes import operator
from protocol.city.events import ONE_LINE, Name, ProductCode, ProofType, Short
from protocol.city.written import GRAMS
from protocol.labels import Pattern
from protocol.link import Link
from protocol.options import MISSING, BadOptions, OptionProblem
from protocol.printers.profile import Profile
from protocol.session import Session

SECRET = "secret"
"""Marks a field whose value, or what stands in the file it names, never comes to a log or a page."""

DeviceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
Node = Annotated[str, StringConstraints(pattern=r"^[0-9]{9}$")]
OperatorCode = Annotated[str, AfterValidator(operator)]
ChannelName = Annotated[str, StringConstraints(min_length=1, max_length=8), ONE_LINE]
_OF_DAY = "([01][0-9]|2[0-3]):[0-5][0-9]"


class BadConfig(ValueError):
    """station.toml cannot be used; the message has one line per mistake."""


def grams(text: str) -> int:
    """``"30 kg"`` → 30000; raises ValueError for a part of a gram or an unknown unit."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?(kg|g|t)", text.strip())
    if not found:
        raise ValueError(f"{text!r}: write a mass like 30 kg or 200 g")
    mass = Decimal(found[1]) * GRAMS[found[2]]
    if mass != int(mass):
        raise ValueError(f"{text!r} is not a whole number of grams")
    return int(mass)


def masses(text: str) -> tuple[int, ...]:
    """``"6/15 kg"`` → (6000, 15000), as the type plate of a scale with several intervals has it; raises ValueError."""
    *smaller, largest = text.split("/")
    unit = largest.strip().lstrip("0123456789.")
    return (*(grams(f"{mass.strip()}{unit}") for mass in smaller), grams(largest))


def fen(text: str) -> int:
    """``"3.50"`` yuan → 350 fen; raises ValueError."""
    if not re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,2})?", text.strip()):
        raise ValueError(f"{text!r}: write a price in yuan like 3.50")
    return int(Decimal(text) * 100)


def find_profile(name: str) -> None:
    """Raises ValueError for a printer profile that is no row."""
    if name not in PROFILES:
        raise unknown(("打印机类型", "profile"), name, PROFILES)


def _checked(parse: Any) -> Any:
    def check(text: str) -> str:
        parse(text)
        return text

    return AfterValidator(check)


def link_settings(text: str) -> None:
    """Raises ValueError for what is no link, or for a speed no line has."""
    if not 110 <= Link.parse(text).baud <= 4_000_000:
        raise ValueError("speed out of range")


def address(text: str) -> None:
    """``HOST:PORT`` to listen at, ``[::1]:8080`` for IPv6; raises ValueError."""
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\s\[\]]+):([0-9]{1,5})", text)
    if not found or int(found[2]) > 65_535:
        raise ValueError("no address")


SERVER = re.compile(r"(?:socket|rfc2217|tcp)://(\[[0-9A-Fa-f:.]+\]|[^/:\s]+):([0-9]{1,5})(?:[/?].*)?")
WAITING = re.compile(r"listen:(\[[0-9A-Fa-f:.]*\]|[^:\s]*):([0-9]{1,5})(?:\?.*)?")
USB = re.compile(r"usb(-hid)?:([0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}([:@].+)?)?")


def device_port(text: str) -> None:
    """Raises ValueError for what is no way to a scale, an analyzer or a probe."""
    if WAITING.fullmatch(text):
        try:
            named_peers(text)
        except ValueError:
            raise Mistake(
                "? 后写允许连接的地址或网段，如 listen:0.0.0.0:5001?from=192.168.1.20,192.168.2.0/24",
                "behind the ? write who may connect, addresses or networks, as in "
                "listen:0.0.0.0:5001?from=192.168.1.20,192.168.2.0/24",
            ) from None
    _port_of(text, ("replay:", "w1:", "folder:"), ("usb-hid:", "socket://", "rfc2217://", "listen:"))


def printer_port(text: str) -> None:
    """Raises ValueError for what is no way to a printer."""
    _port_of(text, ("file:",), ("usb:", "tcp://"))


def _port_of(text: str, paths: tuple[str, ...], others: tuple[str, ...]) -> None:
    if text.startswith("/") or any(text.startswith(one) and text != one for one in paths):
        return
    found = SERVER.fullmatch(text) or WAITING.fullmatch(text)
    numbered = found is not None and 0 <= int(found[2]) <= 65_535
    if not text.startswith(others) or not (numbered or USB.fullmatch(text)):
        raise ValueError("no port")


def _no_bool(value: Any) -> Any:
    """true is no number."""
    if isinstance(value, bool):
        raise ValueError("no number")
    return value


def _a_day(value: Any) -> Any:
    """A date, or its text from the environment: a number would be taken for seconds."""
    if isinstance(value, int | float) or (isinstance(value, date) and not 2000 <= value.year <= 2099):
        raise ValueError("no date")
    return value


def label_pattern(text: str) -> None:
    """Raises ValueError for what no label's code is read by."""
    Pattern.parse(text)


Mass = Annotated[str, _checked(grams)]
Masses = Annotated[str, _checked(masses)]
Yuan = Annotated[str, _checked(fen)]
LinkText = Annotated[str, _checked(link_settings)]
Number = BeforeValidator(_no_bool)


_FOLDER: ContextVar[Path] = ContextVar("the folder of station.toml", default=Path())


def with_files(options: Mapping[str, Any]) -> dict[str, Any]:
    """An option that names a file becomes the file's text; the others stay as they are. Raises ValueError."""
    return {name.removesuffix("_file"): _file(name, value) for name, value in options.items()}


def _file(name: str, value: Any) -> Any:
    if not name.endswith("_file"):
        return value
    path = _FOLDER.get() / str(value)
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise Mistake(f"{path} 不是 UTF-8 编码", f"{path}: not UTF-8", key=f"options.{name}") from None
    except FileNotFoundError:
        raise Mistake(f"没有文件 {path}", f"{path}: no such file", key=f"options.{name}") from None
    except (OSError, ValueError):
        raise Mistake(f"{path} 不能读取", f"{path}: cannot be read", key=f"options.{name}") from None


class ConfigSection(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StationSection(ConfigSection):
    """Who this box is. ``node``, ``terminal`` and ``region`` are given by the city."""

    name: Name
    jobs: tuple[JobName, ...] = Field(min_length=1)
    node: Node
    terminal: Annotated[str, StringConstraints(pattern=r"^[0-9]{2}$")]
    region: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
    host: Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]+(:[0-9]+)?$", max_length=100)]
    language: Literal["zh", "en"] = "zh"
    data: Path = Path("data")
    key: Path = Path("station.key")
    keep_months: Annotated[int, Number] = Field(24, le=1200)

    @model_validator(mode="after")
    def _kept_by_law(self) -> Self:
        least = 24 if "canteen" in self.jobs else 6
        if self.keep_months < least:
            raise Mistake(
                f"依法至少保存 {least} 个月（食用农产品 6 个月，食堂 24 个月），从平台收到起算",
                f"by law records are kept for {least} months at least (fresh produce 6, canteens 24), from when the "
                "city has them",
                key="keep_months",
                value=self.keep_months,
            )
        return self


class SellerSection(ConfigSection):
    """The stall's operator, as printed on slips."""

    code: OperatorCode
    name: Name
    stall: Short = ""
    contact: Name = ""
    licence: Name = ""
    address: Name = ""


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
    """

    brokers: tuple[str, ...] = Field(min_length=1)
    mqtt: Literal["5", "3.1.1"] = "5"
    confirm: Literal["city", "city-unsigned", "broker"] = "city"
    keys_file: Path = Path("city.keys")
    window: Annotated[int, Number] = Field(500, ge=1, le=1000)
    client_id: Literal["station", "station-and-broker"] = "station"
    resend_seconds: Annotated[float, Number] = Field(10.0, gt=0, le=86_400)
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


def plain_digits(fingerprint: str) -> str:
    """A fingerprint as phones and openssl show it, in small letters without colons."""
    return fingerprint.replace(":", "").lower()


def _host_and_port(parts: SplitResult) -> bool:
    try:
        return bool(parts.hostname) and (parts.port is None or parts.port > 0) and " " not in parts.netloc
    except ValueError:
        return False


class WebSection(ConfigSection):
    """The local pages. ``allow`` names other host names that browsers may use to reach them.

    ``tls``: ``own`` is a certificate of the market's own authority, in the folder ``tls`` beside the station's key;
    ``files`` are ``cert_file`` and ``key_file``.  Pages that others than this box reach are encrypted, unless it is
    written that they shall not be (``insecure``), which also lets a network in where nobody has a name.
    ``theme``: as the system of whoever looks (``auto``), always one of the two, or light within the hours of ``day``.
    """

    listen: Annotated[str, _checked(address)] = "127.0.0.1:8080"
    allow: tuple[str, ...] = ()
    theme: Literal["auto", "light", "dark", "time"] = "auto"
    day: Annotated[str, StringConstraints(pattern=rf"^{_OF_DAY}-{_OF_DAY}$")] = "07:00-18:00"
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


class PeopleSection(ConfigSection):
    """What people may do, once there are any (``marketedge operators add``).

    Who is signed in and does nothing for ``idle_minutes`` signs in again.  ``typed_weights`` and ``prices`` say whose
    word a typed weight and another price need.
    """

    idle_minutes: Annotated[int, Number] = Field(240, ge=1, le=10_080)
    typed_weights: Literal["supervisor", "everybody"] = "supervisor"
    prices: Literal["supervisor", "everybody"] = "everybody"


def is_loopback(host: str) -> bool:
    """Whether an address to listen at is reached from this box alone. A name is taken at its word."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class ClockSection(ConfigSection):
    """``kernel``: trust the wall clock while a time service keeps it; ``host``: a virtual machine's host keeps it."""

    trust: Literal["kernel", "host"] = "kernel"


class PortSection(ConfigSection):
    """What every device on a port has. ``protocol`` may be named instead of ``model`` when no row fits.

    An option whose name ends in ``_file`` names a file beside station.toml; the format gets its text.
    """

    kind: ClassVar[str] = ""

    name: DeviceName
    port: Annotated[str, _checked(device_port)]
    model: str = ""
    protocol: str = ""
    link: LinkText = ""
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known(self) -> Self:
        if bool(self.model) == bool(self.protocol):
            raise Mistake(
                "型号 model 和协议 protocol 写一个，只写一个（marketedge protocols 会列出）",
                "name either a model or a protocol (`marketedge protocols` lists them)",
                key="protocol" if self.model else "model",
            )
        row = self._of_its_kind()
        self._options_fit(formats.find(row.format))
        return self

    def _of_its_kind(self) -> Model:
        """Its row: there is such a model or protocol, and it is one of this kind of device."""
        if self.protocol and self.protocol not in formats.ids():
            raise unknown(("协议", "protocol"), self.protocol, formats.ids(self.kind), key="protocol")
        try:
            row = self.row()
        except LookupError:
            raise unknown(("型号", "model"), self.model, sorted(catalogue.models()), key="model") from None
        found = formats.find(row.format).kind
        if found != self.kind:
            raise Mistake(
                f"这是 [[{found}]] 的，不是 [[{self.kind}]] 的",
                f"this is for [[{found}]], not for [[{self.kind}]]",
                key="model" if self.model else "protocol",
            )
        return row

    def _options_fit(self, wire: formats.WireFormat) -> None:
        try:
            wire.parse({**self.row().options, **with_files(self.options)})
        except BadOptions as bad:
            raise self._told(bad.problems[0]) from None

    def _told(self, problem: OptionProblem) -> Mistake:
        """The mistake in the words of this file, at the key that stands in it."""
        name, *rest = problem.key.split(".")
        if name not in self.options and f"{name}_file" in self.options:
            return Mistake(problem.zh, problem.en, key=f"options.{name}_file")
        where = {"key": f"options.{problem.key}", "value": NOTHING if problem.value is MISSING else problem.value}
        if problem.known:
            return unknown(("选项", "option"), [name, *rest][-1], problem.known, **where)
        return Mistake(problem.zh, problem.en, **where)

    def row(self) -> Model:
        """The model's row, or one made up from the protocol."""
        return catalogue.find(self.model) if self.model else Model(self.protocol, "", self.protocol, self.protocol)

    def device(self) -> Model:
        """The row with this device's options."""
        return self.row().with_options(with_files(self.options))

    def session(self, today: Callable[[], date]) -> Session:
        """A fresh session with this device's options; analyzers that are asked by date get the calendar."""
        return self.device().session(today)

    def settings(self) -> Link:
        return Link.parse(self.link) if self.link else self.row().default_link()


class ScaleSection(PortSection):
    """A scale. ``max``, ``min``, ``e`` are on its type plate; ``verified_until`` is on the certificate (检定).

    A scale with two intervals has ``max = "6/15 kg"`` and ``e = "2/5 g"``.  ``unit`` is needed for formats that send
    none.  A weight stands still after ``agree`` equal frames that last for ``still`` seconds; left out, what the
    model's row says, or what ``weighing.py`` takes for scales that say that they are stable, and for those that
    do not.  ``tare_key`` is False where nobody uses the scale's own tare key: then the page's known tare may be taken
    off what does not say gross or net.  ``writable`` allows tare and zero from the page.

    For the register of scales: ``maker``, ``type`` and ``serial`` of the type plate, ``accuracy`` its class,
    ``certificate`` the number of the verification, ``cpa`` that of the type approval, the three codes and the seal.
    ``fair`` marks a fair scale (公平秤): slips are weighed again there.
    """

    kind: ClassVar[str] = "scale"

    max: Masses
    min: Mass
    e: Masses
    unit: Literal["kg", "g", ""] = ""
    verified_until: Annotated[date | None, BeforeValidator(_a_day)] = None
    agree: Annotated[int | None, Number] = Field(None, ge=2, le=50)
    still: Annotated[float | None, Number] = Field(None, ge=0, le=10)
    tare_key: bool = True
    writable: bool = False
    fair: bool = False
    maker: Name = ""
    type: Name = ""
    serial: Short = ""
    accuracy: Literal["II", "III", "IIII"] = "III"
    certificate: Short = ""
    cpa: Short = ""
    production_code: Short = ""
    repair_code: Short = ""
    verification_code: Short = ""
    seal: Short = ""
    software: Short = ""

    @model_validator(mode="after")
    def _order(self) -> Self:
        most, e = masses(self.max), masses(self.e)
        if len(most) != len(e):
            raise Mistake(
                '与 max 的个数要一样，如 max = "6/15 kg"，e = "2/5 g"',
                'max and e must have as many values, as in max = "6/15 kg" and e = "2/5 g"',
                key="e",
            )
        if list(most) != sorted(set(most)) or list(e) != sorted(set(e)):
            raise Mistake(
                "双量程时，小的 max 和小的 e 写在前面",
                "of several intervals the smaller Max and the smaller e come first",
                key="max",
            )
        if not 0 < e[0] <= grams(self.min) < most[0]:
            raise Mistake(
                f"应满足 0 < e ≤ min < max（e = {self.e}，max = {self.max}）",
                f"`e`, `min` and `max` must satisfy 0 < e <= min < max (e = {self.e}, max = {self.max})",
                key="min",
            )
        return self


class AnalyzerSection(PortSection):
    """An analyzer. ``method`` names how its results are judged: one method, or one for each item it measures.

    ``item`` is what it measures, where the instrument does not say.  ``match`` says how a result finds its lot: by the
    ``sample`` number, or by the ``channel`` plan.  Of new results ``most_a_day`` are recorded in a day; what it hands
    over again counts once.  ``channels`` is how many it has, or their names, where its model does not say;
    ``controls`` are the channels in which each rack has a control, with its kind.  ``serial`` is the instrument's
    serial number, for those that do not say it, and ``calibrated`` the day of its last calibration.
    """

    kind: ClassVar[str] = "analyzer"

    item: Name = ""
    method: str | tuple[str, ...] = "gb5009199"
    match: Literal["sample", "channel"] = "sample"
    most_a_day: Annotated[int, Number] = Field(2000, ge=1, le=100_000)
    channels: Annotated[int, Number, Field(ge=0, le=96)] | tuple[ChannelName, ...] = 0
    controls: dict[ChannelName, ControlKind] = Field(default_factory=dict)
    serial: Short = ""
    calibrated: Annotated[date | None, BeforeValidator(_a_day)] = None

    @property
    def known_channels(self) -> tuple[str, ...]:
        """The names of its channels, in their order; empty where nobody has said how many it has."""
        if isinstance(self.channels, tuple):
            return self.channels
        return tuple(str(n + 1) for n in range(self.channels)) if self.channels else self.row().channels

    @property
    def places(self) -> tuple[str, ...]:
        """The places of one of its racks: its channels, or so many samples one after the other."""
        if self.match == "sample" and not self.known_channels:
            return tuple(str(n + 1) for n in range(SAMPLE_PLACES))
        return self.known_channels

    @property
    def methods(self) -> tuple[str, ...]:
        """The ids of its methods."""
        return (self.method,) if isinstance(self.method, str) else self.method

    @property
    def proven_line(self) -> bool:
        """Whether its bytes come by a way that loses and changes none: a network connection of its own, or files."""
        return self.port.startswith(("listen:", "folder:"))

    @cached_property
    def remembers(self) -> bool:
        """Whether what it hands over may be old: a memory that is read, or files."""
        return formats.find(self.row().format).polled or self.port.startswith("folder:")


class ProbeSection(PortSection):
    """A probe of temperature or humidity; its values are shown on the status page."""

    kind: ClassVar[str] = "probe"


def _is_a(kind: type, value: Any) -> bool:
    """Whether a value of the file is of this type: a whole number is a number too, true is none."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float) if kind is float else isinstance(value, kind)


class PrinterSection(ConfigSection):
    """A printer on ``/dev/…`` (serial), ``usb:VID:PID[:SERIAL]``, ``usb:VID:PID@BUS-PORT``, ``tcp://host:9100`` or
    ``file:PATH``.

    ``profile`` names its row, ``change`` replaces fields of it.  ``papers`` are those that go to this printer; empty
    is all but labels, or labels for a label printer (a kept sample's goes to either, to a label printer first).
    A paper that could not be printed for ``keep_minutes`` is given up: a person then decides.
    """

    name: DeviceName
    port: Annotated[str, _checked(printer_port)]
    profile: Annotated[str, _checked(find_profile)] = "generic-58"
    link: LinkText = "115200/8n1"
    flow: Literal["none", "rtscts", "xonxoff"] = "none"
    papers: tuple[str, ...] = ()
    keep_minutes: Annotated[float, Number] = Field(30.0, gt=0, le=10_080)
    change: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        kinds = get_type_hints(Profile)
        names = [one.name for one in fields(Profile) if one.name not in ("id", "vendor", "name")]
        for name, value in self.change.items():
            if name not in names:
                raise unknown(("打印机设置", "setting of a printer"), name, names, key=f"change.{name}", value=value)
            if kinds[name] in (bool, int, float, str) and not _is_a(kinds[name], value):
                raise Mistake(*HINTS[f"change.{name}"], key=f"change.{name}")
            numbers = isinstance(value, list) and all(_is_a(int, one) for one in value)
            if name == "label" and not (numbers and len(value) == 3):
                raise Mistake(*HINTS["change.label"], key="change.label")
        if not (1 <= self.change.get("module", 1) <= 16 and 0 <= self.change.get("tear", 0) <= 20):
            name = "tear" if 1 <= self.change.get("module", 1) <= 16 else "module"
            raise Mistake(*HINTS[f"change.{name}"], key=f"change.{name}")
        try:
            self.row()
        except (TypeError, ValueError):
            raise self._unfit_change() from None
        return self

    def _unfit_change(self) -> Mistake:
        """Which field does not fit: the one that cannot be changed even alone, or all of them together."""
        for name, value in self.change.items():
            try:
                replace(profile(self.profile), **{name: value})
            except (TypeError, ValueError):
                return Mistake(*HINTS[f"change.{name}"], key=f"change.{name}")
        return Mistake(
            "这些设置互相不符：columns × 12 不能大于 dots；label 和 tspl 要一起写",
            "these do not fit each other: columns × 12 is at most dots; label and tspl belong together",
            key="change",
        )

    @property
    def serial(self) -> bool:
        """Whether it is on a serial line, where ``link`` and ``flow`` count."""
        return not self.port.startswith(("usb:", "tcp:", "file:"))

    def row(self) -> Profile:
        """The printer's profile with its changes."""
        return replace(profile(self.profile), **self.change)


class PaperSection(ConfigSection):
    """What is printed. ``language`` empty is the station's; ``automatic`` are the papers printed by themselves.

    ``templates`` is a folder with the market's own templates; they go before the shipped ones.
    """

    language: Literal["zh", "en", "both", ""] = ""
    templates: Path | None = None
    automatic: tuple[str, ...] = (
        *("slip", "report", "label", "hold", "disposal", "acceptance", "void"),
        *("shift", "reweigh", "kept", "waste"),
    )


class ProductSection(ConfigSection):
    """A product. ``price`` is in yuan per ``per``; 斤 is not a legal unit, so it is kg or 500 g.

    ``tests`` are the items its lots are tested for; left out, those of ``[gate]``.  ``lot`` is ``optional`` where the
    market lets it be sold without a source code; such sales are marked.  ``also`` are other names that
    instruments have for it.  ``packed`` are prepackaged goods: the law wants their 规格, 生产日期 or 批号, and
    保质期 in the book.  ``disturbs_enzyme`` marks foods that make an enzyme test positive by themselves (葱, 蒜,
    韭菜, 芹菜, 香菜, 萝卜, 茭白, 蘑菇, 番茄): they are extracted as whole plants.  ``by``: sold by weight, or by the
    ``piece``; ``price`` is then that of one.  ``group`` and ``initials`` are how people find it.  What is left out is
    taken from the catalogue (``goods.py``).
    """

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{8}$")]
    name: Annotated[str, StringConstraints(min_length=1, max_length=120), ONE_LINE]
    name_en: Name = ""
    price: Yuan = "0"
    per: Literal["kg", "500g"] = "kg"
    tests: tuple[Name, ...] | None = None
    lot: Literal["required", "optional"] = "required"
    also: tuple[Name, ...] = ()
    disturbs_enzyme: bool = False
    packed: bool = False
    group: GoodsGroup = "other"
    by: Literal["weight", "piece"] = "weight"
    initials: Annotated[str, StringConstraints(pattern=r"^[0-9a-z]{0,20}$")] = ""

    @model_validator(mode="before")
    @classmethod
    def _of_catalogue(cls, row: Any) -> Any:
        return filled(row)

    @cached_property
    def found_by(self) -> tuple[str, ...]:
        """What people type to find it, beside name and code: initials, and other names with theirs."""
        goods = common().get(self.code)
        more = (goods.name, *goods.also) if goods and goods.called(self.name) else ()
        names = [name for name in dict.fromkeys((*self.also, *more)) if name != self.name]
        own = self.initials or initials(self.name)
        return tuple(dict.fromkeys((own, *(part for name in names for part in (name, initials(name)) if part))))

    @property
    def per_g(self) -> Literal[500, 1000]:
        return 1000 if self.per == "kg" else 500


_PROOF = "|".join(get_args(ProofType))
PROOF_PATTERN = rf"^({_PROOF})(\|({_PROOF}))*$"


class GateSection(BenchRules):
    """How goods come in. ``tests`` are the items every lot is tested for, where its product says nothing else.

    Left out, it is what the first analyzer's first method measures.  ``unchecked`` is what a source code from elsewhere
    allows that nobody here can answer for: ``refuse`` it, ``test`` the goods as if they had none, or ``accept`` it,
    marked on record and slip.  ``suspended`` is what becomes of goods of a supplier that the city's directory names as
    suspended: ``refuse`` them, or ``warn`` and register them.  ``proofs`` are the vouchers that goods need, by the
    first digits of their code, before those of ``proofs.toml``; ``missing_proofs`` is what becomes of goods that come
    without.

    ``store`` is where held goods stand apart, ``office`` the authority where may be objected: both stand on the notice.
    ``destroy_at_once``: the market's rule lets a positive lot be destroyed before the four hours are over, when its
    owner gave up the recheck in writing (就地销毁).
    """

    tests: tuple[Name, ...] | None = None
    unchecked: Literal["refuse", "test", "accept"] = "test"
    suspended: Literal["refuse", "warn"] = "refuse"
    missing_proofs: Literal["refuse", "warn"] = "warn"
    proofs: dict[
        Annotated[str, StringConstraints(pattern=r"^[0-9]{2,8}$")],
        tuple[Annotated[str, StringConstraints(pattern=PROOF_PATTERN)], ...],
    ] = Field(default_factory=dict)
    store: Name = ""
    office: Name = ""
    destroy_at_once: bool = False


class StallSection(ConfigSection):
    """``continuous`` names a product: each new stable load becomes a sale by itself (连续过秤, sacks on a belt).

    ``oversell`` is what happens when more of a lot is sold than came in: ``warn`` (the record says so) or ``refuse``.
    ``without_lot`` are products that may be sold without a source code, as ``lot = "optional"`` says of one.
    ``containers`` are the codes on the market's own containers and what each weighs empty.

    ``lot`` says how a lot is chosen where a product has several: the oldest first (``fifo``), or by a person, asked
    once a day (``ask``).  ``rounding`` lets down to a tenth of a yuan (``jiao``) or a yuan off each slip by itself.
    ``payments`` are the kinds of payment that are noted; with ``payment = "before_slip"`` a slip is made when its
    payment came.  ``print``: slips come out by themselves (``always``), when somebody asks (``ask``), or are shown as a
    code on the screen (``never``).  ``keep_product``: after a sale its product stays chosen.
    ``price_report`` is the time of day when the day's prices are recorded for the city; empty: they are not.
    """

    continuous: str = ""
    without_lot: tuple[str, ...] = ()
    oversell: Literal["warn", "refuse"] = "warn"
    lot: Literal["fifo", "ask"] = "fifo"
    rounding: Rounding = "none"
    payment: Literal["note", "before_slip"] = "note"
    payments: tuple[PaymentKind, ...] = ("cash", "wechat", "alipay", "card", "account")
    print: Literal["always", "ask", "never"] = "always"
    keep_product: bool = True
    price_report: Annotated[str, StringConstraints(pattern=rf"^({_OF_DAY})?$")] = ""
    containers: dict[Annotated[str, StringConstraints(min_length=3, max_length=64), ONE_LINE], Mass] = Field(
        default_factory=dict
    )


class BarcodeSection(ConfigSection):
    """Labels with a weight or a price inside (``protocol/labels.py``): what stands where in their code.

    ``pattern`` has a letter for each digit: ``I`` the item, ``W`` grams, ``P`` fen, ``V`` a check digit of the field
    after it, ``C`` that of the whole code, ``X`` anything; digits stand for themselves.  ``gs1`` reads (01) and
    (310n).  ``items`` says which product an item is; one that is not there is the product whose code ends so.
    """

    pattern: Annotated[str, _checked(label_pattern)]
    items: dict[Annotated[str, StringConstraints(pattern=r"^[0-9]{1,14}$")], ProductCode] = Field(default_factory=dict)


def percent(text: str) -> Decimal:
    """``"5 %"`` → 5; raises ValueError."""
    found = re.fullmatch(r"([0-9]{1,2}(?:\.[0-9]{1,2})?) ?%", text.strip())
    if not found:
        raise ValueError(f"{text!r}: write a part of the order like 5 %")
    return Decimal(found[1])


Percent = Annotated[str, _checked(percent)]


class CanteenSection(ConfigSection):
    """How deliveries are accepted.

    More than ``tolerance`` between what was ordered and what came needs a reason; with ``over = "block"`` it is a
    supervisor's.  ``suspended`` is what becomes of a delivery of a supplier that the city has suspended: ``refuse`` it,
    or take it on a ``supervisor``'s word.  So many ``signers`` sign, each with a PIN of their own, and one of them has
    one of the roles ``one_of``; ``functions`` are what they sign as, the usual one first.  ``automatic`` counts a load
    by itself when it stands still.  Goods with so many ``near_days`` to their best-before date are warned of.  A sample
    of a dish is at least ``sample`` and kept for ``sample_hours``.
    """

    tolerance: Percent = "5 %"
    over: Literal["block", "reason"] = "reason"
    suspended: Literal["refuse", "supervisor"] = "refuse"
    signers: Annotated[int, Number] = Field(2, ge=2, le=4)
    one_of: tuple[Role, ...] = ()
    functions: tuple[Short, ...] = ("食堂管理员", "验收员", "厨师长", "家长代表")
    automatic: bool = False
    near_days: Annotated[int, Number] = Field(3, ge=0, le=90)
    sample: Mass = "125 g"
    sample_hours: Annotated[int, Number] = Field(48, ge=48, le=720)


class Config(BaseModel):
    """The whole of station.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    station: StationSection
    seller: SellerSection
    city: CitySection
    web: WebSection = WebSection()
    people: PeopleSection = PeopleSection()
    clock: ClockSection = ClockSection()
    gate: GateSection = GateSection()
    stall: StallSection = StallSection()
    canteen: CanteenSection = CanteenSection()
    market: MarketSection = MarketSection()
    screens: ScreensSection = ScreensSection()
    paper: PaperSection = PaperSection()
    scale: tuple[ScaleSection, ...] = ()
    analyzer: tuple[AnalyzerSection, ...] = ()
    probe: tuple[ProbeSection, ...] = ()
    printer: tuple[PrinterSection, ...] = ()
    goods: GoodsSection = GoodsSection()
    product: tuple[ProductSection, ...] = ()
    method: tuple[Method, ...] = ()
    plan: tuple[PlanSection, ...] = ()
    barcode: tuple[BarcodeSection, ...] = ()

    def methods(self) -> dict[str, Method]:
        """All methods by id; one of the file goes before a shipped one."""
        return {**shipped(), **{method.id: method for method in self.method}}

    def tests(self, product: ProductSection) -> tuple[str, ...]:
        """The items that lots of a product are tested for, by the names their methods have for them.

        Empty asks for one item, whichever it is.
        """
        methods = self.methods()
        row = row_of(self.plan, product.code)
        planned = row.items if row is not None and row.items is not None else self.gate.tests
        wanted = planned if product.tests is None else product.tests
        if wanted is None:
            first = methods[self.analyzer[0].methods[0]].item if self.analyzer else ""
            return (first,) if first else ()
        return tuple(_item_of(name, methods.values()) for name in wanted)

    def lot_optional(self, product: ProductSection) -> bool:
        """Whether the market lets it be sold without a source code."""
        return product.lot == "optional" or product.code in self.stall.without_lot

    def certificates(self) -> tuple[date, ...]:
        """The last days of the scales' verifications."""
        return tuple(part.verified_until for part in self.scale if part.verified_until is not None)

    @model_validator(mode="before")
    @classmethod
    def _goods_of_groups(cls, data: Any) -> Any:
        return with_groups(data)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._nothing_twice()
        self._devices_fit()
        self._papers_known()
        self._continuous_possible()
        return self

    def _nothing_twice(self) -> None:
        named: dict[str, str] = {}
        for section in ("scale", "analyzer", "probe", "printer"):
            for part in getattr(self, section):
                if part.name in named:
                    raise Mistake(
                        f"[[{named[part.name]}]] 已经用了这个名字，请换一个",
                        f"a [[{named[part.name]}]] has this name already: choose another one",
                        place=f"[[{section}]] {part.name}",
                        key="name",
                        value=part.name,
                    )
                named[part.name] = section
        for section, key in (("product", "code"), ("method", "id")):
            values = [getattr(part, key) for part in getattr(self, section)]
            for value in values:
                if values.count(value) > 1:
                    raise Mistake(
                        "写了两次，请删掉一个或改成别的",
                        "it is used twice: take one out or change it",
                        place=f"[[{section}]] {value}",
                        key=key,
                        value=value,
                    )

    def _devices_fit(self) -> None:
        for part in self.scale:
            if not (part.unit or part.row().unit or formats.find(part.row().format).sends_unit):
                raise Mistake(
                    "缺少。这种协议不发单位：写秤上显示的单位 kg 或 g",
                    "it is missing: this format sends no unit; set `unit` to what the scale displays",
                    place=f"[[scale]] {part.name}",
                    key="unit",
                )
        known = self.methods()
        for analyzer in self.analyzer:
            place = f"[[analyzer]] {analyzer.name}"
            for name in analyzer.controls:
                if analyzer.known_channels and name not in analyzer.known_channels:
                    raise unknown(("通道", "channel"), name, analyzer.known_channels, place=place, key="controls")
            if not analyzer.methods:
                raise Mistake("至少写一个方法", "name at least one method", place=place, key="method", value=[])
            for name in analyzer.methods:
                if name not in known:
                    raise unknown(("方法", "method"), name, known, place=place, key="method")

    def _papers_known(self) -> None:
        for place, key, papers in (
            ("[paper]", "automatic", self.paper.automatic),
            *((f"[[printer]] {part.name}", "papers", part.papers) for part in self.printer),
        ):
            for paper in papers:
                if paper not in DOCUMENT_NAMES:
                    raise unknown(("单据", "paper"), paper, DOCUMENT_NAMES, place=place, key=key)

    def _continuous_possible(self) -> None:
        product, known = self.stall.continuous, [part.code for part in self.product]
        for code in self.stall.without_lot:
            if code not in known:
                raise Mistake(
                    "没有这个商品：写 [[product]] 里的 code",
                    "no such product: write codes of [[product]]",
                    place="[stall]",
                    key="without_lot",
                    value=code,
                )
        if not product:
            return
        if self.stall.payment == "before_slip":
            raise Mistake(
                '连续过秤时货先卖出，不能先收款：写 payment = "note"',
                'what is weighed continuously is sold at once: write payment = "note"',
                place="[stall]",
                key="payment",
                value=self.stall.payment,
            )
        if product not in known:
            raise Mistake(
                "没有这个商品：写 [[product]] 里的一个 code",
                "no such product: write a code of a [[product]]",
                place="[stall]",
                key="continuous",
                value=product,
            )
        for part in self.scale:
            if not formats.find(part.row().format).repeats:
                raise Mistake(
                    f"{part.name} 不报告秤盘是否已空，不能连续过秤",
                    f"{part.name} never tells that its pan is empty",
                    place="[stall]",
                    key="continuous",
                    value=product,
                )


def _item_of(name: str, methods: Iterable[Method]) -> str:
    """An item by the name its method has for it."""
    return next((method.item for method in methods if method.item and method.measures(name)), name)


_TABLES = frozenset(name for name, part in Config.model_fields.items() if isinstance(part.annotation, type))


def load(path: Path) -> Config:
    """Read station.toml; paths in it are relative to its folder. From here on its language is spoken.

    Raises BadConfig.
    """

    _FOLDER.set(path.resolve().parent)
    speak("zh")
    try:
        text = mistakes.text_of(path)
        speak(mistakes.language_of(text))
        data = mistakes.table_of(path, text)
    except Mistake as mistake:
        raise BadConfig(str(mistake)) from None
    if lines := mistakes.unseen(path, data):
        raise BadConfig("\n".join(lines))
    try:
        config = Config.model_validate(overridden(data, os.environ, _TABLES))
    except ValidationError as error:
        raise BadConfig("\n".join(mistakes.unfit(path, data, error, Config))) from None
    except ValueError:
        raise BadConfig(mistakes.environment()) from None
    speak(config.station.language)
    base = path.resolve().parent
    station = config.station.model_copy(update={"data": base / config.station.data, "key": base / config.station.key})
    city = config.city.model_copy(
        update={
            name: base / value
            for name in ("password_file", "ca_file", "keys_file", "cert_file", "key_file")
            if (value := getattr(config.city, name)) is not None
        }
    )
    web = config.web.model_copy(
        update={
            name: base / value for name in ("cert_file", "key_file") if (value := getattr(config.web, name)) is not None
        }
    )
    market = config.market.model_copy(update={"keys_file": base / config.market.keys_file})
    screens = config.screens
    if screens.pay_file is not None:
        screens = screens.model_copy(update={"pay_file": base / screens.pay_file})
    paper = config.paper
    if paper.templates is not None:
        paper = paper.model_copy(update={"templates": base / paper.templates})
    return config.model_copy(
        update={"station": station, "city": city, "web": web, "market": market, "screens": screens, "paper": paper}
    )
