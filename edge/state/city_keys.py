"""Whose signatures count: the city's keys beside those of the keys file, and the keys of the node's stations.

Part of the core: only the core thread calls this, inside a batch.
"""

import sqlite3
from typing import TYPE_CHECKING

from edge.between.inbox import Refused
from edge.state.directory import too_many
from protocol.city.node_keys import NodeKeys
from protocol.city.signed import CityKeys, public_key

if TYPE_CHECKING:
    from protocol.city.commands import Keys

MOST = 2000


class TrustedKeys:
    """``given`` are those of the keys file, ``node`` those of the node's keys file and this station's own. Owned by
    the core thread. ``stations`` are the keys of the node that are trusted now."""

    def __init__(self, conn: sqlite3.Connection, given: CityKeys, node: NodeKeys) -> None:
        self._conn = conn
        self._given = given
        self._node = node
        self.stations = self._of_node()

    def read(self) -> CityKeys:
        """The city's keys, as ``city``; the node's are read anew, too: after a change, or when one was taken back."""
        self.stations = self._of_node()
        return self.city()

    def city(self) -> CityKeys:
        """The city's keys that are trusted now: of the file and added since, none that was revoked."""
        rows = self._conn.execute("SELECT key, revoked FROM city_keys ORDER BY key").fetchall()
        revoked = {key for key, gone in rows if gone}
        known = {*self._given.hex(), *(key for key, gone in rows if not gone)} - revoked
        return CityKeys.parse("\n".join(sorted(known)))

    def node(self, station: str) -> list[str]:
        """The public keys of a station of the node that are trusted, as hex digits."""
        rows = self._conn.execute(
            "SELECT key FROM node_keys WHERE station = ? AND revoked = 0 ORDER BY issued DESC, key", (station,)
        )
        return [key for (key,) in rows]

    def _of_node(self) -> NodeKeys:
        rows = self._conn.execute("SELECT station, key, revoked FROM node_keys ORDER BY issued, station, key")
        keys = self._node
        for station, key, revoked in rows.fetchall():
            keys = keys.minus(station, public_key(key)) if revoked else keys.plus(station, public_key(key))
        return keys

    def take(self, said: "Keys", issued: float) -> int:
        """Trust and revoke; answers how many keys changed. Raises Refused when no key of the city would be left."""
        changed = 0
        for revoked, keys in ((0, said.add), (1, said.revoke)):
            for key in keys:
                changed += self._conn.execute(
                    "INSERT INTO city_keys VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET revoked = excluded.revoked,"
                    " issued = excluded.issued WHERE excluded.issued > issued",
                    (key, revoked, issued),
                ).rowcount
        for one in said.stations:
            changed += self._conn.execute(
                "INSERT INTO node_keys VALUES (?, ?, ?, ?) ON CONFLICT (station, key) DO UPDATE SET"
                " revoked = excluded.revoked, issued = excluded.issued WHERE excluded.issued > issued",
                (one.station, public_key(one.public_key).public_bytes_raw().hex(), int(one.revoked), issued),
            ).rowcount
        if not self.city():
            raise Refused("last_key", "这是平台最后一把密钥，不能吊销", "the last key of the city cannot be revoked")
        for table in ("city_keys", "node_keys"):
            (count,) = self._conn.execute(f"SELECT count(*) FROM {table}").fetchone()
            if count > MOST:
                raise too_many(MOST)
        return changed
