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


@given(st.integers(0, len(STREAM) - 1), st.integers(1, 255), st.sampled_from(["flip", "lose", "double"]))
def test_a_damaged_byte_never_gives_another_file(damage, at, flip, what):
    spoilt = damage(STREAM, at, what, flip) + wrap(b"end" * LONGEST_HEAD) * 2
    assert set(read(spoilt)) <= {*CONTENTS, b"end" * LONGEST_HEAD}
    assert read(spoilt)[-1] == b"end" * LONGEST_HEAD


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


def test_a_file_too_large_is_announced_without_its_content():
    assert Files().feed(head(CAP + 1, "0" * 16)) == [File("0" * 16, None)]


@pytest.mark.parametrize("piece", [b"x" * 100_000, b"\x1cFILE " * 10_000, b"\x1c" * 100_000])
def test_an_endless_stream_stays_bounded(piece):
    reader = Files()
    for _ in range(100):
        reader.feed(piece)
        assert len(reader._buffer) <= CAP + len(piece)


def test_receipts_say_what_became_of_a_file():
    name = digest(b"x")
    assert receipts(receipt(name, taken=True) + b"noise" + receipt(name, taken=False)) == [(name, True), (name, False)]
