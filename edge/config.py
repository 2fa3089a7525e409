"""station.toml: what the station is, which devices it has, where the city is.

Read once at start.  A mistake is refused with the file, the key and what would be right.  A value can be overridden by
the environment: ``MARKETEDGE_WEB__LISTEN=127.0.0.1:8081``.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from drivers import catalogue
from drivers.model import Model
from drivers.printers import UnknownPrinter, profile
from edge.judgement import Method, shipped
from edge.papers import PAPER_NAMES
from protocol import formats
from protocol.city.codes import operator
from protocol.city.events import Name
from protocol.link import Link
from protocol.printers.profile import Profile
from protocol.session import Session

GRAMS = {"kg": Decimal(1000), "g": Decimal(1), "t": Decimal(1_000_000)}

DeviceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
Node = Annotated[str, StringConstraints(pattern=r"^[0-9]{9}$")]
OperatorCode = Annotated[str, AfterValidator(operator)]
JobName = Literal["gate", "stall", "canteen"]


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
    try:
        profile(name)
    except UnknownPrinter as error:
        raise ValueError(str(error.args[0])) from None


def _checked(parse: Any) -> Any:
    def check(text: str) -> str:
        parse(text)
        return text

    return AfterValidator(check)


Mass = Annotated[str, _checked(grams)]
Masses = Annotated[str, _checked(masses)]
Yuan = Annotated[str, _checked(fen)]
LinkText = Annotated[str, _checked(Link.parse)]


_FOLDER: ContextVar[Path] = ContextVar("the folder of station.toml", default=Path())


def with_files(options: Mapping[str, Any]) -> dict[str, Any]:
    """An option that names a file becomes the file's text; the others stay as they are. Raises ValueError."""
    return {name.removesuffix("_file"): _file(name, value) for name, value in options.items()}


def _file(name: str, value: Any) -> Any:
    if not name.endswith("_file"):
        return value
    try:
        return (_FOLDER.get() / str(value)).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{name}: {error}") from None


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StationPart(Part):
    """Who this box is. ``node``, ``terminal`` and ``region`` are given by the city."""

    name: str
    jobs: tuple[JobName, ...] = Field(min_length=1)
    node: Node
    terminal: Annotated[str, StringConstraints(pattern=r"^[0-9]{2}$")]
    region: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
    host: Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]+(:[0-9]+)?$")]
    language: Literal["zh", "en"] = "zh"
    data: Path = Path("data")
    key: Path = Path("station.key")


class SellerPart(Part):
    """The stall's operator, as printed on slips."""

    code: OperatorCode
    name: str
    stall: str = ""
    contact: str = ""


class CityPart(Part):
    """The way to the city. The first broker that answers is used; ``mqtts://`` verifies the certificate.

    ``confirm`` says who confirms a record: ``city`` by an answer signed with a key of ``keys_file``; ``city-unsigned``
    by any answer on our ack topic, so whoever may publish there can make records disappear; ``broker`` by taking it,
    so what the broker loses is lost.
    """

    brokers: tuple[str, ...] = Field(min_length=1)
    mqtt: Literal["5", "3.1.1"] = "5"
    confirm: Literal["city", "city-unsigned", "broker"] = "city"
    keys_file: Path = Path("city.keys")
    window: int = Field(20, ge=1, le=1000)
    resend_seconds: float = Field(10.0, gt=0)
    user: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None

    @model_validator(mode="after")
    def _addresses(self) -> Self:
        for url in self.brokers:
            parts = urlsplit(url)
            if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
                raise ValueError(f"broker {url!r}: write mqtt://host:1883 or mqtts://host:8883")
            if parts.username or parts.password:
                raise ValueError("broker: put the name in `user` and the password in a file (`password_file`)")
        if len({urlsplit(url).scheme for url in self.brokers}) > 1:
            raise ValueError(
                "brokers: all mqtts:// or all mqtt://; else who blocks the secure one reads everything at the other"
            )
        return self


class WebPart(Part):
    """The local pages. ``allow`` names other host names that browsers may use to reach them."""

    listen: Annotated[str, StringConstraints(pattern=r"^[^:]+:[0-9]{1,5}$")] = "127.0.0.1:8080"
    allow: tuple[str, ...] = ()


class ClockPart(Part):
    """``kernel``: trust the wall clock while a time service keeps it; ``host``: a virtual machine's host keeps it."""

    trust: Literal["kernel", "host"] = "kernel"


class PortPart(Part):
    """What every device on a port has. ``protocol`` may be named instead of ``model`` when no row fits.

    An option whose name ends in ``_file`` names a file beside station.toml; the format gets its text.
    """

    name: DeviceName
    port: str
    model: str = ""
    protocol: str = ""
    link: LinkText = ""
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known(self) -> Self:
        if bool(self.model) == bool(self.protocol):
            raise ValueError("name either a model or a protocol (`marketedge protocols` lists them)")
        self.row()
        try:
            self.session(date.today)  # only to see whether the options fit
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self.name}: options do not fit {self.row().format}: {error}") from None
        return self

    def row(self) -> Model:
        """The model's row, or one made up from the protocol."""
        try:
            if self.model:
                return catalogue.find(self.model)
            row = Model(self.protocol, "", self.protocol, self.protocol)
            row.default_link()
        except LookupError as error:
            raise ValueError(str(error.args[0])) from None
        return row

    def device(self) -> Model:
        """The row with this device's options."""
        return self.row().with_options(with_files(self.options))

    def session(self, today: Callable[[], date]) -> Session:
        """A fresh session with this device's options; analyzers that are asked by date get the calendar."""
        row = self.device()
        return row.session(**({"today": today} if formats.find(row.format).by_date else {}))

    def settings(self) -> Link:
        return Link.parse(self.link) if self.link else self.row().default_link()


class ScalePart(PortPart):
    """A scale. ``max``, ``min``, ``e`` are on its type plate; ``verified_until`` is on the certificate (检定).

    A scale with two intervals has ``max = "6/15 kg"`` and ``e = "2/5 g"``.  ``unit`` is needed for formats that send
    none.  A weight stands still after ``agree`` equal frames that last for ``still`` seconds; left out, what the
    model's row says, or what ``edge/weighing.py`` takes for scales that say that they are stable, and for those that
    do not.  ``tare_key`` is False where nobody uses the scale's own tare key: then the page's known tare may be taken
    off what does not say gross or net.  ``writable`` allows tare and zero from the page.
    """

    max: Masses
    min: Mass
    e: Masses
    unit: Literal["kg", "g", ""] = ""
    verified_until: date | None = None
    agree: int | None = Field(None, ge=2, le=50)
    still: float | None = Field(None, ge=0, le=10)
    tare_key: bool = True
    writable: bool = False

    @model_validator(mode="after")
    def _order(self) -> Self:
        most, e = masses(self.max), masses(self.e)
        if len(most) != len(e):
            raise ValueError('max and e must have as many values, as in max = "6/15 kg" and e = "2/5 g"')
        if list(most) != sorted(set(most)) or list(e) != sorted(set(e)):
            raise ValueError("of several intervals the smaller Max and the smaller e come first")
        if not 0 < e[0] <= grams(self.min) < most[0]:
            raise ValueError("it must hold: 0 < e <= min < max")
        return self


class AnalyzerPart(PortPart):
    """An analyzer. ``method`` names how its results are judged: one method, or one for each item it measures.

    ``item`` is what it measures, where the instrument does not say.  ``match`` says how a result finds its lot: by the
    ``sample`` number, or by the ``channel`` plan.
    """

    item: str = ""
    method: str | tuple[str, ...] = "gb5009199"
    match: Literal["sample", "channel"] = "sample"

    @property
    def methods(self) -> tuple[str, ...]:
        """The ids of its methods."""
        return (self.method,) if isinstance(self.method, str) else self.method

    @property
    def proven_line(self) -> bool:
        """Whether its bytes come by a way that loses and changes none: a network connection of its own, or files."""
        return self.port.startswith(("listen:", "folder:"))

    @property
    def remembers(self) -> bool:
        """Whether what it hands over may be old: a memory that is read, or files."""
        return formats.find(self.row().format).polled or self.port.startswith("folder:")


class ProbePart(PortPart):
    """A probe of temperature or humidity; its values are shown on the status page."""


class PrinterPart(Part):
    """A printer on ``/dev/…`` (serial), ``usb:VID:PID[:SERIAL]``, ``usb:VID:PID@BUS-PORT``, ``tcp://host:9100`` or
    ``file:PATH``.

    ``profile`` names its row, ``change`` replaces fields of it.  ``papers`` are those that go to this printer; empty
    is all but labels, or labels for a label printer.  A paper that could not be printed for ``keep_minutes`` is given
    up: a person then decides.
    """

    name: DeviceName
    port: str
    profile: Annotated[str, _checked(find_profile)] = "generic-58"
    link: LinkText = "115200/8n1"
    flow: Literal["none", "rtscts", "xonxoff"] = "none"
    papers: tuple[str, ...] = ()
    keep_minutes: float = Field(30.0, gt=0)
    change: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        try:
            self.row()
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self.name}: change does not fit a printer's profile: {error}") from None
        return self

    @property
    def serial(self) -> bool:
        """Whether it is on a serial line, where ``link`` and ``flow`` count."""
        return not self.port.startswith(("usb:", "tcp:", "file:"))

    def row(self) -> Profile:
        """The printer's profile with its changes."""
        return replace(profile(self.profile), **self.change)


class PaperPart(Part):
    """What is printed. ``language`` empty is the station's; ``automatic`` are the papers printed by themselves.

    ``templates`` is a folder with the market's own templates; they go before the shipped ones.
    """

    language: Literal["zh", "en", "both", ""] = ""
    templates: Path | None = None
    automatic: tuple[str, ...] = ("slip", "report", "label", "hold", "acceptance")


class ProductPart(Part):
    """A product. ``price`` is in yuan per ``per``; 斤 is not a legal unit, so it is kg or 500 g.

    ``tests`` are the items its lots are tested for; left out, those of ``[gate]``.  ``also`` are other names that
    instruments have for it.  ``disturbs_enzyme`` marks foods that make an enzyme test positive by themselves (葱, 蒜,
    韭菜, 芹菜, 香菜, 萝卜, 茭白, 蘑菇, 番茄): they are extracted as whole plants.
    """

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{8}$")]
    name: str
    name_en: str = ""
    price: Yuan = "0"
    per: Literal["kg", "500g"] = "kg"
    tests: tuple[Name, ...] | None = None
    also: tuple[Name, ...] = ()
    disturbs_enzyme: bool = False

    @property
    def per_g(self) -> Literal[500, 1000]:
        return 1000 if self.per == "kg" else 500


class GatePart(Part):
    """How goods come in. ``tests`` are the items every lot is tested for, where its product says nothing else.

    Left out, it is what the first analyzer's first method measures.  ``unchecked`` is what a source code from elsewhere
    allows that nobody here can answer for: ``refuse`` it, ``test`` the goods as if they had none, or ``accept`` it,
    marked on record and slip.
    """

    tests: tuple[Name, ...] | None = None
    unchecked: Literal["refuse", "test", "accept"] = "test"


class StallPart(Part):
    """``continuous`` names a product: each new stable load becomes a sale by itself (连续过秤, sacks on a belt).

    ``oversell`` is what happens when more of a lot is sold than came in: ``warn`` (the record says so) or ``refuse``.
    """

    continuous: str = ""
    oversell: Literal["warn", "refuse"] = "warn"


class Config(BaseSettings):
    """The whole of station.toml."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, env_prefix="MARKETEDGE_", env_nested_delimiter="__")

    station: StationPart
    seller: SellerPart
    city: CityPart
    web: WebPart = WebPart()
    clock: ClockPart = ClockPart()
    gate: GatePart = GatePart()
    stall: StallPart = StallPart()
    paper: PaperPart = PaperPart()
    scale: tuple[ScalePart, ...] = ()
    analyzer: tuple[AnalyzerPart, ...] = ()
    probe: tuple[ProbePart, ...] = ()
    printer: tuple[PrinterPart, ...] = ()
    product: tuple[ProductPart, ...] = ()
    method: tuple[Method, ...] = ()

    def methods(self) -> dict[str, Method]:
        """All methods by id; one of the file goes before a shipped one."""
        return {**shipped(), **{method.id: method for method in self.method}}

    def tests(self, product: ProductPart) -> tuple[str, ...]:
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
        names = [
            *(part.name for part in self.scale),
            *(part.name for part in self.analyzer),
            *(part.name for part in self.probe),
            *(part.name for part in self.printer),
        ]
        codes = [part.code for part in self.product]
        for what, values in (("device name", names), ("product code", codes)):
            doubled = {value for value in values if values.count(value) > 1}
            if doubled:
                raise ValueError(f"{what} used twice: {', '.join(sorted(doubled))}")
        for part in self.scale:
            if not (part.unit or part.row().unit or formats.find(part.row().format).sends_unit):
                raise ValueError(f"{part.name}: this format sends no unit; set `unit` to what the scale displays")
        for analyzer in self.analyzer:
            if unknown := [name for name in analyzer.methods if name not in self.methods()]:
                known = ", ".join(self.methods())
                raise ValueError(f"{analyzer.name}: no method {unknown[0]!r}; there are: {known}")
            if not analyzer.methods:
                raise ValueError(f"{analyzer.name}: name at least one method")
        for where, papers in (
            ("[paper] automatic", self.paper.automatic),
            *((f"{part.name}: papers", part.papers) for part in self.printer),
        ):
            if unknown := [paper for paper in papers if paper not in PAPER_NAMES]:
                raise ValueError(f"{where}: no paper {unknown[0]!r}; there are: {', '.join(PAPER_NAMES)}")
        if self.stall.continuous and self.stall.continuous not in codes:
            raise ValueError(f"[stall] continuous: no product {self.stall.continuous!r}")
        for part in self.scale:
            if self.stall.continuous and not formats.find(part.row().format).repeats:
                raise ValueError(f"[stall] continuous: {part.name} never tells that its pan is empty")
        return self


def _item_of(name: str, methods: Iterable[Method]) -> str:
    """An item by the name its method has for it."""
    return next((method.item for method in methods if method.item and method.measures(name)), name)


def load(path: Path) -> Config:
    """Read station.toml; paths in it are relative to its folder. Raises BadConfig."""

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
            return env_settings, TomlConfigSettingsSource(settings_cls, path)

    if not path.is_file():
        raise BadConfig(f"{path}: no such file; `marketedge init DIR --job stall` writes one")
    _FOLDER.set(path.resolve().parent)
    try:
        config = FromFile()  # type: ignore[call-arg]  # the values come from the file
    except ValidationError as error:
        lines = [f"{path}: [{_where(one['loc'])}] {_what(one)}" for one in error.errors()]
        raise BadConfig("\n".join(lines)) from None
    except (OSError, ValueError) as error:
        raise BadConfig(f"{path}: {error}") from None
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


def _where(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "file"


def _what(error: Any) -> str:
    message = str(error["msg"]).removeprefix("Value error, ")
    given = error.get("input")
    shown = f" (it is {given!r})" if isinstance(given, str | int | float) else ""
    return message + shown
