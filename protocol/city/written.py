"""How masses, money, times and codes are written for people: on paper, on pages, in refusals."""

from decimal import Decimal

GRAMS = {"kg": Decimal(1000), "g": Decimal(1), "t": Decimal(1_000_000)}


def yuan(fen: int) -> str:
    """350 → ``3.50``, -350 → ``-3.50``"""
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def kilograms(grams: int) -> str:
    """12340 → ``12.340``"""
    return f"{Decimal(grams).scaleb(-3):.3f}"


def kilograms_as_shown(grams: int, shown: str, unit: str) -> str:
    """Grams as kg, with the decimals of the scale's own reading ``shown`` in ``unit``, and never fewer than needed."""
    decimals = 3
    if unit in GRAMS:
        exponent = Decimal(shown).as_tuple().exponent
        step = GRAMS[unit].scaleb(int(exponent))  # grams of the last digit
        decimals = min(3, max(0, 3 - step.adjusted()))
        while decimals < 3 and grams % 10 ** (3 - decimals):
            decimals += 1
    return f"{Decimal(grams).scaleb(-3):.{decimals}f}"


def moment(time: str) -> str:
    """RFC 3339 as a person at the station's place reads it: no ``T``, no fraction, no zone."""
    return time[:19].replace("T", " ")


def minute(time: str) -> str:
    """The same without year and seconds: ``2026-11-22T05:31:07+08:00`` → ``11-22 05:31``"""
    return moment(time)[5:16]


def grouped(code: str) -> str:
    """A code as people read it out: in fives."""
    return " ".join(code[start : start + 5] for start in range(0, len(code), 5))


def tail(code: str) -> str:
    """The end of a trace code, as people compare it: the last group as it is ``grouped``; a date stays whole."""
    return f"…{code[-5:]}" if len(code) > 10 else code
