"""How values are written on pages."""

from protocol.plain import UNSEEN


def fen(amount: int) -> str:
    """350 → ``3.50``"""
    return f"{amount // 100}.{amount % 100:02d}"


def kg(grams: int) -> str:
    """12340 → ``12.340``"""
    return f"{'-' if grams < 0 else ''}{abs(grams) // 1000}.{abs(grams) % 1000:03d}"


def clock(time: str) -> str:
    """``2026-11-22T05:31:07+08:00`` → ``11-22 05:31``"""
    return time[5:16].replace("T", " ")


def tail(code: str) -> str:
    """The end of a trace code, as people compare it; a date stays whole."""
    return f"…{code[-6:]}" if len(code) > 10 else code


def megabytes(size: int) -> str:
    return f"{size / 1_000_000_000:.1f} GB" if size >= 1_000_000_000 else f"{size // 1_000_000} MB"


def visible(text: str) -> str:
    """An instrument's text without what prints nothing or turns the direction of reading: it must look as it is."""
    return UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).rstrip()


def ucum(unit: str) -> str:
    """A unit as people write it: ``Cel`` → ``°C``"""
    return {"Cel": "°C", "%RH": "%", "{RH}%": "%"}.get(unit, unit)
