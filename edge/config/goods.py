"""Common goods of food markets, as data: what a row of station.toml may leave out.

``goods.csv`` is a compilation of our own. Codes have eight digits: two of the branch (01 plants, 02 land animals, 03
from the water, 04 made of them), two of the kind, two of the class, two of the goods. Under 0104 (vegetables) the
classes are those of NY/T 3177-2018 as far as we know them (01 根菜, 02 白菜, 05 茄果, 08 葱蒜, 09 叶菜); a market whose
city has codes of its own writes them in station.toml.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from edge.between.fixed_words import GoodsGroup
from edge.between.initials import initials
from edge.config.values import ConfigSection

FILE = Path(__file__).with_name("goods.csv")
GROUPS: tuple[GoodsGroup, ...] = get_args(GoodsGroup)


class Common(NamedTuple):
    """Goods of the catalogue. ``by`` is how they are sold, ``enzyme``: they disturb the enzyme test by themselves,
    ``also`` are other names that people have for them."""

    code: str
    name: str
    name_en: str
    initials: str
    group: GoodsGroup
    by: Literal["weight", "piece"]
    enzyme: bool
    also: tuple[str, ...]

    def called(self, name: str) -> bool:
        """Whether this is a name of it."""
        return name in (self.name, *self.also)


@cache
def common() -> Mapping[str, Common]:
    """All of it, by code, in the order of the groups; read once, when somebody asks."""
    return {goods.code: goods for goods in _read(FILE.read_text("utf-8"))}


def _read(text: str) -> Iterator[Common]:
    for line in text.splitlines()[1:]:
        code, name, english, initials, group, by, enzyme, also = line.split(",")
        yield Common(
            code,
            name,
            english,
            initials,
            group,  # type: ignore[arg-type]  # a test holds what stands in the file
            by,  # type: ignore[arg-type]
            enzyme == "yes",
            tuple(also.split("/")) if also else (),
        )


def of_groups(names: tuple[str, ...]) -> Iterator[Common]:
    """Goods of these groups; ``all`` is every one."""
    return (goods for goods in common().values() if "all" in names or goods.group in names)


def found(text: str) -> list[Common]:
    """The goods of a group; or those whose code or initials begin with this text, or that have it in a name, those that
    it names first."""
    part = text.strip().lower()
    if part in GROUPS:
        return list(of_groups((part,)))

    def place(goods: Common) -> int:
        letters = (goods.initials, *map(initials, goods.also))
        if part in (goods.code, *letters) or goods.called(part):
            return 0
        if any(one.startswith(part) for one in (goods.code, *letters)):
            return 1
        within = any(part in name.lower() for name in (goods.name, goods.name_en, *goods.also))
        return 2 if within else 3

    return sorted((goods for goods in common().values() if place(goods) < 3), key=place)


class GoodsSection(ConfigSection):
    """``groups`` of the catalogue that are goods here without a row of their own; ``all`` is every one."""

    groups: tuple[GoodsGroup | Literal["all"], ...] = ()


def filled(row: Any) -> Any:
    """A row of station.toml with what the catalogue says of its code, where the row does not.

    One with a name of its own takes only where it stands and how it is found, and only when it means the same goods:
    what is judged by it (other names for instruments, the enzyme test) it says itself.
    """
    if not isinstance(row, dict) or not isinstance(row.get("code"), str):
        return row
    goods = common().get(row["code"])
    if goods is None or not goods.called(row.get("name", goods.name)):
        return row
    taken: dict[str, Any] = {"group": goods.group, "by": goods.by}
    if row.get("name", goods.name) == goods.name:
        taken["initials"] = goods.initials
    if "name" not in row:
        taken |= {"name": goods.name, "name_en": goods.name_en}
        taken |= {"also": goods.also, "disturbs_enzyme": goods.enzyme}
    return taken | row


def with_groups(data: Any) -> Any:
    """station.toml with a row for each of the goods of ``[goods] groups`` that have none."""
    if not isinstance(data, dict) or not isinstance(section := data.get("goods"), dict):
        return data
    names, rows = section.get("groups"), data.get("product", [])
    if not isinstance(names, list) or not names or not isinstance(rows, list):
        return data
    own = {row.get("code") for row in rows if isinstance(row, dict)}
    more = [{"code": goods.code} for goods in of_groups(tuple(map(str, names))) if goods.code not in own]
    return {**data, "product": [*rows, *more]}
