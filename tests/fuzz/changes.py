"""Hypothesis as a fuzzer without coverage: seeds with a few pieces changed."""

from collections.abc import Callable, Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

EXAMPLES = 300
MOST_CHANGES = 6


def changed(take: Callable[[bytes], None], seeds: Sequence[bytes], words: Sequence[bytes]) -> int:
    """Hand over ``EXAMPLES`` inputs; answers how many it were. Raises what ``take`` raised, for the smallest input."""
    pieces = st.one_of(
        st.binary(max_size=8), st.sampled_from([*words, b""]), st.sampled_from(seeds).map(lambda s: s[:64])
    )
    change = st.tuples(st.integers(0, 4096), st.integers(0, 12), pieces)
    inputs = st.builds(_with, st.sampled_from(seeds), st.lists(change, max_size=MOST_CHANGES))

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(inputs)
    def run(data: bytes) -> None:
        take(data)

    run()
    return EXAMPLES


def _with(seed: bytes, changes: Sequence[tuple[int, int, bytes]]) -> bytes:
    for place, length, piece in changes:
        at = place % (len(seed) + 1)
        seed = seed[:at] + piece + seed[at + length :]
    return seed
