"""Records the broker does not take: is it the record, is it its kind, or is it the broker?

What is refused is held back for a minute and tried again; the others go on.  Three of one topic in a row, without one
of that topic taken between them, are the topic's trouble (a right that is missing, as a rule): then all of that topic
waits, and nothing of it is given up.  So a broker that takes nothing closes one topic after the other, and gets no
record but those that try again.  A record is given up only when the broker takes another one of its topic after it, or,
when it was refused for its size, any other one: what is as large as one of three that were too large waits, too.

Two cuts of the connection with the same record on its way make the station send one at a time, until it is clear which
one it is.
"""

from collections import Counter
from dataclasses import dataclass

IN_A_ROW = 3
RETRY_SECONDS = 60.0
ALONE = 20  # so many records are sent one at a time after a cut that looks like a record's fault
SIZE = ""  # what a record is refused for when not for its topic


@dataclass(slots=True)
class LinkDoubt:
    """A record that failed, by its topic or ``SIZE``. ``final`` failures may give it up; ``cuts`` counts connections
    cut while it was alone.

    ``hidden`` keeps it from being sent; ``vouched``: another one was taken since it failed last.
    """

    about: str
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
        self._in_a_row: Counter[str] = Counter()
        self._closed: dict[str, tuple[float, bool]] = {}  # topics of which nothing is sent: until when, and if by cuts
        self._large = 0  # what has so many bytes is not sent …
        self._large_until = 0.0
        self._before: frozenset[int] = frozenset()
        self._alone = 0
        self.complaint = ""  # why the broker, not a record, is to blame

    @property
    def alone(self) -> bool:
        """Whether only one record may be on its way to the broker."""
        return self._alone > 0

    @property
    def held_back(self) -> int:
        """How much is held back: when this falls, there is more to be sent."""
        return sum(doubt.hidden for doubt in self._all.values()) + len(self._closed) + bool(self._large)

    @property
    def by_kind(self) -> bool:
        """Whether more is held back than single records: then ``hides`` wants topic and size."""
        return bool(self._closed or self._large)

    def hides(self, seq: int) -> bool:
        return seq in self._all and self._all[seq].hidden

    def hides_kind(self, topic: str, size: int) -> bool:
        """Whether all of this topic, or of this size, waits."""
        return topic in self._closed or 0 < self._large <= size

    def due(self) -> float | None:
        """When ``release`` has something to do."""
        times = [doubt.until for doubt in self._all.values() if doubt.hidden]
        times += [until for until, _ in self._closed.values()]
        return min([*times, self._large_until] if self._large else times, default=None)

    def new_link(self) -> None:
        """Another connection, perhaps another broker: what was refused may be tried again."""
        self._all = {seq: doubt for seq, doubt in self._all.items() if doubt.cuts}
        self._closed = {topic: one for topic, one in self._closed.items() if one[1]}
        self._large = 0

    def refused(self, seq: int, topic: str, reason: str, final: bool, now: float) -> None:
        """The broker refused a record of this topic with a reason."""
        if topic in self._closed:
            return
        self._all[seq] = LinkDoubt(topic, reason, final, now + RETRY_SECONDS)
        if not final:
            self.complaint = reason
        self._one_more(topic, reason, now, cut=False)

    def too_large(self, seq: int, size: int, reason: str, now: float) -> None:
        """The broker takes no packet of so many bytes."""
        self._all[seq] = LinkDoubt(SIZE, reason, True, now + RETRY_SECONDS)
        self._in_a_row[SIZE] += 1
        if self._in_a_row[SIZE] >= IN_A_ROW:
            self._large = min(size, self._large or size)
            self._large_until = now + RETRY_SECONDS
            self.complaint = reason

    def taken(self, seq: int, topic: str) -> dict[int, str]:
        """The broker took this one."""
        for about in (topic, SIZE):
            self._in_a_row.pop(about, None)
        self._closed.pop(topic, None)
        self._large = 0
        self._before -= {seq}
        self._alone = max(0, self._alone - 1)
        self._all.pop(seq, None)
        guilty = {
            other: doubt.reason
            for other, doubt in self._all.items()
            if doubt.final and not doubt.cuts and doubt.about in (topic, SIZE)
        }
        self._all = {other: doubt for other, doubt in self._all.items() if other not in guilty}
        for doubt in self._all.values():
            if doubt.cuts:
                doubt.hidden, doubt.vouched = False, True
        if not self._closed and all(doubt.final for doubt in self._all.values()):
            self.complaint = ""
        return guilty

    def cut(self, unanswered: dict[int, str], why: str, now: float) -> dict[int, str]:
        """The broker cut the connection with these, each with its topic, on their way."""
        there = frozenset(unanswered)
        common, self._before = there & self._before, there
        if self.alone and len(unanswered) == 1:
            ((seq, topic),) = unanswered.items()
            return self._cut_alone(seq, topic, why, now)
        if common or self.alone:
            self._alone = ALONE
        return {}

    def _cut_alone(self, seq: int, topic: str, why: str, now: float) -> dict[int, str]:
        reason = f"broker: the connection is cut whenever this record is sent ({why})"
        self._alone = ALONE
        doubt = self._all.get(seq) or LinkDoubt(topic, reason, True, now)
        if doubt.cuts and doubt.vouched:
            self._all.pop(seq)
            return {seq: reason}
        doubt.cuts += 1
        doubt.hidden, doubt.vouched, doubt.until = True, False, now + RETRY_SECONDS
        self._all[seq] = doubt
        self._one_more(topic, reason, now, cut=True)
        return {}

    def _one_more(self, topic: str, reason: str, now: float, *, cut: bool) -> None:
        self._in_a_row[topic] += 1
        if self._in_a_row[topic] >= IN_A_ROW:
            del self._in_a_row[topic]
            self._all = {seq: doubt for seq, doubt in self._all.items() if doubt.about != topic}
            self._closed[topic] = now + RETRY_SECONDS, cut
            self.complaint = reason

    def release(self, now: float) -> bool:
        """Let those be tried again that waited long enough; True when there were any."""
        over = [seq for seq, doubt in self._all.items() if doubt.hidden and now >= doubt.until]
        for seq in over:
            if self._all[seq].cuts:
                self._all[seq].hidden = False
            else:
                del self._all[seq]
        opened = [topic for topic, (until, _) in self._closed.items() if now >= until]
        for topic in opened:
            del self._closed[topic]
        smaller = bool(self._large) and now >= self._large_until
        if smaller:
            self._large = 0
        return bool(over or opened or smaller)
