"""The printer's own codes, read back by another program than made them."""

import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from simulator.printer.codes import code128, code128_as_sent, qr_modules, qr_side


def shown(bars: str) -> Image.Image:
    """Bars as a picture with a quiet zone."""
    row = Image.frombytes("L", (len(bars), 1), bytes(0 if bit == "1" else 255 for bit in bars))
    return ImageOps.expand(row.resize((len(bars) * 2, 40), Image.Resampling.NEAREST), 30, 255)


def read(picture: Image.Image) -> list[str]:
    return [code.text for code in zxingcpp.read_barcodes(picture)]


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (b"{B41010-abc", "41010-abc"),
        (b"{C\x29\x0a\x50", "411080"),
        (b"{BLot-{C\x0c\x22{Bx", "Lot-1234x"),
        (b"{A12{SaB", "12aB"),
        (b"{Ba{{b", "a{b"),
    ],
)
def test_a_barcode_is_made_as_it_was_sent(sent: bytes, text: str) -> None:
    bars, said = code128_as_sent(sent)
    assert said == text
    assert read(shown(bars)) == [text]


@pytest.mark.parametrize("sent", [b"123", b"{Bx{Z", b"{C\x64", b"{A\x60", b"{B\x1f", b"{D12", b"{B\xff"])
def test_a_barcode_that_cannot_be_is_refused(sent: bytes) -> None:
    with pytest.raises(ValueError, match=r"code set|brace"):
        code128_as_sent(sent)


@given(st.binary(max_size=40))
def test_any_barcode_data_gives_bars_or_a_reason(data: bytes) -> None:
    for make in (lambda: code128_as_sent(data), lambda: code128(data.decode("latin-1"))):
        try:
            make()
        except ValueError as error:
            assert str(error)


@given(st.text("0123456789ABCDEFabc -./", min_size=1, max_size=20))
def test_a_barcode_of_the_printer_s_own_choice_reads_back(text: str) -> None:
    assert read(shown(code128(text))) == [text]


@pytest.mark.parametrize("level", "LMQH")
def test_a_qr_code_has_the_size_that_was_reckoned(level: str) -> None:
    data = b"HTTPS://SY.EXAMPLE.CN/B/41010800110100010074"
    modules = qr_modules(data, level)
    assert len(modules) == qr_side(data, level)
    grey = bytes(0 if one else 255 for line in modules for one in line)
    picture = Image.frombytes("L", (len(modules), len(modules)), grey)
    assert read(ImageOps.expand(picture.resize((len(modules) * 4,) * 2), 20, 255)) == [data.decode()]


def test_more_than_a_qr_code_holds_has_no_size() -> None:
    assert qr_side(b"x" * 2331, "M") == 177
    assert qr_side(b"x" * 2332, "M") == 0
