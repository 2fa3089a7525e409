"""The sections of what is connected: scales, label scales, analyzers, probes, scanners and printers, each by its
model's row."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, Self, get_type_hints

from pydantic import (
    BeforeValidator,
    Field,
    StringConstraints,
    model_validator,
)

from drivers import catalogue
from drivers.model import Model
from drivers.printers import PROFILES, profile
from edge.config.bench import SAMPLE_PLACES
from edge.config.hints import HINTS
from edge.config.mistakes import NOTHING, Mistake, unknown
from edge.config.values import (
    HANDHELD,
    ChannelName,
    ConfigSection,
    DeviceName,
    LinkText,
    Mass,
    Masses,
    Number,
    a_day,
    checked,
    device_port,
    grams,
    masses,
    one_address,
    printer_port,
    with_files,
)
from protocol import formats
from protocol.city.bench_events import ControlKind
from protocol.city.events import Name, ProductCode, Short
from protocol.link import Link
from protocol.options import MISSING, BadOptions, OptionProblem
from protocol.printers.profile import Profile
from protocol.session import Session


def find_profile(name: str) -> None:
    """Raises ValueError for a printer profile that is no row."""
    if name not in PROFILES:
        raise unknown(("打印机类型", "profile"), name, PROFILES)


class PortSection(ConfigSection):
    """What every device on a port has. ``protocol`` may be named instead of ``model`` when no row fits.

    An option whose name ends in ``_file`` names a file beside station.toml; the format gets its text.
    """

    kind: ClassVar[str] = ""

    name: DeviceName
    port: Annotated[str, checked(device_port)]
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
    verified_until: Annotated[date | None, BeforeValidator(a_day)] = None
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


class LabelScaleSection(PortSection):
    """A label scale that tells what it sold by itself. ``goods`` says which product its numbers mean: the article in
    the label's code or the PLU, without leading zeros; a person may say so on the page, too.  ``seat`` is the stall
    that it belongs to, where the box serves several.
    """

    kind: ClassVar[str] = "label_scale"

    goods: dict[Annotated[str, StringConstraints(pattern=r"^[0-9]{1,13}$")], ProductCode] = Field(default_factory=dict)
    seat: DeviceName | Literal[""] = ""

    def product_of(self, *numbers: str) -> str:
        """The product's code, by the first of these numbers that is named; empty when none is."""
        named = {bare(number): product for number, product in self.goods.items()}
        return next((named[bare(number)] for number in numbers if bare(number) in named), "")


def bare(number: str) -> str:
    """A number of goods without its leading zeros, as scales and people write it otherwise."""
    return number.lstrip("0") or number[:1]


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
    calibrated: Annotated[date | None, BeforeValidator(a_day)] = None

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
        """Whether its bytes come by a way that loses and changes none: its own network connection, files, uploads."""
        return self.port.startswith(("listen:", "folder:", "http:"))

    @cached_property
    def remembers(self) -> bool:
        """Whether what it hands over may be old: a memory that is read, files, or uploads that waited."""
        return formats.find(self.row().format).polled or self.port.startswith(("folder:", "http:"))


class ProbeSection(PortSection):
    """A probe of temperature or humidity; its values are shown on the status page."""

    kind: ClassVar[str] = "probe"


class ScannerSection(PortSection):
    """A barcode scanner or card reader. Its codes go to the page that is open on this box; with ``pages_at`` to the one
    on the tablet or computer with this address.
    """

    kind: ClassVar[str] = "scanner"

    pages_at: Annotated[str, checked(one_address)] = ""


def _is_a(kind: type, value: Any) -> bool:
    """Whether a value of the file is of this type: a whole number is a number too, true is none."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float) if kind is float else isinstance(value, kind)


class PrinterSection(ConfigSection):
    """A printer on ``/dev/…`` (serial), ``usb:VID:PID[:SERIAL]``, ``usb:VID:PID@BUS-PORT``, ``tcp://host:9100`` or
    ``file:PATH``; or ``handheld:``, the head of a handheld, which fetches its papers (``handhelds.md``).

    ``profile`` names its row, ``change`` replaces fields of it.  ``papers`` are those that go to this printer; empty
    is all but labels, or labels for a label printer (a kept sample's goes to either, to a label printer first).
    A paper that could not be printed for ``keep_minutes`` is given up: a person then decides.
    """

    name: DeviceName
    port: Annotated[str, checked(printer_port)]
    profile: Annotated[str, checked(find_profile)] = "generic-58"
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
            row = self.row()
        except (TypeError, ValueError):
            raise self._unfit_change() from None
        if self.fetched and row.language != "escpos":
            raise Mistake(
                "手持机的打印头用 ESC/POS，不能是标签机",
                "the head of a handheld takes ESC/POS: it is no label printer",
                key="profile",
                value=self.profile,
            )
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
        return not self.port.startswith(("usb:", "tcp:", "file:", HANDHELD))

    @property
    def fetched(self) -> bool:
        """Whether its papers wait until a handheld fetches them."""
        return self.port == HANDHELD

    def row(self) -> Profile:
        """The printer's profile with its changes."""
        known = profile(self.profile)
        return replace(known, **self.change) if self.change else known
