"""Photos that records name: kept chunk by chunk as they come, whole when they are what their name says.

A chunk counts when an accepted record of that station names the photo, and it goes on from what is there.
"""

import json
from dataclasses import dataclass

from sqlite_utils import Database

from protocol.city.photos import BadPhoto, hash_of, named_in, picture_of, read_chunk
from protocol.city.topics import PhotoWord
from simulator.city.engines import Executes, insert, put_new
from simulator.city.story import Event

SHOWN = 60


def make_tables(db: Database) -> None:
    """The tables, filled from what is there already."""
    names = {"sha256": str, "station": str, "sequence": int}
    db.table("photo_names").create(names, pk=("sha256", "station", "sequence"))
    db.table("photo_chunks").create({"sha256": str, "place": int, "data": bytes}, pk=("sha256", "place"))
    db.table("photos").create({"sha256": str, "kind": str, "size": int, "body": bytes}, pk="sha256")
    sql = "SELECT station, sequence, body FROM events WHERE code IN ('', 'broken_chain')"
    for station, sequence, body in db.execute(sql).fetchall():
        note(db, station, sequence, json.loads(body))


def note(db: Executes, station: str, sequence: int, event: Event) -> None:
    """A record was accepted: the photos it names may come."""
    for sha256 in named_in(event["data"]):
        put_new(db, "photo_names", {"sha256": sha256, "station": station, "sequence": sequence})


def take(db: Executes, station: str, sha256: str, payload: bytes) -> PhotoWord:
    """A chunk came; answers how much of the photo is here now."""
    if not db.execute("SELECT 1 FROM photo_names WHERE sha256 = ? AND station = ?", [sha256, station]).fetchone():
        return PhotoWord(sha256, 0, "unknown")
    whole = db.execute("SELECT size FROM photos WHERE sha256 = ?", [sha256]).fetchone()
    if whole:
        return PhotoWord(sha256, int(whole[0]))
    have = _have(db, sha256)
    try:
        offset, size, data = read_chunk(payload)
    except ValueError:
        return PhotoWord(sha256, have)
    if not offset <= have < offset + len(data):
        return PhotoWord(sha256, have)  # a repeat, or something before it is missing
    insert(db, "photo_chunks", {"sha256": sha256, "place": have, "data": data[have - offset :]})
    have = offset + len(data)
    return PhotoWord(sha256, have) if have < size else _whole(db, sha256)


def _have(db: Executes, sha256: str) -> int:
    sql = "SELECT coalesce(max(place + length(data)), 0) FROM photo_chunks WHERE sha256 = ?"
    return int(db.execute(sql, [sha256]).fetchone()[0])


def _whole(db: Executes, sha256: str) -> PhotoWord:
    rows = db.execute("SELECT data FROM photo_chunks WHERE sha256 = ? ORDER BY place", [sha256]).fetchall()
    body = b"".join(row[0] for row in rows)
    db.execute("DELETE FROM photo_chunks WHERE sha256 = ?", [sha256])
    if hash_of(body) != sha256:
        return PhotoWord(sha256, 0, "bad_hash")
    try:
        kind = picture_of(body).kind
    except BadPhoto:
        return PhotoWord(sha256, 0, "refused")
    insert(db, "photos", {"sha256": sha256, "kind": kind, "size": len(body), "body": body})
    return PhotoWord(sha256, len(body))


@dataclass(frozen=True, slots=True)
class Named:
    """A photo with the record that names it; ``size`` is None while it has not come whole."""

    sha256: str
    station: str
    sequence: int
    kind: str
    subject: str
    size: int | None


def named(db: Executes) -> list[Named]:
    """The photos of the newest records."""
    rows = db.execute(
        "SELECT n.sha256, n.station, n.sequence, events.kind, subject, photos.size FROM photo_names n"
        " JOIN events USING (station, sequence) LEFT JOIN photos ON photos.sha256 = n.sha256"
        " ORDER BY received DESC, n.sequence DESC LIMIT ?",
        [SHOWN],
    )
    return [Named(*row) for row in rows.fetchall()]


def read(db: Executes, sha256: str) -> tuple[str, bytes] | None:
    """Media type and bytes of a photo; None when it is not here."""
    row = db.execute("SELECT kind, body FROM photos WHERE sha256 = ?", [sha256]).fetchone()
    return (str(row[0]), bytes(row[1])) if row else None
