"""Few runs of each format; ``marketsim bench identify`` does the hundreds, and says how long each takes."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner

from drivers.conversation import Conversation
from drivers.identify import Search
from drivers.recognise import candidates, recognise, with_parity
from drivers.transports import open_port
from edge.cli.identify import untold
from edge.cli.main import main
from protocol import formats
from protocol.link import Link
from protocol.readings import TestResult
from protocol.scales import cas_handshake, st_gs, yaohua_equals, yaohua_tf0
from simulator.analyzers import _instrument as analyzer
from simulator.bench.identify import Wire
from simulator.scales import _pan as scale
from simulator.scales._pan import Pan
from simulator.scanners import _reader as scanner
from simulator.wires.baud import BaudPty, heard
from simulator.wires.faults import Faults
from simulator.wires.line import Line, TcpPort

TEN_BITS = ("8n1", "7e1", "7o1")


def identifiable():
    for name in (*scale.ids(), *analyzer.ids()):
        row = formats.find(name)
        speaks = row.questions or row.print_questions or (row.kind == "scale" and not row.polled)
        if row.wire == "serial" and speaks:
            yield name


def device_of(format_id, kg="2.350"):
    if formats.find(format_id).kind == "analyzer":
        return analyzer.find(format_id)(None)
    pan = Pan(settle=0.0)
    pan.put(Decimal(kg), 0.0)
    return scale.find(format_id)(pan)


def look(format_id, link, folder):
    row = formats.find(format_id)
    with Line(device_of(format_id), BaudPty(folder / f"{format_id}-{str(link).replace('/', '-')}", link)) as line:
        return Search(
            lambda at: open_port(line.address, at), allow_print=bool(row.print_questions and not row.questions)
        ).run()


@pytest.fixture(scope="module")
def looks(tmp_path_factory):
    """All looks at once: they mostly wait."""
    folder = tmp_path_factory.mktemp("ports")
    rng = random.Random(1)
    jobs = []
    with ThreadPoolExecutor(16) as pool:
        for name in identifiable():
            row = formats.find(name)
            every = [link for link in (row.link, *row.links) if str(link).split("/")[1] in TEN_BITS]
            for link in {every[0], rng.choice(every)}:
                jobs.append((name, link, pool.submit(look, name, link, folder)))
        return [(name, link, job.result()) for name, link, job in jobs]


@pytest.mark.slow
def test_every_device_is_told_with_its_settings(looks):
    wrong = []
    for name, link, report in looks:
        first = report.findings[0].confidence if report.findings else 1.0
        told = [(one.protocol, one.link) for one in report.findings if one.confidence >= first - 0.05]
        if (name, link) not in told:
            wrong.append((name, str(link), told))
    assert not wrong


@pytest.mark.slow
def test_what_is_heard_is_not_asked(looks):
    assert all(report.asked == 0 for name, _, report in looks if not formats.find(name).polled and name != "st_gs")


@pytest.mark.slow
def test_there_are_looks(looks):
    assert len(looks) >= 20


# --- what may be asked ----------------------------------------------------------------------------------------------


def orders():
    """Every byte string with which some device is tared, zeroed or erased."""
    found = {b"\x1b\xb9", b"\x1b\xb1", b"ZRO", b"ATW"}
    for name in formats.ids("scale"):
        commands = getattr(import_module(f"protocol.scales.{name}"), "COMMANDS", {})
        found |= {command for command in commands.values() if isinstance(command, bytes)}
    return found


def test_no_question_holds_an_order_of_any_device():
    assert b"T" in orders() and b"Z" in orders()
    for name in formats.ids():
        for question in formats.find(name).questions:
            for said in (question, *(with_parity(question, parity) for parity in "eo" if question.isascii())):
                held = [order for order in orders() if order in said]
                assert not held, f"{name}: {question!r} holds {held}"


def test_a_print_key_is_pressed_only_when_a_person_allows_it():
    def questions(allow):
        search = Search(lambda link: pytest.fail("not opened"), allow_print=allow)
        return {question.data for question in search._questions()}

    printing = {data for name in formats.ids() for data in formats.find(name).print_questions}
    assert printing and not printing & questions(False)
    assert printing <= questions(True)


# --- what is told ---------------------------------------------------------------------------------------------------


def readings(encode, count=12, **options):
    pan = Pan(settle=0.0)
    pan.put(Decimal("12.500"), 0.0)
    return b"".join(encode(pan.reading(1.0), **options) for _ in range(count))


def test_two_directions_of_the_same_digits_are_both_told_with_what_they_read():
    found = recognise(readings(yaohua_equals.encode, width=8), Link(9600), candidates())
    assert {one.protocol for one in found} == {"yaohua_equals"} and len(found) >= 2
    assert len({one.example.value for one in found}) >= 2
    assert sum(one.confidence for one in found) <= 1


def test_a_checked_format_is_told_alone():
    (found,) = recognise(readings(yaohua_tf0.encode), Link(1200), candidates())
    assert (found.protocol, found.link) == ("yaohua_tf0", Link(1200)) and found.confidence > 0.9
    assert "yaohua-d2" in found.models


@pytest.mark.parametrize("link", ["9600/7e1", "9600/7o1", "9600/7n2", "9600/8n1"])
def test_parity_is_told_from_bit_7(link):
    seen = heard(readings(st_gs.encode), Link.parse(link), Link(9600))
    (found,) = recognise(seen, Link(9600), candidates())
    assert (found.protocol, str(found.link)) == ("st_gs", link)


def test_one_frame_is_no_certainty():
    (found,) = recognise(readings(st_gs.encode, count=1), Link(9600), candidates())
    assert found.confidence < recognise(readings(st_gs.encode), Link(9600), candidates())[0].confidence


def test_noise_is_nothing():
    noise = random.Random(3).randbytes(2000)
    assert [one for one in recognise(noise, Link(9600), candidates()) if one.confidence > 0.3] == []


class Noise:
    def __init__(self):
        self.next = 0.0

    def receive(self, data, now):
        raise AssertionError(f"asked: {data!r}")

    def pending(self, now):
        if now < self.next:
            return b""
        self.next = now + 0.05
        return random.Random(now).randbytes(20)

    def deadline(self, now):
        return self.next


def test_a_port_with_noise_is_not_asked_and_the_bytes_are_shown(tmp_path):
    with Line(Noise(), BaudPty(tmp_path / "noise", Link(9600))) as line:
        done = CliRunner().invoke(main, ["identify", line.address, "--listen", "0.2"])
    assert done.exit_code == 1
    assert "no known protocol fits them" in done.output


class Mute(Noise):
    def receive(self, data, now):
        return None

    def pending(self, now):
        return b""

    def deadline(self, now):
        return None


def test_a_mute_port_is_told_as_such_with_the_next_step(tmp_path, monkeypatch):
    monkeypatch.setattr("drivers.identify.ANSWER_SECONDS", 0.0)
    with Line(Mute(), BaudPty(tmp_path / "mute", Link(9600))) as line:
        done = CliRunner().invoke(main, ["identify", line.address, "--listen", "0.1"])
    assert done.exit_code == 1
    assert "Nothing heard" in done.output and "cable" in done.output and "--print" in done.output


def test_the_command_says_what_to_write_into_station_toml(tmp_path):
    with Line(device_of("yaohua_tf0"), BaudPty(tmp_path / "scale", Link(9600))) as line:
        done = CliRunner().invoke(main, ["identify", line.address])
        as_json = CliRunner().invoke(main, ["identify", line.address, "--json"])
    assert done.exit_code == 0
    assert "yaohua_tf0 at 9600/8n1" in done.stdout and "reads 2.350 (no unit sent)" in done.stdout
    assert 'model = "yaohua-a9"' in done.stdout and 'link = "9600/8n1"' in done.stdout
    assert json.loads(as_json.stdout)["findings"][0]["protocol"] == "yaohua_tf0"


def test_behind_a_serial_server_the_settings_are_not_ours():
    with Line(device_of("mt_sics"), TcpPort()) as line:
        done = CliRunner().invoke(main, ["identify", line.address])
    assert done.exit_code == 0, done.output
    assert "mt_sics: " in done.stdout and "link =" not in done.stdout


def test_a_port_that_is_not_there_is_one_clear_line(tmp_path):
    done = CliRunner().invoke(main, ["identify", str(tmp_path / "nothing")])
    assert done.exit_code == 1 and "no such device" in done.output


def test_it_may_be_looked_for_one_model(tmp_path):
    with Line(device_of("yaohua_equals"), BaudPty(tmp_path / "scale", Link(9600))) as line:
        mine = CliRunner().invoke(main, ["identify", line.address, "--model", "yaohua-a26-tf1", "--json"])
        other = CliRunner().invoke(main, ["identify", line.address, "--model", "yaohua-a12", "--listen", "0.2"])
        set_so = ["--model", "yaohua-a26-tf2", "--option", "reversed=true", "--json"]
        changed = CliRunner().invoke(main, ["identify", line.address, *set_so])
        either = CliRunner().invoke(main, ["identify", line.address, "--protocol", "yaohua_equals", "--json"])
        so = ["--protocol", "yaohua_equals", "--option", "reversed=true"]
        set_by_hand = CliRunner().invoke(main, ["identify", line.address, *so])
    (found,) = json.loads(mine.stdout)["findings"]
    assert found["models"] == ["yaohua-a26-tf1"] and found["example"]["value"] == "2.350"
    assert other.exit_code == 1 and "no known protocol" in other.output
    assert json.loads(changed.stdout)["findings"][0]["options"] == {"reversed": True, "width": 8}
    assert {one["protocol"] for one in json.loads(either.stdout)["findings"]} == {"yaohua_equals"}
    assert "yaohua-a26-tf1" in json.loads(either.stdout)["findings"][0]["models"]
    assert '  protocol = "yaohua_equals"\n  options = { reversed = true }\n' in set_by_hand.stdout
    wrong = CliRunner().invoke(main, ["identify", "/dev/null", "--option", "reversed=true"])
    assert wrong.exit_code == 1 and "model" in wrong.output


# --- instruments that speak when they have something to say ---------------------------------------------------------

AT = datetime(2026, 11, 22, 8, 0)  # noqa: DTZ001 - an instrument has no zone


def look_on(wire, of="serial", listen=30.0):
    return Search(wire.open, wire=of, listen=listen, clock=wire.clock).run()


def test_a_scale_that_greets_when_it_is_switched_on_is_asked_for_all_that():
    pan = Pan(settle=0.0)
    pan.put(Decimal("2.350"), 0.0)
    report = look_on(Wire(scale.find("mt_sics")(pan), Link(19200), Faults()), listen=2.2)
    (found,) = report.findings
    assert (found.protocol, found.link, found.example.value) == ("mt_sics", Link(19200), Decimal("2.350"))


@pytest.mark.parametrize("link", ["9600/8n1", "9600/7e1"])
def test_a_scale_that_is_not_ready_is_asked_until_it_is(link):
    pan = Pan(settle=0.0)
    pan.put(Decimal("2.350"), 0.0)
    wire = Wire(scale.find("cas_handshake")(pan, busy=20.0), Link.parse(link), Faults())
    (found,) = look_on(wire, listen=2.2).findings
    assert (found.protocol, str(found.link), found.example.value) == ("cas_handshake", link, Decimal("2.350"))


@pytest.mark.parametrize("busy", [0.0, 3600.0])
def test_who_answers_the_first_question_and_never_says_a_weight_is_no_scale(busy):
    """A printer and an analyzer say ACK or NAK to ENQ, too."""
    pan = Pan()
    pan.put(Decimal("2.350"), 0.0)
    device = scale.find("cas_handshake")(pan, busy=busy)
    device.receive = (lambda ask: lambda data, now: ask(data.replace(cas_handshake.DC1, b""), now))(device.receive)
    assert look_on(Wire(device, Link(9600), Faults()), listen=2.2).findings == ()


class Echo:
    """Sends back what it hears, behind a burst of noise."""

    def __init__(self):
        self._out = b""

    def receive(self, data, now):
        self._out += b"\xa0\xc0\x9c\x86\xc9" + data

    def pending(self, now):
        out, self._out = self._out, b""
        return out

    def deadline(self, now):
        return now if self._out else None


def test_an_echo_behind_noise_is_no_answer():
    """A question with a check of its own reads as a frame of its format."""
    assert look_on(Wire(Echo(), Link(115200), Faults()), listen=2.2).findings == ()


@pytest.mark.parametrize("link", ["9600/8n1", "1200/8n1"])
def test_a_meter_that_asks_whether_it_may_send_is_answered_and_keeps_its_result(link):
    meter = analyzer.find("astm")(None)
    result = meter.measure(7, Decimal("12.5"), AT)
    wire = Wire(meter, Link.parse(link), Faults())
    (found,) = look_on(wire).findings
    assert (found.protocol, str(found.link), found.example.value) == ("astm", link, result.value)
    session = formats.find("astm").speaks()
    talk = Conversation(wire.open(Link.parse(link)), session, wire.clock)
    events = [event for _ in range(400) for event in talk.turn(0.2).events]
    assert result.value in [event.value for event in events if isinstance(event, TestResult)]


def test_a_tester_that_looks_for_its_printer_is_told():
    tester = analyzer.find("ticket")(None)
    tester.measure(7, Decimal("12.5"), AT)
    (found,) = look_on(Wire(tester, Link(9600), Faults())).findings
    assert found.protocol == "ticket" and found.example.sample == "7"


def test_an_instrument_whose_frames_depend_on_its_model_is_told_with_that():
    tester = analyzer.find("dayuan_small")("dy5800")
    tester.measure(7, Decimal("12.5"), AT)
    (found,) = look_on(Wire(tester, Link(9600), Faults())).findings
    assert (found.protocol, found.models, found.options) == ("dayuan_small", ("dayuan-dy5800",), {"model": "dy5800"})


@pytest.mark.parametrize("model", ["kerun", "dimaier"])
def test_an_upload_is_told_with_its_maker_and_is_not_answered(model):
    tester = analyzer.find("http_push")(model)
    wire = Wire(tester, None, Faults(), deed=lambda: tester.measure(7, Decimal("12.5"), AT))
    (found,) = look_on(wire, "http").findings
    assert found.models == (f"{model}-upload",)
    assert tester.unsent and not tester.answers


def test_a_file_in_a_folder_is_told_and_stays_there(tmp_path: Path):
    file = tmp_path / "results.csv"
    file.write_text("样品编号;检测项目;检测结果;单位;检测结论\n7;农药残留;12.5;%;合格\n", "utf-8")
    done = CliRunner().invoke(main, ["identify", f"folder:{tmp_path}", "--json"])
    assert json.loads(done.stdout)["findings"][0]["protocol"] == "csv_drop"
    assert file.exists()


def test_a_scanner_cannot_be_told_and_the_next_step_is_said(tmp_path):
    reader = scanner.find("scanner_serial")()
    codes = iter(["6901234567892"])
    report = look_on(Wire(reader, Link(9600), Faults(), deed=lambda: [*map(reader.scan, codes)]), listen=2.2)
    assert report.findings == () and report.heard.startswith(b"6901234567892\r")
    assert 'model = "serial-scanner"' in "\n".join(untold(report, "serial", allow_print=False))
    keyboard = CliRunner().invoke(main, ["identify", "evdev:/dev/input/event0"])
    assert keyboard.exit_code == 1 and 'model = "keyboard-scanner"' in keyboard.output
