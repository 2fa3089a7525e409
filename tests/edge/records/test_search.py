"""Records found again are those that a look at every record finds, however the clock went, and in steps."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.between.commands import RegisterEntry
from edge.between.correction_commands import VoidSale
from edge.between.fixed_words import ClockSource
from edge.between.inbox import PortChanged
from edge.between.people import Role, Who
from edge.between.sale_commands import AddLine, CloseSlip
from edge.records import search
from edge.records.clock import Step
from edge.records.ledger import open_reader
from edge.records.search import Wanted, day_ranges, step
from protocol.city.envelope import kind_of
from protocol.city.token import CHINA, code_in

Box = Any  # the station of tests/edge/conftest.py
GOODS = [("01040201", "大白菜"), ("01040301", "西红柿")]
SUPPLIERS = ["王建国", "寿光合作社", 'O"Neil \\ 李', "wang"]


@pytest.fixture
def reader(box: Callable[..., Box]) -> Iterator[Callable[[Box], Any]]:
    opened: list[Any] = []

    def read(station: Box) -> Any:
        opened.append(open_reader(station.ledger.path.parent))
        return opened[-1].conn

    yield read
    for one in opened:
        one.close()


def enters(station: Box, product: str, supplier: str, net_g: int = 1000) -> None:
    station.does(RegisterEntry(product=product, net_g=net_g, origin="河南", supplier=supplier))


def all_found(conn: Any, wanted: Wanted, page: int = 50) -> list[int]:
    found: list[int] = []
    before = None
    for _ in range(10_000):
        one = step(conn, wanted, before, page)
        found += [row.seq for row in one.found]
        if one.next is None:
            assert one.done == one.total
            return found
        assert one.done <= one.total and (before is None or one.next < before)
        before = one.next
    raise AssertionError("it does not end")


def brute(station: Box, fits: Callable[[dict[str, Any]], bool]) -> list[int]:
    last = station.ledger.head.seq
    return [seq for seq in range(last, 0, -1) if fits(station.ledger.event(seq))]


def step_clock(station: Box, to: datetime) -> None:
    """The system's clock is put elsewhere, as the core is told."""
    before = station.clock.now()

    def look(owing: bool = False) -> Any:
        station.clock.look = lambda owing=False: None
        return Step(0.0, before.seconds, to.timestamp(), "synced", ClockSource.KERNEL, "stepped")

    def take(step: Step) -> Callable[[], None]:
        station.clock.wall = to
        return lambda: None

    station.clock.look, station.clock.take = look, take
    station.turn()


DAYS = st.integers(min_value=-3, max_value=3)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), st.sampled_from(GOODS), st.sampled_from(SUPPLIERS)),
        st.tuples(st.just("go"), st.integers(1, 40), st.none()),
        st.tuples(st.just("step"), DAYS, st.integers(0, 23)),
    ),
    min_size=1,
    max_size=40,
)
WANTED = st.builds(
    Wanted,
    text=st.sampled_from(["", "王", "WANG", "大白菜", "00010", "…000071", 'o"neil']),
    goods=st.sampled_from(["", "西红柿", "0104"]),
    person=st.sampled_from(["", "寿光", "\\"]),
    kinds=st.sampled_from([(), ("entry.registered",), ("clock.step", "entry.registered")]),
    first_day=st.one_of(st.none(), DAYS.map(lambda day: date(2026, 11, 22) + timedelta(days=day))),
    last_day=st.one_of(st.none(), DAYS.map(lambda day: date(2026, 11, 22) + timedelta(days=day))),
)


def told(value: Any, *names: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from told(one, *names, name)
    elif isinstance(value, list):
        for one in value:
            yield from told(one, *names)
    elif isinstance(value, str):
        yield names[-1], value


def fits(wanted: Wanted) -> Callable[[dict[str, Any]], bool]:
    """The same, said plainly, of entries and steps of the clock."""

    def one(event: dict[str, Any]) -> bool:
        data, day = event["data"], event["time"][:10]
        goods = [text for _, text in told(data.get("goods") or {}, "goods")]
        people = [text for name, text in told(data) if name in ("supplier", "person", "supplier_code")]
        codes = [text for _, text in [*told(data), ("", event["subject"])] if text.isascii() and text.isdigit()]

        def within(text: str, texts: list[str]) -> bool:
            return any(text.casefold() in one.casefold() for one in texts)

        code = code_in(wanted.text)
        return (
            (not wanted.kinds or kind_of(event["type"]) in wanted.kinds)
            and (not wanted.first_day or day >= wanted.first_day.isoformat())
            and (not wanted.last_day or day <= wanted.last_day.isoformat())
            and (not wanted.goods or within(wanted.goods, goods))
            and (not wanted.person or within(wanted.person, people))
            and (
                not wanted.text
                or within(wanted.text, goods + people)
                or (code.isdigit() and any(text.endswith(code) for text in codes))
            )
        )

    return one


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(events=EVENTS, wanted=st.lists(WANTED, min_size=1, max_size=6), page=st.integers(1, 5))
def test_what_is_found_is_what_a_look_at_every_record_finds(
    box: Callable[..., Box], reader: Callable[[Box], Any], events: Any, wanted: list[Wanted], page: int
) -> None:
    station = box()
    for what, one, other in events:
        if what == "enter":
            enters(station, one[0], other)
        elif what == "go":
            station.clock.go(one * 3600.0)
        else:
            step_clock(station, datetime(2026, 11, 22, other, 30, tzinfo=CHINA) + timedelta(days=one))
    conn = reader(station)
    with pytest.MonkeyPatch.context() as smaller:
        smaller.setattr(search, "MARGIN", 0)
        smaller.setattr(search, "SLICE", 3)
        smaller.setattr(search, "STEP", 7)
        for one in wanted:
            assert all_found(conn, one, page) == brute(station, fits(one)), one


def test_a_day_is_found_without_looking_at_the_others(box: Callable[..., Box], reader: Callable[[Box], Any]) -> None:
    station = box()
    for _ in range(40):
        for _ in range(30):
            enters(station, "01040201", "王建国")
        station.clock.go(86400)
    ((low, high),) = day_ranges(reader(station), date(2026, 12, 1), date(2026, 12, 1))
    assert (low, high) == (9 * 30 + 1 - search.MARGIN, 10 * 30 + search.MARGIN)
    assert day_ranges(reader(station), date(2030, 1, 1), None) == [(40 * 30 + 1 - search.MARGIN, 40 * 30)]
    assert len(day_ranges(reader(station), None, date.max)) == 1


def test_a_code_of_this_station_is_not_looked_for_before_it_was_given(
    box: Callable[..., Box], reader: Callable[[Box], Any]
) -> None:
    station = box()
    codes = [station.enters() for _ in range(60)]
    found = step(reader(station), Wanted(code=codes[39]))
    assert (found.total, [row.seq for row in found.found]) == (21, [40])
    assert step(reader(station), Wanted(text=codes[39][:5] + " " + codes[39][5:])).total == 21


def test_a_voided_sale_says_so_and_by_what(box: Callable[..., Box], reader: Callable[[Box], Any]) -> None:
    station = box()
    lot = station.releases()
    station.puts("2.500")
    sold = station.sells(lot, buyer="4101080010456", buyer_name="张三")
    station.does(VoidSale(tx=sold["tx"], reason="选错了"))
    void, sale = step(reader(station), Wanted(code=sold["tx"])).found
    assert (sale.state, sale.by, sale.party, sale.amount_fen, sale.net_g) == ("voided", void.seq, "张三", 875, 2500)
    assert (void.state, void.by, void.kind) == ("", None, "trade.voided")
    assert all_found(reader(station), Wanted(person="张三", least_fen=875, most_fen=875)) == [void.seq, sale.seq]
    assert all_found(reader(station), Wanted(text="0010456")) == [void.seq, sale.seq]
    assert all_found(reader(station), Wanted(person="unnamed"))[:1] == [void.seq]


def test_who_gave_the_word_for_a_line_is_found(box: Callable[..., Box], reader: Callable[[Box], Any]) -> None:
    station = box()
    lot = station.releases()
    station.turn(PortChanged("scale-1", False, "unplugged"))
    chef, worker = Who("陈1", frozenset({Role.SUPERVISOR})), Who("王7", frozenset({Role.OPERATOR}))
    typed = AddLine(scale="scale-1", product="01040201", lot=lot, manual_g=900, reason="秤坏了")
    station.does(typed, chef)
    station.does(CloseSlip(basket=1), worker)
    assert all_found(reader(station), Wanted(person="陈1")) == [station.ledger.head.seq]


def test_damaged_records_are_named_and_hide_no_others(box: Callable[..., Box], reader: Callable[[Box], Any]) -> None:
    station = box()
    for _ in range(5):
        station.enters()
    conn = station.ledger.conn
    conn.execute("UPDATE events SET body = CAST('{\"time\": 7' AS BLOB) WHERE seq IN (1, 3)")
    conn.commit()
    found = step(reader(station), Wanted())
    assert ([row.seq for row in found.found], found.damaged) == ([5, 4, 2], (3, 1))
    assert len(all_found(reader(station), Wanted(first_day=date(2026, 11, 22)))) == 3
    conn.execute("UPDATE events SET body = CAST('x' AS BLOB)")
    conn.commit()
    assert step(reader(station), Wanted(first_day=date(2026, 11, 22))).found == ()


def test_an_empty_ledger_and_one_of_an_older_version_are_searched(
    box: Callable[..., Box], reader: Callable[[Box], Any]
) -> None:
    station = box()
    assert step(reader(station), Wanted(first_day=date(2026, 11, 22))) == search.Step((), None, 0, 0)
    station.enters()
    station.ledger.conn.execute("DROP TABLE corrections")
    station.ledger.conn.execute("DROP TABLE time_went_back")
    station.ledger.conn.commit()
    assert [row.seq for row in step(reader(station), Wanted(last_day=date(2026, 11, 22))).found] == [1]


def test_steps_back_of_an_older_ledger_are_found_when_it_is_opened(box: Callable[..., Box]) -> None:
    station = box()
    enters(station, "01040201", "王建国")
    step_clock(station, datetime(2026, 11, 20, 5, 0, tzinfo=CHINA))
    step_clock(station, datetime(2026, 11, 21, 5, 0, tzinfo=CHINA))
    assert station.ledger.conn.execute("SELECT seq FROM time_went_back").fetchall() == [(2,)]
    conn = station.ledger.conn
    conn.executescript(
        "DROP TABLE corrections; DROP TABLE time_went_back; ALTER TABLE lots DROP COLUMN corrected_seq;"
        "DELETE FROM _sqlite_migrations WHERE name = 'm011_corrections'"
    )
    station = box()
    assert station.ledger.conn.execute("SELECT seq FROM time_went_back").fetchall() == [(2,)]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("41010 80012 03000 00424", "41010800120300000424"),
        ("]C141010800120300000424", "41010800120300000424"),
        ("…000424", "000424"),
        ("https://sy.example.cn/b/41010800110100010074?x=1", "41010800110100010074"),
        ("https://sy.example.cn/j/nonsense", "https://sy.example.cn/j/nonsense"),
        ("大白菜", "大白菜"),
    ],
)
def test_the_code_in_what_was_scanned_or_copied(given: str, code: str) -> None:
    assert code_in(given) == code
