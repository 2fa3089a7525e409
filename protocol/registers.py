"""Register maps as data: how a value lies in Modbus registers. Written in TOML, because no two makers agree.

    weight = { register = 0x0050, type = "int32", order = "CDAB", decimals = 3 }

    register   as on the wire, from 0 (a manual's "40081" is register 80 with function 3; "30081" with function 4)
    function   3 or 4, where it is not the profile's
    type       int16 uint16 int32 uint32 float text
    order      ABCD high word and high byte first (usual), CDAB low word first, BADC and DCBA low byte first
    count      registers of a text
    mask       the bits that count, shifted down to the lowest
    scale      the value is the number times this: "0.005"
    decimals   digits behind the point; for whole numbers usually all that is needed: 3 means scale 0.001
    none       the number that means "no value"

A float has no digits of its own, so it needs ``decimals`` and is rounded to them; what is not finite is no value.
"""

import struct
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import cached_property
from typing import Annotated, Any, Literal, Self

import pydantic

from protocol.modbus import MAX_COUNT, Registers
from protocol.options import FormatOptions, Misfit

SIZES = {"int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "float": 2}
TEXT = "text"
ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
MAX_DECIMALS = 9
LARGEST_SCALE = Decimal("1E9")
END = 0x10000

TIME_FORMS = {"words": 6, "bytes": 3, "bcd": 3}


def _factor(given: Any) -> Decimal:
    """A factor as it is written: a text, or a number with its shortest digits."""
    try:
        scale = Decimal(0) if isinstance(given, bool) else Decimal(str(given))
    except InvalidOperation:
        scale = Decimal(0)
    if not scale.is_finite() or not 1 / LARGEST_SCALE <= abs(scale) <= LARGEST_SCALE:
        raise Misfit('应为数字，加引号，如 "0.1"', 'it must be a number like "0.1"')
    return scale


Function = Annotated[Literal[3, 4], pydantic.Field(description="3 holding registers, 4 input registers")]
Address = Annotated[int, pydantic.Field(ge=1, le=247, description="of the device on its line")]
Order = Annotated[
    Literal["ABCD", "CDAB", "BADC", "DCBA"],
    pydantic.Field(description="ABCD high word and high byte first, CDAB low word first, BADC and DCBA low byte first"),
]
Scale = Annotated[
    Decimal,
    pydantic.PlainValidator(_factor),
    pydantic.WithJsonSchema(
        {"type": "string", "description": "the value is the number times this", "examples": ["0.1"]}
    ),
]
Mask = Annotated[
    int, pydantic.Field(ge=0, le=0xFFFFFFFF, description="the bits that count, shifted down to the lowest")
]


class RegisterPlace(FormatOptions):
    """Registers side by side that hold one value."""

    at: int = pydantic.Field(alias="register", ge=0, le=END - 1, description="as on the wire, from 0")
    function: Function = 3
    order: Order = "ABCD"

    @property
    def size(self) -> int:
        """How many registers."""
        raise NotImplementedError

    @pydantic.model_validator(mode="after")
    def _ends(self) -> Self:
        if self.at + self.size > END:
            raise Misfit(
                f"应为 0 到 {END - self.size} 的整数（值有 {self.size} 个寄存器）",
                f"it must be a whole number, 0 to {END - self.size}, as the value has {self.size} registers",
                key="register",
            )
        return self

    def cells(self) -> list[tuple[int, int]]:
        return [(self.function, self.at + offset) for offset in range(self.size)]

    def data(self, registers: Registers) -> bytes:
        """The value's bytes, high byte first."""
        return _ordered([registers[cell] for cell in self.cells()], self.order)

    def words(self, data: bytes) -> dict[tuple[int, int], int]:
        """The registers that hold these bytes, given high byte first."""
        return dict(zip(self.cells(), _words(data, self.order), strict=True))


class Word(RegisterPlace):
    """Bits, or a number that stands for something."""

    type: Literal["uint16", "uint32"] = "uint16"

    @property
    def size(self) -> int:
        return SIZES[self.type]

    def raw(self, registers: Registers) -> int | None:
        """The number as it stands there; None for the one that means none."""
        return int.from_bytes(self.data(registers), "big")

    def put(self, number: int) -> dict[tuple[int, int], int]:
        """The registers with this number. Raises ValueError when it does not fit."""
        try:
            return self.words(number.to_bytes(2 * self.size, "big"))
        except OverflowError as error:
            raise ValueError(f"{number} does not fit {self.type}") from error


class Masked(Word):
    """A number in some bits of a word."""

    mask: Mask = 0

    @pydantic.model_validator(mode="after")
    def _mask_fits(self) -> Self:
        _fits(self.mask, self.size)
        return self

    def raw(self, registers: Registers) -> int | None:
        return _down(int.from_bytes(self.data(registers), "big"), self.mask)

    def put(self, number: int) -> dict[tuple[int, int], int]:
        return super().put(number * _lowest(self.mask))


class Field(RegisterPlace):
    """One value in registers."""

    type: Literal["int16", "uint16", "int32", "uint32", "float", "text"] = "int16"
    count: Annotated[int, pydantic.Field(ge=1, le=MAX_COUNT, description="registers of a text")] = 1
    mask: Mask = 0
    scale: Scale | None = None
    decimals: Annotated[int | None, pydantic.Field(ge=0, le=MAX_DECIMALS, description="digits behind the point")] = None
    none: Annotated[int | None, pydantic.Field(description="the number that means no value")] = None

    @property
    def size(self) -> int:
        return SIZES.get(self.type, self.count)

    @pydantic.model_validator(mode="after")
    def _has_sense(self) -> Self:
        whole = self.type not in ("float", TEXT)
        if self.mask and not self.type.startswith("uint"):
            raise Misfit("type 应为 uint16 或 uint32", "it needs type uint16 or uint32", key="mask")
        _fits(self.mask, self.size)
        if self.none is not None and not whole:
            raise Misfit("只用于整数类型", "it is for whole numbers only", key="none")
        if self.type == "float" and self.decimals is None:
            raise Misfit("缺少：浮点数没有小数位数", "it is missing: a float has no digits of its own", key="decimals")
        digits = self._digits_of_scale()
        if whole and (digits > self.digits or digits > MAX_DECIMALS):
            raise Misfit(
                f"小数位数 {self.digits} 对 scale {self.scale} 太少",
                f"{self.digits} decimals are too few for scale {self.scale}",
                key="decimals" if self.decimals is not None else "scale",
            )
        return self

    def _digits_of_scale(self) -> int:
        exponent = self.scale.as_tuple().exponent if self.scale is not None else 0
        return max(0, -exponent) if isinstance(exponent, int) else 0

    @cached_property
    def digits(self) -> int:
        """Digits behind the point."""
        return self.decimals if self.decimals is not None else self._digits_of_scale()

    @cached_property
    def factor(self) -> Decimal:
        """What the number is multiplied by; of whole numbers it follows from the digits."""
        if self.scale is not None:
            return self.scale
        return Decimal(1) if self.type in ("float", TEXT) else Decimal(1).scaleb(-self.digits)

    def data(self, registers: Registers) -> bytes:
        return _ordered([registers[cell] for cell in self.cells()], self._order())

    def words(self, data: bytes) -> dict[tuple[int, int], int]:
        return dict(zip(self.cells(), _words(data, self._order()), strict=True))

    def raw(self, registers: Registers) -> int | None:
        """The whole number as it stands there; None for floats and for the number that means no value."""
        if self.type in ("float", TEXT):
            return None
        number = int.from_bytes(self.data(registers), "big", signed=self.type.startswith("int"))
        number = _down(number, self.mask)
        return None if number == self.none else number

    def number(self, registers: Registers) -> Decimal | None:
        """The value with its digits; None when there is none."""
        try:
            if self.type == "float":
                found = Decimal(struct.unpack(">f", self.data(registers))[0]) * self.factor
                rounded = found.quantize(Decimal(1).scaleb(-self.digits), ROUND_HALF_EVEN)
            else:
                raw = self.raw(registers)
                if raw is None:
                    return None
                rounded = (raw * self.factor).quantize(Decimal(1).scaleb(-self.digits))
        except InvalidOperation:
            return None
        if not rounded.is_finite():
            return None
        return rounded if rounded else rounded.copy_abs()

    def text(self, registers: Registers) -> str:
        """A text without its padding, a number as it stands there, or "" for no value."""
        if self.type == TEXT:
            return self.data(registers).replace(b"\0", b"").decode("gb18030", "replace").strip()
        number = self.number(registers)
        return "" if number is None else format(number, "f")

    def encode(self, value: Decimal | str | None) -> dict[tuple[int, int], int]:
        """The registers that say this. Raises ValueError when the value does not fit."""
        if self.type == TEXT:
            data = str(value or "").encode("gb18030").ljust(2 * self.size, b"\0")
            if len(data) > 2 * self.size:
                raise ValueError(f"{value!r} does not fit {self.size} registers")
            return self.words(data)
        return self.words(self._packed(None if value is None else Decimal(value)))

    def _packed(self, value: Decimal | None) -> bytes:
        if self.type == "float":
            return struct.pack(">f", float("nan") if value is None else value / self.factor)
        number = self.none if value is None else value / self.factor
        if number is None or number != int(number):
            raise ValueError(f"{value} cannot be said in steps of {self.factor}")
        try:
            shifted = int(number) * _lowest(self.mask)
            return shifted.to_bytes(2 * self.size, "big", signed=self.type.startswith("int"))
        except OverflowError as error:
            raise ValueError(f"{value} does not fit {self.type}") from error

    def _order(self) -> str:
        """Texts have no word order, only a byte order."""
        if self.type != TEXT:
            return self.order
        return "BADC" if self.order in ("BADC", "DCBA") else "ABCD"


class NumberField(Field):
    """A value that is a number."""

    type: Literal["int16", "uint16", "int32", "uint32", "float"] = "int16"


class TimeField(RegisterPlace):
    """The instrument's local time: year, month, day, hour, minute, second.

    ``words``: a register each.  ``bytes``: two in a register, the year (of this century) and the month first.
    ``bcd``: the same with two decimal digits in each byte.
    """

    form: Literal["words", "bytes", "bcd"] = "words"
    order: Annotated[Literal["ABCD", "BADC"], pydantic.Field(description="BADC low byte first")] = "ABCD"

    @property
    def size(self) -> int:
        return TIME_FORMS[self.form]

    def time(self, registers: Registers) -> datetime | None:
        """None when what stands there is no time."""
        parts: list[int] = list(self.data(registers))
        if self.form == "words":
            parts = [high << 8 | low for high, low in zip(parts[::2], parts[1::2], strict=True)]
        try:
            if self.form == "bcd":
                parts = [int(f"{part:02x}") for part in parts]
            year = parts[0] + 2000 if parts[0] < 100 else parts[0]
            return datetime(year, *parts[1:])  # type: ignore[arg-type]  # noqa: DTZ001  (the instrument's local clock)
        except ValueError:
            return None

    def encode(self, at: datetime) -> dict[tuple[int, int], int]:
        parts = [at.year % 100, at.month, at.day, at.hour, at.minute, at.second]
        if self.form == "words":
            data = b"".join(part.to_bytes(2, "big") for part in (at.year, *parts[1:]))
        else:
            data = bytes(int(str(part), 16) if self.form == "bcd" else part for part in parts)
        return self.words(data)


def by_one_function(profile: Any) -> Any:
    """A profile's table, whose ``function`` also holds for the values in it that name none of their own."""
    if not isinstance(profile, dict) or "function" not in profile:
        return profile
    common = {"function": profile["function"]}
    return {key: {**common, **value} if isinstance(value, dict) else value for key, value in profile.items()}


def _fits(mask: int, size: int) -> None:
    if mask >> 16 * size:
        raise Misfit(f"最多 {16 * size} 位", f"the value has {16 * size} bits", key="mask")


def _lowest(mask: int) -> int:
    """The lowest bit of a mask; without one that of the number itself."""
    return mask & -mask or 1


def _down(number: int, mask: int) -> int:
    return (number & mask) // _lowest(mask) if mask else number


def _ordered(words: list[int], order: str) -> bytes:
    """The bytes of words, put into the order high byte first."""
    if order in ("CDAB", "DCBA"):
        words = words[::-1]
    return b"".join(word.to_bytes(2, "little" if order in ("BADC", "DCBA") else "big") for word in words)


def _words(data: bytes, order: str) -> list[int]:
    pairs = [data[at : at + 2] for at in range(0, len(data), 2)]
    words = [int.from_bytes(pair, "little" if order in ("BADC", "DCBA") else "big") for pair in pairs]
    return words[::-1] if order in ("CDAB", "DCBA") else words
