import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.modbus import (
    UNASKED,
    Block,
    Doing,
    Framing,
    Master,
    blocks,
    decode,
    decode_question,
    decoder,
    plan,
    question,
    words_of,
)
from protocol.readings import Garbage, Reply, TestResult
from protocol.session import Wish
from simulator.wires.modbus import Slave

RTU, TCP = Framing.RTU, Framing.TCP
PROBE = Block(4, 1, 2)
COLD = bytes.fromhex("01 04 04 FF CE 01 F4 AA 78")
WARM = bytes.fromhex("01 04 04 00 2D 02 58 6B 17")
REFUSED = bytes.fromhex("01 84 02 C2 C1")
TCP_WARM = bytes.fromhex("00 07 00 00 00 07 01 04 04 00 2D 02 58")
TCP_REFUSED = bytes.fromhex("00 07 00 00 00 03 01 84 02")


def registers(words, function="4", address="1", **more):
    return Reply("registers", (("address", address), ("function", function), *more.items(), ("words", words)))


def exception(code, meaning, **more):
    where = (("address", "1"), ("function", "4"), *more.items())
    return Reply("exception", (*where, ("code", code), ("meaning", meaning)))


GOOD = [
    (WARM, registers("002d 0258")),
    (COLD, registers("ffce 01f4")),
    (REFUSED, exception("2", "illegal register")),
]
GOOD_TCP = [
    (TCP_WARM, registers("002d 0258", number="7")),
    (TCP_REFUSED, exception("2", "illegal register", number="7")),
]
STREAM = b"".join(frame for frame, _ in GOOD)
READINGS = [reading for _, reading in GOOD]


def test_a_question_is_as_the_standard_has_it():
    assert question(RTU, 1, PROBE) == bytes.fromhex("01 04 00 01 00 02 20 0B")
    assert question(TCP, 1, PROBE, 7) == bytes.fromhex("00 07 00 00 00 06 01 04 00 01 00 02")


@pytest.mark.parametrize(
    ("framing", "frame", "reading"), [(RTU, *row) for row in GOOD] + [(TCP, *row) for row in GOOD_TCP]
)
def test_an_answer_means_its_words(framing, frame, reading, readings):
    assert decode(framing, frame) == reading
    assert decoder(framing).feed(frame) == [reading]
    assert readings(decoder(framing), frame + frame[:2], range(len(frame))) == [reading]


def test_words_are_numbers():
    assert words_of(registers("ffce 01f4")) == (0xFFCE, 500)


@given(st.lists(st.integers(0, 100), max_size=8))
def test_any_chunking_gives_the_same_answers(readings, cuts):
    assert readings(decoder(), b"\x00\x2d\x02" + STREAM, cuts) == READINGS


@given(st.binary(max_size=100))
def test_noise_never_raises(noise):
    for framing in Framing:
        framer = decoder(framing)
        events = framer.feed(noise) + framer.finish()
        assert all(isinstance(event, Garbage | Reply) for event in events)


@given(st.integers(0, 22), st.integers(1, 255), st.sampled_from(["flip", "lose", "double"]))
def test_one_damaged_byte_never_gives_other_words(readings, damage, at, flip, what):
    found = readings(decoder(), damage(STREAM, at, what, flip) + bytes(300) + STREAM)
    assert all(event in READINGS for event in found)
    assert found[-3:] == READINGS


def test_a_stream_without_answers_keeps_the_cap():
    framer = decoder()
    for _ in range(200):
        framer.feed(b"\x01\x03\xfa" * 10)
    assert len(framer._buffer) + len(framer._noise) <= 600


def test_registers_that_touch_are_asked_for_together():
    assert blocks([(3, 5), (3, 4), (4, 6), (3, 9), (3, 4)]) == (Block(3, 4, 2), Block(3, 9, 1), Block(4, 6, 1))
    assert [block.count for block in blocks((3, at) for at in range(300))] == [125, 125, 50]
    assert blocks([]) == ()


def test_the_guards_block_comes_first_and_whole():
    assert plan([(3, 1), (3, 9)], [(3, 9)])[0] == Block(3, 9, 1)
    assert plan([(3, 1)], [(3, 2)]) == (Block(3, 1, 2),)
    assert plan([(3, at) for at in range(126)], [(3, 124), (3, 125)])[0] == Block(3, 124, 2)


class Line:
    """A master and what it said and got."""

    def __init__(self, blocks=(PROBE,), framing=RTU, guard=lambda registers: None, result=None):
        self.seen = []
        self.master = Master(blocks, self.read, address=1, framing=framing, poll=1.0, patience=0.5, guard=guard)
        self.result = result

    def read(self, registers, raw):
        self.seen.append(dict(registers))
        return [self.result] if self.result else []

    def ask(self, now):
        self.master.expired(now)
        return self.master.pending()


def test_the_master_asks_waits_and_asks_again():
    line = Line()
    assert line.master.deadline == 0.0 and line.master.pending() == b""
    assert line.ask(5.0) == bytes.fromhex("01 04 00 01 00 02 20 0B")
    assert line.master.pending() == b"" and line.master.deadline == 5.5
    assert line.master.receive(WARM[:4], 5.1) == [] and line.seen == []
    assert line.master.receive(WARM[4:], 5.2) == []
    assert line.seen == [{(4, 1): 45, (4, 2): 600}]
    assert line.master.deadline == pytest.approx(6.2)


def test_a_late_answer_is_never_taken_for_the_next():
    line = Line()
    line.ask(0.0)
    line.master.expired(0.5)
    assert line.master.pending() == b"" and line.master.deadline == 1.0
    assert [event.why for event in line.master.receive(WARM, 0.7)] == [UNASKED]
    assert line.ask(1.0)
    line.master.receive(COLD, 1.1)
    assert line.seen == [{(4, 1): 0xFFCE, (4, 2): 500}]
    assert [event.why for event in line.master.receive(COLD, 1.2)] == [UNASKED]


def test_on_tcp_the_transactions_number_tells_a_late_answer():
    line = Line(framing=TCP)
    first = line.ask(0.0)
    line.master.expired(0.5)
    line.ask(1.0)
    answer = first[:2] + TCP_WARM[2:]
    assert [event.why for event in line.master.receive(answer, 1.1)] == [UNASKED]
    line.master.receive(b"\x00\x02" + TCP_WARM[2:], 1.2)
    assert len(line.seen) == 1


def test_half_an_answer_is_never_completed_by_the_next():
    line = Line()
    line.ask(0.0)
    line.master.receive(WARM[:5], 0.1)
    left = line.master.expired(0.5)
    assert [type(event) for event in left] == [Garbage]
    line.ask(1.0)
    line.master.receive(WARM[5:], 1.1)
    assert line.seen == []


def test_an_exception_is_told_and_the_round_begins_anew():
    line = Line()
    line.ask(0.0)
    assert line.master.receive(REFUSED, 0.1) == [exception("2", "illegal register")]
    assert line.master.doing is Doing.RESTING and line.master.deadline == pytest.approx(1.1)


def test_another_devices_answer_is_told_as_such():
    line = Line()
    line.ask(0.0)
    slave = Slave(lambda now: {(4, 1): 1, (4, 2): 2}, address=2, delay=0)
    slave.receive(question(RTU, 2, PROBE), 0.0)
    (event,) = line.master.receive(slave.pending(0.0), 0.1)
    assert "of device 2, not of 1" in event.why and line.seen == []


def test_answers_to_other_questions_and_our_own_echo_are_passed_over():
    line = Line()
    sent = line.ask(0.0)
    other = bytes.fromhex("01 03 02 00 05 78 47")
    line.master.receive(sent + other + WARM, 0.1)
    assert line.seen == [{(4, 1): 45, (4, 2): 600}]


@given(st.binary(max_size=40))
def test_noise_in_front_of_an_answer_does_not_stop_the_master(noise):
    line = Line()
    line.ask(0.0)
    line.master.receive(noise, 0.1)
    line.master.receive(WARM, 0.2)
    line.master.expired(0.5)
    line.ask(1.5)
    line.master.receive(WARM, 1.6)
    assert line.seen and all(seen == {(4, 1): 45, (4, 2): 600} for seen in line.seen)


def test_several_blocks_are_a_round_whose_first_is_read_twice(talk):
    cells = {(3, 0): 7, (3, 10): 8}
    slave = Slave(lambda now: cells)
    line = Line(plan(cells, [(3, 10)]), guard=lambda registers: registers[3, 10])
    talk(line.master, slave, 0.0, 0.9)
    assert [request.address for request in slave.asked] == [10, 0, 10]
    assert line.seen == [cells]


def test_a_round_whose_guard_has_changed_does_not_count(talk):
    changes = iter(range(100))
    slave = Slave(lambda now: {(3, 0): 7, (3, 10): next(changes)})
    line = Line(plan([(3, 0)], [(3, 10)]), guard=lambda registers: registers[3, 10])
    talk(line.master, slave, 0.0, 5.0)
    assert line.seen == [] and len(slave.asked) >= 9


def test_after_results_nothing_is_asked_before_the_commit():
    result = TestResult("1", None, "x", None, None, None, None, "1")
    line = Line(result=result)
    line.ask(0.0)
    assert line.master.receive(WARM, 0.1) == [result]
    assert line.master.doing is Doing.COMMIT and line.master.deadline is None
    line.master.committed(3.0)
    assert line.master.deadline == 4.0


def test_a_master_writes_nothing():
    line = Line()
    assert not any(line.master.ask(wish, 0.0) for wish in Wish)


@pytest.mark.parametrize("framing", Framing)
def test_a_slave_answers_for_itself_in_either_framing(framing):
    slave = Slave(lambda now: {(4, 1): 45, (4, 2): 600}, delay=0)
    ask = question(framing, 1, PROBE, 7)
    for byte in b"\xff" + ask if framing is RTU else ask:
        slave.receive(bytes((byte,)), 0.0)
    assert slave.pending(0.0) == (WARM if framing is RTU else TCP_WARM)
    slave.receive(question(framing, 2, PROBE), 0.5)
    assert slave.pending(0.5) == b""


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        ("01 04 00 02 00 02 D0 0B", 2),  # one register too many
        ("01 10 00 01 00 01 02 00 0A 27 86", 1),  # a write
        ("01 06 01 01 00 02 58 37", 1),
    ],
)
def test_a_slave_refuses_with_an_exception(ask, code):
    slave = Slave(lambda now: {(4, 1): 45, (4, 2): 600}, delay=0)
    slave.receive(bytes.fromhex(ask), 0.0)
    said = slave.pending(0.0)
    assert said[1] == bytes.fromhex(ask)[1] | 0x80 and said[2] == code


def test_a_slave_takes_its_time_and_forgets_half_a_question():
    slave = Slave(lambda now: {(4, 1): 45, (4, 2): 600}, delay=0.02)
    ask = question(RTU, 1, PROBE)
    slave.receive(ask[:4], 0.0)
    slave.receive(ask[4:], 1.0)
    assert slave.deadline(1.0) is None
    slave.receive(ask, 2.0)
    assert slave.pending(2.01) == b"" and slave.deadline(2.01) == pytest.approx(2.02)
    assert slave.pending(2.03) == WARM


def test_what_is_no_question_is_none():
    assert decode_question(RTU, WARM) is None
    assert decode_question(TCP, b"") is None
