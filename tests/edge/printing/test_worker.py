"""A printer's thread against a simulated printer: what is proven, what is held, what comes out again and how marked."""

import errno
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

import pytest

from edge.between.inbox import Inbox, PrintAgain, Printed, PrinterChanged
from edge.between.print_states import PrintJob
from edge.config.sections import load
from edge.documents import Documents, examples
from edge.printing.typesetting import Typesetter
from edge.printing.worker import Printer
from simulator.printer.printer import Printer as SimulatedPrinter
from simulator.printer.read import Paper
from simulator.wires.line import Line, Plug, Pty, TcpPort
from simulator.wires.usb import Bus, PrinterGadget, UsbPlug
from simulator.wires.usb_host import Backend

CONFIG = """
[station]
name = "惠济市场"
jobs = ["stall"]
node = "410108001"
terminal = "01"
region = "410108"
host = "sy.example.cn"
[seller]
code = "4101080010123"
name = "王秀英"
[city]
brokers = ["mqtt://127.0.0.1"]
[[printer]]
name = "printer-1"
port = "{port}"
flow = "{flow}"
profile = "{profile}"
keep_minutes = {keep}
change = {change}
"""
SECONDS = 60.0


class Rig:
    """The printer's thread, a simulated printer, and the core's part played here."""

    def __init__(
        self,
        folder: Path,
        plug: Plug,
        *,
        keep: float = 30,
        change: str = "{}",
        address: str = "",
        flow: str = "rtscts",
        profile: str = "generic-58",
        **device: Any,
    ) -> None:
        self.papers: list[Paper] = []
        self.news: list[tuple[int, str, str]] = []
        self.copies = 0
        self.size = device.setdefault("buffer", 65536)
        self.line = Line(SimulatedPrinter(on_paper=self.papers.append, **device), plug).start()
        config = folder / "station.toml"
        config.write_text(
            CONFIG.format(port=address or self.line.address, flow=flow, profile=profile, keep=keep, change=change),
            "utf-8",
        )
        self.inbox: Inbox = Inbox()
        loaded = load(config)
        self.thread = Printer(loaded.printer[0], Typesetter(loaded, Documents()), self.inbox)

    def start(self) -> None:
        self.thread.start()

    def put(self, number: int = 1, copy: int = 0, paper: str = "slip") -> None:
        body = json.dumps(examples(paper)[0]).encode()
        self.thread.put(PrintJob(number, 1, paper, "", "printer-1", body, copy, time.monotonic()))

    def trouble(self, **changes: Any) -> None:
        self.line.do(lambda printer, now: printer.trouble(now, **changes))

    def until_state(self, state: str) -> None:
        """Wait until the printer is so."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            with suppress(Empty):
                message = self.inbox.get(timeout=0.1)
                if isinstance(message, PrinterChanged) and message.state == state:
                    return
        raise AssertionError(f"never {state}")

    def until_held(self, count: int = 1) -> None:
        """Wait until so many bytes are in the printer's buffer."""
        end = time.monotonic() + SECONDS
        while self.line.do(lambda device, now: device.room(now)) > self.size - count and time.monotonic() < end:
            time.sleep(0.01)

    def until(self, *states: str) -> str:
        """Wait for one of these states of the newest job; answers its word. Copies are numbered as the core does."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            try:
                message = self.inbox.get(timeout=0.1)
            except Empty:
                continue
            if isinstance(message, PrintAgain):
                self.copies += 1
                self.put(message.job, self.copies)
            elif isinstance(message, Printed):
                self.news.append((message.job, message.state, message.why))
                if message.state in states:
                    return message.why
        raise AssertionError(f"no {states} in {self.news}")

    def out(self, count: int) -> list[str]:
        """The texts of the papers, once there are so many."""
        end = time.monotonic() + SECONDS
        while len(self.papers) < count and time.monotonic() < end:
            time.sleep(0.02)
        return [paper.text for paper in self.papers]

    def whole(self) -> list[Paper]:
        """The whole papers, once there is one."""
        end = time.monotonic() + SECONDS
        while not (whole := [paper for paper in self.papers if is_whole(paper)]) and time.monotonic() < end:
            time.sleep(0.02)
        return whole

    def stop(self) -> None:
        self.thread.stop()
        self.thread.join(5)
        self.line.stop()


def is_whole(paper: Paper) -> bool:
    return "卖方" in paper.text and "扫码查交易信息" in paper.text


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def one(plug: Plug | None = None, **options: Any) -> Rig:
        made.append(Rig(tmp_path, plug or Pty(tmp_path / "printer"), **options))
        return made[-1]

    yield one
    for each in made:
        each.stop()


def test_an_answer_behind_the_paper_proves_it(rig: Callable[..., Rig]) -> None:
    printer = rig()
    printer.start()
    printer.put()
    assert printer.until("printed") == "gs_r"
    assert "COPY" not in printer.out(1)[0]


def test_a_process_id_proves_it_best(rig: Callable[..., Rig]) -> None:
    printer = rig(change='{ status = "process_id" }')
    printer.start()
    printer.put(94**2 + 3)
    assert printer.until("printed") == "process_id"


def test_a_printer_that_lacks_process_ids_still_answers_gs_r(rig: Callable[..., Rig]) -> None:
    printer = rig(change='{ status = "process_id" }')
    printer.trouble(answers="gs_r")
    printer.start()
    printer.put()
    assert printer.until("printed") == "gs_r"


@pytest.mark.parametrize("buffer", [65536, 512])
def test_a_roll_that_ends_in_the_slip_holds_it_and_it_comes_whole_on_the_new_roll(
    rig: Callable[..., Rig], buffer: int
) -> None:
    """With a small buffer the printer stops taking bytes in the middle of a picture's command."""
    printer = rig(roll_mm=60, buffer=buffer)
    printer.start()
    printer.put()
    assert printer.until("held") in ("paper", "offline")
    torn = printer.out(1)[0]
    assert "净重" in torn
    assert "扫码查交易信息" not in torn
    printer.line.do(lambda device, now: device.new_roll(now))
    printer.until("printed")
    end = time.monotonic() + SECONDS
    while not (whole := [paper.text for paper in printer.papers if is_whole(paper)]) and time.monotonic() < end:
        time.sleep(0.02)
    assert ["COPY 1" in text for text in whole] == [True]


def test_a_drawn_paper_that_was_torn_comes_out_whole_too(rig: Callable[..., Rig]) -> None:
    printer = rig(roll_mm=60, change='{ encoding = "raster" }')
    printer.start()
    printer.put()
    assert printer.until("held") in ("paper", "offline")
    printer.line.do(lambda device, now: device.new_roll(now))
    assert printer.until("printed") == "gs_r"
    assert printer.copies == 1


def test_a_paper_that_does_not_fit_the_printer_fails_and_the_printer_goes_on(rig: Callable[..., Rig]) -> None:
    """The slip's QR code needs 195 dots at least; that shows when its turn comes, in the middle of the slip."""
    printer = rig(change="{ dots = 192, columns = 16 }")
    printer.start()
    for job in (1, 2):
        printer.put(job)
        assert printer.until("failed") == "template"
    assert printer.thread.is_alive()


def test_a_status_without_trouble_afterwards_proves_it_where_gs_r_is_not_asked(rig: Callable[..., Rig]) -> None:
    printer = rig(change='{ status = "dle_eot" }')
    printer.start()
    printer.put()
    assert printer.until("printed") == "status"


def test_a_network_printer_is_opened_for_each_paper(rig: Callable[..., Rig]) -> None:
    port = TcpPort()
    port.plug_in()
    number = int(port.address.rpartition(":")[2])
    port.pull_out()
    printer = rig(TcpPort(number), address=f"tcp://127.0.0.1:{number}")
    printer.start()
    for job in (1, 2):
        printer.put(job)
        assert printer.until("printed") == "gs_r"
    assert len(printer.out(2)) == 2


@pytest.mark.parametrize(("bidirectional", "state"), [(True, "printed"), (False, "unknown")])
def test_a_usb_printer_prints(
    rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch, bidirectional: bool, state: str
) -> None:
    bus = Bus()
    monkeypatch.setattr("drivers.transports.usb.backend", lambda: Backend(bus))
    printer = rig(UsbPlug(bus, PrinterGadget(bidirectional=bidirectional), "usb:0416:5011:SIM58"))
    printer.start()
    printer.put()
    printer.until(state)
    assert "上海青" in printer.out(1)[0]


@pytest.mark.parametrize("after", [100, 511, 3000])
def test_a_stall_in_a_transfer_makes_a_copy_and_no_garbage_called_printed(
    rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Bytes of the transfer were taken before it: sent again they would stand there twice."""
    bus, gadget = Bus(), PrinterGadget()
    monkeypatch.setattr("drivers.transports.usb.backend", lambda: Backend(bus))
    printer = rig(UsbPlug(bus, gadget, "usb:0416:5011:SIM58"))
    printer.start()
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
    bus, gadget = Bus(), PrinterGadget()
    monkeypatch.setattr("drivers.transports.usb.backend", lambda: Backend(bus))
    printer = rig(UsbPlug(bus, gadget, "usb:0416:5011:SIM58"))
    printer.start()
    printer.until_state("ready")
    bus.break_off(gadget, gadget.sends, taken, errno.ENODEV)
    printer.put()
    assert printer.until("held", "printed") == "gone"
    assert printer.until("printed") == "gs_r"
    assert ["COPY 1" in paper.text for paper in printer.whole()] == [True]


def test_a_one_way_usb_printer_without_paper_is_held_and_one_unplugged_is_gone(
    rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    bus, gadget = Bus(), PrinterGadget(bidirectional=False)
    monkeypatch.setattr("drivers.transports.usb.backend", lambda: Backend(bus))
    printer = rig(UsbPlug(bus, gadget, "usb:0416:5011:SIM58"))
    gadget.paper_out = True
    printer.start()
    printer.put()
    assert printer.until("held", "unknown") == "paper"
    gadget.paper_out = False
    assert printer.until("unknown") == "silent"
    printer.line.unplug()
    printer.until_state("gone")


def test_a_file_takes_a_paper(tmp_path: Path, rig: Callable[..., Rig]) -> None:
    printer = rig(address=f"file:{tmp_path / 'lp0'}")
    printer.start()
    printer.put()
    assert printer.until("printed") == "file"
    assert "上海青".encode("gbk") in (tmp_path / "lp0").read_bytes()


def test_a_deaf_printer_gives_unknown_and_goes_on(rig: Callable[..., Rig]) -> None:
    printer = rig()
    printer.trouble(silent=True)
    printer.start()
    for job in (1, 2):
        printer.put(job)
        assert printer.until("unknown") == "silent"
    assert not any("COPY" in text for text in printer.out(2))


@pytest.mark.parametrize(
    ("trouble", "word"), [("paper_out", "paper"), ("cover_open", "cover"), ("cutter_jam", "cutter")]
)
def test_a_paper_that_was_not_begun_comes_out_once_and_unmarked(
    rig: Callable[..., Rig], trouble: str, word: str
) -> None:
    printer = rig()
    printer.trouble(**{trouble: True})
    printer.start()
    printer.put()
    assert printer.until("held") == word
    printer.trouble(**{trouble: False})
    assert printer.until("printed") == "gs_r"
    assert ["COPY" in text for text in printer.out(1)] == [False]


def test_a_paper_that_was_begun_comes_out_whole_again_as_a_counted_copy(rig: Callable[..., Rig]) -> None:
    printer = rig()
    printer.trouble(mm_per_s=25)  # the head needs four seconds, so the paper ends under it
    printer.start()
    printer.put()
    printer.until("printing")
    printer.trouble(paper_out=True)
    assert printer.until("held") in ("paper", "offline")
    printer.trouble(paper_out=False, mm_per_s=None)
    printer.until("printed")
    whole = [text for text in printer.out(2) if "扫码查交易信息" in text]
    assert sum("COPY" not in text for text in whole) <= 1
    assert "COPY 1" in whole[-1]


def test_a_printer_that_is_plugged_in_later_gets_what_waited(rig: Callable[..., Rig]) -> None:
    printer = rig()
    printer.line.unplug()
    printer.start()
    printer.put()
    assert printer.until("held") == "gone"
    printer.line.replug()
    printer.until("printed")
    assert ["COPY" in text for text in printer.out(1)] == [False]


def test_a_paper_that_waited_too_long_is_given_up(rig: Callable[..., Rig]) -> None:
    printer = rig(keep=0.02)
    printer.trouble(paper_out=True)
    printer.start()
    printer.put()
    assert printer.until("failed") == "paper"
    assert printer.out(0) == []


def test_what_an_earlier_job_left_unfinished_does_not_swallow_the_paper(rig: Callable[..., Rig]) -> None:
    """A raster of 128 rows was announced, and its dots never came."""
    printer = rig()
    printer.line.do(lambda device, now: device.receive(b"\x1b@\x1dv0\x00\x30\x00\x80\x00", now))
    printer.start()
    printer.put()
    printer.until("printed")
    assert any("上海青" in text and "扫码查交易信息" in text for text in printer.out(2))


def test_a_person_s_word_ends_the_waiting(rig: Callable[..., Rig]) -> None:
    printer = rig()
    printer.trouble(paper_out=True)
    printer.start()
    printer.put(1)
    printer.until("held")
    printer.thread.withdraw(1)
    printer.put(2)
    printer.until("held")
    printer.trouble(paper_out=False)
    printer.until("printed")
    assert [job for job, state, _ in printer.news if state == "printed"] == [2]


def test_a_character_the_printer_lacks_leaves_a_mark_and_a_line_in_the_log(
    rig: Callable[..., Rig], caplog: pytest.LogCaptureFixture
) -> None:
    printer = rig()
    content = examples("slip")[0]
    content["data"]["buyer"]["name"] = "𗀀记🥬店"
    printer.start()
    body = json.dumps(content).encode()
    printer.thread.put(PrintJob(1, 1, "slip", "", "printer-1", body, 0, time.monotonic()))
    printer.until("printed")
    assert "买方 〓记〓店" in printer.out(1)[0]
    assert "characters this printer does not have: U+17000 U+1F96C" in caplog.text


def test_a_printer_without_chinese_gets_every_line_drawn(rig: Callable[..., Rig]) -> None:
    printer = rig(change='{ encoding = "raster", band = 24 }')
    printer.start()
    printer.put()
    printer.until("printed")
    printer.out(1)
    assert printer.papers[0].unknown == ()
    assert any(url.startswith("https://sy.example.cn/j/") for url in printer.papers[0].qr)


def test_a_device_that_only_takes_bytes_proves_nothing(rig: Callable[..., Rig], tmp_path: Path) -> None:
    """``file:/dev/usb/lp0`` takes a paper on an empty roll as on a full one."""
    printer = rig(address=f"file:{tmp_path / 'printer'}")
    printer.trouble(silent=True)
    printer.start()
    printer.put()
    assert printer.until("unknown") == "silent"
    assert "上海青" in printer.out(1)[0]


def test_a_file_keeps_papers_of_earlier_runs(rig: Callable[..., Rig], tmp_path: Path) -> None:
    kept = tmp_path / "lp0"
    kept.write_bytes(b"earlier")
    printer = rig(address=f"file:{kept}")
    printer.start()
    printer.put()
    assert printer.until("printed") == "file"
    assert kept.read_bytes().startswith(b"earlier\x1b@")


# --- what cheap printers do -------------------------------------------------------------------------------------------


def test_a_printer_that_answers_only_when_it_is_idle_is_proven_too(rig: Callable[..., Rig]) -> None:
    printer = rig(mm_per_s=80)
    printer.trouble(idle_only=True)
    printer.start()
    printer.put()
    assert printer.until("printed") == "gs_r"


def test_a_hot_head_goes_on_by_itself_and_the_slip_comes_once(
    rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulator.printer.printer.COOL_SECONDS", 2.0)
    printer = rig(mm_per_s=60)
    printer.start()
    printer.put()
    printer.until("printing")
    printer.until_held()
    printer.trouble(overheated=True)
    assert printer.until("printed", "held") == "gs_r"
    assert [("COPY" in text, is_whole(paper)) for text, paper in zip(printer.out(1), printer.papers, strict=True)] == [
        (False, True)
    ]


def test_a_hot_head_before_a_slip_is_told(rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.printer.printer.COOL_SECONDS", 2.0)
    printer = rig()
    printer.trouble(overheated=True)
    printer.start()
    printer.put()
    assert printer.until("held") == "hot"
    assert printer.until("printed") == "gs_r"
    assert ["COPY" in text for text in printer.out(1)] == [False]


def test_a_printer_that_was_switched_off_in_a_slip_prints_it_whole_again(
    rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It forgets its buffer and is well again: without an answer behind the slip, that is no proof."""
    monkeypatch.setattr("edge.printing.open_printer.ANSWER_SECONDS", 1.0)
    printer = rig(mm_per_s=40)
    printer.start()
    printer.put()
    printer.until("printing")
    printer.until_held(14_000)  # the question behind the slip is among them
    printer.line.do(lambda device, now: device.power(now, False))
    printer.line.do(lambda device, now: device.power(now, True))
    assert printer.until("held") == "offline"
    assert printer.until("printed") == "gs_r"
    printer.out(2)
    assert ["COPY 1" in paper.text for paper in printer.papers if is_whole(paper)] == [True]


def test_a_printer_that_forgets_its_buffer_when_the_paper_ends_prints_the_slip_whole_again(
    rig: Callable[..., Rig],
) -> None:
    printer = rig(roll_mm=60, keeps=False)
    printer.start()
    printer.put()
    assert printer.until("held") == "paper"
    printer.line.do(lambda device, now: device.new_roll(now))
    assert printer.until("printed") == "gs_r"
    printer.out(3)
    assert ["COPY 1" in paper.text for paper in printer.papers if is_whole(paper)] == [True]


def test_a_printer_that_vanishes_in_a_slip_gets_it_whole_again(rig: Callable[..., Rig]) -> None:
    printer = rig(mm_per_s=60, buffer=1024)
    printer.start()
    printer.put()
    printer.until("printing")
    printer.until_held()
    printer.line.unplug()
    assert printer.until("held") == "gone"
    printer.line.replug()
    assert printer.until("printed") == "gs_r"
    printer.out(2)
    assert "COPY 1" in [paper.text for paper in printer.papers if is_whole(paper)][-1]


@pytest.mark.parametrize(("holds", "lost"), [(4096, False), (1 << 20, True)])
def test_without_flow_control_nothing_is_lost_when_the_profile_is_right(
    rig: Callable[..., Rig], holds: int, lost: bool
) -> None:
    """A pseudo terminal brings bytes at once, as a USB adapter does; the head prints 60 mm a second."""
    printer = rig(flow="none", change=f"{{ buffer = {holds} }}")
    printer.line.stop()
    printer.line = Line(
        SimulatedPrinter(on_paper=printer.papers.append, mm_per_s=60, buffer=4096, flow=False),
        Pty(printer.line.address),
    ).start()
    printer.start()
    printer.put()
    printer.until("printed", "held", "unknown")
    printer.out(1)
    assert (printer.line.do(lambda device, now: device.lost) > 0) == lost
    assert lost or (is_whole(printer.papers[0]) and printer.papers[0].unknown == ())


# --- labels -----------------------------------------------------------------------------------------------------------


def test_a_label_is_printed_and_proven_by_the_status_afterwards(rig: Callable[..., Rig]) -> None:
    printer = rig(profile="label-40x30", language="tspl")
    printer.start()
    printer.put(paper="label")
    assert printer.until("printed") == "status"
    label = printer.out(1)[0]
    assert "上海青" in label
    assert printer.papers[0].barcodes == [examples("label")[0]["data"]["sample"]]


def test_labels_that_ran_out_hold_the_label(rig: Callable[..., Rig]) -> None:
    printer = rig(profile="label-40x30", language="tspl")
    printer.trouble(paper_out=True)
    printer.start()
    printer.put(paper="label")
    assert printer.until("held") == "paper"
    printer.trouble(paper_out=False)
    assert printer.until("printed") == "status"
    assert len(printer.out(1)) == 1


def test_a_label_printer_s_test_page_fits_its_label(rig: Callable[..., Rig]) -> None:
    printer = rig(profile="label-40x30", language="tspl")
    printer.start()
    printer.put(paper="test")
    assert printer.until("printed", "failed") == "status"
