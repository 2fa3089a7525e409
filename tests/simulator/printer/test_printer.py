"""The simulated printer: what it answers, when papers come out, what troubles do."""

import socket
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.printers.status import (
    TSPL,
    PaperState,
    PrinterStatus,
    StatusReader,
    ask,
    process_id,
    read_paper,
    same_process,
)
from simulator.printer.printed import Glyphs, TextLine
from simulator.printer.printer import COOL_SECONDS, TEAR_AFTER_ANSWER, TEAR_SECONDS, Printer
from simulator.printer.read import Paper
from simulator.wires.line import Line, TcpPort

ASK = b"\x1dr\x01"


@pytest.fixture
def papers() -> list[Paper]:
    return []


@pytest.fixture
def printer(papers: list[Paper]) -> Printer:
    return Printer(papers.append)


def test_a_paper_comes_out_at_the_cut(printer: Printer, papers: list[Paper]) -> None:
    printer.receive(b"\x1b@a\n\x1dV\x01", 0.0)
    assert [paper.text for paper in papers] == ["a\n"]
    assert papers[0].raw == b"\x1b@a\n\x1dV\x01"


def test_without_a_cutter_it_is_torn_off(printer: Printer, papers: list[Paper]) -> None:
    printer.receive(b"\x1b@a\n", 5.0)
    assert printer.deadline(5.0) == 5.0 + TEAR_SECONDS
    assert printer.pending(5.5) == b""
    assert papers == []
    printer.pending(5.0 + TEAR_SECONDS)
    assert [paper.text for paper in papers] == ["a\n"]
    assert printer.deadline(7.0) is None


def test_who_asks_for_the_end_tears_sooner(printer: Printer, papers: list[Paper]) -> None:
    printer.receive(b"\x1b@a\n" + ASK, 5.0)
    assert read_paper(printer.pending(5.0)) is PaperState.OK
    printer.pending(5.0 + TEAR_AFTER_ANSWER)
    assert len(papers) == 1


@pytest.mark.parametrize(
    ("trouble", "online", "paper", "cover", "cutter"),
    [
        ("", True, PaperState.OK, False, False),
        ("near_end", True, PaperState.NEAR_END, False, False),
        ("paper_out", False, PaperState.END, False, False),
        ("cover_open", False, PaperState.OK, True, False),
        ("cutter_jam", False, PaperState.OK, False, True),
    ],
)
def test_dle_eot_is_answered_at_once(
    printer: Printer, trouble: str, online: bool, paper: PaperState, cover: bool, cutter: bool
) -> None:
    reader = StatusReader()
    if trouble:
        printer.trouble(0.0, **{trouble: True})
    printer.receive(b"".join(reader.ask(number) for number in (1, 2, 3, 4)), 0.0)
    status = reader.receive(printer.pending(0.0))
    assert (status.online, status.paper, status.cover, status.cutter) == (online, paper, cover, cutter)
    assert status.ready is online


def test_without_paper_gs_r_is_not_answered_and_the_rest_waits(printer: Printer, papers: list[Paper]) -> None:
    printer.trouble(0.0, paper_out=True)
    printer.receive(b"\x1b@a\n\x1dV\x01" + ASK, 1.0)
    assert printer.pending(60.0) == b""
    assert printer.deadline(60.0) is None
    printer.trouble(61.0, paper_out=False, near_end=True)
    assert read_paper(printer.pending(61.0)) is PaperState.NEAR_END
    assert len(papers) == 1


def test_a_silent_printer_prints(printer: Printer, papers: list[Paper]) -> None:
    printer.trouble(0.0, silent=True)
    printer.receive(ask(1) + b"a\n\x1dV\x01" + ASK, 0.0)
    assert printer.pending(0.0) == b""
    assert len(papers) == 1


def test_a_slow_head_takes_its_time(printer: Printer, papers: list[Paper]) -> None:
    printer.trouble(0.0, mm_per_s=10)
    printer.receive(b"a\n" * 8 + ASK, 10.0)  # 8 lines of 30 dots: 3 s
    assert printer.deadline(10.0) == pytest.approx(10.375)
    assert printer.pending(12.9) == b""
    assert printer.pending(13.1) == b"\x00"
    assert printer.pending(13.1) == b""


def test_gs_i_names_the_printer(printer: Printer) -> None:
    printer.receive(b"\x1dIC\x1dI\x01", 0.0)
    assert printer.pending(0.0) == b"_marketsim\x00\x20"


@given(st.lists(st.integers(0, 40), max_size=8))
def test_a_question_split_between_reads_is_answered_once(cuts: list[int]) -> None:
    printer = Printer(lambda paper: None)
    data = ask(1) + b"a\n" + ask(4) + ask(4) + ASK
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in pairwise(places):
        printer.receive(data[start:end], 0.0)
    assert printer.pending(0.0) == b"\x12\x12\x12\x00"


def test_a_real_time_question_inside_a_picture_is_obeyed_too(printer: Printer) -> None:
    printer.receive(b"\x1dv0\x00\x03\x00\x01\x00\x10\x04\x01", 0.0)
    assert printer.pending(0.0) == b"\x12"


def test_it_runs_behind_a_line(tmp_path: Path, papers: list[Paper]) -> None:
    with Line(Printer(papers.append), TcpPort(0)) as line:
        host, port = line.address.rsplit("//", 1)[1].split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"a\n\x1dV\x01" + ASK)
            assert client.recv(1) == b"\x00"
    assert [paper.text for paper in papers] == ["a\n"]


# --- time and room ---------------------------------------------------------------------------------------------------

LINE = b"x" * 31 + b"\n"  # 30 dots of paper: at 10 mm/s 0.375 s


def test_bytes_wait_in_the_buffer_while_the_head_is_busy(papers: list[Paper]) -> None:
    printer = Printer(papers.append, buffer=256, mm_per_s=10)
    printer.receive(LINE * 8, 0.0)
    assert printer.room(0.0) == 256 - 7 * 32  # the head has the first line
    assert printer.room(0.4) == 256 - 6 * 32
    assert printer.room(10.0) == 256


def test_an_idle_head_does_not_save_time_up(papers: list[Paper]) -> None:
    printer = Printer(papers.append, mm_per_s=10)
    printer.receive(LINE + ASK, 0.0)
    printer.receive(LINE + ASK, 100.0)
    printer.pending(100.0)
    assert printer.pending(100.3) == b""
    assert printer.pending(100.4) == b"\x00"


def test_real_time_questions_are_answered_while_the_head_is_busy(papers: list[Paper]) -> None:
    printer = Printer(papers.append, mm_per_s=10)
    printer.receive(LINE * 4 + process_id(7) + ask(4), 0.0)
    assert printer.pending(0.0) == b"\x12"
    assert printer.pending(1.4) == b""
    reader = StatusReader()
    reader.receive(printer.pending(1.6))
    assert same_process(7, reader.processed)


def test_a_picture_larger_than_the_buffer_goes_through_row_by_row(papers: list[Paper]) -> None:
    printer = Printer(papers.append, buffer=64, mm_per_s=100)
    data = b"\x1dv0\x00\x30\x00\x64\x00" + bytes(range(48)) * 100 + b"\n\x1dV\x01"
    now = 0.0
    while data:
        taken = printer.room(now)
        printer.receive(data[:taken], now)
        data = data[taken:]
        now += 0.001
    assert 0.11 < now < 0.25  # 100 rows of an eighth of a millimetre
    printer.pending(now + 1)
    assert [paper.rows[0].height for paper in papers] == [100]


def test_without_flow_control_what_does_not_fit_is_lost(papers: list[Paper]) -> None:
    printer = Printer(papers.append, buffer=64, flow=False, mm_per_s=10)
    assert printer.room(0.0) > 4096
    printer.receive(LINE * 10 + b"\x1dV\x01", 0.0)
    assert printer.lost == 32 * 7 + 3  # one line at the head, two in the buffer
    printer.pending(60.0)
    printer.pending(62.0)
    assert papers[0].text == ("x" * 31 + "\n") * 3


def test_pacing_avoids_the_loss(papers: list[Paper]) -> None:
    printer = Printer(papers.append, buffer=64, flow=False, mm_per_s=10)
    for count in range(10):
        printer.receive(LINE, count * 0.4)
    printer.receive(b"\x1dV\x01", 4.0)
    printer.pending(5.0)
    assert (printer.lost, papers[0].text) == (0, ("x" * 31 + "\n") * 10)


# --- troubles --------------------------------------------------------------------------------------------------------


def statuses(printer: Printer, now: float) -> PrinterStatus:
    reader = StatusReader()
    printer.receive(b"".join(reader.ask(number) for number in (1, 2, 3, 4)), now)
    return reader.receive(printer.pending(now))


def test_a_hot_head_stands_still_and_goes_on_by_itself(printer: Printer, papers: list[Paper]) -> None:
    printer.trouble(0.0, overheated=True)
    printer.receive(b"a\n\x1dV\x01" + ask(3), 1.0)
    assert printer.pending(1.0) == b"\x52"
    said = statuses(printer, 1.0)
    assert (said.online, said.error, said.recovers, said.cutter) == (False, True, True, False)
    assert printer.deadline(1.0) == COOL_SECONDS
    assert papers == []
    printer.pending(COOL_SECONDS)
    assert statuses(printer, COOL_SECONDS).ready
    assert len(papers) == 1


@pytest.mark.parametrize(("keeps", "second"), [(True, "b\nc\nd\n"), (False, "d\n")])
def test_the_rest_of_a_job_at_paper_end_is_kept_or_forgotten(papers: list[Paper], keeps: bool, second: str) -> None:
    printer = Printer(papers.append, roll_mm=3, keeps=keeps)
    printer.receive(b"a\nb\nc\n", 0.0)
    assert [paper.text for paper in papers] == ["a\n"]
    assert printer.troubles.paper_out
    printer.new_roll(1.0)
    printer.receive(b"d\n\x1dV\x01", 1.0)
    assert papers[1].text == second


def test_a_roll_has_its_length_and_says_when_it_is_near_its_end(papers: list[Paper]) -> None:
    printer = Printer(papers.append, roll_mm=600)
    assert statuses(printer, 0.0).paper is PaperState.OK
    printer.receive(LINE * 30, 0.0)  # 112 mm
    assert statuses(printer, 0.0).paper is PaperState.NEAR_END
    printer.receive(LINE * 200, 0.0)
    assert statuses(printer, 0.0).paper is PaperState.END
    assert papers[0].text.count("\n") == 160
    printer.new_roll(1.0, 50)
    assert statuses(printer, 1.0).paper is PaperState.END  # the rest needs more than 50 mm
    assert papers[1].text.count("\n") == 14


def test_paper_after_a_roll_has_ended_is_another_such_roll(papers: list[Paper]) -> None:
    printer = Printer(papers.append, roll_mm=50)
    for number in range(3):
        printer.trouble(float(number), paper_out=False)
        printer.receive(LINE * 14, float(number))
        assert printer.troubles.paper_out
    assert [paper.text.count("\n") for paper in papers] == [14, 14, 14]


def test_a_line_being_set_is_no_paper_and_wakes_nobody(printer: Printer, papers: list[Paper]) -> None:
    printer.receive(b"a\nb", 0.0)
    printer.pending(TEAR_SECONDS)
    assert (printer.deadline(TEAR_SECONDS), [paper.text for paper in papers]) == (None, ["a\n"])
    printer.receive(b"c\n\x1dV\x01", 5.0)
    assert papers[1].text == "bc\n"


def test_a_power_cut_forgets_all_but_what_hangs_out(papers: list[Paper]) -> None:
    printer = Printer(papers.append, mm_per_s=10)
    printer.receive(b"\x1da\xff\x1d!\x11a\nb\nc\n" + ASK, 0.0)
    printer.power(0.1, False)
    assert [paper.text for paper in papers] == ["a\n"]
    printer.receive(b"nobody hears this\n" + ask(1), 0.2)
    assert printer.pending(0.2) == b""
    assert printer.deadline(0.2) is None
    printer.power(5.0, True)
    printer.trouble(5.0, cover_open=True)
    assert printer.pending(5.0) == b""  # automatic status is forgotten too
    printer.trouble(5.0, cover_open=False)
    printer.receive(b"d\n\x1dV\x01" + ASK, 6.0)
    assert printer.pending(7.0) == b"\x00"
    assert papers[1].rows[0] == TextLine((Glyphs("d"),), 0, 30)


def test_half_a_command_of_an_earlier_job_swallows_the_next_bytes(printer: Printer, papers: list[Paper]) -> None:
    printer.leave_half(0.0, 100)
    printer.receive(b"a" * 99, 0.0)
    printer.receive(b"bc\n\x1dV\x01", 0.0)
    assert papers[0].text == "[picture]\nc\n"


def test_a_printer_that_answers_only_while_idle_is_silent_with_paper_in_hand(papers: list[Paper]) -> None:
    printer = Printer(papers.append, mm_per_s=10)
    printer.trouble(0.0, idle_only=True)
    printer.receive(ask(1), 0.0)
    assert printer.pending(0.0) == b"\x12"
    printer.receive(LINE * 2 + ask(1), 1.0)
    assert printer.pending(5.0) == b""
    printer.trouble(5.0, paper_out=True)
    printer.receive(ask(4), 5.0)
    assert printer.pending(5.0) == b"\x72"
    printer.receive(LINE, 6.0)
    printer.receive(ask(4), 6.0)
    assert printer.pending(6.0) == b""


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ("none", b""),
        ("dle_eot", b"\x12"),
        ("gs_r", b"\x12\x00_1.0\x00"),
        ("process_id", b"\x12\x00_1.0\x00\x37\x22    \x00"),
    ],
)
def test_each_printer_answers_what_it_can(papers: list[Paper], answers: str, expected: bytes) -> None:
    printer = Printer(papers.append, answers=answers)
    printer.receive(ask(1), 0.0)
    printer.receive(ASK + b"\x1dIA" + process_id(0), 0.0)
    assert printer.pending(0.0) == expected


@pytest.mark.parametrize("changes", [{"answers": "all"}, {"mm_per_s": 0}])
def test_what_cannot_be_is_refused(printer: Printer, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"there are|more than 0"):
        printer.trouble(0.0, **changes)


# --- automatic status ------------------------------------------------------------------------------------------------

FINE = b"\x10\x00\x00\x00"


def test_automatic_status_comes_at_once_and_at_each_change(printer: Printer) -> None:
    printer.receive(b"\x1da\xff", 0.0)
    assert printer.pending(0.0) == FINE
    changes = [
        ({"near_end": True}, b"\x10\x00\x03\x00"),
        ({"paper_out": True}, b"\x18\x00\x0f\x00"),
        ({"paper_out": False, "near_end": False}, FINE),
        ({"cover_open": True}, b"\x38\x00\x00\x00"),
        ({"cover_open": False, "cutter_jam": True}, b"\x18\x08\x00\x00"),
        ({"cutter_jam": False, "overheated": True}, b"\x18\x40\x00\x00"),
        ({"overheated": True}, b""),
        ({"overheated": False}, FINE),
        ({"mm_per_s": 50.0}, b""),
    ]
    for change, expected in changes:
        printer.trouble(1.0, **change)
        assert printer.pending(1.0) == expected
    printer.receive(b"\x1b@\x1da\x00", 2.0)
    printer.trouble(2.0, cover_open=True)
    assert printer.pending(2.0) == b""


@pytest.mark.parametrize(
    ("bits", "told"),
    [
        (0x01, ""),
        (0x02, "cover paper cutter"),
        (0x04, "cutter"),
        (0x08, "near paper"),
        (0x0E, "near cover paper cutter"),
    ],
)
def test_automatic_status_tells_what_it_was_asked_for(bits: int, told: str) -> None:
    names = {"near": "near_end", "cover": "cover_open", "paper": "paper_out", "cutter": "cutter_jam"}
    heard = []
    for name, trouble in names.items():
        printer = Printer(lambda paper: None)
        printer.receive(b"\x1da" + bytes((bits,)), 0.0)
        assert printer.pending(0.0) == FINE
        printer.trouble(1.0, **{trouble: True})
        if printer.pending(1.0):
            heard.append(name)
    assert " ".join(heard) == told


def test_a_roll_that_ends_is_told_by_itself(papers: list[Paper]) -> None:
    printer = Printer(papers.append, roll_mm=505)
    printer.receive(b"\x1da\x08", 0.0)
    printer.pending(0.0)
    printer.receive(LINE * 2, 0.0)
    assert printer.pending(0.0) == b"\x10\x00\x03\x00"


# --- labels ----------------------------------------------------------------------------------------------------------

LABEL = b'SIZE 40 mm,30 mm\r\nGAP 2 mm,0\r\nCLS\r\nTEXT 0,0,"TSS24.BF2",0,1,1,"a"\r\nPRINT 1,2\r\n'


def test_a_label_printer_gives_labels_and_its_status(papers: list[Paper]) -> None:
    printer = Printer(papers.append, language="tspl", mm_per_s=32, roll_mm=100)
    reader = StatusReader()
    printer.receive(LABEL + reader.ask(TSPL), 0.0)
    assert printer.pending(0.0) == b"\x20"
    printer.pending(0.9)
    assert len(papers) == 1
    printer.pending(1.1)
    assert [paper.text for paper in papers] == ["a\n", "a\n"]
    printer.pending(2.1)
    printer.receive(reader.ask(TSPL), 3.0)
    assert reader.receive(printer.pending(3.0)).ready
    printer.receive(LABEL, 3.0)
    printer.pending(10.0)
    assert len(papers) == 4
    printer.receive(reader.ask(TSPL), 10.0)
    assert printer.pending(10.0) == b"\x04"  # 96 mm and a label more


@pytest.mark.parametrize(
    ("trouble", "byte"), [("cover_open", 0x01), ("paper_out", 0x04), ("overheated", 0x80), ("silent", None)]
)
def test_a_label_printer_says_what_is_wrong(papers: list[Paper], trouble: str, byte: int | None) -> None:
    printer = Printer(papers.append, language="tspl")
    printer.trouble(0.0, **{trouble: True})
    printer.receive(b"\x1b!?", 0.0)
    assert printer.pending(0.0) == (b"" if byte is None else bytes((byte,)))


def test_half_a_bitmap_swallows_the_next_label(papers: list[Paper]) -> None:
    printer = Printer(papers.append, language="tspl")
    printer.leave_half(0.0, 48)
    printer.receive(b"CLS\r\n" * 10, 0.0)
    printer.receive(LABEL, 0.0)
    assert [paper.text for paper in papers] == ["a\n", "a\n"]


@given(st.lists(st.binary(max_size=40), max_size=12), st.sampled_from(["escpos", "tspl"]), st.booleans())
def test_any_bytes_at_any_time_are_taken(chunks: list[bytes], language: str, flow: bool) -> None:
    printer = Printer(lambda paper: None, language=language, flow=flow, buffer=64, mm_per_s=20, roll_mm=100)
    for count, chunk in enumerate(chunks):
        printer.receive(chunk, count * 0.1)
        printer.pending(count * 0.1)
        printer.deadline(count * 0.1)
    printer.pending(1000.0)


def test_its_answers_may_come_late() -> None:
    printer = Printer(lambda paper: None, late_s=0.6)
    printer.receive(ask(1), 10.0)
    assert printer.deadline(10.0) == 10.6
    assert (printer.pending(10.5), printer.pending(10.6)) == (b"", b"\x12")


def test_a_line_that_echoes_sends_back_what_it_hears_and_nothing_else(papers: list[Paper]) -> None:
    printer = Printer(papers.append, echoes=True)
    printer.receive(LINE + ask(1), 0.0)
    assert printer.pending(0.0) == LINE + ask(1)
    assert printer.pending(2.0) == b""
    assert len(papers) == 1


def test_a_printer_for_one_client_lets_the_second_wait(papers: list[Paper]) -> None:
    with Line(Printer(papers.append), TcpPort(0, scheme="tcp", one_client=True)) as line:
        place = ("127.0.0.1", int(line.address.rpartition(":")[2]))
        with socket.create_connection(place) as first, socket.create_connection(place) as second:
            first.settimeout(10)
            second.settimeout(0.3)
            first.sendall(ask(1))
            assert first.recv(8) == b"\x12"
            second.sendall(ask(1))
            with pytest.raises(TimeoutError):
                second.recv(8)
            first.close()
            second.settimeout(10)
            assert second.recv(8) == b"\x12"
