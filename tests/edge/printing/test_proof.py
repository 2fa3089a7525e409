"""What proves a paper and what does not, by what the printer says and when."""

import pytest

from edge.between.print_states import PrinterState
from edge.printing.proof import COOL_SECONDS, SLOWEST, Proof, Sent, Stopped
from protocol.printers import status
from protocol.printers.profile import Status
from protocol.printers.status import StatusReader

WELL = b"\x16\x12\x12\x12"  # DLE EOT 1 to 4
NO_PAPER, OPEN, JAMMED, TOO_HOT = b"\x1e\x32\x12\x72", b"\x1e\x16\x12\x12", b"\x1e\x52\x1a\x12", b"\x1e\x52\x52\x12"
JOB = 7


def proof(ability: Status, *, orderly: bool = True, alone: bool = True, dots: int = 100) -> Proof:
    sent = Sent(dots, 2.0, behind=1 if ability in ("gs_r", "process_id") else 0)
    if ability == "process_id":
        sent = Sent(dots, 2.0, behind=1, process=JOB)
    return Proof(sent, ability, orderly=orderly, alone=alone, patience=5.0, now=100.0)


def asked(answer: bytes) -> StatusReader:
    reader = StatusReader()
    status.questions(reader, "escpos")
    reader.receive(answer)
    return reader


def told(answer: bytes) -> StatusReader:
    """What it says behind one GS r."""
    reader = StatusReader()
    reader.ask_in_order()
    reader.receive(answer)
    return reader


def test_an_answer_behind_the_paper_proves_it() -> None:
    assert proof("gs_r").judge(told(b"\x00"), 100.1) == "gs_r"


def test_a_process_id_is_waited_for_a_moment_when_gs_r_came_first() -> None:
    both = proof("process_id")
    assert both.judge(told(b"\x00"), 100.1) == ""
    assert both.judge(told(b"\x00\x37\x22" + status.process_id(JOB)[-4:] + b"\x00"), 100.5) == "process_id"
    alone = proof("process_id")
    assert alone.judge(told(b"\x00"), 100.1) == ""
    assert alone.judge(told(b"\x00"), 101.2) == "gs_r"


def test_another_paper_s_process_id_proves_nothing() -> None:
    assert proof("process_id").judge(told(b"\x37\x22" + status.process_id(JOB + 1)[-4:] + b"\x00"), 100.1) == ""


def test_an_answer_to_an_older_question_proves_nothing() -> None:
    reader = StatusReader()
    for _ in range(3):
        reader.ask_in_order()
    third = Proof(Sent(100, 2.0, behind=3), "gs_r", orderly=True, alone=True, patience=5.0, now=100.0)
    reader.receive(b"\x00\x00")
    assert third.judge(reader, 101.0) == ""
    reader.receive(b"\x00")
    assert third.judge(reader, 101.0) == "gs_r"


def test_a_good_status_proves_only_where_the_profile_has_nothing_better_and_nobody_else_prints() -> None:
    assert proof("dle_eot").judge(asked(WELL), 103.0) == "status"
    assert proof("dle_eot", alone=False).judge(asked(WELL), 103.0) == ""
    assert proof("gs_r", orderly=False).judge(asked(WELL), 103.0) == ""
    assert proof("process_id", orderly=False).judge(asked(WELL), 103.0) == ""
    assert proof("gs_r").judge(asked(WELL), 103.0) == ""


def test_a_slow_printer_is_waited_for_as_long_as_it_says_that_it_is_well() -> None:
    slow = proof("gs_r", dots=10 * SLOWEST)
    assert slow.until == 107.0
    slow.judge(asked(WELL), 104.0)
    assert slow.until == 109.0
    slow.judge(asked(WELL), 112.0)
    assert slow.until == 115.0  # ten seconds at the slowest, and the patience
    deaf = proof("gs_r", orderly=False, dots=10 * SLOWEST)
    deaf.judge(asked(WELL), 104.0)
    assert deaf.until == 107.0


def test_a_status_is_asked_when_the_head_must_be_through() -> None:
    by_status = proof("dle_eot")
    assert [by_status.due(now) for now in (100.5, 101.9, 102.0, 102.5, 103.0)] == [False, False, True, False, True]
    assert proof("gs_r").due(100.5)


@pytest.mark.parametrize(
    ("answer", "cause"), [(NO_PAPER, "paper"), (OPEN, "cover"), (JAMMED, "cutter"), (b"\x1e\x12\x12\x12", "offline")]
)
def test_trouble_stops_the_paper(answer: bytes, cause: str) -> None:
    with pytest.raises(Stopped) as stopped:
        proof("gs_r").judge(asked(answer), 101.0)
    assert stopped.value.cause == cause


def test_paper_that_ended_behind_the_paper_stops_it() -> None:
    with pytest.raises(Stopped, match="paper"):
        proof("gs_r").judge(told(b"\x0c"), 101.0)


def test_a_hot_head_is_waited_for_but_not_for_ever() -> None:
    hot = proof("gs_r")
    assert hot.judge(asked(TOO_HOT), 106.0) == ""
    assert hot.until == 111.0
    with pytest.raises(Stopped) as stopped:
        hot.judge(asked(TOO_HOT), 100.0 + COOL_SECONDS)
    assert stopped.value.cause is PrinterState.HOT


def test_a_printer_that_is_well_and_left_the_question_unanswered_has_forgotten_the_paper() -> None:
    with pytest.raises(Stopped, match="offline"):
        proof("gs_r").over(asked(WELL))
    proof("gs_r").over(StatusReader())  # silence is no knowledge
    proof("gs_r", orderly=False).over(asked(WELL))
