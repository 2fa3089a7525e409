"""Twice the bytes cost twice the work, whatever the bytes are and in whatever pieces they come.

Work is counted, not timed: calls made, and bytes that buffers and patterns look at, move or hand out.
"""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import formats
from protocol.session import Decoder
from simulator.bench.recording import noises, record

SIZES = {1: 384, 64: 1024, 4096: 4096}  # bytes in a piece: bytes fed at first, then twice and four times as many
TWICE = 2.2
SPARE_CALLS = 1500  # for a buffer that is full for the first time
CAP = 512  # bytes that a small frame's buffer may hold, looked at anew with each piece
every_format = pytest.mark.parametrize("format_id", formats.ids())


# --- counting -------------------------------------------------------------------------------------------------------


@dataclass
class Work:
    calls: int = 0
    looked: int = 0
    on: bool = field(default=False, repr=False)

    def look(self, count: int) -> None:
        if self.on:
            self.looked += max(count, 0)

    def call(self, _frame: Any, event: str, _arg: Any) -> None:
        if event in ("call", "c_call"):
            self.calls += 1


WORK = Work()


def _reach(buffer: Any, found: int, size: int, start: int, end: int | None) -> None:
    """What a search from the left looked at."""
    stop = len(buffer) if end is None else min(end, len(buffer))
    WORK.look((found + size if found >= 0 else stop) - start)


class _Counted:
    """What ``bytes`` and ``bytearray`` do with their bytes, counted."""

    def find(self, what: Any, start: int = 0, end: int | None = None) -> int:
        found = super().find(what, start, len(self) if end is None else end)  # type: ignore[misc]
        _reach(self, found, 1 if isinstance(what, int) else len(what), start, end)
        return int(found)

    def index(self, what: Any, start: int = 0, end: int | None = None) -> int:
        if (found := self.find(what, start, end)) < 0:
            raise ValueError("not found")
        return found

    def rfind(self, what: Any, *span: int) -> int:
        WORK.look(len(self))  # type: ignore[arg-type]
        return int(super().rfind(what, *span))  # type: ignore[misc]

    def __contains__(self, what: Any) -> bool:
        return self.find(what) >= 0

    def count(self, *what: Any) -> int:
        WORK.look(len(self))  # type: ignore[arg-type]
        return int(super().count(*what))  # type: ignore[misc]

    def __iter__(self) -> Iterator[int]:
        for byte in super().__iter__():  # type: ignore[misc]
            WORK.look(1)
            yield byte

    def __getitem__(self, key: Any) -> Any:
        got = super().__getitem__(key)  # type: ignore[misc]
        if not isinstance(key, slice):
            WORK.look(1)
            return got
        WORK.look(len(got))
        return type(self)(got)  # type: ignore[call-arg]

    def __add__(self, other: Any) -> Any:
        WORK.look(len(self) + len(other))  # type: ignore[arg-type]
        return type(self)(bytes(self) + bytes(other))  # type: ignore[call-overload,call-arg]

    def __radd__(self, other: Any) -> Any:
        WORK.look(len(self) + len(other))  # type: ignore[arg-type]
        return type(self)(bytes(other) + bytes(self))  # type: ignore[call-overload,call-arg]


class Bytes(_Counted, bytes):
    pass


class ByteArray(_Counted, bytearray):
    def __iadd__(self, other: Any) -> Any:
        WORK.look(len(other))
        return super().__iadd__(other)

    def extend(self, other: Any) -> None:
        WORK.look(len(other))
        super().extend(other)

    def __delitem__(self, key: Any) -> None:
        """Bytes cut off the front are not moved; behind a gap they are."""
        before = len(self)
        super().__delitem__(key)
        if isinstance(key, slice) and (key.start or 0) > 0:
            WORK.look(min(before, len(self) - key.start))


class Pattern:
    """A pattern that counts how far it looked: to the end of what it found, or of what it was given."""

    def __init__(self, inner: re.Pattern[Any]) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def _one(self, name: str, text: Any, span: tuple[int, ...]) -> Any:
        found = getattr(self._inner, name)(text, *span)
        start = span[0] if span else 0
        # A match that fails at its first letters looked at no more; how many it were nobody tells.
        WORK.look((found.end() if found else len(text) if name == "search" else min(len(text), 64)) - start)
        return found

    def search(self, text: Any, *span: int) -> Any:
        return self._one("search", text, span)

    def match(self, text: Any, *span: int) -> Any:
        return self._one("match", text, span)

    def fullmatch(self, text: Any, *span: int) -> Any:
        return self._one("fullmatch", text, span)

    def sub(self, new: Any, text: Any, *more: Any) -> Any:
        WORK.look(len(text))
        return self._inner.sub(new, text, *more)

    def split(self, text: Any, *more: Any) -> Any:
        WORK.look(len(text))
        return self._inner.split(text, *more)

    def findall(self, text: Any, *span: int) -> Any:
        WORK.look(len(text))
        return self._inner.findall(text, *span)

    def finditer(self, text: Any, *span: int) -> Any:
        WORK.look(len(text))
        return self._inner.finditer(text, *span)


@pytest.fixture(autouse=True, scope="module")
def counted() -> Iterator[None]:
    """Every buffer and every pattern of the protocols counts while these tests run."""
    for name in formats.ids():
        formats.find(name)
    ours = [module for name, module in sys.modules.items() if name.startswith("protocol.")]
    with pytest.MonkeyPatch.context() as patch:
        for module in ours:
            patch.setattr(module, "bytearray", ByteArray, raising=False)
            for name, value in list(vars(module).items()):
                if isinstance(value, re.Pattern):
                    patch.setattr(module, name, Pattern(value))
        yield


def work(decoder: Decoder, stream: bytes, piece: int) -> tuple[int, int]:
    """Calls made, and bytes looked at."""
    pieces = [Bytes(stream[at : at + piece]) for at in range(0, len(stream), piece)]
    WORK.calls = WORK.looked = 0
    WORK.on = True
    sys.setprofile(WORK.call)
    try:
        for data in pieces:
            decoder.feed(data)
        decoder.finish()
    finally:
        sys.setprofile(None)
        WORK.on = False
    return WORK.calls, WORK.looked


def assert_linear(make: Callable[[], Decoder], unit: bytes, piece: int, start: bytes = b"") -> None:
    """``start`` and then one thing over and over costs by how often it comes."""
    times = -(-SIZES[piece] // len(unit))
    once, twice, four = (work(make(), start + unit * times * more, piece) for more in (1, 2, 4))
    for which, spare in ((0, SPARE_CALLS), (1, CAP * CAP // piece + 2 * CAP)):
        assert twice[which] <= TWICE * once[which] + spare, (piece, once, twice)
        assert four[which] <= 2 * TWICE * once[which] + 3 * spare, (piece, once, four)


# --- the counting itself --------------------------------------------------------------------------------------------


class Forgetful:
    """A decoder that looks at all it has whenever something comes: what must not be."""

    def __init__(self) -> None:
        self._buffer = ByteArray()

    def feed(self, data: bytes) -> list[Any]:
        self._buffer += data
        return [] if self._buffer.find(b"\r") < 0 else [1]

    def finish(self) -> list[Any]:
        return []


class Copying(Forgetful):
    def __init__(self) -> None:
        self._kept = b""

    def feed(self, data: bytes) -> list[Any]:
        self._kept = self._kept + data
        return []


class Searching(Forgetful):
    def feed(self, data: bytes) -> list[Any]:
        self._buffer += data
        return Pattern(re.compile(rb"x+y")).findall(self._buffer)


class Calling(Forgetful):
    def __init__(self) -> None:
        self._all: list[int] = []

    def feed(self, data: bytes) -> list[Any]:
        self._all += data
        for one in self._all:
            abs(one)
        return []


@pytest.mark.parametrize("bad", [Forgetful, Copying, Searching, Calling])
def test_a_decoder_that_begins_anew_with_every_piece_is_found_out(bad: type[Forgetful]) -> None:
    with pytest.raises(AssertionError):
        assert_linear(bad, b"z", 64)


# --- the formats ----------------------------------------------------------------------------------------------------


@cache
def recorded(format_id: str) -> Any:
    return record(formats.find(format_id), 1024)


def beginnings(format_id: str) -> list[bytes]:
    """The first frame's beginnings and its end, over and over: a decoder looks for a frame that never comes."""
    frame = recorded(format_id).frames[0]
    begun = {frame[:length] for length in (1, 2, 4, len(frame) // 2, len(frame) - 1) if 0 < length < len(frame)}
    return sorted({*begun, frame, frame[-1:], b"\r", b"\0", b"9"})


@every_format
def test_beginnings_and_ends_over_and_over_cost_by_the_byte(format_id: str) -> None:
    form = formats.find(format_id)
    for unit in beginnings(format_id):
        for piece in (1, 64):
            assert_linear(form.decoder, unit, piece)


@every_format
def test_large_pieces_of_them_cost_by_the_byte(format_id: str) -> None:
    form, frame = formats.find(format_id), recorded(format_id).frames[0]
    for unit in (frame[:1], frame[:-1], frame):
        if unit:
            assert_linear(form.decoder, unit, 4096)


@every_format
def test_a_frame_that_never_ends_costs_by_the_byte(format_id: str) -> None:
    form, frame = formats.find(format_id), recorded(format_id).frames[0]
    for piece in SIZES:
        assert_linear(form.decoder, b"7", piece, start=frame[: len(frame) // 2 + 1])


@every_format
def test_frames_with_a_wrong_byte_each_cost_by_the_byte(format_id: str) -> None:
    form = formats.find(format_id)
    for piece in (1, 64):
        recording = recorded(format_id)
        made = noises(recording, max(SIZES[piece], 2 * max(map(len, recording.frames))))
        for name in ("heads", "damaged"):
            assert_linear(form.decoder, made[name], piece, start=made[name])


@every_format
@settings(max_examples=5)
@given(data=st.data())
def test_anything_over_and_over_costs_by_the_byte(format_id: str, data: st.DataObject) -> None:
    form = formats.find(format_id)
    known = st.sampled_from(beginnings(format_id))
    unit = b"".join(data.draw(st.lists(st.one_of(known, st.binary(min_size=1, max_size=6)), min_size=1, max_size=4)))
    assert_linear(form.decoder, unit, data.draw(st.sampled_from([1, 64])))
