"""The way to the core and back costs few system calls: one wake for many answers, one piece for each."""

import asyncio
from typing import Any

import pytest

from edge.between.commands import PriceAnswer, SetPrice
from edge.between.inbox import Inbox
from edge.web.desk import Desk
from edge.web.serving import Whole


class ListTransport(asyncio.Transport):
    """What was sent, piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.closed = True


def test_who_was_answered_in_one_round_is_woken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    inbox: Inbox = Inbox()
    desk = Desk(inbox)

    async def story() -> None:
        loop, wakes = asyncio.get_running_loop(), list[Any]()
        wake = loop.call_soon_threadsafe
        monkeypatch.setattr(loop, "call_soon_threadsafe", lambda *what: (wakes.append(what), wake(*what))[1])
        for _ in range(2):  # the second round rings again
            wakes.clear()
            asked = [asyncio.create_task(desk.ask(SetPrice(product="01040201", price_fen=fen))) for fen in (1, 2, 3)]
            await asyncio.sleep(0)
            for fen in (1, 2, 3):
                answer = PriceAnswer(product="01040201", price_fen=fen)
                inbox.get_nowait().answer.set_result(answer)  # type: ignore[union-attr]
            assert len(wakes) == 1
            assert [one.price_fen for one in await asyncio.gather(*asked)] == [1, 2, 3]  # type: ignore[attr-defined]

    asyncio.run(story())


def test_a_head_leaves_with_its_body_or_alone_when_none_follows() -> None:
    head = b"HTTP/1.1 200 OK\r\n\r\n"

    async def story() -> None:
        inner = ListTransport()
        transport = Whole(inner, asyncio.get_running_loop())
        transport.write(head)
        transport.write(b"body")
        assert inner.sent == [head + b"body"]
        transport.write(head)
        await asyncio.sleep(0)
        assert inner.sent[1:] == [head]
        transport.write(b"more")
        transport.write(head)
        transport.close()
        assert inner.sent[2:] == [b"more", head]
        assert inner.closed

    asyncio.run(story())
