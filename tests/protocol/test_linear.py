"""Twice the bytes cost twice the work, whatever the bytes are and in whatever pieces they come.

Work is counted, not timed: calls made, and bytes that buffers and patterns look at, move or hand out.  One decoder gets
all of it, and what it spent is read when it had n, 2n and 4n bytes; where they come whole, each has its own.
"""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from cProfile import Profile
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import formats
from protocol.framing import Lines, Scanner
from protocol.readings import Garbage
from protocol.session import Decoder
from simulator.bench.recording import noises, record

WHOLE = 0  # all of it in one piece
SIZES = {1: 96, 64: 384, WHOLE: 320}  # bytes in a piece: bytes fed at first, then twice and four times as many
TWICE = 2.2
LEVELS = ((1, 128), (4, 512), (16, 512))  # so many times that; bytes a buffer may hold and look at anew with each piece
every_format = pytest.mark.parametrize("format_id", formats.ids())


# --- counting -------------------------------------------------------------------------------------------------------


class Work:
    """Bytes looked at so far, whoever looked."""

    looked = 0

    @classmethod
    def look(cls, count: int) -> None:
        if count > 0:
            cls.looked += count


WORK = Work


class _Counted:
    """What ``bytes`` and ``bytearray`` do with their bytes, counted."""

    def find(self, what: Any, start: int = 0, end: int | None = None) -> int:
        stop = len(self) if end is None else end  # type: ignore[arg-type]
        found: int = super().find(what, start, stop)  # type: ignore[misc]
        WORK.look((stop if found < 0 else found + 1) - start)
        return found

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
        WORK.look(len(self))  # type: ignore[arg-type]
        return iter(super().__iter__())  # type: ignore[misc]

    def __getitem__(self, key: Any) -> Any:
        got = super().__getitem__(key)  # type: ignore[misc]
        if type(got) is int:
            WORK.looked += 1
            return got
        WORK.looked += len(got)
        return self.__class__(got)  # type: ignore[call-arg]

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


Spent = tuple[int, int]
"""Calls made, and bytes looked at."""


def spent(decoder: Decoder, stream: bytes, piece: int, marks: Sequence[int]) -> list[Spent]:
    """What was spent when the decoder had so many bytes; with the end when they come in one piece."""
    found: list[Spent] = []
    profile, start, last = Profile(int), WORK.looked, marks[-1]  # ``int`` as a clock: time is not asked for
    for at in range(0, last, piece):
        data = Bytes(stream[at : at + piece])
        profile.enable()
        decoder.feed(data)
        if piece == last:
            decoder.finish()
        profile.disable()
        if at + piece >= marks[len(found)]:
            found.append((sum(entry.callcount for entry in profile.getstats()), WORK.looked - start))
    return found


def growth(make: Callable[[], Decoder], stream: bytes, piece: int, marks: Sequence[int]) -> list[Spent]:
    if piece:
        return spent(make(), stream, piece, marks)
    return [spent(make(), stream, mark, [mark])[0] for mark in marks]


def assert_linear(make: Callable[[], Decoder], unit: bytes, piece: int, start: bytes = b"") -> None:
    """``start`` and then one thing over and over costs by how often it comes.

    A buffer that fills for the first time and a long frame that never ends cost more for a while: what grows faster in
    few bytes is looked at again in more.
    """
    found = []
    for more, cap in LEVELS:
        times = -(-SIZES[piece] * more // len(unit))
        marks = [len(start) + len(unit) * times * fold for fold in (1, 2, 4)]
        costs = growth(make, start + unit * times * 4, piece, marks)
        if all(map(_linear, zip(*costs, strict=True), (3 * cap, cap * cap // 2 // (piece or cap) + 2 * cap))):
            return
        found.append(costs)
    raise AssertionError(f"pieces of {piece}: {found}")


def _linear(costs: tuple[int, ...], spare: int) -> bool:
    once, twice, four = costs
    return twice <= TWICE * once + spare and four <= 2 * TWICE * once + 3 * spare


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
@pytest.mark.parametrize("piece", [1, 64])
def test_a_decoder_that_begins_anew_with_every_piece_is_found_out(bad: type[Forgetful], piece: int) -> None:
    with pytest.raises(AssertionError):
        assert_linear(bad, b"z", piece)


class Sliding(Forgetful):
    def feed(self, data: bytes) -> list[Any]:
        return [at for at in range(len(data)) if data.find(b"\r", at) >= 0]


def test_a_decoder_that_begins_anew_with_every_byte_of_a_piece_is_found_out() -> None:
    with pytest.raises(AssertionError):
        assert_linear(Sliding, b"z", WHOLE)


class Rescanning:
    """A good decoder of a format, begun anew with all that was heard so far."""

    def __init__(self, format_id: str) -> None:
        self._make = formats.find(format_id).reads
        self._heard = b""

    def feed(self, data: bytes) -> list[Any]:
        self._heard += bytes(data)
        return self._make().feed(Bytes(self._heard))

    def finish(self) -> list[Any]:
        return []


def test_a_format_begun_anew_with_every_piece_is_found_out() -> None:
    with pytest.raises(AssertionError):
        assert_linear(lambda: Rescanning("st_gs"), recorded("st_gs").frames[0], 64)


# --- the framers ----------------------------------------------------------------------------------------------------


def scanner() -> Scanner:
    """Frames ``A5 length …``, at most 20 bytes, none of which is right."""

    def measure(buffer: bytes) -> int | None:
        if len(buffer) < 2:
            return None
        return buffer[1] + 3 if buffer[1] <= 17 else 0

    return Scanner(measure, lambda frame: Garbage(frame, "sum"), head=b"\xa5", cap=64, look=2)


def lines() -> Lines:
    return Lines(lambda line: Garbage(line, "no line of ours"), terminator=b"\r\n")


@pytest.mark.parametrize("unit", [b"\xa5", b"\xa5\xff", b"\x00", b"\xa5\x05abc", b"\r", b"\r\n", b"ab\r\r\n"])
@pytest.mark.parametrize("make", [scanner, lines])
@pytest.mark.parametrize("piece", SIZES)
def test_noise_costs_by_the_byte(make: Callable[[], Decoder], unit: bytes, piece: int) -> None:
    assert_linear(make, unit, piece)


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
            assert_linear(form.reads, unit, piece)


@every_format
def test_all_of_them_in_one_piece_cost_by_the_byte(format_id: str) -> None:
    form, frame = formats.find(format_id), recorded(format_id).frames[0]
    for unit in {frame[:1], frame[:-1] or frame, frame}:
        assert_linear(form.reads, unit, WHOLE)


@every_format
def test_a_frame_that_never_ends_costs_by_the_byte(format_id: str) -> None:
    form, frame = formats.find(format_id), recorded(format_id).frames[0]
    for piece in SIZES:
        assert_linear(form.reads, b"7", piece, start=frame[: len(frame) // 2 + 1])


@every_format
def test_frames_with_a_wrong_byte_each_cost_by_the_byte(format_id: str) -> None:
    form = formats.find(format_id)
    for piece in (1, 64):
        recording = recorded(format_id)
        made = noises(recording, max(SIZES[piece], 2 * max(map(len, recording.frames))))
        for name in ("heads", "damaged"):
            assert_linear(form.reads, made[name], piece, start=made[name])


@every_format
@settings(max_examples=5)
@given(data=st.data())
def test_anything_over_and_over_costs_by_the_byte(format_id: str, data: st.DataObject) -> None:
    form = formats.find(format_id)
    known = st.sampled_from(beginnings(format_id))
    unit = b"".join(data.draw(st.lists(st.one_of(known, st.binary(min_size=1, max_size=6)), min_size=1, max_size=4)))
    assert_linear(form.reads, unit, data.draw(st.sampled_from([1, 64])))
