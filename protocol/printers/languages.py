"""Which emitter speaks a printer's language."""

from collections.abc import Iterator

from protocol.printers import escpos, tspl
from protocol.printers.bitmap import GlyphSource
from protocol.printers.layout import Page
from protocol.printers.profile import Profile

EMITTERS = {"escpos": escpos.emit, "tspl": tspl.emit}


def emit(page: Page, profile: Profile, glyphs: GlyphSource | None = None) -> Iterator[bytes]:
    """The page in the printer's language, in pieces that are whole commands; raises ValueError before the first one."""
    return EMITTERS[profile.language](page, profile, glyphs)


def fed(piece: bytes, profile: Profile) -> int:
    """About how many dot rows of paper a piece of a job takes."""
    return escpos.fed(piece) if profile.language == "escpos" else 0


def clearing(profile: Profile) -> bytes:
    """What brings out the rest of a paper that was interrupted between two commands, or forgets it."""
    return escpos.clearing(profile) if profile.language == "escpos" else tspl.CLEARING
