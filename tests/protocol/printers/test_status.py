"""What printers answer, and what their silence is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.printers.status import PaperState, PrinterStatus, StatusReader, ask, read_paper


def told(number: int, byte: int) -> PrinterStatus:
    reader = StatusReader()
    assert reader.ask(number) == bytes((0x10, 0x04, number))
    return reader.receive(bytes((byte,)))


@pytest.mark.parametrize(
    ("number", "byte", "name", "value"),
    [
        (1, 0x12, "online", True),
        (1, 0x16, "online", True),
        (1, 0x1A, "online", False),
        (2, 0x12, "cover", False),
        (2, 0x16, "cover", True),
        (2, 0x32, "paper", PaperState.END),
        (2, 0x52, "error", True),
        (3, 0x12, "cutter", False),
        (3, 0x1A, "cutter", True),
        (3, 0x32, "error", True),
        (3, 0x52, "recovers", True),
        (4, 0x12, "paper", PaperState.OK),
        (4, 0x1E, "paper", PaperState.NEAR_END),
        (4, 0x1A, "paper", PaperState.NEAR_END),
        (4, 0x72, "paper", PaperState.END),
        (4, 0x7E, "paper", PaperState.END),
        (4, 0x52, "paper", PaperState.END),
    ],
)
def test_dle_eot_answers(number: int, byte: int, name: str, value: object) -> None:
    assert getattr(told(number, byte), name) == value


def test_silence_is_unknown() -> None:
    status = StatusReader().receive(b"")
    assert status == PrinterStatus()
    assert status.ready is None
    assert read_paper(b"") is None


@pytest.mark.parametrize(
    ("answer", "paper"),
    [(b"\x00", PaperState.OK), (b"\x03", PaperState.NEAR_END), (b"\x0c", PaperState.END), (b"\x0f", PaperState.END)],
)
def test_gs_r_answers(answer: bytes, paper: PaperState) -> None:
    assert read_paper(answer) is paper
    assert read_paper(b"\x13\x11" + answer) is paper


def test_an_answer_nobody_asked_for_says_nothing() -> None:
    assert StatusReader().receive(b"\x12\x1a") == PrinterStatus()


def test_answers_are_told_apart() -> None:
    reader = StatusReader()
    reader.ask(1)
    reader.ask(4)
    status = reader.receive(b"\x5f1.0\x00" + b"\x12" + b"\x18\x00\x0c\x00" + b"\x13" + b"\x1e" + b"\x00")
    assert status.online is False  # the automatic status came last
    assert status.passed == 1
    assert status.paper is PaperState.OK


def test_automatic_status_is_read_in_any_chunks() -> None:
    reader = StatusReader()
    for byte in b"\x38\x08\x03\x00":
        status = reader.receive(bytes((byte,)))
    assert (status.online, status.cover, status.cutter, status.paper) == (False, True, True, PaperState.NEAR_END)
    assert status.ready is False


def test_what_is_known_grows_old() -> None:
    reader = StatusReader()
    reader.ask(1)
    assert reader.receive(b"\x12").ready is True
    reader.forget()
    assert reader.status == PrinterStatus()


@given(st.binary(max_size=200), st.data())
def test_any_bytes_in_any_chunks_give_the_same_state(data: bytes, chunks: st.DataObject) -> None:
    whole, parts = StatusReader(), StatusReader()
    for number in (1, 2, 3, 4):
        whole.ask(number)
        parts.ask(number)
    whole.receive(data)
    place = 0
    while place < len(data):
        size = chunks.draw(st.integers(1, 20))
        parts.receive(data[place : place + size])
        place += size
    assert whole.status == parts.status


def test_there_are_four_questions() -> None:
    with pytest.raises(ValueError, match="1 to 4"):
        ask(5)
