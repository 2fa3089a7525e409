from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest

from protocol.readings import Event, Garbage
from protocol.session import Decoder

Feed = Callable[..., list[Event]]


@pytest.fixture(scope="session")
def readings() -> Feed:
    """What a decoder makes of the bytes, cut at these places, without the garbage."""

    def feed(decoder: Decoder, data: bytes, cuts: Iterable[int] = ()) -> list[Event]:
        edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
        events = [event for start, end in pairwise(edges) for event in decoder.feed(data[start:end])]
        return [event for event in events if not isinstance(event, Garbage)]

    return feed
