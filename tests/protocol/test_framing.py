from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.framing import CUT, NO_FRAME, PARITY_WHY, Lines, Scanner, parity_suspect
from protocol.readings import Garbage, Reply


def lines(**options):
    return Lines(lambda line: Reply("line", raw=line), **options)


def scanner(**options):
    """Frames ``A5 length … sum``, at most 20 bytes."""

    def measure(buffer):
        if len(buffer) < 2:
            return None
        return buffer[1] + 3 if buffer[1] <= 17 else 0

    def decode(frame):
        if sum(frame[:-1]) & 0xFF != frame[-1]:
            return Garbage(frame, "sum")
        return Reply("frame", raw=frame)

    return Scanner(measure, decode, head=b"\xa5", **{"cap": 64, "look": 2, **options})


def frame(payload):
    body = bytes((0xA5, len(payload))) + payload
    return body + bytes((sum(body) & 0xFF,))


def raws(events):
    return [event.raw for event in events if isinstance(event, Reply)]


def noise(events):
    return b"".join(event.data for event in events if isinstance(event, Garbage))


def test_two_lines_in_one_read_are_two_lines():
    assert raws(lines().feed(b"one\r\ntwo\r\n")) == [b"one", b"two"]


def test_a_line_in_pieces_is_one_line():
    framer = lines()
    assert framer.feed(b"on") == [] and framer.feed(b"e\r") == []
    assert raws(framer.feed(b"\n")) == [b"one"]


def test_empty_lines_and_power_on_noise_say_nothing():
    assert raws(lines().feed(b"\r\n\x00\x00\x7f\x7fone\r\n\r\n")) == [b"one"]


def test_the_first_line_can_be_dropped():
    framer = lines(drop_first=True)
    assert raws(framer.feed(b"12.5\r\n112.5\r\n")) == [b"112.5"]


@pytest.mark.parametrize("length", [16, 17, 18, 31, 32, 33, 100])
def test_a_long_line_is_told_in_pieces_the_same_way_in_any_chunking(length):
    data = b"x" * length + b"\r\nok\r\n"
    whole = lines(cap=16).feed(data)
    framer = lines(cap=16)
    assert whole == [event for byte in data for event in framer.feed(bytes((byte,)))]
    assert raws(whole) == ([b"x" * 16, b"ok"] if length == 16 else [b"ok"])


def test_the_tail_of_a_long_line_is_never_a_line():
    framer = lines(cap=8)
    framer.feed(b"0123456789")
    assert raws(framer.feed(b"12.5\r\n3.5\r\n")) == [b"3.5"]


def test_a_stream_without_line_end_costs_garbage_and_no_memory():
    framer = lines(cap=64)
    told = sum(len(event.data) for _ in range(1000) for event in framer.feed(b"x" * 100))
    assert told > 99_000
    assert len(framer._buffer) <= 65


def test_what_is_left_of_a_line_can_be_asked_for():
    framer = lines()
    framer.feed(b"one\r\ntw")
    assert framer.finish() == [Garbage(b"tw", CUT)]
    assert framer.finish() == []


def test_a_frame_after_noise_is_found():
    events = scanner().feed(b"\x01\x02" + frame(b"abc"))
    assert events == [Garbage(b"\x01\x02", NO_FRAME), Reply("frame")]


def test_a_false_head_does_not_swallow_the_true_frame():
    false = b"\xa5\x05"
    events = scanner().feed(false + frame(b"abcdef"))
    assert raws(events) == [frame(b"abcdef")]
    assert noise(events) == false


def test_garbage_carries_the_first_reason_that_says_something():
    bad = frame(b"abc")[:-1] + b"\x00"
    assert scanner().feed(b"\x01" + bad + frame(b"x")) == [Garbage(b"\x01" + bad, "sum"), Reply("frame")]


def test_a_frame_that_repeats_the_one_before_is_decoded_once_and_told_each_time():
    decoded = []

    def decode(frame):
        decoded.append(frame)
        return Reply("frame", raw=frame)

    frames = Scanner(lambda buffer: 3, decode, head=b"\xa5", look=1)
    told = [event.raw for event in frames.feed(b"\xa501" * 3 + b"\xa502" + b"\xa501")]
    assert told == [b"\xa501", b"\xa501", b"\xa501", b"\xa502", b"\xa501"]
    assert decoded == [b"\xa501", b"\xa502", b"\xa501"]


def test_a_cut_frame_is_garbage_at_the_end_of_the_stream():
    framer = scanner()
    assert framer.feed(frame(b"abc")[:4]) == []
    assert framer.finish() == [Garbage(frame(b"abc")[:4], CUT)]
    assert raws(framer.feed(frame(b"abc"))) == [frame(b"abc")]


def test_a_head_of_two_bytes_may_arrive_in_two_reads():
    framer = Scanner(lambda _: 4, lambda data: Reply("frame", raw=data), head=b"\x55\xaa", cap=32)
    assert framer.feed(b"\x00\x55") == []
    assert raws(framer.feed(b"\xaaab")) == [b"\x55\xaaab"]


@given(st.lists(st.one_of(st.binary(max_size=12).map(frame), st.binary(max_size=6)), max_size=8), st.data())
def test_any_chunking_gives_the_same_frames_and_the_same_bytes(parts, data):
    stream = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    framer, whole = scanner(), scanner()
    edges = [0, *cuts, len(stream)]
    events = [event for a, b in pairwise(edges) for event in framer.feed(stream[a:b])]
    expected = whole.feed(stream)
    assert raws(events) == raws(expected)
    assert noise(events) + noise(framer.finish()) == noise(expected) + noise(whole.finish())


def test_noise_costs_no_memory():
    framer = scanner()
    for _ in range(1000):
        for event in framer.feed(b"\xa5\xff\x00" * 40):
            assert len(event.data) <= 64
    assert len(framer._buffer) + len(framer._noise) <= 128


def test_bytes_with_bit_7_look_like_parity():
    for odd in (0, 1):
        assert parity_suspect(bytes(byte | 0x80 if (byte.bit_count() + odd) % 2 else byte for byte in b"S S 1.0 kg"))
    assert not parity_suspect(b"S S 1.0 kg")
    assert not parity_suspect(b"\xff\x00")
    assert not parity_suspect(b"\xb1 S S 1.0 kg")  # noise in front of a good line


def test_a_parity_mistake_that_hides_the_terminator_is_told_as_such():
    sent = b"W 1.250 kg\r"
    even = bytes(byte | 0x80 if byte.bit_count() % 2 else byte for byte in sent)
    framer = lines(terminator=b"\r", cap=16)
    assert {event.why for event in framer.feed(even * 3) + framer.finish()} == {PARITY_WHY}


def test_a_parity_mistake_that_hides_the_head_is_told_as_such():
    (event,) = scanner().feed(b"\x82\xb1\xb2.50\x03")
    assert event.why == PARITY_WHY
    (event,) = scanner().feed(b"\xb1")
    assert event.why == NO_FRAME
