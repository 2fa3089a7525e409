"""The test page of a printer that no station has yet."""

import time

from drivers.glyphs import FontGlyphs, NoFont
from edge.between.print_states import TAKES_PAPERS, TEST_PAGE, PrinterState
from edge.between.words import Bilingual, Language, text
from edge.config.sections import PrinterSection
from edge.documents import Documents, Place, testpage
from edge.printing.open_printer import OpenPrinter
from edge.printing.proof import Stopped
from protocol.printers import bitmap, languages
from protocol.printers.layout import layout

BUSY_SECONDS = 8.0
EXAMPLE_HOST = "sy.example.cn"  # of the code on the page, which leads nowhere yet


def print_test(part: PrinterSection, market: str, language: Language) -> Bilingual:
    """Print the test page, and say what the printer answered; takes up to a minute where one is slow or silent."""
    link = OpenPrinter(part)
    try:
        end = time.monotonic() + BUSY_SECONDS
        while (state := link.look(paper=True)) is PrinterState.BUSY and time.monotonic() < end:
            continue
        if state not in TAKES_PAPERS:
            return text("print_why", state)
        profile = link.profile
        place = Place(market, EXAMPLE_HOST, language, label=profile.label)
        document = Documents(None, [profile]).document(
            TEST_PAGE, testpage.content(part.name, part.port, profile), place
        )
        glyphs = _glyphs(needed=profile.encoding == "raster")
        page = layout(document, profile.columns, profile.encoding, glyphs.__contains__ if glyphs else None)
        drawn = glyphs if page.drawn or profile.encoding == "raster" else None
        link.send(languages.emit(page, profile, drawn))
        _, why = link.prove(1, bitmap.height(page, profile))
        return text("print_why", why)
    except Stopped as stopped:
        return text("print_why", stopped.cause)
    except NoFont as error:
        return Bilingual(str(error), str(error))
    finally:
        link.close()


def _glyphs(*, needed: bool) -> FontGlyphs | None:
    """What the printer lacks is drawn with; a page that is drawn whole needs it. Raises NoFont."""
    try:
        return FontGlyphs()
    except NoFont:
        if needed:
            raise
        return None
