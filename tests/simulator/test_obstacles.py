"""What is in a simulator's way is said in words, with an exit code, and never as a bare number of the system."""

import errno
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from simulator.cli.main import main
from simulator.obstacles import InTheWay, alone_in, answers_as, in_words, listening, usual
from simulator.stage import StageFailed, StationProcess, Wiring


@contextmanager
def a_web_server(body: bytes, status: int = 200) -> Iterator[tuple[int, list[str]]]:
    """Another program: its port, and what was asked of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        server_version, sys_version = "Other/1.0", ""

        def do_GET(self) -> None:
            asked.append(f"{self.command} {self.path}")
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1], asked
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, list(words))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


@pytest.mark.parametrize(
    "words",
    [
        ("scale", "mt_sics", "--tcp", "PORT"),
        ("analyzer", "dayuan_crc8", "--tcp", "PORT"),
        ("printer", "--tcp", "PORT", "--out", "FOLDER/papers"),
        ("city", "--listen", "127.0.0.1:PORT", "--db", "FOLDER/city.db"),
        ("broker", "--listen", "127.0.0.1:PORT"),
        ("demo", "--once", "--embedded", "--folder", "FOLDER/demo", "--port", "PORT"),
        ("demo", "--once", "--embedded", "--folder", "FOLDER/demo", "--city-port", "PORT"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_port_that_is_taken_is_said_in_words(words: tuple[str, ...], taken: int, tmp_path: Path) -> None:
    code, said = run(*(word.replace("PORT", str(taken)).replace("FOLDER", str(tmp_path)) for word in words))
    assert code == 1
    assert f"port {taken} is used by another program" in said
    assert "Errno" not in said


@pytest.mark.parametrize(
    "words",
    [
        ("scale", "mt_sics", "--pty", "FILE/scale"),
        ("scale", "hid_scale", "--usb", "FILE/usb"),
        ("scale", "mt_sics", "--pty", "FOLDER/none/scale"),
        ("scale", "hid_scale", "--usb", "FOLDER/none/usb"),
        ("scale", "mt_sics", "--pty", "FILE"),
        ("scale", "hid_scale", "--usb", "FILE"),
        ("analyzer", "dayuan_crc8", "--pty", "FILE/tester"),
        ("printer", "--tcp", "0", "--out", "FILE/papers"),
        ("city", "--listen", "127.0.0.1:0", "--db", "FILE/city.db"),
        ("city", "--listen", "127.0.0.1:0", "--db", "FOLDER/none/city.db"),
        ("city", "--listen", "192.0.2.1:8600", "--db", "FOLDER/city.db"),
        ("city", "--listen", "127.0.0.1:0", "--db", "FOLDER"),
        ("broker", "--listen", "127.0.0.1:0", "--data", "FILE/data"),
        ("demo", "--once", "--embedded", "--folder", "FILE"),
        ("demo", "--once", "--embedded", "--folder", "FILE/demo"),
        ("demo", "--once", "--embedded", "--listen", "192.0.2.1"),
        ("demo", "--once", "--listen", "nowhere"),
        ("paper", "FOLDER/slip.bin", "--png", "FILE/slip.png"),
    ],
    ids=lambda words: " ".join((words[0], *words[-2:])),
)
def test_a_path_or_address_that_cannot_be_is_said_in_words(words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "slip.bin").write_bytes(b"\x1b@slip\n")
    code, said = run(*(word.replace("FILE", str(tmp_path / "file")).replace("FOLDER", str(tmp_path)) for word in words))
    assert code in (1, 2)
    assert "Error: " in said
    assert "Errno" not in said
    assert (tmp_path / "file").read_text() == "not a folder"


def test_the_systems_errors_have_words() -> None:
    assert in_words(PermissionError(errno.EACCES, "Permission denied", "/srv/papers")) == "/srv/papers: no permission"
    assert in_words(OSError(errno.ENOSPC, "No space left on device")) == "the disk is full"
    assert in_words(OSError(errno.EIO, "Input/output error", "x")) == "x: input/output error"


def test_a_usb_socket_that_somebody_listens_at_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "usb"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        code, said = run("scale", "hid_scale", "--usb", str(path))
        assert (code, "is used by another program" in said) == (1, True)
    assert path.is_socket()


def test_who_has_the_port_is_told_as_far_as_he_says(taken: int) -> None:
    with a_web_server(json.dumps({"ok": True, "station": "东区 12 号", "core": {}}).encode()) as (port, _):
        assert answers_as("127.0.0.1", port) == "the station '东区 12 号'"
    with a_web_server(b"<h1>hello</h1>", 404) as (port, _):
        assert answers_as("127.0.0.1", port) == "the web server Other/1.0"
    assert answers_as("127.0.0.1", taken) == "something that is no web server"
    with listening("127.0.0.1", 0) as mine:
        port = mine.getsockname()[1]
    assert answers_as("127.0.0.1", port) == ""


def test_the_usual_port_is_taken_while_it_is_free(taken: int) -> None:
    with listening("127.0.0.1", 0) as mine:
        free = mine.getsockname()[1]
    assert usual("127.0.0.1", free) == free
    assert usual("127.0.0.1", taken) not in (0, taken)


def test_a_port_must_be_one() -> None:
    with pytest.raises(InTheWay, match="0 to 65535"):
        listening("127.0.0.1", 70_000)


def test_a_folder_is_used_by_one_at_a_time(tmp_path: Path) -> None:
    with alone_in(tmp_path / "demo"):
        code, said = run("demo", "--once", "--embedded", "--folder", str(tmp_path / "demo"))
        assert (code, "is in use by another marketsim" in said) == (1, True)
    with alone_in(tmp_path / "demo"):
        pass


# --- a station and nobody else ----------------------------------------------------------------------------------------


def test_nothing_is_posted_to_another_program_at_the_stations_port(tmp_path: Path) -> None:
    with a_web_server(b'{"ok": true, "station": "real", "core": {}, "version": 7}') as (port, asked):
        station = StationProcess(tmp_path / "station", Wiring(broker="mqtt://127.0.0.1:9"), port=port)
        with pytest.raises(StageFailed, match=re.escape(f"port {port} is used by another program")) as failed:
            station.start()
        assert "it answers as the station 'real'" in str(failed.value)
        assert "--port" in str(failed.value)
        with pytest.raises(ConnectionError):
            station.post("/api/entries", product="01040201", net_g=1)
        assert asked == ["GET /health"]


def test_a_station_in_a_folder_that_marketsim_did_not_make_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "station"
    assert CliRunner().invoke(_marketedge(), ["init", str(folder), "--job", "stall"]).exit_code == 0
    before = (folder / "station.toml").read_bytes()
    with pytest.raises(StageFailed, match="that marketsim did not make"):
        StationProcess(folder, Wiring(broker="mqtt://127.0.0.1:9"))
    code, said = run("demo", "--once", "--embedded", "--folder", str(tmp_path))
    assert (code, "that marketsim did not make" in said) == (1, True)
    assert (folder / "station.toml").read_bytes() == before


def _marketedge() -> Any:
    from edge.cli.main import main as marketedge

    return marketedge
