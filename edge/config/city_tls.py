"""TLS of the way to the city: whom the station trusts, and by what it shows itself (mTLS).

Read anew for each connection, so what is renewed at the same path counts without a restart.
"""

import base64
import hashlib
import re
import ssl
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal, Self

from edge.config.sections import CitySection, plain_digits
from protocol.frozen import frozen

MOST_IN_A_FILE = 5  # more authorities in one file are the system's list: that one of them ends means nothing
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----\s([0-9A-Za-z+/=\s]+)-----END CERTIFICATE-----")


class Unusable(OSError):
    """A file cannot be used; ``cause`` is a word of ``link_causes``, the message names the file."""

    def __init__(self, cause: Literal["ca_file", "ca_pin", "cert_file"], text: str) -> None:
        super().__init__(text)
        self.cause = cause


@frozen
class CityTls:
    """Files in PEM form, each may be None. ``pin`` is the SHA-256 of each authority in ``ca`` that is believed: hex
    digits, any of them. The key may stand in ``cert``."""

    ca: Path | None = None
    pin: tuple[str, ...] = ()
    cert: Path | None = None
    key: Path | None = None

    @classmethod
    def of(cls, part: CitySection) -> Self:
        return cls(part.ca_file, tuple(map(plain_digits, part.ca_fingerprint)), part.cert_file, part.key_file)

    def context(self) -> ssl.SSLContext:
        """What a connection is secured with; raises Unusable."""
        if self.ca and self.pin:
            self._pinned(self.ca)
        try:
            context = ssl.create_default_context(cafile=str(self.ca) if self.ca else None)
        except (OSError, ValueError) as error:
            raise Unusable("ca_file", f"{self.ca}: {_why(error)}") from None
        if self.cert:
            try:
                context.load_cert_chain(self.cert, self.key, _no_password)
            except (OSError, ValueError) as error:
                files = f"{self.cert} {self.key}" if self.key else f"{self.cert}"
                raise Unusable("cert_file", f"{files}: {_why(error)}") from None
        return context

    def _pinned(self, ca: Path) -> None:
        try:
            found = list(_fingerprints(ca.read_bytes()))
        except (OSError, ValueError) as error:
            raise Unusable("ca_file", f"{ca}: {_why(error)}") from None
        for one in found:
            if one not in self.pin:
                raise Unusable("ca_pin", f"{ca}: it holds an authority with SHA-256 {one[:16]}…")

    def mark(self) -> tuple[tuple[int, int, int], ...]:
        """Changes when a file does."""
        return tuple(_mark(path) for path in (self.ca, self.cert, self.key) if path)

    def ends(self) -> Iterator[tuple[Literal["client", "ca"], datetime, str]]:
        """When each certificate ends, and its SHA-256; of those that can be read."""
        of: Literal["client", "ca"]
        for of, path in (("client", self.cert), ("ca", self.ca)):
            if path is None:
                continue
            from cryptography import x509  # megabytes that a station without certificates goes without
            from cryptography.hazmat.primitives import hashes

            try:
                found = x509.load_pem_x509_certificates(path.read_bytes())
            except (OSError, ValueError):
                continue  # told with the link
            for one in found[:1] if of == "client" else found if len(found) <= MOST_IN_A_FILE else ():
                yield of, one.not_valid_after_utc, one.fingerprint(hashes.SHA256()).hex()


def _fingerprints(pem: bytes) -> Iterator[str]:
    for found in _PEM.findall(pem):
        yield hashlib.sha256(base64.b64decode(found)).hexdigest()


def _no_password() -> bytes:
    raise ValueError("the key has a password: take it off (openssl pkey -in OLD -out NEW), and chmod 600 the file")


def _why(error: Exception) -> str:
    text = str(error.args[1] if isinstance(error, OSError) and len(error.args) > 1 else error)
    return text[:200] or type(error).__name__


def _mark(path: Path) -> tuple[int, int, int]:
    try:
        is_ = path.stat()
    except OSError:
        return 0, 0, 0
    return is_.st_mtime_ns, is_.st_size, is_.st_ino
