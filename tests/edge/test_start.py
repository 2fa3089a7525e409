"""A start is short because of what it leaves alone. Counted, for a time would say something else on each machine."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.between import words
from edge.documents.words import words_on_paper
from protocol.city.record import LATER as KINDS_LATER
from simulator.stage import CABBAGE, StationProcess, Wiring

LATER = (  # packages that something else asks for: the web's thread, a paper, a change of the schema, a picture, a book
    *("fastapi", "starlette", "uvicorn", "jinja2", "sqlite_utils", "argon2"),
    *("protocol.city.meanings", "protocol.city.schemas"),
    *("PIL", "qrcode", "barcode", "escpos", "usb", "hl7", "pymodbus", "prometheus_client", "xlsxwriter"),
    *("cryptography", "difflib"),
)
JOBS = (  # what is done with the first command of it, at a box that is asked for it
    *("edge.between.canteen_commands", "edge.jobs.canteen", "edge.jobs.acceptance", "edge.jobs.kept"),
    *("edge.between.held_commands", "edge.jobs.rechecks", "edge.jobs.disposals", "edge.jobs.public_samples"),
    *("edge.between.party_commands", "edge.jobs.parties", "edge.jobs.reweigh"),
    *("edge.between.bench_commands", "edge.jobs.bench", "edge.jobs.reagents", "edge.jobs.sampling"),
    *("edge.jobs.second_look", "edge.between.correction_commands", "edge.jobs.corrections"),
    *("edge.between.ledger_commands", "edge.jobs.delivery"),
    *("edge.between.label_commands", "edge.jobs.label_sales"),
    *("protocol.city.commands", "edge.between.city_commands", "edge.jobs.city", "edge.jobs.city_asked"),
    *(f"protocol.city.{file}" for file in KINDS_LATER),
)
ASKED = tuple(  # parts of the local API that are loaded with the first request
    f"edge.web.api_{name}"
    for name in ("canteen", "city", "parties", "gate", "photos", "bench", "records", "held", "support")
)
LOADED = f"""
import json, sys
from dataclasses import is_dataclass
import {{module}}
from pydantic import BaseModel
from edge.between.words import _read
ours = [module for name, module in sys.modules.items() if name.partition(".")[0] in ("edge", "drivers", "protocol")]
kinds = {{{{kind for module in ours for kind in vars(module).values()
          if isinstance(kind, type) and kind.__module__ == module.__name__}}}}
print(json.dumps({{{{
    "packages": [name for name in {(*LATER, *JOBS)!r} if name in sys.modules],
    "built": sorted(kind.__module__ for kind in kinds
                    if issubclass(kind, BaseModel) and kind.__pydantic_complete__),
    "compiled": sorted(f"{{{{kind.__module__}}}}.{{{{kind.__qualname__}}}}" for kind in kinds
                       if is_dataclass(kind) and kind.__dataclass_params__.frozen),
    "sections": _read.cache_info().currsize,
}}}}))
"""


@pytest.fixture(scope="module", params=["edge.service", "edge.web.server"])
def loaded(request: pytest.FixtureRequest) -> Any:
    """What a fresh Python has after it imported the module."""
    code = LOADED.format(module=request.param)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_a_start_waits_for_nothing_that_is_wanted_later(loaded: Any) -> None:
    assert loaded["packages"] == []


def test_a_start_builds_no_model_but_what_the_station_says_of_itself(loaded: Any) -> None:
    assert set(loaded["built"]) <= {"protocol.city.state"}


READ = """
import sys
from pathlib import Path
from edge.config import cautions, sections
from edge.config.values import ConfigSection

def kinds(kind):
    return {kind}.union(*map(kinds, kind.__subclasses__()))

config = sections.load(Path(sys.argv[1]))
list(cautions.cautions(config, None, False))
print(config.web.listen, len(kinds(ConfigSection)) > 20)
print(*(kind.__name__ for kind in kinds(ConfigSection) if kind.__pydantic_complete__))
"""


def test_what_checked_the_settings_is_gone_when_they_are_read(tmp_path: Path) -> None:
    made = subprocess.run([sys.executable, "-m", "edge.cli", "init", tmp_path / "box", "--job", "stall"], check=False)
    assert made.returncode == 0
    command = [sys.executable, "-c", READ, tmp_path / "box" / "station.toml"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["127.0.0.1:8080 True", ""]


def test_a_start_compiles_no_class_of_values(loaded: Any) -> None:
    """``frozen`` of ``protocol/frozen.py`` does it with the first value, ``dataclass(frozen=True)`` would do it now."""
    old = ("edge.records.", "edge.jobs.", "edge.printing.", "edge.city.")
    assert [name for name in loaded["compiled"] if not name.startswith(old)] == []


def test_a_start_reads_the_names_of_papers_of_all_words(loaded: Any) -> None:
    assert loaded["sections"] == 1


def test_a_paper_reads_no_words_of_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are the largest section by far, and a box whose pages nobody opens does without."""
    read: list[str] = []
    part = words._part
    monkeypatch.setattr(words, "_part", lambda name: (read.append(name), part(name))[1])
    words._read.cache_clear()
    words_on_paper()
    assert "paper" in read
    assert "page" not in read


FROZEN = """
from collections import Counter
from edge.cli.main import nothing_collected
with nothing_collected():
    import edge.between.board
named = Counter(one.__qualname__ for one in object.__subclasses__() if one.__module__ == "edge.between.board")
print(len(named) > 20, [name for name, count in named.items() if count > 1])
"""


def test_what_a_start_leaves_behind_is_not_kept_for_good() -> None:
    """A class with slots is made twice."""
    done = subprocess.run([sys.executable, "-c", FROZEN], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True []"


def test_an_app_that_serves_reads_no_signature() -> None:
    from edge.between.board import Showing
    from edge.between.inbox import Inbox
    from edge.web.app import create_app
    from edge.web.routes import Served

    app = create_app(Showing(), Inbox())
    served = [route for route in app.routes if isinstance(route, Served)]
    assert len(served) > 40
    assert [route.path for route in served if route.taken is not None] == []


def test_static_files_are_read_when_somebody_asks_for_them() -> None:
    from edge.web.pages import _static

    assert [name for name, file in _static().items() if "body" in vars(file)] == []


def test_what_serves_does_without_what_describes() -> None:
    """FastAPI, and what it loads and builds, is another process's: the one that makes the OpenAPI.

    Nor does it make pages of tracebacks, for which Starlette's own application loads the names of HTML's letters.
    """
    later = ("fastapi", "starlette.applications", "html.entities", "edge.web.answers", *JOBS, *ASKED)
    code = f"import sys, edge.web.app, edge.web.serving; print([one for one in {later} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StationProcess]:
    with StationProcess(tmp_path_factory.mktemp("runs") / "station", Wiring(broker="mqtt://127.0.0.1:1")) as station:
        yield station


@pytest.fixture(scope="module")
def maps(running: StationProcess) -> str:
    """What a station that has recorded something has in memory, a line a region."""
    running.post("/api/entries", product=CABBAGE, net_g=500_000, origin="河南省郑州市", supplier="绿源合作社")
    return Path(f"/proc/{running.pid}/maps").read_text("utf-8")


def test_a_station_that_runs_has_not_loaded_what_certificates_need(maps: str) -> None:
    """libsodium signs and checks; the library that reads certificates as well is five times as large."""
    assert "/nacl/" in maps
    assert "/cryptography/" not in maps


def test_the_threads_of_a_station_share_a_heap(maps: str) -> None:
    """glibc's heap of a thread is 64 MiB of addresses, at a multiple of that, the most of them reserved alone."""
    reserved = re.findall(r"^[0-9a-f]+-([0-9a-f]+) ---p 00000000 00:00 0 *$", maps, re.MULTILINE)
    assert reserved  # the threads' stacks have a page before them that nobody may touch
    assert [end for end in reserved if int(end, 16) % 0x4000000 == 0] == []


def test_what_waits_for_its_first_request_answers_it(running: StationProcess) -> None:
    """Commands, what does them, and other addresses: none of them is loaded when a stall starts."""
    brought = running.post("/api/samples", goods="小区门口买的草莓")
    found = running.call("GET", "/api/records?kind=sample.registered")
    assert [one["code"] for one in found["records"]] == [brought["code"]]
    assert running.post("/api/requests/unknown/outcome", age_ms=1, address="/api/waste")["state"] == "not_done"


WARMED = """
import sys
from pathlib import Path
from edge.config.sections import load
from edge.documents import Documents
from edge.printing.typesetting import Typesetter
from protocol.city.events import EVENTS

config = load(Path(sys.argv[1]))
Typesetter(config, Documents()).warm(config.printer[0].name)
print(*(kind for kind, row in EVENTS.items() if row.record.__pydantic_complete__))
"""


def test_a_printer_makes_ready_for_papers_that_somebody_waits_for(tmp_path: Path) -> None:
    """The report of a gate and the slip of a stall; not the papers of a canteen, nor those of a day's end."""
    wiring = Wiring(broker="mqtt://127.0.0.1:1", printer=str(tmp_path / "printer"))
    station = StationProcess(tmp_path / "station", wiring)
    command = [sys.executable, "-c", WARMED, station.config]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["test.result", "trade.completed"]


EARLY = """
import sys
from edge.cli.main import main
from edge.web import binding

def bound_early(listen):
    print(listen, [name for name in ("edge.service", "edge.core", "paho.mqtt.client") if name in sys.modules])
    raise SystemExit

binding.bound_early = bound_early
main(["run", "-c", sys.argv[1]])
"""


def test_the_pages_address_is_taken_before_the_rest_is_loaded(tmp_path: Path) -> None:
    """Who opens a page meanwhile waits for it, and sees no browser's error."""
    made = subprocess.run([sys.executable, "-m", "edge.cli", "init", tmp_path / "box", "--job", "stall"], check=False)
    assert made.returncode == 0
    command = [sys.executable, "-c", EARLY, tmp_path / "box" / "station.toml"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "127.0.0.1:8080 []"


BROKEN = """
import sys
from pathlib import Path
from edge import service
from edge.config.sections import load

def fails(*_):
    raise RuntimeError("no lines today")

service.at_start.lines = fails
path = Path(sys.argv[1])
service.run(load(path), path)
"""


def test_a_start_that_comes_to_nothing_ends_the_process(tmp_path: Path) -> None:
    """The pages' thread serves by then, and would keep it for ever."""
    made = subprocess.run([sys.executable, "-m", "edge.cli", "init", tmp_path / "box", "--job", "stall"], check=False)
    assert made.returncode == 0
    config = tmp_path / "box" / "station.toml"
    config.write_text(re.sub(r"(?m)^listen = .*$", 'listen = "127.0.0.1:0"', config.read_text()))
    done = subprocess.run(
        [sys.executable, "-c", BROKEN, config], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert "no lines today" in done.stderr
