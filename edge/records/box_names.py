"""By which names and addresses this box is reached, from the kernel's own tables."""

import re
import socket
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from pathlib import Path

ALWAYS = ("localhost", "127.0.0.1", "::1")
_V4 = re.compile(r"\|-- ([0-9.]+)\n[^\n]*/32 host LOCAL")
_TEMPORARY = 0x01  # an address that changes by itself within a day
_LABEL = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


def box_names(listen: str, allow: Iterable[str], net: Path = Path("/proc/net")) -> tuple[str, ...]:
    """``listen`` is the address the pages are at: one of the box, or all of them (0.0.0.0, [::])."""
    host = listen.rpartition(":")[0].strip("[]")
    own = socket.gethostname().lower()
    named = [*ALWAYS, own, f"{own}.local", *(name.lower() for name in allow)]
    if host in ("0.0.0.0", "::", ""):
        named += _addresses(net)
    elif host:
        named.append(host.lower())
    return tuple(dict.fromkeys(one for name in named if (one := _spelled(name))))


def _spelled(name: str) -> str:
    """As it stands in a certificate; empty for what can stand in none."""
    try:
        return str(ip_address(name.strip("[]").partition("%")[0]))
    except ValueError:
        return name if _LABEL.fullmatch(name) else ""


def _addresses(net: Path) -> list[str]:
    """The box's own addresses that stay for a while; none that hold on one wire alone."""
    found = _V4.findall(_text(net / "fib_trie"))
    for line in _text(net / "if_inet6").splitlines():
        digits, *_, flags, _name = line.split()
        address = IPv6Address(int(digits, 16))
        if not address.is_link_local and not int(flags, 16) & _TEMPORARY:
            found.append(str(address))
    return sorted(set(found))


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""
