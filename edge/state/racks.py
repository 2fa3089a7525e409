"""Racks: which sample or control lies in which place of an instrument, and what came of it.

Part of the core: only the core thread calls this, inside a batch.  A rack is begun with its controls, filled from the
lots that wait, and ended when the next one begins; nothing of it is forgotten.  For an instrument that tells sample
numbers a rack is the list in which they are typed.
"""

import sqlite3
from collections.abc import Mapping

from edge.between.bench_board import PlaceView, RackView
from edge.config.sections import AnalyzerSection
from protocol.frozen import frozen

LOT, PUBLIC = "lot", "public"  # kinds of what lies in a place, beside those of controls
NOTHING = ("", "", "")
COLUMNS = "place, kind, test_code, sample, name, since, seq, verdict, value"


@frozen
class Place:
    """What lies in a place since when; ``seq`` is the record of its result, 0 while it is waited for."""

    place: str
    kind: str
    test_code: str
    sample: str
    name: str
    since: str
    seq: int
    verdict: str
    value: str


@frozen
class Rack:
    """A rack and what lies in it, by place."""

    number: int
    analyzer: str
    begun: str
    tester: str
    places: Mapping[str, Place]

    @property
    def waiting(self) -> list[Place]:
        """What has no result yet."""
        return [place for place in self.places.values() if not place.seq]


class Racks:
    """Owned by the core thread."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self.changed = True

    # --- finding ----------------------------------------------------------------------------------------------------

    def current(self, analyzer: str) -> Rack | None:
        """The rack that this analyzer works on."""
        row = self._conn.execute(
            "SELECT number, begun, tester FROM racks WHERE analyzer = ? AND ended = '' ORDER BY number DESC LIMIT 1",
            (analyzer,),
        ).fetchone()
        if row is None:
            return None
        number, begun, tester = row
        places = self._conn.execute(f"SELECT {COLUMNS} FROM rack_places WHERE rack = ?", (number,)).fetchall()
        return Rack(number, analyzer, begun, tester, {one[0]: Place(*one) for one in places})

    def lying(self) -> dict[str, int]:
        """How often each lot lies in a current rack without its result."""
        rows = self._conn.execute(
            "SELECT test_code, count(*) FROM rack_places JOIN racks ON number = rack"
            " WHERE ended = '' AND seq = 0 AND test_code <> '' GROUP BY test_code"
        )
        return dict(rows.fetchall())

    # --- changing ---------------------------------------------------------------------------------------------------

    def begin(self, part: AnalyzerSection, time: str, tester: str) -> Rack:
        """The next rack, with the controls of its analyzer; the one before has ended."""
        self._conn.execute("UPDATE racks SET ended = ? WHERE analyzer = ? AND ended = ''", (time, part.name))
        number = self._conn.execute(
            "INSERT INTO racks (analyzer, begun, ended, tester) VALUES (?, ?, '', ?)", (part.name, time, tester)
        ).lastrowid
        assert number is not None
        rack = Rack(number, part.name, time, tester, {})
        for place, kind in part.controls.items():
            self.put(rack, place, kind, NOTHING, time)
        return self.current(part.name) or rack

    def put(self, rack: Rack, place: str, kind: str, said: tuple[str, str, str], time: str) -> None:
        """What lies in this place from now on: ``said`` are the code, the sample number and the name of what is no
        control."""
        self._conn.execute(
            f"INSERT OR REPLACE INTO rack_places (rack, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, 0, '', '')",
            (rack.number, place, kind, *said, time),
        )
        self.changed = True

    def take_out(self, rack: Rack, place: str) -> None:
        """Nothing lies there any more."""
        self._conn.execute("DELETE FROM rack_places WHERE rack = ? AND place = ?", (rack.number, place))
        self.changed = True

    def tested_by(self, rack: Rack, tester: str) -> None:
        """Who stands at the bench now."""
        self._conn.execute("UPDATE racks SET tester = ? WHERE number = ?", (tester, rack.number))
        self.changed = True

    def came(self, rack: Rack, place: Place, seq: int, verdict: str, value: str) -> None:
        """The result of what lies there was recorded."""
        self._conn.execute(
            "UPDATE rack_places SET seq = ?, verdict = ?, value = ? WHERE rack = ? AND place = ?",
            (seq, verdict, value, rack.number, place.place),
        )
        self.changed = True

    def recorded_anew(self, before: int, seq: int, verdict: str) -> None:
        """The record of a result was replaced by another one."""
        changed = self._conn.execute(
            "UPDATE rack_places SET seq = ?, verdict = ? WHERE seq = ? AND seq > 0", (seq, verdict, before)
        )
        self.changed = self.changed or changed.rowcount > 0

    # --- what pages see ---------------------------------------------------------------------------------------------

    def view(self, part: AnalyzerSection, day: str) -> RackView:
        """The analyzer's current rack, place by place; ``day`` is today's date."""
        rack = self.current(part.name)
        (by_day,) = self._conn.execute(
            "SELECT count(*) FROM racks WHERE analyzer = ? AND substr(begun, 1, 10) = ?", (part.name, day)
        ).fetchone()
        found = rack.places if rack else {}
        names = [*part.places, *(name for name in found if name not in part.places)]
        return RackView(
            analyzer=part.name,
            match=part.match,
            number=rack.number if rack else 0,
            by_day=by_day,
            tester=rack.tester if rack else "",
            places=tuple(_view(name, found.get(name)) for name in names),
        )


def _view(name: str, place: Place | None) -> PlaceView:
    if place is None:
        return PlaceView(name, "empty")
    return PlaceView(
        name,
        "came" if place.seq else "waits",
        place.kind,
        place.test_code,
        place.sample,
        place.name,
        place.verdict,
        place.value,
    )
