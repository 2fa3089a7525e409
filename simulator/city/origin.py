"""Who may order by a page of ours: people and programs on this machine, by its own pages."""

import ipaddress
from urllib.parse import urlsplit

from starlette.requests import Request


def is_local(request: Request) -> bool:
    """Whether it comes from this machine."""
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def may_order(request: Request) -> bool:
    """Whether this request changes something by the will of who sits here, and not of a page of another site.

    The host must be a name of this machine, so that no foreign name leads here; and a browser must say that its page is
    of the same origin. A program says neither, and is taken from this machine alone.
    """
    return is_local(request) and _own(request.headers.get("host", "")) and same_origin(request)


def same_origin(request: Request) -> bool:
    """Whether the page that asks is of the same origin; a program says nothing of that."""
    host = request.headers.get("host", "")
    if (origin := request.headers.get("origin")) is not None:
        return origin.lower() in (f"http://{host.lower()}", f"https://{host.lower()}")
    return request.headers.get("sec-fetch-site", "same-origin") == "same-origin"


def _own(authority: str) -> bool:
    try:
        name = urlsplit(f"//{authority}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
