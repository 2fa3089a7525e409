"""Printed is only said of paper that is out: a station's printer thread and simulated printers on one made-up clock.

Nothing here waits: who would wait turns the clock on.
"""

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import pytest

from drivers.transports import LinkLost
from edge.between.inbox import PrintAgain
from edge.between.print_states import COPIES_BY_ITSELF
from protocol.printers import languages
from simulator.printer.printer import Printer as SimulatedPrinter
from simulator.printer.read import Paper
from simulator.wires.in_step import JumpingClock

NULS = b"\0" * 100


class Socket:
    """Where a printer is plugged in. A network printer (``shared``) serves one connection at a time."""

    def __init__(self, clock: JumpingClock, device: SimulatedPrinter, *, shared: bool = False) -> None:
        self.clock = clock
        self.device = device
        self.shared = shared
        self.taken: list[bytes] = []  # what came to the printer, one after the other
        self.wires: list[Wire] = []  # open connections; the first one is served
        self.opened = 0
        self.gone = False
        self.in_order_only = False  # it does not know DLE EOT


class Wire:
    """An open printer, as the station sees it."""

    address = "made-up"
    tells = True
    keeps = False

    def __init__(self, socket: Socket, *, blind: bool = False) -> None:
        self.shared = socket.shared
        self.blind = blind
        self._socket = socket
        socket.wires.append(self)
        socket.opened += 1

    @property
    def _served(self) -> bool:
        return self._socket.wires[0] is self

    def write(self, data: bytes, seconds: float = 5.0) -> int:
        clock, device, taken = self._socket.clock, self._socket.device, 0
        if self._socket.in_order_only and re.fullmatch(rb"(\x10\x04.)+", data, re.DOTALL):
            return len(data)
        end = clock.now() + seconds
        while taken < len(data):
            if self._socket.gone:
                raise LinkLost("gone")
            room = device.room(clock.now()) if self._served else 0
            if room:
                part = data[taken : taken + room]
                device.receive(part, clock.now())
                self._socket.taken.append(part)
                taken += len(part)
            elif clock.now() >= end:
                break
            else:
                clock.sleep(min(0.02, end - clock.now()))
        return taken

    def read(self, timeout: float = 0.2) -> bytes:
        clock, end = self._socket.clock, self._socket.clock.now() + timeout
        while True:
            if self._socket.gone:
                raise LinkLost("gone")
            if self._served and (out := self._socket.device.pending(clock.now())):
                return out
            if clock.now() >= end:
                return b""
            clock.sleep(min(0.01, end - clock.now()))

    def out_of_paper(self) -> bool:
        return False

    def close(self) -> None:
        with suppress(ValueError):
            self._socket.wires.remove(self)


class Bench:
    """A made-up clock, a simulated printer on it, and what came out of it."""

    def __init__(self, new_station: Callable[..., Any]) -> None:
        self.clock = JumpingClock()
        self.papers: list[Paper] = []
        self._new_station = new_station

    def socket(self, *, shared: bool = False, **device: Any) -> Socket:
        return Socket(self.clock, SimulatedPrinter(self.papers.append, **device), shared=shared)

    def station(self, socket: Socket, *, blind: bool = False, **options: Any) -> Any:
        return self._new_station(self.clock, lambda part, link: Wire(socket, blind=blind), **options)

    def trouble(self, socket: Socket, **changes: Any) -> None:
        socket.device.trouble(self.clock.now(), **changes)

    def whole(self, socket: Socket) -> list[str]:
        """The whole slips on paper by now, torn off where they are."""
        now = self.clock.now()
        socket.device.room(now)
        hanging = list(socket.device._reader.tear()) if socket.device._reader.busy else []
        return [paper.text for paper in (*self.papers, *hanging) if is_whole(paper)]


def is_whole(paper: Paper) -> bool:
    """All of a slip, its code readable, and nothing else."""
    return "卖方" in paper.text and "扫码查交易信息" in paper.text and len(paper.qr) == 1 and not paper.unknown


@pytest.fixture
def bench(new_station: Callable[..., Any]) -> Bench:
    return Bench(new_station)


# --- slow printers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["gs_r", "process_id"])
@pytest.mark.parametrize("mm_per_s", [15, 18])
def test_a_slow_healthy_printer_is_waited_for(bench: Bench, status: str, mm_per_s: int) -> None:
    """Once it was given up after nine seconds, and one sale made two papers."""
    socket = bench.socket(mm_per_s=mm_per_s)
    station = bench.station(socket, change=f'{{ status = "{status}", speed = 60 }}')
    station.put()
    assert station.until("printed") == status
    assert len(bench.whole(socket)) == 1
    assert station.copies == 0


def test_a_paper_that_came_out_after_it_was_given_up_is_printed_once(bench: Bench) -> None:
    """A head of 5 mm/s is slower than anybody waits for; its answer comes while the paper is held."""
    socket = bench.socket(mm_per_s=5)
    station = bench.station(socket)
    station.put()
    station.until("held")
    assert station.until("printed") == "gs_r"
    bench.clock.sleep(60)
    assert len(bench.whole(socket)) == 1
    assert station.copies == 0


def test_an_answer_to_an_older_question_does_not_prove_the_next_paper(bench: Bench) -> None:
    """Paper ends as soon as the first answer comes: the second slip was not printed then."""
    socket = bench.socket(mm_per_s=12)
    station = bench.station(socket, change="{ speed = 500 }")
    for job in (1, 2):
        station.put(job)
    station.until("printed", job=1)
    bench.trouble(socket, paper_out=True)
    station.run(30)
    assert "printed" not in station.states_of(2)


def test_after_a_restart_the_answers_to_the_last_run_s_questions_prove_nothing(bench: Bench) -> None:
    """Killed a second into a slip: its copy is proven by its own answer only."""
    socket = bench.socket(mm_per_s=30)
    first = bench.station(socket)
    first.put()
    first.thread.take_orders(0.0)
    first.thread._link.look(paper=True)
    page = first.thread._typesetter.page(first.jobs[1])
    first.thread._link.send(languages.emit(page, first.thread._link.profile, None))
    socket.wires[0].write(b"\x1dr\x01" * 2)  # it had asked, and died before the answers
    socket.wires.clear()
    second = bench.station(socket)
    second.put(1, copy=1)
    assert second.until("printed") == "gs_r"
    assert len([text for text in bench.whole(socket) if "COPY 1" in text]) == 1


# --- printers on the network ------------------------------------------------------------------------------------------


def other_stations_job(lines: int) -> bytes:
    return b"\x1b@" + b"".join(b"line %d\n" % number for number in range(lines)) + b"\n\n\n\n"


@pytest.mark.parametrize("change", ["{}", '{ status = "process_id" }', '{ status = "dle_eot" }'])
def test_a_network_printer_that_prints_for_others_is_waited_for(bench: Bench, change: str) -> None:
    """The paper ends as soon as ours is said to be printed: it must be out by then."""
    socket = bench.socket(shared=True, mm_per_s=50)
    other = Wire(socket)
    station = bench.station(socket, change=change)
    station.put()
    bench.clock.later(0.3, lambda: other.write(other_stations_job(120)) and other.close())
    word = station.until("printed", "unknown")
    if word == "silent":
        assert "dle_eot" in change  # a status says nothing of whose paper it is
    else:
        assert len(bench.whole(socket)) == 1


def test_a_network_printer_out_of_paper_holds_the_slip_as_any_other(bench: Bench) -> None:
    socket = bench.socket(shared=True, buffer=4096, roll_mm=60)
    station = bench.station(socket)
    for job in (1, 2, 3, 4):
        station.put(job)
    assert station.until("held", "unknown") in ("paper", "offline")
    station.run(60)
    assert station.states_of(1)[-1] == "held"
    socket.device.new_roll(bench.clock.now())
    for job in (1, 2, 3, 4):
        station.until("printed", job=job)
    whole = bench.whole(socket)
    assert ["COPY 1" in text for text in whole] == [True, False, False, False]


def test_one_connection_lasts_from_the_first_byte_to_the_proof(bench: Bench) -> None:
    """While a paper is on its way nobody comes in between, and we do not come twice."""
    socket = bench.socket(shared=True, buffer=4096, roll_mm=60)
    station = bench.station(socket)
    station.put()
    station.until("held")
    opened = socket.opened
    station.run(30)
    assert socket.opened == opened
    socket.device.new_roll(bench.clock.now())
    station.until("printed")
    assert socket.opened == opened
    assert socket.wires == []  # let go of afterwards


def test_an_idle_network_printer_is_not_sent_what_it_might_print(bench: Bench) -> None:
    """One that is late or knows no GS r got a question and 6 kB of NULs every ten seconds."""
    for device in ({"late_s": 0.6}, {"answers": "dle_eot"}, {"answers": "none"}):
        socket = bench.socket(shared=True, **device)
        station = bench.station(socket)
        station.run(300)
        sent = b"".join(socket.taken)
        assert b"\x1dr" not in sent
        assert NULS not in sent


def test_a_status_proves_nothing_where_others_print_too(bench: Bench) -> None:
    socket = bench.socket(shared=True, answers="dle_eot")
    station = bench.station(socket, change='{ status = "dle_eot" }')
    station.put()
    assert station.until("printed", "unknown") == "silent"


# --- lines that lie ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["gs_r", "process_id", "dle_eot"])
@pytest.mark.parametrize("shared", [False, True])
def test_a_line_that_echoes_proves_nothing(bench: Bench, status: str, shared: bool) -> None:
    socket = bench.socket(echoes=True, shared=shared)
    station = bench.station(socket, change=f'{{ status = "{status}" }}')
    for job in (1, 2):
        station.put(job)
        assert station.until("printed", "unknown", "held", job=job) == "silent"
    assert len(bench.whole(socket)) == 2


def test_a_printer_that_never_answers_gs_r_is_not_proven_by_its_status(bench: Bench) -> None:
    socket = bench.socket(answers="dle_eot")
    station = bench.station(socket)
    station.put()
    assert station.until("printed", "unknown") == "silent"
    station.put(2)
    before = bench.clock.now()
    assert station.until("printed", "unknown", "held", job=2) == "silent"
    assert bench.clock.now() - before < 20
    assert len(bench.whole(socket)) == 2


def test_a_printer_that_forgot_how_to_answer_gets_one_copy_and_then_a_person(bench: Bench) -> None:
    socket = bench.socket()
    station = bench.station(socket)
    station.run(1)
    bench.trouble(socket, answers="dle_eot")
    station.put()
    assert station.until("printed", "unknown") == "silent"
    assert station.copies == 1


def test_a_printer_that_proves_no_paper_is_not_fed_for_ever(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers between papers and never behind one, as when its line loses bytes."""
    socket = bench.socket()
    station = bench.station(socket)
    real = Wire.write

    def loses(self: Wire, data: bytes, seconds: float = 5.0) -> int:
        if data.startswith(b"\x1b@\x1c&\x1ba"):
            bench.trouble(socket, answers="dle_eot")
            bench.clock.later(20, lambda: bench.trouble(socket, answers="gs_r"))
        return real(self, data, seconds)

    monkeypatch.setattr(Wire, "write", loses)
    station.put()
    assert station.until("printed", "unknown") == "repeated"
    assert station.copies == COPIES_BY_ITSELF


def test_late_answers_hold_nothing_up(bench: Bench) -> None:
    socket = bench.socket(late_s=0.2)
    station = bench.station(socket)
    station.put()
    assert station.until("printed", "unknown", "held") == "gs_r"


# --- without flow control ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mm_per_s", [12, 20, 40, 60])
@pytest.mark.parametrize("buffer", [512, 1024, 2048])
@pytest.mark.parametrize("encoding", ["gbk", "raster"])
def test_a_head_slower_than_its_profile_loses_nothing_or_is_not_said_to_have_printed(
    bench: Bench, mm_per_s: int, buffer: int, encoding: str
) -> None:
    socket = bench.socket(mm_per_s=mm_per_s, buffer=buffer, flow=False)
    change = f'{{ buffer = {buffer}, speed = 60, encoding = "{encoding}" }}'
    station = bench.station(socket, change=change, blind=True)
    station.put()
    assert station.until("printed", "unknown", "held") == "gs_r"
    assert socket.device.lost == 0


def test_without_flow_control_and_without_gs_r_nobody_knows_what_got_lost(bench: Bench) -> None:
    socket = bench.socket(mm_per_s=40, buffer=1024, flow=False, answers="dle_eot")
    station = bench.station(socket, change="{ buffer = 1024 }", blind=True)
    station.put()
    assert station.until("printed", "unknown") == "silent"
    assert socket.device.lost == 0  # the head is faster than the profile's 30 mm/s
    assert len(bench.whole(socket)) == 1


# --- links that break -------------------------------------------------------------------------------------------------


def test_a_link_lost_while_bytes_go_out_makes_a_copy_of_the_paper(bench: Bench) -> None:
    """How much of the last write went out is not known: at 511 bytes a strip already shows the total."""
    socket = bench.socket()
    station = bench.station(socket)
    station.run(1)
    real = Wire.write

    def breaks(self: Wire, data: bytes, seconds: float = 5.0) -> int:
        if len(data) > 100:
            real(self, data[:500], seconds)
            socket.gone = True
        return real(self, data, seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Wire, "write", breaks)
        station.put()
        assert station.until("held") == "gone"
    socket.gone = False
    assert station.until("printed") == "gs_r"
    assert ["COPY 1" in text for text in bench.whole(socket)] == [True]


# --- papers that only wait --------------------------------------------------------------------------------------------


def held_ones(station: Any, jobs: Iterable[int]) -> list[bool]:
    return [[news for news in station.news if news.job == job][-1].begun for job in jobs]


def test_every_paper_behind_a_held_one_is_held_too_and_none_of_them_begun(bench: Bench) -> None:
    socket = bench.socket(roll_mm=60)
    station = bench.station(socket)
    for job in (1, 2, 3):
        station.put(job)
    station.until("held", job=3)
    assert [station.states_of(job)[-1] for job in (1, 2, 3)] == ["held"] * 3
    assert held_ones(station, (1, 2, 3)) == [True, False, False]


def test_a_paper_that_was_called_waiting_is_not_begun_before_the_core_s_word(bench: Bench) -> None:
    """The disk says that no byte of it was sent: it has to say something else first."""
    socket = bench.socket()
    bench.trouble(socket, paper_out=True)
    station = bench.station(socket)
    station.refuses_words = True
    station.put()
    station.until("held")
    bench.trouble(socket, paper_out=False)
    station.run(30)
    assert bench.whole(socket) == []
    assert station.asked_for_word[0] == PrintAgain(1, False)
    station.refuses_words = False
    station.until("printed")
    assert ["COPY" in text for text in bench.whole(socket)] == [False]


def test_a_printer_that_answers_in_order_only_is_not_called_off_for_its_silence_in_real_time(bench: Bench) -> None:
    """It knows GS r and not DLE EOT: an idle minute, and the next buyer's slip comes at once, proven."""
    socket = bench.socket()
    socket.in_order_only = True
    station = bench.station(socket)
    station.put(1)
    assert station.until("printed", job=1) == "gs_r"
    for job in (2, 3):
        station.run(61)
        put = bench.clock.now()
        station.put(job)
        assert station.until("printed", job=job) == "gs_r"
        assert bench.clock.now() - put < 10
    assert "offline" not in station.states
    assert len(bench.whole(socket)) == 3


def test_a_printer_that_answers_in_order_only_and_is_off_holds_the_slip(bench: Bench) -> None:
    socket = bench.socket()
    socket.in_order_only = True
    station = bench.station(socket)
    station.put(1)
    station.until("printed", job=1)
    socket.gone = True
    station.run(10)
    station.put(2)
    station.run(30)
    assert station.states_of(2)[-1] == "held"
    socket.gone = False
    assert station.until("printed", job=2) == "gs_r"


@pytest.mark.parametrize("waits", [False, True])
def test_between_the_papers_of_a_queue_is_no_pause(bench: Bench, *, waits: bool) -> None:
    """Documents that the disk calls waiting ask for the core's word when their turn comes, not half a second later."""
    station = bench.station(bench.socket())
    station.put(1)
    station.until("printed")
    for job in (2, 3, 4, 5):
        station.put(job, waits=waits)
    station.thread.take_orders(0.0)
    pauses: list[float] = []
    while len(station.states_of(5)) < 2:
        pauses.append(station.thread.patience())
        station.run(0.001)
    assert set(pauses) == {0.0}


def test_papers_whose_turns_came_together_ask_no_more(bench: Bench) -> None:
    """Their turns are on the disk: they come out in their order, each once."""
    socket = bench.socket()
    station = bench.station(socket)
    for job in (1, 2, 3, 4):
        station.put(job, waits=job > 1)
    station.thread.take_orders(0.0)
    for job in (2, 3, 4):
        station.put(job)
    station.until("printed", job=4)
    assert station.asked_for_word == []
    assert len(bench.whole(socket)) == 4


def test_a_turn_that_came_too_late_is_asked_for_again(bench: Bench) -> None:
    """The roll ended meanwhile, and the disk calls the papers held."""
    socket = bench.socket()
    bench.trouble(socket, paper_out=True)
    station = bench.station(socket)
    station.put(1)
    station.put(2, waits=True)
    station.until("held", job=2)
    station.put(2)
    station.thread.take_orders(0.0)
    bench.trouble(socket, paper_out=False)
    station.until("printed", job=2)
    assert PrintAgain(2, False) in station.asked_for_word
    assert len(bench.whole(socket)) == 2


def test_a_word_that_was_asked_for_twice_prints_once(bench: Bench) -> None:
    """The core was slow: it gives its word twice."""
    socket = bench.socket()
    bench.trouble(socket, paper_out=True)
    station = bench.station(socket)
    station.put()
    station.until("held")
    bench.trouble(socket, paper_out=False)
    station.refuses_words = True
    station.run(8)
    assert station.asked_for_word == [PrintAgain(1, False)] * 2
    for _ in range(2):
        station.thread.put(station.jobs[1])
    station.until("printed")
    station.thread.put(station.jobs[1])
    station.run(20)
    assert len(bench.whole(socket)) == 1
