"""Several stalls by one box: who sells at which scale, and papers that a handheld fetches and prints itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.between.commands import ConfirmPrint, Reprint, Sell, TakePrint
from edge.between.correction_commands import VoidSale
from edge.between.inbox import Refused
from edge.between.people import EVERYBODY, Role, Who
from edge.between.print_states import PrintState, PrintWhy
from edge.between.sale_commands import AddLine, AskPayment, CloseSlip, TakePayment
from edge.config.sections import BadConfig, load
from edge.documents import Documents
from edge.printing.archive import Archive, NotTaken
from edge.printing.typesetting import Typesetter
from simulator.printer.read import read_papers

LI, ZHAO = "4101080010123", "4101080010456"
SEATS = f"""
[[printer]]
name = "head-1"
port = "handheld:"
profile = "sunmi-v2"
[[printer]]
name = "head-2"
port = "handheld:"
[[scale]]
name = "scale-3"
model = "st-gs"
port = "/dev/null"
max = "30 kg"
min = "100 g"
e = "5 g"
[[seat]]
name = "a-12"
scale = "scale-1"
printer = "head-1"
code = "{LI}"
seller = "李秀兰"
stall = "A-12"
people = ["3"]
[[seat]]
name = "b-07"
scale = "scale-3"
printer = "head-2"
code = "{ZHAO}"
seller = "赵强"
stall = "B-07"
people = ["4"]
"""
OPERATOR = frozenset({Role.OPERATOR})
THREE, FOUR, BOSS = Who("3", OPERATOR, "李秀兰"), Who("4", OPERATOR, "赵强"), Who("1", EVERYBODY, "王敏")


@pytest.fixture
def stalls(tmp_path: Path, signer: Any, hand_clock: Any, a_box: Callable[..., Any], devices: str) -> Any:
    station = a_box(tmp_path, signer, hand_clock, devices + SEATS)
    yield station
    station.ledger.close()


def sells(stalls: Any, scale: str, who: Who, kilograms: str = "1.000") -> dict[str, Any]:
    lot = stalls.releases()
    stalls.puts(kilograms, scale=scale)
    answer: dict[str, Any] = stalls.does(Sell(scale=scale, product="01040201", lot=lot), who)
    return answer


def archive(stalls: Any) -> Archive:
    return Archive(stalls.config.station.data, Typesetter(stalls.config, Documents()))


def test_a_slip_names_the_seller_of_its_scale_and_comes_out_there(stalls: Any) -> None:
    for scale, who, code, stall, printer in (
        ("scale-1", THREE, LI, "A-12", "head-1"),
        ("scale-3", FOUR, ZHAO, "B-07", "head-2"),
    ):
        job = sells(stalls, scale, who)["job"]
        record = stalls.last["data"]
        assert (record["slip"]["seller"], record["seller"]["code"], record["seller"]["stall"]) == (code, code, stall)
        assert [one.job for one in stalls.printers[printer].papers] == [job]
    assert "slip" not in [one.paper for one in stalls.printers["printer-1"].papers]


def test_a_scale_without_a_seat_is_the_box_s_own(stalls: Any) -> None:
    lot = stalls.releases()
    stalls.puts("2.00", scale="scale-2")
    stalls.does(Sell(scale="scale-2", product="01040201", lot=lot), FOUR)
    assert stalls.last["data"]["seller"]["name"] == "李秀兰蔬菜"
    assert [one.paper for one in stalls.printers["printer-1"].papers] == ["report", "slip"]


def test_nobody_sells_at_another_s_stall_but_a_supervisor(stalls: Any) -> None:
    with pytest.raises(Refused) as refused:
        sells(stalls, "scale-1", FOUR)
    assert refused.value.code == "other_stall"
    assert "A-12" in refused.value.zh
    assert sells(stalls, "scale-1", BOSS)["job"]
    assert sells(stalls, "scale-3", FOUR)["job"]


def test_lists_are_closed_at_their_own_stall_and_paid_by_a_program(stalls: Any) -> None:
    lot = stalls.releases()
    stalls.puts("1.000", scale="scale-3")
    line = AddLine(scale="scale-3", product="01040201", lot=lot)
    with pytest.raises(Refused, match="B-07"):
        stalls.does(line, THREE)
    basket = stalls.does(line, FOUR)["basket"]
    for command in (CloseSlip(basket=basket), AskPayment(basket=basket)):
        with pytest.raises(Refused, match="B-07"):
            stalls.does(command, THREE)
    stalls.does(AskPayment(basket=basket), FOUR)
    stalls.does(TakePayment(amount_fen=350, reference="77", kind="wechat"), Who("till", OPERATOR))
    assert stalls.last["data"]["seller"]["name"] == "赵强"


def test_a_void_comes_out_where_its_slip_did(stalls: Any) -> None:
    tx = sells(stalls, "scale-3", FOUR)["tx"]
    stalls.does(VoidSale(tx=tx, reason="称错"), BOSS)
    assert [one.paper for one in stalls.printers["head-2"].papers] == ["slip", "void"]


# --- papers that a handheld fetches -----------------------------------------------------------------------------------


def state(stalls: Any, job: int) -> tuple[str, str]:
    row = stalls.core._station.prints.table.row(job)
    return row.state, row.why


def test_a_paper_is_taken_once_and_unknown_until_it_is_confirmed(stalls: Any) -> None:
    job = sells(stalls, "scale-1", THREE)["job"]
    assert state(stalls, job) == ("waiting", "queued")
    with pytest.raises(NotTaken):
        archive(stalls).escpos(job)
    assert stalls.does(TakePrint(job=job), THREE) == {"job": job, "copy": 0, "state": "unknown"}
    assert state(stalls, job) == ("unknown", "fetched")
    assert stalls.printers["head-1"].withdrawn == [job]
    with pytest.raises(Refused) as refused:
        stalls.does(TakePrint(job=job), THREE)
    assert refused.value.code == "taken"
    (paper,) = read_papers(archive(stalls).escpos(job), encoding="utf-8")
    assert "李秀兰" in paper.text
    assert "COPY" not in paper.text
    assert paper.qr == [stalls.last["data"]["url"]]
    stalls.does(ConfirmPrint(job=job), THREE)
    assert state(stalls, job)[0] == "confirmed"
    with pytest.raises(NotTaken):
        archive(stalls).escpos(job)


def test_what_is_printed_again_is_marked(stalls: Any) -> None:
    job = sells(stalls, "scale-3", FOUR)["job"]
    stalls.does(TakePrint(job=job), FOUR)
    again = stalls.does(Reprint(job=job), FOUR)
    assert again["copy"] == 1
    assert stalls.does(TakePrint(job=again["job"]), FOUR)["copy"] == 1
    (paper,) = read_papers(archive(stalls).escpos(again["job"]))
    assert "COPY" in paper.text


def test_another_printer_s_paper_is_not_taken(stalls: Any) -> None:
    lot = stalls.releases()
    stalls.puts("2.00", scale="scale-2")
    job = stalls.does(Sell(scale="scale-2", product="01040201", lot=lot), BOSS)["job"]
    with pytest.raises(Refused) as refused:
        stalls.does(TakePrint(job=job), BOSS)
    assert refused.value.code == "not_of_a_handheld"
    with pytest.raises(NotTaken):
        archive(stalls).escpos(job)


def test_after_a_restart_what_waits_still_waits_and_what_was_taken_is_not_printed_again(
    stalls: Any, tmp_path: Path, signer: Any, a_box: Callable[..., Any], devices: str
) -> None:
    taken, waits = (sells(stalls, "scale-1", THREE)["job"] for _ in range(2))
    stalls.does(TakePrint(job=taken), THREE)
    stalls.ledger.close()
    again = a_box(tmp_path, signer, stalls.clock, devices + SEATS)
    try:
        assert state(again, taken) == (PrintState.UNKNOWN, PrintWhy.FETCHED)
        assert [(one.job, one.copy) for one in again.printers["head-1"].papers] == [(waits, 0)]
        assert again.does(TakePrint(job=waits), THREE)["copy"] == 0
    finally:
        again.ledger.close()


# --- what a seat may be -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ('scale = "scale-3"', 'scale = "scale-1"', "[[seat]] b-07 scale"),
        ('scale = "scale-3"', 'scale = "scale-9"', "[[seat]] b-07 scale"),
        ('printer = "head-2"', 'printer = "head-9"', "[[seat]] b-07 printer"),
        ('name = "b-07"', 'name = "a-12"', "[[seat]] a-12 name"),
        ('people = ["4"]', 'people = ["赵"]', "[[seat]] b-07 people"),
        ('profile = "sunmi-v2"', 'profile = "label-40x30"', "[[printer]] head-1 profile"),
    ],
)
def test_a_seat_that_cannot_be_is_refused_by_its_name(
    stalls: Any, tmp_path: Path, before: str, now: str, said: str
) -> None:
    path = tmp_path / "station.toml"
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, now), "utf-8")
    with pytest.raises(BadConfig) as wrong:
        load(path)
    assert said in str(wrong.value)
