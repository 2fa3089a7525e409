"""A reading never depends on how the bytes arrived: every recorded log, and every device's logs mixed, in any pieces.

Decoders and sessions both; a session is handed the times of the log.  How noise is grouped may differ, readings not.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers import catalogue
from drivers.model import Model
from drivers.transports.recorder import Chunk, read_log
from protocol import formats
from protocol.readings import Event, Garbage, Reply, TestResult, Ticket, Weighing
from simulator.analyzers import modbus_profile

LOGS = sorted((Path(__file__).parent / "logs").glob("*/*.log"))
TODAY = date(2025, 3, 14)  # of the recorded results
REGISTERS = {"register": 0, "type": "int32", "decimals": 3}
STATUS = {"register": 2, "stable": 1, "zero": 2, "net": 4, "overload": 8, "underload": 16}
NEEDED = {
    "modbus-scale": {"profile": {"unit": "kg", "weight": REGISTERS, "status": STATUS}},
    "modbus-analyzer": {"profile": modbus_profile.PROFILE},
    "dollar-lines": {"decimals": 3},
}
"""Options without which the model's session cannot be made, or takes no weight."""

Cut = Callable[[bytes], Iterable[bytes]]


def row_of(log: Path) -> Model:
    return catalogue.find(log.parent.name).with_options(NEEDED.get(log.parent.name, {}))


def whole(data: bytes) -> list[bytes]:
    return [data]


def byte_by_byte(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def cut_at(cuts: Iterable[int]) -> Cut:
    def cut(data: bytes) -> list[bytes]:
        return [data[a:b] for a, b in pairwise([0, *sorted(at % (len(data) + 1) for at in cuts), len(data)])]

    return cut


def readings(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, Garbage)]


def decoded(row: Model, stream: bytes, cut: Cut = whole) -> list[Event]:
    decoder = row.decoder()
    events = [event for piece in cut(stream) for event in decoder.feed(piece)]
    return readings([*events, *decoder.finish()])


def heard(row: Model, chunks: Iterable[Chunk], cut: Cut = whole) -> list[Event]:
    """What the model's session makes of a log, woken when it wants to be."""
    session = row.session(lambda: TODAY)
    events: list[Event] = []

    def note(more: list[Event], now: float) -> None:
        events.extend(more)
        session.pending()
        if any(isinstance(event, TestResult | Ticket) for event in more):
            session.committed(now)

    def wake(until: float) -> None:  # a log's times are rounded to milliseconds
        while session.deadline is not None and session.deadline <= until + 0.0005:
            now = session.deadline
            note(session.expired(now), now)

    now = 0.0
    for chunk in chunks:
        now = chunk.seconds
        wake(now)
        for piece in cut(chunk.data) if chunk.from_device else ():
            note(session.receive(piece, now), now)
    wake(now + 3.0)
    return readings(events)


def handed_over_whole(row: Model) -> bool:
    """USB hands over whole reports, and a session relies on it."""
    return formats.find(row.format).wire == "usb-hid"


def logs_by_format() -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for log in LOGS:
        found.setdefault(catalogue.find(log.parent.name).format, []).append(log)
    return found


def parts_of(log: Path) -> Iterator[bytes]:
    yield from (chunk.data for chunk in read_log(log) if chunk.from_device)


every_log = pytest.mark.parametrize("log", LOGS, ids=lambda log: f"{log.parent.name}/{log.stem}")


@every_log
@settings(max_examples=15)
@given(cuts=st.lists(st.integers(0, 400), max_size=6))
def test_a_session_hears_the_same_in_any_pieces(log, cuts):
    row, chunks = row_of(log), list(read_log(log))
    once = heard(row, chunks)
    assert once
    if not handed_over_whole(row):
        assert heard(row, chunks, byte_by_byte) == once
        assert heard(row, chunks, cut_at(cuts)) == once


def _unproven(event):
    return replace(event, sure=False) if isinstance(event, TestResult) else event


@every_log
def test_a_session_reads_what_the_decoder_of_its_model_reads(log):
    row, chunks = row_of(log), list(read_log(log))
    read = decoded(row, b"".join(parts_of(log)))
    said = heard(row, chunks)
    if formats.find(row.format).kind != "scale":
        # An instrument's session hands over each result once, and may have had it proven by a second transfer.
        known = [_unproven(event) for event in read]
        assert (
            all(_unproven(event) in known for event in said if not isinstance(event, Reply)) or "profile" in row.options
        )
        return
    weighings = [event for event in read if isinstance(event, Weighing)]
    told = [event for event in said if isinstance(event, Weighing)]
    if handed_over_whole(row):  # where a report ends is known to the session alone, and the first one is stale
        assert told and all(weighing in weighings for weighing in told) and len(told) < len(weighings)
        return
    if (
        row.format == "os2"
    ):  # a damaged byte behind a frame that was asked for is part of it, but for who knows the time
        assert told and all(weighing in weighings for weighing in told)
        return
    if row.format == "adam_azextra":  # that it stood still is known to who asked alone
        told = [replace(weighing, stable=None) for weighing in told]
    assert told == weighings


@pytest.mark.parametrize("row", catalogue.models().values(), ids=lambda row: row.id)
def test_decoder_and_session_of_every_model_read_the_logs_of_its_format_alike(row):
    row = row.with_options(NEEDED.get(row.id, {}))
    if formats.find(row.format).kind != "scale" or handed_over_whole(row) or row.format in ("adam_azextra", "os2"):
        return  # seen above
    for log in logs_by_format().get(row.format, []):
        read = [event for event in decoded(row, b"".join(parts_of(log))) if isinstance(event, Weighing)]
        assert [event for event in heard(row, read_log(log)) if isinstance(event, Weighing)] == read, log


@pytest.mark.parametrize("format_id", logs_by_format())
@settings(max_examples=15)
@given(data=st.data())
def test_a_decoder_reads_the_same_of_several_devices_mixed_in_any_pieces(format_id, data):
    logs = logs_by_format()[format_id]
    row = row_of(data.draw(st.sampled_from(logs)))
    mixed = b""
    for _ in range(data.draw(st.integers(1, 3))):
        parts = list(parts_of(data.draw(st.sampled_from(logs))))
        start = data.draw(st.integers(0, len(parts) - 1))
        mixed += b"".join(parts[start : start + data.draw(st.integers(1, 12))])
    once = decoded(row, mixed)
    assert decoded(row, mixed, byte_by_byte) == once
    assert decoded(row, mixed, cut_at(data.draw(st.lists(st.integers(0, len(mixed)), max_size=12)))) == once
