"""What was asked with a key of its own (``Idempotency-Key``): asked again, it is answered as the first time, for a day.

The key stands in the row of the record that the request made, beside the answer and in the same transaction: both are
on the disk, or neither.  An index of keys on the disk would cost each sale a page, so they are kept in memory, and read
back from the newest records after a start.  What is answered without a record is not remembered here.

    12 bytes of SHA-256 of the key | 8 of SHA-256 of the command | 4: seconds since 1970, by the station's clock
    | the answer, deflated with the record as dictionary
"""

import hashlib
import json
import struct
import zlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from edge.between.commands import ORDERS, Answer, Command
from edge.between.inbox import Refused, Request
from edge.records.clock import Clock, parse_time
from edge.records.ledger import Ledger

DAY = 86_400.0
MOST = 20_000  # keys, and records read back after a start
CHUNK = 200  # records read back at a time
HEAD = struct.Struct(">12s8sI")
KEY_BYTES, COMMAND_BYTES = 12, 8
ROOM = 80  # bytes of a note, filled up with zeros: written in place, it costs no page
WINDOW = -15  # bare deflate: no header, no checksum


class Asked:
    """Owned by the core thread; ``undo`` takes what has to be taken back with the transaction."""

    def __init__(self, ledger: Ledger, clock: Clock, undo: list[Callable[[], None]]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._undo = undo
        self._known: OrderedDict[bytes, tuple[int, float]] = OrderedDict()  # its record, and when on the steady clock
        self._unread = ledger.head.seq  # of the records before the start, those up to here are not read back yet
        self._first = max(0, ledger.head.seq - MOST)

    def once(self, request: Request, obey: Callable[[Command], Answer]) -> Answer:
        """The answer to this request, which is not done again when a record of it is there.

        Raises what ``obey`` raises, and Refused when its key was another request's.
        """
        if not request.key:
            return obey(request.command)
        key, command = _digest(request.key, KEY_BYTES), _digest(repr(request.command), COMMAND_BYTES)
        if (seq := self._find(key)) is not None:
            before, again = self._read(seq)
            if before != command:
                raise Refused(
                    "key_reused",
                    "Idempotency-Key 已用于另一请求",
                    "this Idempotency-Key was used for another request",
                )
            return ORDERS[type(request.command)].answer.model_validate(again)
        head = self._ledger.head.seq
        self._ledger.room = ROOM
        try:
            answer = obey(request.command)
        finally:
            self._ledger.room = 0
        if (seq := self._ledger.head.seq) > head:
            head_of_note = HEAD.pack(key, command, int(self._clock.now().seconds) & 0xFFFFFFFF)
            note = head_of_note + _deflated(answer, self._ledger.body(seq))
            self._ledger.note(seq, note.ljust(ROOM, b"\0"))
            self._known[key] = seq, self._clock.steady()
            self._undo.append(lambda: self._forget(key))
        return answer

    def recall(self, key: str) -> dict[str, Any] | None:
        """What the request with this key was answered; None when it made no record in the last day."""
        seq = self._find(_digest(key, KEY_BYTES))
        return None if seq is None else self._read(seq)[1]

    def look_back(self) -> None:
        """Read back some records of before the start; for when there is nothing else to do."""
        if self._unread <= self._first:
            return
        rows = self._ledger.notes(self._unread, CHUNK)
        if not rows or self._age(self._time_of(rows[0][0])) >= DAY:
            self._unread = self._first
            return
        for seq, note in rows:
            if note and len(note) >= HEAD.size and len(self._known) < MOST:
                key, _, time = HEAD.unpack_from(note)
                if key not in self._known and (age := self._age(time)) < DAY:
                    self._known[key] = seq, self._clock.steady() - age
                    self._known.move_to_end(key, last=False)
        self._unread = rows[-1][0] - 1

    def _age(self, seconds: float) -> float:
        """How long ago that was, as far as our clock can tell."""
        return max(0.0, self._clock.now().seconds - seconds)

    def _time_of(self, seq: int) -> float:
        """When this record was made; now for one that does not say."""
        try:
            return parse_time(self._ledger.event(seq)["time"]).timestamp()
        except (ValueError, LookupError, TypeError):
            return self._clock.now().seconds

    def _find(self, key: bytes) -> int | None:
        """The record of this key; the old ones are forgotten first."""
        day_ago = self._clock.steady() - DAY
        while self._known and (len(self._known) > MOST or next(iter(self._known.values()))[1] <= day_ago):
            self._known.popitem(last=False)
        while key not in self._known and self._unread > self._first:
            self.look_back()
        return self._known[key][0] if key in self._known else None

    def _forget(self, key: bytes) -> None:
        self._known.pop(key, None)

    def _read(self, seq: int) -> tuple[bytes, dict[str, Any]]:
        """Of which command this record is, and its answer; raises Refused when that is damaged."""
        note = self._ledger.note_of(seq)
        try:
            _, command, _ = HEAD.unpack_from(note)
            answer = _inflated(note[HEAD.size :], self._ledger.body(seq))
        except (struct.error, zlib.error, LookupError, ValueError) as error:
            raise Refused(
                "damaged",
                f"已记录（第 {seq} 条），但账本中该记录已损坏：不要重按，请联系技术员",
                f"it is recorded (record {seq}), but that record is damaged in the ledger: do not press again, "
                "and call the technician",
            ) from error
        return command, answer


def _digest(text: str, size: int) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:size]


def _deflated(answer: Answer, record: bytes) -> bytes:
    """Most of an answer stands in its record: it costs some fifty bytes."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, WINDOW, zdict=record)
    return deflate.compress(answer.model_dump_json(by_alias=True).encode()) + deflate.flush()


def _inflated(data: bytes, record: bytes) -> dict[str, Any]:
    inflate = zlib.decompressobj(WINDOW, zdict=record)
    answer = json.loads(inflate.decompress(data) + inflate.flush())
    if not isinstance(answer, dict):
        raise ValueError("no answer")
    return answer
