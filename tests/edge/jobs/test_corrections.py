"""Sales are voided, entries and matches corrected: new records that point back, and the lots follow."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from edge.between.bench_commands import FinishReagent, OpenReagent
from edge.between.commands import MatchResult, PrintDocument, ProofGiven, Reprint
from edge.between.correction_commands import CorrectEntry, CorrectResult, VoidSale
from edge.between.inbox import Printed, Refused
from edge.between.people import Role, Who
from edge.between.print_states import PrintState, PrintWhy
from edge.records.ledger import ALARM
from protocol.city.codes import CodeKind, TraceCode
from protocol.city.token import Flags, Token

Box = Any  # the station of tests/edge/conftest.py
DEVICES = """
[[scale]]
name = "scale-1"
model = "st-gs"
port = "/dev/null"
max = "30 kg"
min = "100 g"
e = "5 g"
[[analyzer]]
name = "tester-1"
model = "dayuan-lz4000t"
port = "/dev/null"
[[printer]]
name = "printer-1"
port = "usb:"
[[product]]
code = "01040201"
name = "大白菜"
price = "3.50"
"""
WHY = "商品选错"
CHEF = Who("4101080010007", frozenset({Role.SUPERVISOR}))


def kinds(station: Box, after: int) -> list[str]:
    return [
        station.ledger.event(seq)["type"].removeprefix("cn.marketedge.market.").removesuffix(".v1")
        for seq in range(after + 1, station.ledger.head.seq + 1)
    ]


def refused(station: Box, command: Any, code: str) -> str:
    """Why it is refused, in Chinese; nothing is recorded."""
    before = station.ledger.head
    with pytest.raises(Refused) as why:
        station.does(command)
    assert why.value.code == code
    assert station.ledger.head == before
    return why.value.zh


def sale(station: Box, kilograms: str = "2.500", lot: str = "") -> tuple[str, dict[str, Any]]:
    """A lot, and a sale of it: test code and answer."""
    lot = lot or station.releases()
    station.puts(kilograms)
    return lot, station.sells(lot)


def text(station: Box, number: int = -1) -> str:
    """What the last paper that went to the printer says."""
    from edge.documents import Documents
    from edge.printing.typesetting import Typesetter
    from protocol.printers.plain import plain

    return plain(Typesetter(station.config, Documents(None, [])).page(station.paper(number)))


# --- a sale -----------------------------------------------------------------------------------------------------------


def test_a_voided_sale_counts_no_more_and_its_goods_are_back(box: Callable[..., Box]) -> None:
    station = box()
    lot, sold = sale(station)
    original = station.last
    assert station.lot(lot).left_g == 247_500
    answer = station.does(VoidSale(tx=sold["tx"], reason=WHY), CHEF)
    assert station.lot(lot).left_g == 250_000
    record = station.last
    assert record["type"] == "cn.marketedge.market.trade.voided.v1"
    assert record["subject"] == sold["tx"]
    assert record["operator"] == CHEF.code
    data = record["data"]
    assert (data["voids"], data["reason"], data["slip"]) == (original["id"], WHY, original["data"]["slip"])
    assert answer == {"seq": int(station.last["sequence"]), "tx": sold["tx"], "job": answer["job"]}
    assert station.papers()[-1] == ("void", 0)
    said = text(station)
    assert "作废单" in said and "-￥8.75" in said and WHY in said
    assert sold["tx"] in said.replace(" ", "")


def test_a_sale_is_voided_once(box: Callable[..., Box]) -> None:
    station = box()
    lot, sold = sale(station)
    station.does(VoidSale(tx=sold["tx"], reason=WHY))
    assert WHY in refused(station, VoidSale(tx=sold["tx"], reason="再来"), "already_voided")
    station = box()
    refused(station, VoidSale(tx=sold["tx"], reason="再来"), "already_voided")
    assert station.lot(lot).left_g == 250_000


def test_only_a_sale_of_this_station_is_voided(box: Callable[..., Box], elsewhere: str) -> None:
    station = box()
    lot, sold = sale(station)
    other = str(TraceCode("410108002", CodeKind.SALE, "01", 1))
    never = str(TraceCode("410108001", CodeKind.SALE, "01", 77))
    refused(station, VoidSale(tx=other, reason=WHY), "no_sale")
    refused(station, VoidSale(tx=never, reason=WHY), "no_sale")
    refused(station, VoidSale(tx=lot, reason=WHY), "not_a_sale")
    refused(station, VoidSale(tx=sold["tx"][:-1] + str((int(sold["tx"][-1]) + 1) % 10), reason=WHY), "bad_code")


def test_a_void_needs_a_supervisor_s_word(box: Callable[..., Box]) -> None:
    station = box()
    _, sold = sale(station)
    hand = Who("4101080010009", frozenset({Role.OPERATOR}))
    with pytest.raises(Refused) as why:
        station.does(VoidSale(tx=sold["tx"], reason=WHY), hand)
    assert why.value.code == "needs_supervisor"
    approved = Who(hand.code, hand.roles, approved_by=CHEF.code, word=frozenset({Role.SUPERVISOR}))
    station.does(VoidSale(tx=sold["tx"], reason=WHY), approved)
    assert (station.last["operator"], station.last["approvedby"]) == (hand.code, CHEF.code)


def test_a_void_whose_record_cannot_be_written_changes_nothing(box: Callable[..., Box]) -> None:
    station = box()
    lot, sold = sale(station)
    station.fill_the_disk()
    refused(station, VoidSale(tx=sold["tx"], reason=WHY), "disk_full")
    station.free_the_disk()
    assert station.lot(lot).left_g == 247_500
    station.does(VoidSale(tx=sold["tx"], reason=WHY))


def test_a_sale_in_place_of_a_voided_one_says_so_in_its_code(box: Callable[..., Box]) -> None:
    station = box()
    lot, sold = sale(station)
    station.puts("2.500")
    refused_sale = {"replaces": sold["tx"]}
    with pytest.raises(Refused) as why:
        station.sells(lot, **refused_sale)
    assert why.value.code == "not_voided"
    station.does(VoidSale(tx=sold["tx"], reason=WHY))
    again = station.sells(lot, **refused_sale)
    assert station.last["data"]["replaces"] == sold["tx"]
    token = again["url"].rpartition("/")[2]
    read = Token.decode(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))[:-64])
    assert Flags.REPLACES_VOIDED in read.flags
    station.puts("2.500")
    with pytest.raises(Refused) as why:
        station.sells(lot, **refused_sale)
    assert why.value.code == "already_replaced"
    plain = station.sells(lot)["url"].rpartition("/")[2]
    assert (
        Flags.REPLACES_VOIDED not in Token.decode(base64.urlsafe_b64decode(plain + "=" * (-len(plain) % 4))[:-64]).flags
    )


def test_a_copy_of_a_voided_slip_says_void_and_of_a_void_slip_does_not(box: Callable[..., Box]) -> None:
    station = box()
    _, sold = sale(station)
    station.all_out()
    void = station.does(VoidSale(tx=sold["tx"], reason=WHY))["job"]
    station.all_out()
    station.does(Reprint(job=sold["job"]))
    assert text(station).splitlines()[0].strip() == "已作废 VOID"
    station.does(PrintDocument(paper="slip", subject=sold["tx"]))
    assert "已作废" in text(station)
    station.does(PrintDocument(paper="void", subject=sold["tx"]))
    assert "已作废" not in text(station)
    station.all_out()
    station.does(Reprint(job=void))
    assert "已作废" not in text(station)
    first = next(job for job in station.printers["printer-1"].papers if job.job == sold["job"])
    assert first.mark == ""


def test_a_slip_of_a_voided_sale_that_still_waits_does_not_come_out(box: Callable[..., Box]) -> None:
    station = box()
    lot, first = sale(station)
    _, second = sale(station, lot=lot)
    station.turn(Printed(first["job"], PrintState.PRINTING, PrintWhy.NOTHING))
    station.does(VoidSale(tx=second["tx"], reason=WHY))
    assert station.printers["printer-1"].withdrawn == [second["job"]]
    view = next(one for one in station.board.prints if one.job == second["job"])
    assert (view.state, view.why) == (PrintState.FAILED, PrintWhy.VOIDED)
    station.does(VoidSale(tx=first["tx"], reason=WHY))
    assert station.printers["printer-1"].withdrawn == [second["job"]]


def test_a_paper_recovered_after_a_restart_is_marked_as_it_was(box: Callable[..., Box]) -> None:
    station = box()
    _, sold = sale(station)
    station.all_out()
    station.does(VoidSale(tx=sold["tx"], reason=WHY))
    station.all_out()
    station.does(Reprint(job=sold["job"]))
    station = box()
    assert [(job.paper, job.mark) for job in station.printers["printer-1"].papers] == [("void", ""), ("slip", "voided")]


def test_the_day_s_summary_subtracts_what_was_voided(box: Callable[..., Box]) -> None:
    station = box()
    lot, first = sale(station)
    sale(station, lot=lot)
    station.does(VoidSale(tx=first["tx"], reason=WHY))
    station.does(PrintDocument(paper="day"))
    said = text(station)
    assert "作废笔数" in said and "-￥8.75" in said
    total = next(line for line in said.replace(" ", "").split("净重")[1].splitlines() if "￥" in line)
    assert "8.75" in total


# --- an entry ---------------------------------------------------------------------------------------------------------


def test_a_corrected_mass_moves_what_is_left(box: Callable[..., Box]) -> None:
    station = box()
    lot, _ = sale(station)
    entry = station.ledger.event(1)
    answer = station.does(CorrectEntry(lot=lot, net_g=240_000, reason="抄错"), CHEF)
    assert answer == {
        "seq": int(station.last["sequence"]),
        "test_code": lot,
        "state": "released",
        "source": station.lot(lot).source,
        "left_g": 237_500,
    }
    assert (station.lot(lot).net_g, station.lot(lot).left_g) == (240_000, 237_500)
    data = station.last["data"]
    assert data["corrects"] == entry["id"]
    assert data["changes"] == [{"field": "net_g", "before": "250000", "after": "240000"}]
    assert data["now"] == entry["data"] | {"net_g": 240_000}
    first = station.last["id"]
    station.does(CorrectEntry(lot=lot, net_g=250_000, supplier="李四", reason="又错"))
    assert station.last["data"]["corrects"] == first
    assert station.lot(lot).left_g == 247_500
    station = box()
    assert (station.lot(lot).supplier, station.lot(lot).left_g) == ("李四", 247_500)
    station.does(PrintDocument(paper="card", subject=lot))
    assert "李四" in text(station)


def test_the_card_of_goods_sold_by_the_code_they_came_with_is_that_of_the_correction(
    box: Callable[..., Box], elsewhere: str
) -> None:
    station = box('[gate]\nunchecked = "accept"\n' + DEVICES)
    lot = station.enters(upstream=elsewhere)
    station.does(CorrectEntry(lot=lot, supplier="李四", reason="抄错"))
    for code in (lot, elsewhere):
        station.does(PrintDocument(paper="card", subject=code))
        assert station.printers["printer-1"].papers[-1].seq == int(station.last["sequence"])
        assert "李四" in text(station)


def test_a_certificate_with_long_texts_is_corrected_in_lines_that_a_record_holds(box: Callable[..., Box]) -> None:
    station = box()
    words = ("issuer", "product", "quantity", "origin", "contact")
    old, new = (dict.fromkeys(words, letter * 120) for letter in "旧新")
    lot = station.enters(proofs=(ProofGiven(type="hgz", no="1" * 40, **old),))
    station.does(CorrectEntry(lot=lot, reason=WHY, proofs=(ProofGiven(type="hgz", no="1" * 40, **new),)))
    (change,) = station.last["data"]["changes"]
    assert (change["field"], len(change["before"]), len(change["after"])) == ("proofs", 120, 120)


def test_no_more_can_be_sold_than_came_in(box: Callable[..., Box]) -> None:
    station = box()
    lot, sold = sale(station)
    assert "2.500 kg" in refused(station, CorrectEntry(lot=lot, net_g=2_000, reason=WHY), "sold_more")
    station.does(VoidSale(tx=sold["tx"], reason=WHY))
    assert station.does(CorrectEntry(lot=lot, net_g=2_000, reason=WHY))["left_g"] == 2_000


def test_a_correction_that_changes_nothing_or_is_of_goods_nobody_knows_is_refused(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.enters()
    refused(station, CorrectEntry(lot=lot, reason=WHY), "nothing_changed")
    refused(station, CorrectEntry(lot=lot, net_g=250_000, product="01040201", reason=WHY), "nothing_changed")
    refused(station, CorrectEntry(lot=lot, product="99999999", reason=WHY), "no_product")


def test_other_goods_are_tested_as_these_goods_are(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.enters()
    station.does(CorrectEntry(lot=lot, product="01040801", reason=WHY))
    assert (station.lot(lot).product, station.lot(lot).whole_plant) == ("01040801", "due")
    station.does(CorrectEntry(lot=lot, product="01040201", reason=WHY))
    assert station.lot(lot).whole_plant == ""


def test_goods_are_corrected_until_the_lot_has_its_source_code(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    assert "来源码" in refused(station, CorrectEntry(lot=lot, product="01040301", reason=WHY), "has_source")


def test_results_of_wrong_goods_are_recorded_again_for_the_right_ones(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.enters()
    (positive,) = station.tests(station.result(station.lot(lot).sample, "81.0"))
    before = station.ledger.head.seq
    station.does(CorrectEntry(lot=lot, product="01040301", reason=WHY))
    assert kinds(station, before) == ["entry.corrected", "test.result"]
    again = station.last["data"]
    assert (again["goods"]["name"], again["replaces"], again["value"]) == ("西红柿", positive["id"], "81.0")
    station.does(PrintDocument(paper="report", subject=lot))
    assert "西红柿" in text(station)
    station.hands_over(station.result(station.lot(lot).sample, "12.0"), station.result(station.lot(lot).sample, "13.0"))
    assert station.lot(lot).state == "released"


def test_an_entry_that_another_station_registered_is_not_corrected_here(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.enters()
    other = station.tests(station.result("999", "12.5"))[0]
    station.ledger.conn.execute("UPDATE lots SET seq = ?", (int(other["sequence"]),))
    with pytest.raises(Refused) as why:
        station.does(CorrectEntry(lot=lot, origin="山东", reason=WHY))
    assert why.value.code == "not_ours"


# --- the match of a result --------------------------------------------------------------------------------------------

WRONG = "样品号输错"


def test_a_wrong_match_goes_back_to_the_unmatched_and_the_lot_is_judged_anew(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    result, source = station.last, station.lot(lot).source
    answer = station.does(CorrectResult(seq=int(station.last["sequence"]), reason=WRONG), CHEF)
    assert answer == {"seq": answer["seq"], "test_code": lot, "state": "pending", "source": None, "to": None}
    record = station.ledger.event(answer["seq"])
    assert record["data"] == {
        "lot": lot,
        "brought": None,
        "to": None,
        "corrects": result["id"],
        "goods": result["data"]["goods"],
        "item": result["data"]["item"],
        "verdict": None,
        "state": "pending",
        "source": None,
        "reason": WRONG,
    }
    (waiting,) = station.waiting
    assert (waiting.seq, waiting.why, waiting.asks_verdict) == (int(result["sequence"]), ("withdrawn",), False)
    view = station.lot(lot)
    assert (view.state, view.source, view.verdict) == ("pending", None, None)
    held = station.followed
    assert held["type"] == "cn.marketedge.market.lot.held.v1"
    lane = station.count(f"SELECT lane FROM events WHERE seq = {int(held['sequence'])}")
    assert lane == ALARM
    with pytest.raises(Refused) as why:
        station.does(PrintDocument(paper="card", subject=lot))
    assert why.value.code == "no_record"
    refused(station, CorrectResult(seq=int(result["sequence"]), reason=WRONG), "not_counted")
    again = station.does(MatchResult(seq=waiting.seq, lot=lot, person="王敏"))
    assert again["source"] not in (None, source)
    station = box()
    assert (station.lot(lot).state, station.waiting) == ("released", ())


def test_a_result_is_given_to_the_lot_it_is_of(box: Callable[..., Box]) -> None:
    station = box()
    wrong, right = station.enters(), station.enters()
    (result,) = station.tests(station.result(station.lot(wrong).sample, "12.5"))
    answer = station.does(CorrectResult(seq=int(result["sequence"]), lot=right, reason=WRONG))
    assert (answer["state"], answer["to"]) == ("pending", right)
    assert (station.lot(wrong).state, station.lot(right).state) == ("pending", "released")
    assert (station.last["data"]["replaces"], station.last["subject"]) == (result["id"], right)
    assert station.waiting == ()


def test_a_result_that_goes_to_its_lot_keeps_what_was_known_at_the_bench(box: Callable[..., Box]) -> None:
    station = box()
    wrong = station.enters()
    station.does(OpenReagent(reagent="NC1", item="农药残留", expires="2027-05-31", person="王敏"))
    (result,) = station.tests(station.result(station.lot(wrong).sample, "12.5"))
    right = station.enters()
    station.does(FinishReagent(reagent="NC1", item="农药残留", person="王敏"))
    station.does(OpenReagent(reagent="NC2", item="农药残留", expires="2027-06-30", person="王敏"))
    station.does(CorrectResult(seq=int(result["sequence"]), lot=right, reason=WRONG))
    known = ("tester", "reagent", "reagent_until", "qc", "rack", "reviewer")
    assert result["data"]["reagent"] == "NC1"
    assert [station.last["data"].get(name) for name in known] == [result["data"].get(name) for name in known]


def test_a_lot_that_is_partly_sold_is_held_until_a_person_decides(box: Callable[..., Box]) -> None:
    station = box()
    lot, _ = sale(station)
    result = next(
        seq for seq in range(1, station.ledger.head.seq) if "test.result" in station.ledger.event(seq)["type"]
    )
    answer = station.does(CorrectResult(seq=result, reason=WRONG))
    assert answer["state"] == "held"
    assert station.lot(lot).source is not None
    assert station.followed["type"].endswith("lot.held.v1")
    assert "已售出 2.500 kg" in station.followed["data"]["why"]
    station.puts("1.000")
    with pytest.raises(Refused) as why:
        station.sells(lot)
    assert why.value.code == "lot_held"


def test_a_positive_that_is_of_another_lot_frees_the_lot_and_holds_the_other(box: Callable[..., Box]) -> None:
    station = box()
    lot, other = station.releases(), station.releases()
    source = station.lot(lot).source
    (positive,) = station.tests(station.result(station.lot(lot).sample, "81.0"))
    assert station.lot(lot).state == "held"
    before = station.ledger.head.seq
    answer = station.does(CorrectResult(seq=int(positive["sequence"]), lot=other, reason=WRONG))
    assert (answer["state"], answer["source"]) == ("released", None)
    assert (station.lot(lot).state, station.lot(lot).source) == ("released", source)
    assert station.lot(other).state == "held"
    told = ["lot.resumed", "lot.released"]
    assert kinds(station, before) == ["result.corrected", *told, "test.result", "lot.held"]


def test_a_suspect_that_is_taken_back_may_release_the_lot(box: Callable[..., Box]) -> None:
    """A positive and a negative say nothing; without the positive the negative does."""
    station = box()
    lot = station.enters()
    sample = station.lot(lot).sample
    (positive,) = station.tests(station.result(sample, "81.0"))
    station.tests(station.result(sample, "12.0"))
    answer = station.does(CorrectResult(seq=int(positive["sequence"]), reason=WRONG))
    assert answer["state"] == "released"
    assert station.lot(lot).source == answer["source"] is not None
    station.does(PrintDocument(paper="card", subject=lot))
    assert answer["source"] in text(station).replace(" ", "")


def test_what_still_says_that_a_lot_is_positive_keeps_it_held(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.enters()
    sample = station.lot(lot).sample
    results = station.tests(*(station.result(sample, number) for number in ("81.0", "82.0", "83.0", "84.0")))
    assert station.lot(lot).state == "held"
    answer = station.does(CorrectResult(seq=int(results[0]["sequence"]), reason=WRONG))
    assert answer["state"] == "held"


def test_one_measurement_after_the_other_is_taken_back_each_once(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.enters()
    sample = station.lot(lot).sample
    first, second = station.tests(station.result(sample, "81.0"), station.result(sample, "82.0"))
    station.does(CorrectResult(seq=int(first["sequence"]), reason=WRONG))
    assert (station.lot(lot).measurements, station.lot(lot).verdict, station.lot(lot).value) == (1, "suspect", "82.0")
    refused(station, CorrectResult(seq=int(first["sequence"]), reason=WRONG), "not_counted")
    station.does(CorrectResult(seq=int(second["sequence"]), reason=WRONG))
    assert (station.lot(lot).measurements, station.lot(lot).verdict, station.lot(lot).state) == (0, None, "pending")
    assert {one.seq for one in station.waiting} == {int(one["sequence"]) for one in (first, second)}


def test_only_a_result_that_counts_for_a_lot_is_corrected(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.enters()
    (stray,) = station.tests(station.result("999", "12.5"))
    refused(station, CorrectResult(seq=99, reason=WRONG), "not_counted")
    refused(station, CorrectResult(seq=1, reason=WRONG), "not_counted")
    refused(station, CorrectResult(seq=int(stray["sequence"]), reason=WRONG), "not_counted")
    (result,) = station.tests(station.result(station.lot(lot).sample, "12.5"))
    refused(station, CorrectResult(seq=int(result["sequence"]), lot=lot, reason=WRONG), "same_lot")


def test_a_lot_of_an_older_version_is_corrected_as_well(box: Callable[..., Box]) -> None:
    """Its row does not say which records its measurements are: their numbers do."""
    station = box()
    lot = station.enters()
    sample = station.lot(lot).sample
    results = station.tests(station.result(sample, "81.0"), station.result(sample, "12.0"))
    station.ledger.conn.execute("UPDATE lots SET items = json_remove(items, '$[0][5]')")
    answer = station.does(CorrectResult(seq=int(results[0]["sequence"]), reason=WRONG))
    assert answer["state"] == "released"
    refused(station, CorrectResult(seq=int(results[0]["sequence"]), reason=WRONG), "not_counted")


def test_a_verdict_that_a_person_gave_is_asked_for_again(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.enters()
    (odd,) = station.tests(station.result(station.lot(lot).sample, "12.5", unit="mg/kg"))
    station.does(MatchResult(seq=int(odd["sequence"]), lot=lot, person="王敏", verdict="qualified"))
    station.does(CorrectResult(seq=int(station.last["sequence"]), reason=WRONG))
    (waiting,) = station.waiting
    assert (waiting.why, waiting.asks_verdict) == (("withdrawn", "unit"), True)


def test_a_ticket_that_a_person_read_is_read_again(box: Callable[..., Box]) -> None:
    from protocol.readings import Ticket

    station = box()
    lot = station.enters()
    (ticket,) = station.tests(Ticket(b"ticket", "样品 3 合格", "no layout fits", "ticket 1"))
    station.does(MatchResult(seq=int(ticket["sequence"]), lot=lot, person="王敏", verdict="qualified"))
    assert station.lot(lot).state == "released"
    station.does(CorrectResult(seq=int(station.last["sequence"]), reason=WRONG))
    assert station.waiting[0].why == ("withdrawn", "unread")
    station.does(MatchResult(seq=station.waiting[0].seq, lot=lot, person="王敏", verdict="unqualified"))
    assert (station.lot(lot).state, station.lot(lot).verdict) == ("pending", "suspect")


TWO = """
[gate]
tests = ["农药残留", "formaldehyde"]
[[product]]
code = "01050101"
name = "土豆"
tests = ["农药残留"]
"""


def test_goods_that_ask_for_no_other_test_are_released(box: Callable[..., Box]) -> None:
    station = box(TWO + DEVICES)
    lot = station.enters()
    station.tests(station.result(station.lot(lot).sample, "12.5"))
    assert station.lot(lot).state == "pending"
    answer = station.does(CorrectEntry(lot=lot, product="01050101", reason=WHY))
    assert answer["state"] == "released"
    assert station.lot(lot).source == answer["source"] is not None
    station.does(PrintDocument(paper="card", subject=lot))
    assert "土豆" in text(station)
