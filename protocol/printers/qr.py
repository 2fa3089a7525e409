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
_NUMBER, _LETTER, _BYTE = 1, 2, 4  # 7.3: modes, with the bits of a chunk's length for versions to 9, to 26, to 40
_LENGTH = {_NUMBER: (10, 12, 14), _LETTER: (9, 11, 13), _BYTE: (8, 16, 16)}
_SHORT = ((re.compile(rb"\A[0-9]+\Z"), _NUMBER), (re.compile(rb"\A[0-9A-Z $%*+./:-]+\Z"), _LETTER))
_LONG = (
    (re.compile(rb"[0-9]{%d,}" % CHUNK), _NUMBER),
    (re.compile(rb"[0-9A-Z $%%*+./:-]{%d,}" % CHUNK), _LETTER),
)
_PADS = b"\xec\x11"  # 7.4.10, in turns
_LETTERS = {letter: value for value, letter in enumerate(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")}


class _Chunk(NamedTuple):
    mode: int
    data: bytes


def lines(payload: str, mask: int) -> tuple[str, ...]:
    """The modules without a quiet zone, a text a line, "1" for black. Raises ValueError for more than one code
    holds."""
    size = version(payload)
    order, template = _order(size), _template(size, mask)
    width = qr_frame.width(size)
    bits = f"{int.from_bytes(_codewords(payload, size)):0{8 * sum(_capacity(size))}b}00000000"  # up to 7 are left over
    black = f"{int(''.join(order(bits)), 2) ^ template:0{width * width}b}"
    return tuple(black[start : start + width] for start in range(0, len(black), width))


@lru_cache(maxsize=32)
def version(payload: str) -> int:
    """The smallest code that holds the payload (7.4): 1 to 40. Raises ValueError."""
    chunks = _chunks(payload)
    data = sum(4 + len(_bits(chunk)) for chunk in chunks)
    for size in range(1, qr_frame.VERSIONS + 1):
        if data + sum(_length(chunk.mode, size) for chunk in chunks) <= 8 * _capacity(size)[0]:
            return size
    raise ValueError(f"{len(payload)} bytes are more than a QR code holds")


def _length(mode: int, size: int) -> int:
    return _LENGTH[mode][(size > 9) + (size > 26)]


@lru_cache(maxsize=32)
def _chunks(payload: str) -> tuple[_Chunk, ...]:
    """Digits in a row, then capital letters in a row, and the bytes between them."""
    data = payload.encode("ascii")
    chunks = [_Chunk(_BYTE, data)] if data else []
    for pattern, mode in _LONG if len(data) > CHUNK else _SHORT:
        chunks = [
            part for chunk in chunks for part in (_split(chunk, pattern, mode) if chunk.mode == _BYTE else [chunk])
        ]
    return tuple(chunks)


def _split(chunk: _Chunk, pattern: re.Pattern[bytes], mode: int) -> Iterator[_Chunk]:
    if chunk.mode != _BYTE:
        yield chunk
        return
    start = 0
    for found in pattern.finditer(chunk.data):
        if found.start() > start:
            yield _Chunk(_BYTE, chunk.data[start : found.start()])
        yield _Chunk(mode, found[0])
        start = found.end()
    if start < len(chunk.data):
        yield _Chunk(_BYTE, chunk.data[start:])


def _bits(chunk: _Chunk) -> str:
    """A chunk's data: three digits take 10 bits, two letters 11, a byte 8."""
    data = chunk.data
    if chunk.mode == _NUMBER:
        threes = [data[start : start + 3] for start in range(0, len(data), 3)]
        return "".join(f"{int(three):0{(4, 7, 10)[len(three) - 1]}b}" for three in threes)
    if chunk.mode == _LETTER:
        values = [_LETTERS[letter] for letter in data]
        pairs = "".join(f"{one * 45 + two:011b}" for one, two in zip(values[::2], values[1::2], strict=False))
        return pairs + (f"{values[-1]:06b}" if len(values) % 2 else "")
    return f"{int.from_bytes(data):0{8 * len(data)}b}" if data else ""


def _codewords(payload: str, size: int) -> bytes:
    """Data and error correction as they lie in the code, block by block in turns (7.4.10, 7.5, 7.6)."""
    room, _ = _capacity(size)
    text = "".join(
        f"{chunk.mode:04b}{len(chunk.data):0{_length(chunk.mode, size)}b}{_bits(chunk)}" for chunk in _chunks(payload)
    )
    text += "0" * min(4, 8 * room - len(text))
    text += "0" * (-len(text) % 8)
    data = int(text, 2).to_bytes(len(text) // 8)
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
def _template(size: int, mask: int) -> int:
    """The code of this version with nothing but zeroes for data, line by line, the first module the highest bit."""
    return int("".join("1" if black else "0" for black in qr_frame.empty(size, mask)), 2)


@lru_cache(maxsize=8)
def _order(size: int) -> Any:
    """Picks the bit of each module out of a code's data, bit by bit; for one that holds none a zero behind its end."""
    width, bits, holds = qr_frame.width(size), 8 * sum(_capacity(size)), qr_frame.data_places(size)
    places = [bits] * (width * width)
    for place, module in enumerate(one for one in _way(width) if one in holds):
        places[module] = place
    return itemgetter(*places)


def _way(width: int) -> Iterator[int]:
    """Modules in the order of the data: columns in pairs from the right, up and down; the timing column is left
    out."""
    rows = range(width - 1, -1, -1)
    for right in (*range(width - 1, 6, -2), *range(5, 0, -2)):
        yield from (row * width + column for row in rows for column in (right, right - 1))
        rows = rows[::-1]
