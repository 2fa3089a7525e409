"""Whatever an instrument may say becomes a record, or is kept as unread with its bytes: never lost, never the end."""

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from edge.between.commands import MatchResult
from edge.ports.port import Committed
from protocol.plain import page, plain
from protocol.readings import Curve, TestResult, Ticket, Verdict
from simulator.analyzers import _instrument as analyzer

Box = Any  # the station of tests/edge/conftest.py
SHARED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
BRIEF = settings(SHARED, max_examples=15)
HARMFUL = [chr(code) for code in (0, 7, 10, 13, 27, 127, 0x85, 0x9B, 0x202E, 0x2028, 0x200B, 0xFEFF, 0xD800, 0xDFFF)]

words = st.text(st.characters(codec=None) | st.sampled_from(HARMFUL), max_size=300) | st.text("7青A", max_size=9)
numbers = (
    st.decimals(allow_nan=False, allow_infinity=False)
    | st.decimals(-(10**15), 10**15, places=9, allow_nan=False)
    | st.floats(width=32, allow_nan=False, allow_infinity=False).map(lambda value: Decimal(repr(value)))
    | st.from_regex(r"-?[0-9]{1,15}(\.[0-9]{1,9})?", fullmatch=True).map(Decimal)
)
raws = st.binary(max_size=9000)
results = st.builds(
    TestResult,
    sample=st.none() | words,
    channel=st.none() | words,
    item=words | st.just("农药残留"),
    value=st.none() | numbers,
    unit=st.none() | words | st.just("%"),
    verdict=st.none() | st.sampled_from(Verdict),
    measured_at=st.none() | st.datetimes() | st.datetimes(timezones=st.just(UTC)),
    identity=st.just(""),
    name=st.none() | words,
    limit=st.none() | numbers,
    text=st.none() | words | st.text(min_size=4001, max_size=5000),
    control=st.none() | numbers,
    sure=st.booleans(),
    raw=raws,
    peer=st.sampled_from(["", "192.168.1.20", "fe80::1234:5678:9abc:def0"]),
)
tickets = st.builds(Ticket, raws, words, words, st.just(""))
curves = st.builds(Curve, st.lists(st.integers(0, 65535), max_size=2000).map(tuple), st.just(""), raws)


@pytest.fixture
def station(box: Callable[..., Box]) -> Box:
    """One for all examples of a test."""
    return box()


def texts(value: Any) -> list[str]:
    """Every text of a record, its lists and tables included."""
    if isinstance(value, dict):
        return [text for part in value.values() for text in texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in texts(part)]
    return [value] if isinstance(value, str) else []


def clean(text: str) -> bool:
    return all(letter in "\n\t" or unicodedata.category(letter) not in ("Cc", "Cs") for letter in text) and not any(
        letter in text for letter in HARMFUL if letter != "\n"
    )


def handed_over(station: Box, said: TestResult | Ticket | Curve) -> dict[str, Any]:
    """The one record that came of it."""
    station.ports["tester-1"].orders.clear()
    (record,) = station.tests(said)
    assert station.board.unread == ()
    assert station.ports["tester-1"].orders == [Committed()]
    assert all(clean(text) for text in texts(record["data"])), record["data"]
    return record


@given(said=results | tickets | curves)
@example(said=TestResult(None, None, "农药残留", Decimal(0), None, None, None, "", text="\x1f"))
@SHARED
def test_whatever_a_decoder_can_say_is_recorded_once(station: Box, said: Any) -> None:
    fresh = replace(said, identity=f"{station.ledger.head.seq}")
    record = handed_over(station, fresh)
    assert record["data"]["analyzer"]["peer"] == (fresh.peer or None)
    assert station.tests(replace(fresh)) in ([], [station.last])  # again: nothing new, or a proof of the first
    assert station.board.unread == ()


@given(
    value=st.none() | numbers,
    at=st.datetimes(datetime(2000, 1, 1), datetime(2063, 12, 31)),  # noqa: DTZ001
    name=words,
    sample=st.integers(0, 10**9),
)
@BRIEF
@pytest.mark.parametrize("format_id", [one for one in analyzer.ids() if one != "dayuan_strip"])
def test_what_an_instrument_can_hold_is_recorded(
    station: Box, format_id: str, value: Decimal | None, at: datetime, name: str, sample: int
) -> None:
    """The simulated instrument says what the station's decoder makes of its bytes."""
    try:
        made = analyzer.find(format_id)(None).measure(sample, value, at.replace(microsecond=0), name=name)
    except (ValueError, ArithmeticError):  # it cannot hold this
        return
    handed_over(station, replace(made, identity=f"{format_id} {station.ledger.head.seq}"))


def test_what_no_record_can_hold_is_kept_with_its_bytes_and_costs_no_other(box: Callable[..., Box]) -> None:
    """No decoder says such a thing; one of another package might."""
    station = box()
    odd: list[Any] = [
        replace(station.result("7", None, f"odd {count}"), raw=b"bytes %d" % count, **more)
        for count, more in enumerate(({"value": Decimal("NaN")}, {"value": 12.5}, {"item": None}, {"verdict": "good"}))
    ]
    records = station.tests(*odd, station.result("7", "1.0", "good"))
    assert [one["data"]["value"] for one in records][-1] == "1.0"
    kept = [row[0] for row in station.ledger.conn.execute("SELECT raw FROM unread")]
    assert len(kept) + len(records) == len(odd) + 1
    assert all(one["data"]["analyzer"]["raw"] or one is records[-1] for one in records)
    assert station.ports["tester-1"].orders[-1] == Committed()


def test_a_thousand_measurements_and_one_of_one_sample_are_all_recorded(box: Callable[..., Box]) -> None:
    station = box()
    sample = station.lot(station.enters()).sample
    many = tuple(station.result(sample, "80", f"many {count}") for count in range(1001))
    before = station.ledger.head.seq
    station.tests(*many)
    assert (
        sum(".test.result." in station.ledger.event(seq + 1)["type"] for seq in range(before, station.ledger.head.seq))
        == 1001
    )
    assert station.board.unread == ()


# --- texts ----------------------------------------------------------------------------------------------------------


@given(words, st.integers(1, 50))
def test_a_plain_text_is_one_clean_line(text: str, length: int) -> None:
    made = plain(text, length)
    assert clean(made) and "\n" not in made and len(made) <= length
    assert plain(made, length) == made


@given(words, st.integers(1, 50))
def test_a_page_is_clean_and_keeps_its_lines(text: str, length: int) -> None:
    made = page(text, length)
    assert clean(made) and len(made) <= length
    made.encode()
    assert page(made, length) == made
    assert page("a\r\n b\tc\r\x1b[31md\u2028e\n", 50) == "a\n b\tc\n [31md\ne"


def test_a_sample_number_too_long_is_no_other_samples(box: Callable[..., Box]) -> None:
    station = box()
    code = station.enters()
    with station.ledger.batch():
        station.ledger.conn.execute("UPDATE lots SET sample = ?", ("6" * 40,))
    (record,) = station.tests(station.result("6" * 41, "12.5"))
    assert record["data"]["lot"] is None
    assert record["data"]["analyzer"]["sample"] == "6" * 39 + "…"
    (record,) = station.tests(station.result("6" * 40, "12.5"))
    assert record["data"]["lot"] == code


def test_a_result_whose_texts_had_to_be_cut_is_proven_by_coming_again(box: Callable[..., Box]) -> None:
    station = box()
    sample = station.lot(station.enters()).sample
    said = replace(
        station.result(sample, "12.345678901234567"),
        name="大白菜\x1b[2J" + "菜" * 200,
        unit="%\0",
        sure=False,
        raw=b"x" * 5000,
    )
    (first,) = station.tests(said)
    assert first["data"]["doubts"] == ["unsure"]
    (again,) = station.tests(said)
    assert again["data"]["doubts"] == [] and again["data"]["replaces"] == first["id"]


def test_where_a_result_came_from_stays_with_it_when_a_person_matches_it(box: Callable[..., Box]) -> None:
    station = box()
    (record,) = station.tests(replace(station.result("none", "12.5"), peer="192.168.1.20"))
    assert record["data"]["analyzer"]["peer"] == "192.168.1.20"
    code = station.enters()
    station.does(MatchResult(seq=int(record["sequence"]), lot=code, person="王敏"))
    assert station.last["data"]["lot"] == code
    assert station.last["data"]["analyzer"]["peer"] == "192.168.1.20"
