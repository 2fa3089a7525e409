"""TLS of the pages: the context that new connections get, and when it takes a newer certificate.

``look`` reads and writes files and belongs into a thread of its own; ``due`` and ``take`` are for the web's loop.
"""

import logging
from collections.abc import Callable
from datetime import date

from edge.between.board import CertificateView
from edge.between.fixed_words import CertificateState
from edge.records.certificates import SOON, BadCertificate, Certificate, Served, context_of, read

log = logging.getLogger("web")


class Tls:
    """``day`` answers the market's date and whether it can be believed; ``tell`` takes what people should know.

    Raises BadCertificate when there is no certificate to begin with.
    """

    def __init__(
        self,
        served: Served,
        day: Callable[[], tuple[date, bool]],
        tell: Callable[[CertificateView], object] = lambda view: None,
    ) -> None:
        self._served = served
        self._day = day
        self._tell = tell
        self.failed = 0  # handshakes that came to nothing
        self._told: CertificateView | None = None
        self._looked = day()
        why = self._renewed()
        try:
            self.context = context_of(served)
        except BadCertificate as error:
            raise BadCertificate(why or str(error)) from None
        self._is = read(served.certificate)
        self._mark = served.mark()
        self._say(why)

    def due(self) -> bool:
        """Whether ``look`` has something to do: the day or its worth has changed, or a file."""
        return self._day() != self._looked or self._served.mark() != self._mark

    def look(self) -> bool:
        """Renew where it is due, and see whether the files can be used; whether there is one to take."""
        self._looked = self._day()
        why, mark = self._renewed(), self._served.mark()
        changed = mark != self._mark
        if changed:
            try:
                context_of(self._served)  # the running one is touched by nothing that is not whole
            except BadCertificate as error:
                why, changed = str(error), False
            self._mark = mark
        if not changed:
            self._say(why)
        return changed

    def take(self) -> None:
        """New connections get the new certificate; those that stand keep theirs."""
        try:
            self._served.load(self.context)
            self._is = read(self._served.certificate)
        except BadCertificate as error:
            self._say(str(error))
            return
        log.info("certificate taken ends=%s fingerprint=%s", self._is.ends.date(), self._is.fingerprint[:16])
        self._say("")

    def authority(self) -> bytes:
        """What phones are to trust, as PEM; empty when it is the city's."""
        return self._served.shown()

    def _renewed(self) -> str:
        """Why it could not be renewed; empty when it was, or need not be."""
        try:
            self._served.renew_when_due(*self._looked)
        except (BadCertificate, OSError) as error:
            return str(error)
        return ""

    def _say(self, why: str) -> None:
        view = view_of(self._is, *self._looked, why)
        if view == self._told:
            return
        if view.state and (self._told is None or view.state != self._told.state):
            log.warning("certificate %s ends=%s %s", view.state, view.ends, why)
        self._told = view
        self._tell(view)


def view_of(one: Certificate, today: date, trusted: bool, why: str) -> CertificateView:
    """What is said of a certificate, on a day."""
    state: CertificateState = ""
    if trusted and one.days_left(today) < 0:
        state = "expired"
    elif why:
        state = "failed"
    elif trusted and one.days_left(today) < SOON:
        state = "soon"
    return CertificateView(one.names, one.issuer, one.ends.isoformat(), state, why)
