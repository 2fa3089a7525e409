"""The newest lot of each supplier and product: what a person need not type again."""

import sqlite3


class LastEntries:
    """Owned by the core thread."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn

    def note(self, supplier: str, supplier_code: str, product: str, lot: str) -> None:
        """Goods came in. A supplier with a code is known by his name as well."""
        names = {supplier, supplier_code} - {""}
        rows = [(who, what, lot) for who in names for what in ("", product)] + [("", product, lot)]
        self._conn.executemany("INSERT OR REPLACE INTO last_entries VALUES (?, ?, ?)", rows)

    def find(self, supplier: str, supplier_code: str, product: str) -> tuple[str, bool] | None:
        """The lot that says most, and whether it is of this supplier; None when there is none."""
        for who, what in (
            *((who, what) for what in (product, "") for who in (supplier_code, supplier) if who),
            *((("", product),) if product else ()),
        ):
            row = self._conn.execute(
                "SELECT lot FROM last_entries WHERE who = ? AND product = ?", (who, what)
            ).fetchone()
            if row:
                return str(row[0]), bool(who)
        return None
