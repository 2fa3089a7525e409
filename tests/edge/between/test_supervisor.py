"""What systemd hears, through real datagram sockets as it makes them."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from edge.between.board import Board, CityView
from edge.between.supervisor import notifier, status


@pytest.mark.parametrize("abstract", [False, True])
def test_each_word_is_a_datagram_to_the_socket_that_systemd_names(tmp_path: Path, abstract: bool) -> None:
    name = f"@marketedge-{tmp_path.name}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"\0{name[1:]}" if abstract else name)
        systemd.settimeout(5.0)
        tell = notifier({"NOTIFY_SOCKET": name})
        for word in ("READY=1", "STATUS=正常"):
            tell(word)
            assert systemd.recv(200) == word.encode()


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}])
def test_without_a_socket_of_this_kind_nothing_is_said(environ: dict[str, str]) -> None:
    notifier(environ)("READY=1")


def test_a_supervisor_that_is_gone_ends_nothing(tmp_path: Path) -> None:
    tell = notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    tell("WATCHDOG=1")


def test_how_it_is_stands_in_one_line_in_the_stations_language() -> None:
    healthy = Board(clock_state="synced", disk_free=1 << 40, disk_total=1 << 40)
    board = replace(healthy, city=CityView(True, "", 9, 2, 7, (), ""))
    assert status(board, "en") == "STATUS=well; records that wait for the city: 7"
    assert status(board, "zh") == "STATUS=正常；待平台确认 7 条"
    assert status(Board(trouble="the disk\nREADY=0 is full"), "en") == "STATUS=the disk READY=0 is full"
    without = replace(board, clock_state="unsynced")
    assert "need a hand: 1," in status(without, "en")
