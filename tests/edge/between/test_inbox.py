"""The core's inbox: every message comes, in order, and those that may wait wake nobody."""

import threading
from queue import Empty
from typing import Any

import pytest

from edge.between.inbox import Due, Inbox, Message, ScanLost, Stop

AT_ONCE, LONG = 0.0, 20.0


class Waits(threading.Thread):
    """Somebody who gets one message; ``waiting`` is set a moment before."""

    def __init__(self, inbox: Inbox) -> None:
        super().__init__(daemon=True)
        self.inbox, self.got, self.waiting = inbox, list[Any](), threading.Event()
        self.start()
        assert self.waiting.wait(LONG)

    def run(self) -> None:
        self.waiting.set()
        self.got.append(self.inbox.get(timeout=LONG))

    def came(self) -> Any:
        self.join(LONG)
        return self.got[0]


def scans_wait(message: Message) -> bool:
    return isinstance(message, ScanLost)


def test_messages_come_in_the_order_in_which_they_were_put() -> None:
    inbox = Inbox()
    for name in ("1", "2", "3"):
        inbox.put(Due(name))
    assert (inbox.qsize(), inbox.empty()) == (3, False)
    assert [inbox.get(), inbox.get(timeout=AT_ONCE), inbox.get_nowait()] == [Due("1"), Due("2"), Due("3")]
    assert (inbox.qsize(), inbox.empty()) == (0, True)


def test_an_inbox_without_messages_is_empty() -> None:
    inbox = Inbox()
    with pytest.raises(Empty):
        inbox.get_nowait()
    with pytest.raises(Empty):
        inbox.get(timeout=AT_ONCE)
    inbox.put(Stop())  # rings, and is taken by who does not wait
    assert inbox.get_nowait() == Stop()
    with pytest.raises(Empty):
        inbox.get(timeout=0.01)


def test_who_waits_is_woken() -> None:
    inbox = Inbox()
    waits = Waits(inbox)
    inbox.put(Stop())
    assert waits.came() == Stop()


def test_what_may_wait_wakes_nobody_and_keeps_its_place() -> None:
    inbox = Inbox()
    inbox.patience = scans_wait
    waits = Waits(inbox)
    inbox.put(ScanLost("scanner-1"))
    inbox.put(Stop())
    assert waits.came() == ScanLost("scanner-1")
    assert inbox.get_nowait() == Stop()


def test_what_came_without_waking_is_there_when_the_time_is_up() -> None:
    inbox = Inbox()
    inbox.patience = scans_wait
    inbox.put(ScanLost("scanner-1"))
    assert not inbox._rung
    assert inbox.get(timeout=LONG) == ScanLost("scanner-1")

    class Bell:
        def acquire(self, timeout: float) -> bool:
            inbox.put(ScanLost("scanner-2"))
            return False

    inbox._bell = Bell()  # type: ignore[assignment]
    assert inbox.get(timeout=LONG) == ScanLost("scanner-2")


def test_without_patience_everything_rings() -> None:
    inbox = Inbox()
    inbox.put(ScanLost("scanner-1"))
    assert inbox._rung
    inbox.put(ScanLost("scanner-2"))
    assert inbox.qsize() == 2


def test_nothing_is_lost_between_threads_that_put_at_the_same_time() -> None:
    inbox, each = Inbox(), 2000
    names = ("1", "2", "3", "4")

    def put(name: str) -> None:
        for number in range(each):
            inbox.put(Due(f"{name}.{number}"))

    threads = [threading.Thread(target=put, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    got = [inbox.get(timeout=LONG) for _ in range(each * len(names))]
    for thread in threads:
        thread.join()
    for name in names:
        mine = [one.name for one in got if isinstance(one, Due) and one.name.startswith(f"{name}.")]
        assert mine == [f"{name}.{number}" for number in range(each)]
    assert inbox.empty()
