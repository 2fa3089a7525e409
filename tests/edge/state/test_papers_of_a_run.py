"""Print jobs as pages list them and as the disk keeps them: from the order to the proof, and over restarts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from edge.between.commands import ConfirmPrint, PrintDocument, Reprint
from edge.between.inbox import PrintAgain, Printed, Refused
from edge.between.print_states import PrintState, PrintWhy
from edge.records.ledger import LedgerFull
from edge.state import prints as prints_of

Box = Any  # the station of tests/edge/conftest.py
TWO = """
[[analyzer]]
name = "tester-1"
model = "dayuan-lz4000t"
port = "/dev/null"
[[scale]]
name = "scale-1"
model = "st-gs"
port = "/dev/null"
max = "30 kg"
min = "100 g"
e = "5 g"
[[printer]]
name = "office"
port = "usb:"
papers = ["report", "day"]
[[printer]]
name = "counter"
port = "usb:"
papers = ["slip", "report", "card", "test"]
keep_minutes = 5
[[product]]
code = "01040201"
name = "大白菜"
price = "3.50"
"""


def sent(station: Box, printer: str) -> list[tuple[int, str, int, bool]]:
    return [(job.job, job.paper, job.copy, job.waits) for job in station.printers[printer].papers]


def shown(station: Box) -> list[tuple[int, str, str, int]]:
    return [(view.job, view.state, view.why, view.copy) for view in station.board.prints]


def rows(station: Box) -> list[tuple[Any, ...]]:
    """Job, state, why and copy as the disk has them once progress was written."""
    station.clock.go(11)
    station.turn()
    return list(station.ledger.conn.execute("SELECT job, state, why, copy FROM print_jobs ORDER BY job"))


@pytest.fixture
def station(box: Callable[..., Box]) -> Box:
    """A station that has printed nothing but the report of its first lot, at the first printer for such papers."""
    station = box(TWO)
    station.releases()
    return station


@pytest.fixture
def full() -> Callable[[Box], Any]:
    """A batch that the disk has no room for at its end."""

    def of(station: Box) -> Any:
        batch = station.ledger.batch

        @contextmanager
        def begun() -> Iterator[None]:
            with batch():
                yield
                raise LedgerFull("no room")

        return begun

    return of


def test_a_paper_goes_to_the_first_printer_for_it_or_to_the_one_that_is_named(station: Box) -> None:
    code = station.board.lots[0].test_code
    assert sent(station, "office") == [(1, "report", 0, False)]
    station.does(PrintDocument(paper="report", subject=code, printer="counter"))
    assert sent(station, "counter") == [(2, "report", 1, False)]
    for paper, printer in (("card", "office"), ("label", ""), ("report", "nobody")):
        with pytest.raises(Refused) as refused:
            station.does(PrintDocument(paper=paper, subject=code, printer=printer))
        assert refused.value.code == "no_printer"


def test_a_days_summary_is_of_that_day_and_of_the_records_so_far(station: Box) -> None:
    for subject, day in (("", "2026-11-22"), (" 2026-11-21 ", "2026-11-21")):
        station.does(PrintDocument(paper="day", subject=subject))
        job = station.printers["office"].papers[-1]
        assert (job.paper, job.detail, job.seq, job.body, job.copy) == ("day", day, 3, b"", 0)
        view = station.board.prints[0]
        assert (view.paper, view.code, view.time, view.printer) == ("day", day, "", "office")


def test_a_test_page_is_never_a_copy(station: Box) -> None:
    station.does(PrintDocument(paper="test", printer="counter"))
    (page,) = station.printers["counter"].papers
    assert (page.seq, page.detail, page.body, page.copy) == (0, "", b"", 0)
    station.turn(Printed(page.job, PrintState.PRINTED, PrintWhy.GS_R))
    station.does(Reprint(job=page.job))
    assert sent(station, "counter") == [(2, "test", 0, False), (3, "test", 0, False)]


def test_a_reprint_goes_to_the_printer_of_the_first_while_there_is_one(box: Callable[..., Box], station: Box) -> None:
    code = station.board.lots[0].test_code
    station.does(PrintDocument(paper="report", subject=code, printer="counter"))
    station.turn(Printed(2, PrintState.PRINTED, PrintWhy.GS_R), Printed(1, PrintState.PRINTED, PrintWhy.GS_R))
    station.does(Reprint(job=2))
    assert sent(station, "counter")[-1] == (3, "report", 2, False)
    station.turn(Printed(3, PrintState.PRINTED, PrintWhy.GS_R))
    rows(station)
    without = box(TWO.replace('name = "counter"', 'name = "till"'))
    without.does(Reprint(job=2))
    assert sent(without, "office") == [(4, "report", 3, False)]


def test_only_what_is_behind_others_at_the_same_printer_waits(station: Box) -> None:
    code = station.board.lots[0].test_code
    station.does(PrintDocument(paper="day"))
    station.does(PrintDocument(paper="card", subject=code))
    station.does(PrintDocument(paper="card", subject=code))
    assert sent(station, "office") == [(1, "report", 0, False), (2, "day", 0, True)]
    assert sent(station, "counter") == [(3, "card", 0, False), (4, "card", 1, True)]
    assert [(why, copy) for _, _, why, copy in rows(station)] == [
        (PrintWhy.UNPROVEN, 0),
        (PrintWhy.QUEUED, 0),
        (PrintWhy.UNPROVEN, 0),
        (PrintWhy.QUEUED, 1),
    ]
    assert [printer.waiting for printer in station.board.printers] == [2, 2]


@pytest.mark.parametrize(
    ("news", "view", "row", "waiting"),
    [
        (("printing", ""), ("printing", ""), ("waiting", PrintWhy.UNPROVEN), 1),
        (("held", "paper"), ("held", "paper"), ("held", "paper"), 1),
        (("held", "paper", "", True), ("held", "paper"), ("printing", "paper"), 1),
        (("waiting", PrintWhy.QUEUED), ("waiting", ""), ("waiting", PrintWhy.QUEUED), 1),
        (("printed", "gs_r"), ("printed", "gs_r"), ("printed", "gs_r"), 0),
        (("unknown", "silent"), ("unknown", "silent"), ("unknown", "silent"), 0),
        (("failed", "late"), ("failed", "late"), ("failed", "late"), 0),
    ],
)
def test_what_a_printer_says_of_a_paper(
    station: Box, news: tuple[Any, ...], view: tuple[str, str], row: tuple[str, str], waiting: int
) -> None:
    state, why, *more = news
    station.turn(Printed(1, PrintState(state), PrintWhy(why), *more))
    assert shown(station) == [(1, *view, 0)]
    assert station.board.printers[0].waiting == waiting
    assert rows(station) == [(1, *row, 0)]
    if not waiting:
        station.turn(Printed(1, PrintState.PRINTING, PrintWhy.NOTHING))
        assert shown(station) == [(1, *view, 0)], "it was settled"


def test_the_text_of_a_paper_is_shown_and_kept_through_news_without_one(station: Box) -> None:
    station.turn(Printed(1, PrintState.PRINTING, PrintWhy.NOTHING, text="检测报告"))
    station.turn(Printed(1, PrintState.PRINTED, PrintWhy.GS_R))
    assert station.board.prints[0].text == "检测报告"


def test_what_a_person_confirms_is_settled_at_once_and_for_good(box: Callable[..., Box], station: Box) -> None:
    station.turn(Printed(1, PrintState.HELD, PrintWhy.PAPER))
    station.does(ConfirmPrint(job=1))
    assert shown(station) == [(1, "confirmed", "", 0)]
    assert station.printers["office"].withdrawn == [1]
    station.turn(Printed(1, PrintState.PRINTED, PrintWhy.GS_R), PrintAgain(1, begun=True))
    assert shown(station) == [(1, "confirmed", "", 0)]
    assert sent(station, "office") == [(1, "report", 0, False)]
    assert rows(station) == [(1, "confirmed", "", 0)]
    again = box(TWO)
    assert shown(again) == [(1, "confirmed", "", 0)]
    assert sent(again, "office") == []


def test_a_confirmation_that_is_not_recorded_is_taken_back(station: Box, full: Any, monkeypatch: Any) -> None:
    station.turn(Printed(1, PrintState.HELD, PrintWhy.PAPER))
    with monkeypatch.context() as patch, pytest.raises(Refused) as refused:
        patch.setattr(station.ledger, "batch", full(station))
        station.does(ConfirmPrint(job=1))
    assert refused.value.code == LedgerFull.code
    assert shown(station) == [(1, "held", "paper", 0)]
    assert station.printers["office"].withdrawn == []
    assert rows(station) == [(1, "held", "paper", 0)]


def test_a_paper_that_is_not_recorded_is_not_listed(station: Box, full: Any, monkeypatch: Any) -> None:
    with monkeypatch.context() as patch, pytest.raises(Refused):
        patch.setattr(station.ledger, "batch", full(station))
        station.does(PrintDocument(paper="day"))
    assert [job for job, *_ in shown(station)] == [1]
    assert [job for job, *_ in sent(station, "office")] == [1]


def test_a_paper_that_no_printer_takes_any_more_is_not_printed_again(box: Callable[..., Box], station: Box) -> None:
    station.all_out()
    rows(station)
    without = box(
        TWO.replace('"office"', '"bureau"')
        .replace('["report", "day"]', '["day"]')
        .replace('"slip", "report", "card"', '"slip", "card"')
    )
    with pytest.raises(Refused) as refused:
        without.does(Reprint(job=1))
    assert refused.value.code == "no_printer"


def test_a_turn_is_given_with_its_number_on_the_disk_first(station: Box) -> None:
    station.does(PrintDocument(paper="day"))
    station.turn(Printed(2, PrintState.HELD, PrintWhy.PAPER))
    station.turn(PrintAgain(2, begun=False))
    assert sent(station, "office")[-1] == (2, "day", 0, False)
    station.turn(Printed(1, PrintState.HELD, PrintWhy.COVER, begun=True))
    station.turn(PrintAgain(1, begun=True))
    assert sent(station, "office")[-1] == (1, "report", 1, False)
    assert [(job, copy) for job, _, _, copy in shown(station)] == [(2, 0), (1, 1)]
    assert [(job, why, copy) for job, _, why, copy in rows(station)] == [
        (1, PrintWhy.UNPROVEN, 1),
        (2, PrintWhy.UNPROVEN, 0),
    ]


def test_papers_of_the_last_run(box: Callable[..., Box], station: Box) -> None:
    """Unproven: a copy; only waited: as it is; proven: not at all. Oldest first, each at its printer."""
    code = station.board.lots[0].test_code
    station.does(PrintDocument(paper="card", subject=code))
    station.does(PrintDocument(paper="card", subject=code))
    station.does(PrintDocument(paper="report", subject=code))
    station.turn(Printed(1, PrintState.PRINTED, PrintWhy.GS_R))
    rows(station)
    again = box(TWO)
    assert sent(again, "counter") == [(2, "card", 2, False), (3, "card", 1, True)]
    assert sent(again, "office") == [(4, "report", 1, True)]
    assert shown(again) == [
        (4, "waiting", "", 1),
        (3, "waiting", "", 1),
        (2, "waiting", "", 2),
        (1, "printed", "gs_r", 0),
    ]
    assert rows(again) == [
        (1, "printed", "gs_r", 0),
        (2, "waiting", PrintWhy.UNPROVEN, 2),
        (3, "waiting", PrintWhy.QUEUED, 1),
        (4, "waiting", PrintWhy.QUEUED, 1),
    ]


@pytest.mark.parametrize(("minutes", "fresh"), [(4.9, True), (5.1, False)])
def test_a_paper_is_waited_for_so_long_as_its_printer_keeps_it(
    box: Callable[..., Box], station: Box, minutes: float, fresh: bool
) -> None:
    station.puts("1.000")
    station.sells(station.board.lots[0].test_code)
    station.all_out()
    station.clock.go(11)
    station.turn()
    station.puts("1.000")
    station.sells(station.board.lots[0].test_code)
    job = station.board.prints[0].job
    station.clock.go(minutes * 60)
    again = box(TWO)
    assert sent(again, "counter") == ([(job, "slip", 1, False)] if fresh else [])
    assert again.board.prints[0].state == ("waiting" if fresh else "unknown")


def test_what_was_wanted_of_a_printer_that_is_gone_is_left_to_a_person(box: Callable[..., Box], station: Box) -> None:
    again = box(TWO.replace('name = "office"', 'name = "bureau"'))
    assert shown(again) == [(1, "unknown", "restart", 0)]
    assert [printer.papers for printer in again.printers.values()] == [[], []]


def test_a_full_disk_prints_nothing_of_the_last_run_and_leaves_it_to_a_person(
    box: Callable[..., Box], station: Box, full: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = box(TWO)
    before = sent(again, "office")
    with monkeypatch.context() as patch:
        patch.setattr(again.ledger, "batch", full(again))
        assert str(again.core._prints.recover()) == "no room"
    assert sent(again, "office") == before
    assert [(view.state, view.why) for view in again.core._prints.views()] == [("unknown", "restart")]
    assert rows(again) == [(1, "unknown", "restart", 1)]


def test_a_paper_whose_record_is_damaged_fails_alone(box: Callable[..., Box], station: Box) -> None:
    station.puts("1.000")
    station.sells(station.board.lots[0].test_code)
    with station.ledger.batch():
        station.ledger.conn.execute("UPDATE events SET body = ? WHERE seq = 2", (b"[]",))
    again = box(TWO)
    assert sent(again, "office") == []
    assert sent(again, "counter") == [(2, "slip", 1, False)]
    assert [(one.kind, one.device) for one in again.board.unread if one.device.startswith("paper")] == [
        ("record", "paper 1, record 2")
    ]
    assert rows(again)[0] == (1, "failed", "template", 0)


def test_no_more_papers_are_listed_than_pages_can_hold(
    box: Callable[..., Box], station: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prints_of, "RECENT", 2)
    for _ in range(3):
        station.does(PrintDocument(paper="day"))
    assert [job for job, *_ in shown(station)] == [4, 3]
    station.all_out()
    rows(station)
    assert [job for job, *_ in shown(box(TWO))] == [4, 3]
    with pytest.raises(Refused) as refused:
        box(TWO).does(ConfirmPrint(job=1))
    assert refused.value.code == "already_confirmed"


def test_progress_that_was_not_written_is_written_with_the_next(station: Box) -> None:
    prints = station.core._prints
    station.turn(Printed(1, PrintState.PRINTED, PrintWhy.GS_R))
    assert prints.unsaved
    prints.save()
    assert not prints.unsaved
    prints.not_saved()
    assert prints.unsaved
    assert rows(station) == [(1, "printed", "gs_r", 0)]
    assert not prints.unsaved
