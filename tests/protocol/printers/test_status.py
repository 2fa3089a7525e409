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
    reader.ask_in_order()
    status = reader.receive(b"\x5f1.0\x00" + b"\x12" + b"\x18\x00\x0c\x00" + b"\x13" + b"\x1e" + b"\x00")
    assert status.online is False  # the automatic status came last
    assert reader.passed == 1
    assert status.paper is PaperState.OK


def test_answers_in_order_are_counted_against_questions() -> None:
    reader = StatusReader()
    reader.receive(b"\x00")
    assert (reader.passed, reader.strays, reader.status.paper) == (0, 1, None)
    for _ in range(3):
        assert reader.ask_in_order() == b"\x1dr\x01"
    reader.receive(b"\x00\x03")
    assert (reader.passed, reader.owed, reader.status.paper) == (2, 1, PaperState.NEAR_END)
    reader.forget()
    assert reader.owed == 1  # it may still come
    reader.write_off()
    assert reader.owed == 0


@pytest.mark.parametrize("question", [b"\x1dr\x01", b"\x1b!?", b"\x10\x04\x01\x10\x04\x02\x10\x04\x03\x10\x04\x04"])
@pytest.mark.parametrize("size", [1, 2, 20])
def test_a_line_that_sends_back_what_it_hears_is_told(question: bytes, size: int) -> None:
    reader = StatusReader()
    for start in range(0, len(question), size):
        reader.receive(question[start : start + size])
    assert reader.echoes


def test_every_answer_a_printer_can_give_is_no_echo() -> None:
    reader = StatusReader()
    reader.receive(bytes(byte for byte in range(256) if byte & 0x93 == 0x12) + b"\x38\x08\x03\x00\x00\x03\x0c")
    reader.receive(b"\x37\x22    \x00\x5fTM-T20II\x00\x11\x13")
    assert not reader.echoes


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
    assert (whole.status, whole.strays, whole.echoes) == (parts.status, parts.strays, parts.echoes)


def test_there_are_four_questions() -> None:
    with pytest.raises(ValueError, match="1 to 4"):
        ask(5)
