"""The contract's worked examples, and what a mistyped code becomes."""

import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.checks import mod11_10
from protocol.city.codes import MAX_SERIAL, BadCode, CodeKind, TraceCode, kept_code, kept_codes, operator, serial_in

EXAMPLES = {
    "41010800110100010074": TraceCode("410108001", CodeKind.SOURCE, "01", 1007),
    "41010800120300000424": TraceCode("410108001", CodeKind.SALE, "03", 42),
}
CODES = st.builds(
    TraceCode,
    st.from_regex(r"\A[0-9]{9}\Z"),
    st.sampled_from(CodeKind),
    st.from_regex(r"\A[0-9]{2}\Z"),
    st.integers(1, MAX_SERIAL),
)


def test_the_published_check_digit_holds() -> None:
    assert mod11_10("0794") == "5"


@pytest.mark.parametrize("licence", ["11108071215650", "13301080111719", "13501040006708", "14403030012013"])
def test_licence_numbers_seen_in_public_carry_the_same_check_digit(licence: str) -> None:
    assert mod11_10(licence[:-1]) == licence[-1]


@pytest.mark.parametrize(("text", "code"), EXAMPLES.items())
def test_the_contract_examples_hold(text: str, code: TraceCode) -> None:
    assert str(code) == text
    assert TraceCode.parse(text) == code


@given(CODES)
def test_a_code_reads_back(code: TraceCode) -> None:
    assert TraceCode.parse(str(code)) == code
    assert int.from_bytes(code.packed(), "big") == int(str(code))
    assert len(code.packed()) == 9


@pytest.mark.parametrize("text", EXAMPLES)
@pytest.mark.parametrize("place", range(20))
def test_every_single_wrong_digit_is_caught(text: str, place: int) -> None:
    for digit in "0123456789":
        if digit != text[place]:
            with pytest.raises(BadCode):
                TraceCode.parse(text[:place] + digit + text[place + 1 :])


def test_most_swapped_neighbours_are_caught() -> None:
    numbers, caught, total = random.Random(20261122), 0, 0
    for _ in range(2000):
        body = f"{numbers.randrange(10**19):019d}"
        text = body + mod11_10(body)
        for place in range(19):
            swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
            if swapped != text:
                total += 1
                caught += mod11_10(swapped[:19]) != swapped[19]
    assert 0.97 < caught / total < 0.985


def test_kind_and_serial_are_read_of_digits_whether_they_are_a_code_or_not() -> None:
    assert serial_in("41010800120100001011") == (2, 101)
    assert serial_in("41010800190199999990") == (9, 9_999_999)
    for text in (
        "",
        "4101080012010000101",
        "410108001201000010110",
        "4101080012010000101x",
        "４１０１０８００１２０１００００１０１１",
    ):
        assert serial_in(text) == (0, 0)


@given(st.text(max_size=30))
def test_what_is_not_a_code_is_refused(text: str) -> None:
    with contextlib.suppress(BadCode):
        assert str(TraceCode.parse(text)) == text


@pytest.mark.parametrize("text", ["", "٤" * 20, "4101080011010001007", "41010800110100010074\n", " " * 20])
def test_near_misses_are_refused(text: str) -> None:
    with pytest.raises(BadCode):
        TraceCode.parse(text)


@pytest.mark.parametrize("serial", [0, -1, MAX_SERIAL + 1])
def test_serials_stay_in_their_seven_digits(serial: int) -> None:
    with pytest.raises(BadCode):
        TraceCode("410108001", CodeKind.SALE, "01", serial)


def test_an_unused_kind_is_named() -> None:
    body = "410108001" + "7" + "01" + "0000001"
    with pytest.raises(BadCode, match="kind 7"):
        TraceCode.parse(body + mod11_10(body))


def test_the_codes_of_a_station_s_kept_samples_begin_with_its_name() -> None:
    assert kept_codes("410108001-01") == "LY41010800101"
    assert kept_code("410108001-01", 42) == "LY410108001010000042"


def test_operator_codes_have_thirteen_digits() -> None:
    assert operator("4101080010123") == "4101080010123"
    for wrong in ("410108001012", "41010800101234", "41010800101２3", ""):
        with pytest.raises(BadCode):
            operator(wrong)
