"""A core for the web's tests: answers requests by the contract of ``inbox.py``, and shows what it is told to show.

It stands in for the real core only here, so that refusals, delays and cut lines can be had at will.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from drivers.transports.adapters import Identity
from edge.between.board import (
    AnalyzerView,
    Board,
    CityView,
    LotView,
    PaperView,
    PortView,
    PrinterView,
    ProbeView,
    ProductView,
    ScaleView,
    Showing,
    UnmatchedView,
)
from edge.between.commands import (
    ORDERS,
    AskScale,
    Command,
    ConfirmDate,
    ConfirmPaper,
    ConfirmPort,
    DismissResult,
    MatchResult,
    PlanChannel,
    PrintPaper,
    Recall,
    Recalled,
    RegisterEntry,
    Reprint,
    SeeUnread,
    Sell,
    SetPrice,
    WholePlantDone,
)
from edge.between.inbox import Inbox, Refused, Request, Stop
from edge.web.server import WebServer

HOSTILE = "<img src=x onerror=\"document.title='taken'\">"
SOURCE = "41010800110100010074"
SALE = "41010800120300000424"
BY_ID = "/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0"
BY_PATH = "/dev/serial/by-path/pci-0000:00:14.0-usb-0:1.2:1.0-port0"
TIME = "2026-11-22T05:31:07+08:00"
PHONE, DESK = (360, 740), (1280, 800)

EMPTY = ScaleView(
    name="scale-1",
    up=True,
    net_g=0,
    text="0.000",
    unit="kg",
    stable=True,
    derived=False,
    sellable=False,
    why="below_min",
    max_g=30000,
    min_g=100,
    e_g="5",
)


def a_lot(number: int, product: str, name: str, state: str, **more: Any) -> LotView:
    known = {
        "test_code": f"410108001301{number:07d}1",
        "source": SOURCE if state == "released" else None,
        "state": state,
        "product": product,
        "product_name": name,
        "origin": "河南中牟",
        "supplier": "王建国",
        "sample": str(number),
        "net_g": 250000,
        "registered": f"2026-11-22T0{number}:10:00+08:00",
        "verdict": {"released": "qualified", "held": "unqualified"}.get(state),
        "value": {"released": "12.5", "held": "81.0"}.get(state),
        "unit": None if state == "pending" else "%",
    }
    return LotView(**(known | more))


def a_paper(job: int, state: str, **more: Any) -> PaperView:
    known = {
        "job": job,
        "paper": "slip",
        "code": f"4101080012030000{job:03d}4",
        "state": state,
        "why": "",
        "copy": 0,
        "printer": "printer-1",
        "time": TIME,
        "text": "交易小票\n大白菜  1.250 kg\n¥4.38",
    }
    return PaperView(**(known | more))


def a_result(seq: int, **more: Any) -> UnmatchedView:
    known = {
        "seq": seq,
        "analyzer": "analyzer-1",
        "sample": "17",
        "channel": "4",
        "item": "农药残留",
        "value": "8.3",
        "unit": "%",
        "text": None,
        "time": TIME,
        "why": ("no_lot",),
    }
    return UnmatchedView(**(known | more))


TICKET = f"农药残留快速检测仪\n样品  黄瓜\n抑制率  61.2 %\n结论  阳性\n{HOSTILE}\n\x1b[2J\u202e格合"


def a_board() -> Board:
    return Board(
        station="东区 12 号",
        seller="李秀兰蔬菜",
        stall="A-12",
        jobs=("stall", "gate"),
        clock_state="synced",
        disk_free=12_400_000_000,
        scales=(EMPTY,),
        analyzers=(AnalyzerView("analyzer-1", True, "", 31, 0, 0),),
        products=(
            ProductView("01040201", "大白菜", "Chinese cabbage", 350, 1000),
            ProductView("01040301", "西红柿", "Tomato", 199, 500),
            ProductView("01040401", "黄瓜", "Cucumber", 480, 1000),
            ProductView("01040501", "土豆", "Potato", 260, 1000),
            ProductView("01040601", HOSTILE, HOSTILE, 100, 1000),
        ),
        lots=(
            a_lot(5, "01040201", "大白菜", "released"),
            a_lot(
                4, "01040201", "大白菜", "released", origin="山东寿光", supplier="寿光合作社", verdict=None, value=None
            ),
            a_lot(3, "01040301", "西红柿", "pending"),
            a_lot(2, "01040401", "黄瓜", "held"),
            a_lot(1, "01040601", HOSTILE, "released", origin=HOSTILE),
        ),
        lot_counts={"pending": 1, "held": 1},
        unmatched=(
            a_result(
                72,
                sample=None,
                channel=None,
                item="未识别小票",
                value=None,
                unit=None,
                text=TICKET,
                why=("unread",),
                asks_verdict=True,
            ),
            a_result(71),
        ),
        probes=(ProbeView("cold-room", True, "", (("temperature", "4.1", "Cel"), ("humidity", "88.0", "%"))),),
        papers=(a_paper(41, "printed"), a_paper(40, "unknown", why="silent"), a_paper(39, "printed", copy=1)),
        printers=(PrinterView("printer-1", True, "", 0, papers=("slip", "report", "label", "card")),),
        city=CityView(True, "", 1204, 1201, 3, (), "mqtts://city.example.cn:8883"),
        version=1,
    )


class FakeCore:
    """A thread that owns the board, like the real one; ``refuse`` and ``hold`` change how it answers."""

    def __init__(self) -> None:
        self.showing = Showing(a_board())
        self.inbox: Inbox = queue.SimpleQueue()
        self.asked: list[Command] = []
        self.refuse: Refused | None = None
        self.hold = False
        self.held: list[Request] = []
        self.recorded: dict[str, dict[str, Any]] = {}  # by key, what the ledger remembers
        self._thread = threading.Thread(target=self._run, name="fake core")
        self._thread.start()

    def stop(self) -> None:
        self.inbox.put(Stop())
        self._thread.join()

    def weigh(self, **changes: Any) -> None:
        """Show another state of the first scale."""
        first, *others = self.showing.board.scales
        self.showing.post(scales=(replace(first, **changes), *others))

    def load(self, net_g: int) -> None:
        """Goods lie still and may be sold."""
        self.weigh(up=True, net_g=net_g, text=f"{net_g / 1000:.3f}", unit="kg", stable=True, sellable=True, why="")

    def swap(self, was: Identity, now: Identity) -> None:
        """Another device stands where the first scale stood."""
        self.weigh(up=False, port_why="another device: nothing is read from it", why="no_signal")
        self.showing.post(ports=(PortView("scale-1", BY_ID, "unsafe", BY_PATH, was, now),))

    def paper(self, job: int, **changes: Any) -> None:
        self.showing.post(
            papers=tuple(replace(one, **changes) if one.job == job else one for one in self.showing.board.papers)
        )

    def lot(self, test_code: str, **changes: Any) -> None:
        lots = self.showing.board.lots
        self.showing.post(lots=tuple(replace(one, **changes) if one.test_code == test_code else one for one in lots))

    def answer(self, request: Request) -> None:
        try:
            if self.refuse:
                raise self.refuse
            answer = ORDERS[type(request.command)].answer.model_validate(self._do(request.command))
            if isinstance(request.command, Sell | RegisterEntry | MatchResult | DismissResult | ConfirmDate):
                self.recorded[request.key] = answer.model_dump(by_alias=True)
            request.answer.set_result(answer)
        except Refused as refused:
            request.answer.set_exception(refused)

    def _run(self) -> None:
        while not isinstance(message := self.inbox.get(), Stop):
            assert isinstance(message, Request)
            if isinstance(message.command, Recall):
                first = self.recorded.get(message.command.key)
                message.answer.set_result(Recalled(answer=first))
                continue
            self.asked.append(message.command)
            if self.hold:
                self.held.append(message)
            else:
                self.answer(message)

    def _do(self, command: Command) -> dict[str, Any]:
        board = self.showing.board
        match command:
            case Sell():
                net = (board.scales[0].net_g or 0) - command.tare_g if command.manual_g is None else command.manual_g
                if command.seen_g not in (None, net):
                    raise Refused("weight_changed", "重量已变", "the weight changed")
                product = next(one for one in board.products if one.code == command.product)
                fen = command.price_fen or product.price_fen
                amount = (2 * fen * net + product.per_g) // (2 * product.per_g)
                job = self._print(SALE)
                if command.manual_g is None:
                    self.weigh(sellable=False, why="sold")
                return {
                    "tx": SALE,
                    "net_g": net,
                    "amount_fen": amount,
                    "url": "https://sy.example.cn/j/x",
                    "left_g": 9000 - net,
                    "job": job,
                }
            case SetPrice():
                self.showing.post(
                    products=tuple(
                        replace(one, price_fen=command.price_fen) if one.code == command.product else one
                        for one in board.products
                    )
                )
                return {"product": command.product, "price_fen": command.price_fen}
            case Reprint():
                return {"job": self._print(SALE, copy=1), "copy": 1}
            case ConfirmPaper(job=job):
                self.paper(job, state="confirmed", why="")
                return {"job": job, "state": "confirmed"}
            case ConfirmDate(date=date):
                self.showing.post(clock_state="synced", clock_why="", clock_asks="")
                return {"date": date, "clock": "synced"}
            case PrintPaper():
                return {"job": self._print(SALE), "copy": 0}
            case RegisterEntry():
                name = next(one.name for one in board.products if one.code == command.product)
                lot = a_lot(9, command.product, name, "released" if command.upstream else "pending")
                self.showing.post(lots=(lot, *board.lots))
                return {"test_code": lot.test_code, "sample": lot.sample, "source": command.upstream or None}
            case PlanChannel(analyzer=analyzer, channel=channel, lot=lot):
                kept = tuple(one for one in board.plan if one[:2] != (analyzer, channel))
                self.showing.post(plan=(*kept, (analyzer, channel, lot)) if lot else kept)
                return {"planned": channel, "lot": lot}
            case MatchResult():
                if command.seq not in {one.seq for one in board.unmatched}:
                    raise Refused("no_result", "没有待匹配的结果", "no such unmatched result")
                self.showing.post(unmatched=tuple(one for one in board.unmatched if one.seq != command.seq))
                if command.verdict == "unqualified":
                    self.lot(command.lot, verdict="suspect", measurements=1, repeats_due=2)
                    return {"test_code": command.lot, "verdict": "suspect", "source": None}
                self.lot(command.lot, state="released", source=SOURCE, verdict="qualified", measurements=1)
                return {"test_code": command.lot, "verdict": "qualified", "source": SOURCE}
            case DismissResult():
                self.showing.post(unmatched=tuple(one for one in board.unmatched if one.seq != command.seq))
                return {"seq": command.seq}
            case WholePlantDone():
                self.lot(command.lot, whole_plant="done")
                return {"test_code": command.lot}
            case ConfirmPort(device=device):
                self.showing.post(
                    ports=tuple(
                        replace(one, was=None, now=None) if one.device == device else one for one in board.ports
                    )
                )
                return {"device": device, "now": command.seen}
            case SeeUnread():
                self.showing.post(unread=())
                return {"seen": 1}
            case AskScale():
                return {"scale": command.scale, "asked": command.wish}
            case Recall():
                raise AssertionError("asked of the ledger alone")

    def _print(self, code: str, copy: int = 0) -> int:
        papers = self.showing.board.papers
        job = max(paper.job for paper in papers) + 1
        self.showing.post(papers=(a_paper(job, "waiting", code=code, copy=copy), *papers))
        return job


@pytest.fixture
def core() -> Iterator[FakeCore]:
    core = FakeCore()
    yield core
    core.stop()


@pytest.fixture
def serve(core: FakeCore) -> Iterator[Callable[..., WebServer]]:
    """Start a web server over the fake core; stopped at the end."""
    servers: list[WebServer] = []

    def start(**options: Any) -> WebServer:
        server = WebServer("127.0.0.1:0", core.showing, core.inbox, **({"release": "0.1.0"} | options))
        server.start()
        servers.append(server)
        assert server.ready.wait(20)
        return server

    yield start
    for server in servers:
        server.stop()
        assert not server.thread.is_alive()


@pytest.fixture
def web(serve: Callable[..., WebServer]) -> WebServer:
    return serve()


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Wait for something another thread does."""

    def wait(happened: Callable[[], object]) -> None:
        deadline = time.monotonic() + 10
        while not happened():
            assert time.monotonic() < deadline, "it did not happen within ten seconds"
            time.sleep(0.005)

    return wait


# --- pages in Chromium ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium-headless-shell",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@contextmanager
def a_page(browser: Browser, web: WebServer, size: tuple[int, int]) -> Iterator[Page]:
    """A page whose scripts make no error and break no policy."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, base_url=web.url)
    page = context.new_page()
    page.set_default_timeout(8000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if "Content Security Policy" in line.text else None)
    yield page
    context.close()
    assert errors == []


@pytest.fixture(params=[PHONE, DESK], ids=["phone", "desk"])
def page(request: pytest.FixtureRequest, browser: Browser, web: WebServer) -> Iterator[Page]:
    with a_page(browser, web, request.param) as page:
        yield page


@pytest.fixture
def desk(browser: Browser, web: WebServer) -> Iterator[Page]:
    """For what does not depend on the size of the screen."""
    with a_page(browser, web, DESK) as page:
        yield page
