"""``marketedge check`` asks printers how they are, and says what to do."""

import logging
import socket
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from drivers.transports.adapters import Identity
from edge.cli import check as commands_check
from edge.cli.main import main
from edge.records.ledger import Ledger, Signer
from simulator.machine import Adapter, Machine
from simulator.printer.printer import Printer
from simulator.scales._pan import Pan, find
from simulator.wires.line import Line, Pty


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """The command mutes the log of its process; here others still listen."""
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True)
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is none, and nobody waits for it."""
    monkeypatch.setattr(commands_check, "BROKER_SECONDS", 0.1)


@pytest.fixture
def printer(tmp_path: Path) -> Iterator[Line[Printer]]:
    with Line(Printer(lambda paper: None), Pty(tmp_path / "printer")) as line:
        yield line


def said(tmp_path: Path, port: str, **options: str) -> str:
    """The line about the printer."""
    done = CliRunner().invoke(main, ["init", str(tmp_path / "stall"), "--job", "stall"])
    assert done.exit_code == 0, done.output
    config = tmp_path / "stall" / "station.toml"
    more = "".join(f"{name} = {value}\n" for name, value in options.items())
    text = config.read_text("utf-8") + f'\n[[printer]]\nname = "printer-1"\nport = "{port}"\n{more}'
    config.write_text(text, "utf-8")
    lines = CliRunner().invoke(main, ["check", "-c", str(config)]).output.splitlines()
    (found,) = [line for line in lines if "printer-1" in line]
    return found


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ({}, "ok   printer-1: {port}: 正常"),
        ({"near_end": True}, "ok   printer-1: {port}: 正常; 纸快用完"),
        ({"paper_out": True}, "FAIL printer-1: {port}: 缺纸：请装新纸卷"),
        ({"cover_open": True}, "FAIL printer-1: {port}: 纸仓盖打开：请合上"),
        ({"cutter_jam": True}, "FAIL printer-1: {port}: 切刀卡住：请清理后关机再开"),
        ({"answers": "dle_eot"}, "ok   printer-1: {port}: 正常"),
        ({"silent": True}, "ok   printer-1: {port}: 不应答，无法确认出纸"),
    ],
)
def test_a_printer_is_asked_how_it_is(
    tmp_path: Path, printer: Line[Printer], trouble: dict[str, Any], words: str
) -> None:
    printer.do(lambda device, now: device.trouble(now, **trouble))
    assert said(tmp_path, printer.address).startswith(words.format(port=printer.address))


def test_a_printer_that_is_not_there_is_named_with_the_next_step(tmp_path: Path) -> None:
    port = str(tmp_path / "nothing")
    assert said(tmp_path, port).startswith(f"FAIL printer-1: {port}: cannot open the printer")


def test_a_slow_line_is_said_with_a_way_out(tmp_path: Path, printer: Line[Printer]) -> None:
    slow = "9600 波特时一张小票约 16 秒：把打印机和 link 设为 115200"
    assert slow in said(tmp_path, printer.address, link='"9600/8n1"')


def test_a_printer_that_draws_codes_itself_is_quick_enough(tmp_path: Path, printer: Line[Printer]) -> None:
    assert "波特" not in said(tmp_path, printer.address, link='"9600/8n1"', change='{ codes = "native" }')


# --- names of ports -------------------------------------------------------------------------------------------------

SCALE = """
[[scale]]
name = "scale-1"
protocol = "st_gs"
port = "{port}"
max = "30 kg"
min = "200 g"
e = "10 g"
"""


@pytest.fixture
def stall(tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Writes a configuration with a scale at this name, and answers what a command says of it."""
    for name, value in machine.environ.items():
        monkeypatch.setenv(name, value)
    pan = Pan(settle=0.0)
    pan.put(Decimal("1.110"), 0.0)

    class Stall:
        adapter: Adapter
        config = tmp_path / "stall" / "station.toml"
        line = Line(find("st_gs")(pan), Pty(tmp_path / "scale"))

        def say(self, command: str, port: Path) -> list[str]:
            if not self.config.exists():
                CliRunner().invoke(main, ["init", str(self.config.parent), "--job", "stall"])
                text = self.config.read_text("utf-8") + SCALE.format(port=port)
                self.config.write_text(text, "utf-8")
            return CliRunner().invoke(main, [command, "-c", str(self.config)]).output.splitlines()

    made = Stall()
    with made.line:
        yield made


@pytest.mark.parametrize(
    ("serial", "name", "good", "words", "write"),
    [
        ("A50285BI", "by_id", "ok  ", "safe, the name holds the device's own serial number", ""),
        ("", "by_path", "ok  ", "safe while the plug stays in its socket", ""),
        ("", "by_id", "FAIL", "not safe: it has no number of its own", "by_path"),
        ("0001", "by_id", "FAIL", "not safe: its number 0001 is shared by many devices", "by_path"),
        ("A50285BI", "node", "FAIL", "not safe: such names follow the order of plugging in", "by_id"),
    ],
)
def test_check_and_ports_say_of_each_name_whether_it_is_safe_and_what_to_write(
    stall: Any, machine: Machine, serial: str, name: str, good: str, words: str, write: str
) -> None:
    adapter = machine.plug(stall.line.address, "1.2", serial=serial)
    port = getattr(adapter, name)
    (said,) = [line for line in stall.say("check", port) if "scale-1 name:" in line]
    assert said.startswith(f"{good} scale-1 name: {port}: {words}")
    better = f'write port = "{getattr(adapter, write)}"' if write else ""
    assert said.endswith(better) and ("write" in said) is bool(write)
    (told,) = [line for line in stall.say("ports", port) if "scale-1 at" in line]
    assert told.endswith(said.partition(f"{port}: ")[2])


def test_check_reads_no_other_device_than_the_station_knows(stall: Any, machine: Machine, signer: Signer) -> None:
    adapter = machine.plug(stall.line.address, "1.2")
    assert any(line.startswith("ok   scale-1: ") for line in stall.say("check", adapter.by_path))
    ledger = Ledger(stall.config.parent / "data", signer)
    known = Identity("1a86:7523", "00.0", "A50285BI", "elsewhere", what="USB Serial")
    facts = (known.usb, known.part, known.serial, 0, known.socket, "", known.what, "", "")
    ledger.conn.execute(
        f"INSERT INTO devices VALUES ('scale-1', ?{', ?' * len(facts)})", (str(adapter.by_path), *facts)
    )
    ledger.conn.commit()
    ledger.close()
    (said,) = [line for line in stall.say("check", adapter.by_path) if " scale-1: " in line]
    assert said.startswith("FAIL") and "there was USB Serial (1a86:7523, number A50285BI), now there is" in said


def test_what_a_device_says_that_cannot_be_read_is_shown(stall: Any, machine: Machine) -> None:
    adapter = machine.plug(stall.line.address, "1.2")
    stall.say("check", adapter.by_path)
    stall.config.write_text(stall.config.read_text("utf-8").replace('"st_gs"', '"yaohua_a12"'), "utf-8")
    lines = stall.say("check", adapter.by_path)
    at = next(at for at, line in enumerate(lines) if line.startswith("FAIL scale-1: "))
    assert "收到的字节读不懂" in lines[at]
    assert lines[at].endswith(f"协议或波特率不符：运行 marketedge identify {adapter.by_path}")
    frames = [line for line in lines[at + 1 :] if line.startswith("     frame=")]
    assert len(frames) == 20 and lines[at + 1 : at + 21] == frames
    assert all(" dir=in " in line for line in frames) and any("'ST,GS,+  1.110kg" in line for line in frames)


def test_ports_lists_what_is_plugged_in_without_a_configuration(stall: Any, machine: Machine, tmp_path: Path) -> None:
    adapter = machine.plug(stall.line.address, "1.2")
    said = CliRunner().invoke(main, ["ports", "-c", str(tmp_path / "none.toml")]).output
    assert said.startswith(f'port = "{adapter.by_path}"    # {adapter.node}  USB Serial (no number of its own')
    (tmp_path / "bad.toml").write_text("nonsense")
    assert CliRunner().invoke(main, ["ports", "-c", str(tmp_path / "bad.toml")]).exit_code == 0


def test_templates_are_looked_at(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["init", str(tmp_path / "stall"), "--job", "stall"])
    assert done.exit_code == 0, done.output
    config, folder = tmp_path / "stall" / "station.toml", tmp_path / "papers"
    folder.mkdir()
    text = config.read_text("utf-8").replace("[paper]", f'[paper]\ntemplates = "{folder}"')
    config.write_text(text, "utf-8")

    def line() -> str:
        lines = CliRunner().invoke(main, ["check", "-c", str(config)]).output.splitlines()
        return next(line for line in lines if "papers" in line and str(folder) in line)

    (folder / "slip.paper.txt").write_text("text | a\n", "utf-8")
    assert line().startswith(f"ok   papers: {folder}; {folder}/slip.paper.txt: this file is not used")
    (folder / "slip.paper").write_text("say | a\n", "utf-8")
    assert line().startswith(f"FAIL papers: {folder}/slip.paper:1: 'say' is no part")


@pytest.mark.parametrize(("language", "step"), [("zh", "改为平台分配的值"), ("en", "Write what the city gave you")])
def test_what_still_stands_there_as_in_the_template_fails_in_words(tmp_path: Path, language: str, step: str) -> None:
    config = tmp_path / "stall" / "station.toml"
    CliRunner().invoke(main, ["init", str(config.parent), "--job", "stall"])
    text = config.read_text("utf-8").replace('language = "zh"', f'language = "{language}"', 1)
    config.write_text(text, "utf-8")
    done = CliRunner().invoke(main, ["check", "-c", str(config)])
    failed = {line[5:].partition(": ")[0]: line for line in done.output.splitlines() if line.startswith("FAIL")}
    asked = ("[seller] name", "[seller] stall", "[seller] code", "[station] node", "[station] host")
    assert [name for name in asked if name not in failed] == []
    assert step in failed["[station] node"] and "410108001" in failed["[station] node"]
    assert done.exit_code == 1


def test_every_line_that_is_not_ok_ends_with_the_next_step(tmp_path: Path, stall: Any) -> None:
    """A scale and a broker that are not there, a key and city keys that are none."""
    folder = stall.config.parent
    CliRunner().invoke(main, ["init", str(folder), "--job", "stall"])
    text = stall.config.read_text("utf-8").replace('language = "zh"', 'language = "en"', 1)
    stall.config.write_text(text + SCALE.format(port=tmp_path / "nothing"), "utf-8")
    (folder / "station.key").write_text("no key")
    (folder / "city.keys").write_text("no key")
    lines = CliRunner().invoke(main, ["check", "-c", str(stall.config)]).output.splitlines()
    ends = {line[5:].partition(": ")[0]: line for line in lines if not line.startswith("ok")}
    assert ends["key"].endswith("restore it from the backup")
    assert ends["city key"].endswith(
        "Correct this line: one public key a line, 64 hex digits, as the platform's people gave it"
    )
    assert ends["scale-1"].endswith("Check the scale's power and cable; it reconnects by itself")
    assert ends["broker"].endswith("tell the platform's people that their broker is down")
    assert ends["market keys"].endswith("or let the city send its command `keys`")


def test_the_address_that_the_first_start_s_page_keeps_is_free_for_the_station(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as page:
        listen = f"127.0.0.1:{page.getsockname()[1]}"
        monkeypatch.setenv("MARKETEDGE_WEB__LISTEN", listen)
        CliRunner().invoke(main, ["init", str(tmp_path / "stall"), "--job", "stall"])
        config = tmp_path / "stall" / "station.toml"
        for held, free in (("", False), (listen, True)):
            assert [good for good, name, _ in commands_check.tried(config, held) if name == "web"] == [free]
