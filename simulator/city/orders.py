"""What the city orders of its stations: each command is kept until all it is for have answered, or it has expired.

Its bytes are sealed once; the same go out again after a station's birth and every half minute while it is online, stops
first.  ``Orders`` belongs to whoever writes the database, ``Told`` reads.
"""

import json
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError
from sqlite_utils import Database

from protocol.city.commands import COMMANDS
from protocol.city.orders import ENVELOPE, CommandAnswer, fields_of
from protocol.city.signed import SIGNED_CAP, seal
from protocol.city.topics import Topics

AGAIN_SECONDS = 30.0
AT_ONCE = 50  # commands sent in one go
NOT_FINAL = frozenset({"clock"})  # such an answer leaves the command waiting


class BadOrder(ValueError):
    """What was asked for is no command; the message says why."""


@dataclass(frozen=True, slots=True)
class Due:
    """A command that is to be sent to a station now."""

    id: str
    station: str
    topic: str
    payload: bytes


class Orders:
    """The writer's side; call it inside a batch of the store."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, name: str, target: str, fields: Mapping[str, Any], seconds: float, key: Ed25519PrivateKey) -> str:
        """Seal a command and keep it; answers its id. Raises BadOrder."""
        command = _read(name, fields)
        newest = self._db.execute("SELECT max(issued) FROM commands").fetchone()[0]
        issued = datetime.now(UTC)
        if newest is not None:
            issued = max(issued, datetime.fromisoformat(newest) + timedelta(microseconds=1))
        id_ = f"{issued:%Y%m%d}-{secrets.token_hex(4)}"
        expires = issued + timedelta(seconds=seconds)
        body = fields_of(command, id_, name, expires.isoformat(timespec="seconds"))
        payload = seal(body, target, issued.isoformat(timespec="microseconds"), key)
        if len(payload) > SIGNED_CAP:
            raise BadOrder(f"{len(payload)} bytes; at most {SIGNED_CAP} go into one command: send it in parts")
        self._db.execute(
            "INSERT INTO commands (id, name, target, issued, expires, payload) VALUES (?, ?, ?, ?, ?, ?)",
            [id_, name, target, issued.isoformat(timespec="microseconds"), expires.timestamp(), payload],
        )
        return id_

    def due(self, now: float) -> list[Due]:
        """What is to be sent now, stops first, then as it was issued; it counts as sent."""
        rows = self._db.execute(
            "SELECT commands.id, commands.name, commands.payload, stations.station, stations.base FROM commands"
            " JOIN stations ON stations.base <> '' AND stations.state = 'online' AND (target = stations.station"
            " OR target = substr(stations.station, 1, 9) || '-all')"
            " LEFT JOIN answers ON answers.id = commands.id AND answers.station = stations.station AND answers.final"
            " LEFT JOIN sent ON sent.id = commands.id AND sent.station = stations.station"
            " WHERE commands.expires > ? AND answers.id IS NULL AND coalesce(sent.at, 0) <= ?"
            " ORDER BY commands.name = 'stop_lot' DESC, commands.issued, stations.station LIMIT ?",
            [now, now - AGAIN_SECONDS, AT_ONCE],
        ).fetchall()
        self._db.conn.executemany(
            "INSERT INTO sent VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET at = excluded.at, times = times + 1",
            [(id_, station, now) for id_, _, _, station, _ in rows],
        )
        return [Due(id_, station, f"{base}/cmd/{name}", payload) for id_, name, payload, station, base in rows]

    def again(self, station: str = "") -> None:
        """This station, or every one, is there anew: what it has not answered goes at once."""
        self._db.execute("UPDATE sent SET at = 0 WHERE ?1 = '' OR station = ?1", [station])

    def answered(self, station: str, answer: CommandAnswer, when: str) -> bool:
        """What a station says of a command; False when it was never ordered."""
        if self._db.execute("SELECT 1 FROM commands WHERE id = ?", [answer.id]).fetchone() is None:
            return False
        final = answer.code not in NOT_FINAL
        said = (answer.state, answer.code, answer.message_zh, answer.message_en, answer.seq)
        self._db.execute(
            "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET state = excluded.state,"
            " code = excluded.code, message_zh = excluded.message_zh, message_en = excluded.message_en,"
            " seq = excluded.seq, time = excluded.time, final = excluded.final WHERE NOT answers.final",
            [answer.id, station, *said, when, final],
        )
        return True


def _read(name: str, fields: Mapping[str, Any]) -> Any:
    row = COMMANDS.get(name)
    if row is None:
        raise BadOrder(f"no command {name[:40]!r}; there are {', '.join(COMMANDS)}")
    if taken := ENVELOPE & fields.keys():
        raise BadOrder(f"{', '.join(sorted(taken))}: the envelope is made here")
    try:
        return row.command.model_validate_json(json.dumps(fields), strict=True)
    except (ValidationError, ValueError, TypeError) as error:
        if not isinstance(error, ValidationError):
            raise BadOrder(f"no JSON: {error}") from None
        first = error.errors(include_url=False)[0]
        raise BadOrder(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def check_target(target: str) -> str:
    """A station, or ``NNNNNNNNN-all``; raises ValueError."""
    node, _, terminal = target.partition("-")
    if not (node.isascii() and node.isdigit() and len(node) == 9) or not (
        terminal == "all" or (terminal.isascii() and terminal.isdigit() and len(terminal) == 2)
    ):
        raise ValueError(f"station {target[:40]!r}: write 9 digits, '-', and 2 digits or 'all'")
    Topics(node[:6], node, terminal)
    return target


@dataclass(frozen=True, slots=True)
class Ordered:
    """A command as a page shows it. ``answers`` are by station; ``waits`` for those that have not answered."""

    id: str
    name: str
    target: str
    issued: str
    expires: str
    expired: bool
    fields: str
    answers: tuple[dict[str, Any], ...]
    waits: tuple[str, ...]


def ordered(db: sqlite3.Connection, limit: int = 50, id_: str = "") -> list[Ordered]:
    """The newest commands, or one, with what the stations said."""
    now = datetime.now(UTC).timestamp()
    found = []
    for one, name, target, issued, expires, payload in db.execute(
        "SELECT id, name, target, issued, expires, payload FROM commands WHERE ?1 = '' OR id = ?1"
        " ORDER BY issued DESC LIMIT ?2",
        [id_, limit],
    ).fetchall():
        cursor = db.execute("SELECT * FROM answers WHERE id = ? ORDER BY station", [one])
        names = [column[0] for column in cursor.description]
        answers = tuple(dict(zip(names, row, strict=True)) for row in cursor.fetchall())
        known = [
            station
            for (station,) in db.execute(
                "SELECT station FROM stations WHERE base <> '' AND (?1 = station"
                " OR ?1 = substr(station, 1, 9) || '-all') ORDER BY station",
                [target],
            )
        ] or ([target] if not target.endswith("-all") else [])
        final = {row["station"] for row in answers if row["final"]}
        body = {key: value for key, value in json.loads(payload).items() if key not in ENVELOPE}
        found.append(
            Ordered(
                one,
                name,
                target,
                issued,
                datetime.fromtimestamp(expires, UTC).isoformat(timespec="seconds"),
                expires <= now,
                json.dumps(body, ensure_ascii=False),
                answers,
                tuple(station for station in known if station not in final),
            )
        )
    return found
