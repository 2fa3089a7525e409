"""How values that only pages show are written."""

from protocol.plain import UNSEEN


def megabytes(size: int) -> str:
    return f"{size / 1_000_000_000:.1f} GB" if size >= 1_000_000_000 else f"{size // 1_000_000} MB"


def visible(text: str) -> str:
    """An instrument's text without what prints nothing or turns the direction of reading: it must look as it is."""
    return UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).rstrip()


def ucum(unit: str) -> str:
    """A unit as people write it: ``Cel`` → ``°C``"""
    return {"Cel": "°C", "%RH": "%", "{RH}%": "%"}.get(unit, unit)
