"""What speaks on this port? Listens first, then asks what harms nobody.

While anything is heard, nothing is asked: a device that talks by itself is told by listening, and single letters that
one scale answers may tare another.  Text that came by itself is never told to be of a scale that does not talk by
itself.  A port that stays silent is asked the ``questions`` of every format, each at the settings where the format is
found, the default ones of all formats first.  A port that fell silent after a word is asked, too: a scale greets when
it is switched on.

A scale may answer that it is not ready while its load moves.  One character is anybody's answer, so it is asked again
until half a minute is over, and told once it says a weight.

An instrument that asks whether it may send is answered as the format's own session answers.  That session is never told
that anything was committed, so whoever waits for that keeps the result and sends it again.

The port is always set to 8n1 where the line could have 7 bits: their parity is then in bit 7, where it can be seen
and where we put it ourselves.  So one opening serves 8n1, 7e1 and 7o1.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import field

from drivers.conversation import Conversation
from drivers.recognise import Candidate, Match, candidates, recognise, talkative, with_parity
from drivers.transports import LinkLost, Transport
from protocol import formats, modbus
from protocol.formats import WireFormat
from protocol.frozen import frozen
from protocol.link import Link
from protocol.options import BadOptions
from protocol.readings import Reply

BAUDS = (9600, 4800, 2400, 1200, 19200, 115200, 38400, 57600, 600)
LISTEN_SECONDS = 2.2  # the slowest continuous output seen sends once a second
PAUSE = 0.12  # without a byte for so long, an answer is over
ANSWER_SECONDS = 0.25  # scales answer within 0.1 s, most of them; a session allows more
LONG_ANSWER = 1.5  # seconds that an answer may take once it has begun
ANSWER_BYTES = 20  # at low rates the wire itself needs longer
REPEATS = 2  # of a question that got an answer
FRAME_BYTES = 24  # are worth a judgement, then as much again as was judged: each takes a slow box a second
LONG_ANSWER_BYTES = 100  # that are damaged more often: twice as many repeats
ASK_SECONDS = 30.0  # all take twenty on an idle machine; else the rarest stay unasked.  Who is not ready has the rest
TALK_SECONDS = 1.0  # with a format's own session, once its question got an answer
LINE_ENDS = (b"\r", b"\n")
ENOUGH = 0.85  # confidence of all that is told together, to stop looking
HARDLY = 0.3  # below this we say that we cannot tell
STRAY = 3  # bytes that opening a port may shake loose
SHAKEN_SECONDS = 0.3  # after which nothing is shaken loose any more
CALLED_SECONDS = 4.0  # that an instrument may take for what it wanted to send

Open = Callable[[Link], Transport]


@frozen
class Report:
    """``findings``: the likeliest first, empty when it cannot be told. ``heard`` is a sample of unreadable bytes."""

    findings: tuple[Match, ...] = ()
    heard: bytes = b""
    heard_at: Link | None = None
    asked: int = 0
    seconds: float = 0.0


@frozen
class Question:
    """Bytes to send at ``link``, and the ids of the formats that want to know."""

    data: bytes
    link: Link
    formats: tuple[str, ...] = field(compare=False)


class Search:
    """One look at one port, for all that can be told or for those ``of``.

    ``our_settings`` is False where the line settings are made elsewhere (serial servers).
    """

    def __init__(
        self,
        open_at: Open,
        *,
        of: Iterable[Candidate] | None = None,
        wire: str = "serial",
        our_settings: bool = True,
        listen: float = LISTEN_SECONDS,
        allow_print: bool = False,
        clock: Callable[[], float] = time.monotonic,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._open = open_at
        self._our_settings = our_settings
        self._listen_seconds = listen
        self._allow_print = allow_print
        self._clock = clock
        self._tell = tell
        self._candidates = candidates(wire) if of is None else list(of)
        self._transport: Transport | None = None
        self._at: Link | None = None
        self._heard: tuple[bytes, Link | None] = (b"", None)
        self._asked = 0
        self._left_open = False
        self._silent = False

    def run(self) -> Report:
        """Raises LinkLost when the port cannot be opened, or vanishes."""
        start = self._clock()
        try:
            findings = self._listen()
            if not findings and self._silent:
                findings = self._ask()
        finally:
            self._close()
        told = () if _bare(findings) or _sure(findings) < HARDLY else tuple(findings)
        return Report(told, *self._heard, self._asked, self._clock() - start)

    # --- listening --------------------------------------------------------------------------------------------------

    def _listen(self) -> list[Match]:
        best: list[Match] = []
        for baud in self._bauds():
            self._tell(f"listening at {baud} baud" if self._our_settings else "listening")
            found = self._listen_at(Link(baud))
            if _sure(found) > _sure(best):
                best = found
            if _sure(best) >= ENOUGH or self._silent:
                break  # a line that is silent at one rate is silent at all
        return best

    def _listen_at(self, link: Link) -> list[Match]:
        """Waits for a first word, and hears then whoever speaks for a while."""
        self._set(link)
        data, judged, speaks = b"", 0, False
        found: list[Match] = []
        self._silent = True
        start = self._clock()
        end = start + self._listen_seconds
        while self._clock() < end and _sure(found) < ENOUGH:
            more = self._read(min(0.2, max(0.0, end - self._clock())))
            data += more
            if more and (caller := self._caller(data)):
                data += self._talk(caller, link, CALLED_SECONDS, after=data)
            if not speaks and len(data) > STRAY:
                speaks, end = True, self._clock() + min(self._listen_seconds, LISTEN_SECONDS)
            self._silent = self._silent and not speaks and not (more and self._clock() > start + SHAKEN_SECONDS)
            if len(data) > 2 * judged + FRAME_BYTES:
                judged, found = len(data), self._judge(data, link, talkative(self._candidates))
        found = self._judge(data, link, talkative(self._candidates)) if len(data) > judged else found
        if len(data) > len(self._heard[0]):
            self._heard = data, link
        return found

    def _caller(self, data: bytes) -> WireFormat | None:
        """Whose instrument has just asked, and said nothing else, whether it may send."""
        for one in self._candidates:
            if any(data.endswith(call) and len(data) <= len(call) + STRAY for call in one.format.calls):
                return one.format
        return None

    def _bauds(self) -> list[int]:
        if not self._our_settings:
            return [BAUDS[0]]
        found = {link.baud for one in self._candidates for link in _links(one)}
        return [baud for baud in BAUDS if baud in found] + sorted(found - set(BAUDS))

    # --- asking -----------------------------------------------------------------------------------------------------

    def _ask(self) -> list[Match]:
        best: list[Match] = []
        only: Link | None = None  # somebody answers here, and more questions may tell what it is
        end = self._clock() + ASK_SECONDS
        for question in self._questions():
            if self._clock() > end:
                break
            if only not in (None, question.link):
                continue
            if not self._can_be_set(_plain(question.link)):
                continue
            self._asked += 1
            self._tell(f"asking at {question.link}: {', '.join(question.formats)}")
            data = self._answer(question)
            if not data and self._left_open and question.data.endswith(LINE_ENDS):
                data = self._answer(question)  # the first one only ended what was sent before
            if not data and only:
                data = self._answer(question)  # somebody is there, who may not have heard
            self._left_open = not question.data.endswith(LINE_ENDS)
            if not data:
                continue
            repeats = REPEATS if len(data) < LONG_ANSWER_BYTES else 2 * REPEATS
            again = b"".join(self._answer(question) for _ in range(repeats))
            of = talkative(self._candidates) if again else self._candidates
            data += again
            for format_id in question.formats:
                wire_format = formats.find(format_id)
                own = wire_format.kind == "scale" and question.data in wire_format.questions
                if own and _sure(self._judge(data, _plain(question.link), of)) < ENOUGH:
                    data += self._talk(wire_format, question.link, TALK_SECONDS)
            found = self._judge(data, _plain(question.link), of)
            if (_valued(found), _sure(found)) > (_valued(best), _sure(best)):
                best = found
            if len(data) > len(self._heard[0]):
                self._heard = data, question.link
            if _sure(best) >= ENOUGH and _valued(best):
                break
            if best and not _valued(best) and _sure(best) >= HARDLY:
                only = question.link
        return self._once_ready(best, only, end) if only and _bare(best) else best

    def _once_ready(self, found: list[Match], link: Link, end: float) -> list[Match]:
        """What they say who are not ready now; ``found`` when they stay so until ``end``."""
        asked = [one for one in map(formats.find, dict.fromkeys(one.protocol for one in found)) if one.kind == "scale"]
        self._set(_plain(link))
        while asked and self._clock() < end:
            self._tell(f"asking at {link} until the load stands still: {', '.join(one.id for one in asked)}")
            for one in asked:
                data = self._talk(one, link, TALK_SECONDS)
                said = self._judge(data, _plain(link), talkative(self._candidates))
                if _valued(said) and _sure(said) >= ENOUGH:
                    return said
        return found

    def _questions(self) -> list[Question]:
        """Those that a person has allowed, then those at the formats' default settings, then the others."""
        asked: dict[tuple[Link, bytes], list[str]] = {}
        usual = set()
        for one in self._candidates:
            wire_format = one.format
            for data in wire_format.questions + (wire_format.print_questions if self._allow_print else ()):
                for link in _links(one) if self._our_settings else [Link(BAUDS[0])]:
                    who = asked.setdefault((link, data), [])
                    if wire_format.id not in who:
                        who.append(wire_format.id)
                    if link == wire_format.link:
                        usual.add((link, data))
        allowed = {data for one in self._candidates for data in one.format.print_questions}
        groups: tuple[dict[tuple[Link, bytes], list[str]], ...] = ({}, {}, {})
        for key, who in asked.items():
            groups[0 if key[1] in allowed else 1 if key in usual else 2][key] = who
        return [question for group in groups for question in _by_rate(group)]

    def _answer(self, question: Question) -> bytes:
        link = question.link
        self._write(question.data, link)
        out, end = b"", self._clock() + ANSWER_SECONDS + (ANSWER_BYTES + len(question.data)) * link.byte_seconds
        while (left := end - self._clock()) > 0:
            more = self._read(min(left, PAUSE) if out else left)
            if out and not more:
                break
            if more and not out:
                end = self._clock() + LONG_ANSWER
            out += more
        return _without_echo(out, _wired(question.data, link))

    def _talk(self, wire_format: WireFormat, link: Link, seconds: float, after: bytes = b"") -> bytes:
        """What the device says to the format's own session, which without a person's wish only asks and listens.

        It begins ``after`` these bytes have come.
        """
        options = next(one.options for one in self._candidates if one.format == wire_format)
        try:
            session = wire_format.speaks(options)
        except BadOptions:
            return b""  # it needs to be told more before it can ask
        line = _Line(self._wire(), link)
        if after:
            session.receive(after, self._clock())
        talk = Conversation(line, session, self._clock)
        end = self._clock() + seconds
        while self._clock() < end:
            talk.turn(PAUSE)
        return bytes(line.heard)

    # --- the port ---------------------------------------------------------------------------------------------------

    def _judge(self, data: bytes, link: Link, of: list[Candidate]) -> list[Match]:
        return recognise(data, link, of, our_settings=self._our_settings)

    def _set(self, link: Link) -> None:
        if self._transport is not None and (link == self._at or not self._our_settings):
            return
        self._close()
        self._transport, self._at = self._open(link), link
        self._left_open = True  # what was sent at another rate arrived as anything

    def _can_be_set(self, link: Link) -> bool:
        """Not every adapter knows every parity."""
        try:
            self._set(link)
        except LinkLost:
            if link == Link(link.baud):
                raise
            return False
        return True

    def _wire(self) -> Transport:
        if self._transport is None:
            raise LinkLost("the port is not open")
        return self._transport

    def _write(self, data: bytes, link: Link) -> None:
        self._wire().write(_wired(data, link))

    def _read(self, timeout: float) -> bytes:
        return self._wire().read(timeout)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None


class _Line:
    """The open port as a line of ``link``: what parity is not the port's is put on and taken off here.

    ``heard`` is what came, as it came.
    """

    def __init__(self, port: Transport, link: Link) -> None:
        self._port = port
        self._link = link
        self.heard = bytearray()

    def read(self, timeout: float = PAUSE) -> bytes:
        data = self._port.read(timeout)
        self.heard += data
        return bytes(byte & 0x7F for byte in data) if self._link.bits == 7 else data

    def write(self, data: bytes) -> None:
        self._port.write(_wired(data, self._link))

    def close(self) -> None:
        self._port.close()


def _links(candidate: Candidate) -> tuple[Link, ...]:
    return (candidate.format.link, *candidate.format.links)


def _plain(link: Link) -> Link:
    """How the port is set for this line: 8n1 where the frame has ten bits and seven of them are data."""
    ten_bits = link.bits == 7 and (link.parity != "n") + link.stop == 2
    return Link(link.baud) if ten_bits else link


def _wired(data: bytes, link: Link) -> bytes:
    """The bytes as the port has to send them."""
    return with_parity(data, link.parity) if _plain(link) != link else data


def _without_echo(answer: bytes, said: bytes) -> bytes:
    """Some lines and things send back what was said; behind noise, too, where it is long enough not to be by chance."""
    return answer.replace(said, b"", 1) if len(said) > STRAY else answer.removeprefix(said)


def _by_rate(questions: dict[tuple[Link, bytes], list[str]]) -> Iterator[Question]:
    """Whole lines first: what ends without a line end would stand in front of the next question.

    Modbus last, the lowest register first: a device with many registers also answers for the one of a smaller device.
    """

    def order(key: tuple[Link, bytes]) -> tuple[int, bool, str, bool, bool, bytes]:
        link, data = key
        rate = BAUDS.index(link.baud) if link.baud in BAUDS else len(BAUDS)
        registers = data if modbus.decode_question(modbus.Framing.RTU, data) else b""
        unfinished = not data.endswith(b"\r\n"), not data.endswith(b"\r")
        return rate, link != Link(link.baud), str(link), *unfinished, registers

    for link, data in sorted(questions, key=order):
        yield Question(data, link, tuple(questions[link, data]))


def _valued(findings: list[Match]) -> bool:
    """Something was measured: a device that only answers speaks a protocol that others speak too."""
    return any(not isinstance(one.example, Reply) for one in findings)


def _bare(findings: list[Match]) -> bool:
    """Nothing was said, or one character: anybody may answer so."""
    return all(isinstance(one.example, Reply) and len(one.example.raw.strip()) < 2 for one in findings)


def _sure(findings: list[Match]) -> float:
    return sum(one.confidence for one in findings)
