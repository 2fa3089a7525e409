"""When the certificates end that this station needs, and of which the city was told.

Part of the core: only the core thread calls this.  All SQL on ``certificates_told`` stands here.
"""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

from edge.between.board import CertificateView, Expiry
from edge.config.city_tls import CityTls
from edge.config.sections import CitySection
from protocol.frozen import frozen

LOOK_SECONDS = 60.0
SOON = timedelta(days=30)


@frozen
class Ending:
    """What the city is to be told: a certificate ends within 30 days, or has ended."""

    of: str
    ends: datetime
    expired: bool

    @property
    def key(self) -> str:
        return f"{self.of} {self.ends.isoformat()} {'expired' if self.expired else 'expires'}"


class Expiries:
    """Owned by the core thread. ``pages`` answers the certificate of the pages, None while they are served without."""

    def __init__(
        self, conn: sqlite3.Connection, part: CitySection, pages: Callable[[], CertificateView | None]
    ) -> None:
        self._conn = conn
        self._tls = CityTls.of(part)
        self._pages = pages
        self._mark: object = None
        self._look_at = float("-inf")
        self.of_city: tuple[Expiry, ...] = ()
        self._told = {key for (key,) in conn.execute("SELECT key FROM certificates_told")}

    def look(self, now: float) -> bool:
        """Read anew what has changed on the disk; whether it has."""
        if now < self._look_at:
            return False
        self._look_at = now + LOOK_SECONDS
        if (mark := self._tls.mark()) == self._mark:
            return False
        self._mark = mark
        self.of_city = tuple(Expiry(of, ends.timestamp()) for of, ends, _ in self._tls.ends())
        return True

    def _all(self) -> tuple[Expiry, ...]:
        pages = self._pages()
        of_pages = (Expiry("pages", datetime.fromisoformat(pages.ends).timestamp()),) if pages else ()
        return (*of_pages, *self.of_city)

    def to_warn(self, today: date | None) -> Iterator[Ending]:
        """What the city does not know yet; nothing while no date is believed."""
        if today is None:
            return
        for one in self._all():
            ends = datetime.fromtimestamp(one.ends, UTC)
            if ends.date() <= today + SOON:
                warning = Ending(one.of, ends, ends.date() < today)
                if warning.key not in self._told:
                    yield warning

    def warned(self, warning: Ending, undo: list[Callable[[], None]]) -> None:
        """It stands in a record of the transaction at hand."""
        self._conn.execute("INSERT OR IGNORE INTO certificates_told VALUES (?)", (warning.key,))
        self._told.add(warning.key)
        undo.append(lambda: self._told.discard(warning.key))
