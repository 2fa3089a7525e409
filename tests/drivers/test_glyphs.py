"""Letters as dots, from the system's font and from the package's."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from drivers import glyphs
from drivers.glyphs import FontGlyphs, NoFont


def package_font() -> Path:
    spec = find_spec(glyphs.PACKAGE)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / glyphs.PACKAGE_FONT


@pytest.fixture(params=["system", "package"], scope="module")
def font(request: pytest.FixtureRequest) -> FontGlyphs:
    return FontGlyphs(glyphs.SYSTEM_FONT if request.param == "system" else package_font())


@pytest.mark.parametrize("letter", ["A", "g", "9", "国", "，", "￥", "①", "℃", "〓", "菠"])
@pytest.mark.parametrize("bold", [False, True])
def test_letters_fill_their_cells(font: FontGlyphs, letter: str, bold: bool) -> None:
    rows = font.glyph(letter, bold)
    assert rows is not None and len(rows) == 24
    assert any(rows)
    assert max(rows).bit_length() <= (12 if letter.isascii() else 24)


def test_a_blank_is_blank_and_a_letter_nobody_has_is_none(font: FontGlyphs) -> None:
    assert font.glyph(" ", False) == (0,) * 24
    assert font.glyph("\U0010fffe", False) is None
    assert "国" in font
    assert "\U0010fffe" not in font


def test_bold_is_bolder(font: FontGlyphs) -> None:
    regular, bold = font.glyph("国", False), font.glyph("国", True)
    assert regular is not None and bold is not None
    assert sum(row.bit_count() for row in bold) > sum(row.bit_count() for row in regular)


def test_without_a_font_both_ways_to_get_one_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glyphs, "SYSTEM_FONT", Path("/nowhere"))
    monkeypatch.setattr(glyphs, "PACKAGE", "no_such_package")
    with pytest.raises(NoFont, match=r"fonts-wqy-microhei.*justmytype-intl-cjk"):
        FontGlyphs()


@pytest.mark.parametrize("letter", ["䶮", "𬭎", "㛃"])
@pytest.mark.parametrize("bold", [False, True])
def test_a_rare_name_s_letter_comes_from_a_second_font(letter: str, bold: bool) -> None:
    """䶮某 is a person: the acceptance slip has to name them."""
    assert FontGlyphs(glyphs.SYSTEM_FONT).glyph(letter, bold) is None
    rows = FontGlyphs().glyph(letter, bold)
    assert rows is not None
    assert rows == FontGlyphs(package_font()).glyph(letter, bold)
    assert FontGlyphs().glyph("国", bold) == FontGlyphs(glyphs.SYSTEM_FONT).glyph("国", bold)
