"""Numbers of records as stretches, each with why: what was refused, what is to be sent again, what is settled ahead.

A million records that were refused for one reason are one stretch.  Where they are not, ``most`` bounds how many
stretches there are: the two with the least between them become one, which then says more than is true.  So ``most`` is
for what may be too much and must not be too little: a number too many is sent once more, or kept longer.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping

Stretch = tuple[int, int, str]  # first, last, why
VARIOUS = "various: refused for more than one reason; some of these records the city may have"


def _either(one: str, other: str) -> str:
    return one if one == other else VARIOUS


class Stretches(Mapping[int, str]):
    """A mapping of numbers to why, by what lies together. No two stretches overlap; neighbours with one why are one.

    ``join`` says why two of them are one, where there would be more than ``most``.
    """

    def __init__(
        self,
        stretches: Iterable[Stretch] = (),
        most: int | None = None,
        join: Callable[[str, str], str] = _either,
    ) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        self._whys: list[str] = []
        self._count = 0
        self.version = 0  # another one after each change
        self._most, self._join = most, join
        for first, last, why in stretches:
            self.put(first, last, why)

    def copy(self) -> "Stretches":
        return Stretches(self.stretches(), self._most, self._join)

    # as a mapping

    def __contains__(self, seq: object) -> bool:
        return isinstance(seq, int) and self._at(seq) is not None

    def __getitem__(self, seq: int) -> str:
        if (at := self._at(seq)) is None:
            raise KeyError(seq)
        return self._whys[at]

    def __iter__(self) -> Iterator[int]:
        for first, last in zip([*self._firsts], [*self._lasts], strict=True):
            yield from range(first, last + 1)

    def __len__(self) -> int:
        return self._count

    # as stretches

    @property
    def first(self) -> int | None:
        """The lowest number."""
        return self._firsts[0] if self._firsts else None

    @property
    def pieces(self) -> int:
        """How many stretches there are."""
        return len(self._firsts)

    def stretches(self, after: int = 0) -> list[Stretch]:
        """What lies behind this number, in order."""
        at = bisect_right(self._lasts, after)
        found = list(zip(self._firsts[at:], self._lasts[at:], self._whys[at:], strict=True))
        return [(max(first, after + 1), last, why) for first, last, why in found]

    def newest(self, most: int) -> list[tuple[int, str]]:
        """The highest numbers, in order."""
        found: list[tuple[int, str]] = []
        for at in range(len(self._firsts) - 1, -1, -1):
            first = max(self._firsts[at], self._lasts[at] - (most - len(found)) + 1)
            found[:0] = [(seq, self._whys[at]) for seq in range(first, self._lasts[at] + 1)]
            if len(found) >= most:
                break
        return found

    def end_at(self, seq: int) -> int | None:
        """The last number of the stretch that this one lies in; None when it lies in none."""
        at = self._at(seq)
        return None if at is None else self._lasts[at]

    def count_behind(self, seq: int) -> int:
        """How many numbers are higher than this one."""
        return sum(last - first + 1 for first, last, _ in self.stretches(seq))

    def put(self, first: int, last: int, why: str = "", *, settled: int | None = None) -> None:
        """These numbers, with this why, whatever was said of them before. ``settled``: stretches become one only where
        what lies between them is not behind this number; None: anywhere."""
        if last < first:
            return
        self.take(first, last)
        at = bisect_left(self._firsts, first)
        if at < len(self._firsts) and self._firsts[at] == last + 1 and self._whys[at] == why:
            last = self._lasts[at]
            self._drop(at)
        if at and self._lasts[at - 1] == first - 1 and self._whys[at - 1] == why:
            at -= 1
            first = self._firsts[at]
            self._drop(at)
        self._insert(at, first, last, why)
        while self._most is not None and len(self._firsts) > self._most and self._become_one(settled):
            pass

    def take(self, first: int, last: int) -> None:
        """None of these numbers any more."""
        if last < first:
            return
        at = bisect_left(self._lasts, first)
        while at < len(self._firsts) and self._firsts[at] <= last:
            begins, ends, why = self._firsts[at], self._lasts[at], self._whys[at]
            self._drop(at)
            if begins < first:
                self._insert(at, begins, first - 1, why)
                at += 1
            if ends > last:
                self._insert(at, last + 1, ends, why)
                at += 1

    def without(self, other: "Stretches") -> "Stretches":
        """What is in this one and not in the other."""
        rest = self.copy()
        for first, last, _ in other.stretches():
            rest.take(first, last)
        return rest

    # how it is done

    def _at(self, seq: int) -> int | None:
        at = bisect_left(self._lasts, seq)
        return at if at < len(self._firsts) and self._firsts[at] <= seq else None

    def _insert(self, at: int, first: int, last: int, why: str) -> None:
        self._firsts.insert(at, first)
        self._lasts.insert(at, last)
        self._whys.insert(at, why)
        self._count += last - first + 1
        self.version += 1

    def _drop(self, at: int) -> None:
        self._count -= self._lasts[at] - self._firsts[at] + 1
        self.version += 1
        del self._firsts[at], self._lasts[at], self._whys[at]

    def _become_one(self, settled: int | None) -> bool:
        """The two stretches with the least between them; False when there are no two that may."""
        between = [
            (self._firsts[at + 1] - self._lasts[at], at)
            for at in range(len(self._firsts) - 1)
            if settled is None or self._firsts[at + 1] <= settled + 1
        ]
        if not between:
            return False
        _, at = min(between)
        first, last, why = self._firsts[at], self._lasts[at + 1], self._join(self._whys[at], self._whys[at + 1])
        self.put(first, last, why, settled=settled)
        return True
