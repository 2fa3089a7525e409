"""What a benchmark says: its figures, each beside a floor from the same run and the target it should reach."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Values = Mapping[str, float]
PERCENTILES = {"p50": 0.50, "p90": 0.90, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing. ``target`` gives the highest value that is good, with ``at_least`` the lowest, for some or
    none of the ``values``."""

    name: str
    unit: str
    values: Values
    floor: Values
    floor_is: str
    target: Values = field(default_factory=dict)
    at_least: bool = False

    @property
    def reached(self) -> bool | None:
        """None when there is no target, or nothing to hold against it."""
        sign = -1 if self.at_least else 1
        known = [sign * self.values[key] <= sign * bound for key, bound in self.target.items() if key in self.values]
        return all(known) if known else None

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "unit": self.unit,
            "values": _rounded(self.values),
            "floor": _rounded(self.floor),
            "floor_is": self.floor_is,
            "target": _rounded(self.target),
            "reached": self.reached,
        }

    def as_text(self) -> str:
        lines = [f"  {self.name}, {self.unit}", f"    measured  {_row(self.values)}"]
        if self.floor:
            lines.append(f"    floor     {_row(self.floor)}    {self.floor_is}")
        if self.target:
            word = {True: "reached", False: "MISSED", None: "not measured"}[self.reached]
            lines.append(f"    target    {_row(self.target)}    {word}")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Report:
    """What one benchmark found. ``facts`` are counts and circumstances, by name."""

    bench: str
    what: str
    figures: tuple[Figure, ...]
    facts: Mapping[str, Any]

    @property
    def reached(self) -> bool:
        return all(figure.reached is not False for figure in self.figures)

    def as_json(self) -> dict[str, Any]:
        return {
            "bench": self.bench,
            "what": self.what,
            "reached": self.reached,
            "figures": [figure.as_json() for figure in self.figures],
            "facts": dict(self.facts),
        }

    def as_text(self) -> str:
        facts = [f"  {name}: {_fact(value)}" for name, value in self.facts.items()]
        return "\n".join([f"{self.bench}: {self.what}", *(figure.as_text() for figure in self.figures), *facts])


def spread(values: Sequence[float]) -> dict[str, float]:
    """p50, p90, p99 and max, each a value that was seen (nearest rank); empty for nothing."""
    ordered = sorted(values)
    if not ordered:
        return {}
    last = len(ordered) - 1
    found = {name: ordered[min(last, int(share * len(ordered)))] for name, share in PERCENTILES.items()}
    return {**found, "max": ordered[-1]}


def _rounded(values: Values) -> dict[str, float]:
    return {name: round(value, 3) for name, value in values.items()}


def _row(values: Values) -> str:
    return "  ".join(f"{name} {value:,.2f}".removesuffix(".00") for name, value in values.items()) or "nothing"


def _fact(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_fact(one)}" for name, one in value.items()) or "none"
    if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        return _table(value)
    if isinstance(value, list):
        return "".join(f"\n    {_fact(one)}" for one in value) or "none"
    return f"{value:,.1f}" if isinstance(value, float) else str(value)


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of the same keys as columns; numbers to the right."""
    cells = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    right = [not isinstance(value, str) for value in rows[0].values()]
    return "".join(
        "\n    "
        + "  ".join(f"{cell:{'>' if r else '<'}{width}}" for cell, width, r in zip(line, widths, right, strict=True))
        for line in cells
    )


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "reached" if value else "MISSED"
    return f"{value:,}" if isinstance(value, int) else str(value)
