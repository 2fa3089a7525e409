"""Pictures of papers."""

from pathlib import Path

import pytest

from drivers import glyphs
from simulator.printer import picture
from simulator.printer.read import Paper, read_papers

CHINESE = (
    b"\x1b@\x1c&\x1d!\x11" + "净重".encode("gbk") + b"\x1d!\x00 12.340kg\n\x1b-\x01a\n\x1bJ\x20b\n\x1dk\x02123\x00"
)


@pytest.fixture
def paper() -> Paper:
    return read_papers(CHINESE)[0]


@pytest.fixture(autouse=True)
def forget_fonts() -> None:
    picture._font.cache_clear()
    picture._glyph.cache_clear()


def test_the_picture_has_the_printer_s_dots(paper: Paper) -> None:
    drawn = picture.draw(paper)
    assert drawn.width == 384 + 2 * (picture.MARGIN[384] + picture.BORDER)
    left = picture.MARGIN[384] + picture.BORDER
    ink = drawn.convert("1").crop((left, picture.EDGE + picture.BORDER, left + 96, picture.EDGE + picture.BORDER + 48))
    assert ink.getextrema()[0] == 0


def test_the_package_s_font_will_do(paper: Paper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glyphs, "SYSTEM_FONT", Path("/nowhere"))
    assert picture.draw(paper).width == 496


def test_without_a_font_both_ways_to_get_one_are_named(paper: Paper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glyphs, "SYSTEM_FONT", Path("/nowhere"))
    monkeypatch.setattr(glyphs, "PACKAGE", "no_such_package")
    with pytest.raises(glyphs.NoFont, match=r"fonts-wqy-microhei.*justmytype-intl-cjk"):
        picture.draw(paper)
