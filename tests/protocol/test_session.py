import pytest

from protocol.framing import Lines
from protocol.readings import Garbage, Reply
from protocol.session import Asking, Obeying, Wish

COMMANDS = {Wish.TARE: b"T\r", Wish.ZERO: b"Z\r"}


def asking(commands=COMMANDS, **options):
    def decode(line):
        return Garbage(line, "noise") if line == b"noise" else Reply("answer", raw=line)

    return Asking(Lines(decode, terminator=b"\r"), b"W\r", poll=0.1, patience=1.0, commands=commands, **options)


def test_it_asks_waits_and_asks_again():
    session = asking()
    assert session.deadline == 0.0 and session.pending() == b""
    assert session.expired(5.0) == []
    assert session.pending() == b"W\r" and session.pending() == b""
    assert session.deadline == 6.0
    assert session.receive(b"1.0", 5.1) == [] and session.deadline == 6.0
    assert session.receive(b"0\r", 5.2) == [Reply("answer", raw=b"1.00")]
    assert session.deadline == pytest.approx(5.3)
    session.expired(5.3)
    session.expired(6.3)  # silence
    assert session.pending() == b"W\rW\r"


def test_a_wish_goes_out_at_once_when_nothing_is_awaited():
    session = asking()
    session.expired(0.0)
    session.receive(b"1\r", 0.02)
    assert session.ask(Wish.TARE, 0.03) and session.deadline == 0.03
    session.pending()
    session.expired(0.03)
    assert session.pending() == b"T\r"


def test_a_wish_waits_for_the_answer_that_is_due_and_is_sent_once():
    session = asking()
    session.expired(0.0)
    for _ in range(5):
        session.ask(Wish.ZERO, 0.01)
    session.ask(Wish.TARE, 0.01)
    assert session.deadline == 1.0
    for now in (0.02, 0.03):
        session.receive(b"1\r", now)
        assert session.deadline == now
        session.expired(now)
    assert session.pending() == b"W\rZ\rT\r"


def test_a_wish_without_a_command_cannot_be_carried():
    assert not asking().ask(Wish.CLEAR_TARE, 0.0)
    assert not asking({}).ask(Wish.TARE, 0.0)


def test_garbage_brings_the_next_question_forward_but_never_puts_it_off():
    session = asking()
    session.expired(0.0)
    for now in (0.5, 0.55):
        session.receive(b"noise\r", now)
        assert session.deadline == pytest.approx(0.6)


def test_a_command_that_is_not_answered_does_not_hold_up_the_next_question():
    session = asking(answered=False)
    session.ask(Wish.TARE, 0.0)
    session.expired(0.0)
    assert session.pending() == b"T\r" and session.deadline == pytest.approx(0.1)
    session.expired(0.1)
    assert session.pending() == b"W\r" and session.deadline == pytest.approx(1.1)


def test_a_scale_that_talks_by_itself_is_told_each_wish_once():
    session = Obeying(Lines(lambda line: Reply("line", raw=line)), COMMANDS)
    assert session.deadline is None and session.pending() == b""
    assert session.ask(Wish.TARE, 0.0) and session.ask(Wish.TARE, 0.0) and session.ask(Wish.ZERO, 0.0)
    assert not session.ask(Wish.CLEAR_TARE, 0.0)
    assert session.pending() == b"T\rZ\r" and session.pending() == b""
    assert session.receive(b"1\r\n", 0.0) == [Reply("line", raw=b"1")]
