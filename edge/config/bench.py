"""Settings of the test room: whether controls and reagents are asked for, which share is tested, what is printed."""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from edge.config.values import ConfigSection
from protocol.city.bench_events import ControlKind
from protocol.city.events import Name

Pattern = Annotated[str, StringConstraints(min_length=1, max_length=20, strip_whitespace=True)]
SAMPLE_PLACES = 24  # of a list of samples for an instrument without channels


def _no_bool(value: object) -> object:
    """true is no number."""
    if isinstance(value, bool):
        raise ValueError("no number")
    return value


def usual_controls() -> dict[str, ControlKind]:
    """What sample numbers of controls usually begin with: 空白对照 and 质控样."""
    return {"CK*": "blank", "QC*": "spiked"}


class BenchRules(ConfigSection):
    """What the test room asks for before a lot is released, beside its results.

    ``control``: without a valid control of today and a reagent lot in date a lot is not released (``required``), or it
    is and people are told (``warn``).  ``control_samples`` are the sample numbers that mean a control, with its kind;
    ``*`` stands for anything.  ``review``: whose results a second person looks at before they release.  ``reports``
    says which reports are printed by themselves.  ``unsampled``: what becomes of a lot that the draw passed over where
    only a share is tested.
    """

    control: Literal["required", "warn", "off"] = "warn"
    control_samples: dict[Pattern, ControlKind] = Field(default_factory=usual_controls)
    review: Literal["off", "positives", "all"] = "off"
    reports: Literal["always", "positives", "never"] = "always"
    unsampled: Literal["wait", "release"] = "wait"

    def control_kind(self, sample: str | None) -> ControlKind | None:
        """Which control a sample of this number is; None for a lot's."""
        number = (sample or "").strip().upper()
        for pattern, kind in self.control_samples.items():
            if number and fnmatchcase(number, pattern.upper()):
                return kind
        return None

    def asks_review(self, *, positive: bool) -> bool:
        """Whether a second person looks at such a result."""
        return self.review == "all" or (self.review == "positives" and positive)

    def report_now(self, data: Mapping[str, Any]) -> bool:
        """Whether the report of this result is printed by itself; one that a second person looks at waits for that."""
        positive = data["verdict"] in ("suspect", "unqualified")
        if not data.get("reviewer") and data.get("lot") and self.asks_review(positive=positive):
            return False
        return self.reports == "always" or (self.reports == "positives" and positive)


class PlanSection(ConfigSection):
    """A row of the plan: which items goods whose code begins with ``product`` are tested for, and which share of them
    in per cent. ``items`` left out: those of ``[gate] tests``."""

    product: Annotated[str, StringConstraints(pattern=r"^[0-9]{0,8}$")] = ""
    name: Name = ""
    items: tuple[Name, ...] | None = None
    share: Annotated[int, BeforeValidator(_no_bool)] = Field(100, ge=0, le=100)


def row_of(plan: tuple[PlanSection, ...], product: str) -> PlanSection | None:
    """The row of the plan that fits a product's code best; None when none does."""
    fitting = [row for row in plan if product.startswith(row.product)]
    return max(fitting, key=lambda row: len(row.product), default=None)


def natural(channel: str) -> tuple[object, ...]:
    """A key that puts channel 2 before channel 10, and A8 before B1."""
    letters, digits = re.fullmatch(r"(\D*)(\d*).*", channel).groups()  # type: ignore[union-attr]
    return letters, int(digits or 0), channel
