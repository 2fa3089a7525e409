"""Each bench in a tiny size: it runs whole, and says what it promised. Never how fast."""

import json
import os
import select
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from protocol import formats
from protocol.printers.status import GS_R_PAPER
from simulator.bench import (
    back,
    command,
    decode,
    drain,
    identify,
    idle,
    ingest,
    latency,
    paper,
    soak,
    start,
    verify,
    writes,
)
from simulator.bench.counter import Counter, weights
from simulator.bench.report import Report


def shape(report: Report) -> dict[str, Any]:
    """The report after a trip through JSON, with what every bench promises checked."""
    found: dict[str, Any] = json.loads(json.dumps(report.as_json()))
    assert set(found) == {"bench", "what", "reached", "figures", "facts"}
    for figure in found["figures"]:
        assert set(figure) == {"name", "unit", "values", "floor", "floor_is", "target", "reached"}
        assert figure["values"] and figure["floor"] and figure["target"] and figure["floor_is"]
        assert set(figure["target"]) <= set(figure["values"])
        assert figure["reached"] in (True, False)
    return found


@pytest.mark.slow
def test_every_sale_is_followed_to_the_city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also as the command prints it: one JSON object."""
    monkeypatch.setattr(command, "MEMORY", frozenset())
    reports: list[Report] = []
    measure = latency.measure

    def tiny(folder: Path, seconds: float) -> Report:
        reports.append(measure(folder, seconds, samples=3, warm_up=1))
        return reports[-1]

    monkeypatch.setattr(latency, "measure", tiny)
    done = CliRunner().invoke(command.bench, ["latency", "--json", "--seconds", "0.6", "--folder", str(tmp_path)])
    assert done.exit_code == 0, done.output
    found = shape(reports[0])
    assert json.loads(done.stdout) == found
    facts = found["facts"]
    assert facts["sent"] == 6
    assert facts["sent"] == facts["recorded"] == facts["printed"] == facts["seen"] == facts["in_the_city"]
    assert facts["lost"] == facts["twice_in_the_city"] == []
    assert [figure["name"] for figure in found["figures"]] == ["printer", "mqtt"]
    assert set(facts["commit_floor_ms"]) == {"p50", "p90", "p99", "max"}


@pytest.mark.slow
def test_a_long_morning_is_sold_printed_and_delivered(tmp_path: Path) -> None:
    found = shape(soak.measure(tmp_path, seconds=0.8, rate=5.0, warm_up=1))
    facts = found["facts"]
    assert facts["sold"] == facts["recorded"] == facts["printed"] == facts["in_the_city"] == 4
    assert facts["twice_in_the_city"] == 0
    memory, processor = found["figures"]
    assert set(memory["values"]) == {"start", "tenth", "end"}
    assert processor["values"]["mean"] > 0


@pytest.mark.slow
def test_a_start_is_measured_with_and_without_a_ledger(tmp_path: Path) -> None:
    report = start.measure(tmp_path, seconds=0.1, records=3, floors=1, verbose=True)
    found = shape(report)
    facts = found["facts"]
    assert facts["runs_fresh"] >= 1 and facts["runs_existing"] >= 1
    assert set(facts["fresh_steps_ms"]) == set(facts["existing_steps_ms"]) == {"listening", "recorded", "published"}
    assert "edge" in facts["imports_by_package_ms"]
    assert "no ledger yet, ms" in report.as_text()


@pytest.mark.slow
def test_writes_are_counted_for_sales_and_for_bursts(tmp_path: Path) -> None:
    found = shape(writes.measure(tmp_path, 0.2, least=1, at_once=5, stored=20, settle=0.1, warm_up=1, floor_rows=20))
    facts = found["facts"]
    assert len(found["figures"]) == 6
    assert facts["results_beside_20"]["records"] == 5
    assert facts["results_in_a_burst"]["records"] == 5
    assert facts["sales_at_1_per_s"]["records"] == 1
    assert facts["sale_record_bytes"] > facts["result_record_bytes"] > 500


@pytest.mark.slow
def test_idle_costs_are_measured_with_pages_open(tmp_path: Path) -> None:
    found = shape(idle.measure(tmp_path, seconds=0.6, warm_up=0.1))
    assert [figure["name"] for figure in found["figures"]] == ["processor", "memory", "disk"]
    assert found["facts"]["memory_kib"]["VmRSS"] > found["facts"]["memory_kib"]["RssAnon"] > 0


@pytest.mark.slow
def test_every_format_is_measured_on_frames_and_on_noise(tmp_path: Path) -> None:
    report = decode.measure(tmp_path, seconds=0.1, endless=8192)
    found = shape(report)
    rows = found["facts"]["formats"]
    assert {row["format"] for row in rows} | set(found["facts"]["without_a_simulated_device"]) == set(formats.ids())
    assert all(row["frames_per_s"] and row["bytes_per_s"] and row["kept_kib"] < 2048 for row in rows)
    assert "yaohua_tf0" in report.as_text()


@pytest.mark.slow
def test_papers_are_weighed_and_slips_timed_from_their_commit(tmp_path: Path) -> None:
    found = shape(paper.measure(tmp_path, seconds=1.0))
    facts = found["facts"]
    assert facts["sales"] == facts["printed"] == facts["with_their_commit_seen"] == 2
    slips = {row["form"]: row for row in facts["papers"] if row["paper"] == "slip"}
    assert slips["58 mm, codes native"]["bytes"] < slips["58 mm, codes drawn"]["bytes"] < 20_000
    for row in facts["papers"]:
        head, line = row["mm"] / paper.MM_PER_S, row["bytes"] * paper.LINES["9600"]
        assert max(head, line) <= row["s_9600"] <= head + line + 0.1
        assert row["s_usb"] <= row["s_115200"] <= row["s_9600"]


@pytest.mark.slow
def test_records_are_taken_by_the_ledger_and_over_http(tmp_path: Path) -> None:
    report = ingest.measure(tmp_path, seconds=0.7, warm_up=2)
    found = shape(report)
    names = [figure["name"] for figure in found["figures"]]
    assert len(names) == len(ingest.BATCHES) + len(ingest.SALES) + 2 * len(ingest.ENTRIES)
    assert found["facts"]["refused"] == 0
    for figure in found["figures"]:
        assert all(value > 0 for value in figure["values"].values()), figure


def test_a_ledger_is_filled_and_checked_by_the_command(tmp_path: Path) -> None:
    found = shape(verify.measure(tmp_path, records=1200, signatures=20))
    facts = found["facts"]
    assert facts["records"] == 1200
    assert 500 < facts["file_bytes_a_record"] < 1500
    assert facts["words_of_progress"] >= 1


@pytest.mark.slow
def test_a_backlog_is_drained_beside_its_floor_and_into_a_slow_city(tmp_path: Path) -> None:
    report = drain.measure(tmp_path, records=60, ack_every=0.5, answers=1, floors=1)
    found = shape(report)
    assert [figure["name"] for figure in found["figures"]] == ["60 waiting", "a city that answers every 0.5 s"]
    facts = found["facts"]
    assert facts["record_bytes"] > 1000 and len(facts["floors"]) == 1
    assert facts["ratio"] == f"{found['figures'][0]['values']['rate'] / found['figures'][0]['floor']['rate']:.2f}"
    assert "records/s" in report.as_text()


@pytest.mark.slow
def test_a_station_is_back_after_each_kill_of_its_broker(tmp_path: Path) -> None:
    found = shape(back.measure(tmp_path, kills=1, stood=0.0))
    assert len(found["facts"]["each_ms"]) == found["facts"]["kills"] == 1


def test_a_commit_of_long_ago_is_not_the_slip_s_own() -> None:
    assert paper.since_commit(1_000_000_000, [999_000_000, 1_000_500_000]) == 1_000_000
    assert paper.since_commit(1_000_000_000, [700_000_000]) is None


def test_a_decoder_s_own_bytes_are_weighed() -> None:
    form = formats.find("yaohua_tf0")
    empty = decode.weight(form.decoder())
    held = form.decoder()
    held.feed(b"\x02+0012")
    assert empty < decode.weight(held) < empty + 1024


def test_a_folder_in_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "filesystem_of", lambda folder: "tmpfs")
    done = CliRunner().invoke(command.bench, ["writes", "--folder", str(tmp_path)])
    assert done.exit_code == 1
    assert "--folder" in done.output


def slip(grams: int) -> bytes:
    return b"\x1b@" + f"{grams / 1000:.3f} kg".encode() + b"\n" * 4


@pytest.mark.parametrize("cut", [1, 7, 4096])
def test_slips_that_come_in_one_piece_are_counted_singly(tmp_path: Path, cut: int) -> None:
    """A machine with much to do reads a paper, the questions behind it and the next one at once, or in crumbs."""
    asked = GS_R_PAPER + b"\x10\x04\x01\x10\x04\x02"
    torn = b"\x1b@" + b"\n" * 4 + GS_R_PAPER  # what clears a line is no slip
    sent = asked + slip(300) + asked + torn + slip(8219) + GS_R_PAPER + slip(1234) + GS_R_PAPER
    with Counter(tmp_path) as counter:
        host = os.open(counter.printer, os.O_RDWR | os.O_NOCTTY)
        try:
            for start in range(0, len(sent), cut):
                os.write(host, sent[start : start + cut])
                counter.rest(time.monotonic())
            counter.until_printed(3, 10)
            answers = b""
            while (
                len(answers) < sent.count(GS_R_PAPER) and select.select([host], [], [], 10)[0]
            ):  # in pieces, as it likes
                answers += os.read(host, 100)
        finally:
            os.close(host)
    assert counter.slips == 3
    assert list(counter.paper) == [300, 8219, 1234]
    assert answers == b"\x00" * sent.count(GS_R_PAPER)


def test_weights_never_come_twice() -> None:
    row = weights(5000)
    assert len(set(row)) == 5000
    assert min(row) >= 300 and max(row) < 29_900
    assert weights(10, skip=3)[:2] == row[3:5]


@pytest.mark.slow
def test_every_format_that_can_be_told_is_looked_at_and_what_is_foreign_beside_it(tmp_path: Path) -> None:
    """One look each: what a hundred say is the bench's own matter."""
    found = shape(identify.measure(tmp_path, 1))
    facts = found["facts"]
    told = {row["name"] for row in facts["formats"]}
    assert facts["cannot_be_told"] == ["atp_hid", "label_tcp", "scanner_hid", "scanner_serial"]
    assert told | set(facts["cannot_be_told"]) == set(formats.ids())
    assert {row["name"] for row in facts["formats"] if not row["reached"]} == set()
    assert len(facts["foreign"]) >= 37
    assert [row["name"] for row in facts["foreign"] if row["wrong"]] == []
