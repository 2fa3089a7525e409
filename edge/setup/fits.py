"""Whether an answer can stand in station.toml, told in the words of its mistakes.

Each function raises ValueError for one that cannot.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date
from typing import Any

from pydantic import ValidationError

from edge.between.tongue import said
from edge.config.mistakes import Mistake, hint
from edge.config.sections import CitySection, PrinterSection, ScaleSection
from edge.config.values import ConfigSection
from edge.records.identity import BadKey, city_keys_text
from edge.setup.composed import scale_values
from edge.setup.known import Device, Known, broker_list, network_port


def key_of(part: type[ConfigSection], place: str, key: str, *, optional: bool = False) -> Callable[[str], None]:
    """As station.toml takes this key, told in the words of its mistakes."""

    def fits(text: str) -> None:
        if not text and optional:
            return
        _try(part, place, key, {key: text})

    return fits


def _try(part: type[ConfigSection], place: str, key: str, values: Mapping[str, Any]) -> None:
    try:
        part.model_validate(values)
    except ValidationError as error:
        for one in error.errors():
            cause = one.get("ctx", {}).get("error")
            if isinstance(cause, Mistake) and key in (cause.key, *map(str, one["loc"])):
                raise ValueError(str(cause)) from None
            if one["loc"][:1] == (key,) and one["type"] != "missing":
                raise ValueError(hint(place, key)) from None


def whole_scale(known: Known, one: Device, text: str) -> None:
    """Max, e and Min of a type plate fit each other."""
    values = scale_values(known.but({f"min {one.key}": text}), one)
    try:
        ScaleSection.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        cause = first.get("ctx", {}).get("error")
        raise ValueError(str(cause) if isinstance(cause, Mistake) else hint("scale", str(first["loc"][0]))) from None


def a_day(text: str) -> None:
    if text:
        with suppress(ValueError):
            date.fromisoformat(text)
            return
        raise ValueError(hint("scale", "verified_until"))


def some(text: str) -> None:
    if not text:
        raise ValueError(said("请输入", "type it"))


def brokers(text: str) -> None:
    _try(CitySection, "city", "brokers", {"brokers": broker_list(text)})


def city_key(text: str) -> None:
    if text:
        try:
            city_keys_text(text)
        except BadKey as error:
            raise ValueError(str(error)) from None


def network_printer(text: str) -> None:
    if text:
        _try(PrinterSection, "printer", "port", {"port": network_port(text)})
