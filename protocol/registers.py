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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any

from protocol.modbus import MAX_COUNT, REQUESTS, Registers

SIZES = {"int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "float": 2}
TEXT = "text"
ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
KEYS = ("register", "function", "type", "order", "count", "mask", "scale", "decimals", "none")
MAX_DECIMALS = 9
LARGEST_SCALE = Decimal("1E9")

TIME_FORMS = {"words": 6, "bytes": 3, "bcd": 3}
TIME_KEYS = ("register", "function", "form", "order")


@dataclass(frozen=True, slots=True)
class Field:
    """One value in registers."""

    register: int
    function: int
    type: str
    count: int
    order: str = "ABCD"
    mask: int = 0
    scale: Decimal = Decimal(1)
    decimals: int = 0
    none: int | None = None

    @classmethod
    def parse(cls, name: str, table: Any, *, function: int, type: str = "int16") -> "Field":
        """Raises ValueError that names the key and says what would be right."""
        table = known_keys(name, table, KEYS)
        function = whole(f"{name}.function", table.get("function", function), REQUESTS)
        kind = one_of(f"{name}.type", table.get("type", type), (*SIZES, TEXT))
        count = SIZES.get(kind) or whole(f"{name}.count", table.get("count", 1), range(1, MAX_COUNT + 1))
        register = whole(f"{name}.register", table.get("register"), range(0x10000 - count + 1))
        order = one_of(f"{name}.order", table.get("order", "ABCD"), ORDERS)
        mask = whole(f"{name}.mask", table.get("mask", 0), range(1 << 16 * min(count, 2)))
        if mask and kind not in ("uint16", "uint32"):
            raise ValueError(f"{name}.mask needs type uint16 or uint32, not {kind}")
        scale, decimals = _scale(name, table, kind)
        none = table.get("none")
        if none is not None and (kind in ("float", TEXT) or not isinstance(none, int)):
            raise ValueError(f"{name}.none is a whole number of an integer type")
        return cls(register, function, kind, count, order, mask, scale, decimals, none)

    def cells(self) -> list[tuple[int, int]]:
        return [(self.function, self.register + offset) for offset in range(self.count)]

    def data(self, registers: Registers) -> bytes:
        """The value's bytes, high byte first."""
        return _ordered([registers[cell] for cell in self.cells()], self.order if self.type != TEXT else self._bytes())

    def raw(self, registers: Registers) -> int | None:
        """The whole number as it stands there; None for floats and for the number that means no value."""
        if self.type in ("float", TEXT):
            return None
        number = int.from_bytes(self.data(registers), "big", signed=self.type.startswith("int"))
        if self.mask:
            number = (number & self.mask) // (self.mask & -self.mask)
        return None if number == self.none else number

    def number(self, registers: Registers) -> Decimal | None:
        """The value with its digits; None when there is none."""
        try:
            if self.type == "float":
                found = Decimal(struct.unpack(">f", self.data(registers))[0]) * self.scale
                rounded = found.quantize(Decimal(1).scaleb(-self.decimals), ROUND_HALF_EVEN)
            else:
                raw = self.raw(registers)
                if raw is None:
                    return None
                rounded = (raw * self.scale).quantize(Decimal(1).scaleb(-self.decimals))
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
            data = str(value or "").encode("gb18030").ljust(2 * self.count, b"\0")
            if len(data) > 2 * self.count:
                raise ValueError(f"{value!r} does not fit {self.count} registers")
            return self.words(data)
        return self.words(self._packed(None if value is None else Decimal(value)))

    def words(self, data: bytes) -> dict[tuple[int, int], int]:
        """The registers that hold these bytes, given high byte first."""
        order = self._bytes() if self.type == TEXT else self.order
        return dict(zip(self.cells(), _words(data, order), strict=True))

    def _packed(self, value: Decimal | None) -> bytes:
        if self.type == "float":
            return struct.pack(">f", float("nan") if value is None else value / self.scale)
        number = self.none if value is None else value / self.scale
        if number is None or number != int(number):
            raise ValueError(f"{value} cannot be said in steps of {self.scale}")
        try:
            shifted = int(number) * (self.mask & -self.mask) if self.mask else int(number)
            return shifted.to_bytes(2 * self.count, "big", signed=self.type.startswith("int"))
        except OverflowError as error:
            raise ValueError(f"{value} does not fit {self.type}") from error

    def _bytes(self) -> str:
        """Texts have no word order, only a byte order."""
        return "BADC" if self.order in ("BADC", "DCBA") else "ABCD"


@dataclass(frozen=True, slots=True)
class TimeField:
    """The instrument's local time: year, month, day, hour, minute, second.

    ``words``: a register each.  ``bytes``: two in a register, the year (of this century) and the month first.
    ``bcd``: the same with two decimal digits in each byte.
    """

    register: int
    function: int
    form: str
    order: str = "ABCD"

    @classmethod
    def parse(cls, name: str, table: Any, *, function: int) -> "TimeField":
        table = known_keys(name, table, TIME_KEYS)
        form = one_of(f"{name}.form", table.get("form", "words"), TIME_FORMS)
        return cls(
            whole(f"{name}.register", table.get("register"), range(0x10000 - TIME_FORMS[form] + 1)),
            whole(f"{name}.function", table.get("function", function), REQUESTS),
            form,
            one_of(f"{name}.order", table.get("order", "ABCD"), ("ABCD", "BADC")),
        )

    def cells(self) -> list[tuple[int, int]]:
        return [(self.function, self.register + offset) for offset in range(TIME_FORMS[self.form])]

    def time(self, registers: Registers) -> datetime | None:
        """None when what stands there is no time."""
        words = [registers[cell] for cell in self.cells()]
        parts: list[int] = list(_ordered(words, self.order))
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
        return dict(zip(self.cells(), _words(data, self.order), strict=True))


def known_keys(name: str, table: Any, keys: Iterable[str]) -> Mapping[str, Any]:
    """The table, if it is one and has no other keys; else ValueError."""
    if not isinstance(table, Mapping):
        raise ValueError(f"{name}: write a table, like {{ register = 0 }}")
    if unknown := [str(key) for key in table if key not in keys]:
        raise ValueError(f"{name}: no key {', '.join(unknown)}; there are: {', '.join(keys)}")
    return table


def whole(name: str, value: Any, allowed: Any) -> int:
    """A whole number that is allowed; else ValueError."""
    if isinstance(value, bool) or not isinstance(value, int) or value not in allowed:
        said = "missing" if value is None else f"is {value!r}"
        numbers = f"{allowed[0]} to {allowed[-1]}" if isinstance(allowed, range) else " or ".join(map(str, allowed))
        raise ValueError(f"{name} {said}; it must be a whole number, {numbers}")
    return value


def one_of(name: str, value: Any, allowed: Iterable[str]) -> str:
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}; it must be one of {', '.join(allowed)}")
    return str(value)


def _scale(name: str, table: Mapping[str, Any], kind: str) -> tuple[Decimal, int]:
    """Factor and number of decimals; each follows from the other for whole numbers."""
    given = table.get("decimals")
    decimals = 0 if given is None else whole(f"{name}.decimals", given, range(MAX_DECIMALS + 1))
    if kind == TEXT:
        return Decimal(1), 0
    if kind == "float" and given is None:
        raise ValueError(f"{name}.decimals is missing: a float has no digits of its own")
    if "scale" not in table:
        return (Decimal(1) if kind == "float" else Decimal(1).scaleb(-decimals)), decimals
    try:
        scale = Decimal(str(table["scale"]))
    except InvalidOperation:
        scale = Decimal(0)
    if not scale.is_finite() or not 1 / LARGEST_SCALE <= abs(scale) <= LARGEST_SCALE:
        raise ValueError(f'{name}.scale is {table["scale"]!r}; write a number like "0.1"')
    exponent = scale.as_tuple().exponent
    digits = max(0, -exponent) if isinstance(exponent, int) else 0
    if given is None:
        decimals = digits
    if kind != "float" and (digits > decimals or digits > MAX_DECIMALS):
        raise ValueError(f"{name}: {decimals} decimals are too few for scale {scale}")
    return scale, decimals


def _ordered(words: list[int], order: str) -> bytes:
    """The bytes of words, put into the order high byte first."""
    if order in ("CDAB", "DCBA"):
        words = words[::-1]
    return b"".join(word.to_bytes(2, "little" if order in ("BADC", "DCBA") else "big") for word in words)


def _words(data: bytes, order: str) -> list[int]:
    pairs = [data[at : at + 2] for at in range(0, len(data), 2)]
    words = [int.from_bytes(pair, "little" if order in ("BADC", "DCBA") else "big") for pair in pairs]
    return words[::-1] if order in ("CDAB", "DCBA") else words
