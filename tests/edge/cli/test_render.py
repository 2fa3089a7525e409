"""``marketedge render`` as a person calls it."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from drivers.printers import PROFILES
from edge.cli.render import render

RESULT = {
    "lot": "41010800130100000071",
    "goods": None,
    "item": "亚硝酸盐",
    "value": "1.50",
    "unit": "mg/kg",
    "method": "KJ202505",
    "limit": None,
    "limit_basis": "method",
    "verdict": "qualified",
    "analyzer": {
        "name": "tester-1",
        "model": "lz4000t",
        "sample": "7",
        "channel": None,
        "verdict": None,
        "measured_at": None,
        "raw": "00",
    },
}


def rendered(tmp_path: Path, tree: Any, *options: str) -> Result:
    file = tmp_path / "document.json"
    file.write_text(tree if isinstance(tree, str) else json.dumps(tree), encoding="utf-8")
    return CliRunner().invoke(render, [str(file), *options])


def test_a_document_as_text(tmp_path: Path) -> None:
    result = rendered(tmp_path, {"kind": "note", "title": "", "parts": [{"part": "text", "text": "上海青\u001b@"}]})
    assert result.exit_code == 0
    assert result.stdout == "上海青@\n"


def test_an_event_as_bytes_for_80_mm(tmp_path: Path) -> None:
    out = tmp_path / "report.bin"
    result = rendered(
        tmp_path, {"type": "test.result", "data": RESULT}, "--as", "escpos", "--paper", "80", "-o", str(out)
    )
    assert result.exit_code == 0, result.output
    assert out.read_bytes().startswith(b"\x1b@\x1c&")
    assert "亚硝酸盐".encode("gbk") in out.read_bytes()
    assert out.read_bytes().endswith(b"\x1dV\x01")


def test_a_whole_event_with_its_own_code_and_time(tmp_path: Path) -> None:
    event = {
        "type": "cn.marketedge.market.test.result.v1",
        "subject": "41010800130100000071",
        "time": "2026-11-22T05:00:00+08:00",
        "clockstate": "unsynced",
        "data": RESULT,
    }
    result = rendered(tmp_path, event, "--market", "惠民市场", "--language", "both", "--copy", "1")
    assert result.exit_code == 0, result.output
    for words in ("惠民市场", "重打 COPY 1", "2026-11-22 05:00:00", "时间未校准 Clock not set"):
        assert words in result.stdout


def test_every_printer_of_the_list_gets_its_example(tmp_path: Path) -> None:
    for row in PROFILES.values():
        example = "label" if row.label else "slip"
        out = tmp_path / row.id
        options = ["--example", example, "--as", row.language, "--printer", row.id, "-o", str(out)]
        assert CliRunner().invoke(render, options).exit_code == 0
        assert out.stat().st_size > 100


def test_a_printer_of_another_language_is_refused() -> None:
    result = CliRunner().invoke(render, ["--example", "slip", "--as", "escpos", "--printer", "label-40x30"])
    assert result.exit_code == 1
    assert "printer label-40x30 speaks tspl, not escpos" in result.stderr


def test_every_line_can_be_drawn(tmp_path: Path) -> None:
    out = tmp_path / "drawn.bin"
    options = ["--example", "slip", "--as", "escpos", "--encoding", "raster", "-o", str(out)]
    assert CliRunner().invoke(render, options).exit_code == 0
    assert "净重".encode("gbk") not in out.read_bytes()
    assert out.read_bytes().count(b"\x1dv0") > 5


def test_a_letter_the_printer_lacks_is_drawn_as_it_would_be_at_the_station(tmp_path: Path) -> None:
    result = rendered(tmp_path, {"parts": [{"part": "text", "text": "한"}]})
    assert result.stdout == "한\n"


def test_characters_the_printer_lacks_are_named(tmp_path: Path) -> None:
    result = rendered(tmp_path, {"parts": [{"part": "text", "text": "🥬"}]})
    assert "U+1F96C" in result.stderr
    assert result.stdout == "〓\n"


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ("{", "document.json: not JSON"),
        ("[]", "document.json: must be an object"),
        ({}, "document.json: type is missing"),
        ({"type": "test.result"}, "document.json: data is missing"),
        ({"parts": [{"part": "rule"}, {"part": "text"}]}, "document.json: parts[1] (text): text is missing"),
        ({"type": "test.result", "data": {**RESULT, "verdict": "bad"}}, "document.json: data.verdict: Input should be"),
        ({"type": "test.result", "data": []}, "document.json: data"),
        ({"type": "other", "data": {}}, "type 'other' is not of this contract"),
        ("[" * 100_000, "document.json: not JSON"),
    ],
)
def test_errors_name_file_and_field(tmp_path: Path, tree: Any, message: str) -> None:
    result = rendered(tmp_path, tree)
    assert result.exit_code == 1
    assert message in result.stderr


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    result = CliRunner().invoke(render, [str(tmp_path / "nothing.json")])
    assert result.exit_code == 1
    assert "nothing.json: No such file" in result.stderr
