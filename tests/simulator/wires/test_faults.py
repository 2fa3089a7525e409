from decimal import Decimal

import pytest

from protocol.readings import Weighing
from protocol.scales import yaohua_tf0
from simulator.scales._pan import Pan, find
from simulator.wires.faults import Faults, FaultyDevice, FaultyTransport, Mangler

FRAME = yaohua_tf0.encode(Weighing(Decimal("1.250")))


def through(faults, chunks=(FRAME,) * 20):
    mangler = Mangler(faults)
    out = []
    for chunk in chunks:
        mangler.put(chunk, 0.0)
    mangler.flush(0.0)
    while mangler.next_at is not None:
        out.append(mangler.take(mangler.next_at))
    return out


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


@pytest.mark.parametrize(
    "faults", [Faults(), Faults(single=True), Faults(split=1.0), Faults(glue=0.5), Faults(delay=3.0)]
)
def test_some_faults_only_change_the_pieces(faults):
    assert b"".join(through(faults)) == FRAME * 20


def test_one_byte_at_a_time():
    assert all(len(piece) == 1 for piece in through(Faults(single=True)))


def test_glued_chunks_come_together():
    assert through(Faults(glue=1.0), [b"a", b"b"]) == [b"ab"]


def test_bytes_are_lost_doubled_flipped_cut_and_preceded_by_noise():
    size = len(FRAME) * 20
    assert len(b"".join(through(Faults(lose=0.1)))) < size
    assert len(b"".join(through(Faults(double=0.1)))) > size
    assert len(b"".join(through(Faults(noise=1.0)))) > size
    assert len(b"".join(through(Faults(cut=1.0)))) < size
    flipped = b"".join(through(Faults(flip=0.1)))
    assert len(flipped) == size and flipped != FRAME * 20


def test_a_seed_does_the_same_again_and_another_does_not():
    rough = {"flip": 0.05, "lose": 0.05, "split": 0.5, "noise": 0.3}
    assert through(Faults(**rough, seed=7)) == through(Faults(**rough, seed=7))
    assert through(Faults(**rough, seed=7)) != through(Faults(**rough, seed=8))


def test_a_checked_format_gives_no_wrong_weight_on_a_bad_wire():
    frames = [yaohua_tf0.encode(Weighing(Decimal(n).scaleb(-3))) for n in range(2000)]
    faults = Faults(flip=0.002, lose=0.002, double=0.002, cut=0.02, noise=0.05, split=0.3, glue=0.2, seed=1)
    framer = yaohua_tf0.decoder()
    seen = [e.value for piece in through(faults, frames) for e in framer.feed(piece) if isinstance(e, Weighing)]
    assert 1500 < len(seen) < 2000
    assert seen == sorted(seen)
    assert set(seen) <= {Decimal(n).scaleb(-3) for n in range(2000)}


def test_a_device_on_a_bad_wire_still_says_everything():
    device = FaultyDevice(find("yaohua_tf0")(Pan(settle=0.0)), Faults(glue=0.5, split=0.5, delay=0.05))
    now, out = 0.0, b""
    while now < 5.0:
        while piece := device.pending(now):
            out += piece
        deadline = device.deadline(now)
        assert deadline is not None
        now = max(deadline, now + 0.001)
    assert len(out) >= 45 * 12
    assert out == yaohua_tf0.encode(Weighing(Decimal("0.000"))) * (len(out) // 12) + out[len(out) // 12 * 12 :]


def test_a_port_on_a_bad_wire_reads_in_pieces_and_writes_whole():
    port = FakePort(FRAME)
    faulty = FaultyTransport(port, Faults(single=True), clock=lambda: 0.0)
    assert [faulty.read() for _ in FRAME] == [FRAME[at : at + 1] for at in range(len(FRAME))]
    assert faulty.read() == b""
    faulty.write(b"SI\r\n")
    faulty.close()
    assert port.written == b"SI\r\n" and port.closed


def test_a_glued_chunk_is_not_kept_for_ever():
    faulty = FaultyTransport(FakePort(FRAME), Faults(glue=1.0), clock=lambda: 0.0)
    assert faulty.read() == b""
    assert faulty.read() == FRAME
