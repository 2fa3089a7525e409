"""Control first: what a day's control and an open reagent lot vouch for, and what waits without them."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from edge.between.bench_commands import FillRack, FinishReagent, MatchControl, OpenReagent, ReviewResult
from edge.between.commands import HoldLot, MatchResult, PrintDocument, ReleaseLot
from edge.between.correction_commands import CorrectEntry
from edge.between.inbox import Refused
from edge.records.ledger import ALARM
from protocol.city.envelope import kind_of
from protocol.readings import Ticket, Verdict

Box = Any  # the station of tests/edge/conftest.py
REAGENT = OpenReagent(reagent="NC1", item="农药残留", expires="2027-05-31", person="王敏")


def asking(devices: str, **rules: str) -> str:
    """The settings with these rules of the gate."""
    return "[gate]\n" + "".join(f"{name} = {value}\n" for name, value in rules.items()) + devices


@pytest.fixture
def strict(devices: str) -> str:
    return asking(devices, control='"required"')


def records(station: Box, kind: str) -> list[dict[str, Any]]:
    made = (station.ledger.event(seq) for seq in range(1, station.ledger.head.seq + 1))
    return [one for one in made if kind_of(one["type"]) == kind]


def test_without_control_and_reagent_a_result_is_recorded_and_releases_nothing(
    box: Callable[..., Box], strict: str
) -> None:
    station = box(strict)
    code = station.enters()
    (result,) = station.tests(station.result("1", "12.5"))
    assert (result["data"]["verdict"], result["data"]["source"], result["data"]["qc"]) == ("qualified", None, "missing")
    assert (station.lot(code).state, station.lot(code).waits) == ("pending", ("control", "reagent"))
    station.does(REAGENT)
    assert station.lot(code).waits == ("control",)
    station = box(strict)
    assert station.lot(code).waits == ("control",)
    station.tests(station.result("CK1", "3.0"))
    assert (station.lot(code).state, station.lot(code).waits) == ("released", ())
    assert kind_of(station.followed["type"]) == "lot.released"
    assert station.lot(code).source is not None


def test_with_both_a_result_releases_at_once_and_says_by_what(box: Callable[..., Box], strict: str) -> None:
    station = box(strict)
    code = station.enters()
    answer = station.does(REAGENT)
    assert (answer["used"], answer["soon"], answer["released"]) == ("NC1", False, 0)
    (control,) = records(station, "qc.result") or [None]
    assert control is None
    station.tests(station.result("QC-7", "81.0"))
    (control,) = records(station, "qc.result")
    said = {
        name: control["data"][name] for name in ("control_kind", "valid", "low", "high", "outcome", "reagent", "value")
    }
    assert said == {
        "control_kind": "spiked",
        "valid": True,
        "low": "50",
        "high": None,
        "outcome": "positive",
        "reagent": "NC1",
        "value": "81.0",
    }
    (result,) = station.tests(station.result("1", "12.5"))
    data = result["data"]
    assert (data["qc"], data["reagent"], data["reagent_until"]) == ("valid", "NC1", "2027-05-31")
    assert station.lot(code).state == "released"


def test_a_control_names_reagent_and_instrument_and_is_printed_on_demand(box: Callable[..., Box], strict: str) -> None:
    known = strict.replace("[[analyzer]]", "[[analyzer]]\nserial = 'LZ-0187'\ncalibrated = 2026-05-06", 1)
    station = box(known)
    station.does(REAGENT)
    station.tests(station.result("QC-7", "81.0"))
    (control,) = records(station, "qc.result")
    analyzer = control["data"]["analyzer"]
    assert (analyzer["serial"], analyzer["calibrated"]) == ("LZ-0187", "2026-05-06")
    assert (control["data"]["reagent"], control["data"]["reagent_until"]) == ("NC1", "2027-05-31")
    seq = int(control["sequence"])
    assert [one.record for one in station.board.bench.controls if one.kind] == [seq]
    for copy in (0, 1):
        assert station.does(PrintDocument(paper="qc", record=seq))["copy"] == copy
    assert station.papers() == [("qc", 0), ("qc", 1)]
    for paper, record in (("report", seq), ("qc", seq + 1000), ("qc", 1)):
        with pytest.raises(Refused) as why:
            station.does(PrintDocument(paper=paper, record=record))
        assert why.value.code == "no_record"


def test_an_instrument_that_says_its_number_is_believed_and_a_match_keeps_what_was_known(
    box: Callable[..., Box], devices: str
) -> None:
    station = box(devices.replace("[[analyzer]]", "[[analyzer]]\nserial = 'OLD'\ncalibrated = 2026-05-06", 1))
    lot = station.enters()
    (stray,) = station.tests(station.result("99", "12.5", serial="LZ-0187\x00"))
    assert stray["data"]["analyzer"]["serial"] == "LZ-0187"
    station = box(devices.replace("[[analyzer]]", "[[analyzer]]\nserial = 'NEW'\ncalibrated = 2026-11-22", 1))
    station.does(MatchResult(seq=int(stray["sequence"]), lot=lot, person="王敏"))
    matched = next(one for one in records(station, "test.result") if one["data"]["lot"])
    assert matched["data"]["analyzer"] == stray["data"]["analyzer"]
    (now,) = station.tests(station.result("98", "12.5"))
    assert (now["data"]["analyzer"]["serial"], now["data"]["analyzer"]["calibrated"]) == ("NEW", "2026-11-22")


def test_a_failed_control_takes_the_word_from_what_was_measured_before_it(box: Callable[..., Box], strict: str) -> None:
    station = box(strict)
    station.does(REAGENT)
    early = station.enters()
    station.tests(station.result("1", "12.5"))
    station.tests(station.result("QC1", "12.0"))  # the spiked one is not found
    assert station.lot(early).waits == ("control_failed",)
    assert station.count("SELECT lane FROM events ORDER BY seq DESC LIMIT 1") == ALARM
    late = station.enters()
    station.tests(station.result("2", "12.5"))
    assert station.lot(late).waits == ("control_failed",)
    station.tests(station.result("QC1", "80.0"))
    assert (station.lot(early).state, station.lot(late).state) == ("pending", "released")
    assert station.lot(early).waits == ("control_failed",)
    station.tests(station.result("1", "11.0"))  # measured again
    assert station.lot(early).state == "pending"  # the lot has its verdict: a person takes it
    assert station.waiting[0].why == ("decided",)


def test_a_control_is_good_for_its_day_its_analyzer_and_its_item(box: Callable[..., Box], strict: str) -> None:
    station = box(strict)
    station.tests(station.result("CK1", "3.0"))  # the first record of all
    station.does(REAGENT)
    assert [one.state for one in station.board.bench.controls] == ["valid", "missing"]
    station.clock.go(24 * 3600)
    station.turn()
    assert [one.state for one in station.board.bench.controls] == ["missing", "missing"]
    code = station.enters()
    station.tests(station.result("1", "12.5"))
    assert station.lot(code).waits == ("control",)


def test_a_control_of_another_day_vouches_for_nothing_when_the_instrument_tells_its_memory(
    box: Callable[..., Box], strict: str
) -> None:
    """The station was off while it was measured: it is nobody's control of today, and a person may say what it was."""
    station = box(strict)
    station.does(REAGENT)
    sample, blank = station.result("CK1", "3.0"), station.result("9", "4.0", control=Decimal("0.512"))
    station.clock.go(24 * 3600)
    code = station.enters()
    station.tests(station.result("1", "12.5"))
    station.hands_over(sample, blank)
    assert records(station, "qc.result") == []
    assert (station.lot(code).waits, [one.why for one in station.waiting]) == (("control",), [("no_lot",)] * 2)
    said = station.does(MatchControl(seq=station.waiting[0].seq, control="negative", person="王敏"))
    assert said["released"] == 1


def test_the_blank_that_the_instrument_takes_by_itself_is_a_control(box: Callable[..., Box], strict: str) -> None:
    station = box(strict)
    station.does(REAGENT)
    code = station.enters()
    station.tests(station.result("1", "12.5", control=Decimal("0.512")))
    assert station.lot(code).state == "released"
    (blank,) = records(station, "qc.result")
    said = {name: blank["data"][name] for name in ("control_kind", "value", "unit", "low", "high", "valid")}
    assert said == {
        "control_kind": "blank",
        "value": "0.512",
        "unit": "Abs",
        "low": "0.3",
        "high": "0.8",
        "valid": True,
    }
    station.enters()
    station.tests(station.result("2", "12.5", control=Decimal("0.512")))
    assert len(records(station, "qc.result")) == 1  # the same blank
    station.tests(station.result("2", "12.5", control=Decimal("0.21")))
    assert [one["data"]["valid"] for one in records(station, "qc.result")] == [True, False]


@pytest.mark.parametrize(("rule", "qc"), [("warn", "missing"), ("off", "")])
def test_where_it_is_not_required_a_lot_is_released_and_the_record_says_so(
    box: Callable[..., Box], devices: str, rule: str, qc: str
) -> None:
    station = box(asking(devices, control=f'"{rule}"'))
    code = station.enters()
    (result,) = station.tests(station.result("1", "12.5"))
    assert (station.lot(code).state, result["data"]["qc"]) == ("released", qc)
    assert len(station.board.bench.controls) == (2 if rule == "warn" else 0)


def test_a_card_with_its_own_control_line_asks_for_its_reagent_alone(box: Callable[..., Box], strict: str) -> None:
    station = box(strict.replace('model = "dayuan-lz4000t"', 'model = "dayuan-lz4000t"\nmethod = "qualitative"'))
    code = station.enters()
    station.tests(station.result("1", None, item="克百威", unit=None, text="阴性", verdict=None))
    station.settles()
    assert station.lot(code).waits == ()


def test_a_person_says_that_a_waiting_result_was_a_control(box: Callable[..., Box], strict: str) -> None:
    station = box(strict)
    station.does(REAGENT)
    code = station.enters()
    station.tests(station.result("1", "12.5"))
    station.tests(station.result("900", "4.0"))
    waits = station.waiting[0]
    answer = station.does(MatchControl(seq=waits.seq, control="negative", person="王敏"))
    assert (answer["valid"], answer["released"]) == (True, 1)
    (control,) = records(station, "qc.result")
    assert (control["data"]["person"], control["data"]["replaces"]) == ("王敏", station.ledger.event(waits.seq)["id"])
    assert control["data"]["method"] == station.ledger.event(waits.seq)["data"]["method"] != ""
    assert station.core._station.corrections.of(waits.seq) == int(control["sequence"])
    assert (station.lot(code).state, station.waiting) == ("released", ())
    with pytest.raises(Refused) as refused:
        station.does(MatchControl(seq=waits.seq, control="negative", person="王敏"))
    assert refused.value.code == "no_result"


def test_a_correction_or_the_end_of_a_hold_does_not_go_round_the_control(box: Callable[..., Box], strict: str) -> None:
    station = box(strict)
    code = station.enters()
    station.tests(station.result("1", "12.5"))
    station.does(HoldLot(lot=code, person="王敏", reason="投诉"))
    assert station.does(ReleaseLot(lot=code, person="王敏", reason="已查"))["state"] == "pending"
    assert station.does(CorrectEntry(lot=code, product="01040301", reason="登记错"))["state"] == "pending"


def test_a_reagent_that_is_opened_last_releases_what_waits_for_it(box: Callable[..., Box], strict: str) -> None:
    station = box(strict)
    code = station.enters()
    station.tests(station.result("1", "12.5"), station.result("CK1", "3.0"))
    assert station.lot(code).waits == ("reagent",)
    assert station.does(REAGENT)["released"] == 1
    assert station.lot(code).state == "released"


# --- reagents ---------------------------------------------------------------------------------------------------------


def test_reagents_are_used_in_the_order_in_which_they_were_opened(box: Callable[..., Box]) -> None:
    station = box()
    station.does(REAGENT)
    answer = station.does(REAGENT.model_copy(update={"reagent": "NC2", "expires": "2026-12-01"}))
    second = station.last
    assert answer == {
        "seq": int(second["sequence"]),
        "reagent": "NC2",
        "item": "农药残留",
        "used": "NC1",
        "soon": True,
        "released": 0,
    }
    opened = {"reagent": "NC2", "item": "农药残留", "expires": "2026-12-01", "state": "opened", "person": "王敏"}
    assert (second["subject"], second["data"]) == ("410108001-01", opened)
    views = [(one.reagent, one.used, one.state) for one in station.board.bench.reagents]
    assert views == [("NC1", True, ""), ("NC2", False, "soon")]
    done = station.does(FinishReagent(reagent="NC1", item="农药残留", person="王敏"))
    assert (done["reagent"], done["item"], done["used"], done["soon"]) == ("NC1", "农药残留", "NC2", False)
    finished = {"reagent": "NC1", "expires": "2027-05-31", "state": "finished"}
    assert station.last["data"] == opened | finished
    assert [(one.reagent, one.used) for one in station.board.bench.reagents] == [("NC2", True)]
    station = box()
    station.enters()
    assert station.tests(station.result("1", "5"))[0]["data"]["reagent"] == "NC2"
    station.clock.go(30 * 24 * 3600)
    station.turn()
    assert [(one.reagent, one.used, one.state) for one in station.board.bench.reagents] == [("NC2", False, "expired")]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (REAGENT.model_copy(update={"expires": "2026-11-21"}), "reagent_expired"),
        (REAGENT.model_copy(update={"expires": "2027-02-30"}), "date"),
        (REAGENT, "reagent_open"),
        (FinishReagent(reagent="NC9", item="农药残留", person="王敏"), "no_reagent"),
    ],
)
def test_what_is_refused_of_reagents(box: Callable[..., Box], command: Any, code: str) -> None:
    station = box()
    station.does(REAGENT)
    before = station.ledger.head.seq
    with pytest.raises(Refused) as refused:
        station.does(command)
    assert (refused.value.code, station.ledger.head.seq) == (code, before)


# --- a second look, and reports ---------------------------------------------------------------------------------------


def test_a_second_person_looks_before_a_lot_is_released(box: Callable[..., Box], devices: str) -> None:
    station = box(asking(devices, review='"all"'))
    code = station.enters()
    station.tests(station.result("1", "12.5"))
    assert (station.lot(code).state, station.lot(code).waits) == ("pending", ("review",))
    assert [paper for paper, _ in station.papers()] == []
    first = station.last["sequence"]
    answer = station.does(ReviewResult(seq=int(first), person="李四"))
    assert (station.lot(code).state, station.lot(code).source) == ("released", answer["source"])
    again = station.ledger.event(answer["seq"])["data"]
    assert (again["reviewer"], again["replaces"]) == ("李四", station.ledger.event(int(first))["id"])
    assert [paper for paper, _ in station.papers()] == ["report"]
    (item,) = station.core._station.lots.find(code).items
    assert (item.seq, item.seqs) == (answer["seq"], (answer["seq"],))
    for seq, refusal in ((answer["seq"], "already_reviewed"), (int(first), "not_counted"), (1, "not_counted")):
        with pytest.raises(Refused) as refused:
            station.does(ReviewResult(seq=seq, person="赵六"))
        assert refused.value.code == refusal
    with pytest.raises(Refused) as refused:
        station.does(ReviewResult(seq=9999, person="赵六"))
    assert refused.value.code == "not_counted"


def test_only_what_was_positive_once_is_looked_at_again(box: Callable[..., Box], devices: str) -> None:
    station = box(asking(devices, review='"positives"'))
    plain, suspect = station.enters(), station.enters()
    station.tests(station.result("1", "12.5"))
    for value in ("70", "12", "11"):
        station.tests(station.result("2", value))
    assert (station.lot(plain).state, station.lot(suspect).waits) == ("released", ("review",))
    station = box(asking(devices, review='"positives"', control='"required"'))
    code = station.enters()
    station.tests(station.result("3", "12.5"))
    assert (station.lot(code).waits, station.lot(suspect).waits) == (
        ("control", "reagent"),
        ("control", "reagent", "review"),
    )


def test_who_tested_does_not_look_a_second_time(box: Callable[..., Box], devices: str) -> None:
    from edge.between.bench_commands import FillRack

    station = box(asking(devices, review='"all"'))
    station.enters()
    station.does(FillRack(analyzer="tester-1", person="王敏"))
    station.tests(station.result("1", "12.5"))
    with pytest.raises(Refused) as refused:
        station.does(ReviewResult(seq=station.ledger.head.seq, person="王敏"))
    assert refused.value.code == "same_person"


@pytest.mark.parametrize(("rule", "printed"), [("always", 4), ("positives", 3), ("never", 0)])
def test_which_reports_print_by_themselves(box: Callable[..., Box], devices: str, rule: str, printed: int) -> None:
    station = box(asking(devices, reports=f'"{rule}"'))
    station.enters()
    station.enters()
    station.tests(station.result("1", "12.5"))
    for _ in range(3):
        station.tests(station.result("2", "70.0"))
    assert [paper for paper, _ in station.papers() if paper == "report"] == ["report"] * printed


def test_a_control_stands_in_its_record_to_the_last_field(box: Callable[..., Box], strict: str) -> None:
    eight = 'match = "channel"\nchannels = 8\ncontrols = { "1" = "blank", "8" = "spiked" }\n'
    station = box(strict.replace('match = "channel"\n', eight))
    station.does(REAGENT)
    code = station.enters()
    station.does(FillRack(analyzer="tester-8", person="王敏"))
    (result,) = station.tests(
        station.result(None, "3.0", channel="1", raw=b"\x01"),
        station.result(None, "81.0", channel="8", raw=b"\x08"),
        station.result(None, "12.5", channel="2", control=Decimal("0.21")),
        device="tester-8",
    )
    made = records(station, "qc.result")
    blank, spiked, own = (one["data"] for one in made)
    asked = {
        "item": "农药残留",
        "method": "GB/T 5009.199-2003",
        "text": None,
        "reagent": "NC1",
        "reagent_until": "2027-05-31",
        "rack": 1,
        "tester": "王敏",
        "replaces": None,
        "person": None,
    }
    assert {one["subject"] for one in made} == {"410108001-01"}
    assert [blank.pop("analyzer")["raw"], spiked.pop("analyzer")["raw"]] == ["01", "08"]
    assert blank == asked | {
        "control_kind": "blank",
        "value": "3.0",
        "unit": "%",
        "low": None,
        "high": "50",
        "outcome": "negative",
        "valid": True,
    }
    assert spiked == asked | {
        "control_kind": "spiked",
        "value": "81.0",
        "unit": "%",
        "low": "50",
        "high": None,
        "outcome": "positive",
        "valid": True,
    }
    assert own.pop("analyzer")["channel"] == "2"
    assert own == asked | {
        "control_kind": "blank",
        "value": "0.21",
        "unit": "Abs",
        "low": "0.3",
        "high": "0.8",
        "outcome": None,
        "valid": False,
    }
    assert (result["data"]["outcome"], station.lot(code).state) == ("invalid", "pending")


def test_a_control_that_nobody_could_read_is_recorded_with_its_words_and_vouches_for_nothing(
    box: Callable[..., Box], strict: str
) -> None:
    station = box(strict)
    station.does(REAGENT)
    station.hands_over(Ticket(b"\x04", "阴性对照 合格\n2026-11-22", "no layout", "t1"))
    answer = station.does(MatchControl(seq=station.waiting[0].seq, control="negative", person="王敏"))
    assert (answer["valid"], answer["released"]) == (False, 0)
    (control,) = records(station, "qc.result")
    said = {name: control["data"][name] for name in ("method", "value", "text", "unit", "outcome", "person")}
    assert said == {
        "method": "",
        "value": None,
        "text": "阴性对照 合格\n2026-11-22",
        "unit": None,
        "outcome": None,
        "person": "王敏",
    }
    assert station.count("SELECT lane FROM events ORDER BY seq DESC LIMIT 1") == ALARM
    station.tests(station.result("CK1", None, text="阴性\n-", verdict=Verdict.QUALIFIED))
    shown = station.board.bench.controls[0]
    assert (shown.state, shown.value, shown.kind) == ("valid", "阴性", "blank")
