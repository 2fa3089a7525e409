"""The register of the scales (衡器台账): what counts of each, and what the ledger says that counted before.

What station.toml says comes first; what people entered on the page counts before it, whatever station.toml says later.

Part of the core: only the core thread calls this, but for ``entered_in`` and ``as_entered``, which any thread may.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from edge.between.day_views import RegisteredScale
from edge.config.sections import Config, ScaleSection
from edge.records.ledger import Ledger
from protocol.city.day_events import ScaleIdentity
from protocol.frozen import frozen

SOON = timedelta(days=30)
ASKED = ("maker", "serial", "certificate", "cpa", "production_code", "repair_code", "verification_code", "seal")
ENTERED = (*ASKED, "type", "accuracy", "software", "verified_until")  # settings that people may enter on the page


def entered_in(conn: sqlite3.Connection) -> dict[str, dict[str, str]]:
    """What people entered on the page, by scale and setting; nothing in a ledger that is older than this."""
    found: dict[str, dict[str, str]] = {}
    if conn.execute("SELECT 1 FROM sqlite_master WHERE name = 'scale_entered'").fetchone():
        for scale, name, value in conn.execute("SELECT scale, name, value FROM scale_entered ORDER BY scale, name"):
            found.setdefault(scale, {})[name] = value
    return found


def as_entered(config: Config, conn: sqlite3.Connection) -> Config:
    """station.toml with what people entered on the page."""
    entered = entered_in(conn)
    scales = tuple(_with(part, entered.get(part.name, {})) for part in config.scale)
    return config.model_copy(update={"scale": scales})


def _with(part: ScaleSection, said: Mapping[str, str]) -> ScaleSection:
    values: dict[str, Any] = {name: value for name, value in said.items() if name in ENTERED}
    if "verified_until" in values:
        values["verified_until"] = date.fromisoformat(values["verified_until"])
    return part.model_copy(update=values)


def written(part: ScaleSection, name: str) -> str:
    """A setting as text; empty where there is none."""
    return str(getattr(part, name) or "")


def identity_of(part: ScaleSection) -> ScaleIdentity:
    """What the register has of a scale."""
    return ScaleIdentity(
        scale=part.name,
        maker=part.maker,
        model=part.type,
        serial=part.serial,
        certificate=part.certificate,
        cpa=part.cpa,
        accuracy=part.accuracy,
        max=part.max,
        min=part.min,
        e=part.e,
        production_code=part.production_code,
        repair_code=part.repair_code,
        verification_code=part.verification_code,
        seal=part.seal,
        software=part.software,
        verified_until=part.verified_until.isoformat() if part.verified_until else None,
        fair=part.fair,
    )


def in_register(part: ScaleSection) -> bool:
    """Whether anything was entered for the register; a scale of which nothing was has no record of it."""
    return part.fair or any(getattr(part, name) for name in ASKED)


@frozen
class Changed:
    """A scale whose entry is another one; ``identity`` as it is now, ``active`` False when it is gone."""

    identity: ScaleIdentity
    names: tuple[str, ...]
    active: bool = True


class ScaleRegister:
    """Owned by the core thread."""

    def __init__(self, ledger: Ledger, parts: Iterable[ScaleSection], undo: list[Callable[[], None]]) -> None:
        self._conn = ledger.conn
        self._undo = undo
        self.changed = True  # what pages see of it
        self._settled = False  # nothing changes before the next start
        self._parts = {part.name: part for part in parts}
        self._said: dict[str, tuple[int, dict[str, Any], str]] = {
            scale: (seq, json.loads(said), warned)
            for scale, seq, said, warned in self._conn.execute("SELECT scale, seq, said, warned FROM scale_register")
        }

    def changes(self) -> list[Changed]:
        """What is to be recorded, because the register's newest record of it says otherwise."""
        found: list[Changed] = []
        if self._settled:
            return found
        for name, part in self._parts.items():
            before = self._of(name)[1]
            if not before and not in_register(part):
                continue
            now = identity_of(part)
            names = tuple(field for field, value in now.model_dump(mode="json").items() if before.get(field) != value)
            if names:
                found.append(Changed(now, names if before else ()))
        for name, (_, said, _) in self._said.items():
            if name not in self._parts and said:
                found.append(Changed(ScaleIdentity.model_validate(said), ("active",), active=False))
        self._settled = not found
        return found

    def recorded(self, changed: Changed, seq: int) -> None:
        """In the current transaction."""
        said = changed.identity.model_dump(mode="json") if changed.active else {}
        self._keep(changed.identity.scale, seq, said, self._warned(changed.identity.scale))

    def enter(self, part: ScaleSection, said: Mapping[str, str]) -> ScaleSection:
        """A person entered this, in the current transaction; answers the scale with it."""
        self._conn.executemany(
            "INSERT OR REPLACE INTO scale_entered VALUES (?, ?, ?)",
            [(part.name, name, value) for name, value in said.items()],
        )
        return _with(part, said)

    def counts(self, part: ScaleSection) -> None:
        """This is the scale from now on."""
        self._parts[part.name] = part
        self.changed = True

    def to_warn(self, today: date | None) -> list[tuple[ScaleIdentity, bool]]:
        """Scales whose verification ends within 30 days or has ended (True), and of which that was not yet recorded."""
        found = []
        for part in self._parts.values():
            state = verification(part, today)
            if state and self._warned(part.name) != _warning(part, state):
                found.append((identity_of(part), state == "expired"))
        return found

    def warned(self, identity: ScaleIdentity, *, expired: bool) -> None:
        """In the current transaction."""
        seq, said, _ = self._of(identity.scale)
        part = self._parts[identity.scale]
        self._keep(identity.scale, seq, said, _warning(part, "expired" if expired else "soon"))

    def _of(self, scale: str) -> tuple[int, dict[str, Any], str]:
        """The newest record of a scale, what it said and of what it was warned; of one that has none nothing."""
        return self._said.get(scale, (0, {}, ""))

    def _warned(self, scale: str) -> str:
        return self._of(scale)[2]

    def _keep(self, scale: str, seq: int, said: dict[str, Any], warned: str) -> None:
        text = json.dumps(said, ensure_ascii=False)
        self._conn.execute("INSERT OR REPLACE INTO scale_register VALUES (?, ?, ?, ?)", (scale, seq, text, warned))
        before = self._of(scale)
        self._said[scale] = seq, said, warned
        self.changed = True
        self._undo.append(lambda: self._said.update({scale: before}))

    def views(self, today: date | None) -> tuple[RegisteredScale, ...]:
        return tuple(
            RegisteredScale(
                name=part.name,
                maker=part.maker,
                model=part.type,
                serial=part.serial,
                certificate=part.certificate,
                cpa=part.cpa,
                accuracy=part.accuracy,
                max=part.max,
                min=part.min,
                e=part.e,
                production_code=part.production_code,
                repair_code=part.repair_code,
                verification_code=part.verification_code,
                seal=part.seal,
                software=part.software,
                verified_until=part.verified_until.isoformat() if part.verified_until else "",
                fair=part.fair,
                verification=verification(part, today),
                seq=self._of(part.name)[0],
            )
            for part in self._parts.values()
        )


def verification(part: ScaleSection, today: date | None) -> Any:
    """``soon`` when a scale's verification ends within 30 days, ``expired`` when it has; empty otherwise, and while no
    date can be believed."""
    if part.verified_until is None or today is None or part.verified_until > today + SOON:
        return ""
    return "expired" if part.verified_until < today else "soon"


def _warning(part: ScaleSection, state: str) -> str:
    return f"{state} {part.verified_until}"
