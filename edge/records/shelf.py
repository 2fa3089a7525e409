"""What the pages read of the ledger: records found, one record with its proof, the books. Callable from any thread.

Each call has a read-only connection of its own, so nothing here disturbs the core thread.
"""

import sqlite3
from datetime import date
from pathlib import Path
from typing import Any, Literal

from edge.records import books, recall, search
from edge.records.corrections import Corrections
from edge.records.delivery import Delivery
from edge.records.ledger import LedgerBroken, before, body_of, reading
from edge.records.own_keys import Chains, own_keys
from edge.records.search import Found, Step, Wanted
from protocol.city import envelope
from protocol.city.agreement import why_not_behind
from protocol.ed25519 import PublicKey
from protocol.frozen import frozen


@frozen
class Proof:
    """What speaks for a record, looked at here and now; ``signature`` and ``chain`` are empty when they hold, else why
    they do not."""

    hash: str
    prevhash: str
    kid: str
    signature: str
    chain: str
    delivered: Literal["yes", "waiting", "set_aside"]
    reason: str


@frozen
class Seen:
    """A record with all that belongs to it. ``about`` is the record it corrects, ``by`` the one that corrects it."""

    found: Found
    event: dict[str, Any]
    proof: Proof
    about: Found | None
    by: Found | None


class Shelf:
    """The ledger in this folder, whose records this key signs."""

    def __init__(self, folder: Path, key: PublicKey, earlier: tuple[PublicKey, ...] = ()) -> None:
        self.folder = folder
        self._key = key
        self._earlier = earlier

    def step(self, wanted: Wanted, before: int | None = None, page: int = search.PAGE) -> Step:
        """As ``search.step``. Raises what ``reading`` raises."""
        with reading(self.folder) as db:
            return search.step(db.conn, wanted, before, page)

    def buyers(self, source: str, since: int) -> list[recall.Bought]:
        """As ``recall.buyers``. Raises what ``reading`` raises."""
        with reading(self.folder) as db:
            return recall.buyers(db.conn, source, since)

    def record(self, seq: int) -> Seen:
        """Raises LookupError, BadEvent for a damaged record, and what ``reading`` raises."""
        with reading(self.folder) as db:
            conn = db.conn
            body = body_of(conn, seq)
            event = envelope.read(body)
            corrections, delivery = Corrections(conn), Delivery(conn)
            broken = why_not_behind(event, *before(conn, seq)) or int(event["sequence"]) != seq
            reason, settled = delivery.aside().get(seq), delivery.is_settled(seq)
            proof = Proof(
                hash=envelope.hash_of(body),
                prevhash=event["prevhash"],
                kid=event["kid"],
                signature=self._signature(conn, body),
                chain="broken" if broken else "",
                delivered="set_aside" if reason else "yes" if settled else "waiting",
                reason=reason or "",
            )

            def found(other: int | None) -> Found | None:
                try:
                    return search.found_of(conn, other, envelope.read(body_of(conn, other))) if other else None
                except search.UNREADABLE:
                    return None  # a damaged one does not hide this one

            return Seen(
                search.found_of(conn, seq, event),
                event,
                proof,
                found(corrections.corrected_by(seq)),
                found(corrections.of(seq)),
            )

    def book(
        self,
        path: Path,
        name: books.BookName,
        form: books.Form,
        first: date | None,
        last: date | None,
        progress: books.Progress,
    ) -> None:
        """Write a book of these days into a file. Raises Cancelled, OSError, and what ``reading`` raises."""
        book = books.BOOKS[name]
        with reading(self.folder) as db:
            books.write(path, form, book, books.rows(db.conn, book, first, last, progress))

    def _signature(self, conn: sqlite3.Connection, body: bytes) -> str:
        try:
            Chains(own_keys(conn, self._key, self._earlier)).link(body)
        except (envelope.BadEvent, LedgerBroken) as error:
            return str(error)
        return ""
