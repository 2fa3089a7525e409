"""A printer led by a script: on a pty, on the network and on a simulated USB bus."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.transports import LinkLost
from drivers.transports.opening import open_printer
from protocol.link import Link
from simulator.printer.printed import Paper
from simulator.printer.printer import Printer
from simulator.printer.script import run_printer
from simulator.wires.line import Line, Pty, TcpPort
from simulator.wires.script import ScriptError

ASK = b"\x1dr\x01"


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


def played(tmp_path: Path, lines: list[str], **device: object) -> list[str]:
    """What was said while these lines were played."""
    said: list[str] = []
    run_printer(Pty(tmp_path / "printer"), tmp_path / "papers", script=[*lines, "quit"], say=said.append, **device)
    return said[1:]


def test_every_change_is_told(tmp_path: Path) -> None:
    lines = [
        *("paper out", "paper in", "roll low", "roll full", "roll new", "roll new 50", "cover open", "cover closed"),
        *("cutter jammed", "cutter free", "head hot", "head cool", "answers off", "answers on", "answers idle"),
        *("answers none", "answers dle_eot", "answers gs_r", "answers process_id", "speed 80", "speed 0"),
        *("rest dropped", "rest kept", "half", "power off", "power on", "half 100", "power cycle", "unplug", "replug"),
    ]
    assert played(tmp_path, lines) == lines


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("paper gone", "write out or in"),
        ("roll new -5", "not less than 0"),
        ("roll new five", "is not a number"),
        ("roll 5", r"write low, full or new \[MM\]"),
        ("answers all", "write on, off, idle, none, dle_eot, gs_r or process_id"),
        ("speed", "speed MM_PER_SECOND"),
        ("power up", "write on, off or cycle"),
        ("half 1 2", "half BYTES"),
        (
            "jam",
            "there are: wait, paper, cover, cutter, head, rest, echo, roll, answers, speed, late, power, half, unplug",
        ),
    ],
)
def test_a_line_that_cannot_be_done_says_what_can(tmp_path: Path, line: str, why: str) -> None:
    with pytest.raises(ScriptError, match=rf"line 1.*{why}"):
        played(tmp_path, [line])


def test_what_hung_out_when_the_power_went_is_a_paper(tmp_path: Path) -> None:
    said: list[str] = []
    out = tmp_path / "papers"

    def steps() -> Iterator[str]:
        host, port = said[0].split()[2].removeprefix("tcp://").rstrip(",").split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"a\n" + ASK + b"half a line")
            assert client.recv(1) == b"\x00"
            yield "power cycle"
            client.sendall(b"b\n\x1dV\x01" + ASK)
            assert client.recv(1) == b"\x00"
        yield "quit"

    run_printer(TcpPort(0, scheme="tcp"), out, script=steps(), say=said.append)
    assert [line for line in said if line.startswith("power")] == ["power cycle"]
    assert [path.read_text("utf-8") for path in sorted(out.glob("*.txt"))] == ["a\n", "b\n"]


def test_bytes_that_were_lost_are_told_at_the_end(tmp_path: Path) -> None:
    said: list[str] = []

    def steps() -> Iterator[str]:
        host, port = said[0].split()[2].removeprefix("tcp://").rstrip(",").split(":")
        yield "cover open"
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"x" * 100 + b"\x10\x04\x02")
            assert client.recv(1) == b"\x16"  # asked at once, lost or not
        yield "quit"

    run_printer(TcpPort(0, scheme="tcp"), tmp_path / "papers", script=steps(), say=said.append, buffer=64, flow=False)
    assert said[-1] == "39 bytes lost: they came without room in the buffer"


@pytest.mark.parametrize("one_way", [False, True])
def test_a_usb_printer_of_another_process_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_way: bool
) -> None:
    """With a buffer of 128 bytes, so that the host has to wait; an unplugged one is gone."""
    socket_path, out = tmp_path / "usb", tmp_path / "papers"
    command = [sys.executable, "-m", "simulator.cli", "printer", "--usb", str(socket_path), "--out", str(out)]
    command += ["--buffer", "128", "--script", "-", *(["--one-way"] if one_way else [])]
    monkeypatch.setenv("MARKETEDGE_USB_BACKEND", "simulator.wires.usb_host:backend")
    monkeypatch.setenv("MARKETSIM_USB", str(socket_path))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdin and process.stdout
        address = process.stdout.readline().split()[2].rstrip(",")
        assert address == "usb:0416:5011:SIM58"
        transport = open_printer(address, Link(9600), "none")
        assert transport.tells is not one_way
        job = b"\x1b@" + b"x" * 31 * 40 + b"\n\x1dV\x01" + ASK
        assert transport.write(job, 5.0) == len(job)
        if not one_way:
            assert transport.read(5.0) == b"\x00"
        assert process.stdout.readline() == f"paper {out / '0001.png'}\n"
        process.stdin.write("paper out\n")
        assert process.stdout.readline() == "paper out\n"
        assert 0 < transport.write(job, 0.5) <= 3 * 128 < len(job)
        process.stdin.write("unplug\n")
        assert process.stdout.readline() == "unplug\n"
        with pytest.raises(LinkLost):
            transport.write(job, 0.5)
        transport.close()
        process.stdin.close()
        assert process.wait(10) == 0
    assert (out / "0001.txt").read_text("utf-8").count("x") == 31 * 40


def test_a_small_buffer_on_a_pty_makes_the_host_wait(tmp_path: Path) -> None:
    papers: list[Paper] = []
    with Line(Printer(papers.append, buffer=64), Pty(tmp_path / "printer")) as line:
        line.do(lambda printer, now: printer.trouble(now, cover_open=True))
        file = os.open(line.address, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            os.write(file, b"a" * 31 + b"\n" + b"b" * 600 + b"\n\x1dV\x01")
            end = time.monotonic() + 5
            while line.do(lambda printer, now: printer.room(now)) and time.monotonic() < end:
                time.sleep(0.01)
            assert line.do(lambda printer, now: (printer.room(now), printer.lost)) == (0, 0)
            line.do(lambda printer, now: printer.trouble(now, cover_open=False))
            while not papers and time.monotonic() < end:
                time.sleep(0.01)
        finally:
            os.close(file)
    assert papers[0].text.count("b") == 600
