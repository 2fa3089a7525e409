"""Who took over how much of which lot, as far as this station knows; and what may be opened here without its card.

Part of the core: only the core thread calls this, inside a batch.  All SQL on ``lot_claims``, ``lot_portions`` and
``lot_offers`` stands here.

A *portion* is what one card stands for: key, source code and number name it.  A *claim* is what one station took over
of it.  A portion is contested when its claims are more than it is: then a station that has a claim on it sells none of
it, unless a supervisor there has settled that claim.
"""

import json
import sqlite3
from typing import Any, Literal, NamedTuple

from protocol.frozen import frozen

By = Literal["card", "city", "sibling"]


class Portion(NamedTuple):
    """What one card stands for. ``kid`` is the key id in hex, number 0 the whole lot."""

    source: str
    kid: str
    number: int


@frozen
class Claim:
    """What ``station`` took over of a portion of ``of_g`` grams; ``seq`` is its record that says so, the newest.

    ``told``: this station has recorded that it is too much.
    """

    station: str
    net_g: int
    of_g: int
    seq: int
    settled: bool = False
    told: bool = False


@frozen
class Offer:
    """A portion that may be opened here without its card. ``facts`` is what the card would say, as a record has it."""

    portion: Portion
    station: str
    by: Literal["city", "sibling"]
    facts: dict[str, Any]


def contested(claims: list[Claim]) -> bool:
    """Whether more was taken over than there is."""
    return sum(claim.net_g for claim in claims) > max((claim.of_g for claim in claims), default=0)


class Claims:
    """Owned by the core thread. ``station`` and ``kid`` are its own."""

    def __init__(self, conn: sqlite3.Connection, station: str, kid: str) -> None:
        self._conn = conn
        self.station = station
        self.kid = kid

    # --- claims -----------------------------------------------------------------------------------------------------

    def of(self, portion: Portion) -> list[Claim]:
        """Every claim on it that is known."""
        return self._of_source(portion.source).get(portion, [])

    def own(self, portion: Portion) -> Claim | None:
        """What this station took over of it."""
        return next((claim for claim in self.of(portion) if claim.station == self.station), None)

    def take(self, portion: Portion, claim: Claim) -> int:
        """Note a claim, or what became of one; what older records say is known already. Answers the grams it is more
        than before."""
        before = next((one for one in self.of(portion) if one.station == claim.station), None)
        if before is not None and before.seq >= claim.seq:
            return 0
        self._conn.execute(
            "INSERT OR REPLACE INTO lot_claims VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*portion, claim.station, claim.net_g, claim.of_g, claim.seq, claim.settled, bool(before and before.told)),
        )
        return claim.net_g - (before.net_g if before else 0)

    def told(self, portion: Portion, told: bool) -> None:
        """Whether this station has recorded that the portion is contested."""
        self._conn.execute(
            "UPDATE lot_claims SET told = ? WHERE source = ? AND kid = ? AND portion = ? AND station = ?",
            (told, *portion, self.station),
        )

    def contested(self, source: str) -> list[tuple[Portion, list[Claim]]]:
        """The portions of a lot that are contested and of which this station has some."""
        return [
            (portion, claims)
            for portion, claims in self._of_source(source).items()
            if contested(claims) and any(claim.station == self.station for claim in claims)
        ]

    def given(self, source: str) -> int:
        """Grams of this station's own lot that others took over by the lot's own card."""
        claims = self.of(Portion(source, self.kid, 0))
        return sum(claim.net_g for claim in claims if claim.station != self.station)

    def of_own(self, source: str) -> list[tuple[Portion, Claim]]:
        """What this station has taken over of a lot."""
        return [
            (portion, claim)
            for portion, claims in self._of_source(source).items()
            for claim in claims
            if claim.station == self.station
        ]

    def _of_source(self, source: str) -> dict[Portion, list[Claim]]:
        rows = self._conn.execute(
            "SELECT kid, portion, station, net_g, of_g, seq, settled, told FROM lot_claims WHERE source = ?", (source,)
        )
        found: dict[Portion, list[Claim]] = {}
        for kid, number, station, net_g, of_g, seq, settled, told in rows:
            claim = Claim(station, net_g, of_g, seq, bool(settled), bool(told))
            found.setdefault(Portion(source, kid, number), []).append(claim)
        return found

    # --- what this station hands on ---------------------------------------------------------------------------------

    def next_portion(self, source: str) -> Portion:
        """The number of the next portion that this station signs; it is used."""
        (last,) = self._conn.execute(
            "INSERT INTO lot_portions VALUES (?, 1) ON CONFLICT (source) DO UPDATE SET last = last + 1 RETURNING last",
            (source,),
        ).fetchone()
        return Portion(source, self.kid, int(last))

    # --- offers -----------------------------------------------------------------------------------------------------

    def offer(self, offer: Offer, at: float) -> None:
        """It may be opened here without its card."""
        self._conn.execute(
            "INSERT OR REPLACE INTO lot_offers VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *offer.portion,
                offer.station,
                offer.by,
                offer.facts["goods"]["product"],
                json.dumps(offer.facts, ensure_ascii=False),
                at,
            ),
        )

    def forget_offers(self, before: float) -> int:
        """Those that were said before that are no longer made. Answers how many."""
        return self._conn.execute("DELETE FROM lot_offers WHERE at < ?", (before,)).rowcount

    def withdraw(self, portion: Portion) -> None:
        """It is no longer offered."""
        self._conn.execute("DELETE FROM lot_offers WHERE source = ? AND kid = ? AND portion = ?", portion)

    def offers(self, source: str = "") -> list[Offer]:
        """What is offered, of this lot or of all; parts that were handed to this stall before whole lots."""
        rows = self._conn.execute(
            "SELECT source, kid, portion, station, by, facts FROM lot_offers WHERE ? IN ('', source)"
            " ORDER BY portion = 0, at DESC LIMIT 200",
            (source,),
        )
        return [
            Offer(Portion(code, kid, number), station, by, json.loads(facts))
            for code, kid, number, station, by, facts in rows
        ]
