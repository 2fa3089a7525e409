"""The port thread against real ptys; silence is told after a fraction of a second here."""

import logging
import time
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from queue import Empty

import pytest

from drivers.model import Model
from drivers.transports import open_port
from edge.between.inbox import Inbox, PortChanged, PortGarbage, Weighed
from edge.ports.port import BACK_OFF, Port
from edge.ports.silence import Nature
from protocol import formats
from protocol.link import Link
from protocol.scales import st_gs
from simulator.scales._pan import Pan, find
from simulator.wires.baud import BaudPty
from simulator.wires.line import Line, Pty

SECONDS = 10.0  # to wait at most for what has to come
SILENT = 0.5


class Mute:
    """A device that says what it is told to say, and counts what it is asked."""

    def __init__(self):
        self.out = bytearray()
        self.heard = b""

    def receive(self, data, now):
        self.heard += data

    def pending(self, now):
        out = bytes(self.out)
        self.out.clear()
        return out

    def deadline(self, now):
        return now if self.out else None

    def say(self, data):
        self.out += data


class Station:
    """A port and its inbox."""

    def __init__(self, address, format_id, name="scale-1"):
        link = Link(9600)
        wire_format = formats.find(format_id)
        self.inbox = Inbox()
        nature = replace(Nature.of(Model(format_id, "", "", format_id), link), seconds=SILENT)
        self.port = Port(name, self.inbox, lambda: open_port(address, link), wire_format.speaks, nature)
        self.seen = []

    def until(self, wanted, seconds=SECONDS):
        """Messages up to the first that is wanted."""
        seen, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                seen.append(self.inbox.get(timeout=0.1))
            except Empty:
                continue
            if wanted(seen[-1]):
                self.seen += seen
                return seen
        raise AssertionError(f"it did not come; there came: {seen[-20:]}")

    def changes(self, seconds):
        """All news of the port within this time."""
        found, end = [], time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                message = self.inbox.get(timeout=left)
            except Empty:
                break
            if isinstance(message, PortChanged):
                found.append(message)
        return found


@contextmanager
def station(address, format_id, **options):
    made = Station(address, format_id, **options)
    made.port.start()
    try:
        yield made
    finally:
        made.port.stop()
        made.port.join(5)
        assert not made.port.is_alive()


def scale(format_id="st_gs", kg="2.350"):
    pan = Pan(settle=0.0)
    pan.put(Decimal(kg), 0.0)
    return find(format_id)(pan)


def up(message):
    return isinstance(message, PortChanged) and message.up and not message.why


def down(message):
    return isinstance(message, PortChanged) and not message.up


def troubled(message):
    return isinstance(message, PortChanged) and message.up and bool(message.why)


def weighed(message):
    return isinstance(message, Weighed)


def line_of(kg):
    return st_gs.encode(scale(kg=kg).pan.reading(1.0))


def test_a_silent_scale_is_told_once_and_once_when_it_returns(tmp_path, caplog):
    caplog.set_level(logging.INFO, "port")
    with Line(Mute(), Pty(tmp_path / "scale")) as line, station(line.address, "st_gs", name="scale-3") as here:
        here.until(up)
        assert here.until(troubled)[-1] == PortChanged(
            "scale-3", True, "no frame for 0.5 s; check cable and that output mode is continuous"
        )
        assert here.changes(3 * SILENT) == []
        line.do(lambda device, now: device.say(line_of("1.000")))
        here.until(up)
    told = [record.getMessage() for record in caplog.records if record.name == "port"]
    assert told == [
        "scale-3 connected",
        "scale-3: no frame for 0.5 s; check cable and that output mode is continuous",
        "scale-3 sending again",
    ]


def test_a_polled_scale_that_never_answers_is_told_with_its_own_next_step(tmp_path):
    with Line(Mute(), Pty(tmp_path / "scale")) as line, station(line.address, "mt_sics") as here:
        why = here.until(troubled)[-1].why
        assert why.startswith("asked, and no answer for 0.5 s") and "9600/8n1" in why
        assert line.do(lambda device, now: device.heard).startswith(b"SI\r\n")


def test_a_polled_scale_that_answers_is_left_alone(tmp_path):
    with Line(scale("mt_sics"), Pty(tmp_path / "scale")) as line, station(line.address, "mt_sics") as here:
        here.until(weighed)
        assert here.changes(3 * SILENT) == []


def test_an_analyzer_that_has_nothing_to_say_is_left_alone(tmp_path):
    with Line(Mute(), Pty(tmp_path / "analyzer")) as line, station(line.address, "astm") as here:
        here.until(up)
        assert here.changes(3 * SILENT) == []


@pytest.mark.parametrize("device", ["9600/7e1", "4800/8n1"])
def test_a_scale_at_other_settings_is_told_as_unreadable(tmp_path, device):
    plug = BaudPty(tmp_path / "scale", Link.parse(device))
    with Line(scale("st_gs"), plug) as line, station(line.address, "st_gs") as here:
        why = here.until(troubled)[-1].why
        assert why.startswith("only unreadable bytes: ") and "check protocol and link settings (9600/8n1" in why
        assert "parity: " in why or device != "9600/7e1"
        assert here.changes(2 * SILENT) == []
        assert not any(isinstance(message, Weighed) for message in here.seen)


def test_a_scale_that_vanishes_within_a_frame_gives_no_weight_of_the_half(tmp_path):
    with Line(Mute(), Pty(tmp_path / "scale")) as line, station(line.address, "st_gs") as here:
        here.until(up)
        line.do(lambda device, now: device.say(line_of("1.000") + line_of("2.000")[:9]))
        here.until(weighed)
        line.unplug()
        here.until(down)
        line.replug()
        here.until(up)
        line.do(lambda device, now: device.say(line_of("3.000")[9:] + line_of("4.000")))
        here.until(weighed)
    values = [message.weighing.value for message in here.seen if isinstance(message, Weighed)]
    assert values == [Decimal("1.000"), Decimal("4.000")]
    assert any(isinstance(message, PortGarbage) for message in here.seen)


def test_a_replugged_scale_is_read_again(tmp_path):
    assert max(BACK_OFF) < 2.0  # seconds: as soon is the promise
    with Line(scale(), Pty(tmp_path / "scale")) as line, station(line.address, "st_gs") as here:
        for _ in range(3):
            here.until(weighed)
            line.unplug()
            here.until(down)
            line.replug()
            here.until(weighed)


def test_ports_that_appear_in_another_order_are_each_found(tmp_path):
    lines = [Line(scale(kg=kg), Pty(tmp_path / name)) for name, kg in (("left", "1.000"), ("right", "2.000"))]
    with (
        station(str(tmp_path / "left"), "st_gs", name="left") as left,
        station(str(tmp_path / "right"), "st_gs", name="right") as right,
    ):
        assert "no such device" in left.until(down)[-1].why
        right.until(down)
        for line in reversed(lines):
            line.start()
        try:
            assert left.until(weighed)[-1].weighing.value == Decimal("1.000")
            assert right.until(weighed)[-1].weighing.value == Decimal("2.000")
        finally:
            for line in lines:
                line.stop()


def test_two_alike_stay_apart_when_one_goes(tmp_path):
    with (
        Line(scale(kg="1.000"), Pty(tmp_path / "one")) as one,
        Line(scale(kg="2.000"), Pty(tmp_path / "two")) as two,
        station(one.address, "st_gs", name="one") as first,
        station(two.address, "st_gs", name="two") as second,
    ):
        first.until(weighed)
        one.unplug()
        first.until(down)
        second.until(weighed)
        assert second.changes(0.3) == [] or all(change.up for change in second.changes(0.1))
        one.replug()
        first.until(weighed)
    assert {m.weighing.value for m in first.seen if isinstance(m, Weighed)} == {Decimal("1.000")}
    assert {m.weighing.value for m in second.seen if isinstance(m, Weighed)} == {Decimal("2.000")}
