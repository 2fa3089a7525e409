"""The record by which a ledger goes on behind records it does not hold: a copy was put back, or the box has a new card.

Two chains meet in it.  Its ``prevhash`` is the city's (``city_hash``), so the city's chain goes on; ``own_sequence``
and ``own_hash`` are the end of what this ledger holds, so nothing can be taken out of that unseen.  Its own number is
greater than both ends: no number is used twice.  Numbers in between were another ledger's, or nobody's.
``agreement.why_not_behind`` is the rule.
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from protocol.city.events import Name, Number, Record, Short, event, nothing

Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
HashOrNone = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")]
Serials = dict[Annotated[str, StringConstraints(pattern=r"^[0-9]$")], Annotated[int, Field(ge=0, le=9_999_999)]]


@event("ledger.restored", "账本接续", "Ledger goes on", told=("city_sequence", "own_sequence"))
class LedgerRestored(Record):
    """The ledger goes on behind the city's newest record of this station.

    ``city_sequence`` and ``city_hash`` are that record's; the number is 0 when the city has none, the hash empty when
    it does not say (then ``prevhash`` is ``own_hash``).  ``own_sequence`` and ``own_hash`` are those of the newest
    record in this ledger; of an empty one 0 and 64 zeros.  ``serials`` are the last of each kind of code that count as
    given, by the code's tenth digit.  ``why`` is said by the ``person`` who ordered it.
    """

    city_sequence: Number
    city_hash: HashOrNone = Field("", exclude_if=nothing)
    own_sequence: Number
    own_hash: Hash
    serials: Serials
    why: Name
    person: Short


@event("ledger.checkpoint", "账本截断点", "Ledger's new beginning", told=("upto", "months"))
class LedgerCheckpoint(Record):
    """Records up to ``upto`` leave this station: the city has had them for ``months`` months, as the law wants.

    ``hash`` is that of record ``upto``: the record behind it continues it, so the ledger still proves itself from there
    on.  ``serials`` are the last of each kind of code that were given by then, by the code's tenth digit.  What is gone
    cannot be sent again; its photos are gone with it.
    """

    upto: Number
    hash: Hash
    serials: Serials
    months: Annotated[int, Field(ge=6, le=1200)]


@event("disk.short", "存储空间不足", "Disk gets full", told=("state", "free_mb"))
class DiskShort(Record):
    """The disk of the ledger gets full: ``short`` at a tenth of it (at most 2 GiB), ``full`` at a fiftieth (at most
    256 MiB), ``enough`` when there is room again. Megabytes are millions of bytes."""

    state: Literal["enough", "short", "full"]
    free_mb: Annotated[int, Field(ge=0)]
    total_mb: Annotated[int, Field(ge=0)]
