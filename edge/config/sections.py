"""station.toml: what the station is, which devices it has, where the city is.

Read once at start.  A mistake is refused with the file, the section, the key, what was read and what is wanted
(``mistakes.py``).  A value can be overridden by the environment: ``MARKETEDGE_WEB__LISTEN=127.0.0.1:8081``.
"""

import os
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from edge.between.fixed_words import JobName
from edge.between.print_states import DOCUMENT_NAMES
from edge.between.tongue import speak
from edge.config import mistakes
from edge.config.bench import PlanSection, row_of
from edge.config.devices import (
    AnalyzerSection,
    LabelScaleSection,
    PortSection,
    PrinterSection,
    ProbeSection,
    ScaleSection,
    ScannerSection,
)
from edge.config.environment import overridden
from edge.config.goods import GoodsSection, with_groups
from edge.config.market import MarketSection
from edge.config.methods import Method, shipped
from edge.config.mistakes import Mistake, unknown
from edge.config.screens import ScreensSection
from edge.config.trade import BarcodeSection, CanteenSection, GateSection, ProductSection, StallSection, catalogued
from edge.config.values import (
    FOLDER,
    SECRET,
    ConfigSection,
    DeviceName,
    Node,
    Number,
    OperatorCode,
    checked_by,
    fen,
    grams,
    is_loopback,
    masses,
    percent,
    plain_digits,
    with_files,
)
from edge.config.ways import CitySection, WebSection
from protocol import formats
from protocol.city.events import Name, Short

__all__ = [
    "SECRET",
    "AnalyzerSection",
    "BadConfig",
    "CitySection",
    "Config",
    "LabelScaleSection",
    "PortSection",
    "PrinterSection",
    "ProbeSection",
    "ProductSection",
    "ScaleSection",
    "ScannerSection",
    "WebSection",
    "fen",
    "grams",
    "is_loopback",
    "load",
    "masses",
    "percent",
    "plain_digits",
    "with_files",
]


NOTHING_SAID: Any = Field(default_factory=dict, validate_default=True)  # a table that is not written is an empty one


class BadConfig(ValueError):
    """station.toml cannot be used; the message has one line per mistake."""


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


class SeatSection(ConfigSection):
    """One of several stalls that this box serves: what is weighed on ``scale`` is sold by this seller.

    Its slips come out of ``printer``; empty is the first one for such papers.  ``people`` are the codes of those who
    may sell there, empty is everybody; supervisors and technicians may in any case.  ``seller`` is the name on slips,
    the rest as in ``[seller]``, to which all scales without a seat belong.
    """

    name: DeviceName
    scale: DeviceName
    printer: DeviceName | Literal[""] = ""
    people: tuple[Annotated[str, StringConstraints(pattern=r"^[0-9]{1,13}$")], ...] = ()
    code: OperatorCode
    seller: Name
    stall: Short = ""
    contact: Name = ""
    licence: Name = ""
    address: Name = ""

    def sold_by(self) -> SellerSection:
        """Its seller, as ``[seller]`` would have it."""
        return SellerSection(
            code=self.code,
            name=self.seller,
            stall=self.stall,
            contact=self.contact,
            licence=self.licence,
            address=self.address,
        )


class PeopleSection(ConfigSection):
    """What people may do, once there are any (``marketedge operators add``).

    Who is signed in and does nothing for ``idle_minutes`` signs in again.  ``typed_weights`` and ``prices`` say whose
    word a typed weight and another price need.
    """

    idle_minutes: Annotated[int, Number] = Field(240, ge=1, le=10_080)
    typed_weights: Literal["supervisor", "everybody"] = "supervisor"
    prices: Literal["supervisor", "everybody"] = "everybody"


class ClockSection(ConfigSection):
    """``kernel``: trust the wall clock while a time service keeps it; ``host``: a virtual machine's host keeps it."""

    trust: Literal["kernel", "host"] = "kernel"


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


class Config(ConfigSection):
    """The whole of station.toml."""

    station: StationSection
    seller: SellerSection
    city: CitySection
    web: WebSection = NOTHING_SAID
    people: PeopleSection = NOTHING_SAID
    clock: ClockSection = NOTHING_SAID
    gate: GateSection = NOTHING_SAID
    stall: StallSection = NOTHING_SAID
    canteen: CanteenSection = NOTHING_SAID
    market: MarketSection = NOTHING_SAID
    screens: ScreensSection = NOTHING_SAID
    paper: PaperSection = NOTHING_SAID
    scale: tuple[ScaleSection, ...] = ()
    label_scale: tuple[LabelScaleSection, ...] = ()
    analyzer: tuple[AnalyzerSection, ...] = ()
    probe: tuple[ProbeSection, ...] = ()
    scanner: tuple[ScannerSection, ...] = ()
    printer: tuple[PrinterSection, ...] = ()
    seat: tuple[SeatSection, ...] = ()
    goods: GoodsSection = NOTHING_SAID
    product: tuple[ProductSection, ...] = ()
    method: tuple[Method, ...] = ()
    plan: tuple[PlanSection, ...] = ()
    barcode: tuple[BarcodeSection, ...] = ()

    @property
    def devices(self) -> tuple[PortSection, ...]:
        """Everything that is read behind a port."""
        return (*self.scale, *self.label_scale, *self.analyzer, *self.probe, *self.scanner)

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

    def seat_of(self, scale: str) -> SeatSection | None:
        """The seat at which this scale stands; None where it is the box's own."""
        return next((one for one in self.seat if one.scale == scale), None)

    def seat_of_seller(self, code: str) -> SeatSection | None:
        """The first seat of the seller with this operator code."""
        return next((one for one in self.seat if one.code == code), None)

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
        self._seats_fit()
        self._continuous_possible()
        return self

    def _nothing_twice(self) -> None:
        named: dict[str, str] = {}
        for section in ("scale", "label_scale", "analyzer", "probe", "scanner", "printer"):
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
        codes = [product.code for product in self.product]
        for label_scale in self.label_scale:
            for code in label_scale.goods.values():
                if code not in codes:
                    place = f"[[label_scale]] {label_scale.name}"
                    raise unknown(("商品代码", "product"), code, codes, place=place, key="goods")
        for part in self.scale:
            row = part.row()
            said = formats.find(row.format).says_unit({**row.options, **part.options})
            if not (part.unit or row.unit or said):
                raise Mistake(
                    "缺少。这种协议不发单位：写秤上显示的单位 kg 或 g",
                    "it is missing: this format sends no unit; set `unit` to what the scale displays",
                    place=f"[[scale]] {part.name}",
                    key="unit",
                )
        known = self.methods() if self.analyzer else {}
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

    def _seats_fit(self) -> None:
        """Each has a name, a scale and a printer of its own, and these are there."""
        scales, printers = [part.name for part in self.scale], [part.name for part in self.printer]
        for key, known in (("name", None), ("scale", scales), ("printer", printers)):
            said: set[str] = set()
            for seat in self.seat:
                place, value = f"[[seat]] {seat.name}", getattr(seat, key)
                if value in said:
                    raise Mistake(
                        "另一个摊位已经用了，请写别的",
                        "another seat has it already: write another one",
                        place=place,
                        key=key,
                        value=value,
                    )
                if value and known is not None and value not in known:
                    raise unknown(("设备名", "device"), value, known, place=place, key=key)
                said |= {value} - {""}
        names = [seat.name for seat in self.seat]
        for part in self.label_scale:
            if part.seat and part.seat not in names:
                place = f"[[label_scale]] {part.name}"
                raise unknown(("摊位名", "seat"), part.seat, names, place=place, key="seat")

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

    FOLDER.set(path.resolve().parent)
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
        config = checked_by(Config, overridden(data, os.environ, _TABLES))
    except ValidationError as error:
        raise BadConfig("\n".join(mistakes.unfit(path, data, error, Config))) from None
    except ValueError:
        raise BadConfig(mistakes.environment()) from None
    speak(config.station.language)
    catalogued(config.product)
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
