"""A device model is a row: which wire format it speaks and with which settings.

Rows of other packages come in through the entry point group ``marketedge.drivers``: each entry names a tuple of
``Model``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any

from protocol import formats
from protocol.link import Link
from protocol.session import Session

GROUP = "marketedge.drivers"


@dataclass(frozen=True, slots=True)
class Model:
    """One device model.

    ``link`` is None where the format's default holds.  ``unit`` is the unit of formats that send none, as this model
    is delivered.  ``options`` go to the format's session.
    """

    id: str
    vendor: str
    name: str
    format: str
    link: Link | None = None
    unit: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def default_link(self) -> Link:
        return self.link or formats.find(self.format).link

    def session(self, **options: Any) -> Session:
        """A new session of this model; ``options`` win over the row's own."""
        return formats.find(self.format).session(**{**self.options, **options})


class UnknownModel(LookupError):
    """No row has this id; the message lists those there are."""


def models() -> dict[str, Model]:
    """All rows by id: ours, then those of installed packages. A second row with an id is refused."""
    from drivers import analyzers, scales

    found: dict[str, Model] = {}
    _add(found, scales.MODELS, "drivers.scales")
    _add(found, analyzers.MODELS, "drivers.analyzers")
    for entry in entry_points(group=GROUP):
        _add(found, entry.load(), entry.value)
    return found


def find(model_id: str) -> Model:
    """The model with this id; raises UnknownModel."""
    rows = models()
    if model_id not in rows:
        raise UnknownModel(f"no model {model_id!r}; there are: {', '.join(sorted(rows))}")
    return rows[model_id]


def _add(found: dict[str, Model], rows: Iterable[Model], origin: str) -> None:
    for row in rows:
        if row.id in found:
            raise ValueError(f"{origin}: model {row.id!r} exists already")
        found[row.id] = row
