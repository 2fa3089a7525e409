"""What every record is made of: how texts and numbers stand in it, the table of kinds, and what several kinds share."""

import importlib
from collections.abc import Callable, Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import cache
from math import inf
from operator import not_
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic_core import CoreSchema, PydanticSerializationError, to_json

from protocol.city import canonical
from protocol.frozen import frozen
from protocol.plain import line

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue

Trace = Annotated[str, StringConstraints(pattern=r"^[0-9]{20}$")]
SourceOrNone = Annotated[str, StringConstraints(pattern=r"^([0-9]{20})?$")]
Operator = Annotated[str, StringConstraints(pattern=r"^[0-9]{13}$")]
ProductCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{8}$")]


def one_line(value: Any) -> Any:
    """For a pydantic type: a text as one harmless line (``protocol/plain.py``)."""
    return line(value) if isinstance(value, str) else value


ONE_LINE = BeforeValidator(one_line)  # stands last, so that what stands before it bounds a text and not a value
Name = Annotated[str, StringConstraints(max_length=120), ONE_LINE]
Short = Annotated[str, StringConstraints(max_length=40), ONE_LINE]
Page = Annotated[str, StringConstraints(max_length=4000)]
DIGITS, DECIMALS = 15, 20  # of a number: significant digits, as instruments send them, and places after the point
DecimalText = Annotated[str, StringConstraints(pattern=rf"^-?[0-9]{{1,{DIGITS}}}(\.[0-9]{{1,{DECIMALS}}})?$")]
Grams = Annotated[int, Field(ge=0, le=100_000_000)]
Fen = Annotated[int, Field(ge=0, le=4_294_967_295)]
Number = Annotated[int, Field(ge=0, le=canonical.SAFE)]
VerdictWord = Literal["qualified", "suspect", "unqualified", "invalid", "not_applicable"]


def decimal_text(value: Decimal) -> str | None:
    """A number as a record holds it: with its digits as sent, of more than 15 rounded half to even. None for one that
    no record holds: 10 to the 15th and more, or no number at all."""
    if not value.is_finite():
        return None
    if len(value.as_tuple().digits) > DIGITS:
        value = _ROUND.plus(value)
    if value.adjusted() < DIGITS and int(value.as_tuple().exponent) < -DECIMALS:
        value = value.quantize(Decimal(1).scaleb(-DECIMALS), context=_WIDE)
    return format(value, "f") if not value or value.adjusted() < DIGITS else None


_ROUND = Context(prec=DIGITS, rounding=ROUND_HALF_EVEN)
_WIDE = Context(prec=DIGITS + DECIMALS + 1, rounding=ROUND_HALF_EVEN)


nothing = not_  # for a field that says nothing: no byte of it stands in the record


# What a table of records says of each, and the log of some; a kind that has none of it leaves it empty.
COLUMNS = (
    *("product", "name", "net_g", "amount_fen", "buyer", "origin", "supplier"),
    *("item", "value", "unit", "verdict", "source"),
)


class Record(BaseModel):
    """A kind that is not met is not built: all of them at once cost the start of a station."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Fields lie in a record in the order of their names, and so pydantic writes them: that of RFC 8785."""
        schema = handler(source)
        fields: Any = handler.resolve_ref_schema(schema)
        while fields["type"] != "model-fields":
            fields = fields["schema"]
        fields["fields"] = dict(sorted(fields["fields"].items()))
        return schema

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> "JsonSchemaValue":
        """People read them as they are declared."""
        made = handler(schema)
        shown = handler.resolve_ref_schema(made)
        fields, needed = shown.get("properties", {}), shown.get("required", ())
        shown["properties"] = {name: fields[name] for name in cls.model_fields if name in fields}
        if needed:
            shown["required"] = [name for name in cls.model_fields if name in needed]
        return made

    def written(self) -> tuple[dict[str, Any], bytes]:
        """The record as JSON has it, and its RFC 8785 bytes. Raises ValueError or CanonicalizationError."""
        if _is_written_in_order(type(self)):
            try:
                data = self.__pydantic_serializer__.to_python(self, mode="json", warnings="error")
                return data, to_json(data)
            except PydanticSerializationError:
                pass  # a field was set unchecked to what it does not take
        data = self.model_dump(mode="json")
        return data, canonical.write(data)

    def canonical(self) -> bytes:
        """The record's RFC 8785 bytes alone. Raises ValueError or CanonicalizationError."""
        if _is_written_in_order(type(self)):
            try:
                return self.__pydantic_serializer__.to_json(self, warnings="error")
            except PydanticSerializationError:
                pass  # as in ``written``
        return canonical.write(self.model_dump(mode="json"))

    @classmethod
    def columns(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        """``COLUMNS`` of a record's data as JSON has it. Raises TypeError, KeyError or AttributeError when damaged."""
        goods = data.get("goods") or {}
        found = {name: data.get(name) for name in COLUMNS}
        return found | {"product": goods.get("product"), "name": goods.get("name")}


@cache
def _is_written_in_order(record: type[Record]) -> bool:
    """Whether pydantic's own bytes of such a record are those of RFC 8785: there is nothing in it but texts, truths,
    integers that are safe, and lists and records of these."""
    return _is_plain(record.__pydantic_core_schema__)


def _is_plain(schema: Any) -> bool:
    if isinstance(schema, list | tuple):
        return all(map(_is_plain, schema))
    if not isinstance(schema, Mapping):
        return True
    if isinstance(kind := schema.get("type"), str):
        if kind not in _PLAIN or "serialization" in schema:
            return False
        if kind == "int" and not (
            schema.get("ge", -inf) >= -canonical.SAFE and schema.get("le", inf) <= canonical.SAFE
        ):
            return False
    return all(_is_plain(part) for name, part in schema.items() if name != "metadata")


_PLAIN = frozenset(
    (
        *("definitions", "definition-ref", "model", "model-fields", "model-field"),
        *("str", "bool", "int", "literal", "nullable", "tuple", "list", "default"),
        *("function-before", "no-info"),
    )
)


@frozen
class EventKind:
    """A kind of record that stands in the ledger: its model, its name for people, and what the log tells of it.

    ``told`` are names of columns or of the record's own fields; none of a person's.
    """

    kind: str
    record: type[Record]
    zh: str
    en: str
    told: tuple[str, ...] = ()


LATER: Mapping[str, tuple[str, ...]] = {  # files that are loaded with the first record of these kinds
    "canteen_events": ("accept.voided", "accept.dropped", "sample.kept", "sample.discarded", "waste.handed"),
    "hold_events": (
        "lot.told",
        "retest.requested",
        "retest.waived",
        "sample.sent",
        "disposal.planned",
        "sample.registered",
    ),
}
_FILES = {kind: file for file, kinds in LATER.items() for kind in kinds}
_EVENTS: dict[str, EventKind] = {}


class Kinds(Mapping[str, EventKind]):
    """The kinds of records; who goes over them has them all, in ``ORDER``. Changed by ``event`` alone."""

    def __getitem__(self, kind: str) -> EventKind:
        if kind not in _EVENTS and kind in _FILES:
            _load(_FILES[kind])
        return _EVENTS[kind]

    def __iter__(self) -> Iterator[str]:
        for file in LATER:
            _load(file)
        return iter(sorted(_EVENTS, key=_place))  # another thread may enter what it loads

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _load(file: str) -> None:
    importlib.import_module(f"{__package__}.{file}")


EVENTS: Mapping[str, EventKind] = Kinds()
ORDER = (  # files of kinds, as people are shown them, whichever of them was asked for first
    "entry_events",
    "result_events",
    "trade_events",
    "acceptance_events",
    "lot_events",
    "box_events",
    "bench_events",
    "canteen_events",
    "day_events",
    "hold_events",
    "key_events",
    "ledger_events",
)
R = TypeVar("R", bound=type[Record])


def event(kind: str, zh: str, en: str, told: tuple[str, ...] = ()) -> Callable[[R], R]:
    """Enter a record in the table of kinds (contract C1)."""

    def enter(record: R) -> R:
        _EVENTS[kind] = EventKind(kind, record, zh, en, told)
        return record

    return enter


def _place(kind: str) -> int:
    file = _EVENTS[kind].record.__module__.rpartition(".")[2]
    return ORDER.index(file) if file in ORDER else len(ORDER)


ProofType = Literal["hgz", "jy", "rp", "bg", "zs", "cd", "jc", "qt"]
Basis = Literal["controlled", "own_test", "commissioned_test", "own_promise"]
Opaque = Annotated[str, StringConstraints(max_length=2048)]


class Certificate(Record):
    """A voucher that came with the goods, as far as it was typed or scanned (contract part A4).

    ``type`` is a ``ProofType``: hgz 承诺达标合格证, jy 动物检疫合格证明, rp 肉品品质检验合格证, bg 报关单,
    zs 其他追溯码, cd 产地证明, jc 检测报告, qt 其他; records of older versions may have another word.
    ``issuer`` is who gives it, for a hgz who promises (承诺主体), ``basis`` on what ground (承诺依据).
    ``code`` is what its QR or bar code says, a text that nobody here interprets, personal numbers in it masked;
    ``sha256`` is of that text as it was scanned, in UTF-8.
    """

    type: Short
    no: Name
    issuer: Name = Field("", exclude_if=nothing)
    product: Name = Field("", exclude_if=nothing)
    quantity: Name = Field("", exclude_if=nothing)
    origin: Name = Field("", exclude_if=nothing)
    issued: Short = Field("", exclude_if=nothing)
    contact: Name = Field("", exclude_if=nothing)
    basis: tuple[Basis, ...] = Field((), exclude_if=nothing)
    code: Opaque = Field("", exclude_if=nothing)
    sha256: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = Field("", exclude_if=nothing)


class Goods(Record):
    product: ProductCode
    name: Name
    name_en: Name = ""


class Analyzer(Record):
    """Which instrument said it, and its own words; ``goods`` is what it calls the sample.

    ``peer`` is the network address it connected from, where it did.  ``serial`` is its serial number, as it said or
    else as station.toml has it, and ``calibrated`` the day of its last calibration, where that is known.
    """

    name: Short
    model: Short
    sample: Short | None
    channel: Short | None
    goods: Name | None = None
    verdict: VerdictWord | None
    measured_at: str | None
    raw: str
    peer: Short | None = None
    serial: Short = Field("", exclude_if=nothing)
    calibrated: Short = Field("", exclude_if=nothing)


class Price(Record):
    fen: Fen
    per_g: Literal[500, 1000]


class Line(Record):
    """One line of a slip, exactly as the QR token's digest covers it. ``source`` is empty for goods without one.

    A line of ``net_g`` 0 is sold by the piece: ``price.fen`` is then the price of one, ``amount_fen`` that of all, and
    ``price.per_g`` says nothing.
    """

    amount_fen: Fen
    net_g: Grams
    price: Price
    product: ProductCode
    source: SourceOrNone


class Slip(Record):
    """What the token's digest covers. ``amount_fen`` is what is paid: the sum of the lines, less what was rounded
    down (抹零), so the digest covers that, too."""

    amount_fen: Fen
    buyer: Operator
    lines: tuple[Line, ...]
    seller: Operator
    time: str
    tx: Trace


class Party(Record):
    """Who sells or buys. ``licence`` is the number of the business licence, ``address`` where the business is."""

    code: Operator
    name: Name
    stall: Short = ""
    contact: Name = ""
    licence: Name = Field("", exclude_if=nothing)
    address: Name = Field("", exclude_if=nothing)


class LineWeight(Record):
    """How a line's weight came about. ``value`` is the scale's own digits, ``raw`` its frame in hex.

    ``stability`` tells who said the weight was stable: the scale, or we by equal frames; ``manual`` is a weight typed
    by a person, with the ``reason``, and then there is no frame.  ``label``: it, or the price it follows from, was read
    off a label (``raw`` is the label's code in hex); ``count``: pieces that a person counted.  Those three are no trade
    weighing.  ``tare_g`` is a known container's mass that was taken off what the scale showed.  ``serial`` and
    ``certificate`` are the scale's number and that of its verification, where the register has them.
    """

    scale: Short
    model: Short
    value: DecimalText
    unit: Short
    stability: Literal["scale", "derived", "manual", "label", "count"]
    raw: str
    verified_until: str | None
    tare_g: Grams = 0
    reason: Name = ""
    serial: Short = Field("", exclude_if=nothing)
    certificate: Short = Field("", exclude_if=nothing)


Sha = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
CommandId = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z._:-]{1,64}$")]
