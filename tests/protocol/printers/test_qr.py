"""A QR code's modules are those that the library would draw: same version, same parts, same bits."""

import subprocess
import sys

import pytest
import qrcode
from hypothesis import example, given, settings
from hypothesis import strategies as st
from qrcode.base import rs_blocks
from qrcode.constants import ERROR_CORRECT_M

from protocol.printers import codes, qr, qr_frame

RUNS = st.one_of(st.text("0123456789", max_size=60), st.text("AZ9 $%*+-./:", max_size=60), st.text("az:~", max_size=60))
SLIP = "https://sy.example.cn/j/" + "aZ0-_9xQ" * 21


def drawn(payload: str, mask: int) -> tuple[str, ...]:
    """By the library alone."""
    code = qrcode.QRCode(None, ERROR_CORRECT_M, border=0, mask_pattern=mask)
    code.add_data(payload.encode(), optimize=qr.CHUNK)
    code.make(fit=True)
    return tuple("".join("1" if black else "0" for black in line) for line in code.get_matrix())


@given(st.lists(RUNS, max_size=9).map("".join), st.integers(0, codes.MASKS - 1))
@example("", 0)
@example(SLIP, 7)
@settings(max_examples=60)
def test_the_modules_are_the_librarys(payload: str, mask: int) -> None:
    assert qr.lines(payload, mask) == drawn(payload, mask)


@pytest.mark.parametrize("module", range(1, codes.MAX_BIG + 1))
def test_a_module_is_a_square_of_dots(module: int) -> None:
    modules = codes.matrix(SLIP)
    dots = codes.scaled(modules, module)
    assert dots.width == len(modules) * module
    wide = ["".join(one * module for one in line) for line in modules]
    assert [f"{row:0{dots.width}b}" for row in dots.rows] == [line for line in wide for _ in range(module)]


@pytest.mark.parametrize("payload", ["x" * 700, "x" * 2331, "9" * 5596, "A" * 3391], ids=len)
def test_large_codes_too(payload: str) -> None:
    assert qr.lines(payload, 3) == drawn(payload, 3)


@pytest.mark.parametrize("payload", ["x" * 2332, "9" * 5597, "A" * 3392], ids=len)
def test_one_more_is_too_much(payload: str) -> None:
    with pytest.raises(ValueError, match=f"{len(payload)} bytes are more than a QR code holds"):
        qr.lines(payload, 3)


@pytest.mark.parametrize("size", range(1, qr_frame.VERSIONS + 1))
def test_what_a_version_has_beside_its_data_is_the_librarys(size: int) -> None:
    blocks = [(one.data_count, one.total_count - one.data_count) for one in rs_blocks(size, ERROR_CORRECT_M)]
    assert list(qr_frame.blocks(size)) == blocks
    for mask in range(codes.MASKS) if size in (1, 3, 7) else [size % codes.MASKS]:
        code = qrcode.QRCode(size, ERROR_CORRECT_M, border=0, mask_pattern=mask)
        code.data_cache = [0] * sum(map(sum, blocks))
        code.makeImpl(False, mask)
        assert qr_frame.empty(size, mask) == [bool(black) for line in code.modules for black in line]


def test_no_library_is_loaded_to_draw_a_code() -> None:
    """With it came Pillow: a tenth of what a station holds while nothing happens, and the first slip waited for it."""
    code = f"import sys; from protocol.printers import qr; qr.lines({SLIP!r}, 0); print('qrcode' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"False\n"
