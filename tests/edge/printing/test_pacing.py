"""What is sent to a printer without flow control never exceeds what its buffer holds."""

from hypothesis import given
from hypothesis import strategies as st

from edge.printing.pacing import Pace


def test_what_fits_the_buffer_goes_out_at_once() -> None:
    pace = Pace(100, byte_seconds=0.001, row_seconds=0.01)
    assert pace.wait(60, 0.0) == 0.0
    pace.sent(60, rows=10, now=0.0)
    assert pace.wait(40, 0.0) == 0.0


def test_what_does_not_fit_waits_for_line_and_head() -> None:
    pace = Pace(100, byte_seconds=0.001, row_seconds=0.01)
    pace.sent(60, rows=10, now=0.0)  # 60 ms on the line, 100 ms under the head
    assert round(pace.wait(60, 0.0), 6) == 0.16
    assert round(pace.wait(60, 0.1), 6) == 0.06
    assert pace.wait(60, 0.2) == 0.0


@given(st.lists(st.tuples(st.integers(1, 64), st.floats(0, 40)), max_size=40))
def test_a_head_of_the_stated_speed_never_has_more_than_its_buffer(portions: list[tuple[int, float]]) -> None:
    """Checked against a head played here: it prints what the line has brought, in order."""
    buffer, byte_seconds, row_seconds = 256, 0.0001, 0.002
    pace, now, brought, printed = Pace(buffer, byte_seconds, row_seconds), 0.0, 0.0, 0.0
    sent: list[tuple[float, int]] = []
    for size, rows in portions:
        now += pace.wait(size, now)
        pace.sent(size, rows, now)
        brought = max(brought, now) + size * byte_seconds
        printed = max(printed, brought) + rows * row_seconds
        sent.append((printed, size))
        assert sum(count for until, count in sent if until > now + 1e-9) <= buffer


def test_portions_are_smaller_than_the_buffer_and_never_nothing() -> None:
    assert Pace(4096, 0.0, 0.0).portion == 1024
    assert Pace(1, 0.0, 0.0).portion == 1
