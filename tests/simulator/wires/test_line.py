import time
from decimal import Decimal

import pytest

from drivers.conversation import Conversation
from drivers.transports import LinkLost, open_port
from protocol.link import Link
from protocol.readings import Weighing
from protocol.scales import mt_sics, yaohua_tf0
from simulator.obstacles import InTheWay
from simulator.scales._pan import Pan, find
from simulator.wires.faults import Faults
from simulator.wires.line import Line, Pty, TcpPort

LINK = Link(9600)
SECONDS = 10.0


def scale(protocol="mt_sics", kg="2.350"):
    pan = Pan(settle=0.0)
    pan.put(Decimal(kg), 0.0)
    return find(protocol)(pan)


def read_until(port, enough):
    """Read until ``enough(bytes so far)`` says so; at most some seconds."""
    data, end = b"", time.monotonic() + SECONDS
    while not enough(data) and time.monotonic() < end:
        data += port.read(0.05)
    return data


def ask(port, command=b"SI\r\n"):
    port.write(command)
    return read_until(port, lambda data: data.endswith(b"kg\r\n"))  # the power-up line may come first


@pytest.fixture(params=["pty", "tcp"])
def plug(request, tmp_path):
    return Pty(tmp_path / "scale") if request.param == "pty" else TcpPort()


def test_a_polled_scale_answers(plug):
    with Line(scale(), plug) as line:
        port = open_port(line.address, LINK)
        assert b"S S      2.350 kg\r\n" in ask(port)
        port.close()


def test_a_continuous_scale_speaks_by_itself(plug):
    with Line(scale("yaohua_tf0"), plug) as line:
        port = open_port(line.address, LINK)
        data = read_until(port, lambda data: len(data) > 60)
        port.close()
    found = [event for event in yaohua_tf0.decoder().feed(data) if isinstance(event, Weighing)]
    assert len(found) >= 4 and {event.value for event in found} == {Decimal("2.350")}


def test_what_is_done_to_the_device_shows_on_the_wire(plug):
    with Line(scale(), plug) as line:
        port = open_port(line.address, LINK)
        load = line.do(lambda device, now: (device.pan.put(Decimal("0.500"), now), device.pan.load)[1])
        assert load == Decimal("0.500")
        assert b"0.500 kg" in ask(port)
        port.close()


def test_the_host_may_open_and_close_many_times(plug):
    with Line(scale(), plug) as line:
        for _ in range(30 if isinstance(plug, Pty) else 3):  # closing a socket:// port takes 0.3 s
            port = open_port(line.address, LINK)
            assert b"2.350 kg" in ask(port)
            port.close()


def test_an_unplugged_port_is_gone_and_comes_back(plug):
    with Line(scale(), plug) as line:
        for _ in range(3):
            port = open_port(line.address, LINK)
            assert b"2.350 kg" in ask(port)
            line.unplug()
            with pytest.raises(LinkLost):
                for _ in range(100):
                    port.read(0.05)
            port.close()
            with pytest.raises(LinkLost):
                open_port(line.address, LINK)
            line.replug()


def test_unplugging_and_replugging_twice_is_the_same_as_once(plug):
    with Line(scale(), plug) as line:
        line.unplug()
        line.unplug()
        line.replug()
        line.replug()
        port = open_port(line.address, LINK)
        assert b"2.350 kg" in ask(port)
        port.close()


def test_nobody_listening_stops_nothing(tmp_path):
    device = scale("yaohua_tf0")
    device._gap = 1e-4
    with Line(device, Pty(tmp_path / "scale")) as line:
        time.sleep(0.3)  # more than the kernel keeps
        port = open_port(line.address, LINK)
        assert len(read_until(port, lambda data: len(data) > 500)) > 500
        port.close()


def test_the_link_is_removed_at_the_end_and_a_stale_one_replaced(tmp_path):
    link = tmp_path / "scale"
    link.symlink_to("/dev/pts/no-such")
    line = Line(scale(), Pty(link)).start()
    assert link.exists()
    line.stop()
    line.stop()
    assert not link.is_symlink()


def test_a_file_in_the_way_is_not_overwritten(tmp_path):
    (tmp_path / "scale").write_text("precious")
    with pytest.raises(InTheWay):
        Line(scale(), Pty(tmp_path / "scale")).start()
    assert (tmp_path / "scale").read_text() == "precious"


def test_an_error_belongs_to_the_one_who_asked(tmp_path):
    with Line(scale(), Pty(tmp_path / "scale")) as line:
        with pytest.raises(ZeroDivisionError):
            line.do(lambda device, now: 1 / 0)
        assert line.do(lambda device, now: 7) == 7


def test_a_stopped_line_says_so(tmp_path):
    line = Line(scale(), Pty(tmp_path / "scale"))
    with pytest.raises(RuntimeError, match="not running"):
        line.unplug()
    line.stop()


def test_a_bad_wire_gives_garbage_but_no_wrong_weight(tmp_path):
    faults = Faults(flip=0.01, lose=0.01, split=0.3, noise=0.2, seed=3)
    device = scale("yaohua_tf0")
    device._gap = 0.002
    with Line(device, Pty(tmp_path / "scale"), faults=faults) as line:
        port = open_port(line.address, LINK)
        events = yaohua_tf0.decoder().feed(read_until(port, lambda data: len(data) > 3000))
        port.close()
    weights = [event.value for event in events if isinstance(event, Weighing)]
    assert len(weights) > 50 and set(weights) == {Decimal("2.350")}
    assert len(weights) < len(events)


def test_two_clients_hear_the_same_tcp_scale():
    with Line(scale("yaohua_tf0"), TcpPort()) as line:
        ports = [open_port(line.address, LINK) for _ in range(2)]
        for port in ports:
            assert len(read_until(port, lambda data: len(data) >= 24)) >= 24
            port.close()


def test_a_session_reads_a_scale_over_a_pty(tmp_path):
    session, seen = mt_sics.session(mt_sics.Options(poll=0.02)), []
    with Line(scale(), Pty(tmp_path / "scale")) as line:
        port = open_port(line.address, LINK)
        conversation, end = Conversation(port, session), time.monotonic() + SECONDS
        while len(seen) < 10 and time.monotonic() < end:
            seen += [event for event in conversation.turn().events if isinstance(event, Weighing)]
        port.close()
    assert len(seen) >= 10 and {weight.value for weight in seen} == {Decimal("2.350")}
