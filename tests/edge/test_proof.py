"""What proves a paper and what does not, by what the printer says and when."""

import pytest

from edge.papers import HOT
from edge.proof import COOL_SECONDS, Proof, Stopped
from protocol.printers import status
from protocol.printers.profile import Status
from protocol.printers.status import StatusReader

WELL = b"\x16\x12\x12\x12"  # DLE EOT 1 to 4
NO_PAPER, OPEN, JAMMED, TOO_HOT = b"\x1e\x32\x12\x72", b"\x1e\x16\x12\x12", b"\x1e\x52\x1a\x12", b"\x1e\x52\x52\x12"
JOB = 7


def proof(ability: Status, *, orderly: bool = True) -> Proof:
    return Proof(JOB, ability, orderly=orderly, head=2.0, patience=5.0, now=100.0)


def asked(answer: bytes) -> StatusReader:
    reader = StatusReader()
    status.questions(reader, "escpos")
    reader.receive(answer)
    return reader


def told(answer: bytes) -> StatusReader:
    reader = StatusReader()
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


def test_a_good_status_proves_only_where_gs_r_is_never_answered() -> None:
    assert proof("dle_eot").judge(asked(WELL), 103.0) == "status"
    assert proof("gs_r", orderly=False).judge(asked(WELL), 103.0) == "status"
    assert proof("gs_r").judge(asked(WELL), 103.0) == ""


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
    assert stopped.value.cause == HOT


def test_a_printer_that_is_well_and_left_the_question_unanswered_has_forgotten_the_paper() -> None:
    with pytest.raises(Stopped, match="offline"):
        proof("gs_r").over(asked(WELL))
    proof("gs_r").over(StatusReader())  # silence is no knowledge
    proof("gs_r", orderly=False).over(asked(WELL))
