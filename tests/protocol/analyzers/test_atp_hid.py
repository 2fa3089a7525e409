# ruff: noqa: DTZ001  (the instrument has a local clock and knows no zone)

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.analyzers.atp_hid import (
    COUNT,
    ITEM,
    RECORDS,
    REPORT,
    UNIT,
    Options,
    Session,
    command,
    decoder,
    encode,
    encode_count,
    record,
    records_of,
    result,
)
from protocol.readings import Garbage, Reply, TestResult
from simulator.analyzers.atp_hid import Luminometer
from simulator.wires.table import Table

AT = datetime(2025, 3, 14, 9, 14, 32)
READING = TestResult(None, None, ITEM, Decimal(27), UNIT, None, AT, "", limit=Decimal(30))


def bare(event):
    return replace(event, identity="", raw=b"")


def heard(data):
    reader = decoder()
    return [*reader.feed(data), *reader.finish()]


def test_the_commands_are_those_of_the_makers_program():
    assert command(COUNT)[:8].hex(" ") == "ff 08 31 01 00 00 3a fe"
    assert command(RECORDS, 3)[:8].hex(" ") == "ff 08 31 00 00 03 3c fe"
    assert command(RECORDS, 300)[:8].hex(" ") == "ff 08 31 00 01 2c 66 fe"
    assert {len(command(COUNT)), len(command(RECORDS, 9))} == {REPORT}


def test_a_record_is_its_result():
    drawn = bytes.fromhex("00 00001b 00 19030e090e 00000000 001e 0a 20")
    assert record(READING, lower=10) == drawn
    assert bare(result(drawn)) == READING
    assert heard(encode([drawn])) == [result(drawn)]


def test_a_piece_of_a_report_costs_no_other():
    whole = encode_count(5) + encode([record(READING)])
    for piece in ("ff 08 31", "00 ff", "ff ff 08 31 00 00 19"):
        assert [bare(event) for event in heard(bytes.fromhex(piece) + whole) if isinstance(event, TestResult)] == [
            READING
        ]


def test_a_count_is_a_reply():
    (reply,) = heard(encode_count(300))
    assert (reply.what, reply.get("count")) == ("count", "300")


@pytest.mark.parametrize(
    ("rlu", "upper", "sure"),
    [
        (0, 30, True),
        (27, 30, True),
        (0x1234, 30, True),
        (0x12_34_56, 30, True),
        (0x100, 30, False),  # the program says 1
        (0x12_00_56, 30, False),
        (0xFE_00_01, 30, False),
        (0xFE_12_34, 30, False),
        (27, 300, False),  # the program says 45
    ],
)
def test_where_the_makers_program_reads_another_number_a_person_compares(rlu, upper, sure):
    said = result(record(replace(READING, value=Decimal(rlu), limit=Decimal(upper))))
    assert (said.value, said.limit, said.sure) == (rlu, upper, sure)
    assert said.verdict is None


@pytest.mark.parametrize("change", [{5: 0}, {}])
def test_a_year_of_zero_is_no_record(change):
    raw = bytearray(record(READING))
    for place, byte in change.items():
        raw[place] = byte
    assert len(records_of(encode([bytes(raw)] * 3))) == (0 if change else 3)


@pytest.mark.parametrize("place", [6, 7, 8, 9, 17])
def test_a_date_that_does_not_exist_is_garbage(place):
    raw = bytearray(record(READING))
    raw[place] = 99
    events = heard(encode([record(READING), bytes(raw)]))
    assert events and all(isinstance(event, Garbage) for event in events)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"value": None}, {"value": Decimal("1.5")}, {"value": Decimal(1 << 24)}),
        *({"limit": Decimal(1 << 16)}, {"measured_at": None}),
    ],
)
def test_what_it_cannot_hold_is_not_written(wrong):
    with pytest.raises(ValueError, match="no record for"):
        record(replace(READING, **wrong))


readings = st.builds(
    lambda value, upper, at: replace(READING, value=Decimal(value), limit=Decimal(upper) or None, measured_at=at),
    st.integers(0, (1 << 24) - 1),
    st.integers(0, (1 << 16) - 1),
    st.datetimes(datetime(2001, 1, 1), datetime(2255, 12, 31)).map(lambda at: at.replace(microsecond=0)),
)


@given(st.lists(readings, min_size=1, max_size=3), st.lists(st.integers(0, 64), max_size=4))
def test_what_is_written_is_read_in_any_pieces(many, cuts):
    report = encode([record(one) for one in many])
    reader, edges = decoder(), sorted({0, REPORT, *cuts})
    found = [event for a, b in zip(edges, edges[1:], strict=False) for event in reader.feed(report[a:b])]  # noqa: RUF007
    assert [replace(bare(event), sure=True) for event in found] == many


@given(st.lists(st.binary(max_size=100), max_size=5))
def test_noise_never_raises_and_a_report_behind_it_is_read(chunks):
    reader = decoder()
    for chunk in chunks:
        reader.feed(chunk)
    reader.finish()
    assert [bare(event) for event in reader.feed(encode([record(READING)]))] == [READING]


# --- the dialogue ---------------------------------------------------------------------------------------------------


def talk(device, session, until=60.0, *, commits=True):
    """The results of so many seconds on a handed clock."""
    table, found = Table(device, 0.05), []
    while table.now < until:
        if session.deadline is not None and table.now >= session.deadline:
            found += session.expired(table.now)
        if out := session.pending():
            table.write(out)
        if data := table.read(0.05):
            found += session.receive(data, table.now)
        if commits:
            session.committed(table.now)
    return [event for event in found if isinstance(event, TestResult)]


def filled(count, **how):
    device = Luminometer(**how)
    meant = [device.measure(n, Decimal(n + 1), AT + timedelta(minutes=n)) for n in range(count)]
    return device, meant


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 7])
def test_the_whole_memory_is_read_once(count):
    device, meant = filled(count)
    assert talk(device, Session(Options())) == meant
    asked = [report[2:4] for report in device.asked]
    assert asked.count(RECORDS) == -(-count // 3)  # what has not grown is not read again
    assert asked.count(COUNT) >= 5
    assert {report[2:4] for report in device.asked} <= {COUNT, RECORDS}


def test_only_what_is_new_is_read_later_and_all_of_a_memory_that_was_emptied():
    device, meant = filled(4)
    session = Session(Options())
    assert talk(device, session, 5.0) == meant
    device.asked.clear()
    new = [device.measure(n, Decimal(n), AT + timedelta(days=1, minutes=n)) for n in (5, 6)]
    assert talk(device, session, 20.0) == new
    assert [report for report in device.asked if report[2:4] == RECORDS] == [command(RECORDS, 3)]
    device.records.clear()
    last = device.measure(9, Decimal(9), AT + timedelta(days=2))
    assert talk(device, session, 60.0) == [last]


def test_a_full_memory_that_does_not_count_any_more_is_read_again_now_and_then():
    device, meant = filled(4)
    session = Session(Options(review=30.0))
    assert talk(device, session, 5.0) == meant
    device.records.pop(0)
    last = device.measure(9, Decimal(9), AT + timedelta(days=2))
    assert talk(device, session, 25.0) == []
    assert talk(device, session, 60.0) == [last]


def test_a_count_in_place_of_records_makes_it_ask_again():
    device, meant = filled(4, busy=2)
    assert talk(device, Session(Options())) == meant


def test_nothing_more_is_asked_before_what_came_is_on_disk():
    device, meant = filled(7)
    session = Session(Options())
    assert talk(device, session, 30.0, commits=False) == meant[:3]
    assert [report[2:4] for report in device.asked] == [COUNT, RECORDS]
    session.committed(31.0)
    assert talk(device, session, 60.0) == meant[3:]


def test_a_silent_instrument_is_asked_more_and_more_seldom():
    session, asked, now = Session(Options()), [], 0.0
    while now < 300:
        now = session.deadline
        session.expired(now)
        if session.pending():
            asked.append(now)
    assert asked[:4] == [0.0, 2.0, 4.0, 26.0] and len(asked) < 25


def test_a_reply_is_no_result():
    assert isinstance(heard(encode_count(1))[0], Reply)
