import json

import pytest
from click.testing import CliRunner

from edge.cli.main import main

EQUALS = b"=0012.345=0012.345="
UNCHECKED = b"wn002.500kg\r\n"


def run(*words, data=b""):
    done = CliRunner().invoke(main, [*words], input=data)
    return done.exit_code, done.output


def values(*words, data):
    code, said = run(*words, data=data)
    assert code == 0, said
    return [json.loads(line).get("value") for line in said.splitlines()]


def test_options_reach_the_decoder():
    assert values("decode", "yaohua_equals", data=EQUALS) == ["543.2100", "543.2100"]
    assert values("decode", "yaohua_equals", "--option", "reversed=false", data=EQUALS) == ["12.345", "12.345"]
    assert values("decode", "yaohua_a12", "--option", "variant=a12", data=UNCHECKED) == ["2.500"]
    assert values("decode", "yaohua_a12", "--option", 'variant="a12"', "-", data=UNCHECKED) == ["2.500"]


def test_a_model_is_named_instead_of_its_protocol():
    assert values("decode", "--model", "yaohua-a12", data=UNCHECKED) == ["2.500"]
    assert values("decode", "--model", "yaohua-a12e", "--option", "variant=a12", data=UNCHECKED) == ["2.500"]


def test_a_file_is_read_as_hex(tmp_path):
    file = tmp_path / "heard.txt"
    file.write_text(UNCHECKED.hex(" "))
    assert values("decode", "--model", "yaohua-a12", str(file), "--hex", data=b"") == ["2.500"]


def test_a_profile_and_a_file_may_be_options(tmp_path):
    profile = '{ unit = "kg", weight = { register = 0, type = "int32", decimals = 3 } }'
    answer = bytes.fromhex("01 03 04 00 00 09 2e 7c 7f")
    assert values("decode", "modbus_scale", "--option", f"profile={profile}", data=answer) == ["2.350"]
    layouts = tmp_path / "mine.toml"
    layouts.write_text("[[layout")
    code, said = run("decode", "ticket", "--option", f"layouts_file={layouts}")
    assert code == 1 and "Error: " in said
    code, said = run("decode", "ticket", "--option", "layouts_file=nowhere.toml")
    assert code == 1 and "nowhere.toml" in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["yaohua_equals", "--option", "revers=1"],
            "option revers = 1: there is no such option; there are: reversed, width, decimals",
        ),
        (["yaohua_tf0", "--option", "width=1"], "option width = 1: this format has no options"),
        (["yaohua_equals", "--option", 'reversed="false"'], "true or false"),
        (["yaohua_equals", "--option", "width=true"], "one of 7, 8"),
        (["st_gs", "--option", "poll=often"], "a number"),
        (["yaohua_equals", "--option", "decimals=9"], "0 to 6"),
        (["yaohua_equals", "--option", "width"], "NAME=VALUE"),
        (["nothing"], "there are: "),
        (["--model", "nothing"], "there are: "),
        ([], "name a protocol"),
        (["yaohua_tf0", "a", "b"], "one FILE"),
        (["--model", "yaohua-a9", "yaohua_tf0", "a"], "one FILE"),
        (["--protocol", "yaohua_tf0", "a", "b"], "one FILE"),
        (["yaohua_tf0", "--hex"], "input is not hex: 'n' in line 2"),
    ],
)
def test_a_mistake_is_one_clear_line(words, told):
    code, said = run("decode", *words, data=b"6e 6f\r\nno")
    assert code != 0 and told in said and "Traceback" not in said


@pytest.fixture
def log(tmp_path):
    file = tmp_path / "a.log"
    file.write_text(f"# Name: x\n0.000 < {UNCHECKED.hex(' ')}\n0.100 > 05\n0.200 < {UNCHECKED.hex(' ')}\n")
    return str(file)


def test_a_log_is_replayed_as_a_model_reads_it(log):
    assert values("replay", log, "--model", "yaohua-a12", data=b"") == ["2.500", "2.500"]
    assert values("replay", log, "--protocol", "yaohua_a12", "--option", "variant=a12", data=b"") == ["2.500", "2.500"]
    assert run("replay", log)[1].count("77 6e") == 2
    code, said = run("replay", log, "--option", "variant=a12")
    assert code == 1 and "of which device? Add --model or --protocol" in said
    code, said = run("replay", log, "--model", "yaohua-a12", "--protocol", "yaohua_a12")
    assert code == 1 and "either" in said


@pytest.mark.parametrize("command", ["decode", "replay", "record", "identify"])
def test_every_command_takes_a_device_alike(command, log):
    before = {"replay": [log], "record": ["/dev/null", f"{log}.new"], "identify": ["/dev/null"]}.get(command, [])
    code, said = run(command, "--help")
    assert code == 0 and all(f"--{name}" in said for name in ("protocol ID", "model ID", "option NAME=VALUE"))
    for name in (["--model", "yaohua-a26-tf1"], ["--protocol", "yaohua_equals"]):
        code, said = run(command, *before, *name, "--option", "revers=1")
        assert code == 1 and "there is no such option; there are: reversed, width, decimals" in said
    code, said = run(command, *before, "--model", "nothing")
    assert code == 1 and "there are: " in said
    code, said = run(command, *before, "--model", "yaohua-a12", "--protocol", "yaohua_a12")
    assert code == 1 and "either" in said
    code, said = run(command, *before, "--option", "reversed=true")
    assert code == 1 and "--option reversed: of which device?" in said


def test_a_protocol_is_named_first_or_by_its_option():
    assert values("decode", "--protocol", "yaohua_equals", "-", data=EQUALS) == ["543.2100", "543.2100"]
