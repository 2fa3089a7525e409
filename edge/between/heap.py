"""Memory that Python does not manage itself: the heap of the C library.

A library without these settings (musl) has one heap and gives back what it can by itself.
"""

import ctypes
from contextlib import suppress

M_ARENA_MAX = -8  # malloc.h


def one_heap() -> None:
    """All threads take memory from one heap.

    The C library gives each a heap of its own, for threads that run at the same time; these wait for the interpreter in
    any case, and ten heaps keep ten remainders.
    """
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def give_back() -> None:
    """What was freed goes back to the system: by itself the library gives back the end of its heap alone."""
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
