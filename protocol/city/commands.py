"""What the city may order of a station: one frozen model a command, and the table of them (contract part C4).

The envelope around each, and what is answered, is in ``orders.py``; how a city writes and sends them is told to
strangers in ``README.md`` beside this file.
"""

from collections.abc import Callable
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StringConstraints
from pydantic import model_validator as after

from protocol.city.events import ONE_LINE, DecimalText, Goods, Name, Operator, ProductCode, Short, Trace, VerdictWord
from protocol.city.orders import Word
from protocol.city.signed import BadKeys, public_key
from protocol.frozen import frozen

Text = Annotated[str, StringConstraints(min_length=1, max_length=120), ONE_LINE]
Grams = Annotated[StrictInt, Field(ge=0, le=100_000_000)]
Fen = Annotated[StrictInt, Field(ge=1, le=10_000_000)]
Day = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
DayOrNone = Annotated[str, StringConstraints(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")]
Region = Annotated[str, StringConstraints(pattern=r"^([0-9]{6})?$")]
OperatorOrNone = Annotated[str, StringConstraints(pattern=r"^([0-9]{13})?$")]
Station = Annotated[str, StringConstraints(pattern=r"^[0-9]{9}-[0-9]{2}$")]
KeyHex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
PerG = Literal[500, 1000]


class CityCommand(BaseModel):
    """The fields of a command, without its envelope. Unknown fields are refused: what is not understood is not done."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)  # built when first used: a start is short


@frozen
class CommandKind:
    """A row of the table. ``does`` says in words what a station does; ``without_clock``: also done while the
    station cannot believe its own clock, and so cannot see whether the command has expired."""

    name: str
    command: type[CityCommand]
    does: str
    zh: str
    en: str
    without_clock: bool = False


COMMANDS: dict[str, CommandKind] = {}
C = TypeVar("C", bound=type[CityCommand])


def command(name: str, zh: str, en: str, does: str, *, without_clock: bool = False) -> Callable[[C], C]:
    """Enter a command in the table."""

    def enter(model: C) -> C:
        COMMANDS[name] = CommandKind(name, model, does, zh, en, without_clock)
        return model

    return enter


# --- lots -------------------------------------------------------------------------------------------------------------


@command(
    "stop_lot",
    "停售批次",
    "Stop a lot",
    "Sale of the lot stops at once, also of one that comes later; it wins over everything but a newer resume_lot.",
    without_clock=True,
)
class StopLot(CityCommand):
    lot: Trace = Field(description="Source code of the lot (来源码), or its test code: 20 digits.")
    reason: Text = Field(description="Why, as the stall's people and the buyer are told. At most 120 characters.")


@command(
    "resume_lot",
    "恢复销售",
    "Resume a lot",
    "A stop of this lot that was issued earlier ends; what the station's own tests held stays held.",
)
class ResumeLot(CityCommand):
    lot: Trace = Field(description="The code that was stopped, exactly as it stood in stop_lot.")
    reason: Text = Field(description="Why. At most 120 characters.")


class OfferedLot(CityCommand):
    """A lot that a gate of this node released."""

    source: Trace = Field(description="Source code (来源码) it is sold by: 20 digits.")
    lot: Trace = Field(description="Its test code (检测码) at the gate: 20 digits.")
    goods: Goods = Field(description="Product code and names.")
    net_g: Grams = Field(description="Net mass that came in, in grams.")
    origin: Name = Field(description="产地, in words.")
    origin_code: Region = Field("", description="GB/T 2260 code of the origin, or empty.")
    supplier: Name = Field(description="供货者, by name.")
    supplier_code: OperatorOrNone = Field("", description="13-digit operator code of the supplier, or empty.")
    verdict: VerdictWord = Field(description="Verdict of its newest rapid test.")
    item: Name = Field("", description="The item it was tested for.")
    tested_at: Short = Field("", description="When, RFC 3339.")


@command("lots", "批次下发", "Lots", "The lots are offered to the stall's people, who open what lies before them.")
class Lots(CityCommand):
    lots: tuple[OfferedLot, ...] = Field(min_length=1, max_length=100, description="At most 100.")


@command(
    "lab_verdict",
    "实验室检验结论",
    "Laboratory's verdict",
    "It is recorded and shown beside the lot. It releases and destroys nothing: a person does.",
)
class LabVerdict(CityCommand):
    lot: Trace = Field(description="Source code or test code of the lot: 20 digits.")
    conclusion: Literal["qualified", "unqualified"] = Field(description="检验结论: the laboratory's, no screening.")
    report_no: Word = Field(description="Number of the laboratory's report.")
    laboratory: Text = Field(description="Who examined it.")
    item: Text = Field(description="What it was examined for.")
    method: Text = Field(description="The method's number, for example GB 23200.113-2018. No rapid method.")
    value: DecimalText | None = Field(None, description="What was found, as a decimal text.")
    unit: Short = Field("", description="Its unit, for example mg/kg.")
    limit: Short = Field("", description="The legal limit, with its unit.")
    concluded: Day = Field(description="Day of the conclusion, YYYY-MM-DD in China.")


# --- orders -----------------------------------------------------------------------------------------------------------


class OrderLine(CityCommand):
    product: ProductCode = Field(description="8-digit product code.")
    name: Text = Field(description="Name of the goods.")
    net_g: Annotated[StrictInt, Field(ge=0, le=100_000_000)] = Field(
        description="Ordered net mass in grams; 0 for goods that are counted alone."
    )
    price_fen: Fen | None = Field(
        None, description="Agreed price in fen per `per_g`, or of one piece of counted goods; null when there is none."
    )
    per_g: PerG = Field(1000, description="Grams that the price is for: 1000 or 500.")
    count: Annotated[StrictInt, Field(ge=0, le=1_000_000)] = Field(
        0, description="Ordered pieces of goods that are counted (eggs, bottles); 0 for goods that are weighed."
    )
    unit: Short = Field("", description="What is counted, in words: 箱, 瓶, 个.")

    @after(mode="after")
    def _ordered(self) -> Self:
        if not (self.net_g or self.count):
            raise ValueError("an order of nothing: give net_g, or count and unit")
        return self


class Order(CityCommand):
    """One order of a canteen with one supplier. Sent again with its number, the newer one counts."""

    order: Word = Field(description="Number of the order, unique for this station.")
    supplier: Text = Field(description="Who delivers, by name.")
    supplier_code: OperatorOrNone = Field("", description="13-digit operator code of the supplier, or empty.")
    alias: Name = Field(
        "",
        description="Name the supplier goes by until its delivery is closed (盲采); empty: it is known from the start.",
    )
    buyer: Text = Field(description="For whom: the canteen's name.")
    due: Day = Field(description="Day of the delivery, YYYY-MM-DD in China.")
    meal: Short = Field("", description="For which meal, in words, or empty.")
    lines: tuple[OrderLine, ...] = Field((), max_length=60, description="At most 60; empty when it is withdrawn.")
    withdrawn: StrictBool = Field(False, description="True: there is no such order any more.")


@command("orders", "订单下发", "Orders", "The canteen's orders are kept and shown until their day has passed.")
class Orders(CityCommand):
    orders: tuple[Order, ...] = Field(min_length=1, max_length=50, description="At most 50.")


# --- who and what -----------------------------------------------------------------------------------------------------


class OperatorEntry(CityCommand):
    """Somebody who works at the stations of the node. No telephone and no identity number."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,13}$")] = Field(
        description="Digits that say who they are; they stand in records."
    )
    name: Word = Field(description="Name, as on pages.")
    role: Literal["operator", "supervisor", "technician"] = Field(description="What they may do.")
    state: Literal["active", "suspended", "gone"] = Field("active", description="suspended and gone: may do nothing.")


class PartyEntry(CityCommand):
    """A buyer or a supplier."""

    code: Operator = Field(description="13-digit operator code.")
    name: Text = Field(description="Name as printed.")
    initials: Annotated[str, StringConstraints(pattern=r"^[0-9a-z]{0,20}$")] = Field(
        "", description="First letters of its pinyin, lower case, for finding it quickly: 绿源合作社 is lyhzs."
    )
    licence: Short = Field("", description="Number of its licence, or empty.")
    licence_until: DayOrNone = Field("", description="Last day of the licence, YYYY-MM-DD, or empty.")
    address: Name = Field("", description="Where it is, for the purchase book (食品安全法 art. 65).")
    contact: Name = Field(
        "", description="How to reach it. Stays in the box; a person's own number comes into no record and no code."
    )
    state: Literal["active", "suspended", "gone"] = Field(
        "active", description="suspended: nothing is taken from it (or only with a warning); gone: not listed."
    )
    why: Name = Field("", description="Why it is suspended, as people are told.")


@command(
    "directory",
    "人员与经营者名录",
    "Directory",
    "The entries are kept, each as the newest command says that names it; `replace` also takes out all others.",
)
class Directory(CityCommand):
    mode: Literal["replace", "update"] = Field(
        description="replace: the lists that stand here are complete; update: only these entries changed. A list that "
        "is too long for one message: a replace, then updates issued later."
    )
    operators: tuple[OperatorEntry, ...] | None = Field(
        None, max_length=400, description="null: nothing is said of them."
    )
    buyers: tuple[PartyEntry, ...] | None = Field(None, max_length=400, description="null: nothing is said of them.")
    suppliers: tuple[PartyEntry, ...] | None = Field(None, max_length=400, description="null: nothing is said of them.")

    @after(mode="after")
    def _says_something(self) -> Self:
        if self.operators is None and self.buyers is None and self.suppliers is None:
            raise ValueError("name operators, buyers or suppliers")
        return self


class Focus(CityCommand):
    """What is to be looked at closely: all that is filled in must hold."""

    product: Annotated[str, StringConstraints(pattern=r"^[0-9]{2,8}$|^$")] = Field(
        "", description="Product code or its first digits, or empty."
    )
    origin_code: Annotated[str, StringConstraints(pattern=r"^([0-9]{2,6})?$")] = Field(
        "", description="GB/T 2260 code of the origin or its first digits, or empty."
    )
    supplier_code: OperatorOrNone = Field("", description="13-digit operator code of the supplier, or empty.")
    reason: Text = Field(description="Why, as the gate's people are told.")

    @after(mode="after")
    def _names_something(self) -> Self:
        if not (self.product or self.origin_code or self.supplier_code):
            raise ValueError("fill in product, origin_code or supplier_code")
        return self


@command(
    "focus_list", "重点监控名单", "Focus list", "The whole list is replaced; the gate is told of goods that fit it."
)
class FocusList(CityCommand):
    entries: tuple[Focus, ...] = Field(max_length=200, description="The whole list; empty takes all out. At most 200.")


class PriceLimit(CityCommand):
    product: ProductCode = Field(description="8-digit product code.")
    max_fen: Fen = Field(description="Highest price in fen per `per_g`.")
    per_g: PerG = Field(1000, description="Grams that the price is for: 1000 or 500.")
    reason: Name = Field("", description="By which announcement, or empty.")


@command("price_limits", "限价", "Price limits", "The whole list is replaced; the stall is warned of a price above.")
class PriceLimits(CityCommand):
    limits: tuple[PriceLimit, ...] = Field(max_length=500, description="The whole list; empty takes all out.")


# --- the station itself -----------------------------------------------------------------------------------------------


class StationKey(CityCommand):
    """A public key of a station of the node, by which others check its source codes."""

    station: Station = Field(description="NNNNNNNNN-TT.")
    public_key: KeyHex = Field(description="Its raw Ed25519 public key: 64 hex digits.")
    revoked: StrictBool = Field(False, description="True: what it signed proves nothing any more.")

    @after(mode="after")
    def _is_a_key(self) -> Self:
        return _checked(self, (self.public_key,))


@command(
    "keys",
    "密钥",
    "Keys",
    "New keys of the city are trusted, revoked ones no more; keys of the node's stations are kept for checking their "
    "codes. The last key of the city cannot be revoked.",
)
class Keys(CityCommand):
    add: tuple[KeyHex, ...] = Field(
        (), max_length=10, description="The city's new raw Ed25519 public keys: 64 hex digits."
    )
    revoke: tuple[KeyHex, ...] = Field(
        (), max_length=10, description="Keys of the city that are not to be trusted again."
    )
    stations: tuple[StationKey, ...] = Field((), max_length=200, description="Keys of the node's stations.")

    @after(mode="after")
    def _are_keys(self) -> Self:
        if not (self.add or self.revoke or self.stations):
            raise ValueError("name a key")
        if {*self.add} & {*self.revoke}:
            raise ValueError("a key is both added and revoked")
        return _checked(self, self.add)


Setting = StrictBool | StrictInt | Name | tuple[Name, ...]


@command(
    "config",
    "远程设置",
    "Settings",
    "Settings of station.toml are replaced, all of them or none. Only those that the station's table names: "
    "`gate.unchecked`, `gate.suspended`, `gate.tests`, `stall.oversell`.",
)
class SetConfig(CityCommand):
    settings: dict[Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,20}\.[a-z_]{1,20}$")], Setting | None] = Field(
        min_length=1, max_length=20, description="`section.key` to its value; null goes back to what station.toml says."
    )


@command(
    "resend",
    "重新上报",
    "Send again",
    "Records from this one on are published once more, also those that were refused.",
)
class Resend(CityCommand):
    first: Annotated[StrictInt, Field(ge=1, le=(1 << 53) - 1, alias="from")] = Field(
        description="Sequence number of the first."
    )
    last: Annotated[StrictInt, Field(ge=1, le=(1 << 53) - 1)] | None = Field(
        None, alias="to", description="That of the last; null: the newest there is."
    )

    model_config = ConfigDict(populate_by_name=True)

    @after(mode="after")
    def _is_a_stretch(self) -> Self:
        if self.last is not None and self.last < self.first:
            raise ValueError("the last is before the first")
        return self


M = TypeVar("M", bound=CityCommand)


def _checked(model: M, keys: tuple[str, ...]) -> M:
    for key in keys:
        try:
            public_key(key)
        except BadKeys as error:
            raise ValueError(str(error)) from None
    return model
