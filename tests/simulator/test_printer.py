"""The simulated printer: what it answers, when papers come out, what troubles do."""

import json
import socket
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.printers.status import PaperState, StatusReader, ask, read_paper
from simulator.line import Line, Pty, TcpPort
from simulator.paper import Paper
from simulator.printer import TEAR_AFTER_ANSWER, TEAR_SECONDS, Printer
from simulator.printer_script import run_printer
from simulator.script import ScriptError

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


def test_papers_are_kept_as_files(tmp_path: Path) -> None:
    said: list[str] = []
    out = tmp_path / "papers"
    script = iter(["paper out", "paper in", "speed 0", "wait 0", "quit"])
    run_printer(Pty(tmp_path / "printer"), out, script=script, say=said.append)
    assert said == [f"printer at {tmp_path / 'printer'}, papers in {out}", "paper out", "paper in", "speed 0"]

    data = b"\x1b@\x1c&" + "上海青".encode("gbk") + b"\n\x1dV\x01"
    said.clear()

    def steps() -> Iterator[str]:
        host, port = said[0].split()[2].rstrip(",").rsplit("//", 1)[1].split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(data + ASK)
            assert client.recv(1) == b"\x00"
        yield "quit"

    run_printer(TcpPort(0), out, script=steps(), say=said.append)
    assert said[-1] == f"paper {out / '0001.png'}"
    assert (out / "0001.bin").read_bytes() == data
    assert (out / "0001.txt").read_text(encoding="utf-8") == "上海青\n"
    assert json.loads((out / "0001.json").read_text(encoding="utf-8"))["cut"] is True
    assert (out / "0001.png").read_bytes().startswith(b"\x89PNG")


def test_a_line_that_cannot_be_done_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"line 1.*write out or in"):
        run_printer(Pty(tmp_path / "printer"), tmp_path / "papers", script=["paper gone"])


def test_it_runs_behind_a_line(tmp_path: Path, papers: list[Paper]) -> None:
    with Line(Printer(papers.append), TcpPort(0)) as line:
        host, port = line.address.rsplit("//", 1)[1].split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"a\n\x1dV\x01" + ASK)
            assert client.recv(1) == b"\x00"
    assert [paper.text for paper in papers] == ["a\n"]
