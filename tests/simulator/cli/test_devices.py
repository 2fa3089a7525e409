import os
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from drivers.transports import open_port
from drivers.transports.listen import ListenPort
from protocol.link import Link
from simulator.cli.devices import analyzer, labelscale, scale
from simulator.wires.script import ScriptError, play


def run(command, *args, script=""):
    return CliRunner().invoke(command, [*args, "--script", "-"], input=script)


def test_a_scale_script_runs_to_its_end(tmp_path):
    script = "# a sale\nput 2.350\nwait 0\ntare\noff\nzero\nunplug\nreplug\nquit\nnever reached\n"
    result = run(scale, "mt_sics", "--pty", str(tmp_path / "s"), script=script)
    assert result.exit_code == 0, result.output
    assert result.output == f"scale mt_sics at {tmp_path / 's'}\n"


def test_an_analyzer_script_ends_with_its_input():
    result = run(analyzer, "dayuan_crc8", "--tcp", "0", script="measure 7 12.50 青菜\nmeasure 8 3.1\n")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("analyzer dayuan_crc8 at socket://127.0.0.1:")


def test_a_tl310_may_have_no_value():
    result = run(analyzer, "dayuan_crc8", "--tcp", "0", "--model", "tl310", script="measure 7 NA\n")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("put 1\njump\n", "line 2: no command 'jump'"),
        ("put\n", "line 1: cannot do 'put': write put KG"),
        ("\nput heavy\n", "line 2: cannot do 'put heavy': 'heavy' is not a number"),
        ("put NaN\n", "line 1"),
        ("off now\n", "nothing may follow"),
        ("put 99\nwait 0.5\ntare\n", "line 3: cannot do 'tare': the scale refuses: overload"),
        ("wait long\n", "line 1"),
    ],
)
def test_a_wrong_scale_line_is_named(script, says):
    result = run(scale, "mt_sics", "--tcp", "0", script=script)
    assert result.exit_code == 1
    assert says in result.output


@pytest.mark.parametrize("line", ["measure 7", "measure x 1", "measure 7 high", "measure 7 1.2345", "measure 1 2 3 4"])
def test_a_wrong_analyzer_line_is_named(line):
    result = run(analyzer, "dayuan_crc8", "--tcp", "0", script=line + "\n")
    assert result.exit_code == 1
    assert "line 1: cannot do" in result.output


@pytest.mark.parametrize("place", [[], ["--pty", "x", "--tcp", "0"]])
def test_a_device_is_in_one_place(place):
    result = run(scale, "mt_sics", *place)
    assert result.exit_code == 2 and "--pty LINK or --tcp PORT" in result.output


def test_an_unknown_model_is_named():
    result = run(analyzer, "dayuan_crc8", "--tcp", "0", "--model", "tl999")
    assert result.exit_code == 1 and "tl310" in result.output


def test_wait_takes_the_time_it_says():
    slept = []
    assert not play(["wait 1.5"], {}, sleep=slept.append)
    assert slept == [1.5]
    with pytest.raises(ScriptError, match="line 1"):
        play(["wait"], {}, sleep=slept.append)


def test_without_a_script_the_device_stays_until_sigterm(tmp_path):
    code = "from simulator.cli.devices import scale; scale()"
    link = tmp_path / "s"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "mt_sics", "--pty", str(link), "--load", "1.5"], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout.readline().decode() == f"scale mt_sics at {link}\n"
        port = open_port(str(link), Link(9600))
        end, data = time.monotonic() + 10, b""
        while b"1.500 kg" not in data and time.monotonic() < end:
            port.write(b"S\r\n")
            data += port.read(0.5)
        port.close()
        assert b"1.500 kg" in data
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(10) == 0
        assert not link.is_symlink()
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def test_a_label_scale_calls_the_station_and_says_what_it_sold():
    port = ListenPort("listen:127.0.0.1:0")
    to = f"127.0.0.1:{port.port}"
    result = run(labelscale, "label_tcp", "--to", to, "--number", "7", script="sell 12 2330 KIYMA\nwait 0.3\nquit\n")
    heard = b"".join(port.read(0.2) for _ in range(4))
    port.close()
    assert result.exit_code == 0, result.output
    assert heard == b"SCALE-07KONTROLLU AKTAR OK?"  # and waits for its answer


@pytest.mark.parametrize("to", ["8899", ":8899", "127.0.0.1:x", "127.0.0.1:99999"])
def test_a_label_scale_is_told_where_the_station_is(to):
    result = run(labelscale, "label_tcp", "--to", to)
    assert result.exit_code == 2 and "HOST:PORT" in result.output
