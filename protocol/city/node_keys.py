"""The keys of a node's stations: who may sign source cards, and be heard about lots.

# the gate                                     a comment
03a107bf…31b8  410108001-01                    public key as 64 hex digits, and its station
"""

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Self

from protocol.city.signed import BadKeys, public_key
from protocol.city.source import SourceToken, parse_card, signed_by
from protocol.city.token import BadToken, kid_of
from protocol.ed25519 import PublicKey
from protocol.frozen import frozen

STATION = re.compile(r"[0-9]{9}-[0-9]{2}")


class UnknownSigner(BadToken):
    """No station of this node signs with this key."""


@frozen
class NodeKeys:
    """Public keys by their ids, each with its station. A station may have several, two keys may share an id."""

    by_kid: Mapping[str, tuple[tuple[str, PublicKey], ...]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a keys file; raises BadKeys naming the line."""
        keys = cls()
        for number, written in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
            words = written.partition("#")[0].split()
            if not words:
                continue
            try:
                if len(words) != 2 or not STATION.fullmatch(words[1]):
                    raise BadKeys("write a public key (64 hex digits) and its station, as 410108001-01")
                keys = keys.plus(words[1], public_key(words[0].lower()))
            except BadKeys as error:
                raise BadKeys(f"line {number}: {error}") from None
        return keys

    def plus(self, station: str, key: PublicKey) -> Self:
        """These and one more."""
        kid = kid_of(key).hex()
        known = self.by_kid.get(kid, ())
        raw = key.public_bytes_raw()
        if any(name == station and one.public_bytes_raw() == raw for name, one in known):
            return self
        return type(self)({**self.by_kid, kid: (*known, (station, key))})

    def more(self, others: "NodeKeys") -> Self:
        """These and all of those."""
        keys = self
        for known in others.by_kid.values():
            for station, key in known:
                keys = keys.plus(station, key)
        return keys

    def first(self, kid: str) -> str:
        """The id of the oldest known key of the station that has this one: what its lots are named by, whatever key
        signs their cards today."""
        stations = {name for name, _ in self.by_kid.get(kid, ())}
        return next((one for one, known in self.by_kid.items() if any(name in stations for name, _ in known)), kid)

    def minus(self, station: str, key: PublicKey) -> Self:
        """These without that one."""
        kid, raw = kid_of(key).hex(), key.public_bytes_raw()
        left = tuple(
            (name, one) for name, one in self.by_kid.get(kid, ()) if name != station or one.public_bytes_raw() != raw
        )
        others = {name: known for name, known in self.by_kid.items() if name != kid}
        return type(self)({**others, kid: left} if left else others)

    def station(self, name: str) -> str:
        """The id of this station's newest key; empty when none is known."""
        return next(
            (kid for kid, known in reversed(list(self.by_kid.items())) if any(one == name for one, _ in known)), ""
        )

    def text(self) -> str:
        """As a keys file."""
        return "".join(
            f"{key.public_bytes_raw().hex()}  {station}\n" for known in self.by_kid.values() for station, key in known
        )

    def of(self, kid: str, station: str = "") -> tuple[PublicKey, ...]:
        """The keys with this id, of any station or of this one."""
        return tuple(key for name, key in self.by_kid.get(kid, ()) if station in ("", name))

    def open(self, url: str) -> tuple[SourceToken, str]:
        """What a source card states, and the station that signed it; raises BadToken, UnknownSigner.

        The whole lot is signed by the station whose source code it has, a part of it by any station of the node.
        """
        token, data, signature = parse_card(url)
        known = self.by_kid.get(token.kid.hex(), ())
        if not known:
            raise UnknownSigner(f"signed by key {token.kid.hex()}, which is no station's of this market")
        for station, key in known:
            if signed_by(data, signature, key):
                if not token.portion and station != f"{token.source[:9]}-{token.source[10:12]}":
                    raise BadToken(f"signed by {station}, whose source code this is not")
                return token, station
        raise BadToken("the signature does not fit: the code was altered or is forged")
