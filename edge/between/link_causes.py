"""Why records do not get to the city, or are not confirmed: a fixed word each.

The words go to programs (``/health``, the board), their texts, ``link`` and ``link_do`` in ``words.toml``, to people.
"""

import socket
import ssl

from edge.between.words import said_with_step

# X509_V_ERR_… of OpenSSL's x509_vfy.h
_NOT_YET_VALID, _EXPIRED = 9, 10
_UNTRUSTED = frozenset({2, 18, 19, 20, 21, 24, 79})
_NAMES = frozenset({62, 63, 64})
_NOT_TAKEN = ("ALERT_CERTIFICATE", "ALERT_BAD_CERTIFICATE", "ALERT_UNKNOWN_CA", "ALERT_HANDSHAKE_FAILURE")


# Wrong while the link is up: these stand in the line of troubles on every page, the others on the status page.
SERIOUS = frozenset({"disagree", "broker_refuses", "city_refuses", "no_qos", "gone"})


def trouble(word: str, language: str) -> str:
    """The sentence for the line of troubles; empty when it does not belong there."""
    return said_with_step("link", "link_do", word, language) if word in SERIOUS else ""


def of_error(error: BaseException, tls: bool) -> str:
    """The word for what ended an attempt to connect; ``tls``: by mqtts://."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _of_certificate(error.verify_code)
    if tls and isinstance(error, ssl.SSLEOFError | ConnectionResetError):
        return "tls_none"
    if isinstance(error, ssl.SSLError):
        if any(word in (error.reason or "") for word in _NOT_TAKEN):
            return "tls_refused"
        return "tls_none" if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE") else "tls_failed"
    if isinstance(error, socket.gaierror | UnicodeError):
        return "no_dns"
    if isinstance(error, ConnectionRefusedError):
        return "closed_port"
    if isinstance(error, TimeoutError):
        return "mute"
    return "no_network" if isinstance(error, OSError) else "fault"


def _of_certificate(code: int) -> str:
    if code == _EXPIRED:
        return "tls_expired"
    if code == _NOT_YET_VALID:
        return "tls_not_yet"
    if code in _NAMES:
        return "tls_name"
    return "tls_untrusted" if code in _UNTRUSTED else "tls_failed"


_OF_CONNACK = {
    0x84: "mqtt_version",
    0x86: "bad_password",
    0x87: "not_allowed",
    0x88: "busy",
    0x89: "busy",
    0x8A: "not_allowed",
    0x8C: "bad_password",
    0x97: "busy",
    0x9F: "busy",
}


_OF_DISCONNECT = {
    0x87: "not_allowed",
    0x89: "busy",
    0x8B: "shut_down",
    0x8E: "taken_over",
    0x96: "busy",
    0x97: "busy",
}


def of_connack(code: int) -> str:
    """The word for a broker's refusal; paho gives those of MQTT 3.1.1 as codes of MQTT 5."""
    return _OF_CONNACK.get(code, "refused")


def of_disconnect(code: int) -> str:
    """The word for how an open connection ended."""
    return _OF_DISCONNECT.get(code, "lost")
