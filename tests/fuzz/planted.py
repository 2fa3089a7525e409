"""A target with a fault in it, to see that a fuzzer finds one."""

from collections.abc import Callable

from parts import Target, Wrong


def _take(data: bytes) -> None:
    if data[:1] == b"<" and data[1:2] == b"5" and b"\xe9" in data:
        raise Wrong("the planted fault")


def planted() -> Target:
    return Target("planted", _take, lambda: (b"a", b"bc"), (b"<5", b"\xe9", b"<"), longest=8)


MAKERS: dict[str, Callable[[], Target]] = {"planted": planted}
