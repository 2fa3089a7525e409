"""Settings of station.toml that the city may replace: one table, and what it said of them.

Part of the core: only the core thread calls this, inside a batch.
"""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from edge.between.inbox import Refused
from edge.config.sections import Config, ScaleSection
from protocol.plain import plain

SETTABLE = {  # by the city; all other settings are the technician's
    "gate.unchecked": "what a source code from elsewhere allows",
    "gate.suspended": "what a suspended supplier may bring",
    "gate.tests": "the items every lot is tested for",
    "stall.oversell": "what happens when more of a lot is sold than came in",
}


class CitySettings:
    """``given`` is station.toml, with what people entered of scales. Owned by the core thread."""

    def __init__(self, conn: sqlite3.Connection, given: Config) -> None:
        self._conn = conn
        self._given = given

    def scale(self, part: ScaleSection) -> None:
        """A person entered this of a scale."""
        scales = tuple(part if one.name == part.name else one for one in self._given.scale)
        self._given = self._given.model_copy(update={"scale": scales})

    def config(self) -> Config:
        """station.toml with what the city replaced. What does not fit (any more) is left out."""
        found = self._given
        for name, value in self._conn.execute("SELECT name, value FROM city_settings ORDER BY name").fetchall():
            try:
                found = _with(found, name, json.loads(value), self._given)
            except (Refused, ValueError):
                continue
        return found

    def take(self, settings: Mapping[str, Any], issued: float) -> dict[str, tuple[str, str]]:
        """Replace these; answers what changed, before and after, as JSON. Raises Refused, naming the setting."""
        before = self.config()
        fresh = self._given
        for name, value in settings.items():
            fresh = _with(fresh, name, value, self._given)
        for name, value in settings.items():
            self._conn.execute(
                "INSERT INTO city_settings VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value,"
                " issued = excluded.issued WHERE excluded.issued > issued",
                (name, json.dumps(value, ensure_ascii=False), issued),
            )
        now = self.config()
        said = {name: (_shown(before, name), _shown(now, name)) for name in settings}
        return {name: pair for name, pair in said.items() if pair[0] != pair[1]}


def _with(config: Config, name: str, value: Any, given: Config) -> Config:
    """The configuration with this setting; null is what station.toml says. Raises Refused."""
    if name not in SETTABLE:
        raise Refused(
            "not_settable",
            f"{plain(name, 40)} 不能由平台设置",
            f"{plain(name, 40)} cannot be set by the city; it may set {', '.join(SETTABLE)}",
        )
    section, _, key = name.partition(".")
    part = getattr(config, section)
    wanted = getattr(getattr(given, section), key) if value is None else value
    try:
        fresh = type(part).model_validate({**part.model_dump(), key: wanted})
    except ValidationError as error:
        raise Refused(
            "bad_setting", f"{name} 的值不符合要求", f"{name}: {error.errors(include_url=False)[0]['msg']}"
        ) from None
    return config.model_copy(update={section: fresh})


def _shown(config: Config, name: str) -> str:
    section, _, key = name.partition(".")
    return json.dumps(getattr(getattr(config, section), key), ensure_ascii=False)
