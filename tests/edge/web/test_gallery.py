"""Pictures of papers: however many are asked at once, one is drawn at a time, and each once."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from edge.web import gallery as rooms
from edge.web.gallery import Busy, Gallery
from edge.web.server import WebServer


class SlowArchive:
    """Draws when it is let; jobs from 1000 on are not there."""

    def __init__(self) -> None:
        self.let = threading.Semaphore(0)
        self.drawn: list[int] = []
        self.now = 0
        self.most = 0

    def png(self, job: int) -> bytes:
        self.now += 1
        self.most = max(self.most, self.now)
        self.let.acquire()
        self.now -= 1
        self.drawn.append(job)
        if job >= 1000:
            raise LookupError(f"no print job {job}")
        return b"%d" % job * 1000

    text = png


@pytest.fixture
def archive() -> SlowArchive:
    return SlowArchive()


async def asked(gallery: Gallery, archive: SlowArchive, *jobs: int) -> list[Any]:
    """All asked at once, then drawn."""
    asking = [asyncio.ensure_future(gallery.png(job)) for job in jobs]
    await asyncio.sleep(0.05)
    archive.let.release(len(jobs))
    return await asyncio.gather(*asking, return_exceptions=True)


def test_forty_at_once_are_drawn_one_at_a_time(archive: SlowArchive) -> None:
    gallery = Gallery(archive)  # type: ignore[arg-type]
    made = asyncio.run(asked(gallery, archive, *range(1, 41)))
    assert archive.most == 1
    assert [one for one in made if isinstance(one, bytes)] == [
        b"%d" % job * 1000 for job in range(1, rooms.WAITING + 1)
    ]
    assert all(isinstance(one, Busy) for one in made[rooms.WAITING :])


def test_one_that_many_ask_for_is_drawn_once(archive: SlowArchive) -> None:
    gallery = Gallery(archive)  # type: ignore[arg-type]

    async def story() -> None:
        assert set(await asked(gallery, archive, *[7] * 20)) == {b"7" * 1000}
        assert await gallery.png(7) == b"7" * 1000

    asyncio.run(story())
    assert archive.drawn == [7]


def test_what_is_kept_has_a_bound_and_what_is_not_there_is_not_kept(
    archive: SlowArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "KEPT_BYTES", 3000)
    gallery = Gallery(archive)  # type: ignore[arg-type]

    async def story() -> None:
        for job in (1, 2, 3, 4, 1000, 1001):
            await asked(gallery, archive, job)
        assert list(gallery._kept) == [2, 3, 4]
        assert gallery._size == 3000
        assert gallery._waiting == 0

    asyncio.run(story())


def test_an_entry_does_not_wait_for_pictures(
    core: Any, serve: Callable[..., WebServer], archive: SlowArchive, until: Callable[..., None]
) -> None:
    """While pictures wait, and no thread is left to anybody else for them."""
    web = serve(archive=archive)
    with httpx.Client(base_url=web.url, timeout=20) as http:
        statuses: list[int] = []
        threads = [
            threading.Thread(
                target=lambda job=job: statuses.append(
                    httpx.get(f"{web.url}/api/prints/{job}.png", timeout=20).status_code
                )
            )
            for job in range(1, 41)
        ]
        for thread in threads:
            thread.start()
        until(lambda: len(statuses) == 40 - rooms.WAITING)
        entry = {"product": "01040201", "net_g": 1000, "origin": "河南", "supplier": "王"}
        assert http.post("/api/entries", json=entry).status_code == 201
        archive.let.release(40)
        for thread in threads:
            thread.join()
        assert archive.most == 1
        assert sorted(statuses) == [200] * rooms.WAITING + [503] * (40 - rooms.WAITING)
        assert http.get("/api/prints/1000.png").json()["code"] == "no_paper"
