"""What counts as a photo, by its own bytes; and its chunks on the wire."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.city.photos import LARGEST, BadPhoto, chunk_of, named_in, picture_of, read_chunk
from protocol.city.topics import BadAck, PhotoWord, ack_of

Photo = Callable[..., bytes]


@pytest.mark.parametrize(
    ("kind", "media"),
    [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp"), ("lossless", "image/webp")],
)
def test_a_picture_is_told_by_its_own_bytes(a_photo: Photo, kind: str, media: str) -> None:
    if kind == "lossless":
        from io import BytesIO

        from PIL import Image

        out = BytesIO()
        Image.new("RGB", (48, 31)).save(out, "WEBP", lossless=True)
        picture = picture_of(out.getvalue())
        assert (picture.kind, picture.width, picture.height) == (media, 48, 31)
        return
    picture = picture_of(a_photo(side=48, kind=kind))
    assert (picture.kind, picture.width, picture.height) == (media, 48, 48)


def test_an_extended_webp_states_its_size_at_another_place() -> None:
    head = b"RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00"
    picture = picture_of(head + (639).to_bytes(3, "little") + (479).to_bytes(3, "little"))
    assert (picture.width, picture.height) == (640, 480)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "not_a_photo"),
        (b"<svg onload=alert(1)>", "not_a_photo"),
        (b"GIF89a" + bytes(40), "not_a_photo"),
        (b"\xff\xd8\xff", "not_a_photo"),
        (b"\xff\xd8\xff\xe0" + bytes(200), "not_a_photo"),
        (b"\x89PNG\r\n\x1a\n" + bytes(4), "not_a_photo"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 " + bytes(40), "not_a_photo"),
        (b"RIFF\x00\x00\x00\x00WEBP", "not_a_photo"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR" + bytes(8), "photo_sides"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x20\x00\x00\x00\x00\x10", "photo_sides"),
        (b"\xff\xd8\xff" + bytes(LARGEST), "photo_large"),
    ],
)
def test_what_is_none_says_why(data: bytes, code: str) -> None:
    with pytest.raises(BadPhoto) as bad:
        picture_of(data)
    assert bad.value.code == code


@given(st.binary(max_size=80), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF1234WEBP"]))
def test_any_bytes_are_a_picture_or_say_why_not(data: bytes, head: bytes) -> None:
    try:
        picture_of(head + data)
    except BadPhoto as bad:
        assert bad.code in ("not_a_photo", "photo_sides")


@given(st.integers(0, 2000), st.binary(min_size=1, max_size=200))
def test_a_chunk_is_read_as_it_was_made(offset: int, data: bytes) -> None:
    for size in (offset + len(data), LARGEST):
        assert read_chunk(chunk_of(data, offset, size)) == (offset, size, data)


@pytest.mark.parametrize(
    "payload", [b"", bytes(8), chunk_of(b"abc", 8, 10), chunk_of(b"a", 0, LARGEST + 1), b"1234567"]
)
def test_what_is_no_chunk_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match="bytes"):
        read_chunk(payload)


def test_a_correction_names_the_photos_of_what_holds() -> None:
    assert named_in({"photos": ["a"], "now": {"photos": ["b"]}}) == ("a", "b")
    assert named_in({"now": "before", "photos": None}) == ()


def test_the_photos_of_a_delivery_s_lines_are_named_after_its_own() -> None:
    lines = [{"photos": ["b", "c"]}, {"photos": None}, {}, "x", {"photos": ["d"]}]
    assert named_in({"photos": ["a"], "lines": lines}) == ("a", "b", "c", "d")
    assert named_in({"lines": 7}) == named_in({"lines": None}) == ()


def test_a_jpeg_states_its_size_behind_other_segments_and_fillers() -> None:
    size = b"\xff\xc0\x00\x11\x08" + (480).to_bytes(2, "big") + (640).to_bytes(2, "big")
    comment, filler, restart = b"\xff\xfe\x00\x04hi", b"\xff", b"\xff\xd0"
    long = b"\xff\xe1\x01\x04" + bytes(0x0102)  # as the Exif of a camera
    for head in (b"", comment, comment * 2, long, filler * 2, restart, comment + restart + filler):
        picture = picture_of(b"\xff\xd8" + head + (size if head else comment + size))
        assert (picture.kind, picture.width, picture.height) == ("image/jpeg", 640, 480)
    with pytest.raises(BadPhoto, match="without its size"):
        picture_of(b"\xff\xd8" + comment + size[:-1])
    with pytest.raises(BadPhoto, match="without its size"):
        picture_of(b"\xff\xd8" + comment + b"\x00" + size)


@pytest.mark.parametrize(
    "word",
    [
        {"sha256": "0" * 63, "have": 1},
        {"sha256": "0" * 64, "have": True},
        {"sha256": "0" * 64, "have": -1},
        {"sha256": "0" * 64},
        {"sha256": 7, "have": 1},
        "x",
    ],
)
def test_a_word_about_a_photo_is_whole_or_none(word: Any) -> None:
    with pytest.raises(BadAck):
        ack_of({"photos": [word]})
    assert ack_of({"photos": [{"sha256": "a" * 64, "have": 3}]}).photos == (PhotoWord("a" * 64, 3),)
