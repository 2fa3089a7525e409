"""What a record says of its lot because its paper has to: whose goods they are, what was measured before, what came
with them.  A paper is made of its own record alone, so that a copy says the same.
"""

from edge.between.people import UNNAMED
from edge.state.lots import Lot
from edge.state.station import Station
from protocol.city.events import Measured, ProofNo, Sampled

TIME_LETTERS = 40


def sampled(lot: Lot) -> Sampled:
    """Whose goods a result is of, as the lot's entry says."""
    entry, by = lot.entry["data"], lot.entry.get("operator", "")
    return Sampled(
        supplier=entry["supplier"],
        origin=entry["origin"],
        net_g=entry["net_g"],
        plate=entry.get("plate", ""),
        at=lot.entry["time"][:TIME_LETTERS],
        by="" if by == UNNAMED else by,
        sample=lot.sample,
    )


def earlier(station: Station, lot: Lot, name: str) -> tuple[Measured, ...]:
    """The measurements of an item so far, as their records say."""
    item = lot.item(name)
    events = [station.ledger.event(seq) for seq in (item.seqs if item else ()) if seq]
    return tuple(
        Measured(
            value=event["data"]["value"],
            unit=event["data"]["unit"],
            outcome=event["data"]["outcome"],
            at=(event["data"]["analyzer"]["measured_at"] or event["time"])[:TIME_LETTERS],
        )
        for event in events
    )


def proofs(lot: Lot) -> tuple[ProofNo, ...]:
    """The vouchers that a lot came with."""
    return tuple(ProofNo(type=one["type"], no=one["no"]) for one in lot.entry["data"].get("proofs", ()))
