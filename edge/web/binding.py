"""The pages' address, taken before anything that takes time: who comes meanwhile waits, and is not turned away."""

import socket
from contextlib import suppress

SEND_BUFFER = 128 * 1024


class CannotListen(OSError):
    """The address cannot be used; the message names it and the setting."""


def bound_early(listen: str) -> socket.socket | None:
    """As ``bind``; None for one that cannot be used, which is told where the server starts."""
    with suppress(CannotListen):
        return bind(listen)
    return None


def bind(listen: str) -> socket.socket:
    """A socket that listens there; raises CannotListen."""
    host, _, port = listen.rpartition(":")
    try:
        if not 0 <= int(port) <= 65535:  # the resolver would quietly take the rest of a division
            raise ValueError("a port is 0 to 65535")
        family, kind, proto, _, address = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, proto)
    except (ValueError, OSError) as error:
        raise CannotListen(_sorry(listen, error)) from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)  # a slow reader cannot hold more
        bound.bind(address)
        bound.listen(64)
    except OSError as error:
        bound.close()
        raise CannotListen(_sorry(listen, error)) from error
    return bound


def _sorry(listen: str, error: Exception) -> str:
    why = getattr(error, "strerror", None) or error
    return f"web: cannot listen on {listen}: {why}; choose a free address of this box in [web] listen"
