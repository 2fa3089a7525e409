"""A QR code's modules (ISO/IEC 18004), level M, with a mask that is named.

What changes from code to code is put together here, in a hundredth of a library's time: a slip's customer waits for it.
What does not is in ``qr_frame.py``.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

from protocol.printers import qr_frame

CHUNK = 20  # so many digits or capital letters in a row, and a chunk of their own pays
_CLASSES = ((1, 9), (10, 26), (27, 40))  # versions whose chunks say their length in as many bits
_NUMBER, _LETTER, _BYTE = 1, 2, 4  # 7.3: modes, with those bits
_LENGTH = {_NUMBER: (10, 12, 14), _LETTER: (9, 11, 13), _BYTE: (8, 16, 16)}
_SHORT = ((re.compile(rb"\A[0-9]+\Z"), _NUMBER), (re.compile(rb"\A[0-9A-Z $%*+./:-]+\Z"), _LETTER))
_LONG = (
    (re.compile(rb"[0-9]{%d,}" % CHUNK), _NUMBER),
    (re.compile(rb"[0-9A-Z $%%*+./:-]{%d,}" % CHUNK), _LETTER),
)
_SPARE = 7  # modules that may be left over behind the data
_PADS = b"\xec\x11"  # 7.4.10, in turns
_LETTERS = {letter: value for value, letter in enumerate(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")}


class _Chunk(NamedTuple):
    """A part of a payload in one mode: how many characters, and what they are in so many bits."""

    mode: int
    length: int
    size: int
    value: int


def lines(payload: str, mask: int) -> tuple[str, ...]:
    """The modules without a quiet zone, a text a line, "1" for black. Raises ValueError for more than one code
    holds."""
    size = version(payload)
    pick, masked, fixed = _way_through(size, mask)
    width = qr_frame.width(size)
    data = int.from_bytes(_codewords(payload, size)) << _SPARE ^ masked
    black = "".join(pick(f"{data:0{8 * sum(_capacity(size)) + _SPARE}b}{fixed}"))
    return tuple([black[line::width] for line in range(width)])


@lru_cache(maxsize=32)
def version(payload: str) -> int:
    """The smallest code that holds the payload (7.4): 1 to 40. Raises ValueError."""
    chunks = _chunks(payload)
    data = sum([4 + chunk.size for chunk in chunks])
    for least, most in _CLASSES:
        bits = data + sum([_length(chunk.mode, most) for chunk in chunks])
        if bits <= 8 * _capacity(most)[0]:
            return next(size for size in range(least, most + 1) if bits <= 8 * _capacity(size)[0])
    raise ValueError(f"{len(payload)} bytes are more than a QR code holds")


def _length(mode: int, size: int) -> int:
    return _LENGTH[mode][(size > 9) + (size > 26)]


@lru_cache(maxsize=32)
def _chunks(payload: str) -> tuple[_Chunk, ...]:
    """Digits in a row, then capital letters in a row, and the bytes between them."""
    data = payload.encode("ascii")
    parts = [(_BYTE, data)] if data else []
    for pattern, mode in _LONG if len(data) > CHUNK else _SHORT:
        parts = [
            part for kind, run in parts for part in (_split(run, pattern, mode) if kind == _BYTE else [(kind, run)])
        ]
    return tuple([_Chunk(mode, len(run), *_bits(mode, run)) for mode, run in parts])


def _split(data: bytes, pattern: re.Pattern[bytes], mode: int) -> Iterator[tuple[int, bytes]]:
    """Bytes, and what is of another mode among them."""
    start = 0
    for found in pattern.finditer(data):
        if found.start() > start:
            yield _BYTE, data[start : found.start()]
        yield mode, found[0]
        start = found.end()
    if start < len(data):
        yield _BYTE, data[start:]


def _bits(mode: int, data: bytes) -> tuple[int, int]:
    """How many bits characters take in a mode, and their value: three digits take 10, two letters 11, a byte 8."""
    if mode == _BYTE:
        return 8 * len(data), int.from_bytes(data)
    size = value = 0
    if mode == _NUMBER:
        for start in range(0, len(data), 3):
            three = data[start : start + 3]
            more = (4, 7, 10)[len(three) - 1]
            size, value = size + more, value << more | int(three)
    else:
        for start in range(0, len(data) - 1, 2):
            size, value = size + 11, value << 11 | _LETTERS[data[start]] * 45 + _LETTERS[data[start + 1]]
        if len(data) % 2:
            size, value = size + 6, value << 6 | _LETTERS[data[-1]]
    return size, value


def _codewords(payload: str, size: int) -> bytes:
    """Data and error correction as they lie in the code, block by block in turns (7.4.10, 7.5, 7.6)."""
    room, _ = _capacity(size)
    length = value = 0
    for chunk in _chunks(payload):
        counted = _length(chunk.mode, size)
        length += 4 + counted + chunk.size
        value = ((value << 4 | chunk.mode) << counted | chunk.length) << chunk.size | chunk.value
    end = min(4, 8 * room - length)
    end += -(length + end) % 8
    data = (value << end).to_bytes((length + end) // 8)
    data += (_PADS * room)[: room - len(data)]
    blocks: list[bytes] = []
    checks: list[bytes] = []
    start = 0
    for held, corrected in qr_frame.blocks(size):
        block = data[start : start + held]
        blocks.append(block)
        checks.append(_check(block, corrected))
        start += held
    return _in_turns(blocks) + _in_turns(checks)


def _in_turns(blocks: Sequence[bytes]) -> bytes:
    """The first of each, the second of each, …; the later blocks may be one longer (table 9)."""
    short = len(blocks[0])
    return bytes(chain.from_iterable(zip(*blocks, strict=False))) + b"".join(block[short:] for block in blocks)


@lru_cache(maxsize=qr_frame.VERSIONS)
def _capacity(size: int) -> tuple[int, int]:
    """Bytes of data, and of error correction."""
    held, corrected = zip(*qr_frame.blocks(size), strict=True)
    return sum(held), sum(corrected)


# --- error correction (7.5) -----------------------------------------------------------------------------------------


def _check(block: bytes, count: int) -> bytes:
    """The remainder of the block's polynomial by the generator of ``count`` roots."""
    table, keep, top, rest = _multiples(count), (1 << 8 * (count - 1)) - 1, 8 * (count - 1), 0
    for one in block:
        rest = (rest & keep) << 8 ^ table[one ^ rest >> top]
    return rest.to_bytes(count)


@lru_cache(maxsize=32)
def _multiples(count: int) -> tuple[int, ...]:
    """Every multiple of the generator of ``count`` roots, without its leading term, as the integer of its bytes."""
    roots = [1]
    for _ in range(count - 1):
        roots.append(_times(roots[-1], 2))
    generator = [1]
    for root in roots:
        generator = [one ^ _times(two, root) for one, two in zip([*generator, 0], [0, *generator], strict=True)]
    return tuple(int.from_bytes(bytes(_times(one, value) for one in generator[1:])) for value in range(256))


def _times(one: int, two: int) -> int:
    """The product in GF(256) modulo x^8 + x^4 + x^3 + x^2 + 1."""
    product = 0
    while two:
        product ^= one if two & 1 else 0
        one = one << 1 ^ (0x11D if one & 0x80 else 0)
        two >>= 1
    return product


# --- where they lie (7.7) -------------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _way_through(size: int, mask: int) -> tuple[Any, int, str]:
    """What picks the modules, column by column, out of a code's data, bit by bit, with the modules that hold none
    behind it: those are the third answer.  The second is the mask, where the data is, which it is changed by before.
    """
    width, holds, empty = qr_frame.width(size), qr_frame.data_places(size), qr_frame.empty(size, mask)
    bits, masked, places = 8 * sum(_capacity(size)) + _SPARE, 0, {}
    for place, module in enumerate(one for one in _way(width) if one in holds):
        places[module] = place
        masked |= empty[module] << bits - 1 - place
    columns = [line * width + column for column in range(width) for line in range(width)]
    others = [module for module in columns if module not in holds]
    places |= {module: bits + place for place, module in enumerate(others)}
    fixed = "".join("1" if empty[module] else "0" for module in others)
    return itemgetter(*_slices([places[module] for module in columns])), masked, fixed


def _slices(places: Sequence[int]) -> Iterator[slice]:
    """The places, as slices one behind the other: a column's bits stand two apart, and backwards where it goes up."""
    start = 0
    while start < len(places):
        end = start + 1
        step = places[end] - places[start] if end < len(places) else 1
        while end < len(places) and places[end] - places[end - 1] == step:
            end += 1
        stop = places[end - 1] + (1 if step > 0 else -1)
        yield slice(places[start], stop if stop >= 0 else None, step)
        start = end


def _way(width: int) -> Iterator[int]:
    """Modules in the order of the data: columns in pairs from the right, up and down; the timing column is left
    out."""
    rows = range(width - 1, -1, -1)
    for right in (*range(width - 1, 6, -2), *range(5, 0, -2)):
        yield from (row * width + column for row in rows for column in (right, right - 1))
        rows = rows[::-1]
