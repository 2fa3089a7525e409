"""How many bytes follow the first two of an ESC/POS command: None when that is not known yet.

``data`` begins with the command.  No answer takes longer because more bytes have come.
"""

LONGEST_FORM_A = 255
TABS = 33


def function_size(data: bytearray) -> int | None:
    """``x pL pH`` and p bytes."""
    return None if len(data) < 5 else 3 + (data[3] | data[4] << 8)


def long_function_size(data: bytearray) -> int | None:
    """``x p1 p2 p3 p4`` and p bytes."""
    return None if len(data) < 7 else 5 + int.from_bytes(data[3:7], "little")


def column_size(data: bytearray) -> int | None:
    """``m nL nH`` and n columns of 1 or 3 bytes."""
    return None if len(data) < 5 else 3 + (data[3] | data[4] << 8) * (3 if data[2] >= 32 else 1)


def stored_size(data: bytearray) -> int | None:
    """GS *: ``x y`` and 8 x y bytes."""
    return None if len(data) < 4 else 2 + 8 * data[2] * data[3]


def cut_size(data: bytearray) -> int | None:
    return None if len(data) < 3 else 2 if data[2] in (0x41, 0x42, 0x61, 0x62, 0x67, 0x68) else 1


def tabs_size(data: bytearray) -> int | None:
    return _until_nul(data, 2, TABS)


def barcode_size(data: bytearray) -> int | None:
    """Form A ends with NUL, form B says its length."""
    if len(data) < 4:
        return None
    return 2 + data[3] if data[2] > 6 else _until_nul(data, 3, LONGEST_FORM_A)


def _until_nul(data: bytearray, start: int, longest: int) -> int | None:
    """Up to a NUL. When none comes in time it is one byte, and the rest is print."""
    end = data.find(0, start, start + longest)
    if end >= 0:
        return end - 1
    return None if len(data) < start + longest else 1


def real_time_size(data: bytearray) -> int | None:
    """DLE DC4: fn 1 and 2 have two parameters, fn 8 has seven."""
    return None if len(data) < 3 else 8 if data[2] == 8 else 3
