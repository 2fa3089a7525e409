"""Loads that were weighed for goods that are about to be registered: on the disk, scale by scale, until they are."""

from collections.abc import Callable

from edge.between.board import LoadView
from edge.records.ledger import Ledger
from protocol.city.events import Load


class Loads:
    """Owned by the core thread; ``undo`` takes what has to be said again when a batch fails."""

    def __init__(self, ledger: Ledger, undo: list[Callable[[], None]]) -> None:
        self._conn = ledger.conn
        self._undo = undo
        self.changed = True

    def add(self, load: Load) -> None:
        self._conn.execute(
            "INSERT INTO gate_loads (scale, net_g, load) VALUES (?, ?, ?)",
            (load.scale, load.net_g, load.model_dump_json()),
        )
        self._say()

    def of(self, scale: str) -> tuple[Load, ...]:
        """In the order they were weighed."""
        rows = self._conn.execute("SELECT load FROM gate_loads WHERE scale = ? ORDER BY number", (scale,))
        return tuple(Load.model_validate_json(load) for (load,) in rows.fetchall())

    def drop(self, scale: str, number: int | None = None) -> int:
        """Take one away, or all of the scale; answers how many those were."""
        gone = self._conn.execute(
            "DELETE FROM gate_loads WHERE scale = ?1 AND (?2 IS NULL OR number = ?2)", (scale, number)
        ).rowcount
        self._say()
        return gone

    def views(self) -> tuple[LoadView, ...]:
        self.changed = False
        rows = self._conn.execute(
            "SELECT number, scale, net_g, json_extract(load, '$.tare_g'), json_extract(load, '$.containers')"
            " FROM gate_loads ORDER BY number"
        )
        return tuple(LoadView(*row) for row in rows.fetchall())

    def _say(self) -> None:
        self.changed = True
        self._undo.append(self._again)

    def _again(self) -> None:
        self.changed = True
