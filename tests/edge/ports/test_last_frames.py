"""What a technician sees of the conversation when a device is in trouble; time is handed in."""

import logging
from datetime import datetime
from decimal import Decimal

import pytest

from drivers import catalogue
from drivers.transports import LinkLost
from drivers.transports.recorder import Chunk
from edge.between.inbox import Inbox, Stumbled
from edge.ports.last_frames import FRAMES, KEPT_BYTES, SHOWN_BYTES, LastFrames
from edge.ports.port import CONVERSATIONS, Port
from edge.ports.silence import Nature
from protocol import formats
from protocol.session import Listening
from simulator.analyzers import _instrument as analyzer
from simulator.wires.in_step import JumpingClock

SPEAKS = formats.find("st_gs").speaks
LINE = b"ST,GS,+  1.250kg\r\n"


def heard(frames, at, data):
    frames.note(Chunk(at, True, data))


def test_a_frame_is_a_line_with_direction_age_length_hex_and_text():
    frames = LastFrames()
    frames.note(Chunk(10.0, False, b"\x05"))
    heard(frames, 10.05, LINE)
    assert list(frames.lines(10.5)) == [
        "frame=1 dir=out age=0.500s bytes=1 hex=05 text='.'",
        f"frame=2 dir=in age=0.450s bytes=18 hex={LINE.hex()} text='ST,GS,+  1.250kg..'",
    ]


def test_the_pieces_of_a_frame_are_put_together_until_it_was_read():
    frames = LastFrames()
    for at in range(6):
        heard(frames, at / 100, LINE[3 * at : 3 * at + 3])
    frames.complete()
    heard(frames, 0.06, LINE[:4])
    heard(frames, 0.20, LINE[4:])  # after a pause
    frames.note(Chunk(0.21, False, b"?"))
    assert [line.partition(" hex=")[0] for line in frames.lines(1.0)] == [
        "frame=1 dir=in age=1.000s bytes=18",
        "frame=2 dir=in age=0.940s bytes=4",
        "frame=3 dir=in age=0.800s bytes=14",
        "frame=4 dir=out age=0.790s bytes=1",
    ]


def test_only_so_many_are_kept_and_of_each_only_so_much():
    frames = LastFrames()
    for at in range(100):
        heard(frames, float(at), bytes([at]) * 100_000)
    lines = list(frames.lines(100.0))
    assert len(lines) == len(frames) == FRAMES and len(frames.heard) == FRAMES * KEPT_BYTES
    assert all(line.count(f"{at + 80:02x}") >= SHOWN_BYTES for at, line in enumerate(lines))
    assert all("bytes=100000 " in line and "… text=" in line and len(line) < 300 for line in lines)


def test_noise_without_an_end_is_shown_whole_piece_by_piece():
    frames = LastFrames()
    for at in range(200):
        heard(frames, at / 1000, bytes([at]))
    assert len(frames) == 4 and frames.heard == bytes(range(200))
    assert not any("…" in line for line in frames.lines(1.0))


def test_what_an_analyzer_says_is_shown_without_the_name():
    model = catalogue.find("dayuan-lz4000t")
    name = "张三店".encode("gb18030")
    tester = analyzer.find("dayuan_crc8")("lz4000t")
    tester.measure(7, Decimal("12.50"), datetime.fromisoformat("2026-07-01T08:30"), name="张三店")
    frames = LastFrames.of(model)
    heard(frames, 0.0, b"\xaa" + name + b"\xbb")
    frames.complete()
    frames.note(Chunk(1.0, False, name))  # ours to say
    shown = list(frames.lines(2.0))
    assert name.hex() not in shown[0] and shown[0].startswith("frame=1 dir=in age=2.000s bytes=8 hex=aa")
    assert name.hex() in shown[1]
    assert name in frames.heard  # kept whole for those who look into a fault of the program
    scale = LastFrames.of(catalogue.find("mt-sics"))
    heard(scale, 0.0, name)
    assert name.hex() in next(scale.lines(0.0))


# --- with a port ----------------------------------------------------------------------------------------------------


class Wire:
    """Chunks, each a tenth of a second after the one before; then it is gone."""

    def __init__(self, clock, *chunks):
        self.clock = clock
        self.chunks = list(chunks)

    def read(self, timeout=0.2):
        if not self.chunks:
            raise LinkLost("unplugged")
        self.clock.sleep(0.1)
        return self.chunks.pop(0)

    def write(self, data):
        """Nobody listens."""

    def close(self):
        """Nothing was opened."""


@pytest.fixture
def visit(caplog):
    """Lets a port be opened, these chunks be said, and lose its device; what the log has of it."""
    caplog.set_level(logging.INFO, "port")
    clock, inbox, said = JumpingClock(0.0), Inbox(), []
    port = Port("scale-1", inbox, lambda: Wire(clock, *said), SPEAKS, Nature(), ticking=clock)

    def run(*chunks, session=SPEAKS):
        said[:] = chunks
        port._new_session = session
        caplog.clear()
        try:
            port._visit()
        except KeyError as error:
            port._stumbled(error, 0.0)
        return [record.getMessage() for record in caplog.records if record.name == "port"]

    run.inbox, run.clock, run.records = inbox, clock, lambda: caplog.records
    return run


def test_a_lost_device_is_told_with_its_last_frames(visit):
    connected, lost, *frames = visit(*[b"X%02d\r\n" % number for number in range(30)], LINE)
    assert (connected, lost) == ("scale-1 connected", "scale-1 disconnected: unplugged")
    assert len(frames) == FRAMES and frames[0].startswith("scale-1 frame=1 dir=in age=1.900s bytes=5 hex=583131")
    assert frames[-1] == f"scale-1 frame=20 dir=in age=0.000s bytes=18 hex={LINE.hex()} text='ST,GS,+  1.250kg..'"
    assert [record.levelname for record in visit.records()][1:3] == ["WARNING", "INFO"]


def test_frames_of_the_opening_before_are_not_told_again(visit):
    visit(LINE)
    assert visit() == ["scale-1 connected", "scale-1 disconnected: unplugged"]


def test_a_silent_or_unreadable_device_is_told_once_with_its_last_frames(visit):
    lines = visit(LINE, *[b"\x81\x82\x83\x84\r\n"] * 120, *[b""] * 200)
    first = next(at for at, line in enumerate(lines) if "unreadable" in line)
    assert len([line for line in lines if "unreadable" in line]) == 1
    assert all(line.startswith("scale-1 frame=") for line in lines[first + 1 : first + 1 + FRAMES])
    second = next(at for at, line in enumerate(lines) if "disconnected" in line)
    told = [line for line in lines if " frame=" in line]
    assert len(told) == len(lines) - 3 and second > first + FRAMES  # each frame once


def test_a_fault_of_the_program_is_told_with_the_bytes_that_made_it(visit):
    class Poisoned(Listening):
        def __init__(self):
            self.deadline = None

        def receive(self, data, now):
            return {b"good": []}[data]

    lines = visit(b"good", b"bad", session=Poisoned)
    assert "a fault of the program" in lines[1] and lines[-1].endswith("hex=676f6f64626164 text='goodbad'")
    stumbled = next(one for one in iter(visit.inbox.get, None) if isinstance(one, Stumbled))
    assert stumbled.raw == b"goodbad"


def test_a_loose_plug_does_not_fill_the_log_with_frames(visit):
    told = [sum(" frame=" in line for line in visit(LINE)) for _ in range(20)]
    assert sum(told) == CONVERSATIONS and told[0] == 1
    visit.clock.sleep(3600.0)
    assert sum(" frame=" in line for line in visit(LINE)) == 1


@pytest.mark.parametrize("model", ["serial-scanner", "keyboard-scanner"])
def test_of_what_a_scanner_read_nothing_is_kept(model):
    frames = LastFrames.of(catalogue.find(model))
    for at in range(3):
        heard(frames, at / 10, b"0012345678\r\n")
        frames.complete()
    assert (len(frames), frames.heard, list(frames.lines(9.0))) == (0, b"", [])
