"""How a command asks the station that runs on this box: without a proxy, and over TLS where its pages are encrypted.

That it is this station is known by its certificate, which is the one in its own file: a clock that is wrong, or a name
that does not stand in it, is no matter here.
"""

import http.client
import ssl
from typing import Any
from urllib.request import HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

from edge.between.tongue import said
from edge.config.sections import Config


class OtherCertificate(OSError):
    """Somebody answers whose certificate is not the station's."""


def opener(config: Config) -> OpenerDirector:
    """For ``urlopen`` with the pages of this configuration's station; raises OSError when asked of somebody else."""
    if config.web.tls == "off":
        return build_opener(ProxyHandler({}))
    from edge.config.certificate import served_of

    return build_opener(ProxyHandler({}), _Pinned(_first(served_of(config).certificate.read_text("ascii", "replace"))))


def _first(pem: str) -> bytes:
    """The first certificate, in its binary form; raises ValueError."""
    begin = pem.index("-----BEGIN CERTIFICATE-----")
    end = "-----END CERTIFICATE-----"
    return ssl.PEM_cert_to_DER_cert(pem[begin : pem.index(end, begin)] + end)


class _Connection(http.client.HTTPSConnection):
    def __init__(self, host: str, certificate: bytes, **options: Any) -> None:
        super().__init__(host, **options)
        self._certificate = certificate

    def connect(self) -> None:
        super().connect()
        assert isinstance(self.sock, ssl.SSLSocket)
        if self.sock.getpeercert(binary_form=True) != self._certificate:
            self.sock.close()
            raise OtherCertificate(
                said(
                    "回应的证书不是本站文件里的那一张；刚更换的一分钟内生效",
                    "the certificate that answers is not the one in the station's file; a new one is taken within a "
                    "minute",
                )
            )


class _Pinned(HTTPSHandler):
    """``urllib`` over TLS with one certificate alone."""

    def __init__(self, certificate: bytes) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # it is compared whole
        super().__init__(context=context)
        self._certificate = certificate
        self._tls = context

    def https_open(self, req: Request) -> Any:
        return self.do_open(self._connection, req)

    def _connection(self, host: str, **options: Any) -> _Connection:
        return _Connection(host, self._certificate, context=self._tls, **options)
