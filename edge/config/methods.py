"""Rapid-test methods as settings: those that come with the station in ``methods.toml``, and a station's own."""

import tomllib
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from edge.config.mistakes import Mistake
from edge.config.values import ConfigSection, checked_by
from protocol.city.events import Name

Number = Annotated[str, StringConstraints(pattern=r"^([0-9]{1,15}(\.[0-9]{1,15})?)?$")]
SignedNumber = Annotated[str, StringConstraints(pattern=r"^(-?[0-9]{1,15}(\.[0-9]{1,15})?)?$")]


class Method(ConfigSection):
    """A rapid-test method: of which item, in which unit, by which limit.

    ``item`` is what it measures, ``items`` other names instruments have for it.  Without an item it is a method that
    only says positive or negative, of whatever the instrument names; it then has no limit.  ``limit`` is in ``unit``.
    ``own_control``: each measurement carries its own control (the line of a card), so none is asked for beside it.
    ``least`` and ``most`` bound the values such a test can give; without them a percentage is from -10 to 110, and a
    concentration is not negative.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,32}$")]
    name: Name
    number: Name = ""
    item: Name = ""
    items: tuple[Name, ...] = ()
    unit: Name = ""
    limit: Number = ""
    least: SignedNumber = ""
    most: SignedNumber = ""
    at_limit: Literal["fail", "pass"] = "fail"
    repeats: int = Field(0, ge=0, le=5)
    control_low: Number = ""
    control_high: Number = ""
    enzyme: bool = False
    own_control: bool = False

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.limit and not (self.item and self.unit):
            raise Mistake(
                "有 limit 就要写 item（检测什么）和 unit（单位）",
                "a limit needs `item` (what it measures) and `unit`",
                key="limit",
            )
        return self

    def measures(self, item: str) -> bool:
        """Whether this is a method of that item."""
        return not self.item or plain(item) in {plain(name) for name in (self.item, *self.items)}

    def possible(self, value: Decimal) -> bool:
        """Whether such a test can give this number."""
        percent = plain(self.unit) == "%"
        least, most = self.least or ("-10" if percent else "0"), self.most or ("110" if percent else "")
        return value >= Decimal(least) and (not most or value <= Decimal(most))


@cache
def shipped() -> Mapping[str, Method]:
    """The methods that come with the station, by id."""
    rows = tomllib.loads(Path(__file__).with_name("methods.toml").read_text("utf-8"))["method"]
    return MappingProxyType({method.id: method for method in checked_by(tuple[Method, ...], rows)})


def plain(text: str) -> str:
    """Names and units as instruments write them, made comparable: width, case, blanks and kinds of micro sign."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("μ", "u").replace("µ", "u")
    return "".join(folded.split())
