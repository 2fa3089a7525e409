"""The city's commands: which of them are believed and still count, and how they are answered (contract part C4).

What proves nothing is counted, told once a minute, and not answered.  What a key of the city signed is answered, and
the answer kept until a broker has it.  The core does what ``hear`` hands over, and says with ``keep`` what became of
it.

All methods are called by the core thread.
"""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from edge.between import words
from edge.between.inbox import Refused
from edge.between.sparing import Sparing
from edge.city.publisher import Wire
from edge.records.clock import Clock
from edge.records.ledger import Signer
from edge.records.obeyed import Obeyed, Told
from protocol.city.orders import BadCommand, CityOrder, CommandAnswer, Head, head_of, order_of
from protocol.city.signed import SIGNED_CAP, SKEW_SECONDS, BadSigned, CityKeys, seal, verify
from protocol.city.topics import Topics
from protocol.plain import plain

WINDOW = 20  # answers on their way
MOST_WAITING = 200  # answers in memory, beside those that the disk keeps
ORDERLY = frozenset({"stop_lot", "resume_lot"})  # which of two counts says their time: late and twice they do no harm
State = Literal["done", "refused", "failed"]
log = logging.getLogger("city")

CLOCK = Refused(
    "clock",
    "本机时间未校准，无法判断指令是否过期，请稍后重发",
    "the station's clock is not set, so it cannot see whether the command has expired: send it again later",
)
EXPIRED = Refused("expired", "指令已过期，未执行", "the command has expired: nothing was done")
EARLY = Refused(
    "early", "指令的签发时间晚于本机时间，未执行", "issued later than it is by this station's clock: nothing was done"
)
FORGOTTEN = Refused(
    "forgotten",
    "指令签发太早，本机已不记得是否执行过，请用新编号重发",
    "issued before the oldest command that is remembered here: send it anew, with another id",
)
ID_USED = Refused("id_used", "该编号已用于另一条指令", "this id was used for another command")


class Downlink:
    """``after`` and ``undo`` are the core's: what waits for the commit, and what is taken back when it fails.

    ``odd`` counts what was not done, by its word in ``odd`` of the catalogue of texts.
    """

    def __init__(
        self,
        topics: Topics,
        keys: CityKeys,
        clock: Clock,
        signer: Signer,
        obeyed: Obeyed,
        wire: Wire,
        after: list[Callable[[], None]],
    ) -> None:
        self.keys = keys
        self._topics = topics
        self._stations = (topics.station, f"{topics.node}-all")
        self._clock = clock
        self._signer = signer
        self._obeyed = obeyed
        self._wire = wire
        self._after = after
        self._told = Sparing()
        self._up = False
        self._waiting: dict[str, Told] = {}  # answers that no broker has, in this order
        self._by_mid: dict[int, str] = {}
        self._kept: set[str] = set()  # of those that wait, the ones that are on the disk
        self._taken: list[str] = []  # a broker has them, and the disk does not know
        self._saving: list[str] = []
        self._more = True  # the disk may know of answers that wait and are not in memory
        self.odd: Counter[str] = Counter()

    # --- commands ---------------------------------------------------------------------------------------------------

    def hear(self, topic: str, payload: bytes) -> CityOrder | None:
        """The command to be done now; None when there is nothing to do. Whoever signed it is answered."""
        name = self._topics.command_name(topic)
        if name is None:
            return None
        try:
            if len(payload) > SIGNED_CAP:
                self._doubted("cmd_too_large", f"{len(payload)} bytes on {name[:40]}")
                return None
            signed = verify(payload, self.keys, *self._stations)
            head = head_of(signed, name)
        except BadSigned as bad:
            self._doubted(f"cmd_{bad.word}", f"{name[:40]}: {bad}")
            return None
        digest = _digest(payload)
        if (before := self._obeyed.find(head.id)) is not None:
            self._repeated(head, before, digest)
            return None
        if (refused := self._untimely(head)) is not None:
            self._refuse(head, digest, refused, keep=refused in (EXPIRED, FORGOTTEN))
            return None
        try:
            return order_of(signed, head)
        except BadCommand as bad:
            zh = "未知的指令" if bad.word == "unknown" else "指令内容不符合要求"
            self._refuse(head, digest, Refused(bad.word, zh, str(bad)), keep=True)
            return None

    def _repeated(self, head: Head, before: Told, digest: bytes) -> None:
        if before.digest == digest:
            self._doubted("cmd_repeated", f"{head.name} {head.id}")
            self._after.append(lambda: self._queue(before, kept=False))
        else:
            self._refuse(head, digest, ID_USED, keep=False)

    def _untimely(self, head: Head) -> Refused | None:
        """Why a command does not count now. A stop counts whatever the clock says, unless it surely has expired."""
        from protocol.city.commands import COMMANDS  # with the first command

        now = self._clock.now()
        row = COMMANDS.get(head.name)
        urgent = row is not None and row.without_clock
        if not now.trusted:
            return None if urgent else CLOCK
        if head.expires <= now.seconds:
            return EXPIRED
        if head.issued > now.seconds + SKEW_SECONDS and not urgent:
            return EARLY
        if head.issued <= self._obeyed.floor("done") and head.name not in ORDERLY:
            return FORGOTTEN
        return None

    def timely(self, order: CityOrder) -> CityOrder:
        """The same; a stop that claims to come from the future comes from now: a resume must be able to follow it."""
        now = self._clock.now()
        if not now.trusted or order.head.issued <= now.seconds + SKEW_SECONDS:
            return order
        return replace(order, head=replace(order.head, issued=now.seconds))

    # --- answers ----------------------------------------------------------------------------------------------------

    def keep(
        self, order: CityOrder, payload: bytes, state: State, refused: Refused | None = None, *, seq: int | None = None
    ) -> None:
        """What became of a command, in the core's transaction; it is answered after the commit."""
        if refused is not None:
            self._doubted(f"cmd_{state}", f"{order.head.name} {order.head.id}: {refused}")
        told = self._sealed(order.head, _digest(payload), state, refused, seq)
        self._obeyed.keep(told, order.head.issued)
        self._after.append(lambda: self._queue(told, kept=True))

    def _refuse(self, head: Head, digest: bytes, refused: Refused, *, keep: bool) -> None:
        self._doubted(f"cmd_{refused.code}", f"{head.name[:40]} {head.id}: {refused}")
        told = self._sealed(head, digest, "refused", refused, None)
        if keep:
            self._obeyed.keep(told, head.issued)
        self._after.append(lambda: self._queue(told, kept=keep))

    def _sealed(self, head: Head, digest: bytes, state: State, refused: Refused | None, seq: int | None) -> Told:
        answer = CommandAnswer(
            id=head.id,
            name=plain(head.name, 40),
            state=state,
            code=refused.code if refused else "",
            message_zh=plain(refused.zh, 400) if refused else "",
            message_en=plain(refused.en, 400) if refused else "",
            seq=seq,
        )
        sealed = seal(answer.model_dump(mode="json"), self._topics.station, self._clock.now().text, self._signer.key)
        return Told(head.id, answer.name, digest, sealed)

    def _queue(self, told: Told, *, kept: bool) -> None:
        if kept or len(self._waiting) < MOST_WAITING:
            self._waiting.setdefault(told.id, told)
        if kept:
            self._kept.add(told.id)

    def _look_back(self) -> None:
        """Take up answers that no broker has, and that are not in memory."""
        found = self._obeyed.waiting(WINDOW + len(self._taken))
        self._more = len(found) >= WINDOW + len(self._taken)
        for told in found:
            if told.id not in self._taken:
                self._waiting.setdefault(told.id, told)
                self._kept.add(told.id)

    def link(self, up: bool) -> None:
        """The broker took us, or we lost it: what it did not acknowledge goes again."""
        self._up = up
        self._by_mid.clear()

    def pump(self) -> None:
        """Send what waits, as much as fits the window. Outside of a transaction: what is read here is on the disk."""
        if self._more and not self._waiting:
            self._look_back()
        flying = set(self._by_mid.values())
        for told in list(self._waiting.values()):
            if not self._up or len(self._by_mid) >= WINDOW:
                return
            if told.id in flying:
                continue
            mid = self._wire.publish(self._topics.result(told.name), told.answer)
            if mid is None:
                self._up = False  # the news of it is on its way
                return
            self._by_mid[mid] = told.id

    def answered(self, mid: int) -> None:
        """The broker has this publish, or will never take it."""
        if (id_ := self._by_mid.pop(mid, None)) is None:
            return
        self._waiting.pop(id_, None)
        if id_ in self._kept:
            self._kept.discard(id_)
            self._taken.append(id_)

    # --- progress that may wait -------------------------------------------------------------------------------------

    @property
    def unsaved(self) -> bool:
        return bool(self._taken)

    def save(self) -> None:
        """Write which answers a broker has, inside the caller's transaction."""
        self._saving, self._taken = self._taken, []
        self._obeyed.taken(self._saving)

    def not_saved(self) -> None:
        self._taken, self._saving = [*self._saving, *self._taken], []

    def _doubted(self, word: str, why: str) -> None:
        self.odd[word] += 1
        if self._told.due(word, self._clock.steady()):
            said = words.text("odd", word).en.lower()
            log.warning("%s, %d so far: %s", said, self.odd[word], plain(why, 200))


def _digest(payload: bytes) -> bytes:
    return hashlib.sha256(payload).digest()[:16]
