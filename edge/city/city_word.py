"""The city's answers: which of them are believed, and what is said of the others."""

import logging
from collections import Counter

from edge.between import words
from edge.between.sparing import Sparing
from edge.config.sections import CitySection
from edge.records.clock import Clock
from protocol.city.signed import BadSigned, CityKeys, Signed, Verifier
from protocol.city.topics import Ack, BadAck, ack_of, read_ack
from protocol.frozen import frozen

KIND = "ack"
log = logging.getLogger("publisher")


@frozen
class Said:
    """An answer of the city; ``signed`` is None where answers without signature are taken."""

    ack: Ack
    signed: Signed | None


class CityWord:
    """Reads answers. Those that prove nothing are counted in ``odd``, and told at most once a minute."""

    def __init__(self, part: CitySection, station: str, keys: CityKeys, clock: Clock) -> None:
        self._verifier = Verifier(keys, station)
        self._clock = clock
        self._unsigned_will_do = part.confirm == "city-unsigned"
        self._told = Sparing()
        self.odd: Counter[str] = Counter()
        self.unproven = 0  # in a row, since the last answer that was believed

    def read(self, payload: bytes, retained: bool) -> Said | None:
        """The answer; None when it moves nothing."""
        if retained:
            self.doubted("retained", "it was said before this connection")
            return None
        try:
            if self._unsigned_will_do:
                return Said(read_ack(payload), None)
            now = self._clock.now()
            signed = self._verifier.read(payload, KIND, now=now.seconds if now.trusted else None)
            return Said(ack_of(signed.fields), signed)
        except BadSigned as bad:
            self.unproven += 1
            self.doubted(bad.word, str(bad))
        except BadAck as bad:
            self.doubted("unreadable", str(bad))
        return None

    def trust(self, keys: CityKeys) -> None:
        """From now on these are the city's keys."""
        self._verifier.keys = keys

    def believed(self, said: Said) -> None:
        """It moved something: older ones count no more."""
        self.unproven = 0
        if said.signed is not None:
            self._verifier.taken(said.signed, KIND)

    def doubted(self, word: str, why: str) -> None:
        """Count what is not believed; ``word`` is one of ``odd`` in the catalogue of texts."""
        self.odd[word] += 1
        self.tell(word, f"{words.text('odd', word).en.lower()}, {self.odd[word]} so far: {why}")

    def tell(self, word: str, text: str, level: int = logging.WARNING) -> None:
        """Log, the same word at most once a minute."""
        if self._told.due(word, self._clock.steady()):
            log.log(level, "%s", text)
