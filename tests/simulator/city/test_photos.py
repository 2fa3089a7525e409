"""The city keeps photos that accepted records name, chunk by chunk, when they are what their name says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from protocol.city.photos import chunk_of, hash_of
from protocol.city.topics import PhotoWord
from simulator.city.reader import Reader
from simulator.city.store import Store

pytestmark = pytest.mark.broker


def send(wire: Any, station: Any, data: bytes, sha256: str, *pieces: tuple[int, int]) -> None:
    for begin, end in pieces:
        wire.client.publish(station.topics.photo(sha256), chunk_of(data[begin:end], begin, len(data)), qos=1)


def said(wire: Any) -> list[tuple[int, str]]:
    return [(word.have, word.code) for ack in wire.acks for word in ack.photos]


def test_a_photo_is_kept_when_its_record_came_and_is_shown_with_it(town: Any, a_photo: Callable[..., bytes]) -> None:
    city, station, wire = town
    data = a_photo()
    name, size = hash_of(data), len(data)
    wire.event(station.entry(1))
    wire.until(lambda w: w.upto == 1)
    send(wire, station, data, name, (0, 100))
    wire.until(lambda w: said(w) == [(0, "unknown")])
    wire.event(station.entry(2, photos=[name]))
    wire.until(lambda w: w.upto == 2)
    for pieces, have in (((0, 100), 100), ((0, 100), 100), ((200, 300), 100), ((50, 1000), 1000), ((1000, size), size)):
        before = len(said(wire))
        send(wire, station, data, name, pieces)
        wire.until(lambda w, before=before: len(said(w)) > before)
        assert said(wire)[-1] == (have, "")
    with httpx.Client(base_url=city.url, timeout=10) as http:
        page = http.get("/photos").text
        assert f"/photos/{name}" in page and "/photos" in http.get("/").text
        shown = http.get(f"/photos/{name}")
        assert (shown.content, shown.headers["content-type"]) == (data, "image/jpeg")
        assert http.get(f"/photos/{'0' * 64}").status_code == 404


def test_another_file_under_the_name_is_dropped_and_what_is_no_photo_refused(
    tmp_path: Path, signer: Any, a_photo: Callable[..., bytes]
) -> None:
    station = signer()
    store = Store(tmp_path / "city.db")
    try:
        data, text = a_photo(), b"<script>alert(1)</script>"
        for sha256, sent, word in (
            (hash_of(data), b"x" * len(data), PhotoWord(hash_of(data), 0, "bad_hash")),
            (hash_of(text), text, PhotoWord(hash_of(text), 0, "refused")),
            (hash_of(data), data, PhotoWord(hash_of(data), len(data))),
            (hash_of(data), b"", PhotoWord(hash_of(data), len(data))),
        ):
            with store.batch():
                store.db.execute("INSERT OR IGNORE INTO photo_names VALUES (?, ?, 1)", [sha256, station.name])
                assert store.photo(station.name, sha256, b"short") in (PhotoWord(sha256, 0), word)
                assert store.photo(station.name, sha256, chunk_of(sent, 0, len(sent)) if sent else b"") == word
    finally:
        store.close()
    with Reader(tmp_path / "city.db") as reader:
        assert reader.db.execute("SELECT count(*) FROM photo_chunks").fetchone() == (0,)
