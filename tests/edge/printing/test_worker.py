"""A printer's thread against a simulated printer: what is proven, what is held, what comes out again and how marked.

Bytes go through real pseudo terminals, sockets and the simulated USB bus; the time is made up, so nothing here waits.
"""

import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from drivers.transports.opening import open_printer
from edge.documents import examples
from edge.printing.open_printer import ANSWER_SECONDS
from edge.printing.worker import HELD_SECONDS
from simulator.printer.printer import COOL_SECONDS
from simulator.printer.printer import Printer as SimulatedPrinter
from simulator.printer.read import Paper
from simulator.wires.in_step import InStep, JumpingClock
from simulator.wires.line import Plug, Pty, TcpPort
from simulator.wires.usb import Bus, PrinterGadget, UsbPlug
from simulator.wires.usb_host import Backend


class Rig:
    """A station and a simulated printer on one clock. ``seconds`` is how long it was until the last ``until``."""

    def __init__(
        self, new_station: Callable[..., Any], plug: Plug, *, address: str = "", settings: dict[str, Any], **device: Any
    ) -> None:
        self.clock = JumpingClock()
        self.papers: list[Paper] = []
        self.size = device.setdefault("buffer", 65536)
        device["flow"] = device.pop("flow_control", True)
        self.line = InStep(SimulatedPrinter(on_paper=self.papers.append, **device), plug, self.clock).start()
        self.busy: list[bool] = []
        self.seconds = 0.0
        settings = {"port": address or self.line.address, "flow": "rtscts"} | settings
        self.station = new_station(self.clock, self._open, **settings)
        self.put = self.station.put

    def _open(self, part: Any, link: Any) -> Any:
        transport = open_printer(part.port, link, part.flow)
        return transport if transport.keeps else self.line.hosted(transport)

    def trouble(self, **changes: Any) -> None:
        self.line.do(lambda printer, now: printer.trouble(now, **changes))

    def under_way(self, seconds: float, action: Callable[[], Any]) -> None:
        """Do this so much later, and note whether the head had work to do then."""

        def act() -> None:
            self.busy.append(self.line.do(lambda device, now: device.room(now)) < self.size)
            action()

        self.clock.later(seconds, act)

    def until(self, *states: str, job: int = 1) -> str:
        """Until this paper has one of these states; answers its word."""
        began = self.clock.now()
        word: str = self.station.until(*states, job=job)
        self.seconds = self.clock.now() - began
        return word

    def until_state(self, state: str) -> None:
        """Until the printer is so."""
        began = self.clock.now()
        self.station.run(60.0, lambda: self.station.states[-1:] == [state])
        assert self.station.states[-1:] == [state]
        self.seconds = self.clock.now() - began

    def out(self) -> list[str]:
        """The texts of the papers that are out when nothing more is to come."""
        for _ in range(60):
            self.clock.sleep(1.0)
            self.line.said()
        return [paper.text for paper in self.papers]

    def whole(self) -> list[Paper]:
        self.out()
        return [paper for paper in self.papers if is_whole(paper)]

    @property
    def copies(self) -> int:
        return int(self.station.copies)


def is_whole(paper: Paper) -> bool:
    return "卖方" in paper.text and "扫码查交易信息" in paper.text


@pytest.fixture
def rig(tmp_path: Path, new_station: Callable[..., Any]) -> Iterator[Callable[..., Rig]]:
    """``keep``, ``change``, ``flow`` and ``profile`` are the station's; the rest is the simulated printer's."""
    made: list[Rig] = []

    def one(plug: Plug | None = None, address: str = "", **options: Any) -> Rig:
        settings = {name: options.pop(name) for name in ("keep", "change", "flow", "profile") if name in options}
        made.append(Rig(new_station, plug or Pty(tmp_path / "printer"), address=address, settings=settings, **options))
        return made[-1]

    yield one
    for each in made:
        each.station.thread._link.close()
        each.line.stop()


def test_an_answer_behind_the_paper_proves_it(rig: Callable[..., Rig]) -> None:
    printer = rig()
    printer.put()
    assert printer.until("printed") == "gs_r"
    assert "COPY" not in printer.out()[0]


def test_a_process_id_proves_it_best(rig: Callable[..., Rig]) -> None:
    printer = rig(change='{ status = "process_id" }')
    printer.put(94**2 + 3)
    assert printer.until("printed", job=94**2 + 3) == "process_id"


def test_a_printer_that_lacks_process_ids_still_answers_gs_r(rig: Callable[..., Rig]) -> None:
    printer = rig(change='{ status = "process_id" }')
    printer.trouble(answers="gs_r")
    printer.put()
    assert printer.until("printed") == "gs_r"


@pytest.mark.parametrize("buffer", [65536, 512])
def test_a_roll_that_ends_in_the_slip_holds_it_and_it_comes_whole_on_the_new_roll(
    rig: Callable[..., Rig], buffer: int
) -> None:
    """With a small buffer the printer stops taking bytes in the middle of a picture's command."""
    printer = rig(roll_mm=60, buffer=buffer)
    printer.put()
    assert printer.until("held") in ("paper", "offline")
    torn = printer.out()[0]
    assert "净重" in torn
    assert "扫码查交易信息" not in torn
    printer.line.do(lambda device, now: device.new_roll(now))
    printer.until("printed")
    assert ["COPY 1" in paper.text for paper in printer.whole()] == [True]


def test_a_drawn_paper_that_was_torn_comes_out_whole_too(rig: Callable[..., Rig]) -> None:
    printer = rig(roll_mm=60, change='{ encoding = "raster" }')
    printer.put()
    assert printer.until("held") in ("paper", "offline")
    printer.line.do(lambda device, now: device.new_roll(now))
    assert printer.until("printed") == "gs_r"
    assert printer.copies == 1


def test_a_paper_that_does_not_fit_the_printer_fails_and_the_printer_goes_on(rig: Callable[..., Rig]) -> None:
    """The slip's QR code needs 195 dots at least; that shows when its turn comes, in the middle of the slip."""
    printer = rig(change="{ dots = 192, columns = 16 }")
    for job in (1, 2):
        printer.put(job)
        assert printer.until("failed", job=job) == "template"


def test_a_status_without_trouble_afterwards_proves_it_where_gs_r_is_not_asked(rig: Callable[..., Rig]) -> None:
    printer = rig(change='{ status = "dle_eot" }')
    printer.put()
    assert printer.until("printed") == "status"


def test_a_network_printer_is_opened_for_each_paper(rig: Callable[..., Rig]) -> None:
    port = TcpPort()
    port.plug_in()
    number = int(port.address.rpartition(":")[2])
    port.pull_out()
    printer = rig(TcpPort(number), address=f"tcp://127.0.0.1:{number}")
    for job in (1, 2):
        printer.put(job)
        assert printer.until("printed", job=job) == "gs_r"
    assert len(printer.out()) == 2


@pytest.mark.parametrize(("bidirectional", "state"), [(True, "printed"), (False, "unknown")])
def test_a_usb_printer_prints(
    rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch, bidirectional: bool, state: str
) -> None:
    bus = Bus()
    monkeypatch.setattr("drivers.transports.usb.backend", lambda: Backend(bus))
    printer = rig(UsbPlug(bus, PrinterGadget(bidirectional=bidirectional, room=None), "usb:0416:5011:SIM58"))
    printer.put()
    printer.until(state)
    assert "上海青" in printer.out()[0]


@pytest.mark.parametrize("after", [100, 511, 3000])
def test_a_stall_in_a_transfer_makes_a_copy_and_no_garbage_called_printed(
    rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Bytes of the transfer were taken before it: sent again they would stand there twice."""
    bus, gadget = Bus(), PrinterGadget(room=None)
    monkeypatch.setattr("drivers.transports.usb.backend", lambda: Backend(bus))
    printer = rig(UsbPlug(bus, gadget, "usb:0416:5011:SIM58"))
    printer.until_state("ready")
    bus.break_off(gadget, gadget.sends, after)
    printer.put()
    assert printer.until("printed", "held") == "gone"
    assert printer.until("printed") == "gs_r"
    assert ["COPY 1" in paper.text for paper in printer.whole()] == [True]
    assert printer.papers[-1].unknown == ()


@pytest.mark.parametrize("taken", [1, 64, 511])
def test_an_unplug_in_the_first_transfer_makes_a_copy(
    rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    """At 511 bytes the strip already shows seller, goods, weight and total."""
    bus, gadget = Bus(), PrinterGadget(room=None)
    monkeypatch.setattr("drivers.transports.usb.backend", lambda: Backend(bus))
    printer = rig(UsbPlug(bus, gadget, "usb:0416:5011:SIM58"))
    printer.until_state("ready")
    bus.break_off(gadget, gadget.sends, taken, errno.ENODEV)
    printer.put()
    assert printer.until("held", "printed") == "gone"
    assert printer.until("printed") == "gs_r"
    assert ["COPY 1" in paper.text for paper in printer.whole()] == [True]


def test_a_one_way_usb_printer_without_paper_is_held_and_one_unplugged_is_gone(
    rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    bus, gadget = Bus(), PrinterGadget(bidirectional=False, room=None)
    monkeypatch.setattr("drivers.transports.usb.backend", lambda: Backend(bus))
    printer = rig(UsbPlug(bus, gadget, "usb:0416:5011:SIM58"))
    gadget.paper_out = True
    printer.put()
    assert printer.until("held", "unknown") == "paper"
    gadget.paper_out = False
    assert printer.until("unknown") == "silent"
    printer.line.unplug()
    printer.until_state("gone")


def test_a_file_takes_a_paper(tmp_path: Path, rig: Callable[..., Rig]) -> None:
    printer = rig(address=f"file:{tmp_path / 'lp0'}")
    printer.put()
    assert printer.until("printed") == "file"
    assert "上海青".encode("gbk") in (tmp_path / "lp0").read_bytes()


def test_a_deaf_printer_gives_unknown_and_goes_on(rig: Callable[..., Rig]) -> None:
    printer = rig()
    printer.trouble(silent=True)
    for job in (1, 2):
        printer.put(job)
        assert printer.until("unknown", job=job) == "silent"
    assert not any("COPY" in text for text in printer.out())


@pytest.mark.parametrize(
    ("trouble", "word"), [("paper_out", "paper"), ("cover_open", "cover"), ("cutter_jam", "cutter")]
)
def test_a_paper_that_was_not_begun_comes_out_once_and_unmarked(
    rig: Callable[..., Rig], trouble: str, word: str
) -> None:
    printer = rig()
    printer.trouble(**{trouble: True})
    printer.put()
    assert printer.until("held") == word
    printer.trouble(**{trouble: False})
    assert printer.until("printed") == "gs_r"
    assert ["COPY" in text for text in printer.out()] == [False]


def test_a_paper_that_was_begun_comes_out_whole_again_as_a_counted_copy(rig: Callable[..., Rig]) -> None:
    printer = rig()
    printer.trouble(mm_per_s=25)  # the head needs four seconds, so the paper ends under it
    printer.put()
    printer.under_way(2.0, lambda: printer.trouble(paper_out=True))
    assert printer.until("held") in ("paper", "offline")
    assert printer.busy == [True]
    printer.trouble(paper_out=False, mm_per_s=None)
    printer.until("printed")
    assert ["COPY 1" in paper.text for paper in printer.whole()] == [False, True]


def test_a_printer_that_is_plugged_in_later_gets_what_waited(rig: Callable[..., Rig]) -> None:
    printer = rig()
    printer.line.unplug()
    printer.put()
    assert printer.until("held") == "gone"
    printer.line.replug()
    printer.until("printed")
    assert printer.seconds <= 2.5  # it is looked for every two seconds
    assert ["COPY" in text for text in printer.out()] == [False]


def test_a_paper_that_waited_too_long_is_given_up(rig: Callable[..., Rig]) -> None:
    printer = rig(keep=30)
    printer.trouble(paper_out=True)
    printer.put()
    printer.until("held")
    printer.station.run(29 * 60)
    assert printer.station.states_of(1) == ["held"]
    assert printer.until("failed") == "paper"
    assert 1740 <= 29 * 60 + printer.seconds <= 30 * 60 + HELD_SECONDS
    assert printer.out() == []


def test_what_an_earlier_job_left_unfinished_does_not_swallow_the_paper(rig: Callable[..., Rig]) -> None:
    """A raster of 128 rows was announced, and its dots never came."""
    printer = rig()
    printer.line.do(lambda device, now: device.receive(b"\x1b@\x1dv0\x00\x30\x00\x80\x00", now))
    printer.put()
    printer.until("printed")
    assert any("上海青" in text and "扫码查交易信息" in text for text in printer.out())


def test_a_person_s_word_ends_the_waiting(rig: Callable[..., Rig]) -> None:
    printer = rig()
    printer.trouble(paper_out=True)
    printer.put(1)
    printer.until("held")
    printer.station.thread.withdraw(1)
    printer.put(2)
    printer.until("held", job=2)
    printer.trouble(paper_out=False)
    printer.until("printed", job=2)
    assert printer.station.states_of(1) == ["held"]
    assert len(printer.out()) == 1


def test_a_character_the_printer_lacks_leaves_a_mark_and_a_line_in_the_log(
    rig: Callable[..., Rig], caplog: pytest.LogCaptureFixture
) -> None:
    printer = rig()
    content = examples("slip")[0]
    content["data"]["buyer"]["name"] = "𗀀记🥬店"
    printer.put(content=content)
    printer.until("printed")
    assert "买方   〓记〓店" in printer.out()[0]
    assert "characters this printer does not have: U+17000 U+1F96C" in caplog.text


def test_a_printer_without_chinese_gets_every_line_drawn(rig: Callable[..., Rig]) -> None:
    printer = rig(change='{ encoding = "raster", band = 24 }')
    printer.put()
    printer.until("printed")
    printer.out()
    assert printer.papers[0].unknown == ()
    assert any(url.startswith("https://sy.example.cn/j/") for url in printer.papers[0].qr)


def test_a_device_that_only_takes_bytes_proves_nothing(rig: Callable[..., Rig], tmp_path: Path) -> None:
    """``file:/dev/usb/lp0`` takes a paper on an empty roll as on a full one."""
    printer = rig(address=f"file:{tmp_path / 'printer'}")
    printer.trouble(silent=True)
    printer.put()
    assert printer.until("unknown") == "silent"
    assert "上海青" in printer.out()[0]


def test_a_file_keeps_papers_of_earlier_runs(rig: Callable[..., Rig], tmp_path: Path) -> None:
    kept = tmp_path / "lp0"
    kept.write_bytes(b"earlier")
    printer = rig(address=f"file:{kept}")
    printer.put()
    assert printer.until("printed") == "file"
    assert kept.read_bytes().startswith(b"earlier\x1b@")


# --- what cheap printers do -------------------------------------------------------------------------------------------


def test_a_printer_that_answers_only_when_it_is_idle_is_proven_too(rig: Callable[..., Rig]) -> None:
    printer = rig(mm_per_s=80)
    printer.trouble(idle_only=True)
    printer.put()
    assert printer.until("printed") == "gs_r"


def test_a_hot_head_goes_on_by_itself_and_the_slip_comes_once(
    rig: Callable[..., Rig],
) -> None:
    printer = rig(mm_per_s=60)
    printer.put()
    printer.under_way(1.0, lambda: printer.trouble(overheated=True))
    assert printer.until("printed", "held") == "gs_r"
    assert printer.busy == [True]
    assert printer.seconds > COOL_SECONDS
    assert [("COPY" in text, is_whole(paper)) for text, paper in zip(printer.out(), printer.papers, strict=True)] == [
        (False, True)
    ]


def test_a_hot_head_before_a_slip_is_told(rig: Callable[..., Rig]) -> None:
    printer = rig()
    printer.trouble(overheated=True)
    printer.put()
    assert printer.until("held") == "hot"
    assert printer.until("printed") == "gs_r"
    assert ["COPY" in text for text in printer.out()] == [False]


def test_a_printer_that_was_switched_off_in_a_slip_prints_it_whole_again(
    rig: Callable[..., Rig],
) -> None:
    """It forgets its buffer and is well again: without an answer behind the slip, that is no proof."""
    printer = rig(mm_per_s=40)

    def off_and_on() -> None:
        printer.line.do(lambda device, now: device.power(now, False))
        printer.line.do(lambda device, now: device.power(now, True))

    printer.put()
    printer.under_way(1.0, off_and_on)  # the question behind the slip is among what it forgets
    assert printer.until("held") == "offline"
    assert printer.busy == [True]
    assert printer.seconds > ANSWER_SECONDS
    assert printer.until("printed") == "gs_r"
    printer.out()
    assert ["COPY 1" in paper.text for paper in printer.papers if is_whole(paper)] == [True]


def test_a_printer_that_forgets_its_buffer_when_the_paper_ends_prints_the_slip_whole_again(
    rig: Callable[..., Rig],
) -> None:
    printer = rig(roll_mm=60, keeps=False)
    printer.put()
    assert printer.until("held") == "paper"
    printer.line.do(lambda device, now: device.new_roll(now))
    assert printer.until("printed") == "gs_r"
    printer.out()
    assert ["COPY 1" in paper.text for paper in printer.papers if is_whole(paper)] == [True]


def test_a_printer_that_vanishes_in_a_slip_gets_it_whole_again(rig: Callable[..., Rig]) -> None:
    printer = rig(mm_per_s=60, buffer=1024)
    printer.put()
    printer.under_way(0.5, printer.line.unplug)
    assert printer.until("held") == "gone"
    assert printer.busy == [True]
    printer.line.replug()
    assert printer.until("printed") == "gs_r"
    printer.out()
    assert "COPY 1" in [paper.text for paper in printer.papers if is_whole(paper)][-1]


@pytest.mark.parametrize(("holds", "lost"), [(4096, False), (1 << 20, True)])
def test_without_flow_control_nothing_is_lost_when_the_profile_is_right(
    rig: Callable[..., Rig], holds: int, lost: bool
) -> None:
    """A pseudo terminal brings bytes at once, as a USB adapter does; the head prints 60 mm a second."""
    printer = rig(flow="none", change=f"{{ buffer = {holds} }}", mm_per_s=60, buffer=4096, flow_control=False)
    printer.put()
    printer.until("printed", "held", "unknown")
    printer.out()
    assert (printer.line.do(lambda device, now: device.lost) > 0) == lost
    assert lost or (is_whole(printer.papers[0]) and printer.papers[0].unknown == ())


# --- labels -----------------------------------------------------------------------------------------------------------


def test_a_label_is_printed_and_proven_by_the_status_afterwards(rig: Callable[..., Rig]) -> None:
    printer = rig(profile="label-40x30", language="tspl")
    printer.put(paper="label")
    assert printer.until("printed") == "status"
    label = printer.out()[0]
    assert "上海青" in label
    assert printer.papers[0].barcodes == [examples("label")[0]["data"]["sample"]]


def test_labels_that_ran_out_hold_the_label(rig: Callable[..., Rig]) -> None:
    printer = rig(profile="label-40x30", language="tspl")
    printer.trouble(paper_out=True)
    printer.put(paper="label")
    assert printer.until("held") == "paper"
    printer.trouble(paper_out=False)
    assert printer.until("printed") == "status"
    assert len(printer.out()) == 1


def test_a_label_printer_s_test_page_fits_its_label(rig: Callable[..., Rig]) -> None:
    printer = rig(profile="label-40x30", language="tspl")
    printer.put(paper="test")
    assert printer.until("printed", "failed") == "status"
