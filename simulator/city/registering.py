"""Whose keys the city trusts."""

from collections.abc import Mapping

from protocol.city.codes import NODE, TERMINAL
from simulator.city.engines import Where
from simulator.city.store import Store


def register(db: Where, keys: Mapping[str, str]) -> list[str]:
    """Trust these keys; returns the stations that already have another one. Makes the database when it is new."""
    store = Store(db)
    try:
        with store.batch():
            return [name for name, key in keys.items() if not store.trust(name, key, "registered")]
    finally:
        store.close()


def check_station(name: str) -> str:
    node, _, terminal = name.partition("-")
    if not NODE.fullmatch(node) or not TERMINAL.fullmatch(terminal):
        raise ValueError(f"station {name[:40]!r}: write 9 digits, '-', 2 digits")
    return name


def check_key(text: str) -> str:
    key = text.strip().lower()
    if len(key) != 64 or set(key) - set("0123456789abcdef"):
        raise ValueError("key: write the raw 32 bytes of the public key as 64 hex digits")
    return key
