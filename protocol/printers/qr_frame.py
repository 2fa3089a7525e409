"""What a QR code of level M has beside its data (ISO/IEC 18004): how many bytes in which blocks, and the modules that
are the same whatever it says.

A version is 17 + 4 n modules wide::

    #######_:___________:_#######     # finder, with its separator _     : timing     a alignment
    …                                 f format (level and mask) beside the finders, v version from 7 on
"""

from collections.abc import Callable, Iterator
from functools import lru_cache

VERSIONS = 40
# Table 9, level M: bytes of error correction a block, and how many blocks, by version.
# fmt: off
_CORRECTION = (
    10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26,
    26, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28,
)
_BLOCKS = (
    1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16,
    17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49,
)
# fmt: on
_MASKS: tuple[Callable[[int, int], int], ...] = (  # table 10, by line i and column j
    lambda i, j: (i + j) % 2,
    lambda i, j: i % 2,
    lambda i, j: j % 3,
    lambda i, j: (i + j) % 3,
    lambda i, j: (i // 2 + j // 3) % 2,
    lambda i, j: i * j % 2 + i * j % 3,
    lambda i, j: (i * j % 2 + i * j % 3) % 2,
    lambda i, j: ((i + j) % 2 + i * j % 3) % 2,
)
_FORMAT, _FORMAT_MASK = 0b10100110111, 0b101010000010010  # 7.9: generator, and what the whole is changed by
_VERSION = 0b1111100100101  # 7.10
_LEVEL_M = 0b00


def width(size: int) -> int:
    """Modules a side."""
    return 17 + 4 * size


@lru_cache(maxsize=VERSIONS)
def blocks(size: int) -> tuple[tuple[int, int], ...]:
    """Of each block its bytes of data and of error correction; the shorter ones first."""
    count, correction = _BLOCKS[size - 1], _CORRECTION[size - 1]
    whole = _data_modules(size) // 8
    short, longer = whole // count, whole % count
    return tuple((short + (place >= count - longer) - correction, correction) for place in range(count))


def _data_modules(size: int) -> int:
    """How many modules hold data: all but the patterns of ``_fixed`` and ``_format_places``."""
    alignments = size // 7 + 2 if size > 1 else 0
    beside = 25 * (alignments**2 - 3) - 10 * (alignments - 2) if alignments else 0  # in the timing they count half
    return width(size) ** 2 - 3 * 64 - 2 * (width(size) - 16) - 31 - beside - (36 if size >= 7 else 0)


def data_places(size: int) -> frozenset[int]:
    """The modules that hold data, counted line by line."""
    return frozenset(range(width(size) ** 2)) - {*_fixed(size)} - {*_format_places(size, 0)}


def empty(size: int, mask: int) -> list[bool]:
    """The modules of a code with nothing but zeroes for data."""
    wide, masked = width(size), _MASKS[mask]
    black = [not masked(place // wide, place % wide) for place in range(wide * wide)]
    for place, value in (_fixed(size) | _format_places(size, mask)).items():
        black[place] = value
    return black


def _fixed(size: int) -> dict[int, bool]:
    """The modules that are the same in every code of a version."""
    wide = width(size)
    found: dict[int, bool] = {}
    for place in range(wide):  # timing; the patterns go over it
        found[6 * wide + place] = found[place * wide + 6] = place % 2 == 0
    for line, column in _alignments(size):
        found |= _square(wide, line, column, 2, (0, 2))
    for line, column in ((3, 3), (3, wide - 4), (wide - 4, 3)):
        found |= _square(wide, line, column, 4, (0, 1, 3))
    if size >= 7:
        said = size << 12 | _remainder(size << 12, _VERSION)
        for bit in range(18):
            one, other = bit // 3, wide - 11 + bit % 3
            found[one * wide + other] = found[other * wide + one] = bool(said >> bit & 1)
    return found


def _square(wide: int, line: int, column: int, reach: int, black: tuple[int, ...]) -> dict[int, bool]:
    """Rings around a middle, as far as they lie in the code; those in ``black`` are."""
    return {
        (line + down) * wide + column + right: max(abs(down), abs(right)) in black
        for down in range(-reach, reach + 1)
        for right in range(-reach, reach + 1)
        if 0 <= line + down < wide and 0 <= column + right < wide
    }


def _alignments(size: int) -> Iterator[tuple[int, int]]:
    """The middles of the alignment patterns (annex E); none where a finder is."""
    if size == 1:
        return
    count, last = size // 7 + 2, width(size) - 7
    step = 26 if size == 32 else (size * 4 + count * 2 + 1) // (count * 2 - 2) * 2
    places = [6, *(last - step * number for number in range(count - 2, -1, -1))]
    corners = {(6, 6), (6, last), (last, 6)}
    yield from ((line, column) for line in places for column in places if (line, column) not in corners)


def _format_places(size: int, mask: int) -> dict[int, bool]:
    """Level and mask, beside the upper left finder and once more beside the others; and the module always black."""
    wide = width(size)
    said = (_LEVEL_M << 3 | mask) << 10
    said = (said | _remainder(said, _FORMAT)) ^ _FORMAT_MASK
    near = [*range(6), 7, 8]
    down = [(line, 8) for line in near] + [(8, column) for column in (7, 5, 4, 3, 2, 1, 0)]
    apart = [(8, wide - 1 - bit) for bit in range(8)] + [(wide - 7 + bit, 8) for bit in range(7)]
    found = {(wide - 8) * wide + 8: True}
    for places in (down, apart):
        found |= {line * wide + column: bool(said >> bit & 1) for bit, (line, column) in enumerate(places)}
    return found


def _remainder(value: int, generator: int) -> int:
    """Of a division of polynomials over two."""
    while value.bit_length() >= generator.bit_length():
        value ^= generator << value.bit_length() - generator.bit_length()
    return value
