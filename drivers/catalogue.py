"""Finding models: our own rows and those of other packages.

Rows of other packages come in through the entry point group ``marketedge.drivers``: each entry names a tuple of
``Model``.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType

from drivers import analyzers, label_scales, probes, scales, scanners
from drivers.model import Model

GROUP = "marketedge.drivers"


class UnknownModel(LookupError):
    """No row has this id; the message lists those there are."""


@cache
def models() -> Mapping[str, Model]:
    """All rows by id: ours, then those of installed packages. A second row with an id is refused.

    Looked up once a process: looking through the installed packages takes longer than recording a result.
    """
    found: dict[str, Model] = {}
    _add(found, scales.MODELS, "drivers.scales")
    _add(found, label_scales.MODELS, "drivers.label_scales")
    _add(found, analyzers.MODELS, "drivers.analyzers")
    _add(found, probes.MODELS, "drivers.probes")
    _add(found, scanners.MODELS, "drivers.scanners")
    for entry in entry_points(group=GROUP):
        _add(found, entry.load(), entry.value)
    return MappingProxyType(found)


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
