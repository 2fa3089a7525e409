"""Records the broker does not take: is it the record, or is it the broker?

A record is given up only when the broker takes another one after it: three failures in a row without a success between
them are the broker's trouble, and then nothing is given up.  Two cuts of the connection with the same record on its way
make the station send one at a time, until it is clear which one it is.
"""

from dataclasses import dataclass

IN_A_ROW = 3
RETRY_SECONDS = 60.0
ALONE = 20  # so many records are sent one at a time after a cut that looks like a record's fault


@dataclass(slots=True)
class LinkDoubt:
    """A record that failed. ``final`` failures may give it up; ``cuts`` counts connections cut while it was alone.

    ``hidden`` keeps it from being sent; ``vouched``: another one was taken since it failed last.
    """

    reason: str
    final: bool
    until: float
    cuts: int = 0
    hidden: bool = True
    vouched: bool = False


class Doubts:
    """What is known of the records that failed. Methods that answer a dict name the records to set aside, with why."""

    def __init__(self) -> None:
        self._all: dict[int, LinkDoubt] = {}
        self._in_a_row = 0
        self._before: frozenset[int] = frozenset()
        self._alone = 0
        self.complaint = ""  # why the broker, not a record, is to blame

    @property
    def alone(self) -> bool:
        """Whether only one record may be on its way to the broker."""
        return self._alone > 0

    def __len__(self) -> int:
        return len(self._all)

    def hides(self, seq: int) -> bool:
        return seq in self._all and self._all[seq].hidden

    def due(self) -> float | None:
        """When ``release`` has something to do."""
        return min((doubt.until for doubt in self._all.values() if doubt.hidden), default=None)

    def new_link(self) -> None:
        """Another connection, perhaps another broker: what was refused may be tried again."""
        self._all = {seq: doubt for seq, doubt in self._all.items() if doubt.cuts}

    def refused(self, seq: int, reason: str, final: bool, now: float) -> bool:
        """The broker refused it with a reason. True when it is the broker's trouble: wait."""
        self._all[seq] = LinkDoubt(reason, final, now + RETRY_SECONDS)
        if not final:
            self.complaint = reason
        return self._one_more(reason)

    def taken(self, seq: int) -> dict[int, str]:
        """The broker took this one."""
        self._in_a_row = 0
        self._before -= {seq}
        self._alone = max(0, self._alone - 1)
        self._all.pop(seq, None)
        guilty = {other: doubt.reason for other, doubt in self._all.items() if doubt.final and not doubt.cuts}
        self._all = {other: doubt for other, doubt in self._all.items() if other not in guilty}
        for doubt in self._all.values():
            if doubt.cuts:
                doubt.hidden, doubt.vouched = False, True
        if all(doubt.final for doubt in self._all.values()):
            self.complaint = ""
        return guilty

    def cut(self, unanswered: frozenset[int], why: str, now: float) -> dict[int, str]:
        """The broker cut the connection with these on their way."""
        common, self._before = unanswered & self._before, unanswered
        if self.alone and len(unanswered) == 1:
            (seq,) = unanswered
            return self._cut_alone(seq, why, now)
        if common or self.alone:
            self._alone = ALONE
        return {}

    def _cut_alone(self, seq: int, why: str, now: float) -> dict[int, str]:
        reason = f"broker: the connection is cut whenever this record is sent ({why})"
        self._alone = ALONE
        doubt = self._all.get(seq) or LinkDoubt(reason, True, now)
        if doubt.cuts and doubt.vouched:
            self._all.pop(seq)
            return {seq: reason}
        doubt.cuts += 1
        doubt.hidden, doubt.vouched, doubt.until = True, False, now + RETRY_SECONDS
        self._all[seq] = doubt
        self._one_more(reason)
        return {}

    def _one_more(self, reason: str) -> bool:
        self._in_a_row += 1
        if self._in_a_row < IN_A_ROW:
            return False
        self._in_a_row = 0
        self._all.clear()
        self.complaint = reason
        return True

    def release(self, now: float) -> bool:
        """Let those be tried again that waited long enough; True when there were any."""
        over = [seq for seq, doubt in self._all.items() if doubt.hidden and now >= doubt.until]
        for seq in over:
            if self._all[seq].cuts:
                self._all[seq].hidden = False
            else:
                del self._all[seq]
        return bool(over)
