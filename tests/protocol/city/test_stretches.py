"""Stretches of numbers are the numbers that were put into them, as a set would have them, and never too many."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.city.stretches import VARIOUS, Stretches

NUMBERS = st.integers(1, 40)
CHANGES = st.lists(st.tuples(st.sampled_from(("put", "take")), NUMBERS, st.integers(0, 12), st.sampled_from("ab")))


@given(CHANGES)
def test_they_are_what_a_mapping_would_be(changes: list[tuple[str, int, int, str]]) -> None:
    stretches, plain = Stretches(), dict[int, str]()
    for what, first, more, why in changes:
        version = stretches.version
        if what == "put":
            stretches.put(first, first + more, why)
            plain |= dict.fromkeys(range(first, first + more + 1), why)
        else:
            stretches.take(first, first + more)
            plain = {seq: said for seq, said in plain.items() if not first <= seq <= first + more}
        assert version != stretches.version or what == "take"
        assert (stretches, len(stretches), stretches.first) == (plain, len(plain), min(plain, default=None))
        rows = stretches.stretches()
        assert all(one[1] + 1 < other[0] or one[2] != other[2] for one, other in pairwise(rows))
        assert Stretches(rows) == plain and stretches.pieces == len(rows)
        assert {*Stretches(stretches.stretches(20))} == {seq for seq in plain if seq > 20}
        assert stretches.newest(5) == sorted(plain.items())[-5:]
        assert stretches.end_at(first) in (None, *plain)


@given(CHANGES, CHANGES)
def test_one_without_another_is_what_is_in_it_alone(one: list[tuple[str, int, int, str]], other: list[object]) -> None:
    first = Stretches((begin, begin + more, why) for _, begin, more, why in one)
    second = Stretches((begin, begin + more, why) for _, begin, more, why in other)  # type: ignore[misc]
    assert {*first.without(second)} == {*first} - {*second}


@given(st.lists(st.tuples(NUMBERS, st.sampled_from("ab")), min_size=5), st.integers(1, 5))
def test_where_there_would_be_too_many_none_is_lost(numbers: list[tuple[int, str]], most: int) -> None:
    stretches = Stretches(most=most)
    for seq, why in numbers:
        stretches.put(seq, seq, why)
        assert stretches.pieces <= most
    assert {seq for seq, _ in numbers} <= {*stretches}
    assert (min(stretches), max(stretches)) == (min(numbers)[0], max(numbers)[0])


def test_those_with_the_least_between_them_become_one() -> None:
    stretches = Stretches([(1, 1, "a"), (10, 10, "a"), (13, 13, "b"), (20, 20, "b")], most=3)
    assert stretches.stretches() == [(1, 1, "a"), (10, 13, VARIOUS), (20, 20, "b")]


def test_what_lies_behind_a_number_is_not_filled() -> None:
    stretches = Stretches([(1, 1, ""), (9, 9, "")], most=2)
    stretches.put(11, 11, settled=8)
    assert {*stretches} == {*range(1, 10), 11}
    with pytest.raises(KeyError):
        stretches[10]


def test_a_million_refused_for_one_reason_are_one() -> None:
    stretches = Stretches(most=1000)
    for seq in range(1, 1_000_001, 2):
        stretches.put(seq, seq + 1, "bad_data: no")
    assert stretches.stretches() == [(1, 1_000_000, "bad_data: no")]
