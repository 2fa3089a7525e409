"""What pages see of the test room: what needs a person, racks, controls, reagents, the plan of the day."""

from dataclasses import field
from enum import StrEnum
from typing import Literal

from protocol.frozen import frozen


class AlertWord(StrEnum):
    """Why a person has to look at a lot, the most pressing first."""

    POSITIVE = "positive"
    STOPPED = "stopped"
    DISPUTED = "disputed"
    REPEAT = "repeat"
    INVALID = "invalid"


class WaitsFor(StrEnum):
    """What a lot waits for that passed its tests."""

    CONTROL = "control"
    CONTROL_FAILED = "control_failed"
    REAGENT = "reagent"
    REVIEW = "review"


URGENT = frozenset({AlertWord.POSITIVE, AlertWord.STOPPED, AlertWord.REPEAT})  # said in red, and with a tone
Sampling = Literal["", "drawn", "passed", "released"]
PlaceState = Literal["empty", "waits", "came"]


@frozen
class AlertView:
    """A lot at which a person has to look: ``words`` say why, ``upto`` is the newest record about it.

    ``person`` has seen it, at ``time``; both are empty while nobody has.
    """

    test_code: str
    sample: str
    product: str
    product_name: str
    supplier: str
    words: tuple[AlertWord, ...]
    upto: int
    person: str = ""
    time: str = ""

    @property
    def urgent(self) -> bool:
        """Whether it is said in red."""
        return not self.person and bool(URGENT & set(self.words))


@frozen
class PlaceView:
    """A place of a rack. ``kind`` is ``lot``, ``public`` (food that somebody brought) or that of a control; empty where
    nothing lies."""

    place: str
    state: PlaceState
    kind: str = ""
    test_code: str = ""
    sample: str = ""
    name: str = ""
    verdict: str = ""
    value: str = ""


@frozen
class RackView:
    """An analyzer's current rack; ``number`` is 0 before its first. ``match`` is that of the analyzer.

    ``by_day`` counts the racks of the day.
    """

    analyzer: str
    match: str
    number: int
    by_day: int
    tester: str
    places: tuple[PlaceView, ...]

    @property
    def filled(self) -> int:
        return sum(place.state != "empty" for place in self.places)

    @property
    def came(self) -> int:
        return sum(place.state == "came" for place in self.places)

    @property
    def done(self) -> bool:
        """Whether something lies in it, and every result is there."""
        return 0 < self.filled == self.came


@frozen
class ControlView:
    """The state of an analyzer's control of an item today: ``valid``, ``failed`` or ``missing``. ``record`` is the
    number of its newest record, 0 for none."""

    analyzer: str
    item: str
    state: Literal["valid", "failed", "missing"]
    kind: str = ""
    value: str = ""
    time: str = ""
    record: int = 0


@frozen
class ReagentView:
    """A reagent lot that stands open. ``used`` is the one that the next test is done with."""

    seq: int
    reagent: str
    item: str
    expires: str
    used: bool
    state: Literal["", "soon", "expired"] = ""


@frozen
class CoverageView:
    """How much of a group that came in today is tested. ``wanted`` are the lots that its share asks for.

    ``waiting`` lots could still be drawn; ``suppliers`` and ``suppliers_tested`` count who brought them.
    """

    group: str
    product: str
    items: tuple[str, ...]
    share: int
    lots: int
    wanted: int
    drawn: int
    tested: int
    waiting: int
    suppliers: int
    suppliers_tested: int

    @property
    def missing(self) -> int:
        """How many lots have to be tested yet."""
        return max(0, self.wanted - self.tested)


@frozen
class BenchView:
    """The test room. ``day`` is its date, ``control`` as configured; ``items`` are those that are tested here.

    ``today`` counts the lots that came in today: ``all``, by state, and ``tested`` ones.
    """

    day: str = ""
    control: str = "off"
    racks: tuple[RackView, ...] = ()
    controls: tuple[ControlView, ...] = ()
    reagents: tuple[ReagentView, ...] = ()
    coverage: tuple[CoverageView, ...] = ()
    items: tuple[str, ...] = ()
    today: dict[str, int] = field(default_factory=dict)
