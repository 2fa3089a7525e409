"""A day at a station: everything that can happen to its core, in any order, with restarts between.

An input is a row of happenings of three bytes: which, and two numbers that say what of it.  After each one the board
can be shown and no fence was needed; what a restart finds is what was there before; records stay numbered, signed and
chained, and what came in is what was sold and what is left.
"""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from contract import ISSUED, KEY, STATION
from parts import Target, ensure
from pydantic import ValidationError
from station import PROBE, Stations

from edge.between.commands import (
    AskScale,
    Command,
    ConfirmDate,
    ConfirmPrint,
    DismissResult,
    MatchResult,
    PlanChannel,
    PrintDocument,
    RegisterEntry,
    Reprint,
    SeeUnread,
    Sell,
    SetPrice,
    WholePlantDone,
)
from edge.between.inbox import (
    BrokerAnswer,
    CityMessage,
    LinkChanged,
    PortChanged,
    PortGarbage,
    PrintAgain,
    Printed,
    PrinterChanged,
)
from edge.between.print_states import DOCUMENT_NAMES, PrinterState, PrintState, PrintWhy
from edge.records.ledger import bodies_after
from edge.records.verify import verify
from protocol.city import signed
from protocol.city.envelope import hash_of
from protocol.city.topics import Topics
from protocol.readings import Verdict

PRODUCTS = ("01040201", "01040301", "01040801", "0")
LONGEST = 3 * 40
TOPIC = Topics("410108", "410108001", "01").ack
STATES, WHYS, PRINTER_STATES = tuple(PrintState), tuple(PrintWhy), tuple(PrinterState)
VERDICTS = ("", "qualified", "unqualified", "x")
ITEMS = ("农药残留", "有机磷类", "")
SUBJECTS = ("", "2026-11-22", "41010800130100000071", "9")


def day() -> Target:
    stations = Stations(PROBE)

    def run(data: bytes) -> None:
        stations.drop()
        try:
            for at in range(0, min(len(data), LONGEST) - 2, 3):
                happening = HAPPENINGS[data[at] % len(HAPPENINGS)]
                happening(stations, data[at + 1], data[at + 2])
                stations.sound()
            _holds(stations.box)
        finally:
            stations.drop()

    return Target("day", run, _seeds, tuple(bytes((n, 1, 2)) for n in range(len(HAPPENINGS))), longest=LONGEST)


def _holds(box: Any) -> None:
    count, _ = verify(box.ledger.db, KEY.public_key())
    ensure(count == box.ledger.head.seq, f"{count} records, and the head is {box.ledger.head.seq}")
    for lot in box.board.lots:
        ensure(_sold(box, lot) == lot.net_g - lot.left_g, f"{lot.test_code}: {lot.net_g} in, {lot.left_g} left")


def _sold(box: Any, lot: Any) -> int:
    codes = {lot.test_code, lot.source, *([lot.upstream] if lot.upstream else ())}
    bodies = bodies_after(box.ledger.conn, 0)
    sales = [event["data"] for _, body in bodies if (event := json.loads(body))["type"].endswith("trade.completed.v1")]
    return sum(line["net_g"] for sale in sales for line in sale["slip"]["lines"] if {*_texts(line)} & codes)


def _texts(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        for value in tree.values():
            yield from _texts(value)
    elif isinstance(tree, str):
        yield tree


# --- happenings -----------------------------------------------------------------------------------------------------


def _view(box: Any, which: int) -> Any:
    """A lot; a released one, when there is one, three times of four."""
    lots = box.board.lots
    released = [lot for lot in lots if lot.source] if which % 4 else []
    return (released or lots)[which // 4 % len(released or lots)] if lots else None


def _lot(box: Any, which: int) -> str:
    lot = None if which % 16 == 15 else _view(box, which)
    return str(lot.source or lot.test_code) if lot else "41010800130100000071"


def _asked(box: Any, kind: type[Command], values: dict[str, Any]) -> None:
    """Done or refused, or no command at all; the fences see what was neither."""
    try:
        command = kind.model_validate(values)
    except ValidationError:
        return
    (answer,) = box.ask(command)
    ensure(answer.done(), f"no answer to {command}")


def passes(stations: Stations, a: int, b: int) -> None:
    stations.box.clock.go(a * a / 8)
    stations.box.turn()


def steps(stations: Stations, a: int, b: int) -> None:
    """The wall clock is set, and is worth something else."""
    clock = stations.box.clock
    clock.wall += timedelta(minutes=(a - 128) * b)
    clock.worth = ("synced", "holdover", "unsynced")[b % 3]
    stations.box.turn()


def weighs(stations: Stations, a: int, b: int) -> None:
    scale = "scale-1" if b & 1 else "scale-2"
    weight = Decimal((a - 16) * 125).scaleb(-3)
    stations.box.weighs(str(weight), seconds=b % 16 / 8, scale=scale, **({"stable": not b & 32} if b & 1 else {}))


def loads(stations: Stations, a: int, b: int) -> None:
    stations.box.puts(str(Decimal(a * 50).scaleb(-3)))


def sells(stations: Stations, a: int, b: int) -> None:
    box = stations.box
    typed = {"manual_g": b * 100, "reason": "x"} if b % 8 == 1 else {}
    lot = _view(box, b)
    product = lot.product if lot and a % 8 else PRODUCTS[a // 8 % 4]
    code = (lot.source or lot.test_code) if lot and a % 16 else _lot(box, b)
    price = {"price_fen": a if b & 2 else None}
    _asked(box, Sell, {"scale": "scale-1", "product": product, "lot": code, **price, **typed})


def sells_a_load(stations: Stations, a: int, b: int) -> None:
    loads(stations, 8 + a % 64, 0)
    sells(stations, a, b)


def releases(stations: Stations, a: int, b: int) -> None:
    stations.box.releases(PRODUCTS[a % 2], 1000 * (b + 1))


def enters(stations: Stations, a: int, b: int) -> None:
    box = stations.box
    more = {"upstream": _lot(box, b)} if b % 4 == 3 else {}
    goods = {"product": PRODUCTS[a % 4], "net_g": 1000 * b, "origin": "河南中牟", "supplier": "王建国"}
    _asked(box, RegisterEntry, goods | more)


def measures(stations: Stations, a: int, b: int) -> None:
    box = stations.box
    lots = box.board.lots
    sample = lots[a % len(lots)].sample if lots and a % 5 else str(a)
    number = (None, str(b), f"{b}.5", f"-{b}")[a % 4]
    verdict = (None, *Verdict)[b % (len(Verdict) + 1)]
    result = box.result(sample, number, "" if b % 7 else "again", item=ITEMS[a % 3], verdict=verdict)
    if b & 8:
        result = box.result(None, number, channel=str(b % 8 + 1))
    box.tests(result, device="tester-8" if b & 8 else "tester-1")


def decides(stations: Stations, a: int, b: int) -> None:
    box = stations.box
    waiting = box.waiting
    seq = waiting[b % len(waiting)].seq if waiting else b
    lot = _lot(box, a >> 3)
    commands: tuple[tuple[type[Command], dict[str, Any]], ...] = (
        (PlanChannel, {"analyzer": "tester-8" if a & 64 else "no", "channel": str(b % 9), "lot": lot}),
        (MatchResult, {"seq": seq, "lot": lot, "person": "王敏", "verdict": VERDICTS[b % 4], "item": ITEMS[a % 3]}),
        (DismissResult, {"seq": seq, "person": "王敏", "reason": "练习" if b & 1 else ""}),
        (WholePlantDone, {"lot": lot, "person": "王敏"}),
        (ConfirmDate, {"date": box.clock.wall.date().isoformat() if b & 1 else "2026-02-30", "person": "王敏"}),
        (SetPrice, {"product": PRODUCTS[b % 4], "price_fen": a}),
        (SeeUnread, {"upto": b, "person": "王敏"}),
        (AskScale, {"scale": "scale-1" if b & 1 else "scale-2", "wish": ("tare", "zero", "clear_tare", "x")[b % 4]}),
    )
    _asked(box, *commands[a % len(commands)])


def _job(box: Any, which: int) -> int:
    jobs = box.board.prints
    return int(jobs[which % len(jobs)].job) if jobs and which % 9 else which


def prints(stations: Stations, a: int, b: int) -> None:
    box = stations.box
    job = _job(box, b)
    name = DOCUMENT_NAMES[a % len(DOCUMENT_NAMES)]
    subject = (*SUBJECTS, _lot(box, b))[b % 5]
    commands: tuple[tuple[type[Command], dict[str, Any]], ...] = (
        (Reprint, {"job": job}),
        (ConfirmPrint, {"job": job}),
        (PrintDocument, {"paper": name, "subject": subject, "printer": "printer-1" if b & 4 else ""}),
    )
    _asked(box, *commands[a % 3])


def printer(stations: Stations, a: int, b: int) -> None:
    box = stations.box
    job, begun = _job(box, b), bool(b & 16)
    news = (
        Printed(job, STATES[b % len(STATES)], WHYS[a % len(WHYS)], begun=begun),
        PrintAgain(job, begun),
        PrinterChanged("printer-1", PRINTER_STATES[b % len(PRINTER_STATES)], near_end=begun),
    )
    box.turn(news[a % 3])


def ports(stations: Stations, a: int, b: int) -> None:
    box = stations.box
    names = list(box.ports)
    name = names[a % len(names)]
    box.turn(
        PortGarbage(name, "cut", b"\xff") if b % 3 == 2 else PortChanged(name, bool(b & 1), "" if b & 1 else "gone")
    )


def link(stations: Stations, a: int, b: int) -> None:
    box = stations.box
    box.turn(LinkChanged(bool(a & 1), "", "" if a & 1 else "lost", cut=bool(a & 2)))
    box.turn(BrokerAnswer(b % 16, "refused" if a & 4 else "", 0x87 if a & 4 else 0))


def hears(stations: Stations, a: int, b: int) -> None:
    """The city says that it has records; sometimes with a key of its own, sometimes of another record."""
    box = stations.box
    fields: dict[str, Any] = {"upto": a % 8}
    if b & 1 and 0 < a % 8 <= box.ledger.head.seq:
        fields["hash"] = hash_of(box.ledger.body(a % 8))
    body = signed.seal(fields, STATION, ISSUED, KEY)
    box.turn(CityMessage(TOPIC if b & 2 else "elsewhere", body if b & 4 else json.dumps(fields).encode(), bool(b & 8)))


def restarts(stations: Stations, a: int, b: int) -> None:
    """What a restart finds is what was there."""
    before = stations.box
    was = {lot.test_code: (lot.state, lot.left_g, lot.source) for lot in before.board.lots}
    head, waiting = before.ledger.head.seq, {one.seq for one in before.waiting}
    now = stations.again()
    found = {lot.test_code: (lot.state, lot.left_g, lot.source) for lot in now.board.lots}
    ensure(found == was, f"other lots after a restart: {found} were {was}")
    ensure(now.ledger.head.seq >= head, "records are lost by a restart")
    ensure({one.seq for one in now.waiting} == waiting, "other results wait after a restart")


HAPPENINGS: tuple[Callable[[Stations, int, int], None], ...] = (
    *(passes, steps, weighs, loads, sells, sells_a_load, releases, enters, measures, decides),
    *(prints, printer, ports, link, hears, restarts),
)


def _seeds() -> Iterator[bytes]:
    number = {happening.__name__: place for place, happening in enumerate(HAPPENINGS)}

    def script(*said: tuple[str, int, int]) -> bytes:
        return b"".join(bytes((number[name], a, b)) for name, a, b in said)

    yield script(
        ("releases", 0, 9), ("loads", 25, 0), ("sells", 1, 4), ("printer", 0, 3), ("printer", 0, 6), ("restarts", 0, 0)
    )
    yield script(("enters", 1, 9), ("measures", 1, 12), ("decides", 1, 1), ("prints", 2, 1), ("restarts", 0, 0))
    yield script(("link", 1, 0), ("hears", 2, 7), ("link", 0, 0), ("passes", 90, 0), ("link", 1, 3), ("hears", 1, 15))
    yield script(
        ("steps", 128, 1), ("steps", 200, 2), ("sells", 0, 1), ("decides", 4, 1), ("steps", 3, 9), ("enters", 0, 2)
    )
    yield script(
        ("ports", 0, 0), ("weighs", 24, 33), ("weighs", 24, 1), ("sells", 0, 0), ("ports", 0, 1), ("ports", 0, 2)
    )
    yield script(("measures", 2, 200), ("measures", 3, 8), ("decides", 64, 1), ("measures", 1, 9), ("decides", 3, 0))


MAKERS: dict[str, Callable[[], Target]] = {"day": day}
