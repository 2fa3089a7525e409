"""Records lie packed in the ledger; their exact bytes come back."""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.between.commands import Sell
from edge.records import packing
from edge.records.packing import pack, unpack

SMALL = 700  # bytes of a record, as promised of the file


@given(st.binary())
@example(b"")
@example(b"}" * 100_000)
def test_the_exact_bytes_come_back(rest: bytes) -> None:
    body = b"{" + rest
    assert pack(body)[0] == packing.DICTIONARY
    assert unpack(pack(body)) == body


@given(st.binary(max_size=2000))
def test_plain_bytes_are_taken_as_they_are(rest: bytes) -> None:
    assert unpack(b"{" + rest) == b"{" + rest


@given(st.binary(min_size=1, max_size=300), st.integers(0, 299), st.integers(1, 255))
def test_what_is_damaged_is_no_event_and_no_error(body: bytes, place: int, flip: int) -> None:
    stored = bytearray(pack(b"{" + body))
    stored[place % len(stored)] ^= flip
    assert isinstance(unpack(bytes(stored)), bytes)


@pytest.mark.parametrize("stored", [b"\x01", b"\xff abc", pack(b"{}")[:-1], pack(b"{}") + b"x"])
def test_what_cannot_be_unpacked_stays_as_it_lies_there(stored: bytes) -> None:
    assert unpack(stored) == stored


@pytest.mark.parametrize("words", [b"", b'"shop":"A-12","what":"cabbage"'], ids=["without", "with"])
def test_records_whose_random_parts_lie_within_are_read(words: bytes) -> None:
    """As the first ledgers have them."""
    body = b'{"id":"01a23187-bcc4-7c8c-abfd-f387d8406f11","shop":"A-12","what":"cabbage"}'
    packing.know(words)
    deflate = zlib.compressobj(3, zlib.DEFLATED, -14, zdict=packing._behind(1, words))
    head = bytes([packing.OWN, 1]) + packing.id_of(words) if words else b"\x01"
    assert unpack(head + deflate.compress(body) + deflate.flush()) == body


def test_records_with_own_words_of_the_first_form_are_read() -> None:
    """What lies behind their text is said behind it."""
    words, body = b'{"sig":"","what":"cabbage"}', b'{"sig":"' + b"A" * 86 + b'==","what":"cabbage"}'
    packing.know(words)
    deflate = zlib.compressobj(6, zlib.DEFLATED, -14, zdict=packing._behind(1, words))
    text = deflate.compress(b'{"sig":"","what":"cabbage"}') + deflate.flush()
    assert unpack(bytes([packing.OWN, 1]) + packing.id_of(words) + text + b"\x02" + bytes(64)) == body


def test_what_lies_behind_the_text_is_said_in_front_of_it_with_own_words() -> None:
    words = b'{"data":{"shop":"A-12"},"sig":""}'
    packing.know(words)
    packer = packing.Packer(words)
    body = b'{"data":{"shop":"A-12"},"sig":"' + b"A" * 86 + b'=="}'
    assert packer.pack(body)[:4] == bytes([packing.SHORT | 2]) + packing.id_of(words)[:3]
    assert len(packer.pack(body)) < 4 + 64 + 8
    assert unpack(packer.pack(body)) == body
    assert packer.pack(b"{}")[0] == packing.SHORT
    assert unpack(packer.pack(b"{}")) == b"{}"
    assert unpack(packer.pack(b"{}") + b"x") == packer.pack(b"{}") + b"x"


def test_nothing_unpacks_to_more_than_a_record_can_be() -> None:
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    stored = b"\x01" + bomb.compress(b" " * (packing.LARGEST + 1)) + bomb.flush()
    assert unpack(stored) == stored


def test_a_released_dictionary_stays_as_it_was() -> None:
    (one,) = sorted(Path(packing.__file__).parent.glob("dictionaries/*.txt"))
    assert (one.name, zlib.crc32(one.read_bytes())) == ("1.txt", 4241411972)


def test_records_of_each_kind_of_a_day_are_small(box: Callable[..., Any]) -> None:
    station = box()
    lot = station.releases()
    station.puts("1.500")
    station.does(Sell(scale="scale-1", product="01040201", lot=lot))
    rows = station.ledger.conn.execute("SELECT length(body), length(unpacked(body)) FROM events").fetchall()
    assert len(rows) >= 4
    assert all(stored < SMALL < body for stored, body in rows), rows


@pytest.mark.parametrize("first", [b"\x80", b"@", b"{", b'"', b"a"])
def test_words_of_before_are_read_wherever_in_a_letter_they_begin(tmp_path: Path, first: bytes) -> None:
    words = first + b'"type":"cn.marketedge.market.trade.completed.v1"}'
    (tmp_path / packing.OWN_FILE.format(packing.id_of(words).hex())).write_bytes(words)
    packing._folders.add(tmp_path)
    try:
        assert packing.files_in(tmp_path) == [words]
        assert packing.read_words(packing.pack(words)) == packing.read_words(words) == words
    finally:
        packing._folders.discard(tmp_path)
