"""Held goods are returned or destroyed by named people, to the last gram, and never too early."""

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from edge.between.commands import HoldLot, MatchResult, PrintDocument, ReleaseLot, Sell
from edge.between.correction_commands import CorrectResult, VoidSale
from edge.between.held_commands import AskRetest, DisposeLot, PlanDisposal, TellHolder, TypeVerdict, WaiveRetest
from edge.between.inbox import Refused
from edge.between.people import Role, Who
from edge.between.photo_commands import KeepPhoto
from edge.documents import Documents, Place, documents_of
from protocol.city.envelope import kind_of
from protocol.printers.layout import layout
from protocol.printers.plain import plain

Box = Any  # the station of tests/edge/conftest.py
WANG = {"person": "王敏"}
JPEG = b"\xff\xd8\xff photo"
PHOTO = sha256(JPEG).hexdigest()
SELLER = Who("7", frozenset({Role.OPERATOR}), "李四")
HOUR = 3600
CABBAGE = '[[product]]\ncode = "01040201"\nname = "大白菜"\nprice = "3.50"\n'


def a_photo(station: Box) -> str:
    """Its hash; the file is here."""
    station.core._station.photos.files.keep(PHOTO, JPEG)
    station.does(KeepPhoto(sha256=PHOTO, size=len(JPEG)))
    return PHOTO


def refused(station: Box, command: Any, **more: Any) -> str:
    with pytest.raises(Refused) as told:
        station.does(command, **more)
    return str(told.value.code)


def positive(station: Box, *, sold: str = "") -> str:
    """A lot that a test holds, some of it sold before."""
    lot = str(station.releases())
    if sold:
        station.puts(sold)
        station.sells(lot)
    for _ in range(3):
        if station.lot(lot).state != "held":
            station.tests(station.result(station.lot(lot).sample, "68.7"))
    return lot


def gone(lot: str, decision: Any = "destroyed", mass_g: int = 250_000, **more: Any) -> DisposeLot:
    said = {"how": "深埋", "where": "垃圾处理站", "owner": "摊主 李秀兰", "witness": "刘洋", "officer": "赵监督"}
    return DisposeLot(lot=lot, decision=decision, mass_g=mass_g, **{**said, **WANG, **more})


def told(lot: str) -> TellHolder:
    return TellHolder(lot=lot, told="摊主 李秀兰", **WANG)


def failed(lot: str) -> TypeVerdict:
    said = {"report_no": "JC-8", "laboratory": "市检验所", "method": "GB 23200.121-2021", "item": "毒死蜱"}
    return TypeVerdict(lot=lot, conclusion="unqualified", concluded="2026-11-22", **said, **WANG)


def of(station: Box, kind: str) -> list[dict[str, Any]]:
    made = [station.ledger.event(seq) for seq in range(1, station.ledger.head.seq + 1)]
    return [one["data"] for one in made if kind_of(one["type"]) == kind]


def view(station: Box, lot: str) -> Any:
    return next(one for one in station.board.holds if one.lot == lot)


def test_nothing_goes_before_the_four_hours_or_the_laboratory(box: Callable[..., Box], hand_clock: Any) -> None:
    station = box()
    lot = positive(station)
    assert refused(station, gone(lot)) == "not_told"
    station.does(told(lot))
    assert refused(station, gone(lot)) == "four_hours"
    hand_clock.go(3.9 * HOUR)
    assert refused(station, gone(lot)) == "four_hours"
    hand_clock.go(0.2 * HOUR)
    station.turn()
    assert view(station, lot).deeds == ("ask", "verdict", "plan", "return", "destroy")
    assert refused(station, gone(lot), who=SELLER) == "needs_supervisor"
    said = station.does(gone(lot))
    assert (said["step"], said["left_g"], said["destroyed_g"]) == ("disposed", 0, 250_000)
    assert station.board.holds == () and station.lot(lot).state == "disposed"


def test_nothing_goes_while_a_recheck_runs_or_a_clock_is_not_sure(box: Callable[..., Box], hand_clock: Any) -> None:
    station = box()
    lot = positive(station)
    station.does(told(lot))
    hand_clock.boot_id, hand_clock.worth, hand_clock._steady = "another", "unsynced", 60.0
    station = box()
    assert refused(station, gone(lot)) == "four_hours_unsure"
    hand_clock.go(4 * HOUR)  # this box has been on for longer
    station.does(AskRetest(lot=lot, asked_by="摊主", reason="电话申请", **WANG))
    assert refused(station, gone(lot)) == "recheck_runs"
    assert refused(
        station, PlanDisposal(lot=lot, decision="destroyed", at="2026-11-23T09:00", how="深埋", where="站", **WANG)
    ) == ("recheck_runs")
    station.does(failed(lot))
    station.does(gone(lot))
    assert station.lot(lot).why == "disposed"


def test_what_the_laboratory_found_conforming_goes_nowhere(box: Callable[..., Box]) -> None:
    station = box()
    lot = positive(station)
    station.does(failed(lot).model_copy(update={"conclusion": "qualified"}))
    assert refused(station, gone(lot)) == "recheck_conforming"


def test_parts_add_up_and_a_difference_is_explained(box: Callable[..., Box]) -> None:
    station = box()
    lot = positive(station, sold="10.000")
    station.does(failed(lot))
    assert view(station, lot).left_g == 240_000
    first = station.does(gone(lot, "returned", 100_000, complete=False, witness="", officer=""))
    assert (first["step"], first["left_g"], first["returned_g"]) == ("failed", 140_000, 100_000)
    station = box()
    one = view(station, lot)
    assert (one.left_g, one.returned_g, one.destroyed_g) == (140_000, 100_000, 0)
    assert refused(station, gone(lot, mass_g=150_000, complete=False)) == "too_much"
    assert refused(station, gone(lot, mass_g=0, complete=False)) == "too_much"
    assert refused(station, gone(lot, mass_g=138_500)) == "difference_unexplained"
    assert refused(station, gone(lot, mass_g=138_500, why="失水", witness="")) == "witness_missing"
    assert refused(station, gone(lot, mass_g=138_500, why="失水", officer="王敏")) == "same_person"
    said = station.does(gone(lot, mass_g=138_500, why="失水", photos=(a_photo(station),)))
    assert (said["left_g"], said["returned_g"], said["destroyed_g"]) == (0, 100_000, 138_500)
    part, rest = of(station, "lot.disposed")
    assert (part["held_g"], part["complete"], part["difference_g"], part["mass_g"]) == (240_000, False, 0, 100_000)
    assert (rest["held_g"], rest["before_g"], rest["complete"], rest["difference_g"], rest["why"]) == (
        *(240_000, 100_000, True, 1_500),
        "失水",
    )
    assert (rest["owner"], rest["witness"], rest["officer"], rest["photos"]) == (
        *("摊主 李秀兰", "刘洋", "赵监督"),
        [PHOTO],
    )
    assert (rest["how"], rest["where"]) == ("深埋", "垃圾处理站")
    assert rest["test"] == part["test"] == of(station, "lot.held")[0]["test"] is not None
    assert station.lot(lot).left_g == 0
    for command in (gone(lot), told(lot)):
        assert refused(station, command) == "not_held"
    assert refused(station, HoldLot(lot=lot, reason="投诉", **WANG)) == "lot_disposed"
    station.puts("1.500")
    assert refused(station, Sell(scale="scale-1", product="01040201", lot=lot)) == "lot_disposed"


@pytest.mark.parametrize(("sold", "left_g"), [("10.000", 140_000), ("250.000", 0)])
def test_what_a_recheck_releases_adds_up_with_what_went_before(
    box: Callable[..., Box], hand_clock: Any, devices: str, sold: str, left_g: int
) -> None:
    """A part was returned after the four hours, then the laboratory found it conforming; or more was sold than came."""
    station = box(
        devices.replace('max = "30 kg"\nmin = "100 g"\ne = "5 g"', 'max = "300 kg"\nmin = "1 kg"\ne = "50 g"')
    )
    lot = positive(station, sold=sold)
    station.does(told(lot))
    hand_clock.go(4 * HOUR)
    went = 100_000 if left_g else 0
    if went:
        station.does(gone(lot, "returned", went, complete=False))
    station.does(failed(lot).model_copy(update={"conclusion": "qualified"}))
    station.does(ReleaseLot(lot=lot, reason="复检合格", **WANG))
    said = of(station, "lot.disposed")[-1]
    (held,) = (
        station.ledger.event(seq)
        for seq in range(1, station.ledger.head.seq + 1)
        if kind_of(station.ledger.event(seq)["type"]) == "lot.held"
    )
    assert (said["decision"], said["how"], said["hold"]) == ("released_after_recheck", "复检合格", held["id"])
    assert (said["mass_g"], said["before_g"], said["held_g"]) == (left_g, went, left_g + went)
    assert said["test"] == held["data"]["test"] is not None


def test_of_a_lot_that_was_oversold_nothing_has_to_go(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases(net_g=1_000)
    station.puts("1.500")
    station.sells(lot)
    station.does(HoldLot(lot=lot, reason="投诉", **WANG))
    assert station.does(gone(lot, mass_g=0))["step"] == "disposed"
    (said,) = of(station, "lot.disposed")
    assert (said["held_g"], said["mass_g"], said["difference_g"], said["complete"]) == (0, 0, 0, True)


def test_more_than_was_held_is_explained_too(box: Callable[..., Box]) -> None:
    station = box()
    lot = positive(station)
    station.does(failed(lot))
    station.does(gone(lot, mass_g=251_000, why="进场按件估重"))
    assert of(station, "lot.disposed")[0]["difference_g"] == -1_000
    assert station.lot(lot).left_g == 0


def test_what_comes_back_by_a_voided_sale_is_held_again(box: Callable[..., Box]) -> None:
    station = box()
    lot = positive(station, sold="10.000")
    tx = of(station, "trade.completed")[0]["slip"]["tx"]
    station.does(failed(lot))
    station.does(gone(lot, mass_g=240_000))
    station.does(VoidSale(tx=tx, reason="退货"))
    one = view(station, lot)
    assert (one.left_g, one.destroyed_g, station.lot(lot).state) == (10_000, 240_000, "held")
    assert station.does(gone(lot, mass_g=10_000))["destroyed_g"] == 250_000
    assert [one["held_g"] for one in of(station, "lot.disposed")] == [240_000, 250_000]


def test_nothing_brings_a_disposed_lot_back(box: Callable[..., Box]) -> None:
    station = box()
    lot = positive(station)
    station.does(failed(lot))
    station.does(gone(lot))
    counted = next(
        seq
        for seq in range(1, station.ledger.head.seq)
        if kind_of((one := station.ledger.event(seq))["type"]) == "test.result" and one["data"]["outcome"] == "positive"
    )
    station.tests(station.result(station.lot(lot).sample, "12.5"))
    for waiting in station.waiting:
        station.does(MatchResult(seq=waiting.seq, lot=lot, **WANG))
    station.does(CorrectResult(seq=counted, reason="样品号输错"))
    assert station.lot(lot).state == "disposed"
    station = box()
    assert station.count("SELECT count(*) FROM lots WHERE disposed_seq IS NOT NULL") == 1
    assert station.core._station.lots.find(lot).state == "disposed"


def test_the_owner_s_waiver_lets_it_be_destroyed_at_once(box: Callable[..., Box], devices: str) -> None:
    station = box(devices + "[gate]\ndestroy_at_once = true\n")
    lot = positive(station)
    station.does(told(lot))
    assert refused(station, gone(lot)) == "four_hours"
    station.does(WaiveRetest(lot=lot, owner="摊主 李秀兰", witness="刘洋", **WANG))
    assert refused(station, gone(lot, "returned")) == "four_hours"
    station.does(gone(lot))
    assert of(station, "lot.disposed")[0]["waiver"] is True


def test_it_is_announced_and_a_person_s_hold_ends_with_its_goods(
    box: Callable[..., Box], hand_clock: Any, devices: str
) -> None:
    station = box()
    lot = station.releases()
    station.does(HoldLot(lot=lot, reason="腐烂", **WANG))
    at = (hand_clock.wall + timedelta(hours=2)).isoformat()[:16]
    station.does(PlanDisposal(lot=lot, decision="destroyed", at=at, how="深埋", where="处理站", **WANG))
    assert view(station, lot).planned[:16] == at
    station = box(devices + '[market]\nauthority = "惠济区市场监管局"\n')
    again = PlanDisposal(lot=lot, decision="destroyed", at=at, how="深埋", where="处理站", **WANG)
    station.does(again)
    station.does(again.model_copy(update={"authority": "郑州市农业农村局"}))
    assert [one["authority"] for one in of(station, "disposal.planned")] == ["", "惠济区市场监管局", "郑州市农业农村局"]
    station.does(gone(lot))
    assert of(station, "lot.disposed")[0]["planned"] is not None


def test_the_papers_say_it(box: Callable[..., Box]) -> None:
    station = box()
    lot = positive(station)
    station.does(told(lot))
    station.does(failed(lot))
    station.does(gone(lot, mass_g=249_000, why="失水"))
    station.all_out()
    for paper in ("hold", "disposal"):
        station.does(PrintDocument(paper=paper, subject=lot))
        assert station.papers()[-1][0] == paper
    event = station.ledger.event(station.ledger.head.seq)
    assert documents_of("lot.disposed", event["data"]) == ("disposal",)
    shown = plain(layout(Documents().document("disposal", event, Place("市场", "sy.example.cn", "zh")), 32))
    for words in ("无害化销毁", "249.000", "250.000", "1.000", "失水", "李秀兰", "刘洋", "赵监督", "王敏"):
        assert words in shown.replace(" ", "").replace("\n", "")
