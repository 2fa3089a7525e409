"""A recorded log is said again: in its time, up to where it is asked to, and from the beginning when it has ended."""

from drivers.transports.recorder import Chunk
from simulator.wires.recorded import Recorded

LOG = [Chunk(0.5, True, b"a"), Chunk(0.6, False, b"?"), Chunk(0.7, True, b"b"), Chunk(2.0, True, b"c")]


def heard(device: Recorded, until: float) -> list[tuple[float, bytes]]:
    """What it says by then, and when: nobody comes too early or too late."""
    said = []
    while (at := device.deadline(0.0)) is not None and at <= until:
        said.append((round(at, 3), device.pending(at)))
    return said


def test_it_says_what_the_device_said_with_the_pauses_between() -> None:
    device = Recorded(LOG)
    assert device.deadline(0.0) is None and device.pending(9.0) == b""
    device.play(10.0)
    assert heard(device, 20.0) == [(10.0, b"a"), (10.2, b"b"), (11.5, b"c")]
    assert device.deadline(20.0) is None
    device.play(30.0)
    assert heard(device, 30.1) == [(30.0, b"a")]


def test_up_to_a_second_of_it_where_the_last_stands_until_it_goes_on() -> None:
    device = Recorded(LOG)
    device.play(10.0, 1.0)
    assert [data for _, data in heard(device, 12.05)] == [b"a", b"b", *[b"b"] * 6]  # a gap of 1.3 s, then ten a second
    device.play(13.0, 2.0)
    assert [data for _, data in heard(device, 13.35)] == [b"c", b"c", b"c", b"c"]
    device.play(14.0)
    assert heard(device, 20.0) == [(14.0, b"a"), (14.2, b"b"), (15.5, b"c")]


def test_whoever_was_away_for_long_is_not_told_all_of_it() -> None:
    device = Recorded(LOG)
    device.play(0.0, 0.6)
    assert device.pending(100.0).count(b"a") <= 12
    assert Recorded([]).play(1.0) is None
