"""Photos over HTTP: what is taken, what is not, and that nothing is half there."""

import resource
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from edge.records.photos import PhotoFiles
from edge.state import photos
from edge.web import guard
from edge.web.server import WebServer
from protocol.city.photos import LARGEST, hash_of

JPEG = {"Content-Type": "image/jpeg"}


@pytest.fixture
def http(web: WebServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=web.url, timeout=20) as client:
        yield client


def folder(core: Any) -> Path:
    return Path(core.config.station.data) / "photos"


def test_a_photo_comes_is_named_and_is_shown(core: Any, http: httpx.Client, a_photo: Any) -> None:
    data = a_photo(side=400, kind="PNG")
    assert len(data) > guard.LARGEST_BODY
    answer = http.post("/api/photos", content=data, headers={"Content-Type": "image/png"})
    assert (answer.status_code, answer.json()) == (201, {"sha256": hash_of(data)})
    assert http.post("/api/photos", content=data, headers=JPEG).json() == answer.json()
    shown = http.get(f"/api/photos/{hash_of(data)}")
    assert (shown.content, shown.headers["content-type"]) == (data, "image/png")
    assert "immutable" in shown.headers["cache-control"] and shown.headers["x-content-type-options"] == "nosniff"
    entry = {"product": "01040201", "net_g": 1000, "origin": "河南", "supplier": "李四", "photos": [hash_of(data)]}
    assert http.post("/api/entries", json=entry).status_code == 201
    assert core.records("entry.registered")[-1]["data"]["photos"] == [hash_of(data)]
    assert http.post("/api/entries", json=entry | {"photos": ["b" * 64]}).json()["code"] == "no_photo"


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"<svg/>", "image/svg+xml", 415, "not_a_photo"),
        (b"{}", "application/json", 415, "not_a_photo"),
        (b"<svg/>", "image/png", 422, "not_a_photo"),
        (b"", "image/png", 422, "not_a_photo"),
        (bytes(LARGEST + 1), "image/png", 413, "photo_large"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x20\x00\x00\x00\x00\x10", "image/png", 422, "photo_sides"),
    ],
)
def test_what_is_no_photo_is_refused(
    core: Any, http: httpx.Client, content: bytes, kind: str, status: int, code: str
) -> None:
    answer = http.post("/api/photos", content=content, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not folder(core).exists() or not list(folder(core).iterdir())


def test_only_this_address_takes_more_than_64_kib(http: httpx.Client) -> None:
    assert http.post("/api/entries", content=bytes(70_000), headers=JPEG).status_code == 413
    assert http.post("/api/photos/x", content=bytes(70_000), headers=JPEG).status_code == 413


def test_there_is_none_by_another_name(http: httpx.Client) -> None:
    assert http.get(f"/api/photos/{'a' * 64}").json()["code"] == "no_photo"
    assert http.get("/api/photos/..%2Fledger.db").status_code in (404, 422)
    assert http.get("/api/photos/ABC").status_code == 422


def test_a_full_disk_says_so_and_keeps_nothing(
    core: Any, http: httpx.Client, a_photo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error, status, code in ((28, 507, "disk_full"), (30, 507, "disk_fails"), (13, 500, "photo_unwritten")):

        def fails(*_: Any, number: int = error) -> bool:
            raise OSError(number, "it does not work")

        monkeypatch.setattr(PhotoFiles, "keep", fails)
        answer = http.post("/api/photos", content=a_photo(), headers=JPEG)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_photo_of_which_a_part_found_room_leaves_nothing(core: Any, http: httpx.Client, a_photo: Any) -> None:
    """No file of this process may grow beyond some bytes, as at a quota's end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        answer = http.post("/api/photos", content=a_photo(), headers=JPEG)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (answer.status_code, answer.json()["code"]) == (507, "disk_full")
    assert list(folder(core).iterdir()) == []
    assert http.post("/api/photos", content=a_photo(), headers=JPEG).status_code == 201


def test_a_full_day_says_so_and_takes_the_file_away(
    core: Any, http: httpx.Client, a_photo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photos, "PER_DAY", 1)
    assert http.post("/api/photos", content=a_photo(1), headers=JPEG).status_code == 201
    answer = http.post("/api/photos", content=a_photo(2), headers=JPEG)
    assert (answer.status_code, answer.json()["code"]) == (409, "photos_full")
    assert [file.name for file in folder(core).iterdir()] == [hash_of(a_photo(1))]
    assert http.post("/api/photos", content=a_photo(1), headers=JPEG).status_code == 201


def test_a_station_without_a_ledger_to_keep_them_by_says_so(
    core: Any, serve: Callable[..., WebServer], a_photo: Any
) -> None:
    web = serve(shelf=None)
    with httpx.Client(base_url=web.url, timeout=10) as http:
        assert http.post("/api/photos", content=a_photo(), headers=JPEG).json()["code"] == "no_photos"
        assert http.get(f"/api/photos/{'a' * 64}").status_code == 404


def test_more_than_a_few_at_once_wait(
    web: WebServer, http: httpx.Client, a_photo: Any, until: Callable[..., None]
) -> None:
    host, port = web.url.removeprefix("http://").split(":")
    head = f"POST /api/photos HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: image/png\r\nContent-Length: 900\r\n\r\n"
    waiting = [socket.create_connection((host, int(port))) for _ in range(guard.AT_ONCE)]
    try:
        for one in waiting:
            one.sendall(head.encode())
        until(lambda: http.post("/api/photos", content=a_photo(), headers=JPEG).status_code == 503)
    finally:
        for one in waiting:
            one.close()
    until(lambda: http.post("/api/photos", content=a_photo(), headers=JPEG).status_code == 201)
