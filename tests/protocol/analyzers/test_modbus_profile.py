# ruff: noqa: DTZ001  (the instrument has a local clock and knows no zone)

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import formats
from protocol.analyzers.modbus_profile import AnalyzerProfile, Options, Session, encode, read
from protocol.options import BadOptions
from protocol.readings import Garbage, Reply, TestResult, Verdict
from protocol.session import Wish
from simulator.analyzers.modbus_profile import PROFILE, ModbusAnalyzer

AT = datetime(2025, 3, 14, 9, 14, 32)
DAY = AT.date()
FULL = AnalyzerProfile.model_validate(PROFILE)
SHORT = {
    "function": 4,
    "item": "亚硝酸盐",
    "unit": "mg/kg",
    "new": {"register": 0x20, "when": "changes"},
    "value": {"register": 0x10, "type": "float", "decimals": 2},
}
FLAG = {
    **SHORT,
    "new": {"register": 0x20, "when": "set", "mask": 0x0100},
    "sample": {"register": 0x12, "type": "uint16"},
}
RESULT = TestResult(
    sample="7",
    channel="3",
    item="农药残留",
    value=Decimal("52.3"),
    unit="%",
    verdict=Verdict.UNQUALIFIED,
    measured_at=AT,
    identity="modbus/5/7/3/2025-03-14T09:14:32/52.3",
    name="青菜",
    limit=Decimal("50.0"),
)
WORDS = [5, 523, 7, 3, 0xC7E0, 0xB2CB, 0, 2025, 3, 14, 9, 14, 32, 1, 500]
REGISTERS = {(3, at): word for at, word in enumerate(WORDS)}


def test_registers_mean_their_result():
    assert read(FULL, REGISTERS) == RESULT


def test_a_result_is_encoded_as_the_instrument_has_it():
    assert encode(FULL, RESULT, 5) == REGISTERS


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({(3, 1): 0x7FFE}, {"value": None, "verdict": Verdict.INVALID}),
        ({(3, 13): 2}, {"verdict": Verdict.QUALIFIED}),
        ({(3, 13): 9}, {"verdict": None}),
        ({(3, 4): 0, (3, 5): 0}, {"name": None}),
        ({(3, 8): 13}, {"measured_at": None}),
    ],
)
def test_other_registers_mean_something_else(change, said):
    found = read(FULL, {**REGISTERS, **change})
    assert found == replace(RESULT, identity=found.identity, **said)


def test_a_short_profile_says_what_is_there():
    registers = {(4, 0x10): 0x4148, (4, 0x11): 0, (4, 0x20): 5}
    assert read(AnalyzerProfile.model_validate(SHORT), registers, DAY) == TestResult(
        None, None, "亚硝酸盐", Decimal("12.50"), "mg/kg", None, None, "modbus/5///2025-03-14/12.50"
    )


@given(
    st.integers(0, 65535),
    st.integers(0, 0x7FFD),
    st.sampled_from([Verdict.QUALIFIED, Verdict.UNQUALIFIED, None]),
    st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)),
)
def test_what_is_encoded_is_read(sample, number, verdict, at):
    result = replace(
        RESULT,
        sample=str(sample),
        value=Decimal(number).scaleb(-1),
        verdict=verdict,
        measured_at=at.replace(microsecond=0),
    )
    found = read(FULL, encode(FULL, result, 5))
    assert found == replace(result, identity=found.identity)


@pytest.mark.parametrize(
    ("change", "key", "why"),
    [
        ({"item": ""}, "item", 'not empty, such as "农药残留"'),
        ({"unit": None}, "unit", "a text"),
        ({"new": None}, "new", 'a table { name = value }, such as { register = 0, when = "changes" }'),
        ({"new": {"register": 0, "when": "rises"}}, "new.when", '"changes", "set"'),
        ({"new": {"register": 0, "type": "int16"}}, "new.type", '"uint16", "uint32"'),
        ({"value": {"register": 0, "type": "text"}}, "value.type", '"int16", "uint16"'),
        ({"limit": {"register": 0, "type": "text"}}, "limit.type", '"int16", "uint16"'),
        ({"verdict": {"register": 0, "passed": 1}}, "verdict.passed", "there are: register"),
        ({"verdict": {"register": 0, "qualified": 1, "unqualified": 1}}, "verdict", "same number"),
        ({"verdict": {"register": 0, "decimals": 0}}, "verdict.decimals", "there are: register"),
        ({"time": {"register": 0, "form": "unix"}}, "time.form", '"words", "bytes", "bcd"'),
        ({"time": {"register": 0, "order": "CDAB"}}, "time.order", '"ABCD", "BADC"'),
        ({"chanel": {}}, "chanel", "there are: function"),
        ({"new": {"register": 0, "when": "set"}}, "new", "add sample or time"),
    ],
)
def test_a_mistake_in_a_profile_is_named(change, key, why):
    with pytest.raises(BadOptions) as bad:
        formats.find("modbus_profile").parse({"profile": {**SHORT, **change}})
    (problem,) = bad.value.problems
    assert problem.key == f"profile.{key}" and why in problem.en and problem.zh


class Booth:
    """An instrument, a station's session, and time."""

    def __init__(self, profile=None, **options):
        self.tester = ModbusAnalyzer(profile, **options)
        self.today = DAY
        self.autocommit = True
        self.now = 0.0
        self.results = []
        self.others = []
        self.connect()

    def connect(self):
        self.session = Session(Options(**self.tester.options), lambda: self.today)

    def run(self, seconds):
        end = self.now + seconds
        while self.now < end:
            if self.session.deadline is not None and self.session.deadline <= self.now:
                self.others += self.session.expired(self.now)
            if out := self.session.pending():
                self.tester.receive(out, self.now)
            if data := self.tester.pending(self.now):
                for event in self.session.receive(data, self.now):
                    (self.results if isinstance(event, TestResult) else self.others).append(event)
                if self.autocommit:
                    self.session.committed(self.now)
            self.now += 0.01
        return self.results


@pytest.mark.parametrize("framing", ["rtu", "tcp"])
def test_each_result_is_handed_over_once(framing):
    booth = Booth(framing=framing)
    assert booth.run(5) == []
    first = booth.tester.measure(7, Decimal("12.5"), AT, name="青菜", channel=3)
    assert booth.run(5) == [first] and first.verdict is Verdict.QUALIFIED
    second = booth.tester.measure(7, Decimal("12.5"), AT, name="青菜", channel=3)
    assert booth.run(5) == [first, second] and first.identity != second.identity
    third = booth.tester.measure(8, None, AT)
    assert booth.run(5)[2:] == [third] and third.verdict is Verdict.INVALID
    assert booth.others == []
    assert {request.function_code for request in booth.tester.asked} == {3}


def test_after_a_new_start_the_last_result_comes_again_with_the_same_identity():
    booth = Booth()
    booth.tester.measure(7, Decimal("12.5"), AT)
    booth.run(3)
    booth.connect()
    booth.run(3)
    assert booth.results[0] == booth.results[1]


def test_nothing_more_is_asked_before_the_commit():
    booth = Booth()
    booth.autocommit = False
    booth.tester.measure(7, Decimal("12.5"), AT)
    booth.run(3)
    asked = len(booth.tester.asked)
    assert booth.session.deadline is None
    booth.tester.measure(8, Decimal("12.5"), AT)
    booth.run(10)
    assert len(booth.tester.asked) == asked
    booth.session.committed(booth.now)
    assert len(booth.run(3)) == 2


def test_a_flag_tells_a_result_once_while_it_is_set():
    booth = Booth(FLAG)
    booth.tester.measure(1, Decimal("1.5"), AT)
    booth.run(5)
    booth.tester.remove_card()
    booth.run(5)
    booth.tester.measure(1, Decimal("1.5"), AT)
    assert [result.sample for result in booth.run(5)] == ["1", "1"]


def test_registers_far_apart_are_read_with_the_trigger_before_and_after():
    booth = Booth(SHORT)
    booth.tester.measure(1, Decimal("1.5"), AT)
    booth.run(0.5)
    assert [request.address for request in booth.tester.asked] == [0x20, 0x10, 0x20]
    assert booth.results[0].value == Decimal("1.50")


def test_a_result_that_moves_while_it_is_read_waits_for_the_next_round():
    booth = Booth(SHORT)
    booth.tester.measure(1, Decimal("1.5"), AT)
    while len(booth.tester.asked) < 2:
        booth.run(0.01)
    last = booth.tester.measure(2, Decimal("9.5"), AT)
    booth.run(0.5)
    assert booth.results == []
    assert booth.run(5) == [replace(last, identity=last.identity)]


def test_without_a_time_the_days_date_tells_results_apart_and_must_be_known():
    booth = Booth(SHORT)
    booth.today = date(1970, 1, 1)
    booth.tester.measure(1, Decimal("1.5"), AT)
    assert booth.run(10) == [] and booth.tester.asked == []
    booth.today = DAY
    assert booth.run(5)[0].identity == "modbus/1///2025-03-14/1.50"
    booth.today = DAY + timedelta(days=1)
    assert len(booth.run(5)) == 1


def test_a_missing_register_is_told():
    booth = Booth()
    del booth.tester._cells[3, 14]
    booth.run(3)
    assert isinstance(booth.others[0], Reply) and booth.others[0].what == "exception"


@given(at=st.integers(0, 34), flip=st.integers(1, 255), what=st.sampled_from(["flip", "lose", "double"]))
def test_one_damaged_byte_never_gives_another_result(damage, at, flip, what):
    booth = Booth()
    expected = booth.tester.measure(7, Decimal("12.5"), AT, name="青菜")
    whole, spoilt = booth.tester.pending, []

    def pending(now):
        data = whole(now)
        if data and not spoilt:
            spoilt.append(data)
            return damage(data, at, what, flip)
        return data

    booth.tester.pending = pending
    assert booth.run(6) == [expected]


@given(st.binary(max_size=60))
def test_noise_never_raises(noise):
    session = Session(Options(profile=PROFILE), lambda: DAY)
    session.expired(0.0)
    assert all(isinstance(event, Garbage | Reply) for event in session.receive(noise, 0.1))
    session.expired(2.0)


def test_an_analyzer_takes_no_wishes():
    assert not Session(Options(profile=PROFILE), lambda: DAY).ask(Wish.ZERO, 0.0)


def test_the_format_is_in_the_table():
    row = formats.find("modbus_profile")
    assert row.session is Session and row.by_date
    assert row.reads().feed(bytes.fromhex("01 84 02 C2 C1"))[0].what == "exception"
