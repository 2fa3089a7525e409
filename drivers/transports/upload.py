"""A small HTTP server for one instrument, or for those of one make: they upload, and are answered after the commit.

    http:0.0.0.0:8090                                     whoever reaches the port
    http:0.0.0.0:8090?from=192.168.1.20,192.168.2.0/24    these addresses and networks
    http:0.0.0.0:8090?token_file=/etc/marketedge/t.txt    whoever says the word in this file

The word is looked for in a field ``token`` (of the address, the form or the JSON), in the headers ``Authorization:
Bearer`` and ``X-Token``, and as the first part of the path (``/WORD/upload``), for testers on which nothing but an
address can be set.  It is taken out of what is handed over.

Bounds: ``MOST`` clients at once, of whom the one that dawdles longest goes when another comes; ``HEAD_BYTES`` of head,
``BODY_BYTES`` of body; ``REQUEST_SECONDS`` for a whole request, however its bytes come.  One request is handed over at
a time, the others wait; one that gets no answer for ``ANSWER_SECONDS`` is answered 503 and comes again.
"""

import contextlib
import hmac
import re
import select
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from urllib.parse import parse_qsl, unquote_to_bytes, urlencode

import h11

from drivers.transports.base import READ_SECONDS, LinkLost
from drivers.transports.listen import Peers, bare, server
from protocol import uploads
from protocol.analyzers.shared.stating import decode_text
from protocol.uploads import Request, Said

MOST = 16
HEAD_BYTES = 16 << 10
BODY_BYTES = 256 << 10
MOST_FIELDS = 500
REQUEST_SECONDS = 20.0
ANSWER_SECONDS = 30.0
DAWDLING_SECONDS = 2.0  # a request that is not whole by then may be sent away for another
LINGER_SECONDS = 2.0  # for what a client still sends to a server that has answered
WRITE_SECONDS = 0.5
CHUNK = 16 << 10
AT_ONCE = 64
LONGEST_WORD, SHORTEST_WORD = 200, 8
ADDRESS = re.compile(r"http:(?:\[([0-9A-Fa-f:.]*)\]|([^:?/]*)):([0-9]{1,5})(?:\?(.*))?")
METHODS = (b"GET", b"POST", b"PUT")
EXAMPLE = "http:0.0.0.0:8090?from=192.168.1.20 or http:0.0.0.0:8090?token_file=/etc/marketedge/token"
FAILED = '{"status":0,"info":"failed"}'


def parts(address: str) -> tuple[str, int, str, Path | None]:
    """Host, port, who may connect (as ``?from=`` has it) and the file with the word. Raises ValueError."""
    found = ADDRESS.fullmatch(address)
    if not found or int(found[3]) > 0xFFFF:
        raise ValueError("no address")
    query = parse_qsl(found[4], keep_blank_values=True, strict_parsing=True) if found[4] is not None else []
    asked = dict(query)
    if found[4] == "" or len(asked) < len(query) or set(asked) - {"from", "token_file"}:
        raise ValueError("no such setting")
    file = Path(asked["token_file"]) if "token_file" in asked else None
    if file is not None and not file.is_absolute():
        raise ValueError("the path of the file must be whole")
    return found[1] or found[2] or "", int(found[3]), asked.get("from", ""), file


def as_listening(address: str) -> str:
    """The same host, port and peers as ``listen:`` writes them. Raises ValueError."""
    host, port, peers, _ = parts(address)
    asked = "?" + urlencode({"from": peers}, safe="/:,") if peers or "from=" in address else ""
    return f"listen:{f'[{host}]' if ':' in host else host}:{port}{asked}"


class _Unwanted(Exception):
    """A request that is not handed over; ``status`` is the answer."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(slots=True, eq=False)
class _Caller:
    """A client with its one request."""

    socket: socket.socket
    host: str
    since: float
    talk: h11.Connection = field(
        default_factory=lambda: h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
    )
    head: h11.Request | None = None
    body: bytearray = field(default_factory=bytearray)
    whole: Request | None = None
    name: str = ""  # of the request, while its answer is awaited
    asked_at: float = 0.0
    gone_at: float | None = None  # answered; what it still sends is let go until then


class UploadPort:
    """Takes uploads at ``http:HOST:PORT``; each ``read`` gives a whole one, ``write`` takes answers (``uploads``)."""

    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.address = address
        self.peer = ""  # the address of who sent what was read last
        self._clock = clock
        self._callers: list[_Caller] = []
        self._asked: _Caller | None = None
        self._wordless = self._told = 0
        try:
            host, port, _, file = parts(address)
            self._peers = Peers(as_listening(address), clock)
        except (ValueError, LinkLost):
            raise LinkLost(f"{address}: write {EXAMPLE}") from None
        self._word = _word_in(file) if file is not None else b""
        self._server = server(address, host, port)

    @property
    def port(self) -> int:
        """The port's number, also when the address said 0."""
        number: int = self._server.getsockname()[1]
        return number

    def read(self, timeout: float = READ_SECONDS) -> bytes:
        self._send_late_away()
        if found := self._next():
            return found
        watched = [one.socket for one in self._callers if one.whole is None or one.gone_at is not None]
        if len(self._callers) < MOST or self._slow():  # else the next one waits in the kernel
            watched.append(self._server)
        try:
            ready, _, _ = select.select(watched, [], [], max(0.0, timeout))
        except (OSError, ValueError) as error:
            raise LinkLost(f"{self.address}: disconnected while reading: {error}") from error
        for caller in [one for one in self._callers if one.socket in ready]:
            self._hear(caller)
        if self._server in ready:
            self._let_in()
        return self._next()

    def write(self, data: bytes) -> None:
        """Answers. One that comes too late, or for a client that has gone, is dropped: the upload comes again."""
        if self._server.fileno() < 0:
            raise LinkLost(f"{self.address}: the port is closed")
        for answer in uploads.answers(data):
            if self._asked is not None and self._asked.name == answer.digest:
                caller, self._asked = self._asked, None
                self._answer(caller, answer.status, answer.text)

    def news(self) -> str | None:
        """Who was sent away, for the technician: as ``Peers``, and who did not say the word."""
        if (said := self._peers.news()) is not None:
            return said
        if self._wordless == self._told:
            return None
        self._told = self._wordless
        return (
            f"{self._wordless} uploads refused: no token, or a wrong one; set it on the instrument as it stands in the"
            " token_file of its port"
        )

    def close(self) -> None:
        """Whoever still waits is told to come again."""
        for caller in [*self._callers]:
            if caller.gone_at is None:
                self._answer(caller, 503, FAILED)
            self._drop(caller)
        with contextlib.suppress(OSError):
            self._server.close()

    # --- clients ----------------------------------------------------------------------------------------------------

    def _let_in(self) -> None:
        for _ in range(AT_ONCE):
            if len(self._callers) >= MOST and not self._make_room():
                return
            try:
                client, (host, *_) = self._server.accept()
            except OSError:  # nobody, or he is gone again
                return
            host = bare(host)
            if self._peers.may(host):
                client.setblocking(False)
                self._callers.append(_Caller(client, host, self._clock()))
            else:
                client.close()

    def _make_room(self) -> bool:
        """The one that dawdles longest goes; False when nobody does."""
        if not (slow := self._slow()):
            return False
        slowest = min(slow, key=lambda one: one.since)
        if slowest.gone_at is None:
            self._answer(slowest, 408, FAILED)
        self._drop(slowest)
        return True

    def _slow(self) -> list[_Caller]:
        late = self._clock() - DAWDLING_SECONDS
        return [one for one in self._callers if one.gone_at is not None or (one.whole is None and one.since <= late)]

    def _send_late_away(self) -> None:
        now = self._clock()
        for caller in [*self._callers]:
            if caller.gone_at is not None:
                if now >= caller.gone_at:
                    self._drop(caller)
            elif caller.whole is None and now - caller.since >= REQUEST_SECONDS:
                self._answer(caller, 408, FAILED)
        if self._asked is not None and now - self._asked.asked_at >= ANSWER_SECONDS:
            late, self._asked = self._asked, None
            self._answer(late, 503, FAILED)

    def _hear(self, caller: _Caller) -> None:
        try:
            data = caller.socket.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(caller)
        elif caller.gone_at is None:
            try:
                caller.talk.receive_data(data)
                self._take(caller)
            except h11.RemoteProtocolError as error:
                self._answer(caller, error.error_status_hint, FAILED)
            except _Unwanted as refused:
                self._answer(caller, refused.status, FAILED)

    def _take(self, caller: _Caller) -> None:
        """What the bytes complete. Raises _Unwanted and RemoteProtocolError."""
        while True:
            event = caller.talk.next_event()
            if event is h11.NEED_DATA:
                if caller.talk.they_are_waiting_for_100_continue:
                    go_on = h11.InformationalResponse(status_code=100, headers=[])
                    self._send(caller, caller.talk.send(go_on) or b"")
                return
            match event:
                case h11.Request():
                    caller.head = event
                    if event.method not in METHODS:
                        raise _Unwanted(405)
                    if int(_header(event, b"content-length") or 0) > BODY_BYTES:
                        raise _Unwanted(413)
                case h11.Data():
                    caller.body += event.data
                    if len(caller.body) > BODY_BYTES:
                        raise _Unwanted(413)
                case h11.EndOfMessage():
                    caller.whole = self._understood(caller)
                    return
                case _:
                    raise _Unwanted(400)

    def _understood(self, caller: _Caller) -> Request:
        assert caller.head is not None
        try:
            path, said, word = _request(caller.head, bytes(caller.body))
        except ValueError:
            raise _Unwanted(400) from None
        if self._word:
            path, word = _from_path(path, word, self._word)
            if not hmac.compare_digest(word, self._word):
                self._wordless += 1
                raise _Unwanted(403)
        if not said:
            raise _Unwanted(400)
        return Request(path, said)

    def _next(self) -> bytes:
        """The oldest whole request, unless the answer to one is awaited."""
        if self._asked is not None:
            return b""
        for caller in self._callers:
            if caller.whole is not None and caller.gone_at is None:
                data = uploads.wrapped(caller.whole)
                caller.name = uploads.name_of(caller.whole)
                caller.asked_at = self._clock()
                self._asked, self.peer = caller, caller.host
                return data
        return b""

    def _answer(self, caller: _Caller, status: int, text: str) -> None:
        """And hear no more of it: what it still sends is let go for a while, else it might not hear us."""
        body = text.encode()
        kind = b"application/json" if text[:1] in ("{", "[") else b"text/plain; charset=utf-8"
        response = h11.Response(
            status_code=status,
            headers=[(b"Content-Type", kind), (b"Content-Length", b"%d" % len(body)), (b"Connection", b"close")],
        )
        try:
            out = (caller.talk.send(response) or b"") + (caller.talk.send(h11.Data(data=body)) or b"")
            out += caller.talk.send(h11.EndOfMessage()) or b""
        except h11.LocalProtocolError:  # it has not said enough to be answered
            out = b""
        self._send(caller, out)
        caller.gone_at = self._clock() + LINGER_SECONDS
        with contextlib.suppress(OSError):
            caller.socket.shutdown(socket.SHUT_WR)

    def _send(self, caller: _Caller, data: bytes) -> None:
        with contextlib.suppress(OSError):
            caller.socket.settimeout(WRITE_SECONDS)
            caller.socket.sendall(data)
            caller.socket.setblocking(False)

    def _drop(self, caller: _Caller) -> None:
        """One whose request was handed over may go: its answer is dropped then."""
        self._callers.remove(caller)
        with contextlib.suppress(OSError):
            caller.socket.close()


# --- one request ----------------------------------------------------------------------------------------------------


def _request(head: h11.Request, body: bytes) -> tuple[str, Said, bytes]:
    """Path, what was said, and the word that was said with it. Raises ValueError."""
    target, _, query = head.target.partition(b"?")
    said: Said = _form(query)
    if body.strip():
        more = _body(_header(head, b"content-type"), body)
        said = {**said, **more} if isinstance(said, dict) and isinstance(more, dict) else more
    bearer = re.fullmatch(rb"(?i:bearer)\s+(\S+)\s*", _header(head, b"authorization"))
    word = bearer[1] if bearer else _header(head, b"x-token")
    if isinstance(said, dict) and isinstance(token := said.pop("token", None), str):
        word = word or token.encode("utf-8", "replace")
    return decode_text(unquote_to_bytes(target)), said, word


def _body(kind: bytes, body: bytes) -> Said:
    """JSON by its looks, whatever the header calls it: many testers call it a form. Raises ValueError."""
    if kind.lower().startswith(b"multipart/form-data"):
        return uploads.apart(dict(_multipart(kind, body)))
    if body.lstrip()[:1] in (b"{", b"["):
        return uploads.loaded(decode_text(body))
    return _form(body.strip())


def _form(form: bytes) -> Said:
    found: dict[str, str] = {}
    for name, value in parse_qsl(form.decode("latin-1"), encoding="latin-1", max_num_fields=MOST_FIELDS):
        found.setdefault(_text(name), _text(value))
    return uploads.apart(found)


def _text(latin: str) -> str:
    return decode_text(latin.encode("latin-1"))


def _multipart(kind: bytes, body: bytes) -> Iterator[tuple[str, str]]:
    """The fields of a form in parts; files are passed over."""
    message: Message = BytesParser().parsebytes(b"Content-Type: " + kind + b"\r\n\r\n" + body)
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes) and part.get_filename() is None:
            yield name, decode_text(content)


def _header(head: h11.Request, name: bytes) -> bytes:
    return next((value for each, value in head.headers if each == name), b"")


def _from_path(path: str, word: bytes, wanted: bytes) -> tuple[str, bytes]:
    """The path without the word, where that is its first part."""
    first, _, rest = path.removeprefix("/").partition("/")
    if hmac.compare_digest(first.encode("utf-8", "replace"), wanted):
        return f"/{rest}", wanted
    return path, word


def _word_in(file: Path) -> bytes:
    """Raises LinkLost."""
    try:
        with file.open("rb") as lines:
            word = lines.read(LONGEST_WORD + 1).strip()
    except OSError as error:
        raise LinkLost(f"{file}: cannot read the token: {error.strerror}") from error
    if not SHORTEST_WORD <= len(word) <= LONGEST_WORD or re.search(rb"[\s/]", word):
        raise LinkLost(f"{file}: write one word of {SHORTEST_WORD} to {LONGEST_WORD} letters and digits as the token")
    return word
