import pytest

from drivers.transports import LinkLost, open_port
from drivers.transports.recorder import Chunk, Recorder, read_log
from drivers.transports.replay import Replay
from protocol.link import Link

HEAD = {"Name": "Acme ACS-30", "Serial": "9600/8n1"}


class Clock:
    now = 100.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class FakePort:
    def __init__(self, *chunks):
        self.chunks = list(chunks)
        self.written = b""
        self.closed = False

    def read(self, timeout=0.2):
        return self.chunks.pop(0) if self.chunks else b""

    def write(self, data):
        self.written += data

    def close(self):
        self.closed = True


@pytest.fixture
def log(tmp_path):
    """A log of a question, its answer in two pieces, and silence."""
    path, clock = tmp_path / "scale.log", Clock()
    port = FakePort(b"S S 1.", b"", b"0 kg\r\n")
    with path.open("w") as out:
        recorder = Recorder(port, out, HEAD, clock)
        recorder.write(b"SI\r\n")
        for _ in range(4):
            clock.now += 0.25
            recorder.read()
        recorder.close()
    assert port.written == b"SI\r\n" and port.closed
    return path


def test_a_log_is_text_a_person_can_read(log):
    assert log.read_text() == (
        "# Name: Acme ACS-30\n# Serial: 9600/8n1\n0.000 > 53 49 0d 0a\n0.250 < 53 20 53 20 31 2e\n"
        "0.750 < 30 20 6b 67 0d 0a\n"
    )


def test_a_log_is_read_back(log):
    assert list(read_log(log)) == [
        Chunk(0.0, False, b"SI\r\n"),
        Chunk(0.25, True, b"S S 1."),
        Chunk(0.75, True, b"0 kg\r\n"),
    ]


def test_a_log_replays_the_device_at_its_pace(log):
    clock = Clock()
    replay = Replay(log, clock=clock, sleep=clock.sleep)
    assert replay.read(0.2) == b"" and clock.now == pytest.approx(100.2)
    assert replay.read(0.2) == b"S S 1." and clock.now == pytest.approx(100.25)
    replay.write(b"SI\r\n")
    assert replay.read(1.0) == b"0 kg\r\n" and clock.now == pytest.approx(100.75)
    with pytest.raises(LinkLost, match="end of log"):
        replay.read(0.2)
    assert replay.written == b"SI\r\n"
    replay.close()


def test_a_log_replays_at_once(log):
    replay = Replay(log, pace=0)
    assert replay.read(0.2) + replay.read(0.2) == b"S S 1.0 kg\r\n"


def test_a_log_is_opened_as_a_port(log):
    assert open_port(f"replay:{log}", Link(9600)).read(1.0) == b"S S 1."


def test_a_recording_of_a_replay_is_the_same_log(log, tmp_path):
    clock, path = Clock(), tmp_path / "again.log"
    with path.open("w") as out:
        recorder = Recorder(Replay(log, clock=clock, sleep=clock.sleep), out, HEAD, clock)
        recorder.write(b"SI\r\n")
        with pytest.raises(LinkLost):
            while True:
                recorder.read()
    assert path.read_text() == log.read_text()


@pytest.mark.parametrize(
    "line", ["hello", "0.1 < zz", "0.1 ? 00", "x < 00", "nan < 00", "inf > 00", "0.1 <> 00", "0.1  00"]
)
def test_what_is_no_log_is_named_with_its_line(tmp_path, line):
    path = tmp_path / "bad.log"
    path.write_text(f"# Name: x\n{line}\n")
    with pytest.raises(LinkLost, match=r"bad\.log:2"):
        Replay(path)


def test_a_log_that_is_no_text_is_named(tmp_path):
    path = tmp_path / "bad.log"
    path.write_bytes(b"0.1 < 00\n\xff")
    with pytest.raises(ValueError, match=r"bad\.log: not a log"):
        list(read_log(path))


def test_a_log_that_is_not_there_is_lost(tmp_path):
    with pytest.raises(LinkLost, match="replay"):
        Replay(tmp_path / "none.log")
