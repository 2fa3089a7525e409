"""What the city orders of its stations: each command is kept until all it is for have answered, or it has expired.

Three parts, which may be three processes: whoever may order writes a row (``want``); the signer, who alone has the
key, seals it once (``sign``); the publisher sends the same bytes again after a station's birth and every half minute
while it is online, stops first (``due``).  ``ordered`` reads.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from protocol.city.commands import COMMANDS
from protocol.city.orders import ENVELOPE, CommandAnswer, fields_of
from protocol.city.signed import SIGNED_CAP, seal
from protocol.city.topics import Topics
from simulator.city.engines import Db, Executes, insert, put, put_new

AGAIN_SECONDS = 30.0
AT_ONCE = 50  # commands sent in one go
_ENVELOPE_BYTES = 250  # of a command, around its fields, at most
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

    def __init__(self, db: Db) -> None:
        self._db = db

    def add(self, name: str, target: str, fields: Mapping[str, Any], seconds: float, key: Ed25519PrivateKey) -> str:
        """Keep a command and seal it; answers its id. Raises BadOrder."""
        id_ = self.want(name, target, fields, seconds)
        self.sign(key)
        return id_

    def want(self, name: str, target: str, fields: Mapping[str, Any], seconds: float) -> str:
        """Keep a command for the signer; answers its id. Raises BadOrder."""
        command = _read(name, fields)
        asked = datetime.now(UTC).isoformat(timespec="microseconds")
        id_ = f"{asked[:10].replace('-', '')}-{secrets.token_hex(4)}"
        body = fields_of(command, id_, name, asked)
        text = json.dumps({one: value for one, value in body.items() if one not in ENVELOPE}, separators=(",", ":"))
        size = len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()) + _ENVELOPE_BYTES
        if size > SIGNED_CAP:
            raise BadOrder(f"{size} bytes; at most {SIGNED_CAP} go into one command: send it in parts")
        row = {"id": id_, "name": name, "target": target, "fields": text, "asked": asked}
        waiting = {"seconds": seconds, "issued": "", "expires": 0.0, "payload": b""}
        insert(self._db, "commands", row | waiting)
        return id_

    def sign(self, key: Ed25519PrivateKey) -> None:
        """Seal what waits, in the order in which it was asked for; each is issued later than the one before."""
        sql = "SELECT id, name, target, fields, seconds FROM commands WHERE issued = '' ORDER BY asked, id"
        for id_, name, target, fields, seconds in self._db.execute(sql).fetchall():
            newest = self._db.execute("SELECT max(issued) FROM commands").fetchone()[0]
            issued = datetime.now(UTC)
            if newest:
                issued = max(issued, datetime.fromisoformat(newest) + timedelta(microseconds=1))
            expires = issued + timedelta(seconds=seconds)
            body = fields_of(_read(name, json.loads(fields)), id_, name, expires.isoformat(timespec="seconds"))
            at = issued.isoformat(timespec="microseconds")
            sealed = {"issued": at, "expires": expires.timestamp(), "payload": seal(body, target, at, key)}
            put(self._db, "commands", {"id": id_}, sealed)

    def due(self, now: float) -> list[Due]:
        """What is to be sent now, stops first, then as it was issued; it counts as sent."""
        rows = self._db.execute(
            "SELECT commands.id, commands.name, commands.payload, stations.station, stations.base FROM commands"
            " JOIN stations ON stations.base <> '' AND stations.state = 'online' AND (target = stations.station"
            " OR (substr(target, 10) = '-all' AND substr(target, 1, 9) = substr(stations.station, 1, 9)))"
            " LEFT JOIN answers ON answers.id = commands.id AND answers.station = stations.station"
            " AND answers.final = 1"
            " LEFT JOIN sent ON sent.id = commands.id AND sent.station = stations.station"
            " WHERE commands.expires > ? AND answers.id IS NULL AND coalesce(sent.at, 0) <= ?"
            " ORDER BY CASE WHEN commands.name = 'stop_lot' THEN 0 ELSE 1 END, commands.issued, stations.station"
            " LIMIT ?",
            [now, now - AGAIN_SECONDS, AT_ONCE],
        ).fetchall()
        for id_, _, _, station, _ in sorted(rows, key=lambda row: (row[3], row[0])):
            put_new(self._db, "sent", {"id": id_, "station": station}, {"at": 0.0, "times": 0})
            sql = "UPDATE sent SET at = ?, times = times + 1 WHERE id = ? AND station = ?"
            self._db.execute(sql, [now, id_, station])
        return [Due(id_, station, f"{base}/cmd/{name}", payload) for id_, name, payload, station, base in rows]

    def again(self, station: str = "") -> None:
        """This station, or every one, is there anew: what it has not answered goes at once."""
        if station:
            self._db.execute("UPDATE sent SET at = 0 WHERE station = ?", [station])
        else:
            self._db.execute("UPDATE sent SET at = 0")

    def answered(self, station: str, answer: CommandAnswer, when: str) -> bool:
        """What a station says of a command; False when it was never ordered."""
        if self._db.execute("SELECT 1 FROM commands WHERE id = ?", [answer.id]).fetchone() is None:
            return False
        key = {"id": answer.id, "station": station}
        said: dict[str, Any] = {"state": answer.state, "code": answer.code, "message_zh": answer.message_zh}
        said |= {"message_en": answer.message_en, "seq": answer.seq, "time": when}
        before = self._db.execute("SELECT final FROM answers WHERE id = ? AND station = ?", [*key.values()]).fetchone()
        if before is None or not before[0]:
            put(self._db, "answers", key, {**said, "final": int(answer.code not in NOT_FINAL)})
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


def ordered(db: Executes, limit: int = 50, id_: str = "") -> list[Ordered]:
    """The newest commands, or one, with what the stations said. One that waits for the signer is as of when it was
    asked for."""
    now = datetime.now(UTC).timestamp()
    found = []
    sql = "SELECT id, name, target, issued, expires, fields, asked, seconds FROM commands"
    rows = (
        db.execute(f"{sql} WHERE id = ?", [id_]) if id_ else db.execute(f"{sql} ORDER BY asked DESC LIMIT ?", [limit])
    )
    for one, name, target, issued, expires, fields, asked, seconds in rows.fetchall():
        columns = ("id", "station", "state", "code", "message_zh", "message_en", "seq", "time", "final")
        sql = f"SELECT {', '.join(columns)} FROM answers WHERE id = ? ORDER BY station"
        answers = tuple(dict(zip(columns, row, strict=True)) for row in db.execute(sql, [one]).fetchall())
        sql = (
            "SELECT station FROM stations WHERE base <> '' AND (station = ? OR substr(station, 1, 9) = ?)"
            " ORDER BY station"
        )
        known = [row[0] for row in db.execute(sql, [target, target.removesuffix("-all")]).fetchall()]
        known = known or ([target] if not target.endswith("-all") else [])
        final = {row["station"] for row in answers if row["final"]}
        ends = expires if issued else datetime.fromisoformat(asked).timestamp() + seconds
        found.append(
            Ordered(
                one,
                name,
                target,
                issued or asked,
                datetime.fromtimestamp(ends, UTC).isoformat(timespec="seconds"),
                ends <= now,
                json.dumps(json.loads(fields), ensure_ascii=False),
                answers,
                tuple(station for station in known if station not in final),
            )
        )
    return found
