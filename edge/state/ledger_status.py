"""How a ledger stands, in one table: for ``marketedge ledger status`` and for a bundle. Reads only."""

import sqlite3
from datetime import date
from typing import Any

from edge.records.delivery import Delivery
from edge.records.ledger import last_of
from edge.records.print_jobs import PrintJobs
from edge.records.retention import kept
from edge.state.lots import by_state


def ledger_status(conn: sqlite3.Connection, months: int, today: date) -> dict[str, Any]:
    """Records written, delivered, waiting and set aside, what is kept, papers and lots by their states."""
    delivery, last = Delivery(conn), last_of(conn)
    return {
        "records": last,
        "delivered_upto": delivery.upto(),
        "pending": delivery.pending(last),
        "sent_again": len(delivery.again()),
        "set_aside": [
            {"first": first, "last": last, "reason": reason} for first, last, reason in delivery.aside().stretches()
        ],
        "kept": kept(conn, months, today),
        "papers": PrintJobs(conn).states(),
        "lots": by_state(conn),
    }
