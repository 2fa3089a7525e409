"""Which vouchers goods need when they come in: as data that comes with the station, and a station's own."""

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

Needs = Mapping[str, tuple[str, ...]]


@cache
def shipped() -> Needs:
    """By the first digits of a product's code."""
    table = tomllib.loads(Path(__file__).with_name("proofs.toml").read_text("utf-8"))
    return {code: tuple(types) for code, types in table.items()}


def needed(product: str, own: Needs) -> tuple[str, ...]:
    """What goods of this code need, each of one type or of several of which one will do (``hgz|cd``)."""
    known = {**shipped(), **own}
    fitting = [code for code in known if product.startswith(code)]
    return known[max(fitting, key=len)] if fitting else ()


def missing(needs: Iterable[str], given: Iterable[str]) -> tuple[str, ...]:
    """What is needed and was not given."""
    there = set(given)
    return tuple(one for one in needs if there.isdisjoint(one.split("|")))
