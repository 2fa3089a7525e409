"""QR codes as rasters: level M, four blank modules around, one fixed mask so that no time goes into choosing."""

from collections.abc import Iterator

Matrix = list[list[bool]]
QUIET = 4
MASKS = 8


def matrix(payload: str, mask: int = 0) -> Matrix:
    """The modules of a QR code with its quiet zone, True for black."""
    import qrcode  # here, because a station that starts should not wait for it

    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=QUIET, mask_pattern=mask)
    code.add_data(payload.encode("ascii"), optimize=20)
    code.make(fit=True)
    modules: Matrix = code.get_matrix()
    return modules


def raster(modules: Matrix, module: int, left: int) -> Iterator[bytes]:
    """Dot rows of a code whose modules are ``module`` dots wide, ``left`` blank dots before it; 1 is black."""
    width = left + module * len(modules)
    row_bytes = -(-width // 8)
    black = (1 << module) - 1
    for line in modules:
        dots = 0
        for one in line:
            dots = dots << module | (black if one else 0)
        row = (dots << row_bytes * 8 - width).to_bytes(row_bytes, "big")
        for _ in range(module):
            yield row
