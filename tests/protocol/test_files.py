from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.files import CAP, LONGEST_HEAD, File, Files, digest, head, receipt, receipts, wrap
from protocol.readings import Garbage

CONTENTS = [b"a,b\r\n1,2\r\n", b"", b"\x1cFILE 3 not a head\n", "检测结果\n".encode("utf-16")]
STREAM = b"".join(map(wrap, CONTENTS))


def read(stream, cuts=()):
    reader = Files()
    edges = [0, *sorted(cuts), len(stream)]
    found = [each for a, b in pairwise(edges) for each in reader.feed(stream[a:b])]
    return [each.content for each in found if isinstance(each, File)]


def test_a_file_comes_out_of_its_envelope_unchanged():
    assert read(STREAM) == CONTENTS
    assert Files().feed(wrap(b"x")) == [File(digest(b"x"), b"x")]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_any_chunking_gives_the_same_files(cuts):
    assert read(STREAM, cuts) == CONTENTS
    assert read(b"tail of a file" + STREAM, cuts) == CONTENTS


@given(st.binary(max_size=300))
def test_noise_never_raises_and_the_next_file_is_found(noise):
    assert read(noise + STREAM)[-len(CONTENTS) :] == CONTENTS


END = b"end" * LONGEST_HEAD
HEADS = [STREAM.index(wrap(content)) for content in CONTENTS]


@pytest.mark.parametrize(
    ("what", "flips"), [("flip", [*(1 << bit for bit in range(8)), 0x0F, 0xFF]), ("lose", [1]), ("double", [1])]
)
def test_a_damaged_byte_never_gives_another_file_and_costs_no_more_than_two(damage, what, flips):
    """Every byte. (With all 255 flips of each it was true as well; that takes ten seconds.)"""
    for at in range(len(STREAM)):
        for flip in flips:
            found = read(damage(STREAM, at, what, flip) + wrap(END) * 2)
            assert set(found) <= {*CONTENTS, END}, (at, flip)
            assert found[-1] == END, (at, flip)
            assert len(found) >= len(CONTENTS) + 2 - (2 if what == "lose" else 1), (at, flip)


def test_a_damaged_head_costs_its_own_file_alone(damage):
    """Whatever its length says then: 19 bytes had become 199, and the files behind were swallowed."""
    for begin, content in zip(HEADS, CONTENTS, strict=True):
        others = [one for one in CONTENTS if one != content]
        for at in range(begin + 1, begin + wrap(content).index(b"\n")):
            for what in ("flip", "lose", "double"):
                spoilt = damage(STREAM, at, what)
                if spoilt != STREAM:
                    assert read(spoilt) in (others, CONTENTS), (at, what)


def test_a_head_with_a_length_that_is_not_its_own_is_none():
    told = head(10, digest(b"0123456789"))
    for length in (b"1", b"100", b"010", b"999999999999"):
        assert read(told.replace(b" 10 ", b" " + length + b" ") + b"0123456789" + wrap(b"next")) == [b"next"]


def test_heads_without_their_files_cost_by_the_byte(monkeypatch):
    hashed = []
    monkeypatch.setattr("protocol.files.sha256", lambda data: hashed.append(len(data)) or sha256(data))
    stream = head(20_000, "0" * 16) * 2000
    reader = Files()
    assert not [one for one in reader.feed(stream) if isinstance(one, File)]
    assert sum(hashed) <= len(stream)


def test_a_stream_without_an_envelope_is_one_file():
    reader = Files()
    assert [reader.feed(bytes((byte,))) for byte in b"a,b\n1,2\x1c\n"] == [[]] * 9
    assert reader.finish() == [File(digest(b"a,b\n1,2\x1c\n"), b"a,b\n1,2\x1c\n")]
    assert reader.finish() == []


def test_a_cut_file_is_garbage():
    reader = Files()
    assert reader.feed(wrap(b"x" * 100)[:-1]) == []
    assert isinstance(reader.finish()[0], Garbage)


def test_a_head_of_more_than_is_read_is_none():
    assert read(head(CAP + 1, "0" * 16) + wrap(b"next")) == [b"next"]


@pytest.mark.parametrize("piece", [b"x" * 100_000, b"\x1cFILE " * 10_000, b"\x1c" * 100_000])
def test_an_endless_stream_stays_bounded(piece):
    reader = Files()
    for _ in range(100):
        reader.feed(piece)
        assert len(reader._buffer) <= CAP + len(piece)


def test_receipts_say_what_became_of_a_file():
    name = digest(b"x")
    told = receipt(name, taken=True) + b"noise" + receipt(name, taken=False, why="no column\nfor 项目\x1b[31m")
    assert receipts(told) == [(name, True, ""), (name, False, "no column for 项目 [31m")]
    assert receipts(receipt(name, taken=False)) == [(name, False, "")]
