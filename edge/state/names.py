"""Every name, address and telephone number of people and businesses in the tables: what no bundle may say.

Reads only, by whatever connection; a table that is damaged or not there yet has none.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress

TABLES = {
    "operators": ("name",),
    "directory": ("name", "address", "contact", "licence"),
    "parties": ("name", "address", "contact", "who"),
    "devices": ("person",),
    "unread": ("person",),
}


def names(conn: sqlite3.Connection) -> Iterator[str]:
    """Not in any order, some of them more than once."""
    for table, columns in TABLES.items():
        with suppress(sqlite3.Error):
            for row in conn.execute(f"SELECT {', '.join(columns)} FROM {table}"):
                yield from (text for text in row if text)
