"""The way out when another ledger has our name: one record by which this ledger goes on behind everything that either
side has used (``ledger.restored``, ``protocol/city/agreement.py``).
"""

import sqlite3
from contextlib import suppress

from edge.records.checkpoints import gone_upto
from edge.records.clock import Stamp
from edge.records.ledger import ALARM, Head, Ledger, Recorded, body_of
from edge.records.mark import SPARE
from protocol.city.agreement import Joint, StationEnd
from protocol.city.codes import MAX_SERIAL
from protocol.city.envelope import hash_of
from protocol.city.ledger_events import LedgerRestored
from protocol.city.state import Reach
from protocol.city.topics import Ack


def go_on(
    ledger: Ledger, end: StationEnd, city: Ack, why: str, person: str, stamp: Stamp, boot_id: str, beyond: int = 0
) -> Recorded:
    """Inside a batch: record that the ledger goes on behind the city's newest record, on the order of a person.

    ``city`` is the city's answer to a birth (``reach``): ``upto`` and ``hash``, and, where it tells, ``holds`` and
    ``serials``.  ``beyond`` is the highest number that is known to be given otherwise.
    ``end`` is what counted as delivered; it is changed with it, and the caller writes it down.

    Serials go on well behind the last that is known, because codes may stand on papers that nobody here knows of; and
    so do numbers: the city may have records of another box beyond its chain, where no word of its names them.
    """
    own, upto = ledger.head, city.upto or 0
    acked = reach(ledger.conn, own, end.upto).acked_hash
    proven = end.upto == 0 or bool(acked and city.holds == acked)
    kinds = {*own.serials, *city.serials}
    serials = {kind: max(own.serials.get(kind, 0), city.serials.get(kind, 0)) + SPARE for kind in kinds}
    serials = {kind: min(serial, MAX_SERIAL) for kind, serial in serials.items()}
    joint = Joint(max(own.seq, upto, beyond) + SPARE + 1, own.seq, upto, city.hash)
    record = LedgerRestored(
        city_sequence=upto,
        city_hash=city.hash,
        own_sequence=own.seq,
        own_hash=own.prevhash,
        serials={str(kind): serial for kind, serial in sorted(serials.items())},
        why=why,
        person=person,
    )
    ledger.skip(joint.sequence, city.hash or own.prevhash, serials)
    name = f"{ledger.signer.node}-{ledger.signer.terminal}"
    recorded = ledger.append("ledger.restored", name, record, stamp, boot_id, lane=ALARM)
    end.restored(joint, proven)
    return recorded


def reach(conn: sqlite3.Connection, head: Head, upto: int) -> Reach:
    """How far a ledger goes, and how far the city is believed to have it, for a birth."""
    acked = min(upto, head.seq)
    return Reach(head.seq, head.prevhash, acked, _hash_at(conn, head, acked), gone_upto(conn))


def _hash_at(conn: sqlite3.Connection, head: Head, seq: int) -> str:
    """The hash of a record; empty when there is none."""
    if seq == head.seq:
        return head.prevhash if seq else ""
    with suppress(LookupError):
        return hash_of(body_of(conn, seq))
    return ""
