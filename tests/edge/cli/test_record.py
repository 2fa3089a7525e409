import threading
import time
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from drivers import anonymous
from drivers.anonymous import clean
from drivers.transports.recorder import read_head, read_log
from edge.cli.main import main
from protocol import formats
from protocol.analyzers import dayuan_crc8
from protocol.readings import TestResult
from simulator.analyzers import _instrument as analyzer
from simulator.scales._pan import Pan, find
from simulator.wires.line import Line, Pty


@pytest.fixture
def record(tmp_path):
    def run(address, *options, seconds=1.0):
        file = tmp_path / "device.log"
        done = CliRunner().invoke(main, ["record", address, str(file), "--seconds", str(seconds), *options])
        assert done.exit_code == 0, done.output
        return done.output, file

    return run


def results(stream):
    decoder = dayuan_crc8.decoder()
    return [event for event in (*decoder.feed(stream), *decoder.finish()) if isinstance(event, TestResult)]


def stream_of(file):
    return b"".join(chunk.data for chunk in read_log(file) if chunk.from_device)


def test_a_polled_scale_is_asked_and_summed_up(tmp_path, record):
    pan = Pan(settle=0.0)
    pan.put(Decimal("1.235"), 0.0)
    with Line(find("mt_sics")(pan), Pty(tmp_path / "scale")) as line:
        said, file = record(line.address, "--model", "mt-sics", "--notes", "1.235 kg on the pan.")
    text = file.read_text("utf-8")
    assert text.startswith("# Name: Mettler Toledo any scale set to MT-SICS\n# Firmware: unknown\n# Origin: device\n")
    assert "# Notes: 1.235 kg on the pan.\n# Serial: 9600/8n1\n" in text
    assert "> 53 49 0d 0a" in text and b"1.235 kg" in stream_of(file)
    assert "weighing" in said


def test_a_log_says_of_what_it_is(tmp_path, record):
    with Line(find("mt_sics")(Pan()), Pty(tmp_path / "scale")) as line:
        _, file = record(line.address, "--origin", "device SN 0042, fish stall", seconds=0.1)
        assert read_head(file)["Origin"] == "device SN 0042, fish stall"
        done = CliRunner().invoke(main, ["record", line.address, str(file), "--origin", "my scale"])
    assert done.exit_code == 1 and "begin with one of device, simulator" in done.output


def test_without_a_protocol_nothing_is_asked_and_the_person_is_warned(tmp_path, record):
    with Line(find("mt_sics")(Pan()), Pty(tmp_path / "scale")) as line:
        said, file = record(line.address, seconds=0.3)
    assert " > " not in file.read_text("utf-8")
    assert "no names were replaced" in said


def test_names_are_replaced_and_the_frame_still_checks(tmp_path, record):
    at = datetime.fromisoformat(time.strftime("%Y-%m-%dT08:30"))
    device = analyzer.find("dayuan_crc8")("lz4000t")
    device.measure(7, Decimal("12.50"), at, name="张三店")
    with Line(device, Pty(tmp_path / "analyzer")) as line:
        said, file = record(line.address, "--model", "dayuan-lz4000t", seconds=2.0)
    stream = stream_of(file)
    assert "张三店".encode("gb18030") not in stream
    (found, *_) = results(stream)
    assert (found.name, found.value, found.sample) == ("某某某", Decimal("12.50"), "7")
    assert "Names replaced in 1 frames." in said and "Names replaced in 1 frames." in file.read_text("utf-8")


def test_no_result_is_acknowledged(tmp_path, record):
    device = analyzer.find("astm")(None)
    heard = []
    receive = device.receive
    device.receive = lambda data, now: (heard.append(data), receive(data, now))
    at = datetime.fromisoformat("2026-07-01T08:30")
    with Line(device, Pty(tmp_path / "analyzer")) as line:
        later = threading.Timer(0.5, line.do, [lambda device, now: device.measure(7, Decimal("12.50"), at)])
        later.start()
        _, file = record(line.address, "--protocol", "astm", seconds=2.0)
    events = formats.find("astm").reads().feed(stream_of(file))
    frames = stream_of(file).count(b"\x02")
    assert frames and b"".join(heard).count(b"\x06") <= frames, events  # for the bid and all frames but the last


def test_what_cannot_be_made_to_read_as_before_is_left_out():
    name = "李四商行".encode("gb18030")
    noise = b"\x7e\x13" + name + b"\xaa"
    found = clean(noise, formats.find("dayuan_crc8").reads)
    assert found.withheld == 1
    kept = bytes(byte for byte in found.stream if byte is not None)
    assert name not in kept


def test_what_looks_like_words_in_registers_is_not_tried_for_ever():
    log = Path(__file__).parents[2] / "logs" / "modbus-analyzer"
    stream = stream_of(next(log.glob("*.log")))
    form, made = formats.find("modbus_profile"), []

    def decoder():
        made.append(1)
        return form.reads()

    found = clean(stream, decoder)
    assert found.withheld + found.replaced
    assert len(made) <= 3000 * (found.withheld + found.replaced)


def test_stand_ins_are_as_long_as_the_name_in_every_alphabet():
    for name in ("李四商行", "李Ä四𠀀行", "Zoë 3"):
        for encoding in ("gb18030", "utf-8"):
            said = name.encode(encoding)
            assert len(anonymous._stand_in(said, anonymous.STAND_IN.encode(encoding), encoding)) == len(said)


def test_words_of_the_trade_stay():
    text = "检测结果".encode("gb18030")
    assert bytes(byte for byte in clean(text, formats.find("astm").reads).stream if byte is not None) == text


def test_a_protocol_and_a_model_are_too_much(tmp_path):
    done = CliRunner().invoke(
        main, ["record", "/dev/null", str(tmp_path / "x"), "--protocol", "astm", "--model", "mt-sics"]
    )
    assert done.exit_code == 1 and "either" in done.output


def test_the_options_of_a_model_count_its_lines_right(tmp_path, record):
    pan = Pan(settle=0.0)
    pan.put(Decimal("2.350"), 0.0)
    with Line(find("yaohua_a12")(pan, variant="a12"), Pty(tmp_path / "scale")) as line:
        said, _ = record(line.address, "--model", "yaohua-a12", seconds=0.5)
        assert "weighing" in said and "garbage" not in said and "variant" not in said
        said, _ = record(line.address, "--protocol", "yaohua_a12", "--option", "variant=a12", seconds=0.5)
        assert "weighing" in said and "variant" not in said
        said, _ = record(line.address, "--protocol", "yaohua_a12", seconds=0.5)
        assert "set variant a12" in said
