"""QR codes and barcodes: reading them from dots, and the modules of those that a printer makes by itself.

A printer chooses version and mask of a QR code itself; here the smallest version is taken, and one fixed mask.
"""

from collections.abc import Iterator
from functools import lru_cache

SMALLEST = 21  # modules of the smallest QR code: nothing smaller is looked at
BORDER = 20  # white dots around what is read: codes need a quiet zone
LEVELS = "LMQH"
MISSING_ZXING = "reading QR codes from pictures needs the package zxing-cpp: pip install 'marketedge[sim]'"


@lru_cache(maxsize=16)
def read_codes(width: int, rows: tuple[bytes, ...]) -> tuple[tuple[str, str], ...]:
    """Kind (``QR``, ``barcode``) and payload of the codes in a 1-bit picture, from top to bottom.

    Raises RuntimeError when zxing-cpp or Pillow is missing.
    """
    try:
        import zxingcpp
        from PIL import Image
    except ImportError:
        raise RuntimeError(MISSING_ZXING) from None
    if len(rows) < SMALLEST or width < SMALLEST:
        return ()
    bits = bytes(byte ^ 0xFF for row in rows for byte in row)
    picture = Image.new("L", (width + 2 * BORDER, len(rows) + 2 * BORDER), 255)
    picture.paste(Image.frombytes("1", (width, len(rows)), bits).convert("L"), (BORDER, BORDER))
    kinds = {zxingcpp.BarcodeFormat.QRCode: "QR", zxingcpp.BarcodeFormat.Code128: "barcode"}
    found = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormats(list(kinds)))
    found.sort(key=lambda code: (code.position.top_left.y, code.position.top_left.x))
    return tuple((kinds[code.format], code.text) for code in found)


@lru_cache(maxsize=256)
def qr_side(data: bytes, level: str) -> int:
    """Modules a side of the QR code; 0 when no code holds so much."""
    from qrcode.exceptions import DataOverflowError

    try:
        return 17 + 4 * int(_code(data, level).best_fit())
    except (DataOverflowError, ValueError):  # ValueError: version 41
        return 0


@lru_cache(maxsize=32)
def qr_modules(data: bytes, level: str) -> tuple[tuple[bool, ...], ...]:
    """The modules of a QR code without a quiet zone, True for black."""
    code = _code(data, level)
    code.make(fit=True)
    return tuple(tuple(map(bool, line)) for line in code.get_matrix())


def _code(data: bytes, level: str) -> "qrcode.QRCode":  # type: ignore[name-defined]  # noqa: F821
    import qrcode

    numbers = {"L": 1, "M": 0, "Q": 3, "H": 2}
    code = qrcode.QRCode(error_correction=numbers[level], border=0, mask_pattern=0)
    code.add_data(data, optimize=0)
    return code


# --- Code 128 ---------------------------------------------------------------------------------------------------------

_START = {"A": 103, "B": 104, "C": 105}
_TO = {"A": 101, "B": 100, "C": 99}
_STOP = "1100011101011"
_FUNCTIONS = {"1": (102, 102), "2": (97, 97), "3": (96, 96), "4": (101, 100)}  # FNC 1 to 4 in set A, and in B


def code128_as_sent(data: bytes) -> tuple[str, str]:
    """Bars and text of a barcode whose code sets the sender chose: ``{A``, ``{B``, ``{C`` begin one, ``{{`` is a brace.

    Raises ValueError when no set comes first, or a character is in none.
    """
    if len(data) < 2 or data[:1] != b"{" or chr(data[1]) not in _START:
        raise ValueError("no code set comes first")
    values, text = [_START[chr(data[1])]], ""
    for number, shown in _symbols(data):
        values.append(number)
        text += shown
    return _bars(values), text


def code128(text: str) -> str:
    """The bars of a barcode whose code sets the printer chooses: pairs of digits from the start on, then letters.

    Raises ValueError when a character is in none.
    """
    digits = len(text) - len(text.lstrip("0123456789")) & ~1
    pairs = bytes(int(text[place : place + 2]) for place in range(0, digits, 2))
    rest = text[digits:].encode("ascii").replace(b"{", b"{{")
    return code128_as_sent((b"{C" + pairs if pairs else b"") + (b"{B" + rest if rest else b""))[0]


def _symbols(data: bytes) -> Iterator[tuple[int, str]]:
    """Value and text of each symbol behind the start."""
    current, place, shift = chr(data[1]), 2, False
    while place < len(data):
        byte, named = data[place], data[place : place + 1] == b"{" and current != "C"
        if data[place : place + 1] == b"{" and place + 1 < len(data) and chr(data[place + 1]) in "ABCS1234{":
            what = chr(data[place + 1])
            place += 2
            if what in _TO:
                current = what
                yield _TO[what], ""
            elif what == "S" and current != "C":
                shift = True
                yield 98, ""
            elif what in _FUNCTIONS:
                yield _FUNCTIONS[what][current != "A"], ""
            elif what == "{" and current == "B":
                yield ord("{") - 32, "{"
            else:
                raise ValueError(f"{{{what} in code set {current}")
            continue
        if named:
            raise ValueError("a brace alone")
        place += 1
        if current == "C":
            if byte > 99:
                raise ValueError(f"{byte} in code set C")
            yield byte, f"{byte:02d}"
            continue
        used = {"A": "B", "B": "A"}[current] if shift else current
        shift = False
        if byte > 127 or (used == "A" and byte > 95) or (used == "B" and byte < 32):
            raise ValueError(f"{byte:02x} in code set {used}")
        yield byte - 32 if byte >= 32 else byte + 64, chr(byte)


def _bars(values: list[int]) -> str:
    from barcode.charsets.code128 import CODES

    check = (values[0] + sum(place * value for place, value in enumerate(values[1:], 1))) % 103
    return "".join(CODES[value] for value in (*values, check)) + _STOP
