"""What `marketedge check` says of scales whose certificate, codes or seals were entered on the page."""

import contextlib
from collections.abc import Callable, Iterator

from edge.between.tongue import said
from edge.config.sections import Config, ScaleSection
from edge.records.ledger import LedgerUnusable, reading
from edge.state.scale_register import ENTERED, as_entered, written

Outcome = tuple[bool | None, str]
"""True well, None to be looked at; and the words."""


def with_entered(config: Config) -> Config:
    """station.toml with what was entered on the page: that counts. As it is where no ledger can be read."""
    with contextlib.suppress(OSError, LedgerUnusable), reading(config.station.data) as db:
        return as_entered(config, db.conn)
    return config


def entered_by_page(given: ScaleSection, counts: Config) -> Iterator[tuple[str, Callable[[], Outcome]]]:
    """What counts of this scale otherwise than station.toml says; nothing, where all is as it stands there."""
    part = next(one for one in counts.scale if one.name == given.name)
    found = [name for name in ENTERED if written(part, name) != written(given, name)]
    if not found:
        return
    both = [f"{name} = {written(part, name)}{_not_as(written(given, name))}" for name in found]
    against = any(written(given, name) for name in found)
    text = said("页面录入的为准：", "entered on the page, which counts: ") + "; ".join(both)
    if against:
        text += said("。请改 station.toml，使两处一致", ". Write the same into station.toml")
    yield f"{given.name} register", lambda: (None if against else True, text)


def _not_as(toml: str) -> str:
    return said(f"（station.toml：{toml}）", f" (station.toml: {toml})") if toml else ""
