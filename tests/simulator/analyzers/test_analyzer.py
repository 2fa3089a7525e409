# ruff: noqa: DTZ001  (the instrument has a local clock and knows no zone)

from datetime import date, datetime
from decimal import Decimal

import pytest

from protocol.analyzers import dayuan_crc8
from protocol.readings import Verdict
from simulator.analyzers._instrument import find
from simulator.analyzers.dayuan_crc8 import Dayuan

AT = datetime(2025, 3, 14, 9, 14, 32)


def answers(tester, request):
    tester.receive(request, 0.0)
    assert tester.deadline(0.0) in (0.0, None)
    return dayuan_crc8.decoder().feed(tester.pending(0.0))


def test_a_record_is_kept_and_sent_as_often_as_asked():
    tester = Dayuan("lz4000t")
    kept = tester.measure(7, Decimal("12.50"), AT, name="青菜")
    assert kept.sample == "7" and kept.name == "青菜" and kept.verdict is None
    for _ in range(3):
        assert answers(tester, dayuan_crc8.ask_day("lz4000t", AT.date())) == [kept]


def test_the_count_is_that_of_the_day():
    tester = Dayuan("lz4000t")
    tester.measure(7, Decimal(1), AT)
    assert answers(tester, dayuan_crc8.ask_count(AT.date()))[0].get("count") == "1"
    assert answers(tester, dayuan_crc8.ask_count(date(2025, 3, 15)))[0].get("count") == "0"


def test_the_tl310_judges_by_its_limit():
    tester = Dayuan("tl310", limit=Decimal(70))
    verdicts = [tester.measure(1, value, AT).verdict for value in (Decimal("69.9"), Decimal(70), None)]
    assert verdicts == [Verdict.QUALIFIED, Verdict.UNQUALIFIED, Verdict.INVALID]
    assert tester.records[0].limit == 70


def test_the_tl310_sends_the_last_and_all():
    tester = Dayuan("tl310")
    assert answers(tester, dayuan_crc8.ask_last()) == []
    kept = [tester.measure(n, Decimal(n), AT.replace(day=n), channel=n) for n in (1, 2, 3)]
    assert answers(tester, dayuan_crc8.ask_last()) == kept[-1:]
    assert answers(tester, dayuan_crc8.ask_all()) == kept


@pytest.mark.parametrize("model", ["lz4000t", "tl310"])
def test_a_tester_answers_the_test(model):
    assert answers(Dayuan(model), dayuan_crc8.ask_test(model))[0].what == "test"


def test_noise_and_the_other_models_requests_have_no_answer():
    assert answers(Dayuan("tl310"), b"\x7e\x00hello" + dayuan_crc8.ask_count(AT.date())) == []


@pytest.mark.parametrize(("sample", "value"), [(0, "1"), (70000, "1"), (1, "1.001"), (1, "999")])
def test_what_the_instrument_cannot_hold_is_refused(sample, value):
    with pytest.raises(ValueError):
        Dayuan().measure(sample, Decimal(value), AT)


def test_the_table_makes_the_model_that_is_named():
    assert find("dayuan_crc8")("tl310").model == "tl310"
    with pytest.raises(ValueError, match="lz4000t, tl310"):
        find("dayuan_crc8")("tl311")
