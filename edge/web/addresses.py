"""Addresses of who asks and of the box itself, each in one spelling; they are asked about with each request."""

import ipaddress
from functools import lru_cache

from drivers.transports.listen import bare

BOX = ""  # the peer that is this box: its browser, its programs
KEPT = 128  # answers of a kind


@lru_cache(maxsize=KEPT)
def spelled(text: str) -> str:
    """One spelling for one address; a host name in small letters."""
    try:
        return bare(text)
    except ValueError:
        return text.lower()


@lru_cache(maxsize=KEPT)
def is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(spelled(name)).is_loopback
    except ValueError:
        return False


def on_the_box(client: str, server: str) -> bool:
    """Whether who connected from ``client`` to ``server`` is a program on this box.

    Nobody else can hold a connection from a loopback address, or from the very address it leads to.
    """
    return is_loopback(client) or spelled(client) == spelled(server)


def peer(client: str, server: str) -> str:
    """Whose share a connection counts to: an IPv4 address, an IPv6 network of 64 bits, or ``BOX``.

    A machine gives itself as many IPv6 addresses of its network as it likes; a link-local network is everybody's.
    """
    if on_the_box(client, server):
        return BOX
    address = spelled(client)
    if ":" not in address or ipaddress.IPv6Address(address).is_link_local:
        return address
    return str(ipaddress.IPv6Network((address, 64), strict=False))
