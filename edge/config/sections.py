"""station.toml: what the station is, which devices it has, where the city is.

Read once at start.  A mistake is refused with the file, the section, the key, what was read and what is wanted
(``mistakes.py``).  A value can be overridden by the environment: ``MARKETEDGE_WEB__LISTEN=127.0.0.1:8081``.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import fields, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, get_type_hints
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
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from drivers import catalogue
from drivers.model import Model
from drivers.printers import PROFILES, profile
from drivers.transports.listen import named_peers
from edge.between.fixed_words import JobName
from edge.between.print_states import DOCUMENT_NAMES
from edge.between.tongue import speak
from edge.config import mistakes
from edge.config.hints import HINTS
from edge.config.methods import Method, shipped
from edge.config.mistakes import NOTHING, Mistake, unknown
from protocol import formats
from protocol.city.codes import operator
from protocol.city.events import ONE_LINE, Name, Short
from protocol.city.written import GRAMS
from protocol.link import Link
from protocol.options import MISSING, BadOptions, OptionProblem
from protocol.printers.profile import Profile
from protocol.session import Session

SECRET = "secret"
"""Marks a field whose value, or what stands in the file it names, never comes to a log or a page."""

DeviceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
Node = Annotated[str, StringConstraints(pattern=r"^[0-9]{9}$")]
OperatorCode = Annotated[str, AfterValidator(operator)]


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


class SellerSection(ConfigSection):
    """The stall's operator, as printed on slips."""

    code: OperatorCode
    name: Name
    stall: Short = ""
    contact: Name = ""


class CitySection(ConfigSection):
    """The way to the city. The first broker that answers is used; ``mqtts://`` verifies the certificate.

    ``confirm`` says who confirms a record: ``city`` by an answer signed with a key of ``keys_file``; ``city-unsigned``
    by any answer on our ack topic, so whoever may publish there can make records disappear; ``broker`` by taking it,
    so what the broker loses is lost.
    """

    brokers: tuple[str, ...] = Field(min_length=1)
    mqtt: Literal["5", "3.1.1"] = "5"
    confirm: Literal["city", "city-unsigned", "broker"] = "city"
    keys_file: Path = Path("city.keys")
    window: Annotated[int, Number] = Field(20, ge=1, le=1000)
    resend_seconds: Annotated[float, Number] = Field(10.0, gt=0, le=86_400)
    user: Annotated[str, SECRET] = ""
    password_file: Annotated[Path | None, SECRET] = None
    ca_file: Path | None = None

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
        if len({urlsplit(url).scheme for url in self.brokers}) > 1:
            raise Mistake(
                "要么全是 mqtts://，要么全是 mqtt://：否则有人挡住加密的，就能在另一个上看到一切",
                "all mqtts:// or all mqtt://; else who blocks the secure one reads everything at the other",
                key="brokers",
            )
        return self


def _host_and_port(parts: SplitResult) -> bool:
    try:
        return bool(parts.hostname) and (parts.port is None or parts.port > 0) and " " not in parts.netloc
    except ValueError:
        return False


class WebSection(ConfigSection):
    """The local pages. ``allow`` names other host names that browsers may use to reach them."""

    listen: Annotated[str, _checked(address)] = "127.0.0.1:8080"
    allow: tuple[str, ...] = ()


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
    over again counts once.
    """

    kind: ClassVar[str] = "analyzer"

    item: Name = ""
    method: str | tuple[str, ...] = "gb5009199"
    match: Literal["sample", "channel"] = "sample"
    most_a_day: Annotated[int, Number] = Field(2000, ge=1, le=100_000)

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
    is all but labels, or labels for a label printer.  A paper that could not be printed for ``keep_minutes`` is given
    up: a person then decides.
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
    automatic: tuple[str, ...] = ("slip", "report", "label", "hold", "acceptance")


class ProductSection(ConfigSection):
    """A product. ``price`` is in yuan per ``per``; 斤 is not a legal unit, so it is kg or 500 g.

    ``tests`` are the items its lots are tested for; left out, those of ``[gate]``.  ``also`` are other names that
    instruments have for it.  ``disturbs_enzyme`` marks foods that make an enzyme test positive by themselves (葱, 蒜,
    韭菜, 芹菜, 香菜, 萝卜, 茭白, 蘑菇, 番茄): they are extracted as whole plants.
    """

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{8}$")]
    name: Annotated[str, StringConstraints(min_length=1, max_length=120), ONE_LINE]
    name_en: Name = ""
    price: Yuan = "0"
    per: Literal["kg", "500g"] = "kg"
    tests: tuple[Name, ...] | None = None
    also: tuple[Name, ...] = ()
    disturbs_enzyme: bool = False

    @property
    def per_g(self) -> Literal[500, 1000]:
        return 1000 if self.per == "kg" else 500


class GateSection(ConfigSection):
    """How goods come in. ``tests`` are the items every lot is tested for, where its product says nothing else.

    Left out, it is what the first analyzer's first method measures.  ``unchecked`` is what a source code from elsewhere
    allows that nobody here can answer for: ``refuse`` it, ``test`` the goods as if they had none, or ``accept`` it,
    marked on record and slip.
    """

    tests: tuple[Name, ...] | None = None
    unchecked: Literal["refuse", "test", "accept"] = "test"


class StallSection(ConfigSection):
    """``continuous`` names a product: each new stable load becomes a sale by itself (连续过秤, sacks on a belt).

    ``oversell`` is what happens when more of a lot is sold than came in: ``warn`` (the record says so) or ``refuse``.
    """

    continuous: str = ""
    oversell: Literal["warn", "refuse"] = "warn"


class Config(BaseSettings):
    """The whole of station.toml."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, env_prefix="MARKETEDGE_", env_nested_delimiter="__")

    station: StationSection
    seller: SellerSection
    city: CitySection
    web: WebSection = WebSection()
    clock: ClockSection = ClockSection()
    gate: GateSection = GateSection()
    stall: StallSection = StallSection()
    paper: PaperSection = PaperSection()
    scale: tuple[ScaleSection, ...] = ()
    analyzer: tuple[AnalyzerSection, ...] = ()
    probe: tuple[ProbeSection, ...] = ()
    printer: tuple[PrinterSection, ...] = ()
    product: tuple[ProductSection, ...] = ()
    method: tuple[Method, ...] = ()

    def methods(self) -> dict[str, Method]:
        """All methods by id; one of the file goes before a shipped one."""
        return {**shipped(), **{method.id: method for method in self.method}}

    def tests(self, product: ProductSection) -> tuple[str, ...]:
        """The items that lots of a product are tested for, by the names their methods have for them.

        Empty asks for one item, whichever it is.
        """
        methods = self.methods()
        wanted = self.gate.tests if product.tests is None else product.tests
        if wanted is None:
            first = methods[self.analyzer[0].methods[0]].item if self.analyzer else ""
            return (first,) if first else ()
        return tuple(_item_of(name, methods.values()) for name in wanted)

    def certificates(self) -> tuple[date, ...]:
        """The last days of the scales' verifications."""
        return tuple(part.verified_until for part in self.scale if part.verified_until is not None)

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
        product = self.stall.continuous
        if not product:
            return
        if product not in (part.code for part in self.product):
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


def load(path: Path) -> Config:
    """Read station.toml; paths in it are relative to its folder. From here on its language is spoken.

    Raises BadConfig.
    """

    class FromFile(Config):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return env_settings, init_settings

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
        config = FromFile(**data)
    except ValidationError as error:
        raise BadConfig("\n".join(mistakes.unfit(path, data, error, Config))) from None
    except SettingsError:
        raise BadConfig(mistakes.environment()) from None
    speak(config.station.language)
    base = path.resolve().parent
    station = config.station.model_copy(update={"data": base / config.station.data, "key": base / config.station.key})
    city = config.city.model_copy(
        update={
            name: base / value
            for name in ("password_file", "ca_file", "keys_file")
            if (value := getattr(config.city, name)) is not None
        }
    )
    paper = config.paper
    if paper.templates is not None:
        paper = paper.model_copy(update={"templates": base / paper.templates})
    return config.model_copy(update={"station": station, "city": city, "paper": paper})
