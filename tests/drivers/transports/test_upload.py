import contextlib
import json
import socket
import threading
from urllib.parse import quote

import httpx
import pytest

from drivers import catalogue
from drivers.transports import LinkLost, open_port
from drivers.transports.upload import (
    ANSWER_SECONDS,
    BODY_BYTES,
    DAWDLING_SECONDS,
    MOST,
    REQUEST_SECONDS,
    UploadPort,
    as_listening,
)
from edge.between.inbox import Inbox, PortChanged, Tested
from edge.ports.port import Committed, NotCommitted, Port
from protocol import uploads
from protocol.analyzers import http_push
from protocol.files import File, Files
from protocol.link import Link
from protocol.uploads import Answer, Request

KERUN = {"jcxm": "农药残留", "jcz": "12.50", "jcdt": "2025-03-14 09:14:32", "ybbh": "7"}
FORM = "&".join(f"{name}={quote(text)}" for name, text in KERUN.items()).encode()
WORD = "a-long-word-42"


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def port(clock):
    opened = UploadPort("http:127.0.0.1:0", clock)
    yield opened
    opened.close()


@pytest.fixture
def guarded(clock, tmp_path):
    """Who says the word may upload."""
    file = tmp_path / "token"
    file.write_text(WORD + "\n")
    opened = UploadPort(f"http:127.0.0.1:0?token_file={file}", clock)
    yield opened
    opened.close()


@contextlib.contextmanager
def client(port, host="127.0.0.1"):
    with socket.create_connection(("127.0.0.1", port.port), timeout=5, source_address=(host, 0)) as peer:
        yield peer


def post(body=FORM, target="/detection.jsp", *headers):
    head = (f"POST {target} HTTP/1.1", "Host: box", f"Content-Length: {len(body)}", *headers, "", "")
    return "\r\n".join(head).encode() + body


def requests(data):
    return [uploads.read(found.content) for found in Files().feed(data) if isinstance(found, File)]


def taken(port, rounds=50):
    """The next request; None when none comes."""
    for _ in range(rounds):
        if data := port.read(0.1):
            (request,) = requests(data)
            return request
    return None


def answer(port, request, status=200, text='{"status":1}'):
    port.write(Answer(uploads.name_of(request), status, text).as_bytes())


def heard(peer):
    """Status and body of the answer that ends the connection."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while more := peer.recv(4096):
            data += more
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), body.decode()


def turns(port, count=6):
    return [requests(data) for _ in range(count) if (data := port.read(0.02))]


def test_a_whole_request_is_handed_over_and_answered_when_its_answer_comes(port):
    with client(port) as peer:
        peer.sendall(post())
        request = taken(port)
        assert request == Request("/detection.jsp", KERUN) and port.peer == "127.0.0.1"
        assert turns(port) == []
        peer.setblocking(False)
        with pytest.raises(BlockingIOError):
            peer.recv(1)
        peer.settimeout(5)
        answer(port, request)
        assert heard(peer) == (200, '{"status":1}')


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"GET /x?" + FORM + b" HTTP/1.0\r\n\r\n", KERUN),
        (post(b"", "/x?" + FORM.decode()), KERUN),
        (post(json.dumps(KERUN).encode(), "/", "Content-Type: application/x-www-form-urlencoded"), KERUN),
        (post("jcxm=农药残留&jcz=12.50".encode("gb18030")), {"jcxm": "农药残留", "jcz": "12.50"}),
        (
            post(quote("农药残留".encode("gb18030")).join(("jcxm=", "&jcz=1")).encode()),
            {"jcxm": "农药残留", "jcz": "1"},
        ),
        (post(b'{"body":"{\\"a\\":12.50}","b":[1,null]}'), {"body": {"a": "12.50"}, "b": ["1", ""]}),
        (post(b'[{"a":1}]'), [{"a": "1"}]),
        (post(b"a=1&a=2&b=%25"), {"a": "1", "b": "%"}),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na=1\r\n4\r\n&b=2\r\n0\r\n\r\n",
            {"a": "1", "b": "2"},
        ),
    ],
)
def test_every_usual_way_to_upload_is_understood_in_pieces_too(port, sent, said):
    with client(port) as peer:
        for piece in (sent[:20], sent[20:25]):
            peer.sendall(piece)
            assert port.read(0.05) == b""
        peer.sendall(sent[25:])
        assert taken(port).said == said


def test_a_form_in_parts_is_read_by_a_client_that_waits_to_be_told_to_go_on(port):
    answers = []

    def upload():
        files = {name: (None, text) for name, text in KERUN.items()}
        files["photo"] = ("a.jpg", b"\xff\xd8\xff")
        done = httpx.post(f"http://127.0.0.1:{port.port}/up", files=files, headers={"Expect": "100-continue"})
        answers.append((done.status_code, done.json()))

    other = threading.Thread(target=upload)
    other.start()
    request = taken(port)
    assert request == Request("/up", KERUN)
    answer(port, request)
    other.join(5)
    assert answers == [(200, {"status": 1})]


def test_one_request_at_a_time_the_others_wait(port):
    with client(port) as first, client(port) as second:
        first.sendall(post())
        request = taken(port)
        second.sendall(post(FORM + b"&x=2"))
        assert turns(port) == []
        answer(port, request)
        assert heard(first)[0] == 200
        later = taken(port)
        assert later.said["x"] == "2"
        answer(port, request)  # said twice: nobody's answer
        answer(port, later)
        assert heard(second)[0] == 200


def test_without_an_answer_the_client_is_told_to_come_again_and_a_late_one_is_nobodys(port, clock):
    with client(port) as peer, client(port) as next_one:
        peer.sendall(post())
        late = taken(port)
        next_one.sendall(post(FORM + b"&x=2"))
        turns(port)
        clock.now += ANSWER_SECONDS
        request = taken(port)
        assert heard(peer)[0] == 503
        answer(port, late, text="wrong")
        answer(port, request, text="right")
        assert heard(next_one) == (200, "right")


def test_a_client_that_left_holds_up_nobody(port):
    with client(port) as peer:
        peer.sendall(post())
        request = taken(port)
    with client(port) as peer:
        peer.sendall(post(FORM + b"&x=2"))
        turns(port)
        answer(port, request)
        later = taken(port)
        answer(port, later)
        assert heard(peer)[0] == 200


def test_whoever_waits_when_the_port_closes_is_told_to_come_again(port):
    with client(port) as handed_over, client(port) as waiting, client(port) as unfinished:
        handed_over.sendall(post())
        assert taken(port)
        waiting.sendall(post())
        unfinished.sendall(post()[:-5])
        turns(port)
        port.close()
        assert [heard(peer)[0] for peer in (handed_over, waiting, unfinished)] == [503] * 3
    with pytest.raises(LinkLost):
        port.write(b"")


# --- bounds ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n" * 9, 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /?token=x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"DELETE /?a=1 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"GET /?" + b"a" * 20_000, 431),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000000\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        (post(b'{"a":' * 50), 400),
        (post(b"&".join(b"a%d=1" % n for n in range(501))), 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 0),
    ],
)
def test_what_is_no_upload_is_refused_and_never_handed_over(port, sent, status):
    with client(port) as peer:
        peer.sendall(sent)
        if not status:  # it never ends
            for _ in range(BODY_BYTES // 0x4000 + 1):
                with contextlib.suppress(OSError):
                    peer.sendall(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
                port.read(0.01)
        assert turns(port) == []
        assert heard(peer)[0] == (status or 413)


def test_a_slow_client_is_sent_away_though_each_byte_comes_in_time(port, clock):
    with client(port) as slow:
        for byte in post()[:10]:
            slow.sendall(bytes((byte,)))
            turns(port, 1)
            clock.now += REQUEST_SECONDS / 9
        turns(port)
        assert heard(slow)[0] == 408


def test_clients_that_only_stand_there_keep_nobody_out(port, clock):
    with contextlib.ExitStack() as many:
        crowd = [many.enter_context(client(port)) for _ in range(MOST)]
        turns(port)
        with client(port) as late:
            late.sendall(post())
            assert taken(port, 3) is None  # nobody has dawdled yet
            clock.now += DAWDLING_SECONDS
            assert taken(port).said == KERUN
        assert heard(crowd[0])[0] == 408
        assert len(port._callers) <= MOST


def test_only_named_addresses_are_served_and_others_are_told(clock):
    picky = UploadPort("http:0.0.0.0:0?from=127.0.0.2,127.0.7.0/24", clock)
    try:
        with client(picky, "127.0.0.9") as stranger:
            with contextlib.suppress(ConnectionError):
                stranger.sendall(post())
            assert turns(picky) == []
            with contextlib.suppress(ConnectionError):
                assert stranger.recv(1) == b""
        assert "1 connections refused, the last from 127.0.0.9" in picky.news()
        with client(picky, "127.0.7.7") as peer:
            peer.sendall(post())
            assert taken(picky) and picky.peer == "127.0.7.7"
    finally:
        picky.close()


# --- the word -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        post(FORM + f"&token={WORD}".encode()),
        post(FORM, f"/?token={WORD}"),
        post(FORM, f"/{WORD}/detection.jsp"),
        post(json.dumps({**KERUN, "token": WORD}).encode()),
        post(FORM, "/", f"X-Token: {WORD}"),
        post(FORM, "/", f"Authorization: Bearer {WORD}"),
    ],
)
def test_the_word_opens_wherever_a_tester_can_say_it_and_goes_no_further(guarded, sent):
    with client(guarded) as peer:
        peer.sendall(sent)
        request = taken(guarded)
        assert request.said == KERUN and WORD not in request.path
        assert guarded.news() is None


@pytest.mark.parametrize("sent", [post(), post(FORM + b"&token=wrong"), post(FORM, "/", f"X-Token: {WORD}x")])
def test_without_the_word_nothing_is_taken_and_it_is_told(guarded, sent):
    with client(guarded) as peer:
        peer.sendall(sent)
        assert turns(guarded) == []
        assert heard(peer)[0] == 403
    assert "1 uploads refused: no token, or a wrong one" in guarded.news()
    assert guarded.news() is None


@pytest.mark.parametrize("content", ["", "short", "two words 123", "with/slash", "x" * 201])
def test_a_word_that_is_none_opens_nothing(tmp_path, content):
    file = tmp_path / "token"
    file.write_text(content)
    with pytest.raises(LinkLost, match="write one word"):
        UploadPort(f"http:127.0.0.1:0?token_file={file}")
    with pytest.raises(LinkLost, match="cannot read the token"):
        UploadPort(f"http:127.0.0.1:0?token_file={tmp_path}/none")


@pytest.mark.parametrize(
    "address",
    [
        *("http:", "http:127.0.0.1", "http:1.2.3.4:99999", "http:1.2.3.4:80/x", "http:1.2.3.4:80?to=x"),
        *("http:1.2.3.4:80?", "http:1.2.3.4:80?from=me", "http:1.2.3.4:80?from=1.1.1.1&from=2.2.2.2"),
        "http:1.2.3.4:80?token_file=here",
    ],
)
def test_an_address_that_is_none_says_how_it_is_written(address):
    with pytest.raises(LinkLost, match=r"write http:0\.0\.0\.0:8090\?from="):
        open_port(address, Link(9600))


def test_the_address_is_taken_apart_as_others_are():
    assert as_listening("http:[::1]:80?from=10.0.0.0/8&token_file=/x") == "listen:[::1]:80?from=10.0.0.0/8"
    assert as_listening("http::80") == "listen::80"


# --- with a port's thread -------------------------------------------------------------------------------------------


@pytest.fixture
def uploading():
    """A station's port, and the way to upload to it."""
    inbox, opened = Inbox(), []

    def open_it():
        opened.append(open_port("http:127.0.0.1:0", Link(9600)))
        return opened[-1]

    row = catalogue.find("kerun-upload")
    thread = Port("kerun", inbox, open_it, row.session)
    thread.start()
    assert isinstance(inbox.get(timeout=5), PortChanged)
    yield thread, inbox, opened
    thread.stop()
    thread.join(5)


def test_the_tester_is_answered_once_its_result_is_on_disk(uploading):
    thread, inbox, opened = uploading
    with client(opened[0]) as peer:
        peer.sendall(post())
        tested = inbox.get(timeout=5)
        assert isinstance(tested, Tested)
        assert (tested.results[0].sample, tested.results[0].peer) == ("7", "127.0.0.1")
        peer.settimeout(0.3)
        with pytest.raises(TimeoutError):
            peer.recv(1)
        peer.settimeout(5)
        thread.order(Committed())
        assert heard(peer) == (200, http_push.Options().good)


def test_a_result_that_could_not_be_written_is_sent_again_and_known_again(uploading):
    thread, inbox, opened = uploading
    with client(opened[0]) as peer:
        peer.sendall(post())
        first = inbox.get(timeout=5)
        thread.order(NotCommitted())
        assert heard(peer)[0] == 503
    while not (isinstance(told := inbox.get(timeout=5), PortChanged) and told.up):
        pass
    with client(opened[1]) as peer:
        peer.sendall(post())
        again = inbox.get(timeout=5)
        assert isinstance(again, Tested) and again.results[0].identity == first.results[0].identity
        thread.order(Committed())
        assert heard(peer)[0] == 200
